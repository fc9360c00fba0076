"""The questions: asked by name, of a party or an event; and the command that asks them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest

from ledger.folds.questions import QUESTIONS, Answer, ask
from ledger.folds.reading import Reading, read
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.plain import to_json
from ledger.replies import tellings
from ledger.texts.ask import ask_text, questions_text
from tests.ledger.bookmaking import Draft, book_of, dates, nonce, sealed
from tests.ledger.commandline import Desk, part, rows
from tests.ledger.founding import CASE, OTHERS
from tests.ledger.test_folds_timeline import shuffled
from verify.kinds import (
    Account,
    Communication,
    Discharge,
    Knowledge,
    Meeting,
    Position,
    Request,
    Sentence,
    Step,
    Transfer,
)

AS_AT = dt.date(2025, 11, 28)
LCC, RUTLAND = "leicestershire", "rutland"


def reading(*drafts: Draft, as_at: dt.date = AS_AT) -> Reading:
    return read(book_of(drafts, members=(RUTLAND,)).view(), as_at=as_at)


def asked(name: str, *drafts: Draft, telling: Telling = ESTABLISHED) -> list[Answer]:
    return list(ask(reading(*drafts), [telling], question=name))


def request(label: str = "asked", author: str = RUTLAND, **fields: object) -> Draft:
    usual: dict[str, object] = {"what": "data", "medium": "written", "to": (LCC,)}
    usual |= {"from_": (RUTLAND,), "dates": dates(received="2025-04-08")}
    return Draft(Request(author=author, nonce=nonce(label), **(usual | fields)))  # type: ignore[arg-type]  # a test's own


def step(label: str, of: Draft, verb: str, on: str, author: str = LCC, **fields: object) -> Draft:
    return Draft(
        Step(
            author=author,
            nonce=nonce(label),
            of=of.id,
            target="request",
            verb=verb,
            dates=dates(occurred=on),
            **fields,  # type: ignore[arg-type]  # a test's own
        )
    )


def position(label: str, on: Draft, stance: str, author: str = LCC, **fields: object) -> Draft:
    event = Position(
        author=author,
        nonce=nonce(label),
        on=on.id,
        stance=stance,  # type: ignore[arg-type]  # one of those there are
        **fields,  # type: ignore[arg-type]  # a test's own
    )
    return Draft(event)


# What is established of knowledge


def test_two_others_do_not_establish_when_somebody_knew() -> None:
    letter = Draft(
        Communication(
            author=RUTLAND,
            nonce=nonce("letter"),
            channel="letter",
            from_=(RUTLAND,),
            to=("melton",),
            dates=dates(sent="2025-03-12"),
        )
    )
    knew = Draft(
        Knowledge(
            author=LCC,
            nonce=nonce("knew"),
            knower="melton",
            of=letter.id,
            mode="became_aware",
            dates=dates(occurred="2025-04-23"),
        )
    )

    def is_established(*who: str) -> bool:
        word = [position(f"yes {each}", knew, "agree", author=each) for each in who]
        book = book_of((letter, knew, *word), members=("blaby", "melton", RUTLAND))
        return bool(ask(read(book.view(), as_at=AS_AT), [ESTABLISHED], question="lag"))

    assert not is_established("blaby")
    assert is_established("melton")


# The table of questions


def test_every_question_ends_as_one_and_has_an_example_of_itself() -> None:
    for name, question in QUESTIONS.items():
        assert question.words.rstrip(")").endswith("?") or "(asked of an event)" in question.words
        assert name == question.example.split()[0]


def test_what_is_to_be_typed_is_not_broken() -> None:
    lines = questions_text(QUESTIONS, width=40).splitlines()

    for question in QUESTIONS.values():
        assert f"    counterfoil ask LEDGER {question.example}" in lines


def test_the_list_of_questions_has_each_with_its_example() -> None:
    text = questions_text(QUESTIONS)

    assert all(f"counterfoil ask LEDGER {q.example}" in text for q in QUESTIONS.values())
    assert all(len(line) <= 80 for line in text.split("\n"))


# Whoever recorded first


def by_content(answers: Sequence[Answer]) -> list[str]:
    """Return what answers say but for the indexes of entries, which the recording gives."""
    return sorted(
        repr(
            (a.question, str(a.telling), a.parties, a.days, a.items, a.count, a.day,
             *sorted(ground.id for ground in a.grounds))
        )
        for a in answers
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_the_order_of_recording_changes_no_answer(seed: int) -> None:
    views = [book_of(drafts, members=OTHERS).view() for drafts in (CASE, shuffled(CASE, seed))]
    one, other = (ask(read(view, as_at=AS_AT), tellings(view)) for view in views)

    assert by_content(one) == by_content(other)


def test_the_same_ledger_gives_the_same_answers() -> None:
    view = book_of(CASE, members=OTHERS).view()
    one, other = (ask(read(view, as_at=AS_AT), tellings(view)) for _ in range(2))

    assert to_json(one) == to_json(other)
    assert ask_text(view, one) == ask_text(view, other)


@pytest.mark.parametrize("size", range(1, len(CASE) + 2, 3))
def test_a_later_entry_changes_no_answer_of_before(size: int) -> None:
    book = book_of(CASE, members=OTHERS)
    grown = read(book.view(at_size=size), as_at=AS_AT)
    del book.entries[size:]
    alone = read(book.view(), as_at=AS_AT)

    assert ask(alone, tellings(alone.view)) == ask(grown, tellings(grown.view))


# What is asked about


def test_only_what_is_about_the_party_is_answered() -> None:
    asked_, meeting = request(), request("meeting", what="meeting")
    query = step("query", asked_, "seek_clarification", "2025-04-10")
    found = ask(reading(asked_, meeting, query), question="outstanding", party=RUTLAND)

    assert [asked_.id] == [answer.about for answer in found]
    assert [meeting.id] == [
        answer.about
        for answer in ask(reading(asked_, meeting, query), question="outstanding", party=LCC)
    ]


def test_only_what_rests_on_the_event_is_answered() -> None:
    asked_, query = request(), step("query", request(), "seek_clarification", "2025-04-10")
    other = request("other", dates=dates(received="2025-05-08"))
    found = ask(reading(asked_, query, other), question="outstanding", event=query.id)

    assert [asked_.id] == [answer.about for answer in found]


def test_what_only_a_party_tells_is_nothing_established_and_says_why() -> None:
    told = request(author=LCC)
    found = ask(reading(told), tellings(reading(told).view), question="outstanding")

    assert ["established", "as told by leicestershire"] == [str(row.telling) for row in found]
    assert found[0].answer.startswith("nothing, since it rests on the word of leicestershire")
    assert () == found[0].grounds


# Single questions


def test_who_had_to_act_is_told_by_items_with_what_is_overdue() -> None:
    asked_ = request(categories=3, regime="foia_20")
    answer = step("answer", asked_, "answer", "2025-04-10", outcome="full", items=((1, 2),))
    query = step("query", asked_, "seek_clarification", "2025-04-20", items=((3, 3),))
    clear = step("clear", asked_, "clarify", "2025-05-20", author=RUTLAND, items=((3, 3),))
    found = {row.parties: row.answer for row in asked("slow", asked_, answer, query, clear)}

    assert "2 days (request for data of entry 2, items 1 to 2" in found[LCC,]
    assert "12 days (request for data of entry 2, item 3" in found[LCC,]
    assert "192 days so far, long overdue by 163 days" in found[LCC,]
    assert "30 days (request for data of entry 2, item 3, until entry 5)" in found[RUTLAND,]


def test_who_asked_first_is_not_established_between_undated_requests() -> None:
    one, other = (request(label, dates=dates(made="2025-XX-XX")) for label in ("one", "two"))
    (found,) = asked("first", one, other)

    assert any("came before it" in why for why in found.not_established)
    (sure,) = asked("first", request("early", dates=dates(made="2024-12-01")), one)
    assert () == sure.not_established


def test_an_invitation_that_nobody_took_up_is_held_still() -> None:
    invited = request("invited", author=LCC, what="invitation", from_=(LCC,), to=(RUTLAND,))
    (found,) = asked("held", invited)

    assert (234, 234) == found.days
    assert "so far, and nothing shows it taken up" in found.answer


def test_a_question_with_an_answer_names_it_and_one_that_is_closed_says_so() -> None:
    asked_ = request()
    texts, open_ = sealed(LCC, "query", {"question": "Which year?"})
    query = Draft(
        Step(
            author=LCC, nonce=nonce("query"), of=asked_.id, target="request",
            verb="seek_clarification", dates=dates(occurred="2025-04-10"), sealed=texts,
        ),
        open_,
    )  # fmt: skip
    clear = step("clear", asked_, "clarify", "2025-04-20", author=RUTLAND)
    count, answered = asked("queried", asked_, query, clear)
    assert (0, "1 request was queried; an answer to each is told, as at 28 November 2025.") == (
        count.count,
        count.answer,
    )
    assert "“Which year?”; answered by entry 4." in answered.answer
    closed = asked("queried", asked_, Draft(query.event))[1]
    assert "what was asked: the question is not open here" in closed.not_established


def test_a_deferral_whose_end_is_vague_says_so() -> None:
    asked_ = request()
    response = Draft(
        Communication(
            author=LCC, nonce=nonce("response"), channel="letter",
            dates=dates(received="[2025-11-20..2025-12-10]"),
        )
    )  # fmt: skip
    waits = step(
        "waits", asked_, "defer", "2025-05-01", author=RUTLAND, until_events=(response.id,)
    )
    (found,) = asked("deferred", asked_, response, waits)

    assert "not shown to be over as at 28 November 2025" in found.answer
    assert ("whether what it waited for had come by then",) == found.not_established


def test_denied_words_are_given_with_the_other_s_own_value() -> None:
    letter = Draft(
        Communication(
            author=RUTLAND, nonce=nonce("letter"), channel="letter", from_=(RUTLAND,), to=(LCC,),
            dates=dates(sent="2025-04-08"), sealed={"text": "0" * 64},
        )
    )  # fmt: skip
    whole = position("whole", letter, "deny")
    words = position("words", letter, "not_admit", field="claims.text")
    date = position("date", letter, "deny", field="dates.sent", dates=dates(value="2025-04-09"))
    found = [row.answer for row in asked("denied", letter, whole, words, date)]

    assert "leicestershire denies that it happened: the letter of entry 2." in found
    assert "leicestershire denies when it was sent: the letter of entry 2; by its own word: 9 " in (
        " ".join(found)
    )
    closed = next(r for r in asked("denied", letter, words) if "does not admit" in r.answer)
    assert "they are not open here" in closed.not_established[0]
    taken_back = position("back", whole, "retract_own")
    assert [] == asked("denied", letter, whole, taken_back)


def test_a_mandate_that_is_ratified_is_said_to_be_signed() -> None:
    letter = Draft(
        Communication(
            author=LCC, nonce=nonce("letter"), channel="letter", from_=("blaby",), to=(LCC,),
            on_behalf_of=("blaby", RUTLAND), authority="claimed",
            dates=dates(received="2025-04-08"),
        )
    )  # fmt: skip
    (before,) = asked("authority", letter)
    (after,) = asked("authority", letter, position("ratified", letter, "ratify", author=RUTLAND))

    assert ("the authority of blaby and rutland: no signature of theirs",) == before.not_established
    assert "signed by rutland" in after.answer
    assert ("the authority of blaby: no signature of theirs",) == after.not_established


def test_what_was_received_by_the_word_of_its_recipient_has_a_receipt() -> None:
    letter = Draft(
        Communication(
            author=RUTLAND, nonce=nonce("letter"), channel="letter", from_=(RUTLAND,), to=(LCC,),
            dates=dates(sent="2025-04-08"),
        )
    )  # fmt: skip

    assert [letter.id] == [row.about for row in asked("receipt", letter)]
    assert [] == asked("receipt", letter, position("got", letter, "received"))


def test_sentences_without_events_and_those_that_are_not_listed_are_counted() -> None:
    asked_ = request()
    account = Draft(
        Account(
            author=RUTLAND, nonce=nonce("account"), from_=RUTLAND,
            sentences=(Sentence(number=1, events=(asked_.id,)), Sentence(number=4)),
        )
    )  # fmt: skip
    (found,) = asked("sentences", asked_, account)

    assert 3 == found.count
    assert "1 of 2 sentences have events behind them; without: 4; not listed: 2 and 3" in (
        found.answer
    )


def test_a_meeting_with_minutes_that_the_other_side_agrees_with() -> None:
    meeting = Draft(
        Meeting(
            author=LCC, nonce=nonce("meeting"), host=LCC, chair=LCC, attendees=(RUTLAND,), count=2,
            medium="unknown", minutes="yes", dates=dates(occurred="2025-03-06"),
        )
    )  # fmt: skip
    (found,) = asked("met", meeting, position("agreed", meeting, "agree", author=RUTLAND))

    assert "2 meetings of entry 2" in found.answer
    assert "minutes: yes; agreed to by rutland" in found.answer
    assert ((), 2) == (found.not_established, found.count)


def test_data_that_was_passed_names_the_items_and_who_received_it() -> None:
    asked_ = request(categories=3)
    sent = Draft(
        Transfer(
            author=LCC, nonce=nonce("sent"), from_=LCC, to=(RUTLAND,), geography="msoa",
            dates=dates(sent="2025-05-01"),
            discharges=(Discharge(request=asked_.id, items=((1, 2),)),),
        )
    )  # fmt: skip
    got = position("got", sent, "received", author=RUTLAND)
    (found,) = asked("passed", asked_, sent, got)

    assert "data from leicestershire to rutland, by msoa; for the request of entry 2, " in (
        found.answer
    )
    assert "; received, as rutland signed." in found.answer
    assert () == found.not_established


def test_a_date_that_cannot_be_read_is_the_vaguest() -> None:
    odd = request("odd", dates=dates(received="2025-02-30"))
    (unread, undated) = asked("vague", odd)

    assert unread.answer.startswith("Cannot be read (1): entry 2, received 2025-02-30")
    assert (None, 1) == (undated.about, undated.count)


# The command


def test_the_command_lists_the_questions(desk: Desk) -> None:
    desk.filled()
    listed = part(desk.done("ask", "ledger", "--questions")["questions"])

    assert set(QUESTIONS) == set(listed)
    assert "Who asked first?" in desk("ask", "ledger", "--questions").out


def test_the_command_answers_one_question_with_its_rows_and_the_check(desk: Desk) -> None:
    event, _ = desk.filled()
    ran = desk("ask", "ledger", "outstanding", "--as-at", "2025-05-10")
    done = desk.done("ask", "ledger", "outstanding", "--as-at", "2025-05-10")
    fingerprint = str(part(done["ledger"])["fingerprint"])

    assert "What is outstanding, and with whom? [outstanding]" in ran.out
    assert f"- entry 3 [{event[:16]}], told by rutland: rutland asked county for" in ran.out
    assert "That it happened: " in ran.out
    assert f"counterfoil-verify EXPORT --fingerprint\n{fingerprint}" in ran.out
    assert {"outstanding"} == set(part(done["questions"]))
    assert [event] * 2 == [row["about"] for row in rows(done["answers"])]


def test_the_command_asks_about_a_party_and_an_event_and_one_account(desk: Desk) -> None:
    event, letter = desk.filled()

    def about(*words: str) -> list[object]:
        return [row["about"] for row in rows(desk.done("ask", "ledger", *words)["answers"])]

    assert [event] == about("outstanding", "--told-by", "rutland")
    assert [] == about("outstanding", "--told-by", "county")
    assert [event] * 2 == about("outstanding", "--party", "county")
    assert [] == about("outstanding", "--party", "rutland")
    assert [letter] * 2 == about("receipt", "--event", letter[:12])
    assert [] == about("receipt", "--event", event)
    assert "Nothing here answers" in desk("ask", "ledger", "undone").out


@pytest.mark.parametrize(("words", "reason"), [
    (("frob",), "frob"),
    (("first", "--event", "0" * 16), "begins with 0000"),
    (("first", "--party", "A b"), "is no name here"),
])  # fmt: skip
def test_the_command_refuses_what_is_no_question(
    desk: Desk, words: tuple[str, ...], reason: str
) -> None:
    desk.filled()
    ran = desk("ask", "ledger", *words)

    assert 2 == ran.code
    assert reason in ran.err
