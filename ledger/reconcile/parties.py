"""Which labels of different ledgers are one party.

A label belongs to its ledger: two ledgers can call two bodies by one name. Labels are one party
where one key was theirs in both, which needs the private key, or where a decision says so. A key
that any ledger says was in other hands joins nothing. Equal labels are no more than a reason to
ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from ledger.reconcile.books import Book

__all__ = ["MAX_ALIKE_LABELS", "JoinedParty", "LabelToConfirm", "Member", "Parties"]

MAX_ALIKE_LABELS: Final = 200
"""Equal labels that are listed to be confirmed."""

Member = tuple[str, str]
"""The fingerprint of a ledger, and a label in it."""


class JoinedParty(NamedTuple):
    """Labels of different ledgers that are one party, and why."""

    members: tuple[Member, ...]
    because: tuple[str, ...]


class LabelToConfirm(NamedTuple):
    """A label of several ledgers of which nothing shows that it is one party.

    Attributes:
        label: The label.
        ledgers: The fingerprints of the ledgers.
        against: What speaks against it, in words; empty where nothing does.
    """

    label: str
    ledgers: tuple[str, ...]
    against: str


class Parties:
    """The parties of several ledgers.

    Attributes:
        joined: Those that are known to be one.
        to_confirm: Equal labels of which it is not known.
        more: How many more of these there are.
    """

    def __init__(
        self,
        books: Sequence[Book],
        *,
        named: Mapping[str, Iterable[str]],
        same: Iterable[tuple[Member, Member]],
    ) -> None:
        """Join what can be joined.

        Args:
            books: The ledgers, by fingerprint.
            named: The labels that occur in each, by fingerprint.
            same: Which are one party by decision.
        """
        self._root: dict[Member, Member] = {}
        self._because: dict[Member, set[str]] = {}
        holders: dict[str, Member] = {}
        self._compromised = frozenset[str]().union(*(book.compromised for book in books))
        for book in books:
            for key, label in sorted(book.parties.items()):
                if not self.is_compromised(key):
                    member = (book.fingerprint, label)
                    self._join(holders.setdefault(key, member), member, "the same key")
        for one, other in same:
            self._join(one, other, "a decision")
        self.joined = self._groups()
        self.to_confirm, self.more = self._alike(books, named)

    def root(self, fingerprint: str, label: str) -> Member:
        """Return what stands for the party that a label means."""
        return self._find((fingerprint, label))

    def is_compromised(self, key: str) -> bool:
        """Tell whether any ledger says that a key, in hex, was in other hands."""
        return key in self._compromised

    def is_joined(self, root: Member) -> bool:
        """Tell whether what stands for a party is known to mean it in several ledgers."""
        return root in self._because

    def _find(self, member: Member) -> Member:
        root = member
        while (above := self._root.get(root, root)) != root:
            root = above
        while (above := self._root.get(member, member)) != root:
            self._root[member], member = root, above
        return root

    def _join(self, one: Member, other: Member, because: str) -> None:
        first, second = sorted((self._find(one), self._find(other)))
        if first != second:
            self._root[second] = first
        if one != other:
            reasons = self._because.pop(second, set()) | self._because.pop(first, set())
            self._because[first] = reasons | {because}

    def _groups(self) -> tuple[JoinedParty, ...]:
        groups: dict[Member, set[Member]] = {}
        for member in self._root:
            root = self._find(member)
            groups.setdefault(root, {root}).add(member)
        return tuple(
            JoinedParty(tuple(sorted(members)), tuple(sorted(self._because[root])))
            for root, members in sorted(groups.items())
        )

    def _alike(
        self, books: Sequence[Book], named: Mapping[str, Iterable[str]]
    ) -> tuple[tuple[LabelToConfirm, ...], int]:
        where: dict[str, list[str]] = {}
        for book in books:
            for label in {*named[book.fingerprint], *book.parties.values()}:
                where.setdefault(label, []).append(book.fingerprint)
        keyed = {(b.fingerprint, label) for b in books for label in b.parties.values()}
        found = []
        for label, ledgers in sorted(where.items()):
            roots = {self._find((each, label)) for each in ledgers}
            if len(roots) > 1:
                signers = sum((each, label) in keyed for each in ledgers)
                against = "they sign with different keys" if signers > 1 else ""
                found.append(LabelToConfirm(label, tuple(sorted(ledgers)), against))
        return tuple(found[:MAX_ALIKE_LABELS]), max(0, len(found) - MAX_ALIKE_LABELS)
