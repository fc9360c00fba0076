"""OpenSSL, by its command, verifies what our keys signed; and we what it signed."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.ledger.builder import Party, new_log_key
from verify.ed25519 import check_signature
from verify.submission import SUBMISSION, pae

OPENSSL = shutil.which("openssl") or "/usr/bin/openssl"

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None and "CI" not in os.environ, reason="openssl is not installed"
)

# RFC 8410 section 4: what precedes the 32 octets of an Ed25519 public key in its DER form.
SPKI = bytes.fromhex("302a300506032b6570032100")
MESSAGES = [b"a", pae(SUBMISSION, b'{"type":"counterfoil-submission/v1"}'), bytes(70_000)]


def openssl(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [OPENSSL, *words], cwd=folder, capture_output=True, check=False, timeout=60
    )


def verifies(folder: Path, *, public: bytes, message: bytes, signature: bytes) -> bool:
    (folder / "key.der").write_bytes(SPKI + public)
    (folder / "message").write_bytes(message)
    (folder / "signature").write_bytes(signature)
    ran = openssl(
        folder, "pkeyutl", "-verify", "-pubin", "-inkey", "key.der", "-keyform", "DER", "-rawin",
        "-in", "message", "-sigfile", "signature",
    )  # fmt: skip

    assert ran.returncode in {0, 1}
    return ran.returncode == 0


@pytest.mark.parametrize("message", MESSAGES)
def test_openssl_verifies_what_a_party_signed_and_nothing_else(
    tmp_path: Path, message: bytes
) -> None:
    party = Party("alpha", 1)
    signature = party.key.sign(message).signature
    public = bytes.fromhex(party.public)
    changed = bytes([signature[0] ^ 1]) + signature[1:]

    assert verifies(tmp_path, public=public, message=message, signature=signature)
    assert not verifies(tmp_path, public=public, message=message, signature=changed)
    assert not verifies(tmp_path, public=public, message=message + b"\0", signature=signature)


def test_openssl_verifies_a_checkpoint(tmp_path: Path) -> None:
    key = new_log_key()
    root = base64.b64encode(bytes(32)).decode()
    text = f"{key.origin}\n1\n{root}\n".encode()

    assert verifies(tmp_path, public=key.public, message=text, signature=key.sign(text))


def test_what_openssl_signed_is_valid_to_us(tmp_path: Path) -> None:
    openssl(tmp_path, "genpkey", "-algorithm", "ed25519", "-out", "secret.pem")
    (tmp_path / "message").write_bytes(MESSAGES[1])
    openssl(tmp_path, "pkey", "-in", "secret.pem", "-pubout", "-outform", "DER", "-out", "key.der")
    openssl(
        tmp_path, "pkeyutl", "-sign", "-inkey", "secret.pem", "-rawin", "-in", "message",
        "-out", "signature",
    )  # fmt: skip
    public = (tmp_path / "key.der").read_bytes().removeprefix(SPKI)

    check_signature(
        key=public, message=MESSAGES[1], signature=(tmp_path / "signature").read_bytes()
    )
