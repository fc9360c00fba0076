"""Private keys: the one module of `ledger` and `api` that touches them.

A party key signs DSSE encodings, each use under a payload type of its own; the log's key signs
checkpoints of its own origin; a witness's key signs cosignatures of checkpoints. None can be made
to sign bare octets that somebody else chose, and no key file is read in another role than its own.

A key file is one line of canonical JSON: `counterfoil-key/v1` of a party or a log,
`counterfoil-witness-key/v1` of a witness. Its secret is the 32-octet seed, either plain or in a
box (XSalsa20-Poly1305) under a passphrase (Argon2id), and then bound to everything that stands
beside it. The file has mode 0600 from the moment it is there, and is not read if others than its
owner can use it. Python keeps copies of what it reads: that a secret is gone from memory after use
is not promised.

Source: SPEC section 2; libsodium's crypto_pwhash_argon2id and crypto_secretbox; FIPS 204, whose
key generation takes the same 32 octets as a seed.
"""

from __future__ import annotations

import getpass
import hashlib
import hmac
import secrets
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from nacl.exceptions import CryptoError
from nacl.exceptions import RuntimeError as SodiumError
from nacl.pwhash import argon2id
from nacl.secret import SecretBox
from nacl.signing import SigningKey

from ledger.chance import Random
from ledger.errors import KeyFileError
from ledger.private import create_private, read_private
from verify.checkpoint import parse_checkpoint
from verify.codec import Decoder, Hash, Label, Nonce, Origin, Party, Wire, encode
from verify.errors import MalformedError
from verify.kinds import Power
from verify.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    ED25519,
    Cosignature,
    NoteSignature,
    VerifierKey,
    cosignature_message,
    format_cosignature,
    format_vkey,
    key_id,
    parse_vkey,
)
from verify.session import SESSION, SessionStatement
from verify.submission import POSSESSION, SUBMISSION, Possession, Statement, pae

__all__ = [
    "Algorithm",
    "LogKey",
    "PartySigner",
    "Passphrase",
    "WitnessKey",
    "ask_new_passphrase",
    "ask_passphrase",
    "load_log_key",
    "load_party_key",
    "load_witness_key",
    "read_passphrase",
    "read_witness_vkey",
]

Algorithm = Literal["ed25519", "ml-dsa-44"]
"""What a witness's key signs with, as charters name it."""

Passphrase = Callable[[], bytes]
"""Gives the passphrase when a key file turns out to need one."""

_SEED_SIZE = 32
_MAX_KEY_FILE = 16_384
_MAX_PASSPHRASE = 1024

# A file is not believed about how much work it asks for: without bounds it could ask for hours
# or for all memory. Weaker limits than ours cannot open a box that ours closed.
_MIN_OPSLIMIT, _MAX_OPSLIMIT = 1, 16
_MIN_MEMLIMIT, _MAX_MEMLIMIT = 8 * 1024 * 1024, 1024 * 1024 * 1024


class _Box(Wire, frozen=True, kw_only=True):
    """The seed under a passphrase."""

    kdf: Literal["argon2id13"]
    opslimit: Annotated[int, msgspec.Meta(ge=_MIN_OPSLIMIT, le=_MAX_OPSLIMIT)]
    memlimit: Annotated[int, msgspec.Meta(ge=_MIN_MEMLIMIT, le=_MAX_MEMLIMIT)]
    salt: Nonce
    nonce: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{48}\Z")]
    # tag (16) || seed (32) || SHA-256 of the file without the box (32)
    text: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{160}\Z")]


class _KeyFile(Wire, frozen=True, kw_only=True, tag_field="type", tag="counterfoil-key/v1"):
    """A key file. It is a party's key or a log's, never both."""

    key: Hash
    party: Party | None = None
    post: Label | None = None
    powers: tuple[Power, ...] | None = None
    origin: Origin | None = None
    secret: Hash | None = None
    box: _Box | None = None

    def __post_init__(self) -> None:
        """Check that it is one kind of key with one kind of secret."""
        if (self.party is None) is (self.origin is None):
            raise ValueError("party: exactly one of `party` and `origin`")
        if self.party is None and (self.post, self.powers) != (None, None):
            raise ValueError("post: goes only with `party`, as `powers` does")
        if self.secret is not None and self.box is not None:
            raise ValueError("secret: exactly one of `secret` and `box`")


class _WitnessFile(
    Wire, frozen=True, kw_only=True, tag_field="type", tag="counterfoil-witness-key/v1"
):
    """A witness's key file."""

    algorithm: Algorithm
    key: Annotated[str, msgspec.Meta(pattern=r"\A(?:[0-9a-f]{64}|[0-9a-f]{2624})\Z")]
    name: Origin
    secret: Hash | None = None
    box: _Box | None = None

    def __post_init__(self) -> None:
        """Check that it has one kind of secret."""
        if self.secret is not None and self.box is not None:
            raise ValueError("secret: exactly one of `secret` and `box`")


_AnyFile = _KeyFile | _WitnessFile

_KEY_FILE: Final[Decoder[_AnyFile]] = Decoder(_AnyFile, name="key file")  # type: ignore[arg-type]  # `type[T]` has no room for a union
_TYPE_BYTES: Final = {"ed25519": COSIGNATURE_ED25519, "ml-dsa-44": COSIGNATURE_ML_DSA_44}


class PartySigner:
    """A party's key, ready to sign.

    Attributes:
        party: Whose key it is.
        public: The public key, in hex.
        post: The post it belongs to, if one was named.
        powers: What it was made for, sorted; the ledger decides what it may sign.
    """

    __slots__ = ("_key", "party", "post", "powers", "public")

    def __init__(
        self, party: str, *, seed: bytes, post: str | None = None, powers: tuple[Power, ...] = ()
    ) -> None:
        """Make the key of `party` with this 32-octet seed."""
        self._key = SigningKey(seed)
        self.party = party
        self.public = bytes(self._key.verify_key).hex()
        self.post = post
        self.powers = tuple(sorted(set(powers)))

    def __repr__(self) -> str:
        return f"PartySigner({self.party!r}, public={self.public!r})"

    @classmethod
    def generate(
        cls,
        party: str,
        *,
        post: str | None = None,
        powers: tuple[Power, ...] = (),
        random: Random = secrets,
    ) -> PartySigner:
        """Draw a new key for `party`."""
        return cls(party, seed=random.token_bytes(_SEED_SIZE), post=post, powers=powers)

    def sign_submission(self, statement: Statement) -> bytes:
        """Sign a statement, which must name this key and its party.

        Raises:
            KeyFileError: It names another.
        """
        return self._sign(SUBMISSION, statement, statement.author)

    def sign_possession(self, possession: Possession) -> bytes:
        """Sign that this key is held by its party.

        Raises:
            KeyFileError: The statement names another party or key.
        """
        return self._sign(POSSESSION, possession, possession.party)

    def sign_session(self, statement: SessionStatement) -> bytes:
        """Sign that this key's party asks for a session of a server.

        Raises:
            KeyFileError: The statement names another party or key.
        """
        return self._sign(SESSION, statement, statement.party)

    def save(
        self, path: Path, *, passphrase: bytes | None = None, random: Random = secrets
    ) -> None:
        """Write a new key file; without a passphrase the secret in it is plain.

        Raises:
            KeyFileError: The file exists already or cannot be written.
        """
        head = _KeyFile(
            key=self.public, party=self.party, post=self.post, powers=self.powers or None
        )
        _save(path, head, seed=bytes(self._key), passphrase=passphrase, random=random)

    def _sign(
        self, payload_type: str, said: Statement | Possession | SessionStatement, party: str
    ) -> bytes:
        if (party, said.key) != (self.party, self.public):
            raise KeyFileError(self.party, "the statement names another party or key")
        return self._key.sign(pae(payload_type, encode(said))).signature


class LogKey:
    """The key of a log, which signs checkpoints of its origin and nothing else.

    Attributes:
        origin: The log's name.
        public: The public key, 32 octets.
    """

    __slots__ = ("_key", "origin", "public")

    def __init__(self, origin: str, *, seed: bytes) -> None:
        """Make the key of the log `origin` with this 32-octet seed."""
        self._key = SigningKey(seed)
        self.origin = origin
        self.public = bytes(self._key.verify_key)

    def __repr__(self) -> str:
        return f"LogKey({self.origin!r}, public={self.public.hex()!r})"

    @classmethod
    def generate(cls, origin: str, *, random: Random = secrets) -> LogKey:
        """Draw a new key for the log `origin`."""
        return cls(origin, seed=random.token_bytes(_SEED_SIZE))

    @property
    def verifier_key(self) -> VerifierKey:
        """What a reader checks this log's checkpoints with."""
        name = key_id(name=self.origin, algorithm=ED25519, public=self.public)
        return VerifierKey(self.origin, name, ED25519, self.public)

    def sign(self, message: bytes) -> bytes:
        """Sign the text of a checkpoint.

        Returns:
            The signature, 64 octets.

        Raises:
            MalformedError: The octets are no text of a checkpoint, or not of this log's, or have
                extension lines.
        """
        checkpoint = parse_checkpoint(message)
        if checkpoint.origin != self.origin:
            raise MalformedError("checkpoint origin", f"not {self.origin}")
        if checkpoint.extensions:
            raise MalformedError("checkpoint", "extension lines")
        return self._key.sign(message).signature

    def save(
        self, path: Path, *, passphrase: bytes | None = None, random: Random = secrets
    ) -> None:
        """Write a new key file; without a passphrase the secret in it is plain.

        Raises:
            KeyFileError: The file exists already or cannot be written.
        """
        head = _KeyFile(key=self.public.hex(), origin=self.origin)
        _save(path, head, seed=bytes(self._key), passphrase=passphrase, random=random)


class WitnessKey:
    """The key of a witness, which signs cosignatures and nothing else.

    Attributes:
        verifier_key: What a reader checks its cosignatures with. Its name is the witness's.
        algorithm: What it signs with.
    """

    __slots__ = ("_seed", "_sign", "algorithm", "verifier_key")

    def __init__(self, name: str, *, seed: bytes, algorithm: Algorithm = "ed25519") -> None:
        """Make the key of the witness `name` with this 32-octet seed."""
        self._seed = seed
        self._sign, public = _scheme(seed, algorithm)
        self.algorithm = algorithm
        self.verifier_key = _witness_vkey(name, algorithm, public)

    def __repr__(self) -> str:
        return f"WitnessKey({self.verifier_key.name!r}, algorithm={self.algorithm!r})"

    @classmethod
    def generate(
        cls, name: str, *, algorithm: Algorithm = "ed25519", random: Random = secrets
    ) -> WitnessKey:
        """Draw a new key for the witness `name`."""
        return cls(name, seed=random.token_bytes(_SEED_SIZE), algorithm=algorithm)

    def cosign(self, text: bytes, *, timestamp_s: int) -> NoteSignature:
        """Sign that, as of a time, this is the largest consistent tree that was seen.

        Whether it is, is for the caller to know.

        Args:
            text: The text of a checkpoint without extension lines.
            timestamp_s: The time, in POSIX seconds.

        Raises:
            MalformedError: The octets are no such text, or the time is out of range.
        """
        if parse_checkpoint(text).extensions:
            raise MalformedError("checkpoint", "extension lines")
        key = self.verifier_key
        message = cosignature_message(text, key=key, timestamp_s=timestamp_s)
        cosignature = Cosignature(timestamp_s, self._sign(message))
        payload = format_cosignature(cosignature, algorithm=key.algorithm)
        return NoteSignature(key.name, key.key_id, payload)

    def save(
        self, path: Path, *, passphrase: bytes | None = None, random: Random = secrets
    ) -> None:
        """Write a new key file; without a passphrase the secret in it is plain.

        Raises:
            KeyFileError: The file exists already or cannot be written.
        """
        key = self.verifier_key
        head = _WitnessFile(algorithm=self.algorithm, key=key.public.hex(), name=key.name)
        _save(path, head, seed=self._seed, passphrase=passphrase, random=random)


def load_party_key(path: Path, *, passphrase: Passphrase | None = None) -> PartySigner:
    """Read a party's key file.

    Args:
        path: The file.
        passphrase: Asked only if the secret in the file is in a box.

    Raises:
        KeyFileError: It is no such file, others can use it, the passphrase is wrong, or something
            in it was changed.
    """
    head, seed = _load(path, passphrase)
    if not isinstance(head, _KeyFile) or head.party is None:
        raise KeyFileError(path, f"is the key of {_role(head)}, not of a party")
    return PartySigner(head.party, seed=seed, post=head.post, powers=head.powers or ())


def load_log_key(path: Path, *, passphrase: Passphrase | None = None) -> LogKey:
    """Read a log's key file.

    Args:
        path: The file.
        passphrase: Asked only if the secret in the file is in a box.

    Raises:
        KeyFileError: As `load_party_key`.
    """
    head, seed = _load(path, passphrase)
    if not isinstance(head, _KeyFile) or head.origin is None:
        raise KeyFileError(path, f"is the key of {_role(head)}, not of a log")
    return LogKey(head.origin, seed=seed)


def load_witness_key(path: Path, *, passphrase: Passphrase | None = None) -> WitnessKey:
    """Read a witness's key file.

    Args:
        path: The file.
        passphrase: Asked only if the secret in the file is in a box.

    Raises:
        KeyFileError: As `load_party_key`.
    """
    head, seed = _load(path, passphrase)
    if not isinstance(head, _WitnessFile):
        raise KeyFileError(path, f"is the key of {_role(head)}, not of a witness")
    return WitnessKey(head.name, seed=seed, algorithm=head.algorithm)


def read_witness_vkey(path: Path) -> VerifierKey:
    """Read from a witness's key file what it says of its public key, without its secret.

    Raises:
        KeyFileError: It is no such file, or others can use it.
    """
    head = _read(path)
    if not isinstance(head, _WitnessFile):
        raise KeyFileError(path, f"is the key of {_role(head)}, not of a witness")
    try:
        return _witness_vkey(head.name, head.algorithm, bytes.fromhex(head.key))
    except MalformedError as error:
        raise KeyFileError(path, f"has a bad public key: {error.reason}") from None


def ask_passphrase(prompt: str = "Passphrase: ") -> bytes:
    """Ask for a passphrase on the terminal, without showing it.

    Raises:
        KeyFileError: There is no terminal that can hide it, or nothing was typed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            typed = getpass.getpass(prompt)
        except (getpass.GetPassWarning, EOFError, OSError):
            raise KeyFileError("passphrase", "there is no terminal to ask on") from None
    return _checked_passphrase("passphrase", typed.encode("utf-8", "surrogateescape"))


def ask_new_passphrase() -> bytes:
    """Ask for a new passphrase twice.

    Raises:
        KeyFileError: As `ask_passphrase`, or the two differ.
    """
    first = ask_passphrase("New passphrase: ")
    if not hmac.compare_digest(first, ask_passphrase("Again: ")):
        raise KeyFileError("passphrase", "the two differ")
    return first


def read_passphrase(source: Path | int) -> bytes:
    """Read a passphrase from a file or an open file descriptor: its first line.

    Raises:
        KeyFileError: It cannot be read, is empty or too long, or others can use the file.
    """
    if isinstance(source, Path) and source.is_file():
        data = read_private(source, limit=_MAX_PASSPHRASE + 2, error=KeyFileError)
    else:
        data = _read_stream(source)
    return _checked_passphrase(str(source), data.partition(b"\n")[0].removesuffix(b"\r"))


def _read_stream(source: Path | int) -> bytes:
    """Read a pipe, such as a shell's process substitution."""
    try:
        with open(source, "rb", closefd=not isinstance(source, int)) as stream:
            return stream.read(_MAX_PASSPHRASE + 2)
    except OSError as failure:
        raise KeyFileError(source, f"cannot be read: {failure.strerror}") from None


def _checked_passphrase(source: str, passphrase: bytes) -> bytes:
    if not passphrase:
        raise KeyFileError(source, "the passphrase is empty")
    if len(passphrase) > _MAX_PASSPHRASE:
        raise KeyFileError(source, f"the passphrase is longer than {_MAX_PASSPHRASE} octets")
    return passphrase


def _scheme(seed: bytes, algorithm: Algorithm) -> tuple[Callable[[bytes], bytes], bytes]:
    """Return how the key with this seed signs, and its public key."""
    if algorithm == "ed25519":
        key = SigningKey(seed)
        return lambda message: key.sign(message).signature, bytes(key.verify_key)
    lattice = MLDSA44PrivateKey.from_seed_bytes(seed)
    return lattice.sign, lattice.public_key().public_bytes_raw()


def _witness_vkey(name: str, algorithm: Algorithm, public: bytes) -> VerifierKey:
    kind = _TYPE_BYTES[algorithm]
    key = VerifierKey(name, key_id(name=name, algorithm=kind, public=public), kind, public)
    return parse_vkey(format_vkey(key))


def _role(head: _AnyFile) -> str:
    if isinstance(head, _WitnessFile):
        return "a witness"
    return "a log" if head.party is None else "a party"


def _public_of(head: _AnyFile, seed: bytes) -> str:
    algorithm = head.algorithm if isinstance(head, _WitnessFile) else "ed25519"
    return _scheme(seed, algorithm)[1].hex()


def _save(
    path: Path, head: _AnyFile, *, seed: bytes, passphrase: bytes | None, random: Random
) -> None:
    if passphrase is None:
        file = msgspec.structs.replace(head, secret=seed.hex())
    else:
        checked = _checked_passphrase(str(path), passphrase)
        file = msgspec.structs.replace(head, box=_close(head, seed, checked, random))
    data = encode(file)
    try:
        _KEY_FILE.decode(data)  # so that nothing is written that cannot be read again
    except MalformedError as error:
        raise KeyFileError(path, f"the key has a bad {error.where}: {error.reason}") from None
    create_private(path, data + b"\n", error=KeyFileError)


def _load(path: Path, passphrase: Passphrase | None) -> tuple[_AnyFile, bytes]:
    file = _read(path)
    seed = _secret(path, file, passphrase)
    if _public_of(file, seed) != file.key:
        raise KeyFileError(path, "was changed: the secret is not that of its public key")
    return file, seed


def _read(path: Path) -> _AnyFile:
    data = read_private(path, limit=_MAX_KEY_FILE, error=KeyFileError)
    try:
        return _KEY_FILE.decode(data.removesuffix(b"\n"))
    except MalformedError as error:
        # msgspec's reason may quote what stands there: only the part is named.
        raise KeyFileError(path, f"is not a key file: {error.where[:80]} is bad") from None


def _secret(path: Path, file: _AnyFile, passphrase: Passphrase | None) -> bytes:
    if file.box is None:
        if file.secret is None:
            raise KeyFileError(path, "has no secret in it")
        return bytes.fromhex(file.secret)
    if passphrase is None:
        raise KeyFileError(path, "needs a passphrase")
    return _open(path, file, file.box, passphrase())


def _close(head: _AnyFile, seed: bytes, passphrase: bytes, random: Random) -> _Box:
    salt = random.token_bytes(argon2id.SALTBYTES)
    nonce = random.token_bytes(SecretBox.NONCE_SIZE)
    ops, mem = argon2id.OPSLIMIT_MODERATE, argon2id.MEMLIMIT_MODERATE
    key = argon2id.kdf(SecretBox.KEY_SIZE, passphrase, salt, opslimit=ops, memlimit=mem)
    boxed = SecretBox(key).encrypt(seed + _bound(head), nonce).ciphertext
    return _Box(
        kdf="argon2id13",
        opslimit=ops,
        memlimit=mem,
        salt=salt.hex(),
        nonce=nonce.hex(),
        text=boxed.hex(),
    )


def _open(path: Path, file: _AnyFile, box: _Box, passphrase: bytes) -> bytes:
    try:
        key = argon2id.kdf(
            SecretBox.KEY_SIZE,
            passphrase,
            bytes.fromhex(box.salt),
            opslimit=box.opslimit,
            memlimit=box.memlimit,
        )
        text = SecretBox(key).decrypt(bytes.fromhex(box.text), bytes.fromhex(box.nonce))
    except SodiumError:
        raise KeyFileError(path, "there is too little memory to open it") from None
    except CryptoError:
        raise KeyFileError(path, "the passphrase is wrong, or the box was changed") from None
    seed, bound = text[:_SEED_SIZE], text[_SEED_SIZE:]
    if not hmac.compare_digest(bound, _bound(file)):
        raise KeyFileError(path, "was changed: what stands beside the box is not what it closed")
    return seed


def _bound(file: _AnyFile) -> bytes:
    """Return what a box is bound to: SHA-256 of the file without its secret."""
    return hashlib.sha256(encode(msgspec.structs.replace(file, secret=None, box=None))).digest()
