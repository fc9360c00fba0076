"""What can happen to an export: by accident, by an outsider, or by a log that forges its own.

A mutation takes an export, or the world it came from, and returns another export. An accident
knows no key. A forger has the log's key, and no party's.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from tests.world import ORIGIN, World
from verify.checkpoint import Checkpoint, format_checkpoint
from verify.errors import VerifyError
from verify.merkle import leaf_hash
from verify.note import NoteSignature, format_note
from verify.notes import log_vkey
from verify.tiles import parse_bundle

__all__ = ["ACCIDENTS", "FORGERIES", "bundle_paths", "canonical", "forge", "rechain", "resign"]

Files = dict[str, bytes]
Entry = dict[str, Any]


def canonical(value: object) -> bytes:
    """Return the canonical encoding of a JSON value, as the standard library has it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def bundle_paths(files: Mapping[str, bytes]) -> list[str]:
    return sorted(path for path in files if path.startswith("tile/entries/"))


def resign(world: World, *, size: int, root: bytes) -> bytes:
    """Return a checkpoint of any size and root hash, signed by the log."""
    log = world.log_at(size)
    text = format_checkpoint(Checkpoint(origin=ORIGIN, size=size, root=root))
    identity = log_vkey(ORIGIN, bytes(log.verify_key).hex()).key_id
    return format_note(text, [NoteSignature(ORIGIN, identity, log.sign(text).signature)])


# Accidents


def _flip(files: Files, chance: Random) -> None:
    path = chance.choice([p for p in sorted(files) if files[p]])
    data = bytearray(files[path])
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    files[path] = bytes(data)


def _cut(files: Files, chance: Random) -> None:
    path = chance.choice(sorted(files))
    files[path] = files[path][: chance.randint(0, len(files[path]))]


def _grow(files: Files, chance: Random) -> None:
    path = chance.choice(sorted(files))
    files[path] += chance.choice([b"\n", b" ", b"0", b"{}", files[path][-40:], files[path]])


def _remove(files: Files, chance: Random) -> None:
    del files[chance.choice(sorted(files))]


def _add(files: Files, chance: Random) -> None:
    names = ["x", ".x", "files/x", "tile/0/x001/000", "tile/entries/001", "files/" + "0" * 64]
    names += ["checkpoints", "disclosures.jsonl", "tile/1/000.p/1"]
    files.setdefault(chance.choice(names), chance.choice([b"", b"x", b"\n", b"{}\n"]))


def _swap(files: Files, chance: Random) -> None:
    one, other = chance.choice(sorted(files)), chance.choice(sorted(files))
    files[one], files[other] = files[other], files[one]


def _lines(files: Files, chance: Random) -> None:
    paths = [p for p in ("disclosures.jsonl", "checkpoints", "policy", "checkpoint") if p in files]
    path = chance.choice(paths)
    lines = files[path].splitlines(keepends=True) or [b""]
    place = chance.randrange(len(lines))
    which = chance.randrange(4)
    if which == 0:
        del lines[place]
    if which == 1:
        lines.insert(chance.randrange(len(lines) + 1), lines[place])
    if which == 2:
        other = chance.randrange(len(lines))
        lines[place], lines[other] = lines[other], lines[place]
    if which == 3:
        lines[place] = lines[place].replace(b'"', b' "', 1)
    files[path] = b"".join(lines)


def _entries(files: Files, chance: Random) -> None:
    path = chance.choice(bundle_paths(files) or [""])
    try:
        entries = parse_bundle(files[path], where=path)
    except (KeyError, VerifyError):
        return
    place = chance.randrange(len(entries))
    which = chance.randrange(4)
    if which == 0:
        del entries[place]
    if which == 1:
        entries.insert(place, entries[place])
    if which == 2:
        other = chance.randrange(len(entries))
        entries[place], entries[other] = entries[other], entries[place]
    if which == 3:
        entries[place] = entries[chance.randrange(len(entries))]
    files[path] = b"".join(len(e).to_bytes(2, "big") + e for e in entries)


def _digit(files: Files, chance: Random) -> None:
    """Change one digit or letter for another, so that the text stays well-formed."""
    path = chance.choice([p for p in sorted(files) if files[p] and not p.startswith("tile/0")])
    data = bytearray(files[path])
    for _ in range(200):
        place = chance.randrange(len(data))
        if chr(data[place]) in "0123456789abcdef":
            data[place] = ord(chance.choice("0123456789abcdef"))
            break
    files[path] = bytes(data)


def _manifest(files: Files, chance: Random) -> None:
    if "manifest.json" not in files:
        return
    try:
        manifest = json.loads(files["manifest.json"])
    except ValueError:
        return
    if not isinstance(manifest, dict):
        return
    name = chance.choice(sorted(manifest))
    others = [0, 1, 99, "public", "southfold", "nobody", "00" * 32, "counterfoil/2", [], None, ""]
    manifest[name] = chance.choice(others)
    files["manifest.json"] = canonical(manifest)


ACCIDENTS: dict[str, Callable[[Files, Random], None]] = {
    "add": _add,
    "cut": _cut,
    "digit": _digit,
    "entries": _entries,
    "flip": _flip,
    "grow": _grow,
    "lines": _lines,
    "manifest": _manifest,
    "remove": _remove,
    "swap": _swap,
}


# Forgeries


def rechain(entries: Sequence[bytes]) -> list[bytes]:
    """Return the entries with each `prev` and `rules` made right again."""
    made: list[bytes] = []
    renamed: dict[str, str] = {}
    for old in entries:
        entry: Entry = json.loads(old)
        if isinstance(entry.get("prev"), str) and made:
            entry["prev"] = leaf_hash(made[-1]).hex()
        if isinstance(entry.get("rules"), str):
            entry["rules"] = renamed.get(entry["rules"], entry["rules"])
        made.append(canonical(entry))
        renamed[leaf_hash(old).hex()] = leaf_hash(made[-1]).hex()
    return made


def forge(world: World, entries: Sequence[bytes]) -> World:
    """Return the world that has other entries, and everything else as it was."""
    return World(
        entries=list(entries),
        disclosures={i: d for i, d in world.disclosures.items() if i < len(entries)},
        files=world.files,
        notes=world.notes,
        log=world.log,
        log_keys=world.log_keys,
        charter=world.charter,
        now=world.now,
    )


def _edited(world: World, chance: Random, edit: Callable[[Entry], None]) -> World:
    entries = list(world.entries)
    place = chance.randrange(len(entries))
    entry: Entry = json.loads(entries[place])
    edit(entry)
    entries[place] = canonical(entry)
    return forge(world, rechain(entries))


def _forge_field(world: World, chance: Random) -> World:
    def edit(entry: Entry) -> None:
        name = chance.choice(sorted({*entry, "prev", "rules", "signature", "statement"}))
        others: list[object] = [0, 1, 2, entry.get("index", 0) + 1, "00" * 32, "00" * 64, {}, "x"]
        entry[name] = chance.choice(others)

    return _edited(world, chance, edit)


def _forge_absence(world: World, chance: Random) -> World:
    return _edited(world, chance, lambda entry: entry.pop(chance.choice(sorted(entry))) and None)


def _forge_event(world: World, chance: Random) -> World:
    def edit(entry: Entry) -> None:
        event = entry["event"]
        name = chance.choice(sorted(event))
        others: list[object] = ["x", 7, "00" * 32, ["a", "a"], {}, [], -1, 2**53, "southfold"]
        event[name] = chance.choice(others)

    return _edited(world, chance, edit)


def _forge_statement(world: World, chance: Random) -> World:
    def edit(entry: Entry) -> None:
        statement = entry.get("statement")
        if statement is not None:
            name = chance.choice(sorted({*statement, "seen"}))
            seen = {"note": "00" * 32, "root": "00" * 32, "size": 1}
            statement[name] = chance.choice([0, 2, 10**15, "southfold", "00" * 32, {}, seen])

    return _edited(world, chance, edit)


def _forge_time(world: World, chance: Random) -> World:
    def edit(entry: Entry) -> None:
        now = entry["recorded"]
        others = [now - 1, now + 1, now + 10**6, now - 10**6, now + 40 * 86_400_000, 0]
        entry["recorded"] = chance.choice(others)

    return _edited(world, chance, edit)


def _forge_order(world: World, chance: Random) -> World:
    entries = list(world.entries)
    which, place = chance.randrange(3), chance.randrange(len(entries))
    if which == 0:
        del entries[place:]
    if which == 1:
        entries.insert(chance.randrange(len(entries)), entries[place])
    if which == 2:
        del entries[place]
    return forge(world, rechain(entries or world.entries))


def _forge_renumbered(world: World, chance: Random) -> World:
    """Leave an entry out, or add it again, and number the rest anew."""
    entries = list(world.entries)
    place = chance.randrange(len(entries))
    if chance.random() < 0.5 and len(entries) > 1:
        del entries[place]
    else:
        entries.append(entries[place])
    numbered = []
    for index, old in enumerate(entries):
        entry: Entry = json.loads(old)
        entry["index"] = index
        if index and "prev" not in entry:
            entry["prev"] = "00" * 32
        numbered.append(canonical(entry))
    return forge(world, rechain(numbered))


FORGERIES: dict[str, Callable[[World, Random], World]] = {
    "absence": _forge_absence,
    "event": _forge_event,
    "field": _forge_field,
    "order": _forge_order,
    "renumbered": _forge_renumbered,
    "statement": _forge_statement,
    "time": _forge_time,
}
