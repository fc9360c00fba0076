"""Keys of witnesses: what they sign, how they are kept, and that they serve in no other role."""

from __future__ import annotations

import hashlib
import stat
import struct
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from ledger.errors import KeyFileError
from ledger.keys import (
    Algorithm,
    LogKey,
    PartySigner,
    WitnessKey,
    load_log_key,
    load_party_key,
    load_witness_key,
    read_witness_vkey,
)
from verify.errors import MalformedError
from verify.note import (
    MAX_TIMESTAMP_S,
    Note,
    check_cosignature,
    format_note,
    format_vkey,
    parse_note,
    parse_vkey,
)
from verify.spelling import format_base64

NAME = "witness.example/w1"
ORIGIN = "example.org/dispute"
SEED = bytes(range(32))
ROOT = hashlib.sha256(b"root").digest()
TEXT = f"{ORIGIN}\n7\n{format_base64(ROOT)}\n".encode()
BOTH: tuple[Algorithm, ...] = ("ed25519", "ml-dsa-44")
both = pytest.mark.parametrize("algorithm", BOTH)


def key(algorithm: Algorithm = "ed25519", name: str = NAME) -> WitnessKey:
    return WitnessKey(name, seed=SEED, algorithm=algorithm)


@both
def test_makes_cosignatures_that_the_kernel_takes(algorithm: Algorithm) -> None:
    line = key(algorithm).cosign(TEXT, timestamp_s=1679315147)
    note = parse_note(format_note(TEXT, (line,)))

    assert (1679315147,) == check_cosignature(note, key=key(algorithm).verifier_key)


def test_another_library_takes_the_ed25519_cosignature() -> None:
    line = key().cosign(TEXT, timestamp_s=1679315147)
    public = key().verifier_key.public
    Ed25519PublicKey.from_public_bytes(public).verify(
        line.payload[8:], b"cosignature/v1\ntime 1679315147\n" + TEXT
    )

    assert (1679315147).to_bytes(8, "big") == line.payload[:8]
    assert hashlib.sha256(NAME.encode() + b"\n\x04" + public).digest()[:4] == line.key_id


def test_another_library_takes_the_ml_dsa_44_cosignature() -> None:
    line = key("ml-dsa-44").cosign(TEXT, timestamp_s=1679315147)
    public = key("ml-dsa-44").verifier_key.public
    said = struct.pack(
        f">12sB{len(NAME)}sQB{len(ORIGIN)}sQQ32s",
        *(b"subtree/v1\n\0", len(NAME), NAME.encode(), 1679315147),
        *(len(ORIGIN), ORIGIN.encode(), 0, 7, ROOT),
    )
    MLDSA44PublicKey.from_public_bytes(public).verify(line.payload[8:], said)

    assert hashlib.sha256(NAME.encode() + b"\n\x06" + public).digest()[:4] == line.key_id
    with pytest.raises(InvalidSignature):
        MLDSA44PublicKey.from_public_bytes(public).verify(line.payload[8:], TEXT)


@both
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"anything else",
        TEXT[:-1],
        TEXT + b"extension\n",
        TEXT.replace(b"\n7\n", b"\n07\n"),
        b"cosignature/v1\ntime 1\n" + TEXT,
        b"subtree/v1\n\0",
    ],
)
def test_signs_nothing_but_checkpoints(algorithm: Algorithm, text: bytes) -> None:
    with pytest.raises(MalformedError):
        key(algorithm).cosign(text, timestamp_s=1)


@both
@pytest.mark.parametrize("timestamp_s", [-1, 0, MAX_TIMESTAMP_S + 1])
def test_signs_for_no_time_out_of_range(algorithm: Algorithm, timestamp_s: int) -> None:
    with pytest.raises(MalformedError):
        key(algorithm).cosign(TEXT, timestamp_s=timestamp_s)


@both
@pytest.mark.parametrize("passphrase", [None, b"long enough"])
def test_a_key_file_reads_back(
    tmp_path: Path, algorithm: Algorithm, passphrase: bytes | None
) -> None:
    path = tmp_path / "w.key"
    made = WitnessKey.generate(NAME, algorithm=algorithm)
    made.save(path, passphrase=passphrase)
    read = load_witness_key(path, passphrase=lambda: b"long enough")

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert made.verifier_key == read.verifier_key == read_witness_vkey(path)
    assert algorithm == read.algorithm
    note = Note(TEXT, (read.cosign(TEXT, timestamp_s=5),))
    assert (5,) == check_cosignature(note, key=made.verifier_key)


@both
def test_the_verifier_key_is_printed_as_the_format_says(algorithm: Algorithm) -> None:
    vkey = format_vkey(key(algorithm).verifier_key)

    assert vkey.startswith(f"{NAME}+")
    assert key(algorithm).verifier_key == parse_vkey(vkey)


def test_two_keys_of_one_name_have_two_ids() -> None:
    ids = {key(algorithm).verifier_key.key_id for algorithm in BOTH}

    assert 2 == len(ids)


def test_no_key_file_serves_in_another_role(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("party", "log", "witness")}
    PartySigner("blaby", seed=SEED).save(files["party"])
    LogKey(ORIGIN, seed=SEED).save(files["log"])
    key().save(files["witness"])
    loads = {"party": load_party_key, "log": load_log_key, "witness": load_witness_key}
    for role, load in loads.items():
        for other, path in files.items():
            if role == other:
                load(path)
                continue
            with pytest.raises(KeyFileError, match=f"key of a {other}, not of a {role}"):
                load(path)
    for other in ("party", "log"):
        with pytest.raises(KeyFileError, match=f"key of a {other}, not of a witness"):
            read_witness_vkey(files[other])


def test_a_file_that_was_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.key"
    key().save(path, passphrase=b"long enough")
    whole = path.read_text()
    public = key().verifier_key.public.hex()
    other = WitnessKey(NAME, seed=bytes(32)).verifier_key.public.hex()
    for old, new in (
        (NAME, "witness.example/w2"),
        (public, other),
        ("counterfoil-witness-key/v1", "counterfoil-witness-key/v2"),
        ('"ed25519"', '"ml-dsa-44"'),
        ('"box":{', '"secret":"' + "00" * 32 + '","box":{'),
    ):
        assert old in whole
        path.write_text(whole.replace(old, new))
        with pytest.raises(KeyFileError):
            load_witness_key(path, passphrase=lambda: b"long enough")


def test_a_file_with_two_secrets_or_a_key_of_small_order_is_refused(tmp_path: Path) -> None:
    path, small = tmp_path / "w.key", tmp_path / "small.key"
    key().save(path)
    whole = path.read_text()
    small.write_text(whole.replace(key().verifier_key.public.hex(), "01" + "00" * 31))
    small.chmod(0o600)
    with pytest.raises(KeyFileError, match="bad public key"):
        read_witness_vkey(small)
    boxed = tmp_path / "boxed.key"
    key().save(boxed, passphrase=b"long enough")
    box = boxed.read_text().partition('"box":')[2].partition("}")[0]
    path.write_text(whole.replace('"algorithm"', f'"box":{box}}},"algorithm"'))
    with pytest.raises(KeyFileError, match="not a key file"):
        load_witness_key(path)


def test_a_key_of_a_name_that_no_charter_can_hold_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="name"):
        key(name="Witness.example").save(tmp_path / "w.key")
    with pytest.raises(MalformedError):
        key(name="a b")
    assert not list(tmp_path.iterdir())


def test_what_is_shown_of_a_key_is_no_secret() -> None:
    assert SEED.hex() not in repr(key())
    assert "WitnessKey('witness.example/w1', algorithm='ed25519')" == repr(key())
