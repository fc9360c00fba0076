"""The chronology: order only where it is established, and the same whoever recorded first."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from ledger.folds.order import Order
from ledger.folds.reading import Reading, read
from ledger.folds.requests import fold_requests
from ledger.folds.stances import Telling
from ledger.folds.timeline import (
    Timeline,
    fold_timeline,
    lay_out,
    row_of,
    timeline_of,
)
from tests.ledger.bookmaking import Draft, book_of, dates, link, nonce, opening_of, sealed
from tests.ledger.founding import (
    AWARE,
    CASE,
    CLARIFIED,
    COMPLAINT,
    EMAIL,
    LCC,
    LETTER,
    MHCLG,
    NOT_TOLD,
    OTHERS,
    POSTCODES,
    QUERY,
    REPLY,
)
from verify.codec import encode
from verify.events import references
from verify.kinds import Artefact, Communication, Knowledge, Meeting, Sealed

AS_AT = dt.date(2025, 11, 28)


def reading(drafts: Sequence[Draft] = CASE, as_at: dt.date = AS_AT) -> Reading:
    return read(book_of(drafts, members=OTHERS).view(), as_at=as_at)


def shuffled(drafts: Sequence[Draft], seed: int) -> list[Draft]:
    """Give another order in which the same events could have been recorded."""
    chance, left, done, order = random.Random(seed), list(drafts), set[str](), list[Draft]()
    while left:
        free = [d for d in left if all(ref in done for _, ref in references(d.event))]
        pick = chance.choice(free)
        left.remove(pick)
        order.append(pick)
        done.add(pick.id)
    return order


def shown(found: Timeline) -> list[tuple[object, ...]]:
    """Give what a chronology says, without the numbers of entries."""
    return [
        (r.id, r.author, r.date, r.order, r.title, r.grades, r.status, [k.rel for k in r.links])
        for r in found.rows
    ]


def meeting(label: str, on: str | None = None, **fields: object) -> Draft:
    event = Meeting(
        author=LCC,
        nonce=nonce(label),
        dates=dates(occurred=on) if on else None,
        **fields,  # type: ignore[arg-type]  # a test's own
    )
    return Draft(event)


@pytest.mark.parametrize("seed", range(25))
def test_the_order_of_recording_changes_no_row(seed: int) -> None:
    expected = shown(fold_timeline(reading()))
    found = shown(fold_timeline(reading(shuffled(CASE, seed))))

    assert expected == found


def test_a_part_of_the_rows_is_a_part_of_all_rows() -> None:
    laid_out = lay_out(reading())
    whole = fold_timeline(laid_out.reading)

    for start in range(len(whole.rows) + 2):
        for stop in range(start, len(whole.rows) + 2):
            part = timeline_of(laid_out, part=slice(start, stop))

            assert replace(whole, rows=whole.rows[start:stop]) == part
    assert whole.rows == tuple(row_of(laid_out, row.id) for row in whole.rows)
    assert row_of(laid_out, "0" * 64) is None


@pytest.mark.parametrize("seed", range(10))
def test_the_order_of_recording_changes_no_state(seed: int) -> None:
    def states(drafts: Sequence[Draft]) -> list[tuple[object, ...]]:
        rows = fold_requests(reading(drafts), telling=Telling(LCC)).rows
        return [(row.id, row.items, row.held, row.counts) for row in rows]

    assert states(CASE) == states(shuffled(CASE, seed))


def test_the_order_of_vague_dates_that_do_not_overlap_is_established() -> None:
    order = reading().order

    assert "yes" == order.before(EMAIL.id, MHCLG.id)
    assert "no" == order.before(MHCLG.id, EMAIL.id)
    assert "yes" == order.before(COMPLAINT.id, LETTER.id)
    assert "not established" == order.before(POSTCODES.id, NOT_TOLD.id)
    assert "no" == order.before(EMAIL.id, EMAIL.id)


def test_links_establish_order_and_carry_dates() -> None:
    order = reading().order

    assert "yes" == order.before(POSTCODES.id, QUERY.id)
    assert "yes" == order.before(REPLY.id, AWARE.id)
    assert "yes" == order.before(LETTER.id, CLARIFIED.id)

    first, vague, last = meeting("a"), meeting("b", "2025-04-08"), meeting("c", "2025-04-09")
    second = meeting("d", links=(link("follows", last),))
    before = meeting("e", "2025-04-01", links=(link("follows", first),))
    order = reading([first, vague, last, second, before]).order
    # a has no date, but e of 1 April follows it; d has none, but follows c of 9 April.
    assert "yes" == order.before(first.id, vague.id)
    assert "yes" == order.before(vague.id, second.id)
    assert [first.id, before.id, vague.id, last.id, second.id] == [
        event_id
        for event_id in order.sequence
        if event_id in _ids(first, before, vague, last, second)
    ]


def _ids(*drafts: Draft) -> set[str]:
    return {draft.id for draft in drafts}


def test_a_link_against_the_dates_is_left_out_and_reported() -> None:
    late = meeting("late", "2025-05-01")
    early = meeting("early", "2025-04-01", links=(link("follows", late),))
    found = fold_timeline(reading([late, early]))

    assert [early.id, late.id] == [row.id for row in found.rows]
    assert ((late.id, early.id),) == found.refused_links
    assert any("later" in note for note in found.rows[0].notes)


def test_before_is_never_yes_both_ways() -> None:
    order: Order = reading().order
    for a in order.sequence:
        for b in order.sequence:
            pair = order.before(a, b), order.before(b, a)

            assert pair in {("yes", "no"), ("no", "yes"), ("not established",) * 2, ("no", "no")}
            assert ("no", "no") != pair or a == b


def test_the_layout_keeps_every_established_order() -> None:
    order = reading().order
    places = {event_id: place for place, event_id in enumerate(order.sequence)}
    for a in order.sequence:
        for b in order.sequence:
            assert order.before(a, b) != "yes" or places[a] < places[b]


def test_as_at_hides_what_happened_later_and_says_so() -> None:
    found = fold_timeline(reading(as_at=dt.date(2025, 4, 8)))

    hidden = _ids(REPLY, EMAIL, MHCLG, CLARIFIED, POSTCODES, QUERY)
    assert hidden.isdisjoint(row.id for row in found.rows)
    assert LETTER.id in {row.id for row in found.rows}
    assert (8, "happened after the day asked") in found.left_out
    assert len(CASE) == len(found.rows) + 8


def test_a_party_sees_what_it_tells_or_is_named_in() -> None:
    found = fold_timeline(reading(), party="mhclg")

    assert [COMPLAINT.id, REPLY.id, MHCLG.id] == [row.id for row in found.rows]
    assert "mhclg" == found.party


def test_a_party_sees_the_documents_that_it_gave_or_holds() -> None:
    paper = Artefact(
        author=LCC, nonce=nonce("paper"), type="protocol", custodian=LCC, provenance="lincolnshire"
    )
    found = fold_timeline(reading([Draft(paper)]), party="lincolnshire")

    assert [Draft(paper).id] == [row.id for row in found.rows]


def test_a_ledger_that_grows_changes_no_earlier_chronology() -> None:
    book = book_of(CASE, members=OTHERS)
    cut = len(book.entries) - 5
    short = book_of(CASE[:-5], members=OTHERS)
    then, now = (read(view, as_at=AS_AT) for view in (short.view(), book.view(at_size=cut)))

    assert fold_timeline(then) == fold_timeline(now)


def test_an_enclosing_letter_lends_its_date() -> None:
    bare = meeting("bare")
    letter = Draft(
        Communication(
            author=LCC,
            nonce=nonce("enclosing"),
            dates=dates(received="2025-04-08"),
            links=(link("encloses", bare),),
            channel="letter",
        )
    )
    rows = {row.id: row for row in fold_timeline(reading([bare, letter])).rows}

    moment = rows[bare.id].date
    assert moment is not None
    assert ("received", letter.id) == (moment.role, moment.source)


def test_a_date_that_is_none_stands_as_written() -> None:
    odd = meeting("odd", "2025-02-30")
    row = fold_timeline(reading([odd])).rows[0]

    assert row.date is None
    assert any("2025-02-30" in note for note in row.notes)


def test_where_an_opened_seal_is_shown_so_are_the_unopened() -> None:
    inner = meeting("inner", "2025-03-06")
    seals = [
        Draft(
            Sealed(
                author=LCC,
                nonce=nonce(f"seal {number}"),
                dates=dates(opens_by="2025-10-01"),
                seals=inner.id if number == 0 else nonce("x") * 2,
            )
        )
        for number in range(3)
    ]
    found = fold_timeline(reading([*seals, opening_of(seals[0], inner, "opening")]))

    assert [inner.id] == [row.id for row in found.rows]
    assert any("1 are opened and 2 unopened, 2 of them overdue" in n for n in found.rows[0].notes)
    assert (2, "sealed and not opened") in found.left_out


@pytest.mark.parametrize(
    ("as_at", "words"),
    [
        ("2025-04-01", ", as at 1 April 2025."),
        ("[2025-04-01..]", ", as at a day on or after 1 April 2025."),
        ("2025-02-30", "southfold was not told of the meeting"),
    ],
)
def test_a_negative_says_as_at_which_day(as_at: str, words: str) -> None:
    met = meeting("met", "2025-03-06")
    event = Knowledge(
        author=LCC,
        nonce=nonce("not told"),
        dates=dates(as_at=as_at),
        knower="southfold",
        of=met.id,
        mode="not_told",
    )
    found = fold_timeline(reading([met, Draft(event)]))

    (row,) = (row for row in found.rows if row.kind == "knowledge")
    assert words in row.summary
    assert (", as at" in words) is (", as at" in row.summary)
    assert row.date is None


def test_a_row_shows_the_author_s_own_words() -> None:
    digests, texts = sealed(LCC, "worded", {"title": "Meeting\nof   leaders"})
    event = Meeting(author=LCC, nonce=nonce("worded"), sealed=digests)
    row = fold_timeline(reading([Draft(event, texts)])).rows[0]

    assert "Meeting of leaders" == row.title
    assert row.summary.endswith(": Meeting of leaders")
    assert b"Meeting" not in encode(event)


DATES = (
    *("2025-03-06", "2025-03-08", "[2025-03-01..2025-03-10]", "[2025-03-07..]", "[..2025-03-09]"),
    *("2025-03-XX", "2025-XX-XX", "2025-03-02/2025-03-20", "2025-03-06T10:00:00Z"),
    *("2025-03-06T10:30:00+01:00", "2025-03-06T23:00:00-03:00", None),
)


@pytest.mark.parametrize("seed", range(60))
def test_any_dates_and_links_keep_an_order_that_holds(seed: int) -> None:
    chance = random.Random(seed)
    drafts: list[Draft] = []
    for number in range(9):
        links = tuple(link("follows", other) for other in drafts if chance.random() < 0.2)
        fields = {"links": links} if links else {}
        drafts.append(meeting(f"any {number}", chance.choice(DATES), **fields))
    order = reading(drafts).order
    places = {event_id: place for place, event_id in enumerate(order.sequence)}
    ids = [draft.id for draft in drafts]

    assert set(ids) <= set(places)
    for a in ids:
        for b in ids:
            said = order.before(a, b)
            assert ("no" if said == "yes" else said) in {order.before(b, a), "no"}
            assert not (said == "yes" and order.before(b, a) == "yes")
    for earlier, later in order.refused:
        assert "yes" != order.before(earlier, later)
    shuffles = [shuffled(drafts, seed + n) for n in range(3)]
    assert {order.sequence[-9:]} == {reading(each).order.sequence[-9:] for each in shuffles}
