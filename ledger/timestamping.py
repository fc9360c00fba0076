"""Asking a time-stamping authority for a token over a checkpoint (RFC 3161).

The authority learns a hash, and nothing of what is recorded. Its answer is checked before anything
is made of it. Whether the authority deserves trust is the asker's choice, who names it and hands in
its certificates.

Needs the extra `outside`.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from ledger.compose import Composed, FileClaim, compose, file_claim
from ledger.errors import LedgerError, TargetError
from ledger.transport import Transport
from verify.checkpoint import Checkpoint, format_checkpoint
from verify.errors import VerifyError
from verify.outside.rfc3161 import MAX_TOKEN, Chain, Stamp, check_token, format_chain

__all__ = ["Authority", "StampError", "Stamped", "ask_openssl", "ask_server", "stamp"]

Authority = Callable[[bytes], bytes]
"""Answers a query (TimeStampReq) with a token (TimeStampResp), or raises `StampError`."""

_TIMEOUT_S = 10.0
_DEADLINE_S = 30.0
_APART_MS = 24 * 60 * 60 * 1000  # that the authority's clock and this machine's may be


class StampError(LedgerError):
    """An authority gave no token, or one that does not hold."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """A token that holds, and the event that records it."""

    stamp: Stamp
    composed: Composed


def ask_server(url: str) -> Authority:
    """Ask the authority at a URL, by POST, within a time and a size (RFC 3161 section 3.4).

    No error tells the URL's query, which may be a customer's key.

    Raises:
        LedgerError: The URL is none.
    """
    place, mark, key = url.partition("?")
    base, _, last = place.rpartition("/")
    if base.endswith("/"):  # there is no path: what was cut is the host
        base, last = place, ""
    # A transport's paths lie below its URL's, and an authority's last word is no folder.
    transport = Transport(base, timeout_s=_TIMEOUT_S, deadline_s=_DEADLINE_S)

    def ask(query: bytes) -> bytes:
        try:
            answer = transport.send(
                "POST", last + mark + key, query,
                media_type="application/timestamp-query", limit=MAX_TOKEN,
            )  # fmt: skip
        except TargetError as error:
            raise StampError(f"{place}: {str(error).replace(mark + key, '')}") from None
        finally:
            transport.close()
        if answer.status != 200:  # noqa: PLR2004 (HTTP's OK)
            raise StampError(f"{place}: answered with status {answer.status}")
        if answer.media_type != "application/timestamp-reply":
            raise StampError(f"{place}: answered with {answer.media_type or 'no media type'}")
        return answer.body

    return ask


def ask_openssl(settings: Path) -> Authority:
    """Ask an authority of one's own: `openssl ts` with its settings, in their folder."""

    def ask(query: bytes) -> bytes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "query").write_bytes(query)
            words = ["openssl", "ts", "-reply", "-config", str(settings.resolve()), "-queryfile",
                     str(folder / "query"), "-out", str(folder / "reply")]  # fmt: skip
            try:
                subprocess.run(  # noqa: S603 (the words are ours, and the settings the asker's)
                    words, cwd=settings.resolve().parent, check=True, capture_output=True,
                    timeout=_DEADLINE_S, stdin=subprocess.DEVNULL,
                )  # fmt: skip
                return (folder / "reply").read_bytes()
            except (OSError, subprocess.SubprocessError) as error:
                raise StampError(f"{settings}: openssl gave no token: {error}") from None

    return ask


def stamp(
    checkpoint: Checkpoint,
    *,
    author: str,
    authority: Authority,
    source: str,
    chain: Chain,
    now_ms: Callable[[], int],
) -> Stamped:
    """Have a checkpoint's hash stamped, and compose the event that records the token.

    Args:
        checkpoint: The checkpoint.
        author: The party whose key will sign the event.
        authority: Whom to ask.
        source: Where that is, for readers.
        chain: The authority's certificates from its root down. They alone are recorded, whatever
            else there was in their file, such as a key.
        now_ms: This machine's clock.

    Raises:
        StampError: There is no token, or it does not hold, or is of a time more than a day from
            this machine's.

    Source: RFC 3161; SPEC section 4.5.
    """
    text = format_checkpoint(checkpoint)
    request = TimestampRequestBuilder().data(text).hash_algorithm(HashAlgorithm.SHA256).build()
    token = authority(request.as_bytes())
    try:
        stamped = check_token(token, checkpoint=checkpoint, chain=chain)
    except VerifyError as error:
        raise StampError(f"{source}: {error}") from None
    if stamped.nonce != request.nonce:
        raise StampError(f"{source}: gave the token of another query")
    if abs(stamped.by_ms - now_ms()) > _APART_MS:
        # It would stay, and date what it is of before it was said, or long after.
        raise StampError(
            f"{source}: says {stamped.time}, more than a day from this machine's clock"
        )
    fields = {"type": "rfc3161", "size": checkpoint.size, "root": checkpoint.root.hex()}
    claims: dict[str, str | FileClaim] = {
        "file.1": file_claim(
            token, name=f"{checkpoint.size}.tsr", media_type="application/timestamp-reply"
        ),
        "file.2": file_claim(
            format_chain(chain),
            name="authority.pem",
            media_type="application/pem-certificate-chain",
        ),
        "source": source,
    }
    return Stamped(stamped, compose("attestation/v1", author=author, fields=fields, claims=claims))
