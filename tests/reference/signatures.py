"""Section 2: signatures, by the pure rule first, then by the same rule with one library call.

Other rooms call through this module, so that a test can have every signature checked both ways.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

import nacl.bindings
import nacl.exceptions

from tests.reference.refusals import Refused

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE_D = -121665 * pow(121666, -1, PRIME) % PRIME
ROOT_OF_MINUS_ONE = pow(2, (PRIME - 1) // 4, PRIME)

Point: TypeAlias = tuple[int, int]
IDENTITY: Point = (0, 1)


def ed25519_exact(public: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether a signature satisfies the four points of section 2, in plain arithmetic."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key = decode_point(public)
    if key is None or key == IDENTITY or multiply(ORDER, key) != IDENTITY:
        return False
    scalar = int.from_bytes(signature[32:], "little")
    if scalar >= ORDER or signature[:32] in SMALL_ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    challenge = int.from_bytes(digest, "little") % ORDER
    x, y = multiply(challenge, key)
    # [S]B - [k]A: the opposite of (x, y) is (-x, y).
    return encode_point(add(multiply(scalar, BASE), (-x % PRIME, y))) == signature[:32]


def decode_point(octets: bytes) -> Point | None:
    """Read the canonical encoding of a curve point; None for any other octets."""
    number = int.from_bytes(octets, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= PRIME:
        return None
    x = _abscissa(y)
    if x is None or (x == 0 and sign == 1):
        return None
    return (x if x & 1 == sign else PRIME - x), y


def encode_point(point: Point) -> bytes:
    """Return the canonical encoding of a point."""
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def add(left: Point, right: Point) -> Point:
    """Add two points by the complete affine law of the twisted Edwards curve."""
    (x1, y1), (x2, y2) = left, right
    product = CURVE_D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, PRIME)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, PRIME)
    return x % PRIME, y % PRIME


def multiply(scalar: int, point: Point) -> Point:
    """Add a point to itself, doubling bit by bit."""
    total = IDENTITY
    for bit in f"{scalar:b}":
        total = add(total, total)
        if bit == "1":
            total = add(total, point)
    return total


def _abscissa(y: int) -> int | None:
    # x squared = (y squared - 1) / (d y squared + 1); RFC 8032 section 5.1.3.
    square = (y * y - 1) * pow(CURVE_D * y * y + 1, -1, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if x * x % PRIME != square:
        x = x * ROOT_OF_MINUS_ONE % PRIME
    return x if x * x % PRIME == square else None


def _small_order_encodings() -> set[bytes]:
    # The points of small order are the multiples of one of order eight, which is [L]Q for most Q.
    y = 2
    while True:
        x = _abscissa(y)
        generator = multiply(ORDER, (x, y)) if x is not None else IDENTITY
        if multiply(4, generator) != IDENTITY:
            break
        y += 1
    found = set()
    for times in range(8):
        _, y = multiply(times, generator)
        for spelled in (y, y + PRIME):
            if spelled < 2**255:
                found.add(spelled.to_bytes(32, "little"))
                found.add((spelled | 1 << 255).to_bytes(32, "little"))
    return found


_BASE_Y = 4 * pow(5, -1, PRIME) % PRIME
_BASE = decode_point(_BASE_Y.to_bytes(32, "little"))
assert _BASE is not None
BASE: Point = _BASE
SMALL_ORDER = _small_order_encodings()


def check_key(public: bytes) -> None:
    """Refuse a public key that fails rule 1 of section 2 [603]."""
    if len(public) != 32 or public in SMALL_ORDER:
        raise Refused(603, "the key is of small order")
    if not nacl.bindings.crypto_core_ed25519_is_valid_point(public):
        raise Refused(603, "the key is no point of the prime-order subgroup")


def check_signature(public: bytes, message: bytes, signature: bytes) -> None:
    """Refuse a signature that fails the rule of section 2 [505].

    The library's equation may be the cofactored one. Point 4 implies that R, as a sum of multiples
    of B and A, lies in the prime-order subgroup; once R is known to, the two equations are one.
    """
    with _as_signature():
        check_key(public)
    if len(signature) != 64 or signature[:32] in SMALL_ORDER:
        raise Refused(505, "R is of small order")
    if int.from_bytes(signature[32:], "little") >= ORDER:
        raise Refused(505, "S is not below L")
    if not nacl.bindings.crypto_core_ed25519_is_valid_point(signature[:32]):
        raise Refused(505, "R is no point of the prime-order subgroup")
    try:
        nacl.bindings.crypto_sign_open(signature + message, public)
    except nacl.exceptions.BadSignatureError as problem:
        raise Refused(505, "the equation does not hold") from problem


@contextmanager
def _as_signature() -> Iterator[None]:
    try:
        yield
    except Refused as problem:
        raise Refused(505, problem.where) from problem


def pre_authentication(use: str, body: bytes) -> bytes:
    """Return the DSSE encoding that a party key signs; `use` is submission or possession."""
    kind = f"application/vnd.counterfoil.{use}+json".encode("ascii")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)
