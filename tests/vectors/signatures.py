"""Vectors of keys, signatures and trees."""

import hashlib

import nacl.bindings

from tests.reference import signatures
from tests.vectors.spelling import ORDER, REF, Vectors, spelled, to_accept, to_refuse
from tests.world import inclusion, public_hex, signing_key
from verify.merkle import leaf_hash, root_hash


def key_vectors() -> Vectors:
    for name in ("northmere", "log"):
        yield to_accept("key", f"of {name}", {"key": public_hex(signing_key(name))})
    good = bytes(signing_key("northmere").verify_key)
    for point in sorted(signatures.SMALL_ORDER):
        yield to_refuse("key", "of small order, or spelled otherwise", {"key": point.hex()})
    order_two = signatures.decode_point(bytes.fromhex("ec" + "ff" * 30 + "7f"))
    own = signatures.decode_point(good)
    assert order_two is not None
    assert own is not None
    mixed = signatures.encode_point(signatures.add(own, order_two))
    yield to_refuse("key", "of mixed order", {"key": mixed.hex()})
    yield to_refuse("key", "off the curve", {"key": "02" + "00" * 31})
    yield to_refuse("key", "not below the prime", {"key": "f0" + "ff" * 30 + "7f"})
    yield to_refuse("key", "31 octets", {"key": good[:-1].hex()})
    yield to_refuse("key", "33 octets", {"key": good.hex() + "00"})
    yield to_refuse("key", "nothing", {"key": ""})


def signature_vectors() -> Vectors:
    key = signing_key("northmere")
    public, message = public_hex(key), b"a message"
    signature = key.sign(message).signature
    given = {"key": public, "message": spelled(message), "signature": signature.hex()}
    yield to_accept("signature", "good", given)
    empty = {**given, "message": spelled(b""), "signature": key.sign(b"").signature.hex()}
    yield to_accept("signature", "of nothing", empty)
    yield to_refuse("signature", "another message", {**given, "message": spelled(b"a massage")})
    other = public_hex(signing_key("southfold"))
    yield to_refuse("signature", "another key", {**given, "key": other})
    scalar = int.from_bytes(signature[32:], "little")
    high = signature[:32] + (scalar + ORDER).to_bytes(32, "little")
    yield to_refuse("signature", "S + L", {**given, "signature": high.hex()})
    for bit in (0, 100, 255, 256, 400, 511):
        flipped = bytearray(signature)
        flipped[bit // 8] ^= 1 << bit % 8
        yield to_refuse("signature", f"bit {bit}", {**given, "signature": bytes(flipped).hex()})
    yield to_refuse("signature", "cut short", {**given, "signature": signature[:-1].hex()})
    yield to_refuse("signature", "too long", {**given, "signature": signature.hex() + "00"})
    for point in sorted(signatures.SMALL_ORDER):
        forged = {**given, "key": point.hex(), "signature": (point + bytes(32)).hex()}
        yield to_refuse("signature", "a key of small order", forged)
        # S = H(R || A || M)a: the equation holds up to R, for R of small order.
        seed = nacl.bindings.crypto_sign_seed_keypair(bytes(key))[1]
        digest = hashlib.sha512(bytes(key)).digest()[:32]
        clamped = int.from_bytes(digest, "little") & ((1 << 254) - 8) | (1 << 254)
        challenge = hashlib.sha512(point + bytes.fromhex(public) + message).digest()
        answer = int.from_bytes(challenge, "little") * clamped % ORDER
        small = {**given, "signature": (point + answer.to_bytes(32, "little")).hex()}
        yield to_refuse("signature", "R of small order", small)
        assert len(seed) == 64


def _leaves(size: int) -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(size)]


def inclusion_vectors() -> Vectors:
    for size in (1, 2, 3, 5, 8):
        leaves = _leaves(size)
        for index in sorted({0, size // 2, size - 1}):
            proof = [hash_.hex() for hash_ in inclusion(leaves, index)]
            given = {"index": index, "size": size, "leaf": leaves[index].hex(), "proof": proof,
                     "root": root_hash(leaves).hex()}  # fmt: skip
            if index == size - 1:
                yield to_accept("inclusion", f"{index} in {size}", given)
            yield to_refuse("inclusion", "another root", {**given, "root": REF})
            yield to_refuse("inclusion", "another leaf", {**given, "leaf": REF})
            yield to_refuse("inclusion", "a hash too many", {**given, "proof": [*proof, REF]})
            yield to_refuse("inclusion", "an index outside", {**given, "index": size})
            yield to_refuse("inclusion", "a negative index", {**given, "index": -1})
            if proof:
                yield to_refuse("inclusion", "a hash missing", {**given, "proof": proof[:-1]})
                yield to_refuse("inclusion", "hashes reversed and one changed",
                               {**given, "proof": [*proof[:0:-1], REF]})  # fmt: skip
    given = {"index": 0, "size": 0, "leaf": REF, "proof": [], "root": REF}
    yield to_refuse("inclusion", "in the empty tree", given)


def subproof(leaves: list[bytes], old: int, *, whole: bool) -> list[bytes]:
    """Return a consistency proof, as RFC 6962 section 2.1.2 reads."""
    if old == len(leaves):
        return [] if whole else [root_hash(leaves)]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= half:
        return [*subproof(leaves[:half], old, whole=whole), root_hash(leaves[half:])]
    return [*subproof(leaves[half:], old - half, whole=False), root_hash(leaves[:half])]


def consistency_vectors() -> Vectors:
    for old, size in ((1, 1), (1, 2), (2, 3), (3, 5), (4, 8), (6, 7), (7, 7)):
        leaves = _leaves(size)
        proof = [hash_.hex() for hash_ in subproof(leaves, old, whole=True)]
        given = {"old_size": old, "size": size, "old_root": root_hash(leaves[:old]).hex(),
                 "root": root_hash(leaves).hex(), "proof": proof}  # fmt: skip
        yield to_accept("consistency", f"{old} in {size}", given)
        yield to_refuse("consistency", "another old root", {**given, "old_root": REF})
        yield to_refuse("consistency", "another root", {**given, "root": REF})
        yield to_refuse("consistency", "a hash too many", {**given, "proof": [*proof, REF]})
        yield to_refuse("consistency", "sizes the wrong way", {**given, "old_size": size + 1})
        if proof:
            yield to_refuse("consistency", "a hash missing", {**given, "proof": proof[1:]})
            changed = [*proof[:-1], REF]
            yield to_refuse("consistency", "a hash changed", {**given, "proof": changed})
