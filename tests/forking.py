"""Fork proofs for tests, made apart from `ledger`: from lists of leaves, by the definitions."""

from __future__ import annotations

import copy
import json

from msgspec.structs import replace

from tests.damage import canonical
from tests.ledger.witnessing import prove
from tests.world import ORIGIN, World, inclusion, letter, public_hex, signing_key
from verify.fork import ForkProof, Lie, OneSize, OtherEntry, OtherPast, StepBack
from verify.merkle import root_hash
from verify.note import (
    COSIGNATURE_ED25519,
    NoteSignature,
    VerifierKey,
    format_note,
    format_vkey,
    key_id,
    parse_note,
)
from verify.notes import log_vkey

LOG_KEY = log_vkey(ORIGIN, public_hex(signing_key("log")))
WITNESS = "witness.example/w1"
NO_HASH = "00" * 32


def one_world() -> World:
    """Return a ledger of eight entries."""
    world = World().found()
    world.enrol("southfold")
    world.join("southfold")
    world.submit(letter("northmere"), letter("northmere"))
    for _ in range(3):
        world.submit(letter("southfold"))
    return world


def forked(world: World, *, at: int, more: int = 1) -> World:
    """Return a ledger that tells another story from entry `at` on."""
    other = copy.deepcopy(world)
    del other.entries[at:]
    other.disclosures = {i: texts for i, texts in other.disclosures.items() if i < at}
    for _ in range(more):
        other.submit(letter("northmere"))
    return other


def proof_of_fork(one: bytes, other: bytes, lie: Lie, world: World | None = None) -> ForkProof:
    """Return a proof with these checkpoints, whether or not it holds."""
    return ForkProof(
        checkpoints=(one.decode(), other.decode()),
        lie=lie,
        log_keys=(format_vkey(LOG_KEY),),
        charter=None if world is None else world.entries[0].decode(),
    )


def one_size(world: World, other: World, size: int) -> ForkProof:
    """Return the proof that both signed a tree of one size."""
    one, two = sorted((world, other), key=lambda each: each.root(size))
    return proof_of_fork(one.note(size), two.note(size), OneSize(), world)


def other_past(smaller: World, size: int, larger: World, to: int | None = None) -> ForkProof:
    """Return the proof that the larger ledger does not begin with the smaller one."""
    leaves = larger.leaves[:to]
    lie = OtherPast(
        past=root_hash(leaves[:size]).hex(),
        proof=tuple(each.hex() for each in prove(size, leaves)),
    )
    return proof_of_fork(smaller.note(size), larger.note(to), lie, larger)


def other_entry(world: World, other: World, index: int) -> ForkProof:
    """Return the proof that the two have different entries at an index."""
    proofs = [tuple(h.hex() for h in inclusion(w.leaves, index)) for w in (world, other)]
    lie = OtherEntry(
        index=index,
        leaves=(world.leaves[index].hex(), other.leaves[index].hex()),
        proofs=(proofs[0], proofs[1]),
    )
    return proof_of_fork(world.note(), other.note(), lie, world)


def witness_key(name: str = WITNESS) -> VerifierKey:
    """Return the verifier key of a witness."""
    public = bytes(signing_key(name).verify_key)
    identity = key_id(name=name, algorithm=COSIGNATURE_ED25519, public=public)
    return VerifierKey(name, identity, COSIGNATURE_ED25519, public)


def cosigned(note: bytes, *times_s: int, name: str = WITNESS) -> bytes:
    """Return a note with a witness's cosignatures of these times."""
    parsed, key = parse_note(note), witness_key(name)
    lines = [
        NoteSignature(
            name,
            key.key_id,
            time.to_bytes(8, "big")
            + signing_key(name)
            .sign(b"cosignature/v1\ntime %d\n%b" % (time, parsed.text))
            .signature,
        )
        for time in times_s
    ]
    return format_note(parsed.text, [*parsed.signatures, *lines])


def step_back(world: World, *, small: int, after: int, before: int) -> ForkProof:
    """Return the proof that a witness cosigned a smaller tree after a larger one."""
    return proof_of_fork(
        cosigned(world.note(small), after),
        cosigned(world.note(), before),
        StepBack(witness=format_vkey(witness_key())),
        world,
    )


TRUE = ("one-size", "other-past", "other-entry", "step-back")


def true_proofs(world: World, other: World) -> dict[str, ForkProof]:
    """Return a proof of each kind, of two ledgers that part at entry 5."""
    return {
        "one-size": one_size(world, other, 8),
        "other-past": other_past(world, 7, other),
        "other-entry": other_entry(world, other, 6),
        "step-back": step_back(world, small=5, after=2000, before=1000),
    }


def _other_log(world: World, name: str) -> World:
    other = forked(world, at=5, more=6)
    other.log = signing_key(name)
    return other


def _with_size(world: World, size: str) -> bytes:
    """Return a note with another size, which the log signed."""
    origin, _, root, *_ = world.note().decode().split("\n")
    text = f"{origin}\n{size}\n{root}\n".encode()
    line = NoteSignature(ORIGIN, LOG_KEY.key_id, world.log.sign(text).signature)
    return format_note(text, [line])


def _charter_with(world: World, **changes: object) -> str:
    """Return entry 0 with some fields changed, or left out."""
    fields = {**json.loads(world.entries[0]), **changes}
    return canonical({k: v for k, v in fields.items() if v is not None}).decode()


def false_proofs(world: World, other: World) -> dict[str, ForkProof]:
    """Return proofs that convict nobody, by what is wrong with each."""
    true = true_proofs(world, other)
    size, past, entry, back = (true[kind] for kind in TRUE)
    return {
    "the same checkpoint twice": replace(size, checkpoints=(size.checkpoints[0],) * 2),
    "root hashes that descend": replace(size, checkpoints=size.checkpoints[::-1]),
    "two sizes as one": replace(past, lie=OneSize()),
    "a prefix as none": other_past(world, 5, other),
    "a proof that fails": replace(
        past, lie=replace(past.lie, past=bytes(32).hex())
    ),
    "a proof with a hash too many": replace(
        past, lie=replace(past.lie, proof=(*past.lie.proof, "00" * 32))  # type: ignore[union-attr]  # it is one
    ),
    "sizes that descend": replace(past, checkpoints=past.checkpoints[::-1]),
    "sizes that are equal": replace(size, lie=past.lie),
    "an entry that both have": other_entry(world, other, 4),
    "an entry that the first tree has not": replace(
        entry, lie=replace(entry.lie, leaves=("00" * 32, other.leaves[6].hex()))
    ),
    "an entry that the second tree has not": replace(
        entry, lie=replace(entry.lie, leaves=(world.leaves[6].hex(), "00" * 32))
    ),
    "an index that one tree has not": replace(
        entry, lie=replace(entry.lie, index=8)
    ),
    "a cut tail, which any old checkpoint looks like": other_past(world, 5, world),
    "a checkpoint by another key": one_size(world, _other_log(world, "thief"), 8),
    "a log key that did not sign": replace(
        size, log_keys=(format_vkey(log_vkey(ORIGIN, public_hex(signing_key("x")))),)
    ),
    "a witness's key as the log's": replace(size, log_keys=(format_vkey(witness_key()),)),
    "a witness's key as the log's, that cosigned both": replace(
        size,
        checkpoints=tuple(cosigned(note.encode(), 1000).decode() for note in size.checkpoints),
        log_keys=(format_vkey(witness_key()),),
    ),
    "no verifier key": replace(size, log_keys=("x",)),
    "no note": replace(size, checkpoints=("x", "y")),
    "a charter of another log": replace(
        size, charter=World().found(origin="ledger.example/x").entries[0].decode()
    ),
    "a charter with another log key": replace(
        size,
        charter=World().found(log_key=public_hex(signing_key("x"))).entries[0].decode(),
    ),
    "an entry that is no charter": replace(size, charter=world.entries[1].decode()),
    "a witness that cosigned both at once": step_back(world, small=5, after=1000, before=1000),
    "a witness that cosigned as they grew": step_back(world, small=5, after=999, before=1000),
    "a step back to the same size": step_back(world, small=8, after=2000, before=1000),
    "a witness that cosigned neither": replace(
        back, lie=StepBack(witness=format_vkey(witness_key("witness.example/w2")))
    ),
    "a witness that is a log": replace(back, lie=StepBack(witness=format_vkey(LOG_KEY))),
    "a witness without a key": replace(back, lie=StepBack(witness="w1+00000000+")),
    "a witness one of whose lines is not valid": replace(
        back,
        checkpoints=(back.checkpoints[0], cosigned(back.checkpoints[1].encode(), 0).decode()),
    ),
    "a cosignature of no time": step_back(world, small=5, after=1000, before=0),
    "a cosignature later than time goes": step_back(world, small=5, after=2**63, before=1000),
    "a size in other digits": proof_of_fork(
        _with_size(world, "8\u00b2"), size.checkpoints[1].encode(), OneSize(), world
    ),
    "an entry 0 that nobody signed": replace(
        size, charter=_charter_with(world, statement=None, signature=None)
    ),
    "an entry 0 in the midst of a submission": replace(
        size, charter=_charter_with(world, statement=None, signature=None, position=1)
    ),
    "an entry 0 that follows another": replace(
        size, charter=_charter_with(world, prev=NO_HASH)
    ),
}  # fmt: skip
