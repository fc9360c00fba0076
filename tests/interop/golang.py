"""Go's own readers of transparency logs, built from `reader.go` without network.

golang.org/x/mod is taken from where Debian's package golang-golang-x-mod-dev puts its source, and
compiled as it stands there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("reader.go")
PACKAGES = Path("/usr/share/gocode")
MISSING = "needs Go and golang.org/x/mod: Debian's golang-go and golang-golang-x-mod-dev"


class Reader:
    """The program, built into a folder."""

    def __init__(self, folder: Path) -> None:
        go = shutil.which("go")
        if "CI" not in os.environ and (go is None or not PACKAGES.is_dir()):
            pytest.skip(MISSING)
        self.path = folder / "reader"
        # The compiler's own settings only: a go.mod, a proxy or another toolchain have no say.
        settings = {"GO111MODULE": "off", "GOFLAGS": "", "GOPATH": str(PACKAGES),
                    "GOTOOLCHAIN": "local"}  # fmt: skip
        built = subprocess.run(
            [go or "go", "build", "-o", self.path, SOURCE.name],
            cwd=SOURCE.parent, env=os.environ | settings,
            capture_output=True, text=True, check=False, timeout=240,
        )  # fmt: skip

        assert (0, "") == (built.returncode, built.stderr)

    def run(self, *words: str | Path, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run it."""
        return subprocess.run(
            [self.path, *words], input=text, capture_output=True, check=False, timeout=120
        )

    def reads(self, *words: str | Path) -> dict[str, str]:
        """Run it on what it must accept; return what it found."""
        ran = self.run(*words)

        assert (0, b"") == (ran.returncode, ran.stderr)
        lines = (line.partition(" ") for line in ran.stdout.decode().splitlines())
        return {name: value for name, _, value in lines}

    def refuses(self, *words: str | Path) -> str:
        """Run it on what it must refuse; return its reason."""
        ran = self.run(*words)

        assert (1, b"") == (ran.returncode, ran.stdout)
        return ran.stderr.decode()
