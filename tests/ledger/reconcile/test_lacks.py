"""What one side has and another has not: no more reasons are looked for than are given."""

from __future__ import annotations

import cProfile

from ledger.reconcile.lacks import MissingMessage, missing_messages
from ledger.reconcile.matches import Group
from ledger.reconcile.parties import Parties
from ledger.reconcile.rows import Row, make_rows
from ledger.reconcile.tellings import MailHead, Telling
from tests.ledger.reconcile.made_up import ONE, TWO, book, mail_event, telling

ID = "one@mail.example"


def mails(ledger: str, count: int, head: MailHead) -> list[Telling]:
    return [telling(ledger, number, event=mail_event(number), mail=head) for number in range(count)]


def missing(*told: Telling) -> tuple[tuple[Row, ...], tuple[MissingMessage, ...], int]:
    """Return the rows, what is missing, and how many calls it took to find out."""
    books = [
        book(each, told=[one.told for one in told if one.fingerprint == each])
        for each in (ONE, TWO)
    ]
    parties = Parties(books, named={ONE: (), TWO: ()}, same=())
    groups = [Group((each,), ()) for each in told]
    rows = make_rows(groups, {each.fingerprint: each for each in books}, parties)
    profile = cProfile.Profile()
    found = profile.runcall(missing_messages, rows, books, parties, ())
    return rows, found, sum(entry.callcount for entry in profile.getstats())


def test_a_mail_that_a_ledger_answers_and_does_not_tell_is_missing() -> None:
    answer = MailHead(message_id="two@mail.example", answers=(ID, ID), read=True)
    rows, found, _ = missing(*mails(ONE, 1, MailHead(message_id=ID)), *mails(TWO, 2, answer))
    answers = [n for n, row in enumerate(rows) if row.group.tellings[0].fingerprint == TWO]
    (reasons,) = (each.reasons for each in found if each.lacking == TWO)

    assert [
        f"the mail of row {number + 1}, as this ledger has it, says that it answers it"
        for number in answers
    ] == list(reasons)


def test_thousands_of_answers_to_thousands_of_mails_are_no_more_than_linear_work() -> None:
    answer = MailHead(message_id="two@mail.example", answers=(ID,), read=True)

    def calls(count: int) -> int:
        return missing(*mails(ONE, count, MailHead(message_id=ID)), *mails(TWO, count, answer))[2]

    calls(1)
    assert calls(400) < 2.3 * calls(200)
