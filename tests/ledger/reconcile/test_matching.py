"""Matching by itself: grounds, rejections, and bounds where too many are alike."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from ledger.reconcile import matching
from ledger.reconcile.decisions import Decisions
from ledger.reconcile.matches import Matches
from ledger.reconcile.matching import MAX_PROPOSED, match
from ledger.reconcile.parties import Parties
from ledger.reconcile.tellings import MailHead, Telling, tellings_of
from tests.ledger.reconcile.made_up import ONE, THREE, TWO, book, mail_event, telling
from verify.claims import File
from verify.kinds import Link, Request, Step


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


@pytest.mark.parametrize(("bound", "most"), [("_MOST_LOOKED", 30), ("_MOST_MET", 60)])
def test_a_telling_is_compared_with_so_many_and_then_that_is_said(
    monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    """Each names forty parties, and each of these is named by few others."""
    many = [
        telling(ledger, number, labels=[f"p{(7 * number + 11 * n) % 100}" for n in range(40)])
        for ledger in (ONE, TWO)
        for number in range(50)
    ]
    before = matched(*many)
    monkeypatch.setattr(matching, bound, most)
    found = matched(*many)

    why = "meeting: alike with too many others"
    assert why not in {crowd.why for crowd in before.crowds}
    assert why in {crowd.why for crowd in found.crowds}
    assert 0 < len(found.to_confirm) + found.more <= 50 * most
    assert len(found.to_confirm) + found.more < len(before.to_confirm) + before.more


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
        telling(ONE, 1, mail=mine, event=mail_event(1), labels=("county",)),
        telling(TWO, 1, mail=theirs, event=mail_event(2), labels=("lcc",)),
    )
    grounds = [
        (each.ground, each.certainty)
        for each in (*found.to_confirm, *(m for group in found.groups for m in group.matches))
    ]

    assert [("same message", certainty)] == grounds


def test_a_link_that_one_side_signed_is_no_more_than_probable() -> None:
    mine = telling(ONE, 1, edtf=None, event=mail_event(1))
    link = Link(event=mine.told.id, rel="same_as", ledger=ONE)
    theirs = telling(TWO, 1, edtf=None, event=mail_event(2, link))
    found = matched(mine, theirs)
    (group,) = (group for group in found.groups if len(group.tellings) > 1)

    assert [("linked by one", "probable")] == [(m.ground, m.certainty) for m in group.matches]


def test_a_link_that_both_sides_signed_is_certain() -> None:
    first, second = "a" * 64, "b" * 64
    mine = telling(
        ONE, 1, event_id=first, event=mail_event(1, Link(event=second, rel="same_as", ledger=TWO))
    )
    theirs = telling(
        TWO, 1, event_id=second, event=mail_event(2, Link(event=first, rel="same_as", ledger=ONE))
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


def test_a_document_under_two_kinds_is_for_a_person() -> None:
    letter = telling(ONE, 1, document="d", event=mail_event(1))
    paper = telling(TWO, 1, document="d")
    (found,) = matched(letter, paper).to_confirm

    assert "same document" == found.ground
    assert "they call it two things: email, meeting" in found.against


def test_the_same_step_of_one_event_is_for_a_person() -> None:
    asked = [telling(ledger, 1, event_id="a" * 64, key="k") for ledger in (ONE, TWO)]
    steps = [
        telling(
            ledger, 2, edtf=edtf,
            event=Step(author="county", nonce=f"{number:032x}", of="a" * 64, target="request",
                verb=verb, outcome=None),
        )
        for number, (ledger, verb, edtf) in enumerate(
            ((ONE, "chase", "2025-03-06"), (TWO, "chase", "2025-03-08"))
        )
    ]  # fmt: skip
    (found,) = matched(*asked, *steps).to_confirm

    assert "same step" == found.ground
    assert any("2 days apart" in words for words in found.against)


def test_requests_about_one_letter_are_for_a_person_whatever_their_days() -> None:
    def request(ledger: str, number: int, about: str, edtf: str) -> Telling:
        event = Request(
            author="rutland",
            nonce=f"{number:032x}",
            links=(Link(rel="about", event=about),),
            what="data",
            medium="written",
            from_=("rutland",),
            to=("county",),
        )
        return telling(ledger, number, event=event, edtf=edtf)

    letters = [
        telling(ledger, 1, document="d" * 64, event=mail_event(1), title=f"told by {ledger[0]}")
        for ledger in (ONE, TWO)
    ]
    ids = [each.told.id for each in letters]
    mine = request(ONE, 2, ids[0], "2025-04-08")
    theirs = request(TWO, 2, ids[1], "2025-04-14")
    (found,) = matched(*letters, mine, theirs).to_confirm

    assert (mine.ref, theirs.ref) == found.events
    assert ("same letter", "possible") == (found.ground, found.certainty)
    assert "both are about one email" == found.reasons[0]
    assert "the dates have no day in common, 6 days apart" in found.against
    # A letter that nothing matches, and a meeting, are no ground.
    apart = replace(letters[1], documents=())
    assert [] == [m for m in matched(letters[0], apart, mine, theirs).to_confirm
                  if m.ground == "same letter"]  # fmt: skip
    meetings = [replace(each, told=telling(each.fingerprint, 1).told) for each in letters]
    assert () == matched(*meetings, mine, theirs).to_confirm
    decided = Decisions(reject=((mine.ref, theirs.ref),))
    assert () == matched(*letters, mine, theirs, decisions=decided).to_confirm


def test_a_crowd_of_requests_about_one_letter_is_bounded() -> None:
    def tellings(ledger: str) -> list[Telling]:
        letter = telling(ledger, 1, document="d" * 64, event=mail_event(1))
        link = Link(rel="about", event=letter.told.id)
        requests = [
            telling(ledger, number, edtf=f"20{ledger[0]}5-03-06", event=Request(
                author="rutland", nonce=f"{number:032x}", links=(link,), what="data",
                medium="written", from_=("rutland",), to=("county",)))
            for number in range(2, 30)
        ]  # fmt: skip
        return [letter, *requests]

    found = matched(*tellings(ONE), *tellings(TWO))

    assert ("request: about one communication", ((ONE, 28), (TWO, 28))) in [
        tuple(crowd) for crowd in found.crowds
    ]


def test_a_crowd_of_one_step_is_bounded() -> None:
    asked = [telling(ledger, 1, event_id="a" * 64, key="k") for ledger in (ONE, TWO)]
    steps = [
        telling(
            ledger, 2 + number,
            event=Step(author="county", nonce=f"{number:032x}", of="a" * 64, target="request",
                verb="chase", outcome=None),
        )
        for ledger in (ONE, TWO)
        for number in range(30)
    ]  # fmt: skip
    found = matched(*asked, *steps)

    assert () == found.to_confirm
    assert ["step: the same step of one event"] == [crowd.why for crowd in found.crowds]


def test_undated_namesakes_are_for_a_person() -> None:
    found = matched(telling(ONE, 1, title="t", edtf=None), telling(TWO, 1, title="t"))

    assert ["only one of them is dated"] == [w for m in found.to_confirm for w in m.against]


def test_a_file_without_an_octet_makes_nothing_one() -> None:
    nothing = File(
        name="scan.pdf", media_type="application/pdf", sha256=sha256(b"").hexdigest(), size=0
    )
    told = replace(telling(ONE, 1).told, claims={"file.1": nothing})
    (found,) = tellings_of(book(ONE, told=[told]))

    assert found.main is None
    assert () == found.documents
