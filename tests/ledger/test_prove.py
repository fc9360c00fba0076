"""Evidence files: whatever they are made of, two verifiers written apart find them valid."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from ledger.errors import ExportError
from ledger.evidence import copy_files, prove
from ledger.ledger import Ledger
from tests import reference
from tests.ledger.builder import (
    Clock,
    NewEvent,
    Party,
    found_ledger,
    names,
    new_charter,
    new_enrolment,
    new_event,
    new_letter,
    new_log_key,
    sign_document,
)
from tests.world import cosign, witness
from verify.anchors import Anchors
from verify.checkpoint import Checkpoint, format_checkpoint
from verify.codec import encode
from verify.contents import charter_policy
from verify.evidence import MAX_COVERING, MAX_SHOWN, Evidence, audit_evidence, parse_evidence
from verify.note import MAX_NOTE_SIZE, NoteSignature, format_note, parse_note

ALPHA, BETA = Party("alpha", 1), Party("beta", 2)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    found, _ = found_ledger(tmp_path / "ledger", ALPHA, clock=clock, members=["beta"])
    with found:
        yield found


def submit(
    ledger: Ledger, *events: NewEvent, by: Party = ALPHA, note: bytes | None = None
) -> list[str]:
    """Record events in one submission; return their ids."""
    ledger.submit(sign_document(ledger, by, events, note=note))
    return [event.id.hex() for event in events]


def letters(count: int) -> list[NewEvent]:
    claims = {"title": "A letter", "text": "Dear Sir or Madam", "person.1": "A. Clerk"}
    return [
        new_event("alpha", "communication/v1", channel="letter", claims=claims)
        for _ in range(count)
    ]


def check(ledger: Ledger, data: bytes) -> Evidence:
    """Have both verifiers look, with a fingerprint and without."""
    fingerprint = ledger.fingerprint
    anchored = audit_evidence(data, anchors=Anchors(fingerprint=fingerprint))
    judged = reference.audit_evidence(data, fingerprint=fingerprint)

    assert ((), "valid") == (anchored.findings, anchored.verdict)
    assert "self-consistent" == audit_evidence(data).verdict
    assert ([], "valid") == (judged.findings, judged.verdict)
    assert "self" == reference.audit_evidence(data).verdict
    return parse_evidence(data)


def shown(evidence: Evidence) -> list[int]:
    indexes = []
    for element in evidence.entries:
        index = msgspec.json.decode(element.entry)["index"]
        if element.shown == "yes":
            indexes.append(index)
    return indexes


def opened(evidence: Evidence) -> set[str]:
    return {name for line in evidence.disclosures or () for name in line.claims}


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_every_event_of_a_submission_can_be_proven_alone(ledger: Ledger, count: int) -> None:
    submit(ledger, *letters(2))
    ids = submit(ledger, *letters(count), note=ledger.checkpoint())
    submit(ledger, *letters(3), note=ledger.checkpoint())

    for position, event_id in enumerate(ids):
        evidence = check(ledger, prove(ledger, [event_id]))

        assert [3 + position] == shown(evidence)
        assert {"person.1", "text", "title"} == opened(evidence)
        assert (1 if position == 0 else 2) == len(evidence.entries)


def test_events_of_a_large_submission_can_be_proven(ledger: Ledger) -> None:
    ids = submit(ledger, *letters(256))

    for position in (0, 1, 127, 128, 200, 255):
        evidence = check(ledger, prove(ledger, [ids[position]]))

        assert [1 + position] == shown(evidence)


def test_several_events_of_several_submissions_stand_in_one_file(ledger: Ledger) -> None:
    first = submit(ledger, *letters(3), note=ledger.checkpoint())
    second = submit(ledger, *letters(1))
    third = submit(ledger, *letters(5), note=ledger.checkpoint())
    ids = [third[4], second[0], first[1], third[2], first[1]]

    evidence = check(ledger, prove(ledger, ids))

    assert [2, 4, 7, 9] == shown(evidence)
    assert 2 == len(evidence.notes or ())


def test_the_charter_and_other_governance_can_be_proven(ledger: Ledger) -> None:
    submit(ledger, *letters(2))
    submit(ledger, new_enrolment(ledger, "alpha", BETA))
    submit(ledger, new_event("beta", "party/v1", verb="join", charter=ledger.fingerprint), by=BETA)
    submit(ledger, new_letter("beta"), by=BETA, note=ledger.checkpoint())
    ids = [reference_id(ledger, index) for index in range(ledger.size())]

    for index, event_id in enumerate(ids):
        assert [index] == shown(check(ledger, prove(ledger, [event_id])))
    assert [0, 3, 4] == shown(check(ledger, prove(ledger, [ids[0], ids[3], ids[4]])))


def reference_id(ledger: Ledger, index: int) -> str:
    event = msgspec.json.decode(ledger.entry(index), type=dict[str, msgspec.Raw])["event"]
    return hashlib.sha256(b"\0" + bytes(event)).hexdigest()


def sealed(claims: dict[str, object]) -> tuple[NewEvent, NewEvent, NewEvent]:
    """Return an event, the one that seals it, and the one that opens it."""
    nested = new_event("alpha", "communication/v1", channel="letter", claims=claims)
    dates = {"opens_by": {"basis": "stated", "edtf": "2026-01-01"}}
    seal = new_event("alpha", "sealed/v1", seals=nested.id.hex(), dates=dates)
    plain = new_event("alpha", "opening/v1", of=seal.id.hex(), event=0)
    data = plain.data.replace(b'"event":0', b'"event":' + nested.data)
    return nested, seal, NewEvent(data, nested.disclosures)


def test_an_event_that_was_sealed_is_shown_by_its_opening(ledger: Ledger) -> None:
    nested, seal, opening = sealed({"title": "A letter", "text": "Priority is ours"})
    submit(ledger, *letters(1), seal)
    submit(ledger, opening, *letters(1))

    by_nested = check(ledger, prove(ledger, [nested.id.hex()]))
    by_opening = check(ledger, prove(ledger, [opening.id.hex()], without=["text"]))
    both = check(ledger, prove(ledger, [seal.id.hex(), nested.id.hex()]))

    assert [3] == shown(by_nested)
    assert {"text", "title"} == opened(by_nested)
    assert {"title"} == opened(by_opening)
    assert [2, 3] == shown(both)


def test_claims_that_are_to_stay_closed_stay_closed(ledger: Ledger) -> None:
    (event_id,) = submit(ledger, *letters(1))
    data = prove(ledger, [event_id], without=["person.1", "text"])

    assert {"title"} == opened(check(ledger, data))
    assert b"A. Clerk" not in data
    assert set() == opened(
        check(ledger, prove(ledger, [event_id], without=["person.1", "text", "title"]))
    )


def test_refuses_to_leave_closed_what_is_not_there(ledger: Ledger) -> None:
    (event_id,) = submit(ledger, *letters(1))
    with pytest.raises(ExportError) as refusal:
        prove(ledger, [event_id], without=["persn.1", "text"])

    assert "persn.1" in refusal.value.reason
    assert "person.1" in refusal.value.reason


def test_what_is_limited_to_an_audience_is_open_only_for_it(ledger: Ledger) -> None:
    submit(ledger, new_enrolment(ledger, "alpha", BETA))
    claims = {"title": "A letter", "text": "For Beta alone"}
    event = new_event(
        "alpha", "communication/v1", channel="letter", claims=claims, audience={"text": ["beta"]}
    )
    (event_id,) = submit(ledger, event)

    assert {"title"} == opened(check(ledger, prove(ledger, [event_id])))
    for audience in ("alpha", "beta"):
        data = prove(ledger, [event_id], audience=audience)

        assert {"text", "title"} == opened(check(ledger, data))
    with pytest.raises(ExportError, match="gamma"):
        prove(ledger, [event_id], audience="gamma")


def test_what_was_withheld_is_open_once_it_was_handed_over(ledger: Ledger) -> None:
    claims = {"title": "A letter", "text": "Later"}
    event = new_event("alpha", "communication/v1", channel="letter", claims=claims,
                      withheld=["text"])  # fmt: skip
    (event_id,) = submit(ledger, event)
    before = check(ledger, prove(ledger, [event_id]))
    handing = new_event("alpha", "opening/v1", of=event_id, names=["text"])
    submit(ledger, NewEvent(handing.data, {"text": event.disclosures["text"]}))

    assert {"title"} == opened(before)
    assert {"text", "title"} == opened(check(ledger, prove(ledger, [event_id])))


def test_what_is_erased_stays_closed(ledger: Ledger) -> None:
    ids = submit(ledger, *letters(2))
    erasure = {"names": ["text"], "ground": "court_order"}
    submit(ledger, new_event("alpha", "erasure/v1", of=ids[0], **erasure))  # type: ignore[arg-type]  # fields
    lines = check(ledger, prove(ledger, ids)).disclosures or ()

    assert [{"person.1", "title"}, {"person.1", "text", "title"}] == [set(x.claims) for x in lines]


def test_a_stamp_that_is_limited_to_others_is_not_brought(ledger: Ledger) -> None:
    submit(ledger, new_enrolment(ledger, "alpha", BETA))
    ids = submit(ledger, *letters(1))
    files = {"file.1": b"a token", "file.2": b"its certificates"}
    claims = {}
    for name, octets in files.items():
        digest = hashlib.sha256(octets).hexdigest()
        ledger.add_file(io.BytesIO(octets), sha256=digest, size=len(octets))
        claims[name] = {"media_type": "text/plain", "name": name, "sha256": digest,
                        "size": len(octets)}  # fmt: skip
    stamps = submit(
        ledger,
        new_event("alpha", "attestation/v1", type="rfc3161", size=ledger.size(),
                  root=ledger.root().hex(), claims=claims, audience={"file.1": ["beta"]}),
    )  # fmt: skip

    assert parse_evidence(prove(ledger, ids, stamps=stamps, audience="beta")).stamps
    with pytest.raises(ExportError, match="not open"):
        prove(ledger, ids, stamps=stamps)


def change_log_key(ledger: Ledger, number: int) -> str:
    """Let a new log key take over; return the id of the amendment."""
    ledger.add_log_key(new_log_key(number))
    charter = ledger.state().charter_id
    amendment = new_charter(
        ALPHA, new_log_key(number), founding=False, members=["beta"], amends=charter
    )
    return submit(ledger, amendment)[0]


def test_evidence_holds_before_at_and_after_a_change_of_the_log_key(ledger: Ledger) -> None:
    ids = submit(ledger, *letters(2))
    ids.append(change_log_key(ledger, 2))

    for event_id in ids:  # the checkpoint is the first one by the new key
        assert check(ledger, prove(ledger, [event_id]))
    ids += submit(ledger, *letters(2), note=ledger.checkpoint())
    submit(ledger, new_enrolment(ledger, "alpha", BETA))
    ids.append(change_log_key(ledger, 3))
    ids += submit(ledger, *letters(1), note=ledger.checkpoint())
    for event_id in ids:
        evidence = check(ledger, prove(ledger, [event_id]))

        assert (event_id != ids[-1]) == (evidence.latest is not None)
    check(ledger, prove(ledger, ids))


def test_the_same_ledger_gives_the_same_file(ledger: Ledger) -> None:
    ids = submit(ledger, *letters(4), note=ledger.checkpoint())

    assert prove(ledger, ids[:2]) == prove(ledger, list(reversed(ids[:2])))


def refused(ledger: Ledger, ids: Sequence[str]) -> str:
    with pytest.raises(ExportError) as refusal:
        prove(ledger, ids)
    return refusal.value.reason


def test_refuses_unknown_events_none_and_too_many(ledger: Ledger) -> None:
    ids = submit(ledger, *letters(MAX_SHOWN + 1))

    assert "no event" in refused(ledger, ["0" * 64])
    assert "no event" in refused(ledger, [])
    assert str(MAX_SHOWN) in refused(ledger, ids)
    check(ledger, prove(ledger, ids[:MAX_SHOWN]))


def test_refuses_a_file_that_would_be_too_long(ledger: Ledger) -> None:
    claims = {"text": "x" * 700_000}
    events = [
        new_event("alpha", "communication/v1", channel="letter", claims=claims) for _ in range(24)
    ]
    ids = [submit(ledger, event)[0] for event in events]

    assert "longer than" in refused(ledger, ids)


def test_evidence_of_another_ledger_is_not_taken_for_this_one(ledger: Ledger) -> None:
    (event_id,) = submit(ledger, *letters(1))
    other = hashlib.sha256(encode("other")).hexdigest()
    report = audit_evidence(prove(ledger, [event_id]), anchors=Anchors(fingerprint=other))

    assert "invalid" == report.verdict


def test_evidence_carries_what_was_cosigned_soon_after_it(tmp_path: Path, clock: Clock) -> None:
    named = [
        {"algorithm": one.algorithm, "key": one.key, "name": one.name}
        for one in map(witness, ("w1", "w2", "w3"))
    ]
    ledger, _ = found_ledger(tmp_path / "cosigned", ALPHA, clock=clock, witnesses=named, quorum=2)
    with ledger:
        (first,) = submit(ledger, *letters(1))
        at_s = clock() // 1000
        ledger.keep_note(cosign(ledger.checkpoint(), ("w1", at_s)))
        (second,) = submit(ledger, *letters(1))
        both = ledger.checkpoint()
        ledger.keep_note(cosign(both, ("w1", at_s), ("w2", at_s + 1)))
        (third,) = submit(ledger, *letters(1))
        ledger.keep_note(cosign(ledger.checkpoint(), *((f"w{n}", at_s + 2) for n in (1, 2, 3))))
        (fourth,) = submit(ledger, *letters(1))
        ledger.keep_note(cosign(ledger.checkpoint(), ("w9", at_s + 3)))

        shown = check(ledger, prove(ledger, [first, second]))
        assert [4, 3] == sizes(shown)
        times = audit_evidence(encode(shown)).times
        assert times is not None
        assert [at_s + 1, at_s + 1] == [bracket.by_s for _, bracket in times.brackets]
        assert [4] == sizes(check(ledger, prove(ledger, [third])))
        # Nobody whom the charter names cosigned this; a reader may know the one who did.
        assert [5] == sizes(check(ledger, prove(ledger, [fourth])))


def test_evidence_leads_to_no_checkpoint_that_cuts_its_submission(
    tmp_path: Path, clock: Clock
) -> None:
    """A ledger publishes none; but its log key can be used elsewhere, and a witness cosign."""
    one = witness("w1")
    named = [{"algorithm": one.algorithm, "key": one.key, "name": one.name}]
    ledger, _ = found_ledger(tmp_path / "cosigned", ALPHA, clock=clock, witnesses=named, quorum=1)
    with ledger:
        first, *_ = submit(ledger, *letters(3))
        key = new_log_key()
        text = format_checkpoint(Checkpoint(ledger.origin, 2, ledger.root_at(2)))
        line = NoteSignature(ledger.origin, key.verifier_key.key_id, key.sign(text))
        at_s = clock() // 1000
        ledger.keep_note(cosign(format_note(text, [line]), ("w1", at_s)))
        shown = check(ledger, prove(ledger, [first]))

        assert [4, 2] == sizes(shown)
        ledger.keep_note(cosign(ledger.checkpoint(), ("w1", at_s + 1)))
        assert [4, 2] == sizes(check(ledger, prove(ledger, [first])))


def test_evidence_of_a_cosigned_ledger_reaches_the_quorum_of_a_policy(
    tmp_path: Path, clock: Clock
) -> None:
    keys = [witness(name) for name in ("w1", "w2", "w3")]
    named = [{"algorithm": one.algorithm, "key": one.key, "name": one.name} for one in keys]
    ledger, _ = found_ledger(tmp_path / "cosigned", ALPHA, clock=clock, witnesses=named, quorum=2)
    with ledger:
        ids = submit(ledger, *letters(3))
        lines = [(name, clock() // 1000) for name in ("w1", "w2", "w3")]
        ledger.keep_note(cosign(ledger.checkpoint(), *lines))
        submit(ledger, *letters(1))  # which nobody has cosigned yet
        policy = charter_policy(ledger.state().charter)
        report = audit_evidence(prove(ledger, ids[1:2]), anchors=Anchors(policy=policy))

    assert () == report.findings
    assert report.weighed is not None
    assert 3 == len(report.weighed.cosigned)


def test_no_notes_that_others_name_as_seen_keep_evidence_from_being_made(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a ledger that keeps any number of them, each with lines of nobody's."""
    monkeypatch.setattr("ledger.seen.MAX_NOTE_SIZE", 1 << 40)
    named = [
        {"algorithm": one.algorithm, "key": one.key, "name": one.name}
        for one in map(witness, ("w1", "w2"))
    ]
    ledger, _ = found_ledger(tmp_path / "cosigned", ALPHA, clock=clock, witnesses=named, quorum=2)
    with ledger:
        at_s = clock() // 1000
        before, target = submit(ledger, *letters(2))
        plain = ledger.checkpoint()
        ledger.keep_note(cosign(plain, ("w1", at_s)))
        ledger.keep_note(cosign(plain, ("w1", at_s + 1), ("w2", at_s + 2)))
        ledger.keep_note(cosign(plain, ("w9", at_s)))
        both = cosign(plain, ("w1", at_s), ("w2", at_s + 2))
        for number in range(MAX_COVERING):
            copied = padded(plain, number, lines=1, width=1)
            submit(ledger, *letters(1), note=padded(both, number) if number < 9 else copied)
        for ids, most in (([target], MAX_COVERING), ([before, target], MAX_COVERING // 2)):
            data = prove(ledger, ids)
            evidence, report = parse_evidence(data), audit_evidence(data)
            covering = [each.note for each in evidence.covering or ()]

            assert () == report.findings
            assert len(covering) <= most
            # One that all cosigned is the file's own checkpoint: any of ten.
            assert len({*covering, evidence.checkpoint}) > most - 9
            assert len(data) < 3 * MAX_NOTE_SIZE
            assert report.times is not None
            assert {at_s + 2} == {bracket.by_s for _, bracket in report.times.brackets}


def padded(note: bytes, number: int, *, lines: int = 90, width: int = 1_400) -> bytes:
    """Add signature lines of nobody's to a note."""
    text, signatures = parse_note(note)
    more = [
        NoteSignature(f"{number}.{line}{'y' * width}", bytes(4), bytes(8)) for line in range(lines)
    ]
    return format_note(text, [*signatures, *more])


def interrupt(source: object, target: object) -> None:
    del source, target
    raise KeyboardInterrupt


def test_files_are_copied_all_or_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    with pytest.raises(ExportError, match="files: No such file"):
        copy_files({"a": tmp_path / "a", "b": tmp_path / "b"}, tmp_path / "files")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(shutil, "copyfileobj", interrupt)
        with pytest.raises(KeyboardInterrupt):
            copy_files({"a": tmp_path / "a"}, tmp_path / "files")
    assert ["a"] == names(tmp_path)

    copy_files({"a": tmp_path / "a"}, tmp_path / "files")
    assert {"a": b"a"} == {path.name: path.read_bytes() for path in (tmp_path / "files").iterdir()}


def sizes(evidence: Evidence) -> list[int]:
    """Return the size of the checkpoint, and of those that cover what is shown before it."""
    texts = [evidence.checkpoint, *(one.note for one in evidence.covering or ())]
    return [int(text.split("\n")[1]) for text in texts]
