"""What awaits a party, and how the parties stand to each field."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from ledger.folds.positions import FieldPosition, fold_positions, unanswered
from ledger.folds.queue import QueueRow, fold_queues, queue_of
from ledger.folds.reading import Reading, read
from ledger.folds.requests import fold_request, fold_requests
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.texts.queueing import positions_text, queue_text
from tests.ledger.bookmaking import Draft, book_of, dates, nonce, revoked, sealed
from tests.ledger.founding import CASE, DISTRICTS, LCC, OTHERS, position, step
from verify.kinds import Agreement, Commitment, Communication, Request

AS_AT = dt.date(2025, 11, 28)
RUTLAND = "rutland"


def reading(drafts: Sequence[Draft], as_at: dt.date = AS_AT) -> Reading:
    return read(book_of(drafts, members=OTHERS).view(), as_at=as_at)


def queue(drafts: Sequence[Draft], party: str = RUTLAND, as_at: dt.date = AS_AT) -> list[QueueRow]:
    return list(queue_of(fold_queues(reading(drafts, as_at)), party).rows)


def says_it_came(day: str | None) -> Draft:
    return position(
        "came", RUTLAND, LETTER, "received", dates=None if day is None else dates(received=day)
    )


def asks(rows: Sequence[QueueRow]) -> list[tuple[str, str]]:
    return [(row.ask, row.id) for row in rows]


def request(label: str = "asked", **fields: object) -> Draft:
    given: dict[str, object] = {
        "dates": dates(received="2025-03-06", sent="2025-03-06"),
        "what": "data",
        "medium": "written",
        "from_": (LCC,),
        "to": (RUTLAND,),
        **fields,
    }
    return Draft(Request(author=LCC, nonce=nonce(label), **given))  # type: ignore[arg-type]  # a test's own


ASKED = request()


def letter(to: str = RUTLAND) -> Draft:
    digests, texts = sealed(LCC, f"a letter to {to}", {"text": "Dear Sir", "title": "A letter"})
    event = Communication(
        author=LCC,
        nonce=nonce(f"a letter to {to}"),
        dates=dates(sent="2025-05-01"),
        channel="letter",
        from_=(LCC,),
        to=(to,),
        sealed=digests,
    )
    return Draft(event, texts)


LETTER = letter()


def test_a_request_awaits_those_asked_until_they_answer() -> None:
    first = queue([ASKED])[0]
    assert ("request", ASKED.id, "asked", None) == (first.ask, first.id, first.state, first.items)
    assert (267, 267) == first.days

    answer = step("it", ASKED, "answer", {"sent": "2025-04-01"}, author=RUTLAND, outcome="full")
    assert "request" not in [row.ask for row in queue([ASKED, answer])]


def test_a_question_awaits_those_who_asked() -> None:
    asked = step("q", ASKED, "seek_clarification", {"sent": "2025-04-01"}, author=RUTLAND)
    rows = queue([ASKED, asked], LCC)

    assert [("clarification", ASKED.id)] == asks(rows)[:1]
    assert "request" not in [row.ask for row in queue([ASKED, asked])]


def test_what_is_late_comes_first_and_then_what_has_a_day() -> None:
    late = request("late", regime="foia_20")
    due = request("due", regime="foia_20", dates=dates(received="2025-11-20"))
    promised = Draft(
        Commitment(
            author=RUTLAND, nonce=nonce("promised"), dates=dates(made="2025-01-01"),
            by=RUTLAND, to=(LCC,), what="data",
        )
    )  # fmt: skip
    lapsed = Draft(
        Commitment(
            author=RUTLAND, nonce=nonce("lapsed"), dates=dates(made="2025-01-02", due="2025-02-01"),
            by=f"{RUTLAND}/leader", to=(LCC,), what="data",
        )
    )  # fmt: skip
    rows = queue([promised, ASKED, due, late, lapsed])

    assert (
        [
            ("promise", lapsed.id, dt.date(2025, 2, 1), "yes"),
            ("request", late.id, dt.date(2025, 4, 4), "yes"),  # and St Patrick on 17 March
            ("request", due.id, dt.date(2025, 12, 19), "no"),  # St Andrew is kept on 1 December
            ("request", ASKED.id, None, None),
            ("promise", promised.id, None, None),
        ]
        == [(row.ask, row.id, row.due, row.late) for row in rows[:5]]
    )
    assert {"response"} == {row.ask for row in rows[5:]}


def test_items_that_stand_alike_are_one_row() -> None:
    several = request("several", categories=10)
    steps = [
        step("a", several, "answer", {"sent": "2025-04-01"}, author=RUTLAND, outcome="full",
             items=((3, 4),)),
        step("b", several, "seek_clarification", {"sent": "2025-04-02"}, author=RUTLAND,
             items=((5, 10),)),
    ]  # fmt: skip
    mine = [row for row in queue([several, *steps]) if row.ask == "request"]
    theirs = [row for row in queue([several, *steps], LCC) if row.ask == "clarification"]

    assert [((1, 2),)] == [row.items for row in mine]
    assert [((5, 10),)] == [row.items for row in theirs]


def test_an_agreement_awaits_the_signatures_that_are_not_there() -> None:
    agreement = Draft(
        Agreement(
            author=LCC, nonce=nonce("agreement"), type="protocol", signatories=(LCC, RUTLAND),
            dates=dates(made="2025-02-01"),
        )
    )  # fmt: skip
    signing = step(
        "sign", agreement, "sign", {"occurred": "2025-02-02"}, author=RUTLAND, target="agreement"
    )
    withdrawn = position("back", LCC, agreement, "retract_own")

    assert ("signature", agreement.id) in asks(queue([agreement]))
    assert ("signature", agreement.id) in asks(queue([agreement], LCC))  # it only tells of it
    for more in (signing, withdrawn):
        assert "signature" not in [row.ask for row in queue([agreement, more])]


def test_what_was_sent_awaits_a_receipt_or_an_answer() -> None:
    received = position("came", RUTLAND, LETTER, "received", dates=dates(received="2025-05-02"))

    assert [("acknowledgement", LETTER.id), ("response", LETTER.id)] == asks(queue([LETTER]))
    assert [("response", LETTER.id)] == asks(queue([LETTER, received]))
    assert [] == queue([LETTER], LCC)
    assert [] == queue([LETTER], "melton")
    for given in (says_it_came("2025-05-02"), says_it_came(None)):
        for day, awaited in ((1, given.event.dates is not None), (2, False)):
            found = queue([LETTER, given], as_at=dt.date(2025, 5, day))

            assert awaited == (("acknowledgement", LETTER.id) in asks(found))


def test_an_answer_counts_for_every_day_asked() -> None:
    """It says what was so, and not that something came to be."""
    answer = position("late", RUTLAND, LETTER, "admit", dates=dates(made="2025-09-01"))

    assert [] == queue([LETTER, answer], as_at=dt.date(2025, 5, 1))
    found = reading([LETTER, answer], as_at=dt.date(2025, 5, 1))
    assert "admitted" == fold_positions(found).rows[0].fields[0].status


def test_a_response_awaits_field_by_field_until_it_is_given() -> None:
    fields = ("happened", "actors", "claims.text", "claims.title", "dates.sent")
    about = position("day", RUTLAND, LETTER, "dispute", field="dates.sent")
    whole = position("all", RUTLAND, LETTER, "admit")
    row = queue([LETTER])[1]

    assert fields == row.fields
    assert fields[:-1] == queue([LETTER, about])[0].fields
    assert [] == queue([LETTER, about, whole])
    withdrawn = position("back", LCC, LETTER, "retract_own")
    assert [] == queue([LETTER, withdrawn])


SEVERAL = request("several", categories=10)
FIELDS = ("happened", "actors", "dates.received", "dates.sent", "items")


def says(stance: str, *items: tuple[int, int], field: str | None = None) -> Draft:
    label = f"{stance} {items} {field}"
    return position(label, RUTLAND, SEVERAL, stance, items=items or None, field=field)


def response(*drafts: Draft) -> QueueRow | None:
    """Return the row by which Rutland's answer is awaited."""
    rows = [row for row in queue([SEVERAL, *drafts]) if row.ask == "response"]
    return rows[0] if rows else None


def test_an_answer_for_some_items_leaves_the_rest_awaited() -> None:
    for stance in ("agree", "admit", "deny"):
        row = response(says(stance, (1, 4)))

        assert row is not None
        assert (FIELDS, FIELDS) == (row.fields, row.partly)
    assert response(says("agree", (1, 4)), says("deny", (5, 10))) is None
    assert response(says("agree", (1, 4)), says("agree")) is None

    row = response(says("agree", (1, 4), field="items"), says("deny", field="actors"))
    assert row is not None
    assert ("happened", "dates.received", "dates.sent", "items") == row.fields
    assert ("items",) == row.partly


def test_what_was_withdrawn_or_signed_by_a_compromised_key_is_awaited_still() -> None:
    for stance in ("agree", "deny"):
        given = position("given", RUTLAND, LETTER, stance)
        for back in ("retract_own", "disown"):
            withdrawn = position("back", RUTLAND, given, back)

            assert asks(queue([LETTER])) == asks(queue([LETTER, given, withdrawn]))
        book = book_of([LETTER, given], members=OTHERS)
        book.add(revoked(RUTLAND, since=len(book.entries) - 1))
        found = queue_of(fold_queues(read(book.view(), as_at=AS_AT)), RUTLAND)

        assert asks(queue([LETTER])) == asks(found.rows)


def test_the_page_of_a_queue_says_what_is_answered_for_some_items_only() -> None:
    found = reading([SEVERAL, says("agree", (1, 4), field="items")])
    text = queue_text(found.view, queue_of(fold_queues(found), RUTLAND), width=200)

    assert "Answered for some items only: the items." in text


def test_the_page_of_a_queue_keeps_the_letters_of_a_date_and_names_one_item() -> None:
    two = request(categories=2)
    answer = step("one", two, "answer", {"occurred": "2025-03-10"}, author=RUTLAND,
                  outcome="full", items=((1, 1),))  # fmt: skip
    found = reading([two, answer])
    text = queue_text(found.view, queue_of(fold_queues(found), RUTLAND), width=200)

    assert "The next step, item 2 (asked):" in text
    assert "Since 6 March 2025, for " in text


def test_nothing_of_after_the_day_asked_awaits_anybody() -> None:
    assert [] == queue([LETTER, ASKED], as_at=dt.date(2025, 1, 1))


def test_a_part_of_a_queue_is_a_part_of_it() -> None:
    queues = fold_queues(reading(CASE))
    for party in (LCC, *OTHERS):
        whole = queue_of(queues, party)
        for start in range(0, whole.total, 5):
            part = queue_of(queues, party, part=slice(start, start + 5))

            assert whole.rows[start : start + 5] == part.rows
            assert whole.total == part.total


def test_the_queue_of_the_founding_case() -> None:
    """Leicestershire's last request was queried; nobody has answered any of what it tells."""
    rows = queue(CASE, "blaby")

    assert {"request", "clarification", "acknowledgement", "response"} >= {r.ask for r in rows}
    for party in DISTRICTS:
        found = queue_of(fold_queues(reading(CASE)), party)
        assert found.total == len({(row.ask, row.id, row.items) for row in found.rows})


# Positions


def test_each_field_that_can_be_contested_is_listed_with_or_without_a_response() -> None:
    about = position("day", RUTLAND, LETTER, "dispute", field="dates.sent")
    whole = position("all", RUTLAND, LETTER, "agree")
    found = reading([LETTER, about, whole])
    row = fold_positions(found).rows[0]

    assert {
        "happened": "agreed",
        "actors": "agreed",
        "claims.text": "agreed",
        "claims.title": "agreed",
        "dates.sent": "disputed",
    } == {field.field: field.status for field in row.fields}
    assert [()] * 5 == [field.silent for field in row.fields]
    bare = fold_positions(reading([LETTER])).rows[0]
    assert [("not_yet_answered", (RUTLAND,))] * 5 == [(f.status, f.silent) for f in bare.fields]


def test_a_response_to_a_field_that_nobody_would_think_of_is_listed_as_well() -> None:
    about = position("odd", RUTLAND, LETTER, "deny", field="dates.received")
    row = fold_positions(reading([LETTER, about])).rows[0]

    assert "dates.received" in [field.field for field in row.fields]
    assert "disputed" == next(f.status for f in row.fields if f.field == "dates.received")
    found = reading([LETTER, about])
    assert "dates.received" not in unanswered(found, found.view.by_id[LETTER.id], RUTLAND)[0]


def test_positions_of_one_party_and_of_one_event() -> None:
    found = reading([LETTER, ASKED, letter("melton")])

    assert [ASKED.id, LETTER.id] == [row.id for row in fold_positions(found, party=RUTLAND).rows]
    assert [ASKED.id] == [row.id for row in fold_positions(found, event_id=ASKED.id).rows]
    withdrawn = position("back", LCC, LETTER, "retract_own")
    row = fold_positions(reading([LETTER, withdrawn])).rows[0]
    assert "retract_own" == row.withdrawn


def row_of(*drafts: Draft) -> dict[str, FieldPosition]:
    """Return the fields of the request with ten items."""
    row = fold_positions(reading([SEVERAL, *drafts]), event_id=SEVERAL.id).rows[0]
    return {field.field: field for field in row.fields}


def test_who_answers_for_some_items_is_silent_on_the_rest() -> None:
    some = row_of(says("agree", (1, 4)))
    assert {("not_yet_answered", (RUTLAND,), (RUTLAND,))} == {
        (field.status, field.silent, field.partly) for field in some.values()
    }
    denied = row_of(says("deny", (1, 4)))
    assert {("disputed", (RUTLAND,), (RUTLAND,))} == {
        (field.status, field.silent, field.partly) for field in denied.values()
    }
    for more in (says("agree", (5, 10)), says("agree")):
        whole = row_of(says("agree", (1, 4)), more)
        assert {("agreed", (), ())} == {(f.status, f.silent, f.partly) for f in whole.values()}


def test_a_word_on_some_items_of_a_field_leaves_the_word_on_the_whole() -> None:
    """Whichever was said first."""
    no, all_ = says("deny", (1, 4), field="items"), says("agree")
    for drafts in ((no, all_), (all_, no)):
        fields = row_of(*drafts)

        assert ("disputed", ()) == (fields["items"].status, fields["items"].silent)
        assert ("agreed", ()) == (fields["actors"].status, fields["actors"].silent)
    alone = row_of(says("agree", (1, 4), field="items"))
    assert ((RUTLAND,), (RUTLAND,)) == (alone["items"].silent, alone["items"].partly)
    assert ((RUTLAND,), ()) == (alone["actors"].silent, alone["actors"].partly)


def test_each_field_hears_every_word_that_stands_on_some_items() -> None:
    """What was replaced is not heard, whatever else was said between."""
    first, second = says("deny", (1, 4)), says("agree", (1, 4))
    last = says("agree", (5, 6))

    assert "disputed" == row_of(says("agree"), first, last)["actors"].status
    assert "agreed" == row_of(says("agree"), first, second, last)["actors"].status
    assert "not_yet_answered" == row_of(first, second, last)["actors"].status


def test_the_items_of_a_step_are_those_that_it_names_or_all() -> None:
    for items, rest in ((((1, 6),), (4, 6)), (None, (4, 10))):
        answer = step("a", SEVERAL, "answer", {"sent": "2025-04-01"}, outcome="full", items=items,
                      by=RUTLAND)  # fmt: skip
        left = position("a", RUTLAND, answer, "agree", items=((1, 3),))
        right = position("b", RUTLAND, answer, "agree", items=(rest,))
        for drafts, silent in (((left,), (RUTLAND,)), ((left, right), ())):
            found = reading([SEVERAL, answer, *drafts])
            row = fold_positions(found, event_id=answer.id).rows[0]

            assert silent == row.fields[0].silent
    # A letter has no items: words on some of them never come to all.
    odd = position("odd", RUTLAND, LETTER, "agree", items=((1, 1),))
    row = fold_positions(reading([LETTER, odd])).rows[0]
    assert ((RUTLAND,), (RUTLAND,)) == (row.fields[0].silent, row.fields[0].partly)


def test_a_word_that_was_withdrawn_or_disowned_is_none() -> None:
    for stance in ("agree", "deny"):
        given = position("given", RUTLAND, LETTER, stance)
        back = position("back", RUTLAND, given, "retract_own")
        book = book_of([LETTER, given], members=OTHERS)
        book.add(revoked(RUTLAND, since=len(book.entries) - 1))
        disowned = read(book.view(), as_at=AS_AT)
        for found in (reading([LETTER, given, back]), disowned):
            row = fold_positions(found, event_id=LETTER.id).rows[0]

            assert [("not_yet_answered", (RUTLAND,), ())] * 5 == [
                (field.status, field.silent, field.partly) for field in row.fields
            ]
        row = fold_positions(disowned, event_id=LETTER.id).rows[0]
        assert [True] == [each.disowned for each in row.fields[0].responses]


def test_a_word_before_the_key_was_compromised_stands() -> None:
    """What a thief says replaces nothing."""
    yes, no = position("yes", RUTLAND, LETTER, "agree"), position("no", RUTLAND, LETTER, "deny")
    book = book_of([LETTER, yes, no], members=OTHERS)
    book.add(revoked(RUTLAND, since=len(book.entries) - 1))
    row = fold_positions(read(book.view(), as_at=AS_AT), event_id=LETTER.id).rows[0]

    assert [("agreed", ())] * 5 == [(field.status, field.silent) for field in row.fields]
    assert [False, False] == [each.superseded for each in row.fields[0].responses]


def test_the_page_of_positions_says_who_answered_for_some_items_only() -> None:
    both = request("both", to=(RUTLAND, "melton"), categories=10)
    some = position("some", RUTLAND, both, "agree", items=((1, 4),))
    found = reading([both, some])
    text = positions_text(found.view, fold_positions(found), width=200)

    assert "not yet answered; not answered by melton; for some items only by rutland" in text


# One request


def test_one_request_is_folded_as_among_all() -> None:
    found = reading(CASE)
    ids = [told.id for told in found.view.told if isinstance(told.event, Request)]
    for telling in (ESTABLISHED, Telling(LCC), Telling("blaby")):
        rows = {row.id: row for row in fold_requests(found, telling=telling).rows}
        for event_id in ids:
            one = fold_request(found, event_id, telling=telling)

            assert [row for row in (rows.get(event_id),) if row is not None] == list(one.rows)
            assert 1 == len(one.rows) + one.later + one.elsewhere
