"""iCalendar, read back by a library that did not write it."""

from __future__ import annotations

import datetime as dt

import icalendar as other
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.folds.reading import read
from ledger.outputs.icalendar import icalendar
from ledger.outputs.table import Table, table_of
from tests.ledger.bookmaking import Draft, book_of, dates, nonce
from tests.ledger.founding import LCC
from tests.ledger.outputs.hostile import TEXTS, every_date, hostile_table
from tests.ledger.outputs.test_table import founding_table
from verify.kinds import Commitment, Request


def components(data: bytes) -> list[other.Component]:
    return list(other.Calendar.from_ical(data).subcomponents)


def due_table(as_at: str = "2025-05-20") -> Table:
    request = Request(
        author=LCC,
        nonce=nonce("foi"),
        dates=dates(received="2025-04-08"),
        what="data",
        medium="written",
        from_=("rutland",),
        to=(LCC,),
        regime="foia_20",
    )
    vague = Request(
        author=LCC,
        nonce=nonce("vague foi"),
        dates=dates(received="[2025-04-08..2025-04-10]"),
        what="data",
        medium="written",
        from_=("rutland",),
        to=(LCC,),
        regime="foia_20",
    )
    promise = Commitment(
        author=LCC,
        nonce=nonce("due promise"),
        dates=dates(made="2025-04-08", due="2025-06-30"),
        by=LCC,
        to=("rutland",),
        what="document",
    )
    book = book_of([Draft(request), Draft(vague), Draft(promise)], members=("rutland",))
    return table_of(read(book.view(), as_at=dt.date.fromisoformat(as_at)))


def test_has_a_component_for_each_row_and_no_method() -> None:
    data = icalendar(founding_table())
    found = components(data)

    assert [row.ref for row in founding_table().rows] == [str(each["UID"]) for each in found]
    assert {"VEVENT", "VJOURNAL"} == {each.name for each in found}
    assert b"METHOD" not in data
    assert b"ATTENDEE" not in data


def test_lasts_from_the_earliest_to_the_latest_day() -> None:
    (row,) = (row for row in founding_table().rows if row.seq == 41)
    event = next(each for each in components(icalendar(founding_table())) if each["UID"] == row.ref)

    assert dt.date(2025, 7, 1) == event.decoded("DTSTART")
    assert dt.date(2025, 7, 11) == event.decoded("DTEND")
    assert "TENTATIVE" == event["STATUS"]
    assert "TRANSPARENT" == event["TRANSP"]
    assert "CONFIDENTIAL" == event["CLASS"]
    assert row.ref == event["X-LEDGER-HASH"]
    assert "[2025-07-01..2025-07-10]" == str(event["X-EDTF"])
    assert "early July (1 to 10 July 2025)" in str(event["DESCRIPTION"])
    assert dt.datetime(2025, 12, 1, tzinfo=dt.UTC) == event.decoded("DTSTAMP")


def test_a_time_of_day_is_an_instant_and_what_has_no_date_a_journal() -> None:
    table = every_date()
    found = {str(each["UID"]): each for each in components(icalendar(table))}
    for row in table.rows:
        each = found[row.ref]
        if row.date is None:
            assert "VJOURNAL" == each.name
            assert "DTSTART" not in each
        elif row.date.at_s is not None:
            assert dt.datetime(2025, 3, 6, 15, 5, tzinfo=dt.UTC) == each.decoded("DTSTART")


def test_a_deadline_is_a_task_with_its_working() -> None:
    tasks = [each for each in components(icalendar(due_table())) if each.name == "VTODO"]
    exact, promise, vague = tasks

    # 20 working days after 8 April 2025, Easter and the early May bank holiday passed over.
    assert dt.date(2025, 5, 9) == exact.decoded("DUE")
    assert "NEEDS-ACTION" == exact["STATUS"]
    assert "working day 20" in str(exact["DESCRIPTION"])
    assert "Bank holidays: holidays " in str(exact["DESCRIPTION"])
    assert dt.date(2025, 5, 9) == vague.decoded("DUE")
    assert "Between 2025-05-09 and 2025-05-13." in str(vague["DESCRIPTION"])
    assert dt.date(2025, 6, 30) == promise.decoded("DUE")


def test_the_day_of_deemed_service_is_no_task() -> None:
    served = Request(
        author="rutland",
        nonce=nonce("served"),
        dates=dates(sent="2025-04-08"),
        what="data",
        medium="written",
        from_=("rutland",),
        to=(LCC,),
        regime="cpr_deemed",
    )
    book = book_of([Draft(served)], members=("rutland",))
    table = table_of(read(book.view(), as_at=dt.date(2025, 5, 20)))

    assert ["VEVENT"] == [each.name for each in components(icalendar(table))]


def test_the_footer_names_the_bank_holidays_of_deadlines() -> None:
    table = due_table()

    assert table.footer.calendar is not None
    assert f"Bank holidays: {table.footer.calendar}." in table.footer.lines()
    assert table.footer.calendar in str(other.Calendar.from_ical(icalendar(table))["DESCRIPTION"])


def test_no_line_is_longer_than_75_octets() -> None:
    for table in (founding_table(), every_date(), due_table()):
        lines = icalendar(table).split(b"\r\n")

        assert 75 >= max(map(len, lines))
        assert b"" == lines[-1]
        for line in lines:
            line.decode()


@settings(max_examples=25, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_another_reader_finds_hostile_texts_whole(texts: list[str]) -> None:
    table = hostile_table(texts)
    found = components(icalendar(table))

    assert len(table.rows) == len(found)
    for row, each in zip(table.rows, found, strict=True):
        assert row.ref == each["UID"]
        assert row.event in str(each["DESCRIPTION"])
        assert (row.title or row.event) == str(each["SUMMARY"])
