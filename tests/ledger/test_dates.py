"""Imprecise dates: the founding case first, then refusals, then properties."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from edtf import parse_edtf
from hypothesis import given
from hypothesis import strategies as st

from ledger.date_words import HOUSE_CONVENTION, format_day, format_when, words_to_edtf
from ledger.dates import (
    Basis,
    When,
    days_between,
    is_before,
    known_by,
    narrow,
    parse_when,
    sort_key,
)
from ledger.errors import ContradictionError, DateError, LedgerError

DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2100, 12, 31))


def when(edtf: str, phrase: str | None = None) -> When:
    return parse_when(edtf, basis="stated", phrase=phrase)


def iso(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()


def bounds(of: When) -> tuple[str | None, str | None, str | None, str | None]:
    return iso(of.begin_earliest), iso(of.begin_latest), iso(of.end_earliest), iso(of.end_latest)


# Every date of the founding case. A point: earliest, latest.
POINTS_OF_THE_CASE: list[tuple[str, Basis, str, str | None, str | None]] = [
    ("6th March", "inferred", "2025-03-06", "2025-03-06", "2025-03-06"),
    ("6th March", "inferred", "2025?-03-06", "2025-03-06", "2025-03-06"),
    ("12th March (six days after", "inferred", "2025-03-12", "2025-03-12", "2025-03-12"),
    ("reply … of 23rd April", "stated", "2025-04-23", "2025-04-23", "2025-04-23"),
    ("reply … of 23rd April", "inferred", "[2025-04-23..]", "2025-04-23", None),
    ("received … on 8th April", "stated", "2025-04-08", "2025-04-08", "2025-04-08"),
    ("received … on 8th April", "inferred", "[..2025-04-08]", None, "2025-04-08"),
    ("A detailed reply was sent", "inferred", "[2025-04-08..]", "2025-04-08", None),
    (
        "A detailed reply was sent",
        "inferred",
        "[2025-04-08..2025-05-01]",
        "2025-04-08",
        "2025-05-01",
    ),
    ("then asked for a further breakdown", "inferred", "[2025-04-08..]", "2025-04-08", None),
    (
        "until after the County Council elections",
        "corroborated",
        "[2025-05-02..]",
        "2025-05-02",
        None,
    ),
    (
        "after a delay, in early June",
        "convention",
        "[2025-06-01..2025-06-10]",
        "2025-06-01",
        "2025-06-10",
    ),
    (
        "after a delay, in early June",
        "corroborated",
        "[2025-06-01..2025-06-03]",
        "2025-06-01",
        "2025-06-03",
    ),
    (
        "at the end of May",
        "convention",
        "[2025-05-21..2025-05-31]",
        "2025-05-21",
        "2025-05-31",
    ),
    ("In June", "stated", "2025-06-XX", "2025-06-01", "2025-06-30"),
    ("final proposals in November", "stated", "2025-11", "2025-11-01", "2025-11-30"),
    ("final proposals in November", "corroborated", "2025-11-28", "2025-11-28", "2025-11-28"),
    (
        "not finally clear … until early July",
        "convention",
        "[2025-07-01..2025-07-10]",
        "2025-07-01",
        "2025-07-10",
    ),
    (
        "Following that … established",
        "inferred",
        "[2025-07-01..2025-07-31]",
        "2025-07-01",
        "2025-07-31",
    ),
    ("23 September 2025", "stated", "2025-09-23", "2025-09-23", "2025-09-23"),
    ("also established", "inferred", "2025-XX-XX", "2025-01-01", "2025-12-31"),
    ("developed and signed by each party", "inferred", "2025-XX-XX", "2025-01-01", "2025-12-31"),
    ("Following the last meeting … one request", "stated", "[2025-09-23..]", "2025-09-23", None),
    ("separately queried", "inferred", "[2025-09-23..]", "2025-09-23", None),
    ("introduced in Lincolnshire", "inferred", "[..2025-03-06]", None, "2025-03-06"),
]


@pytest.mark.parametrize(("phrase", "basis", "edtf", "earliest", "latest"), POINTS_OF_THE_CASE)
def test_reads_every_point_of_the_case(
    phrase: str, basis: Basis, edtf: str, earliest: str | None, latest: str | None
) -> None:
    point = parse_when(edtf, basis=basis, phrase=phrase)

    assert point.kind == "point"
    assert (earliest, latest, earliest, latest) == bounds(point)
    assert (phrase, basis, edtf) == (point.phrase, point.basis, point.edtf)
    assert (earliest is not None and earliest == latest) == point.precise


@pytest.mark.parametrize(
    ("phrase", "edtf", "expected"),
    [
        ("not aware", "2025-03-12/", ("2025-03-12", "2025-03-12", "2025-03-12", None)),
        (
            "not finally clear until early July",
            "2025-03-06/2025-07~",
            ("2025-03-06", "2025-03-06", "2025-07-01", "2025-07-31"),
        ),
        (
            "meeting from July to September",
            "2025-07/2025-09",
            ("2025-07-01", "2025-07-31", "2025-09-01", "2025-09-30"),
        ),
        (
            "meeting from July to September",
            "2025-07/2025-09-23",
            ("2025-07-01", "2025-07-31", "2025-09-23", "2025-09-23"),
        ),
        (
            "would remain in diaries for a period of time",
            "2025-09-23/",
            ("2025-09-23", "2025-09-23", "2025-09-23", None),
        ),
    ],
)
def test_reads_every_span_of_the_case(
    phrase: str, edtf: str, expected: tuple[str | None, ...]
) -> None:
    span = when(edtf, phrase)

    assert span.kind == "span"
    assert expected == bounds(span)
    assert not span.precise


def test_a_span_that_overlaps_itself_uses_that_nothing_ends_before_it_begins() -> None:
    assert ("2025-01-01", "2025-06-30", "2025-06-01", "2025-06-30") == bounds(when("2025/2025-06"))
    assert ("2025-06-01", "2025-06-30", "2025-06-01", "2025-12-31") == bounds(when("2025-06/2025"))


def test_an_unknown_end_is_not_an_open_one() -> None:
    unknown, opened = when("2025-09-23/"), when("2025-09-23/..")

    assert bounds(unknown) == bounds(opened)
    assert (False, True) == (unknown.end_open, opened.end_open)
    assert (False, True) == (when("/2025-05").begin_open, when("../2025-05").begin_open)
    assert (None, "2025-05-31", "2025-05-01", "2025-05-31") == bounds(when("/2025-05"))


def test_one_unknown_day_of_a_set_is_not_a_span() -> None:
    assert "point" == when("[2025-07-01..2025-07-10]").kind
    assert "span" == when("2025-07-01/2025-07-10").kind


@pytest.mark.parametrize("mark", ["?", "~", "%"])
@pytest.mark.parametrize("shape", ["2025-07{}", "2025{}-07", "[2025-07-01{}..2025-07-31]"])
def test_a_qualifier_is_carried_and_never_widens_the_bounds(shape: str, mark: str) -> None:
    qualified = when(shape.format(mark))

    assert ("2025-07-01", "2025-07-31") == (iso(qualified.earliest), iso(qualified.latest))
    assert (mark in "?%") == qualified.uncertain
    assert (mark in "~%") == qualified.approximate


def test_the_day_of_a_date_time_is_the_day_as_written() -> None:
    late = when("2025-03-06T23:45:00-02:00")

    assert ("2025-03-06", "2025-03-06") == (iso(late.earliest), iso(late.latest))
    assert "23:45:00-02:00" == late.time
    assert when("2025-03-06").time is None


REFUSED = [
    "",
    " 2025-03-06",
    "2025-03-06\n",
    "2025-02-30",
    "2025-02-29",
    "2025-13",
    "2025-00",
    "2025-03-00",
    "0000-01-01",
    "0000",
    "25-03-06",
    "20250306",
    "2025-3-6",
    "06/03/2025",
    "03/06/2025",
    "2025-XX-15",
    "2025-05-2X",
    "202X",
    "2025-xx-xx",
    "2025-03-06??",
    "?2025-03-06",
    "2025-21",
    "Y20250",
    "-2025",
    "early July 2025",
    "2025-03-0\u0666",
    "2025-03-06T24:00:00Z",
    "2025-03-06T10:00:00",
    "2025-03-06T10:00Z",
    "2025-03-06T10:60:00Z",
    "2025-03-06T10:00:00+24:00",
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    "2025-02-30T10:00:00Z",
    "2025-03-06T10:00:00Z?",
    "2025-03T10:00:00Z",
    "[]",
    "[..]",
    "[",
    "]",
    "[2025-03-06]",
    "[2025-03-06",
    "[2025-03-06..2025-03-05]",
    "[2025-04-10,2025-04-08]",
    "[2025-04-08,2025-04-08]",
    "[2025-04,2025-04-08]",
    "[2025-04-08, 2025-04-10]",
    "[2025-04-08,..2025-05-01]",
    "[2025-04-08,2025-05-01..]",
    "[2025-04-XX..]",
    "[2025-03-06T10:00:00Z..]",
    "{2025-04-08,2025-04-10}",
    "/",
    "../..",
    "../",
    "/..",
    "2025-06-30/2025-06-01",
    "2025-06/2025-05",
    "2025/2026/2027",
    "[2025-06-01..2025-06-03]/2025-07",
    "2025-07/[2025-08-01..]",
    "2025-03-06T10:00:00Z/2025-03-07",
]


@pytest.mark.parametrize("text", REFUSED)
def test_refuses_what_is_outside_the_subset(text: str) -> None:
    with pytest.raises(DateError) as refused:
        when(text)

    assert text == refused.value.text
    assert refused.value.reason
    assert isinstance(refused.value, LedgerError)


def test_refuses_a_basis_that_is_not_one_of_the_four() -> None:
    with pytest.raises(DateError) as refused:
        parse_when("2025-03-06", basis="external")  # type: ignore[arg-type]  # what is tested

    assert "external" == refused.value.text


CROSS_CHECKED = [
    *sorted({edtf for _, _, edtf, lo, hi in POINTS_OF_THE_CASE if lo and hi}),
    "2025",
    "2025-XX",
    "2024-02-XX",
    "2025-06~",
    "2025-03?-06",
    "2025-03-06%",
    "[2025-04-08,2025-04-10]",
    "2025-07/2025-09",
    "2025-07?/2025-09~",
    "2025-03-06T10:00:00Z",
]


@pytest.mark.parametrize("edtf", CROSS_CHECKED)
def test_agrees_with_the_edtf_package_where_that_is_right(edtf: str) -> None:
    theirs, ours = parse_edtf(edtf), when(edtf)

    assert dt.date(*theirs.lower_strict()[:3]) == ours.earliest
    assert dt.date(*theirs.upper_strict()[:3]) == ours.latest


def test_the_traps_of_the_edtf_package_are_still_there() -> None:
    # If one of these changes, the choice of a parser of our own can too.
    reversed_span = parse_edtf("2025-06-30/2025-06-01")

    assert (2024, 6, 1) == tuple(parse_edtf("2025-07~").lower_fuzzy()[:3])
    assert (2035, 3, 12) == tuple(parse_edtf("2025-03-12/").upper_strict()[:3])
    assert reversed_span.lower_strict() > reversed_span.upper_strict()


def test_the_email_of_the_end_of_may_came_before_the_response_of_early_june() -> None:
    email, response = when("[2025-05-21..2025-05-31]"), when("[2025-06-01..2025-06-10]")

    assert "yes" == is_before(email, response)
    assert "no" == is_before(response, email)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("2025-03-06", "2025-03-07", "yes"),
        ("2025-03-06", "2025-03-06", "not established"),
        ("2025-03-07", "2025-03-06", "no"),
        ("2025-06", "2025-06-30", "not established"),
        ("[..2025-04-08]", "2025-04-09", "yes"),
        ("[..2025-04-08]", "2025-04-08", "not established"),
        ("[2025-04-08..]", "2025-04-07", "no"),
        ("[2025-04-08..]", "[2025-04-23..]", "not established"),
        # Of a span the beginning counts, even if it lasts beyond the other.
        ("2025-03-12/", "2025-04-23", "yes"),
        ("2025-07/2025-09", "2025-08-15", "yes"),
        ("2025-07/2025-09", "2025-07-15", "not established"),
        ("2025-03-06T10:00:00Z", "2025-03-06T10:00:01Z", "yes"),
        ("2025-03-06T10:00:00Z", "2025-03-06T10:30:00+01:00", "no"),
        ("2025-03-06T10:00:00Z", "2025-03-06T11:00:00+01:00", "not established"),
        ("2025-03-06T23:45:00Z", "2025-03-07T00:30:00+01:00", "no"),
        ("2025-03-06T23:30:00Z", "2025-03-07T00:30:00+01:00", "not established"),
        ("2025-03-06T10:00:00Z", "2025-03-06", "not established"),
        # Half past midnight of 2 June by the clocks of the United Kingdom; in January it is not.
        ("2025-06-01T23:30:00Z", "2025-06-02", "not established"),
        ("2025-06-02", "2025-06-01T23:30:00Z", "not established"),
        ("2025-06-01T23:30:00Z", "2025-06-03", "yes"),
        ("2025-01-31T23:30:00Z", "2025-02-01", "yes"),
        ("2025-01-31T23:30:00-05:00", "2025-02-01", "not established"),
    ],
)
def test_orders_only_what_the_bounds_establish(a: str, b: str, expected: str) -> None:
    assert expected == is_before(when(a), when(b))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("2025-03-06", "2025-04-08", (33, 33)),
        ("2025-03-12", "2025-04-23", (42, 42)),
        ("2025-03-06", "[2025-07-01..2025-07-10]", (117, 126)),
        ("2025-03-12", "[2025-04-23..]", (42, None)),
        ("[..2025-03-06]", "2025-04-08", (33, None)),
        ("[2025-03-06..]", "2025-04-08", (None, 33)),
        ("2025-04-08", "2025-03-06", (-33, -33)),
        ("2025-06", "2025-06", (-29, 29)),
        ("2025-03-12/", "2025-04-23", (42, 42)),
    ],
)
def test_counts_the_days_between(a: str, b: str, expected: tuple[int | None, int | None]) -> None:
    assert expected == days_between(when(a), when(b))


@pytest.mark.parametrize(
    ("edtf", "as_at", "expected"),
    [
        ("2025-06-03", dt.date(2025, 6, 3), "yes"),
        ("2025-06-03", dt.date(2025, 6, 2), "no"),
        ("[2025-06-01..2025-06-10]", dt.date(2025, 6, 10), "yes"),
        ("[2025-06-01..2025-06-10]", dt.date(2025, 6, 9), "not established"),
        ("[2025-06-01..2025-06-10]", dt.date(2025, 5, 31), "no"),
        ("[2025-04-23..]", dt.date(2099, 1, 1), "not established"),
        ("[..2025-04-08]", dt.date(2025, 4, 7), "not established"),
        ("2025-09-23/", dt.date(2025, 9, 23), "yes"),
        ("2025-06-01T23:30:00Z", dt.date(2025, 6, 1), "not established"),
        ("2025-06-01T23:30:00Z", dt.date(2025, 6, 2), "yes"),
        ("2025-01-31T23:30:00Z", dt.date(2025, 1, 31), "yes"),
    ],
)
def test_says_whether_it_had_happened_by_a_day(edtf: str, as_at: dt.date, expected: str) -> None:
    assert expected == known_by(when(edtf), as_at)


def test_an_outside_source_narrows_a_date_without_editing_it() -> None:
    early_june = parse_when("[2025-06-01..2025-06-10]", basis="convention", phrase="in early June")

    narrowed = narrow(early_june, [when("[..2025-06-03]")])

    assert "[2025-06-01..2025-06-03]" == narrowed.edtf
    assert ("corroborated", "in early June") == (narrowed.basis, narrowed.phrase)
    assert ("[2025-06-01..2025-06-10]", "convention") == (early_june.edtf, early_june.basis)


@pytest.mark.parametrize(
    ("edtf", "others", "expected"),
    [
        ("2025-06-XX", ["[2025-06-03..]", "[..2025-06-03]"], "2025-06-03"),
        ("[2025-04-08..]", ["[..2025-05-01]"], "[2025-04-08..2025-05-01]"),
        ("[2025-04-08..]", ["[2025-04-23..]"], "[2025-04-23..]"),
        ("[..2025-04-08]", ["[..2025-04-07]"], "[..2025-04-07]"),
        ("[2025-04-08,2025-04-10,2025-04-12]", ["[2025-04-09..]"], "[2025-04-10,2025-04-12]"),
        ("[2025-04-08,2025-05]", ["[..2025-05-02]"], "[2025-04-08,2025-05-01,2025-05-02]"),
        ("[2025-04-08,2025-04-10]", ["[2025-04-09..]"], "2025-04-10"),
        ("2025-06~", ["[..2025-06-03]"], "[2025-06-01~..2025-06-03~]"),
        ("2025-06%", ["2025-06-03"], "2025-06-03%"),
        # The next day in the United Kingdom: no contradiction, and no more exact than the time.
        ("2025-06-01T23:30:00Z", ["2025-06-02"], "2025-06-01T23:30:00Z"),
        ("2025-06-02", ["2025-06-01T23:30:00Z"], "2025-06-02"),
        ("[2025-06-01..2025-06-10]", ["2025-06-01T23:30:00Z"], "[2025-06-01..2025-06-02]"),
    ],
)
def test_narrows_to_the_days_in_common(edtf: str, others: list[str], expected: str) -> None:
    assert expected == narrow(when(edtf), [when(other) for other in others]).edtf


def test_a_date_that_is_not_made_narrower_stays_what_it_was() -> None:
    stated = when("2025-06-03T10:00:00Z")

    assert stated is narrow(stated, [when("2025-06"), when("[2025-05-01..]")])
    assert stated is narrow(stated, [])


def test_reports_a_contradiction_with_both_sides() -> None:
    # Neither day listed is the 9th, although the 9th lies between them.
    with pytest.raises(ContradictionError) as refused:
        narrow(when("[2025-04-08,2025-04-10]"), [when("2025-04"), when("2025-04-09")])

    assert "[2025-04-08,2025-04-10]" == refused.value.text
    assert ("2025-04", "2025-04-09") == refused.value.against


@pytest.mark.parametrize(
    ("edtf", "other", "blamed"),
    [
        ("2025-07/2025-09", "2025-07", "2025-07/2025-09"),
        ("2025-07", "2025-07/2025-09", "2025-07/2025-09"),
        ("2025-07", "2025-07-03~", "2025-07-03~"),
        ("2025-07", "2025?-07-03", "2025?-07-03"),
    ],
)
def test_refuses_to_narrow_with_what_is_no_outer_bound(edtf: str, other: str, blamed: str) -> None:
    with pytest.raises(DateError) as refused:
        narrow(when(edtf), [when(other)])

    assert blamed == refused.value.text


@pytest.mark.parametrize(
    ("edtf", "phrase", "expected"),
    [
        ("2025-04-08", None, "8 April 2025"),
        ("2025-04-08", "received on 8th April", "received on 8th April (8 April 2025)"),
        ("2025-09-23", "23 September 2025", "23 September 2025"),
        ("2025?-03-06", "6th March", "6th March (6 March 2025, year uncertain)"),
        ("2025-03-06?", None, "6 March 2025 (uncertain)"),
        ("2025-03-06%", None, "6 March 2025 (approximate, uncertain)"),
        ("[2025-07-01..2025-07-10]", "early July 2025", "early July 2025 (1 to 10 July 2025)"),
        ("[2025-07-01..2025-07-10]", None, "1 to 10 July 2025 (one day)"),
        ("[2025-05-21..2025-06-03]", None, "21 May to 3 June 2025 (one day)"),
        ("[2025-12-21..2026-01-03]", None, "21 December 2025 to 3 January 2026 (one day)"),
        ("[2025-04-08..]", None, "on or after 8 April 2025"),
        ("[..2025-04-08]", None, "on or before 8 April 2025"),
        ("[2025-04-08,2025-05]", None, "8 April 2025 or May 2025 (one day)"),
        ("2025-06-XX", None, "June 2025 (one day)"),
        ("2025-06-XX", "In June", "In June (June 2025)"),
        ("2025-XX-XX", None, "undated, 2025"),
        ("2025-XX-XX", "also established", "also established (undated, 2025)"),
        ("2025-07/2025-09-23", None, "from July 2025 to 23 September 2025"),
        ("2025-03-06/2025-07~", None, "from 6 March 2025 to July 2025 (approximate)"),
        ("2025-09-23/", None, "from 23 September 2025 (end unknown)"),
        ("2025-09-23/..", None, "from 23 September 2025 (no end)"),
        ("/2025-06", None, "until June 2025 (beginning unknown)"),
        ("../2025", None, "until 2025 (no beginning)"),
        ("2025-09-23/", "in diaries", "in diaries (from 23 September 2025, end unknown)"),
        ("2025-04-08T16:05:00Z", None, "8 April 2025, 16:05:00 UTC"),
        ("2025-04-08T16:05:00+01:00", None, "8 April 2025, 16:05:00 UTC+01:00"),
    ],
)
def test_writes_a_date_for_people(edtf: str, phrase: str | None, expected: str) -> None:
    assert expected == format_when(when(edtf, phrase))


def test_the_house_convention_is_one_sentence_that_names_the_three_parts() -> None:
    assert 1 == HOUSE_CONVENTION.count(".")
    for words in ("1 to 10", "11 to 20", "21 to the last", "one unknown day"):
        assert words in HOUSE_CONVENTION


def test_sorts_by_earliest_then_latest_with_the_undated_last() -> None:
    in_order = [
        "[..2025-03-06]",
        "2025-03-06",
        "2025-03-06T09:00:00Z",
        "2025-03-06T09:30:00+00:00",
        "2025-03-06T09:00:00-01:00",
        "2025-03-06/2025-07~",
        "2025-03-12/",
        "2025-06-01",
        "[2025-06-01..2025-06-10]",
        "2025-06-XX",
        "[2025-06-01..]",
        "2024-XX-XX",
        "2025",
    ]
    keys = [sort_key(when(edtf)) for edtf in in_order] + [sort_key(None)]

    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("early July", ("[2025-07-01..2025-07-10]", "convention")),
        ("in early July", ("[2025-07-01..2025-07-10]", "convention")),
        ("beginning of July 2024", ("[2024-07-01..2024-07-10]", "convention")),
        ("mid June", ("[2025-06-11..2025-06-20]", "convention")),
        ("Mid-June", ("[2025-06-11..2025-06-20]", "convention")),
        ("late May", ("[2025-05-21..2025-05-31]", "convention")),
        ("end of May", ("[2025-05-21..2025-05-31]", "convention")),
        ("at the  end of May", ("[2025-05-21..2025-05-31]", "convention")),
        ("late February 2024", ("[2024-02-21..2024-02-29]", "convention")),
        ("In June", ("2025-06-XX", "inferred")),
        ("in June 2025", ("2025-06-XX", "stated")),
        ("6th March", ("2025-03-06", "inferred")),
        ("6th of March", ("2025-03-06", "inferred")),
        ("6 March 2025", ("2025-03-06", "stated")),
        ("23 Sept 2025", ("2025-09-23", "stated")),
        ("on or after 8 April", ("[2025-04-08..]", "inferred")),
        ("on or before 8 April", ("[..2025-04-08]", "inferred")),
        ("before 8 April 2025", ("[..2025-04-07]", "stated")),
        ("before June", ("[..2025-05-31]", "inferred")),
        ("after 31 December 2025", ("[2026-01-01..]", "stated")),
        ("between 8 April and 1 May", ("[2025-04-08..2025-05-01]", "inferred")),
        ("between 6th and 8th April", ("[2025-04-06..2025-04-08]", "inferred")),
        ("between March and June 2024", ("[2024-03..2024-06]", "stated")),
        (
            "between 20 December 2024 and 3 January 2025",
            ("[2024-12-20..2025-01-03]", "stated"),
        ),
    ],
)
def test_suggests_a_date_for_words_of_the_table(phrase: str, expected: tuple[str, Basis]) -> None:
    suggestion = words_to_edtf(phrase, year=2025)

    assert (*expected, phrase) == suggestion


@pytest.mark.parametrize(
    "phrase",
    [
        "",
        "03/06/2025",
        "3.6.2025",
        "2025-06-03",
        "6/3",
        "June",
        "31 April",
        "30 February 2024",
        "6st March",
        "3th March",
        "last Tuesday",
        "around June",
        "early 2025",
        "between December and January",
        "between 6 March 2024 and 8 April",
        "before 31 April",
        "before",
        "between 6 and 8",
    ],
)
def test_suggests_nothing_for_other_words(phrase: str) -> None:
    assert words_to_edtf(phrase, year=2025) is None


def test_suggests_nothing_without_a_year() -> None:
    assert words_to_edtf("early July", year=None) is None
    assert words_to_edtf("6th March", year=99999) is None
    assert "2025-03-06" == (words_to_edtf("6 March 2025", year=None) or ("",))[0]


def test_writes_every_month_in_english() -> None:
    assert "1 January 2025" == format_day(dt.date(2025, 1, 1))
    assert "31 December 2025" == format_day(dt.date(2025, 12, 31))


FRAGMENTS = st.sampled_from(
    [
        *("2025", "2024", "-", "/", "..", "[", "]", ",", "?", "~", "%", "XX", "02", "29"),
        *("06", "T10:00:00", "Z", "+01:00", "0000", "9999", "12", "31", "\n", "٣"),
    ]
)


@given(st.one_of(st.text(), st.lists(FRAGMENTS, max_size=9).map("".join)))
def test_any_text_gives_a_date_or_a_date_error(text: str) -> None:
    try:
        parsed = when(text)
    except DateError:
        return

    begin_earliest, begin_latest, end_earliest, end_latest = bounds(parsed)
    assert (begin_earliest or "0") <= (begin_latest or "A")
    assert (end_earliest or "0") <= (end_latest or "A")
    assert (begin_earliest or "0") <= (end_earliest or "A")
    assert (begin_latest or "0") <= (end_latest or "A")
    assert format_when(parsed)
    assert sort_key(parsed) < sort_key(None)


@given(st.text(), st.one_of(st.none(), st.integers()))
def test_any_words_give_a_suggestion_that_parses_or_none(phrase: str, year: int | None) -> None:
    suggestion = words_to_edtf(phrase, year=year)

    assert suggestion is None or when(suggestion.edtf)


@given(DAYS, DAYS, DAYS, DAYS)
def test_order_holds_for_every_pair_of_days_within_the_bounds(
    a: dt.date, b: dt.date, c: dt.date, d: dt.date
) -> None:
    left, right = sorted((a, b)), sorted((c, d))
    first, second = when(f"[{left[0]}..{left[1]}]"), when(f"[{right[0]}..{right[1]}]")
    order = is_before(first, second)
    least, most = days_between(first, second)

    assert least is not None
    assert most is not None
    for x, y in itertools.product(left, right):
        assert order != "yes" or x < y
        assert order != "no" or x > y
        assert least <= (y - x).days <= most


def test_every_day_of_a_leap_year_is_read_as_itself() -> None:
    for n in range(366):
        day = dt.date(2024, 1, 1) + dt.timedelta(n)

        assert (day, day) == (when(day.isoformat()).earliest, when(day.isoformat()).latest)
