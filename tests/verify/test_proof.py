import base64
import hashlib

import nacl.bindings
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.checkpoint import Checkpoint, format_checkpoint
from verify.errors import MalformedError, ProofError, SignatureError, VerifyError
from verify.merkle import leaf_hash, node_hash
from verify.note import (
    ED25519,
    MAX_NOTE_SIZE,
    NoteSignature,
    VerifierKey,
    format_note,
    key_id,
)
from verify.proof import (
    MAX_EXTRA_SIZE,
    MAX_HASHES,
    Proof,
    check_proof,
    format_proof,
    parse_proof,
)
from verify.spelling import MAX_SIZE

ORIGIN = "example.com/fancylog"
# A tree of three leaves.
A, B, C = leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")
ROOT = node_hash(node_hash(A, B), C)
PUBLIC, SECRET = nacl.bindings.crypto_sign_seed_keypair(bytes(32))
KEY = VerifierKey(ORIGIN, key_id(name=ORIGIN, algorithm=ED25519, public=PUBLIC), ED25519, PUBLIC)


def signed(checkpoint: Checkpoint) -> bytes:
    text = format_checkpoint(checkpoint)
    signature = nacl.bindings.crypto_sign(text, SECRET)[:64]
    return format_note(text, [NoteSignature(ORIGIN, KEY.key_id, signature)])


CHECKPOINT = signed(Checkpoint(ORIGIN, 3, ROOT))
PROOF = Proof(index=1, hashes=(A, C), checkpoint=CHECKPOINT)


def spell(data: bytes) -> bytes:
    return base64.b64encode(data)


HEAD = b"c2sp.org/tlog-proof@v1\nindex 1\n" + spell(A) + b"\n" + spell(C) + b"\n"
GOOD = HEAD + b"\n" + CHECKPOINT


def test_reads_and_writes_a_proof() -> None:
    assert PROOF == parse_proof(GOOD)
    assert GOOD == format_proof(PROOF)


def test_reads_a_proof_without_hashes() -> None:
    data = b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + CHECKPOINT

    assert Proof(0, (), CHECKPOINT) == parse_proof(data)


@pytest.mark.parametrize("extra", [b"", b"age-v1", bytes(MAX_EXTRA_SIZE)])
def test_reads_extra_data(extra: bytes) -> None:
    data = GOOD.replace(b"index", b"extra " + spell(extra) + b"\nindex")

    assert extra == parse_proof(data).extra
    assert data == format_proof(parse_proof(data))


def test_checks_a_proof() -> None:
    assert Checkpoint(ORIGIN, 3, ROOT) == check_proof(PROOF, leaf=B, key=KEY, origin=ORIGIN)


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"", "proof"),
        (HEAD, "proof"),
        (b"\n\n" + CHECKPOINT, "proof"),
        (b"\n" + GOOD, "proof"),
        (GOOD.replace(b"@v1", b"@v2"), "proof"),
        (GOOD.replace(b"\n", b"\r\n"), "proof"),
        (GOOD.replace(b"c2sp", b"\xff"), "proof"),
        (GOOD.replace(b"index 1\n", b""), "proof"),
        (GOOD.replace(b"index 1\n", b"Index 1\n"), "proof"),
        (GOOD.replace(b"index 1\n", b"extra AAAA\n"), "proof"),
        (GOOD.replace(b"index 1\n", b"index 1\nextra AAAA\n"), "proof hash 1"),
        (GOOD.replace(b"index 1\n", b"extra AAAA\nextra AAAA\nindex 1\n"), "proof"),
        (GOOD.replace(b"index 1\n", b"extra\nindex 1\n"), "proof"),
        (GOOD.replace(b"index 1\n", b"extra AB==\nindex 1\n"), "proof extra"),
        (GOOD.replace(b"index 1\n", b"extra A\nindex 1\n"), "proof extra"),
        (GOOD.replace(b"index 1", b"index 01"), "proof index"),
        (GOOD.replace(b"index 1", b"index +1"), "proof index"),
        (GOOD.replace(b"index 1", b"index  1"), "proof index"),
        (GOOD.replace(b"index 1", b"index 1 "), "proof index"),
        (GOOD.replace(b"index 1", b"index "), "proof index"),
        (GOOD.replace(b"index 1", b"index 9007199254740991"), "proof index"),
        (GOOD.replace(spell(A), spell(A[:31])), "proof hash 1"),
        (GOOD.replace(spell(C), spell(C + C)), "proof hash 2"),
        (GOOD.replace(spell(C), spell(C) + b" "), "proof hash 2"),
        (GOOD.replace(spell(C), spell(C)[:-2] + b"/="), "proof hash 2"),
    ],
)
def test_refuses_what_is_no_proof(data: bytes, where: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_proof(data)

    assert where == caught.value.where


def test_refuses_more_hashes_than_the_largest_tree_is_high() -> None:
    most = Proof(index=0, hashes=(A,) * MAX_HASHES, checkpoint=CHECKPOINT)
    assert most == parse_proof(format_proof(most))
    with pytest.raises(MalformedError) as caught:
        format_proof(Proof(index=0, hashes=(A,) * (MAX_HASHES + 1), checkpoint=CHECKPOINT))

    assert "more than 53 hashes" == caught.value.reason


def test_refuses_parts_that_are_too_long() -> None:
    largest = Proof(0, (A,) * MAX_HASHES, bytes(MAX_NOTE_SIZE), bytes(MAX_EXTRA_SIZE))
    assert largest == parse_proof(format_proof(largest))
    with pytest.raises(MalformedError) as extra:
        format_proof(Proof(0, (), CHECKPOINT, bytes(MAX_EXTRA_SIZE + 1)))
    with pytest.raises(MalformedError) as checkpoint:
        format_proof(Proof(0, (), bytes(MAX_NOTE_SIZE + 1)))
    with pytest.raises(MalformedError) as whole:
        parse_proof(bytes(4 * MAX_NOTE_SIZE))

    assert "proof extra" == extra.value.where
    assert "proof checkpoint" == checkpoint.value.where
    assert "proof" == whole.value.where


def test_no_line_of_a_proof_reaches_64_kib() -> None:
    data = format_proof(Proof(0, (), CHECKPOINT, bytes(MAX_EXTRA_SIZE)))

    assert max(map(len, data.split(b"\n"))) < 64 * 1024


@pytest.mark.parametrize(
    "proof",
    [
        Proof(-1, (), CHECKPOINT),
        Proof(0, (b"",), CHECKPOINT),
        Proof(0, (A[:31],), CHECKPOINT),
        Proof(MAX_SIZE, (), CHECKPOINT),
        Proof(0, (A,) * (MAX_HASHES + 1), CHECKPOINT),
        Proof(0, (), CHECKPOINT, bytes(MAX_EXTRA_SIZE + 1)),
        Proof(0, (), bytes(MAX_NOTE_SIZE + 1)),
    ],
)
def test_writes_no_proof_that_does_not_read_back(proof: Proof) -> None:
    with pytest.raises(MalformedError):
        format_proof(proof)


@pytest.mark.parametrize(
    "proof",
    [
        Proof(0, (A, C), CHECKPOINT),
        Proof(2, (A, C), CHECKPOINT),
        Proof(1, (C, A), CHECKPOINT),
        Proof(1, (A,), CHECKPOINT),
        Proof(1, (A, C, C), CHECKPOINT),
        Proof(1, (A, C), signed(Checkpoint(ORIGIN, 3, hashlib.sha256().digest()))),
    ],
)
def test_refuses_a_proof_that_leads_elsewhere(proof: Proof) -> None:
    with pytest.raises(ProofError):
        check_proof(proof, leaf=B, key=KEY, origin=ORIGIN)


def test_refuses_a_proof_of_another_leaf() -> None:
    with pytest.raises(ProofError) as caught:
        check_proof(PROOF, leaf=C, key=KEY, origin=ORIGIN)

    assert ROOT == caught.value.expected


def test_refuses_an_index_outside_the_tree() -> None:
    with pytest.raises(MalformedError) as caught:
        check_proof(Proof(3, (A, C), CHECKPOINT), leaf=B, key=KEY, origin=ORIGIN)

    assert "index" == caught.value.where


def test_refuses_a_checkpoint_that_is_none_of_the_log() -> None:
    public, _ = nacl.bindings.crypto_sign_seed_keypair(b"\1" * 32)
    other = VerifierKey(
        ORIGIN, key_id(name=ORIGIN, algorithm=ED25519, public=public), ED25519, public
    )
    with pytest.raises(MalformedError):
        check_proof(Proof(1, (A, C), b"not a note"), leaf=B, key=KEY, origin=ORIGIN)
    with pytest.raises(MalformedError):
        check_proof(PROOF, leaf=B, key=KEY, origin="example.com/other")
    with pytest.raises(SignatureError):
        check_proof(PROOF, leaf=B, key=other, origin=ORIGIN)


@given(
    st.builds(
        Proof,
        index=st.integers(0, 2**53 - 2),
        hashes=st.lists(st.binary(min_size=32, max_size=32), max_size=5).map(tuple),
        checkpoint=st.binary(max_size=50),
        extra=st.none() | st.binary(max_size=50),
    )
)
def test_a_proof_reads_back(proof: Proof) -> None:
    assert proof == parse_proof(format_proof(proof))


proof_like = st.lists(
    st.sampled_from(
        [b"\n", b"index 0\n", b"extra \n", b"extra AA==\n", spell(A), spell(A) + b"\n"]
    ),
    max_size=8,
).map(lambda parts: b"c2sp.org/tlog-proof@v1\n" + b"".join(parts))


@given(st.binary(max_size=100) | proof_like)
def test_any_bytes_are_a_proof_with_one_spelling_or_a_verify_error(data: bytes) -> None:
    try:
        proof = parse_proof(data)
    except VerifyError:
        return

    assert data == format_proof(proof)


@pytest.mark.parametrize(
    "data",
    [
        b"c2sp.org/tlog-proof@v1\nindex 0\n\n" + bytes(MAX_NOTE_SIZE + 1),
        b"c2sp.org/tlog-proof@v1\nindex 0\n"
        + (base64.b64encode(A) + b"\n") * (MAX_HASHES + 1)
        + b"\n"
        + CHECKPOINT,
        b"c2sp.org/tlog-proof@v1\nextra "
        + base64.b64encode(bytes(MAX_EXTRA_SIZE + 1))
        + b"\nindex 0\n\n"
        + CHECKPOINT,
    ],
    ids=["checkpoint", "hashes", "extra"],
)
def test_reads_no_proof_with_a_part_beyond_its_limit(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_proof(data)
