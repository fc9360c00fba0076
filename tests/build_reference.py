"""Builds small ledgers for the tests of the second verifier, from `verify/SPEC.md` alone.

It signs and encodes by itself and checks nothing: what it is told to build may well be invalid.
All keys, nonces and salts follow from names, so that every run builds the same octets.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import nacl.bindings

__all__ = [
    "Builder",
    "Made",
    "canonical",
    "charter_event",
    "disclose",
    "event",
    "hash_leaf",
    "inclusion_proof",
    "merkle_root",
    "nonce",
    "public_key",
    "sign",
]

Object: TypeAlias = dict[str, Any]

ORIGIN = "ledger.test/one"
LOG_SEED = "log"
START = 1_700_000_000_000
ALL_POWERS = ["answer", "govern", "intake", "record", "undertake"]


def canonical(value: object) -> bytes:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode("utf-8")


def hash_leaf(octets: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + octets).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Fold neighbours level by level; an odd one out moves up as it is."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        level = [
            hashlib.sha256(b"\x01" + level[at] + level[at + 1]).digest()
            if at + 1 < len(level)
            else level[at]
            for at in range(0, len(level), 2)
        ]
    return level[0]


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    proof = []
    level, at = list(leaves), index
    while len(level) > 1:
        sibling = at ^ 1
        if sibling < len(level):
            proof.append(level[sibling])
        level = [merkle_root(level[left : left + 2]) for left in range(0, len(level), 2)]
        at //= 2
    return proof


def _secret(seed: str) -> bytes:
    return hashlib.sha256(f"seed {seed}".encode()).digest()


def public_key(seed: str) -> bytes:
    return nacl.bindings.crypto_sign_seed_keypair(_secret(seed))[0]


def sign(seed: str, message: bytes) -> bytes:
    secret = nacl.bindings.crypto_sign_seed_keypair(_secret(seed))[1]
    return nacl.bindings.crypto_sign(message, secret)[:64]


def sign_dsse(seed: str, use: str, body: bytes) -> str:
    kind = f"application/vnd.counterfoil.{use}+json"
    head = f"DSSEv1 {len(kind)} {kind} {len(body)} ".encode()
    return sign(seed, head + body).hex()


def nonce(name: str) -> str:
    return hashlib.sha256(f"nonce {name}".encode()).hexdigest()[:32]


def disclose(author: str, event_nonce: str, name: str, value: object) -> str:
    random = hashlib.sha256(f"{author} {event_nonce} {name}".encode()).hexdigest()[:32]
    array = canonical([f"{author}.{event_nonce}.{random}", name, value])
    return base64.urlsafe_b64encode(array).rstrip(b"=").decode()


def claims_of(texts: Mapping[str, str]) -> Object:
    """Return disclosures as a line of `disclosures.jsonl` has them."""
    found = {}
    for name, text in texts.items():
        salt, _, value = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        found[name] = [salt.rpartition(".")[2], value]
    return found


def digest(disclosure: str) -> str:
    return hashlib.sha256(disclosure.encode()).hexdigest()


def event(author: str, kind: str, name: str, **others: object) -> Object:
    return {"author": author, "kind": kind, "nonce": nonce(name), **others}


def charter_event(author: str = "alpha", **others: object) -> Object:
    charter = event(author, "charter/v1", "charter")
    charter |= {
        "contemporaneous_days": 7,
        "controller": author,
        "founding_key": {"key": public_key(author).hex(), "powers": ALL_POWERS},
        "log_key": public_key(LOG_SEED).hex(),
        "members": [author],
        "notice_days": 28,
        "origin": ORIGIN,
        "quorum": 0,
        "registrars": [author],
        "spec": "counterfoil/1",
        "state": "open",
        "thresholds": {"govern": 1, "recover": 1},
        "tolerance_s": 300,
        "visibility": "members",
        "waiting_days": 14,
    }
    charter |= others
    return {name: value for name, value in charter.items() if value is not None}


def make_vkey(name: str, kind: int, public: bytes) -> str:
    typed = bytes([kind]) + public
    key_id = hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4]
    return f"{name}+{key_id.hex()}+{base64.b64encode(typed).decode()}"


@dataclass
class Made:
    """One event with the disclosures of all its claims, and their files."""

    event: Object
    disclosures: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return hash_leaf(canonical(self.event)).hex()


def make(event_: Object, claims: Mapping[str, object], files: Sequence[bytes] = ()) -> Made:
    """Seal claims into an event."""
    made = {
        name: disclose(event_["author"], event_["nonce"], name, value)
        for name, value in claims.items()
    }
    if made:
        event_ = event_ | {"sealed": {name: digest(text) for name, text in made.items()}}
    return Made(event_, made, {hashlib.sha256(octets).hexdigest(): octets for octets in files})


class Builder:
    """A ledger under construction.

    Attributes:
        entries: Octets of the entries.
        disclosures: Disclosures by entry index and claim name; a test may take some away.
        files: Files by hash.
        log_seed: The seed of the log key that signs the next checkpoint.
    """

    def __init__(self, charter: Object | None = None, *, origin: str = ORIGIN) -> None:
        self.origin = origin
        self.entries: list[bytes] = []
        self.leaves: list[bytes] = []
        self.disclosures: dict[int, dict[str, str]] = {}
        self.files: dict[str, bytes] = {}
        self.notes: list[bytes] = []
        self.rules = ""
        self.now = START
        self.log_seed = LOG_SEED
        self.charter = charter if charter is not None else charter_event()
        self.submit("alpha", [Made(self.charter)])

    @property
    def fingerprint(self) -> str:
        return self.leaves[0].hex()

    @property
    def size(self) -> int:
        return len(self.entries)

    @property
    def vkey(self) -> str:
        return make_vkey(self.origin, 1, public_key(self.log_seed))

    def statement(self, author: str, made: Sequence[Made], seed: str, **others: object) -> Object:
        ledger = {"origin": self.origin}
        if self.entries:
            ledger["charter"] = self.fingerprint
        statement: Object = {
            "type": "counterfoil-submission/v1",
            "ledger": ledger,
            "author": author,
            "key": public_key(seed).hex(),
            "count": len(made),
            "root": merkle_root([bytes.fromhex(each.id) for each in made]).hex(),
            "expires": self.now + 86_400_000,
        }
        return statement | others

    def submit(
        self,
        author: str,
        made: Sequence[Made],
        *,
        seed: str | None = None,
        **others: object,
    ) -> None:
        """Append a submission, signed with the key of `seed`, or else of the author's name."""
        self.now += 1_000
        seed = seed or author
        statement = self.statement(author, made, seed, **others)
        rules = self.rules
        for position, each in enumerate(made):
            entry: Object = {
                "event": each.event,
                "index": self.size,
                "position": position,
                "recorded": self.now,
            }
            if self.entries:
                entry["prev"] = self.leaves[-1].hex()
            if position == 0:
                entry["statement"] = statement
                entry["signature"] = sign_dsse(seed, "submission", canonical(statement))
                if rules:
                    entry["rules"] = rules
            if each.disclosures:
                self.disclosures[self.size] = dict(each.disclosures)
            self.files |= each.files
            self.entries.append(canonical(entry))
            self.leaves.append(hash_leaf(self.entries[-1]))
            if each.event["kind"] in ("charter/v1", "party/v1", "key/v1", "approval/v1"):
                self.rules = self.leaves[-1].hex()

    def key_event(self, author: str, verb: str, party: str, seed: str, **others: object) -> Made:
        """Make an `enrol` or `recover` of the key of `seed`, with its proof of possession."""
        powers = others.pop("powers", ALL_POWERS)
        possession = {
            "type": "counterfoil-possession/v1",
            "ledger": {"charter": self.fingerprint, "origin": self.origin},
            "party": party,
            "key": public_key(seed).hex(),
            "powers": powers,
        }
        made = event(author, "key/v1", f"{author} {verb} {party} {seed} {self.size}")
        made |= {
            "verb": verb,
            "party": party,
            "key": public_key(seed).hex(),
            "powers": powers,
            "possession": sign_dsse(seed, "possession", canonical(possession)),
        }
        return Made(made | others)

    def checkpoint(self, size: int | None = None) -> bytes:
        size = self.size if size is None else size
        root = base64.b64encode(merkle_root(self.leaves[:size])).decode()
        text = f"{self.origin}\n{size}\n{root}\n".encode()
        key_id = bytes.fromhex(self.vkey.split("+")[1])
        line = base64.b64encode(key_id + sign(self.log_seed, text)).decode()
        return text + f"\n\u2014 {self.origin} {line}\n".encode()

    def see(self, size: int) -> Object:
        """Keep a checkpoint, and return the `seen` that names it."""
        note = self.checkpoint(size)
        if note not in self.notes:
            self.notes.append(note)
        root = merkle_root(self.leaves[:size]).hex()
        return {"note": hashlib.sha256(note).hexdigest(), "root": root, "size": size}

    def export(self, charter: Object | None = None, **manifest: object) -> dict[str, bytes]:
        """Return the files of an export; `charter` is the one in force."""
        charter = charter or self.charter
        files = {"checkpoint": self.checkpoint()}
        files |= self._tiles()
        if self.notes:
            files["checkpoints"] = self._kept_notes()
        if self.disclosures:
            files["disclosures.jsonl"] = b"".join(
                canonical({"claims": claims_of(texts), "index": index}) + b"\n"
                for index, texts in sorted(self.disclosures.items())
            )
        files |= {f"files/{name}": octets for name, octets in self.files.items()}
        files["policy"] = self._policy(charter)
        held = sum(map(len, self.disclosures.values()))
        counted: Object = {
            "type": "counterfoil-manifest/v1",
            "audience": "public",
            "disclosures": held,
            "files": len(self.files),
            "left_out": self._sealed() - held,
            "ledger": {"charter": self.fingerprint, "origin": self.origin},
            "root": merkle_root(self.leaves).hex(),
            "size": self.size,
            "spec": "counterfoil/1",
        }
        files["manifest.json"] = canonical(counted | manifest)
        return files

    def receipt(self, first: int, count: int, size: int | None = None) -> bytes:
        size = self.size if size is None else size
        entry = json.loads(self.entries[first])
        last = first + count - 1
        proof = inclusion_proof(self.leaves[:size], last)
        lines = [f"c2sp.org/tlog-proof@v1\nindex {last}\n"]
        lines += [f"{base64.b64encode(each).decode()}\n" for each in proof]
        receipt = {
            "type": "counterfoil-receipt/v1",
            "charter": self.fingerprint,
            "count": count,
            "first": first,
            "leaf": self.leaves[last].hex(),
            "proof": "".join(lines) + "\n" + self.checkpoint(size).decode(),
            "recorded": entry["recorded"],
        }
        receipt |= {name: entry[name] for name in ("prev", "rules") if name in entry}
        return canonical(receipt)

    def evidence(self, shown: Sequence[int]) -> Object:
        """Return the evidence of these entries, not yet encoded."""
        bodies = [json.loads(octets) for octets in self.entries]
        firsts = {index - bodies[index]["position"] for index in shown}
        elements = []
        for index in sorted(firsts | set(shown)):
            first = index - bodies[index]["position"]
            count = bodies[first]["statement"]["count"]
            ids = [hash_leaf(canonical(bodies[at]["event"])) for at in range(first, first + count)]
            element = {"entry": bodies[index], "shown": "yes" if index in shown else "no"}
            proof = inclusion_proof(self.leaves, index)
            if proof:
                element["proof"] = [each.hex() for each in proof]
            if index in shown and count > 1:
                path = inclusion_proof(ids, index - first)
                element["path"] = [each.hex() for each in path]
            elements.append(element)
        governing = [
            body
            for index, body in enumerate(bodies)
            if body["event"]["kind"] in ("charter/v1", "party/v1", "key/v1", "approval/v1")
            and index < max(1, *firsts)
        ]
        evidence: Object = {
            "type": "counterfoil-evidence/v1",
            "checkpoint": self.checkpoint().decode(),
            "entries": elements,
            "governance": governing,
        }
        lines = [
            {"claims": claims_of(texts), "index": index}
            for index, texts in sorted(self.disclosures.items())
            if index in shown
        ]
        if lines:
            evidence["disclosures"] = lines
        notes = [
            note.decode()
            for first in sorted(firsts)
            for note in self.notes
            if hashlib.sha256(note).hexdigest()
            == bodies[first]["statement"].get("seen", {}).get("note")
        ]
        if notes:
            evidence["notes"] = list(dict.fromkeys(notes))
        return evidence

    def _sealed(self) -> int:
        events = [json.loads(octets)["event"] for octets in self.entries]
        return sum(len(each.get("event", each).get("sealed", {})) for each in events)

    def _kept_notes(self) -> bytes:
        ordered = sorted(
            self.notes, key=lambda note: (int(note.split(b"\n")[1]), hashlib.sha256(note).digest())
        )
        return b"".join(canonical(note.decode()) + b"\n" for note in ordered)

    def _policy(self, charter: Object) -> bytes:
        log = make_vkey(self.origin, 1, bytes.fromhex(charter["log_key"]))
        return f"log {log}\nquorum none\n".encode()

    def _tiles(self) -> dict[str, bytes]:
        """Return hash tiles and bundles, for at most 256,000 entries."""
        files = {}
        for number in range(0, self.size, 256):
            some = self.entries[number : number + 256]
            path = f"{number // 256:03d}" + ("" if len(some) == 256 else f".p/{len(some)}")
            bundle = b"".join(len(entry).to_bytes(2, "big") + entry for entry in some)
            files[f"tile/entries/{path}"] = bundle
        level, hashes = 0, self.leaves
        while hashes:
            for number in range(0, len(hashes), 256):
                tile = hashes[number : number + 256]
                path = f"{number // 256:03d}" + ("" if len(tile) == 256 else f".p/{len(tile)}")
                files[f"tile/{level}/{path}"] = b"".join(tile)
            whole = len(hashes) // 256
            hashes = [merkle_root(hashes[256 * at : 256 * at + 256]) for at in range(whole)]
            level += 1
        return files
