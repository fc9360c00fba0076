"""Backups: a copy of a ledger that is made while it is recorded in (`counterfoil backup`).

A backup is a ledger's folder and a `backup.json` that says what it is of. It can be read as a
ledger can; nothing is recorded in it (`opening`). In this order

    1  the store         one read transaction of LMDB: as it was at one moment
    2  the log keys      after it, so that the key is there that the copied charter names
    3  the settings      `ledger.toml`, `witnesses` and `disputes`, where there are any
    4  the files         those that the copied store names: each was on disk before it was named
    5  backup.json       says that all of it is there

are put beside, and the whole is renamed (`making`). Files are copied, never linked: a link would
be the same octets on the same disk, and what happens to them would happen to the backup.

The log keys are in it, since nobody could go on with the ledger without them: whoever has a backup
can sign in the log's name. Without `witnesses` a restored ledger would ask nobody whether it is an
old one before it signs, and without `disputes` it would go on though its log key has signed two
histories. No other file is copied: no party's key, whatever lies in the folder. What
the ledger itself has lost, it lists.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from ledger.disputes import DISPUTES_FOLDER
from ledger.errors import KeyFileError, PrivateFileError, StoreError
from ledger.feeding import WITNESSES_FILE
from ledger.ledger import FILES_FOLDER, Ledger
from ledger.making import copy_file, create_file, making
from ledger.named import files_of
from ledger.opening import BACKUP_FILE, load_log_keys, log_key_files
from ledger.private import (
    create_private,
    make_private_folder,
    read_private,
    sync_folder,
    write_all,
)
from ledger.progress import Progress, Tell
from ledger.store import READERS_FILE, STORE_FILE
from verify.checkpoint import parse_signed
from verify.codec import Count, Hash, Origin, Wire, encode
from verify.merkle import Frontier, leaf_hash

__all__ = [
    "MAX_ABSENT",
    "BackedUp",
    "BackupNote",
    "back_up",
    "copy_log_keys",
    "copy_settings",
]

MAX_ABSENT = 1000
"""Files that a ledger may have lost. More are no loss, but a folder that is not there."""

_SETTINGS = ("ledger.toml", WITNESSES_FILE)
_LAST_MS = 253_402_300_799_999  # of the year 9999
_MAX_KEY_FILE = 16_384
_CHUNK = 1 << 20
_SHOWN = 1024
_MIRROR = (
    "is a mirror: it has no log key, and so no ledger can be restored of it. Another copy is "
    "another mirror of the same server, or an export of this one"
)


class BackupNote(Wire, frozen=True, kw_only=True, tag_field="type", tag="counterfoil-backup/v1"):
    """What a backup is of: `backup.json`.

    Attributes:
        absent: Hashes of files that disclosures name and that the ledger had lost.
        fingerprint: The ledger's.
        made: When, in milliseconds since 1970, by the clock of who made it.
        origin: The ledger's.
        root: Root hash of its entries.
        size: How many entries it has.
        store: SHA-256 of the copy of the store.
    """

    absent: tuple[Hash, ...] | None = None
    fingerprint: Hash
    made: Annotated[int, msgspec.Meta(ge=0, le=_LAST_MS)]
    origin: Origin
    root: Hash
    size: Count
    store: Hash


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What came of a backup.

    Attributes:
        path: The folder.
        note: What `backup.json` says.
        files: How many files are in it.
    """

    path: Path
    note: BackupNote
    files: int


def back_up(ledger: Ledger, target: Path, *, now_ms: int, tell: Tell) -> BackedUp:
    """Copy a ledger into the new folder `target`, whatever is recorded meanwhile.

    Args:
        ledger: The ledger; open for reading only is enough.
        target: The folder to make.
        now_ms: The time, in milliseconds since 1970.
        tell: As `Tell`.

    Raises:
        StoreError: Something is there already, it cannot be written, the ledger is a mirror, or
            what was copied has not the root hash that its checkpoint says.
        FullError: There is no room.
        LogKeyError: The log key in force is not in the ledger's folder.
        KeyFileError: A log key's file cannot be read.
    """
    if target.absolute().is_relative_to(ledger.path.absolute()):
        raise StoreError(target, "is in the ledger's own folder")
    if ledger.mirror is not None:
        raise StoreError(ledger.path, _MIRROR)
    load_log_keys(ledger.path, ledger.state())  # before there is anything to undo
    with making(target) as folder:
        store = _copy_store(ledger, folder / STORE_FILE, tell("Copying MiB"))
        copy_log_keys(ledger.path, folder)
        copy_settings(ledger.path, folder)
        with Ledger.open(folder, read_only=True) as copy:
            load_log_keys(folder, copy.state())
            root = _check_tree(copy, tell("Checking entry"))
            files, absent = _copy_files(ledger, copy, folder / FILES_FOLDER, tell("Files of entry"))
            note = BackupNote(
                absent=absent or None,
                fingerprint=copy.fingerprint,
                made=now_ms,
                origin=copy.origin,
                root=root.hex(),
                size=copy.size(),
                store=store,
            )
        (folder / READERS_FILE).unlink()
        create_private(folder / BACKUP_FILE, encode(note), error=PrivateFileError)
    return BackedUp(target, note, files)


def copy_log_keys(source: Path, target: Path) -> None:
    """Copy the log keys from one ledger's folder to another.

    Raises:
        KeyFileError: One cannot be read, or others than its owner can use it; or not written.
    """
    for file in log_key_files(source):
        if os.path.lexists(file):
            data = read_private(file, limit=_MAX_KEY_FILE, error=KeyFileError)
            create_private(target / file.name, data, error=KeyFileError)


def copy_settings(source: Path, target: Path) -> None:
    """Copy what says how a ledger is kept, and whether it is disputed, to another's folder.

    Raises:
        StoreError: A file cannot be read, or is no plain file.
        PrivateFileError: A folder cannot be made.
    """
    disputes = sorted((source / DISPUTES_FOLDER).glob("*"))
    if disputes:
        make_private_folder(target / DISPUTES_FOLDER, error=PrivateFileError)
    for file in (*(source / name for name in _SETTINGS), *disputes):
        copied = target / file.relative_to(source)
        if os.path.lexists(file) and copy_file(file, copied) is None:
            raise StoreError(file, "cannot be read")
    if disputes:
        sync_folder(target / DISPUTES_FOLDER)


def _copy_store(ledger: Ledger, path: Path, show: Progress) -> str:
    """Copy the store as it is now; return the copy's SHA-256.

    LMDB writes into a pipe, from a thread of its own: so this one counts, hashes and, if it is
    interrupted, ends the other by closing the pipe, however long copying would still take.
    """
    total = 1 + ((ledger.path / STORE_FILE).stat().st_size >> 20)  # unused pages are left out
    digest = hashlib.sha256()
    count = 0
    into = create_file(path)
    reading, writing = os.pipe()
    with (
        ThreadPoolExecutor(1) as other,
        os.fdopen(reading, "rb", buffering=0) as stream,
        os.fdopen(into, "wb", buffering=0),
    ):
        copying = other.submit(_write_store, ledger, writing)
        while chunk := stream.read(_CHUNK):
            write_all(into, chunk)
            digest.update(chunk)
            count += len(chunk)
            show(min(count >> 20, total - 1), total)
        os.fsync(into)
    copying.result()
    show(total, total)
    return digest.hexdigest()


def _write_store(ledger: Ledger, fd: int) -> None:
    with contextlib.closing(os.fdopen(fd, "wb", buffering=0)):
        ledger.copy_store(fd)


def _check_tree(copy: Ledger, show: Progress) -> bytes:
    """Check that the entries have the root hash that the checkpoint says; return it."""
    checkpoint, _ = parse_signed(copy.checkpoint())
    frontier = Frontier()
    for entry in copy.entries():
        frontier.append(leaf_hash(entry))
        if not frontier.size % _SHOWN:
            show(frontier.size, checkpoint.size)
    show(checkpoint.size, checkpoint.size)
    if (checkpoint.size, checkpoint.root) != (frontier.size, frontier.root()):
        raise StoreError(copy.path, "the checkpoint is not of the entries that are stored")
    return checkpoint.root


def _copy_files(
    ledger: Ledger, copy: Ledger, folder: Path, show: Progress
) -> tuple[int, tuple[str, ...]]:
    """Copy the files that `copy` names; return how many there are, and what is lost of them."""
    folder.mkdir(mode=0o700)
    absent: set[str] = set()
    count = 0
    for index, texts in copy.disclosed():
        for file in files_of(texts):
            target = folder / file.sha256
            if file.sha256 in absent or target.exists():
                continue
            if copy_file(ledger.path / FILES_FOLDER / file.sha256, target) == file.sha256:
                count += 1
                continue
            target.unlink(missing_ok=True)
            absent.add(file.sha256)
            if len(absent) > MAX_ABSENT:
                raise StoreError(
                    ledger.path / FILES_FOLDER, f"more than {MAX_ABSENT} files are missing"
                )
        if not index % _SHOWN:
            show(index, copy.size())
    show(copy.size(), copy.size())
    sync_folder(folder)
    return count, tuple(sorted(absent))
