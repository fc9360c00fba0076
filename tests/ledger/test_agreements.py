"""Agreements: every move, every refusal to move, whose word it is, and who was bound."""

from __future__ import annotations

import datetime as dt

import pytest

from ledger.dates import Answer
from ledger.errors import DateError
from ledger.folds.agreements import fold_agreements, fold_bindings
from ledger.folds.points import every, negated, some
from ledger.folds.reading import read
from ledger.folds.stances import ESTABLISHED, Telling
from tests.ledger.bookmaking import Draft, book_of, dates, link, nonce
from tests.ledger.founding import LCC, position
from tests.ledger.undertaking import (
    AS_AT,
    BLABY,
    BOTH,
    ISA,
    MEMBERS,
    RUTLAND,
    TOLD,
    V1,
    agreement,
    did,
    folded,
    passed,
    reading,
    transferred,
)
from verify.kinds import Attestation


def bound(
    *drafts: Draft, party: str = RUTLAND, on: str = "2025-09-01", telling: Telling = ESTABLISHED
) -> list[str]:
    """Say of each version whether the party was bound."""
    found = fold_bindings(
        reading(*drafts), party=party, on=dt.date.fromisoformat(on), telling=telling
    )
    return [row.answer for row in found.rows]


# Yes, no, not established


def test_three_answers_are_joined_by_the_weakest_and_the_strongest() -> None:
    yes: Answer = "yes"
    no: Answer = "no"
    unsure: Answer = "not established"

    assert (yes, unsure, no, yes) == (
        every([yes, yes]), every([yes, unsure]), every([unsure, no]), every([]),
    )  # fmt: skip
    assert (yes, unsure, no, no) == (
        some([no, yes]), some([no, unsure]), some([no, no]), some([]),
    )  # fmt: skip
    assert (no, yes, unsure) == (negated(yes), negated(no), negated(unsure))


# Agreements: what moves them


@pytest.mark.parametrize(
    ("steps", "state", "in_force"),
    [
        ((), "named", "not established"),
        ((("propose", RUTLAND),), "proposed", "not established"),
        ((("propose", RUTLAND), ("draft", LCC)), "drafted", "not established"),
        ((("comment", RUTLAND),), "named", "not established"),
        ((("draft", LCC), ("sign", LCC)), "signed", "not established"),
        ((("sign", LCC), ("sign", RUTLAND)), "in_force", "yes"),
        ((("sign", LCC), ("not_adopted", RUTLAND)), "not_adopted", "no"),
        ((("not_adopted", RUTLAND),), "not_adopted", "no"),
        ((("sign", LCC), ("sign", BLABY)), "signed", "not established"),
    ],
)
def test_steps_of_those_that_must_sign_move_an_agreement(
    steps: tuple[tuple[str, str], ...], state: str, in_force: str
) -> None:
    found = folded(ISA, *(did(ISA, verb, author) for verb, author in steps))

    assert (state, in_force) == (found.state, found.in_force)
    assert () == found.claims
    assert len(steps) == len(found.course)


@pytest.mark.parametrize(
    ("steps", "state", "in_force"),
    [
        ((("end", LCC), ("end", RUTLAND)), "ended", "no"),
        ((("end", LCC),), "in_force", "not established"),
        ((("suspend", LCC), ("suspend", RUTLAND)), "suspended", "no"),
        ((("suspend", RUTLAND),), "in_force", "not established"),
        ((("not_adopted", RUTLAND),), "in_force", "not established"),
    ],
)
def test_what_ends_it_needs_all_that_had_to_sign(
    steps: tuple[tuple[str, str], ...], state: str, in_force: str
) -> None:
    later = [did(ISA, verb, author, "2025-10-01") for verb, author in steps]
    found = folded(ISA, *BOTH, *later)

    # A refusal after a signature leaves open whether it was signed at all.
    expected = "all_signed" if steps[0][0] == "not_adopted" else state
    assert (expected, in_force) == (found.state, found.in_force)


@pytest.mark.parametrize("verb", ["end", "suspend", "vary", "not_adopted", "draft"])
def test_an_outsider_moves_nothing(verb: str) -> None:
    outside = did(ISA, verb, BLABY, "2025-10-01")
    found = folded(ISA, *BOTH, outside)

    if verb != "draft":  # who drafts does what is its own to do, and says so by name
        assert ("in_force", "yes") == (found.state, found.in_force)
    assert [(verb, "it was not theirs to do")] == [(c.verb, c.why) for c in found.claims]
    named = did(ISA, "draft", BLABY, by=BLABY)
    assert "drafted" == folded(ISA, named).state


def test_another_s_word_for_a_signature_is_a_claim() -> None:
    own = did(ISA, "sign", LCC)
    said = did(ISA, "sign", LCC, by=RUTLAND)
    found = folded(ISA, own, said)

    assert ("signed", "not established") == (found.state, found.in_force)
    assert [("sign", (RUTLAND,), LCC)] == [(c.verb, c.doers, c.told_by) for c in found.claims]
    signed = {each.party: each.signed for each in found.versions[0].signatures}
    assert ("yes", "not established") == (signed[LCC].answer, signed[RUTLAND].answer)
    assert f"signed only as {LCC} tells it" == signed[RUTLAND].words
    assert said.id == signed[RUTLAND].id
    assert ("in_force", "yes") == (
        folded(ISA, own, said, telling=TOLD).state,
        folded(ISA, own, said, telling=TOLD).in_force,
    )


def test_who_agrees_to_what_is_said_of_it_has_signed_that() -> None:
    said = did(ISA, "sign", LCC, by=RUTLAND)
    agrees = position("so it is", RUTLAND, said, "agree")

    assert "in_force" == folded(ISA, did(ISA, "sign", LCC), said, agrees).state


def test_who_denies_its_signature_is_bound_in_no_telling_of_its_own() -> None:
    said = did(ISA, "sign", LCC, by=RUTLAND)
    case = (ISA, did(ISA, "sign", LCC), said, position("never", RUTLAND, said, "deny"))

    assert ["not established"] == bound(*case)
    assert ["yes"] == bound(*case, telling=TOLD)
    assert ["no"] == bound(*case, telling=Telling(RUTLAND))
    words = {each.party: each.signed.words for each in folded(*case).versions[0].signatures}
    assert f"signed only as {LCC} tells it, and denied it" == words[RUTLAND]


def test_a_signature_of_one_version_is_no_hearsay_of_another() -> None:
    own = did(ISA, "sign", RUTLAND, version=1)
    said = did(ISA, "sign", LCC, by=RUTLAND, version=1)
    varied = did(ISA, "vary", LCC, "2025-09-01", version=2)
    denial = position("never", RUTLAND, said, "deny")

    def words(*drafts: Draft, telling: Telling = ESTABLISHED) -> list[tuple[str, str | None]]:
        found = folded(ISA, did(ISA, "sign", LCC, version=1), *drafts, varied, telling=telling)
        signed = [{s.party: s.signed for s in each.signatures} for each in found.versions]
        return [(each[RUTLAND].words, each[RUTLAND].id) for each in signed]

    nothing = ("signed nothing that is told of", None)
    hearsay = (f"signed only as {LCC} tells it", said.id)
    assert [("signed", own.id), nothing] == words(own)
    assert [("signed", own.id), nothing] == words(own, said)
    assert [hearsay, nothing] == words(said)
    unnamed = did(ISA, "sign", LCC, by=RUTLAND)
    assert [(hearsay[0], unnamed.id)] * 2 == words(unnamed)
    # What it denies of one version it does not deny of the other.
    v2 = did(ISA, "propose", RUTLAND, "2025-09-01", version=2)
    v1 = did(ISA, "propose", RUTLAND, "2025-07-01", version=1)
    case = (ISA, v1, v2, said, denial)
    assert ["no", "not established"] == bound(*case, telling=Telling(RUTLAND))


def test_a_signature_that_is_withdrawn_is_none() -> None:
    own = did(ISA, "sign", RUTLAND)
    back = position("back", RUTLAND, own, "retract_own")

    assert "signed" == folded(ISA, did(ISA, "sign", LCC), own, back).state


def test_an_agreement_that_only_an_outsider_tells_is_a_claim() -> None:
    told = agreement(author=BLABY)

    assert "claimed" == folded(told).state
    assert "named" == folded(told, telling=Telling(BLABY)).state
    assert "withdrawn" == folded(told, position("no", BLABY, told, "retract_own")).state
    assert "named" == folded(told, position("yes", LCC, told, "agree")).state


def test_what_is_later_and_what_a_party_tells_nothing_of_is_left_out() -> None:
    later = agreement(on={"made": "2025-12-01"})
    found = fold_agreements(reading(ISA, later), telling=Telling(RUTLAND))

    assert ((), 1, 1) == (found.rows, found.later, found.elsewhere)


def test_a_variation_replaces_what_it_varies_once_all_have_signed_it() -> None:
    one = did(ISA, "vary", LCC, "2025-09-01", version=2)
    other = did(ISA, "vary", RUTLAND, "2025-10-01", version=2)
    half, whole = folded(ISA, *V1, one), folded(ISA, *V1, one, other)

    assert [("in_force", "yes"), ("signed", "not established")] == [
        (each.state, each.in_force) for each in half.versions
    ]
    assert "in_force" == half.state
    assert [("varied", "no"), ("in_force", "yes")] == [
        (each.state, each.in_force) for each in whole.versions
    ]
    assert [1, 2] == [each.version for each in whole.versions]
    assert one.id == whole.versions[1].made_by
    assert (dt.date(2025, 10, 1),) * 2 == whole.versions[1].in_force_from
    assert ["yes", "no"] == bound(ISA, *V1, one, other, on="2025-09-30")
    assert ["no", "yes"] == bound(ISA, *V1, one, other, on="2025-10-01")


def test_whether_a_vague_variation_had_replaced_it_is_not_established() -> None:
    vague = [
        did(ISA, "sign", party, "[2025-09-01..2025-09-30]", version=2) for party in (LCC, RUTLAND)
    ]

    assert ["yes", "no"] == bound(ISA, *V1, *vague, on="2025-08-31")
    assert ["not established"] * 2 == bound(ISA, *V1, *vague, on="2025-09-15")
    assert ["no", "yes"] == bound(ISA, *V1, *vague, on="2025-09-30")


def test_a_draft_that_nobody_signs_replaces_nothing() -> None:
    draft = did(ISA, "draft", LCC, "2025-09-01", version=2)

    assert ["yes", "not established"] == bound(ISA, *V1, draft, on="2025-10-01")
    assert ["yes", "no"] == bound(ISA, *V1, draft, on="2025-08-31")


def test_a_signature_of_no_version_is_of_the_one_there_then_was() -> None:
    drafts = [did(ISA, "draft", LCC, f"2025-0{n}-01", version=n - 6) for n in (7, 9)]
    early = [did(ISA, "sign", party, "2025-08-01") for party in (LCC, RUTLAND)]
    late = [did(ISA, "sign", party, "2025-10-01") for party in (LCC, RUTLAND)]

    assert ["yes", "not established"] == bound(ISA, *drafts, *early, on="2025-11-01")
    assert ["not established"] * 2 == bound(ISA, *drafts, *late, on="2025-11-01")
    words = folded(ISA, *drafts, *late).versions[0].signatures[0].signed.words
    assert "signed, but which version is not told" == words


def test_a_variation_of_no_version_makes_the_next() -> None:
    varied = [did(ISA, "vary", party, "2025-09-01") for party in (LCC, RUTLAND)]
    found = folded(ISA, *V1, *varied)

    assert [(1, "varied"), (2, "in_force")] == [(v.version, v.state) for v in found.versions]


def test_an_end_may_be_of_one_version() -> None:
    ended = [did(ISA, "end", party, "2025-10-01", version=2) for party in (LCC, RUTLAND)]
    second = [did(ISA, "sign", party, "2025-09-01", version=2) for party in (LCC, RUTLAND)]
    found = folded(ISA, *V1, *second, *ended)

    # What was replaced does not come back when what replaced it ends.
    assert [("varied", "no"), ("ended", "no")] == [(v.state, v.in_force) for v in found.versions]
    assert "ended" == found.state


# Bound on a day


@pytest.mark.parametrize(
    ("on", "answer"),
    [("2025-08-04", "no"), ("2025-08-05", "yes"), ("2025-11-28", "yes"), ("2025-07-01", "no")],
)
def test_all_are_bound_when_the_last_has_signed(on: str, answer: str) -> None:
    for party in (LCC, RUTLAND):
        assert [answer] == bound(ISA, *BOTH, party=party, on=on)


@pytest.mark.parametrize(
    ("on", "answer"),
    [
        ("2025-07-31", "no"),
        ("2025-08-01", "not established"),
        ("2025-08-30", "not established"),
        ("2025-08-31", "yes"),
    ],
)
def test_a_vague_signature_binds_for_certain_from_its_last_day(on: str, answer: str) -> None:
    vague = did(ISA, "sign", RUTLAND, "2025-08-XX")

    assert [answer] == bound(ISA, did(ISA, "sign", LCC, "2025-01-01"), vague, on=on)


def test_where_each_signs_for_itself_one_is_bound_before_the_other() -> None:
    each = agreement(effective="each_signed")
    case = (each, did(each, "sign", LCC), did(each, "sign", RUTLAND, "2025-10-01"))

    assert (["yes"], ["no"]) == (bound(*case, party=LCC), bound(*case, party=RUTLAND))
    assert "in_force" == folded(*case, as_at=dt.date(2025, 9, 1)).state
    assert folded(*case).versions[0].in_force_from is None
    # One that will not sign keeps nobody else from it.
    refused = did(each, "not_adopted", RUTLAND)
    assert "in_force" == folded(each, did(each, "sign", LCC), refused).state
    assert "not_adopted" == folded(each, did(each, "not_adopted", LCC), refused).state


def test_a_date_of_effect_counts_under_every_rule() -> None:
    for rule in ("all_signed", "each_signed", "date", None):
        late = agreement(effective=rule, on={"effective": "[2025-09-10..2025-09-20]"})
        signed = (did(late, "sign", LCC), did(late, "sign", RUTLAND))

        assert ["no"] == bound(late, *signed, on="2025-09-09")
        assert ["not established"] == bound(late, *signed, on="2025-09-10")
        assert ["yes"] == bound(late, *signed, on="2025-09-20")
        from_ = folded(late, *signed).versions[0].in_force_from
        assert from_ == (
            None if rule == "each_signed" else (dt.date(2025, 9, 10), dt.date(2025, 9, 20))
        )
    undated = agreement(effective="date")
    assert ["not established"] == bound(undated, *(did(undated, "sign", p) for p in (LCC, RUTLAND)))


def test_a_version_has_a_date_of_effect_of_its_own() -> None:
    draft = did(ISA, "draft", LCC, roles={"occurred": "2025-07-01", "effective": "2025-10-01"})

    assert ["no"] == bound(ISA, draft, *BOTH, on="2025-09-30")
    assert ["yes"] == bound(ISA, draft, *BOTH, on="2025-10-01")


def test_where_the_rule_is_not_told_all_signatures_are_enough() -> None:
    open_ = agreement(effective=None)
    both = (did(open_, "sign", LCC), did(open_, "sign", RUTLAND, "2025-10-01"))

    assert ["not established"] == bound(open_, *both, party=LCC, on="2025-09-01")
    assert ["no"] == bound(open_, *both, party=RUTLAND, on="2025-09-01")
    assert ["yes"] == bound(open_, *both, party=RUTLAND, on="2025-10-01")


def test_where_it_is_not_told_who_must_sign_nothing_is_certain() -> None:
    for signatories in (None, (LCC, "unknown")):
        open_ = agreement(signatories=signatories)
        signed = (did(open_, "sign", LCC), did(open_, "sign", RUTLAND))

        assert ["not established"] == bound(open_, *signed)
        assert "signed" == folded(open_, *signed).state
    each = agreement(signatories=None, effective="each_signed")
    assert ["yes"] == bound(each, did(each, "sign", RUTLAND))


def test_who_is_not_named_and_did_not_sign_is_asked_about_nothing() -> None:
    found = fold_bindings(reading(ISA, *BOTH), party=BLABY, on=AS_AT)

    assert ((), 1) == (found.rows, found.others)
    # One that signs though it need not is bound with the others.
    assert ["yes"] == bound(ISA, *BOTH, did(ISA, "sign", BLABY), party=BLABY)


def test_a_term_ends_it_without_a_step() -> None:
    for role in ("end", "until"):
        term = agreement(on={role: "[2025-09-10..2025-09-20]"})
        signed = (did(term, "sign", LCC), did(term, "sign", RUTLAND))

        assert ["yes"] == bound(term, *signed, on="2025-09-10")
        assert ["not established"] == bound(term, *signed, on="2025-09-15")
        assert ["no"] == bound(term, *signed, on="2025-09-21")


def test_an_end_has_effect_on_its_day_or_on_the_day_it_names() -> None:
    ends = [did(ISA, "end", party, "2025-10-01") for party in (LCC, RUTLAND)]

    assert ["yes"] == bound(ISA, *BOTH, *ends, on="2025-09-30")
    assert ["no"] == bound(ISA, *BOTH, *ends, on="2025-10-01")
    notice = [
        did(ISA, "end", party, roles={"occurred": "2025-10-01", "effective": "2025-11-01"})
        for party in (LCC, RUTLAND)
    ]
    assert ["yes"] == bound(ISA, *BOTH, *notice, on="2025-10-31")
    assert ["no"] == bound(ISA, *BOTH, *notice, on="2025-11-01")


def test_what_one_ends_alone_its_terms_decide() -> None:
    alone = did(ISA, "end", LCC, "2025-10-01")

    for party in (LCC, RUTLAND):
        assert ["yes"] == bound(ISA, *BOTH, alone, party=party, on="2025-09-30")
        assert ["not established"] == bound(ISA, *BOTH, alone, party=party, on="2025-10-01")


def test_a_suspension_lasts_until_its_last_day() -> None:
    rested = [
        did(ISA, "suspend", p, roles={"occurred": "2025-09-01", "until": "2025-09-30"})
        for p in (LCC, RUTLAND)
    ]

    assert ["yes"] == bound(ISA, *BOTH, *rested, on="2025-08-31")
    assert ["no"] == bound(ISA, *BOTH, *rested, on="2025-09-30")
    assert ["yes"] == bound(ISA, *BOTH, *rested, on="2025-10-01")
    assert "in_force" == folded(ISA, *BOTH, *rested).state


def test_a_refusal_before_the_signature_is_over_and_one_after_it_leaves_it_open() -> None:
    before = did(ISA, "not_adopted", RUTLAND, "2025-07-01")
    vague = did(ISA, "not_adopted", RUTLAND, "2025-XX-XX")

    assert ["yes"] == bound(ISA, *BOTH, before)
    assert ["not established"] == bound(ISA, *BOTH, vague)


def test_nobody_is_bound_before_there_was_a_text() -> None:
    drafted = did(ISA, "draft", LCC, "2025-09-01")

    assert ["no"] == bound(ISA, drafted, on="2025-08-31")
    assert ["not established"] == bound(ISA, drafted, on="2025-09-01")


def test_an_undated_signature_was_there_when_it_was_recorded() -> None:
    undated = (did(ISA, "sign", LCC, ""), did(ISA, "sign", RUTLAND, ""))
    recorded = dt.date(2025, 12, 1)
    found = reading(ISA, *undated, as_at=recorded)

    def ask(on: dt.date) -> str:
        return fold_bindings(found, party=RUTLAND, on=on).rows[0].answer

    assert "yes" == ask(recorded)
    assert "not established" == ask(recorded - dt.timedelta(1))


def test_a_link_dates_what_has_no_date() -> None:
    signed = did(ISA, "sign", RUTLAND, "")
    letter = did(ISA, "comment", RUTLAND, "2025-08-20", links=(link("follows", signed),))

    assert ["yes"] == bound(ISA, did(ISA, "sign", LCC), signed, letter, on="2025-08-20")
    assert ["not established"] == bound(ISA, did(ISA, "sign", LCC), signed, letter, on="2025-08-19")


def test_outside_evidence_of_its_author_narrows_a_date() -> None:
    vague = did(ISA, "sign", RUTLAND, "2025-XX-XX")

    def record(author: str) -> Draft:
        return Draft(
            Attestation(
                author=author, nonce=nonce(f"record {author}"), type="public_record", of=vague.id,
                dates=dates(occurred="[2025-08-01..2025-08-05]"),
            )
        )  # fmt: skip

    case = (ISA, did(ISA, "sign", LCC), vague)
    assert ["not established"] == bound(*case, on="2025-08-05")
    assert ["yes"] == bound(*case, record(RUTLAND), on="2025-08-05")
    assert ["not established"] == bound(*case, record(LCC), on="2025-08-05")
    # So does evidence about what is asked.
    sent = passed("2025-XX-XX")
    assert "not established" == bound_then(sent, *BOTH)
    later = Draft(
        Attestation(
            author=LCC, nonce=nonce("record sent"), type="delivery_log", of=sent.id,
            dates=dates(sent="2025-09-01"),
        )
    )  # fmt: skip
    row = transferred(ISA, *BOTH, sent, later)
    assert ["yes", "yes"] == [each.answer for each in row.bound]


def test_a_record_of_the_far_future_is_read() -> None:
    book = book_of([ISA], members=MEMBERS)
    book.recorded = 2**52
    for draft in (did(ISA, "sign", LCC, ""), did(ISA, "sign", RUTLAND, "")):
        book.add(draft)
    found = read(book.view(), as_at=AS_AT)

    assert "not established" == fold_agreements(found).rows[0].in_force


def test_a_day_after_the_one_that_is_read_is_refused() -> None:
    found = reading(ISA, *BOTH)

    with pytest.raises(DateError, match="is after 2025-11-28"):
        fold_bindings(found, party=LCC, on=AS_AT + dt.timedelta(1))


def test_what_came_later_than_the_day_as_at_is_not_read() -> None:
    ends = [did(ISA, "end", party, "2025-10-01") for party in (LCC, RUTLAND)]

    assert "in_force" == folded(ISA, *BOTH, *ends, as_at=dt.date(2025, 9, 30)).state


def test_every_condition_says_what_it_rests_on() -> None:
    vague = did(ISA, "sign", RUTLAND, "2025-08-XX")
    ended = did(ISA, "end", LCC, "2025-10-01")
    found = fold_bindings(
        reading(ISA, did(ISA, "sign", LCC), vague, ended), party=RUTLAND, on=AS_AT
    ).rows[0]

    assert "not established" == found.answer
    assert [
        ("signature", "yes", RUTLAND, vague.id),
        ("signature", "yes", LCC, did(ISA, "sign", LCC).id),
        ("ended", "not established", None, ended.id),
    ] == [(each.kind, each.answer, each.party, each.id) for each in found.grounds]
    when = found.grounds[0].when
    assert when is not None
    assert "2025-08-XX" == when.edtf


def test_later_refusals_hide_none_that_was_in_time() -> None:
    signed = [did(ISA, "sign", party, "2025-07-01") for party in (LCC, RUTLAND)]
    refused = did(ISA, "not_adopted", RUTLAND, "2025-08-20")
    later = [did(ISA, "not_adopted", RUTLAND, f"2025-10-{day:02}") for day in range(1, 18)]

    assert ["not established"] == bound(ISA, *signed, refused)
    assert ["yes"] == bound(ISA, *signed, *later[:16])
    # That none of so many was in time is not established, and one of them can have been.
    assert ["not established"] == bound(ISA, *signed, *later)
    assert ["not established"] == bound(ISA, *signed, refused, *later[:16])


def test_a_refusal_does_not_make_a_signature_earlier_than_its_draft_none() -> None:
    """Of what contradicts itself it is not said that it was not."""
    case = [
        did(ISA, "draft", LCC, "2025-09-10", version=1),
        *(did(ISA, "sign", party, "2025-08-01", version=1) for party in (LCC, RUTLAND)),
    ]
    refused = did(ISA, "not_adopted", RUTLAND, "2025-08-20")

    assert ["yes"] == bound(ISA, *case)
    assert ["not established"] == bound(ISA, *case, refused)


def bound_then(event: Draft, *drafts: Draft, party: str = RUTLAND) -> str:
    found = transferred(ISA, *drafts, event)
    return next(each.answer for each in found.bound if each.party == party)


@pytest.mark.parametrize(
    ("on", "answer"),
    [
        ("2025-08-04", "no"),
        ("2025-08-05", "not established"),  # the day of the last signature
        ("2025-08-06", "yes"),
        ("2025-XX-XX", "not established"),
        ("", "not established"),
        ("2025-08-06/2025-09-30", "yes"),
        ("2025-08-01/2025-09-30", "not established"),  # it began before
        ("2025-07-01/2025-08-04", "no"),
        ("2025-07-01/", "not established"),
    ],
)
def test_bound_at_a_transfer_follows_the_dates(on: str, answer: str) -> None:
    assert answer == bound_then(passed(on), *BOTH)


def test_bound_at_a_transfer_follows_links_where_dates_are_silent() -> None:
    after = passed("", links=(link("follows", BOTH[1]),))
    case = (did(ISA, "sign", LCC, "2025-01-01"), BOTH[1])

    assert "yes" == bound_then(after, *case)


def test_bound_at_a_transfer_ends_with_the_term_and_what_ends_it() -> None:
    ends = [did(ISA, "end", party, "2025-10-01") for party in (LCC, RUTLAND)]

    assert "yes" == bound_then(passed("2025-09-30"), *BOTH, *ends)
    assert "not established" == bound_then(passed("2025-10-01"), *BOTH, *ends)
    assert "no" == bound_then(passed("2025-10-02"), *BOTH, *ends)
    assert "not established" == bound_then(passed("2025-09-01/2025-10-31"), *BOTH, *ends)
