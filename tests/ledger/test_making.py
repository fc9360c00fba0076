"""Folders that are there whole or not at all, whoever else makes them and however it ends."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger.errors import BusyError, FullError, StoreError
from ledger.folders import new_folder
from ledger.making import copy_file, making, room_beside
from tests.ledger.builder import names


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_was_put_in_is_there_for_its_owner_alone(tmp_path: Path) -> None:
    with making(tmp_path / "new") as folder:
        (folder / "a").write_bytes(b"a")

        assert 0o700 == mode(folder)
    assert ["new"] == names(tmp_path)
    assert ["a"] == names(tmp_path / "new")
    assert 0o700 == mode(tmp_path / "new")


@pytest.mark.parametrize("end", [ValueError, KeyboardInterrupt])
def test_an_exception_leaves_nothing(tmp_path: Path, end: type[BaseException]) -> None:
    def make() -> None:
        with making(tmp_path / "new") as folder:
            (folder / "sub").mkdir()
            raise end

    with pytest.raises(end):
        make()

    assert [] == names(tmp_path)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO])
def test_what_the_system_says_is_typed(tmp_path: Path, number: int) -> None:
    def make() -> None:
        with making(tmp_path / "new"):
            raise OSError(number, "said the system")

    with pytest.raises(StoreError, match="new: cannot be made: said the system") as refusal:
        make()

    assert (number != errno.EIO) is isinstance(refusal.value, FullError)
    assert [] == names(tmp_path)


@pytest.mark.parametrize("what", ["file", "folder", "link", "dangling"])
def test_refuses_a_place_where_something_is(tmp_path: Path, what: str) -> None:
    place, other = tmp_path / "new", tmp_path / "other"
    other.mkdir()
    if what == "file":
        place.write_bytes(b"")
    elif what == "folder":
        place.mkdir()
    else:
        place.symlink_to(other if what == "link" else tmp_path / "nowhere")
    before = place.lstat()
    with pytest.raises(StoreError, match="exists already"), making(place):
        raise AssertionError

    assert before == place.lstat()
    assert ["new", "other"] == names(tmp_path)


def test_takes_no_place_that_was_taken_meanwhile(tmp_path: Path) -> None:
    def make() -> None:
        with making(tmp_path / "new") as folder:
            (folder / "a").write_bytes(b"")
            (tmp_path / "new").mkdir()
            (tmp_path / "new" / "theirs").write_bytes(b"")

    with pytest.raises(StoreError, match="cannot be made"):
        make()

    assert ["new"] == names(tmp_path)
    assert ["theirs"] == names(tmp_path / "new")


def test_refuses_a_parent_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError), making(tmp_path / "none" / "new"):
        raise AssertionError


def test_takes_over_what_a_kill_left(tmp_path: Path) -> None:
    left = tmp_path / ".new.making"
    left.mkdir(mode=0o700)
    (left / ".making").write_bytes(b"")
    (left / "half").write_bytes(b"half")
    (left / "files").mkdir()
    (left / "files" / "a").write_bytes(b"")
    (left / "link").symlink_to(tmp_path)
    with making(tmp_path / "new") as folder:
        assert [".making"] == names(folder)
    assert ["new"] == names(tmp_path)
    assert [] == names(tmp_path / "new")


def test_where_folders_have_no_modes_only_what_is_for_others_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a stick with FAT, on which an export is handed over."""
    mkdir = os.mkdir

    def make(path: Path, mode: int = 0o777) -> None:
        mkdir(path, mode)
        path.chmod(0o755)

    monkeypatch.setattr(os, "mkdir", make)
    with new_folder(tmp_path / "export") as folder, folder.create("a") as file:
        file.write(b"a")
    with pytest.raises(StoreError, match="cannot be kept from others"), making(tmp_path / "new"):
        raise AssertionError

    assert ["export"] == names(tmp_path)
    assert ["a"] == names(tmp_path / "export")


def test_two_do_not_make_the_same(tmp_path: Path) -> None:
    with making(tmp_path / "new") as folder:
        (folder / "a").write_bytes(b"a")
        with pytest.raises(BusyError), making(tmp_path / "new"):
            raise AssertionError
    assert ["a"] == names(tmp_path / "new")


@pytest.mark.parametrize("what", ["file", "link", "not private", "not ours"])
def test_touches_nothing_beside_that_it_did_not_make(tmp_path: Path, what: str) -> None:
    beside, other = tmp_path / ".new.making", tmp_path / "other"
    other.mkdir(mode=0o700)
    (other / ".making").write_bytes(b"")
    (other / "precious").write_bytes(b"")
    if what == "file":
        beside.write_bytes(b"")
    elif what == "link":
        beside.symlink_to(other)
    else:
        other.rename(beside)
        other.mkdir()
        if what == "not private":
            beside.chmod(0o755)
        else:
            (beside / ".making").unlink()
    with pytest.raises(StoreError, match=r"\.new\.making: is in the way"), making(tmp_path / "new"):
        raise AssertionError

    assert [".new.making", "other"] == names(tmp_path)
    if what != "file":
        assert (beside / "precious").exists()


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    beside = tmp_path / ".new.making"
    beside.mkdir(mode=0o700)
    (beside / ".making").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError), making(tmp_path / "new"):
        raise AssertionError

    assert not (tmp_path / "elsewhere").exists()


def test_copies_octets_into_a_file_of_its_own(tmp_path: Path) -> None:
    data = os.urandom(3 << 20)
    (tmp_path / "a").write_bytes(data)
    (tmp_path / "a").chmod(0o644)

    assert hashlib.sha256(data).hexdigest() == copy_file(tmp_path / "a", tmp_path / "b")
    assert data == (tmp_path / "b").read_bytes()
    assert (0o600, 1) == (mode(tmp_path / "b"), (tmp_path / "b").stat().st_nlink)
    with pytest.raises(FileExistsError):
        copy_file(tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize("what", ["nothing", "folder", "link", "pipe", "device"])
def test_copies_plain_files_only(tmp_path: Path, what: str) -> None:
    source = tmp_path / "a"
    (tmp_path / "plain").write_bytes(b"plain")
    if what == "folder":
        source.mkdir()
    elif what == "link":
        source.symlink_to(tmp_path / "plain")
    elif what == "pipe":
        os.mkfifo(source)
    elif what == "device":
        source = Path("/dev/zero")

    assert copy_file(source, tmp_path / "b") is None
    assert not (tmp_path / "b").exists()


def test_a_file_that_cannot_be_read_to_its_end_is_none(tmp_path: Path) -> None:
    # Octet 0 of a process's memory: a plain file, whose reading fails.
    assert copy_file(Path("/proc/self/mem"), tmp_path / "b") is None


def test_the_lock_is_held_while_it_is_made(tmp_path: Path) -> None:
    with making(tmp_path / "new") as folder:
        fd = os.open(folder / ".making", os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(fd)


def test_of_many_at_once_one_makes_it_whole(tmp_path: Path) -> None:
    def make(number: int) -> bool:
        try:
            with making(tmp_path / str(turn)) as folder:
                for name in ("a", "b"):
                    (folder / name).write_text(str(number))
        except StoreError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        for turn in range(40):
            made = list(pool.map(make, range(8)))
            texts = {path.read_text() for path in (tmp_path / str(turn)).iterdir()}

            assert 1 == made.count(True)
            assert {str(made.index(True))} == texts
            assert ["a", "b"] == names(tmp_path / str(turn))
    assert 40 == len(names(tmp_path))


def test_the_folder_beside_is_lent_to_one_at_a_time_also_while_it_goes(tmp_path: Path) -> None:
    def lend(_: int) -> bool:
        try:
            with room_beside(tmp_path / "new") as beside:
                (beside / "sub").mkdir()
                (beside / "sub" / "a").write_bytes(b"a")
                return [".making", "sub"] == names(beside) and ["a"] == names(beside / "sub")
        except BusyError:
            return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lend, range(4000)))
    assert [] == names(tmp_path)


def test_where_no_lock_can_be_had_nothing_stays(tmp_path: Path) -> None:
    code = """if True:
        import os, pathlib, resource
        from ledger.errors import StoreError
        from ledger.making import making
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, free))
        try:
            with making(pathlib.Path("new")):
                pass
        except StoreError as error:
            print(error)
        """
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}, stdin=subprocess.DEVNULL,
    )  # fmt: skip

    assert "new: cannot be made: Too many open files\n" == done.stdout
    assert [] == names(tmp_path)
