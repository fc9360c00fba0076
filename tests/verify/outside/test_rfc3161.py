"""Tokens of a time-stamping authority, over checkpoints."""

import base64
import datetime as dt
import math
import re
import subprocess
import time
from fractions import Fraction
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rfc3161_client import decode_timestamp_response

from tests.timestamping import OPENSSL, Authority
from verify.checkpoint import Checkpoint, format_checkpoint
from verify.errors import MalformedError, SignatureError, VerifyError
from verify.outside import rfc3161
from verify.outside.rfc3161 import MAX_CHAIN, MAX_TOKEN, check_token, format_chain, parse_chain

CHECKPOINT = Checkpoint("ledger.example/one", 3, bytes(range(32)))
TEXT = format_checkpoint(CHECKPOINT)


class PanicException(BaseException):
    """What a panic of Rust is in Python."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "one")


@pytest.fixture(scope="module")
def token(authority: Authority) -> bytes:
    return authority.stamp(TEXT)


def test_says_when_the_authority_saw_the_checkpoint(authority: Authority, token: bytes) -> None:
    stamp = check_token(token, checkpoint=CHECKPOINT, chain=parse_chain(authority.chain))

    said = decode_timestamp_response(token).tst_info.gen_time

    assert abs(stamp.by_ms - time.time() * 1000) < 86_400_000
    assert stamp.by_ms == said.timestamp() * 1000 + 1000  # within a second, by its own word
    assert stamp.time == f"{said + dt.timedelta(seconds=1):%Y-%m-%d %H:%M:%S} UTC"
    assert stamp.authority == "CN=Invented authority"
    assert stamp.policy == "1.2.3.4.1"


@pytest.mark.parametrize(
    ("accuracy", "off_ms"),
    [
        ("secs:2, millisecs:500, microsecs:1", 2501),
        ("millisecs:7", 7),
        ("secs:86400", 86_400_000),
        ("secs:0", 0),
        ("secs:86401", None),
        ("secs:2000000000", None),
    ],
)
def test_a_time_that_may_be_wrong_is_taken_at_its_latest(
    tmp_path: Path, accuracy: str, off_ms: int | None
) -> None:
    authority = Authority(tmp_path / "tsa")
    settings = authority.folder / "tsa.cnf"
    settings.write_text(settings.read_text().replace("secs:1", accuracy))
    token = authority.stamp(TEXT)
    said = decode_timestamp_response(token).tst_info.gen_time
    if off_ms is None:
        with pytest.raises(SignatureError, match="more than a day"):
            check_token(token, checkpoint=CHECKPOINT, chain=parse_chain(authority.chain))
        return
    stamp = check_token(token, checkpoint=CHECKPOINT, chain=parse_chain(authority.chain))

    assert said.timestamp() * 1000 + off_ms == stamp.by_ms


@pytest.mark.parametrize("digits", [1, 3, 6])
def test_a_time_within_a_second_is_not_taken_for_its_beginning(tmp_path: Path, digits: int) -> None:
    authority = Authority(tmp_path / "tsa")
    settings = authority.folder / "tsa.cnf"
    precise = f"secs:1\nclock_precision_digits = {digits}"
    settings.write_text(settings.read_text().replace("secs:1", precise))
    chain = parse_chain(authority.chain)
    while True:  # a fraction that ends in 0 is written shorter, and 0 not at all
        token = authority.stamp(TEXT)
        said = re.search(rb"(20\d{12})\.(\d+)Z", token)
        if said is not None:
            break
    second = dt.datetime.strptime(said[1].decode() + "+0000", "%Y%m%d%H%M%S%z").timestamp()
    fraction_ms = math.ceil(Fraction(int(said[2]) * 1000, 10 ** len(said[2])))
    stamp = check_token(token, checkpoint=CHECKPOINT, chain=chain)

    assert second * 1000 + fraction_ms + 1000 == stamp.by_ms


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
        replace(CHECKPOINT, size=4),
        replace(CHECKPOINT, root=bytes(32)),
        replace(CHECKPOINT, origin="ledger.example/two"),
    ],
)
def test_refuses_a_token_of_another_checkpoint(
    authority: Authority, token: bytes, other: Checkpoint
) -> None:
    with pytest.raises(SignatureError, match="Mismatch between messages"):
        check_token(token, checkpoint=other, chain=parse_chain(authority.chain))


def test_refuses_a_token_that_other_certificates_vouch_for(token: bytes, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    with pytest.raises(SignatureError) as refusal:
        check_token(token, checkpoint=CHECKPOINT, chain=parse_chain(other.chain))

    assert refusal.value.name == "time-stamping authority"


def test_refuses_a_hash_that_is_none_of_sha_256(authority: Authority) -> None:
    token = authority.stamp(TEXT, digest="sha512")
    with pytest.raises(SignatureError, match="none of SHA-256"):
        check_token(token, checkpoint=CHECKPOINT, chain=parse_chain(authority.chain))


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
        check_token(other, checkpoint=CHECKPOINT, chain=parse_chain(authority.chain))


@pytest.mark.parametrize("function", ["sha1", "sha256", "sha384", "sha512"])
def test_a_token_may_name_its_certificate_by_any_usual_hash(tmp_path: Path, function: str) -> None:
    authority = Authority(tmp_path / "tsa")
    settings = authority.folder / "tsa.cnf"
    named = f"ess_cert_id_alg = {function}"
    settings.write_text(settings.read_text().replace("ess_cert_id_alg = sha256", named))
    chain = parse_chain(authority.chain)

    assert check_token(authority.stamp(TEXT), checkpoint=CHECKPOINT, chain=chain).by_ms
    settings.write_text(settings.read_text().replace(named, "ess_cert_id_alg = sha3-256"))
    with pytest.raises(SignatureError, match="by the hash of an unknown function"):
        check_token(authority.stamp(TEXT), checkpoint=CHECKPOINT, chain=chain)


@pytest.mark.parametrize(("more", "holds"), [(("-cades",), True), ((), False)])
def test_refuses_a_token_that_names_no_certificate(
    authority: Authority, token: bytes, more: tuple[str, ...], *, holds: bool
) -> None:
    signed = signed_by_openssl(authority, token, *more)
    chain = parse_chain(authority.chain)
    if holds:
        assert check_token(signed, checkpoint=CHECKPOINT, chain=chain).by_ms
        return
    with pytest.raises(SignatureError, match="does not name the certificate that signed it"):
        check_token(signed, checkpoint=CHECKPOINT, chain=chain)


def test_a_token_without_certificates_goes_by_those_handed_in(
    authority: Authority, token: bytes
) -> None:
    bare = signed_by_openssl(authority, token, "-cades", "-nocerts")
    leaf, root = ((authority.folder / f"{one}.pem").read_bytes() for one in ("leaf", "root"))
    stamp = check_token(bare, checkpoint=CHECKPOINT, chain=parse_chain(root + leaf))

    assert "CN=Invented authority" == stamp.authority
    assert leaf not in bare
    others = ("-certfile", str(authority.folder / "root.pem"))
    other = signed_by_openssl(authority, token, "-cades", "-nocerts", *others)
    with pytest.raises(SignatureError, match="certificates, and not the one that signed it"):
        check_token(other, checkpoint=CHECKPOINT, chain=parse_chain(root + leaf))
    with pytest.raises(SignatureError, match="is not in it, nor was it handed in"):
        check_token(bare, checkpoint=CHECKPOINT, chain=parse_chain(root))
    with pytest.raises(SignatureError, match="unable to get local issuer certificate"):
        check_token(bare, checkpoint=CHECKPOINT, chain=parse_chain(leaf))


def test_what_was_granted_with_modifications_is_granted(authority: Authority, token: bytes) -> None:
    granted, modified = b"\x30\x03\x02\x01\x00", b"\x30\x03\x02\x01\x01"
    chain = parse_chain(authority.chain)

    assert 1 == token.count(granted)
    assert check_token(token, checkpoint=CHECKPOINT, chain=chain) == check_token(
        token.replace(granted, modified), checkpoint=CHECKPOINT, chain=chain
    )


def test_refuses_a_token_of_two_signers(authority: Authority) -> None:
    token = signed_by_openssl(authority, authority.stamp(TEXT), "-cades", "-nocerts")
    # All that ends with it is around its one signer: the innermost is the set of them.
    around = [
        at
        for at in range(len(token) - 4)
        if token[at + 1] == 0x82 and at + 4 + int.from_bytes(token[at + 2 : at + 4]) == len(token)
    ]
    *_, signers, signer = around
    more, two = token[signer:], bytearray(token)
    for at in around[:-1]:
        two[at + 2 : at + 4] = (len(token) + len(more) - at - 4).to_bytes(2)

    assert (0x31, 0x30) == (token[signers], token[signer])
    with pytest.raises(SignatureError, match="It has 2 signers"):
        check_token(bytes(two) + more, checkpoint=CHECKPOINT, chain=parse_chain(authority.chain))


def test_says_what_form_of_a_token_is_not_read(authority: Authority, token: bytes) -> None:
    signed_by_openssl(authority, token, "-cades")
    alone = (authority.folder / "signed").read_bytes()
    open_ended = signed_by_openssl(authority, token, "-cades", "-stream", "-indef")
    chain = parse_chain(authority.chain)
    for bad, reason in ((open_ended, "is in BER"), (alone, "is not an authority's whole answer")):
        with pytest.raises(MalformedError, match=reason):
            check_token(bad, checkpoint=CHECKPOINT, chain=chain)


def test_says_why_a_signature_does_not_hold(tmp_path: Path) -> None:
    made = Authority(tmp_path / "tsa")
    token = made.stamp(TEXT)
    key = rsa.generate_private_key(65537, 2048)
    root = issued(key, key.public_key(), None, 0)
    leaf = issued(key, key.public_key(), ExtendedKeyUsageOID.TIME_STAMPING, 0)
    (made.folder / "leaf.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    (made.folder / "leaf.key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    signed = signed_by_openssl(made, token, "-cades")
    pss = signed_by_openssl(made, token, "-cades", "-keyopt", "rsa_padding_mode:pss")

    assert check_token(signed, checkpoint=CHECKPOINT, chain=[root]).by_ms
    for bad, reason in (
        (signed[:-1] + bytes([signed[-1] ^ 1]), "Its signature does not hold."),
        (pss, "It is signed by RSASSA-PSS with a key that is not for this alone: not read here."),
    ):
        with pytest.raises(SignatureError) as refusal:
            check_token(bad, checkpoint=CHECKPOINT, chain=[root])
        assert reason == refusal.value.reason


def test_does_not_say_of_a_signature_that_is_not_read_that_it_does_not_hold(
    authority: Authority, token: bytes
) -> None:
    bare = signed_by_openssl(authority, token, "-cades", "-nocerts")
    (leaf,) = parse_chain((authority.folder / "leaf.pem").read_bytes())
    key = load_pem_private_key((authority.folder / "root.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    builder = x509.CertificateBuilder(
        issuer_name=leaf.issuer,
        subject_name=leaf.subject,
        public_key=ed25519.Ed25519PrivateKey.generate().public_key(),
        serial_number=leaf.serial_number,
        not_valid_before=leaf.not_valid_before_utc,
        not_valid_after=leaf.not_valid_after_utc,
        extensions=[each for each in leaf.extensions if each.critical],
    )
    root = parse_chain((authority.folder / "root.pem").read_bytes())
    with pytest.raises(SignatureError, match="It is signed by Ed25519: not read here"):
        check_token(bare, checkpoint=CHECKPOINT, chain=[*root, builder.sign(key, hashes.SHA256())])


def signed_by_openssl(authority: Authority, token: bytes, *more: str) -> bytes:
    """Have what a token says signed again, as CMS, and make an answer of it."""
    info = decode_timestamp_response(token).tst_info
    (authority.folder / "info").write_bytes(info.as_bytes())  # type: ignore[attr-defined]  # it has
    subprocess.run(
        [OPENSSL, "cms", "-sign", "-binary", "-nodetach", "-in", "info", "-signer", "leaf.pem",
         "-inkey", "leaf.key", "-econtent_type", "1.2.840.113549.1.9.16.1.4", *more,
         "-outform", "DER", "-out", "signed"],
        cwd=authority.folder, capture_output=True, check=True,
    )  # fmt: skip
    answer = b"\x30\x03\x02\x01\x00" + (authority.folder / "signed").read_bytes()
    return b"\x30\x82" + len(answer).to_bytes(2, "big") + answer


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("300b 3009 020102 3004 0c026e6f", "It was not granted: status 2; no"),
        ("3005 3003 020103", "It was not granted: status 3"),
        ("3005 3003 020100", "It is granted, and is not there."),
        ("3005 3003 020101", "It is granted, and is not there."),
    ],
)
def test_an_authority_that_refuses_is_heard(authority: Authority, answer: str, reason: str) -> None:
    chain = parse_chain(authority.chain)
    with pytest.raises(SignatureError) as refusal:
        check_token(bytes.fromhex(answer), checkpoint=CHECKPOINT, chain=chain)

    assert reason == refusal.value.reason


@pytest.mark.parametrize(("more", "holds"), [(15, True), (16, False)])
def test_takes_the_certificates_of_a_chain_in_any_order_and_no_more(
    tmp_path: Path, more: int, *, holds: bool
) -> None:
    # OpenSSL gives them as they come, in which order the library reads none.
    authority = Authority(tmp_path / "tsa")
    key = ec.generate_private_key(ec.SECP256R1())
    others = [issued(key, key.public_key(), None, days) for days in range(more)]
    (authority.folder / "more.pem").write_bytes(format_chain(others))
    settings = authority.folder / "tsa.cnf"
    settings.write_text(settings.read_text() + "certs = more.pem\n")
    token, chain = authority.stamp(TEXT), parse_chain(authority.chain)
    if holds:
        assert check_token(token, checkpoint=CHECKPOINT, chain=chain).by_ms
        return
    with pytest.raises(SignatureError, match="more than 16 certificates"):
        check_token(token, checkpoint=CHECKPOINT, chain=chain)


@pytest.mark.parametrize("bad", [b"", b"\x30", b"a" * 100])
def test_refuses_what_is_no_token(authority: Authority, bad: bytes) -> None:
    with pytest.raises(MalformedError) as refusal:
        check_token(bad, checkpoint=CHECKPOINT, chain=parse_chain(authority.chain))

    assert refusal.value.where == "token"


def test_what_is_too_long_for_a_token_is_not_looked_into(authority: Authority) -> None:
    chain = parse_chain(authority.chain)
    for octets, is_longer in ((MAX_TOKEN, False), (MAX_TOKEN + 1, True)):
        with pytest.raises(MalformedError) as refusal:
            check_token(bytes(octets), checkpoint=CHECKPOINT, chain=chain)

        assert is_longer == ("longer than" in str(refusal.value))


def test_a_chain_may_be_so_long_and_no_longer(authority: Authority) -> None:
    root = (authority.folder / "root.pem").read_bytes()
    longest = root + b"\n" * (MAX_CHAIN - len(root))

    assert 1 == len(parse_chain(longest))
    assert 16 == len(parse_chain(root * 16))
    with pytest.raises(MalformedError, match="longer than"):
        parse_chain(longest + b"\n")


def test_refuses_what_are_no_certificates(authority: Authority) -> None:
    root = (authority.folder / "root.pem").read_bytes()
    for bad in (b"", b"x", root[:-40], root * 17):
        with pytest.raises(MalformedError) as refusal:
            parse_chain(bad)

        assert refusal.value.where == "certificates"


def test_refuses_certificates_that_openssl_does_not_take(authority: Authority) -> None:
    # Their library's Rust reads them, and then panics in OpenSSL.
    (certificate,) = x509.load_pem_x509_certificates((authority.folder / "root.pem").read_bytes())
    der = certificate.public_bytes(Encoding.DER)
    unread = der.replace(b"Invented root", b"Invented \xff\xff\xff\xff")
    text = base64.encodebytes(unread)
    pem = b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"

    assert der != unread
    with pytest.raises(MalformedError) as refusal:
        parse_chain(pem)
    assert "certificates" == refusal.value.where


@pytest.mark.parametrize(
    "error", [KeyError("part"), PanicException("gave up"), KeyboardInterrupt(), MemoryError()]
)
def test_whatever_the_library_raises_is_a_refusal_but_no_interrupt_and_no_want_of_memory(
    authority: Authority, token: bytes, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(data: bytes) -> None:
        del data
        raise error

    monkeypatch.setattr(rfc3161, "decode_timestamp_response", fail)
    ours = isinstance(error, KeyboardInterrupt | MemoryError)
    kind = type(error) if ours else MalformedError
    with pytest.raises(kind):
        check_token(token, checkpoint=CHECKPOINT, chain=parse_chain(authority.chain))


@pytest.mark.parametrize(
    ("purpose", "days", "holds"),
    [
        (ExtendedKeyUsageOID.TIME_STAMPING, 0, True),
        (ExtendedKeyUsageOID.SERVER_AUTH, 0, False),
        (ExtendedKeyUsageOID.TIME_STAMPING, -1000, False),
        (ExtendedKeyUsageOID.TIME_STAMPING, 1000, False),
        (ExtendedKeyUsageOID.TIME_STAMPING, 1, False),  # good, and not the one that signed
    ],
)
def test_refuses_a_certificate_for_another_purpose_or_of_another_time(
    tmp_path: Path, purpose: x509.ObjectIdentifier, days: int, *, holds: bool
) -> None:
    made = Authority(tmp_path / "tsa")
    key = rsa.generate_private_key(65537, 2048)  # whose signatures are of one length
    root = issued(key, key.public_key(), None, 0)
    signer = load_pem_private_key((made.folder / "leaf.key").read_bytes(), None).public_key()
    assert isinstance(signer, ec.EllipticCurvePublicKey)
    good = issued(key, signer, ExtendedKeyUsageOID.TIME_STAMPING, 0)
    (made.folder / "leaf.pem").write_bytes(good.public_bytes(Encoding.PEM))
    held, other = (
        one.public_bytes(Encoding.DER) for one in (good, issued(key, signer, purpose, days))
    )
    token = made.stamp(TEXT)
    chain = [root]

    assert 1 == token.count(held)
    swapped = token.replace(held, held if holds else other)
    if holds:
        assert "CN=signer" == check_token(swapped, checkpoint=CHECKPOINT, chain=chain).authority
        return
    with pytest.raises(SignatureError):
        check_token(swapped, checkpoint=CHECKPOINT, chain=chain)


def issued(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    purpose: x509.ObjectIdentifier | None,
    days: int,
) -> x509.Certificate:
    """Issue a certificate for some days from then: a root's, if it is for no purpose."""
    at = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(days)
    root, own = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        for name in ("root", "signer" if purpose else "root")
    )
    built = (
        x509.CertificateBuilder()
        .issuer_name(root)
        .subject_name(own)
        .public_key(public)
        .serial_number(77 if purpose else 1)
        .not_valid_before(at - dt.timedelta(9))
        .not_valid_after(at + dt.timedelta(9))
        .add_extension(x509.BasicConstraints(ca=purpose is None, path_length=None), critical=True)
    )
    if purpose is not None:
        built = built.add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
    return built.sign(key, hashes.SHA256())


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
            check_token(octets, checkpoint=CHECKPOINT, chain=parse_chain(authority.chain))
        except VerifyError:
            continue
