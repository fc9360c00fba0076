"""What changed between two standpoints: of what is known, of what had happened, and of both."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from functools import cache

import pytest

from ledger.folds.changes import Change, Changes, Fact, FactName, facts, find_changes
from ledger.folds.reading import Reading, read
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.plain import to_json
from ledger.replies import tellings
from ledger.texts.changes import changes_text
from ledger.view import View
from tests.ledger.bookmaking import Draft, book_of, dates, nonce
from tests.ledger.commandline import Desk, part, rows
from tests.ledger.contradicting import NORTH, SOUTH, event, meeting
from tests.ledger.founding import step
from tests.ledger.shipped import Shipped, shipped
from verify.kinds import Position, Request

LCC = Telling("leicestershire")
LETTER = dt.date(2025, 4, 23)  # of the minister, copied to the Acting Leader
NOW = dt.date(2025, 11, 28)
SPRING = dt.date(2026, 4, 1)
DAYS = (dt.date(2025, 3, 5), LETTER, dt.date(2025, 6, 2), NOW)
SIZES = (1, 9, 17, 25, 32, 40, 73)
INVENTED = (
    *("invented-1-north", "invented-2-south", "invented-3-north"),
    *("invented-4-south", "invented-5-north"),
)


@cache
def founding() -> Shipped:
    return shipped(["founding"])


@cache
def invented() -> Shipped:
    return shipped(INVENTED, members=["northmere", "southfold"])


@cache
def view_of(case: Callable[[], Shipped], size: int | None) -> View:
    return case().book.view(at_size=size)


def at(
    size: int | None = None, day: dt.date = NOW, *, case: Callable[[], Shipped] = founding
) -> Reading:
    return read(view_of(case, size), as_at=day)


def changed(before: Reading, after: Reading) -> Changes:
    return find_changes(before, after, tellings(after.view))


def written(reading: Reading, among: View) -> dict[FactName, Fact]:
    return facts(reading, tellings(among))


def of(changes: Changes, label: str, what: str = "event") -> list[Change]:
    event_id = founding().ids[label]
    return [row for row in changes.rows if row.id == event_id and row.what == what]


def touched(changes: Changes) -> set[FactName]:
    return {FactName(r.id, r.what, r.telling, r.field) for r in changes.rows}


# What changed since the letter of 23 April


def test_the_list_was_put_off_by_the_letter_and_is_clear_since() -> None:
    found = of(changed(at(day=LETTER), at()), "data-request", "request")

    assert [((1, 96), LCC, ("time",))] == [(r.items, r.telling, r.causes) for r in found]
    assert "deferred; answered in part" == found[0].before
    assert "clarified; next to act: leicestershire; answered in part" == found[0].after


def test_what_came_after_the_letter_is_new_and_what_came_before_is_not() -> None:
    found = changed(at(day=LETTER), at())
    new = {row.id for row in found.rows if row.what == "event" and row.before is None}
    labels = {label for label, event_id in founding().ids.items() if event_id in new}

    assert {"email-end-of-may", "meeting-request", "list-clear", "last-meeting"} < labels
    assert labels.isdisjoint({"letter-12-march", "data-request", "ministers-reply", "invitation"})
    assert {("time",)} == {row.causes for row in found.rows}


def test_what_more_entries_tell_of_old_days_is_told_since() -> None:
    index = founding().view.by_id[founding().ids["ministers-reply"]].index
    found = changed(at(index), at(index + 1))

    assert founding().ids["ministers-reply"] == found.rows[0].id
    assert {("ledger",)} == {row.causes for row in found.rows}
    assert "the proof of that it happened" in {row.field for row in found.rows}


def test_both_causes_are_told_apart() -> None:
    found = changed(at(17, LETTER), at())
    by_cause = {row.causes: row for row in found.rows}

    assert {("ledger",), ("time",), ("ledger", "time")} >= set(by_cause)
    assert {("ledger",)} == {r.causes for r in of(found, "ministers-reply")}
    # Told later, of what had not happened by then either.
    assert {("ledger", "time")} == {r.causes for r in of(found, "email-end-of-may")}
    # The list is told later; by the later day it stands elsewhere than by the earlier.
    assert {("ledger", "time")} == {
        r.causes for r in of(found, "data-request", "request") if r.items and r.telling == LCC
    }


def test_a_response_moves_the_status_of_what_it_is_about() -> None:
    case = invented()
    denied = case.view.by_id[case.ids["meeting-date-denied"]].index
    before, after = (at(size, SPRING, case=invented) for size in (denied, denied + 1))
    found = {row.field: row for row in changed(before, after).rows}

    assert {case.ids["meeting"]} == {row.id for row in changed(before, after).rows}
    assert ("Agreed", "Disputed") == (found["the status"].before, found["the status"].after)
    name = f"the response of southfold on when it happened (entry {denied})"
    assert (None, "denies: 2026-01-22") == (found[name].before, found[name].after)


def test_items_that_moved_are_told_by_runs() -> None:
    asked = invented().view.by_id[invented().ids["request"]].index
    before, after = at(asked + 1, SPRING, case=invented), at(day=SPRING, case=invented)
    rows_ = [row for row in changed(before, after).rows if row.items and row.telling == ESTABLISHED]

    assert [(1, 2), (3, 3)] == [row.items for row in rows_]
    assert str(rows_[1].after).endswith("; acknowledged")
    assert str(rows_[0].before).startswith("asked; next to act: southfold")
    assert "answered; acknowledged" == rows_[0].after


def test_the_causes_of_each_item_are_its_own() -> None:
    asked = Draft(
        Request(
            author="rutland",
            nonce=nonce("three"),
            dates=dates(received="2025-03-06"),
            what="data",
            medium="written",
            from_=("rutland",),
            to=("leicestershire",),
            categories=3,
            regime="foia_20",
        )
    )
    refusal = step("refusal", asked, "refuse", {"occurred": "2025-03-20"}, items=((2, 2),))
    late = step("late", asked, "answer", {"occurred": "2025-03-10"}, outcome="full",
                items=((1, 1),))  # fmt: skip
    book = book_of([asked, refusal, late], members=("rutland",))
    smaller = book.view(at_size=len(book.entries) - 1)
    before = read(smaller, as_at=dt.date(2025, 3, 15))
    after = read(book.view(), as_at=dt.date(2025, 4, 15))
    found = find_changes(before, after, [ESTABLISHED])

    # Item 1 was answered before, as was told later; 2 and 3 were known as they are, and moved.
    assert [((1, 1), ("ledger", "time")), ((2, 2), ("time",)), ((3, 3), ("time",))] == [
        (row.items, row.causes) for row in found.rows if row.items
    ]


# Properties


@pytest.mark.parametrize("day", DAYS)
def test_from_a_standpoint_to_itself_nothing_changes(day: dt.date) -> None:
    for size in SIZES:
        assert () == changed(at(size, day), at(size, day)).rows


@pytest.mark.parametrize(
    ("first", "second", "third"),
    [
        *((((None, a), (None, b), (None, c))) for a, b, c in itertools.combinations(DAYS, 3)),
        *(
            (((a, NOW), (b, NOW), (c, NOW)))
            for a, b, c in zip(SIZES, SIZES[2:], SIZES[4:], strict=False)
        ),
        ((9, DAYS[0]), (32, LETTER), (73, NOW)),
        ((17, LETTER), (17, NOW), (40, NOW)),
    ],
)
def test_two_steps_touch_what_one_touches(
    first: tuple[int | None, dt.date],
    second: tuple[int | None, dt.date],
    third: tuple[int | None, dt.date],
) -> None:
    a, b, c = at(*first), at(*second), at(*third)
    whole = touched(find_changes(a, c, tellings(c.view)))
    steps = touched(find_changes(a, b, tellings(c.view))) | touched(
        find_changes(b, c, tellings(c.view))
    )
    old, new = written(a, c.view), written(c, c.view)

    assert whole <= steps
    assert whole == {name for name in {**old, **new} if old.get(name) != new.get(name)}


def test_what_goes_and_comes_back_is_touched_by_each_step_and_not_by_both() -> None:
    told = meeting("m", NORTH, "2025-02-01")
    drafts = [told]
    for label, stance in (("yes", "agree"), ("no", "deny"), ("after-all", "agree")):
        drafts.append(event(Position, label, SOUTH, None, on=told.id, stance=stance))
    book = book_of(drafts, members=(NORTH, SOUTH))
    size = len(book.entries)
    a, b, c = (read(book.view(at_size=size - back), as_at=NOW) for back in (2, 1, 0))
    status = FactName(told.id, "event", None, "the status")

    assert ["Agreed", "Disputed", "Agreed"] == [str(written(r, c.view)[status]) for r in (a, b, c)]
    assert status in touched(changed(a, b)) & touched(changed(b, c))
    assert status not in touched(changed(a, c))


@pytest.mark.parametrize("size", SIZES)
def test_adding_events_never_changes_what_was_known_before(size: int) -> None:
    short = shipped(["founding"])
    del short.book.entries[size:]

    for day in (LETTER, NOW):
        grown, alone = at(size, day), read(short.view, as_at=day)
        assert () == find_changes(alone, grown, tellings(grown.view)).rows
        assert written(alone, grown.view) == written(grown, grown.view)


def test_the_same_changes_are_the_same_octets_and_the_same_page() -> None:
    first, again = (changed(at(17, LETTER), at()) for _ in range(2))

    assert to_json(first) == to_json(again)
    assert changes_text(founding().view, first) == changes_text(founding().view, again)


# The page and the command


def test_the_page_says_from_where_to_where_and_what_is_told_and_what_came_about() -> None:
    text = " ".join(changes_text(founding().view, changed(at(17, LETTER), at())).split())

    assert "From: the ledger of 17 entries, as at 23 April 2025." in text
    assert "To: the ledger of 73 entries, as at 28 November 2025." in text
    assert "56 entries were recorded in between" in text
    assert "New in the chronology (told since)." in text
    assert "New in the chronology (told since, and come about since)." in text
    later = " ".join(changes_text(founding().view, changed(at(day=LETTER), at())).split())
    assert "New in the chronology (come about since)." in later


def test_a_page_without_changes_says_so() -> None:
    text = changes_text(founding().view, changed(at(), at()))

    assert "Nothing changed." in text
    assert "the same entries at both ends" in text
    assert "the same day at both ends" in text


def test_the_command_compares_days_sizes_and_the_day_of_an_event(desk: Desk) -> None:
    asked, _ = desk.filled()
    by_day = desk.done("changes", "ledger", "--since", "2025-04-07", "--until", "2025-04-08")
    by_size = desk.done("changes", "ledger", "--since-size", "3", "--until", "2025-04-08")
    by_event = desk.done("changes", "ledger", "--since-event", asked[:12], "--until", "2025-05-09")
    until_size = desk.done("changes", "ledger", "--since-size", "2", "--until-size", "3")

    def causes(answer: dict[str, object]) -> set[str]:
        found = rows(part(answer["changes"])["rows"])
        return {str(cause) for row in found for cause in row["causes"]}  # type: ignore[attr-defined]  # a list, by plain_schema

    assert {"time"} == causes(by_day)
    assert {"ledger"} == causes(by_size)
    assert "2025-04-08" == part(part(by_event["changes"])["since"])["as_at"]
    assert "clock: due" in desk("changes", "ledger", "--since-event", asked, "--until",
                                "2025-05-12").out.replace("\n", " ")  # fmt: skip
    assert [] == part(until_size["changes"])["rows"]
    assert 3 == part(part(until_size["changes"])["until"])["size"]


def test_the_command_compares_with_what_was_recorded_by_a_day(desk: Desk) -> None:
    desk.filled()
    same = desk.done("changes", "ledger", "--since-recorded", "2025-06-15", "--until", "2025-06-15")

    assert [] == part(same["changes"])["rows"]


@pytest.mark.parametrize(("words", "reason"), [
    ((), "since when"),
    (("--since", "2025-06-01", "--until", "2025-05-01"), "2025-06-01 is after 2025-05-01"),
    (("--since-size", "6"), "it is read up to 5 entries"),
    (("--since-size", "4", "--until-size", "3"), "it is read up to 3 entries"),
    (("--since-recorded", "2025-01-01"), "nothing was recorded by 2025-01-01"),
    (("--since-event", "000000"), "begins with 000000"),
    (("--since", "2025-06-01", "--since-event", "00"), "not allowed with"),
    (("--since-size", "3", "--since-recorded", "2025-06-15"), "not allowed with"),
])  # fmt: skip
def test_the_command_says_what_it_cannot_compare(
    desk: Desk, words: tuple[str, ...], reason: str
) -> None:
    desk.filled()
    ran = desk("changes", "ledger", *words)

    assert 2 == ran.code
    assert reason in ran.err


VAGUE = """\
counterfoil: draft/v1
events:
  - kind: communication
    channel: letter
    from: [rutland]
    to: [county]
    dates:
      sent: {edtf: "[2025-04-08..]", basis: inferred}
    claims:
      title: A letter of some day.
  - kind: communication
    channel: letter
    from: [rutland]
    to: [county]
    claims:
      title: A letter of no day.
"""


def test_an_event_without_a_last_day_is_no_day_to_compare_with(desk: Desk) -> None:
    desk.filled()
    desk.write("vague.yaml", VAGUE)
    recorded = desk.done("record", "ledger", "--key", "rutland.key", "vague.yaml")["recorded"]
    vague, undated = (str(one["event"]) for one in rows(recorded))

    ran = desk("changes", "ledger", "--since-event", vague)
    assert (2, True) == (ran.code, "has no last day: on or after 8 April 2025" in ran.err)
    ran = desk("changes", "ledger", "--since-event", undated)
    assert (2, True) == (ran.code, "has no date. Give --since with a day" in ran.err)
