"""Vectors of evidence files."""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.damage import canonical
from tests.showing import evidence_of
from tests.vectors.councils import id_of
from tests.vectors.signatures import subproof
from tests.vectors.spelling import REF, Vectors, spelled, spellings, to_accept, to_refuse
from tests.world import (
    Said,
    World,
    cosign,
    founding_charter,
    inclusion,
    letter,
    public_hex,
    say,
    signing_key,
    witness,
)
from verify.evidence import format_evidence
from verify.kinds import (
    Date,
    Erasure,
    Hold,
    Knowledge,
    Link,
    Membership,
    Opening,
    Position,
    Sealed,
    Step,
)
from verify.submission import Seen

Object = dict[str, Any]
Change = Callable[[Object], object]


def evidence_vectors() -> Vectors:
    """Yield evidence files: sound ones, and those that one change has spoilt."""
    world = _cosigned_world()
    data = canonical(_full(world))
    yield to_accept("evidence", "with everything that a file can have", spelled(data))
    for shown in ((0,), (2,), (3,), (4, 5), (6, 7), (1, 3, 8)):
        plain = format_evidence(evidence_of(world, *shown))
        desc = f"of {', '.join(map(str, shown))}"
        yield to_accept("evidence", desc, spelled(plain))
    short = format_evidence(evidence_of(World().found(), 0))
    for desc, octets in spellings(short):
        yield to_refuse("evidence", desc, spelled(octets))
    for desc, change in (*_PARTS, *_HASHES, *_ORDERS, *_COVERED, *_STAMPED):
        changed = json.loads(data)
        change(changed)
        yield to_refuse("evidence", desc, spelled(canonical(changed)))
    for desc, change in _FEWER:
        changed = json.loads(data)
        change(changed)
        yield to_accept("evidence", desc, spelled(canonical(changed)))
    yield from _ruled()
    yield from _timed()
    yield from _rotated()
    yield from _of_another_version()


def _cosigned_world() -> World:
    """Return a ledger of nine entries, of which parties saw two cosigned checkpoints."""
    witnesses = tuple(witness(name) for name in ("w1", "w2", "w3"))
    world = World().found(witnesses=witnesses, quorum=2)
    world.enrol("southfold")
    world.join("southfold")
    _see(world)
    world.submit(letter("northmere", "One"), letter("northmere", "Two"), letter("northmere"))
    _see(world)
    world.submit(letter("southfold", withheld=("person.1",)))
    return world


def _see(world: World) -> None:
    """Record a letter by who saw the latest checkpoint, cosigned by two."""
    at_s = world.now // 1000
    world.submit(letter("northmere"), seen=_cosigned(world, (at_s, at_s + 1)))


def _cosigned(world: World, times: tuple[int, int]) -> Seen:
    """Keep the latest checkpoint, cosigned at these times; return what says that it was seen."""
    note = cosign(world.note(), *zip(("w1", "w2"), times, strict=True))
    world.keep(note)
    root = world.root(world.size).hex()
    return Seen(note=hashlib.sha256(note).hexdigest(), root=root, size=world.size)


def _full(world: World) -> Object:
    """Return evidence of entries 3, 5 and 7, with covering checkpoints and time stamps."""
    file: Object = json.loads(format_evidence(evidence_of(world, 3, 5, 7)))
    covering, stamps = [], []
    for size in (4, 6, world.size):
        at_s = world.now // 1000 + size
        note = cosign(world.note(size), ("w3", at_s), ("w1", at_s + 7))
        proof = _proof(world, size)
        covering.append({"note": note.decode(), **proof})
        token = base64.b64encode(b"token %d" % size).decode()
        stamps.append(
            {"certificates": "PEM", "root": world.root(size).hex(), "size": size, "token": token}
            | proof
        )
    return {**file, "covering": covering, "stamps": stamps}


def _proof(world: World, size: int) -> Object:
    hashes = subproof(world.leaves, size, whole=True) if size < world.size else []
    return {"proof": [node.hex() for node in hashes]} if hashes else {}


def _swap(*path: str) -> Change:
    """Let the first two of a list change places."""

    def change(file: Object) -> None:
        of: Any = file
        for name in path:
            of = of[int(name) if name.isdigit() else name]
        of[:2] = of[1::-1]

    return change


def _put(value: object, *path: str | int) -> Change:
    """Set a part of the file, or take it away where the value is None."""

    def change(file: Object) -> None:
        of: Any = file
        for name in path[:-1]:
            of = of[name]
        if value is None:
            del of[path[-1]]
        else:
            of[path[-1]] = value

    return change


def _again(*path: str | int) -> Change:
    """Let the first of a list be there twice."""

    def change(file: Object) -> None:
        of: Any = file
        for name in path:
            of = of[name]
        of.insert(0, of[0])

    return change


_Rows = Sequence[tuple[str, Change]]
_PARTS: _Rows = (
    ("no checkpoint", _put(None, "checkpoint")),
    ("an empty checkpoint", _put("", "checkpoint")),
    ("no entries", _put([], "entries")),
    ("no governance", _put([], "governance")),
    ("no disclosures, said so", _put([], "disclosures")),
    ("`latest` where nothing is later", _put([], "latest")),
    ("no note of a `seen`", _put(None, "notes")),
    ("one note of two", lambda file: file["notes"].pop()),
    ("a note that nobody names", lambda file: file["notes"].append(file["checkpoint"])),
    ("the same note twice", _again("notes")),
    ("an entry without its statement", lambda file: file["entries"].pop(1)),
    ("an entry without `shown`", _put(None, "entries", 0, "shown")),
    ("an entry that is perhaps shown", _put("unknown", "entries", 0, "shown")),
    ("nothing of a submission shown", _put("no", "entries", 0, "shown")),
    ("a later entry of a submission not shown", _put("no", "entries", 2, "shown")),
    ("a path where none belongs", _put([REF], "entries", 0, "path")),
    ("an empty path", _put([], "entries", 0, "path")),
    ("no path", _put(None, "entries", 2, "path")),
    ("a path at an entry not shown", _put([REF], "entries", 1, "path")),
    ("no proof", _put(None, "entries", 0, "proof")),
    ("governance without entry 0", lambda file: file["governance"].pop(0)),
    ("governance without an entry", lambda file: file["governance"].pop(1)),
    ("governance without its last", lambda file: file["governance"].pop()),
    ("governance that is none",
     lambda file: file["governance"].append(file["entries"][0]["entry"])),
    ("governance from the midst of a submission",
     lambda file: file["governance"].append(file["entries"][2]["entry"])),
    ("claims of what is not shown", _put(4, "disclosures", 0, "index")),
    ("claims of what is not here", _put(2**53 - 2, "disclosures", 2, "index")),
)  # fmt: skip
_HASHES: _Rows = (
    ("another proof", _put(REF, "entries", 0, "proof", 0)),
    ("a longer proof", lambda file: file["entries"][0]["proof"].append(REF)),
    ("another path", _put(REF, "entries", 2, "path", 0)),
    ("another signature", _put("5e" * 64, "entries", 0, "entry", "signature")),
    ("another recorded", _put(0, "entries", 0, "entry", "recorded")),
    ("another index", _put(9, "entries", 3, "entry", "index")),
    ("another prev in governance", _put(REF, "governance", 1, "prev")),
    ("another rules in governance", _put(REF, "governance", 2, "rules")),
    ("another rules", _put(REF, "entries", 0, "entry", "rules")),
    ("another random part of a salt", _put("5e" * 16, "disclosures", 0, "claims", "text", 0)),
    ("another value of a claim", _put("Not this", "disclosures", 0, "claims", "text", 1)),
    ("a number for a value", _put(7, "disclosures", 0, "claims", "text", 1)),
    ("a claim that the event does not seal", _put(["5e" * 16, "x"],
     "disclosures", 0, "claims", "order")),
)  # fmt: skip
_ORDERS: _Rows = (
    ("entries out of order", _swap("entries")),
    ("an entry twice", _again("entries")),
    ("governance out of order", _swap("governance")),
    ("governance twice", _again("governance")),
    ("disclosures out of order", _swap("disclosures")),
    ("disclosures of an entry twice", _again("disclosures")),
    ("notes out of order", _swap("notes")),
    ("covering out of order", _swap("covering")),
    ("covering twice", _again("covering")),
    ("stamps out of order", _swap("stamps")),
    ("stamps twice", _again("stamps")),
)


def _cut_note(file: Object) -> None:
    """Leave nothing but the log's own line on a covering checkpoint."""
    text, _, lines = file["covering"][0]["note"].rpartition("\n\n")
    file["covering"][0]["note"] = f"{text}\n\n{lines.splitlines()[0]}\n"


def _early(file: Object) -> None:
    """Show nothing that the first covering checkpoint covers."""
    file["entries"] = file["entries"][3:]
    file["disclosures"] = file["disclosures"][2:]
    del file["notes"]
    del file["stamps"]


_COVERED: _Rows = (
    ("a covering checkpoint without its proof", _put(None, "covering", 0, "proof")),
    ("an empty proof of a covering checkpoint", _put([], "covering", 2, "proof")),
    ("another proof of a covering checkpoint", _put(REF, "covering", 0, "proof", 0)),
    ("a proof where the sizes are equal", _put([REF], "covering", 2, "proof")),
    ("a covering checkpoint that nobody cosigned", _cut_note),
    ("a covering checkpoint that covers nothing", _early),
    ("a covering checkpoint that is none", _put("x", "covering", 0, "note")),
)  # fmt: skip
_STAMPED: _Rows = (
    ("a time stamp of another root", _put(REF, "stamps", 0, "root")),
    ("a time stamp without its proof", _put(None, "stamps", 0, "proof")),
    ("a time stamp of size 0", _put(0, "stamps", 0, "size")),
    ("a time stamp of another size", _put(5, "stamps", 0, "size")),
    ("a time stamp of a larger log", _put(10, "stamps", 2, "size")),
    ("a token in another spelling", _put("dG9rZW4gNB==", "stamps", 0, "token")),
    ("a token that is no base64", _put("token", "stamps", 0, "token")),
    ("no certificates", _put("", "stamps", 0, "certificates")),
)
_FEWER: _Rows = (
    ("without covering checkpoints", _put(None, "covering")),
    ("without time stamps", _put(None, "stamps")),
    ("without disclosures", _put(None, "disclosures")),
    ("without one claim", _put(None, "disclosures", 0, "claims", "text")),
    ("a token that is no token", _put("AAAA", "stamps", 0, "token")),
    ("certificates that are none", _put("\u2028", "stamps", 0, "certificates")),
)


def _ruled() -> Vectors:
    """Yield evidence of an event beside those that it speaks of, by the rules of section 9.7."""
    rows: list[tuple[bool, str, Callable[[World, str, str], Said]]] = [
        (False, "a ref to an event that is not here", lambda _w, _own, _other: say(
            Knowledge, "northmere", None, knower="northmere", of=REF, mode="told")),
        (False, "claims handed over", lambda _w, own, _other: say(
            Opening, "northmere", None, of=own, names=("person.1",))),
        (True, "claims handed over that were not withheld", lambda _w, own, _other: say(
            Opening, "northmere", None, of=own, names=("text",))),
        (True, "claims handed over of another's", lambda _w, _own, other: say(
            Opening, "northmere", None, of=other, names=("person.1",))),
        (True, "an opening of what is not sealed", lambda _w, own, _other: say(
            Opening, "northmere", None, of=own, event=letter("northmere").event)),
        (True, "a step of another kind", lambda _w, own, _other: say(
            Step, "northmere", None, of=own, target="request", verb="chase")),
        (True, "an erasure of another's, by who is not the controller", lambda _w, _own, other: say(
            Erasure, "northmere", None, of=other, names=("text",), ground="error")),
        (True, "an erasure of what is not sealed", lambda _w, own, _other: say(
            Erasure, "northmere", None, of=own, names=("order",), ground="error")),
        (True, "the end of what is no hold", lambda _w, own, _other: say(
            Hold, "northmere", None, ends=own)),
        (True, "the withdrawal of another's word", lambda _w, _own, other: say(
            Position, "northmere", None, on=other, stance="retract_own")),
        (True, "a link within this ledger by its fingerprint", lambda w, own, _other: letter(
            "northmere", links=(Link(event=own, rel="about", ledger=w.fingerprint),))),
    ]  # fmt: skip
    for refused, desc, made in rows:
        world = World().found(controller="southfold")
        world.enrol("southfold")
        own = world.submit(letter("northmere", withheld=("person.1",)))
        other = world.submit(letter("southfold", withheld=("person.1",)))
        at = world.submit(made(world, id_of(world, own), id_of(world, other)))
        file = format_evidence(evidence_of(world, own, other, at))
        yield (to_refuse if refused else to_accept)("evidence", desc, spelled(file))
    later = letter("northmere")
    nested = letter("northmere")
    dates = {"opens_by": Date(basis="stated", edtf="2030-01-01")}
    sealed = say(Sealed, "northmere", None, seals=nested.id, dates=dates)
    opening = say(Opening, "northmere", None, of=sealed.id, event=nested.event)
    for desc, of, last in (("shown", later, later), ("opened", nested, opening)):
        world = World().found()
        world.submit(sealed)
        at = world.submit(letter("northmere", links=(Link(event=of.id, rel="about"),)))
        after = world.submit(last)
        alone = format_evidence(evidence_of(world, at))
        both = format_evidence(evidence_of(world, at, after))
        yield to_accept("evidence", f"a ref to an event that is later {desc}", spelled(alone))
        yield to_refuse("evidence", f"a ref to a later event, {desc} here", spelled(both))
    world = World().found()
    at = world.submit(letter("northmere"), letter("northmere"))
    cut = json.loads(format_evidence(evidence_of(world, at)))
    cut["checkpoint"] = world.note(at + 1).decode()
    cut["entries"][0]["proof"] = [node.hex() for node in inclusion(world.leaves[: at + 1], at)]
    desc = "a submission that goes on beyond the checkpoint"
    yield to_refuse("evidence", desc, spelled(canonical(cut)))


def _timed() -> Vectors:
    """Yield evidence of an entry that is recorded at the edge of its bracket, and beyond [409]."""
    for late_s in (300, 301, -300, -301):
        world = World().found(witnesses=(witness("w1"), witness("w2")), quorum=2)
        at_s = world.now // 1000 + late_s
        if late_s > 0:
            seen = _cosigned(world, (at_s, at_s + 9))
            world.submit(letter("northmere"), seen=seen)
            file = json.loads(format_evidence(evidence_of(world, 1)))
            desc = f"recorded {late_s} s before a note that was seen was cosigned"
        else:
            world.submit(letter("northmere"))
            file = json.loads(format_evidence(evidence_of(world, 1)))
            note = cosign(world.note(), ("w1", at_s), ("w2", at_s - 9))
            file["checkpoint"] = note.decode()
            desc = f"recorded {-late_s} s after it was cosigned"
        make = to_accept if abs(late_s) == 300 else to_refuse
        yield make("evidence", desc, spelled(canonical(file)))


def _rotated() -> Vectors:
    """Yield evidence of a ledger whose log key changed after what is shown."""
    world = _cosigned_world()
    charter = founding_charter(
        "northmere", amends=id_of(world, 0), founding_key=None,
        log_key=public_hex(signing_key("log two")),
    )  # fmt: skip
    at = world.submit(charter)
    world.log_keys.append((at + 1, signing_key("log two")))
    world.submit(letter("northmere"))
    file = json.loads(format_evidence(evidence_of(world, 3)))
    yield to_accept("evidence", "a log key that changed later", spelled(canonical(file)))
    for desc, change in (
        ("the change of the log key without its proof", _put(None, "latest")),
        ("the change of the log key with another proof", _put(REF, "latest", 0)),
        ("without the change of the log key", lambda file: file["governance"].pop()),
    ):
        changed = json.loads(canonical(file))
        change(changed)
        yield to_refuse("evidence", desc, spelled(canonical(changed)))
    leave = say(Membership, "southfold", None, verb="leave", charter=world.fingerprint)
    at = world.submit(leave)
    file = json.loads(format_evidence(evidence_of(world, 3)))
    file["governance"].append(json.loads(world.entries[at]))
    yield to_refuse("evidence", "governance later than the log key", spelled(canonical(file)))


def _of_another_version() -> Vectors:
    """Yield evidence of a ledger whose charter became one of another version [104]."""
    world = _cosigned_world()
    charter = founding_charter(
        "northmere", amends=id_of(world, 0), founding_key=None, spec="counterfoil/2"
    )
    world.submit(charter)
    at = world.submit(letter("northmere"))
    file = json.loads(format_evidence(evidence_of(world, 3, at)))
    yield to_refuse("evidence", "another version", spelled(canonical(file)))
    for desc, change in (
        ("another version, and a kind of that", _put("telegram/v1", "entries", 1, "entry", "event",
         "kind")),
        ("another version, and a signature before", _put("5e" * 64, "entries", 0, "entry",
         "signature")),
        ("another version, and no checkpoint to read", _put("x", "checkpoint")),
        ("another version, and an entry too much", lambda file: file["governance"].append(
            file["entries"][1]["entry"])),
    ):  # fmt: skip
        changed = json.loads(canonical(file))
        change(changed)
        yield to_refuse("evidence", desc, spelled(canonical(changed)))
