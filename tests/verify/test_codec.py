import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.codec import MAX_INTEGER, Decoder, Instant, Wire, encode, is_sorted
from verify.errors import MalformedError


class Sample(Wire, frozen=True, kw_only=True):
    """A type with one field of each sort."""

    count: Instant
    name: str
    more: tuple[str, ...] | None = None


SAMPLE = Decoder(Sample, name="sample")
GOOD = b'{"count":7,"name":"a"}'


def refused(data: bytes, where: str = "sample") -> str:
    with pytest.raises(MalformedError) as caught:
        SAMPLE.decode(data)

    assert caught.value.where.startswith(where)
    return caught.value.reason


def test_reads_and_writes_the_one_spelling() -> None:
    assert Sample(count=7, name="a") == SAMPLE.decode(GOOD)
    assert GOOD == encode(SAMPLE.decode(GOOD))
    assert b'{"count":9007199254740991,"name":""}' == encode(Sample(count=MAX_INTEGER, name=""))


@pytest.mark.parametrize(
    "number",
    ["1.0", "-0.0", "-0", "7e0", "07", "+7", "9007199254740992", "18446744073709551616", "-1",
     "1" * 5000, "1e999", "NaN", "Infinity", "null", "true", '"7"', "[7]", "7 ", " 7", ""],
)  # fmt: skip
def test_refuses_other_numbers(number: str) -> None:
    refused(b'{"count":%b,"name":"a"}' % number.encode())


@pytest.mark.parametrize(
    "data",
    [b"", b" ", b"{}", b"null", b"[]", GOOD + b"\n", b" " + GOOD, GOOD + b"\x00", GOOD[:-1],
     b'{"name":"a","count":7}', b'{"count":7,"count":7,"name":"a"}', b"\xef\xbb\xbf" + GOOD,
     b'{"count":7,"name":"a","name":"a"}', b'{"count":7, "name":"a"}', b'{"count":7,"name":null}',
     b'{"count":7,"more":null,"name":"a"}', b'{"count":7,"name":"a","x":1}',
     b'{"":1,"count":7,"name":"a"}', b'{"count":7,"name":"\\u0061"}',
     b'{"c\\u006funt":7,"name":"a"}',
     b'{"count":7,"name":"\\/"}', b'{"count":7,"name":"\\u007f"}', b'{"count":7,"name":"\\u001F"}',
     b'{"count":7,"name":"\\ud800"}', b'{"count":7,"name":"\x01"}', b'{"count":7,"name":"\xff"}',
     b'{"count":7,"name":"\xed\xa0\x80"}', b'{"count":7,"name":"\xc0\x80"}'],
)  # fmt: skip
def test_refuses_other_spellings(data: bytes) -> None:
    refused(data)


def test_refuses_what_is_nested_deeper_than_the_stack() -> None:
    for data in (b"[" * 100_000, b'{"count":' * 100_000, b'{"x":' + b"[" * 100_000):
        refused(data)


def test_names_the_part_that_is_wrong() -> None:
    with pytest.raises(MalformedError) as caught:
        SAMPLE.decode(b'{"count":7,"more":["a",1],"name":"a"}', where="here")

    assert "here.more[1]" == caught.value.where


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, MAX_INTEGER))
def test_writes_text_as_rfc_8785_does(text: str, count: int) -> None:
    expected = json.dumps(
        {"count": count, "name": text}, ensure_ascii=False, separators=(",", ":")
    ).encode()

    assert expected == encode(Sample(count=count, name=text))
    assert text == SAMPLE.decode(expected).name


@given(st.binary())
def test_any_octets_give_a_value_or_a_refusal(data: bytes) -> None:
    try:
        value = SAMPLE.decode(data)
    except MalformedError:
        return

    assert data == encode(value)


def test_sorted_is_strictly_ascending() -> None:
    assert is_sorted(())
    assert is_sorted(("a", "b"))
    assert not is_sorted(("a", "a"))
    assert not is_sorted((2, 1))


LINES = (GOOD, b'{"count":8,"more":["\\n"],"name":"b"}')


def test_reads_lines_together() -> None:
    together = SAMPLE.decode_lines(b"".join(line + b"\n" for line in LINES))

    assert [SAMPLE.decode(line) for line in LINES] == together
    assert [] == SAMPLE.decode_lines(b"")


@pytest.mark.parametrize(
    "data",
    [GOOD, GOOD + b"\n\n", b"\n" + GOOD + b"\n", GOOD + GOOD + b"\n", GOOD + b"\r\n",
     GOOD + b"\n" + GOOD, b'{"count":7,\n"name":"a"}\n', GOOD + b"\n" + GOOD[:-1] + b"\n",
     GOOD + b"\n" + b'{"name":"a","count":7}' + b"\n", b'{"count":7,"name":"\xff"}\n',
     b"[" * 100_000 + b"\n", b"\n"],
)  # fmt: skip
def test_reads_no_lines_where_one_is_refused(data: bytes) -> None:
    assert SAMPLE.decode_lines(data) is None


@given(st.lists(st.one_of(st.binary(), st.sampled_from(LINES))))
def test_reads_lines_together_exactly_where_it_reads_each(lines: list[bytes]) -> None:
    data = b"".join(line + b"\n" for line in lines)
    try:
        each = [SAMPLE.decode(line) for line in data.split(b"\n")[:-1]]
    except MalformedError:
        assert SAMPLE.decode_lines(data) is None
    else:
        assert each == SAMPLE.decode_lines(data)
