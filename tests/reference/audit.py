"""Section 12: the audit of an export."""

import hashlib
import re
from collections.abc import Mapping, Sequence

from tests.reference.canonical import Object, encode, parse
from tests.reference.claims import Disclosure, check_belongs
from tests.reference.entries import Entry
from tests.reference.events import event_id
from tests.reference.exports import LINE, Export, disclosures_of, lines_of, size_of_note
from tests.reference.findings import DAMAGE, Report, stop_at_another_version
from tests.reference.notes import Note, parse_checkpoint, parse_note, read_checkpoint
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
from tests.reference.tree import tree_hash


def audit_export(
    files: Mapping[str, bytes],
    *,
    log_key: str | None = None,
    fingerprint: str | None = None,
    receipts: Sequence[bytes] = (),
    policy: bytes | None = None,
) -> Report:
    """Run every check of section 12 over an export.

    Args:
        files: The octets of its files, by relative path.
        log_key: The vkey of the log that the reader trusts.
        fingerprint: The fingerprint that the reader trusts, in hex.
        receipts: Receipts that the reader holds.
        policy: The policy that the reader applies.

    Raises:
        UnknownVersion: The export is of a version that this verifier does not know.
    """
    applied = None if policy is None else parse_policy(policy)
    audit = _Audit(files, applied)
    return audit.run(log_key=log_key, fingerprint=fingerprint, receipts=receipts)


class _Audit(Export):
    """One run over one export; the stages are called in the order in which they stand."""

    def __init__(self, files: Mapping[str, bytes], policy: Policy | None) -> None:
        super().__init__(files)
        self.policy = policy
        self.state = Judge()
        self.disclosed: dict[tuple[str, str], Disclosure] = {}
        self.held = 0

    def run(
        self, *, log_key: str | None, fingerprint: str | None, receipts: Sequence[bytes]
    ) -> Report:
        self._read_manifest()
        self._read_checkpoint()
        if self.checkpoint is None:
            return self.findings.report(anchored=False)
        self._read_bundles()
        self._read_leaf_tiles()
        self._read_entries()
        self._settle_leaves()
        self._read_notes()
        self._run_state()
        if self.state.charters:
            self._check_signature_of_checkpoint()
            self._check_tiles()
            self._check_root()
            self._check_notes()
            self._check_times()
            self._check_disclosures()
            self._check_missing_disclosures()
            self._check_files()
            self._check_policy()
        self._check_layout()
        if self.state.charters:
            self._check_manifest()
            self._check_reader(log_key=log_key, fingerprint=fingerprint)
            for held in receipts:
                check = self._check_receipt if held.startswith(b"{") else self._check_held
                check(held)
        anchors = [log_key, fingerprint, self.policy, *receipts]
        return self.findings.report(anchored=any(each is not None for each in anchors))

    # What it says.

    def _run_state(self) -> None:
        broken = self.findings.has(range(203, 204))
        for group in self.findings.groups:
            entries = [self.entries[index] for index in group]
            readable = [entry for entry in entries if entry is not None]
            altered = any(index in self.findings.spoiled for index in group)
            if len(readable) < len(entries):
                broken = True
                self._skip(group)
                continue
            try:
                self.state.admit(readable, self.notes)
            except Refused as problem:
                if not altered:
                    stop_at_another_version(problem)
                at = next((index for index in group if index >= len(self.state.leaves)), group[0])
                self.findings.add(problem, at, after=broken)
                self._pass_over(readable, group)
            broken = broken or altered

    def _skip(self, group: list[int]) -> None:
        for index in group:
            entry = self.entries[index]
            if entry is not None:
                self._pass_over([entry], [index])
            elif len(self.state.leaves) == index:
                self.state.leaves.append(self.leaves[index])

    def _pass_over(self, entries: list[Entry], group: list[int]) -> None:
        # Some of them may have been taken up before the refusal.
        left = [
            entry
            for entry, index in zip(entries, group, strict=True)
            if index >= len(self.state.leaves)
        ]
        self.state.pass_over(left)

    def _check_signature_of_checkpoint(self) -> None:
        try:
            vkey = self.state.log_key_after(self.size)
            read_checkpoint(self.files["checkpoint"], vkey)
        except Refused as problem:
            damaged = self.findings.has(*DAMAGE)
            self.findings.add(Refused(201, problem.where, found=problem.found), after=damaged)

    def _check_tiles(self) -> None:
        level = 1
        while count := self.size >> (8 * level):
            tiles = self._tiles(str(level), count, 32)
            for number, (path, _width, octets) in enumerate(tiles):
                if octets != self._tile(level, number, len(octets) // 32):
                    problem = Refused(302, path)
                    self.findings.add(problem, after=self.findings.has(*DAMAGE))
            level += 1

    def _tile(self, level: int, number: int, width: int) -> bytes:
        span = 256**level
        starts = [(256 * number + place) * span for place in range(width)]
        return b"".join(tree_hash(self.leaves[start : start + span]) for start in starts)

    def _check_root(self) -> None:
        assert self.checkpoint is not None
        try:
            root = tree_hash(self.leaves)
            need(304, "root", found=root.hex(), expected=self.checkpoint.root.hex())
        except Refused as problem:
            damaged = self.findings.has(*DAMAGE, range(201, 202))
            self.findings.add(problem, after=damaged)

    def _check_notes(self) -> None:
        named = [
            entry.body["statement"]["seen"]["note"]
            for entry in self.entries
            if entry is not None and "seen" in entry.body.get("statement", {})
        ]
        damaged = self.findings.has(*DAMAGE)
        for name, octets in self.notes.items():
            try:
                self._check_kept_note(octets, is_named=name in named)
            except Refused as problem:
                self.findings.add(problem, after=damaged)

    def _check_kept_note(self, octets: bytes, *, is_named: bool) -> None:
        try:
            checkpoint = parse_checkpoint(octets)
            vkey = self.state.log_key_after(checkpoint.size)
            read_checkpoint(octets, vkey)
        except Refused as problem:
            raise Refused(204, problem.where) from problem
        if checkpoint.size > self.size:
            return
        root = tree_hash(self.leaves[: checkpoint.size]).hex()
        need(205, "root of a kept note", found=checkpoint.root.hex(), expected=root)
        name, key_id, _ = vkey.split("+", 2)
        others = [
            line
            for line in parse_note(octets).lines
            if (line.name, line.key_id.hex()) != (name, key_id)
        ]
        if not is_named and not others:
            raise Refused(206, "a kept note is neither named nor cosigned")

    # When it was.

    def _weighs(self, size: int) -> Policy:
        return self.policy or parse_policy(format_policy(self.state.charter_after(size).body))

    def _check_times(self) -> None:
        readable = [octets for octets in self.notes.values() if size_of_note(octets) is not None]
        kept: dict[int, list[Note]] = {}
        for octets in [*readable, self.files["checkpoint"]]:
            kept.setdefault(parse_checkpoint(octets).size, []).append(parse_note(octets))
        statements = [entry for entry in self.entries if entry and "statement" in entry.body]
        damaged = self.findings.has(*DAMAGE, range(201, 207))
        if damaged:
            return  # whatever the times are, the export is invalid
        for entry in statements:
            tolerance_s = self.state.charter_after(max(1, entry.index)).body["tolerance_s"]
            try:
                check_recorded(
                    entry.recorded,
                    tolerance_s,
                    self._after(entry),
                    self._by(entry, kept),
                )
            except Refused as problem:
                self.findings.add(problem, entry.index)

    def _after(self, entry: Entry) -> list[int]:
        seen = entry.body["statement"].get("seen")
        if seen is None:
            return []
        at_s = signed_after_s(self._weighs(seen["size"]), parse_note(self.notes[seen["note"]]))
        return [] if at_s is None else [at_s]

    def _by(self, entry: Entry, kept: Mapping[int, Sequence[Note]]) -> list[int]:
        times = [
            existed_by_s(self._weighs(size), notes)
            for size, notes in kept.items()
            if size > entry.index
        ]
        return [at_s for at_s in times if at_s is not None]

    # What was disclosed.

    def _check_disclosures(self) -> None:
        if "disclosures.jsonl" not in self.files:
            return
        try:
            with refusing(701):
                parsed = []
                for line in lines_of(self.files["disclosures.jsonl"], "disclosures.jsonl"):
                    value = parse(line)
                    LINE(value, "line")
                    assert isinstance(value, dict)
                    parsed.append(value)
                indexes = [value["index"] for value in parsed]
                if indexes != sorted(set(indexes)):
                    raise Malformed("lines do not ascend")
        except Refused as problem:
            self.findings.add(problem)
            return
        for value in parsed:
            self.held += len(value["claims"])
            self._check_line(value["index"], value["claims"])

    def _check_line(self, index: int, claims: Object) -> None:
        if index >= self.size:
            self.findings.add(Refused(702, "a line is for no entry"), index)
            return
        entry = self.entries[index] if index < len(self.entries) else None
        if entry is None:
            return
        owner = entry.event.get("event", entry.event)
        if "sealed" not in owner:
            self.findings.add(Refused(702, "a line is for an entry that seals nothing"), index)
            return
        for encoded in disclosures_of(claims, owner):
            try:
                said = check_belongs(encoded, owner)
                self.disclosed[event_id(encode(owner)), said.name] = said
                self._check_audience(owner, said.name)
            except Refused as problem:
                self.findings.add(problem, index)

    def _check_audience(self, owner: Object, name: str) -> None:
        if self.manifest is None or name not in owner.get("audience", {}):
            return
        if self._is_hidden(owner, name):
            raise Refused(705, f"{name} is not for {self.manifest['audience']}")

    def _is_hidden(self, owner: Object, name: str) -> bool:
        """Say whether an event limits a claim to an audience that this export's is not of."""
        reader = "public" if self.manifest is None else self.manifest["audience"]
        limited = name in owner.get("audience", {})
        return limited and (
            reader == "public" or reader not in [owner["author"], *owner["audience"][name]]
        )

    def _sealing(self) -> list[tuple[int, Object]]:
        """Return every event that seals claims, with its entry's index."""
        events = [
            (entry.index, entry.event.get("event", entry.event))
            for entry in self.entries
            if entry is not None
        ]
        return [(index, event) for index, event in events if "sealed" in event]

    def _handed_over(self) -> list[tuple[str, str]]:
        """Return event id and claim name of all that was withheld at first and opened since."""
        return [
            (entry.event["of"], name)
            for entry in self.entries
            if entry is not None and entry.event["kind"] == "opening/v1"
            for name in entry.event.get("names", [])
        ]

    def _check_missing_disclosures(self) -> None:
        erased = self.state.erased()
        handed_over = self._handed_over()
        malformed = self.findings.has(range(701, 702))
        for index, event in self._sealing():
            own = event_id(encode(event))
            for name in event["sealed"]:
                accounted = (
                    (own, name) in self.disclosed
                    or (name in event.get("withheld", []) and (own, name) not in handed_over)
                    or self._is_hidden(event, name)
                    or (own, name) in erased
                )
                if not accounted:
                    problem = Refused(704, f"{name} has no disclosure")
                    self.findings.add(problem, index, after=malformed)

    def _check_files(self) -> None:
        named: dict[str, list[int]] = {}
        for said in self.disclosed.values():
            if isinstance(said.value, dict):
                named.setdefault(said.value["sha256"], []).append(said.value["size"])
        for name, sizes in named.items():
            octets = self.files.get(f"files/{name}")
            if octets is None:
                self.findings.add(Refused(706, f"files/{name} is not there"))
                continue
            if hashlib.sha256(octets).hexdigest() != name or set(sizes) != {len(octets)}:
                self.findings.add(Refused(707, f"files/{name} is of another size or hash"))
        for path in self.files:
            if re.fullmatch("files/[0-9a-f]{64}", path):
                self.expected_paths.add(path)
                if path.removeprefix("files/") not in named:
                    unread = self.findings.has(range(701, 705), *DAMAGE)
                    self.findings.add(Refused(708, f"{path} is named nowhere"), after=unread)

    # What explains it.

    def _check_policy(self) -> None:
        expected = format_policy(self.state.charter_after(self.size).body)
        if "policy" in self.files and self.files["policy"] != expected:
            damaged = self.findings.has(*DAMAGE)
            self.findings.add(Refused(103, "policy is not the charter's"), after=damaged)

    def _check_layout(self) -> None:
        for path in ("policy", "manifest.json"):
            if path not in self.files:
                self.findings.add(Refused(101, f"{path} is missing"))
        for path in self.files:
            if path not in self.expected_paths and not re.fullmatch("files/[0-9a-f]{64}", path):
                unsure = path.startswith("tile/") and self.findings.has(range(301, 302))
                self.findings.add(Refused(101, f"{path} is no path of an export"), after=unsure)

    def _check_manifest(self) -> None:
        if self.manifest is None:
            return
        left_out = sum(
            (event_id(encode(event)), name) not in self.disclosed
            for _, event in self._sealing()
            for name in event["sealed"]
        )
        counted = {
            "disclosures": self.held,
            "files": sum(path.startswith("files/") for path in self.files),
            "left_out": left_out,
            "ledger": {
                "charter": self.leaves[0].hex(),
                "origin": self.state.charter_after(self.size).body["origin"],
            },
            "root": tree_hash(self.leaves).hex(),
            "size": len(self.leaves),
        }
        unsure = self.findings.has(range(701, 709), range(304, 305), *DAMAGE)
        try:
            for name, value in counted.items():
                need(102, f"manifest.{name}", found=self.manifest[name], expected=value)
            known = self.manifest["audience"] in ["public", *self.state.active_once]
            need(102, "manifest.audience is known", found=known, expected=True)
        except Refused as problem:
            self.findings.add(problem, after=unsure)

    # What the reader brought.

    def _check_reader(self, *, log_key: str | None, fingerprint: str | None) -> None:
        try:
            if log_key is not None:
                own = self.state.log_key_after(self.size)
                need(801, "log key", found=own, expected=log_key)
        except Refused as problem:
            self.findings.add(problem)
        try:
            if fingerprint is not None:
                need(802, "fingerprint", found=self.leaves[0].hex(), expected=fingerprint)
        except Refused as problem:
            self.findings.add(problem)
        if self.policy is not None:
            own = self.state.log_key_after(self.size)
            for breach in policy_problems(self.policy, own, self.files["checkpoint"]):
                self.findings.add(breach)

    def _check_held(self, data: bytes) -> None:
        """Compare a signed checkpoint that stands for a receipt."""
        try:
            with as_receipt():
                size = parse_checkpoint(data).size
                checkpoint = read_checkpoint(data, self.state.log_key_after(min(size, self.size)))
                older = len(self.leaves) < size
                need(803, "the export is older than the checkpoint", found=older, expected=False)
                root = tree_hash(self.leaves[:size])
                need(803, "root", found=root.hex(), expected=checkpoint.root.hex())
                if self.policy is not None:
                    cosigned_at(self.policy, parse_note(data))
        except Refused as problem:
            self.findings.add(problem)

    def _check_receipt(self, data: bytes) -> None:
        try:
            receipt, proof = parse_receipt(data)
            with as_receipt():
                size = parse_checkpoint(proof.checkpoint).size
                vkey = self.state.log_key_after(min(size, self.size))
                checkpoint = read_checkpoint(proof.checkpoint, vkey)
                need(803, "ledger", found=receipt["charter"], expected=self.leaves[0].hex())
                older = len(self.leaves) <= proof.index
                need(803, "the export is older than the receipt", found=older, expected=False)
                leaf = self.leaves[proof.index].hex()
                need(803, "leaf", found=leaf, expected=receipt["leaf"])
                if checkpoint.size <= len(self.leaves):
                    root = tree_hash(self.leaves[: checkpoint.size])
                    need(803, "root", found=root.hex(), expected=checkpoint.root.hex())
                if self.policy is not None:
                    cosigned_at(self.policy, parse_note(proof.checkpoint))
        except Refused as problem:
            self.findings.add(problem)
