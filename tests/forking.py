"""Fork proofs for tests, made apart from `ledger`: from lists of leaves, by the definitions."""

from __future__ import annotations

import copy

from tests.ledger.witnessing import prove
from tests.world import ORIGIN, World, inclusion, letter, public_hex, signing_key
from verify.fork import ForkProof, Lie, OneSize, OtherEntry, OtherPast, StepBack
from verify.merkle import root_hash
from verify.note import (
    COSIGNATURE_ED25519,
    NoteSignature,
    VerifierKey,
    cosignature_message,
    format_note,
    format_vkey,
    key_id,
    parse_note,
)
from verify.notes import log_vkey

LOG_KEY = log_vkey(ORIGIN, public_hex(signing_key("log")))
WITNESS = "witness.example/w1"


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
            .sign(cosignature_message(parsed.text, key=key, timestamp_s=time))
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
