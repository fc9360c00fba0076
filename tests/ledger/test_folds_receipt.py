"""When a request was received: whose word counts, and what deadlines come of words that differ."""

from __future__ import annotations

import datetime as dt
from itertools import permutations

import pytest
from msgspec.structs import replace

from ledger.folds.contradictions import fold_contradictions
from ledger.folds.positions import fold_positions, positions_of, status_of, unanswered
from ledger.folds.reading import Reading, read
from ledger.folds.receipt import received_when
from ledger.folds.request_rows import ItemRow
from ledger.folds.requests import fold_requests
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.text import requests_text, status_words
from ledger.texts.queueing import positions_text
from tests.ledger.bookmaking import Draft, book_of, dates, link, nonce, revoked
from tests.ledger.founding import LCC, position, step
from verify.kinds import Communication, Request

MEMBERS = ("blaby", "melton", "rutland")


def asked(*to: str, **on: str) -> Draft:
    return Draft(
        Request(
            author="rutland",
            nonce=nonce("asked"),
            dates=dates(**on),
            what="data",
            medium="written",
            from_=("rutland",),
            to=to or (LCC, "melton"),
            regime="foia_20",
        )
    )


def receipt(party: str, of: Draft, day: str) -> Draft:
    return position(f"receipt {party}", party, of, "received", dates=dates(received=day))


def reading(*drafts: Draft, as_at: str = "2025-04-08") -> Reading:
    return read(book_of(drafts, members=MEMBERS).view(), as_at=dt.date.fromisoformat(as_at))


def item(reading_: Reading, telling: Telling = ESTABLISHED) -> ItemRow:
    return fold_requests(reading_, telling=telling).rows[0].items[0]


@pytest.mark.parametrize(
    ("own", "words", "expected"),
    [
        ("2025-03-06", {}, "2025-03-06"),
        ("2025-03-06", {LCC: "2025-03-06"}, "2025-03-06"),
        ("2025-03-06", {LCC: "2025-03-12"}, "[2025-03-06..2025-03-12]"),
        ("2025-03-06", {LCC: "[2025-03-05..]"}, "2025-03-06"),
        ("2025-03-06", {LCC: "[2025-04-01..]"}, "[2025-03-06..]"),
        ("[2025-03-05..2025-03-12]", {LCC: "2025-03-08"}, "2025-03-08"),
        (
            "[2025-03-05..2025-03-12]",
            {LCC: "[2025-03-08..2025-03-20]"},
            "[2025-03-08..2025-03-12]",
        ),
        ("[..2025-03-06]", {LCC: "[2025-03-01..]"}, "[2025-03-01..2025-03-06]"),
        (None, {LCC: "2025-03-05", "melton": "2025-03-12"}, "[2025-03-05..2025-03-12]"),
        (None, {LCC: "[..2025-03-05]", "melton": "[2025-03-12..]"}, None),
        # A day that no calendar knows takes the clock from nobody.
        ("2025-03-06", {LCC: "1900-01-01"}, "2025-03-06"),
        ("2025-03-06", {LCC: "[..9999-01-01]"}, "2025-03-06"),
        ("2025-03-06", {"rutland": "2025-03-12"}, "2025-03-06"),
    ],
)
def test_words_narrow_each_other_or_leave_open_which_is_so(
    own: str | None, words: dict[str, str], expected: str | None
) -> None:
    request = asked(**({"sent": "2025-03-03"} | ({} if own is None else {"received": own})))
    receipts = [receipt(party, request, day) for party, day in words.items()]

    for order in permutations(receipts):
        found = reading(request, *order)
        told = found.view.by_id[request.id]
        when = received_when(found, told, by=(LCC, "melton"), telling=ESTABLISHED)
        assert expected == (None if when is None else when.edtf)


def test_as_a_party_tells_it_its_own_word_counts() -> None:
    request = asked(received="2025-03-06")
    answer = step("ack", request, "acknowledge", {"occurred": "2025-03-13"})
    found = reading(request, receipt(LCC, request, "2025-03-12"), answer)

    theirs, ours = item(found, Telling("rutland")).lateness, item(found, Telling(LCC)).lateness
    assert ("overdue", 4) == (theirs.word, theirs.days)
    assert ("due", 2) == (ours.word, ours.days)
    # 4 April from 6 March, 10 April from 12 March: in between nobody can say.
    assert "not established" == item(found).lateness.word
    assert "due" == item(found.at(dt.date(2025, 4, 4))).lateness.word
    assert "overdue" == item(found.at(dt.date(2025, 4, 11))).lateness.word


def test_a_denial_with_another_day_is_a_word_until_its_party_agrees() -> None:
    request = asked(received="2025-03-06")
    denial = position(
        "no", LCC, request, "deny", field="dates.received", dates=dates(value="2025-03-12")
    )
    agreed = position("yes", LCC, request, "agree", field="dates.received")

    assert "not established" == item(reading(request, denial)).lateness.word
    assert "overdue" == item(reading(request, denial, agreed)).lateness.word


def test_a_denial_without_a_day_leaves_the_deadline_and_says_that_it_is_disputed() -> None:
    request = asked(received="2025-03-06")
    denial = position("no", LCC, request, "deny", field="dates.received")
    agreed = position("yes", LCC, request, "agree", field="dates.received")
    answer = step("answer", request, "answer", {"sent": "2025-04-16"}, outcome="full")

    def said(*drafts: Draft, telling: Telling = ESTABLISHED) -> tuple[str, bool]:
        found = item(reading(request, *drafts), telling).lateness
        return found.word, found.disputed

    # Due on 4 April, and it is 8 April.
    assert ("overdue", False) == said()
    assert ("overdue", True) == said(denial)
    assert ("overdue", False) == said(denial, telling=Telling("rutland"))
    assert ("overdue", False) == said(denial, agreed)
    assert ("overdue", True) == said(denial, position("got it", LCC, request, "received"))
    # A receipt that gives its day makes two deadlines of it: 4 and 10 April.
    assert ("not established", False) == said(denial, receipt(LCC, request, "2025-03-12"))
    assert ("overdue", False) == said(position("who", "blaby", request, "deny",
                                               field="dates.received"))  # fmt: skip
    found = reading(request, denial, answer, as_at="2025-11-28")
    assert ["not established"] == [each.came for each in item(found).outcomes]
    assert ["late"] == [
        each.came for each in item(reading(request, answer, as_at="2025-11-28")).outcomes
    ]
    text = requests_text(reading(request, denial).view, [fold_requests(reading(request, denial))])
    assert "disputed" in text


def test_a_receipt_of_another_day_than_was_told_is_found() -> None:
    request = asked(LCC, received="2025-03-06")
    other = receipt(LCC, request, "2025-03-12")

    def disputed(*drafts: Draft) -> list[str]:
        rows = fold_contradictions(reading(*drafts, as_at="2025-11-28")).rows
        return [each.words for each in rows if each.rule == "date_disputed"]

    (found,) = disputed(request, other)
    assert "received it on 12 March 2025, not 6 March 2025" in found
    assert [] == disputed(request, receipt(LCC, request, "[2025-03-01..2025-03-10]"))
    assert [] == disputed(request, other, position("so be it", "rutland", other, "agree"))
    both = asked(received="2025-03-06")
    assert [] == disputed(both, receipt(LCC, both, "2025-03-12"))


def test_a_receipt_of_another_day_disputes_when_it_was_received_and_nothing_else() -> None:
    request = asked(LCC, received="2025-03-06")

    def stands(*more: Draft) -> tuple[str, dict[str, tuple[str, tuple[str, ...]]]]:
        found = reading(request, *more, as_at="2025-11-28")
        told = found.view.by_id[request.id]
        fields = positions_of(found, told).fields
        left = {each.field: (each.status, each.silent) for each in fields}
        return status_words(status_of(found, told)), {
            name: left[name] for name in ("happened", "dates.received")
        }

    silent = ("not_yet_answered", (LCC,))
    other = receipt(LCC, request, "2025-03-12")
    disputed = {"happened": silent, "dates.received": ("disputed", ())}
    assert ("Disputed: when it was received", disputed) == stands(other)
    admits = position("it is so", LCC, request, "admit", field="actors")
    assert ("Disputed: when it was received", disputed) == stands(other, admits)
    # On the whole it agrees, and its word on the day stands over that.
    agreed = position("all of it", LCC, request, "agree")
    words, fields = stands(other, agreed)
    assert "Agreed that it happened. Disputed: when it was received" == words
    assert ("disputed", ()) == fields["dates.received"]
    found = reading(request, other, as_at="2025-11-28")
    page = positions_text(found.view, fold_positions(found))
    assert (
        "When it was received: disputed\n    leicestershire received it, on 12 March 2025" in page
    )
    left, _ = unanswered(found, found.view.by_id[request.id], LCC)
    assert "dates.received" not in left
    assert "happened" in left
    # What is no dispute is a receipt, and no answer.
    nothing = {"happened": silent, "dates.received": silent}
    for fits in (
        (receipt(LCC, request, "2025-03-06"),),
        (other, position("so be it", "rutland", other, "agree")),
    ):
        assert ("Not yet answered", nothing) == stands(*fits)


def test_time_runs_from_the_day_on_which_a_reply_or_a_review_was_received() -> None:
    request = asked(LCC, received="2025-03-06")
    put = step("put", request, "seek_clarification", {"sent": "2025-03-10"}, reason="unclear")
    posted = {"sent": "2025-03-20"}
    reply = step("reply", request, "clarify", posted, author="rutland")
    dated = step("dated", request, "clarify", posted | {"received": "2025-03-24"}, author="rutland")
    refusal = step("no", request, "refuse", {"sent": "2025-03-28"}, reason="exempt")
    review = step("review", request, "review", {"sent": "2025-04-08"}, author="rutland")

    def due(*more: Draft, telling: Telling = ESTABLISHED) -> list[dt.date | None]:
        found = item(reading(request, *more, as_at="2025-11-28"), telling).deadlines
        assert found is not None
        return [None if end is None else end.due for end in (found.earliest, found.latest)]

    # From 20 March it is due on 17 April, from 24 March on 23 April: 18 and 21 are holidays.
    assert [dt.date(2025, 4, 17)] * 2 == due(put, reply)
    assert [dt.date(2025, 4, 23)] * 2 == due(put, dated)
    assert [dt.date(2025, 4, 23)] * 2 == due(put, reply, receipt(LCC, reply, "2025-03-24"))
    assert [dt.date(2025, 4, 17)] * 2 == due(put, reply, receipt("melton", reply, "2025-03-24"))
    # From 8 April it is due on 9 May, from 10 April on 13 May.
    assert [dt.date(2025, 5, 9)] * 2 == due(refusal, review)
    assert [dt.date(2025, 5, 13)] * 2 == due(refusal, review, receipt(LCC, review, "2025-04-10"))


@pytest.mark.parametrize(
    ("on_letter", "words", "expected"),
    [
        ({"sent": "2025-03-03"}, {"letter": "2025-03-12"}, "[2025-03-06..2025-03-12]"),
        ({"received": "2025-03-06"}, {"letter": "2025-03-12"}, "[2025-03-06..2025-03-12]"),
        ({"sent": "2025-03-03"}, {"letter": "[2025-03-06..2025-03-12]"}, "2025-03-06"),
        # What it says of the request itself comes first.
        ({"sent": "2025-03-03"}, {"letter": "2025-03-12", "request": "2025-03-06"}, "2025-03-06"),
        (
            {"sent": "2025-03-03"},
            {"request": "2025-03-07", "letter": "2025-03-12"},
            "[2025-03-06..2025-03-07]",
        ),
        # A letter that came before, or on another day, is one that was asked about.
        ({"sent": "2025-02-03"}, {"letter": "2025-02-05"}, "2025-03-06"),
        ({"received": "2025-02-05"}, {"letter": "2025-03-12"}, "2025-03-06"),
    ],
)
def test_who_signs_for_the_letter_signs_for_the_request_that_came_in_it(
    on_letter: dict[str, str], words: dict[str, str], expected: str
) -> None:
    letter = Draft(
        Communication(
            author="rutland", nonce=nonce("letter"), dates=dates(**on_letter), channel="letter",
            from_=("rutland",), to=(LCC,),
        )
    )  # fmt: skip
    request = asked(LCC, received="2025-03-06")
    request = Draft(replace(request.event, links=(link("about", letter),)))
    of = {"letter": letter, "request": request}
    said = [receipt(LCC, of[name], day) for name, day in words.items()]
    found = reading(letter, request, *said)
    when = received_when(
        found, found.view.by_id[request.id], by=(LCC, "melton"), telling=ESTABLISHED
    )

    assert when is not None
    assert expected == when.edtf
    told = "received what it came in on 12 March 2025, not 6 March 2025"
    disputes = [each.words for each in fold_contradictions(found).rows if request.id in each.events]
    assert any(told in each for each in disputes) == (expected == "[2025-03-06..2025-03-12]")


def test_a_letter_that_its_author_has_withdrawn_brought_nothing() -> None:
    letter = Draft(
        Communication(author="rutland", nonce=nonce("letter"), channel="letter", to=(LCC,))
    )
    request = asked(LCC, received="2025-03-06")
    request = Draft(replace(request.event, links=(link("about", letter),)))
    said = receipt(LCC, letter, "2025-03-12")
    withdrawn = position("taken back", "rutland", letter, "retract_own")

    for more, expected in ((), "[2025-03-06..2025-03-12]"), ((withdrawn,), "2025-03-06"):
        found = reading(letter, request, said, *more)
        when = received_when(found, found.view.by_id[request.id], by=(LCC,), telling=ESTABLISHED)
        assert when is not None
        assert expected == when.edtf


def test_a_letter_that_another_tells_of_says_nothing_of_when_a_request_was_received() -> None:
    letter = Draft(
        Communication(author="blaby", nonce=nonce("letter"), channel="letter", to=(LCC,))
    )
    request = asked(LCC, received="2025-03-06")
    request = Draft(replace(request.event, links=(link("about", letter),)))
    found = reading(letter, request, receipt(LCC, letter, "2025-03-12"))
    when = received_when(found, found.view.by_id[request.id], by=(LCC,), telling=ESTABLISHED)

    assert when is not None
    assert "2025-03-06" == when.edtf


def test_a_time_in_utc_and_the_day_in_the_united_kingdom_are_no_dispute() -> None:
    request = asked(LCC, received="2025-06-01T23:30:00Z")
    night = reading(request, receipt(LCC, request, "2025-06-02"), as_at="2025-11-28")

    assert "date_disputed" not in {each.rule for each in fold_contradictions(night).rows}
    when = received_when(night, night.view.by_id[request.id], by=(LCC,), telling=ESTABLISHED)
    assert when is not None
    assert "2025-06-02" == when.edtf


def test_a_receipt_by_a_compromised_key_narrows_nothing() -> None:
    request = asked(LCC, received="2025-03-06")
    book = book_of([request, receipt(LCC, request, "2025-03-12")], members=MEMBERS)
    before = read(book.view(), as_at=dt.date(2025, 4, 8))
    book.add(revoked(LCC, since=len(book.entries) - 1))
    after = read(book.view(), as_at=dt.date(2025, 4, 8))

    for found, expected in ((before, "[2025-03-06..2025-03-12]"), (after, "2025-03-06")):
        told = found.view.by_id[request.id]
        when = received_when(found, told, by=(LCC,), telling=ESTABLISHED)
        assert when is not None
        assert expected == when.edtf
