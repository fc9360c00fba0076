"""The command `counterfoil-verify`, run here or as a process, and ledgers to run it on."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.world import World, letter
from verify.command import main

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "verify")


def two_parties() -> World:
    world = World().found()
    world.enrol("southfold")
    world.join("southfold")
    world.submit(letter("northmere"), letter("northmere"), see=True)
    world.submit(world.file("southfold", b"octets of a file"))
    return world


def written(path: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


class Done(NamedTuple):
    """What a run came to."""

    returncode: int
    stdout: bytes
    stderr: bytes


def run(*arguments: str | Path) -> Done:
    """Run the command here: as a process it would cost half a second each time."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([*map(str, arguments)])
        except SystemExit as ended:
            code = int(ended.code or 0)
    for stream in (out, err):
        stream.flush()
    return Done(code, out.buffer.getvalue(), err.buffer.getvalue())


def process(*arguments: str | Path, **environment: str) -> Done:
    """Run the command as a process."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=ROOT, capture_output=True, check=False, env=os.environ | environment,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def fingerprint(world: World) -> str:
    assert world.fingerprint is not None
    return world.fingerprint
