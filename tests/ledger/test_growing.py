"""A reading that grows with its ledger is the reading from scratch, whatever the events are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from random import Random
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.folds.queue import Ask, fold_queues, grow_queues, queue_of
from ledger.folds.reading import Reading, grow, read
from ledger.folds.timeline import LaidOut, lay_out, lay_out_more, row_of, timeline_of
from ledger.view import View
from ledger.viewing import ViewBuilder
from tests.ledger.bookmaking import (
    DAY_MS,
    Draft,
    book_of,
    dates,
    link,
    nonce,
    opening_of,
    public,
    sealed,
)
from tests.ledger.founding import CASE, LCC, OTHERS, step
from tests.ledger.scratch import (
    dates_of,
    exhibits_of,
    handed_over_of,
    holders_of,
    laid_out,
    standing,
)
from verify.claims import File
from verify.kinds import (
    Agreement,
    Artefact,
    Attestation,
    Commitment,
    Communication,
    Date,
    DateRole,
    Discharge,
    Erasure,
    Event,
    Key,
    Knowledge,
    Link,
    Meeting,
    Opening,
    Position,
    Rel,
    Request,
    Sealed,
    Step,
    Transfer,
)

PARTIES = (LCC, "rutland", "blaby")
AUDIENCES = ("public", "rutland")
DAYS = (dt.date(2025, 3, 6), dt.date(2025, 3, 20), dt.date(2026, 1, 1))
EDTF = (
    *("2025-03-06", "2025-03-06", "2025-03-07", "2025-03-20", "2025-03", "2025", "2024"),
    *("[..2025-03-10]", "[2025-03-01..]", "[2025-03-05..2025-03-12]", "2025-03-06/2025-03-19"),
    *("/2025-04-01", "2025-03-06T10:00:00Z", "2025-03-06T09:00:00Z", "[2025-03-01..2026-01-15]"),
)
RELS: Sequence[Rel] = ("follows", "replies_to", "encloses", "encloses", "evidences")
FILES = [File(name="f", media_type="text/csv", sha256=f"{n}" * 64, size=9) for n in range(3)]
TITLES = ("A", "B", "C", "D")


class Recording:
    """A book that random events of all kinds are added to, which refer to one another."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.book = book_of([], members=PARTIES[1:])
        self.drafts: list[Draft] = []
        self.parties: tuple[str, ...] = PARTIES  # those with a key that is active
        self.seals: list[tuple[Draft, Draft]] = []
        self.withheld: list[tuple[Draft, int, tuple[str, ...]]] = []

    def put(self, draft: Draft) -> None:
        self.book.add(draft)
        self.drafts.append(draft)

    def some(self, *kinds: type) -> str | None:
        """Return the id of any event so far, of these kinds."""
        found = [d.id for d in self.drafts if not kinds or isinstance(d.event, kinds)]
        # What came last is chosen often, so that there are long chains.
        return self.random.choice([*found, *found[-2:], *found[-1:]]) if found else None

    def links(self) -> tuple[Link, ...] | None:
        found: dict[tuple[str, Rel], Link] = {}
        for _ in range(self.random.choice((0, 1, 1, 2))):
            other = self.some()
            if other is not None:
                rel = self.random.choice(RELS)
                found[other, rel] = Link(event=other, rel=rel)
        return tuple(each for _, each in sorted(found.items())) or None

    def when(self, *roles: str) -> dict[DateRole, Date]:
        chosen = [role for role in roles if self.random.random() < 0.6]
        return dates(**{role: self.random.choice(EDTF) for role in chosen})

    def said(self, make: Callable[..., Event], *roles: str, **fields: object) -> Draft:
        """Make an event, with a title, which may be withheld or limited to one party."""
        author = self.random.choice(self.parties)
        label = f"number {len(self.drafts)} {self.random.random()}"
        said: dict[str, str | File] = {"title": self.random.choice(TITLES)}
        if self.random.random() < 0.3:
            said["file.1"] = self.random.choice(FILES)
        digests, texts = sealed(author, label, said)
        how = self.random.choice(("open", "open", "open", "withheld", "limited"))
        event = make(
            author=author,
            nonce=nonce(label),
            dates=self.when(*roles) or None,
            links=self.links(),
            sealed=digests,
            withheld=tuple(sorted(said)) if how == "withheld" else None,
            audience={"title": ("rutland",)} if how == "limited" else None,
            **fields,
        )
        if how == "withheld":
            self.withheld.append((Draft(event), len(self.book.entries), texts))
            return Draft(event)
        return Draft(event, texts)

    def act(self) -> None:
        """Add an event, or two."""
        self.random.choice(ACTS)(self)

    def communication(self) -> None:
        roles = ("sent", "received")
        self.put(
            self.said(Communication, *roles, channel="email", from_=(LCC,), to=("rutland/chair",))
        )

    def other(self) -> None:
        make, fields = self.random.choice(
            (
                (Meeting, {"attendees": ("rutland", "blaby")}),
                (Artefact, {"type": "letter"}),
                (Agreement, {"type": "terms", "signatories": ("rutland",)}),
            )
        )
        self.put(self.said(make, "occurred", "made", **fields))

    def request(self) -> None:
        what = self.random.choice(("data", "data", "invitation"))
        who = {"from_": (self.random.choice(PARTIES),), "to": (self.random.choice(PARTIES),)}
        fields = {"what": what, "medium": "written", "regime": "foia_20", **who}
        self.put(self.said(Request, "made", "received", **fields))

    def commitment(self) -> None:
        by = self.random.choice(PARTIES)
        self.put(self.said(Commitment, "made", "due", by=by, to=("rutland",), what="data"))

    def step(self) -> None:
        of = self.some(Request, Commitment)
        if of is None:
            return
        is_request = any(d.id == of and isinstance(d.event, Request) for d in self.drafts)
        verbs = ("acknowledge", "seek_clarification", "clarify", "defer", "resume", "answer")
        verb = self.random.choice(verbs if is_request else ("fulfil", "release", "confirm"))
        waited = self.some() if verb == "defer" and self.random.random() < 0.5 else None
        self.put(
            self.said(
                Step, "occurred", of=of, target="request" if is_request else "commitment",
                verb=verb, outcome="full" if verb == "answer" else None,
                until_events=None if waited is None else (waited,),
                by=self.random.choice((None, *PARTIES)),
            )
        )  # fmt: skip

    def knowledge(self) -> None:
        of, via = self.some(), self.some()
        if of is not None:
            self.put(
                self.said(
                    Knowledge, "occurred", knower="rutland", of=of, via=via, mode="became_aware"
                )
            )

    def position(self) -> None:
        on = self.some(Position) if self.random.random() < 0.4 else self.some()
        if on is None:
            return
        own = {d.id for d in self.drafts if d.event.author == LCC}
        stances = ["agree", "admit", "dispute", "received", "not_admit"]
        if on in own:
            stances += ["retract_own", "retract_own", "retract_own"]
        stance = self.random.choice(stances)
        author = LCC if stance == "retract_own" else self.random.choice(self.parties)
        field = None if stance == "retract_own" else self.random.choice((None, "dates.sent"))
        label = f"position {len(self.drafts)} {self.random.random()}"
        self.put(
            Draft(
                Position(author=author, nonce=nonce(label), on=on, stance=stance, field=field)  # type: ignore[arg-type]  # as above
            )
        )

    def transfer(self) -> None:
        request = self.some(Request)
        discharges = None if request is None else (Discharge(request=request),)
        who = {"from_": LCC, "to": ("rutland",)}
        self.put(self.said(Transfer, "sent", "received", discharges=discharges, **who))

    def attestation(self) -> None:
        of = self.some()
        if of is not None:
            self.put(self.said(Attestation, "received", "occurred", type="dkim", of=of))

    def seal(self) -> None:
        inner = self.said(Meeting, "occurred", attendees=("rutland",))
        if inner.event.withheld:
            self.withheld.pop()
            return
        label = f"seal {len(self.drafts)} {self.random.random()}"
        seal = Draft(
            Sealed(
                author=inner.event.author,
                nonce=nonce(label),
                dates=dates(opens_by="2025-12-31"),
                seals=inner.id,
            )
        )
        self.put(seal)
        self.seals.append((seal, inner))

    def open(self) -> None:
        if self.seals:
            seal, inner = self.seals.pop(self.random.randrange(len(self.seals)))
            if inner.event.author in self.parties:
                self.book.add(opening_of(seal, inner, f"opening {seal.id}"))
                self.drafts.append(inner)

    def hand_over(self) -> None:
        if self.withheld:
            draft, index, texts = self.withheld.pop()
            if draft.event.author not in self.parties:
                return
            self.book.disclosures[index] = texts
            label, of = f"hand {draft.id}", draft.id
            self.book.add(
                Draft(
                    Opening(author=draft.event.author, nonce=nonce(label), of=of, names=("title",))
                )
            )

    def erase(self) -> None:
        found = [d for d in self.drafts if d.disclosures and d.event.author in self.parties]
        if found:
            draft = self.random.choice(found)
            self.book.add(
                Draft(
                    Erasure(
                        author=draft.event.author,
                        nonce=nonce(f"erase {len(self.book.entries)}"),
                        of=draft.id,
                        names=(self.random.choice(sorted(draft.event.sealed or ())),),
                        ground="subject_request",
                    )
                )
            )
            self.book.recorded += 31 * DAY_MS

    def disown(self) -> None:
        if self.parties == PARTIES and self.random.random() < 0.2:
            revocation = Key(
                author="blaby",
                nonce=nonce("revoke"),
                verb="revoke",
                party="blaby",
                key=public("blaby"),
                compromised_since=self.random.randrange(1, len(self.book.entries) + 1),
            )
            self.put(Draft(revocation))
            self.parties = PARTIES[:-1]


KINDS: Sequence[Callable[[Recording], None]] = (
    *(Recording.communication, Recording.other, Recording.request, Recording.commitment),
    *(Recording.step, Recording.step, Recording.knowledge, Recording.position),
    *(Recording.position, Recording.transfer, Recording.attestation),
)
RARE: Sequence[Callable[[Recording], None]] = (
    *(Recording.seal, Recording.open, Recording.hand_over, Recording.erase, Recording.disown),
)
ACTS = (*KINDS, *KINDS, *RARE)


class Grown:
    """What one audience is told, grown from one size to the next."""

    def __init__(self, builder: ViewBuilder, audience: str) -> None:
        self.builder = builder
        self.audience = audience
        self.view = builder.view(audience=audience)
        self.reading = read(self.view, as_at=dt.date.max)
        self.laid_out = {
            (day, party): lay_out(self.reading.at(day), party=party)
            for day in DAYS
            for party in (None, "rutland")
        }
        self.queues = {day: fold_queues(self.reading.at(day)) for day in DAYS}

    def grow(self) -> None:
        self.view = self.builder.view(audience=self.audience, before=self.view)
        self.reading, changed = grow(self.reading, self.view)
        self.laid_out = {
            key: lay_out_more(before, self.reading.at(key[0]), changed)
            for key, before in self.laid_out.items()
        }
        self.queues = {
            day: grow_queues(before, self.reading.at(day), changed)
            for day, before in self.queues.items()
        }


def check(grown: Grown, scratch: View) -> None:
    """Compare what has grown to what is read from scratch, and that to what is found naively."""
    reading = read(scratch, as_at=dt.date.max)
    assert scratch == grown.view
    assert reading == grown.reading

    on, withdrawn = standing(scratch)
    assert (on, withdrawn) == (dict(reading.stances.on), dict(reading.stances.withdrawn))
    assert dates_of(scratch) == dict(reading.dates)
    assert holders_of(scratch) == dict(grown.reading.files)
    assert exhibits_of(scratch) == dict(grown.reading.exhibits)
    for (event_id, name), index in handed_over_of(scratch).items():
        assert index == grown.reading.handed_over(event_id, name)
    sequence, refused = laid_out(scratch, reading.dates)
    assert (sequence, refused) == (tuple(reading.order.sequence), reading.order.refused)
    for (day, party), shown in grown.laid_out.items():
        assert lay_out(reading.at(day), party=party) == shown
    for day, queues in grown.queues.items():
        scratched = fold_queues(reading.at(day))
        for party in PARTIES:
            assert queue_of(scratched, party) == queue_of(queues, party)


def rows_of(shown: LaidOut) -> object:
    fold = timeline_of(shown)
    assert fold.rows == tuple(row_of(shown, row.id) for row in fold.rows)
    return fold


def from_scratch(recording: Recording, audience: str) -> View:
    builder = ViewBuilder(lambda index, _: recording.book.disclosures.get(index, ()))
    for data in recording.book.entries:
        builder.add(data)
    return builder.view(audience=audience)


@settings(max_examples=30)
@given(st.randoms(use_true_random=False), st.lists(st.integers(1, 4), min_size=1, max_size=10))
def test_what_grows_event_by_event_is_what_is_read_from_scratch(
    random: Random, groups: list[int]
) -> None:
    recording = Recording(random)
    builder = ViewBuilder(lambda index, _: recording.book.disclosures.get(index, ()))
    for data in recording.book.entries:
        builder.add(data)
    audiences = [Grown(builder, audience) for audience in AUDIENCES]
    for count in groups:
        for _ in range(count):
            recording.act()
        for data in recording.book.entries[builder.size :]:
            builder.add(data)
        for grown in audiences:
            before, as_it_was = grown.reading, rows_of(lay_out(grown.reading.at(DAYS[1])))
            grown.grow()
            check(grown, from_scratch(recording, grown.audience))

            # What was read before stays as it was.
            assert as_it_was == rows_of(lay_out(before.at(DAYS[1])))
            assert read(before.view, as_at=before.as_at) == before


@pytest.mark.parametrize("seed", range(2))
def test_a_long_ledger_grows_as_it_is_read_from_scratch(seed: int) -> None:
    recording = Recording(Random(seed))
    builder = ViewBuilder(lambda index, _: recording.book.disclosures.get(index, ()))
    for data in recording.book.entries:
        builder.add(data)
    grown = Grown(builder, "public")
    while len(recording.book.entries) < 500:
        for _ in range(recording.random.choice((1, 1, 40, 100))):
            recording.act()
        for data in recording.book.entries[builder.size :]:
            builder.add(data)
        grown.grow()
    check(grown, from_scratch(recording, "public"))


def grow_through(drafts: Sequence[Draft]) -> Grown:
    """Record drafts one by one, and compare after each."""
    recording = Recording(Random(1))
    recording.book = book_of([], members=OTHERS)
    builder = ViewBuilder(lambda index, _: recording.book.disclosures.get(index, ()))
    for data in recording.book.entries:
        builder.add(data)
    grown = Grown(builder, LCC)
    for draft in drafts:
        recording.book.add(draft)
        builder.add(recording.book.entries[-1])
        grown.grow()
        check(grown, from_scratch(recording, LCC))
    return grown


def test_the_founding_case_grows_as_it_is_read_from_scratch() -> None:
    grow_through(CASE)


def letter(label: str, *links: tuple[Rel, Draft], **on: str) -> Draft:
    event = Communication(
        author=LCC,
        nonce=nonce(label),
        channel="letter",
        dates=dates(**on) if on else None,
        links=tuple(link(rel, other) for rel, other in links) or None,
    )
    return Draft(event)


def test_a_day_is_carried_back_along_a_chain_of_undated_events() -> None:
    chain = [letter("0")]
    for number in range(1, 5):
        chain.append(letter(str(number), ("replies_to", chain[-1])))
    dated = letter("last", ("replies_to", chain[-1]), sent="2025-03-06")
    grown = grow_through([letter("other", sent="2025-03-10"), *chain, dated])

    assert [each.id for each in (*chain, dated)] == list(grown.reading.order.sequence)[:6]


def test_a_request_is_looked_at_again_when_what_it_waits_for_is_dated_or_narrowed() -> None:
    asked = Draft(
        Request(
            author=LCC, nonce=nonce("asked"), dates=dates(received="2025-03-01"), what="data",
            medium="written", from_=(LCC,), to=("rutland",),
        )
    )  # fmt: skip
    waited = letter("waited")
    vague = letter("vague", received="[2025-03-02..2027-01-01]")
    defer = step(
        "defer", asked, "defer", {"occurred": "2025-03-02"}, until_events=(waited.id, vague.id)
    )
    enclosing = letter("enclosing", ("encloses", waited), sent="2025-03-05")
    narrowing = Draft(
        Attestation(
            author=LCC, nonce=nonce("narrowing"), type="dkim", of=vague.id,
            dates=dates(received="2025-03-04"),
        )
    )  # fmt: skip
    for last in ([enclosing, narrowing], [narrowing, enclosing]):
        before = grow_through([asked, waited, vague, defer, last[0]])
        after = grow_through([asked, waited, vague, defer, *last])

        asks = [
            [row.ask for row in queue_of(each.queues[DAYS[-1]], "rutland").rows]
            for each in (before, after)
        ]
        assert [[], ["request"]] == [[a for a in each if a == "request"] for each in asks]


def reading_of(recording: Recording) -> Reading:
    return read(from_scratch(recording, "public"), as_at=DAYS[-1])


def test_the_recordings_hold_all_that_can_change_what_was_told() -> None:
    """Else the properties above would say little."""
    found = {"disowned": 0, "lent": 0, "refused": 0, "withdrawn": 0, "groups": 0, "opened": 0}
    asks: set[str] = set()
    for seed in range(40):
        recording = Recording(Random(seed))
        for _ in range(60):
            recording.act()
        reading = reading_of(recording)
        found["disowned"] += any(told.disowned for told in reading.view.told)
        found["lent"] += any(moment.source for moment in reading.dates.values())
        found["refused"] += bool(reading.order.refused)
        found["withdrawn"] += bool(reading.stances.withdrawn)
        found["groups"] += any(len(each) > 2 for each in reading.order._groups.values())
        found["opened"] += bool(reading.opened)
        queues = fold_queues(reading)
        asks |= {row.ask for party in PARTIES for row in queue_of(queues, party).rows}
    assert all(count > 2 for count in found.values()), found
    assert set(get_args(Ask)) == asks
