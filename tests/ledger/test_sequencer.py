"""The order: what a ledger accepts as what, in which company, under which checkpoint."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.commit import EMPTY_HEAD, Head
from ledger.errors import LedgerError, LogKeyError, StoreError
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
from verify.checkpoint import check_checkpoint
from verify.checks import Check
from verify.entry import parse_entry
from verify.errors import RuleError, VerifyError
from verify.merkle import leaf_hash
from verify.note import VerifierKey
from verify.receipt import (
    check_receipt_alone,
    parse_receipt,
)
from verify.submission import LedgerName, parse_document

ALPHA, BETA, GAMMA = Party("alpha", 1), Party("beta", 2), Party("gamma", 3)
KEY = new_log_key().verifier_key


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
