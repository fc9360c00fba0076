import base64
import hashlib

import nacl.bindings
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.errors import MalformedError, SignatureError, VerifyError
from verify.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    ED25519,
    MAX_NOTE_SIZE,
    MAX_TIMESTAMP_S,
    Cosignature,
    Note,
    NoteSignature,
    VerifierKey,
    check_cosignature,
    check_key_name,
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

NAME = "example.com/ledger"
TEXT = b"example.com/ledger\n1\nRm9v\n"
DASH = "\u2014 "
# golang.org/x/mod/sumdb/note: the worked example of the package comment.
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfq"
    "dngotpRZb6KE6RyyBwJnAM=\n"
).encode()


def make_key(
    name: str = NAME, algorithm: int = ED25519, seed: int = 0
) -> tuple[VerifierKey, bytes]:
    public, secret = nacl.bindings.crypto_sign_seed_keypair(bytes([seed]) * 32)
    identifier = key_id(name=name, algorithm=algorithm, public=public)
    return VerifierKey(name, identifier, algorithm, public), secret


def sign(message: bytes, secret: bytes) -> bytes:
    return nacl.bindings.crypto_sign(message, secret)[:64]


def cosign(text: bytes, secret: bytes, timestamp_s: int) -> bytes:
    signature = sign(b"cosignature/v1\ntime %d\n" % timestamp_s + text, secret)
    return timestamp_s.to_bytes(8, "big") + signature


KEY, SECRET = make_key()
WITNESS, WITNESS_SECRET = make_key("w1.example", COSIGNATURE_ED25519, 1)
SIGNATURE = NoteSignature(NAME, KEY.key_id, sign(TEXT, SECRET))
UNKNOWN = NoteSignature("grease.example", b"\x01\x02\x03\x04", b"\x05")


def line(name: str = NAME, data: bytes = bytes(68)) -> str:
    return f"{DASH}{name} {base64.b64encode(data).decode()}\n"


# Notes.


def test_reads_and_checks_the_note_of_the_go_documentation() -> None:
    key = parse_vkey(GO_VKEY)
    note = parse_note(GO_NOTE)
    check_note(note, key=key)

    assert ("PeterNeumann", ED25519) == (key.name, key.algorithm)
    assert GO_NOTE.partition(b"\n\n")[0] + b"\n" == note.text
    assert GO_NOTE == format_note(note.text, note.signatures)
    assert GO_VKEY == format_vkey(key)


def test_cuts_at_the_last_empty_line() -> None:
    note = parse_note(f"a\n\nb\n\n{line()}".encode())

    assert b"a\n\nb\n" == note.text
    assert (NoteSignature(NAME, bytes(4), bytes(64)),) == note.signatures


def test_a_text_may_be_one_empty_line() -> None:
    assert b"\n" == parse_note(f"\n\n{line()}".encode()).text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\n\n",
        b"text\n",
        b"text\n\n",
        f"text\n{line()}".encode(),
        f"text\n\n{line()}\n".encode(),
        f"text\n\n{line()}"[:-1].encode(),
        f"text\r\n\n{line()}".encode(),
        f"te\txt\n\n{line()}".encode(),
        f"te\0xt\n\n{line()}".encode(),
        b"\xff\n\n" + line().encode(),
        b"x" * MAX_NOTE_SIZE + f"\n\n{line()}".encode(),
    ],
)
def test_refuses_what_is_no_note(data: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_note(data)

    assert "note" == caught.value.where


@pytest.mark.parametrize(
    "bad",
    [
        "x\n",
        "- name AAAAAAAA\n",
        "\u2014name AAAAAAAA\n",
        " \u2014 name AAAAAAAA\n",
        "\u2014  AAAAAAAA\n",
        "\u2014 name\n",
        "\u2014 name \n",
        "\u2014 name  AAAAAAAA\n",
        "\u2014 name AAAAAAAA \n",
        "\u2014 na+me AAAAAAAA\n",
        "\u2014 na\u00a0me AAAAAAAA\n",
        "\u2014 na\u3000me AAAAAAAA\n",
        "\u2014 na\u0085me AAAAAAAA\n",
        "\u2014 name AAAAAA==\n",
        "\u2014 name AAAAAAA\n",
        "\u2014 name AAAAAAB=\n",
        "\u2014 name AAAA-AAA\n",
    ],
)
def test_refuses_a_bad_signature_line_and_names_it(bad: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_note(f"text\n\n{line()}{bad}{line()}".encode())

    assert "signature line 2" == caught.value.where


def test_refuses_the_second_spelling_of_a_signature() -> None:
    good = f"text\n\n{DASH}name AAAAAAA=\n"
    assert b"\0" == parse_note(good.encode()).signatures[0].payload
    with pytest.raises(MalformedError) as caught:
        parse_note(good.replace("AAA=", "AAB=").encode())

    assert "signature line 1" == caught.value.where


def test_reads_a_hundred_signatures_and_no_more() -> None:
    assert 100 == len(parse_note(f"text\n\n{line() * 100}".encode()).signatures)
    with pytest.raises(MalformedError) as caught:
        parse_note(f"text\n\n{line() * 101}".encode())

    assert "more than 100 signature lines" == caught.value.reason


def test_reads_the_largest_note_and_none_larger() -> None:
    end = f"\n\n{line()}".encode()
    largest = b"x" * (MAX_NOTE_SIZE - len(end)) + end
    parse_note(largest)
    with pytest.raises(MalformedError):
        parse_note(b"x" + largest)


@pytest.mark.parametrize(
    ("text", "signatures"),
    [
        (TEXT, []),
        (TEXT[:-1], [SIGNATURE]),
        (b"", [SIGNATURE]),
        (b"\xff\n", [SIGNATURE]),
        (b"\r\n", [SIGNATURE]),
        (TEXT, [SIGNATURE._replace(name="a b")]),
        (TEXT, [SIGNATURE._replace(name="\ud800")]),
        (TEXT, [SIGNATURE._replace(name="x AAAAAAAA\n\u2014 y")]),
        (TEXT, [SIGNATURE._replace(key_id=b"abc")]),
        (TEXT, [SIGNATURE._replace(payload=b"")]),
    ],
)
def test_writes_no_note_that_does_not_read_back(
    text: bytes, signatures: list[NoteSignature]
) -> None:
    with pytest.raises(MalformedError):
        format_note(text, signatures)


# Checking.


def test_ignores_signatures_by_keys_unknown() -> None:
    same_name = SIGNATURE._replace(key_id=b"\0\0\0\0")
    same_id = SIGNATURE._replace(name="other.example")
    note = Note(TEXT, (UNKNOWN, same_name, SIGNATURE, same_id, UNKNOWN))

    for check in (check_note, check_log_note):
        check(parse_note(format_note(note.text, note.signatures)), key=KEY)


def test_refuses_a_note_without_a_signature_by_the_key() -> None:
    with pytest.raises(SignatureError) as caught:
        check_note(Note(TEXT, (UNKNOWN, SIGNATURE._replace(name="other"))), key=KEY)

    assert (NAME, KEY.key_id, "there is none") == (
        caught.value.name,
        caught.value.key_id,
        caught.value.reason,
    )


@pytest.mark.parametrize("payload", [bytes(64), SIGNATURE.payload[:-1], SIGNATURE.payload + b"\0"])
@pytest.mark.parametrize("first", [True, False])
def test_refuses_a_note_where_one_line_by_the_key_fails(payload: bytes, *, first: bool) -> None:
    bad = SIGNATURE._replace(payload=payload)
    signatures = (bad, SIGNATURE) if first else (SIGNATURE, bad)
    with pytest.raises(SignatureError) as caught:
        check_note(Note(TEXT, signatures), key=KEY)

    assert (NAME, KEY.key_id) == (caught.value.name, caught.value.key_id)


def test_refuses_a_signature_over_another_text() -> None:
    with pytest.raises(SignatureError):
        check_note(Note(TEXT + b"more\n", (SIGNATURE,)), key=KEY)


def test_a_cosigner_key_signs_no_plain_notes_and_the_reverse() -> None:
    signature = NoteSignature(WITNESS.name, WITNESS.key_id, sign(TEXT, WITNESS_SECRET))
    with pytest.raises(MalformedError):
        check_note(Note(TEXT, (signature,)), key=WITNESS)
    with pytest.raises(MalformedError):
        check_cosignature(Note(TEXT, (SIGNATURE,)), key=KEY)
    with pytest.raises(MalformedError):
        cosignature_message(TEXT, key=KEY, timestamp_s=1)


# Cosignatures.


def cosigned(*payloads: bytes) -> Note:
    lines = tuple(NoteSignature(WITNESS.name, WITNESS.key_id, payload) for payload in payloads)
    return Note(TEXT, (SIGNATURE, *lines))


def test_gives_the_times_of_all_cosignatures_of_the_key() -> None:
    note = cosigned(cosign(TEXT, WITNESS_SECRET, 1679315147), cosign(TEXT, WITNESS_SECRET, 1))

    assert (1679315147, 1) == check_cosignature(note, key=WITNESS)


def test_the_message_is_the_two_lines_and_the_whole_text() -> None:
    expected = b"cosignature/v1\ntime 1679315147\nexample.com/ledger\n1\nRm9v\n"

    assert expected == cosignature_message(TEXT, key=WITNESS, timestamp_s=1679315147)


def test_refuses_a_note_that_the_key_did_not_cosign() -> None:
    with pytest.raises(SignatureError) as caught:
        check_cosignature(Note(TEXT, (SIGNATURE,)), key=WITNESS)

    assert "there is none" == caught.value.reason


@pytest.mark.parametrize(
    "payload",
    [
        sign(TEXT, WITNESS_SECRET),
        bytes(7) + b"\x01" + sign(TEXT, WITNESS_SECRET),
        bytes(7) + b"\x02" + cosign(TEXT, WITNESS_SECRET, 1)[8:],
        cosign(TEXT, WITNESS_SECRET, 0),
        cosign(TEXT, WITNESS_SECRET, MAX_TIMESTAMP_S + 1),
        cosign(TEXT, WITNESS_SECRET, 1)[:-1],
        cosign(TEXT, WITNESS_SECRET, 1) + b"\0",
        cosign(TEXT, SECRET, 1),
    ],
)
def test_refuses_a_note_where_one_cosignature_of_the_key_fails(payload: bytes) -> None:
    with pytest.raises(SignatureError) as caught:
        check_cosignature(cosigned(cosign(TEXT, WITNESS_SECRET, 5), payload), key=WITNESS)

    assert (WITNESS.name, WITNESS.key_id) == (caught.value.name, caught.value.key_id)


@pytest.mark.parametrize("timestamp_s", [1, 1679315147, MAX_TIMESTAMP_S])
def test_a_cosignature_reads_back(timestamp_s: int) -> None:
    cosignature = Cosignature(timestamp_s, bytes(range(64)))
    payload = format_cosignature(cosignature, algorithm=COSIGNATURE_ED25519)

    assert cosignature == parse_cosignature(payload, algorithm=COSIGNATURE_ED25519)


@pytest.mark.parametrize(
    "cosignature",
    [
        Cosignature(0, bytes(64)),
        Cosignature(-1, bytes(64)),
        Cosignature(MAX_TIMESTAMP_S + 1, bytes(64)),
        Cosignature(2**64, bytes(64)),
        Cosignature(1, bytes(63)),
    ],
)
def test_writes_no_cosignature_that_does_not_read_back(cosignature: Cosignature) -> None:
    with pytest.raises(MalformedError):
        format_cosignature(cosignature, algorithm=COSIGNATURE_ED25519)


@pytest.mark.parametrize("timestamp_s", [-1, 0, MAX_TIMESTAMP_S + 1])
def test_builds_no_message_for_a_time_out_of_range(timestamp_s: int) -> None:
    with pytest.raises(MalformedError):
        cosignature_message(TEXT, key=WITNESS, timestamp_s=timestamp_s)


# Keys.


def spell(name: str, algorithm: int, public: bytes) -> str:
    identifier = hashlib.sha256(name.encode() + b"\n" + bytes([algorithm]) + public).digest()[:4]
    material = base64.b64encode(bytes([algorithm]) + public).decode()
    return f"{name}+{identifier.hex()}+{material}"


@pytest.mark.parametrize(
    ("algorithm", "public"),
    [
        (ED25519, KEY.public),
        (COSIGNATURE_ED25519, WITNESS.public),
        (COSIGNATURE_ML_DSA_44, bytes(1312)),
    ],
)
def test_reads_and_writes_the_three_kinds_of_key(algorithm: int, public: bytes) -> None:
    text = spell("w\u00e9.example", algorithm, public)
    key = parse_vkey(text)

    assert ("w\u00e9.example", algorithm, public) == (key.name, key.algorithm, key.public)
    assert text == format_vkey(key)


GOOD = spell(NAME, ED25519, KEY.public)
ID = KEY.key_id.hex()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "++",
        NAME,
        GOOD + "\n",
        GOOD + "+",
        GOOD.upper(),
        GOOD.replace(NAME, ""),
        GOOD.replace(NAME, "other"),
        GOOD.replace(NAME, "a b"),
        GOOD.replace(NAME, "\ud800"),
        GOOD.replace(ID, "00000000"),
        GOOD.replace(ID, ID + "0"),
        GOOD.replace(ID, ID[:7]),
        f"{NAME}+{ID}+",
        spell(NAME, 0x02, KEY.public),
        spell(NAME, 0x05, KEY.public),
        spell(NAME, 0xFF, KEY.public),
        spell(NAME, ED25519, KEY.public[:31]),
        spell(NAME, ED25519, KEY.public + b"\0"),
        spell(NAME, ED25519, b"\x01" + bytes(31)),
        spell(NAME, COSIGNATURE_ED25519, b"\x01" + bytes(31)),
        spell(NAME, COSIGNATURE_ML_DSA_44, KEY.public),
        spell(NAME, COSIGNATURE_ML_DSA_44, bytes(1313)),
    ],
)
def test_refuses_a_verifier_key_that_is_none(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_vkey(text)


def test_refuses_a_key_id_in_upper_case() -> None:
    # The ID of this key has a letter in it, so that upper case is another spelling.
    assert "c74f20a3" in GO_VKEY
    with pytest.raises(MalformedError) as caught:
        parse_vkey(GO_VKEY.replace("c74f20a3", "C74F20A3"))

    assert "the key ID is not 8 lower-case hex digits" == caught.value.reason


def test_writes_no_key_with_another_key_id() -> None:
    with pytest.raises(MalformedError):
        format_vkey(VerifierKey(NAME, bytes(4), ED25519, KEY.public))


def test_writes_no_key_that_reads_back_as_another() -> None:
    # A "+" in a name moves every part: find a name whose second half begins another good key.
    for number in range(1000):
        head = f"AQ{number:028}"
        public = base64.b64decode(f"{head}+00000000+AAAA")[1:]
        if nacl.bindings.crypto_core_ed25519_is_valid_point(public):
            break
    identifier = key_id(name="x", algorithm=ED25519, public=public).hex()
    crafted = VerifierKey(f"x+{identifier}+{head}", bytes(4), 0, bytes(2))
    with pytest.raises(MalformedError) as caught:
        format_vkey(crafted)

    assert "does not read back as it was written" == caught.value.reason


# Go's unicode.IsSpace, the plus sign, and what no note can hold.
WHITE = [0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]


@pytest.mark.parametrize("point", [*range(0x20), *WHITE, ord("+"), 0xD800, 0xDFFF])
def test_refuses_a_key_name_with(point: int) -> None:
    with pytest.raises(MalformedError) as caught:
        check_key_name(f"a{chr(point)}b", where="key name")

    assert "key name" == caught.value.where


@pytest.mark.parametrize("point", [0x21, 0x7F, 0x1FFF, 0x200B, 0x2014, 0xFEFF, 0xE000, 0x1F600])
def test_accepts_a_key_name_with(point: int) -> None:
    check_key_name(chr(point), where="key name")


def test_refuses_an_empty_key_name() -> None:
    with pytest.raises(MalformedError):
        key_id(name="", algorithm=ED25519, public=KEY.public)


# Properties.

names = st.text(min_size=1, max_size=5).filter(lambda name: name.isalnum())
signatures = st.builds(
    NoteSignature,
    names,
    st.binary(min_size=4, max_size=4),
    st.binary(min_size=1, max_size=70),
)
texts = st.from_regex(r"[a-z\n\u00e9\u2014 ]{0,30}\n", fullmatch=True).map(str.encode)


@given(texts, st.lists(signatures, min_size=1, max_size=5))
def test_a_note_reads_back(text: bytes, lines: list[NoteSignature]) -> None:
    assert Note(text, tuple(lines)) == parse_note(format_note(text, lines))


note_like = st.lists(
    st.sampled_from([b"\n", b"\n\n", b"\xe2\x80\x94 ", b"name ", b"AAAAAAAA", b"=", b"x", b"\xff"]),
    max_size=20,
).map(b"".join)


@given(st.binary(max_size=100) | note_like)
def test_any_bytes_are_a_note_with_one_spelling_or_a_verify_error(data: bytes) -> None:
    try:
        note = parse_note(data)
    except VerifyError:
        return

    assert data == format_note(note.text, note.signatures)


@given(st.text(max_size=60) | st.text(alphabet="+0aA=/", max_size=20).map(lambda t: f"{GOOD}{t}"))
def test_any_text_is_a_key_with_one_spelling_or_a_verify_error(text: str) -> None:
    try:
        key = parse_vkey(text)
    except VerifyError:
        return

    assert text == format_vkey(key)


@given(st.binary(max_size=100))
def test_any_payload_is_a_cosignature_or_a_verify_error(payload: bytes) -> None:
    try:
        cosignature = parse_cosignature(payload, algorithm=COSIGNATURE_ED25519)
    except VerifyError:
        return

    assert payload == format_cosignature(cosignature, algorithm=COSIGNATURE_ED25519)
