"""Files as bodies of requests: exactly so many octets, again where they can be had again."""

from __future__ import annotations

import io
import os

import pytest

from ledger.errors import TargetError
from ledger.transport import FileBody

LARGE = bytes(range(256)) * 1000  # more than is read at a time


@pytest.mark.parametrize("size", [0, 1, len(LARGE) - 1])
def test_gives_so_many_octets_and_from_the_same_place_again(size: int) -> None:
    stream = io.BytesIO(b"before" + LARGE)
    stream.seek(6)
    body = FileBody(stream, size)

    assert size == body.size
    for _ in range(2):
        assert LARGE[:size] == b"".join(body.chunks())


def test_says_that_a_file_is_shorter_than_was_said() -> None:
    body = FileBody(io.BytesIO(b"short"), 6)
    with pytest.raises(TargetError, match="shorter than was said"):
        list(body.chunks())


def test_what_can_be_read_only_once_is_not_sent_a_second_time() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"once" * 2)
    os.close(writer)
    with open(reader, "rb", buffering=0) as stream:
        body = FileBody(stream, 4)

        assert b"once" == b"".join(body.chunks())
        with pytest.raises(TargetError, match="can be read only once"):
            list(body.chunks())
