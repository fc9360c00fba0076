"""An agreement of more versions than are told: what is told is what a look at all would tell."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.dates import Answer
from ledger.folds.bindings import At
from ledger.folds.papers import Paper
from ledger.folds.points import Point, some
from ledger.folds.reading import Reading
from ledger.folds.stances import ESTABLISHED
from ledger.folds.transfers import PartyBinding, fold_transfers
from ledger.folds.versions import MOST_VERSIONS
from ledger.texts.undertakings import transfers_text
from tests.ledger.bookmaking import Draft
from tests.ledger.founding import LCC
from tests.ledger.undertaking import BLABY, RUTLAND, agreement, did, passed, reading
from verify.kinds import Agreement

DAY_0 = dt.date(2025, 3, 1)
COUNT = MOST_VERSIONS + 6


def days(first: int, width: int) -> str:
    one, other = (DAY_0 + dt.timedelta(n) for n in (first, first + width))
    return one.isoformat() if width == 0 else f"[{one}..{other}]"


@dataclass
class Whole:
    """What a look at all versions would tell of a transfer's party."""

    answers: tuple[Answer, ...]
    told: PartyBinding
    same: bool


def wholes(found: Reading) -> list[Whole]:
    """Compare what is told of each transfer with a look at all versions."""
    (isa,) = (told for told in found.view.told if isinstance(told.event, Agreement))
    assert isinstance(isa.event, Agreement)
    paper = Paper(found, isa, isa.event, ESTABLISHED)
    compared = []
    for row in fold_transfers(found).rows:
        at = At(paper, Point(found, event=row.id))
        for each in row.bound:
            every = {binding.version: binding for binding in at.bindings(each.party)}
            same = all(every[binding.version] == binding for binding in each.bindings)
            compared.append(Whole(tuple(b.answer for b in every.values()), each, same))
    return compared


Day = tuple[int, int] | None
when: st.SearchStrategy[Day] = st.none() | st.tuples(
    st.integers(0, 60), st.sampled_from((0, 0, 0, 3, 40))
)
version = st.tuples(when, when, when, st.sampled_from(("", "", "", "end", "not_adopted", "later")))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(version, min_size=COUNT, max_size=COUNT),
    st.lists(when, min_size=1, max_size=3),
    st.sampled_from((None, "all_signed", "each_signed", "date")),
    st.booleans(),
)
def test_what_is_told_is_what_a_look_at_all_would_tell(
    drawn: list[tuple[Day, Day, Day, str]],
    sent: list[Day],
    rule: str | None,
    unnamed: bool,  # noqa: FBT001 (drawn)
) -> None:
    isa = agreement(effective=rule, signatories=None if unnamed else (LCC, RUTLAND))
    steps: list[Draft] = []
    for number, (drafted, ours, theirs, end) in enumerate(drawn, start=1):
        roles = {"effective": "2025-04-01"} if end == "later" else {}
        on = None if drafted is None else days(*drafted)
        roles |= {} if on is None else {"occurred": on}
        steps.append(did(isa, "draft", LCC, "", version=number, roles=roles))
        for party, day in ((LCC, ours), (RUTLAND, theirs)):
            if day is not None:
                steps.append(did(isa, "sign", party, days(*day), version=number))
        if end in {"end", "not_adopted"}:
            steps.append(did(isa, end, RUTLAND, "2025-04-20", version=number))
    transfers = [
        passed(
            None if day is None else days(*day),  # type: ignore[arg-type]  # it takes no date, too
            label=f"{place}", under=isa.id, to=(RUTLAND, BLABY),
        )
        for place, day in enumerate(sent)
    ]  # fmt: skip
    for whole in wholes(reading(isa, *steps, *transfers)):
        told = whole.told
        assert (MOST_VERSIONS, COUNT - MOST_VERSIONS) == (len(told.bindings), told.others)
        if told.complete:
            assert (True, some(whole.answers)) == (whole.same, told.answer)
        else:
            assert told.answer in {some(whole.answers), "not established"}


def signed(isa: Draft, count: int, *, start: int = 1, gap: int = 2) -> list[Draft]:
    """Return versions, each drafted and then signed by both, some days after the one before."""
    found = []
    for number in range(start, start + count):
        day = days(gap * number, 0)
        found.append(did(isa, "draft", LCC, day, version=number))
        found += [did(isa, "sign", party, day, version=number) for party in (LCC, RUTLAND)]
    return found


def test_of_many_versions_those_that_can_have_bound_are_told() -> None:
    isa = agreement()
    sent = passed(days(41, 0), under=isa.id)
    (ours, theirs) = wholes(reading(isa, *signed(isa, 60), sent))

    for whole in (ours, theirs):
        bindings = {each.version: each.answer for each in whole.told.bindings}
        assert (True, "yes", 60 - MOST_VERSIONS) == (
            whole.told.complete,
            whole.told.answer,
            whole.told.others,
        )
        assert "yes" == bindings[20]
        assert {20, *range(60 - MOST_VERSIONS + 2, 61)} == bindings.keys()


@pytest.mark.parametrize("count", [1, MOST_VERSIONS, 100])
def test_nobody_crowds_out_what_bound_by_drafts_that_the_others_never_signed(count: int) -> None:
    isa = agreement()
    drafts = [did(isa, "draft", LCC, days(3, 0), version=number) for number in range(2, count + 2)]
    sent = passed(days(41, 0), under=isa.id)
    for whole in wholes(reading(isa, *signed(isa, 1), *drafts, sent)):
        told = {each.version: each.answer for each in whole.told.bindings}

        assert ("yes", "yes") == (whole.told.answer, told[1])
        assert whole.same
        assert (count < MOST_VERSIONS) == whole.told.complete


def test_too_many_that_can_have_bound_leave_it_not_established() -> None:
    isa = agreement()
    vague = [
        did(isa, "sign", party, "[2025-01-01..2025-12-31]", version=number)
        for number in range(1, 41)
        for party in (LCC, RUTLAND)
    ]
    found = reading(isa, *vague, passed(days(41, 0), under=isa.id))
    for whole in wholes(found):
        assert (False, "not established", 40 - MOST_VERSIONS) == (
            whole.told.complete,
            whole.told.answer,
            whole.told.others,
        )
    text = " ".join(transfers_text(found.view, [fold_transfers(found)]).split())
    words = "whether any bound leicestershire and rutland is not established."
    assert f"Further versions (24): {words}" in text


def test_the_page_says_that_none_of_the_rest_bound() -> None:
    isa = agreement()
    found = reading(isa, *signed(isa, 60), passed(days(41, 0), under=isa.id, to=(RUTLAND, BLABY)))
    text = " ".join(transfers_text(found.view, [fold_transfers(found)]).split())

    assert "Further versions (44): none bound" in text
    assert [("blaby", "no", True)] == [
        (each.party, each.answer, each.complete)
        for each in fold_transfers(found).rows[0].bound
        if each.party == BLABY
    ]


def test_what_a_party_signed_and_then_refused_replaces_nothing_for_certain() -> None:
    isa = agreement()
    no = did(isa, "not_adopted", RUTLAND, days(40, 0), version=20)
    sent = passed(days(41, 0), under=isa.id)
    for whole in wholes(reading(isa, *signed(isa, 60), no, sent)):
        bindings = {each.version: each.answer for each in whole.told.bindings}

        assert (True, True) == (whole.same, whole.told.complete)
        assert ("not established",) * 2 == (bindings[19], bindings[20])
        assert 18 not in bindings


def test_a_signature_under_no_version_is_certain_of_none() -> None:
    isa = agreement()
    drafts = [did(isa, "draft", LCC, days(3, 0), version=number) for number in range(1, 21)]
    both = [did(isa, "sign", party, days(5, 0)) for party in (LCC, RUTLAND)]
    for whole in wholes(reading(isa, *drafts, *both, passed(days(41, 0), under=isa.id))):
        assert (False, "not established", True) == (
            whole.told.complete,
            whole.told.answer,
            whole.same,
        )
