"""The order: what a ledger accepts as what, in which company, under which checkpoint."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from ledger.commit import EMPTY_HEAD, Head
from ledger.errors import LedgerError, LogKeyError, StoreError
from ledger.export import export
from ledger.ledger import Ledger
from ledger.past import SnapshotPast
from ledger.sequencer import Accepted, prepare_submission, sequence
from ledger.writer import STEPS
from tests.ledger.builder import (
    NOON_MS,
    Clock,
    NewEvent,
    Party,
    found_ledger,
    new_charter,
    new_enrolment,
    new_event,
    new_letter,
    new_log_key,
    refused,
    sign_document,
    submit,
)
from tests.ledger.test_prove import padded
from tests.world import cosign, witness, witness_key
from verify.audit import audit
from verify.checkpoint import Checkpoint, check_checkpoint, format_checkpoint, parse_signed
from verify.checks import Check
from verify.entry import parse_entry
from verify.errors import RuleError, VerifyError
from verify.folder import Folder
from verify.merkle import leaf_hash
from verify.note import NoteSignature, VerifierKey, format_note, parse_note
from verify.receipt import (
    check_receipt_alone,
    parse_receipt,
)
from verify.submission import LedgerName, Seen, parse_document

ALPHA, BETA, GAMMA = Party("alpha", 1), Party("beta", 2), Party("gamma", 3)
KEY = new_log_key().verifier_key
DAY_MS = 86_400_000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    opened, _ = found_ledger(tmp_path / "ledger", ALPHA, clock=clock, members=["beta", "gamma"])
    with opened:
        yield opened


# The order


def test_a_retry_is_answered_with_its_receipt(ledger: Ledger, clock: Clock) -> None:
    events = [new_letter("alpha"), new_letter("alpha")]
    first = submit(ledger, *events)
    submit(ledger, new_letter("alpha"))
    clock.now_ms += 2 * 3_600_000  # the first signature has expired
    again = submit(ledger, *events)
    anew = submit(ledger, *events, expires=clock.now_ms + 1)

    assert again == anew
    assert (first.first, first.leaf) == (again.first, again.leaf)
    assert 4 == ledger.size()


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0), (0,), (1,), (2, 0), (0, 2)])
def test_refuses_known_events_in_other_company(ledger: Ledger, order: tuple[int, ...]) -> None:
    events = [new_letter("alpha") for _ in range(3)]
    submit(ledger, *events[:2])
    document = sign_document(ledger, ALPHA, [events[n] for n in order])

    assert Check.REPEATED is refused(ledger, document)


def test_refuses_an_event_that_is_there_twice(ledger: Ledger) -> None:
    event = new_letter("alpha")

    assert Check.REPEATED is refused(ledger, sign_document(ledger, ALPHA, [event, event]))


def batch_of(ledger: Ledger, documents: Sequence[bytes], *, now_ms: int = NOON_MS) -> list[object]:
    """Sequence documents in one batch, and record it."""
    assert ledger._writer is not None
    head = ledger._writer.head
    prepared = [prepare_submission(parse_document(d), state=head.state) for d in documents]
    with ledger._store.read() as snapshot:
        commit, outcomes = sequence(
            head,
            prepared,
            now_ms=now_ms,
            history=SnapshotPast(snapshot),
            signers=ledger._signers,
        )
    if commit is not None:
        assert ledger._store.append(head.size, commit)
        assert not ledger._store.append(head.size, commit)
        ledger._writer.head = commit.head
    return list(outcomes)


def test_a_refused_submission_leaves_no_trace_in_its_batch(ledger: Ledger) -> None:
    events = [new_letter("alpha") for _ in range(4)]
    bad = sign_document(ledger, BETA, [new_letter("beta")])
    documents = [
        sign_document(ledger, ALPHA, [events[0]]),
        bad,
        sign_document(ledger, ALPHA, [events[1], events[2]]),
        sign_document(ledger, ALPHA, [events[3], events[0]]),
        sign_document(ledger, ALPHA, [events[0]]),
    ]
    outcomes = batch_of(ledger, documents)

    expected = [Accepted(1, 1, new=True), Accepted(2, 2, new=True), Accepted(1, 1, new=False)]
    assert expected == [outcomes[n] for n in (0, 2, 4)]
    checks = [o.check for o in outcomes if isinstance(o, RuleError)]
    assert [Check.KEY, Check.REPEATED] == checks
    assert ledger.index_of(events[3].id) is None
    assert [1, 2, 3] == [ledger.index_of(event.id) for event in events[:3]]


def test_a_batch_may_refer_to_what_came_before_in_it(ledger: Ledger) -> None:
    letter = new_event(
        "alpha", "communication/v1", channel="call", claims={"title": "t"}, withheld=["title"]
    )
    answer = new_letter("alpha", links=[{"event": letter.id.hex(), "rel": "replies_to"}])
    opening = NewEvent(
        new_event("alpha", "opening/v1", of=letter.id.hex(), names=["title"]).data,
        letter.disclosures,
    )
    documents = [sign_document(ledger, ALPHA, [event]) for event in (letter, answer, opening)]

    assert [Accepted(n, 1, new=True) for n in (1, 2, 3)] == batch_of(ledger, documents)
    assert tuple(letter.disclosures.values()) == ledger.disclosures(1)
    assert () == ledger.disclosures(3)


def test_hands_over_nothing_that_the_event_did_not_withhold(ledger: Ledger) -> None:
    def withholding() -> NewEvent:
        return new_event(
            "alpha", "communication/v1", channel="call", claims={"title": "t"}, withheld=["title"]
        )

    here, other, new = (withholding() for _ in range(3))
    submit(ledger, here, other)

    def handing(event: NewEvent, text: str) -> tuple[NewEvent, tuple[str, ...]]:
        return new_event("alpha", "opening/v1", of=event.id.hex(), names=["title"]), (text,)

    for event, text in (
        (here, other.disclosures["title"]),
        (here, new_event("alpha", "meeting/v1", claims={"title": "t"}).disclosures["title"]),
        (new, other.disclosures["title"]),
    ):
        opening, texts = handing(event, text)
        document = sign_document(ledger, ALPHA, [new, opening], disclosures=[new.sent, texts])
        assert Check.DISCLOSURE is refused(ledger, document)
    assert () == ledger.disclosures(1)
    # In one submission, and in one batch, behind another event.
    opening, texts = handing(new, new.disclosures["title"])
    events = [new_letter("alpha", None), new, opening]
    ledger.submit(sign_document(ledger, ALPHA, events, disclosures=[(), (), texts]))
    assert texts == ledger.disclosures(4)
    last = withholding()
    opening, texts = handing(last, last.disclosures["title"])
    bad = sign_document(ledger, BETA, [new_letter("beta") for _ in range(3)])
    documents = [
        bad,
        sign_document(ledger, ALPHA, [new_letter("alpha", None), last]),
        bad,
        sign_document(ledger, ALPHA, [opening], disclosures=[texts]),
    ]
    outcomes = batch_of(ledger, documents)
    assert [Accepted(6, 2, new=True), Accepted(8, 1, new=True)] == outcomes[1::2]
    assert texts == ledger.disclosures(7)


def test_an_event_has_only_so_many_octets_of_disclosures_however_they_come(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"item.{number}" for number in range(1, 5)]

    def withholding() -> NewEvent:
        claims = {"title": "x" * 900, **dict.fromkeys(names, "x" * 600)}
        fields: dict[str, object] = {"channel": "call", "withheld": names}
        return new_event("alpha", "communication/v1", claims=claims, **fields)  # type: ignore[arg-type]  # fields are the event's own

    def handing(event: NewEvent, *which: str) -> tuple[NewEvent, tuple[str, ...]]:
        opening = new_event("alpha", "opening/v1", of=event.id.hex(), names=sorted(which))
        return opening, tuple(event.disclosures[name] for name in sorted(which))

    def document(*pairs: tuple[NewEvent, tuple[str, ...]]) -> bytes:
        events = [event for event, _ in pairs]
        return sign_document(ledger, ALPHA, events, disclosures=[texts for _, texts in pairs])

    one, two, three = withholding(), withholding(), withholding()
    limit = sum(len(one.disclosures[name]) for name in ("title", *names[:2]))
    monkeypatch.setattr("ledger.sequencer.MAX_DISCLOSURES", limit)
    ledger.submit(sign_document(ledger, ALPHA, [one]))
    ledger.submit(document(handing(one, names[0])))

    # Against what is recorded, exactly at the limit and above it.
    with pytest.raises(RuleError, match="too many octets") as refusal:
        ledger.submit(document((two, two.sent), handing(one, *names[1:3])))
    assert (Check.DISCLOSURE, "disclosures[1]") == (refusal.value.check, refusal.value.where)
    ledger.submit(document(handing(one, names[1])))
    assert Check.DISCLOSURE is refused(ledger, document(handing(one, names[2])))
    # What is there already takes no room.
    refusals = batch_of(ledger, [document(handing(one, names[0]))])
    assert not any("octets" in str(outcome) for outcome in refusals)
    # Within one submission.
    pairs = [(two, two.sent), *(handing(two, name) for name in names[:3])]
    assert Check.DISCLOSURE is refused(ledger, document(*pairs))
    # Within one batch.
    openings = [handing(three, name) for name in names]
    outcomes = batch_of(ledger, [document((three, three.sent)), *map(document, openings)])
    assert [Accepted] * 3 == [type(outcome) for outcome in outcomes[:3]]
    assert [Check.DISCLOSURE] * 2 == [o.check for o in outcomes[3:] if isinstance(o, RuleError)]


def test_the_same_batch_gives_the_same_octets_everywhere(tmp_path: Path) -> None:
    documents = None
    seen = []
    for name in ("one", "two"):
        letters = [new_letter("alpha", number=1000 + n) for n in range(300)]
        ledger, _ = found_ledger(tmp_path / name, ALPHA, number=7)
        documents = documents or [sign_document(ledger, ALPHA, [e]) for e in letters]
        for document in documents if name == "one" else ():
            ledger.submit(document)
        if name == "two":
            batch_of(ledger, documents)
        seen.append((list(ledger.entries()), ledger.checkpoint(), ledger.tile("tile/0/000")))
        ledger.close()

    assert seen[0] == seen[1]


def test_many_callers_are_each_answered(ledger: Ledger) -> None:
    events = [new_letter("alpha") for _ in range(200)]
    documents = [sign_document(ledger, ALPHA, [event]) for event in events]
    with ThreadPoolExecutor(8) as pool:
        receipts = [parse_receipt(r) for r in pool.map(ledger.submit, documents)]

    assert set(range(1, 201)) == {receipt.first for receipt in receipts}
    for event, receipt in zip(events, receipts, strict=True):
        check_receipt_alone(receipt, key=KEY)
        assert receipt.first == ledger.index_of(event.id)


def test_recorded_never_decreases_and_is_one_for_a_submission(ledger: Ledger, clock: Clock) -> None:
    for now_ms in (NOON_MS + 5, NOON_MS - 1000, NOON_MS + 7):
        clock.now_ms = now_ms
        submit(ledger, new_letter("alpha"), new_letter("alpha"))
    times = [parse_entry(entry).recorded - NOON_MS for entry in ledger.entries()]

    assert [0, 5, 5, 5, 5, 7, 7] == times


def test_refuses_what_has_expired(ledger: Ledger, clock: Clock) -> None:
    document = sign_document(ledger, ALPHA, [new_letter("alpha")])
    clock.now_ms += 2 * 3_600_000

    assert Check.EXPIRES is refused(ledger, document)


def test_refuses_what_was_signed_for_another_ledger(ledger: Ledger) -> None:
    name = LedgerName(origin=ledger.origin, charter="0" * 64)

    assert Check.LEDGER is refused(ledger, sign_document(name, ALPHA, [new_letter("alpha")]))


def test_refuses_octets_that_are_no_document(ledger: Ledger) -> None:
    for octets in (
        b"",
        b"{}",
        b"\xff",
        sign_document(ledger, ALPHA, [new_letter("alpha")]) + b"\n",
    ):
        with pytest.raises(VerifyError):
            ledger.submit(octets)


# `seen`


def test_keeps_the_note_that_was_seen_once(ledger: Ledger) -> None:
    notes = [ledger.checkpoint()]
    submit(ledger, new_letter("alpha"), note=notes[0])
    notes.append(ledger.checkpoint())
    submit(ledger, new_letter("alpha"), note=notes[1])
    submit(ledger, new_letter("alpha"), note=notes[0])

    assert notes == list(ledger.notes())


def test_keeps_no_more_notes_of_one_size_than_its_copies_can_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = witness("w1")
    named = [{"algorithm": one.algorithm, "key": one.key, "name": one.name}]
    found, clock = found_ledger(tmp_path / "cosigned", ALPHA, witnesses=named)

    def names(note: bytes) -> bytes:
        return sign_document(found, ALPHA, [new_letter("alpha")], note=note)

    with found:
        plain = found.checkpoint()
        first, second, third = (padded(plain, number, width=740) for number in (1, 2, 3))
        both = batch_of(found, [names(first), names(second)])
        submit(found, new_letter("alpha"), note=padded(plain, 4, lines=1))
        assert Check.SEEN == refused(found, names(third))
        submit(found, new_letter("alpha"), note=first)  # it is kept already
        # Of these there are no more than witnesses, and one.
        monkeypatch.setattr("ledger.seen.MAX_NOTE_SIZE", sum(map(len, found.notes())))
        own = cosign(plain, ("w1", clock() // 1000))
        text, (log_line, line) = parse_note(own)
        submit(found, new_letter("alpha"), note=plain)
        submit(found, new_letter("alpha"), note=own)
        for more in (
            format_note(text, [line, log_line]),
            cosign(plain, ("w1", clock() // 1000 + 1)),
        ):
            assert Check.SEEN == refused(found, names(more))
        submit(found, new_letter("alpha"), note=padded(found.checkpoint(), 5, width=740))
        kept = [len(note) for note in found.notes()]

    assert Accepted(1, 1, new=True) == both[0]
    assert isinstance(both[1], RuleError)
    assert Check.SEEN is both[1].check
    assert 5 == len(kept)


@pytest.mark.parametrize("at_first", [True, False])
def test_refuses_what_was_signed_later_than_its_clock_says(
    tmp_path: Path, *, at_first: bool
) -> None:
    named = [
        {"algorithm": one.algorithm, "key": one.key, "name": one.name}
        for one in map(witness, ("w1", "w2"))
    ]
    rules: dict[str, object] = {"witnesses": named, "quorum": 2}
    found, clock = found_ledger(tmp_path / "cosigned", ALPHA, **(rules if at_first else {}))  # type: ignore[arg-type]  # as in new_letter
    with found:
        if not at_first:
            amends = found.state().charter_id
            submit(found, new_charter(ALPHA, new_log_key(), founding=False, amends=amends, **rules))  # type: ignore[arg-type]  # as above
        at_s = clock() // 1000
        # One alone makes no quorum here, but it does for whoever trusts that one.
        late = cosign(found.checkpoint(), ("w1", at_s + 301), ("w2", at_s))
        document = sign_document(found, ALPHA, [new_letter("alpha")], note=late)
        with pytest.raises(RuleError, match="is cosigned later than now") as refusal:
            found.submit(document)
        just = cosign(found.checkpoint(), ("w1", at_s + 300), ("w2", at_s))
        submit(found, new_letter("alpha"), note=just)

        assert (Check.BRACKET, "note") == (refusal.value.check, refusal.value.where)
        assert str(refusal.value.found).endswith(" by w1.example")
        assert [just] == list(found.notes())


def test_refuses_a_note_that_was_cosigned_before_what_it_covers_was_recorded(
    tmp_path: Path,
) -> None:
    named = [
        {"algorithm": one.algorithm, "key": one.key, "name": one.name}
        for one in map(witness, ("w1", "w2"))
    ]
    found, clock = found_ledger(tmp_path / "cosigned", ALPHA, witnesses=named, quorum=2)
    with found:
        at_s = clock() // 1000
        # Each by itself, since two notes of one size make a quorum together.
        for name in ("w1", "w2"):
            early = cosign(found.checkpoint(), (name, at_s - 301))
            document = sign_document(found, ALPHA, [new_letter("alpha")], note=early)
            with pytest.raises(RuleError, match="cosigned earlier than what it covers") as refusal:
                found.submit(document)
            assert (Check.BRACKET, "note") == (refusal.value.check, refusal.value.where)
            assert str(refusal.value.found).endswith(f" by {name}.example")
        for name in ("w1", "w2"):
            just = cosign(found.checkpoint(), (name, at_s - 300))
            submit(found, new_letter("alpha"), note=just)
        export(found, tmp_path / "export")

    assert "self-consistent" == audit(Folder(tmp_path / "export")).verdict


@pytest.mark.parametrize("out_s", [-301, 301])
def test_a_line_out_of_time_is_refused_without_a_quorum_and_beside_one_that_is_not_valid(
    tmp_path: Path, out_s: int
) -> None:
    """Whoever trusts that one witness alone would find the ledger invalid for good."""
    named = [
        {"algorithm": one.algorithm, "key": one.key, "name": one.name}
        for one in map(witness, ("w1", "w2"))
    ]
    found, clock = found_ledger(tmp_path / "no quorum", ALPHA, witnesses=named)
    with found:
        out = cosign(found.checkpoint(), ("w1", clock() // 1000 + out_s))
        document = sign_document(found, ALPHA, [new_letter("alpha")], note=out)
        assert Check.BRACKET == refused(found, document)
    found, clock = found_ledger(tmp_path / "quorum", ALPHA, witnesses=named, quorum=1)
    with found:
        key = witness_key("w2")
        bad = NoteSignature(key.name, key.key_id, bytes(72))
        notes = []
        for at_s in (out_s, 0):
            text, lines = parse_note(cosign(found.checkpoint(), ("w1", clock() // 1000 + at_s)))
            notes.append(format_note(text, [*lines, bad]))
        document = sign_document(found, ALPHA, [new_letter("alpha")], note=notes[0])
        assert Check.BRACKET == refused(found, document)
        submit(found, new_letter("alpha"), note=notes[1])

        assert notes[1:] == list(found.notes())


def test_a_note_of_what_stands_in_its_own_batch_is_weighed_alike(tmp_path: Path) -> None:
    """The log key may be used elsewhere; and to a mirror all that it copies at once is a batch."""
    one = witness("w1")
    named = [{"algorithm": one.algorithm, "key": one.key, "name": one.name}]
    outcomes: list[object] = []
    for late_s in (300, 301):
        documents: list[bytes] = []
        for name in (f"one {late_s}", f"two {late_s}"):
            found, clock = found_ledger(
                tmp_path / name, ALPHA, number=late_s, witnesses=named, quorum=1
            )
            with found:
                if not documents:
                    documents.append(sign_document(found, ALPHA, [new_letter("alpha")]))
                    found.submit(documents[0])
                    early = cosign(found.checkpoint(), ("w1", clock() // 1000 - late_s))
                    documents.append(sign_document(found, ALPHA, [new_letter("alpha")], note=early))
                else:
                    outcomes += batch_of(found, documents)

    assert [Accepted(n, 1, new=True) for n in (1, 2, 1)] == outcomes[:3]
    assert isinstance(outcomes[3], RuleError)
    assert Check.BRACKET is outcomes[3].check


def test_a_note_is_weighed_by_the_tolerance_of_each_entry_that_it_covers(tmp_path: Path) -> None:
    named = [
        {"algorithm": one.algorithm, "key": one.key, "name": one.name}
        for one in map(witness, ("w1", "w2"))
    ]
    rules: dict[str, object] = {"witnesses": named, "quorum": 2}
    found, clock = found_ledger(tmp_path / "cosigned", ALPHA, tolerance_s=60, **rules)  # type: ignore[arg-type]  # as in new_letter
    with found:
        amends = found.state().charter_id
        amended = new_charter(ALPHA, new_log_key(), founding=False, amends=amends, **rules)  # type: ignore[arg-type]  # as above
        submit(found, amended)  # the tolerance is 300 s from the entry after it on
        at_s = clock() // 1000
        for _ in range(2):
            early = cosign(found.checkpoint(), ("w1", at_s - 61), ("w2", at_s - 61))
            document = sign_document(found, ALPHA, [new_letter("alpha")], note=early)
            assert Check.BRACKET == refused(found, document)
            just = cosign(found.checkpoint(), ("w1", at_s - 60), ("w2", at_s - 60))
            submit(found, new_letter("alpha"), note=just)
        clock.now_ms += 240_000
        submit(found, new_letter("alpha"))
        wider = cosign(found.checkpoint(), ("w1", at_s - 60), ("w2", at_s - 60))
        submit(found, new_letter("alpha"), note=wider)
        clock.now_ms += 61_000
        submit(found, new_letter("alpha"))
        early = cosign(found.checkpoint(), ("w1", at_s), ("w2", at_s))
        document = sign_document(found, ALPHA, [new_letter("alpha")], note=early)
        assert Check.BRACKET == refused(found, document)
        just = cosign(found.checkpoint(), ("w1", at_s + 1), ("w2", at_s + 1))
        submit(found, new_letter("alpha"), note=just)
        export(found, tmp_path / "export")

    assert "self-consistent" == audit(Folder(tmp_path / "export")).verdict


def test_a_tolerance_that_was_narrowed_weighs_no_note_of_before(tmp_path: Path) -> None:
    named = [
        {"algorithm": one.algorithm, "key": one.key, "name": one.name}
        for one in map(witness, ("w1", "w2"))
    ]
    rules: dict[str, object] = {"witnesses": named, "quorum": 2}
    found, clock = found_ledger(tmp_path / "cosigned", ALPHA, **rules)  # type: ignore[arg-type]  # as in new_letter
    with found:
        rules |= {"amends": found.state().charter_id, "tolerance_s": 60}
        submit(found, new_charter(ALPHA, new_log_key(), founding=False, **rules))  # type: ignore[arg-type]  # as above
        at_s = clock() // 1000
        before = cosign(found.checkpoint(), ("w1", at_s - 300), ("w2", at_s - 300))
        submit(found, new_letter("alpha"), note=before)
        export(found, tmp_path / "export")

    assert "self-consistent" == audit(Folder(tmp_path / "export")).verdict


def test_a_smaller_tolerance_makes_nothing_invalid_that_saw_an_earlier_note(tmp_path: Path) -> None:
    one = witness("w1")
    named = [{"algorithm": one.algorithm, "key": one.key, "name": one.name}]
    rules: dict[str, object] = {"witnesses": named, "quorum": 1}
    found, clock = found_ledger(tmp_path / "cosigned", ALPHA, **rules)  # type: ignore[arg-type]  # as in new_letter
    with found:
        ahead = cosign(found.checkpoint(), ("w1", clock() // 1000 + 200))
        submit(found, new_letter("alpha"), note=ahead)
        rules |= {"amends": found.state().charter_id, "tolerance_s": 60}
        submit(found, new_charter(ALPHA, new_log_key(), founding=False, **rules))  # type: ignore[arg-type]  # as above
        submit(found, new_letter("alpha"), note=found.checkpoint())
        export(found, tmp_path / "export")

    assert "self-consistent" == audit(Folder(tmp_path / "export")).verdict


def test_accepts_a_seen_size_that_was_never_published(ledger: Ledger) -> None:
    submit(ledger, *(new_letter("alpha") for _ in range(9)))
    note = signed_checkpoint(ledger, 4, ledger.root_at(4))

    assert 10 == submit(ledger, new_letter("alpha"), note=note).first


def test_refuses_a_note_of_another_history(ledger: Ledger) -> None:
    submit(ledger, new_letter("alpha"))
    for size, root in ((1, bytes(32)), (2, ledger.root_at(1)), (3, ledger.root())):
        note = signed_checkpoint(ledger, size, root)
        document = sign_document(ledger, ALPHA, [new_letter("alpha")], note=note)

        assert Check.SEEN is refused(ledger, document)


def test_refuses_a_note_that_the_log_did_not_sign(ledger: Ledger) -> None:
    other = signed_checkpoint(ledger, 1, ledger.root(), key_number=9)
    document = sign_document(ledger, ALPHA, [new_letter("alpha")], note=other)

    assert Check.SEEN is refused(ledger, document)


def test_refuses_a_note_that_is_not_the_one_signed_for(ledger: Ledger) -> None:
    note = ledger.checkpoint()
    document = sign_document(ledger, ALPHA, [new_letter("alpha")], note=note)
    line = note.splitlines()[-1].decode()
    changed = document.replace(note.decode().replace("\n", "\\n").encode(), b"@")
    assert changed != document
    twice = (note.decode() + line + "\n").replace("\n", "\\n").encode()

    assert Check.SEEN is refused(ledger, changed.replace(b"@", twice))


def test_refuses_a_statement_of_another_tree_than_its_note_is_of(ledger: Ledger) -> None:
    smaller = ledger.root()
    submit(ledger, new_letter("alpha"))
    note = ledger.checkpoint()
    seen = Seen(note=sha256(note).hexdigest(), root=smaller.hex(), size=1)
    document = sign_document(ledger, ALPHA, [new_letter("alpha")], note=note, seen=seen)

    assert Check.SEEN is refused(ledger, document)


def signed_checkpoint(ledger: Ledger, size: int, root: bytes, *, key_number: int = 1) -> bytes:
    key = new_log_key(key_number)
    text = format_checkpoint(Checkpoint(ledger.origin, size, root))
    line = NoteSignature(ledger.origin, key.verifier_key.key_id, key.sign(text))
    return format_note(text, [line])


# Governance


def test_state_is_the_same_after_opening_again(ledger: Ledger, clock: Clock) -> None:
    submit(ledger, new_enrolment(ledger, "alpha", BETA))
    submit(ledger, new_letter("beta"), party=BETA)
    join = new_event("beta", "party/v1", verb="join", charter=ledger.fingerprint)
    submit(ledger, join, party=BETA)
    recovered = Party("beta", 22)
    submit(ledger, new_enrolment(ledger, "alpha", recovered, verb="recover"))
    clock.now_ms += 60_000
    submit(ledger, new_letter("alpha"))  # with this the recovery takes effect, though no governance
    submit(ledger, new_letter("beta"), party=recovered)
    state, path = ledger.state(), ledger.path
    rules = [parse_entry(entry).rules for entry in ledger.entries()]
    leaves = [leaf_hash(entry).hex() for entry in ledger.entries()]
    ledger.close()

    assert [None, *(leaves[n] for n in (0, 1, 1, 3, 4, 4))] == rules
    assert "ended" == state.keys[BETA.public].status
    assert 5 == state.keys[recovered.public].since
    with Ledger.open(path, clock=clock) as again:
        assert state == again.state()
        assert 7 == submit(again, new_letter("beta"), party=recovered).first


def test_refuses_a_charter_whose_log_key_is_not_at_hand(ledger: Ledger) -> None:
    amendment = new_charter(ALPHA, new_log_key(2), founding=False, amends=ledger.state().charter_id)
    with pytest.raises(LogKeyError) as refusal:
        submit(ledger, amendment)

    assert new_log_key(2).public.hex() == refusal.value.key
    assert 1 == ledger.size()
    assert 1 == submit(ledger, new_letter("alpha")).first  # and the ledger goes on


def test_refuses_a_charter_that_would_take_effect_later_without_its_log_key(
    tmp_path: Path,
) -> None:
    rules: dict[str, object] = {
        "members": ["beta"],
        "registrars": ["alpha", "beta"],
        "thresholds": {"govern": 2, "recover": 1},
    }
    with found_ledger(tmp_path / "two", ALPHA, **rules)[0] as found:  # type: ignore[arg-type]  # as in new_letter
        rules["amends"] = found.state().charter_id
        amendment = new_charter(ALPHA, new_log_key(2), founding=False, **rules)  # type: ignore[arg-type]  # as in new_letter
        with pytest.raises(LogKeyError):
            submit(found, amendment)
        found.add_log_key(new_log_key(2))

        assert 1 == submit(found, amendment).first
        assert found.state().pending


def test_a_new_log_key_signs_from_the_size_of_its_charter_on(ledger: Ledger, clock: Clock) -> None:
    submit(ledger, new_letter("alpha"))
    old = ledger.checkpoint()
    ledger.add_log_key(new_log_key(2))
    amendment = new_charter(ALPHA, new_log_key(2), founding=False, amends=ledger.state().charter_id)
    submit(ledger, amendment)
    path = ledger.path
    ledger.close()
    with Ledger.open(path, clock=clock) as again:
        submit(again, new_letter("alpha"), note=old)
        submit(again, new_letter("alpha"), note=again.checkpoint())
        notes = [again.checkpoint_at(size) for size in (1, 2, 3, 4)]
    keys: list[VerifierKey] = [new_log_key(n).verifier_key for n in (1, 1, 2, 2)]

    for note, key in zip(notes, keys, strict=True):
        check_checkpoint(note, key=key, origin=again_origin(note))


def test_a_note_by_a_log_key_that_was_replaced_meanwhile_is_refused(ledger: Ledger) -> None:
    ledger.add_log_key(new_log_key(2))
    amendment = new_charter(ALPHA, new_log_key(2), founding=False, amends=ledger.state().charter_id)
    documents = [sign_document(ledger, ALPHA, [amendment])]
    assert ledger._writer is not None
    head = ledger._writer.head
    prepared = prepare_submission(parse_document(documents[0]), state=head.state)
    with ledger._store.read() as snapshot:
        past, signers = SnapshotPast(snapshot), ledger._signers
        commit, _ = sequence(head, [prepared], now_ms=NOON_MS, history=past, signers=signers)
    assert commit is not None
    root = parse_signed(commit.checkpoint)[0].root
    note = signed_checkpoint(ledger, 2, root)
    documents.append(sign_document(ledger, ALPHA, [new_letter("alpha")], note=note))
    accepted, late = batch_of(ledger, documents)

    assert Accepted(1, 1, new=True) == accepted
    assert isinstance(late, RuleError)
    assert Check.SEEN == late.check


def again_origin(note: bytes) -> str:
    return note.split(b"\n")[0].decode()


def test_a_closed_ledger_admits_nothing_more(ledger: Ledger) -> None:
    closing = new_charter(
        ALPHA, new_log_key(), founding=False, amends=ledger.state().charter_id, state="closed"
    )
    submit(ledger, closing)

    assert Check.CLOSED is refused(ledger, sign_document(ledger, ALPHA, [new_letter("alpha")]))


def test_founds_nothing_on_another_log_key(tmp_path: Path) -> None:
    charter = new_charter(ALPHA, new_log_key(2))
    document = sign_document(LedgerName(origin=new_log_key().origin), ALPHA, [charter])
    with pytest.raises(LogKeyError):
        Ledger.create(tmp_path / "x", document=document, log_key=new_log_key(1), clock=Clock())
    assert [] == list(tmp_path.iterdir())


def test_founds_nothing_on_a_charter_that_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VerifyError):
        found_ledger(tmp_path / "x", ALPHA, spec="counterfoil/999")
    assert [] == list(tmp_path.iterdir())


# The writer


def test_every_step_is_observed_in_order(ledger: Ledger, clock: Clock) -> None:
    path, steps = ledger.path, list[int]()
    ledger.close()
    with Ledger.open(path, clock=clock, observer=steps.append) as again:
        submit(again, new_letter("alpha"))

    assert list(range(1, STEPS + 1)) == steps


def test_a_broken_writer_answers_and_records_nothing_more(ledger: Ledger, clock: Clock) -> None:
    def break_at_four(step: int) -> None:
        if step == 4:
            raise ZeroDivisionError

    path = ledger.path
    ledger.close()
    with Ledger.open(path, clock=clock, observer=break_at_four) as broken:
        assert broken.healthy()
        with pytest.raises(ZeroDivisionError):
            submit(broken, new_letter("alpha"))
        with pytest.raises(StoreError):
            submit(broken, new_letter("alpha"))
        assert (False, 1) == (broken.healthy(), broken.size())


def test_a_closed_ledger_object_records_nothing(ledger: Ledger) -> None:
    document = sign_document(ledger, ALPHA, [new_letter("alpha")])
    ledger.close()
    with pytest.raises(LedgerError):
        ledger.submit(document)


def test_an_empty_head_is_where_every_ledger_begins() -> None:
    assert Head(0, (), None, 0, None, None) == EMPTY_HEAD == replace(EMPTY_HEAD)
