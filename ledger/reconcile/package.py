"""A reconciliation as a folder: what anybody who has the same sources can make again.

    reconciliation.json   canonical JSON: sources, decisions, result
    reconciliation.txt    the same for people
    LEDGER.fork           a proof for each ledger of which two histories were told

Who checks one runs its sources again with the decisions that are in it, and compares octets. The
folder itself proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from ledger.errors import ExportError, ReconcileError
from ledger.folders import new_folder
from ledger.reconcile.decisions import Said
from ledger.reconcile.reconciling import Reconciled
from ledger.reconcile.result import RECONCILIATION, format_reconciliation
from ledger.reconcile.text import reconciliation_text

__all__ = ["JSON_FILE", "TEXT_FILE", "Package", "differences", "read_package", "write_package"]

JSON_FILE: Final = "reconciliation.json"
TEXT_FILE: Final = "reconciliation.txt"

_MOST: Final = 1 << 30  # octets


class _Head(msgspec.Struct, frozen=True):
    """What has to be read of a reconciliation to make it again."""

    type: str
    decisions: Said


class Package(msgspec.Struct, frozen=True):
    """A reconciliation that somebody handed over.

    Attributes:
        data: The octets of its JSON.
        text: The octets of its text.
        decisions: The decisions that it was made with.
    """

    data: bytes
    text: bytes
    decisions: Said


def files_of(found: Reconciled) -> dict[str, bytes]:
    """Return the files of a reconciliation, by name."""
    files = {
        JSON_FILE: format_reconciliation(found),
        TEXT_FILE: reconciliation_text(found).encode(),
    }
    for number, fork in enumerate(found.forks, start=1):
        files[f"{fork.fingerprint[:16]}-{number}.fork"] = fork.proof
    return files


def write_package(found: Reconciled, folder: Path) -> None:
    """Write a reconciliation into a new folder, whole or not at all.

    Raises:
        ExportError: The folder is there already, or cannot be written.
    """
    try:
        with new_folder(folder) as new:
            for name, data in files_of(found).items():
                with new.create(name) as file:
                    file.write(data)
    except OSError as failure:
        raise ExportError(folder, failure.strerror or str(failure)) from None


def read_package(folder: Path) -> Package:
    """Read a reconciliation that somebody handed over. Nothing in it is believed.

    Raises:
        ReconcileError: It is none.
        OSError: It cannot be read.
    """
    data, text = (_read(folder / name) for name in (JSON_FILE, TEXT_FILE))
    try:
        head = msgspec.json.decode(data, type=_Head)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ReconcileError(str(folder / JSON_FILE), f"is no reconciliation: {error}") from None
    if head.type != RECONCILIATION:
        raise ReconcileError(str(folder / JSON_FILE), f"is not of type {RECONCILIATION}")
    return Package(data, text, head.decisions)


def differences(package: Package, found: Reconciled) -> tuple[str, ...]:
    """Say in which parts a reconciliation differs from what was made again; nothing if in none.

    Raises:
        ReconcileError: It is none.
    """
    files = files_of(found)
    return tuple(_differences(package, files[JSON_FILE], files[TEXT_FILE]))


def _differences(package: Package, data: bytes, text: bytes) -> Iterator[str]:
    if package.data != data:
        theirs, ours = _parts(package.data), _parts(data)
        named = [
            name
            for name in sorted(theirs.keys() | ours.keys())
            if theirs.get(name) != ours.get(name)
        ]
        # What its sources are comes first: everything else follows from them.
        named.sort(key=lambda name: name != "inputs")
        yield from (f"{JSON_FILE}: {name}" for name in named or ["how it is written"])
    if package.text != text:
        yield TEXT_FILE


def _parts(data: bytes) -> dict[str, bytes]:
    try:
        parts = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ReconcileError(JSON_FILE, f"is no reconciliation: {error}") from None
    return {name: bytes(part) for name, part in parts.items()}


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(_MOST + 1)
    if len(data) > _MOST:
        raise ReconcileError(str(path), f"has more than {_MOST} octets")
    return data
