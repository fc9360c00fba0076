"""A time-stamping authority of one's own, made and run by OpenSSL's command."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

OPENSSL = shutil.which("openssl") or "/usr/bin/openssl"
_SETTINGS = """\
[req]
distinguished_name = dn
[dn]
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[server]
basicConstraints = critical, CA:false
extendedKeyUsage = serverAuth
[tsa]
default_tsa = authority
[authority]
serial = serial
crypto_device = builtin
signer_cert = leaf.pem
signer_key = leaf.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""


class Authority:
    """An authority in a folder: a root, and a key that stamps."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None and "CI" not in os.environ:
            pytest.skip("openssl is not installed")
        folder.mkdir()
        self.folder = folder
        (folder / "tsa.cnf").write_text(_SETTINGS)
        (folder / "serial").write_text("01\n")
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        self._openssl("req", "-x509", *curve, "-keyout", "root.key", "-out", "root.pem",
                      "-subj", "/CN=Invented root", "-days", "3650", "-config", "tsa.cnf",
                      "-extensions", "root")  # fmt: skip
        self._openssl("req", *curve, "-keyout", "leaf.key", "-out", "leaf.csr",
                      "-subj", "/CN=Invented authority", "-config", "tsa.cnf")  # fmt: skip
        self._openssl("x509", "-req", "-in", "leaf.csr", "-CA", "root.pem", "-CAkey", "root.key",
                      "-CAcreateserial", "-out", "leaf.pem", "-days", "3650",
                      "-extfile", "tsa.cnf", "-extensions", "leaf")  # fmt: skip

    @property
    def chain(self) -> bytes:
        """Its certificates, PEM."""
        return (self.folder / "root.pem").read_bytes() + (self.folder / "leaf.pem").read_bytes()

    def stamp(self, data: bytes, *, digest: str = "sha256") -> bytes:
        """Stamp the hash of some octets."""
        (self.folder / "data").write_bytes(data)
        self._openssl("ts", "-query", "-data", "data", f"-{digest}", "-cert", "-out", "query")
        return self.answer((self.folder / "query").read_bytes())

    def answer(self, query: bytes) -> bytes:
        """Answer a query."""
        (self.folder / "query").write_bytes(query)
        self._openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "reply")
        return (self.folder / "reply").read_bytes()

    def _openssl(self, *words: str) -> None:
        subprocess.run(
            [OPENSSL, *words], cwd=self.folder, capture_output=True, check=True, timeout=60
        )
