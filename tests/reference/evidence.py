"""Section 10.2: evidence."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

from tests.reference.canonical import (
    MAX_EVIDENCE,
    MAX_EVIDENCE_DEPTH,
    MAX_EVIDENCE_EVENTS,
    Object,
    encode,
    parse,
)
from tests.reference.claims import check_belongs
from tests.reference.entries import Entry, parse_entry
from tests.reference.events import event_id
from tests.reference.exports import LINE, disclosures_of
from tests.reference.findings import Findings, Report, stop_at_another_version
from tests.reference.kinds import GOVERNANCE
from tests.reference.notes import decode_base64, parse_checkpoint, parse_note, read_checkpoint
from tests.reference.policies import (
    Policy,
    check_recorded,
    cosigned_at,
    existed_by_s,
    format_policy,
    parse_policy,
    policy_problems,
    signed_after_s,
)
from tests.reference.receipts import as_receipt, parse_receipt
from tests.reference.refusals import Malformed, Refused, need, refusing
from tests.reference.rules import Judge
from tests.reference.schema import HEX_32, anything, fields, integer, several, text, words
from tests.reference.state import Known
from tests.reference.tree import check_consistency, check_inclusion

SHOWN = fields(
    {"entry": anything, "shown": words("yes no")},
    {"proof": several(HEX_32, 64), "path": several(HEX_32, 64)},
)


def _inclusion_proof(value: object, where: str) -> None:
    """Refuse what is no list of hashes; it may be empty."""
    if value != []:
        several(HEX_32, 64)(value, where)


COVERING = fields({"note": text}, {"proof": several(HEX_32, 64)})
STAMP = fields(
    {"certificates": text, "root": HEX_32, "size": integer(1), "token": text},
    {"proof": several(HEX_32, 64)},
)
EVIDENCE = fields(
    {
        "type": words("counterfoil-evidence/v1"),
        "checkpoint": text,
        "entries": several(SHOWN, 2 * MAX_EVIDENCE_EVENTS),
        "governance": several(anything, 2**16),
    },
    {
        "covering": several(COVERING, 2 * MAX_EVIDENCE_EVENTS),
        "disclosures": several(LINE, MAX_EVIDENCE_EVENTS),
        "latest": _inclusion_proof,
        "notes": several(text, 64),
        "stamps": several(STAMP, 16),
    },
)


class Fragment(Judge):
    """The state as far as an evidence file tells it: all governance, and some other entries.

    What the file does not hold is not checked: refs to events that are not shown, the root of a
    submission of which not all is shown, the roots of `seen`.
    """

    here: frozenset[str] = frozenset()
    """The ids of all events in the file, those that come later, too."""
    size: int | None = None
    """That of the checkpoint."""
    stop: int = 0
    """Where the submissions before end."""

    def _check_places(self, submission: Sequence[Entry]) -> None:
        first = submission[0]
        statement = first.body["statement"]
        for entry in submission:
            need(406, "position", found=entry.index - first.index, expected=entry.position)
            if entry.position >= statement["count"]:
                raise Refused(406, "position is not below count", found=str(entry.position))
            if entry.recorded < self.recorded or entry.recorded != first.recorded:
                raise Refused(404, "recorded", found=str(entry.recorded))
        need(903, "rules", found=first.body.get("rules"), expected=self.rules)
        stop = first.index + statement["count"]
        if first.index < self.stop or (self.size is not None and stop > self.size):
            raise Refused(406, "overlaps, or goes on beyond the checkpoint", found=str(first.index))
        self.stop = stop

    def _check_events_root(self, submission: Sequence[Entry]) -> None:
        if len(submission) == submission[0].body["statement"]["count"]:
            super()._check_events_root(submission)

    def _check_seen_root(self, seen: Object) -> None:
        """Pass: the leaves are not here."""

    def _find(self, ref: str) -> Known | None:
        if ref in self.here and ref not in self.known:
            raise Refused(605, "the event is here, and no earlier one", found=ref)
        return self.known.get(ref)


def audit_evidence(
    data: bytes,
    *,
    log_key: str | None = None,
    fingerprint: str | None = None,
    receipts: Sequence[bytes] = (),
    policy: bytes | None = None,
) -> Report:
    """Check an evidence file as far as it reaches (section 10.2).

    Raises:
        UnknownVersion: It is of a version that this verifier does not know.
    """
    findings = Findings()
    applied = None if policy is None else parse_policy(policy)
    met = False
    try:
        evidence = _Evidence(data, applied)
        evidence.check(log_key=log_key, fingerprint=fingerprint)
        for held in receipts:
            met = evidence.meets(held) or met
    except _AtEntryError as problem:
        stop_at_another_version(problem.refused)
        findings.add(problem.refused, problem.index)
    except Refused as problem:
        findings.add(problem)
    if findings.findings:
        _check_versions(data)
    anchors = [log_key, fingerprint, policy]
    return findings.report(anchored=met or any(each is not None for each in anchors))


def _check_versions(data: bytes) -> None:
    """Stop at a charter of another version, whatever was found elsewhere [104]."""
    try:
        evidence = parse(data, depth=MAX_EVIDENCE_DEPTH)
        EVIDENCE(evidence, "evidence")
    except Malformed:
        return
    assert isinstance(evidence, dict)
    state = Fragment()
    for octets in map(encode, evidence["governance"]):
        try:
            entry = parse_entry(octets)
        except Refused:
            continue
        if entry.position != 0:
            continue  # it has no statement, and so [104] is not what is wrong with it
        try:
            state.admit([entry], None)
        except Refused as problem:
            stop_at_another_version(problem)
            state.pass_over([entry])


class _AtEntryError(Exception):
    """A refusal at an entry."""

    def __init__(self, refused: Refused, index: int) -> None:
        super().__init__(str(refused))
        self.refused = refused
        self.index = index


@contextmanager
def at_entry(index: int) -> Iterator[None]:
    try:
        yield
    except Refused as problem:
        raise _AtEntryError(problem, index) from problem


class _Evidence:
    """One evidence file; the first refusal ends the run."""

    def __init__(self, data: bytes, policy: Policy | None = None) -> None:
        self.policy = policy
        with refusing(901):
            if len(data) > MAX_EVIDENCE:
                raise Malformed("evidence is too large")
            evidence = parse(data, depth=MAX_EVIDENCE_DEPTH)
            EVIDENCE(evidence, "evidence")
            assert isinstance(evidence, dict)
        self.body: Object = evidence
        self.elements: list[Object] = evidence["entries"]
        self.checkpoint = parse_checkpoint(evidence["checkpoint"].encode("utf-8"))
        self.entries = [parse_entry(encode(element["entry"])) for element in self.elements]
        self.governance = [parse_entry(encode(each)) for each in evidence["governance"]]
        self.state = Fragment()
        self.state.size = self.checkpoint.size
        events = [entry.event for entry in (*self.entries, *self.governance)]
        nested = [event["event"] for event in events if "event" in event]
        self.state.here = frozenset(event_id(encode(event)) for event in (*events, *nested))

    def check(self, *, log_key: str | None, fingerprint: str | None) -> None:
        self._check_order()
        self._check_submissions_are_whole()
        self._check_inclusions()
        self._check_governance()
        notes = self._notes()
        self._run_state(notes)
        octets = self.body["checkpoint"].encode("utf-8")
        vkey = self.state.log_key_after(self.checkpoint.size)
        self._check_latest_changed_the_log_key()
        read_checkpoint(octets, vkey)
        self._check_times(notes)
        self._check_disclosures()
        if log_key is not None:
            need(801, "log key", found=vkey, expected=log_key)
        if fingerprint is not None:
            need(802, "fingerprint", found=self.state.fingerprint, expected=fingerprint)
        if self.policy is not None:
            for problem in policy_problems(self.policy, vkey, octets):
                raise problem

    def meets(self, held: bytes) -> bool:
        """Compare a receipt, or a signed checkpoint in its place; say whether it vouches for this.

        Source: sections 10.1 and 10.2.
        """
        receipt, octets = None, held
        if held.startswith(b"{"):
            receipt, proof = parse_receipt(held)
            octets = proof.checkpoint
        with as_receipt():
            checkpoint = parse_checkpoint(octets)
            size, vkey = checkpoint.size, self.state.log_key_after(checkpoint.size)
            newer = receipt is not None and size > self.checkpoint.size
            vouched = not (newer and self._nobody_known_signed(octets))
            if vouched:
                read_checkpoint(octets, vkey)
            else:
                need(803, "origin", found=checkpoint.origin, expected=vkey.partition("+")[0])
            if receipt is not None:
                need(803, "ledger", found=receipt["charter"], expected=self.state.fingerprint)
                last = receipt["first"] + receipt["count"] - 1
                for entry in (*self.entries, *self.governance):
                    if entry.index == last:
                        need(803, "leaf", found=receipt["leaf"], expected=entry.leaf.hex())
            if size == self.checkpoint.size:
                root = self.checkpoint.root.hex()
                need(803, "root", found=checkpoint.root.hex(), expected=root)
            if self.policy is not None:
                cosigned_at(self.policy, parse_note(octets))
        return vouched and (receipt is not None or size == self.checkpoint.size)

    def _nobody_known_signed(self, octets: bytes) -> bool:
        by = {(line.name, line.key_id.hex()) for line in parse_note(octets).lines}
        known = (vkey.split("+")[:2] for vkey in self.state.log_keys())
        return not any((name, key_id) in by for name, key_id in known)

    def _check_order(self) -> None:
        for check, entries in ((901, self.entries), (903, self.governance)):
            for before, after in pairwise(entries):
                if not before.index < after.index:
                    raise Refused(check, "entries do not ascend")
        shown = [element for element in self.elements if element["shown"] == "yes"]
        if not 1 <= len(shown) <= MAX_EVIDENCE_EVENTS:
            raise Refused(901, "shows no event, or too many", found=str(len(shown)))

    def _submissions(self) -> dict[int, list[int]]:
        """Return the places in `entries` of each submission, by the index of its first entry."""
        found: dict[int, list[int]] = {}
        for place, entry in enumerate(self.entries):
            found.setdefault(entry.index - entry.position, []).append(place)
        return found

    def _check_submissions_are_whole(self) -> None:
        for first, places in self._submissions().items():
            if self.entries[places[0]].index != first:
                raise Refused(901, "a submission has no first entry here", expected=str(first))
            if not any(self.elements[place]["shown"] == "yes" for place in places):
                raise Refused(901, "nothing of a submission is shown", found=str(first))
            for place in places[1:]:
                need(901, "shown", found=self.elements[place]["shown"], expected="yes")

    def _check_inclusions(self) -> None:
        for places in self._submissions().values():
            statement = self.entries[places[0]].body["statement"]
            for place in places:
                entry, element = self.entries[place], self.elements[place]
                with at_entry(entry.index):
                    check_inclusion(
                        index=entry.index,
                        size=self.checkpoint.size,
                        leaf=entry.leaf,
                        proof=[bytes.fromhex(each) for each in element.get("proof", [])],
                        root=self.checkpoint.root,
                    )
                    self._check_path(entry, element, statement)

    def _check_path(self, entry: Entry, element: Object, statement: Object) -> None:
        if element["shown"] == "no" or statement["count"] == 1:
            need(901, "path is there", found="path" in element, expected=False)
            return
        try:
            check_inclusion(
                index=entry.position,
                size=statement["count"],
                leaf=bytes.fromhex(entry.id),
                proof=[bytes.fromhex(each) for each in element.get("path", [])],
                root=bytes.fromhex(statement["root"]),
            )
        except Refused as problem:
            raise Refused(504, f"path: {problem.where}") from problem

    def _check_latest_changed_the_log_key(self) -> None:
        latest = self.governance[-1].index
        if "latest" in self.body:
            before = self.state.log_key_after(latest)
            if self.state.log_key_after(latest + 1) == before:
                raise Refused(901, "a governance entry is later than what is shown")

    def _check_latest(self, last: int) -> None:
        latest = self.governance[-1]
        need(901, "latest", found="latest" in self.body, expected=latest.index >= max(last, 1))
        if "latest" in self.body:
            with at_entry(latest.index):
                check_inclusion(
                    index=latest.index,
                    size=self.checkpoint.size,
                    leaf=latest.leaf,
                    proof=[bytes.fromhex(each) for each in self.body["latest"]],
                    root=self.checkpoint.root,
                )

    def _check_governance(self) -> None:
        last = max(self._submissions())
        self._check_latest(last)
        need(903, "first governance entry", found=self.governance[0].index, expected=0)
        shown = {entry.index: entry for entry in self.entries}
        for entry in self.governance:
            with at_entry(entry.index):
                if entry.event["kind"] not in GOVERNANCE or entry.position != 0:
                    raise Refused(903, "not a governance entry", found=entry.event["kind"])
                if entry.index in shown:
                    need(903, "leaf", found=entry.leaf, expected=shown[entry.index].leaf)
        here = [entry.index for entry in self.governance]
        stop = max(last, here[-1])
        for entry in self.entries:
            if entry.event["kind"] in GOVERNANCE and entry.index < stop and entry.index not in here:
                raise Refused(903, "a governance entry that is shown is not in the chain")

    def _check_covering(self) -> list[tuple[int, bytes]]:
        """Return the size and the octets of each cosigned checkpoint beside the file's own."""
        found = []
        for element in self.body.get("covering", []):
            octets = element["note"].encode("utf-8")
            try:
                own = parse_checkpoint(octets)
                vkey = self.state.log_key_after(own.size)
                read_checkpoint(octets, vkey)
            except Refused as problem:
                raise Refused(204, problem.where) from problem
            name, key_id, _ = vkey.split("+", 2)
            lines = [(line.name, line.key_id.hex()) for line in parse_note(octets).lines]
            if set(lines) == {(name, key_id)}:
                raise Refused(901, "covering: nobody cosigned it")
            if own.size <= min(entry.index for entry in self.entries):
                raise Refused(901, "covering: of nothing that is shown")
            proof = [bytes.fromhex(each) for each in element.get("proof", [])]
            try:
                check_consistency(
                    old_size=own.size, size=self.checkpoint.size, old_root=own.root,
                    root=self.checkpoint.root, proof=proof,
                )  # fmt: skip
            except Refused as problem:
                raise Refused(902, problem.where) from problem
            found.append((own.size, hashlib.sha256(octets).digest(), octets))
        if found != sorted(set(found)):
            raise Refused(901, "covering is out of order")
        return [(size, octets) for size, _, octets in found]

    def _check_stamps(self) -> None:
        found = []
        for element in self.body.get("stamps", []):
            try:
                token = decode_base64(element["token"])
            except Malformed as problem:
                raise Refused(901, "stamps: no base64") from problem
            if element["size"] <= min(entry.index for entry in self.entries):
                raise Refused(901, "stamps: of nothing that is shown")
            try:
                check_consistency(
                    old_size=element["size"], size=self.checkpoint.size,
                    old_root=bytes.fromhex(element["root"]), root=self.checkpoint.root,
                    proof=[bytes.fromhex(each) for each in element.get("proof", [])],
                )  # fmt: skip
            except Refused as problem:
                raise Refused(902, problem.where) from problem
            found.append((element["size"], hashlib.sha256(token).digest()))
        if found != sorted(set(found)):
            raise Refused(901, "stamps are out of order")

    def _check_times(self, notes: dict[str, bytes]) -> None:
        def weighs(size: int) -> Policy:
            charter = self.state.charter_after(size).body
            return self.policy or parse_policy(format_policy(charter))

        covering = self._check_covering()
        self._check_stamps()
        covering.append((self.checkpoint.size, self.body["checkpoint"].encode("utf-8")))
        heads = [entry for entry in self.entries if entry.position == 0]
        for head in heads:
            seen = head.body["statement"].get("seen")
            times = []
            if seen is not None:
                times.append(signed_after_s(weighs(seen["size"]), parse_note(notes[seen["note"]])))
            tolerance_s = self.state.charter_after(max(1, head.index)).body["tolerance_s"]
            by_s = [
                existed_by_s(
                    weighs(size), [parse_note(each) for other, each in covering if other == size]
                )
                for size, _ in covering
                if size > head.index
            ]
            with at_entry(head.index):
                check_recorded(
                    head.recorded,
                    tolerance_s,
                    [at_s for at_s in times if at_s is not None],
                    [at_s for at_s in by_s if at_s is not None],
                )

    def _notes(self) -> dict[str, bytes]:
        octets = [note.encode("utf-8") for note in self.body.get("notes", [])]
        names = [hashlib.sha256(note).hexdigest() for note in octets]
        wanted: list[str] = []
        for entry in self.entries:
            seen = entry.body.get("statement", {}).get("seen")
            if seen is not None and seen["note"] not in wanted:
                wanted.append(seen["note"])
        for name in wanted:
            if name not in names:
                raise Refused(507, "the note of seen is missing", expected=name)
        need(901, "notes", found=names, expected=wanted)
        return dict(zip(names, octets, strict=True))

    def _run_state(self, notes: dict[str, bytes]) -> None:
        submissions: dict[int, list[Entry]] = {
            first: [self.entries[place] for place in places]
            for first, places in self._submissions().items()
        }
        concerned = list(submissions)
        for entry in self.governance:
            submissions.setdefault(entry.index, [entry])
        before: Entry | None = None
        for first in sorted(submissions):
            for entry in submissions[first]:
                if before is not None and before.index + 1 == entry.index:
                    with at_entry(entry.index):
                        prev = entry.body.get("prev")
                        need(403, "prev", found=prev, expected=before.leaf.hex())
                before = entry
            with at_entry(first):
                self.state.admit(submissions[first], notes if first in concerned else None)

    def _check_disclosures(self) -> None:
        lines = self.body.get("disclosures", [])
        indexes = [line["index"] for line in lines]
        if indexes != sorted(set(indexes)):
            raise Refused(701, "disclosures do not ascend")
        shown = {
            entry.index: entry.event
            for entry, element in zip(self.entries, self.elements, strict=True)
            if element["shown"] == "yes"
        }
        for line in lines:
            if line["index"] not in shown:
                raise Refused(901, "disclosures of what is not shown", found=str(line["index"]))
            event = shown[line["index"]]
            owner = event.get("event", event)
            with at_entry(line["index"]):
                for encoded in disclosures_of(line["claims"], owner):
                    check_belongs(encoded, owner)
