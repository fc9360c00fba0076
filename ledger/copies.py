"""Copies: exports that were fetched, one for each ledger and reader, in the party's folder.

    exports/<fingerprint>/<audience>.<size>.<root>/   an export, audited when it came
    exports/<fingerprint>/<audience>.lock             held while it is fetched or read

A copy is good for as long as the ledger does not move; then the next takes its place.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from ledger.client import Remote
from ledger.errors import OutboxError
from ledger.private import locked, make_private_folder
from ledger.target import Head

__all__ = ["latest_copy"]


@contextlib.contextmanager
def latest_copy(
    remote: Remote,
    home: Path,
    *,
    coming: Callable[[int], None],
    checking: Callable[[int, int], None],
) -> Iterator[Path]:
    """Hold a folder with the export of a ledger as it is now, fetched if it is not here.

    Args:
        remote: The ledger.
        home: The party's folder.
        coming: Told how many octets have come, as `Remote.fetch_export`.
        checking: Told how many of how many entries are audited.

    Raises:
        OutboxError: The party's folder cannot be used.
        ExportError: It has no room.
        TargetError: As `Remote.head` and `Remote.fetch_export`.
    """
    head = remote.head()
    folder = home / "exports" / remote.fingerprint
    for each in (home, folder.parent, folder):
        make_private_folder(each, error=OutboxError)
    with locked(folder / f"{remote.audience}.lock", error=OutboxError, wait=True):
        path = _path(folder, remote.audience, head)
        if not path.is_dir():
            path = _fetch(remote, folder, coming, checking)
        yield path


def _fetch(
    remote: Remote,
    folder: Path,
    coming: Callable[[int], None],
    checking: Callable[[int, int], None],
) -> Path:
    # What a process that was killed had of the next one goes first, the last one when it is there.
    _remove(folder, f"{remote.audience}.new")
    new = folder / f"{remote.audience}.new"
    fetched = remote.fetch_export(new, coming=coming, checking=checking)
    _remove(folder, f"{remote.audience}.[0-9]*")
    return new.rename(_path(folder, remote.audience, fetched.head))


def _path(folder: Path, audience: str, head: Head) -> Path:
    return folder / f"{audience}.{head.size}.{head.root.hex()[:16]}"


def _remove(folder: Path, pattern: str) -> None:
    for path in folder.glob(pattern):
        shutil.rmtree(path)
