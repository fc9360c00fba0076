"""What awaits a party, and how the parties stand to each field."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from ledger.folds.positions import fold_positions, unanswered
from ledger.folds.queue import QueueRow, fold_queues, queue_of
from ledger.folds.reading import Reading, read
from ledger.folds.requests import fold_request, fold_requests
from ledger.folds.stances import ESTABLISHED, Telling
from tests.ledger.bookmaking import Draft, book_of, dates, nonce, sealed
from tests.ledger.founding import CASE, DISTRICTS, LCC, OTHERS, position, step
from verify.events import Agreement, Commitment, Communication, Request

AS_AT = dt.date(2025, 11, 28)
RUTLAND = "rutland"


def reading(drafts: Sequence[Draft], as_at: dt.date = AS_AT) -> Reading:
    return read(book_of(drafts, members=OTHERS).view(), as_at=as_at)


def queue(drafts: Sequence[Draft], party: str = RUTLAND, as_at: dt.date = AS_AT) -> list[QueueRow]:
    return list(queue_of(fold_queues(reading(drafts, as_at)), party).rows)


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
    assert "dates.received" not in unanswered(
        reading([LETTER, about]), reading([LETTER, about]).view.by_id[LETTER.id], RUTLAND
    )


def test_positions_of_one_party_and_of_one_event() -> None:
    found = reading([LETTER, ASKED, letter("melton")])

    assert [ASKED.id, LETTER.id] == [row.id for row in fold_positions(found, party=RUTLAND).rows]
    assert [ASKED.id] == [row.id for row in fold_positions(found, event_id=ASKED.id).rows]
    withdrawn = position("back", LCC, LETTER, "retract_own")
    row = fold_positions(reading([LETTER, withdrawn])).rows[0]
    assert "retract_own" == row.withdrawn


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
