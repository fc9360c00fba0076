"""Section 11: what lies in an export."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence

from tests.reference.canonical import SPEC, Object, encode, parse
from tests.reference.claims import FILE_OBJECT
from tests.reference.entries import Entry, parse_entry
from tests.reference.findings import DAMAGE, Findings
from tests.reference.kinds import CLAIM, LEDGER
from tests.reference.notes import Checkpoint, parse_checkpoint
from tests.reference.refusals import Malformed, Refused, refusing
from tests.reference.schema import (
    HEX_32,
    INDEX,
    NONCE,
    PARTY,
    fields,
    integer,
    mapping,
    text,
    words,
)
from tests.reference.tree import leaf_hash, tree_hash

MANIFEST = fields(
    {
        "type": words("counterfoil-manifest/v1"),
        "audience": PARTY,
        "disclosures": integer(0),
        "files": integer(0),
        "left_out": integer(0),
        "ledger": LEDGER,
        "root": HEX_32,
        "size": integer(0),
        "spec": words(SPEC),
    }
)


def _opened(value: object, where: str) -> None:
    """Refuse what is no pair of the random part of a salt and a claim's value."""
    if not isinstance(value, list) or len(value) != 2:
        raise Malformed(f"{where} is no pair")
    NONCE(value[0], f"{where}[0]")
    if not isinstance(value[1], str):
        FILE_OBJECT(value[1], f"{where}[1]")


LINE = fields({"claims": mapping(CLAIM, _opened, 512), "index": INDEX})


def tile_path(level: str, number: int, width: int) -> str:
    """Return the path of a tile of C2SP tlog-tiles; width 256 is a full one."""
    groups = f"{number % 1000:03d}"
    while number >= 1000:
        number //= 1000
        groups = f"x{number % 1000:03d}/{groups}"
    partial = "" if width == 256 else f".p/{width}"
    return f"tile/{level}/{groups}{partial}"


class Export:
    """What lies in an export; the stages are called in the order in which they stand."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = {path: octets for path, octets in files.items() if not path.startswith(".")}
        self.findings = Findings()
        self.expected_paths = {"checkpoint", "checkpoints", "disclosures.jsonl", "policy"}
        self.expected_paths.add("manifest.json")
        self.checkpoint: Checkpoint | None = None
        self.manifest: Object | None = None
        self.tile_leaves: list[bytes | None] = []
        self.octets: list[bytes | None] = []
        self.entries: list[Entry | None] = []
        self.leaves: list[bytes] = []
        self.notes: dict[str, bytes] = {}

    def _read_manifest(self) -> None:
        if "manifest.json" not in self.files:
            return
        try:
            with refusing(102):
                manifest = parse(self.files["manifest.json"])
                MANIFEST(manifest, "manifest")
                assert isinstance(manifest, dict)
                self.manifest = manifest
        except Refused as problem:
            self.findings.add(problem)

    def _read_checkpoint(self) -> None:
        if "checkpoint" not in self.files:
            self.findings.add(Refused(101, "checkpoint is missing"))
            return
        try:
            self.checkpoint = parse_checkpoint(self.files["checkpoint"])
        except Refused as problem:
            self.findings.add(problem)

    @property
    def size(self) -> int:
        assert self.checkpoint is not None
        return self.checkpoint.size

    def _tiles(self, level: str, count: int, hash_size: int) -> Iterator[tuple[str, int, bytes]]:
        """Yield path, width and octets of the tiles of a level; stop at the first that is missing.

        A checkpoint may claim a size that no list of paths could hold.
        """
        number = 0
        while 256 * number < count:
            width = min(256, count - 256 * number)
            path = tile_path(level, number, width)
            octets = self.files.get(path)
            if octets is None or (hash_size and len(octets) != width * hash_size):
                self.expected_paths.add(path)
                self.findings.add(
                    Refused(301, f"{path} is not there, or has the wrong length"),
                    after=self.findings.has(*DAMAGE),
                )
                return
            self.expected_paths.add(path)
            yield path, width, octets
            number += 1

    def _read_bundles(self) -> None:
        for path, width, octets in self._tiles("entries", self.size, 0):
            entries = split_bundle(octets)
            if entries is None or len(entries) != width:
                self.findings.add(Refused(303, path, expected=f"{width} entries"), len(self.octets))
                self.octets += [None] * width
            else:
                self.octets += entries

    def _read_leaf_tiles(self) -> None:
        for _path, _width, octets in self._tiles("0", self.size, 32):
            self.tile_leaves += [octets[at : at + 32] for at in range(0, len(octets), 32)]
        missing = len(self.octets) - len(self.tile_leaves)
        self.tile_leaves += [None] * max(0, missing)

    def _read_entries(self) -> None:
        problems: list[tuple[Refused, int]] = []
        for index, octets in enumerate(self.octets):
            entry = None
            try:
                entry = parse_entry(octets) if octets is not None else None
            except Refused as problem:
                problems.append((problem, index))
            self.entries.append(entry)
        self.findings.groups = _group(self.entries)
        for refused, index in problems:
            self.findings.add(refused, index)

    def _settle_leaves(self) -> None:
        """Let computed leaf hash, tile and the next `prev` vote (section 12, below the table)."""
        claimed: list[str | None] = [
            entry.body.get("prev") if entry is not None else None for entry in self.entries[1:]
        ]
        claimed.append(None)
        for index, octets in enumerate(self.octets):
            says = claimed[index]
            following = bytes.fromhex(says) if says is not None else None
            self.leaves.append(self._vote(index, octets, following))
        for entry, leaf in zip(self.entries, self.leaves, strict=True):
            if entry is not None:
                entry.leaf = leaf

    def _vote(self, index: int, octets: bytes | None, following: bytes | None) -> bytes:
        tile = self.tile_leaves[index]
        if octets is None:
            return tile or following or bytes(32)
        computed = leaf_hash(octets)
        others = [other for other in (tile, following) if other is not None]
        against = [other for other in others if other != computed]
        if not against:
            return computed
        damaged = Refused(401, "entry was altered", found=computed.hex(), expected=against[0].hex())
        if len(against) == 2:
            self.findings.add(damaged, index)
            return against[0]
        if computed not in others and not self._root_confirms(index, computed):
            self.findings.add(damaged, index)
            return against[0]
        if against[0] == tile:
            where = f"leaf hash {index}"
            found = Refused(302, where, found=against[0].hex(), expected=computed.hex())
            self.findings.add(found)
        else:
            found = Refused(403, "prev", found=against[0].hex(), expected=computed.hex())
            self.findings.add(found, index + 1)
        return computed

    def _root_confirms(self, index: int, leaf: bytes) -> bool:
        assert self.checkpoint is not None
        later = zip(self.tile_leaves[index + 1 :], self.octets[index + 1 :], strict=False)
        leaves = [*self.leaves, leaf, *(tile or leaf_hash(octets or b"") for tile, octets in later)]
        return tree_hash(leaves) == self.checkpoint.root

    def _read_notes(self) -> None:
        if "checkpoints" not in self.files:
            return
        try:
            with refusing(203):
                lines = lines_of(self.files["checkpoints"], "checkpoints")
                ordered = []
                for line in lines:
                    note = parse(line)
                    text(note, "note")
                    octets = str(note).encode("utf-8")
                    name = hashlib.sha256(octets).hexdigest()
                    self.notes[name] = octets
                    ordered.append((size_of_note(octets), name))
        except Refused as problem:
            self.findings.add(problem)
            return
        sizes = [pair for pair in ordered if pair[0] is not None]
        if sizes != sorted(set(sizes)) or len(set(ordered)) != len(ordered):
            self.findings.add(Refused(203, "checkpoints is out of order, or holds a note twice"))
        if any(size is not None and size > self.size for size, _ in ordered):
            self.findings.add(Refused(203, "a kept note is larger than the export"))


def disclosures_of(claims: Object, owner: Object) -> list[str]:
    """Make the disclosures that a line of section 11.3 stands for."""
    prefix = f"{owner['author']}.{owner['nonce']}."
    arrays = [[prefix + random, name, value] for name, (random, value) in claims.items()]
    return [
        base64.urlsafe_b64encode(encode(array)).rstrip(b"=").decode("ascii") for array in arrays
    ]


def split_bundle(octets: bytes) -> list[bytes | None] | None:
    """Return the entries of a bundle: u16 length, then the entry; None if it does not come out."""
    entries: list[bytes | None] = []
    while octets:
        length = int.from_bytes(octets[:2], "big")
        if len(octets) < 2 + length:
            return None
        entries.append(octets[2 : 2 + length])
        octets = octets[2 + length :]
    return entries


def lines_of(octets: bytes, where: str) -> list[bytes]:
    if not octets.endswith(b"\n"):
        raise Malformed(f"{where} does not end with LF")
    return octets[:-1].split(b"\n")


def size_of_note(octets: bytes) -> int | None:
    try:
        return parse_checkpoint(octets).size
    except Refused:
        return None


def _group(entries: Sequence[Entry | None]) -> list[list[int]]:
    """Group indexes into submissions; an entry that cannot be read goes with those before it."""
    groups: list[list[int]] = []
    wanted = 0
    for index, entry in enumerate(entries):
        starts = entry.position == 0 if entry is not None else wanted == 0
        if starts or not groups:
            groups.append([])
            known = entry is not None and "statement" in entry.body
            wanted = entry.body["statement"]["count"] if entry is not None and known else 1
        groups[-1].append(index)
        wanted = max(0, wanted - 1)
    return groups
