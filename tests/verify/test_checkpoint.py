import base64
import hashlib
from typing import Any

import nacl.bindings
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.checkpoint import (
    Checkpoint,
    check_checkpoint,
    format_checkpoint,
    format_plain,
    parse_checkpoint,
    parse_plain,
    parse_signed,
)
from verify.errors import MalformedError, ProofError, SignatureError, VerifyError
from verify.merkle import EMPTY_ROOT
from verify.note import ED25519, NoteSignature, VerifierKey, format_note, key_id, parse_vkey

ORIGIN = "example.com/behind-the-sofa"
ROOT = base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
# c2sp.org/tlog-cosignature, the example: one log, one witness. Its keys are not published.
EXAMPLE = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Z"
    "hcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "\u2014 witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJ"
    "sX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
TEXT = EXAMPLE.partition("\n\n")[0] + "\n"


def make_key(name: str = ORIGIN, seed: int = 0) -> tuple[VerifierKey, bytes]:
    public, secret = nacl.bindings.crypto_sign_seed_keypair(bytes([seed]) * 32)
    return VerifierKey(
        name, key_id(name=name, algorithm=ED25519, public=public), ED25519, public
    ), secret


KEY, SECRET = make_key()


def signed(text: str, key: VerifierKey = KEY, secret: bytes = SECRET) -> bytes:
    signature = nacl.bindings.crypto_sign(text.encode(), secret)[:64]
    return format_note(text.encode(), [NoteSignature(key.name, key.key_id, signature)])


def test_reads_the_example_of_the_format() -> None:
    checkpoint, note = parse_signed(EXAMPLE.encode())

    assert Checkpoint(ORIGIN, 20852163, ROOT) == checkpoint
    assert TEXT.encode() == note.text
    assert [ORIGIN, "witness.example.com/w1"] == [line.name for line in note.signatures]
    assert TEXT.encode() == format_checkpoint(checkpoint)


def test_reads_the_empty_tree_and_the_largest() -> None:
    empty = "o\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"

    assert Checkpoint("o", 0, EMPTY_ROOT) == parse_checkpoint(empty.encode())
    assert 2**53 - 1 == parse_checkpoint(TEXT.replace("20852163", str(2**53 - 1)).encode()).size


def test_reads_extension_lines_of_other_logs() -> None:
    checkpoint = parse_checkpoint(f"{TEXT}first\n second\n".encode())

    assert ("first", " second") == checkpoint.extensions
    assert f"{TEXT}first\n second\n".encode() == format_checkpoint(checkpoint)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "checkpoint"),
        ("\n", "checkpoint"),
        (TEXT[:-1], "checkpoint"),
        ("\n" + TEXT, "checkpoint"),
        (TEXT + "\n", "checkpoint"),
        (TEXT + "a\n\nb\n", "checkpoint"),
        (TEXT.replace("\n", "\r\n"), "checkpoint"),
        ("origin\n1\n", "checkpoint"),
        (TEXT.replace(ORIGIN, ""), "checkpoint"),
        (TEXT.replace("20852163", ""), "checkpoint"),
        (TEXT.replace("20852163", "+1"), "checkpoint size"),
        (TEXT.replace("20852163", " 1"), "checkpoint size"),
        (TEXT.replace("20852163", "01"), "checkpoint size"),
        (TEXT.replace("20852163", "-1"), "checkpoint size"),
        (TEXT.replace("20852163", "4_2"), "checkpoint size"),
        (TEXT.replace("20852163", str(2**53)), "checkpoint size"),
        (TEXT.replace("20852163", str(2**63)), "checkpoint size"),
        (TEXT.replace("CsUY", ""), "checkpoint root hash"),
        (TEXT.replace("CsUY", "CsUYCsUY"), "checkpoint root hash"),
        (TEXT.replace("q2I=", "q2J="), "checkpoint root hash"),
        (TEXT.replace("q2I=", "q2I"), "checkpoint root hash"),
        (TEXT.replace("q2I=", "q2I= "), "checkpoint root hash"),
    ],
)
def test_refuses_what_is_no_checkpoint(text: str, where: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_checkpoint(text.encode())

    assert where == caught.value.where


def test_refuses_a_checkpoint_that_is_not_utf_8() -> None:
    with pytest.raises(MalformedError) as caught:
        parse_checkpoint(b"\xff" + TEXT.encode())

    assert "not UTF-8" == caught.value.reason


@pytest.mark.parametrize(
    "checkpoint",
    [
        Checkpoint("", 1, ROOT),
        Checkpoint("a\nb", 1, ROOT),
        Checkpoint("\ud800", 1, ROOT),
        Checkpoint("o", -1, ROOT),
        Checkpoint("o", 2**53, ROOT),
        Checkpoint("o", 1, ROOT[:31]),
        Checkpoint("o", 1, ROOT, ("",)),
        Checkpoint("o", 1, ROOT, ("a\nb",)),
    ],
)
def test_writes_no_checkpoint_that_does_not_read_back(checkpoint: Checkpoint) -> None:
    with pytest.raises(MalformedError):
        format_checkpoint(checkpoint)


def test_accepts_a_checkpoint_of_the_log() -> None:
    empty = format_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT)).decode()

    assert Checkpoint(ORIGIN, 20852163, ROOT) == check_checkpoint(
        signed(TEXT), key=KEY, origin=ORIGIN
    )
    assert 0 == check_checkpoint(signed(empty), key=KEY, origin=ORIGIN).size


def test_refuses_a_checkpoint_of_another_origin() -> None:
    with pytest.raises(MalformedError) as caught:
        check_checkpoint(signed(TEXT.replace(ORIGIN, "example.com/x")), key=KEY, origin=ORIGIN)

    assert "checkpoint origin" == caught.value.where


def test_refuses_a_key_that_is_not_named_as_the_origin() -> None:
    key, secret = make_key("example.com/x")
    with pytest.raises(MalformedError) as caught:
        check_checkpoint(signed(TEXT, key, secret), key=key, origin=ORIGIN)

    assert "verifier key" == caught.value.where


def test_refuses_extension_lines_in_ours() -> None:
    with pytest.raises(MalformedError) as caught:
        check_checkpoint(signed(f"{TEXT}more\n"), key=KEY, origin=ORIGIN)

    assert "extension lines" == caught.value.reason


def test_refuses_a_checkpoint_by_another_key() -> None:
    other, secret = make_key(seed=1)
    with pytest.raises(SignatureError) as unsigned:
        check_checkpoint(signed(TEXT, other, secret), key=KEY, origin=ORIGIN)
    with pytest.raises(SignatureError) as forged:
        check_checkpoint(signed(TEXT, KEY, secret), key=KEY, origin=ORIGIN)

    assert (ORIGIN, KEY.key_id) == (unsigned.value.name, unsigned.value.key_id)
    assert "the signature does not verify" == forged.value.reason


def test_refuses_an_empty_tree_with_another_root() -> None:
    with pytest.raises(ProofError) as caught:
        check_checkpoint(signed(TEXT.replace("20852163", "0")), key=KEY, origin=ORIGIN)

    assert EMPTY_ROOT == caught.value.expected
    assert ROOT == caught.value.computed


def test_the_example_of_the_format_is_refused_with_another_key() -> None:
    key = parse_vkey("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    with pytest.raises(SignatureError):
        check_checkpoint(
            EXAMPLE.replace(ORIGIN, "PeterNeumann").encode(), key=key, origin="PeterNeumann"
        )


lines = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=10)


@given(
    st.builds(
        Checkpoint,
        origin=lines,
        size=st.integers(0, 2**53 - 1),
        root=st.binary().map(lambda data: hashlib.sha256(data).digest()),
        extensions=st.lists(lines, max_size=3).map(tuple),
    )
)
def test_a_checkpoint_reads_back(checkpoint: Checkpoint) -> None:
    assert checkpoint == parse_checkpoint(format_checkpoint(checkpoint))


checkpoint_like = st.lists(
    st.sampled_from(["\n", "o", "0", "1", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", "="]),
    max_size=12,
).map(lambda parts: "\n".join(parts).encode())


@given(st.binary(max_size=100) | checkpoint_like)
def test_any_bytes_are_a_checkpoint_with_one_spelling_or_a_verify_error(data: bytes) -> None:
    try:
        checkpoint = parse_checkpoint(data)
    except VerifyError:
        return

    assert data == format_checkpoint(checkpoint)


PLAIN = EXAMPLE.partition("\u2014 witness")[0].encode()


def test_reads_a_plain_note_as_any_other() -> None:
    for note in (PLAIN, PLAIN.replace(b"20852163", b"0"), signed(TEXT)):
        assert parse_signed(note) == parse_plain(note, origin=ORIGIN)


@pytest.mark.parametrize(
    "note",
    [b"", EXAMPLE.encode(), PLAIN[:-1], PLAIN + b"\n", PLAIN.replace(b"\n\n", b"\nextension\n\n"),
     PLAIN.replace(b"20852163", b"+20852163"), PLAIN.replace(b"20852163", b"020852163"),
     PLAIN.replace(b"20852163", b"20_852_163"), PLAIN.replace(b"20852163", b" 20852163"),
     PLAIN.replace(b"20852163", b"-1"), PLAIN.replace(b"20852163", b"9007199254740992"),
     PLAIN.replace(b"20852163", b"1" * 5000), PLAIN.replace(b"20852163", b"one"),
     PLAIN.replace(b"jxq2I=", b"jxq2J="), PLAIN.replace(b"jxq2I=", b"jxq2I"),
     PLAIN.replace(b"jxq2I=", b"jxq2"), PLAIN.replace(b"YQ8=", b"YQ9="),
     PLAIN.replace(b"\xe2\x80\x94 ", b"- "), PLAIN.replace(b"sofa Az", b"sofa  Az"),
     PLAIN.replace(b"behind-the-sofa", b"elsewhere"), PLAIN.replace(b"sofa Az", b"couch Az"),
     PLAIN.partition(b"Az3")[0] + b"Az3grg==\n",
     PLAIN.partition(b"Az3")[0] + b"AAAA" * 40_000 + b"\n"],
)  # fmt: skip
def test_leaves_every_other_note_alone(note: bytes) -> None:
    assert parse_plain(note, origin=ORIGIN) is None


def format_signed(*, origin: str = ORIGIN, size: int = 20852163, root: bytes = ROOT) -> bytes:
    def sign(text: bytes) -> bytes:
        return nacl.bindings.crypto_sign(text, SECRET)[:64]

    return format_plain(origin=origin, size=size, root=root, key_id=KEY.key_id, sign=sign)


def test_writes_a_plain_note_as_any_other() -> None:
    assert signed(TEXT) == format_signed()
    assert (
        0 == check_checkpoint(format_signed(size=0, root=EMPTY_ROOT), key=KEY, origin=ORIGIN).size
    )


@pytest.mark.parametrize(
    "part",
    [{"origin": "two\nlines"}, {"size": -1}, {"size": 2**53}, {"root": ROOT[:31]}],
)  # fmt: skip
def test_refuses_to_write_what_would_not_read_back(part: dict[str, Any]) -> None:
    with pytest.raises(MalformedError, match="read back"):
        format_signed(**part)


def test_reads_an_altered_note_as_parse_signed_does_or_leaves_it_alone() -> None:
    for at, octet in enumerate(PLAIN):
        for other in {octet ^ 1, octet ^ 0x20, 0x0A, 0x20, 0xFF} - {octet}:
            note = PLAIN[:at] + bytes((other,)) + PLAIN[at + 1 :]
            read = parse_plain(note, origin=ORIGIN)

            assert read is None or parse_signed(note) == read


@given(st.binary())
def test_any_octets_are_a_plain_note_or_left_alone(note: bytes) -> None:
    assert parse_plain(note, origin=ORIGIN) is None
