"""Private files, where processes are killed and where several write at once: real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.errors import KeyFileError
from ledger.private import create_private, read_private, replace_private

ROOT = Path(__file__).parents[2]
KILLED = """
import resource, signal, sys
from pathlib import Path
from ledger.errors import KeyFileError
from ledger import private
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
getattr(private, sys.argv[1])(Path(sys.argv[2]), b"whole" * 100, error=KeyFileError)
"""
WRITING = """
import sys
from pathlib import Path
from ledger.errors import KeyFileError
from ledger.private import replace_private
sys.stdin.read()
for _ in range(40):
    data = sys.argv[2].encode() * 300_000
    replace_private(Path(sys.argv[1]), data, error=KeyFileError)
"""


def child(program: str, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *words],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize("write", ["create_private", "replace_private"])
def test_a_kill_while_it_is_written_leaves_nothing_that_is_cut_off(
    tmp_path: Path, write: str
) -> None:
    """A key file that was cut off would be in the way of the next one, and is no key."""
    path = tmp_path / "a.key"
    if write == "replace_private":
        create_private(path, b"before", error=KeyFileError)
    with child(KILLED, write, str(path)) as process:
        assert b"" == process.communicate()[1]

    assert -signal.SIGXFSZ == process.returncode
    assert (write == "replace_private") is path.exists()
    again = {"create_private": create_private, "replace_private": replace_private}[write]
    again(path, b"after", error=KeyFileError)
    assert b"after" == read_private(path, limit=100, error=KeyFileError)
    assert [path] == list(tmp_path.iterdir())


def test_of_several_that_write_at_once_each_writes_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "state"
    writing = [child(WRITING, str(path), letter) for letter in "abc"]
    for process in writing:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    found = set()
    while any(process.poll() is None for process in writing):
        if path.exists():
            data = read_private(path, limit=1 << 20, error=KeyFileError)
            assert 300_000 == len(data)
            found |= set(data)

    assert [(0, b"")] * 3 == [(p.wait(), p.communicate()[1]) for p in writing]
    assert found <= set(b"abc")
    assert [path] == list(tmp_path.iterdir())


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    (tmp_path / ".a.key.new").symlink_to(tmp_path / "elsewhere")
    create_private(path, b"first", error=KeyFileError)
    with pytest.raises(KeyFileError, match="exists already, and is not overwritten"):
        create_private(path, b"second", error=KeyFileError)

    assert b"first" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())
