"""Targets: where submissions go, as the party's side sees it.

A target is a door to one ledger that the party has identified by its fingerprint. What it hands
out as its head it has fetched and checked: a party signs for no checkpoint that it did not see.
`Directory` is the ledger in a folder of this machine; the one behind HTTP is in `ledger.client`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, NamedTuple, Protocol

from ledger.errors import (
    FileMismatchError,
    LedgerError,
    RefusedError,
    TargetError,
)
from ledger.ledger import Ledger
from verify.checkpoint import check_checkpoint, parse_signed
from verify.errors import RuleError, VerifyError
from verify.notes import log_vkey
from verify.state import State

__all__ = ["Directory", "Head", "Target", "check_head"]


class Head(NamedTuple):
    """A checkpoint that was fetched and checked.

    Attributes:
        size: The size of the log.
        root: Its root hash, 32 octets.
        note: The signed note, with all its lines.
    """

    size: int
    root: bytes
    note: bytes


class Target(Protocol):
    """A door to one ledger."""

    @property
    def origin(self) -> str:
        """The log's name."""

    @property
    def fingerprint(self) -> str:
        """The leaf hash of entry 0, in hex."""

    @property
    def log_keys(self) -> Sequence[tuple[int, str]]:
        """Which log key, in hex, signs from which size on, as `verify.state.State` has it."""

    @property
    def state(self) -> State:
        """The rules' state after all that was handed in: charter, members, keys, what waits."""

    def head(self) -> Head:
        """Fetch the latest checkpoint and check it.

        Raises:
            TargetError: It cannot be had, or does not hold.
        """

    def add_file(self, stream: BinaryIO, *, sha256: str, size: int) -> None:
        """Hand over a file that a submission will name. Handing it over twice is harmless.

        Raises:
            RefusedError: The ledger does not take it.
            TargetError: Whether the ledger has it is not known.
        """

    def hand_in(self, document: bytes) -> bytes:
        """Hand over a submission document and return the octets of its receipt, not checked.

        Raises:
            RefusedError: The ledger does not accept it.
            TargetError: Whether the ledger has accepted it is not known.
        """

    def confirm(self, note: bytes) -> None:
        """Check that a signed checkpoint, which came in a receipt, is of the ledger that was seen.

        Raises:
            TargetError: It is not, or that cannot be found out.
        """

    def index_of(self, event_id: bytes) -> int | None:
        """Return the index of the event with this id, None if the ledger has none.

        Raises:
            TargetError: It cannot be asked.
        """


class Directory:
    """The ledger in a folder of this machine."""

    def __init__(self, ledger: Ledger, *, fingerprint: str | None = None) -> None:
        """Take an open ledger, which must be the one with this fingerprint if one is given.

        Raises:
            TargetError: It is another one.
        """
        if fingerprint is not None and fingerprint != ledger.fingerprint:
            raise TargetError(f"the ledger in {ledger.path} is another one: {ledger.fingerprint}")
        self._ledger = ledger

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._ledger.origin

    @property
    def fingerprint(self) -> str:
        """The leaf hash of entry 0, in hex."""
        return self._ledger.fingerprint

    @property
    def log_keys(self) -> Sequence[tuple[int, str]]:
        """Which log key signs from which size on."""
        return self._ledger.state().log_keys

    @property
    def state(self) -> State:
        """The rules' state."""
        return self._ledger.state()

    def head(self) -> Head:
        """Read the latest checkpoint, and check it against its key and the tree.

        Raises:
            TargetError: It does not hold.
        """
        try:
            note = self._ledger.checkpoint()
            head = check_head(note, origin=self.origin, log_keys=self.log_keys)
            if self._ledger.root_at(head.size) != head.root:
                raise TargetError("the checkpoint is not of the ledger's tree")
        except LedgerError as failure:
            raise TargetError(str(failure)) from None
        return head

    def add_file(self, stream: BinaryIO, *, sha256: str, size: int) -> None:
        """Hand over a file.

        Raises:
            RefusedError: Its octets are not of that size and hash.
            TargetError: The ledger cannot keep it.
        """
        try:
            self._ledger.add_file(stream, sha256=sha256, size=size)
        except FileMismatchError as error:
            raise RefusedError(str(error)) from None
        except LedgerError as failure:
            raise TargetError(str(failure)) from None

    def hand_in(self, document: bytes) -> bytes:
        """Record a submission document and return its receipt.

        Raises:
            RefusedError: The rules do not admit it.
            TargetError: The ledger cannot record.
        """
        try:
            return self._ledger.submit(document)
        except RuleError as error:
            raise RefusedError(error.reason, check=error.check, where=error.where) from None
        except VerifyError as error:
            raise RefusedError(str(error)) from None
        except LedgerError as failure:
            raise TargetError(str(failure)) from None

    def confirm(self, note: bytes) -> None:
        """Check that a signed checkpoint is of the ledger's tree.

        Raises:
            TargetError: It is not.
        """
        try:
            checkpoint = parse_signed(note)[0]
            if self._ledger.root_at(checkpoint.size) != checkpoint.root:
                raise TargetError("the receipt's checkpoint is not of the ledger's tree")
        except (VerifyError, LedgerError) as failure:
            raise TargetError(str(failure)) from None

    def index_of(self, event_id: bytes) -> int | None:
        """Return the index of the event with this id, None if the ledger has none."""
        try:
            return self._ledger.index_of(event_id)
        except LedgerError as failure:
            raise TargetError(str(failure)) from None


def check_head(note: bytes, *, origin: str, log_keys: Sequence[tuple[int, str]]) -> Head:
    """Check that a signed note is a checkpoint of a log, by the key of its size.

    Raises:
        TargetError: It is none.
    """
    try:
        size = parse_signed(note)[0].size
        public = next((key for start, key in reversed(log_keys) if start <= size), None)
        if public is None:
            raise TargetError("the checkpoint is of an empty log")
        checkpoint = check_checkpoint(note, key=log_vkey(origin, public), origin=origin)
    except VerifyError as error:
        raise TargetError(f"the checkpoint does not hold: {error}") from None
    return Head(checkpoint.size, checkpoint.root, note)
