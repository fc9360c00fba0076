"""Sessions: what a party signs to show a server who reads (SPEC section 2.1).

A statement is good for one session of one ledger: the nonce in it is the server's, and says when
it was given. This module checks spelling and signature; whether the nonce is the server's own,
and the key one that the ledger knows, is for whoever keeps sessions.
"""

from typing import Annotated

import msgspec

from verify.codec import Decoder, Hash, Instant, Party, SignatureHex, Wire, encode
from verify.ed25519 import check_signature
from verify.submission import LedgerName, gather_name, pae

__all__ = [
    "MAX_SESSION",
    "SESSION",
    "SessionStatement",
    "SignedSession",
    "check_session",
    "format_session",
    "parse_session",
]

SESSION = "application/vnd.counterfoil.session+json"
MAX_SESSION = 4096
"""Octets of a signed session statement: several times what the longest has."""


_Host = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9.:_\[\]-]{1,255}\Z")]


class SessionStatement(
    Wire, frozen=True, kw_only=True, tag_field="type", tag="counterfoil-session/v1"
):
    """Who wants to read which ledger, and since when.

    Attributes:
        ledger: The ledger, with its fingerprint.
        host: The server that was asked, as in the header `Host`: so a server that lures a party
            cannot use what it signed at another one.
        party: The party.
        key: The key that signs.
        nonce: What the server gave for this one time.
        at: The signer's clock, in milliseconds since 1970.
    """

    ledger: LedgerName
    host: _Host
    party: Party
    key: Hash
    nonce: Hash
    at: Instant

    def __post_init__(self) -> None:
        """Check that the ledger has its fingerprint."""
        if self.ledger.charter is None:
            raise ValueError("ledger.charter: is missing")


class SignedSession(Wire, frozen=True, kw_only=True):
    """What travels: a statement and the signature over it."""

    statement: SessionStatement
    signature: SignatureHex


_SIGNED = Decoder(
    SignedSession,
    name="session",
    gather=lambda signed, texts: gather_name(signed.statement.ledger, texts),
)


def parse_session(data: bytes) -> SignedSession:
    """Read a signed session statement, whose signature is not checked yet.

    Raises:
        MalformedError: It is not canonical, or not of the schema.
    """
    return _SIGNED.decode(data)


def format_session(statement: SessionStatement, *, signature: bytes) -> bytes:
    """Write a signed session statement."""
    return encode(SignedSession(statement=statement, signature=signature.hex()))


def check_session(signed: SignedSession) -> None:
    """Check the signature over a session statement by the key that it names.

    Raises:
        MalformedError: The key is no key.
        SignatureError: The signature is not the key's over this statement.

    Source: SPEC section 2.
    """
    message = pae(SESSION, encode(signed.statement))
    key = bytes.fromhex(signed.statement.key)
    check_signature(key=key, message=message, signature=bytes.fromhex(signed.signature))
