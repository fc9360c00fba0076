"""ML-DSA-44, as witnesses cosign with it: signatures that a quantum computer cannot forge.

Pure ML-DSA of FIPS 204 (not HashML-DSA), with an empty context. The standard leaves no choice of
what is valid, so that here, unlike with Ed25519, the rule is the library's: a public key is any
1,312 bytes, a signature is 2,420 bytes that the standard's algorithm 3 accepts.

Nothing here signs. Only cosignatures use it; parties and logs sign with Ed25519.

Source: FIPS 204; c2sp.org/tlog-cosignature, "ML-DSA-44 signed message"; SPEC section 2.
"""

from verify.errors import MalformedError, SignatureError

__all__ = ["KEY_SIZE", "SIGNATURE_SIZE", "check_signature"]

KEY_SIZE = 1312
"""Bytes in a public key."""

SIGNATURE_SIZE = 2420
"""Bytes in a signature."""

_SHOWN = 16  # bytes of a key that name it in an error


def check_signature(*, key: bytes, message: bytes, signature: bytes) -> None:
    """Check that `signature` is one by `key` over `message`.

    Args:
        key: Public key, 1,312 bytes.
        message: The signed bytes.
        signature: 2,420 bytes. Signing twice gives two signatures: they identify nothing.

    Raises:
        MalformedError: The key is not 1,312 bytes, or the signature is not 2,420.
        SignatureError: The signature is not valid. Its `name` is the beginning of the key in hex.

    Source: FIPS 204, algorithm 3.
    """
    if len(key) != KEY_SIZE:
        raise MalformedError("public key", f"{len(key)} bytes, not {KEY_SIZE}")
    if len(signature) != SIGNATURE_SIZE:
        raise MalformedError("signature", f"{len(signature)} bytes, not {SIGNATURE_SIZE}")
    # Here, since few cosignatures are of this kind, and the library takes as long to load as all
    # that one evidence file needs.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

    try:
        MLDSA44PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature as error:
        raise SignatureError(key[:_SHOWN].hex()) from error
