"""Parties of several ledgers: one by a key or a decision, never by a label."""

from __future__ import annotations

from ledger.reconcile.parties import MAX_ALIKE_LABELS, Parties
from tests.ledger.reconcile.made_up import ONE, THREE, TWO, book

NOBODY: dict[str, tuple[str, ...]] = {ONE: (), TWO: (), THREE: ()}


def test_one_key_in_two_ledgers_is_one_party() -> None:
    books = [book(ONE, parties={"k": "county"}), book(TWO, parties={"k": "lcc"})]
    parties = Parties(books, named=NOBODY, same=())
    (joined,) = parties.joined

    assert (((ONE, "county"), (TWO, "lcc")), ("the same key",)) == joined
    assert parties.root(ONE, "county") == parties.root(TWO, "lcc")


def test_a_key_that_was_in_other_hands_joins_nothing() -> None:
    books = [
        book(ONE, parties={"k": "county"}, compromised=["k"]),
        book(TWO, parties={"k": "thief"}),
    ]

    assert () == Parties(books, named=NOBODY, same=()).joined


def test_a_decision_and_a_key_join_three() -> None:
    books = [
        book(ONE, parties={"k": "county"}), book(TWO, parties={"k": "lcc"}), book(THREE),
    ]  # fmt: skip
    named = NOBODY | {THREE: ("leics",)}
    (joined,) = Parties(books, named=named, same=[((TWO, "lcc"), (THREE, "leics"))]).joined

    assert ((ONE, "county"), (TWO, "lcc"), (THREE, "leics")) == joined.members
    assert ("a decision", "the same key") == joined.because


def test_equal_labels_are_a_reason_to_ask() -> None:
    books = [book(ONE, parties={"k": "county"}), book(TWO, parties={"l": "county"})]
    named = {ONE: ("county", "mhclg"), TWO: ("county", "mhclg")}
    parties = Parties(books, named=named, same=())

    assert () == parties.joined
    assert [
        ("county", (ONE, TWO), "they sign with different keys"),
        ("mhclg", (ONE, TWO), ""),
    ] == [tuple(each) for each in parties.to_confirm]


def test_labels_to_confirm_are_bounded_and_counted() -> None:
    many = tuple(f"p{number}" for number in range(MAX_ALIKE_LABELS + 5))
    parties = Parties([book(ONE), book(TWO)], named={ONE: many, TWO: many}, same=())

    assert (MAX_ALIKE_LABELS, 5) == (len(parties.to_confirm), parties.more)
