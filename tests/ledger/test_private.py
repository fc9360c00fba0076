"""Private files: at their bounds, where processes are killed, and where several write at once."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.errors import KeyFileError
from ledger.private import (
    create_private,
    locked,
    make_private_folder,
    read_private,
    replace_private,
    sync_folder,
)

LARGE = (1 << 20) + 10  # more than is read at a time
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


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


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


@contextlib.contextmanager
def no_file_above(octets: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("limit", [0, 10, LARGE])
def test_reads_what_has_as_many_octets_as_it_may_have(path: Path, limit: int) -> None:
    create_private(path, b"x" * limit, error=KeyFileError)
    assert b"x" * limit == read_private(path, limit=limit, error=KeyFileError)

    with path.open("ab") as file:
        file.write(b"x")
    with pytest.raises(KeyFileError, match=f"is longer than {limit} octets"):
        read_private(path, limit=limit, error=KeyFileError)


def test_says_that_a_file_cannot_be_there(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere" / "file"
    with pytest.raises(KeyFileError, match="cannot be written"):
        create_private(nowhere, b"new", error=KeyFileError)
    with pytest.raises(KeyFileError, match="cannot be written"):
        replace_private(nowhere, b"new", error=KeyFileError)
    (tmp_path / "file").write_bytes(b"no folder")
    with pytest.raises(KeyFileError, match="cannot be made a folder"):
        make_private_folder(tmp_path / "file", error=KeyFileError)


def test_what_cannot_be_written_whole_leaves_nothing_new(path: Path) -> None:
    with no_file_above(5), pytest.raises(KeyFileError, match="cannot be written"):
        create_private(path, b"more than that", error=KeyFileError)
    assert [] == list(path.parent.iterdir())

    replace_private(path, b"old", error=KeyFileError)
    with no_file_above(5), pytest.raises(KeyFileError, match="cannot be written"):
        replace_private(path, b"more than that", error=KeyFileError)
    assert [path] == list(path.parent.iterdir())
    assert b"old" == path.read_bytes()


def test_replaces_what_a_crash_left_beside(path: Path) -> None:
    path.with_name(".file.new").write_bytes(b"half")
    path.write_bytes(b"old")
    replace_private(path, b"new", error=KeyFileError)

    assert [path] == list(path.parent.iterdir())
    assert b"new" == path.read_bytes()
    assert 0o600 == path.stat().st_mode & 0o777


def test_what_a_folder_stands_in_the_way_of_is_not_replaced(path: Path) -> None:
    path.mkdir()
    with pytest.raises(KeyFileError, match="cannot be written"):
        replace_private(path, b"new", error=KeyFileError)
    path.with_name(".file.new").mkdir()
    with pytest.raises(KeyFileError, match="cannot be written"):
        replace_private(path, b"new", error=KeyFileError)


def test_a_folder_that_others_may_enter_is_refused(path: Path) -> None:
    make_private_folder(path, error=KeyFileError)
    assert 0o700 == path.stat().st_mode & 0o777
    make_private_folder(path, error=KeyFileError)
    path.chmod(0o710)
    with pytest.raises(KeyFileError, match="mode 0710, not 0700"):
        make_private_folder(path, error=KeyFileError)


def test_a_folder_that_cannot_be_synced_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(fd: int) -> None:
        del fd
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="Input/output error") as caught:
            sync_folder(tmp_path)

    assert str(tmp_path) == caught.value.filename


def open_files() -> list[str]:
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


def test_nothing_stays_open(path: Path) -> None:
    before = open_files()
    create_private(path, b"new", error=KeyFileError)
    replace_private(path, b"newer", error=KeyFileError)
    read_private(path, limit=10, error=KeyFileError)
    with pytest.raises(KeyFileError):
        read_private(path, limit=1, error=KeyFileError)
    path.chmod(0o644)
    with pytest.raises(KeyFileError):
        read_private(path, limit=10, error=KeyFileError)

    assert before == open_files()


def test_a_lock_is_had_by_one_and_says_why_it_cannot_be(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    for wait in (False, True):
        with (
            locked(lock, error=KeyFileError, wait=wait),
            pytest.raises(KeyFileError, match="another process is using it"),
            locked(lock, error=KeyFileError, wait=False),
        ):
            raise AssertionError
    nowhere = tmp_path / "nowhere" / "lock"
    with (
        pytest.raises(KeyFileError, match="nowhere/lock: cannot be written: No such file"),
        locked(nowhere, error=KeyFileError, wait=True),
    ):
        raise AssertionError

    assert 0o600 == stat.S_IMODE(lock.stat().st_mode)


def test_a_lock_is_held_on_a_file_that_is_open_for_writing(tmp_path: Path) -> None:
    """NFS gives no lock of this kind otherwise: flock(2)."""
    lock = tmp_path / "lock"
    with locked(lock, error=KeyFileError, wait=True):
        held = [one for one in Path("/dev/fd").iterdir() if one.exists() and one.samefile(lock)]
        modes = [fcntl.fcntl(int(one.name), fcntl.F_GETFL) & os.O_ACCMODE for one in held]

    assert [os.O_RDWR] == modes
