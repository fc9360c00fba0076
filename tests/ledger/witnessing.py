"""Logs that ask a witness, written apart from `ledger`: their trees, proofs and signatures.

The proofs are made by the definition, RFC 6962 section 2.1.2, from the leaves, and the notes are
spelled out here, so that a mistake of the code that checks them finds no twin.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

NAME = "witness.example/w1"
ORIGIN = "log.example/one"
NOW_MS = 1_750_000_000_000
EMPTY = hashlib.sha256(b"").digest()


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, over leaf hashes."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY
    k = _split(len(leaves))
    return hashlib.sha256(b"\1" + tree_hash(leaves[:k]) + tree_hash(leaves[k:])).digest()


def prove(old: int, leaves: Sequence[bytes], *, complete: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962 section 2.1.2; nothing between equal sizes and from the empty tree."""
    if old in {0, len(leaves)}:
        return [] if complete or not old else [tree_hash(leaves)]
    k = _split(len(leaves))
    if old <= k:
        return [*prove(old, leaves[:k], complete=complete), tree_hash(leaves[k:])]
    return [*prove(old - k, leaves[k:], complete=False), tree_hash(leaves[:k])]


def _split(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def line(name: str, identity: bytes, payload: bytes) -> bytes:
    return f"\N{EM DASH} {name} {b64(identity + payload)}\n".encode()


def grease() -> bytes:
    """A signature line that nobody can check."""
    return line(f"grease{secrets.randbelow(1000)}.example", secrets.token_bytes(4), b"grease")


class Log:
    """A log with its key. `salt` makes another history of the same log."""

    def __init__(self, origin: str = ORIGIN, *, key_name: str | None = None, seed: int = 1) -> None:
        self.origin = origin
        self.key_name = key_name or origin
        self.key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.public = self.key.public_key().public_bytes_raw()
        material = self.key_name.encode() + b"\n\x01" + self.public
        self.key_id = hashlib.sha256(material).digest()[:4]

    @property
    def vkey(self) -> str:
        material = b64(b"\x01" + self.public)
        return f"{self.key_name}+{self.key_id.hex()}+{material}"

    @property
    def hex(self) -> str:
        """What it is called in the monitoring path."""
        return hashlib.sha256(self.origin.encode()).hexdigest()

    def leaves(self, size: int, *, fork_at: int | None = None) -> list[bytes]:
        """Its leaf hashes; from `fork_at` on those of another history."""
        return [
            hashlib.sha256(
                b"\0%d%b" % (index, b"" if fork_at is None or index < fork_at else b"'")
            ).digest()
            for index in range(size)
        ]

    def text(self, size: int, *, root: bytes | None = None, fork_at: int | None = None) -> bytes:
        found = tree_hash(self.leaves(size, fork_at=fork_at)) if root is None else root
        return f"{self.origin}\n{size}\n{b64(found)}\n".encode()

    def sign(self, text: bytes) -> bytes:
        return line(self.key_name, self.key_id, self.key.sign(text))

    def note(self, size: int, *, root: bytes | None = None, fork_at: int | None = None) -> bytes:
        text = self.text(size, root=root, fork_at=fork_at)
        return text + b"\n" + self.sign(text)

    def request(self, old: int, size: int, *, fork_at: int | None = None) -> bytes:
        """A request as an honest log sends it, or one that has forked."""
        proof = prove(old, self.leaves(size, fork_at=fork_at))
        return request(old, proof, self.note(size, fork_at=fork_at))


class LatticeLog(Log):
    """A log that signs its checkpoints with ML-DSA-44, as of `time_s`; of no time with 0."""

    def __init__(self, origin: str = ORIGIN, *, key_name: str | None = None, seed: int = 1) -> None:
        super().__init__(origin, key_name=key_name, seed=seed)
        self.time_s = 0
        self.lattice = MLDSA44PrivateKey.from_seed_bytes(bytes([seed]) * 32)
        self.public = self.lattice.public_key().public_bytes_raw()
        material = self.key_name.encode() + b"\n\x06" + self.public
        self.key_id = hashlib.sha256(material).digest()[:4]

    @property
    def vkey(self) -> str:
        return f"{self.key_name}+{self.key_id.hex()}+{b64(bytes([6]) + self.public)}"

    def sign(self, text: bytes) -> bytes:
        origin, size, root = text.decode().splitlines()[:3]
        name, at = self.key_name.encode(), self.time_s.to_bytes(8, "big")
        said = b"subtree/v1\n\0" + bytes([len(name)]) + name + at
        said += bytes([len(origin.encode())]) + origin.encode() + bytes(8)
        said += int(size).to_bytes(8, "big") + base64.b64decode(root)
        return line(self.key_name, self.key_id, at + self.lattice.sign(said))


def request(old: int | str, proof: Sequence[bytes], note: bytes) -> bytes:
    lines = [f"old {old}", *(b64(each) for each in proof)]
    return "\n".join(lines).encode() + b"\n\n" + note
