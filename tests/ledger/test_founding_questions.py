"""The forty rows of the founding case: what each asks, and the answer, written out.

Each test has the number of its row in its name. Where the case does not say, neither does the
answer: it says what is not established, and why. All is told by Leicestershire alone, so that
almost nothing is established; what is, stands in the tests, too.
"""

from __future__ import annotations

import datetime as dt

import pytest

from ledger.date_words import format_when
from ledger.folds.agreements import AgreementRow, fold_agreements
from ledger.folds.arrangements import ArrangementRow, fold_arrangements
from ledger.folds.matrix import fold_matrix
from ledger.folds.questions import Answer, ask
from ledger.folds.reading import Reading, read
from ledger.folds.request_rows import ItemRow
from ledger.folds.requests import fold_requests
from ledger.folds.stances import ESTABLISHED, Telling
from ledger.folds.timeline import lay_out, row_of
from ledger.sentences import sentence
from tests.ledger.shipped import Shipped, shipped

LCC = Telling("leicestershire")
DISTRICTS = (
    *("blaby", "charnwood", "harborough", "hinckley-bosworth", "melton"),
    *("north-west-leicestershire", "oadby-wigston"),
)
ASKERS = (*DISTRICTS, "rutland")
COUNCILS = tuple(sorted((*ASKERS, "leicester", "leicestershire")))
AS_AT = dt.date(2025, 11, 28)


class Case:
    """The founding case, read as at 28 November 2025."""

    def __init__(self) -> None:
        self.shipped: Shipped = shipped(["founding"])
        self.reading: Reading = read(self.shipped.view, as_at=AS_AT)

    def id(self, label: str) -> str:
        return self.shipped.ids[label]

    def index(self, label: str) -> int:
        return self.reading.view.by_id[self.id(label)].index

    def ask(self, question: str, label: str | None = None, telling: Telling = LCC) -> list[Answer]:
        event = None if label is None else self.id(label)
        return list(ask(self.reading, [telling], question=question, event=event))

    def one(self, question: str, about: str, telling: Telling = LCC) -> Answer:
        """Return the one answer to a question about an event, which says what it rests on."""
        rows = self.ask(question, telling=telling)
        (found,) = [row for row in rows if row.about == self.id(about)]
        assert found.grounds
        return found

    def one_queried(self, label: str) -> Answer:
        """Return what was asked back of a request, apart from the count of all."""
        (found,) = [row for row in self.ask("queried") if row.about == self.id(label)]
        return found

    def days(self, first: str, second: str) -> tuple[int | None, int | None]:
        return self.reading.days(self.id(first), self.id(second))

    def before(self, first: str, second: str) -> str:
        return self.reading.order.before(self.id(first), self.id(second))

    def text(self, label: str, claim: str) -> str | None:
        return self.reading.view.by_id[self.id(label)].text(claim)

    def when(self, label: str) -> str:
        when = self.reading.when(self.id(label))
        return "undated" if when is None else format_when(when)

    def sentence(self, label: str) -> str:
        return sentence(self.reading.view.by_id[self.id(label)], self.reading.view.by_id)

    def items(self, label: str) -> tuple[ItemRow, ...]:
        rows = fold_requests(self.reading, telling=LCC).rows
        return next(row.items for row in rows if row.id == self.id(label))

    def agreement(self, label: str, telling: Telling = LCC) -> AgreementRow:
        rows = fold_agreements(self.reading, telling=telling).rows
        return next(row for row in rows if row.id == self.id(label))

    def arrangement(self, label: str) -> ArrangementRow:
        rows = fold_arrangements(self.reading, telling=LCC).rows
        return next(row for row in rows if row.id == self.id(label))


@pytest.fixture(scope="module", name="case")
def _case() -> Case:
    return Case()


def test_row_01_which_exact_words_of_whom_are_denied(case: Case) -> None:
    found = case.one("denied", "criticism-denied", ESTABLISHED)

    assert "leicestershire denies allegation 1: the statement of events of entry " in found.answer
    assert "“The County Council made difficulties about data sharing”" in found.answer
    assert found.not_established[0].startswith("whether these are the words: they are as leic")
    assert {*ASKERS, "leicestershire", "mhclg"} == set(found.parties)


def test_row_02_who_was_at_the_meeting_is_there_a_minute_who_agrees_with_it(case: Case) -> None:
    found = case.one("met", "meeting-6-march")

    assert f"Meeting of entry {case.index('meeting-6-march')}, 6th March (6 March 2025)" in (
        found.answer
    )
    assert "host leicestershire (acting leader)" in found.answer
    assert "oadby-wigston and rutland (leader)" in found.answer
    assert "whether there is a minute" == found.not_established[0]
    assert found.not_established[1].startswith("whether it is agreed to by ")


def test_row_03_was_anything_asked_on_6_march(case: Case) -> None:
    (found,) = case.ask("first")

    assert "oadby-wigston and rutland: the request for data of entry 2, 6th March" in found.answer
    (doubt,) = found.not_established
    assert doubt.startswith("whether this was a request: of the same event entry 3 tells an invit")
    assert (case.index("first-request"),) == found.rests_on


def test_row_04_how_long_did_the_invitee_hold_the_ball(case: Case) -> None:
    found = case.one("held", "invitation")

    assert ((33, 33), ASKERS) == (found.days, found.parties)
    assert (case.index("invitation"), case.index("data-request")) == found.rests_on
    established = case.one("held", "invitation", ESTABLISHED)
    assert (None, None) == established.days
    assert "nobody who was invited has signed that" in established.not_established[0]


def test_row_05_who_proposed_which_protocol(case: Case) -> None:
    row = case.agreement("protocol")

    assert "rutland (leader) proposed the agreement of entry 4" in case.sentence(
        "protocol-proposed"
    )
    assert "like the one of Lincolnshire" in str(case.text("protocol", "title"))
    assert "6th March (6 March 2025)" == case.when("protocol-proposed")
    assert "proposed" == row.versions[0].state
    found = case.one("proposed", "protocol")
    assert "proposed by rutland, 6th March (6 March 2025)" in found.answer
    assert ("whether it was accepted: nothing further is told of it",) == found.not_established
    # No version of it is at hand, and nobody signed anything.
    assert case.text("protocol", "text") is None


def test_row_06_what_was_promised_to_whom_by_when(case: Case) -> None:
    found = case.one("undone", "promise-of-copy")

    assert found.answer.startswith(
        "A document, promised by rutland (leader) to leicestershire (acting leader), "
        "6th March (6 March 2025) (no day was set): "
    )
    assert ("rutland",) == found.parties


def test_row_07_did_the_promise_lapse_or_was_it_sent_and_lost(case: Case) -> None:
    found = case.one("undone", "promise-of-copy")

    # With no day set it cannot lapse.
    assert "not fulfilled, as at a day on or after 23 September 2025; overtaken" in found.answer
    assert (
        "whether rutland (leader) did it: rutland has signed nothing of it",
    ) == found.not_established
    assert case.index("copy-not-sent") in found.rests_on


def test_row_08_when_did_the_county_really_have_the_protocol(case: Case) -> None:
    found = case.one("receipt", "copy-from-lincolnshire")

    assert found.answer.endswith(": no date.")
    assert ("when it came to leicestershire",) == found.not_established
    assert "yes" == case.before("promise-of-copy", "copy-from-lincolnshire")
    assert "not established" == case.before("copy-from-lincolnshire", "last-meeting")


def test_row_09_what_was_complained_of_how_many_days_after_the_invitation(case: Case) -> None:
    assert "The County Council made difficulties about data sharing." == case.text(
        "complaint", "allegation.1"
    )
    assert (6, 6) == case.days("invitation", "letter-12-march")
    assert (27, 27) == case.days("letter-12-march", "data-request")


def test_row_10_who_knew_of_the_letter_and_who_should_have_told(case: Case) -> None:
    found = case.one("ignorance", "not-told")

    assert "leicestershire was not told of the letter of entry 13" in found.answer
    assert "12th March (from 12 March 2025, end unknown)" in found.answer
    assert ("when that ended: no last day is told",) == found.not_established
    # Nobody establishes its own ignorance: a sender would have to sign it.
    assert [] == case.ask("ignorance", "not-told", ESTABLISHED)


def test_row_11_the_reply_is_dated_and_its_receipt_is_not(case: Case) -> None:
    found = case.one("receipt", "ministers-reply")

    assert "23rd April (23 April 2025); received on or after 23 April 2025" in found.answer
    assert "when it came to blaby (leader)" in found.not_established[0]
    assert "leicestershire" in found.parties


def test_row_12_the_county_knew_after_at_least_42_days(case: Case) -> None:
    found = case.one("lag", "became-aware")

    assert (42, None) == found.days
    assert "leicestershire became aware of the letter of entry 13 at least 42 days" in found.answer
    labels = ("became-aware", "letter-12-march", "ministers-reply")
    assert tuple(map(case.index, labels)) == found.rests_on


def test_row_12_what_did_the_county_know_when_it_wrote_to_the_minister(case: Case) -> None:
    found = [
        row
        for row in case.ask("unaware", "letter-to-minister")
        if row.about == case.id("letter-12-march")
    ]

    assert ["leicestershire"] == [party for row in found for party in row.parties]
    assert found[0].answer.startswith("leicestershire knew of the letter of entry 13")


def test_row_12_whether_it_knew_when_it_replied_in_detail_is_not_established(case: Case) -> None:
    found = [
        row
        for row in case.ask("unaware", "list-answered-in-part")
        if row.about == case.id("letter-12-march")
    ]

    assert found[0].answer.startswith("Not established whether leicestershire knew of the letter")
    assert found[0].not_established


def test_row_13_whether_both_accounts_say_the_same_cannot_be_read(case: Case) -> None:
    by_id = case.reading.view.by_id
    earlier, later = by_id[case.id("timeline-for-minister")], by_id[case.id("account")]

    assert ("leicestershire", "leicestershire") == (earlier.author, later.author)
    assert (None, None) == (earlier.text("text"), later.text("text"))
    assert [case.id("account")] == [row.about for row in case.ask("sentences")]


def test_row_14_what_was_asked_item_by_item_and_when_it_came(case: Case) -> None:
    found = case.one("items", "data-request")
    matrix = fold_matrix(case.reading, case.id("data-request"), telling=LCC)

    assert (84, 96) == found.items
    assert ("whether rutland is meant",) == found.not_established
    assert (12, 8) == (len(matrix.categories), len(matrix.areas))
    assert "8th April (8 April 2025)" in found.answer
    assert [None] * 12 == [category.title for category in matrix.categories]


def test_row_14_who_authorised_the_letter(case: Case) -> None:
    found = case.one("authority", "letter-8-april")

    assert (ASKERS, 0) == (found.parties, found.answer.count("signed by"))
    assert "authority claimed" in found.answer
    assert "no signature of theirs" in found.not_established[0]


def test_row_15_when_each_item_was_answered_is_known_to_23_days_and_not_which(case: Case) -> None:
    answered = case.id("list-answered-in-part")

    assert "A detailed reply was sent (8 April to 1 May 2025)" == case.when("list-answered-in-part")
    assert (0, 23) == case.days("data-request", "list-answered-in-part")
    row = row_of(lay_out(case.reading), answered)
    assert row is not None
    assert row.summary.startswith("leicestershire answered the request of entry 17, in part, ")
    assert ["answered_in_part"] * 96 == [
        flag
        for item in case.items("data-request")
        for flag in item.flags * (item.last - item.first + 1)
    ]


def test_row_16_which_categories_which_question(case: Case) -> None:
    found = case.one_queried("data-request")

    assert "leicestershire asked back" in found.answer
    assert "“Exactly which information is wanted?”" in found.answer
    assert ("of which items: none is named",) == found.not_established


def test_row_17_a_new_request_or_a_clarification(case: Case) -> None:
    found = case.one("outstanding", "breakdown-request")

    assert (
        "whether it is a request of its own, or a word about another: it is told to be about the "
        f"request for data of entry {case.index('data-request')}"
    ) in found.not_established
    assert "yes" == case.before("detailed-reply", "breakdown-request")


def test_row_18_who_stopped_the_clock_on_what_condition(case: Case) -> None:
    for label in ("data-request", "breakdown-request"):
        found = case.one("deferred", label)

        assert DISTRICTS == found.parties
        assert "(The County Council elections were over) and the communication" in found.answer
        assert "(The ministry's response to the interim plans came) had come" in found.answer


def test_row_19_when_did_the_deferral_end(case: Case) -> None:
    found = case.one("deferred", "breakdown-request")

    assert "that was over within 1 to 3 June 2025" in found.answer
    assert () == found.not_established
    assert case.index("mhclg-response-record") in found.rests_on


@pytest.mark.parametrize(
    ("as_at", "state"),
    [("2025-05-02", "deferred"), ("2025-06-02", "deferred"), ("2025-06-03", "asked")],
)
def test_row_19_one_condition_alone_does_not_end_it(case: Case, as_at: str, state: str) -> None:
    reading = case.reading.at(dt.date.fromisoformat(as_at))
    rows = fold_requests(reading, telling=LCC).rows
    row = next(row for row in rows if row.id == case.id("breakdown-request"))

    assert state == row.items[0].state


def test_row_20_was_the_email_answered_and_the_meeting_held(case: Case) -> None:
    found = case.one("outstanding", "meeting-request")

    assert ((181, 191), ("leicestershire",)) == (found.days, found.parties)
    assert ("whether it was answered: nothing further is told of it",) == found.not_established
    (order,) = case.ask("order")
    assert (case.index("email-end-of-may"), case.index("meeting-request")) == order.rests_on[:2]


def test_row_21_was_the_funding_accepted_by_whom_when(case: Case) -> None:
    row = case.agreement("common-data-funding")

    assert ["propose", "not_adopted"] == [stage.verb for stage in row.course]
    assert "In June (June 2025)" == case.when("funding-proposed")
    assert [] == [s for v in row.versions for s in v.signatures if s.signed.answer == "yes"]


def test_row_22_who_declined_the_funding(case: Case) -> None:
    row = case.agreement("common-data-funding")

    assert "not_adopted" == row.versions[0].state
    assert DISTRICTS == tuple(sorted(row.course[-1].parties))
    assert case.one("proposed", "common-data-funding").answer.endswith("; not adopted.")
    assert "undated" == case.when("funding-not-adopted")


def test_row_23_was_the_county_ever_told_what_the_share_was_spent_on(case: Case) -> None:
    found = case.one("ignorance", "purposes-unknown")

    assert "leicestershire disclaims knowledge about the step" in found.answer
    assert "as at a day on or after 23 September 2025" in found.answer
    assert [] == [row for row in case.ask("lag") if case.index("purposes-unknown") in row.rests_on]


def test_row_24_when_was_the_request_specific_enough_to_answer(case: Case) -> None:
    first, listed = case.one("clear", "first-request"), case.one("clear", "data-request")

    assert ((117, 126), (84, 93)) == (first.days, listed.days)
    assert "clarified, early July (1 to 10 July 2025)" in first.answer
    unclear = case.one("ignorance", "wants-unclear")
    assert "until early July (from 6 March 2025 to July 2025, approximate)" in unclear.answer


def test_row_25_who_was_in_the_group_from_when(case: Case) -> None:
    row = case.arrangement("data-sharing-group")

    assert COUNCILS == tuple(sorted(seat.actor for seat in row.members))
    assert {"yes"} == {seat.answer for seat in row.members}
    assert "Following that (July 2025)" == case.when("group-established")
    assert "yes" == case.before("list-clear", "group-established")
    found = case.one("member", "data-sharing-group")
    assert COUNCILS == found.parties
    assert "set up Following that (July 2025)" in found.answer
    assert "by a signature of its own: blaby, charnwood" in found.not_established[0]


def test_row_26_who_controlled_the_agenda(case: Case) -> None:
    row = case.arrangement("data-sharing-group")

    assert ["blaby/chief-executive"] == [seat.actor for seat in row.chairs]
    assert [False] == [seat.signed for seat in row.chairs]
    found = case.one("chair", "data-sharing-group")
    assert found.answer.endswith(": chair: blaby (chief executive).")
    assert "chair blaby (chief executive)" in case.one("met", "group-meetings").answer


def test_row_27_how_many_meetings_and_minutes(case: Case) -> None:
    found = case.one("met", "group-meetings")

    assert None is found.count
    assert "how many meetings: no number is told" in found.not_established
    assert "whether there is a minute" in found.not_established
    assert "from July to September (from July 2025 to September 2025)" in found.answer


def test_row_28_which_source_and_period_was_agreed_per_dataset(case: Case) -> None:
    row = case.agreement("common-sources")

    assert "named" == row.versions[0].state
    assert () == row.course
    assert "is not said" in str(case.text("common-sources", "note"))


def test_row_29_was_the_group_closed_or_asleep(case: Case) -> None:
    row = case.arrangement("data-sharing-group")

    assert ("dormant", "no") == (row.state, row.closed)
    assert "23 September 2025" == case.when("last-meeting")
    assert "meet only if there is a need" in str(case.text("last-meeting", "decision"))
    assert "who was there: nobody is named" in case.one("met", "last-meeting").not_established


def test_row_30_why_these_three_and_when(case: Case) -> None:
    row = case.arrangement("senior-officer-group")

    assert ("blaby", "leicester", "leicestershire") == tuple(sorted(s.actor for s in row.members))
    assert "also established (undated, 2025)" == case.when("officer-group-established")
    assert (None, None) == tuple(
        case.text(label, "purpose")
        for label in ("senior-officer-group", "officer-group-established")
    )


def test_row_31_from_when_could_others_use_the_repository(case: Case) -> None:
    row = case.arrangement("repository")

    assert ("facility", "leicestershire") == (row.type, row.operator)
    assert "was established (undated, 2025)" == case.when("repository-established")
    assert "is not said" in str(case.text("repository-established", "note"))


def test_row_32_which_dataset_answered_which_item_and_who_got_it(case: Case) -> None:
    (found,) = case.ask("passed")

    assert "data from somebody unnamed to somebody unnamed" in found.answer
    assert "by msoa" in found.answer
    assert (
        "which item of which request it answers: none is named",
        "from whom and to whom: not all are named",
        "whether it was received: nobody has signed that",
    ) == found.not_established[:3]
    assert "bound by that agreement then" in found.not_established[3]
    labels = ("data-shared", "repository", "sharing-agreement")
    assert tuple(map(case.index, labels)) == found.rests_on


def test_row_33_was_each_party_bound_on_the_day_of_the_transfer(case: Case) -> None:
    told, established = (case.agreement("sharing-agreement", t) for t in (LCC, ESTABLISHED))
    end_of_year = case.reading.at(dt.date(2025, 12, 31))
    (later,) = [
        row
        for row in fold_agreements(end_of_year, telling=LCC).rows
        if row.id == case.id("sharing-agreement")
    ]

    # Both the signatures and the transfer are of some day in 2025, and nothing says which is first.
    assert COUNCILS == tuple(sorted(s.party for s in told.versions[0].signatures))
    assert {"not established"} == {s.signed.answer for s in told.versions[0].signatures}
    assert {"yes"} == {s.signed.answer for s in later.versions[0].signatures}
    assert "not established" == case.before("signed-by-rutland", "data-shared")
    # Established is the county's own signature, and nobody else's.
    words = {s.party: s.signed.words for s in established.versions[0].signatures}
    assert "signed, but whether by then is not established" == words.pop("leicestershire")
    assert {"signed only as leicestershire tells it"} == set(words.values())
    found = case.one("bound", "sharing-agreement")
    assert "nobody is established to be bound" in found.answer
    assert COUNCILS == found.parties


def test_row_34_who_asked_for_the_postcodes_in_what_capacity_for_what_purpose(case: Case) -> None:
    found = case.one("decision", "postcode-request")

    assert found.answer.startswith("Request for data (entry 69) by blaby, charnwood, harborough")
    assert "on or after 23 September 2025" in found.answer
    assert "not recorded: the purpose, the lawful basis, why it is necessary" in found.answer
    assert "Who asked, in which capacity" in str(case.text("postcode-request", "note"))


def test_row_35_when_was_the_rationale_queried(case: Case) -> None:
    found = case.one_queried("postcode-request")

    assert "separately queried (on or after 23 September 2025)" in found.answer
    assert "“For what reason are the postcodes wanted?”" in found.answer


def test_row_36_how_long_has_there_been_silence(case: Case) -> None:
    found = case.one_queried("postcode-request")

    assert ((None, 66), DISTRICTS) == (found.days, found.parties)
    assert "silent since: at most 66 days, as at 28 November 2025" in found.answer
    assert any("has no last day" in why for why in found.not_established)
    unanswered = case.one("ignorance", "no-response")
    assert "no response was received (from 23 September 2025, end unknown)" in unanswered.answer


def test_row_37_was_the_hold_a_proper_decision(case: Case) -> None:
    found = case.one("decision", "postcode-request")

    assert 14 == found.count
    assert "nothing of the form is recorded; not recorded: " in found.answer
    assert "the decision, its reasons" in found.answer
    # That the lawful basis is still to be weighed is in the question, which decides nothing.
    assert "none was stated" in str(case.text("rationale-query", "lawful_basis"))


def test_row_38_how_many_is_many(case: Case) -> None:
    found = case.ask("queried")[0]

    assert (1, None) == (found.count, found.about)
    assert found.answer.startswith("2 requests were queried; no answer is told of 1 of them")
    labels = ("data-request", "clarification-sought", "postcode-request", "rationale-query")
    assert tuple(map(case.index, labels)) == found.rests_on


def test_row_39_the_majority_of_which_list_which_items_checked_when(case: Case) -> None:
    matrix = fold_matrix(case.reading, case.id("data-request"), telling=LCC)

    assert "undated" == case.when("public-availability")
    assert (("clarified", 84, 96),) == matrix.counts()  # no cell is already public
    assert "is not said" in str(case.text("public-availability", "note"))
    assert (None, None) == tuple(case.text("public-availability", c) for c in ("url.1", "item.1"))


def test_row_40_which_sentences_have_no_event_behind_them(case: Case) -> None:
    found = case.one("sentences", "account")

    assert 0 == found.count
    assert "23 of 23 sentences have events behind them" in found.answer
    assert found.not_established[0].startswith("whether the events bear out all that a sentence")


def test_every_row_has_a_test() -> None:
    names = [name for name in globals() if name.startswith("test_row_")]

    assert set(range(1, 41)) == {int(name.split("_")[2]) for name in names}
