"""What marks a ledger's folder as a mirror: whose copy it is, for whom, and what is lacking.

    mirror.json     beside the files of a ledger, without a log key

A mirror is read as any ledger is. Nothing is recorded in it: that is done at its source, whose log
key signs. Claims of a limited audience are in it as far as whoever made it may see them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec

from ledger.errors import PrivateFileError, StoreError
from ledger.private import create_private, replace_private
from verify.codec import Count, Decoder, Hash, Label, Wire, encode
from verify.contents import read_small
from verify.errors import MalformedError
from verify.folder import Folder

__all__ = ["MIRROR_FILE", "Lacking", "MirrorNote", "is_mirror", "load_mirror", "save_mirror"]

MIRROR_FILE: Final = "mirror.json"

_MAX_OCTETS: Final = 1 << 24

Lacking = tuple[Count, str]
"""A claim that the source should show, and did not: index and claim name."""


class MirrorNote(Wire, frozen=True, kw_only=True, tag_field="type", tag="counterfoil-mirror/v1"):
    """What a mirror is of: `mirror.json`.

    Attributes:
        audience: For whom it is: a party, or "public".
        charter: The ledger's fingerprint.
        doubted: Checkpoints that the log signed, and that could not be compared yet.
        lacking: What the source owes.
        source: The URL that it is copied from.
    """

    audience: Label
    charter: Hash
    doubted: tuple[str, ...] | None = None
    lacking: tuple[Lacking, ...] | None = None
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]


_FILE: Final = Decoder(MirrorNote, name=MIRROR_FILE)


def is_mirror(folder: Path) -> bool:
    """Tell whether a ledger's folder is a mirror."""
    return (folder / MIRROR_FILE).exists()


def load_mirror(folder: Path) -> MirrorNote | None:
    """Return what a ledger's folder is a mirror of; None if it is none.

    Raises:
        StoreError: The file cannot be read.
    """
    if not is_mirror(folder):
        return None
    try:
        return _FILE.decode(read_small(Folder(folder), MIRROR_FILE, limit=_MAX_OCTETS))
    except MalformedError as error:
        raise StoreError(folder, f"cannot be read: {error}") from None
    except OSError as failure:
        raise StoreError(folder / MIRROR_FILE, f"cannot be read: {failure.strerror}") from None


def save_mirror(folder: Path, note: MirrorNote) -> None:
    """Write what a folder is a mirror of: the whole file is there, or what was there before.

    Raises:
        PrivateFileError: It cannot be written.
    """
    path = folder / MIRROR_FILE
    save = replace_private if path.exists() else create_private
    save(path, encode(note), error=PrivateFileError)
