"""Sending: what waits in a party's outbox is signed, handed in, and let go of for its receipt.

    outbox (on disk) -> sign -> submit -> receipt -> journal -> receipts

A run that was interrupted, at any arrow, is finished by another: what waits is sent again, octet
for octet, and what the ledger has already, it acknowledges anew. How events that stand in files
come into the outbox, `record` knows; one that a command composed is put here.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from ledger.compose import Composed, Signer, sign_document
from ledger.covering import is_witnessed
from ledger.errors import (
    ComposeError,
    OtherStatementError,
    OutboxError,
    RefusedError,
    TargetError,
)
from ledger.journal import Journal, Line, Place
from ledger.outbox import Item, Outbox, open_outbox
from ledger.recorded import Recorded, RecordReport, Refused, Sent, Skipped
from ledger.target import Target
from verify.checks import Check
from verify.errors import VerifyError
from verify.receipt import proof_of
from verify.submission import LedgerName, Seen, parse_document

__all__ = ["DAY_MS", "Sender", "give_up", "record_composed", "sending"]

DAY_MS: Final = 86_400_000
_SHORT: Final = 16


def record_composed(
    target: Target,
    composed: Composed,
    *,
    signer: Signer,
    home: Path,
    now_ms: Callable[[], int],
    once: bool = False,
    expires_within_ms: int = DAY_MS,
) -> Sent:
    """Record one event that was composed here and stands in no file.

    One with the same words that waits from a run that was interrupted is the same event, and goes
    in its place. It waits, too, when what waited before it cannot be sent.

    Args:
        target: The ledger.
        composed: The event.
        signer: The party's key.
        home: The party's folder, with its outbox and journal.
        now_ms: The clock, in milliseconds since 1970.
        once: Pass it over if one with the same words was recorded from here before.
        expires_within_ms: How long a signature stays good.

    Raises:
        OutboxError: The party's folder cannot be used.
        JournalError: Its journal cannot be used.
        TargetError: Whether the ledger has one that was recorded before is not known.
    """
    with sending(
        target, signer, home, now_ms=now_ms, expires_within_ms=expires_within_ms
    ) as sender:
        event_id, before = sender.put(composed, once=once)
        try:
            sender.flush()
        except TargetError as error:
            sender.report.stopped = str(error)
        return Sent(event_id, before, sender.finish())


def give_up(
    target: Target, *, signer: Signer, home: Path, now_ms: Callable[[], int]
) -> RecordReport:
    """Let go of what waits for a ledger, of this party, and will never be taken.

    It moves to `refused` in the party's folder. What the ledger is known to have stays: its
    receipt comes with the next run.

    Raises:
        OutboxError: The party's folder cannot be used.
        JournalError: Its journal cannot be used.
    """
    with sending(target, signer, home, now_ms=now_ms) as sender:
        for item in sender.waiting():
            sender.give_up(item)
        return sender.finish()


@contextlib.contextmanager
def sending(
    target: Target,
    signer: Signer,
    home: Path,
    *,
    now_ms: Callable[[], int],
    expires_within_ms: int = DAY_MS,
    quorum: bool = False,
) -> Iterator[Sender]:
    """Hold the party's folder, and send from it.

    Args:
        target: The ledger.
        signer: The party's key.
        home: The party's folder, with its outbox and journal.
        now_ms: The clock, in milliseconds since 1970.
        expires_within_ms: How long a signature stays good.
        quorum: Whether to note what no quorum of witnesses cosigned, by its receipt.

    Raises:
        OutboxError: The party's folder cannot be used.
    """
    with open_outbox(home) as outbox:
        yield Sender(
            target=target,
            signer=signer,
            outbox=outbox,
            journal=Journal(home / "journal.jsonl"),
            now_ms=now_ms,
            expires_within_ms=expires_within_ms,
            quorum=quorum,
        )


class Sender:
    """Sends for one party to one ledger, and keeps the report of the run."""

    def __init__(
        self,
        *,
        target: Target,
        signer: Signer,
        outbox: Outbox,
        journal: Journal,
        now_ms: Callable[[], int],
        expires_within_ms: int,
        quorum: bool,
    ) -> None:
        self.target = target
        self.signer = signer
        self.outbox = outbox
        self.journal = journal
        self.report = RecordReport()
        self._notes: dict[str, None] = {}
        self._now_ms = now_ms
        self._expires_within_ms = expires_within_ms
        self._quorum = quorum
        self._ledger = LedgerName(origin=target.origin, charter=target.fingerprint)

    def waiting(self) -> list[Item]:
        """Return what waits for this ledger, of this party."""
        return [
            item
            for item in self.outbox.waiting()
            if item.ledger == self._ledger and item.author == self.signer.party
        ]

    def flush(self) -> None:
        """Send what waits from earlier runs."""
        for item in self.waiting():
            names = [(None, one.id.hex()[:_SHORT]) for one in item.events]
            self._send(item, names, waited=True)

    def give_up(self, item: Item) -> None:
        """Let go of an item, unless it is recorded."""
        reason = "given up"
        try:
            if self.target.index_of(item.events[0].id) is not None:
                return
        except TargetError as error:
            reason = f"given up; whether it is recorded is not known: {error}"
        self.outbox.refuse(item, reason)
        for one in item.events:
            self.refuse(None, one.id.hex()[:_SHORT], reason)

    def record(
        self,
        events: Sequence[Composed],
        *,
        places: Sequence[Place],
        names: Sequence[tuple[str | None, str]],
    ) -> bool:
        """Put events into the outbox as one submission and send it; tell whether they are recorded.

        Args:
            events: The events.
            places: For the journal: where each stands in its source.
            names: What each is called in the report: its source, and its label or number there.
        """
        try:
            item = self.outbox.put(events, ledger=self._ledger, places=places)
        except ComposeError as error:
            for source, event in names:
                self.refuse(source, event, str(error))
            return False
        return self._send(item, names)

    def put(self, composed: Composed, *, once: bool) -> tuple[str, int | None]:
        """Put an event that stands in no file into the outbox.

        Its words are its source, and how often they were said before is its place there: what
        waits with the same words is the same event. Return the id of the event that is there now,
        in hex; or of the one that was recorded before, if `once`, with its index.
        """
        words, said = _words(composed), list[str]()
        while known := self.journal.find(self.target.fingerprint, source=words, place=len(said)):
            said.append(known)
        # Also one that is in the journal already, of a run that ended before the outbox knew.
        for item in self.waiting():
            if [place.source for place in item.places if place is not None] == [words]:
                return item.events[0].id.hex(), None
        if once and said:
            index = self.target.index_of(bytes.fromhex(said[-1]))
            if index is not None:
                return said[-1], index
        place = Place(source=words, place=len(said))
        self.outbox.put([composed], ledger=self._ledger, places=[place])
        return composed.id.hex(), None

    def skip(self, source: str, event: str, known: str) -> None:
        """Pass over what the journal knows, if the ledger still has it.

        Raises:
            TargetError: It has not, as where a backup was put in its place.
        """
        if self.target.index_of(bytes.fromhex(known)) is None:
            raise TargetError(
                f"{source}, {event}: was recorded as {known[:_SHORT]}, and the ledger has it no "
                f"more: it is an earlier state. The receipts in {self.outbox.home} show that"
            )
        self.report.skipped.append(Skipped(source, event, known))

    def refuse(self, source: Path | str | None, event: str | None, reason: str) -> None:
        """Report something that is not recorded, and why."""
        name = None if source is None else str(source)
        self.report.refused.append(Refused(name, event, reason))

    def note(self, note: str) -> None:
        """Report what a person should know; the same thing once."""
        self._notes[note] = None

    def finish(self) -> RecordReport:
        """Complete the report."""
        self.report.notes = list(self._notes)
        self.report.waiting = len(self.waiting())
        return self.report

    def _send(
        self, item: Item, names: Sequence[tuple[str | None, str]], *, waited: bool = False
    ) -> bool:
        """Sign an item anew, send it, and settle it; tell whether it is recorded."""
        before = self._recorded_at(item) if waited else None
        try:
            answer = self._hand_in(item)
        except (RefusedError, VerifyError) as error:
            if self.target.index_of(item.events[0].id) is not None:
                raise TargetError(f"the ledger refuses what it has recorded: {error}") from None
            kept = self.outbox.kept_receipt(item)
            if kept is not None:
                reason = f"the ledger refuses what it has acknowledged by {kept}: {error}"
                raise TargetError(reason) from None
            self.outbox.refuse(item, str(error))
            for source, event in names:
                self.refuse(source, event, str(error))
            return False
        first = self._settle(item, answer, before)
        for position, (source, event) in enumerate(names):
            event_id = item.events[position].id.hex()
            self.report.recorded.append(Recorded(source, event, event_id, first + position))
        return True

    def _recorded_at(self, item: Item) -> int | None:
        """Return where the ledger has an item already, if it has all of it."""
        found = [self.target.index_of(one.id) for one in item.events]
        return None if None in found else found[0]

    def _settle(self, item: Item, answer: bytes, before: int | None) -> int:
        """Let go of an item for its receipt; return the index of its first entry.

        Where the ledger had it before, it may have come from elsewhere: when a copy of this home
        is put back, what waits in it was sent since. Then no receipt fits what was signed here.
        """
        try:
            receipt = self.outbox.check_receipt(item, answer, log_keys=self.target.log_keys)
        except OtherStatementError as error:
            if before != error.receipt.first:
                raise
            self.target.confirm(proof_of(error.receipt).checkpoint)
            self.note(
                f"entry {before} has a receipt for something that was not signed here: if it was "
                "sent from a copy of this home, that has its receipt"
            )
            self.journal.add(self._lines(item))
            self.outbox.let_go(item)
            return before
        note = proof_of(receipt).checkpoint
        try:
            self.target.confirm(note)
        except TargetError as error:
            # What it promises may never be shown: then there is nothing else that shows it.
            try:
                kept = f"{self.outbox.keep_receipt(item, answer)} is the receipt that came"
            except OutboxError as failure:
                kept = f"the receipt that came is not kept: {failure}"
            raise TargetError(f"{error}; {kept}") from None
        if self._quorum and not is_witnessed(self.target.state, note):
            self.note(
                f"entry {receipt.first}: no quorum of witnesses cosigned it in time, so its "
                "receipt shows none; `counterfoil receipt` gets one that does, once they have"
                if self.target.state.charter.witnesses
                else f"entry {receipt.first}: the charter names no witnesses to wait for"
            )
        # The journal first: an item that leaves the outbox unjournalled would be recorded twice.
        self.journal.add(self._lines(item))
        self.outbox.settle(item, answer)
        return receipt.first

    def _hand_in(self, item: Item) -> bytes:
        """Submit an item; once more where the checkpoint that it names as seen is refused.

        There may be no room for a further one of that size. Of the next size there is.
        """
        try:
            return self._submit(item)
        except RefusedError as error:
            if error.check != Check.SEEN:
                raise
        return self._submit(item)

    def _submit(self, item: Item) -> bytes:
        for file in item.files():
            with self.outbox.open_file(file.sha256) as stream:
                self.target.add_file(stream, sha256=file.sha256, size=file.size)
        head = self.target.head()
        seen = Seen(
            note=hashlib.sha256(head.note).hexdigest(), root=head.root.hex(), size=head.size
        )
        document = sign_document(
            item.events,
            signer=self.signer,
            ledger=self._ledger,
            expires_ms=self._now_ms() + self._expires_within_ms,
            seen=seen,
            note=head.note,
        )
        # Read back by the kernel: what it would refuse there is refused here, before it is sent.
        submission = parse_document(document)
        self.outbox.add_attempt(
            item,
            statement=submission.statement,
            signature=submission.signature,
            note=submission.note,
        )
        return self.target.hand_in(document)

    def _lines(self, item: Item) -> Iterator[Line]:
        for composed, place in zip(item.events, item.places, strict=True):
            if place is not None:
                yield Line(
                    event=composed.id.hex(),
                    ledger=self.target.fingerprint,
                    source=place.source,
                    place=place.place,
                    message=place.message,
                )


def _words(composed: Composed) -> str:
    """Hash what an event says, without what was drawn for it."""
    fields = msgspec.json.decode(composed.data, type=dict[str, msgspec.Raw])
    said = {
        "fields": {name: fields[name] for name in fields if name not in {"nonce", "sealed"}},
        "claims": composed.claims(),
    }
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()
