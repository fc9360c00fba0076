"""What a ledger may accept after what it holds (SPEC sections 6.4, 9.7, 9.8)."""

from collections.abc import Callable
from copy import deepcopy

import pytest
from msgspec.structs import replace

from tests.vectors.events import sample_events
from tests.world import (
    DAY_MS,
    Said,
    World,
    founding_charter,
    letter,
    restart,
    say,
    signing_key,
)
from verify.audit import audit
from verify.checks import Check
from verify.events import power_for, references
from verify.kinds import (
    Account,
    Artefact,
    Date,
    Discharge,
    Erasure,
    Hold,
    Link,
    Opening,
    Position,
    Request,
    Sealed,
    Sentence,
    Step,
    Transfer,
)
from verify.rules import candidate_of, powers_of
from verify.source import MappingSource
from verify.submission import LedgerName, Seen

NOTHING = "00" * 32
SAMPLES = sample_events()
OPENS_BY = {"opens_by": Date(basis="stated", edtf="2027-01-01")}


@pytest.fixture
def world() -> World:
    restart("rules")
    made = World().found()
    made.enrol("southfold")
    made.join("southfold")
    return made


def refusal(world: World) -> tuple[Check, str]:
    (finding,) = audit(MappingSource(world.export())).findings

    assert finding.index in range(world.submissions[-1][0], world.size)
    return finding.check, finding.where


def findings(world: World) -> list[Check]:
    return [finding.check for finding in audit(MappingSource(world.export())).findings]


def record(world: World, said: Said) -> Said:
    world.submit(said)
    return said


def sealed(author: str, nested: Said) -> Said:
    return say(Sealed, author, None, seals=nested.id, dates=OPENS_BY)


def opening(author: str, of: Said, nested: Said) -> Said:
    return Said(say(Opening, author, None, of=of.id, event=nested.event).event, nested.disclosures)


STATEMENTS: list[tuple[str, dict[str, object], tuple[Check, str]]] = [
    ("for another origin", {"ledger": LedgerName(origin="x", charter=NOTHING)},
     (Check.LEDGER, "statement.ledger.origin")),
    ("for another charter", {"ledger": LedgerName(origin="ledger.example/two-councils",
     charter=NOTHING)}, (Check.LEDGER, "statement.ledger.charter")),
    ("by another author", {"author": "northmere"}, (Check.AUTHOR, "events[0].author")),
    ("of too many events", {"count": 2}, (Check.COUNT, "statement.count")),
    ("of another root", {"root": NOTHING}, (Check.SUBMISSION_ROOT, "statement.root")),
    ("that had expired", {"expires": 0}, (Check.EXPIRES, "statement.expires")),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), [row[1:] for row in STATEMENTS],
                         ids=[row[0] for row in STATEMENTS])  # fmt: skip
def test_a_statement_is_refused(
    world: World, changes: dict[str, object], expected: tuple[Check, str]
) -> None:
    world.submit(letter("southfold"), **changes)  # type: ignore[arg-type]  # any field

    assert expected == refusal(world)


def test_a_statement_expires_within_31_days(world: World) -> None:
    world.submit(letter("southfold"), expires=world.now + 31 * DAY_MS)
    world.submit(letter("southfold"), expires=world.now)

    assert [] == findings(world)

    world.submit(letter("southfold"), expires=world.now + 31 * DAY_MS + 1)

    assert (Check.EXPIRES, "statement.expires") == refusal(world)


def test_what_was_seen_is_no_later_than_what_was_said(world: World) -> None:
    root = world.root(2).hex()
    note = deepcopy(world).seen(2)[0].note
    rows = (
        (Seen(note=NOTHING, root=NOTHING, size=world.size + 1), "statement.seen.size"),
        (Seen(note=NOTHING, root=root, size=2), "statement.seen.note"),
        (Seen(note=note, root=NOTHING, size=2), "statement.seen.root"),
        (Seen(note=note, root=root, size=1), "statement.seen.note"),
    )
    for seen, where in rows:
        later = deepcopy(world)
        later.keep(later.cosigned(2) if seen.note == NOTHING else later.note(2))
        later.submit(letter("southfold"), seen=seen)
        found = audit(MappingSource(later.export())).findings

        assert (Check.SEEN, where) in [(f.check, f.where) for f in found]


def test_a_key_needs_the_power_for_each_event(world: World) -> None:
    world.enrol("southfold", by="southfold", key=signing_key("intake"), powers=("intake",))
    request = say(
        Request, "southfold", None, what="data", medium="oral", from_=("southfold",), to=("a",)
    )
    world.submit(letter("southfold"), key=signing_key("intake"))
    world.submit(say(Artefact, "southfold", None, type="letter"), key=signing_key("intake"))

    assert [] == findings(world)

    world.submit(letter("southfold"), request, key=signing_key("intake"))

    assert (Check.POWER, "events[1].kind") == refusal(world)


def test_an_opening_needs_the_power_of_what_is_nested(world: World) -> None:
    of = record(world, letter("northmere"))
    nested = say(Position, "southfold", None, on=of.id, stance="admit")
    hidden = record(world, sealed("southfold", nested))
    world.enrol("southfold", by="southfold", key=signing_key("r"), powers=("answer", "record"))
    world.submit(opening("southfold", hidden, nested), key=signing_key("r"))

    assert (Check.POWER, "events[0].kind") == refusal(world)


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_what_is_not_looked_into_says_the_same(kind: str) -> None:
    for links in (None, (Link(event="00" * 32, rel="about"),)):
        event = replace(SAMPLES[kind].event, links=None if kind == "sealed" else links)
        nested = (event.event,) if isinstance(event, Opening) and event.event is not None else ()
        candidate = candidate_of(event, event_id="01" * 32)

        assert "01" * 32 == candidate.id
        assert kind == candidate.kind
        assert event.author == candidate.author
        assert tuple(power_for(each) for each in (event, *nested)) == powers_of(candidate)
        assert tuple(references(event)) == candidate.references
        assert candidate.special is None or candidate.special is event


def test_an_event_is_said_once(world: World) -> None:
    said = record(world, letter("southfold"))
    world.submit(said)

    assert (Check.REPEATED, "events[0]") == refusal(world)


def test_a_hold_that_is_repeated_is_a_finding_and_no_accident(world: World) -> None:
    said = record(world, say(Hold, "southfold", None, all="yes"))
    world.submit(said)

    assert (Check.REPEATED, "events[0]") == refusal(world)


def test_an_event_is_said_once_in_its_submission_too(world: World) -> None:
    said = letter("southfold")
    world.submit(said, said)

    assert (Check.REPEATED, "events[1]") == refusal(world)


def test_governance_travels_alone(world: World) -> None:
    keys = [world.enrolment("northmere", key=signing_key(name)) for name in ("n2", "n3")]
    world.submit(*keys)

    assert (Check.ALONE, "events[0]") == refusal(world)


def test_references_name_what_came_before(world: World) -> None:
    one, two = letter("southfold", "One"), letter("southfold", "Two")
    reply = letter("southfold", "Three", links=(Link(event=one.id, rel="replies_to"),))
    foreign = Link(event=NOTHING, rel="same_as", ledger="77" * 32)
    world.submit(one, two, reply, letter("southfold", "Four", links=(foreign,)))

    assert [] == findings(world)

    own = Link(event=one.id, rel="about", ledger=world.fingerprint)
    nested = letter("southfold", "Five", links=(own,))
    hidden = record(world, sealed("southfold", nested))
    sentence = Sentence(number=1, events=(one.id, NOTHING))
    rows: list[tuple[tuple[Said, ...], str]] = [
        ((letter("southfold", links=(Link(event=NOTHING, rel="about"),)),),
         "events[0].links[0].event"),
        ((letter("southfold", links=(own,)),), "events[0].links"),
        ((opening("southfold", hidden, nested),), "events[0].links"),
        ((say(Account, "southfold", None, sentences=(sentence,)),),
         "events[0].sentences[0].events[1]"),
        ((say(Transfer, "southfold", None, from_="a", to=("b",),
              discharges=(Discharge(request=NOTHING),)),), "events[0].discharges[0].request"),
    ]  # fmt: skip
    for said, where in rows:
        later = deepcopy(world)
        later.submit(*said)

        assert (Check.REFERENCE, where) == refusal(later)

    later_one = letter("southfold", "Later")
    forward = letter("southfold", links=(Link(event=later_one.id, rel="about"),))
    world.submit(forward, later_one)

    assert (Check.REFERENCE, "events[0].links[0].event") == refusal(world)


def test_a_step_is_of_what_it_says(world: World) -> None:
    said = record(world, letter("southfold"))
    world.submit(say(Step, "southfold", None, of=said.id, target="request", verb="chase"))

    assert (Check.STEP, "events[0].of") == refusal(world)


def test_only_its_author_opens_what_was_sealed(world: World) -> None:
    nested = letter("southfold", "Sealed")
    hidden = record(world, sealed("southfold", nested))
    other = letter("southfold", "Another")
    northern = letter("northmere", "Northern")
    false = record(world, sealed("northmere", nested))
    plain = record(world, letter("southfold"))
    rows: list[tuple[Said, str]] = [
        (opening("southfold", hidden, other), "events[0].event"),
        (opening("southfold", hidden, northern), "events[0].event.author"),
        (opening("northmere", hidden, northern), "events[0].of"),
        (opening("southfold", false, nested), "events[0].of"),
        (opening("southfold", plain, nested), "events[0].of"),
    ]
    for said, where in rows:
        later = deepcopy(world)
        later.submit(said)

        assert (Check.OPENING, where) == refusal(later)

    world.submit(opening("southfold", hidden, nested))

    assert [] == findings(world)

    world.submit(opening("southfold", hidden, nested))

    assert (Check.REPEATED, "events[0]") == refusal(world)


def test_a_sealed_event_and_its_opening_can_travel_together(world: World) -> None:
    nested = letter("southfold", "Sealed")
    hidden = sealed("southfold", nested)
    opened = opening("southfold", hidden, nested)
    about = letter("southfold", links=(Link(event=nested.id, rel="about"),))
    world.submit(hidden, opened, about)

    assert [] == findings(world)


def test_the_rules_hold_for_what_is_nested(world: World) -> None:
    said = record(world, letter("northmere"))
    nested = say(Position, "southfold", None, on=said.id, stance="retract_own")
    hidden = record(world, sealed("southfold", nested))
    world.submit(opening("southfold", hidden, nested))

    assert (Check.OWN, "events[0].on") == refusal(world)


def test_what_was_withheld_is_handed_over_by_its_author(world: World) -> None:
    said = record(world, letter("southfold", withheld=("person.1",)))
    rows = (
        ("northmere", ("person.1",), "events[0].of"),
        ("southfold", ("text",), "events[0].names"),
    )
    for author, names, where in rows:
        later = deepcopy(world)
        later.submit(say(Opening, author, None, of=said.id, names=names))

        assert (Check.OPENING, where) == refusal(later)

    world.submit(say(Opening, "southfold", None, of=said.id, names=("person.1",)))

    assert [] == findings(world)


def erasure(author: str, of: Said, ground: str = "court_order", *names: str) -> Said:
    return say(Erasure, author, None, of=of.id, names=names or ("text",), ground=ground)


def test_a_party_or_the_controller_erases_what_was_sealed(world: World) -> None:
    northern, southern = letter("northmere"), letter("southfold")
    world.submit(northern)
    world.submit(southern)
    world.submit(erasure("northmere", southern))

    assert [] == findings(world)

    for said, where in (
        (erasure("southfold", northern), "events[0].of"),
        (erasure("southfold", southern, "error", "decision"), "events[0].names"),
    ):
        later = deepcopy(world)
        later.submit(said)

        assert (Check.ERASURE, where) == refusal(later)


def test_a_hold_is_ended_by_its_author(world: World) -> None:
    hold = record(world, say(Hold, "southfold", None, all="yes"))
    plain = record(world, letter("northmere"))
    for author, of in (("northmere", hold), ("northmere", plain)):
        later = deepcopy(world)
        later.submit(say(Hold, author, None, ends=of.id))

        assert (Check.HOLD, "events[0].ends") == refusal(later)

    ended = record(world, say(Hold, "southfold", None, ends=hold.id))

    assert [] == findings(world)

    world.submit(say(Hold, "southfold", None, ends=ended.id))

    assert (Check.HOLD, "events[0].ends") == refusal(world)


def test_a_hold_can_end_in_its_own_submission(world: World) -> None:
    hold = say(Hold, "southfold", None, all="yes")
    world.submit(hold, say(Hold, "southfold", None, ends=hold.id))

    assert [] == findings(world)


def forget(world: World, index: int, place: int = 1) -> None:
    """Destroy a disclosure: the letter's `text`."""
    texts = world.disclosures[index]
    world.disclosures[index] = texts[:2] + texts[3:] if place else texts[1:]


def test_an_erasure_counts_when_its_notice_is_over_and_nothing_holds_it(world: World) -> None:
    said = letter("southfold")
    index = world.submit(said)
    forget(world, index)

    assert [Check.DISCLOSURE_MISSING] == findings(world)

    ordered = deepcopy(world)
    ordered.submit(erasure("southfold", said))

    assert [] == findings(ordered)

    ordered.submit(say(Hold, "northmere", None, all="yes"))

    assert [] == findings(ordered)  # what took effect stays

    for held in ({"of": (said.id,)}, {"all": "yes"}):
        late = deepcopy(world)
        hold = record(late, say(Hold, "northmere", None, **held))
        late.submit(erasure("southfold", said))

        assert [Check.DISCLOSURE_MISSING] == findings(late)

        late.submit(say(Hold, "northmere", None, ends=hold.id))

        assert [Check.DISCLOSURE_MISSING] == findings(late)

        late.submit(letter("northmere"))

        assert [] == findings(late)

    erased_at = world.now
    world.submit(erasure("southfold", said, "retention"))
    world.now = erased_at + 28 * DAY_MS - 1
    world.submit(letter("northmere"))

    assert [Check.DISCLOSURE_MISSING] == findings(world)

    world.now = erased_at + 28 * DAY_MS
    world.submit(letter("northmere"))

    assert [] == findings(world)


def test_a_hold_on_an_opening_does_not_hold_what_was_nested(world: World) -> None:
    nested = letter("southfold", "Sealed")
    hidden = record(world, sealed("southfold", nested))
    opened = opening("southfold", hidden, nested)
    index = world.submit(opened)
    forget(world, index)
    held = deepcopy(world)
    world.submit(say(Hold, "northmere", None, of=(opened.id,)))
    world.submit(erasure("southfold", nested))

    assert [] == findings(world)

    held.submit(say(Hold, "northmere", None, of=(nested.id,)))
    held.submit(erasure("southfold", nested))

    assert [Check.DISCLOSURE_MISSING] == findings(held)


def test_holds_and_erasures_count_when_they_were_nested(world: World) -> None:
    said = letter("southfold")
    forget(world, world.submit(said))
    erased = erasure("southfold", said)
    hold = say(Hold, "southfold", None, all="yes")
    seals = [record(world, sealed("southfold", nested)) for nested in (erased, hold)]

    assert [Check.DISCLOSURE_MISSING] == findings(world)

    for order, expected in (((0, 1), []), ((1, 0), [Check.DISCLOSURE_MISSING])):
        later = deepcopy(world)
        for number in order:
            nested = (erased, hold)[number]
            later.submit(opening("southfold", seals[number], nested))

        assert expected == findings(later)


CLAIMS: list[tuple[str, Callable[[World], object]]] = [
    ("a link", lambda _: letter("northmere", links=(Link(event=NOTHING, rel="about"),))),
    ("a hold", lambda _: say(Hold, "northmere", None, of=(NOTHING,))),
    ("an erasure", lambda _: say(Erasure, "northmere", None, of=NOTHING, names=("text",),
                                 ground="error")),
    ("an opening", lambda _: say(Opening, "northmere", None, of=NOTHING, names=("text",))),
]  # fmt: skip


@pytest.mark.parametrize("make", [row[1] for row in CLAIMS], ids=[row[0] for row in CLAIMS])
def test_nothing_names_an_event_that_there_is_not(
    world: World, make: Callable[[World], Said]
) -> None:
    world.submit(make(world))

    assert Check.REFERENCE == refusal(world)[0]


def test_audiences_limit_who_is_shown_what(world: World) -> None:
    said = letter("southfold", audience={"text": ("northmere", "public")})
    index = world.submit(said)
    rows = (("public", True, Check.AUDIENCE), ("northmere", True, None), ("southfold", True, None),
            ("public", False, None), ("northmere", False, Check.DISCLOSURE_MISSING),
            ("nobody", False, Check.MANIFEST))  # fmt: skip
    for audience, shown, check in rows:
        other = deepcopy(world)
        if not shown:
            forget(other, index)
        report = audit(MappingSource(other.export(audience=audience)))

        assert ([] if check is None else [check]) == [f.check for f in report.findings]


def test_a_submission_before_entry_0_was_admitted_is_a_finding() -> None:
    world = World()
    world.submit(founding_charter("northmere", registrars=("southfold",)))
    world.submit(letter("northmere"))
    world.submit(erasure("northmere", letter("northmere")))
    report = audit(MappingSource(world.export()))

    assert Check.CHARTER == report.findings[0].check
