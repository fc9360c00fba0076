"""The two commands, interrupted while they load."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]


@pytest.mark.parametrize(("script", "words"), [
    ("counterfoil", ("key", "show", "pipe")),
    ("counterfoil-verify", ("pipe", "--receipt", "pipe")),
])  # fmt: skip
def test_an_interruption_while_a_command_loads_is_no_traceback(
    tmp_path: Path, script: str, words: tuple[str, ...]
) -> None:
    os.mkfifo(tmp_path / "pipe")  # so that it is there still if it was quicker than the signal
    module = SCRIPTS[script].removesuffix(":main")
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-c",
         f"import sys; from {module} import main; sys.exit(main())", *words],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if line.rstrip().endswith(" msgspec._core"):
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)

    assert 130 == process.returncode
    assert "Traceback" not in errors
