"""Tokens of RFC 3161 over checkpoints: what an authority's signature says of a time.

A token here is the authority's whole answer (TimeStampResp), over the SHA-256 of a checkpoint's
text. It is checked as of its own time, offline, against certificates that somebody hands in. It
shows that the authority saw that hash then: so the record's entries up to that size existed. It
shows nothing of who wrote them, and is worth what the authority is.
"""

import contextlib
import hashlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from rfc3161_client import TimeStampResponse, VerifierBuilder, decode_timestamp_response
from rfc3161_client.errors import VerificationError
from rfc3161_client.tsp import TimeStampTokenInfo

from verify.brackets import format_time_s
from verify.checkpoint import Checkpoint, format_checkpoint
from verify.errors import MalformedError, SignatureError, VerifyError

__all__ = ["MAX_CHAIN", "MAX_TOKEN", "Stamp", "check_token", "parse_chain"]

MAX_TOKEN = 65_536  # octets
MAX_CHAIN = 262_144  # octets

_SHA256 = "2.16.840.1.101.3.4.2.1"
_MAX_CERTIFICATES = 16
_WORST_US = 24 * 60 * 60 * 1_000_000


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a token says.

    Attributes:
        by_ms: By when the authority had seen the hash, by its own clock: the token's time and as
            much as the token says that it may be wrong.
        time: The same in words, to the second, in UTC.
        authority: The name in the certificate that signed, in the words of RFC 4514.
        policy: The authority's policy, an object identifier in dots.
    """

    by_ms: int
    time: str
    authority: str
    policy: str


def check_token(token: bytes, *, checkpoint: Checkpoint, chain: bytes) -> Stamp:
    """Check that an authority saw a checkpoint's hash, and when it says that it did.

    Args:
        token: The authority's answer.
        checkpoint: The checkpoint; its signatures play no part.
        chain: The authority's certificates from its root down, PEM: who hands them in vouches
            for them, and all of them must have been valid at the token's time.

    Returns:
        What the token says.

    Raises:
        MalformedError: The token or the chain cannot be read.
        SignatureError: The token is of another hash, or these certificates do not vouch for it.

    Source: RFC 3161 section 2.4.2; SPEC section 4.5.
    """
    roots = parse_chain(chain)
    if len(token) > MAX_TOKEN:
        raise MalformedError("token", f"longer than {MAX_TOKEN} bytes")
    imprint = hashlib.sha256(format_checkpoint(checkpoint)).digest()
    with _reading("token"):
        response = decode_timestamp_response(token)
        try:
            VerifierBuilder(roots=roots).build().verify(response, imprint)
            return _stamp(response)
        except VerificationError as error:
            raise SignatureError("time-stamping authority", None, str(error)) from None


def parse_chain(data: bytes) -> list[x509.Certificate]:
    """Read certificates, PEM, one after the other.

    Raises:
        MalformedError: They cannot be read, or are none or too many.
    """
    if len(data) > MAX_CHAIN:
        raise MalformedError("certificates", f"longer than {MAX_CHAIN} bytes")
    with _reading("certificates"):
        chain = x509.load_pem_x509_certificates(data)
        if len(chain) > _MAX_CERTIFICATES:
            raise MalformedError("certificates", f"more than {_MAX_CERTIFICATES}")
        # The token's library gives them to OpenSSL, which reads more strictly, and panics if it
        # does not take them.
        trial = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        for certificate in chain:
            trial.load_verify_locations(cadata=certificate.public_bytes(Encoding.DER))
    return chain


@contextlib.contextmanager
def _reading(where: str) -> Iterator[None]:
    """Refuse octets that a library cannot read, in whatever way it says so."""
    try:
        yield
    except (VerifyError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 (of any type)
        # Of many types: whoever made the octets chooses where the library fails.
        raise MalformedError(where, str(error) or type(error).__name__) from None
    except BaseException as error:
        # What its authors did not expect ends in a panic of Rust, which is no `Exception`.
        if type(error).__name__ != "PanicException":
            raise
        raise MalformedError(where, "the library that reads it gave up") from None


def _stamp(response: TimeStampResponse) -> Stamp:
    info = response.tst_info
    # Not compared by the library, which is given a hash: that of another function fits as well.
    if info.message_imprint.hash_algorithm.dotted_string != _SHA256:
        raise VerificationError("The hash is none of SHA-256.")
    (signer,) = response.signed_data.signer_infos
    held = map(x509.load_der_x509_certificate, response.signed_data.certificates)
    (certificate,) = (
        one
        for one in held
        if (one.issuer, one.serial_number) == (signer.issuer, signer.serial_number)
    )
    by_ms = -(-(round(info.gen_time.timestamp() * 1_000_000) + _accuracy_us(info)) // 1000)
    return Stamp(
        by_ms=by_ms,
        time=format_time_s(-(-by_ms // 1000)),
        authority=certificate.subject.rfc4514_string(),
        policy=info.policy.dotted_string,
    )


def _accuracy_us(info: TimeStampTokenInfo) -> int:
    """Return how far a token's time may be off by its own word, in microseconds."""
    accuracy = info.accuracy
    if accuracy is None:
        return 0
    # Each of the three may be absent, whatever the library's types say.
    seconds, millis, micros = (
        part or 0 for part in (accuracy.seconds, accuracy.millis, accuracy.micros)
    )
    off_us = seconds * 1_000_000 + millis * 1000 + micros
    if not 0 <= off_us <= _WORST_US:
        raise VerificationError("Its time may be off by more than a day, by its own word.")
    return off_us
