"""Tokens of RFC 3161 over checkpoints: what an authority's signature says of a time.

A token here is the authority's whole answer (TimeStampResp), over the SHA-256 of a checkpoint's
text. It is checked as of its own time, offline, against certificates that somebody hands in. It
shows that the authority saw that hash then: so the record's entries up to that size existed. It
shows nothing of who wrote them, and is worth what the authority is.
"""

import contextlib
import hashlib
import re
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import PublicKeyAlgorithmOID
from rfc3161_client import TimeStampResponse, VerifierBuilder, decode_timestamp_response
from rfc3161_client.errors import VerificationError
from rfc3161_client.tsp import TimeStampTokenInfo

from verify.brackets import format_time_s
from verify.checkpoint import Checkpoint, format_checkpoint
from verify.errors import MalformedError, SignatureError, VerifyError

__all__ = ["MAX_CHAIN", "MAX_TOKEN", "Chain", "Stamp", "check_token", "format_chain", "parse_chain"]

Chain = Sequence[x509.Certificate]
"""Certificates of authorities, from their roots down."""

MAX_TOKEN = 65_536  # octets
MAX_CHAIN = 262_144  # octets

_SHA256 = "2.16.840.1.101.3.4.2.1"
_MAX_CERTIFICATES = 16
_WORST_US = 24 * 60 * 60 * 1_000_000


class _Part(NamedTuple):
    """A value in DER: its tag, its content, and all of its octets."""

    tag: int
    content: bytes
    octets: bytes


_GRANTED: Final = b"\x02\x01\x00"
_WITH_MODS: Final = b"\x02\x01\x01"  # granted otherwise than asked: the token says how
_ANSWERED: Final = frozenset((0, 1))
_PSS: Final = bytes.fromhex("06092a864886f70d01010a")
_ANY_RSA: Final = PublicKeyAlgorithmOID.RSAES_PKCS1_v1_5
_EDWARDS: Final = {PublicKeyAlgorithmOID.ED25519: "Ed25519", PublicKeyAlgorithmOID.ED448: "Ed448"}
_CONTENT: Final = 2  # of the parts of SignedData
_TIME: Final = 0x18
_NANO: Final = 9  # digits, of which the library takes no more
_SEQUENCE: Final = 0x30
_TAGGED: Final = 0xA0
_LONG: Final = 0x80  # of a length that has octets of its own
_NAMED_BY: Final = {
    bytes.fromhex("2a864886f70d010910020c"): "sha1",  # SigningCertificate
    bytes.fromhex("2a864886f70d010910022f"): "sha256",  # SigningCertificateV2, if it does not say
}
"""Attributes that name a certificate, and the function of the hash that they name it by."""
_NOT_VOUCHED: Final = re.compile(r'data: "Verify error: ([^"]*)"')
_FAILED: Final = 'reason: "signature failure"'
_FUNCTIONS: Final = {
    bytes.fromhex("2b0e03021a"): "sha1",
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a token says.

    Attributes:
        by_ms: By when the authority had seen the hash, by its own clock: the token's time and as
            much as the token says that it may be wrong.
        time: The same in words, to the second, in UTC.
        authority: The name in the certificate that signed, in the words of RFC 4514.
        policy: The authority's policy, an object identifier in dots.
        nonce: The number in the query that the authority answered, if there was one.
    """

    by_ms: int
    time: str
    authority: str
    policy: str
    nonce: int | None


def check_token(token: bytes, *, checkpoint: Checkpoint, chain: Chain) -> Stamp:
    """Check that an authority saw a checkpoint's hash, and when it says that it did.

    Args:
        token: The authority's answer.
        checkpoint: The checkpoint; its signatures play no part.
        chain: Certificates of the authority, or of several: who hands them in vouches for them.
            Those that the token needs must have been valid at its time.

    Returns:
        What the token says.

    Raises:
        MalformedError: The token cannot be read.
        SignatureError: The token is of another hash, or these certificates do not vouch for it.

    Source: RFC 3161 section 2.4.2; SPEC section 4.5.
    """
    if len(token) > MAX_TOKEN:
        raise MalformedError("token", f"longer than {MAX_TOKEN} bytes")
    imprint = hashlib.sha256(format_checkpoint(checkpoint)).digest()
    with _reading("token"):
        response = decode_timestamp_response(_readable(token))
        try:
            _check_granted(response)
            signed = _signed_data(response.time_stamp_token())
            _check_certificates(signed)
            _check_hash(response)
            certificate = _signer(response, chain)
            # Taken from the token, where that has any.
            alone = None if response.signed_data.certificates else certificate
            verifier = VerifierBuilder(roots=list(chain), tsa_certificate=alone).build()
            try:
                verifier.verify(response, imprint)
            except VerificationError as error:
                raise VerificationError(_in_words(str(error), signed, certificate)) from None
            _check_named(signed, certificate)
            return _stamp(response, signed, certificate)
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


def format_chain(chain: Chain) -> bytes:
    """Write certificates, PEM, and nothing else."""
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain)


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


def _check_granted(response: TimeStampResponse) -> None:
    """Say why an authority refused, in its own words: the library does not."""
    if response.status not in _ANSWERED:
        words = "; ".join((f"status {response.status}", *response.status_string))
        raise VerificationError(f"It was not granted: {words}")
    if not response.time_stamp_token():
        raise VerificationError("It is granted, and is not there.")


def _check_certificates(signed: list[_Part]) -> None:
    """Refuse more certificates than a chain has: each is read several times."""
    if len(_tagged(signed)) > _MAX_CERTIFICATES:
        raise VerificationError(f"It has more than {_MAX_CERTIFICATES} certificates.")


def _check_hash(response: TimeStampResponse) -> None:
    """Check the hash's function: the library is given a hash, and that of another fits as well."""
    if response.tst_info.message_imprint.hash_algorithm.dotted_string != _SHA256:
        raise VerificationError("The hash is none of SHA-256.")


def _signer(response: TimeStampResponse, chain: Chain) -> x509.Certificate:
    """Return the certificate that a token says it was signed with: its own if it has any."""
    signers = response.signed_data.signer_infos
    if len(signers) != 1:
        raise VerificationError(f"It has {len(signers)} signers.")
    (signer,) = signers
    held = [*map(x509.load_der_x509_certificate, response.signed_data.certificates)]
    for one in held or chain:
        if (one.issuer, one.serial_number) == (signer.issuer, signer.serial_number):
            return one
    if held:
        raise VerificationError("It has certificates, and not the one that signed it.")
    raise VerificationError("The certificate that signed it is not in it, nor was it handed in.")


def _in_words(reason: str, signed: list[_Part], certificate: x509.Certificate) -> str:
    """Return what OpenSSL found, of its errors as the library prints them."""
    if found := _NOT_VOUCHED.search(reason):
        return f"These certificates do not vouch for it at its time: {found[1]}."
    if _FAILED not in reason:
        return reason
    if _PSS in signed[-1].octets and certificate.public_key_algorithm_oid == _ANY_RSA:
        return "It is signed by RSASSA-PSS with a key that is not for this alone: not read here."
    if named := _EDWARDS.get(certificate.public_key_algorithm_oid):
        return f"It is signed by {named}: not read here."
    return "Its signature does not hold."


def _stamp(
    response: TimeStampResponse, signed: list[_Part], certificate: x509.Certificate
) -> Stamp:
    info = response.tst_info
    second_us = round(info.gen_time.replace(microsecond=0).timestamp()) * 1_000_000
    by_ms = -(-(second_us + _fraction_us(signed) + _accuracy_us(info)) // 1000)
    return Stamp(
        by_ms=by_ms,
        time=format_time_s(-(-by_ms // 1000)),
        authority=certificate.subject.rfc4514_string(),
        policy=info.policy.dotted_string,
        nonce=info.nonce,
    )


def _fraction_us(signed: list[_Part]) -> int:
    """Return what a token's time has beyond its second, in microseconds: the library leaves it."""
    _, explicit = _parts(signed[_CONTENT].content)
    info = _parts(_within(_within(explicit.content)))
    time = next(part.content for part in info if part.tag == _TIME)
    digits = time.partition(b".")[2].removesuffix(b"Z")
    return -(-int(digits.ljust(_NANO, b"0")) // 1000)


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


# The certificates in a token


def _readable(answer: bytes) -> bytes:
    """Write an answer as the library reads it, where no signature covers how it is written.

    It takes certificates in the order of DER only: OpenSSL and many authorities give them from the
    leaf up, as CMS allows. And it takes nothing that was granted with modifications.
    """
    try:
        status, *token = _parts(_within(answer))
        if status.tag != _SEQUENCE:
            raise MalformedError("token", "is not an authority's whole answer (TimeStampResp)")
        if token and status.content.startswith(_WITH_MODS):
            granted = status.octets.replace(_WITH_MODS, _GRANTED, 1)
            answer = answer.replace(status.octets, granted, 1)
        held = [part.octets for one in token for part in _tagged(_signed_data(one.octets))]
    except (IndexError, ValueError):
        return answer  # the library says better what it lacks
    return answer.replace(b"".join(held), b"".join(sorted(held)), 1)


def _check_named(signed: list[_Part], certificate: x509.Certificate) -> None:
    """Check that what was signed names the certificate that it was checked with.

    The library takes any certificate with the issuer and number that the token gives, and no
    signature covers these.

    Source: RFC 3161 section 2.4.2; RFC 5035 sections 3 to 5.
    """
    attributes = [_parts(one.content) for one in _tagged(_parts(_within(signed[-1].content)))]
    named = [
        _names(certificate, _within(values.content), _NAMED_BY[kind.content])
        for kind, values in attributes
        if kind.content in _NAMED_BY
    ]
    if not named or not all(named):
        raise VerificationError("It does not name the certificate that signed it.")


def _names(certificate: x509.Certificate, named: bytes, function: str) -> bool:
    """Tell whether the first certificate in a SigningCertificate (or V2) is this one."""
    digest, *rest = _parts(_within(_within(named)))
    if digest.tag == _SEQUENCE:  # it says which function
        if (known := _FUNCTIONS.get(_within(digest.content))) is None:
            raise VerificationError("It names its certificate by the hash of an unknown function.")
        function, digest = known, rest[0]
    return hashlib.new(function, certificate.public_bytes(Encoding.DER)).digest() == digest.content


def _signed_data(token: bytes) -> list[_Part]:
    """Return the parts of the SignedData that a token (ContentInfo) is."""
    _, explicit = _parts(_within(token))
    return _parts(_within(explicit.content))


def _tagged(parts: list[_Part]) -> list[_Part]:
    """Return what is tagged with 0: the certificates of SignedData, what a SignerInfo signed."""
    return _parts(next((part.content for part in parts if part.tag == _TAGGED), b""))


def _within(der: bytes) -> bytes:
    """Return the content of the first value."""
    return _parts(der)[0].content


def _parts(der: bytes) -> list[_Part]:
    """Return the values that stand one behind the other."""
    parts, at = [], 0
    while at < len(der):
        size, begin = der[at + 1], at + 2
        if size == _LONG:
            raise MalformedError("token", "is in BER, with a length left open, and not in DER")
        if size & _LONG:
            begin += size & ~_LONG
            size = int.from_bytes(der[at + 2 : begin], "big")
        end = begin + size
        parts.append(_Part(der[at], der[begin:end], der[at:end]))
        at = end
    return parts
