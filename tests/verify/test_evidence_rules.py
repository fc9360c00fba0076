"""Evidence files: signers, statements, rules and references."""

import msgspec
import pytest

from tests.evidencing import audited, causes, changed, two_parties
from tests.showing import evidence_of
from tests.world import DAY_MS, T0, Said, World, letter, say, signing_key
from verify.checks import Check
from verify.codec import encode
from verify.entry import parse_entry
from verify.evidence import EvidenceEntry
from verify.kinds import (
    Date,
    Erasure,
    Event,
    Hold,
    Knowledge,
    Link,
    Membership,
    Opening,
    Position,
    Request,
    Sealed,
    Step,
)

# Signers, statements and rules


def test_refuses_charter_that_founds_nothing() -> None:
    world = World().found(state="closed")
    world.submit(letter("northmere"))

    assert causes(evidence_of(world, 1)) == [Check.CHARTER]


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"key": signing_key("nobody")}, Check.KEY),
        ({"author": "southfold", "key": signing_key("southfold")}, Check.AUTHOR),
        ({"root": "0" * 64}, Check.SUBMISSION_ROOT),
        ({"count": 1}, Check.COUNT),
        ({"expires": T0}, Check.EXPIRES),
        ({"expires": T0 + 90 * DAY_MS}, Check.EXPIRES),
    ],
)
def test_refuses_statement_that_does_not_hold(changes: dict[str, object], check: Check) -> None:
    world = World().found()
    world.enrol("southfold")
    world.submit(letter("northmere"), letter("northmere"), **changes)  # type: ignore[arg-type]  # any field

    evidence = evidence_of(world, 2)
    if check is Check.COUNT:
        second = EvidenceEntry(entry=msgspec.Raw(world.entries[3]), shown="yes")
        evidence = changed(evidence, entries=(*evidence.entries, second))
    assert check is causes(evidence)[0]


def test_refuses_root_of_a_submission_that_is_whole_here() -> None:
    world = World().found()
    said, other = letter("northmere"), letter("northmere")
    world.append([said], world.sign([other]))

    assert causes(evidence_of(world, 1)) == [Check.SUBMISSION_ROOT]


def test_refuses_key_without_the_power_and_key_that_ended() -> None:
    world = World().found()
    world.enrol("southfold", powers=("govern", "intake"))
    world.submit(say(Request, "southfold", what="data", medium="oral",
                     from_=("southfold",), to=("northmere",)))  # fmt: skip
    assert causes(evidence_of(world, 2)) == [Check.POWER]

    world = two_parties()
    world.submit(say(Membership, "southfold", None, verb="leave", charter=world.fingerprint))
    late = world.submit(letter("southfold"))
    assert causes(evidence_of(world, late)) == [Check.KEY]


def test_refuses_seen_that_is_in_the_future_or_disagrees() -> None:
    world = World().found()
    world.submit(letter("northmere"))
    seen, note = world.seen()
    world.keep(note)
    for changes in ({"size": 1}, {"root": "0" * 64}, {"size": 9}):
        other = msgspec.structs.replace(seen, **changes)
        index = world.submit(letter("northmere"), seen=other)
        assert causes(evidence_of(world, index)) == [Check.SEEN]


def test_refuses_seen_note_that_is_no_checkpoint() -> None:
    world = World().found()
    for size in (1, 2):
        world.log = signing_key("another log")
        seen, note = world.seen(1)
        world.keep(note)
        world.log = signing_key("log")
        index = world.submit(letter("northmere"), seen=seen)
        assert size == index
        assert causes(evidence_of(world, index)) == [Check.SEEN]


def test_refuses_entries_that_contradict_each_other() -> None:
    for field, check in (("prev", Check.PREV), ("recorded", Check.RECORDED)):
        world = two_parties()
        entry = parse_entry(world.entries[4])
        value: object = "0" * 64 if field == "prev" else entry.recorded + 1
        world.entries[4] = encode(msgspec.structs.replace(entry, **{field: value}))
        assert causes(evidence_of(world, 3, 4)) == [check]
        assert causes(evidence_of(world, 4))[0] is check


def test_refuses_submissions_that_overlap() -> None:
    world = World().found()
    said = [letter("northmere"), letter("northmere")]
    world.append(said[:1], world.sign(said))
    world.submit(letter("northmere"))
    evidence = evidence_of(world, 2)
    ids = [one.id for one in said]
    first = EvidenceEntry(
        entry=msgspec.Raw(world.entries[1]),
        path=(ids[1],),
        proof=evidence_of(world, 1).entries[0].proof,
        shown="yes",
    )

    assert causes(changed(evidence, entries=(first, *evidence.entries))) == [Check.POSITION]


def test_refuses_rules_that_name_another_governance_entry() -> None:
    world = two_parties()
    world.rules = world.leaves[1].hex()
    index = world.submit(letter("southfold"))

    assert causes(evidence_of(world, index)) == [Check.RULES_REF]


# References


def step(author: str, of: str) -> Said:
    return say(Step, author, of=of, target="request", verb="acknowledge")


def opened(author: str, of: str, event: Event) -> Said:
    return Said(Opening(author=author, nonce="0" * 32, of=of, event=event))  # type: ignore[arg-type]  # any event


def sealing(author: str, seals: str) -> Said:
    opens_by = {"opens_by": Date(basis="stated", edtf="2027-01-01")}
    return say(Sealed, author, seals=seals, dates=opens_by)


def test_reference_to_what_is_not_shown_is_left_open() -> None:
    world = World().found()
    world.enrol("southfold")
    first = letter("northmere")
    world.submit(first)
    said = letter("southfold")
    for one in (
        step("northmere", first.id),
        say(Position, "southfold", on=first.id, stance="retract_own"),
        say(Erasure, "southfold", of=first.id, names=("text",), ground="error"),
        say(Hold, "southfold", ends=first.id),
        say(Opening, "southfold", of=first.id, names=("text",)),
        opened("southfold", first.id, said.event),
        say(Knowledge, "southfold", knower="southfold", of="0" * 64, mode="told"),
    ):
        index = world.submit(one)
        assert audited(evidence_of(world, index)).findings == ()


def test_reference_to_what_is_shown_is_judged() -> None:
    world = World().found()
    world.enrol("southfold")
    first = letter("northmere", withheld=("text",))
    world.submit(first)
    for one, check in (
        (step("northmere", first.id), Check.STEP),
        (say(Position, "southfold", on=first.id, stance="retract_own"), Check.OWN),
        (say(Erasure, "southfold", of=first.id, names=("text",), ground="error"), Check.ERASURE),
        (say(Hold, "southfold", ends=first.id), Check.HOLD),
        (say(Opening, "southfold", of=first.id, names=("text",)), Check.OPENING),
        (opened("southfold", first.id, letter("southfold").event), Check.OPENING),
    ):
        index = world.submit(one)
        assert causes(evidence_of(world, 2, index)) == [check]


def test_opening_of_what_is_shown_opens_it() -> None:
    world = World().found()
    inner, other = letter("northmere"), letter("northmere")
    sealed = sealing("northmere", inner.id)
    world.submit(sealed)
    world.submit(Said(opened("northmere", sealed.id, inner.event).event, inner.disclosures))
    answer = say(Position, "northmere", on=inner.id, stance="retract_own")
    world.submit(answer)
    world.submit(opened("northmere", sealed.id, other.event))

    assert audited(evidence_of(world, 1, 2, 3)).findings == ()
    assert audited(evidence_of(world, 2)).counts["disclosures"] == 4
    assert causes(evidence_of(world, 1, 4)) == [Check.OPENING]


def test_refuses_opening_of_another_authors_event() -> None:
    world = World().found()
    index = world.submit(opened("northmere", "0" * 64, letter("southfold").event))

    assert causes(evidence_of(world, index)) == [Check.OPENING]


def test_refuses_event_that_names_a_later_one() -> None:
    world = World().found()
    later = letter("northmere")
    early = letter("northmere", links=(Link(event=later.id, rel="follows"),))
    world.submit(early)
    world.submit(later)

    assert causes(evidence_of(world, 1, 2)) == [Check.REFERENCE]
    assert causes(evidence_of(world, 1)) == []


def test_refuses_event_that_is_here_twice() -> None:
    world = World().found()
    said = letter("northmere")
    world.submit(said)
    world.submit(said)

    assert causes(evidence_of(world, 1, 2)) == [Check.REPEATED]


def test_governance_event_in_company_is_refused() -> None:
    world = World().found()
    world.submit(letter("northmere"), world.enrolment("southfold"))
    world.rules = world.leaves[0].hex()
    index = world.submit(letter("northmere"))

    assert causes(evidence_of(world, 2)) == [Check.ALONE]
    assert index == 3
