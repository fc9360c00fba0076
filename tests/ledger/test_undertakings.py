"""Agreements, arrangements and transfers: every move, every refusal to move, and whose word it is.

The founding case's answers stand at the end, as a person who read it would give them.
"""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.dates import Answer
from ledger.errors import DateError
from ledger.folds.agreements import AgreementRow, Bindings, fold_agreements, fold_bindings
from ledger.folds.arrangements import ArrangementRow, fold_arrangements
from ledger.folds.checklist import ELEMENTS
from ledger.folds.points import every, negated, some
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
from tests.ledger.bookmaking import Draft, book_of, dates, link, nonce, sealed
from tests.ledger.founding import LCC, position, step
from tests.ledger.shipped import Shipped, shipped
from verify.claims import File
from verify.events import (
    Agreement,
    Arrangement,
    Attestation,
    Discharge,
    Meeting,
    Request,
    Step,
    Transfer,
)

AS_AT = dt.date(2025, 11, 28)
TOLD = Telling(LCC)
RUTLAND, BLABY = "rutland", "blaby"
MEMBERS = (BLABY, "melton", RUTLAND)


def reading(*drafts: Draft, as_at: dt.date = AS_AT) -> Reading:
    return read(book_of(drafts, members=MEMBERS).view(), as_at=as_at)


def agreement(
    *, author: str = LCC, on: dict[str, str] | None = None, label: str = "isa", **fields: object
) -> Draft:
    given_ = {"signatories": (LCC, RUTLAND), "effective": "all_signed"} | fields
    return Draft(
        Agreement(
            author=author,
            nonce=nonce(label),
            type=given_.pop("type", "information_sharing"),  # type: ignore[arg-type]  # a test's own
            dates=dates(**on) if on else None,
            **given_,  # type: ignore[arg-type]  # a test's own
        )
    )


def did(of: Draft, verb: str, author: str, on: str = "2025-08-01", **fields: object) -> Draft:
    """Make a step of an agreement; its label follows from what it says."""
    roles = fields.pop("roles", {"occurred": on} if on else {})
    label = f"{verb} {author} {on} {sorted(fields.items(), key=str)} {roles}"
    return step(label, of, verb, roles, target="agreement", author=author, **fields)  # type: ignore[arg-type]  # a test's own


def folded(*drafts: Draft, telling: Telling = ESTABLISHED, as_at: dt.date = AS_AT) -> AgreementRow:
    return fold_agreements(reading(*drafts, as_at=as_at), telling=telling).rows[0]


def bound(
    *drafts: Draft, party: str = RUTLAND, on: str = "2025-09-01", telling: Telling = ESTABLISHED
) -> list[str]:
    """Say of each version whether the party was bound."""
    found = fold_bindings(
        reading(*drafts), party=party, on=dt.date.fromisoformat(on), telling=telling
    )
    return [row.answer for row in found.rows]


ISA = agreement()
BOTH = (did(ISA, "sign", LCC), did(ISA, "sign", RUTLAND, "2025-08-05"))


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


# Versions


V1 = (did(ISA, "draft", LCC, "2025-07-01", version=1), *(
    did(ISA, "sign", party, "2025-08-01", version=1) for party in (LCC, RUTLAND)
))  # fmt: skip


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


# Bound at the moment of an event


def passed(on: str = "2025-09-01", label: str = "data", **fields: object) -> Draft:
    given_ = {"author": LCC, "from_": LCC, "to": (RUTLAND,), "under": ISA.id} | fields
    return Draft(
        Transfer(
            nonce=nonce(f"{label} {on} {given_['author']}"),
            dates=dates(sent=on) if on else None,
            **given_,  # type: ignore[arg-type]  # a test's own
        )
    )


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


# Arrangements


def arrangement(author: str = LCC, label: str = "group", **fields: object) -> Draft:
    given_ = {"type": "forum", "members": (LCC, RUTLAND, BLABY)} | fields
    return Draft(Arrangement(author=author, nonce=nonce(label), **given_))  # type: ignore[arg-type]  # a test's own


GROUP = arrangement()


def done(verb: str, author: str = LCC, on: str = "2025-07-01", **fields: object) -> Draft:
    of = fields.pop("of", GROUP)
    label = f"{verb} {author} {on} {sorted(fields.items(), key=str)}"
    roles = {"occurred": on} if on else {}
    return step(label, of, verb, roles, target="arrangement", author=author, **fields)  # type: ignore[arg-type]  # a test's own


def met(on: str, label: str = "", author: str = LCC, **fields: object) -> Draft:
    role = "period" if "/" in on else "occurred"
    return Draft(
        Meeting(
            author=author,
            nonce=nonce(f"met {on} {label}"),
            dates=dates(**{role: on}) if on else None,
            links=(link("about", GROUP),),
            **fields,  # type: ignore[arg-type]  # a test's own
        )
    )


def arranged(
    *drafts: Draft, telling: Telling = ESTABLISHED, as_at: dt.date = AS_AT
) -> ArrangementRow:
    return fold_arrangements(reading(*drafts, as_at=as_at), telling=telling).rows[0]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((), ("named", "not established", "no", "no")),
        ((("establish", "2025-07-01"),), ("established", "yes", "no", "no")),
        ((("establish", "2025-XX-XX"),), ("established", "not established", "no", "no")),
        (
            (("establish", "2025-07-01"), ("dormant", "2025-09-23")),
            ("dormant", "no", "yes", "no"),
        ),
        (
            (("establish", "2025-07-01"), ("dormant", "2025-XX-XX")),
            ("dormant", "not established", "not established", "no"),
        ),
        (
            (("establish", "2025-07-01"), ("dormant", "2025-08-01"), ("establish", "2025-09-01")),
            ("established", "yes", "no", "no"),
        ),
        (
            (("establish", "2025-07-01"), ("dormant", "2025-08-01"), ("close", "2025-09-01")),
            ("closed", "no", "no", "yes"),
        ),
        ((("terms", "2025-07-01"),), ("named", "not established", "no", "no")),
    ],
)
def test_steps_move_an_arrangement(
    steps: tuple[tuple[str, str], ...], expected: tuple[str, ...]
) -> None:
    found = arranged(GROUP, *(done(verb, on=on) for verb, on in steps))

    assert expected == (found.state, found.at_work, found.dormant, found.closed)


def test_the_state_is_that_of_the_day_asked() -> None:
    case = (GROUP, done("establish"), done("dormant", on="2025-09-23"))

    assert "established" == arranged(*case, as_at=dt.date(2025, 9, 22)).state
    assert "named" == arranged(*case, as_at=dt.date(2025, 6, 30)).state


def test_an_outsider_sets_nothing_up_and_another_member_may_deny_it() -> None:
    outside = done("establish", "melton")
    found = arranged(GROUP, outside)

    assert ("named", "it was not theirs to do") == (found.state, found.claims[0].why)
    own = done("close", LCC, "2025-08-01")
    denied = arranged(GROUP, done("establish"), own, position("no", RUTLAND, own, "deny"))
    assert ("not established", "not established") == (denied.at_work, denied.closed)
    assert [False, True] == [stage.denied for stage in denied.course]
    assert ("established", "not established") == (denied.state, seats(denied)[LCC][0])
    told = arranged(
        GROUP, done("establish"), own, position("no", RUTLAND, own, "deny"), telling=TOLD
    )
    assert "yes" == told.closed
    assert "closed" == told.state
    # A stranger's denial is none.
    assert "yes" == arranged(GROUP, own, position("no", "melton", own, "deny")).closed


def test_a_stranger_that_says_it_joined_cannot_close_an_arrangement() -> None:
    joined = done("join", "melton", "2025-08-01", members=("melton",))
    asked_in = done("join", RUTLAND, "2025-08-01", members=("melton",))
    closed = done("close", "melton", "2025-09-01")

    alone = arranged(GROUP, done("establish"), joined, closed)
    assert ("established", "no") == (alone.state, alone.closed)
    assert "closed" == arranged(GROUP, done("establish"), asked_in, closed).state


def test_a_stranger_cannot_take_the_chair() -> None:
    own = done("chair", BLABY, "2025-07-01")
    strange = done("chair", "melton", "2025-08-01")
    found = arranged(GROUP, own, strange)

    assert [(BLABY, "yes")] == [(seat.actor, seat.answer) for seat in found.chairs]
    assert ["it was not theirs to do"] == [claim.why for claim in found.claims]
    agreed = arranged(GROUP, own, strange, position("yes", LCC, strange, "agree"))
    assert ["no", "yes"] == [seat.answer for seat in agreed.chairs]


def test_what_is_later_and_what_nothing_is_told_of_is_left_out_of_arrangements_too() -> None:
    later = Draft(
        Arrangement(author=LCC, nonce=nonce("later"), type="forum", dates=dates(start="2025-12-01"))
    )
    found = fold_arrangements(reading(GROUP, later), telling=Telling(RUTLAND))

    assert ((), 1, 1) == (found.rows, found.later, found.elsewhere)


def test_a_facility_is_its_operator_s() -> None:
    store = arrangement(type="facility", operator=LCC, members=None)
    by_rutland = done("establish", RUTLAND, of=store)

    assert "named" == arranged(store, by_rutland).state
    assert "established" == arranged(store, done("establish", LCC, of=store)).state


def test_an_arrangement_that_only_an_outsider_tells_is_a_claim() -> None:
    told = arrangement(author="melton")

    assert "claimed" == arranged(told).state
    assert "named" == arranged(told, telling=Telling("melton")).state
    assert "withdrawn" == arranged(told, position("no", "melton", told, "retract_own")).state


def seats(row: ArrangementRow) -> dict[str, tuple[Answer, bool]]:
    return {seat.actor: (seat.answer, seat.signed) for seat in row.members}


def test_who_is_a_member_says_so_itself() -> None:
    founded = done("establish", LCC, members=(LCC, RUTLAND, BLABY))
    joined = done("join", RUTLAND, "2025-08-01")

    assert {
        BLABY: ("not established", False),
        LCC: ("yes", True),
        RUTLAND: ("yes", True),
    } == seats(arranged(GROUP, founded, joined))
    assert {BLABY: ("yes", False), LCC: ("yes", True), RUTLAND: ("yes", False)} == seats(
        arranged(GROUP, founded, telling=TOLD)
    )
    agrees = position("yes", BLABY, founded, "agree")
    assert ("yes", True) == seats(arranged(GROUP, founded, agrees))[BLABY]


def test_a_member_is_one_until_it_leaves_or_all_is_closed() -> None:
    founded = done("establish", LCC, members=(LCC, RUTLAND, BLABY))
    left = done("leave", LCC, "2025-09-01")
    assert "no" == seats(arranged(GROUP, left))[LCC][0]
    assert "not established" == seats(arranged(GROUP, left))[RUTLAND][0]
    vague = done("leave", LCC, "2025-XX-XX")

    assert "no" == seats(arranged(GROUP, founded, left))[LCC][0]
    assert "yes" == seats(arranged(GROUP, founded, left, as_at=dt.date(2025, 8, 31)))[LCC][0]
    assert "not established" == seats(arranged(GROUP, founded, vague))[LCC][0]
    # Nobody is put out by another's word for it.
    put_out = done("leave", RUTLAND, "2025-09-01", members=(LCC,))
    assert "yes" == seats(arranged(GROUP, founded, put_out))[LCC][0]
    assert "no" == seats(arranged(GROUP, founded, left, telling=TOLD))[LCC][0]
    again = done("join", LCC, "2025-10-01")
    assert "yes" == seats(arranged(GROUP, founded, left, again))[LCC][0]
    assert "no" == seats(arranged(GROUP, founded, done("close", on="2025-09-01")))[LCC][0]
    # It rests, and is still there.
    assert "yes" == seats(arranged(GROUP, founded, done("dormant", on="2025-09-01")))[LCC][0]


def test_membership_has_the_bounds_of_its_date() -> None:
    founded = done("establish", on="2025-07-XX", members=(LCC,))
    case = (arrangement(members=None), founded)
    group = case[0]
    founded = done("establish", of=group, on="2025-07-XX", members=(LCC,))

    for on, answer in (("2025-07-15", "not established"), ("2025-07-31", "yes")):
        found = arranged(group, founded, as_at=dt.date.fromisoformat(on))
        assert {LCC: (answer, True)} == seats(found)


def chairs(row: ArrangementRow) -> list[tuple[str, str]]:
    return [(seat.actor, seat.answer) for seat in row.chairs]


def test_who_chairs_says_so_itself_and_the_next_one_ends_it() -> None:
    first = done("chair", BLABY, "2025-07-01", by="blaby/chief-executive")
    second = done("chair", RUTLAND, "2025-09-01")
    said = done("chair", LCC, "2025-07-01", by="blaby/chief-executive")

    assert [("blaby/chief-executive", "yes")] == chairs(arranged(GROUP, first))
    assert [("blaby/chief-executive", "no"), (RUTLAND, "yes")] == chairs(
        arranged(GROUP, first, second)
    )
    assert [] == chairs(arranged(GROUP, said))
    assert [("blaby/chief-executive", "yes")] == chairs(arranged(GROUP, said, telling=TOLD))


def test_a_meeting_with_its_chair_dates_who_chaired() -> None:
    undated = done("chair", LCC, "", by="blaby/chief-executive")
    meeting = met("2025-09-23", chair="blaby/chief-executive")

    assert [("blaby/chief-executive", "not established")] == chairs(
        arranged(GROUP, undated, telling=TOLD)
    )
    assert [("blaby/chief-executive", "yes")] == chairs(
        arranged(GROUP, undated, meeting, telling=TOLD)
    )


@pytest.mark.parametrize(
    ("meetings", "count"),
    [
        ((), (0, 0)),
        ((met("2025-07-01"),), (1, 1)),
        ((met(""),), (1, 1)),
        ((met("2025-07-01"), met("2025-08-01")), (2, 2)),
        ((met("2025-07-01"), met("2025-07-XX")), (1, 2)),
        ((met("2025-07/2025-09"),), (1, None)),
        ((met("2025-07/2025-09"), met("2025-08-01"), met("2025-09-23")), (2, None)),
        ((met("2025-07/2025-09", count=4), met("2025-09-23")), (4, 5)),
    ],
)
def test_meetings_are_counted_as_least_and_most(
    meetings: tuple[Draft, ...], count: tuple[int, int | None]
) -> None:
    assert count == arranged(GROUP, *meetings).met


def test_meetings_are_those_that_are_told_and_linked() -> None:
    other = Draft(Meeting(author=LCC, nonce=nonce("other"), dates=dates(occurred="2025-07-02")))
    outside = met("2025-07-03", author="melton")
    later = met("2025-12-03")
    found = arranged(GROUP, met("2025-07-01", minutes="no"), other, outside, later)

    assert [(1, "no")] == [(each.count, each.minutes) for each in found.meetings]
    assert (1, 1) == arranged(GROUP, outside, telling=Telling("melton")).met


# Transfers


def transferred(
    *drafts: Draft, telling: Telling = ESTABLISHED, as_at: dt.date = AS_AT
) -> TransferRow:
    return fold_transfers(reading(*drafts, as_at=as_at), telling=telling).rows[0]


def test_a_transfer_says_what_was_passed_and_for_what() -> None:
    asked = Draft(
        Request(
            author=RUTLAND, nonce=nonce("asked"), what="data", medium="written",
            from_=(RUTLAND,), to=(LCC,), categories=12,
        )
    )  # fmt: skip
    store = arrangement(type="facility", operator=LCC, members=None, label="store")
    file = File(name="jobs.csv", media_type="text/csv", size=3, sha256="ab" * 32)
    seal, texts = sealed(LCC, "data 2025-09-01 leicestershire", {"file.1": file})
    event = passed(
        geography="msoa", personal_data="no", rows=120, via=store.id,
        discharges=(Discharge(request=asked.id, items=((1, 3), (5, 5))),), sealed=seal,
    ).event  # fmt: skip
    found = transferred(
        asked, ISA, *BOTH, store, done("establish", LCC, of=store), Draft(event, texts)
    )

    assert (LCC, (RUTLAND,)) == (found.sender, found.recipients)
    assert [("jobs.csv", "ab" * 32)] == [(each.name, each.sha256) for each in found.datasets]
    assert ("msoa", "no", 120) == (found.geography, found.personal_data, found.rows)
    assert [(asked.id, ((1, 3), (5, 5)))] == [(d.request, d.items) for d in found.discharges]
    assert (store.id, "yes") == (found.via, found.via_set_up)
    assert ISA.id == found.under
    assert [(LCC, "from", "yes"), (RUTLAND, "to", "yes")] == [
        (each.party, each.role, each.answer) for each in found.bound
    ]


def test_receipt_is_acknowledged_by_the_recipient_s_own_word() -> None:
    sent = passed(to=(RUTLAND, BLABY))
    got = position("got", RUTLAND, sent, "received", dates=dates(received="2025-09-02"))
    found = transferred(ISA, sent, got)

    assert [(RUTLAND, got.id)] == [(each.party, each.id) for each in found.receipts]
    when = found.receipts[0].when
    assert when is not None
    assert "2025-09-02" == when.edtf
    assert (BLABY,) == found.unacknowledged


def test_a_transfer_counts_by_those_that_it_names() -> None:
    told = passed(author="melton")
    got = position("got", RUTLAND, told, "received")

    assert "claimed" == transferred(ISA, told).standing
    assert "counts" == transferred(ISA, told, got).standing
    assert "counts" == transferred(ISA, told, telling=Telling("melton")).standing
    assert "counts" == transferred(ISA, told, got, telling=Telling(RUTLAND)).standing
    found = fold_transfers(reading(ISA, told), telling=TOLD)
    assert ((), 1) == (found.rows, found.elsewhere)
    back = position("back", "melton", told, "retract_own")
    assert "withdrawn" == transferred(ISA, told, back).standing
    assert 1 == fold_transfers(reading(ISA, passed("2025-12-01"))).later


def test_who_is_not_of_the_agreement_was_not_bound_by_it() -> None:
    found = transferred(ISA, *BOTH, passed(to=(BLABY,)))

    assert [(LCC, "yes"), (BLABY, "no")] == [(each.party, each.answer) for each in found.bound]
    (ground,) = found.bound[1].bindings[0].grounds
    assert "signatory" == ground.kind


def test_without_an_agreement_nobody_is_bound() -> None:
    found = transferred(passed(under=None))

    assert ((), (), None) == (found.bound, found.not_recorded, found.under)
    other = transferred(GROUP, passed(under=GROUP.id))
    assert ((), GROUP.id) == (other.bound, other.under)
    assert "not established" == transferred(ISA, passed(via=ISA.id)).via_set_up


# The list of an agreement on sharing data


def test_what_an_agreement_does_not_record_is_listed() -> None:
    assert tuple(e for e in ELEMENTS if e != "organisations") == folded(ISA).not_recorded
    claims = {
        "purpose": "planning", "item.1": "jobs", "lawful_basis": "public task",
        "special_category": "none", "individual_rights": "by each", "security": "encrypted",
        "retention": "a year", "terms": "these",
    }  # fmt: skip
    seal, texts = sealed(LCC, "full", claims)
    full = Draft(agreement(label="full", on={"until": "2027-01-01"}, sealed=seal).event, texts)
    assert () == folded(full).not_recorded
    # What is sealed is recorded, open here or not; and a draft records for its agreement.
    closed = Draft(full.event)
    assert () == folded(closed).not_recorded
    seal, texts = sealed(LCC, "drafted", {"purpose": "planning"})
    drafted = Draft(did(ISA, "draft", LCC, sealed=seal).event)
    assert "purpose" not in folded(ISA, drafted).not_recorded
    assert () == folded(agreement(type="funding")).not_recorded


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
    asked = Draft(
        Request(
            author=RUTLAND, nonce=nonce("asked"), what="data", medium="written",
            from_=(RUTLAND,), to=(LCC,), categories=12,
        )
    )  # fmt: skip
    store = arrangement(type="facility", operator=LCC, members=None, label="store")
    file = File(name="jobs.csv", media_type="text/csv", size=3, sha256="ab" * 32)
    seal, texts = sealed(LCC, "data 2025-09-15 leicestershire", {"file.1": file})
    event = passed(
        "2025-09-15", geography="msoa", rows=120, via=store.id, to=(RUTLAND, BLABY), sealed=seal,
        discharges=(Discharge(request=asked.id, items=((1, 3), (5, 5))),),
    ).event  # fmt: skip
    sent = Draft(event, texts)
    got = position("got", RUTLAND, sent, "received", dates=dates(received="2025-09-16"))
    closed = done("close", LCC, "2025-11-01")
    denial = position("no", RUTLAND, closed, "deny")
    found = reading(
        asked, store, done("establish", LCC, of=store), *SCENE, sent, got, closed, denial
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
    assert f"For items 1 to 3, 5 of the request of entry {index[asked.id]}." in flat(transfers)
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
