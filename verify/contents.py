"""What stands around the entries of an export: paths, manifest, policy, files (SPEC section 11)."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from verify.checks import Check
from verify.chunk import OpenedFile
from verify.codec import Count, Decoder, Hash, Label, Wire
from verify.errors import MalformedError
from verify.kinds import Charter
from verify.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    VerifierKey,
    key_id,
)
from verify.notes import PATH as NOTES_PATH
from verify.notes import log_vkey
from verify.policy import Policy, Witness, format_policy, threshold_policy
from verify.report import Finding
from verify.source import Source
from verify.submission import LedgerName, gather_name
from verify.tiles import bundles_of, entries_path, tile_path, tiles_of

__all__ = [
    "MANIFEST",
    "FileResult",
    "Manifest",
    "WantedFile",
    "charter_policy",
    "check_file",
    "check_files",
    "check_layout",
    "format_charter_policy",
    "parse_manifest",
    "read_small",
]

MANIFEST = "manifest.json"

_BLOCK = 1 << 20


class Manifest(Wire, frozen=True, kw_only=True, tag_field="type", tag="counterfoil-manifest/v1"):
    """For whom an export is, and what it says it holds."""

    audience: Label
    disclosures: Count
    files: Count
    left_out: Count
    ledger: LedgerName
    root: Hash
    size: Count
    spec: Literal["counterfoil/1"]


_MANIFEST = Decoder(
    Manifest, name=MANIFEST, gather=lambda manifest, texts: gather_name(manifest.ledger, texts)
)


def parse_manifest(data: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        MalformedError: It is not canonical or not of the schema.

    Source: SPEC section 11.5.
    """
    return _MANIFEST.decode(data)


def check_layout(source: Source, size: int) -> Iterator[Finding]:
    """Yield a finding for each path that is missing or has no place in an export of this size.

    Source: SPEC sections 11 and 11.1.
    """
    wanted = {"checkpoint", MANIFEST, "policy"}
    optional = {NOTES_PATH, "disclosures.jsonl"}
    tiles = {entries_path(number=b.number, width=b.width) for b in bundles_of(size)}
    widths = {
        tile_path(level=t.level, number=t.number, width=t.width): t.width for t in tiles_of(size)
    }
    found = set(source.paths())
    # A link or a pipe has a name here, and nothing that could be read.
    irregular = {path for path in found if path[0] != "." and source.size(path) is None}
    regular = found - irregular
    for path in sorted(irregular):
        yield Finding(Check.LAYOUT, path, "is no regular file")
    for path in sorted(wanted - found):
        yield Finding(Check.LAYOUT, path, "is missing")
    for path in sorted((tiles | widths.keys()) - found):
        yield Finding(Check.TILE_MISSING, path, "is missing")
    for path, width in widths.items():
        if path in regular and source.size(path) != width * 32:
            reason = "has another length than its hashes"
            yield Finding(
                Check.TILE_MISSING, path, reason, None, expected=str(width * 32),
                found=str(source.size(path)),
            )  # fmt: skip
    for path in sorted(regular - wanted - optional - tiles - widths.keys()):
        if not path.startswith((".", "files/")):
            yield Finding(Check.LAYOUT, path, "has no place in an export of this size")
    for path in sorted(optional & regular):
        if not source.size(path):
            yield Finding(Check.LAYOUT, path, "is empty: it should not be there")


class WantedFile(msgspec.Struct, frozen=True):
    """A file that disclosures name by its hash, and the sizes that they say it has."""

    sha256: str
    sizes: tuple[int, ...]


class FileResult(msgspec.Struct, frozen=True):
    """The size and hash that a file was found to have.

    The size is -1 where there is no file; the hash is empty where nobody has to know it.
    """

    size: int
    sha256: str


def check_file(source: Source, wanted: WantedFile) -> FileResult:
    """Hash a file, a block at a time.

    A file of a size that no disclosure states is another file, and is not read: it can be of any
    size, and take none on the disk.
    """
    path = f"files/{wanted.sha256}"
    size = source.size(path)
    if size is None:
        return FileResult(-1, "")
    if size not in wanted.sizes:
        return FileResult(size, "")
    state = hashlib.sha256()
    for start in range(0, size, _BLOCK):
        state.update(source.read(path, start, min(start + _BLOCK, size)))
    return FileResult(size, state.hexdigest())


def check_files(
    source: Source,
    files: Sequence[OpenedFile],
    hashes: Callable[[Iterable[WantedFile]], Iterator[FileResult]],
) -> Iterator[Finding]:
    """Yield a finding for each file that is missing, is another, or that nothing names.

    Args:
        source: The export.
        files: The files that disclosures name.
        hashes: Gives `check_file` of each file, in order.

    Source: SPEC section 11.3.
    """
    sizes: dict[str, set[int]] = {}
    for file in files:
        sizes.setdefault(file.sha256, set()).add(file.size)
    names = sorted(sizes)
    wanted_files = [WantedFile(name, tuple(sorted(sizes[name]))) for name in names]
    results = dict(zip(names, hashes(wanted_files), strict=True))
    for file in files:
        found = results[file.sha256]
        size, sha256 = found.size, found.sha256
        where = f"files/{file.sha256}"
        if size < 0:
            reason = f"is missing: {file.name} names it"
            yield Finding(Check.FILE_MISSING, where, reason, file.entry)
        elif size != file.size:
            reason = f"has not the size that {file.name} says"
            yield Finding(
                Check.FILE, where, reason, file.entry, expected=str(file.size), found=str(size)
            )
        elif sha256 != file.sha256:
            reason = f"is not the file that {file.name} names"
            yield Finding(Check.FILE, where, reason, file.entry, expected=file.sha256, found=sha256)
    wanted = {f"files/{name}" for name in names}
    for path in sorted(path for path in source.paths() if path.startswith("files/")):
        if path not in wanted:
            yield Finding(Check.FILE_UNUSED, path, "no disclosure here names it")


def charter_policy(charter: Charter) -> Policy:
    """Make the policy that a charter stands for.

    Source: SPEC section 11.4.
    """
    witnesses = []
    for number, witness in enumerate(charter.witnesses or (), 1):
        ed25519 = witness.algorithm == "ed25519"
        algorithm = COSIGNATURE_ED25519 if ed25519 else COSIGNATURE_ML_DSA_44
        public = bytes.fromhex(witness.key)
        identity = key_id(name=witness.name, algorithm=algorithm, public=public)
        key = VerifierKey(name=witness.name, key_id=identity, algorithm=algorithm, public=public)
        witnesses.append(Witness(f"w{number}", key))
    log = log_vkey(charter.origin, charter.log_key)
    return threshold_policy(log=log, witnesses=witnesses, threshold=charter.quorum)


def format_charter_policy(charter: Charter) -> bytes:
    """Write the tlog-policy that a charter stands for.

    Source: SPEC section 11.4.
    """
    return format_policy(charter_policy(charter))


def read_small(source: Source, path: str, *, limit: int) -> bytes:
    """Read a file that is small or bad.

    Raises:
        MalformedError: It is missing or larger than `limit` octets.
    """
    size = source.size(path)
    if size is None:
        raise MalformedError(path, "is missing")
    if size > limit:
        raise MalformedError(path, f"is larger than {limit} octets")
    return source.read(path)
