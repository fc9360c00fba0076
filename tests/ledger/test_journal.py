"""The importer's journal: nothing twice, and a torn line is no event."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import JournalError
from ledger.journal import Journal, Line

LEDGER = "aa" * 32


def line(place: int, *, event: str = "cc" * 32, message: str | None = None) -> Line:
    return Line(event=event, ledger=LEDGER, source="bb" * 32, place=place, message=message)


def test_finds_what_was_written_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path).add([line(1), line(2, event="dd" * 32, message="ee" * 32)])
    journal = Journal(path)

    assert "cc" * 32 == journal.find(LEDGER, source="bb" * 32, place=1)
    assert "dd" * 32 == journal.find(LEDGER, source="bb" * 32, place=2)
    assert journal.find(LEDGER, source="bb" * 32, place=3) is None
    assert journal.find("ab" * 32, source="bb" * 32, place=1) is None
    assert "dd" * 32 == journal.find_message(LEDGER, "ee" * 32)
    assert journal.find_message("ab" * 32, "ee" * 32) is None
    assert 2 == len(journal)


def test_writes_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.add([line(1), line(1)])
    journal.add([line(1)])

    assert 1 == path.read_bytes().count(b"\n")


def test_a_place_is_one_event_for_ever(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.add([line(1)])
    with pytest.raises(JournalError):
        journal.add([line(1, event="dd" * 32)])
    with pytest.raises(JournalError):
        journal.add([line(2), line(2, event="dd" * 32)])

    assert 1 == len(Journal(journal.path))


def test_the_first_of_a_repeated_message_is_found(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.add([line(1, message="ee" * 32), line(2, event="dd" * 32, message="ee" * 32)])

    assert "cc" * 32 == journal.find_message(LEDGER, "ee" * 32)
    assert "cc" * 32 == Journal(journal.path).find_message(LEDGER, "ee" * 32)


def test_every_torn_last_line_is_cut_off(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    Journal(whole).add([line(1), line(2)])
    data = whole.read_bytes()
    first = data.index(b"\n") + 1
    for cut in range(first, len(data)):
        path = tmp_path / f"cut{cut}"
        path.write_bytes(data[:cut])
        path.chmod(0o600)
        journal = Journal(path)

        assert 1 == len(journal)
        journal.add([line(2)])
        assert data == path.read_bytes()


def test_what_a_full_disk_cut_short_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(fd: int, data: bytes) -> None:
        os.write(fd, data[:20])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    journal = Journal(tmp_path / "journal.jsonl")
    journal.add([line(1)])
    with monkeypatch.context() as full:
        full.setattr("ledger.journal.write_all", fill)
        with pytest.raises(JournalError):
            journal.add([line(2)])
    assert journal.find(LEDGER, source="bb" * 32, place=2) is None
    journal.add([line(3)])

    assert 2 == len(Journal(journal.path))


def test_a_broken_line_in_the_middle_is_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path).add([line(1), line(2)])
    path.write_bytes(path.read_bytes().replace(b'"place":1', b'"place":x'))
    with pytest.raises(JournalError, match="line 1"):
        Journal(path)


def test_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    old = os.umask(0)
    try:
        Journal(path)
    finally:
        os.umask(old)

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    path.chmod(0o640)
    with pytest.raises(JournalError):
        Journal(path)


@given(st.binary(max_size=100))
def test_any_octets_are_a_journal_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    path.write_bytes(data)
    path.chmod(0o600)
    if b"\n" in data:
        with pytest.raises(JournalError):
            Journal(path)
    else:
        assert 0 == len(Journal(path))
