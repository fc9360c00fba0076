"""Session statements: one spelling, one key, one use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.world import public_hex, signing_key
from verify.codec import encode
from verify.errors import MalformedError, SignatureError, VerifyError
from verify.session import (
    SESSION,
    SessionStatement,
    SignedSession,
    check_session,
    format_session,
    parse_session,
)
from verify.submission import SUBMISSION, LedgerName, pae

LEDGER = LedgerName(origin="example.org/dispute", charter="ab" * 32)
KEY = public_hex(signing_key("blaby"))


def statement(key: str = KEY) -> SessionStatement:
    return SessionStatement(
        ledger=LEDGER, host="h:1", party="blaby", key=key, nonce="cd" * 32, at=1
    )


def signed(payload_type: str = SESSION, key: str = KEY) -> bytes:
    message = pae(payload_type, encode(statement(key)))
    return format_session(statement(key), signature=signing_key("blaby").sign(message).signature)


def test_a_session_statement_comes_back() -> None:
    read = parse_session(signed())
    check_session(read)

    assert SignedSession(statement=statement(), signature=read.signature) == read


def test_refuses_a_signature_that_was_made_for_a_submission() -> None:
    with pytest.raises(SignatureError):
        check_session(parse_session(signed(SUBMISSION)))


def test_refuses_another_key() -> None:
    with pytest.raises(SignatureError):
        check_session(parse_session(signed(key=public_hex(signing_key("rutland")))))


def test_refuses_a_key_of_small_order() -> None:
    with pytest.raises(MalformedError):
        check_session(parse_session(signed(key="01" + "00" * 31)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"charter":"' + b"ab" * 32 + b'",', b""),
        (b'"at":1', b'"at":1.0'),
        (b'"at":1', b'"at":null'),
        (b'"host":"h:1"', b'"host":"H:1"'),
        (b'"host":"h:1"', b'"host":"h/1"'),
        (b'"at":1', b'"at": 1'),
        (b'"at":1', b'"at":9007199254740992'),
        (b'"nonce":"' + b"cd" * 32, b'"nonce":"' + b"CD" * 32),
        (b'"party":"blaby"', b'"party":"Blaby"'),
        (b"counterfoil-session/v1", b"counterfoil-submission/v1"),
        (b'{"signature"', b'{"more":1,"signature"'),
    ],
)
def test_refuses_another_spelling(old: bytes, new: bytes) -> None:
    data = signed()
    assert 1 == data.count(old)

    with pytest.raises(MalformedError):
        parse_session(data.replace(old, new))


@given(st.binary())
def test_any_octets_give_a_statement_or_a_refusal(data: bytes) -> None:
    with pytest.raises(VerifyError):
        parse_session(data)
