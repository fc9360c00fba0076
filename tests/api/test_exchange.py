"""An answer on its way, as the server is handed it."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message

from api.exchange import Exchange

MOST = 1 << 16


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
        exchange = Exchange(receive, send, awaited=False)
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
