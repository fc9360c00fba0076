"""Key requests: what a party hands to the registrars so that they enrol its key.

A key request is one line of canonical JSON, `counterfoil-keyrequest/v1`. It holds the public key,
what it is to be for, and a signature by the key itself that binds both to one ledger. It holds no
secret; that it comes from the party it names is for the registrars to find out.

Source: SPEC section 9.4.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

from ledger.chance import Random
from ledger.compose import Composed, FileClaim, compose
from ledger.errors import KeyFileError
from verify.codec import Decoder, Hash, Label, Party, SignatureHex, Wire, encode, is_sorted
from verify.errors import MalformedError, RuleError
from verify.kinds import Power, Powers
from verify.submission import LedgerName, Possession, check_possession, gather_name

__all__ = [
    "KeyRequest",
    "Possessor",
    "check_key_request",
    "compose_enrolment",
    "format_key_request",
    "make_key_request",
    "parse_key_request",
]

_MAX_REQUEST = 16_384


class Possessor(Protocol):
    """A key that can show that it is held."""

    @property
    def party(self) -> str:
        """Whose key it is."""

    @property
    def public(self) -> str:
        """The public key, in hex."""

    @property
    def post(self) -> str | None:
        """The post it belongs to."""

    @property
    def powers(self) -> tuple[Power, ...]:
        """What it is for, sorted."""

    def sign_possession(self, possession: Possession) -> bytes:
        """Sign that the key is held by its party."""


class KeyRequest(
    Wire, frozen=True, kw_only=True, tag_field="type", tag="counterfoil-keyrequest/v1"
):
    """A key that asks to be enrolled."""

    ledger: LedgerName
    party: Party
    key: Hash
    powers: Powers
    possession: SignatureHex
    post: Label | None = None

    def __post_init__(self) -> None:
        """Check that the powers are in order and that the ledger has its fingerprint."""
        if not is_sorted(self.powers):
            raise ValueError("powers: are not in ascending order without repeats")
        if self.ledger.charter is None:
            raise ValueError("ledger.charter: is missing")


_REQUEST = Decoder(
    KeyRequest,
    name="key request",
    gather=lambda request, texts: gather_name(request.ledger, texts),
)


def make_key_request(key: Possessor, *, ledger: LedgerName) -> KeyRequest:
    """Let a key ask to be enrolled in a ledger.

    Raises:
        KeyFileError: The key has no powers to ask for, or the ledger no fingerprint.
    """
    if not key.powers:
        raise KeyFileError("key request", "the key was made without powers")
    if ledger.charter is None:
        raise KeyFileError("key request", "the ledger has no fingerprint yet")
    signed = key.sign_possession(
        Possession(ledger=ledger, party=key.party, key=key.public, powers=key.powers, post=key.post)
    )
    return KeyRequest(
        ledger=ledger,
        party=key.party,
        key=key.public,
        powers=key.powers,
        post=key.post,
        possession=signed.hex(),
    )


def format_key_request(request: KeyRequest) -> bytes:
    """Write a key request as a file's octets: canonical JSON and LF."""
    return encode(request) + b"\n"


def parse_key_request(data: bytes, *, path: Path | str = "key request") -> KeyRequest:
    """Read a key request. Its signature is not checked.

    Raises:
        KeyFileError: The octets are no key request.
    """
    if len(data) > _MAX_REQUEST:
        raise KeyFileError(path, f"is longer than {_MAX_REQUEST} octets")
    try:
        return _REQUEST.decode(data.removesuffix(b"\n"))
    except MalformedError as error:
        raise KeyFileError(path, str(error)) from None


def check_key_request(request: KeyRequest, *, ledger: LedgerName) -> None:
    """Check that a request is for this ledger and that the key in it is held by who asks.

    Raises:
        KeyFileError: It is not.
    """
    if request.ledger != ledger:
        raise KeyFileError("key request", f"is for another ledger: {request.ledger.origin}")
    possession = Possession(
        ledger=request.ledger,
        party=request.party,
        key=request.key,
        powers=request.powers,
        post=request.post,
    )
    try:
        check_possession(possession, signature=bytes.fromhex(request.possession))
    except RuleError as error:
        raise KeyFileError("key request", f"{error.where}: {error.reason}") from None


def compose_enrolment(
    request: KeyRequest,
    *,
    author: str,
    verb: Literal["enrol", "recover"] = "enrol",
    replaces: str | None = None,
    claims: Mapping[str, str | FileClaim] | None = None,
    random: Random = secrets,
) -> Composed:
    """Turn a checked request into the `key/v1` event that enrols or recovers with it.

    Args:
        request: The request, which `check_key_request` has let pass.
        author: Who will sign the event.
        verb: What the event does.
        replaces: The key of the same party that ends with it, in hex: a rotation.
        claims: Claims such as `holder`, who holds the post.
        random: Draws the nonce and the salts.

    Raises:
        ComposeError: These values make no event.
    """
    fields: dict[str, object] = {
        "verb": verb,
        "party": request.party,
        "key": request.key,
        "powers": request.powers,
        "possession": request.possession,
    }
    optional = {"post": request.post, "replaces": replaces}
    fields |= {name: value for name, value in optional.items() if value is not None}
    return compose("key/v1", author=author, fields=fields, claims=claims or {}, random=random)
