"""Whose question is worked out next: turns by themselves, and over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import threading
from collections.abc import Awaitable, Callable, Hashable, Iterator
from pathlib import Path
from typing import Any

import pytest

from api.problems import ProblemError
from api.settings import Settings
from api.turns import Asker, Turns
from ledger.ledger import Ledger
from tests.api.serving import Got, read_from, serving
from tests.ledger.builder import Party, found_ledger

ALPHA = Party("alpha", 1)
CROWD = 64
ONE, TWO, THREE = (Asker(party=False, name=name) for name in ("one", "two", "three"))
BETA = Asker(party=True, name="beta")


class Desk:
    """Turns whose work ends when a test says so; all on the event loop, so nothing is timed."""

    def __init__(self, count: int = 1, *, each: int = 100, wait_s: float = 60.0) -> None:
        self.begun: list[str] = []
        self._ended: dict[str, asyncio.Event] = {}
        self.turns = Turns(count, self._work, each=each, wait_s=wait_s, retry_after_s=7)

    def ask(
        self, asker: Asker, name: str, *, ledger: str = "", question: Hashable = None
    ) -> asyncio.Task[str]:
        """Ask a question of this name, which is told apart by `question`, or else by its name."""
        self._ended[name] = asyncio.Event()

        def do() -> str:
            self.begun.append(name)
            return name

        return asyncio.create_task(self.turns.answer(asker, ledger, question or name, do))

    async def end(self, *names: str) -> None:
        """Let work end, and wait until what comes next has begun."""
        for name in names:
            self._ended[name].set()
            await settled()

    async def _work(self, do: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever was asked
        name = do()
        await self._ended[name].wait()
        return name

    async def close(self) -> None:
        await self.end(*self._ended)


async def settled() -> None:
    """Let everybody go on who can."""
    for _ in range(50):
        await asyncio.sleep(0)


def run(desk: Desk, do: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        try:
            await do()
        finally:
            await desk.close()

    asyncio.run(main())


def test_askers_take_turns_however_many_questions_each_has() -> None:
    desk = Desk()

    async def ask() -> None:
        tasks = [desk.ask(ONE, name) for name in ("a", "b", "c")]
        await settled()
        tasks += [desk.ask(TWO, "d"), desk.ask(TWO, "e"), desk.ask(THREE, "f")]
        await settled()
        await desk.end("a", "b", "d", "f", "c", "e")

        assert ["a", "b", "d", "f", "c", "e"] == desk.begun
        assert ["a", "b", "c", "d", "e", "f"] == await asyncio.gather(*tasks)

    run(desk, ask)


def test_who_asks_anew_comes_behind_those_who_wait() -> None:
    desk = Desk()

    async def ask() -> None:
        tasks = [desk.ask(ONE, "a")]
        await settled()
        tasks += [desk.ask(TWO, "b"), desk.ask(THREE, "c"), desk.ask(ONE, "d")]
        await settled()
        await desk.end("a", "b", "c", "d")

        assert ["a", "b", "c", "d"] == desk.begun
        await asyncio.gather(*tasks)

    run(desk, ask)


def test_parties_and_addresses_come_alternately() -> None:
    desk = Desk()

    async def ask() -> None:
        tasks = [desk.ask(Asker(party=False, name=name), name) for name in "abcd"]
        await settled()
        tasks += [desk.ask(BETA, "x"), desk.ask(BETA, "y")]
        await settled()
        await desk.end("a", "x", "b", "y", "c", "d")

        assert ["a", "x", "b", "y", "c", "d"] == desk.begun
        await asyncio.gather(*tasks)

    run(desk, ask)


def test_an_asker_has_one_at_a_time_and_so_has_a_ledger() -> None:
    desk = Desk(4)

    async def ask() -> None:
        desk.ask(ONE, "a", ledger="north")
        desk.ask(ONE, "b", ledger="south")
        desk.ask(TWO, "c", ledger="north")
        desk.ask(TWO, "d", ledger="west")
        await settled()

        assert ["a", "d"] == desk.begun
        await desk.end("a")
        assert ["a", "d", "b"] == desk.begun
        await desk.end("d")
        assert ["a", "d", "b", "c"] == desk.begun

    run(desk, ask)


def test_so_many_are_worked_out_at_a_time_and_no_more() -> None:
    desk = Desk(2)

    async def ask() -> None:
        for asker, name in ((ONE, "a"), (TWO, "b"), (THREE, "c")):
            desk.ask(asker, name, ledger=name)
        await settled()

        assert ["a", "b"] == desk.begun
        await desk.end("a")
        assert ["a", "b", "c"] == desk.begun

    run(desk, ask)


def test_what_several_ask_alike_is_worked_out_once() -> None:
    desk = Desk()

    async def ask() -> None:
        tasks = [desk.ask(ONE, "a", question="same"), desk.ask(TWO, "b", question="same")]
        other = desk.ask(THREE, "c", question="same", ledger="another")
        await settled()
        await desk.end("a")

        assert ["a", "c"] == desk.begun
        assert ["a", "a"] == await asyncio.gather(*tasks)
        await desk.end("c")
        assert "c" == await other

    run(desk, ask)


def test_whoever_asks_too_much_is_refused_and_nobody_else() -> None:
    desk = Desk(each=2)

    async def ask() -> None:
        tasks = [desk.ask(ONE, name) for name in ("a", "b", "c", "d")]
        tasks.append(desk.ask(TWO, "e"))
        await settled()

        assert [False, False, False, True, False] == [task.done() for task in tasks]
        with pytest.raises(ProblemError) as refusal:
            await tasks[3]
        assert ("too-many", 7) == (refusal.value.slug, refusal.value.retry_after_s)

    run(desk, ask)


def test_a_question_whose_turn_does_not_come_is_refused() -> None:
    desk = Desk(wait_s=0.05)

    async def ask() -> None:
        first, second = desk.ask(ONE, "a"), desk.ask(TWO, "b")
        with pytest.raises(ProblemError) as refusal:
            await second
        assert ("busy", 7) == (refusal.value.slug, refusal.value.retry_after_s)

        await desk.end("a")
        assert "a" == await first
        assert ["a"] == desk.begun

    run(desk, ask)


def test_what_goes_wrong_is_told_to_whoever_asked_and_holds_nothing_up() -> None:
    desk = Desk()

    def fail() -> str:
        raise ProblemError("not-found", "nothing")

    async def ask() -> None:
        wrong = [desk.turns.answer(asker, "", "wrong", fail) for asker in (ONE, TWO)]
        found = await asyncio.gather(*wrong, return_exceptions=True)

        assert ["not-found"] * 2 == [one.slug for one in found if isinstance(one, ProblemError)]
        right = desk.ask(ONE, "a")
        await desk.end("a")
        assert "a" == await right

    run(desk, ask)


def test_whoever_goes_takes_no_turn() -> None:
    desk = Desk()

    async def ask() -> None:
        tasks = [desk.ask(ONE, "a"), desk.ask(TWO, "b"), desk.ask(THREE, "c")]
        await settled()
        tasks[0].cancel()  # it is being worked out: its place is free when that is done
        tasks[1].cancel()
        await settled()
        assert ["a"] == desk.begun
        await desk.end("a")

        assert ["a", "c"] == desk.begun

    run(desk, ask)


# Over real sockets


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with found_ledger(tmp_path / "ledger", ALPHA, visibility="public")[0] as ledger:
        yield ledger


def asking(stack: contextlib.ExitStack, port: int, source: str, path: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), 30, (source, 0))
    stack.enter_context(connection)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return connection


def test_a_crowd_from_one_address_delays_nobody_else(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first question is worked out until somebody else has asked, too."""
    many, one = "127.0.0.9", "127.0.0.2"
    worked: list[str] = []
    asked, ended = threading.Event(), threading.Event()
    answer, work_out = Turns.answer, Turns._run

    async def hear(turns: Turns, asker: Asker, *question: Any) -> object:  # noqa: ANN401 - its own
        if asker.name == one:
            asked.set()  # it waits by the time that anything else is done here
        return await answer(turns, asker, *question)

    async def begin(turns: Turns, chosen: Any) -> None:  # noqa: ANN401 - as above
        worked.append(chosen.asker.name)
        await asyncio.to_thread(ended.wait, 30)
        await work_out(turns, chosen)

    monkeypatch.setattr(Turns, "answer", hear)
    monkeypatch.setattr(Turns, "_run", begin)
    with serving(ledger, Settings(questions=8)) as site, contextlib.ExitStack() as stack:
        stack.callback(ended.set)
        crowd = [
            asking(stack, site.port, many, f"/chronology?limit=300&as_at=2026-{day}")
            for day in (f"{1 + n // 28:02}-{1 + n % 28:02}" for n in range(CROWD))
        ]
        refused: list[Got] = []
        while len(refused) < CROWD - 1 - 8:
            for ready in select.select(crowd, [], [], 30)[0]:
                refused.append(read_from(ready))
                crowd.remove(ready)
        other = asking(stack, site.port, one, "/chronology?as_at=2027-01-01")
        assert asked.wait(30)
        ended.set()
        found = [read_from(connection) for connection in (other, *crowd)]

    assert {200} == {got.status for got in found}
    assert {(429, "2")} == {(got.status, got.headers["retry-after"]) for got in refused}
    assert [many, many, one, *[many] * 7] == worked
