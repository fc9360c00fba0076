"""Vectors of the one rule.

`KEY`, `R` and the mixed points were computed with big integers in affine coordinates, no library:
a = SHA-512("counterfoil a") mod L, r = SHA-512("counterfoil r") mod L, T a point of order 8,
KEY = aB, R = rB, MIXED_KEYS[i] = KEY + (i + 1)T, MIXED_R[i] = R + (i + 1)T.
"""

import hashlib
import importlib.util
import types

import nacl._sodium
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify import ed25519
from verify.ed25519 import check_public_key, check_signature
from verify.errors import MalformedError, SignatureError, VerifyError

L = 2**252 + 27742317777372353535851937790883648493
MESSAGE = b"counterfoil: cofactored or cofactorless?"
SECRET = int.from_bytes(hashlib.sha512(b"counterfoil a").digest(), "little") % L
NONCE = int.from_bytes(hashlib.sha512(b"counterfoil r").digest(), "little") % L
KEY = bytes.fromhex("18c05beffe0679941b7322fc08b4acd837e2fd84ba63a83d2acaecdc48ac1aa1")
R = bytes.fromhex("f4b5fa12c2ed36b44c112bfa0ee59c51794edfe241dd674d28f362378603ad97")
MIXED_R = [
    "b0cd75b22c0fdc21260cab493af5547192af35a51a6a56758696914935de5486",
    "96cf5344ec63235b50aeefb459ca0033f30ed82b76051ad839c0b85f907433e2",
    "22c34863dba0ac055b4e40cc56e8c405888da940871fd6ee5955b1bc2e46d09e",
    "f94905ed3d12c94bb3eed405f11a63ae86b1201dbe2298b2d70c9dc879fc5268",
    "3d328a4dd3f023ded9f354b6c50aab8e6d50ca5ae595a98a79696eb6ca21ab79",
    "5730acbb139cdca4af51104ba635ffcc0cf127d489fae527c63f47a06f8bcc1d",
    "cb3cb79c245f53faa4b1bf33a9173bfa777256bf78e02911a6aa4e43d1b92f61",
]
MIXED_KEYS = [
    "dbc9c98bf1e2b50078f29f8cb826f8261812b899419f1bd797166601b389d3ca",
    "2bfe89a9f42400c1cfb9d990818690b0d3111f9dd8a71748d42c89653169067c",
    "34cdcaf65e0d223e1e304a7d48576128225316d21c88d2fee01256927332bf9f",
    "d53fa41001f9866be48cdd03f74b5327c81d027b459c57c2d5351323b753e55e",
    "123636740e1d4aff870d607347d907d9e7ed4766be60e42868e999fe4c762c35",
    "c20176560bdbff3e3046266f7e796f4f2ceee0622758e8b72bd3769ace96f983",
    "b9323509a1f2ddc1e1cfb582b7a89ed7ddace92de3772d011feda96d8ccd4060",
]
# C2SP/CCTV ed25519/README.md: 8 canonical encodings, then 6 others.
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]
# RFC 8032 section 7.1, tests 1 to 3: key, message, signature.
RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]


def sign_with(nonce_point: bytes, nonce: int) -> bytes:
    """Sign MESSAGE by KEY with R as given: S = r + H(R || A || M)a mod L."""
    challenge = int.from_bytes(hashlib.sha512(nonce_point + KEY + MESSAGE).digest(), "little")
    return nonce_point + ((nonce + challenge * SECRET) % L).to_bytes(32, "little")


class Library:
    """The installed libsodium but for what another one has otherwise."""

    def __init__(self, **changed: object) -> None:
        self._real = nacl._sodium.lib
        self.__dict__.update(changed)

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


def load_copy() -> types.ModuleType:
    """Import the module once more beside the real one, as another libsodium would have it."""
    spec = importlib.util.spec_from_file_location("ed25519_elsewhere", ed25519.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("key", "message", "signature"), RFC_8032)
def test_accepts_the_vectors_of_rfc_8032(key: str, message: str, signature: str) -> None:
    check_signature(
        key=bytes.fromhex(key),
        message=bytes.fromhex(message),
        signature=bytes.fromhex(signature),
    )


def test_accepts_a_signature_made_by_hand() -> None:
    check_signature(key=KEY, message=MESSAGE, signature=sign_with(R, NONCE))


@pytest.mark.parametrize("nonce_point", MIXED_R)
def test_refuses_what_only_the_cofactored_equation_accepts(nonce_point: str) -> None:
    with pytest.raises(SignatureError) as caught:
        check_signature(
            key=KEY, message=MESSAGE, signature=sign_with(bytes.fromhex(nonce_point), NONCE)
        )

    assert KEY.hex() == caught.value.name


@pytest.mark.parametrize("nonce_point", SMALL_ORDER)
def test_refuses_a_small_order_r(nonce_point: str) -> None:
    # With R the identity and S = ha the equation itself holds.
    with pytest.raises(SignatureError) as caught:
        check_signature(
            key=KEY, message=MESSAGE, signature=sign_with(bytes.fromhex(nonce_point), 0)
        )

    assert "R is a point of small order" == caught.value.reason


@pytest.mark.parametrize("times", [1, 2, 15])
def test_refuses_s_with_the_group_order_added(times: int) -> None:
    signature = sign_with(R, NONCE)
    s = int.from_bytes(signature[32:], "little") + times * L
    with pytest.raises(SignatureError) as caught:
        check_signature(key=KEY, message=MESSAGE, signature=R + s.to_bytes(32, "little"))

    assert "S is not below the group order" == caught.value.reason


@pytest.mark.parametrize(
    ("s", "reason"), [(L, "S is not below"), (L - 1, "the signature does not")]
)
def test_the_bound_of_s_is_the_group_order(s: int, reason: str) -> None:
    with pytest.raises(SignatureError) as caught:
        check_signature(key=KEY, message=MESSAGE, signature=R + s.to_bytes(32, "little"))

    assert caught.value.reason.startswith(reason)


@pytest.mark.parametrize("key", SMALL_ORDER + MIXED_KEYS)
def test_refuses_a_key_of_small_or_mixed_order(key: str) -> None:
    with pytest.raises(MalformedError) as caught:
        check_public_key(bytes.fromhex(key))

    assert "public key" == caught.value.where


def test_refuses_every_key_that_is_not_canonical() -> None:
    p = 2**255 - 19
    for y in range(p, 2**255):
        for sign in (0, 1 << 255):
            with pytest.raises(MalformedError):
                check_public_key((y | sign).to_bytes(32, "little"))


def test_refuses_the_identity_key_under_which_everything_verifies_elsewhere() -> None:
    identity = b"\x01" + bytes(31)
    with pytest.raises(MalformedError):
        check_signature(key=identity, message=b"anything", signature=identity + bytes(32))


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_refuses_a_key_that_is_not_32_bytes(size: int) -> None:
    with pytest.raises(MalformedError) as caught:
        check_signature(key=bytes(size), message=b"", signature=bytes(64))

    assert "public key" == caught.value.where


@pytest.mark.parametrize("size", [0, 63, 65, 128])
def test_refuses_a_signature_that_is_not_64_bytes(size: int) -> None:
    with pytest.raises(MalformedError) as caught:
        check_signature(key=KEY, message=b"", signature=bytes(size))

    assert "signature" == caught.value.where


@given(st.integers(0, 511))
def test_refuses_a_signature_with_any_bit_flipped(bit: int) -> None:
    flipped = int.from_bytes(sign_with(R, NONCE), "big") ^ 1 << bit
    with pytest.raises(SignatureError):
        check_signature(key=KEY, message=MESSAGE, signature=flipped.to_bytes(64, "big"))


@given(st.binary(max_size=33) | st.just(KEY), st.binary(max_size=65))
def test_any_bytes_are_accepted_or_a_verify_error(key: bytes, signature: bytes) -> None:
    with pytest.raises(VerifyError):
        check_signature(key=key, message=MESSAGE, signature=signature)


def test_a_cofactored_library_is_held_to_the_same_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    accepted = {sign_with(R, NONCE)}
    accepted |= {sign_with(bytes.fromhex(mixed), NONCE) for mixed in MIXED_R}

    def open_cofactored(_: object, __: object, signed: bytes, size: int, key: bytes) -> int:
        assert (signed[:64] in accepted, len(signed), KEY) == (True, size, key)
        return 0

    monkeypatch.setattr(nacl._sodium, "lib", Library(crypto_sign_open=open_cofactored))
    elsewhere = load_copy()
    elsewhere.check_signature(key=KEY, message=MESSAGE, signature=sign_with(R, NONCE))
    for mixed in MIXED_R:
        with pytest.raises(SignatureError) as caught:
            elsewhere.check_signature(
                key=KEY, message=MESSAGE, signature=sign_with(bytes.fromhex(mixed), NONCE)
            )

        assert "R is not a canonical point of prime order" == caught.value.reason


@pytest.mark.parametrize("changed", [
    {"crypto_core_ed25519_is_valid_point": lambda _: 1},  # also where mixed orders make it none
    {"sodium_init": lambda: -1},
    {"PYNACL_HAS_CRYPTO_CORE_ED25519": 0},
])  # fmt: skip
def test_a_library_that_cannot_judge_keys_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, object]
) -> None:
    monkeypatch.setattr(nacl._sodium, "lib", Library(**changed))
    with pytest.raises(ImportError):
        load_copy()
