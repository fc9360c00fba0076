"""Ed25519 under one rule, whichever libsodium is installed.

Libraries differ on which signatures are valid. Between two parties in dispute that is a hole: a
signature that verifies here and not there, or a key under which every message verifies. So the
rule is SPEC's and not a library's. A signature R || S by public key A over M is valid exactly when

1. A is the canonical encoding of a point of the prime-order subgroup other than the identity;
2. S, little-endian, is below L, the order of that subgroup;
3. R is none of the 14 encodings, canonical or not, of the 8 points of small order;
4. the cofactorless equation holds on R's bytes: the encoding of [S]B - [H(R || A || M)]A is R.

Nothing here signs.

Source: SPEC section 2; RFC 8032 section 5.1; C2SP/CCTV ed25519.
"""

from functools import lru_cache
from typing import Final

# libsodium as PyNaCl binds it. PyNaCl's own functions around it would load twenty modules, of which
# this one wants none, and copy each message that is verified.
from nacl._sodium import ffi, lib

from verify.errors import MalformedError, SignatureError

__all__ = ["KEY_SIZE", "SIGNATURE_SIZE", "check_public_key", "check_signature"]

KEY_SIZE = 32
"""Bytes in a public key."""

SIGNATURE_SIZE = 64
"""Bytes in a signature: R, then S."""

if lib.sodium_init() < 0 or not lib.PYNACL_HAS_CRYPTO_CORE_ED25519:
    raise ImportError("this libsodium cannot be used, or is one without Ed25519's points")

_ORDER = 2**252 + 27742317777372353535851937790883648493

_SMALL_ORDER = frozenset(
    bytes.fromhex(encoding)
    for encoding in (
        # The 8 points, canonically: 4 of order 8, 2 of order 4, the identity, and order 2.
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        # x = 0 with the sign bit set.
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        # y = p and y = p + 1, which stand for 0 and 1.
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    )
)

# Two vectors that ask the installed library which rule it follows. With T a point of order 8, the
# scalars a = SHA-512("counterfoil a") and r = SHA-512("counterfoil r") mod L, B the base point:
#   _PROBE_KEY       A = aB, a good key
#   _PROBE_SIGNATURE R || S with R = rB + T and S = r + H(R || A || M)a mod L. SB - HA is rB, which
#                    is R only after both are multiplied by the cofactor 8: cofactored verifiers
#                    accept, cofactorless ones refuse.
#   _PROBE_MIXED     A + 4T, off the prime-order subgroup by the point of order 2
_PROBE_MESSAGE = b"counterfoil: cofactored or cofactorless?"
_PROBE_KEY = bytes.fromhex("18c05beffe0679941b7322fc08b4acd837e2fd84ba63a83d2acaecdc48ac1aa1")
_PROBE_SIGNATURE = bytes.fromhex(
    "b0cd75b22c0fdc21260cab493af5547192af35a51a6a56758696914935de5486"
    "82cfee92361976996d09f6ea99497969066fba9ac7e8931ae0a5de52346ace0a"
)
_PROBE_MIXED = bytes.fromhex("d53fa41001f9866be48cdd03f74b5327c81d027b459c57c2d5351323b753e55e")


@lru_cache(maxsize=4096)
def check_public_key(key: bytes) -> None:
    """Check that `key` is the canonical encoding of a point of prime order.

    A small-order key would verify signatures over messages that nobody signed, so that a party
    could enrol it and later disown everything. Good keys are remembered, as each costs 30 us.

    Raises:
        MalformedError: It is not 32 bytes, or not such a point.
    """
    if len(key) != KEY_SIZE:
        raise MalformedError("public key", f"{len(key)} bytes, not {KEY_SIZE}")
    if not lib.crypto_core_ed25519_is_valid_point(key):
        raise MalformedError("public key", "not a canonical point of prime order")


def check_signature(*, key: bytes, message: bytes, signature: bytes) -> None:
    """Check that `signature` is one by `key` over `message`.

    Args:
        key: Public key, 32 bytes.
        message: The signed bytes.
        signature: R then S, 64 bytes.

    Raises:
        MalformedError: The key is not a key, or the signature is not 64 bytes.
        SignatureError: The signature is not valid. Its `name` is the key in hex.

    Source: SPEC section 2.
    """
    check_public_key(key)
    if len(signature) != SIGNATURE_SIZE:
        raise MalformedError("signature", f"{len(signature)} bytes, not {SIGNATURE_SIZE}")
    # The order is above 2^252: only what has one of the four bits above needs the comparison.
    if signature[-1] >> 4 and int.from_bytes(signature[32:], "little") >= _ORDER:
        raise SignatureError(key.hex(), None, "S is not below the group order")
    nonce_point = signature[:32]
    if nonce_point in _SMALL_ORDER:
        raise SignatureError(key.hex(), None, "R is a point of small order")
    if _COFACTORED and not lib.crypto_core_ed25519_is_valid_point(nonce_point):
        raise SignatureError(key.hex(), None, "R is not a canonical point of prime order")
    if not _holds(signature + message, key):
        raise SignatureError(key.hex())


def _holds(signed: bytes, key: bytes) -> bool:
    """Ask the installed library about a signature of 64 bytes and, behind it, its message."""
    found: int = lib.crypto_sign_open(ffi.NULL, ffi.NULL, signed, len(signed), key)
    return found == 0


# libsodium 1.0.20, which PyNaCl 1.6.2 carries, is cofactorless; later ones are not. A cofactored
# library follows the rule once R, too, must be a canonical point of prime order: between points of
# prime order the factor 8 cancels, and a canonical point has one encoding to compare. The other
# way round, rule 4 makes R such a point, as [S]B - [H]A is one when A is.
_COFACTORED: Final = _holds(_PROBE_SIGNATURE + _PROBE_MESSAGE, _PROBE_KEY)

# Before its correction of December 2025 libsodium took this point for one of prime order, and with
# such a library rule 1 does not hold.
if lib.crypto_core_ed25519_is_valid_point(_PROBE_MIXED):
    raise ImportError("this libsodium takes mixed-order points for valid: CVE-2025-69277")
