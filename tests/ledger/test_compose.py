"""Composing: events and disclosures that the kernel takes, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.compose import (
    Composed,
    compose,
    compose_handing_over,
    compose_opening,
    compose_sealed,
    file_claim,
    recompose,
    sign_document,
)
from ledger.errors import ComposeError
from ledger.keys import PartySigner
from verify.claims import File, digest, parse_disclosure
from verify.errors import VerifyError
from verify.events import event_id
from verify.submission import LedgerName, Seen, check_disclosure, parse_document

SIGNER = PartySigner("blaby", seed=bytes(32))
LEDGER = LedgerName(origin="example.org/x", charter="ab" * 32)


class Counter:
    """Draws octets that can be foretold."""

    def __init__(self) -> None:
        self.drawn = 0

    def token_bytes(self, nbytes: int, /) -> bytes:
        self.drawn += 1
        return self.drawn.to_bytes(nbytes, "big")


def letter(**claims: str) -> Composed:
    return compose("communication/v1", author="blaby", fields={"channel": "letter"}, claims=claims)


def document(*composed: Composed) -> bytes:
    return sign_document(composed, signer=SIGNER, ledger=LEDGER, expires_ms=10)


def test_a_document_reads_back_through_the_kernel(tmp_path: Path) -> None:
    path = tmp_path / "letter.pdf"
    path.write_bytes(b"%PDF")
    file = file_claim(path, name="letter.pdf", media_type="application/pdf")
    composed = compose(
        "communication/v1",
        author="blaby",
        fields={"channel": "letter", "from": ["blaby"], "retain": {"text": "2031-01-01"}},
        claims={"text": "Dear “Ann”\n\t\x01", "file.1": file, "title": "", "person.1": "Ann"},
        withheld=["text"],
        audience={"person.1": ["rutland", "blaby"]},
    )
    submission = parse_document(document(composed, letter()))

    assert [composed.id, event_id(composed.data)] == [submission.events[0].id, composed.id]
    assert composed.event == submission.events[0].event
    assert ("file.1", "person.1", "title") == tuple(
        opened.name for _, opened in submission.events[0].disclosures
    )
    assert (
        File(media_type="application/pdf", name="letter.pdf", sha256=file.sha256, size=4)
        == submission.events[0].disclosures[0][1].value
    )
    assert "text" == check_disclosure(composed.withheld[0], event=composed.event, where="").name


@given(st.dictionaries(st.sampled_from(["text", "title", "body", "item.1"]), st.text(max_size=50)))
def test_every_text_becomes_a_claim_that_opens(claims: dict[str, str]) -> None:
    composed = letter(**claims)
    submission = parse_document(document(composed))

    assert claims == {opened.name: opened.value for _, opened in submission.events[0].disclosures}


def test_salts_begin_with_author_and_nonce_and_are_all_different() -> None:
    composed = letter(text="a", title="a")
    salts = [parse_disclosure(text).salt for text in composed.disclosures]

    assert 2 == len(set(salts))
    assert all(salt.startswith(f"blaby.{composed.event.nonce}.") for salt in salts)
    assert {digest(text) for text in composed.disclosures} == set(
        (composed.event.sealed or {}).values()
    )


def test_randomness_is_an_argument() -> None:
    first, second = (
        compose("artefact/v1", author="a", fields={"type": "other"}, claims={"text": "x"}, random=r)
        for r in (Counter(), Counter())
    )

    assert (first.data, first.disclosures) == (second.data, second.disclosures)
    assert letter(text="x").id != letter(text="x").id


def test_reads_back_what_was_kept() -> None:
    composed = letter(text="x")

    assert composed == recompose(composed.data, disclosures=composed.disclosures)
    with pytest.raises(ComposeError):
        recompose(composed.data + b" ", disclosures=())


def test_a_sealed_event_opens_with_its_own_disclosures() -> None:
    nested = letter(text="early")
    sealing = compose_sealed(nested, opens_by="2026-01-01")
    opening = compose_opening(nested, of=sealing.id.hex())

    assert () == parse_document(document(sealing)).events[0].disclosures
    assert 1 == len(parse_document(document(opening)).events[0].disclosures)
    assert nested == sealing.nested


def test_withheld_claims_are_handed_over_by_name() -> None:
    composed = compose(
        "artefact/v1", author="blaby", fields={"type": "other"},
        claims={"text": "x", "title": "y"}, withheld=("text", "title"),
    )  # fmt: skip
    opening = compose_handing_over(composed.withheld, author="blaby", of=composed.id.hex())

    assert 2 == len(parse_document(document(opening)).events[0].disclosures)
    with pytest.raises(ComposeError):
        compose_handing_over((), author="blaby", of=composed.id.hex())
    with pytest.raises(ComposeError):
        compose_handing_over(("?",), author="blaby", of=composed.id.hex())


@pytest.mark.parametrize(
    ("claims", "where"),
    [
        ({"gossip": "x"}, "claims.gossip"),
        ({"file.1": "x"}, "claims.file.1"),
        ({"text": "\ud800"}, "claims.text"),
        ({"text": "x" * 800_000}, "claims.text"),
        ({"item.2": "x"}, "sealed"),
    ],
)
def test_refuses_claims_that_no_event_can_have(claims: dict[str, str], where: str) -> None:
    with pytest.raises(ComposeError) as refused:
        letter(**claims)

    assert where == refused.value.where


def test_says_how_long_a_claim_is_and_can_be_in_the_same_measure() -> None:
    (text,) = letter(text="x" * 786_000).disclosures
    longer = len(text) + 4_000
    with pytest.raises(ComposeError, match=f" {longer} octets as it travels, of at most 1048576"):
        letter(text="x" * 789_000)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"channel": "pigeon"},
        {"channel": "letter", "gossip": "x"},
        {"channel": "letter", "nonce": "00" * 16},
        {"channel": "letter", "sealed": {}},
        {"channel": "letter", "to": []},
        {"channel": "letter", "to": None},
        {"channel": "letter", "to": ["\ud800"]},
        {"channel": "letter", "to": [object()]},
        {"channel": "letter", "to": [f"p{n}" for n in range(65)]},
    ],
)
def test_refuses_fields_that_no_event_can_have(fields: dict[str, object]) -> None:
    with pytest.raises(ComposeError):
        compose("communication/v1", author="blaby", fields=fields)


@pytest.mark.parametrize("author", ["", "Blaby", "a b", "a" * 64, "a\n"])
def test_refuses_authors_that_are_no_party(author: str) -> None:
    with pytest.raises(ComposeError):
        compose("artefact/v1", author=author, fields={"type": "other"})


def test_withholds_only_what_is_sealed() -> None:
    with pytest.raises(ComposeError):
        compose("artefact/v1", author="a", fields={"type": "other"}, withheld=["text"])


@pytest.mark.parametrize("name", ["", "a/b", "a\\b", "a\nb", "x" * 256])
def test_refuses_files_without_a_plain_name(name: str) -> None:
    with pytest.raises(ComposeError):
        compose("artefact/v1", author="a", fields={"type": "other"},
                claims={"file.1": file_claim(b"", name=name)})  # fmt: skip


def test_signs_only_for_its_own_events() -> None:
    other = compose("artefact/v1", author="rutland", fields={"type": "other"})
    with pytest.raises(ComposeError) as refused:
        document(letter(), other)

    assert "events[1].author" == refused.value.where
    with pytest.raises(ComposeError):
        document()


def test_a_note_travels_exactly_when_it_was_seen() -> None:
    with pytest.raises(ComposeError):
        sign_document([letter()], signer=SIGNER, ledger=LEDGER, expires_ms=1, note=b"x")
    seen = Seen(note="00" * 32, root="00" * 32, size=1)
    data = sign_document(
        [letter()], signer=SIGNER, ledger=LEDGER, expires_ms=1, seen=seen, note=b"x\n"
    )

    assert b"x\n" == parse_document(data).note
    with pytest.raises(ComposeError):
        sign_document(
            [letter()], signer=SIGNER, ledger=LEDGER, expires_ms=1, seen=seen, note=b"\xff"
        )


def test_a_document_that_was_changed_is_noticed() -> None:
    data = document(letter(text="x"))
    for at in range(0, len(data), 11):
        with pytest.raises(VerifyError):
            parse_document(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
