"""Recording: what a party wrote and received becomes signed events in a ledger.

    draft, mail -> compose -> outbox (on disk) -> sign -> submit -> receipt -> journal -> receipts

What waits from an earlier run is sent first, octet for octet; what the journal knows is passed
over. So a run that was interrupted, at any arrow, is finished by running it again, and nothing is
recorded twice. A draft is one submission unless it holds governance, whose events travel alone,
or is too large; mails go together, oldest first, so that replies find what they reply to.
"""

from __future__ import annotations

import datetime as dt
import math
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from ledger.chance import Random
from ledger.compose import Composed, Signer
from ledger.doubts import doubts
from ledger.drafts import Draft, compose_event, read_draft
from ledger.errors import (
    ComposeError,
    DraftError,
    JournalError,
    MailError,
    OutboxError,
    TargetError,
)
from ledger.journal import Place
from ledger.mail import MAX_OCTETS, Mail, parse_mail
from ledger.mail_events import compose_mail, message_hash
from ledger.outbox import Outbox
from ledger.recorded import Recorded, RecordReport, Refused, Skipped
from ledger.sending import DAY_MS, Sender, sending
from ledger.target import Target
from verify.claims import parse_disclosure
from verify.kinds import GOVERNANCE
from verify.submission import MAX_EVENTS, MAX_SUBMISSION

__all__ = ["record"]

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
    expires_within_ms: int = DAY_MS,
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
    with sending(
        target, signer, home, now_ms=now_ms, expires_within_ms=expires_within_ms, quorum=quorum
    ) as sender:
        run = _Run(sender, now_ms=now_ms, random=random)
        unfinished = dict.fromkeys(sources)
        try:
            sender.flush()
            mails: list[Path] = []
            for path in sources:
                if _is_draft(path):
                    run.draft(path, elsewhere)
                    unfinished.pop(path, None)
                elif path.suffix.lower() == ".eml":
                    mails.append(path)
                else:
                    reason = "is neither a draft (.yaml, .yml, .json) nor a mail (.eml)"
                    sender.refuse(path, None, reason)
            run.mails(mails, parties or {})
        except (TargetError, OutboxError, JournalError) as error:
            sender.report.stopped = str(error)
            sender.report.unfinished = run.unfinished(unfinished)
        return sender.finish()


def _is_draft(path: Path) -> bool:
    return path.suffix.lower() in _DRAFTS


class _Part(NamedTuple):
    """A composed event on its way, and what it is called in the report."""

    composed: Composed
    place: Place
    source: str
    event: str


class _Run:
    """What composes the events of one run, and has them sent."""

    def __init__(self, sender: Sender, *, now_ms: Callable[[], int], random: Random) -> None:
        self._sender = sender
        self._target = sender.target
        self._journal = sender.journal
        self._author = sender.signer.party
        self._now_ms = now_ms
        self._random = random

    def unfinished(self, paths: Iterable[Path]) -> list[str]:
        """Return which of these files are not done with: of a draft, a part may be."""
        report = self._sender.report
        told: list[Recorded | Skipped | Refused] = [*report.recorded, *report.skipped]
        done = {one.source for one in (*told, *report.refused)}
        return [str(path) for path in paths if _is_draft(path) or str(path) not in done]

    def draft(self, path: Path, elsewhere: Mapping[str, str] | None) -> None:
        """Record a draft."""
        try:
            draft = read_draft(path, elsewhere=elsewhere)
        except DraftError as error:
            self._sender.refuse(path, error.event, str(error))
            return
        if draft.author is not None and draft.author != self._author:
            reason = f"its author is {draft.author}, and the key is {self._author}'s"
            self._sender.refuse(path, None, reason)
            return
        parts = self._compose_draft(draft)
        done = 0
        for batch in _batches(parts):
            done += len(batch)
            if not self._record(batch):
                for one in parts[done:]:
                    reason = "was not sent, as an earlier event of the file was refused"
                    self._sender.refuse(one.source, one.event, reason)
                return

    def mails(self, paths: Sequence[Path], parties: Mapping[str, str]) -> None:
        """Record mails, oldest first."""
        batch: list[_Part] = []
        load = _Load()
        near: dict[str, str] = {}  # message to event, of this batch
        for path in self._in_order(paths):
            part = self._compose_mail(path, parties, near)
            if part is not None and not load.take(part):
                self._record(batch)
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
            self._record(batch)

    def _compose_draft(self, draft: Draft) -> list[_Part]:
        """Compose what is not recorded yet; nothing of a draft that does not compose as a whole."""
        ids: dict[str, str] = {}
        parts: list[_Part] = []
        kept = _KeptHere(self._sender.outbox, parts)
        path, author = str(draft.path), self._author
        for number, event in enumerate(draft.events, 1):
            place = Place(source=draft.sha256, place=number)
            known = self._journal.find(self._target.fingerprint, source=place.source, place=number)
            if known is not None:
                self._sender.skip(path, event.name, known)
            else:
                try:
                    composed = compose_event(
                        event, author=author, ids=ids, kept=kept, random=self._random
                    )
                except ComposeError as error:
                    self._sender.refuse(path, event.name, str(error))
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
            known = self._journal.find(self._target.fingerprint, source=mail.sha256, place=0)
            if known is not None:
                self._sender.skip(str(path), path.name, known)
            elif mail.sha256 in found:
                self._sender.note(f"{path.name}: is the same as {found[mail.sha256][2].name}")
            else:
                at = math.inf if mail.date is None else mail.date.timestamp()
                found[mail.sha256] = (at, str(path), path)
        return [path for _, _, path in sorted(found.values())]

    def _read_mail(self, path: Path) -> Mail | None:
        try:
            with path.open("rb") as stream:
                return parse_mail(stream.read(MAX_OCTETS + 1))
        except OSError as failure:
            self._sender.refuse(path, None, f"cannot be read: {failure.strerror}")
        except MailError as error:
            self._sender.refuse(path, None, str(error))
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
                author=self._author,
                parties=parties,
                find_message=find_message,
                random=self._random,
            )
        except (ComposeError, MailError) as error:
            self._sender.refuse(path, None, str(error))
            return None
        for note in notes:
            self._sender.note(note)
        self._doubt(composed, path.name)
        message = None if mail.message_id is None else message_hash(mail.message_id)
        copy = message and (self._find_message(message) or near.get(message))
        if copy:
            self._sender.note(
                f"{path.name}: has the Message-ID of event {copy[:_SHORT]}: is it a copy?"
            )
        place = Place(source=mail.sha256, place=0, message=message)
        return _Part(composed, place, str(path), path.name)

    def _find_message(self, message: str) -> str | None:
        """Find an earlier mail's event, which must be in the ledger: it may be an older copy."""
        found = self._journal.find_message(self._target.fingerprint, message)
        if found is None or self._target.index_of(bytes.fromhex(found)) is None:
            return None
        return found

    def _record(self, batch: Sequence[_Part]) -> bool:
        """Have events sent together; tell whether they are recorded."""
        return self._sender.record(
            [part.composed for part in batch],
            places=[part.place for part in batch],
            names=[(part.source, part.event) for part in batch],
        )

    def _doubt(self, composed: Composed, where: str) -> None:
        """Note what may be a slip of the pen in an event, or in the one that it seals."""
        today = dt.datetime.fromtimestamp(self._now_ms() / 1000, dt.UTC).date()
        inner = () if composed.nested is None else (composed.nested,)
        for one in (composed, *inner):
            claims = one.claims()
            for doubt in doubts(one.event, claims, state=self._target.state, today=today):
                self._sender.note(f"{where}: {doubt}")


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
