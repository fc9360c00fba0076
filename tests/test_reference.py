"""The second verifier checked by itself: known answers, small ledgers, and each octet flipped."""

import ast
import base64
import contextlib
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import build_reference as build
from tests import reference
from tests.reference import (
    Refused,
    Report,
    UnknownVersion,
    audit_evidence,
    audit_export,
    rules,
    signatures,
)
from tests.reference.refusals import Malformed

DAY_MS = 86_400_000


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


def refusal(check: int, call: Callable[..., None], *arguments: object, **named: object) -> Refused:
    with pytest.raises(Refused) as caught:
        call(*arguments, **named)
    assert caught.value.check == check
    return caught.value


def causes(report: Report) -> list[int]:
    return [finding.check for finding in report.findings]


# Trees.


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


# Signatures.


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


# Canonical JSON.


@pytest.mark.parametrize(
    "octets",
    [
        b'{"a":1}',
        b'{"a":-1,"b_2":["\\u0001\\n\\"",""]}',
        b'{"file.1":{},"file.10":[]}',
        b"9007199254740991",
        '"\u00e9\U0001f600\x7f"'.encode(),
    ],
)
def test_canonical_octets_are_read(octets: bytes) -> None:
    assert reference.encode(reference.parse(octets)) == octets


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b" 1",
        b"1\n",
        b"\xef\xbb\xbf1",
        b'{"a": 1}',
        b'{"b":1,"a":1}',
        b'{"a":1,"a":1}',
        b'{"A":1}',
        b'{"a.0":1}',
        b"1.0",
        b"1e3",
        b"-0",
        b"01",
        b"+1",
        b"9007199254740992",
        b"9" * 5_000,
        b"NaN",
        b"Infinity",
        b"null",
        b"[true]",
        b'"\\u0041"',
        b'"\\/"',
        b'"\\ud800"',
        b'"\\u000A"',
        b'"\x01"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"[" * 9 + b"]" * 9,
        b"[" * 100_000,
        b'"',
    ],
)
def test_other_octets_are_refused(octets: bytes) -> None:
    with pytest.raises(Malformed):
        reference.parse(octets)


def test_eight_levels_are_not_too_deep() -> None:
    reference.parse(b"[" * 8 + b"]" * 8)
    reference.parse(b'"[[[[[[[[[[[[[["')


# Unit deciders.


@given(octets=st.binary(max_size=200), at=st.integers(0, 400), more=st.booleans())
def test_any_octets_pass_or_are_refused(octets: bytes, at: int, *, more: bool) -> None:
    builder = small()
    deciders: list[tuple[Callable[[bytes], object], bytes]] = [
        (reference.check_event, build.canonical(json.loads(builder.entries[1])["event"])),
        (reference.check_statement, build.canonical(json.loads(builder.entries[1])["statement"])),
        (reference.check_entry, builder.entries[1]),
        (reference.check_document, document([note_of("alpha", "n")])),
        (reference.check_receipt, builder.receipt(1, 1)),
        (lambda data: reference.check_checkpoint(data, builder.vkey), builder.checkpoint()),
        (lambda data: reference.check_note(builder.checkpoint(), data.decode("latin-1")), b""),
    ]
    for decide, good in deciders:
        with contextlib.suppress(Refused):
            decide(good[:at] + octets + good[at:] if more else octets)


def meeting(**others: object) -> dict[str, Any]:
    return build.event("alpha", "meeting/v1", "m") | others


@pytest.mark.parametrize(
    "event",
    [
        meeting(),
        meeting(count=2, attendees=["alpha", "beta/mayor"], medium="video"),
        meeting(dates={"held": {"basis": "stated", "edtf": "2024-05"}}),
        meeting(sealed={"item.1": "0" * 64, "item.2": "1" * 64}, withheld=["item.1"]),
        build.event("alpha", "hold/v1", "h", all="yes"),
        build.event(
            "alpha",
            "transfer/v1",
            "t",
            **{"from": "alpha", "to": ["beta"]},
            discharges=[{"request": "0" * 64, "items": [[1, 1], [3, 4]]}],
        ),
        build.event(
            "a",
            "sealed/v1",
            "s",
            seals="0" * 64,
            dates={"opens_by": {"basis": "stated", "edtf": "2030-01-01"}},
        ),
    ],
)
def test_events_pass(event: dict[str, Any]) -> None:
    reference.check_event(build.canonical(event))


@pytest.mark.parametrize(
    "event",
    [
        {},
        [],
        meeting(extra=1),
        meeting(kind="meeting/v2"),
        meeting(author="Alpha"),
        meeting(author="-alpha"),
        meeting(nonce=""),
        meeting(attendees=[]),
        meeting(attendees=["alpha", "alpha"]),
        meeting(count=0),
        meeting(count=65_536),
        meeting(minutes="true"),
        meeting(authority="claimed"),
        meeting(dates={}),
        meeting(dates={"held": {"basis": "stated", "edtf": "yes"}}),
        meeting(sealed={"item.2": "0" * 64}),
        meeting(sealed={"body.1": "0" * 64}),
        meeting(sealed={"colour": "0" * 64}),
        meeting(withheld=["body"]),
        meeting(sealed={"body": "0" * 64, "title": "0" * 64}, withheld=["title", "body"]),
        meeting(links=[{"event": "0" * 64, "rel": "about"}] * 2),
        build.event("alpha", "hold/v1", "h"),
        build.event("alpha", "hold/v1", "h", all="yes", ends="0" * 64),
        build.event("alpha", "step/v1", "s", of="0" * 64, target="request", verb="sign"),
        build.event("alpha", "step/v1", "s", of="0" * 64, target="request", verb="answer"),
        build.event("alpha", "attestation/v1", "a", type="dkim", size=1),
        build.event("alpha", "opening/v1", "o", of="0" * 64, event=meeting(extra=1)),
        build.event("alpha", "sealed/v1", "s", seals="0" * 64),
        build.charter_event(quorum=1),
        build.charter_event(registrars=["beta"]),
        build.charter_event(thresholds={"govern": 2, "recover": 1}),
    ],
)
def test_events_are_refused(event: object) -> None:
    refusal(405, reference.check_event, build.canonical(event))


def test_a_charter_of_another_version_is_an_event_and_no_ledger() -> None:
    charter = build.charter_event(spec="counterfoil/2")
    reference.check_event(build.canonical(charter))
    for spec in ("counterfoil/", "counterfoil/02", "counterfoil/2 ", "ledger/2"):
        refusal(405, reference.check_event, build.canonical(charter | {"spec": spec}))


def test_a_disclosure_belongs_to_one_event_only() -> None:
    made = build.make(meeting(), {"body": "text", "title": ""})
    octets = build.canonical(made.event)
    for text in made.disclosures.values():
        reference.check_disclosure(text, octets)
    other = build.canonical(build.event("alpha", "meeting/v1", "other"))
    refusal(703, reference.check_disclosure, made.disclosures["body"], other)
    refusal(703, reference.check_disclosure, made.disclosures["body"] + "=", octets)
    refusal(703, reference.check_disclosure, made.disclosures["body"][:-1], octets)


@pytest.mark.parametrize(
    "value",
    [
        {"media_type": "text/plain", "name": "a.txt", "sha256": "0" * 64, "size": 0},
        pytest.param("text", marks=pytest.mark.xfail(raises=Refused, strict=True)),
        *[
            pytest.param(
                {"media_type": "text/plain", "name": "a", "sha256": "0" * 64, "size": 0} | wrong,
                marks=pytest.mark.xfail(raises=Refused, strict=True),
            )
            for wrong in (
                {"media_type": "text"},
                {"media_type": f"text/{'a' * 123}"},
                {"name": "a/b"},
                {"name": "\x7f"},
                {"name": ""},
                {"size": -1},
                {"more": "x"},
            )
        ],
    ],
)
def test_file_objects(value: object) -> None:
    made = build.make(meeting(), {"file.1": value})
    reference.check_disclosure(made.disclosures["file.1"], build.canonical(made.event))


def document(made: list[build.Made], **others: object) -> bytes:
    builder = build.Builder()
    statement = builder.statement("alpha", made, "alpha")
    held = [
        [
            text
            for name, text in sorted(each.disclosures.items())
            if name not in each.event.get("withheld", [])
        ]
        for each in made
    ]
    body: dict[str, Any] = {
        "type": "counterfoil-submissiondocument/v1",
        "statement": statement,
        "signature": build.sign_dsse("alpha", "submission", build.canonical(statement)),
        "events": [each.event for each in made],
        "disclosures": held,
    }
    return build.canonical(body | others)


def test_documents() -> None:
    plain = build.event("alpha", "meeting/v1", "plain")
    two = [build.make(meeting(), {"body": "b", "title": "t"}), build.Made(plain), build.Made(plain)]
    two[2].event = build.event("alpha", "meeting/v1", "third")
    reference.check_document(document(two))
    withheld = build.make(meeting(), {"body": "b", "title": "t"})
    withheld.event["withheld"] = ["body"]
    reference.check_document(document([withheld]))
    both = [[withheld.disclosures["body"], withheld.disclosures["title"]]]
    refusal(703, reference.check_document, document([withheld], disclosures=both))
    refusal(704, reference.check_document, document([withheld], disclosures=[[]]))
    refusal(703, reference.check_document, document(two, disclosures=[[]]))
    refusal(507, reference.check_document, document(two, note="x"))
    refusal(511, reference.check_document, document(two, extra="x"))
    refusal(511, reference.check_document, document(two) + b"\n")
    turned = [list(reversed(both[0]))]
    del withheld.event["withheld"]
    refusal(701, reference.check_document, document([withheld], disclosures=turned))


def test_notes_and_checkpoints() -> None:
    builder = build.Builder()
    note = builder.checkpoint()
    reference.check_note(note, builder.vkey)
    reference.check_checkpoint(note, builder.vkey)
    grease = f"\u2014 witness.test {base64.b64encode(bytes(70)).decode()}\n".encode()
    reference.check_checkpoint(note + grease, builder.vkey)
    for bad in (
        b"",
        note[:-1],
        note + b"\n",
        note.replace(b"\n1\n", b"\n01\n"),
        note.replace(b"\n1\n", b"\n2\n"),
        note.replace(b"\n\n", b"\nextension\n\n"),
        note.replace(b"\n\n", b"\n\n\n"),
        note + grease * 100,
        note + b"\xff\n",
        note + grease.replace(b"=", b""),
        note + note.split(b"\n\n")[1].replace(b"A", b"B").replace(b"a", b"b"),
    ):
        refusal(201, reference.check_checkpoint, bad, builder.vkey)
    refusal(201, reference.check_note, note, builder.vkey.replace("+", "-"))
    builder.log_seed = "another"
    refusal(201, reference.check_checkpoint, note, builder.vkey)


# Whole ledgers.


def small() -> build.Builder:
    """One founder, its charter, one event with two claims, one of them a file."""
    builder = build.Builder()
    octets = b"the minutes\n"
    name = hashlib.sha256(octets).hexdigest()
    file = {"media_type": "text/plain", "name": "m.txt", "sha256": name, "size": len(octets)}
    made = build.make(meeting(), {"body": "We met \u2013 twice.\n", "file.1": file}, [octets])
    builder.submit("alpha", [made], seen=builder.see(1))
    return builder


def test_a_small_ledger_agrees_with_itself() -> None:
    builder = small()
    files = builder.export()
    assert audit_export(files) == Report("self", [], [])


def test_a_small_ledger_is_valid_for_who_knows_it() -> None:
    builder = small()
    files = builder.export()
    assert audit_export(files, fingerprint=builder.fingerprint).verdict == "valid"
    assert audit_export(files, log_key=builder.vkey).verdict == "valid"
    receipt = builder.receipt(1, 1)
    reference.check_receipt(receipt)
    assert audit_export(files, receipts=[receipt]).verdict == "valid"
    assert causes(audit_export(files, fingerprint="0" * 64)) == [802]
    assert causes(audit_export(files, log_key="another")) == [801]
    other = small()
    other.now += 1
    other.submit("alpha", [build.Made(build.event("alpha", "meeting/v1", "n"))])
    assert causes(audit_export(files, receipts=[other.receipt(2, 1)])) == [803]
    reference.check_receipt(other.receipt(1, 1, 2))


@pytest.mark.parametrize("path", sorted(small().export()))
def test_one_altered_octet_makes_it_invalid(path: str) -> None:
    builder = small()
    files = builder.export()
    assert audit_export(files).verdict == "self"
    for at in range(len(files[path])):
        octets = bytearray(files[path])
        octets[at] ^= 1 << at % 7
        altered = files | {path: bytes(octets)}
        try:
            report = audit_export(altered, fingerprint=builder.fingerprint)
        except UnknownVersion:
            assert b'"spec"' in files[path]
            continue
        assert report.verdict == "invalid", (path, at)
        assert len(report.findings) >= 1


@pytest.mark.parametrize("path", sorted(small().export()))
def test_a_missing_or_misplaced_file_makes_it_invalid(path: str) -> None:
    files = small().export()
    without = {other: octets for other, octets in files.items() if other != path}
    assert audit_export(without).verdict == "invalid"
    assert audit_export(without | {path + "x": files[path]}).verdict == "invalid"
    assert audit_export(files | {path: b""}).verdict == "invalid"


def test_names_with_a_dot_are_passed_over() -> None:
    assert audit_export(small().export() | {".DS_Store": b""}).verdict == "self"
    assert causes(audit_export(small().export() | {"tile/.x": b""})) == [101]


def test_the_vote_blames_one_of_three() -> None:
    builder = small()
    builder.submit("alpha", [build.Made(build.event("alpha", "meeting/v1", "n"))])
    files = builder.export()
    tile, bundle = "tile/0/000.p/3", "tile/entries/000.p/3"
    octets = bytearray(files[tile])
    octets[40] ^= 1
    assert causes(audit_export(files | {tile: bytes(octets)})) == [302]
    octets[70] ^= 1
    assert causes(audit_export(files | {tile: bytes(octets)})) == [302, 302]
    recorded = str(json.loads(builder.entries[1])["recorded"]).encode()
    altered = files[bundle].replace(recorded, b"%d" % (int(recorded) + 1))
    report = audit_export(files | {bundle: altered})
    assert [(finding.check, finding.index) for finding in report.findings] == [(401, 1)]


def test_other_findings_of_an_export() -> None:
    builder = small()
    files = builder.export()
    assert causes(audit_export(builder.export(size=3))) == [102]
    assert causes(audit_export(builder.export(audience="beta"))) == [102]
    assert causes(audit_export(files | {"files/" + "0" * 64: b""})) == [708]
    lone = builder.disclosures[1].pop("body")
    assert causes(audit_export(builder.export())) == [704]
    builder.disclosures[1]["body"] = lone
    builder.notes.append(builder.checkpoint(2))
    assert causes(audit_export(builder.export())) == [206]
    assert causes(audit_export(builder.export(spec="counterfoil/9"))) == [102, 206]


def test_a_log_of_three_hundred_entries() -> None:
    builder = build.Builder()
    for number in range(99):
        builder.submit(
            "alpha",
            [
                build.Made(build.event("alpha", "meeting/v1", f"{number} {part}"))
                for part in range(3)
            ],
            seen=builder.see(builder.size),
        )
    files = builder.export()
    assert "tile/1/000.p/1" in files
    assert audit_export(files, receipts=[builder.receipt(7, 3)]).verdict == "valid"
    altered = files | {"tile/1/000.p/1": bytes(32)}
    assert causes(audit_export(altered)) == [302]


# The state machine.


def charter_of(*parties: str, **others: object) -> dict[str, Any]:
    return build.charter_event() | {"members": [*parties], "registrars": [*parties]} | others


def approve(author: str, made: build.Made) -> build.Made:
    return build.Made(build.event(author, "approval/v1", f"{author} {made.id}", of=made.id))


def join(builder: build.Builder, author: str, verb: str = "join") -> build.Made:
    event = build.event(author, "party/v1", f"{author} {verb} {builder.size}")
    return build.Made(event | {"verb": verb, "charter": builder.fingerprint})


def two_parties(**others: object) -> build.Builder:
    builder = build.Builder(charter_of("alpha", "beta", **others))
    builder.submit("alpha", [builder.key_event("alpha", "enrol", "beta", "beta")])
    builder.submit("beta", [join(builder, "beta")])
    return builder


def note_of(author: str, name: str) -> build.Made:
    return build.Made(build.event(author, "meeting/v1", name))


def outcome(
    builder: build.Builder, charter: dict[str, Any] | None = None, **others: object
) -> list[int]:
    return causes(audit_export(builder.export(charter, **others)))


def test_a_second_party_enrols_and_joins() -> None:
    builder = two_parties()
    builder.submit("beta", [note_of("beta", "n")])
    assert outcome(builder) == []
    builder.submit("beta", [join(builder, "beta", "leave")])
    assert outcome(builder) == []
    builder.submit("beta", [note_of("beta", "after")])
    assert outcome(builder) == [506]


def test_an_amendment_takes_effect_when_enough_have_signed() -> None:
    builder = two_parties(thresholds={"govern": 1, "recover": 1})
    changed = charter_of("alpha", "beta", thresholds={"govern": 2, "recover": 1})
    changed |= {"amends": build.Made(builder.charter).id, "nonce": build.nonce("a")}
    del changed["founding_key"]
    amendment = build.Made(changed)
    builder.submit("alpha", [amendment])
    rotated = charter_of("alpha", "beta", log_key=build.public_key("new log").hex())
    rotated |= {"author": "beta", "amends": amendment.id, "nonce": build.nonce("b")}
    del rotated["founding_key"]
    second = build.Made(rotated)
    builder.submit("beta", [second])
    assert outcome(builder) == []
    builder.submit("alpha", [approve("alpha", second)])
    assert outcome(builder) == [201, 103]
    builder.log_seed = "new log"
    assert outcome(builder, charter=rotated) == []
    builder.submit("beta", [approve("beta", second)])
    assert outcome(builder, charter=rotated) == [604]


def test_a_closed_ledger_admits_nothing() -> None:
    builder = build.Builder()
    closed = build.charter_event(
        state="closed", amends=build.Made(builder.charter).id, founding_key=None
    )
    closed["nonce"] = build.nonce("closed")
    builder.submit("alpha", [build.Made(closed)])
    assert outcome(builder) == []
    builder.submit("alpha", [note_of("alpha", "n")])
    assert outcome(builder) == [610]


def test_a_recovery_waits() -> None:
    builder = two_parties()
    builder.submit("alpha", [builder.key_event("alpha", "recover", "beta", "beta 2")])
    builder.now += 14 * DAY_MS - 1_001
    builder.submit("beta", [note_of("beta", "old key")])
    assert outcome(builder) == []
    early = two_parties()
    early.submit("alpha", [early.key_event("alpha", "recover", "beta", "beta 2")])
    early.now += 14 * DAY_MS - 1_001
    early.submit("beta", [note_of("beta", "new key")], seed="beta 2")
    assert outcome(early) == [506]
    builder.submit("beta", [note_of("beta", "new key")], seed="beta 2")
    assert outcome(builder) == []
    builder.submit("beta", [note_of("beta", "old key again")])
    assert outcome(builder) == [506]


def test_a_recovery_can_be_revoked_while_it_waits() -> None:
    builder = two_parties()
    builder.submit("alpha", [builder.key_event("alpha", "recover", "beta", "beta 2")])
    revoke = build.event("beta", "key/v1", "revoke", verb="revoke", party="beta")
    revoke["key"] = build.public_key("beta 2").hex()
    builder.submit("beta", [build.Made(revoke)])
    builder.now += 20 * DAY_MS
    builder.submit("beta", [note_of("beta", "n")])
    assert outcome(builder) == []
    builder.submit("beta", [note_of("beta", "m")], seed="beta 2")
    assert outcome(builder) == [506]


def test_keys_are_refused() -> None:
    for seed in ("alpha", "log"):
        builder = two_parties()
        builder.submit("beta", [builder.key_event("beta", "enrol", "beta", seed)])
        assert outcome(builder) == [603]
    builder = two_parties()
    builder.submit("alpha", [builder.key_event("alpha", "enrol", "beta", "beta 2")])
    assert outcome(builder) == [603]
    builder = two_parties()
    wrong = builder.key_event("beta", "enrol", "beta", "beta 2")
    wrong.event["powers"] = ["record"]
    builder.submit("beta", [wrong])
    assert outcome(builder) == [603]


def test_a_rotation_ends_the_key_it_replaces() -> None:
    builder = two_parties()
    old = build.public_key("beta").hex()
    builder.submit("beta", [builder.key_event("beta", "enrol", "beta", "beta 2", replaces=old)])
    builder.submit("beta", [note_of("beta", "n")], seed="beta 2")
    assert outcome(builder) == []
    builder.submit("beta", [note_of("beta", "m")])
    assert outcome(builder) == [506]


def test_powers_bind() -> None:
    builder = two_parties()
    few = builder.key_event("beta", "enrol", "beta", "intake", powers=["intake"])
    builder.submit("beta", [few])
    post = build.event("beta", "communication/v1", "c", channel="email")
    builder.submit("beta", [build.Made(post)], seed="intake")
    assert outcome(builder) == []
    builder.submit("beta", [note_of("beta", "n")], seed="intake")
    assert outcome(builder) == [510]


@pytest.mark.parametrize(
    ("check", "others"),
    [
        (501, {"ledger": {"charter": "0" * 64, "origin": build.ORIGIN}}),
        (501, {"ledger": {"origin": build.ORIGIN}}),
        (406, {"count": 2}),
        (504, {"root": "0" * 64}),
        (506, {"key": build.public_key("beta").hex(), "seed": "beta"}),
        (507, {"seen": {"note": "0" * 64, "root": "0" * 64, "size": 1}}),
        (507, {"seen": {"note": "0" * 64, "root": "0" * 64, "size": 9}}),
        (508, {"expires": build.START}),
        (508, {"expires": build.START + 32 * DAY_MS}),
        (511, {"expires": -1}),
    ],
)
def test_statements_are_refused(check: int, others: dict[str, Any]) -> None:
    builder = build.Builder()
    builder.submit("alpha", [note_of("alpha", "n")], **others)
    assert outcome(builder) == [check]


def test_events_that_do_not_fit_their_ledger_are_refused() -> None:
    made = build.make(meeting(), {"body": "b"})
    step = {"of": made.id, "target": "request", "verb": "chase"}
    wrong: list[tuple[int, dict[str, Any]]] = [
        (408, made.event),
        (605, meeting(links=[{"event": "0" * 64, "rel": "about"}])),
        (606, build.event("alpha", "step/v1", "s", **step)),
        (607, build.event("alpha", "opening/v1", "o", of=made.id, names=["body"])),
        (608, build.event("alpha", "erasure/v1", "e", of=made.id, names=["title"], ground="error")),
        (609, build.event("alpha", "hold/v1", "h", ends=made.id)),
        (604, build.event("alpha", "approval/v1", "v", of=made.id)),
        (602, build.event("alpha", "party/v1", "p", verb="join", charter="0" * 64)),
        (601, build.charter_event() | {"nonce": build.nonce("another")}),
    ]
    for check, event in wrong:
        builder = build.Builder()
        builder.submit("alpha", [made])
        builder.submit("alpha", [build.Made(event)])
        assert outcome(builder) == [check], event["kind"]
    builder = two_parties()
    builder.submit("alpha", [made])
    disown = build.event("beta", "position/v1", "d", on=made.id, stance="disown")
    builder.submit("beta", [build.Made(disown)])
    assert outcome(builder) == [611]


def test_a_governance_event_travels_alone() -> None:
    builder = two_parties()
    both = [join(builder, "beta", "leave"), note_of("beta", "n")]
    builder.submit("beta", both)
    assert outcome(builder) == [509]


def test_sealed_events_are_opened_once() -> None:
    builder = build.Builder()
    nested = build.make(meeting(), {"body": "b"})
    dates = {"opens_by": {"basis": "stated", "edtf": "2030-01-01"}}
    sealed = build.Made(build.event("alpha", "sealed/v1", "s", seals=nested.id, dates=dates))
    builder.submit("alpha", [sealed])
    assert outcome(builder) == []
    opening = build.event("alpha", "opening/v1", "o", of=sealed.id, event=nested.event)
    builder.submit("alpha", [build.Made(opening, nested.disclosures)])
    assert outcome(builder) == []
    about = meeting(links=[{"event": nested.id, "rel": "about"}], nonce=build.nonce("about"))
    builder.submit("alpha", [build.Made(about)])
    assert outcome(builder) == []
    builder.submit("alpha", [build.Made(opening | {"nonce": build.nonce("again")})])
    assert 607 in outcome(builder)


def erased(ground: str) -> tuple[build.Builder, build.Made, build.Made]:
    """Return a ledger whose entry 1 has lost a claim, that event, and an erasure of the claim."""
    builder = build.Builder()
    made = build.make(meeting(), {"body": "b", "title": "t"})
    builder.submit("alpha", [made])
    del builder.disclosures[1]["body"]
    fields = {"of": made.id, "names": ["body"], "ground": ground}
    return builder, made, build.Made(build.event("alpha", "erasure/v1", "e", **fields))


def test_an_erasure_waits_for_notice_and_for_holds() -> None:
    builder, made, erasure = erased("retention")
    builder.submit("alpha", [erasure])
    hold = build.Made(build.event("alpha", "hold/v1", "h", of=[made.id]))
    builder.submit("alpha", [hold])
    builder.now += 28 * DAY_MS
    builder.submit("alpha", [note_of("alpha", "n")])
    assert outcome(builder) == [704]
    builder.submit("alpha", [build.Made(build.event("alpha", "hold/v1", "end", ends=hold.id))])
    assert outcome(builder) == [704]
    builder.submit("alpha", [note_of("alpha", "m")])
    assert outcome(builder) == []


def test_an_erasure_in_effect_stays_whatever_is_held_later() -> None:
    builder, made, erasure = erased("retention")
    builder.submit("alpha", [erasure])
    builder.now += 28 * DAY_MS - 1_001
    builder.submit("alpha", [note_of("alpha", "n")])
    assert outcome(builder) == [704]
    builder.submit("alpha", [build.Made(build.event("alpha", "hold/v1", "h", of=[made.id]))])
    assert outcome(builder) == []
    builder.submit("alpha", [note_of("alpha", "m")])
    assert outcome(builder) == []


def test_an_order_waits_for_holds_only() -> None:
    builder, _, erasure = erased("court_order")
    builder.submit("alpha", [erasure])
    assert outcome(builder) == []
    builder, _, erasure = erased("court_order")
    builder.submit("alpha", [build.Made(build.event("alpha", "hold/v1", "h", all="yes"))])
    builder.submit("alpha", [erasure])
    assert outcome(builder) == [704]


def test_a_claim_that_was_handed_over_may_not_be_missing() -> None:
    builder = build.Builder()
    made = build.make(meeting(withheld=["body"]), {"body": "b"})
    builder.submit("alpha", [made])
    kept = builder.disclosures.pop(1)
    assert outcome(builder) == []
    opening = build.event("alpha", "opening/v1", "o", of=made.id, names=["body"])
    builder.submit("alpha", [build.Made(opening)])
    assert outcome(builder) == [704]
    builder.disclosures[1] = kept
    assert outcome(builder) == []


def test_a_time_of_zero_is_compared() -> None:
    builder = build.Builder()
    builder.now = -1_000
    builder.submit("alpha", [note_of("alpha", "n")])
    assert outcome(builder) == [404]


def propose(builder: build.Builder, author: str, verb: str, party: str, seed: str) -> build.Made:
    made = builder.key_event(author, verb, party, seed)
    builder.submit(author, [made])
    return made


def two_must_sign() -> tuple[build.Builder, dict[str, Any]]:
    """Return a ledger of two parties, both of whom must sign an enrolment, and its charter."""
    builder = two_parties()
    charter = charter_of("alpha", "beta", thresholds={"govern": 2, "recover": 1})
    charter |= {"amends": build.Made(builder.charter).id, "nonce": build.nonce("two")}
    del charter["founding_key"]
    builder.submit("alpha", [build.Made(charter)])
    return builder, charter


@pytest.mark.parametrize(("void", "author"), [(0, "alpha"), (1, "beta")])
def test_nobody_blocks_a_party_by_proposing_a_key(void: int, author: str) -> None:
    builder, charter = two_must_sign()
    rival = propose(builder, "beta", "enrol", "gamma", "rival")
    wrong = propose(builder, "alpha", "enrol", "gamma", "wrong")
    right = propose(builder, "alpha", "enrol", "gamma", "gamma")
    builder.submit("beta", [approve("beta", right)])
    builder.submit("gamma", [note_of("gamma", "n")])
    assert outcome(builder, charter) == []
    builder.submit(author, [approve(author, (rival, wrong)[void])])
    assert outcome(builder, charter) == [604]


def test_void_keys_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_KEYS", 2)
    builder, charter = two_must_sign()
    for number in range(4):
        propose(builder, "alpha", "enrol", "gamma", f"gamma {number}")
    propose(builder, "beta", "enrol", "gamma", "rival")
    assert outcome(builder, charter) == []
    builder, charter = two_must_sign()
    for seed in ("beta 2", "beta 3"):
        propose(builder, "beta", "enrol", "beta", seed)
    assert outcome(builder, charter) == [603]


def test_audiences() -> None:
    builder = two_parties()
    made = build.make(meeting(audience={"body": ["beta"]}), {"body": "b"})
    builder.submit("alpha", [made])
    assert outcome(builder) == [705]
    assert outcome(builder, audience="beta") == []
    assert outcome(builder, audience="alpha") == []
    builder.disclosures.clear()
    assert outcome(builder) == []
    assert outcome(builder, audience="beta") == [704]


# Evidence.


def shown() -> build.Builder:
    builder = two_parties()
    made = [build.make(build.event("beta", "meeting/v1", f"{n}"), {"body": "b"}) for n in range(3)]
    builder.submit("beta", made, seen=builder.see(2))
    builder.submit("alpha", [note_of("alpha", "later")])
    return builder


@pytest.mark.parametrize("indexes", [[0], [1], [3], [4], [5], [3, 4, 5], [0, 4, 6], [6]])
def test_evidence_of_some_entries(indexes: list[int]) -> None:
    builder = shown()
    data = build.canonical(builder.evidence(indexes))
    assert audit_evidence(data).findings == []
    assert audit_evidence(data).verdict == "self"
    assert audit_evidence(data, log_key=builder.vkey).verdict == "valid"
    assert audit_evidence(data, fingerprint=builder.fingerprint).verdict == "valid"
    assert causes(audit_evidence(data, fingerprint="0" * 64)) == [802]


def test_one_altered_octet_of_evidence_makes_it_invalid() -> None:
    builder = shown()
    data = build.canonical(builder.evidence([4]))
    for at in range(len(data)):
        octets = bytearray(data)
        octets[at] ^= 1 << at % 7
        try:
            report = audit_evidence(bytes(octets), fingerprint=builder.fingerprint)
        except UnknownVersion:
            continue
        assert report.verdict == "invalid", at


def test_evidence_that_is_incomplete_or_too_much() -> None:
    builder = shown()
    good = builder.evidence([4])

    def found(**others: object) -> list[int]:
        changed = {key: value for key, value in (good | others).items() if value}
        return causes(audit_evidence(build.canonical(changed)))

    assert found() == []
    assert found(governance=good["governance"][:-1]) == [903]
    assert found(governance=[good["governance"][0], good["governance"][2]]) in ([403], [903])
    assert found(entries=good["entries"][1:]) == [901]
    assert found(notes=None) == [507]
    assert found(notes=[*good["notes"], builder.checkpoint(1).decode()]) == [901]
    assert found(entries=[good["entries"][0] | {"shown": "yes"}, good["entries"][1]]) == [504]
    assert found(entries=[good["entries"][0], good["entries"][1] | {"shown": "no"}]) == [901]
    line = builder.evidence([3])["disclosures"][0]
    assert found(disclosures=[line, *good["disclosures"]]) == [901]
