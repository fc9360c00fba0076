"""Recording: what a party wrote and received becomes signed events in a ledger.

    draft, mail -> compose -> outbox (on disk) -> sign -> submit -> receipt -> journal -> receipts

What waits from an earlier run is sent first, octet for octet; what the journal knows is passed
over. So a run that was interrupted, at any arrow, is finished by running it again, and nothing is
recorded twice. A draft is one submission unless it holds governance, whose events travel alone,
or is too large; mails go together, oldest first, so that replies find what they reply to.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import math
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from ledger.chance import Random
from ledger.compose import Composed, Signer, sign_document
from ledger.covering import is_witnessed
from ledger.doubts import doubts
from ledger.drafts import Draft, compose_event, read_draft
from ledger.errors import (
    ComposeError,
    DraftError,
    JournalError,
    MailError,
    OtherStatementError,
    OutboxError,
    RefusedError,
    TargetError,
)
from ledger.journal import Journal, Line, Place
from ledger.mail import MAX_OCTETS, Mail, parse_mail
from ledger.mail_events import compose_mail, message_hash
from ledger.outbox import Item, Outbox, open_outbox
from ledger.recorded import Recorded, RecordReport, Refused, Sent, Skipped
from ledger.target import Target
from verify.claims import parse_disclosure
from verify.errors import VerifyError
from verify.kinds import GOVERNANCE
from verify.receipt import proof_of
from verify.submission import MAX_EVENTS, MAX_SUBMISSION, LedgerName, Seen, parse_document

__all__ = ["give_up", "record", "record_composed"]

_DAY_MS: Final = 86_400_000
_DRAFTS: Final = frozenset((".yaml", ".yml", ".json"))
_SHORT: Final = 16
_MAX_HELD: Final = 64 * 1024 * 1024  # octets of attachments in memory at a time


def record(  # noqa: PLR0913 - every option is named
    target: Target,
    sources: Sequence[Path],
    *,
    signer: Signer,
    home: Path,
    now_ms: Callable[[], int],
    parties: Mapping[str, str] | None = None,
    elsewhere: Mapping[str, str] | None = None,
    expires_within_ms: int = _DAY_MS,
    random: Random = secrets,
    quorum: bool = False,
) -> RecordReport:
    """Record drafts and mails.

    Args:
        target: The ledger.
        sources: Files: drafts (`.yaml`, `.yml`, `.json`) and mails (`.eml`). Drafts go first, in
            the order given.
        signer: The party's key.
        home: The party's folder, with its outbox and journal.
        now_ms: The clock, in milliseconds since 1970.
        parties: Mail address or domain to actor.
        elsewhere: Name to id, in hex, of recorded events that drafts may refer to by name.
        expires_within_ms: How long a signature stays good.
        random: Draws nonces and salts.
        quorum: Whether to note what no quorum of witnesses cosigned, by its receipt.

    Raises:
        OutboxError: The party's folder cannot be used.
        JournalError: Its journal cannot be used.
    """
    with _running(
        target, signer, home, now_ms=now_ms, expires_within_ms=expires_within_ms, random=random,
        quorum=quorum,
    ) as run:  # fmt: skip
        unfinished = dict.fromkeys(sources)
        try:
            run.flush()
            mails: list[Path] = []
            for path in sources:
                if _is_draft(path):
                    run.draft(path, elsewhere)
                    unfinished.pop(path, None)
                elif path.suffix.lower() == ".eml":
                    mails.append(path)
                else:
                    reason = "is neither a draft (.yaml, .yml, .json) nor a mail (.eml)"
                    refused = Refused(str(path), None, reason)
                    run.report.refused.append(refused)
            run.mails(mails, parties or {})
        except (TargetError, OutboxError, JournalError) as error:
            run.report.stopped = str(error)
            run.report.unfinished = run.unfinished(unfinished)
        return run.finish()


def _is_draft(path: Path) -> bool:
    return path.suffix.lower() in _DRAFTS


def record_composed(
    target: Target,
    composed: Composed,
    *,
    signer: Signer,
    home: Path,
    now_ms: Callable[[], int],
    once: bool = False,
    expires_within_ms: int = _DAY_MS,
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
    with _running(
        target, signer, home, now_ms=now_ms, expires_within_ms=expires_within_ms, random=secrets
    ) as run:
        event_id, before = run.put(composed, once=once)
        try:
            run.flush()
        except TargetError as error:
            run.report.stopped = str(error)
        return Sent(event_id, before, run.finish())


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
    with _running(
        target, signer, home, now_ms=now_ms, expires_within_ms=_DAY_MS, random=secrets
    ) as run:
        for item in run.waiting():
            run.give_up(item)
        return run.finish()


@contextlib.contextmanager
def _running(
    target: Target,
    signer: Signer,
    home: Path,
    *,
    now_ms: Callable[[], int],
    expires_within_ms: int,
    random: Random,
    quorum: bool = False,
) -> Iterator[_Run]:
    """Hold the party's folder for one run."""
    with open_outbox(home) as outbox:
        yield _Run(
            target=target,
            signer=signer,
            outbox=outbox,
            journal=Journal(home / "journal.jsonl"),
            now_ms=now_ms,
            expires_within_ms=expires_within_ms,
            random=random,
            quorum=quorum,
        )


class _Part(NamedTuple):
    """A composed event on its way, and what it is called in the report."""

    composed: Composed
    place: Place
    source: str
    event: str


class _Run:
    """One run: what it works with, and its report."""

    def __init__(
        self,
        *,
        target: Target,
        signer: Signer,
        outbox: Outbox,
        journal: Journal,
        now_ms: Callable[[], int],
        expires_within_ms: int,
        random: Random,
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
        self._random = random
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

    def unfinished(self, paths: Iterable[Path]) -> list[str]:
        """Return which of these files are not done with: of a draft, a part may be."""
        report = self.report
        told: list[Recorded | Skipped | Refused] = [*report.recorded, *report.skipped]
        done = {one.source for one in (*told, *report.refused)}
        return [str(path) for path in paths if _is_draft(path) or str(path) not in done]

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
            self._refuse(None, one.id.hex()[:_SHORT], reason)

    def draft(self, path: Path, elsewhere: Mapping[str, str] | None) -> None:
        """Record a draft."""
        try:
            draft = read_draft(path, elsewhere=elsewhere)
        except DraftError as error:
            self._refuse(path, error.event, str(error))
            return
        if draft.author is not None and draft.author != self.signer.party:
            reason = f"its author is {draft.author}, and the key is {self.signer.party}'s"
            self._refuse(path, None, reason)
            return
        parts = self._compose_draft(draft)
        done = 0
        for batch in _batches(parts):
            done += len(batch)
            if not self.record(batch):
                for one in parts[done:]:
                    reason = "was not sent, as an earlier event of the file was refused"
                    self._refuse(one.source, one.event, reason)
                return

    def mails(self, paths: Sequence[Path], parties: Mapping[str, str]) -> None:
        """Record mails, oldest first."""
        batch: list[_Part] = []
        load = _Load()
        near: dict[str, str] = {}  # message to event, of this batch
        for path in self._in_order(paths):
            part = self._compose_mail(path, parties, near)
            if part is not None and not load.take(part):
                self.record(batch)
                batch, load, near = [], _Load(), {}
                # Composed anew: what it replies to may just have been refused.
                part = self._compose_mail(path, parties, near)
                if part is not None:
                    load.take(part)
            if part is None:
                continue
            batch.append(part)
            if part.place.message is not None:
                near.setdefault(part.place.message, part.composed.id.hex())
        if batch:
            self.record(batch)

    def _compose_draft(self, draft: Draft) -> list[_Part]:
        """Compose what is not recorded yet; nothing of a draft that does not compose as a whole."""
        ids: dict[str, str] = {}
        parts: list[_Part] = []
        kept = _KeptHere(self.outbox, parts)
        path, author = str(draft.path), self.signer.party
        for number, event in enumerate(draft.events, 1):
            place = Place(source=draft.sha256, place=number)
            known = self.journal.find(self.target.fingerprint, source=place.source, place=number)
            if known is not None:
                self._skip(path, event.name, known)
            else:
                try:
                    composed = compose_event(
                        event, author=author, ids=ids, kept=kept, random=self._random
                    )
                except ComposeError as error:
                    self._refuse(path, event.name, str(error))
                    return []
                self._doubt(composed, f"{path}, event {event.name}")
                known = composed.id.hex()
                parts.append(_Part(composed, place, path, event.name))
            if event.label is not None:
                ids[event.label] = known
        return parts

    def _in_order(self, paths: Sequence[Path]) -> list[Path]:
        """Return the mails that are to be recorded, each once, by their dates; undated last."""
        found: dict[str, tuple[float, str, Path]] = {}
        for path in paths:
            mail = self._read_mail(path)
            if mail is None:
                continue
            known = self.journal.find(self.target.fingerprint, source=mail.sha256, place=0)
            if known is not None:
                self._skip(str(path), path.name, known)
            elif mail.sha256 in found:
                self._note(f"{path.name}: is the same as {found[mail.sha256][2].name}")
            else:
                at = math.inf if mail.date is None else mail.date.timestamp()
                found[mail.sha256] = (at, str(path), path)
        return [path for _, _, path in sorted(found.values())]

    def _read_mail(self, path: Path) -> Mail | None:
        try:
            with path.open("rb") as stream:
                return parse_mail(stream.read(MAX_OCTETS + 1))
        except OSError as failure:
            self._refuse(path, None, f"cannot be read: {failure.strerror}")
        except MailError as error:
            self._refuse(path, None, str(error))
        return None

    def _compose_mail(
        self, path: Path, parties: Mapping[str, str], near: Mapping[str, str]
    ) -> _Part | None:
        mail = self._read_mail(path)
        if mail is None:
            return None

        def find_message(message: str) -> str | None:
            return near.get(message) or self._find_message(message)

        try:
            composed, notes = compose_mail(
                mail,
                source=path,
                name=path.name,
                author=self.signer.party,
                parties=parties,
                find_message=find_message,
                random=self._random,
            )
        except (ComposeError, MailError) as error:
            self._refuse(path, None, str(error))
            return None
        for note in notes:
            self._note(note)
        self._doubt(composed, path.name)
        message = None if mail.message_id is None else message_hash(mail.message_id)
        copy = message and (self._find_message(message) or near.get(message))
        if copy:
            self._note(f"{path.name}: has the Message-ID of event {copy[:_SHORT]}: is it a copy?")
        place = Place(source=mail.sha256, place=0, message=message)
        return _Part(composed, place, str(path), path.name)

    def _find_message(self, message: str) -> str | None:
        """Find an earlier mail's event, which must be in the ledger: it may be an older copy."""
        found = self.journal.find_message(self.target.fingerprint, message)
        if found is None or self.target.index_of(bytes.fromhex(found)) is None:
            return None
        return found

    def record(self, batch: Sequence[_Part]) -> bool:
        """Put events into the outbox and send them; tell whether they are recorded."""
        names = [(part.source, part.event) for part in batch]
        try:
            item = self.outbox.put(
                [part.composed for part in batch],
                ledger=self._ledger,
                places=[part.place for part in batch],
            )
        except ComposeError as error:
            for source, event in names:
                self._refuse(source, event, str(error))
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

    def _send(
        self, item: Item, names: Sequence[tuple[str | None, str]], *, waited: bool = False
    ) -> bool:
        """Sign an item anew, send it, and settle it; tell whether it is recorded."""
        before = self._recorded_at(item) if waited else None
        try:
            answer = self._submit(item)
        except (RefusedError, VerifyError) as error:
            if self.target.index_of(item.events[0].id) is not None:
                raise TargetError(f"the ledger refuses what it has recorded: {error}") from None
            kept = self.outbox.kept_receipt(item)
            if kept is not None:
                reason = f"the ledger refuses what it has acknowledged by {kept}: {error}"
                raise TargetError(reason) from None
            self.outbox.refuse(item, str(error))
            for source, event in names:
                self._refuse(source, event, str(error))
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
            self._note(
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
            self._note(
                f"entry {receipt.first}: no quorum of witnesses cosigned it in time, so its "
                "receipt shows none; `counterfoil receipt` gets one that does, once they have"
                if self.target.state.charter.witnesses
                else f"entry {receipt.first}: the charter names no witnesses to wait for"
            )
        # The journal first: an item that leaves the outbox unjournalled would be recorded twice.
        self.journal.add(self._lines(item))
        self.outbox.settle(item, answer)
        return receipt.first

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

    def _skip(self, source: str, event: str, known: str) -> None:
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

    def _refuse(self, source: Path | str | None, event: str | None, reason: str) -> None:
        name = None if source is None else str(source)
        self.report.refused.append(Refused(name, event, reason))

    def _doubt(self, composed: Composed, where: str) -> None:
        """Note what may be a slip of the pen in an event, or in the one that it seals."""
        today = dt.datetime.fromtimestamp(self._now_ms() / 1000, dt.UTC).date()
        inner = () if composed.nested is None else (composed.nested,)
        for one in (composed, *inner):
            claims = _claims(one)
            for doubt in doubts(one.event, claims, state=self.target.state, today=today):
                self._note(f"{where}: {doubt}")

    def _note(self, note: str) -> None:
        self._notes[note] = None

    def finish(self) -> RecordReport:
        """Complete the report."""
        self.report.notes = list(self._notes)
        self.report.waiting = len(self.waiting())
        return self.report


def _words(composed: Composed) -> str:
    """Hash what an event says, without what was drawn for it."""
    fields = msgspec.json.decode(composed.data, type=dict[str, msgspec.Raw])
    said = {
        "fields": {name: fields[name] for name in fields if name not in {"nonce", "sealed"}},
        "claims": _claims(composed),
    }
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()


def _claims(composed: Composed) -> dict[str, object]:
    """Return the claims of an event, opened."""
    claims = map(parse_disclosure, (*composed.disclosures, *composed.withheld))
    return {claim.name: claim.value for claim in claims}


class _KeptHere:
    """What was kept back with earlier events, those on their way included."""

    def __init__(self, outbox: Outbox, parts: Sequence[_Part]) -> None:
        self._outbox = outbox
        self._parts = parts

    def disclosures(self, event_id: str, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return disclosures that an event withheld."""
        for composed in self._composed():
            if composed.id.hex() == event_id:
                held = {parse_disclosure(text).name: text for text in composed.withheld}
                for name in names:
                    if name not in held:
                        raise ComposeError("names", f"{name!r} was not withheld by that event")
                return tuple(held[name] for name in names)
        return self._outbox.disclosures(event_id, names)

    def nested(self, event_id: str) -> Composed:
        """Return the event that a `sealed/v1` seals."""
        for composed in self._composed():
            if composed.id.hex() == event_id and composed.nested is not None:
                return composed.nested
        return self._outbox.nested(event_id)

    def _composed(self) -> Iterator[Composed]:
        for part in self._parts:
            yield part.composed
            if part.composed.nested is not None:
                yield part.composed.nested


def _batches(parts: Sequence[_Part]) -> Iterator[list[_Part]]:
    """Cut parts into submissions: governance alone, and none beyond the limits."""
    batch: list[_Part] = []
    load = _Load()
    for part in parts:
        before = batch and isinstance(batch[-1].composed.event, GOVERNANCE)
        alone = isinstance(part.composed.event, GOVERNANCE)
        if before or (batch and alone) or not load.take(part):
            yield batch
            batch, load = [], _Load()
            load.take(part)
        batch.append(part)
    if batch:
        yield batch


class _Load:
    """How much a submission carries so far."""

    def __init__(self) -> None:
        self._count = self._events = self._disclosures = self._held = 0

    def take(self, part: _Part) -> bool:
        """Take a part along, unless it is too much. One alone never is."""
        composed = part.composed
        sources = (file.source for file in composed.files)
        events = self._events + len(composed.data)
        disclosures = self._disclosures + sum(map(len, composed.disclosures))
        held = self._held + sum(len(one) for one in sources if isinstance(one, bytes))
        if self._count and (
            self._count == MAX_EVENTS
            or max(events, disclosures) > MAX_SUBMISSION
            or held > _MAX_HELD
        ):
            return False
        self._count += 1
        self._events, self._disclosures, self._held = events, disclosures, held
        return True
