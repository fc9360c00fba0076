"""Signatures of mail servers (DKIM), checked with keys that parties recorded or the reader trusts.

Whoever records a key chooses it, so that a signature says by whose key it holds, and a fold weighs
that. Only the signatures that hold are kept here: `counterfoil-verify` says why others do not.

Needs the extra `outside`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from ledger.errors import NotFoundError
from ledger.view import SignedMail, Told, View
from verify.claims import File
from verify.kinds import Attestation
from verify.outside.dkim import MAX_MAIL, check_mail
from verify.outside.mails import MAX_OCTETS, counted, keys_of

__all__ = ["Held", "read_mails"]


class Held(Protocol):
    """The door to the mails, of a ledger or of an export of it."""

    def file_path(self, sha256: str) -> Path:
        """Return where a file is.

        Raises:
            NotFoundError: It is not there.
        """


def read_mails(
    view: View, held: Held, *, trusted: Mapping[str, str] | None = None
) -> dict[str, tuple[SignedMail, ...]]:
    """Return the signatures that hold, of the mails that a view has recorded keys for.

    Args:
        view: What was told.
        held: The ledger or the export that the view was read from.
        trusted: Keys that the reader trusts, by their names in the DNS; they come first.

    Returns:
        By the id of each attestation whose mail could be read, whether or not any holds.
    """
    found: dict[str, tuple[SignedMail, ...]] = {}
    spent: Counter[str] = Counter()
    for told in view.told:
        if isinstance(told.event, Attestation) and told.event.type == "dkim":
            mail = _octets(view, told.event, held)
            if mail is None:
                continue
            spent[told.author] += counted(mail)
            if spent[told.author] <= MAX_OCTETS:
                found[told.id] = _signed(mail, told, trusted or {})
    return found


def _octets(view: View, event: Attestation, held: Held) -> bytes | None:
    of = view.by_id.get(event.of or "")
    file = None if of is None else of.claims.get("file.1")
    if not isinstance(file, File) or file.size > MAX_MAIL:
        return None
    try:
        with held.file_path(file.sha256).open("rb") as stream:
            return stream.read(MAX_MAIL + 1)  # one more is enough to be refused
    except NotFoundError:
        return None


def _signed(mail: bytes, told: Told, trusted: Mapping[str, str]) -> tuple[SignedMail, ...]:
    return tuple(
        SignedMail(each.domain, each.covers, each.own, each.day, each.name in trusted)
        for each in check_mail(mail, keys_of(told.claims) | dict(trusted))
        if each.state == "valid"
    )
