"""Grades 5 and 6, and the marks beside any: what parties sign, deny and withdraw."""

# ruff: noqa: RUF001, RUF003 - the multiplication sign is the domain's mark for contradicted

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.folds.grades import Grade
from ledger.folds.reading import read
from ledger.persistent import Blocks, ById
from tests.ledger.bookmaking import Draft, dates, nonce
from tests.ledger.bookmaking import public as public_key
from tests.ledger.grading import (
    AS_AT,
    DOCX,
    FRIEND,
    OTHER,
    THEM,
    US,
    book,
    draft,
    graded,
    letter,
    numbers,
    replace_event,
    says,
)
from verify.kinds import Key, Meeting, Request

# 5: acknowledged


def test_the_other_sides_agreement_acknowledges_and_by_all_it_is_agreed() -> None:
    on = letter(received="2025-11-28")
    admitted, agreed = graded(on, says(THEM, on, "admit")), graded(on, says(THEM, on, "agree"))

    assert {"Acknowledged"} == {grade.name for grade in admitted.values()}
    assert {"Agreed"} == {grade.name for grade in agreed.values()}
    assert admitted["said"].reason.startswith("rutland admits (entry 5); one signature")
    assert agreed["said"].reason.startswith("all whom it names agree: rutland agrees (entry 5)")


def test_one_field_agreed_acknowledges_that_element_only() -> None:
    on = letter(received="2025-11-28")
    for field, element in (
        ("happened", "happened"), ("actors", "who"), ("dates.sent", "sent"),
        ("dates.received", "received"), ("claims.title", "said"),
    ):  # fmt: skip
        found = numbers(on, says(THEM, on, "admit", field=field))
        assert {element} == {name for name, grade in found.items() if grade > 1}


def test_one_text_agreed_is_not_all_of_them() -> None:
    on = letter(claims={"title": "A letter", "text": "You owe us", "phrase_sent": "28 November"})
    title, text = (says(THEM, on, "agree", field=f"claims.{name}") for name in ("title", "text"))

    assert 1 == numbers(on, title)["said"]
    assert 6 == numbers(on, title, text)["said"]


@pytest.mark.parametrize("stance", ["agree", "admit", "received"])
@pytest.mark.parametrize("author", [FRIEND, OTHER])
def test_a_stranger_and_a_friend_acknowledge_nothing(author: str, stance: str) -> None:
    on = letter(from_=(US, FRIEND))
    assert {0, 1} == set(numbers(on, says(author, on, stance)).values())


def test_one_of_several_does_not_speak_for_all() -> None:
    on = letter(to=(THEM, FRIEND))
    found = graded(on, says(FRIEND, on, "agree"))

    assert 1 == found["happened"].grade
    assert "blaby agrees (entry 5), and rutland did not" in found["happened"].reason
    both = numbers(on, says(FRIEND, on, "agree"), says(THEM, on, "admit"))
    assert 5 == both["happened"]


def test_on_both_sides_is_on_the_authors() -> None:
    on = letter(from_=(US, FRIEND), to=(FRIEND, THEM))
    assert 1 == numbers(on, says(FRIEND, on, "agree"))["happened"]
    assert 5 == numbers(on, says(THEM, on, "agree"))["happened"]


def test_what_is_told_of_anothers_act_is_against_who_did_it() -> None:
    on = letter(from_=(THEM,), to=(FRIEND,))

    assert 1 == numbers(on, says(FRIEND, on, "admit"))["happened"]
    assert 5 == numbers(on, says(THEM, on, "admit"))["happened"]


def test_what_is_told_of_somebody_without_a_key_is_never_acknowledged() -> None:
    on = letter(from_=("mhclg/minister",), to=(US, THEM))

    assert 1 == numbers(on, says(THEM, on, "agree"))["happened"]


def test_everybody_at_a_meeting_is_the_other_side() -> None:
    on = draft(Meeting, US, attendees=(US, THEM, FRIEND), dates=dates(occurred="2025-11-28"))

    assert 1 == numbers(on, says(FRIEND, on, "agree"))["happened"]
    assert 5 == numbers(on, says(FRIEND, on, "agree"), says(THEM, on, "admit"))["happened"]
    assert 6 == numbers(on, says(FRIEND, on, "agree"), says(THEM, on, "agree"))["happened"]


def test_the_latest_word_counts() -> None:
    on = letter()
    agree, deny = says(THEM, on, "agree"), says(THEM, on, "deny")
    who = says(THEM, on, "dispute", field="actors")

    assert (1, "×") == pair(graded(on, agree, deny)["said"])
    assert (6, "") == pair(graded(on, deny, agree)["said"])
    assert (1, "×") == pair(graded(on, agree, who)["who"])
    assert (6, "") == pair(graded(on, agree, who)["happened"])
    assert 1 == graded(on, agree, says(THEM, agree, "retract_own"))["said"].grade


def pair(grade: Grade) -> tuple[int, str]:
    return grade.grade, grade.suffix


def test_of_some_items_is_not_of_the_whole() -> None:
    on = draft(
        Request, US, what="data", medium="written", from_=(US,), to=(THEM,), categories=3,
        claims={"item.1": "Plots"}, dates=dates(made="2025-11-28"),
    )  # fmt: skip

    assert {0, 1} == set(numbers(on, says(THEM, on, "agree", items=((1, 1),))).values())
    assert 5 == numbers(on, says(THEM, on, "admit", field="dates.made"))["sent"]
    assert "×" == graded(on, says(THEM, on, "deny", field="dates.made"))["sent"].suffix


def test_what_could_not_be_seen_was_not_agreed() -> None:
    plain = letter(claims={"text": "You owe us", "title": "A letter"})
    limited = Draft(replace_event(plain, audience={"text": (FRIEND,)}), plain.disclosures)
    found = graded(limited, says(THEM, limited, "agree"))

    assert (6, 1) == (found["happened"].grade, found["said"].grade)
    assert 6 == numbers(plain, says(THEM, plain, "agree"))["said"]


def test_a_compromised_keys_agreement_acknowledges_nothing() -> None:
    on = letter()
    ledger = book((on, says(THEM, on, "agree")))
    revoked = Key(
        author=THEM, nonce=nonce("revoked"), verb="revoke", party=THEM, key=public_key(THEM),
        compromised_since=len(ledger.entries) - 1,
    )  # fmt: skip
    ledger.add(Draft(revoked))
    found = graded(on, reading=read(ledger.view(), as_at=AS_AT))["happened"]

    assert 1 == found.grade
    assert "rutland responded by a key that is said to have been compromised" in found.reason


def test_silence_and_not_admitting_acknowledge_nothing() -> None:
    on = letter()
    for stance in ("not_admit", "ratify", "object"):
        assert 1 == numbers(on, says(THEM, on, stance))["happened"]


# Receipts


def test_a_signed_receipt_shows_that_it_happened_and_with_a_day_when_it_came() -> None:
    on = letter()
    plain = graded(on, says(THEM, on, "received"))
    dated = graded(on, says(THEM, on, "received", dates=dates(received="2025-11-30")))

    assert [5, 1, 1, 0, 1] == [grade.grade for grade in plain.values()]
    assert [5, 1, 1, 5, 1] == [grade.grade for grade in dated.values()]
    assert "received, as all that it was for sign: rutland on 30 November 2025" in (
        dated["received"].reason
    )


def test_a_receipt_of_another_day_contradicts() -> None:
    on = letter(received="2025-11-29")
    found = graded(on, says(THEM, on, "received", dates=dates(received="2025-11-30")))["received"]

    assert (1, "×") == pair(found)
    assert "rutland signs that it received it on 30 November 2025" in found.reason


def test_one_of_two_receipts_is_that_partys_word() -> None:
    on = letter(to=(THEM, FRIEND))
    found = graded(on, says(THEM, on, "received", dates=dates(received="2025-11-30")))["received"]

    assert 1 == found.grade
    assert found.reason.startswith("received, as they sign: rutland on 30 November 2025")
    assert "not by blaby" in found.reason


def test_whoever_did_not_receive_it_cannot_sign_so() -> None:
    on = letter(author=THEM, from_=(US,), to=(THEM,), received="2025-11-28")
    receipt = says(US, on, "received", dates=dates(received="2025-11-28"))

    assert 1 == numbers(on, receipt)["received"]
    assert 5 == numbers(on, says(US, on, "admit"))["received"]


# × and ⊘


def test_no_grade_removes_a_contradiction() -> None:
    on = draft(Meeting, US, attendees=(US, THEM), dates=dates(occurred="2025-11-28"))
    agreed = says(THEM, on, "agree", field="happened")
    other = says(THEM, on, "correct", field="dates.occurred", dates=dates(value="2025-11-29"))
    found = graded(on, agreed, other)["happened"]

    assert "Agreed ×" == found.name
    assert "rutland: correct (2025-11-29)" in found.reason


def test_received_before_sent_contradicts_both() -> None:
    found = graded(letter(sent="2025-11-28", received="2025-11-27"))

    assert ["", "", "×", "×", ""] == [grade.suffix for grade in found.values()]
    assert "cannot have been received before it was sent" in found["sent"].reason


def test_what_is_withdrawn_keeps_only_what_the_other_side_signed() -> None:
    on = letter(claims=DOCX)
    back = says(US, on, "retract_own")

    assert {(1, "⊘"), (0, "⊘")} == {pair(g) for g in graded(on, back).values()}
    assert "Acknowledged ⊘" == graded(on, says(THEM, on, "agree"), back)["happened"].name


def test_what_was_known_before_does_not_change() -> None:
    on = letter(claims=DOCX)
    ledger = book((on, says(THEM, on, "admit"), says(THEM, on, "deny")))
    sizes = [len(ledger.entries) - less for less in (2, 1, 0)]
    found = [
        pair(graded(on, reading=read(ledger.view(at_size=size), as_at=AS_AT))["said"])
        for size in sizes
    ]

    assert [(3, ""), (5, ""), (3, "×")] == found


# More tricks


def test_who_is_said_to_have_had_it_done_must_say_so_too() -> None:
    on = letter(from_=(US,), to=(THEM,), on_behalf_of=(US, FRIEND), authority="claimed")
    theirs = says(THEM, on, "agree")

    assert 1 == numbers(on, theirs)["happened"]
    assert 5 == numbers(on, theirs, says(FRIEND, on, "ratify"))["happened"]
    assert 6 == numbers(on, theirs, says(FRIEND, on, "agree"))["happened"]
    disowned = letter(from_=(US,), to=(THEM,), on_behalf_of=(FRIEND,), authority="disowned")
    assert 5 == numbers(disowned, says(THEM, disowned, "admit"))["happened"]


def test_a_recovered_keys_agreement_says_so() -> None:
    on = letter()
    view = book((on, says(THEM, on, "agree"))).view()
    told = [
        replace(each, key_origin="recovered") if each.author == THEM else each for each in view.told
    ]
    by_id = ById.of({each.id: each for each in told})
    found = read(replace(view, told=Blocks(told), by_id=by_id), as_at=AS_AT)

    assert "rutland agrees (entry 5, by a recovered key)" in (
        graded(on, reading=found)["happened"].reason
    )
