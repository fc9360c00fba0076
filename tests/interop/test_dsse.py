"""securesystemslib, the DSSE reference of in-toto and TUF, reads our envelopes; and we its own."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import (  # type: ignore[attr-defined]  # it imports them to export
    CryptoSigner,
    SSlibKey,
)

from ledger.ledger import Ledger
from ledger.outward import dsse_envelope
from tests.ledger.builder import Party, found_ledger, new_letter, submit
from verify.codec import encode
from verify.entry import parse_entry
from verify.submission import SUBMISSION, check_party_signature, parse_statement

ALPHA = Party("alpha", 1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with found_ledger(tmp_path / "ledger", ALPHA)[0] as founded:
        submit(founded, new_letter("alpha"), new_letter("alpha"))
        yield founded


def key_of(public: str, *, keyid: str | None = None) -> SSlibKey:
    return SSlibKey(keyid or public, "ed25519", "ed25519", {"public": public})


def opened(data: bytes) -> Envelope:
    return Envelope.from_dict(msgspec.json.decode(data))


def test_their_library_verifies_a_submission(ledger: Ledger) -> None:
    envelope = opened(dsse_envelope(ledger, 2))
    statement = parse_entry(ledger.entry(1)).statement
    accepted = envelope.verify([key_of(ALPHA.public)], threshold=1)

    assert [ALPHA.public] == list(accepted)
    assert "application/vnd.counterfoil.submission+json" == envelope.payload_type
    assert statement is not None
    assert encode(statement) == envelope.payload


def test_the_payload_names_the_events_that_were_signed(ledger: Ledger) -> None:
    payload = msgspec.json.decode(opened(dsse_envelope(ledger, 1)).payload)
    left, right = (
        hashlib.sha256(b"\0" + bytes(parse_entry(ledger.entry(i)).event)).digest() for i in (1, 2)
    )

    assert 2 == payload["count"]
    assert hashlib.sha256(b"\1" + left + right).hexdigest() == payload["root"]


def test_their_library_refuses_another_key_payload_and_type(ledger: Ledger) -> None:
    data = dsse_envelope(ledger, 1)
    key, other = key_of(ALPHA.public), key_of(Party("beta", 2).public, keyid=ALPHA.public)
    payload, kind = opened(data), opened(data)
    payload.payload += b" "
    kind.payload_type = "application/vnd.counterfoil.session+json"

    for envelope, by in ((opened(data), other), (payload, key), (kind, key)):
        with pytest.raises(VerificationError):
            envelope.verify([by], threshold=1)


def test_what_their_library_signed_is_a_signature_to_us(ledger: Ledger) -> None:
    statement = parse_entry(ledger.entry(1)).statement
    assert statement is not None
    signer = CryptoSigner.generate_ed25519()
    public = str(signer.public_key.keyval["public"])
    signed = msgspec.structs.replace(statement, key=public)
    envelope = Envelope(encode(signed), SUBMISSION, {})
    envelope.sign(signer)
    theirs = msgspec.json.decode(msgspec.json.encode(envelope.to_dict()))
    (line,) = theirs["signatures"]

    check_party_signature(
        parse_statement(base64.b64decode(theirs["payload"])),
        signature=base64.b64decode(line["sig"]),
    )
