"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path

import pytest

from ledger.outputs.files import write_files


def test_writes_all_and_leaves_nothing_beside(tmp_path: Path) -> None:
    write_files({tmp_path / "a": b"one", tmp_path / "b": b"two"})

    assert {"a": b"one", "b": b"two"} == {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    assert 0o600 < (tmp_path / "a").stat().st_mode & 0o777


def test_overwrites_nothing_unless_told(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        write_files({tmp_path / "a": b"one", tmp_path / "b": b"two"})

    assert ["b"] == [p.name for p in tmp_path.iterdir()]
    write_files({tmp_path / "a": b"one", tmp_path / "b": b"two"}, force=True)
    assert b"two" == (tmp_path / "b").read_bytes()


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"mine")
    (tmp_path / "a").symlink_to(tmp_path / "other")
    with pytest.raises(FileExistsError):
        write_files({tmp_path / "a": b"one"})
    write_files({tmp_path / "a": b"one"}, force=True)

    assert b"mine" == (tmp_path / "other").read_bytes()
    assert b"one" == (tmp_path / "a").read_bytes()


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    lost = tmp_path / "none" / "b"
    with pytest.raises(OSError, match="No such file") as caught:
        write_files({tmp_path / "a": b"one", lost: b"two"})

    assert (str(lost), []) == (caught.value.filename, list(tmp_path.iterdir()))


def test_what_there_is_no_room_for_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    long = tmp_path / "long"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            write_files({tmp_path / "a": b"one", long: b"x" * 1001})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert (str(long), []) == (caught.value.filename, list(tmp_path.iterdir()))


def test_a_name_may_be_as_long_as_the_system_lets_it(tmp_path: Path) -> None:
    longest = os.pathconf(tmp_path, "PC_NAME_MAX")
    write_files({tmp_path / ("x" * longest): b"one"})

    assert ["x" * longest] == [p.name for p in tmp_path.iterdir()]


def test_a_name_that_another_process_takes_meanwhile_stays_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def meanwhile(source: Path, target: Path) -> None:
        target.write_bytes(b"theirs")
        link(source, target)

    monkeypatch.setattr(os, "link", meanwhile)
    with pytest.raises(FileExistsError, match="exists already") as caught:
        write_files({tmp_path / "a": b"one"})

    assert str(tmp_path / "a") == caught.value.filename
    assert {"a": b"theirs"} == {p.name: p.read_bytes() for p in tmp_path.iterdir()}


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS])
def test_where_the_file_system_has_no_links_files_are_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """As on a stick with FAT, on which a file is handed over."""

    def refuse(source: Path, target: Path) -> None:
        raise OSError(number, os.strerror(number), str(source), None, str(target))

    monkeypatch.setattr(os, "link", refuse)
    write_files({tmp_path / "a": b"one", tmp_path / "b": b"two"})
    with pytest.raises(FileExistsError):
        write_files({tmp_path / "a": b"three"})

    assert {"a": b"one", "b": b"two"} == {p.name: p.read_bytes() for p in tmp_path.iterdir()}


def test_another_failure_to_give_a_name_is_told_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(source: Path, target: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(source), None, str(target))

    monkeypatch.setattr(os, "link", fail)
    with pytest.raises(OSError, match="Input/output error") as caught:
        write_files({tmp_path / "a": b"one"})

    assert (str(tmp_path / "a"), []) == (caught.value.filename, list(tmp_path.iterdir()))
