"""An answer on its way, as the server is handed it."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from api.exchange import Exchange

MOST = 1 << 16


def any_room(octets: int) -> None:
    """There is room for any answer."""
    assert octets >= 0


@pytest.mark.parametrize("whole", [True, False], ids=["asked", "still asking"])
@pytest.mark.parametrize("more", [True, False])
@pytest.mark.parametrize("size", [0, 1, MOST - 1, MOST, MOST + 1, 2 * MOST, 5 * MOST + 3])
def test_a_large_answer_is_handed_over_in_pieces(size: int, *, more: bool, whole: bool) -> None:
    body = bytes(n % 251 for n in range(size))
    sent: list[Message] = []

    async def receive() -> Message:
        if not whole and sent:
            await asyncio.sleep(0)
        return {"type": "http.request", "body": b"", "more_body": not whole and not sent}

    async def send(message: Message) -> None:
        sent.append(message)

    async def answer() -> None:
        exchange = Exchange(receive, send, awaited=False, hold=any_room)
        await exchange.send({"type": "http.response.start", "status": 200, "headers": []})
        await exchange.send({"type": "http.response.body", "body": body, "more_body": more})
        await exchange.finish()

    asyncio.run(answer())
    start, *pieces = sent

    assert "http.response.start" == start["type"]
    assert body == b"".join(piece["body"] for piece in pieces)
    assert max(len(piece["body"]) for piece in pieces) <= MOST
    assert [True] * (len(pieces) - 1) == [piece["more_body"] for piece in pieces[:-1]]
    assert more == pieces[-1]["more_body"]


def test_who_was_told_to_go_on_and_is_answered_early_is_not_cut_off() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def answer() -> None:
        rest = asyncio.Event()
        begun = False

        async def receive() -> Message:
            nonlocal begun
            if begun:
                await rest.wait()
                return {"type": "http.request", "body": b"", "more_body": False}
            begun = True
            return {"type": "http.request", "body": b"x", "more_body": True}

        exchange = Exchange(receive, send, awaited=True, hold=any_room)
        await exchange.receive()
        await exchange.send({"type": "http.response.start", "status": 413, "headers": []})
        await exchange.send({"type": "http.response.body", "body": b"too much"})
        assert [b"too much"] == [message["body"] for message in sent[1:] if message["more_body"]]
        rest.set()
        await exchange.finish()

    asyncio.run(answer())

    assert (b"connection", b"close") in sent[0]["headers"]
    assert not sent[-1]["more_body"]
