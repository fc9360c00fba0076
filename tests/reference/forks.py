"""Section 10.3: fork proofs, of witnesses with Ed25519 keys only."""

from typing import NamedTuple

from tests.reference import signatures
from tests.reference.canonical import parse
from tests.reference.entries import parse_entry
from tests.reference.notes import Note, check_note, decode_base64, format_vkey, parse_note
from tests.reference.refusals import Malformed, Refused, need, refusing
from tests.reference.schema import HEX_32, INDEX, anything, fields, pattern, several, text, words
from tests.reference.tree import check_consistency, check_inclusion, leaf_hash

_FORK = fields(
    {
        "type": words("counterfoil-fork/v1"),
        "checkpoints": several(text, 2),
        "lie": anything,
        "log_keys": several(text, 2),
    },
    {"charter": text},
)
_HASHES = several(HEX_32, 63)
_LIES = {
    "one-size": fields({"kind": text}),
    "other-past": fields({"kind": text, "past": HEX_32, "proof": _HASHES}),
    "other-entry": fields(
        {
            "kind": text,
            "index": INDEX,
            "leaves": several(HEX_32, 2),
            "proofs": anything,
        }
    ),
    "step-back": fields({"kind": text, "witness": text}),
}


class _Tree(NamedTuple):
    origin: str
    size: int
    root: bytes
    note: Note


def check_fork(data: bytes) -> None:
    """Refuse what convicts nobody [904]."""
    try:
        with refusing(904):
            _check(data)
    except Refused as problem:
        raise Refused(904, problem.where) from problem


def _check(data: bytes) -> None:
    if len(data) > 1 << 20:
        raise Malformed("fork is too large")
    fork = parse(data)
    _FORK(fork, "fork")
    assert isinstance(fork, dict)
    keys, texts, lie = fork["log_keys"], fork["checkpoints"], fork["lie"]
    need(904, "two checkpoints", found=len(texts), expected=2)
    need(904, "distinct keys", found=len(set(keys)), expected=len(keys))
    one, other = (_tree(note, key) for note, key in zip(texts, (keys[0], keys[-1]), strict=True))
    need(904, "origin", found=other.origin, expected=one.origin)
    if not isinstance(lie, dict) or str(lie.get("kind")) not in _LIES:
        raise Malformed("lie is none")
    _LIES[lie["kind"]](lie, "lie")
    if lie["kind"] == "one-size":
        need(904, "size", found=other.size, expected=one.size)
        need(904, "roots ascend", found=one.root < other.root, expected=True)
    elif lie["kind"] == "other-entry":
        _check_entries(lie, one, other)
    else:
        need(904, "sizes ascend", found=one.size < other.size, expected=True)
        if lie["kind"] == "other-past":
            need(904, "another past", found=lie["past"] != one.root.hex(), expected=True)
            check_consistency(
                old_size=one.size, size=other.size, old_root=bytes.fromhex(lie["past"]),
                root=other.root, proof=[bytes.fromhex(each) for each in lie["proof"]],
            )  # fmt: skip
        else:
            late, early = (_times(tree.note, lie["witness"]) for tree in (one, other))
            need(904, "later", found=max(late) > min(early), expected=True)
    if "charter" in fork:
        _check_charter(fork["charter"].encode(), one.origin, keys)


def _tree(note: str, key: str) -> _Tree:
    data = note.encode()
    check_note(data, key)
    lines = parse_note(data).text.decode().split("\n")
    if len(lines) < 4 or lines.pop() or "" in lines:
        raise Malformed("is no checkpoint")
    pattern("[1-9][0-9]{0,15}")(lines[1], "size")
    size, root = int(lines[1]), decode_base64(lines[2])
    need(904, "size", found=size < 2**53, expected=True)
    need(904, "root", found=len(root), expected=32)
    return _Tree(lines[0], size, root, parse_note(data))


def _check_entries(lie: dict[str, object], one: _Tree, other: _Tree) -> None:
    leaves, proofs, index = lie["leaves"], lie["proofs"], lie["index"]
    if not isinstance(leaves, list) or not isinstance(proofs, list) or not isinstance(index, int):
        raise Malformed("is none")
    need(904, "two of each", found=(len(leaves), len(proofs)), expected=(2, 2))
    need(904, "entries differ", found=leaves[0] != leaves[1], expected=True)
    for tree, leaf, proof in zip((one, other), leaves, proofs, strict=True):
        if proof != []:
            _HASHES(proof, "proof")
        check_inclusion(
            index=index, size=tree.size, leaf=bytes.fromhex(leaf), root=tree.root,
            proof=[bytes.fromhex(each) for each in proof],
        )  # fmt: skip


def _times(note: Note, vkey: str) -> list[int]:
    name, _, rest = vkey.partition("+")
    typed = decode_base64(rest.partition("+")[2])
    need(904, "a witness", found=(len(typed), typed[:1]), expected=(33, b"\x04"))
    written = format_vkey(name=name, algorithm=4, public=typed[1:])
    need(904, "its key ID", found=vkey, expected=written)
    key_id = vkey[len(name) + 1 : len(name) + 9]
    own = [line for line in note.lines if (line.name, line.key_id.hex()) == (name, key_id)]
    need(904, "cosigned", found=bool(own), expected=True)
    times = []
    for line in own:
        at = int.from_bytes(line.signature[:8], "big")
        need(904, "a time", found=0 < at < 2**63, expected=True)
        message = b"cosignature/v1\ntime %d\n" % at + note.text
        signatures.check_signature(typed[1:], message, line.signature[8:])
        times.append(at)
    return times


def _check_charter(octets: bytes, origin: str, keys: list[str]) -> None:
    entry = parse_entry(octets)
    need(904, "entry 0", found=entry.index, expected=0)
    need(904, "leaf", found=len(leaf_hash(octets)), expected=32)
    need(904, "a charter", found=entry.event["kind"], expected="charter/v1")
    need(904, "origin", found=entry.event["origin"], expected=origin)
    public = bytes.fromhex(str(entry.event["log_key"]))
    vkey = format_vkey(name=origin, algorithm=1, public=public)
    need(904, "its key", found=vkey in keys, expected=True)
