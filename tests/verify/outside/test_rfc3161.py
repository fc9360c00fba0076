"""Tokens of a time-stamping authority, over checkpoints."""

import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.timestamping import OPENSSL, Authority
from verify.checkpoint import Checkpoint, format_checkpoint
from verify.errors import MalformedError, SignatureError, VerifyError
from verify.outside.rfc3161 import MAX_CHAIN, MAX_TOKEN, check_token, parse_chain

CHECKPOINT = Checkpoint("ledger.example/one", 3, bytes(range(32)))
TEXT = format_checkpoint(CHECKPOINT)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture(scope="module")
def token(authority: Authority) -> bytes:
    return authority.stamp(TEXT)


def test_says_when_the_authority_saw_the_checkpoint(authority: Authority, token: bytes) -> None:
    stamp = check_token(token, checkpoint=CHECKPOINT, chain=authority.chain)

    assert abs(stamp.time_ms - time.time() * 1000) < 86_400_000
    assert stamp.time_ms % 1000 == 0
    assert stamp.authority == "CN=Invented authority"
    assert stamp.policy == "1.2.3.4.1"


def test_openssl_holds_the_token_to_be_one(authority: Authority, token: bytes) -> None:
    (authority.folder / "token").write_bytes(token)
    (authority.folder / "text").write_bytes(TEXT)
    subprocess.run(
        [OPENSSL, "ts", "-verify", "-data", "text", "-in", "token", "-CAfile", "root.pem"],
        cwd=authority.folder, capture_output=True, check=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [
        CHECKPOINT._replace(size=4),
        CHECKPOINT._replace(root=bytes(32)),
        CHECKPOINT._replace(origin="ledger.example/two"),
    ],
)
def test_refuses_a_token_of_another_checkpoint(
    authority: Authority, token: bytes, other: Checkpoint
) -> None:
    with pytest.raises(SignatureError, match="Mismatch between messages"):
        check_token(token, checkpoint=other, chain=authority.chain)


def test_refuses_a_token_that_other_certificates_vouch_for(token: bytes, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    with pytest.raises(SignatureError) as refusal:
        check_token(token, checkpoint=CHECKPOINT, chain=other.chain)

    assert refusal.value.name == "time-stamping authority"


def test_refuses_a_hash_that_is_none_of_sha_256(authority: Authority) -> None:
    token = authority.stamp(TEXT, digest="sha512")
    with pytest.raises(SignatureError):
        check_token(token, checkpoint=CHECKPOINT, chain=authority.chain)


def test_refuses_another_hash_of_the_same_octets(tmp_path: Path) -> None:
    # A token may say that its 32 octets are of any function: of SHA3-256, this one.
    sha256, sha3_256 = bytes.fromhex("608648016503040201"), bytes.fromhex("608648016503040208")
    authority = Authority(tmp_path / "tsa")
    authority.stamp(TEXT)
    query = (authority.folder / "query").read_bytes()
    settings = authority.folder / "tsa.cnf"
    settings.write_text(settings.read_text().replace("sha256, sha512", "sha256, sha3-256"))
    other = authority.answer(query.replace(sha256, sha3_256))

    assert query.replace(sha256, sha3_256) != query
    with pytest.raises(SignatureError, match="none of SHA-256"):
        check_token(other, checkpoint=CHECKPOINT, chain=authority.chain)


@pytest.mark.parametrize("bad", [b"", b"\x30", b"a" * 100, bytes(MAX_TOKEN + 1)])
def test_refuses_what_is_no_token(authority: Authority, bad: bytes) -> None:
    with pytest.raises(MalformedError) as refusal:
        check_token(bad, checkpoint=CHECKPOINT, chain=authority.chain)

    assert refusal.value.where == "token"


def test_refuses_what_are_no_certificates(authority: Authority) -> None:
    root = (authority.folder / "root.pem").read_bytes()
    for bad in (b"", b"x", root[:-40], root * 17, bytes(MAX_CHAIN + 1)):
        with pytest.raises(MalformedError) as refusal:
            parse_chain(bad)

        assert refusal.value.where == "certificates"


@given(data=st.data())
def test_any_octets_give_a_stamp_or_a_refusal(
    authority: Authority, token: bytes, data: st.DataObject
) -> None:
    spoiled = bytearray(token)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(spoiled) - 1))
        if data.draw(st.booleans()):
            spoiled[place] = data.draw(st.integers(0, 255))
        else:
            del spoiled[place : place + data.draw(st.integers(0, 3))]
    for octets in (bytes(spoiled), data.draw(st.binary())):
        try:
            check_token(octets, checkpoint=CHECKPOINT, chain=authority.chain)
        except VerifyError:
            continue
