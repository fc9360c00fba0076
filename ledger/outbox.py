"""The outbox: signed events on the party's machine until their receipt is there.

    lock                  held by the one process that uses this folder
    outbox/<name>.item    events that wait, in the order of their names; written before sending
    outbox/<name>.<n>     each statement signed over them: which one was accepted is known last
    outbox/files/<sha256> the files that travel with them
    kept/<event id>       what was kept back with an event: withheld claims, a sealed event
    kept/files/<sha256>   the files of these
    receipts/<name>.*     the item, its receipt and the statement that the receipt is about; or
                          what was signed over it, if it was sent from a copy of this folder; or
                          the receipt alone, if the ledger does not show what it promises
    refused/<name>.*      the item and why

A retry is signed anew over the same event octets, so an event has one id for ever. The ledger
answers a retry with the receipt of the statement that it accepted first; therefore none that was
ever sent is forgotten before one of them fits the receipt. The commit point of an item is its
move from `outbox` to `receipts`: a crash before leaves it waiting, and sending it again is safe.
What a crash leaves half written, or of no item any more, goes when the outbox is next opened.

Everything here is for this account alone: 0600 and 0700. The party's key is not here.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from ledger.accepted import check_accepted, find_signed
from ledger.compose import Composed, FileClaim, recompose
from ledger.errors import ComposeError, OutboxError
from ledger.journal import Place
from ledger.making import create_file
from ledger.private import (
    locked,
    make_private_folder,
    read_private,
    replace_private,
    sync_folder,
    write_all,
)
from verify.claims import File, parse_disclosure
from verify.codec import Decoder, Party, SignatureHex, Wire, encode
from verify.errors import MalformedError
from verify.receipt import Receipt, parse_receipt
from verify.submission import LedgerName, Statement, gather_name, gather_statement

__all__ = ["Item", "Outbox", "open_outbox"]

_FOLDERS: Final = ("outbox", "outbox/files", "kept", "kept/files", "receipts", "refused")
_NAME: Final = re.compile(r"([0-9]{10})-[0-9a-f]{16}")
_ID: Final = re.compile(r"[0-9a-f]{64}")
_MAX_ITEM: Final = 1 << 30  # one event may have 512 disclosures of 1 MiB
_MAX_ATTEMPT: Final = 1 << 20
_CHUNK: Final = 1 << 20


class _Event(Wire, frozen=True, kw_only=True):
    """An event that waits: octets, the disclosures that travel with it, where it came from."""

    event: msgspec.Raw
    disclosures: tuple[str, ...] | None = None
    place: Place | None = None


class _ItemFile(Wire, frozen=True, kw_only=True, tag_field="type", tag="counterfoil-outbox/v1"):
    ledger: LedgerName
    author: Party
    events: tuple[_Event, ...]


class _Attempt(Wire, frozen=True, kw_only=True, tag_field="type", tag="counterfoil-attempt/v1"):
    statement: Statement
    signature: SignatureHex
    note: str | None = None


class _Nested(Wire, frozen=True, kw_only=True):
    event: msgspec.Raw
    disclosures: tuple[str, ...] | None = None
    withheld: tuple[str, ...] | None = None


class _KeptFile(Wire, frozen=True, kw_only=True, tag_field="type", tag="counterfoil-kept/v1"):
    withheld: tuple[str, ...] | None = None
    nested: _Nested | None = None


_ITEM = Decoder(_ItemFile, name="item", gather=lambda item, texts: gather_name(item.ledger, texts))
_ATTEMPT = Decoder(
    _Attempt,
    name="attempt",
    gather=lambda attempt, texts: gather_statement(attempt.statement, texts),
)
_KEPT = Decoder(_KeptFile, name="kept")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Events that wait together: one submission.

    Attributes:
        name: The item's name in the outbox; names are in the order in which items were put.
        ledger: The ledger they are for.
        author: Whose they are.
        events: The events; their files are in the outbox.
        places: Where each came from, None where that is not followed.
    """

    name: str
    ledger: LedgerName
    author: str
    events: tuple[Composed, ...]
    places: tuple[Place | None, ...]

    def files(self) -> tuple[File, ...]:
        """Return the files that travel with the events, each once."""
        found: dict[str, File] = {}
        for one in self.events:
            for text in one.disclosures:
                value = parse_disclosure(text).value
                if isinstance(value, File):
                    found[value.sha256] = value
        return tuple(found.values())


@contextlib.contextmanager
def open_outbox(home: Path) -> Iterator[Outbox]:
    """Open the outbox in the party's folder `home`, made if it is not there.

    Raises:
        OutboxError: Another process uses it, or others can get at it.
    """
    make_private_folder(home, error=OutboxError)
    with locked(home / "lock", error=OutboxError, wait=False):
        yield Outbox(home)


class Outbox:
    """An outbox that this process alone uses: see `open_outbox`."""

    def __init__(self, home: Path) -> None:
        """Make the folders that are not there yet."""
        self.home = home
        for name in _FOLDERS:
            make_private_folder(home / name, error=OutboxError)
        self._outbox = home / "outbox"
        self._kept = home / "kept"
        self._receipts = home / "receipts"
        self._refused = home / "refused"
        self._clean()
        self._next = 1 + max(self._numbers(), default=0)

    def put(
        self, composed: Sequence[Composed], *, ledger: LedgerName, places: Sequence[Place | None]
    ) -> Item:
        """Write events down, before they are sent; return when they are on disk.

        Raises:
            ComposeError: A file cannot be read, or changed since it was hashed.
            OutboxError: They cannot be written.
        """
        for one in composed:
            self._put_files(one)
            self._keep(one)
        name = f"{self._next:010d}-{composed[0].id.hex()[:16]}"
        author = composed[0].event.author
        file = _ItemFile(
            ledger=ledger,
            author=author,
            events=tuple(
                _Event(
                    event=msgspec.Raw(one.data), disclosures=one.disclosures or None, place=place
                )
                for one, place in zip(composed, places, strict=True)
            ),
        )
        replace_private(self._outbox / f"{name}.item", encode(file), error=OutboxError)
        self._next += 1
        return Item(
            name=name, ledger=ledger, author=author, events=tuple(composed), places=tuple(places)
        )

    def waiting(self) -> tuple[Item, ...]:
        """Return the items that wait for their receipt, in the order in which they were put.

        Raises:
            OutboxError: One cannot be read.
        """
        names = sorted(path.stem for path in self._outbox.glob("*.item"))
        return tuple(self._read_item(name) for name in names)

    def add_attempt(
        self, item: Item, *, statement: Statement, signature: bytes, note: bytes | None
    ) -> None:
        """Write down a statement signed over an item, before it is sent.

        Raises:
            OutboxError: It cannot be written.
        """
        number = 1 + max((n for n, _ in self._attempts(item)), default=0)
        text = None if note is None else note.decode()
        attempt = _Attempt(statement=statement, signature=signature.hex(), note=text)
        path = self._outbox / f"{item.name}.{number}"
        replace_private(path, encode(attempt), error=OutboxError)

    def open_file(self, sha256: str) -> BinaryIO:
        """Open a file that travels with an item.

        Raises:
            OutboxError: It is not here.
        """
        try:
            return (self._outbox / "files" / sha256).open("rb")
        except OSError as failure:
            path = self._outbox / "files" / sha256
            raise OutboxError(path, f"cannot be opened: {failure.strerror}") from None

    def check_receipt(
        self, item: Item, receipt: bytes, *, log_keys: Sequence[tuple[int, str]]
    ) -> Receipt:
        """Check that a receipt is for an item: rebuild its entries and find them in the tree.

        Args:
            item: The item.
            receipt: The octets of the receipt.
            log_keys: (size, key in hex): from which size on which key signs checkpoints.

        Raises:
            OtherStatementError: It is about nothing that was signed here; its proof holds.
            TargetError: The answer of the ledger does not hold.

        Source: SPEC section 10.1.
        """
        return check_accepted(
            receipt,
            signed=self._signed(item),
            events=[one.data for one in item.events],
            ledger=item.ledger,
            log_keys=log_keys,
        )

    def settle(self, item: Item, receipt: bytes) -> None:
        """Let go of an item whose receipt was checked: it moves to `receipts`.

        Raises:
            OutboxError: A folder cannot be written.
        """
        self.keep_receipt(item, receipt)
        self._move(item, self._receipts)

    def keep_receipt(self, item: Item, receipt: bytes) -> Path:
        """Keep a receipt that was checked, and the statement that it is about; return where.

        Raises:
            OutboxError: A folder cannot be written.
        """
        events = [one.data for one in item.events]
        fits = find_signed(parse_receipt(receipt), self._signed(item), events)
        attempt = self._latest(item)[fits]
        path = self._receipts / f"{item.name}.receipt"
        replace_private(path, receipt, error=OutboxError)
        replace_private(path.with_suffix(".attempt"), encode(attempt), error=OutboxError)
        return path

    def kept_receipt(self, item: Item) -> Path | None:
        """Return where the receipt of an item that still waits is; None if it never got one."""
        path = self._receipts / f"{item.name}.receipt"
        return path if path.exists() else None

    def let_go(self, item: Item) -> None:
        """Let go of an item that is recorded and whose receipt is not here: as `settle`.

        What was signed over it stays beside it, for a receipt that may yet be found.

        Raises:
            OutboxError: A folder cannot be written.
        """
        self._keep_attempts(item, self._receipts)
        self._move(item, self._receipts)

    def refuse(self, item: Item, reason: str) -> None:
        """Let go of an item that the ledger refused: it moves to `refused`, with the reason.

        Raises:
            OutboxError: A folder cannot be written.
        """
        text = reason.encode("utf-8", "replace") + b"\n"
        replace_private(self._refused / f"{item.name}.reason", text, error=OutboxError)
        self._keep_attempts(item, self._refused)
        self._move(item, self._refused)

    def disclosures(self, event_id: str, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the disclosures that an event withheld under `names`.

        Raises:
            ComposeError: One of them is not here.
        """
        held = {parse_disclosure(t).name: t for t in self._read_kept(event_id).withheld or ()}
        for name in names:
            if name not in held:
                raise ComposeError("names", f"{name!r} was not withheld here with that event")
        return tuple(held[name] for name in names)

    def nested(self, event_id: str) -> Composed:
        """Return the event that a `sealed/v1` seals.

        Raises:
            ComposeError: It is not here.
        """
        nested = self._read_kept(event_id).nested
        if nested is None:
            raise ComposeError("of", "the event that it seals is not kept here")
        composed = recompose(
            bytes(nested.event),
            disclosures=nested.disclosures or (),
            withheld=nested.withheld or (),
        )
        files = tuple(
            FileClaim(v.name, v.media_type, v.sha256, v.size, self._kept / "files" / v.sha256)
            for v in (parse_disclosure(t).value for t in composed.disclosures + composed.withheld)
            if isinstance(v, File)
        )
        return replace(composed, files=files)

    def _numbers(self) -> Iterator[int]:
        for folder in (self._outbox, self._receipts, self._refused):
            for path in folder.iterdir():
                found = _NAME.match(path.name)
                if found is not None:
                    yield int(found[1])

    def _read_item(self, name: str) -> Item:
        path = self._outbox / f"{name}.item"
        try:
            file = _ITEM.decode(read_private(path, limit=_MAX_ITEM, error=OutboxError))
            events = tuple(
                recompose(bytes(one.event), disclosures=one.disclosures or ())
                for one in file.events
            )
        except (MalformedError, ComposeError) as error:
            raise OutboxError(path, f"cannot be read: {error}") from None
        return Item(
            name=name,
            ledger=file.ledger,
            author=file.author,
            events=events,
            places=tuple(one.place for one in file.events),
        )

    def _attempts(self, item: Item) -> list[tuple[int, _Attempt]]:
        found: list[tuple[int, _Attempt]] = []
        for path in self._outbox.glob(f"{item.name}.[0-9]*"):
            data = read_private(path, limit=_MAX_ATTEMPT, error=OutboxError)
            try:
                found.append((int(path.suffix[1:]), _ATTEMPT.decode(data)))
            except (ValueError, MalformedError) as error:
                raise OutboxError(path, f"cannot be read: {error}") from None
        return sorted(found, key=lambda pair: pair[0])

    def _latest(self, item: Item) -> list[_Attempt]:
        """Return what was signed over an item, the latest first."""
        return [attempt for _, attempt in reversed(self._attempts(item))]

    def _signed(self, item: Item) -> list[tuple[Statement, bytes]]:
        return [(one.statement, bytes.fromhex(one.signature)) for one in self._latest(item)]

    def _put_files(self, composed: Composed) -> None:
        sent = {file.sha256 for file in _files_in(composed.disclosures)}
        for claim in composed.files:
            folder = self._outbox if claim.sha256 in sent else self._kept
            _copy(claim, folder / "files" / claim.sha256)
        for claim in composed.nested.files if composed.nested is not None else ():
            _copy(claim, self._kept / "files" / claim.sha256)

    def _keep(self, composed: Composed) -> None:
        inner = composed.nested
        if inner is None and not composed.withheld:
            return
        nested = None
        if inner is not None:
            nested = _Nested(
                event=msgspec.Raw(inner.data),
                disclosures=inner.disclosures or None,
                withheld=inner.withheld or None,
            )
        kept = _KeptFile(withheld=composed.withheld or None, nested=nested)
        replace_private(self._kept / composed.id.hex(), encode(kept), error=OutboxError)
        if inner is not None:
            self._keep(inner)  # under its own id, by which it is known once it is opened

    def _read_kept(self, event_id: str) -> _KeptFile:
        path = self._kept / event_id
        if not _ID.fullmatch(event_id) or not path.exists():
            raise ComposeError("of", "nothing that was kept back with that event is here")
        try:
            return _KEPT.decode(read_private(path, limit=_MAX_ITEM, error=OutboxError))
        except MalformedError as error:
            raise OutboxError(path, f"cannot be read: {error}") from None

    def _keep_attempts(self, item: Item, folder: Path) -> None:
        for number, attempt in self._attempts(item):
            path = folder / f"{item.name}.{number}"
            replace_private(path, encode(attempt), error=OutboxError)

    def _move(self, item: Item, folder: Path) -> None:
        file = f"{item.name}.item"
        try:
            (self._outbox / file).rename(folder / file)
            sync_folder(folder)
            sync_folder(self._outbox)
        except OSError as failure:
            raise OutboxError(folder / file, f"cannot be moved: {failure.strerror}") from None
        self._forget()

    def _clean(self) -> None:
        """Remove what a process that was killed left: half written, or of no item any more."""
        for name in _FOLDERS:
            for path in (self.home / name).glob(".*.new"):
                _remove(path)
        self._forget()

    def _forget(self) -> None:
        """Remove statements and files that no item needs any more, and nothing of other names."""
        for path in self._outbox.glob("*.[0-9]*"):
            if _NAME.fullmatch(path.stem) and not path.with_suffix(".item").exists():
                _remove(path)
        files = [path for path in (self._outbox / "files").iterdir() if _ID.fullmatch(path.name)]
        wanted = {one.sha256 for item in self.waiting() for one in item.files()} if files else set()
        for path in files:
            if path.name not in wanted:
                _remove(path)


def _files_in(disclosures: Sequence[str]) -> Iterator[File]:
    for text in disclosures:
        value = parse_disclosure(text).value
        if isinstance(value, File):
            yield value


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as failure:
        raise OutboxError(path, f"cannot be removed: {failure.strerror}") from None


def _copy(claim: FileClaim, path: Path) -> None:
    """Copy a file that must still be the one that was hashed."""
    if path.exists():
        return  # whole, for it is renamed into place
    beside = path.with_name(f".{path.name}.new")
    hashed = hashlib.sha256()
    try:
        beside.unlink(missing_ok=True)
        with os.fdopen(create_file(beside), "wb", buffering=0) as target:
            for chunk in _chunks(claim):
                hashed.update(chunk)
                write_all(target.fileno(), chunk)
            os.fsync(target.fileno())
        if hashed.hexdigest() != claim.sha256:
            raise ComposeError(claim.name, "changed while it was being recorded")
        beside.rename(path)
        sync_folder(path.parent)
    except OSError as failure:
        raise OutboxError(path, f"cannot be written: {failure.strerror}") from None
    finally:
        with contextlib.suppress(OSError):  # then it goes when the outbox is next opened
            beside.unlink(missing_ok=True)


def _chunks(claim: FileClaim) -> Iterator[bytes]:
    try:
        with claim.open() as source:
            while chunk := source.read(_CHUNK):
                yield chunk
    except OSError as failure:
        raise ComposeError(claim.name, f"cannot be read: {failure.strerror}") from None
