"""The second verifier's trees and signatures: known answers, and what only looks like one."""

import ast
import base64
import hashlib
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import build_reference as build
from tests import reference
from tests.reference import (
    audit_export,
    signatures,
)
from tests.reference_cases import refusal, small


def test_it_knows_nothing_of_the_first_verifier() -> None:
    for room in Path(reference.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(room.read_text())):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            else:
                modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for module in modules:
                own = module == "tests.reference" or module.startswith("tests.reference.")
                root = module.partition(".")[0]
                assert own or root == "nacl" or root in sys.stdlib_module_names, room.name


# Leaves and roots of the sizes 1 to 8, as published with the reference tests of RFC 6962.
RFC_6962_ENTRIES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
RFC_6962_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# RFC 8032 section 7.1: public key, message, signature.
RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
            "b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
            "1d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984d"
            "c6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_of_rfc_6962(size: int) -> None:
    leaves = [reference.leaf_hash(bytes.fromhex(entry)) for entry in RFC_6962_ENTRIES[:size]]
    assert reference.tree_hash(leaves).hex() == RFC_6962_ROOTS[size - 1]


def test_the_empty_tree() -> None:
    root = base64.b64encode(reference.tree_hash([])).decode()
    assert root == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


@pytest.mark.parametrize("size", range(1, 18))
def test_every_inclusion_proof_of_small_trees(size: int) -> None:
    leaves = [bytes([at + 1]) * 32 for at in range(size)]
    root = build.merkle_root(leaves)
    assert reference.tree_hash(leaves) == root
    for index in range(size):
        proof = build.inclusion_proof(leaves, index)
        reference.check_inclusion(
            index=index, size=size, leaf=leaves[index], proof=proof, root=root
        )
        for other in range(size + 1):
            if other != index:
                refusal(
                    902,
                    reference.check_inclusion,
                    index=other,
                    size=size,
                    leaf=leaves[index],
                    proof=proof,
                    root=root,
                )
        for wrong in (proof[:-1], [*proof, root]):
            if wrong != proof:
                refusal(
                    902,
                    reference.check_inclusion,
                    index=index,
                    size=size,
                    leaf=leaves[index],
                    proof=wrong,
                    root=root,
                )


def prove_consistency(leaves: list[bytes], old: int, *, whole: bool = True) -> list[bytes]:
    if old == len(leaves):
        return [] if whole else [build.merkle_root(leaves)]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = leaves[:split], leaves[split:]
    if old <= split:
        return [*prove_consistency(left, old, whole=whole), build.merkle_root(right)]
    return [*prove_consistency(right, old - split, whole=False), build.merkle_root(left)]


@pytest.mark.parametrize("size", range(1, 18))
def test_every_consistency_proof_of_small_trees(size: int) -> None:
    leaves = [bytes([at + 1]) * 32 for at in range(size)]
    root = build.merkle_root(leaves)
    for old in range(1, size + 1):
        proof = prove_consistency(leaves, old)
        good: dict[str, Any] = {
            "old_size": old,
            "size": size,
            "old_root": build.merkle_root(leaves[:old]),
            "root": root,
            "proof": proof,
        }
        reference.check_consistency(**good)
        for bad in (
            {"old_root": bytes(32)},
            {"root": bytes(32)},
            {"proof": [*proof, root]},
            {"old_size": 0},
            {"old_size": size + 1},
        ):
            refusal(205, reference.check_consistency, **(good | bad))
        if proof:
            refusal(205, reference.check_consistency, **(good | {"proof": proof[:-1]}))


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_the_vectors_of_rfc_8032(public: str, message: str, signature: str) -> None:
    key, text, octets = map(bytes.fromhex, (public, message, signature))
    assert reference.ed25519_exact(key, text, octets)
    reference.check_signature(key, text, octets)
    altered = octets[:40] + bytes([octets[40] ^ 1]) + octets[41:]
    assert not reference.ed25519_exact(key, text, altered)
    refusal(505, reference.check_signature, key, text, altered)
    assert not reference.ed25519_exact(key, text + b"!", octets)
    refusal(505, reference.check_signature, key, text + b"!", octets)


def test_there_are_fourteen_encodings_of_small_order() -> None:
    assert len(signatures.SMALL_ORDER) == 14
    assert (1).to_bytes(32, "little") in signatures.SMALL_ORDER


def test_keys_of_small_order_are_refused() -> None:
    for public in signatures.SMALL_ORDER:
        refusal(603, reference.check_key, public)
        signature = (1).to_bytes(32, "little") + bytes(32)
        assert not reference.ed25519_exact(public, b"anything", signature)
        refusal(505, reference.check_signature, public, b"anything", signature)


def point_of_order_eight() -> signatures.Point:
    for octets in signatures.SMALL_ORDER:
        point = signatures.decode_point(octets)
        if point is not None and signatures.multiply(4, point) != signatures.IDENTITY:
            return point
    raise AssertionError


def scalar_and_prefix(seed: bytes) -> tuple[int, bytes]:
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | 1 << 254
    return scalar, digest[32:]


def signed_by_hand(public: bytes, scalar: int, message: bytes, nonce: signatures.Point) -> bytes:
    """Sign with R = 7 B + nonce, whatever that does to the equation."""
    point = signatures.encode_point(signatures.add(signatures.multiply(7, signatures.BASE), nonce))
    digest = hashlib.sha512(point + public + message).digest()
    total = (7 + int.from_bytes(digest, "little") * scalar) % signatures.ORDER
    return point + total.to_bytes(32, "little")


def test_a_signature_that_only_the_cofactored_equation_accepts_is_refused() -> None:
    scalar, _ = scalar_and_prefix(b"a seed")
    public = signatures.encode_point(signatures.multiply(scalar, signatures.BASE))
    plain = signed_by_hand(public, scalar, b"message", signatures.IDENTITY)
    assert reference.ed25519_exact(public, b"message", plain)
    reference.check_signature(public, b"message", plain)
    mixed = signed_by_hand(public, scalar, b"message", point_of_order_eight())
    assert not reference.ed25519_exact(public, b"message", mixed)
    refusal(505, reference.check_signature, public, b"message", mixed)


def test_a_key_outside_the_prime_order_subgroup_is_refused() -> None:
    scalar, _ = scalar_and_prefix(b"a seed")
    pure = signatures.multiply(scalar, signatures.BASE)
    public = signatures.encode_point(signatures.add(pure, point_of_order_eight()))
    refusal(603, reference.check_key, public)
    for attempt in range(32):
        # One in eight of these satisfies the equation all the same.
        signature = signed_by_hand(public, scalar, b"%d" % attempt, signatures.IDENTITY)
        assert not reference.ed25519_exact(public, b"%d" % attempt, signature)
        refusal(505, reference.check_signature, public, b"%d" % attempt, signature)


def test_s_must_be_below_the_order() -> None:
    public = build.public_key("alpha")
    signature = build.sign("alpha", b"message")
    scalar = int.from_bytes(signature[32:], "little") + signatures.ORDER
    larger = signature[:32] + scalar.to_bytes(32, "little")
    assert reference.ed25519_exact(public, b"message", signature)
    assert not reference.ed25519_exact(public, b"message", larger)
    refusal(505, reference.check_signature, public, b"message", larger)


def test_the_two_rules_agree_on_altered_signatures() -> None:
    public = build.public_key("alpha")
    signature = build.sign("alpha", b"message")
    for at in range(0, 64, 3):
        altered = signature[:at] + bytes([signature[at] ^ 0x80]) + signature[at + 1 :]
        assert not reference.ed25519_exact(public, b"message", altered)
        refusal(505, reference.check_signature, public, b"message", altered)


def test_every_signature_of_a_ledger_by_plain_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = reference.check_signature
    checked = []

    def both(public: bytes, message: bytes, signature: bytes) -> None:
        quick(public, message, signature)
        assert reference.ed25519_exact(public, message, signature)
        checked.append(signature)

    monkeypatch.setattr(signatures, "check_signature", both)
    assert audit_export(small().export()).verdict == "self"
    # Two statements, the checkpoint, the kept note once for `seen` and once for itself.
    assert len(checked) == 5
