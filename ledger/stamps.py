"""Time stamps of authorities that the reader trusts, as bounds of when entries existed (RFC 3161).

A party that runs a ledger alone has no witnesses yet. A token over a checkpoint, by an authority
that the reader names, is the word of somebody else all the same: what the checkpoint covers
existed by then. Whoever records a token chooses the certificates that come with it, so that these
count for nothing here.

Needs the extra `outside`.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

from ledger.errors import NotFoundError
from ledger.view import Stamped, Told, View
from verify.checkpoint import Checkpoint
from verify.claims import File
from verify.errors import VerifyError
from verify.kinds import Attestation
from verify.outside.rfc3161 import MAX_TOKEN, Chain, check_token

__all__ = ["Held", "read_stamps"]


class Held(Protocol):
    """The door to what tokens are compared with, of a ledger or of an export of it."""

    def root_at(self, size: int) -> bytes:
        """Return the tree's root hash at an earlier size."""

    def file_path(self, sha256: str) -> Path:
        """Return where a file is.

        Raises:
            NotFoundError: It is not there.
        """


def read_stamps(view: View, held: Held, *, trusted: Chain) -> tuple[Stamped, ...]:
    """Return the stamps in a view that hold, by size.

    Args:
        view: What was told.
        held: The ledger or the export that the view was read from.
        trusted: Certificates of the authorities that the reader trusts.
    """
    named = {each for each in map(_named, view.told) if each is not None}
    found = (_stamped(view, each, held, trusted) for each in named)
    return tuple(sorted(each for each in found if each is not None))


class _Named(NamedTuple):
    """A state that a token is said to be of, and the token's file: several events may name one."""

    size: int
    root: str
    sha256: str


def _named(told: Told) -> _Named | None:
    event, file = told.event, told.claims.get("file.1")
    if not isinstance(event, Attestation) or event.type != "rfc3161":
        return None
    if event.size is None or event.root is None or not isinstance(file, File):
        return None
    if not event.size <= told.index or file.size > MAX_TOKEN:
        return None
    return _Named(event.size, event.root, file.sha256)


def _stamped(view: View, named: _Named, held: Held, trusted: Chain) -> Stamped | None:
    root = bytes.fromhex(named.root)
    if held.root_at(named.size) != root:
        return None
    try:
        with held.file_path(named.sha256).open("rb") as stream:
            token = stream.read(MAX_TOKEN + 1)  # one more is enough to be refused
        checkpoint = Checkpoint(view.origin, named.size, root)
        stamp = check_token(token, checkpoint=checkpoint, chain=trusted)
    except (NotFoundError, VerifyError):
        return None
    return Stamped(named.size, -(-stamp.by_ms // 1000), stamp.authority)
