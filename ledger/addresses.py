"""Addresses: which ledger, by its fingerprint, a party's folder has found at which URL.

    urls.json     every URL with the fingerprint that was given for it
    urls.lock     held by the one process that adds to it

Whoever answers at a URL could be anybody. A fingerprint given once holds from then on: another is
refused, so that nobody is led from one ledger to another by an address that changed hands.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec

from ledger.errors import OutboxError, TargetError
from ledger.private import locked, make_private_folder, read_private, replace_private
from ledger.transport import normal_url
from verify.codec import Decoder, Hash, Wire, encode
from verify.errors import MalformedError

__all__ = ["Addresses"]

_FILE: Final = "urls.json"
_LOCK: Final = "urls.lock"
_LARGEST: Final = 1 << 24


class _Address(Wire, frozen=True, kw_only=True):
    """One URL and the fingerprint of the ledger there."""

    fingerprint: Hash
    url: Annotated[str, msgspec.Meta(min_length=1)]


class _KnownFile(Wire, frozen=True, kw_only=True, tag_field="type", tag="counterfoil-urls/v1"):
    """What is kept, on disk."""

    urls: tuple[_Address, ...]


_KNOWN = Decoder(_KnownFile, name=_FILE)


class Addresses:
    """The addresses that are known in a party's folder.

    Attributes:
        path: Where they are kept.
    """

    def __init__(self, home: Path) -> None:
        """Look into the folder `home`, which need not be there yet."""
        self._home = home
        self.path = home / _FILE

    def find(self, url: str) -> str | None:
        """Return the fingerprint that is known for a URL; None if none is.

        Raises:
            TargetError: The URL is none.
            OutboxError: The file cannot be read.
        """
        return self._read().get(normal_url(url))

    def remember(self, url: str, fingerprint: str) -> None:
        """Keep the fingerprint of a URL that has none yet.

        Raises:
            TargetError: The URL is none, or it was given another fingerprint meanwhile.
            OutboxError: The folder cannot be used.
        """
        place = normal_url(url)
        make_private_folder(self._home, error=OutboxError)
        with locked(self._home / _LOCK, error=OutboxError, wait=True):
            known = self._read()
            if known.setdefault(place, fingerprint) != fingerprint:
                raise TargetError(f"{url} was given another fingerprint meanwhile, by {self.path}")
            urls = tuple(_Address(fingerprint=known[one], url=one) for one in sorted(known))
            replace_private(self.path, encode(_KnownFile(urls=urls)), error=OutboxError)

    def _read(self) -> dict[str, str]:
        if not self.path.exists():
            return {}
        try:
            file = _KNOWN.decode(read_private(self.path, limit=_LARGEST, error=OutboxError))
        except MalformedError as error:
            raise OutboxError(self.path, f"cannot be read: {error}") from None
        return {one.url: one.fingerprint for one in file.urls}
