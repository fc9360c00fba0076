"""ML-DSA-44 cosignatures: made by the library or by others, and each part of them damaged."""

import hashlib
import struct
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from verify import mldsa
from verify.errors import MalformedError, SignatureError, VerifyError
from verify.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    ED25519,
    MAX_TIMESTAMP_S,
    Cosignature,
    Note,
    NoteSignature,
    VerifierKey,
    check_cosignature,
    check_log_note,
    check_note,
    cosignature_message,
    format_cosignature,
    format_note,
    format_vkey,
    key_id,
    parse_cosignature,
    parse_note,
    parse_vkey,
)
from verify.spelling import format_base64

NAME = "w1.example"
ORIGIN = "example.com/ledger"
ROOT = hashlib.sha256(b"root").digest()
TEXT = f"{ORIGIN}\n7\n{format_base64(ROOT)}\n".encode()
PRIVATE = MLDSA44PrivateKey.from_seed_bytes(bytes(32))
# FiloSottile/torchwood, cmd/litewitness/testdata/mldsa.txt: a log that signs with this algorithm,
# as of no time.
FOLDER = Path(__file__).parent
OTHERS_KEY = (FOLDER / "litewitness.vkey").read_text().strip()
OTHERS_NOTE = (FOLDER / "litewitness.note").read_bytes()


def make_key(name: str = NAME) -> VerifierKey:
    public = PRIVATE.public_key().public_bytes_raw()
    identity = key_id(name=name, algorithm=COSIGNATURE_ML_DSA_44, public=public)
    return VerifierKey(name, identity, COSIGNATURE_ML_DSA_44, public)


KEY = make_key()


def message(
    *,
    label: bytes = b"subtree/v1\n\0",
    name: bytes = NAME.encode(),
    at: int = 1679315147,
    origin: bytes = ORIGIN.encode(),
    start: int = 0,
    end: int = 7,
    root: bytes = ROOT,
) -> bytes:
    """The structure of c2sp.org/tlog-cosignature, written as it stands there."""
    return (
        struct.pack(">12sB", label, len(name))
        + name
        + struct.pack(">QB", at, len(origin))
        + origin
        + struct.pack(">QQ32s", start, end, root)
    )


def cosign(said: bytes, at: int = 1679315147) -> bytes:
    return at.to_bytes(8, "big") + PRIVATE.sign(said)


def cosigned(*payloads: bytes, text: bytes = TEXT, key: VerifierKey = KEY) -> Note:
    return Note(text, tuple(NoteSignature(key.name, key.key_id, each) for each in payloads))


GOOD = cosign(message())


def test_the_message_is_the_structure_of_the_specification() -> None:
    assert message() == cosignature_message(TEXT, key=KEY, timestamp_s=1679315147)


def test_gives_the_times_of_all_cosignatures_of_the_key() -> None:
    note = cosigned(GOOD, cosign(message(at=1), 1))
    again = parse_note(format_note(TEXT, note.signatures))

    assert (1679315147, 1) == check_cosignature(again, key=KEY)


def test_takes_the_signature_that_another_implementation_made() -> None:
    key, note = parse_vkey(OTHERS_KEY), parse_note(OTHERS_NOTE)
    timed = cosignature_message(note.text, key=key, timestamp_s=1)
    start = len(b"subtree/v1\n\0") + 1 + len(key.name)
    untimed = timed[:start] + bytes(8) + timed[start + 8 :]
    mldsa.check_signature(key=key.public, message=untimed, signature=note.signatures[0].payload[8:])

    assert OTHERS_KEY == format_vkey(key)


def test_a_cosignature_of_no_time_is_no_witness_s() -> None:
    with pytest.raises(SignatureError, match="time 0"):
        check_cosignature(parse_note(OTHERS_NOTE), key=parse_vkey(OTHERS_KEY))


def test_a_log_may_sign_as_of_no_time() -> None:
    check_log_note(parse_note(OTHERS_NOTE), key=parse_vkey(OTHERS_KEY))
    for at in (0, 1679315147, MAX_TIMESTAMP_S):
        check_log_note(cosigned(GOOD, cosign(message(at=at), at)), key=KEY)


def test_a_log_signs_no_other_message() -> None:
    other = (message(start=1, at=0), message(end=8, at=0), message(name=b"w2.example", at=0), TEXT)
    for said in other:
        with pytest.raises(SignatureError) as caught:
            check_log_note(cosigned(GOOD, cosign(said, 0)), key=KEY)

        assert (NAME, KEY.key_id) == (caught.value.name, caught.value.key_id)
    with pytest.raises(SignatureError, match="there is none"):
        check_log_note(Note(TEXT, (NoteSignature("other", KEY.key_id, GOOD),)), key=KEY)
    with pytest.raises(MalformedError):
        check_log_note(cosigned(GOOD, text=TEXT + b"extension\n"), key=KEY)


def test_a_log_signs_with_no_key_of_ed25519_cosigners() -> None:
    key = VerifierKey(NAME, b"\1\2\3\4", COSIGNATURE_ED25519, bytes(32))
    with pytest.raises(MalformedError):
        check_log_note(cosigned(GOOD, key=key), key=key)


@pytest.mark.parametrize(
    "said",
    [
        message(label=b"subtree/v2\n\0"),
        message(name=b"w2.example"),
        message(at=1679315148),
        message(origin=b"example.com/ledgers"),
        message(start=1),
        message(end=8),
        message(root=hashlib.sha256(b"other").digest()),
        message() + b"\0",
        b"cosignature/v1\ntime 1679315147\n" + TEXT,
        TEXT,
    ],
)
def test_refuses_what_signs_another_message(said: bytes) -> None:
    with pytest.raises(SignatureError) as caught:
        check_cosignature(cosigned(GOOD, cosign(said)), key=KEY)

    assert (NAME, KEY.key_id) == (caught.value.name, caught.value.key_id)


DAMAGED = {
    "an octet too few": GOOD[:-1],
    "an octet too many": GOOD + b"\0",
    "no time": GOOD[8:],
    "the size of Ed25519": GOOD[:72],
    "time 0": bytes(8) + GOOD[8:],
    "time 2^63": (MAX_TIMESTAMP_S + 1).to_bytes(8, "big") + GOOD[8:],
    "the last bit flipped": GOOD[:-1] + bytes([GOOD[-1] ^ 1]),
    "the first bit flipped": GOOD[:8] + bytes([GOOD[8] ^ 1]) + GOOD[9:],
    "a context": GOOD[:8] + PRIVATE.sign(message(), context=b"x"),
    "zeros": GOOD[:8] + bytes(mldsa.SIGNATURE_SIZE),
}


@pytest.mark.parametrize("name", DAMAGED)  # by name: no two runs sign the same octets
def test_refuses_a_damaged_payload(name: str) -> None:
    for check in (check_cosignature, check_log_note):
        with pytest.raises(SignatureError):
            check(cosigned(GOOD, DAMAGED[name]), key=KEY)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        TEXT[:-1],
        TEXT + b"extension\n",
        TEXT + b"\n",
        b"\n7\n" + TEXT.split(b"\n")[2] + b"\n",
        b"o" * 256 + b"\n7\n" + TEXT.split(b"\n")[2] + b"\n",
        TEXT.replace(b"\n7\n", b"\n07\n"),
        TEXT.replace(b"\n7\n", b"\n-7\n"),
        TEXT.replace(b"\n7\n", b"\n9007199254740992\n"),
        TEXT.replace(b"=", b""),
        b"\xff" + TEXT,
    ],
)
def test_covers_only_checkpoints_of_three_lines(text: bytes) -> None:
    with pytest.raises(MalformedError):
        check_cosignature(cosigned(GOOD, text=text), key=KEY)


def test_covers_names_of_up_to_255_bytes() -> None:
    name, origin = "n" * 255, "\N{CYRILLIC SMALL LETTER A}" * 127
    text = TEXT.replace(ORIGIN.encode(), origin.encode())
    key = make_key(name)
    said = message(name=name.encode(), origin=origin.encode())
    check_cosignature(cosigned(cosign(said), text=text, key=key), key=key)

    with pytest.raises(MalformedError):
        cosignature_message(TEXT, key=make_key(f"{name}n"), timestamp_s=1)


def test_a_cosigner_key_signs_no_plain_notes() -> None:
    with pytest.raises(MalformedError):
        check_note(cosigned(PRIVATE.sign(TEXT)), key=KEY)


def test_a_line_under_another_algorithm_is_another_key_s() -> None:
    other = VerifierKey(NAME, b"\1\2\3\4", ED25519, bytes(32))

    with pytest.raises(SignatureError, match="there is none"):
        check_cosignature(cosigned(GOOD, key=other), key=KEY)


@pytest.mark.parametrize(("at", "size"), [(0, 2420), (1, 2419), (1, 64)])
def test_writes_no_cosignature_that_does_not_read_back(at: int, size: int) -> None:
    with pytest.raises(MalformedError):
        format_cosignature(Cosignature(at, bytes(size)), algorithm=COSIGNATURE_ML_DSA_44)


def test_a_cosignature_reads_back() -> None:
    read = parse_cosignature(GOOD, algorithm=COSIGNATURE_ML_DSA_44)

    assert Cosignature(1679315147, GOOD[8:]) == read
    assert GOOD == format_cosignature(read, algorithm=COSIGNATURE_ML_DSA_44)


def test_takes_keys_and_signatures_of_their_size_only() -> None:
    mldsa.check_signature(key=KEY.public, message=message(), signature=GOOD[8:])
    for key, signature in (
        (KEY.public[1:], GOOD[8:]),
        (KEY.public + b"\0", GOOD[8:]),
        (KEY.public, GOOD[9:]),
        (KEY.public, GOOD[8:] + b"\0"),
        (b"", b""),
    ):
        with pytest.raises(MalformedError):
            mldsa.check_signature(key=key, message=message(), signature=signature)


@settings(max_examples=50)
@given(key=st.binary(min_size=1312, max_size=1312), signature=st.binary(max_size=2420))
def test_any_key_and_signature_fail_with_a_verify_error(key: bytes, signature: bytes) -> None:
    with pytest.raises(VerifyError):
        mldsa.check_signature(key=key, message=b"", signature=signature.ljust(2420, b"\1"))
