"""Matching by itself: grounds, rejections, and bounds where too many are alike."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest

from ledger.dates import parse_when
from ledger.folds.moments import Moment
from ledger.reconcile.decisions import Decisions
from ledger.reconcile.matching import MAX_PROPOSED, Matches, match
from ledger.reconcile.parties import Parties
from ledger.reconcile.tellings import MailHead, Telling
from ledger.view import Told
from verify.events import Communication, Event, Link, Meeting

ONE, TWO, THREE = "1" * 64, "2" * 64, "3" * 64


def telling(  # noqa: PLR0913 - a builder: each part has a default
    ledger: str,
    number: int,
    *,
    title: str = "",
    edtf: str | None = "2025-03-06",
    labels: Sequence[str] = ("county", "rutland"),
    document: str | None = None,
    mail: MailHead | None = None,
    event: Event | None = None,
    event_id: str | None = None,
    key: str | None = None,
) -> Telling:
    """Return what a ledger tells, made up."""
    nonce = hashlib.sha256(f"{ledger}{number}".encode()).hexdigest()
    told = Told(
        index=number,
        id=event_id or nonce,
        recorded=0,
        event=event or Meeting(author="county", nonce=nonce[:32]),
        claims={},
        author="county",
        key=key or ledger,
        key_origin="founding",
        key_post=None,
        seen_size=0,
        position=0,
        first=number,
    )
    return Telling(
        fingerprint=ledger,
        told=told,
        moment=None if edtf is None else Moment("occurred", parse_when(edtf, basis="stated")),
        labels=frozenset(labels),
        title=title,
        documents=() if document is None else (("file.1", document),),
        mail=mail,
    )


def matched(*tellings: Telling, decisions: Decisions | None = None) -> Matches:
    ordered = sorted(tellings, key=lambda each: (each.fingerprint, each.told.index))
    return match(ordered, Parties((), named={}, same=()), decisions or Decisions())


def joined(found: Matches) -> list[set[str]]:
    """Return the ledgers of each group that has more than one telling."""
    return [
        {each.fingerprint for each in group.tellings}
        for group in found.groups
        if len(group.tellings) > 1
    ]


def test_ten_thousand_alike_on_one_day_are_bounded_and_said_to_be() -> None:
    many = [telling(ledger, number) for ledger in (ONE, TWO) for number in range(5_000)]
    found = matched(*many)

    assert ((), ()) == (found.to_confirm, tuple(joined(found)))
    assert [("meeting: the same days as too many others", ((ONE, 5000), (TWO, 5000)))] == [
        tuple(crowd) for crowd in found.crowds
    ]


def test_a_crowd_does_not_hide_who_has_a_namesake() -> None:
    many = [telling(ledger, number) for ledger in (ONE, TWO) for number in range(100)]
    found = matched(
        *many, telling(ONE, 200, title="the last one"), telling(TWO, 200, title="the last one")
    )

    assert ["the titles are equal"] == [match.reasons[0] for match in found.to_confirm]


def test_a_telling_has_few_possible_matches_and_the_rest_are_counted() -> None:
    found = matched(telling(ONE, 1), *(telling(TWO, number) for number in range(10)))

    assert (MAX_PROPOSED, 10 - MAX_PROPOSED) == (len(found.to_confirm), found.more)


def test_one_document_told_twice_by_one_ledger_joins_nothing() -> None:
    found = matched(
        telling(ONE, 1, document="d"), telling(ONE, 2, document="d"), telling(TWO, 1, document="d")
    )

    assert [] == joined(found)
    assert any("one document, told several times" in crowd.why for crowd in found.crowds)


def test_three_ledgers_with_one_document_are_one_event() -> None:
    found = matched(*(telling(ledger, 1, document="d") for ledger in (ONE, TWO, THREE)))

    assert [{ONE, TWO, THREE}] == joined(found)


@pytest.mark.parametrize(
    ("subject", "date", "certainty"),
    [
        ("Data", "2025-03-06T10:00:00Z", "probable"),
        ("Data", "2025-03-06T11:00:00+01:00", "probable"),
        ("Other", "2025-03-06T10:00:00Z", "possible"),
        ("Data", "2025-03-07T10:00:00Z", "possible"),
        (None, None, "possible"),
    ],
)
def test_one_message_id_is_a_reason_and_no_identity(
    subject: str | None, date: str | None, certainty: str
) -> None:
    mine = MailHead(message_id="m", subject="Data", date="2025-03-06T10:00:00Z")
    theirs = MailHead(message_id="m", subject=subject, date=date)
    found = matched(
        telling(ONE, 1, mail=mine, event=_mail(1), labels=("county",)),
        telling(TWO, 1, mail=theirs, event=_mail(2), labels=("lcc",)),
    )
    grounds = [
        (each.ground, each.certainty)
        for each in (*found.to_confirm, *(m for group in found.groups for m in group.matches))
    ]

    assert [("same message", certainty)] == grounds


def _mail(number: int, *links: Link) -> Communication:
    return Communication(
        author="county", nonce=f"{number:032x}", channel="email", links=links or None
    )


def test_a_link_that_one_side_signed_is_no_more_than_probable() -> None:
    mine = telling(ONE, 1, edtf=None, event=_mail(1))
    link = Link(event=mine.told.id, rel="same_as", ledger=ONE)
    theirs = telling(TWO, 1, edtf=None, event=_mail(2, link))
    found = matched(mine, theirs)
    (group,) = (group for group in found.groups if len(group.tellings) > 1)

    assert [("linked by one", "probable")] == [(m.ground, m.certainty) for m in group.matches]


def test_a_link_that_both_sides_signed_is_certain() -> None:
    first, second = "a" * 64, "b" * 64
    mine = telling(
        ONE, 1, event_id=first, event=_mail(1, Link(event=second, rel="same_as", ledger=TWO))
    )
    theirs = telling(
        TWO, 1, event_id=second, event=_mail(2, Link(event=first, rel="same_as", ledger=ONE))
    )
    found = matched(mine, theirs)
    (group,) = (group for group in found.groups if len(group.tellings) > 1)

    assert {("linked by both", "certain")} == {(m.ground, m.certainty) for m in group.matches}


@pytest.mark.parametrize(("key", "certainty"), [("k", "certain"), ("another", "probable")])
def test_a_copied_event_under_another_key_is_not_certain(key: str, certainty: str) -> None:
    found = matched(
        telling(ONE, 1, event_id="a" * 64, key="k"), telling(TWO, 1, event_id="a" * 64, key=key)
    )
    (group,) = (group for group in found.groups if len(group.tellings) > 1)

    assert [certainty] == [each.certainty for each in group.matches]


def test_days_further_apart_than_a_few_are_not_proposed() -> None:
    for edtf, count in (("2025-03-09", 1), ("2025-03-10", 0), ("[2025-03-09..2025-03-20]", 1)):
        assert count == len(matched(telling(ONE, 1), telling(TWO, 1, edtf=edtf)).to_confirm)


def test_what_names_nobody_in_common_is_not_proposed() -> None:
    assert () == matched(telling(ONE, 1), telling(TWO, 1, labels=("mhclg",))).to_confirm


def test_a_rejected_pair_stays_apart_whatever_joins_it() -> None:
    one, two, three = (telling(ledger, 1, document="d") for ledger in (ONE, TWO, THREE))
    found = matched(one, two, three, decisions=Decisions(reject=((one.ref, three.ref),)))

    assert [{ONE, TWO}] == joined(found)
    assert any("a decision keeps them" in words for m in found.to_confirm for words in m.against)
