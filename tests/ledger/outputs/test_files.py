"""Files appear whole or not at all."""

from __future__ import annotations

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
