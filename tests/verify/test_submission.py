import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.damage import canonical
from tests.world import ORIGIN, World, letter, public_hex, restart, say, signing_key
from verify.checks import Check
from verify.codec import encode
from verify.errors import MalformedError, RuleError, VerifyError
from verify.events import parse_event
from verify.kinds import Opening
from verify.session import SESSION
from verify.submission import (
    POSSESSION,
    SUBMISSION,
    LedgerName,
    Possession,
    check_disclosure,
    check_party_signature,
    check_possession,
    open_disclosures,
    pae,
    parse_document,
    parse_statement,
)

OTHER = "00" * 32


@pytest.fixture
def world() -> World:
    restart("submission")
    made = World().found()
    made.enrol("southfold")
    return made


def refusal(data: bytes) -> tuple[Check | None, str]:
    with pytest.raises(VerifyError) as caught:
        parse_document(data)
    error = caught.value

    assert isinstance(error, RuleError | MalformedError)
    return getattr(error, "check", None), error.where


def edited(data: bytes, **fields: object) -> bytes:
    return canonical(json.loads(data) | fields)


def test_the_three_uses_of_a_key_sign_different_octets() -> None:
    kinds = (SUBMISSION, POSSESSION, SESSION)

    assert 3 == len({pae(kind, b"{}") for kind in kinds})
    assert b"DSSEv1 1 a 3 b c" == pae("a", b"b c")


def test_a_document_reads_back(world: World) -> None:
    said = letter("southfold", withheld=("person.1",)), letter("southfold", "Two")
    read = parse_document(world.document(*said, see=True))

    assert [s.id for s in said] == [e.id.hex() for e in read.events]
    assert [s.disclosures for s in said] == [
        tuple(text for text, _ in event.disclosures) for event in read.events
    ]
    assert world.note() == read.note


def test_an_opening_brings_what_it_opens(world: World) -> None:
    nested = letter("southfold", "Sealed")
    opened = say(Opening, "southfold", None, of=OTHER, event=nested.event)
    opened.disclosures = nested.disclosures
    handed = say(Opening, "southfold", None, of=OTHER, names=("person.1",))
    handed.disclosures = nested.disclosures[:1]
    missing = say(Opening, "southfold", None, of=OTHER, names=("text",))

    assert 4 == len(parse_document(world.document(opened)).events[0].disclosures)
    assert ["person.1"] == [
        of.name for _, of in parse_document(world.document(handed)).events[0].disclosures
    ]
    assert (Check.DISCLOSURE_MISSING, "disclosures[0]") == refusal(world.document(missing))


def test_what_does_not_fit_together_is_refused(world: World) -> None:
    data = world.document(letter("southfold"))
    texts = json.loads(data)["disclosures"]
    rows: list[tuple[bytes, Check | None, str]] = [
        (edited(data, disclosures=[]), None, "submission.disclosures"),
        (edited(data, note="x"), None, "submission.note"),
        (edited(data, disclosures=[texts[0][1:]]), Check.DISCLOSURE_MISSING, "disclosures[0]"),
        (edited(data, disclosures=[texts[0][::-1]]), Check.DISCLOSURE, "disclosures[0]"),
        (edited(data, disclosures=[["A"]]), Check.DISCLOSURE, "disclosures[0][0]"),
        (edited(data, events=[{}]), Check.EVENT, "events[0]"),
        (edited(data, signature="00" * 64), Check.SIGNATURE, "signature"),
        (world.document(letter("southfold"), author="northmere"), Check.AUTHOR, "events[0].author"),
        (world.document(letter("southfold"), count=2), Check.COUNT, "statement.count"),
        (world.document(letter("southfold"), root=OTHER), Check.SUBMISSION_ROOT, "statement.root"),
    ]
    for changed, check, where in rows:
        assert (check, where) == refusal(changed)


def test_documents_have_limits(world: World) -> None:
    data = world.document(letter("southfold"))
    large = json.loads(data)["events"][0] | {"nonce": "0" * 2**24}
    much = edited(data, disclosures=[["A" * 2**24, "A"]])

    assert (None, "submission.events") == refusal(edited(data, events=[large]))
    assert (None, "disclosures[0]") == refusal(much)


def test_a_statement_by_no_key_is_refused(world: World) -> None:
    signed = world.sign((letter("southfold"),))
    statement = parse_statement(canonical(json.loads(encode(signed.statement)) | {"key": OTHER}))
    with pytest.raises(RuleError) as caught:
        check_party_signature(statement, signature=signed.signature)

    assert (Check.SIGNATURE, "statement.key") == (caught.value.check, caught.value.where)


def test_a_key_that_is_none_is_possessed_by_nobody() -> None:
    ledger = LedgerName(origin=ORIGIN, charter=OTHER)
    possession = Possession(ledger=ledger, party="a", key=OTHER, powers=("record",))
    with pytest.raises(RuleError) as caught:
        check_possession(possession, signature=bytes(64))

    assert (Check.ENROLMENT, "event.key") == (caught.value.check, caught.value.where)
    assert public_hex(signing_key("a")) != OTHER


def test_a_disclosure_belongs_to_its_event_and_no_other() -> None:
    one, two = letter("southfold", "One"), letter("southfold", "Two")
    text = one.disclosures[1]

    assert "in spring" == check_disclosure(text, event=one.event, where="w").value

    copied = parse_event(canonical(json.loads(two.data) | {"sealed": one.event.sealed}))
    bare = {k: v for k, v in json.loads(one.data).items() if k != "sealed"}
    unsealed = parse_event(canonical(bare))
    renamed = parse_event(
        canonical(json.loads(one.data) | {"sealed": {"title": one.event.sealed["phrase_sent"]}})  # type: ignore[index]  # sealed
    )
    other = parse_event(canonical(json.loads(one.data) | {"sealed": {"phrase_sent": OTHER}}))
    for event in (two.event, copied, unsealed, renamed, other):
        with pytest.raises(RuleError) as caught:
            check_disclosure(text, event=event, where="w")

        assert (Check.DISCLOSURE, "w[0]") == (caught.value.check, caught.value.where)


def test_each_disclosure_of_a_list_is_opened_or_refused() -> None:
    said = letter("southfold")
    opened = list(open_disclosures(("A", said.disclosures[0]), event=said.event))

    assert isinstance(opened[0], RuleError)
    assert "disclosures[0]" == opened[0].where
    assert not isinstance(opened[1], RuleError)
    assert "person.1" == opened[1].name


@given(st.binary())
def test_any_octets_give_a_document_or_a_refusal(data: bytes) -> None:
    with pytest.raises(VerifyError):
        parse_document(data)
    with pytest.raises(VerifyError):
        parse_statement(data)
