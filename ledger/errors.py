"""What can go wrong on the ledger floor: one tree, each exception carrying its evidence.

LedgerError
├── DateError                a date is outside our EDTF subset, or does not exist
│   └── ContradictionError   dates said to be of one event have no day in common
├── ClockError               a deadline cannot be worked out from what was given
│   ├── WrongClockError      the clock disagrees with the last entry: somebody must confirm it
│   └── MovedClockError      the clock was set while the ledger was open: nothing is recorded
├── PrivateFileError         a file that is for this account alone cannot be used
│   ├── KeyFileError         a key file, key request or passphrase
│   ├── OutboxError          the outbox of a party
│   └── JournalError         the journal of an importer
├── ComposeError             values do not make an event or a submission
├── DraftError               what a person wrote does not make events
├── BackupError              a folder is no backup that can be restored
├── DisputedError            what others know of a ledger is not what is here
│   ├── OlderError               they know later entries
│   └── ForkedError              they know another history
├── WitnessError             a witness did not cosign, or what it answered does not hold
├── ExportError              an export or evidence file cannot be made
├── ReconcileError           sources, or decisions about them, are not what can be reconciled
├── OutputError              an output cannot be made
├── TargetError              a ledger cannot be reached or asked, or its answer does not hold
│   └── OtherStatementError  a receipt is for no statement that is at hand
├── RefusedError             a ledger answered that it does not accept a submission
├── MailError                octets are no mail, or pass a limit
├── StoreError               a ledger's own files do not hold together, or cannot be used
│   ├── FullError            there is no room: nothing was recorded, and later there may be
│   ├── BusyError            another process records in this ledger
│   └── LogKeyError          a log key that the ledger needs is not at hand
├── NotFoundError            there is no such ledger, entry, tile or file
└── FileMismatchError        a file's octets are not of the size or hash announced

What is wrong with the bytes of a ledger is `verify.errors`, not here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from verify.receipt import Receipt

__all__ = [
    "BackupError",
    "BusyError",
    "ClockError",
    "ComposeError",
    "ContradictionError",
    "DateError",
    "DisputedError",
    "DraftError",
    "ExportError",
    "FileMismatchError",
    "ForkedError",
    "FullError",
    "JournalError",
    "KeyFileError",
    "LedgerError",
    "LogKeyError",
    "MailError",
    "MovedClockError",
    "NotFoundError",
    "OlderError",
    "OtherStatementError",
    "OutboxError",
    "OutputError",
    "PrivateFileError",
    "ReconcileError",
    "RefusedError",
    "StoreError",
    "TargetError",
    "WitnessError",
    "WrongClockError",
]


class LedgerError(Exception):
    """The base of everything that `ledger` raises on purpose."""


class DateError(LedgerError):
    """A date was refused.

    Attributes:
        text: The date as it was given, whole.
        reason: What is wrong with it.
    """

    def __init__(self, text: str, reason: str) -> None:
        # The message is cut, since it reaches logs and screens; `text` is not.
        super().__init__(f"{text[:80]!r}: {reason}")
        self.text = text
        self.reason = reason


class ContradictionError(DateError):
    """No day satisfies both a date and the dates that should corroborate it.

    Attributes:
        against: The corroborating dates, in EDTF, in the order given.
    """

    def __init__(self, text: str, *, against: tuple[str, ...]) -> None:
        super().__init__(text, f"no day in common with {', '.join(against)[:200]}")
        self.against = against


class ClockError(LedgerError):
    """A deadline could not be worked out.

    Attributes:
        reason: What is missing or wrong.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MailError(LedgerError):
    """Octets could not be read as one mail.

    Attributes:
        found: How many of the thing counted there were, when a limit was passed.
        limit: How many there may be.
    """

    def __init__(self, reason: str, *, found: int | None = None, limit: int | None = None) -> None:
        super().__init__(reason)
        self.found = found
        self.limit = limit


class PrivateFileError(LedgerError):
    """A file that is for this account alone cannot be used.

    Attributes:
        path: The file or folder.
        reason: What is wrong with it. Never what it holds.
    """

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason


class KeyFileError(PrivateFileError):
    """A key file, a key request or a passphrase cannot be used."""


class OutboxError(PrivateFileError):
    """The outbox of a party cannot be used."""


class JournalError(PrivateFileError):
    """The journal of an importer cannot be used."""


class ComposeError(LedgerError):
    """Values do not make an event or a submission.

    Attributes:
        where: The part that is wrong, such as "claims.title".
        reason: What is wrong with it.
    """

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.where = where
        self.reason = reason


class DraftError(LedgerError):
    """What a person wrote does not make events.

    Attributes:
        path: The file.
        event: The event's label, or its number from 1; None outside events.
        field: The field, such as "dates.occurred"; None for the whole.
        reason: What is wrong, in plain words.
    """

    def __init__(
        self, path: object, reason: str, *, event: str | None = None, field: str | None = None
    ) -> None:
        place = [str(path)]
        if event is not None:
            place.append(f"event {event}")
        if field is not None:
            place.append(field)
        super().__init__(f"{', '.join(place)}: {reason}")
        self.path = str(path)
        self.event = event
        self.field = field
        self.reason = reason


class TargetError(LedgerError):
    """A ledger cannot be reached or asked, or its answer does not hold.

    Whether it recorded what was sent is not known: what was sent stays in the outbox.
    """


class OtherStatementError(TargetError):
    """A receipt is for no statement that is at hand; its proof holds.

    Attributes:
        receipt: The receipt.
    """

    def __init__(self, receipt: Receipt) -> None:
        super().__init__("the receipt is for something else than what was sent")
        self.receipt = receipt


class RefusedError(LedgerError):
    """A ledger answered that it does not accept a submission.

    Attributes:
        reason: Why.
        check: The number of the check of SPEC section 12, when it is one.
        where: The part of the submission, such as "events[3].of".
    """

    def __init__(self, reason: str, *, check: int | None = None, where: str | None = None) -> None:
        prefix = "" if check is None else f"[{check}] "
        super().__init__(f"{prefix}{'' if where is None else f'{where}: '}{reason}")
        self.reason = reason
        self.check = check
        self.where = where


class WrongClockError(ClockError):
    """The clock disagrees with the last entry: `recorded` never decreases, so one bad time stays.

    Attributes:
        now_ms: What the clock says, in milliseconds since 1970; None without a clock.
        recorded_ms: When the last entry was recorded.
    """

    def __init__(self, reason: str, *, now_ms: int | None, recorded_ms: int) -> None:
        super().__init__(reason)
        self.now_ms = now_ms
        self.recorded_ms = recorded_ms


class MovedClockError(ClockError):
    """The clock no longer stands where it should. Nothing was recorded while it does.

    Attributes:
        by_ms: By how many milliseconds it is ahead; below 0 if it is behind.
        now_ms: What it says, in milliseconds since 1970.
    """

    def __init__(self, *, by_ms: int, now_ms: int) -> None:
        side = "ahead of" if by_ms > 0 else "behind"
        super().__init__(
            f"nothing was recorded: the clock stands {abs(by_ms) // 1000} seconds {side} "
            "where it should"
        )
        self.by_ms = by_ms
        self.now_ms = now_ms


class StoreError(LedgerError):
    """A ledger's own files do not hold together, or cannot be used.

    Attributes:
        path: The file or folder.
        reason: What is wrong with it.
    """

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason


class FullError(StoreError):
    """There is no room. Nothing was recorded; when there is room again, the same will be."""


class BusyError(StoreError):
    """Another process records in this ledger."""


class LogKeyError(StoreError):
    """A log key that the ledger needs is not at hand.

    Attributes:
        key: The public key, in hex.
    """

    def __init__(self, path: object, *, key: str) -> None:
        super().__init__(path, f"the log key {key} is not at hand")
        self.key = key


class NotFoundError(LedgerError):
    """There is no such ledger, entry, tile or file.

    Attributes:
        what: What was asked for.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"there is no {what}")
        self.what = what


class FileMismatchError(LedgerError):
    """A file's octets are not of the size or hash announced. Nothing of them was kept.

    Attributes:
        expected: The hash or size announced.
        found: The hash or size of the octets that came; a size stops one above the one announced.
    """

    def __init__(self, reason: str, *, expected: str, found: str) -> None:
        super().__init__(f"{reason}: expected {expected}, found {found}")
        self.reason = reason
        self.expected = expected
        self.found = found


class BackupError(LedgerError):
    """A folder is no backup that can be restored: it is not one, or is damaged.

    Attributes:
        path: The folder.
        reason: What is wrong with it.
        check: The number of the check of SPEC section 12 that fails, when it is one.
    """

    def __init__(self, path: object, reason: str, *, check: int | None = None) -> None:
        super().__init__(f"{path}: {'' if check is None else f'[{check}] '}{reason}")
        self.path = str(path)
        self.reason = reason
        self.check = check


class DisputedError(LedgerError):
    """What others know of a ledger is not what is here.

    Attributes:
        source: Who knows it, or the file that says it.
        size: How many entries they know.
        root: The root hash that they know of that size, in hex; None if they told none.
        found: The root hash here at that size, in hex; None if so many entries are not here.
        note: The signed checkpoint that says it, by which anybody else can be shown; or nothing.
    """

    def __init__(
        self,
        reason: str,
        *,
        source: str,
        size: int,
        root: str | None,
        found: str | None = None,
        note: bytes = b"",
    ) -> None:
        super().__init__(reason)
        self.source = source
        self.size = size
        self.root = root
        self.found = found
        self.note = note


class OlderError(DisputedError):
    """Others know later entries: what is here is an earlier state of the ledger."""


class ForkedError(DisputedError):
    """Others know another history: two root hashes of one size were signed, or would be."""


class WitnessError(LedgerError):
    """A witness did not cosign, or what it answered does not hold. It proves nothing.

    Attributes:
        witness: What the witness is called here.
        reason: A word for what happened, of `ledger.feeding`.
        detail: What happened, in words; they may be the witness's own.
        retry_after_s: How long the witness asks to be left alone; 0 if it does not.
    """

    def __init__(self, witness: str, reason: str, detail: str, *, retry_after_s: int = 0) -> None:
        super().__init__(f"{witness}: {detail}")
        self.witness = witness
        self.reason = reason
        self.detail = detail
        self.retry_after_s = retry_after_s


class ReconcileError(LedgerError):
    """What was handed in cannot be reconciled.

    Attributes:
        where: The source, the option, or the part of the decisions.
        reason: What is wrong with it.
    """

    def __init__(self, where: str, reason: str) -> None:
        """Keep where and what."""
        super().__init__(f"{where[:200]}: {reason}")
        self.where = where
        self.reason = reason


class OutputError(LedgerError):
    """An output cannot be made."""


class ExportError(LedgerError):
    """An export or an evidence file cannot be made.

    Attributes:
        path: Where it was to be.
        reason: Why it is not there.
    """

    def __init__(self, path: Path | str, reason: str) -> None:
        """Keep where and why."""
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        """Say where, then why."""
        return f"{self.path}: {self.reason}"
