"""Turns: whose question is worked out next.

Working out an answer takes a thread, and in a large ledger seconds. Whoever asks has one question
worked out at a time and some that wait; askers take turns, however many questions each has;
parties with a session and everybody else come alternately. Of one ledger one question is worked
out at a time: a second would wait for what the first holds, and keep a thread from others. What
several ask alike is worked out once, when the turn of any of them comes.

For one event loop.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeVar

from api.problems import ProblemError

__all__ = ["Asker", "Turns"]

T = TypeVar("T")


class Asker(NamedTuple):
    """Who asks.

    Attributes:
        party: Whether it is a party with a session, or an address.
        name: What it is called; a party of one ledger otherwise than that of another.
    """

    party: bool
    name: str


@dataclass(eq=False, slots=True)
class _Waiting:
    """A question that waits for its turn, or is being worked out."""

    asker: Asker
    ledger: str
    question: Hashable
    do: Callable[[], Any]
    answer: asyncio.Future[Any] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Turns:
    """Lets questions be worked out, so many at a time."""

    def __init__(
        self,
        count: int,
        work: Callable[[Callable[[], Any]], Awaitable[Any]],
        *,
        each: int,
        wait_s: float,
        retry_after_s: int,
    ) -> None:
        """Let `count` questions be worked out at a time.

        Args:
            count: How many.
            work: Works one out, off the event loop.
            each: How many of one asker may wait.
            wait_s: How long one may wait for its turn.
            retry_after_s: When to ask again what was refused.
        """
        self._left = count
        self._work = work
        self._each = each
        self._wait_s = wait_s
        self._retry_after_s = retry_after_s
        # Of parties and of addresses: who comes first has waited longest for its turn.
        self._waiting: Final[dict[bool, OrderedDict[Asker, list[_Waiting]]]] = {
            True: OrderedDict(),
            False: OrderedDict(),
        }
        self._next_is_party = True
        self._busy: set[Asker | str] = set()  # askers and ledgers of what is worked out now
        self._working: set[asyncio.Task[None]] = set()

    async def answer(self, asker: Asker, ledger: str, question: Hashable, do: Callable[[], T]) -> T:
        """Return what `do` returns, called in a thread when its turn comes.

        Args:
            asker: Who asks.
            ledger: The ledger that it is about.
            question: What is asked: what is equal has one answer.
            do: Works it out.

        Raises:
            ProblemError: `too-many`: too many questions of this asker wait; `busy`: its turn did
                not come in time.
        """
        mine = self._waiting[asker.party].setdefault(asker, [])
        if len(mine) >= self._each:
            detail = "too many questions of this asker wait to be worked out"
            raise ProblemError("too-many", detail, retry_after_s=self._retry_after_s)
        waiting = _Waiting(asker, ledger, question, do)
        mine.append(waiting)
        self._begin()
        timer = asyncio.get_running_loop().call_later(self._wait_s, self._give_up, waiting)
        try:
            answer: T = await waiting.answer
        finally:
            timer.cancel()
            self._remove(waiting)
        return answer

    def _begin(self) -> None:
        while self._left and (chosen := self._choose()) is not None:
            self._remove(chosen)
            if chosen.asker in (ring := self._waiting[chosen.asker.party]):
                ring.move_to_end(chosen.asker)
            self._next_is_party = not chosen.asker.party
            self._left -= 1
            self._busy |= {chosen.asker, chosen.ledger}
            task = asyncio.create_task(self._run(chosen))
            self._working.add(task)
            task.add_done_callback(self._working.discard)

    def _choose(self) -> _Waiting | None:
        for party in (self._next_is_party, not self._next_is_party):
            for asker, mine in self._waiting[party].items():
                if asker not in self._busy:
                    for waiting in mine:
                        if waiting.ledger not in self._busy:
                            return waiting
        return None

    async def _run(self, chosen: _Waiting) -> None:
        try:
            answer = await self._work(chosen.do)
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            for each in self._alike(chosen):
                each.answer.set_exception(error)
        else:
            for each in self._alike(chosen):
                each.answer.set_result(answer)
        finally:
            self._left += 1
            self._busy -= {chosen.asker, chosen.ledger}
            self._begin()

    def _alike(self, chosen: _Waiting) -> list[_Waiting]:
        """Take out whoever waits for the same answer."""
        waiting = [
            each
            for each in self._all()
            if (each.ledger, each.question) == (chosen.ledger, chosen.question)
        ]
        for each in waiting:
            self._remove(each)
        return [each for each in (chosen, *waiting) if not each.answer.done()]

    def _all(self) -> Iterator[_Waiting]:
        for ring in self._waiting.values():
            for mine in ring.values():
                yield from mine

    def _give_up(self, waiting: _Waiting) -> None:
        if self._remove(waiting) and not waiting.answer.done():
            detail = "too many questions are waiting to be worked out"
            waiting.answer.set_exception(
                ProblemError("busy", detail, retry_after_s=self._retry_after_s)
            )

    def _remove(self, waiting: _Waiting) -> bool:
        """Take a question out of those that wait; tell whether it did."""
        ring = self._waiting[waiting.asker.party]
        mine = ring.get(waiting.asker, [])
        if waiting not in mine:
            return False
        mine.remove(waiting)
        if not mine:
            del ring[waiting.asker]
        return True
