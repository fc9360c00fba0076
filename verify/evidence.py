"""Evidence: one file for one or a few events, for a reader who gets nothing else.

The file holds the entries, the way from each to a signed checkpoint and to what its party signed,
and the governance that shows that the key was good. What it does not hold cannot be checked: other
entries, and so every reference to them. The report says so. Making such a file is `ledger`'s.

Source: SPEC section 10.2.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from verify.anchors import Anchors, compare, not_checked
from verify.brackets import Brackets, Committed, check_recorded
from verify.checkpoint import Checkpoint, check_parsed, parse_signed
from verify.checks import Check
from verify.chunk import Line, OpenedFile, gather_line
from verify.claims import File, Opened, check_claims
from verify.codec import Decoder, Hash, Texts, Wire, encode
from verify.contents import charter_policy, check_file, check_files
from verify.errors import MalformedError, ProofError, RuleError, SignatureError
from verify.events import event_id, kind_of
from verify.kinds import Positive
from verify.merkle import check_consistency, check_inclusion
from verify.note import Note, VerifierKey
from verify.notes import check_held, dated_by, log_vkey
from verify.proof import MAX_HASHES
from verify.receipt import Receipt, check_receipt_alone, proof_of
from verify.report import (
    Finding,
    Report,
    ShownEvent,
    Times,
    Verdict,
    Weighed,
    find,
    nest,
)
from verify.shown import MAX_SHOWN, Held, Shown
from verify.source import Source
from verify.spelling import parse_base64
from verify.state import State
from verify.submission import sealing_event

__all__ = [
    "EVIDENCE_FILE",
    "MAX_COVERING",
    "MAX_EVIDENCE",
    "MAX_SHOWN",
    "MAX_STAMPS",
    "NOT_CHECKED",
    "Covering",
    "Evidence",
    "EvidenceEntry",
    "EvidenceStamp",
    "audit_evidence",
    "format_evidence",
    "is_evidence",
    "opened_files",
    "parse_evidence",
    "token_of",
]

EVIDENCE_FILE = "evidence.json"
"""What an evidence file is called in a folder that was made for an outsider."""

MAX_EVIDENCE = 16 * 1024 * 1024  # octets
MAX_COVERING = 2 * MAX_SHOWN
"""Cosigned checkpoints beside the file's own."""

MAX_STAMPS = 16
"""Time stamps of authorities."""

NOT_CHECKED = (
    "other entries of this ledger: this file shows a few, and none later than its checkpoint",
    "references to events that are not in this file, nor their kinds, authors and claims",
    "the order of `recorded` beside the entries that are in this file",
    "that the tree had the root hashes that parties say they had seen",
    "claims that are not opened here",
)
_TOLD = frozenset(("author", "kind", "nonce", "sealed"))  # of an event, or of no use to people
_NO_FILES = "the files that opened claims name, which did not come with this file"

_MAX_GOVERNANCE = 65_536

_Hashes = Annotated[tuple[Hash, ...], msgspec.Meta(min_length=1, max_length=MAX_HASHES)]
_Text = Annotated[str, msgspec.Meta(min_length=1)]


class EvidenceEntry(Wire, frozen=True, kw_only=True):
    """An entry, and the way from it to the checkpoint and to what its party signed.

    Attributes:
        entry: The entry's octets.
        shown: Whether it is shown, or here only because it holds the statement of one that is.
        path: Inclusion proof of its event's id in the statement's root, in hex.
        proof: Inclusion proof of the entry in the checkpoint, in hex.
    """

    entry: msgspec.Raw
    shown: Literal["no", "yes"]
    path: _Hashes | None = None
    proof: _Hashes | None = None


class Covering(Wire, frozen=True, kw_only=True):
    """A cosigned checkpoint, and the way from it to that of the file.

    Attributes:
        note: The text of a signed note.
        proof: Consistency proof from its tree to the checkpoint's, in hex.
    """

    note: _Text
    proof: _Hashes | None = None


class EvidenceStamp(Wire, frozen=True, kw_only=True):
    """A time stamp over a checkpoint of the tree, and the way from it to that of the file.

    What the authority's token says is for `verify.outside` to check.

    Attributes:
        certificates: The authority's, PEM, as its recorder chose them.
        root: The checkpoint's root hash, in hex.
        size: Its size.
        token: The authority's answer (RFC 3161 TimeStampResp), base64.
        proof: Consistency proof from its tree to the checkpoint's, in hex.
    """

    certificates: _Text
    root: Hash
    size: Positive
    token: _Text
    proof: _Hashes | None = None


class Evidence(Wire, frozen=True, kw_only=True, tag_field="type", tag="counterfoil-evidence/v1"):
    """An evidence file.

    Attributes:
        checkpoint: The text of a signed note.
        entries: The entries shown, and those that hold their statements, by index.
        governance: The octets of every governance entry as far as it matters, by index.
        covering: Cosigned checkpoints that cover entries shown, by size and then by hash: when
            their witnesses cosigned is by when the entries existed.
        disclosures: The claims that are opened, by index.
        latest: Inclusion proof in the checkpoint of the last governance entry, in hex, where that
            is not earlier than every submission here.
        notes: The notes that the submissions here name as seen, by index.
        stamps: Time stamps over checkpoints that cover entries shown, by size and then by the
            hash of the token.
    """

    checkpoint: _Text
    entries: Annotated[
        tuple[EvidenceEntry, ...], msgspec.Meta(min_length=1, max_length=2 * MAX_SHOWN)
    ]
    governance: Annotated[
        tuple[msgspec.Raw, ...], msgspec.Meta(min_length=1, max_length=_MAX_GOVERNANCE)
    ]
    covering: (
        Annotated[tuple[Covering, ...], msgspec.Meta(min_length=1, max_length=MAX_COVERING)] | None
    ) = None
    disclosures: (
        Annotated[tuple[Line, ...], msgspec.Meta(min_length=1, max_length=MAX_SHOWN)] | None
    ) = None
    latest: Annotated[tuple[Hash, ...], msgspec.Meta(max_length=MAX_HASHES)] | None = None
    notes: Annotated[tuple[_Text, ...], msgspec.Meta(min_length=1, max_length=MAX_SHOWN)] | None = (
        None
    )
    stamps: (
        Annotated[tuple[EvidenceStamp, ...], msgspec.Meta(min_length=1, max_length=MAX_STAMPS)]
        | None
    ) = None


def _gather(evidence: Evidence, texts: Texts) -> None:
    for line in evidence.disclosures or ():
        gather_line(line, texts)


_EVIDENCE = Decoder(Evidence, name="evidence", gather=_gather)


def is_evidence(data: bytes) -> bool:
    """Tell whether a file says that it is evidence."""
    return data.endswith(b'"type":"counterfoil-evidence/v1"}')


def parse_evidence(data: bytes) -> Evidence:
    """Read an evidence file. Nothing in it is checked but its schema.

    Raises:
        RuleError: With check `evidence`: too long, not canonical, or not of the schema.

    Source: SPEC section 10.2.
    """
    if len(data) > MAX_EVIDENCE:
        raise RuleError(Check.EVIDENCE, "evidence", f"is longer than {MAX_EVIDENCE} octets")
    try:
        return _EVIDENCE.decode(data)
    except MalformedError as error:
        raise RuleError(Check.EVIDENCE, error.where, error.reason) from None


def format_evidence(evidence: Evidence) -> bytes:
    """Write an evidence file.

    Raises:
        RuleError: With check `evidence`: what is written would not read back.
    """
    data = encode(evidence)
    parse_evidence(data)
    return data


def opened_files(evidence: Evidence) -> tuple[str, ...]:
    """Return the SHA-256 of each file that an evidence file opens, sorted, each once."""
    return tuple(sorted({file.sha256 for file in _files(evidence)}))


def token_of(stamp: EvidenceStamp, *, where: str) -> bytes:
    """Return the octets of a time stamp's token.

    Raises:
        MalformedError: They are not in base64, in its one spelling.
    """
    return parse_base64(stamp.token, where=f"{where}.token")


def audit_evidence(
    data: bytes, *, anchors: Anchors | None = None, files: Source | None = None
) -> Report:
    """Check an evidence file.

    Args:
        data: The file.
        anchors: What the reader holds from elsewhere.
        files: The files that it opens, as `files/<sha256>`, if they came with it.

    Raises:
        UnknownVersionError: A charter is of a version of SPEC that this code does not know.

    Source: SPEC sections 10.2 and 12.
    """
    return _Audit(anchors or Anchors(), files).report(data)


def _files(evidence: Evidence) -> Iterator[OpenedFile]:
    for line in evidence.disclosures or ():
        for name, one in line.claims.items():
            if isinstance(one.value, File):
                yield OpenedFile(line.index, name, one.value.sha256, one.value.size)


class _Audit:
    """One audit of an evidence file, as far as it has come."""

    def __init__(self, anchors: Anchors, files: Source | None) -> None:
        self._anchors = anchors
        self._files = files
        self._findings: list[Finding] = []
        self._find = partial(find, self._findings)
        self._agreed: list[str] = []
        self._checkpoint: Checkpoint | None = None
        self._note: Note | None = None
        self._shown = Shown(size=None)
        self._opened: dict[int, Mapping[str, Opened]] = {}
        self._counts: dict[str, int] = {}
        self._weighed: Weighed | None = None
        self._times: Times | None = None
        self._covering: list[tuple[int, Note]] = []

    def report(self, data: bytes) -> Report:
        try:
            evidence = parse_evidence(data)
        except RuleError as error:
            finding = Finding.of(error)
            if not is_evidence(data):
                reason = f"is no evidence file, or a damaged one: {error.reason}"
                finding = replace(finding, reason=reason)
            self._findings.append(finding)
            return self._report()
        self._read_checkpoint(evidence)
        self._read_entries(evidence)
        sound = not self._shown.findings and self._shown.check_shape() and self._shown.judge()
        if not sound:
            self._shown.check_versions()
        self._findings += self._shown.findings
        self._check_signature()
        if len(self._shown.entries) == len(evidence.entries):  # else one of them is no entry
            self._check_inclusions(evidence)
            self._check_disclosures(evidence)
            self._check_stamps(evidence)
        if self._files is not None:
            self._check_files(self._files, tuple(_files(evidence)))
        if sound and self._shown.state is not None:
            self._check_end(self._shown.state, evidence)
            self._check_notes(self._shown.state, evidence)
            self._check_covering(self._shown.state, evidence)
            if not self._findings:
                self._check_times(self._shown.state, evidence)
        self._check_anchors()
        return self._report()

    # Reading

    def _read_checkpoint(self, evidence: Evidence) -> None:
        try:
            checkpoint, note = parse_signed(evidence.checkpoint.encode())
        except MalformedError as error:
            self._find(Check.CHECKPOINT, "checkpoint", str(error))
            return
        if checkpoint.size == 0:
            reason = "is of size 0: a log begins with its charter"
            self._find(Check.CHECKPOINT, "checkpoint", reason)
            return
        self._checkpoint, self._note = checkpoint, note

    def _read_entries(self, evidence: Evidence) -> None:
        checkpoint = self._checkpoint
        shown = self._shown = Shown(size=None if checkpoint is None else checkpoint.size)
        for number, element in enumerate(evidence.entries):
            data, where = bytes(element.entry), f"entries[{number}].entry"
            shown.read(data, where=where, shown=element.shown, path=element.path)
        for number, raw in enumerate(evidence.governance):
            shown.read(bytes(raw), where=f"governance[{number}]")
        self._counts = {
            "entries": len(evidence.entries),
            "submissions": len(shown.submissions),
            "governance entries": len(evidence.governance),
            "notes": len(evidence.notes or ()),
            "disclosures": sum(len(line.claims) for line in evidence.disclosures or ()),
        }

    # The tree

    def _check_signature(self) -> None:
        checkpoint, note, key = self._checkpoint, self._note, self._log_key
        if checkpoint is None or note is None or key is None:
            return  # said already: there is no checkpoint, or no charter
        try:
            check_parsed(checkpoint, note, key=key, origin=key.name)
        except (MalformedError, SignatureError) as error:
            self._find(Check.CHECKPOINT, "checkpoint", str(error))

    @property
    def _log_key(self) -> VerifierKey | None:
        """The key that must sign the checkpoint, as far as both are known."""
        state, checkpoint = self._shown.state, self._checkpoint
        if state is None or checkpoint is None:
            return None
        return log_vkey(state.charter.origin, state.log_key_at(checkpoint.size))

    def _check_inclusions(self, evidence: Evidence) -> None:
        for held, element in zip(self._shown.entries, evidence.entries, strict=True):
            self._check_inclusion(held, element.proof or (), f"{held.where}: proof")

    def _check_inclusion(self, held: Held, proof: Sequence[str], where: str) -> None:
        if self._checkpoint is None:
            return
        try:
            check_inclusion(
                index=held.index,
                size=self._checkpoint.size,
                leaf=held.leaf,
                proof=[bytes.fromhex(node) for node in proof],
                root=self._checkpoint.root,
            )
        except (MalformedError, ProofError) as error:
            self._find(Check.INCLUSION, where, str(error), held.index)

    def _check_end(self, state: State, evidence: Evidence) -> None:
        """Check that governance ends where it should, and that `latest` leads from there."""
        last = self._shown.governance[-1]
        # A log key signs from the size after the entry that brought it.
        changed = state.log_keys[-1][0] - 1
        if changed >= self._shown.reach and last.index != changed:
            reason = "does not end with the entry that changed the log key last"
            self._find(
                Check.EVIDENCE, "governance", reason, last.index, str(changed), str(last.index)
            )
            return
        if changed < self._shown.reach <= last.index:
            reason = "is later than what is shown, and did not change the log key"
            self._find(Check.EVIDENCE, last.where, reason, last.index)
            return
        if (evidence.latest is not None) is not (changed >= self._shown.reach):
            reason = "goes with governance entries that are later than what is shown"
            self._find(Check.EVIDENCE, "latest", reason)
        elif evidence.latest is not None:
            self._check_inclusion(last, evidence.latest, "latest")

    # What came along

    def _check_notes(self, state: State, evidence: Evidence) -> None:
        """Check the notes that the submissions here name: those, in that order, and no others."""
        notes = {hashlib.sha256(text.encode()).hexdigest(): text for text in evidence.notes or ()}
        wanted: list[str] = []
        for first in sorted(self._shown.submissions):
            statement = self._shown.submissions[first][0].entry.statement
            seen = None if statement is None else statement.seen
            if seen is None:
                continue
            if seen.note not in wanted:
                wanted.append(seen.note)
            reason = None
            if seen.note not in notes:
                reason = "is not here"
            else:
                reason = _disagreement(notes[seen.note].encode(), state, seen.size, seen.root)
            if reason is not None:
                self._find(Check.SEEN, "statement.seen.note", reason, first, seen.note)
        if len(evidence.notes or ()) != len(wanted) or list(notes) != wanted:
            reason = "are not those that the submissions here name, in their order"
            expected, found = ", ".join(wanted), ", ".join(notes)
            self._find(Check.EVIDENCE, "notes", reason, None, expected, found)

    def _check_covering(self, state: State, evidence: Evidence) -> None:
        """Check the cosigned checkpoints: ours, of this tree, of what is shown, and in order."""
        least = min(held.index for held in self._shown.entries)
        before = (-1, b"")
        for number, one in enumerate(evidence.covering or ()):
            where, data = f"covering[{number}]", one.note.encode()
            try:
                checkpoint, note = parse_signed(data)
                key = log_vkey(state.charter.origin, state.log_key_at(max(1, checkpoint.size)))
                check_parsed(checkpoint, note, key=key, origin=key.name)
            except (MalformedError, SignatureError, ProofError) as error:
                self._find(Check.NOTE_SIGNATURE, where, str(error))
                continue
            own = (checkpoint.size, hashlib.sha256(data).digest())
            cosigned = any(line[:2] != (key.name, key.key_id) for line in note.signatures)
            if not before < own or not cosigned or checkpoint.size <= least:
                reason = "is out of order, or cosigned by nobody, or covers nothing shown"
                self._find(Check.EVIDENCE, where, reason)
            before = own
            self._check_consistency(checkpoint.size, checkpoint.root, one.proof or (), where)
            self._covering.append((checkpoint.size, note))

    def _check_stamps(self, evidence: Evidence) -> None:
        """Check that the time stamps are of this tree, of what is shown, and in order."""
        least = min(held.index for held in self._shown.entries)
        before = (-1, b"")
        for number, one in enumerate(evidence.stamps or ()):
            where = f"stamps[{number}]"
            try:
                own = (one.size, hashlib.sha256(token_of(one, where=where)).digest())
            except MalformedError as error:
                self._find(Check.EVIDENCE, error.where, error.reason)
                continue
            if not before < own or one.size <= least:
                self._find(Check.EVIDENCE, where, "is out of order, or covers nothing shown")
            before = own
            self._check_consistency(one.size, bytes.fromhex(one.root), one.proof or (), where)

    def _check_consistency(self, size: int, root: bytes, proof: Sequence[str], where: str) -> None:
        """Check that the tree with this root is the beginning of the checkpoint's."""
        if self._checkpoint is None:
            return
        try:
            check_consistency(
                old_size=size,
                new_size=self._checkpoint.size,
                old_root=root,
                new_root=self._checkpoint.root,
                proof=[bytes.fromhex(node) for node in proof],
            )
        except (MalformedError, ProofError) as error:
            self._find(Check.INCLUSION, where, str(error))

    def _check_times(self, state: State, evidence: Evidence) -> None:
        """Compare `recorded` with the brackets that the cosignatures in the file give.

        The charter's own witnesses are those of the charters that the file shows.

        Source: SPEC sections 8.2 and 10.2.
        """
        given, note, checkpoint = self._anchors.policy, self._note, self._checkpoint
        charters = tuple((size, charter_policy(charter)) for size, charter in state.charters)
        policies = charters if given is None else ((0, given),)
        if checkpoint is None or note is None or not any(p.quorum for _, p in policies):
            return
        covering = [
            dated_by(policies, note_, size=size, digest=b"")
            for size, note_ in [*self._covering, (checkpoint.size, note)]
        ]
        dated = []
        for text in evidence.notes or ():
            older, signed = parse_signed(text.encode())
            digest = hashlib.sha256(text.encode()).digest()
            dated.append(dated_by(policies, signed, size=older.size, digest=digest))
        named = [
            Committed(first, seen.size, bytes.fromhex(seen.note))
            for first, group in sorted(self._shown.submissions.items())
            if (statement := group[0].entry.statement) is not None
            if (seen := statement.seen) is not None
        ]
        brackets = Brackets(
            covering=[each for each in covering if each is not None],
            seen=[each for each in dated if each is not None],
            statements=named,
        )
        found = []
        for held in self._shown.entries:
            first = held.index - held.entry.position
            bracket = brackets.of(held.index, first=first)
            if held.shown == "yes":
                found.append((held.index, bracket))
            try:
                own = brackets.held_against(held.index, first=first)
                tolerance_s = state.charter_at(max(1, first)).tolerance_s
                check_recorded(own, recorded=held.entry.recorded, tolerance_s=tolerance_s)
            except RuleError as error:
                self._findings.append(Finding.of(error, index=held.index, submission=first))
        self._times = Times("charter" if given is None else "policy", brackets=tuple(found))

    def _check_disclosures(self, evidence: Evidence) -> None:
        shown = {
            held.index: sealing_event(held.event)
            for held in self._shown.entries
            if held.shown == "yes"
        }
        latest = -1
        for line in evidence.disclosures or ():
            if not latest < line.index:
                reason = "is not in order of ascending index"
                self._find(Check.DISCLOSURES, "disclosures", reason, line.index, f"above {latest}")
            latest = line.index
            event = shown.get(line.index)
            if event is None:
                self._find(Check.EVIDENCE, "disclosures", "no entry shown for it", line.index)
            elif event.sealed is None:
                reason = "its entry seals nothing"
                self._find(Check.DISCLOSURE_UNUSED, "disclosures", reason, line.index)
            else:
                self._opened[line.index] = line.claims
                author, nonce, sealed = event.author, event.nonce, event.sealed
                refused = check_claims(line.claims, author=author, nonce=nonce, sealed=sealed)
                for error in refused.values():
                    self._findings.append(Finding.of(error, index=line.index))

    def _check_files(self, source: Source, files: Sequence[OpenedFile]) -> None:
        self._counts["files"] = len({file.sha256 for file in files})
        found = check_files(source, files, lambda wanted: (check_file(source, w) for w in wanted))
        self._findings += found

    # What the reader holds

    def _check_anchors(self) -> None:
        result = compare(
            self._anchors,
            log_key=self._log_key,
            note=self._note,
            fingerprint=self._shown.fingerprint,
            check_receipt=self._check_receipt,
            check_held=self._check_held,
        )
        self._agreed += result.agreed
        self._findings += result.findings
        self._weighed = result.weighed

    def _check_receipt(self, receipt: Receipt) -> bool:
        """Check a receipt against the file, as far as the two meet; tell whether they do.

        One that is newer can be by a log key of which the file does not know: then nobody knows
        who signed it.
        """
        state = self._shown.state
        if receipt.charter != self._shown.fingerprint or state is None:
            reason = "is of another ledger"
            raise RuleError(
                Check.RECEIPT, "charter", reason, receipt.charter, self._shown.fingerprint
            )
        proof, origin = proof_of(receipt), state.charter.origin
        promised, signed = parse_signed(proof.checkpoint)
        leaf = self._shown.leaves.get(proof.index)
        if leaf is not None and leaf.hex() != receipt.leaf:
            reason = f"promises another entry {proof.index}"
            raise RuleError(Check.RECEIPT, "leaf", reason, receipt.leaf, leaf.hex())
        by = {line[:2] for line in signed.signatures}
        known = [log_vkey(origin, public) for _, public in state.log_keys]
        unknown = not any((key.name, key.key_id) in by for key in known)
        own = self._checkpoint
        if unknown and own is not None and promised.size > own.size and promised.origin == origin:
            check_inclusion(
                index=proof.index, size=promised.size, leaf=bytes.fromhex(receipt.leaf),
                proof=proof.hashes, root=promised.root,
            )  # fmt: skip
            return False
        key = log_vkey(origin, state.log_key_at(max(1, promised.size)))
        self._check_root(check_receipt_alone(receipt, key=key))
        return True

    def _check_held(self, data: bytes) -> bool:
        """Check a signed checkpoint that the reader holds; tell whether it is of this size."""
        state = self._shown.state
        if state is None:
            raise RuleError(Check.RECEIPT, "checkpoint", "cannot be compared: there is no charter")
        origin = state.charter.origin
        held = check_held(data, origin=origin, log_key_at=state.log_key_at)
        return self._check_root(held)

    def _check_root(self, held: Checkpoint) -> bool:
        own = self._checkpoint
        if own is None or own.size != held.size:
            return False
        if own.root != held.root:
            reason = f"two histories were signed: another root hash at size {own.size}"
            raise RuleError(Check.RECEIPT, "proof", reason, held.root.hex(), own.root.hex())
        return True

    # The end

    def _report(self) -> Report:
        verdict: Verdict = "valid" if self._agreed else "self-consistent"
        checkpoint, state = self._checkpoint, self._shown.state
        return Report(
            verdict="invalid" if self._findings else verdict,
            origin=None if state is None else state.charter.origin,
            fingerprint=self._shown.fingerprint,
            size=None if checkpoint is None else checkpoint.size,
            root=None if checkpoint is None else checkpoint.root.hex(),
            anchors=tuple(self._agreed),
            findings=nest(self._findings),
            counts=self._counts,
            not_checked=self._not_checked(),
            weighed=self._weighed,
            times=self._times,
            shown=() if self._findings else tuple(self._shown_events()),
        )

    def _shown_events(self) -> Iterator[ShownEvent]:
        for held in self._shown.entries:
            if held.shown == "yes":
                sealed = sealing_event(held.event).sealed or {}
                opened = self._opened.get(held.index, {})
                yield ShownEvent(
                    index=held.index,
                    event_id=event_id(held.entry.event).hex(),
                    kind=kind_of(held.event),
                    author=held.event.author,
                    clear=_clear(bytes(held.entry.event)),
                    opened={name: claim.value for name, claim in sorted(opened.items())},
                    closed=tuple(sorted(sealed.keys() - opened.keys())),
                )

    def _not_checked(self) -> tuple[str, ...]:
        found = (*not_checked(self._anchors.policy), *NOT_CHECKED)
        return found if self._files is not None else (*found, _NO_FILES)


def _clear(event: bytes) -> dict[str, str]:
    """Return what an event says in the clear, and is told nowhere else: its fields, as text."""
    fields = msgspec.json.decode(event)
    said = {name: value for name, value in fields.items() if name not in _TOLD}
    return {n: v if isinstance(v, str) else encode(v).decode() for n, v in said.items()}


def _disagreement(note: bytes, state: State, size: int, root: str) -> str | None:
    """Return what is wrong with a note that a statement names, if anything is."""
    try:
        checkpoint, signed = parse_signed(note)
        key = log_vkey(state.charter.origin, state.log_key_at(size))
        check_parsed(checkpoint, signed, key=key, origin=state.charter.origin)
    except (MalformedError, SignatureError, ProofError) as error:
        return str(error)
    if (checkpoint.size, checkpoint.root.hex()) != (size, root):
        return "is of another size or root hash than the statement says"
    return None
