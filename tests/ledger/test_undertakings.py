"""Agreements, arrangements and transfers together: vague dates, order, print, the founding case."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.dates import Answer
from ledger.folds.agreements import AgreementRow, Bindings, fold_agreements, fold_bindings
from ledger.folds.arrangements import ArrangementRow, fold_arrangements
from ledger.folds.checklist import ELEMENTS
from ledger.folds.reading import Reading, read
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.folds.transfers import TransferRow, fold_transfers
from ledger.plain import to_json
from ledger.texts.undertakings import (
    agreements_text,
    arrangements_text,
    bindings_text,
    transfers_text,
)
from tests.ledger.bookmaking import Draft, book_of, dates, sealed
from tests.ledger.founding import LCC, position
from tests.ledger.shipped import Shipped, shipped
from tests.ledger.undertaking import (
    AS_AT,
    ASKED,
    BLABY,
    FILE,
    GROUP,
    ISA,
    MEMBERS,
    RUTLAND,
    STORE,
    TOLD,
    V1,
    agreement,
    arranged,
    chairs,
    did,
    done,
    met,
    passed,
    reading,
    seats,
)
from verify.kinds import Discharge, Step

# Vague dates


DAY_0 = dt.date(2025, 3, 1)


ranges = st.tuples(*(st.integers(0, 20) for _ in range(3))).map(sorted)


def days(lo: int, hi: int) -> str:
    first, last = (DAY_0 + dt.timedelta(n) for n in (lo, hi))
    return first.isoformat() if lo == hi else f"[{first}..{last}]"


@settings(max_examples=40, deadline=None)
@given(st.lists(ranges, min_size=6, max_size=6), st.integers(0, 20), st.booleans())
def test_no_choice_of_days_within_the_bounds_overturns_a_yes_or_no(
    drawn: list[list[int]],
    on: int,
    ends: bool,  # noqa: FBT001 (drawn)
) -> None:
    def answers(edtf: list[str]) -> list[Answer]:
        signed = [did(ISA, "sign", p, e, version=1) for p, e in zip(PAIR, edtf[:2], strict=True)]
        after = [
            did(ISA, "end" if ends else "vary", p, e, version=1 if ends else 2)
            for p, e in zip(PAIR, edtf[2:4], strict=True)
        ]
        found = reading(ISA, *signed, *after, passed(edtf[4]))
        day = DAY_0 + dt.timedelta(on)
        asked = fold_bindings(found, party=RUTLAND, on=day).rows
        sent = fold_transfers(found).rows[0].bound
        return [row.answer for row in asked] + [each.answer for each in sent]

    vague = answers([days(first, last) for first, _, last in drawn])
    exact = answers([days(chosen, chosen) for _, chosen, _ in drawn])
    for one, other in zip(vague, exact, strict=True):
        assert one in {other, "not established"}


@settings(max_examples=40, deadline=None)
@given(st.lists(ranges, min_size=4, max_size=4), st.integers(0, 20))
def test_nor_of_whether_an_arrangement_was_at_work_and_who_was_in_it(
    drawn: list[list[int]], on: int
) -> None:
    verbs = ("establish", "join", "dormant", "leave")
    as_at = DAY_0 + dt.timedelta(on)

    def answers(edtf: list[str]) -> list[Answer]:
        steps = [done(verb, LCC, each) for verb, each in zip(verbs, edtf, strict=True)]
        row = arranged(GROUP, *steps, as_at=as_at)
        return [row.at_work, row.dormant, row.closed, seats(row)[LCC][0]]

    vague = answers([days(first, last) for first, _, last in drawn])
    exact = answers([days(chosen, chosen) for _, chosen, _ in drawn])
    for one, other in zip(vague, exact, strict=True):
        assert one in {other, "not established"}


PAIR = (LCC, RUTLAND)


# Recording order


SCENE = (
    ISA, *V1, did(ISA, "vary", LCC, "2025-09-01", version=2),
    did(ISA, "vary", RUTLAND, "2025-10-XX", version=2), did(ISA, "end", LCC, "2025-11-01"),
    did(ISA, "sign", LCC, "2025-08-09", by=BLABY), GROUP,
    done("establish", LCC, members=(LCC, RUTLAND)), done("join", BLABY, "2025-08-01"),
    done("chair", BLABY, ""), done("dormant", RUTLAND, "2025-09-23"),
    met("2025-09-23", chair=BLABY), met("2025-07/2025-09"), passed("2025-09-15"),
    passed("", "more", to=(BLABY,)),
)  # fmt: skip


FIRST = {draft.id: number for number, draft in enumerate((ISA, GROUP))}


def folds(drafts: tuple[Draft, ...]) -> list[object]:
    found = reading(*drafts)
    tellings = (ESTABLISHED, TOLD, Telling(RUTLAND), Telling(BLABY))
    return [
        _without_indexes(to_json(fold(found, telling=each)))
        for fold in (fold_agreements, fold_arrangements, fold_transfers)
        for each in tellings
    ] + [
        _without_indexes(to_json(_asked(found, each, party)))
        for each in tellings
        for party in (LCC, RUTLAND, BLABY)
    ]


def _asked(found: Reading, telling: Telling, party: str) -> Bindings:
    return fold_bindings(found, party=party, on=dt.date(2025, 10, 15), telling=telling)


def _without_indexes(value: object) -> object:
    """Leave out where things stand in the ledger, which is all that recording order may change."""
    if isinstance(value, dict):
        places = {"index", "via_index", "under_index"}
        return {k: _without_indexes(each) for k, each in value.items() if k not in places}
    return [_without_indexes(each) for each in value] if isinstance(value, list) else value


@settings(max_examples=15, deadline=None)
@given(st.permutations([draft for draft in SCENE if draft.id not in FIRST]))
def test_the_same_facts_in_any_order_of_recording_fold_alike(drafts: list[Draft]) -> None:
    # What is referred to stands before: that is the ledger's own rule.
    assert EXPECTED == folds((ISA, GROUP, *drafts))
    assert EXPECTED == folds((GROUP, ISA, *drafts))


EXPECTED = folds(SCENE)


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_what_was_known_at_an_earlier_size_stays_so(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, len(SCENE)))
    book = book_of(SCENE, members=MEMBERS)
    enrolled = len(book.entries) - len(SCENE)
    early = book_of(SCENE[:size], members=MEMBERS)

    def at(view_size: int) -> list[object]:
        found = read(book.view(at_size=view_size), as_at=AS_AT)
        return [to_json(fold_agreements(found)), to_json(fold_arrangements(found))]

    before = read(early.view(), as_at=AS_AT)
    assert at(enrolled + size) == [
        to_json(fold_agreements(before)), to_json(fold_arrangements(before)),
    ]  # fmt: skip


# What is printed


def test_pages_say_what_stands_against_it_and_for_which_version() -> None:
    seal, texts = sealed(LCC, "data 2025-09-15 leicestershire", {"file.1": FILE})
    event = passed(
        "2025-09-15", geography="msoa", rows=120, via=STORE.id, to=(RUTLAND, BLABY), sealed=seal,
        discharges=(Discharge(request=ASKED.id, items=((1, 3), (5, 5))),),
    ).event  # fmt: skip
    sent = Draft(event, texts)
    got = position("got", RUTLAND, sent, "received", dates=dates(received="2025-09-16"))
    closed = done("close", LCC, "2025-11-01")
    denial = position("no", RUTLAND, closed, "deny")
    found = reading(
        ASKED, STORE, done("establish", LCC, of=STORE), *SCENE, sent, got, closed, denial
    )
    view, tellings = found.view, (ESTABLISHED, Telling(RUTLAND))
    agreements = agreements_text(view, [fold_agreements(found, telling=t) for t in tellings])
    asks = [
        fold_bindings(found, party=party, on=dt.date(2025, 10, 15), telling=ESTABLISHED)
        for party in (RUTLAND, "melton")
    ]
    arrangements = arrangements_text(view, [fold_arrangements(found, telling=t) for t in tellings])
    transfers = transfers_text(view, [fold_transfers(found, telling=t) for t in tellings])

    def flat(text: str) -> str:
        return " ".join(text.split())

    index = {told.id: told.index for told in view.told}
    ends = next(d for d in SCENE if isinstance(d.event, Step) and d.event.verb == "end")
    by_some = "Not ended (it was ended by some, or on a day that is not certain [entry {}])"
    assert f"{by_some.format(index[ends.id])}: not established." in flat(agreements)
    assert "Version 1: varied" in flat(agreements)
    bound_ = flat(bindings_text(view, asks[:1]))
    assert "Version 1 of the agreement of entry" in bound_
    assert "Not established: Not replaced (version 2 can have taken effect [entry" in bound_
    assert "Yes: leicestershire and rutland signed [" in bound_
    assert "Nothing is told of an agreement that names it." in bindings_text(view, asks[1:])
    assert f"Denied by a member: entry {index[closed.id]}." in arrangements
    assert "Chaired by: blaby, since: undated" in flat(arrangements)
    assert "File: jobs.csv (abababababababab)." in transfers
    assert f"For items 1 to 3, 5 of the request of entry {index[ASKED.id]}." in flat(transfers)
    assert f"Received by rutland, 16 September 2025 (entry {index[got.id]})." in transfers
    assert "Receipt not acknowledged by: blaby." in transfers
    assert "Bound by the agreement then: yes: rutland (which got it)." in transfers
    assert "Version 2: No: rutland signed later [" in flat(transfers)


def test_pages_say_when_there_is_nothing_to_say() -> None:
    view = reading().view

    assert "size 4" in agreements_text(view, [fold_agreements(reading())])
    assert "size 4" in arrangements_text(view, [fold_arrangements(reading())])
    assert "size 4" in transfers_text(view, [fold_transfers(reading())])
    lone = reading(agreement(signatories=None), passed(under=None))
    assert "Must sign: not told." in agreements_text(lone.view, [fold_agreements(lone)])
    text = transfers_text(lone.view, [fold_transfers(lone)])
    assert "Under the agreement of: none is named." in text


# The founding case


class Case:
    """The shipped founding case, read as at 28 November 2025, as Leicestershire tells it."""

    def __init__(self) -> None:
        self.shipped: Shipped = shipped(["founding"])
        self.reading: Reading = read(self.shipped.view, as_at=AS_AT)

    def id(self, label: str) -> str:
        return self.shipped.ids[label]

    def agreement(self, label: str, telling: Telling = TOLD) -> AgreementRow:
        rows = fold_agreements(self.reading, telling=telling).rows
        return next(row for row in rows if row.id == self.id(label))

    def arrangement(self, label: str, telling: Telling = TOLD) -> ArrangementRow:
        rows = fold_arrangements(self.reading, telling=telling).rows
        return next(row for row in rows if row.id == self.id(label))

    def transfer(self, telling: Telling = TOLD) -> TransferRow:
        (row,) = fold_transfers(self.reading, telling=telling).rows
        return row


@pytest.fixture(scope="module", name="case")
def _case() -> Case:
    return Case()


LLR = tuple(sorted((
    *("leicestershire", "leicester", "rutland", "blaby", "charnwood", "harborough"),
    *("hinckley-bosworth", "melton", "north-west-leicestershire", "oadby-wigston"),
)))  # fmt: skip


def test_row_5_the_protocol_was_proposed_by_rutland_s_leader_and_nothing_more(case: Case) -> None:
    row = case.agreement("protocol")

    assert ("protocol", "proposed", case.id("protocol-proposed")) == (
        row.type, row.state, row.since,
    )  # fmt: skip
    assert [("propose", ("rutland",))] == [(each.verb, each.parties) for each in row.course]
    when = row.course[0].when
    assert when is not None
    assert "2025-03-06" == when.edtf
    assert "not established" == row.in_force
    claimed = case.agreement("protocol", ESTABLISHED)
    assert ("named", [("propose", ("rutland",), LCC)]) == (
        claimed.state,
        [(each.verb, each.doers, each.told_by) for each in claimed.claims],
    )


def test_rows_21_and_22_the_funding_was_proposed_in_june_and_not_adopted(case: Case) -> None:
    row = case.agreement("common-data-funding")

    assert ("not_adopted", "no") == (row.state, row.in_force)
    assert case.id("funding-not-adopted") == row.since
    districts = tuple(sorted(set(LLR) - {"leicestershire", "leicester", "rutland"}))
    assert [("propose", districts), ("not_adopted", districts)] == [
        (each.verb, each.parties) for each in row.course
    ]
    when = row.course[0].when
    assert when is not None
    assert "2025-06-XX" == when.edtf
    # The County and City Councils are told to have done nothing about it.
    signed = {each.party: each.signed.words for each in row.versions[0].signatures}
    assert "signed nothing that is told of" == signed["leicestershire"] == signed["leicester"]
    assert "did not adopt it" == signed["blaby"]


def test_row_25_the_group_was_set_up_with_ten_members(case: Case) -> None:
    row = case.arrangement("data-sharing-group")

    assert dict.fromkeys(LLR, "yes") == {seat.actor: seat.answer for seat in row.members}
    whens = {seat.when.edtf for seat in row.members if seat.when is not None}
    assert {"[2025-07-01..2025-07-31]"} == whens
    july = read(case.shipped.view, as_at=dt.date(2025, 7, 15))
    early = fold_arrangements(july, telling=TOLD).rows
    group = next(each for each in early if each.id == row.id)
    assert ("established", "not established") == (group.state, group.at_work)
    assert {"not established"} == {seat.answer for seat in group.members}


def test_row_25_only_the_county_itself_says_that_it_is_a_member(case: Case) -> None:
    row = case.arrangement("data-sharing-group", ESTABLISHED)

    assert ["leicestershire"] == [seat.actor for seat in row.members if seat.signed]
    assert {"not established"} == {seat.answer for seat in row.members if not seat.signed}


def test_row_26_the_group_is_chaired_by_blaby_s_chief_executive(case: Case) -> None:
    row = case.arrangement("data-sharing-group")

    assert [("blaby/chief-executive", "yes")] == chairs(row)
    assert () == case.arrangement("data-sharing-group", ESTABLISHED).chairs


def test_row_27_how_often_the_group_met_is_not_told(case: Case) -> None:
    row = case.arrangement("data-sharing-group")

    assert (1, None) == row.met
    assert [case.id("group-meetings"), case.id("last-meeting")] == [m.id for m in row.meetings]
    assert [None, 1] == [each.count for each in row.meetings]
    assert {"unknown"} == {each.minutes for each in row.meetings}


def test_row_28_the_common_sources_are_told_of_and_nothing_more(case: Case) -> None:
    row = case.agreement("common-sources")

    assert ("terms", "named", (), ()) == (row.type, row.state, row.course, row.claims)
    assert (case.id("group-task"),) == case.arrangement("data-sharing-group").terms


def test_row_29_the_group_is_at_rest_and_not_closed(case: Case) -> None:
    row = case.arrangement("data-sharing-group")

    assert ("dormant", "no", "yes", "no") == (row.state, row.at_work, row.dormant, row.closed)
    before = read(case.shipped.view, as_at=dt.date(2025, 9, 22))
    rows = fold_arrangements(before, telling=TOLD).rows
    assert ("established", "yes") == next(
        (each.state, each.at_work) for each in rows if each.id == row.id
    )


def test_row_30_when_the_officer_group_was_set_up_is_not_told(case: Case) -> None:
    row = case.arrangement("senior-officer-group")

    assert ("established", "not established", (0, 0)) == (row.state, row.at_work, row.met)
    assert [("blaby", "not established"), ("leicester", "not established"),
            ("leicestershire", "not established")] == [
        (seat.actor, seat.answer) for seat in row.members
    ]  # fmt: skip


def test_row_31_from_when_the_repository_served_is_not_told(case: Case) -> None:
    row = case.arrangement("repository")

    assert ("facility", "leicestershire") == (row.type, row.operator)
    assert ("established", "not established") == (row.state, row.at_work)


def test_row_32_data_was_shared_by_whom_with_whom_is_not_told(case: Case) -> None:
    row = case.transfer()

    assert ("unknown", ("unknown",), "msoa", "unknown") == (
        row.sender, row.recipients, row.geography, row.personal_data,
    )  # fmt: skip
    assert ((), (), (), "not established") == (
        row.datasets, row.discharges, row.receipts, row.via_set_up,
    )  # fmt: skip
    assert "claimed" == case.transfer(ESTABLISHED).standing


def test_row_33_all_ten_signed_and_when_is_not_told(case: Case) -> None:
    row = case.agreement("sharing-agreement")
    (version,) = row.versions

    assert ("all_signed", "not established") == (row.state, row.in_force)
    assert LLR == tuple(each.party for each in version.signatures)
    assert {"signed, but whether by then is not established"} == {
        each.signed.words for each in version.signatures
    }
    assert (dt.date(2025, 1, 1), dt.date(2025, 12, 31)) == version.in_force_from
    assert tuple(e for e in ELEMENTS if e != "organisations") == row.not_recorded


def test_row_33_one_signature_of_ten_is_the_party_s_own(case: Case) -> None:
    row = case.agreement("sharing-agreement", ESTABLISHED)

    assert "signed" == row.state
    assert 9 == len([claim for claim in row.claims if claim.verb == "sign"])
    words = {each.party: each.signed.words for each in row.versions[0].signatures}
    assert "signed, but whether by then is not established" == words["leicestershire"]
    assert "signed only as leicestershire tells it" == words["rutland"]


def test_whether_anybody_was_bound_on_the_day_of_the_transfer_is_not_established(
    case: Case,
) -> None:
    for telling in (ESTABLISHED, TOLD):
        row = case.transfer(telling)

        assert LLR == tuple(each.party for each in row.bound)
        assert {("signatory", "not established")} == {(b.role, b.answer) for b in row.bound}


@pytest.mark.parametrize(
    ("on", "answer"),
    [
        ("2024-12-31", "no"),
        ("2025-01-01", "not established"),
        ("2025-09-23", "not established"),
    ],
)
def test_rutland_was_not_bound_before_2025_and_else_it_is_not_established(
    case: Case, on: str, answer: str
) -> None:
    rows = fold_bindings(
        case.reading, party="rutland", on=dt.date.fromisoformat(on), telling=TOLD
    ).rows

    assert answer == next(
        row.answer for row in rows if row.agreement == case.id("sharing-agreement")
    )


def test_what_is_printed_says_it_in_words(case: Case) -> None:
    view, tellings = case.reading.view, (ESTABLISHED, TOLD)
    pages = [
        agreements_text(view, [fold_agreements(case.reading, telling=t) for t in tellings]),
        arrangements_text(view, [fold_arrangements(case.reading, telling=t) for t in tellings]),
        transfers_text(view, [fold_transfers(case.reading, telling=t) for t in tellings]),
        bindings_text(
            view,
            [fold_bindings(case.reading, party="rutland", on=AS_AT, telling=t) for t in tellings],
        ),
    ]
    agreements, arrangements, transfers, asked = (" ".join(page.split()) for page in pages)

    assert all(len(line) <= 80 and line == line.rstrip() for p in pages for line in p.split("\n"))
    assert "proposed (entry 5); in force on the day asked: not established." in agreements
    assert "not adopted (entry 38); in force on the day asked: no." in agreements
    assert "signed only as leicestershire tells it [entries 59 to 67; date:" in agreements
    assert "took effect not before 1 January 2025 and not after 31 December 2025" in agreements
    assert "at rest (entry 50); on the day asked, at work: no, at rest: yes" in arrangements
    assert "Chaired by: blaby (chief executive)" in arrangements
    assert "Meetings: at least 1; how many is not told (entries 46, 49)." in arrangements
    assert "Transfer from somebody unnamed to somebody unnamed" in transfers
    assert "Bound by the agreement then: not established: blaby, charnwood" in transfers
    assert asked.startswith("Was rutland bound at the end of 28 November 2025?")
