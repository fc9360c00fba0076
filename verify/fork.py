"""Fork proofs: one file that shows a third party that who keeps a log lied (SPEC section 10.3).

Two checkpoints that cannot both be true, as they were signed, and what shows that they cannot:

    one-size      their sizes are equal and their root hashes are not
    other-past    the larger tree, by its own consistency proof, had another root hash at the
                  smaller size
    other-entry   each tree, by an inclusion proof, has an entry at the same index, and not the same
    step-back     a witness cosigned the larger one first, and the smaller one later

The first three convict who held the log's key, the last one a witness. A proof that *fails* is
never among them: anybody can make one. What holds here leads to hashes that were signed, and so
cannot be made without the key, whoever makes the file.

Making such files is `ledger`'s.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, TypeAlias

import msgspec

from verify.brackets import format_time_s
from verify.checkpoint import Checkpoint, parse_signed
from verify.checks import Check
from verify.codec import Decoder, Hash, Index, Wire, encode
from verify.entry import check_parts, parse_entry
from verify.errors import MalformedError, ProofError, RuleError, SignatureError, VerifyError
from verify.events import parse_event
from verify.kinds import Charter
from verify.merkle import EMPTY_ROOT, check_consistency, check_inclusion, leaf_hash
from verify.note import (
    ED25519,
    Note,
    VerifierKey,
    check_cosignature,
    check_note,
    format_vkey,
    parse_vkey,
)
from verify.policy import Policy
from verify.proof import MAX_HASHES
from verify.report import Finding

__all__ = [
    "MAX_FORK",
    "CheckedFork",
    "ForkAnchors",
    "ForkProof",
    "ForkReport",
    "Lie",
    "OneSize",
    "OtherEntry",
    "OtherPast",
    "StepBack",
    "audit_fork",
    "check_fork",
    "format_fork",
    "is_fork_proof",
    "parse_fork",
]

MAX_FORK = 1 << 20
"""Octets: two notes of 128 KiB, of which each octet may take two, an entry, and proofs."""

_MARK = b'"counterfoil-fork/v1"'
_TAIL = 64  # octets at the end that hold the type, which sorts last, and a line end of an editor

_Vkey = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
_Text = Annotated[str, msgspec.Meta(min_length=1)]
_Hashes = Annotated[tuple[Hash, ...], msgspec.Meta(max_length=MAX_HASHES)]


class _Lie(Wire, frozen=True, kw_only=True, tag_field="kind"):
    """What makes the two checkpoints a lie."""


class OneSize(_Lie, frozen=True, kw_only=True, tag="one-size"):
    """Their sizes are equal, and their root hashes, which ascend, are not."""


class OtherPast(_Lie, frozen=True, kw_only=True, tag="other-past"):
    """The larger tree does not begin with the smaller one.

    Attributes:
        past: The root hash that the larger tree had at the smaller size.
        proof: Consistency proof from there to the larger tree.
    """

    past: Hash
    proof: Annotated[_Hashes, msgspec.Meta(min_length=1)]


class OtherEntry(_Lie, frozen=True, kw_only=True, tag="other-entry"):
    """The two trees have different entries at one index.

    Attributes:
        index: The index.
        leaves: The leaf hash there in either tree.
        proofs: Inclusion proof in either tree.
    """

    index: Index
    leaves: tuple[Hash, Hash]
    proofs: tuple[_Hashes, _Hashes]


class StepBack(_Lie, frozen=True, kw_only=True, tag="step-back"):
    """A witness signed that the smaller tree is the largest it saw, after it saw the larger one.

    Attributes:
        witness: The witness's verifier key.
    """

    witness: _Vkey


Lie: TypeAlias = OneSize | OtherPast | OtherEntry | StepBack


class ForkProof(Wire, frozen=True, kw_only=True, tag_field="type", tag="counterfoil-fork/v1"):
    """A fork proof.

    Attributes:
        checkpoints: The texts of two signed notes, all lines included, the smaller one first.
        lie: Why they cannot both be true.
        log_keys: The verifier key that signed both; or the first's and the second's.
        charter: The text of entry 0, by which a fingerprint vouches for the log's first key.
    """

    checkpoints: tuple[_Text, _Text]
    lie: Lie
    log_keys: Annotated[tuple[_Vkey, ...], msgspec.Meta(min_length=1, max_length=2)]
    charter: _Text | None = None

    def __post_init__(self) -> None:
        """Check that no key is there twice."""
        if len(set(self.log_keys)) != len(self.log_keys):
            raise ValueError("log_keys: the same key twice")


_FORK = Decoder(ForkProof, name="fork")


def is_fork_proof(data: bytes) -> bool:
    """Tell whether a file says that it is a fork proof."""
    return _MARK in data[-_TAIL:]


def parse_fork(data: bytes) -> ForkProof:
    """Read a fork proof. Nothing in it is checked but its schema.

    Raises:
        RuleError: With check `fork`: too long, not canonical, or not of the schema.

    Source: SPEC section 10.3.
    """
    if len(data) > MAX_FORK:
        raise _wrong("fork", f"is longer than {MAX_FORK} octets")
    try:
        return _FORK.decode(data)
    except MalformedError as error:
        raise _wrong(error.where, error.reason) from None


def format_fork(proof: ForkProof) -> bytes:
    """Write a fork proof, after it was checked: a false one is never written.

    Raises:
        RuleError: With check `fork`: it convicts nobody.
    """
    data = encode(proof)
    check_fork(parse_fork(data))
    return data


class ForkAnchors(msgspec.Struct, frozen=True):
    """What the reader holds from elsewhere, and so what makes an accusation one of somebody.

    Attributes:
        log_key: The log's verifier key.
        fingerprint: Leaf hash of entry 0, in hex.
        policy: Logs and witnesses that the reader knows.
    """

    log_key: VerifierKey | None = None
    fingerprint: str | None = None
    policy: Policy | None = None


class ForkReport(msgspec.Struct, frozen=True):
    """What a fork proof comes to.

    Attributes:
        verdict: `proven`: it holds, and what the reader supplied says whose keys these are.
            `self-consistent`: it holds for keys that nobody vouches for. `invalid`: it convicts
            nobody, or it is about another log than the reader's.
        kind: Of the lie, if the file could be read.
        origin: The log's name, if it could be read.
        accused: Verifier keys of those whose lie it is; empty where nothing is shown.
        checkpoints: (size, root hash in hex) of both.
        shows: What is shown, in sentences.
        anchors: What the reader supplied and agrees, in words.
        findings: What is wrong.
        not_shown: What it does not show, in words.
    """

    verdict: Literal["proven", "self-consistent", "invalid"]
    kind: str | None = None
    origin: str | None = None
    accused: tuple[str, ...] = ()
    checkpoints: tuple[tuple[int, str], ...] = ()
    shows: tuple[str, ...] = ()
    anchors: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    not_shown: tuple[str, ...] = ()


class CheckedFork(msgspec.Struct, frozen=True):
    """A fork proof that holds.

    Attributes:
        notes: Both checkpoints, read, with their signature lines.
        log_keys: As in the proof.
        charter: Entry 0's leaf hash in hex, and the log's first key by it.
        witness: The witness whose lie it is; None where it is the log's.
    """

    notes: tuple[tuple[Checkpoint, Note], tuple[Checkpoint, Note]]
    log_keys: tuple[VerifierKey, ...]
    charter: tuple[str, VerifierKey] | None
    witness: VerifierKey | None

    @property
    def accused(self) -> tuple[VerifierKey, ...]:
        """Those whose lie it is."""
        return self.log_keys if self.witness is None else (self.witness,)


def check_fork(proof: ForkProof) -> CheckedFork:
    """Check that a fork proof convicts the keys that it names, whoever made it.

    Raises:
        RuleError: With check `fork`: it does not.

    Source: SPEC section 10.3.
    """
    try:
        keys = tuple(map(parse_vkey, proof.log_keys))
        first, second = (
            _signed(text, key, f"checkpoints[{number}]")
            for number, (text, key) in enumerate(
                zip(proof.checkpoints, (keys[0], keys[-1]), strict=True)
            )
        )
        one, other = first[0], second[0]
        if one.origin != other.origin:
            raise _wrong("checkpoints", "are of two logs", one.origin, other.origin)
        witness = _check_lie(proof.lie, first, second)
        charter = None
        if proof.charter is not None:
            charter = _charter(proof.charter.encode(), one.origin, keys)
    except RuleError as error:  # of entry 0, or ours
        raise _wrong(error.where, error.reason, error.expected, error.found) from None
    except (MalformedError, ProofError, SignatureError) as error:
        raise _wrong("fork", str(error)) from None
    return CheckedFork((first, second), keys, charter, witness)


def audit_fork(data: bytes, *, anchors: ForkAnchors) -> ForkReport:
    """Check a fork proof and whose lie it is, by what the reader holds.

    Source: SPEC sections 10.3 and 12.
    """
    try:
        proof = parse_fork(data)
        checked = check_fork(proof)
    except RuleError as error:
        return ForkReport("invalid", findings=(Finding.of(error),))
    origin = checked.notes[0][0].origin
    heads = tuple((each.size, each.root.hex()) for each, _ in checked.notes)
    kind = str(proof.lie.__struct_config__.tag)
    try:
        agreed, vouched = _vouch(checked, anchors)
    except RuleError as error:
        return ForkReport(
            "invalid", kind=kind, origin=origin, checkpoints=heads, findings=(Finding.of(error),)
        )
    return ForkReport(
        "proven" if vouched else "self-consistent",
        kind=kind,
        origin=origin,
        accused=tuple(map(format_vkey, checked.accused)),
        checkpoints=heads,
        shows=(_said(proof.lie, heads), *_cosigned(checked, anchors.policy)),
        anchors=tuple(agreed),
        not_shown=_NOT_SHOWN if checked.witness is None else _NOT_SHOWN_OF_WITNESS,
    )


# Whether it holds


def _signed(text: str, key: VerifierKey, where: str) -> tuple[Checkpoint, Note]:
    """Read a checkpoint that the key signed, and any tree may have."""
    try:
        checkpoint, note = parse_signed(text.encode())
    except UnicodeEncodeError:
        raise _wrong(where, "is not UTF-8") from None
    if key.algorithm != ED25519:
        raise _wrong(where, "is to be signed by the key of a witness, not of a log")
    check_note(note, key=key)
    if checkpoint.size == 0:
        # Whoever signs a wrong root of nothing is mistaken, and has hidden nothing.
        raise _wrong(where, "is of an empty log", EMPTY_ROOT.hex(), checkpoint.root.hex())
    return checkpoint, note


def _check_lie(
    lie: Lie, first: tuple[Checkpoint, Note], second: tuple[Checkpoint, Note]
) -> VerifierKey | None:
    """Check that both cannot be true; return the witness whose lie it is, None for the log's."""
    (one, _), (other, _) = first, second
    if isinstance(lie, OneSize):
        if one.size != other.size or one.root >= other.root:
            raise _wrong("checkpoints", "are not of one size, with root hashes that ascend")
        return None
    if isinstance(lie, OtherEntry):
        _check_entries(lie, one, other)
        return None
    if one.size >= other.size:
        raise _wrong("checkpoints", "are not of ascending sizes", str(one.size), str(other.size))
    if isinstance(lie, OtherPast):
        _check_past(lie, one, other)
        return None
    return _check_step_back(lie, first[1], second[1])


def _check_past(lie: OtherPast, one: Checkpoint, other: Checkpoint) -> None:
    if lie.past == one.root.hex():
        raise _wrong("lie.past", "is the smaller tree: the larger one begins with it")
    check_consistency(
        old_size=one.size,
        old_root=bytes.fromhex(lie.past),
        new_size=other.size,
        new_root=other.root,
        proof=_octets(lie.proof),
    )


def _check_entries(lie: OtherEntry, one: Checkpoint, other: Checkpoint) -> None:
    if lie.leaves[0] == lie.leaves[1]:
        raise _wrong("lie.leaves", "are one entry")
    for checkpoint, leaf, proof in zip((one, other), lie.leaves, lie.proofs, strict=True):
        check_inclusion(
            index=lie.index,
            size=checkpoint.size,
            leaf=bytes.fromhex(leaf),
            proof=_octets(proof),
            root=checkpoint.root,
        )


def _check_step_back(lie: StepBack, smaller: Note, larger: Note) -> VerifierKey:
    witness = parse_vkey(lie.witness)
    before = min(check_cosignature(larger, key=witness))
    after = max(check_cosignature(smaller, key=witness))
    if after <= before:
        raise _wrong("lie.witness", "did not cosign the smaller tree later than the larger one")
    return witness


def _charter(octets: bytes, origin: str, keys: Sequence[VerifierKey]) -> tuple[str, VerifierKey]:
    """Return entry 0's leaf hash and the first log key that it names, which must be one of ours."""
    entry = parse_entry(octets, where="charter")
    check_parts(entry)
    event = parse_event(entry.event, where="charter")
    if entry.index != 0 or not isinstance(event, Charter) or event.origin != origin:
        raise _wrong("charter", "is not entry 0 of this log")
    for key in keys:
        if (key.name, key.public.hex()) == (origin, event.log_key):
            return leaf_hash(octets).hex(), key
    raise _wrong("charter", "names another log key")


def _octets(hashes: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(each) for each in hashes]


def _wrong(
    where: str, reason: str, expected: str | None = None, found: str | None = None
) -> RuleError:
    return RuleError(Check.FORK, where, reason, expected, found)


# Whose lie it is


def _vouch(checked: CheckedFork, anchors: ForkAnchors) -> tuple[list[str], bool]:
    """Compare with what the reader holds; return what agrees, and whether it is enough.

    Raises:
        RuleError: The proof is about another log than the reader's.
    """
    agreed: list[str] = []
    vouched: set[VerifierKey] = set()
    if anchors.log_key is not None:
        if anchors.log_key not in checked.log_keys:
            found = " and ".join(map(format_vkey, checked.log_keys))
            reason = "is not the one that you gave"
            raise RuleError(Check.LOG_KEY, "log_keys", reason, format_vkey(anchors.log_key), found)
        agreed.append("the log's key")
        vouched.add(anchors.log_key)
    if anchors.fingerprint is not None and checked.charter is not None:
        found, first_key = checked.charter
        if found != anchors.fingerprint:
            reason = "is not the one that you gave"
            raise RuleError(Check.FINGERPRINT, "charter", reason, anchors.fingerprint, found)
        agreed.append("the ledger's fingerprint")
        vouched.add(first_key)
    if anchors.policy is not None:
        known = {log.key for log in anchors.policy.logs} & set(checked.log_keys)
        if known:
            agreed.append("a log of your policy")
        witnesses = {witness.key for witness in anchors.policy.witnesses}
        if checked.witness in witnesses:
            agreed.append("a witness of your policy")
        vouched |= known | witnesses
    return agreed, vouched.issuperset(checked.accused)


def _cosigned(checked: CheckedFork, policy: Policy | None) -> Iterator[str]:
    """Say which witnesses of the policy cosigned which of the two."""
    both: list[set[str]] = []
    for number, (checkpoint, note) in zip(("first", "second"), checked.notes, strict=True):
        both.append(set())
        for witness in () if policy is None else policy.witnesses:
            try:
                times = check_cosignature(note, key=witness.key)
            except VerifyError:
                continue  # it says nothing: the lie does not depend on who else signed
            both[-1].add(witness.name)
            at = " and ".join(map(format_time_s, times))
            yield (
                f"The {number} checkpoint, of {checkpoint.size} entries, was cosigned by"
                f" {witness.name} at {at}."
            )
    if checked.witness is None:
        for name in sorted(set.intersection(*both)):
            yield f"{name} cosigned both, and so broke its word: a witness vouches for one history."


# In words

_NOT_SHOWN = (
    "which of the two histories is the true one",
    "who used the log's key: whoever keeps the log, or who took the key",
    "that the key was in force at these sizes, where charters have changed it",
    "when the checkpoints were signed, but for the times of cosignatures named above",
)
_NOT_SHOWN_OF_WITNESS = (
    "that who keeps the log lied: anybody can hand an old checkpoint to a witness",
    "whether the witness lied, or was put back to an older state, which no witness may be",
)


def _said(lie: Lie, heads: Sequence[tuple[int, str]]) -> str:
    (one, _), (other, _) = heads
    if isinstance(lie, OneSize):
        return (
            f"The log's key signed two different trees of {one} entries. A log that only grows"
            " has one of each size: two histories were told."
        )
    if isinstance(lie, OtherPast):
        return (
            f"The log's key signed a tree of {one} entries, and one of {other} whose first {one}"
            " are not the same. What it had signed for was altered, dropped or moved."
        )
    if isinstance(lie, OtherEntry):
        return (
            f"The log's key signed a tree of {one} entries and one of {other} that have different"
            f" entries at index {lie.index}. The entry of the first is not in the history of the"
            " second."
        )
    return (
        f"The witness signed that the largest tree it had seen has {other} entries, and later that"
        f" it has {one}."
    )
