import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.errors import MalformedError
from verify.spelling import (
    MAX_SIZE,
    format_base64,
    parse_base64,
    parse_decimal,
    parse_hash,
    parse_text,
)


@pytest.mark.parametrize("number", [0, 1, 9, 10, MAX_SIZE - 1, MAX_SIZE])
def test_reads_decimal_numbers(number: int) -> None:
    assert number == parse_decimal(str(number), where="size", limit=MAX_SIZE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "+1",
        "00",
        "01",
        " 1",
        "1 ",
        "1\n",
        "4_2",
        "1.0",
        "0x1",
        "1e3",
        "\u0661",
        "1" * 20,
        "9" * 400,
    ],
)
def test_refuses_other_spellings_of_numbers(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_decimal(text, where="size", limit=2**63)

    assert "size" == caught.value.where


def test_refuses_a_number_above_its_limit() -> None:
    with pytest.raises(MalformedError) as caught:
        parse_decimal("9007199254740992", where="size", limit=MAX_SIZE)

    assert "greater than 9007199254740991" == caught.value.reason


@given(st.binary(max_size=100))
def test_base64_reads_back(data: bytes) -> None:
    assert data == parse_base64(format_base64(data), where="hash")


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "AA",
        "AA=",
        "AA==\n",
        "\nAA==",
        "A A==",
        "AB==",
        "AAB=",
        "AA==AA==",
        "=",
        "====",
        "AA===",
        "-_8=",
        "\u00e4\u00e4==",
        "\ud800AAA",
        "AA\r\n==",
    ],
)
def test_refuses_other_spellings_of_base64(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_base64(text, where="hash")

    assert "hash" == caught.value.where


@given(st.text(max_size=8))
def test_base64_has_one_spelling(text: str) -> None:
    try:
        data = parse_base64(text, where="hash")
    except MalformedError:
        return

    assert text == format_base64(data)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_refuses_a_hash_of_another_size(size: int) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_hash(format_base64(bytes(size)), where="root")

    assert f"{size} bytes, not 32" == caught.value.reason


def test_reads_text_with_unicode_and_delete() -> None:
    assert "\u00e9\u2014\x7f\n" == parse_text("\u00e9\u2014\x7f\n".encode(), where="note")


@pytest.mark.parametrize("octet", [n for n in range(32) if n != 10])
def test_refuses_every_control_character_but_the_newline(octet: int) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_text(b"a" + bytes([octet]), where="note")

    assert "a control character other than LF" == caught.value.reason


@pytest.mark.parametrize("data", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xe2\x80", b"\xf5\x80"])
def test_refuses_what_is_not_utf_8(data: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_text(data, where="note")

    assert "not UTF-8" == caught.value.reason
