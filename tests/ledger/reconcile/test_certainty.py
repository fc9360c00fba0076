"""What keeps a match of two real ledgers from being certain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.reconcile.decisions import NONE, Said
from ledger.reconcile.matches import Match
from tests.ledger.builder import NewEvent, new_enrolment, new_event, submit
from tests.ledger.reconcile.parting import (
    BLABY,
    COUNTY,
    RUTLAND,
    Record,
    dates,
    file_of,
    found,
    reconciled,
)

PAPER = b"%PDF the whole of a letter"
OTHER_HANDS = "a ledger says that a key which signed this was in other hands"


@pytest.fixture
def records(tmp_path: Path) -> Iterator[tuple[Record, Record]]:
    """Return two ledgers in which the same key of Blaby may sign."""
    made = []
    for number, founder in ((1, COUNTY), (2, RUTLAND)):
        folder = tmp_path / founder.name
        folder.mkdir()
        made.append(found(folder, founder, number=number, nonce=number))
    one, other = made
    with one.ledger, other.ledger:
        for each in made:
            enrolment = new_enrolment(each.ledger, each.founder.name, BLABY)
            submit(each.ledger, enrolment, party=each.founder)
        yield one, other


def matches_of(records: tuple[Record, Record], room: Path, *, said: Said = NONE) -> list[Match]:
    paths = [record.export() for record in records]
    room.mkdir()
    rows = reconciled(*paths, room=room, said=said).rows
    return [match for row in rows for match in row.group.matches]


def paper(record: Record, **roles: str) -> None:
    event = new_event(
        record.founder.name,
        "communication/v1",
        channel="letter",
        claims={"file.1": file_of(PAPER, name="letter.pdf", media_type="application/pdf")},
        **({"dates": dates(**roles)} if roles else {}),  # type: ignore[arg-type]  # fields of it
    )
    record.add("paper", event, PAPER)


@pytest.mark.parametrize(
    ("ours", "theirs", "against"),
    [
        ({"sent": "2025-03-06"}, {"sent": "2025-03-06"}, ()),
        ({"sent": "2025-03-06"}, {"sent": "2025-03"}, ()),
        ({"sent": "2025-03-06"}, {"received": "2025-03-09"}, ()),
        ({"sent": "2025-03-06"}, {}, ()),
        (
            {"sent": "2025-03-06"},
            {"sent": "2025-03-08"},
            ("when it was sent: no day in common, 2 days apart",),
        ),
        (
            {"received": "2025-03-06", "sent": "2025-03-01"},
            {"received": "2025-04", "sent": "2025-03-01"},
            ("when it was received: no day in common, 26 days apart",),
        ),
        (
            {"received": "2025-03-06"},
            {"sent": "2025-03-07"},
            ("one has it sent only after the other has it received",),
        ),
    ],
)
def test_the_same_octets_are_certain_unless_their_dates_cannot_both_be(
    records: tuple[Record, Record],
    tmp_path: Path,
    ours: dict[str, str],
    theirs: dict[str, str],
    against: tuple[str, ...],
) -> None:
    for record, roles in zip(records, (ours, theirs), strict=True):
        paper(record, **roles)
    (match,) = matches_of(records, tmp_path / "room")

    assert ("same octets", "probable" if against else "certain") == (match.ground, match.certainty)
    assert against == match.against


def revoke(record: Record, *, compromised: bool) -> None:
    since = {"compromised_since": 1} if compromised else {}
    revoked = new_event("blaby", "key/v1", verb="revoke", party="blaby", key=BLABY.public, **since)  # type: ignore[arg-type]  # fields of it
    submit(record.ledger, revoked, party=BLABY)


def told_by_blaby(*links: dict[str, str]) -> NewEvent:
    return new_event("blaby", "meeting/v1", **({"links": list(links)} if links else {}))  # type: ignore[arg-type]  # fields of it


@pytest.mark.parametrize("by", [0, 1])
def test_one_event_under_a_key_that_was_in_other_hands_is_not_certain(
    records: tuple[Record, Record], tmp_path: Path, by: int
) -> None:
    """Whichever of the two ledgers says so."""
    event = told_by_blaby()
    for record in records:
        record.add("meeting", event, party=BLABY)
    revoke(records[1 - by], compromised=False)
    (before,) = matches_of(records, tmp_path / "before")
    assert ("one event", "certain", ()) == (before.ground, before.certainty, before.against)

    for record in records:
        (record.folder / f"{record.founder.name}-export").rename(record.folder / "earlier")
    revoke(records[by], compromised=True)
    (match,) = matches_of(records, tmp_path / "after")
    assert ("one event", "probable", (OTHER_HANDS,)) == (
        match.ground,
        match.certainty,
        match.against,
    )


@pytest.mark.parametrize("compromised", [False, True])
def test_a_link_under_a_key_that_was_in_other_hands_is_not_certain(
    records: tuple[Record, Record], tmp_path: Path, *, compromised: bool
) -> None:
    """One party signed both tellings; where its key joins nothing, a decision does."""
    one, other = records
    first = told_by_blaby()
    link = {"event": first.id.hex(), "ledger": one.ledger.fingerprint, "rel": "same_as"}
    one.add("meeting", first, party=BLABY)
    other.add("meeting", told_by_blaby(link), party=BLABY)
    revoke(one, compromised=compromised)
    same = " = ".join(f"{record.ledger.fingerprint}:blaby" for record in records)
    (match,) = matches_of(records, tmp_path / "room", said=Said(same_party=(same,)))

    assert "linked by both" == match.ground
    expected = ("probable", (OTHER_HANDS,)) if compromised else ("certain", ())
    assert expected == (match.certainty, match.against)


@pytest.mark.parametrize(
    ("theirs", "same", "against"),
    [
        (("blaby", "rutland"), True, ()),
        (("blaby", "leicestershire"), True, ("to: no party in common",)),
        (("rutland", "rutland"), True, ("from: no party in common",)),
        (("rutland", "leicestershire"), False, ()),
    ],
)
def test_the_same_octets_from_others_to_others_are_not_certain_to_be_one_letter(
    records: tuple[Record, Record],
    tmp_path: Path,
    theirs: tuple[str, str],
    against: tuple[str, ...],
    *,
    same: bool,
) -> None:
    """Who forwards a letter sends it a second time. Labels that nothing joins may be one party."""
    for record, (sender, to) in zip(records, (("blaby", "rutland"), theirs), strict=True):
        event = new_event(
            record.founder.name,
            "communication/v1",
            channel="letter",
            claims={"file.1": file_of(PAPER, name="letter.pdf", media_type="application/pdf")},
            from_=[sender],
            to=[to],
        )
        record.add("paper", event, PAPER)
    one, other = (record.ledger.fingerprint for record in records)
    pairs = [f"{one}:{each} = {other}:{each}" for each in {"rutland", *theirs} - {"blaby"}]
    said = Said(same_party=tuple(pairs)) if same else NONE
    (match,) = matches_of(records, tmp_path / "room", said=said)

    assert ("same octets", "probable" if against else "certain") == (match.ground, match.certainty)
    assert against == match.against


def withdraw(record: Record, event: NewEvent) -> None:
    back = new_event("blaby", "position/v1", on=event.id.hex(), stance="retract_own")
    submit(record.ledger, back, party=BLABY)


def test_a_link_of_a_telling_that_is_withdrawn_joins_nothing(
    records: tuple[Record, Record], tmp_path: Path
) -> None:
    one, other = records
    first = told_by_blaby()
    link = {"event": first.id.hex(), "ledger": one.ledger.fingerprint, "rel": "same_as"}
    one.add("meeting", first, party=BLABY)
    second = told_by_blaby(link)
    other.add("meeting", second, party=BLABY)
    withdraw(other, second)

    assert [] == matches_of(records, tmp_path / "room")


def test_who_tells_anew_what_it_withdrew_tells_it_once(
    records: tuple[Record, Record], tmp_path: Path
) -> None:
    """There is no other way to correct what was recorded."""
    one, other = records
    events = [
        new_event(
            "blaby",
            "communication/v1",
            number=number,
            channel="letter",
            claims={"file.1": file_of(PAPER, name="letter.pdf", media_type="application/pdf")},
            dates=dates(sent=sent),
        )
        for number, sent in enumerate(("2025-03-06", "2025-03-07", "2025-03-06"))
    ]
    one.add("paper", events[0], PAPER, party=BLABY)
    for event in events[1:]:
        other.add("paper", event, PAPER, party=BLABY)
    assert [] == matches_of(records, tmp_path / "before")

    for record in records:
        (record.folder / f"{record.founder.name}-export").rename(record.folder / "earlier")
    withdraw(other, events[1])
    (match,) = matches_of(records, tmp_path / "after")
    ids = {events[0].id.hex(), events[2].id.hex()}
    assert ("same octets", "certain") == (match.ground, match.certainty)
    assert ids == {event for _, event in match.events}
