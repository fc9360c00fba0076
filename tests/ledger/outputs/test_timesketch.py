"""JSON lines for Timesketch, held to the rules of its importer, written down here again."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.outputs.table import Choice
from ledger.outputs.timesketch import omitted, timesketch
from tests.ledger.outputs.hostile import TEXTS, every_date, hostile_table
from tests.ledger.outputs.test_table import founding_table

SCRUBBED = frozenset(("_id", "_type", "_index", "_source", "__ts_timeline_id"))
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def imported(data: bytes) -> list[dict[str, object]]:
    """Read lines as the importer does, and refuse what it refuses or drops."""
    found = []
    for line in data.splitlines():
        event = json.loads(line)
        missing = [name for name in ("message", "datetime", "timestamp_desc") if name not in event]
        at = dt.datetime.fromisoformat(event["datetime"])

        assert [] == missing
        assert at.tzinfo is not None
        assert at.year >= 1700
        assert (at - EPOCH) // dt.timedelta(microseconds=1) == event["timestamp"]
        assert all(isinstance(tag, str) and tag for tag in event.get("tag", ["-"]))
        assert not SCRUBBED & event.keys()
        assert all(
            len(value.encode()) <= 32_766 for value in event.values() if isinstance(value, str)
        )
        found.append(event)
    return found


def omissions(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))


@pytest.mark.parametrize("grades", [False, True])
def test_the_importer_takes_every_line(grades: bool) -> None:  # noqa: FBT001 (a case)
    events = imported(timesketch(founding_table(Choice(grades=grades))))

    assert {row.ref for row in founding_table().rows} == {
        event["event_hash"] for event in events if "event_hash" in event
    }
    assert grades is any("proof_grade" in event for event in events)


@settings(max_examples=20, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_the_importer_takes_hostile_texts(texts: list[str]) -> None:
    table = hostile_table(texts)

    assert len(imported(timesketch(table))) > len(table.rows)


def test_an_uncertain_day_is_two_events_and_none_between() -> None:
    (row,) = (row for row in founding_table().rows if row.seq == 41)
    events = [e for e in imported(timesketch(founding_table())) if e.get("event_hash") == row.ref]

    assert {
        "Occurred (earliest)": "2025-07-01T00:00:00.000+00:00",
        "Occurred (latest)": "2025-07-10T23:59:59.000+00:00",
        "Recorded in ledger": "2025-12-01T00:00:00.000+00:00",
    } == {event["timestamp_desc"]: event["datetime"] for event in events}
    assert {"early July"} == {event["phrase"] for event in events if "phrase" in event}


def test_each_date_is_an_event_of_its_own() -> None:
    events = imported(timesketch(every_date()))
    timed = [event for event in events if event.get("edtf") == "2025-03-06T16:05:00+01:00"]

    assert {"2025-03-06T15:05:00.000+00:00"} == {event["datetime"] for event in timed}
    assert {"Sent"} == {event["timestamp_desc"] for event in timed}
    assert {"the second"} == {event["date_known_to"] for event in timed}


def test_what_cannot_go_in_is_listed_with_the_reason() -> None:
    rows = [row for row in omissions(omitted(every_date())) if row["kind"] != "footer"]
    reasons = {(row["date_edtf"], row["reason"]) for row in rows}

    assert ("", "has no date that can be read") in reasons
    assert ("1650-01-01", "its earliest day is before 1700") in reasons
    assert ("[..2025-04-08]", "nothing bounds its earliest day") in reasons
    assert ("2025-07/..", "nothing bounds its latest day") in reasons
    assert not any(edtf == "2025-03-06" for edtf, _ in reasons)


def test_what_is_too_early_in_utc_alone_is_listed_too() -> None:
    new_year = ["1700-01-01T04:59:59+05:00", "1700-01-01T05:00:00+05:00"]
    table = hostile_table(["before", "after"], edtf=new_year)
    told = {str(event["edtf"]) for event in imported(timesketch(table)) if "edtf" in event}
    rows = [row for row in omissions(omitted(table)) if row["kind"] != "footer"]

    assert {"1700-01-01T05:00:00+05:00"} == told
    assert [("1700-01-01T04:59:59+05:00", "its day is before 1700 in UTC")] == [
        (row["date_edtf"], row["reason"]) for row in rows
    ]


def test_every_row_is_there_or_omitted() -> None:
    table = every_date()
    dated = {
        (event["event_hash"], event["edtf"]) for event in imported(timesketch(table))
        if "edtf" in event
    }  # fmt: skip
    left = {row["event_hash"] for row in omissions(omitted(table))}
    for row in table.rows:
        shown = row.date is not None and (row.ref, row.date.edtf) in dated
        assert shown or row.ref in left


def test_both_files_end_with_the_footer() -> None:
    table = founding_table()
    last = imported(timesketch(table))[-1]
    footer = [row["event"] for row in omissions(omitted(table)) if row["kind"] == "footer"]

    assert "About this timeline" == last["timestamp_desc"]
    assert "\n".join(table.footer.lines()) == last["message"]
    assert list(table.footer.lines()) == footer
