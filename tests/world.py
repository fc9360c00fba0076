"""A world of parties and a ledger in memory, for tests: attacks are ordinary edits of it.

Written for clearness, with no storage and no sequencer: it keeps lists, and makes trees from
leaves each time it is asked. What it makes is valid unless a test breaks it.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

import msgspec
from nacl.signing import SigningKey

from verify.checkpoint import Checkpoint, format_checkpoint
from verify.claims import File, Opened, parse_disclosure
from verify.codec import encode
from verify.contents import Manifest, format_charter_policy
from verify.entry import SignedStatement, format_entry, parse_entry
from verify.errors import VerifyError
from verify.events import event_id, parse_event
from verify.kinds import (
    Artefact,
    Charter,
    Communication,
    Date,
    Event,
    FoundingKey,
    Key,
    Membership,
    Opening,
    Thresholds,
    Witness,
)
from verify.merkle import leaf_hash, root_hash
from verify.note import (
    COSIGNATURE_ED25519,
    Cosignature,
    NoteSignature,
    VerifierKey,
    cosignature_message,
    format_cosignature,
    format_note,
    format_vkey,
    key_id,
    parse_note,
)
from verify.notes import log_vkey
from verify.proof import Proof, format_proof
from verify.receipt import Receipt, format_receipt
from verify.submission import (
    POSSESSION,
    SUBMISSION,
    Document,
    LedgerName,
    Possession,
    Seen,
    Statement,
    pae,
    sealing_event,
)
from verify.tiles import bundles_of, entries_path, format_bundle, tile_path, tiles_of

ORIGIN = "ledger.example/two-councils"
T0 = 1_760_000_000_000
DAY_MS = 86_400_000

Value = str | File
_series = {"": count(1)}


def restart(series: str) -> None:
    """Let `fresh` begin a series of its own, so that what is made next is the same each time."""
    _series.clear()
    _series[series] = count(1)


def fresh(digits: int) -> str:
    """Return hex digits that no test has had before: deterministic in place of random."""
    ((series, numbers),) = _series.items()
    return hashlib.sha256(f"fresh {series} {next(numbers)}".encode()).hexdigest()[:digits]


def signing_key(name: str) -> SigningKey:
    """Return the private key that belongs to a name."""
    return SigningKey(hashlib.sha256(name.encode()).digest())


def public_hex(key: SigningKey) -> str:
    """Return a private key's public key in hex."""
    return bytes(key.verify_key).hex()


def witness(name: str) -> Witness:
    """Return the witness of a name, as a charter names it."""
    key = public_hex(signing_key(name))
    return Witness(algorithm="ed25519", key=key, name=f"{name}.example")


def witness_key(name: str) -> VerifierKey:
    """Return the verifier key of the witness of a name."""
    one = witness(name)
    public = bytes.fromhex(one.key)
    identity = key_id(name=one.name, algorithm=COSIGNATURE_ED25519, public=public)
    return VerifierKey(one.name, identity, COSIGNATURE_ED25519, public)


def cosign(note: bytes, *times: tuple[str, int]) -> bytes:
    """Return a note with a cosignature of each witness named, at that time in seconds."""
    text, lines = parse_note(note)
    for name, at_s in times:
        key = witness_key(name)
        message = cosignature_message(text, key=key, timestamp_s=at_s)
        signed = Cosignature(at_s, signing_key(name).sign(message).signature)
        payload = format_cosignature(signed, algorithm=key.algorithm)
        lines = (*lines, NoteSignature(key.name, key.key_id, payload))
    return format_note(text, lines)


def policy(*rest: str, names: Sequence[str] = ("w1", "w2", "w3"), log: str = "log") -> bytes:
    """Return a policy of the log and these witnesses; `rest` are its groups and its quorum."""
    vkey = format_vkey(log_vkey(ORIGIN, public_hex(signing_key(log))))
    witnesses = [f"witness {name} {format_vkey(witness_key(name))}" for name in names]
    return "".join(f"{line}\n" for line in (f"log {vkey}", *witnesses, *rest)).encode()


def disclose(author: str, nonce: str, name: str, value: Value) -> str:
    """Return a disclosure with a fresh salt."""
    data = encode((f"{author}.{nonce}.{fresh(32)}", name, value))
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def claims_of(disclosures: Sequence[str]) -> dict[str, Opened]:
    """Return disclosures as a line of `disclosures.jsonl` has them."""
    opened = [parse_disclosure(text) for text in disclosures]
    return {one.name: Opened(one.salt[-32:], one.value) for one in opened}


def file_of(content: bytes, name: str = "letter.pdf") -> File:
    """Return the file object of some octets."""
    return File(
        media_type="application/pdf",
        name=name,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
    )


@dataclass
class Said:
    """An event with the disclosures of its claims."""

    event: Event
    disclosures: tuple[str, ...] = ()
    kept_back: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> bytes:
        return encode(self.event)

    @property
    def id(self) -> str:
        return event_id(self.data).hex()


def say(
    kind: type[Event], author: str, claims: Mapping[str, Value] | None = None, **fields: object
) -> Said:
    """Return an event of `kind` that seals `claims`."""
    nonce = fresh(32)
    opened = {n: disclose(author, nonce, n, v) for n, v in sorted((claims or {}).items())}
    sealed = {n: hashlib.sha256(t.encode()).hexdigest() for n, t in opened.items()}
    event = kind(author=author, nonce=nonce, sealed=sealed or None, **fields)  # type: ignore[arg-type]  # any field of any kind
    withheld = event.withheld or ()
    shown = tuple(text for name, text in opened.items() if name not in withheld)
    return Said(event, shown, {name: opened[name] for name in withheld if name in opened})


def letter(author: str, text: str = "Dear Sir or Madam", **fields: object) -> Said:
    """Return a letter, with four claims."""
    claims = {"title": "A letter", "text": text, "person.1": "A. Clerk", "phrase_sent": "in spring"}
    sent = {"sent": Date(basis="stated", edtf="2026-03-06")}
    return say(
        Communication, author, claims, channel="letter", from_=(author,), dates=sent, **fields
    )


def founding_charter(founder: str, **changes: object) -> Said:
    """Return the charter of entry 0, two-party by default."""
    fields: dict[str, object] = {
        "contemporaneous_days": 7,
        "controller": founder,
        "founding_key": FoundingKey(
            key=public_hex(signing_key(founder)),
            powers=("answer", "govern", "record", "undertake"),
        ),
        "log_key": public_hex(signing_key("log")),
        "members": tuple(sorted({founder, "southfold"})),
        "notice_days": 28,
        "origin": ORIGIN,
        "quorum": 0,
        "registrars": (founder,),
        "spec": "counterfoil/1",
        "state": "open",
        "thresholds": Thresholds(govern=1, recover=1),
        "tolerance_s": 300,
        "visibility": "members",
        "waiting_days": 14,
    }
    return say(Charter, founder, None, **{**fields, **changes})


@dataclass
class World:
    """A ledger, with everything in memory."""

    entries: list[bytes] = field(default_factory=list)
    disclosures: dict[int, tuple[str, ...]] = field(default_factory=dict)
    kept_back: dict[str, tuple[int, Mapping[str, str]]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    notes: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    log: SigningKey = field(default_factory=lambda: signing_key("log"))
    log_keys: list[tuple[int, SigningKey]] = field(default_factory=list)
    charter: Charter | None = None
    rules: str | None = None
    now: int = T0
    submissions: list[tuple[int, int]] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.entries)

    @property
    def leaves(self) -> list[bytes]:
        return [leaf_hash(entry) for entry in self.entries]

    @property
    def fingerprint(self) -> str | None:
        return leaf_hash(self.entries[0]).hex() if self.entries else None

    @property
    def ledger(self) -> LedgerName:
        return LedgerName(origin=ORIGIN, charter=self.fingerprint)

    def found(self, founder: str = "northmere", **changes: object) -> "World":
        """Record entry 0."""
        self.submit(founding_charter(founder, **changes))
        return self

    def root(self, size: int) -> bytes:
        """Return the root hash of the first `size` entries."""
        return root_hash(self.leaves[:size])

    def note(self, size: int | None = None) -> bytes:
        """Return the signed checkpoint of a size, of today's by default."""
        size = self.size if size is None else size
        root = self.root(size)
        text = format_checkpoint(Checkpoint(origin=ORIGIN, size=size, root=root))
        log = self.log_at(size)
        key = log_vkey(ORIGIN, public_hex(log))
        line = NoteSignature(ORIGIN, key.key_id, log.sign(text).signature)
        return format_note(text, [line])

    def log_at(self, size: int) -> SigningKey:
        """Return the key that signs checkpoints of `size` entries."""
        return next((key for start, key in reversed(self.log_keys) if start <= size), self.log)

    def cosigned(self, size: int | None = None, name: str = "witness.example/w1") -> bytes:
        """Return the signed checkpoint of a size with a line by another key."""
        witness = signing_key(name)
        identity = key_id(name=name, algorithm=4, public=bytes(witness.verify_key))
        line = NoteSignature(name, identity, bytes(8) + witness.sign(b"?").signature)
        note = parse_note(self.note(size))
        return format_note(note.text, [*note.signatures, line])

    def seen(self, size: int | None = None) -> tuple[Seen, bytes]:
        """Return what a party says it saw, and the note."""
        size = self.size if size is None else size
        note = self.note(size)
        root = self.root(size).hex()
        return Seen(note=hashlib.sha256(note).hexdigest(), root=root, size=size), note

    def sign(
        self,
        said: Sequence[Said],
        *,
        key: SigningKey | None = None,
        seen: Seen | None = None,
        **changes: object,
    ) -> SignedStatement:
        """Sign a statement over events, with any field changed."""
        author = said[0].event.author
        key = key or signing_key(author)
        fields: dict[str, object] = {
            "ledger": self.ledger,
            "author": author,
            "key": public_hex(key),
            "count": len(said),
            "root": root_hash([bytes.fromhex(s.id) for s in said]).hex(),
            "expires": self.now + DAY_MS,
            "seen": seen,
        }
        statement = Statement(**{**fields, **changes})  # type: ignore[arg-type]  # any field
        return SignedStatement(statement, key.sign(pae(SUBMISSION, encode(statement))).signature)

    def document(self, *said: Said, see: bool = False, **changes: object) -> bytes:
        """Return the document of a submission."""
        seen, note = self.seen() if see else (None, None)
        statement, signature = self.sign(said, seen=seen, **changes)  # type: ignore[arg-type]  # any field
        return encode(
            Document(
                statement=statement,
                signature=signature.hex(),
                events=tuple(msgspec.Raw(s.data) for s in said),
                disclosures=tuple(s.disclosures for s in said),
                note=None if note is None else note.decode(),
            )
        )

    def submit(self, *said: Said, see: bool = False, **changes: object) -> int:
        """Append a submission, without asking whether it is allowed. Returns its first index."""
        if see:
            seen, note = self.seen()
            self.keep(note)
            changes["seen"] = seen
        signed = self.sign(said, **changes)  # type: ignore[arg-type]  # any field
        return self.append(said, signed)

    def change_log_key(self) -> None:
        """Amend the founding charter, so that another log key signs from there on."""
        assert self.charter is not None
        key = signing_key("another log key")
        founded = event_id(bytes(parse_entry(self.entries[0]).event)).hex()
        self.charter = msgspec.structs.replace(
            self.charter, amends=founded, founding_key=None, log_key=public_hex(key),
            nonce="a" * 32,
        )  # fmt: skip
        self.submit(Said(self.charter))
        self.log_keys.append((self.size, key))

    def append(self, said: Sequence[Said], signed: SignedStatement) -> int:
        """Append events under a statement, whatever it says."""
        first = self.size
        for position, one in enumerate(said):
            index = self.size
            entry = format_entry(
                one.data,
                index=index,
                position=position,
                recorded=self.now,
                prev=leaf_hash(self.entries[-1]).hex() if index else None,
                rules=None if position else self.rules,
                signed=None if position else signed,
            )
            self.entries.append(entry)
            if one.disclosures:
                self.disclosures[index] = one.disclosures
            event = one.event
            owner = event_id(encode(sealing_event(event))).hex()
            self.kept_back[owner] = (index, one.kept_back)
            if isinstance(event, Opening) and event.names is not None:
                self.hand_over(event.of, event.names)
            if isinstance(event, Charter) and self.charter is None:
                self.charter = event
            if sealing_event(event).__class__.__name__ in {
                "Charter", "Membership", "Key", "Approval"
            }:  # fmt: skip
                self.rules = leaf_hash(entry).hex()
        self.submissions.append((first, len(said)))
        self.now += 1000
        return first

    def hand_over(self, of: str, names: Sequence[str]) -> None:
        """Open claims that an event kept back, as far as it did."""
        index, texts = self.kept_back.get(of, (0, {}))
        new = [texts[name] for name in names if name in texts]
        if new:
            opened = [*self.disclosures.get(index, ()), *new]
            opened.sort(key=lambda text: parse_disclosure(text).name)
            self.disclosures[index] = tuple(dict.fromkeys(opened))

    def keep(self, note: bytes) -> None:
        """Keep a note."""
        size = int(note.split(b"\n")[1])
        self.notes[hashlib.sha256(note).hexdigest()] = (size, note)

    def enrol(
        self,
        party: str,
        *,
        powers: Sequence[str] = ("answer", "govern", "record", "undertake"),
        by: str = "northmere",
        key: SigningKey | None = None,
        **fields: object,
    ) -> int:
        """Enrol a party's key."""
        said = self.enrolment(party, powers=powers, by=by, key=key, **fields)  # type: ignore[arg-type]  # any field
        return self.submit(said)

    def enrolment(
        self,
        party: str,
        *,
        powers: Sequence[str] = ("answer", "govern", "record", "undertake"),
        by: str = "northmere",
        key: SigningKey | None = None,
        verb: str = "enrol",
        **fields: object,
    ) -> Said:
        """Return the event that enrols a party's key, with its proof of possession."""
        key = key or signing_key(party)
        possession = Possession(
            ledger=self.ledger,
            party=party,
            key=public_hex(key),
            powers=tuple(powers),  # type: ignore[arg-type]  # words
        )
        signature = key.sign(pae(POSSESSION, encode(possession))).signature.hex()
        return say(
            Key, by, None, verb=verb, party=party, key=public_hex(key), powers=tuple(powers),
            possession=signature, **fields,
        )  # fmt: skip

    def join(self, party: str) -> int:
        """Let a party join."""
        return self.submit(say(Membership, party, None, verb="join", charter=self.fingerprint))

    def file(self, author: str, content: bytes) -> Said:
        """Return an artefact with a file, which is kept."""
        file = file_of(content)
        self.files[file.sha256] = content
        return say(Artefact, author, {"file.1": file, "title": "A file"}, type="letter")

    def export(self, *, audience: str = "public") -> dict[str, bytes]:
        """Return an export: what each path holds."""
        leaves = self.leaves
        out = {"checkpoint": self.note()}
        levels = [leaves]
        while len(levels[-1]) >= 256:
            last = levels[-1]
            starts = range(0, len(last) // 256 * 256, 256)
            levels.append([root_hash(last[start : start + 256]) for start in starts])
        for tile in tiles_of(self.size):
            start = tile.number * 256
            path = tile_path(level=tile.level, number=tile.number, width=tile.width)
            out[path] = b"".join(levels[tile.level][start : start + tile.width])
        for bundle in bundles_of(self.size):
            start = bundle.number * 256
            path = entries_path(number=bundle.number, width=bundle.width)
            out[path] = format_bundle(self.entries[start : start + bundle.width])
        lines = [
            encode({"claims": claims_of(texts), "index": index}) + b"\n"
            for index, texts in sorted(self.disclosures.items())
        ]
        if lines:
            out["disclosures.jsonl"] = b"".join(lines)
        kept = sorted((size, digest, note) for digest, (size, note) in self.notes.items())
        if kept:
            out["checkpoints"] = b"".join(encode(note.decode()) + b"\n" for _, _, note in kept)
        out |= {f"files/{name}": content for name, content in self.files.items()}
        out |= self.around(audience)
        return out

    def around(self, audience: str = "public") -> dict[str, bytes]:
        """Return the manifest and the policy."""
        assert self.charter is not None
        sealed = sum(map(_sealed_in, self.entries))
        opened = sum(map(len, self.disclosures.values()))
        manifest = Manifest(
            audience=audience,
            disclosures=opened,
            files=len(self.files),
            left_out=sealed - opened,
            ledger=self.ledger,
            root=self.root(self.size).hex(),
            size=self.size,
            spec="counterfoil/1",
        )
        try:
            policy = format_charter_policy(self.charter)
        except VerifyError:  # a test broke the charter
            policy = b"quorum none\n"
        return {"manifest.json": encode(manifest), "policy": policy}

    def events(self) -> list[Event]:
        """Return every event."""
        return [parse_event(parse_entry(entry).event) for entry in self.entries]

    def receipt(self, first: int, count: int) -> bytes:
        """Return the receipt of a submission."""
        entry = parse_entry(self.entries[first])
        last = first + count - 1
        proof = Proof(
            index=last, hashes=inclusion(self.leaves, last), checkpoint=self.note(), extra=None
        )
        return format_receipt(
            Receipt(
                charter=self.fingerprint or "",
                count=count,
                first=first,
                leaf=self.leaves[last].hex(),
                proof=format_proof(proof).decode(),
                recorded=entry.recorded,
                prev=entry.prev,
                rules=entry.rules,
            )
        )


def inclusion(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Return an inclusion proof, as RFC 6962 section 2.1.1 reads."""
    if len(leaves) == 1:
        return ()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if index < half:
        return (*inclusion(leaves[:half], index), root_hash(leaves[half:]))
    return (*inclusion(leaves[half:], index - half), root_hash(leaves[:half]))


def _sealed_in(entry: bytes) -> int:
    """Return how many claims an entry seals; 0 where a test broke it."""
    try:
        return len(sealing_event(parse_event(parse_entry(entry).event)).sealed or {})
    except VerifyError:
        return 0


__all__ = [name for name in dir() if not name.startswith("_")]
