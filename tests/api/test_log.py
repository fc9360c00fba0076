"""The log: lines that are written out by somebody who may wait."""

from __future__ import annotations

import io
import logging
import threading
from pathlib import Path

import msgspec
import pytest

from api import log
from tests.api.test_serve import path, started

__all__ = ["path"]


class Stalled(io.StringIO):
    """A stream that takes one write, and then none until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.stuck = threading.Event()
        self.go = threading.Event()

    def write(self, text: str) -> int:
        self.stuck.set()
        assert self.go.wait(20)
        return super().write(text)


def lines_of(text: str) -> list[dict[str, object]]:
    return [msgspec.json.decode(line, type=dict[str, object]) for line in text.splitlines()]


def test_a_server_whose_log_nobody_reads_goes_on(path: Path) -> None:
    # Some 700 lines of 170 octets: almost twice what a pipe holds.
    with started(path) as server:
        answers = {server.site.get(f"/entries/{'9' * 60}").status for _ in range(700)}
        code, lines = server.stop()

    assert answers <= {400, 429}  # asked for too fast, at times
    assert 0 == code
    assert 700 == sum(line["what"] == "request" for line in lines)
    assert "closed" == lines[-1]["what"]


def test_a_server_ends_although_nobody_reads_its_log(path: Path) -> None:
    with started(path) as server:
        for _ in range(700):
            server.site.get(f"/entries/{'9' * 60}")
        server.process.terminate()

        assert 0 == server.process.wait(timeout=30)


def test_lines_for_which_there_is_no_room_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_WAITING", 3)
    stream = Stalled()
    with log.written(stream):
        log.log_note("first")
        assert stream.stuck.wait(20)
        for number in range(8):
            log.log_note(f"note {number}")
        stream.go.set()
    said = [line["what"] for line in lines_of(stream.getvalue())]

    assert "first" == said[0]
    assert "5 lines of log were lost: nobody read them" == said[1]
    assert ["note 0", "note 1", "note 2"] == said[2:]


def test_whoever_stops_reading_for_ever_keeps_nobody_from_ending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log, "_LAST_S", 0.05)
    monkeypatch.setattr(log, "_WAITING", 1)
    stream = Stalled()
    with log.written(stream):
        for _ in range(3):
            log.log_note("x")
            assert stream.stuck.wait(20)
    stream.go.set()


def test_a_log_leaves_nothing_behind() -> None:
    before = logging.getLogger("counterfoil").handlers
    stream = io.StringIO()
    with log.written(stream):
        log.log_request(method="GET", path="/", status=200, octets=0, ms=1)
    log.log_request(method="GET", path="/", status=200, octets=0, ms=1)

    assert 1 == len(lines_of(stream.getvalue()))
    assert before == logging.getLogger("counterfoil").handlers
