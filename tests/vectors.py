"""Test vectors for any implementation of `verify/SPEC.md`: what to accept and, mostly, to refuse.

    python -m tests.vectors     writes tests/vectors/*.json again, octet for octet the same

Each file holds a list of {"desc", "kind", "input", "verdict", "check"?}. Octets are {"text": ...}
where they are UTF-8, else {"hex": ...}; long ones may be {"parts": [...]}, where a part that has
"times" stands so often. `check` is the number of SPEC section 12 where the kernel
and the second verifier name the same one. Nothing is random: keys, nonces and salts follow from
names.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import nacl.bindings
from msgspec.structs import replace

from tests import reference
from tests.damage import ACCIDENTS, FORGERIES, canonical, forge, rechain, resign
from tests.forking import false_proofs, forked, one_world, true_proofs
from tests.moves import withholding
from tests.reference import signatures
from tests.world import (
    DAY_MS,
    ORIGIN,
    Said,
    Value,
    World,
    cosign,
    file_of,
    founding_charter,
    inclusion,
    letter,
    policy,
    public_hex,
    restart,
    say,
    signing_key,
    witness,
)
from verify.audit import Anchors, audit
from verify.checkpoint import check_checkpoint
from verify.claims import parse_disclosure
from verify.codec import encode
from verify.ed25519 import check_public_key, check_signature
from verify.entry import check_parts, parse_entry
from verify.errors import RuleError, VerifyError
from verify.events import (
    Account,
    Agreement,
    Approval,
    Arrangement,
    Artefact,
    Attestation,
    Charter,
    Commitment,
    Date,
    Discharge,
    Erasure,
    Hold,
    Key,
    Knowledge,
    Link,
    Meeting,
    Membership,
    Opening,
    Position,
    Request,
    Sealed,
    Sentence,
    Step,
    Thresholds,
    Transfer,
    parse_event,
)
from verify.fork import check_fork, parse_fork
from verify.merkle import check_consistency, check_inclusion, leaf_hash, root_hash
from verify.note import check_note, format_note, format_vkey, parse_note, parse_vkey
from verify.notes import log_vkey
from verify.policy import parse_policy
from verify.receipt import check_receipt_alone, parse_receipt
from verify.source import MappingSource
from verify.submission import Seen, check_disclosure, parse_document, parse_statement

__all__ = ["FOLDER", "KERNEL", "MAKERS", "REFERENCE", "judge", "make", "octets"]

Vector: TypeAlias = dict[str, Any]
Vectors: TypeAlias = Iterator[Vector]

FOLDER = Path(__file__).with_suffix("")
REF = "5e" * 32
ORDER = 2**252 + 27742317777372353535851937790883648493


class Refusal(Exception):  # noqa: N818 - the word of the specification
    """An audit's verdict, as an exception like any other refusal."""

    def __init__(self, check: int) -> None:
        super().__init__(check)
        self.check = check


def octets(value: Mapping[str, Any]) -> bytes:
    """Return the octets that a vector spells."""
    if "parts" in value:
        return b"".join(octets(part) * part.get("times", 1) for part in value["parts"])
    return value["text"].encode() if "text" in value else bytes.fromhex(value["hex"])


_RUN = re.compile(rb"(.{1,12}?)\1{199,}", re.DOTALL)


def spelled(data: bytes) -> Vector:
    """Spell octets for a vector, long runs of one text as its number of times."""
    run = _RUN.search(data) if len(data) > 50_000 else None
    if run is not None:
        times = len(run[0]) // len(run[1])
        rest = [spelled(data[: run.start()]), {**spelled(run[1]), "times": times}]
        return {"parts": [*rest, spelled(data[run.end() :])]}
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"hex": data.hex()}


# What judges: the kernel, and the second verifier


def _entry(given: Vector) -> None:
    entry = parse_entry(octets(given))
    check_parts(entry)
    parse_event(entry.event)


def _receipt(given: Vector) -> None:
    check_receipt_alone(parse_receipt(octets(given["receipt"])), key=parse_vkey(given["vkey"]))


def _export(given: Vector) -> None:
    files = {path: octets(data) for path, data in given["files"].items()}
    policy = parse_policy(octets(given["policy"])) if "policy" in given else None
    report = audit(MappingSource(files), anchors=Anchors(policy=policy))
    if report.findings:
        raise Refusal(report.findings[0].check)


def _reference_receipt(given: Vector) -> None:
    _, proof = reference.parse_receipt(octets(given["receipt"]))
    try:
        reference.read_checkpoint(proof.checkpoint, given["vkey"])
    except reference.Refused as problem:
        raise reference.Refused(803, problem.where) from problem


def _reference_export(given: Vector) -> None:
    files = {path: octets(data) for path, data in given["files"].items()}
    try:
        policy = octets(given["policy"]) if "policy" in given else None
        report = reference.audit_export(files, policy=policy)
    except reference.UnknownVersion as problem:
        raise Refusal(104) from problem
    if report.findings:
        raise Refusal(report.findings[0].check)


def _hashes(values: list[str]) -> list[bytes]:
    return [bytes.fromhex(value) for value in values]


def _tree(given: Vector, **names: str) -> dict[str, Any]:
    hashes = {name: bytes.fromhex(given[key]) for name, key in names.items()}
    return {**hashes, "proof": _hashes(given["proof"])}


KERNEL: dict[str, Callable[[Vector], object]] = {
    "event": lambda v: parse_event(octets(v)),
    "statement": lambda v: parse_statement(octets(v)),
    "entry": _entry,
    "document": lambda v: parse_document(octets(v)),
    "disclosure": lambda v: check_disclosure(
        v["disclosure"], event=parse_event(octets(v["event"])), where="disclosure"
    ),
    "note": lambda v: check_note(parse_note(octets(v["note"])), key=parse_vkey(v["vkey"])),
    "checkpoint": lambda v: check_checkpoint(
        octets(v["note"]), key=parse_vkey(v["vkey"]), origin=v["vkey"].partition("+")[0]
    ),
    "fork": lambda v: check_fork(parse_fork(octets(v))),
    "receipt": _receipt,
    "export": _export,
    "key": lambda v: check_public_key(bytes.fromhex(v["key"])),
    "signature": lambda v: check_signature(
        key=bytes.fromhex(v["key"]),
        message=octets(v["message"]),
        signature=bytes.fromhex(v["signature"]),
    ),
    "inclusion": lambda v: check_inclusion(
        index=v["index"], size=v["size"], **_tree(v, leaf="leaf", root="root")
    ),
    "consistency": lambda v: check_consistency(
        old_size=v["old_size"], new_size=v["size"], **_tree(v, old_root="old_root", new_root="root")
    ),
}
REFERENCE: dict[str, Callable[[Vector], object]] = {
    "event": lambda v: reference.check_event(octets(v)),
    "statement": lambda v: reference.check_statement(octets(v)),
    "entry": lambda v: reference.check_entry(octets(v)),
    "document": lambda v: reference.check_document(octets(v)),
    "disclosure": lambda v: reference.check_disclosure(v["disclosure"], octets(v["event"])),
    "note": lambda v: reference.check_note(octets(v["note"]), v["vkey"]),
    "checkpoint": lambda v: reference.check_checkpoint(octets(v["note"]), v["vkey"]),
    "fork": lambda v: reference.check_fork(octets(v)),
    "receipt": _reference_receipt,
    "export": _reference_export,
    "key": lambda v: reference.check_key(bytes.fromhex(v["key"])),
    "signature": lambda v: reference.check_signature(
        bytes.fromhex(v["key"]), octets(v["message"]), bytes.fromhex(v["signature"])
    ),
    "inclusion": lambda v: reference.check_inclusion(
        index=v["index"], size=v["size"], **_tree(v, leaf="leaf", root="root")
    ),
    "consistency": lambda v: reference.check_consistency(
        old_size=v["old_size"], size=v["size"], **_tree(v, old_root="old_root", root="root")
    ),
}


def judge(judges: Mapping[str, Callable[[Vector], object]], vector: Vector) -> tuple[str, int]:
    """Return a verdict on a vector, and the check that a refusal names, or 0."""
    try:
        judges[vector["kind"]](vector["input"])
    except (RuleError, Refusal, reference.Refused) as problem:
        return "refused", int(problem.check)
    except VerifyError:
        return "refused", 0
    return "accepted", 0


# Spellings of one JSON text


def spellings(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield other spellings of a canonical JSON object, and what is not quite JSON."""
    body = data[1:-1]
    value = json.loads(data)
    number = next((f'"{k}":{v}'.encode() for k, v in value.items() if type(v) is int), None)
    pairs = [canonical({key: value[key]})[1:-1] for key in sorted(value)]
    yield "a space before", b" " + data
    yield "a newline after", data + b"\n"
    yield "NUL after", data + b"\x00"
    yield "another text after", data + b"{}"
    yield "a byte order mark", b"\xef\xbb\xbf" + data
    yield "a space after the first brace", b"{ " + data[1:]
    yield "a space after a colon", data.replace(b'":', b'": ', 1)
    yield "a comma too many", data[:-1] + b",}"
    yield "no closing brace", data[:-1]
    yield "nothing", b""
    yield "only white space", b" \n"
    yield "keys out of order", b"{" + b",".join([*pairs[1:], pairs[0]]) + b"}"
    yield "a key twice, the same", b"{" + pairs[0] + b"," + body + b"}"
    yield "a key twice, at the end", b"{" + body + b"," + pairs[-1] + b"}"
    yield "an unknown field", canonical({**value, "zzz": "x"})
    yield "an unknown field that is null", canonical({**value, "zzz": None})
    yield "an empty key", canonical({**value, "": "x"})
    yield "a key in upper case", canonical({**value, "Zzz": "x"})
    yield (
        "a letter of a key escaped",
        data.replace(b'"' + pairs[0][1:2], b'"\\u00%02x' % data[2], 1),
    )
    yield "a field missing", b"{" + b",".join(pairs[1:]) + b"}"
    yield "an array around it", b"[" + data + b"]"
    yield "a string", canonical(data.decode())
    yield "null", b"null"
    yield "true", b"true"
    yield "bad UTF-8 in a string", data.replace(b'":"', b'":"\xff', 1)
    yield "an overlong NUL", data.replace(b'":"', b'":"\xc0\x80', 1)
    yield "a surrogate in UTF-8", data.replace(b'":"', b'":"\xed\xa0\x80', 1)
    yield "a comment", data[:-1] + b"/**/}"
    yield "single quotes", data.replace(b'"', b"'")
    yield "an array 100,000 deep", b"[" * 100_000
    yield "an object 100,000 deep", b'{"a":' * 100_000
    if number is not None:
        field, _, digits = number.rpartition(b":")
        for desc, other in (
            ("with a fraction", digits + b".0"),
            ("with an exponent", digits + b"e0"),
            ("with a leading zero", b"0" + digits),
            ("with a plus sign", b"+" + digits),
            ("of minus zero", b"-0"),
            ("of minus zero and a fraction", b"-0.0"),
            ("that is negative", b"-1"),
            ("of 2^53", b"9007199254740992"),
            ("of 2^64", b"18446744073709551616"),
            ("of 5,000 digits", b"1" * 5000),
            ("that is infinite", b"1e999"),
            ("that is not one", b"NaN"),
            ("as a string", b'"' + digits + b'"'),
            ("that is null", b"null"),
            ("that is true", b"true"),
        ):
            yield f"a number {desc}", data.replace(number, field + b":" + other, 1)


def _refused(kind: str, desc: str, given: object) -> Vector:
    return {"desc": desc, "kind": kind, "input": given, "verdict": "refused"}


def _accepted(kind: str, desc: str, given: object) -> Vector:
    return {"desc": desc, "kind": kind, "input": given, "verdict": "accepted"}


# Events


def _samples() -> dict[str, Said]:
    """Return a valid event of each kind."""
    opens_by = {"opens_by": Date(basis="stated", edtf="2027-01-01")}
    world = World().found()
    nested = letter("northmere")
    return {
        "charter": founding_charter("northmere"),
        "party": say(Membership, "northmere", None, verb="join", charter=REF),
        "key": world.enrolment("southfold"),
        "approval": say(Approval, "northmere", None, of=REF),
        "communication": letter("northmere", links=(Link(event=REF, rel="about"),)),
        "meeting": say(Meeting, "northmere", {"subject": "S"}, attendees=("unknown",), count=2),
        "artefact": say(Artefact, "northmere", {"file.1": file_of(b"x")}, type="letter"),
        "transfer": say(
            Transfer, "northmere", None, from_="northmere", to=("southfold",), rows=3,
            discharges=(
                Discharge(request=REF, items=((1, 2), (4, 4))),
                Discharge(request=REF, items=((7, 7),)),
            ),
        ),
        "request": say(
            Request, "northmere", None, what="data", medium="written", from_=("northmere",),
            to=("southfold",), categories=12, areas=("rutland",), areas_doubtful=("rutland",),
        ),
        "commitment": say(
            Commitment, "northmere", None, by="northmere", to=("southfold",), what="data"
        ),
        "agreement": say(Agreement, "northmere", None, type="terms"),
        "arrangement": say(Arrangement, "northmere", None, type="forum"),
        "step": say(
            Step, "northmere", None, of=REF, target="request", verb="answer", outcome="part",
            items=((1, 1), (3, 65535)),
        ),
        "knowledge": say(Knowledge, "northmere", None, knower="unknown", of=REF, mode="told"),
        "position": say(
            Position, "northmere", None, on=REF, stance="correct", field="claims.item.12"
        ),
        "account": say(Account, "northmere", None, sentences=(Sentence(number=2),)),
        "attestation": say(Attestation, "northmere", None, type="dkim", of=REF),
        "sealed": say(Sealed, "northmere", None, seals=REF, dates=opens_by),
        "opening": Said(say(Opening, "northmere", None, of=REF, event=nested.event).event),
        "erasure": say(
            Erasure, "northmere", None, of=REF, names=("item.1", "text"), ground="retention"
        ),
        "hold": say(Hold, "northmere", None, all="yes"),
    }  # fmt: skip


_WRONG: dict[str, list[tuple[str, object]]] = {
    "charter": [
        ("spec", "counterfoil/01"), ("spec", "counterfoil/"), ("state", "shut"), ("quorum", 1),
        ("quorum", 33), ("members", ["southfold", "northmere"]), ("members", []),
        ("registrars", ["southfolk"]), ("thresholds", {"govern": 2, "recover": 1}),
        ("thresholds", {"govern": 0, "recover": 1}), ("notice_days", 366), ("waiting_days", -1),
        ("tolerance_s", 86401), ("origin", "https://x"), ("origin", "a" * 201), ("origin", "x\n"),
        ("origin", "-x"), ("log_key", "AB" * 32), ("visibility", "all"), ("witnesses", []),
        ("witnesses", [{"algorithm": "ed25519", "key": "aa" * 1312, "name": "w"}]),
        ("witnesses", [{"algorithm": "ml-dsa-44", "key": "aa" * 32, "name": "w"}]),
        ("witnesses", [{"algorithm": "rsa", "key": "aa" * 32, "name": "w"}]),
        ("witnesses", [{"algorithm": "ed25519", "key": c * 64, "name": "w"} for c in "ab"]),
        ("witnesses", [{"algorithm": "ed25519", "key": "aa" * 32, "name": n} for n in "vw"]),
        ("founding_key", {"key": "aa" * 32, "powers": ["record", "govern"]}),
        ("founding_key", {"key": "aa" * 32, "powers": []}),
        ("predecessor", {"charter": REF, "root": REF, "size": 0}),
    ],
    "party": [("verb", "stay"), ("charter", "x"), ("charter", REF + "\n")],
    "key": [
        ("verb", "revoke"), ("verb", "rotate"), ("powers", ["record", "answer"]), ("powers", []),
        ("powers", ["answer", "answer"]), ("powers", ["admin"]), ("possession", "00" * 63),
        ("compromised_since", 1), ("post", "A"), ("post", ""), ("party", "a.b"), ("key", REF[1:]),
    ],
    "approval": [("of", None), ("of", ["x"]), ("of", REF.upper())],
    "communication": [
        ("author", "-northmere"), ("author", "northmere-"), ("author", "a" * 64), ("author", ""),
        ("author", "Northmere"), ("author", "northmere\n"), ("author", "nörthmere"),
        ("author", "unknown/x"), ("nonce", "00" * 15), ("nonce", "AA" * 16), ("nonce", "zz" * 16),
        ("kind", "communication/v2"), ("kind", "communication"), ("kind", "Communication/v1"),
        ("channel", "fax"), ("from", []), ("from", ["a", "a"]), ("to", ["a/b/c"]), ("to", ["a/"]),
        ("to", "southfold"), ("cc", ["x"] * 65), ("delivery", "yes"), ("links", []),
        ("links", [{"event": REF, "rel": "about"}] * 2), ("links", [{"event": REF, "rel": "like"}]),
        ("links", [{"event": REF, "rel": "about", "x": "y"}]), ("links", [{"rel": "about"}]),
        ("dates", {}), ("dates", {"sent": {"basis": "stated", "edtf": "203"}}),
        ("dates", {"sent": {"basis": "stated", "edtf": "2026-03-06\n"}}),
        ("dates", {"sent": {"basis": "guessed", "edtf": "2026"}}),
        ("dates", {"sent": {"edtf": "2026"}}), ("dates", {"when": {"basis": "stated"}}),
        ("authority", "claimed"), ("on_behalf_of", []), ("sealed", {}),
        ("sealed", {"text": "00" * 31}), ("sealed", {"text": "GG" * 32}),
        ("sealed", {"item.2": REF}), ("sealed", {"item.0": REF}), ("sealed", {"item.01": REF}),
        ("sealed", {"text.1": REF}), ("sealed", {"secret": REF}), ("sealed", {"phrase_x": REF}),
        ("sealed", {"item.10000": REF}), ("withheld", ["decision"]),
        ("withheld", ["title", "text"]), ("withheld", []), ("audience", {"text": []}),
        ("audience", {"text": ["b", "a"]}), ("audience", {"decision": ["a"]}), ("audience", {}),
        ("retain", {"text": "2026-1-1"}), ("retain", {"text": "2026-01-01\n"}),
        ("retain", {"order": "2026-01-01"}), ("cipher", {"order": REF}), ("cipher", {"text": "x"}),
    ],
    "meeting": [("count", 0), ("count", 65536), ("minutes", "maybe"), ("minutes", True),
                ("attendees", ["x", "x"]), ("apologies", ["x", "x"])],
    "artefact": [("type", "file"), ("custodian", ""), ("type", None)],
    "transfer": [
        ("to", []), ("rows", -1), ("rows", 1.5), ("from", ["a"]), ("geography", "town"),
        ("discharges", [{"request": REF}] * 2), ("discharges", [{"items": [[1, 1]]}]),
        ("discharges", [{"request": REF, "items": [[2, 1]]}]),
        ("discharges", [{"request": REF, "items": [[1, 2], [3, 4]]}]),
        ("discharges", [{"request": REF, "items": [[1, 2, 3]]}]),
        ("discharges", [{"request": REF, "items": [[0, 1]]}]),
        ("discharges", [{"request": REF, "items": [[1, 65536]]}]),
        ("discharges", [{"request": REF, "items": []}]),
    ],
    "request": [("categories", 0), ("categories", 4097), ("areas", ["x", "x"]), ("areas", None),
                ("regime", "foia"), ("what", "x"), ("to", [])],
    "commitment": [("what", "meal"), ("by", None), ("to", ["x", "x"])],
    "agreement": [("type", "x"), ("effective", "now"), ("signatories", ["x", "x"])],
    "arrangement": [("type", "x"), ("members", ["x", "x"])],
    "step": [("outcome", None), ("verb", "chase"), ("verb", "sign"), ("target", "agreement"),
             ("verb", ""), ("items", [[3, 4], [1, 1]]), ("version", 0), ("until_events", []),
             ("until_events", [REF, REF]), ("members", ["x", "x"]), ("to", ["x", "x"])],
    "knowledge": [("mode", "guessed"), ("directness", "x"), ("knower", "")],
    "position": [("field", "claims.item.0"), ("field", "dates"), ("field", "dates.when"),
                 ("field", "claims."), ("field", "claims.secret"), ("field", ""),
                 ("field", "happened\n"), ("stance", "maybe"), ("items", [[1, 1], [2, 2]])],
    "account": [("sentences", [{"number": 2}, {"number": 2}]), ("sentences", []),
                ("sentences", [{"number": 2}, {"number": 1}]), ("sentences", [{"number": 4097}]),
                ("sentences", [{"events": [REF, REF], "number": 1}]), ("to", ["x", "x"])],
    "attestation": [("of", None), ("size", 1), ("root", REF), ("type", "x")],
    "sealed": [("dates", None), ("dates", {"opens_by": {"basis": "stated", "edtf": "2027-01"}}),
               ("dates", {"sent": {"basis": "stated", "edtf": "2027-01-01"}}),
               ("sealed", {"text": REF}), ("links", [{"event": REF, "rel": "about"}]),
               ("on_behalf_of", ["x"])],
    "opening": [("names", ["text"]), ("event", None), ("sealed", {"text": REF}),
                ("event", {"kind": "x"})],
    "erasure": [("names", ["text", "item.1"]), ("names", []), ("names", ["secret"]),
                ("ground", "whim"), ("of", "x")],
    "hold": [("all", "no"), ("all", None), ("of", [REF]), ("ends", REF)],
}  # fmt: skip


def _with(data: bytes, field: str, value: object) -> bytes:
    """Return an object's octets with one field changed; None takes it away."""
    changed = json.loads(data)
    changed.pop(field, None)
    if value is not None:
        changed[field] = value
    return canonical(changed)


def _events() -> Vectors:
    samples = _samples()
    for name, said in samples.items():
        yield _accepted("event", name, spelled(said.data))
    base = samples["communication"].data
    for desc, data in spellings(samples["party"].data):
        yield _refused("event", desc, spelled(data))
    for name, wrong in _WRONG.items():
        for field, value in wrong:
            shown = str(value)[:40]
            data = _with(samples[name].data, field, value)
            yield _refused("event", f"{name}: {field} = {shown}", spelled(data))
    for name in ("charter", "party", "key", "approval", "sealed", "opening"):
        data = _with(samples["opening"].data, "event", json.loads(samples[name].data))
        yield _refused("event", f"an opening of {name}", spelled(data))
    long = _with(base, "sealed", {f"item.{n}": REF for n in range(1, 381)})
    yield _accepted("event", "380 sealed claims", spelled(long))
    padded = _with(long, "to", [f"{n:05d}{'x' * 57}" for n in range(64)])
    yield _refused("event", "longer than 32,768 octets", spelled(padded))
    named = [f"{n:05d}" for n in range(1025)]
    yield _refused(
        "event", "1,025 parties in an audience", spelled(_with(base, "audience", {"text": named}))
    )


# Statements, entries, documents


def _ledger() -> World:
    """Return a ledger of five entries: charter, key, join, and a submission of two letters."""
    world = World().found()
    world.enrol("southfold")
    world.join("southfold")
    world.submit(letter("northmere", "One", withheld=("person.1",)), world.file("northmere", b"x"))
    return world


def _statements() -> Vectors:
    world = _ledger()
    entry = json.loads(world.entries[3])
    data = canonical(entry["statement"])
    yield _accepted("statement", "of two events", spelled(data))
    seen = {"note": REF, "root": REF, "size": 1}
    yield _accepted("statement", "with a checkpoint seen", spelled(_with(data, "seen", seen)))
    for desc, other in spellings(data):
        yield _refused("statement", desc, spelled(other))
    wrong: list[tuple[str, object]] = [
        ("type", "counterfoil-submission/v2"), ("type", ""), ("count", 0), ("count", 4097),
        ("expires", -1), ("key", "00" * 31), ("root", REF.upper()), ("author", "a/b"),
        ("ledger", {}), ("ledger", {"origin": ORIGIN, "charter": ""}), ("ledger", ORIGIN),
        ("seen", {}), ("seen", {**seen, "size": 0}), ("seen", {**seen, "more": 1}),
    ]  # fmt: skip
    for field, value in wrong:
        shown = str(value)[:40]
        yield _refused("statement", f"{field} = {shown}", spelled(_with(data, field, value)))


def _entries() -> Vectors:
    world = _ledger()
    names = ("a charter", "an enrolment", "a join", "position 0", "position 1")
    for name, data in zip(names, world.entries, strict=True):
        yield _accepted("entry", name, spelled(data))
    data, second = world.entries[3], world.entries[4]
    for desc, other in spellings(data):
        yield _refused("entry", desc, spelled(other))
    wrong: list[tuple[str, object]] = [
        ("index", 2**53 - 1), ("index", "3"), ("position", 4096), ("position", 1), ("prev", None),
        ("prev", ""), ("recorded", None), ("recorded", 2**53), ("rules", None), ("rules", "00"),
        ("signature", None), ("signature", "00" * 63), ("statement", None), ("statement", {}),
        ("event", {}), ("event", None), ("event", "x"), ("event", []), ("index", 0),
    ]  # fmt: skip
    for field, value in wrong:
        shown = str(value)[:40]
        yield _refused("entry", f"{field} = {shown}", spelled(_with(data, field, value)))
    for field in ("rules", "signature", "statement"):
        other = _with(second, field, json.loads(data)[field])
        yield _refused("entry", f"{field} at position 1", spelled(other))
    yield _refused("entry", "prev at index 0", spelled(_with(world.entries[0], "prev", REF)))
    yield _refused("entry", "rules at index 0", spelled(_with(world.entries[0], "rules", REF)))
    nulled = data[:-1] + b',"zz":null}'
    yield _refused("entry", "a null after the rest", spelled(nulled))
    spaced = data.replace(b'"event":{', b'"event":{ ', 1)
    yield _refused("entry", "a space inside the event", spelled(spaced))
    long = data.replace(b'"nonce":"', b'"nonce":"' + b"0" * 65_536, 1)
    yield _refused("entry", "longer than 65,535 octets", spelled(long))


def _documents() -> Vectors:
    world = _ledger()
    said = letter("southfold", "One", withheld=("person.1",)), letter("southfold", "Two")
    data = world.document(*said)
    yield _accepted("document", "of two letters", spelled(data))
    yield _accepted("document", "with a note seen", spelled(world.document(said[0], see=True)))
    twice = world.document(said[0], said[0])
    yield _accepted("document", "an event twice: the ledger refuses it", spelled(twice))
    for desc, other in spellings(data):
        yield _refused("document", desc, spelled(other))
    value = json.loads(data)
    flipped = "0" if value["signature"][0] != "0" else "1"
    changes: list[tuple[str, object]] = [
        ("events", []), ("events", value["events"][:1]), ("events", value["events"][::-1]),
        ("disclosures", []), ("disclosures", value["disclosures"][::-1]),
        ("disclosures", [value["disclosures"][0], value["disclosures"][1][:-1]]),
        ("disclosures", [value["disclosures"][0], value["disclosures"][1][::-1]]),
        ("disclosures", [value["disclosures"][0], value["disclosures"][1] * 2]),
        ("disclosures", [value["disclosures"][0], [""]]), ("disclosures", [[], []]),
        ("note", "x"), ("note", ""), ("signature", flipped + value["signature"][1:]),
        ("signature", value["signature"].upper()), ("statement", {}),
        ("statement", {**value["statement"], "key": "01" + "00" * 31}),
    ]  # fmt: skip
    for field, changed in changes:
        shown = str(changed)[:30]
        yield _refused("document", f"{field} = {shown}", spelled(_with(data, field, changed)))
    rows: list[tuple[str, dict[str, object]]] = [
        ("another count", {"count": 3}), ("another root", {"root": REF}),
        ("another author", {"author": "northmere"}),
    ]  # fmt: skip
    for desc, changes_ in rows:
        given = world.document(*said, **changes_)  # type: ignore[arg-type]  # any field
        yield _refused("document", desc, spelled(given))
    mixed = world.document(letter("southfold"), letter("northmere"))
    yield _refused("document", "events of two authors", spelled(mixed))


def _disclosures() -> Vectors:
    claims: dict[str, Value] = {"file.1": file_of(b"x"), "text": "A b\u00e9e \u007f\n", "title": ""}
    said = say(Artefact, "northmere", claims, type="letter")
    file, text, empty = said.disclosures
    event = spelled(said.data)
    for desc, good in (("a file", file), ("a text", text), ("an empty text", empty)):
        yield _accepted("disclosure", desc, {"disclosure": good, "event": event})
    other = spelled(letter("northmere").data)
    yield _refused("disclosure", "of another event", {"disclosure": text, "event": other})

    def sealed(value: object, name: str = "text") -> Vector:
        """Return a disclosure of any array, with an event that seals it."""
        encoded = base64.urlsafe_b64encode(canonical(value)).decode().rstrip("=")
        return raw(encoded, name)

    def raw(encoded: str, name: str = "text") -> Vector:
        digest = hashlib.sha256(encoded.encode()).hexdigest()
        return {"disclosure": encoded, "event": spelled(_with(said.data, "sealed", {name: digest}))}

    salt, name, value = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    yield _accepted("disclosure", "sealed by hand", sealed([salt, name, value]))
    author, nonce, random = salt.split(".")
    arrays: list[tuple[str, object]] = [
        ("no value", [salt, name]), ("four elements", [salt, name, value, value]),
        ("an object", {"salt": salt}), ("a number for a value", [salt, name, 1]),
        ("null for a value", [salt, name, None]), ("a list for a value", [salt, name, [value]]),
        ("a file object for a text", [salt, name, json.loads(canonical(_file()))]),
        ("another author in the salt", [f"southfold.{nonce}.{random}", name, value]),
        ("another nonce in the salt", [f"{author}.{'0' * 32}.{random}", name, value]),
        ("a salt cut short", [salt[:-1], name, value]),
        ("a salt too long", [salt + "0", name, value]),
        ("a salt in upper case", [salt[:-3] + "ABC", name, value]),
        ("a salt with a newline", [salt + "\n", name, value]), ("no salt", ["", name, value]),
        ("a name that is not sealed", [salt, "title", value]),
    ]  # fmt: skip
    for desc, array in arrays:
        yield _refused("disclosure", desc, sealed(array))
    for field, wrong in (
        ("media_type", "text"), ("media_type", "text/"), ("media_type", "Text/plain"),
        ("media_type", "text/" + "x" * 123), ("media_type", "a/b/c"), ("media_type", "a/b\n"),
        ("name", ""), ("name", "a/b"), ("name", "a\\b"), ("name", "a\x00"), ("name", "a\x7f"),
        ("name", "."), ("name", ".."), ("name", "x" * 256), ("sha256", REF.upper()),
        ("size", -1), ("size", "1"), ("size", None), ("more", 1),
    ):  # fmt: skip
        object_ = json.loads(_with(canonical(_file()), field, wrong))
        shown = str(wrong)[:20]
        given = sealed([salt, "file", object_], "file")
        yield _refused("disclosure", f"a file with {field} = {shown}", given)
    wide = {**_file(), "name": "\U0001f4c4" * 255}
    given = sealed([salt, "file", wide], "file")
    yield _accepted("disclosure", "a file name of 255 characters beyond ASCII", given)
    yield _accepted("disclosure", "a file named ...",
                    sealed([salt, "file", {**_file(), "name": "..."}], "file"))  # fmt: skip
    yield _refused("disclosure", "a text under the name file", sealed([salt, "file", "x"], "file"))
    yield _refused("disclosure", "padded", raw(text + "=" * (-len(text) % 4 or 4)))
    yield _refused("disclosure", "a newline after", raw(text + "\n"))
    yield _refused("disclosure", "a space inside", raw(text[:8] + " " + text[8:]))
    yield _refused("disclosure", "a letter beyond ASCII", raw(text[:-1] + "\u00e9"))
    yield _refused("disclosure", "nothing", raw(""))
    yield _refused("disclosure", "one letter", raw("A"))
    yield _refused("disclosure", "five letters", raw("AAAAA"))
    tricky = base64.urlsafe_b64encode(canonical([salt, name, "\u00ff\u00fe>>>???~~~"])).decode()
    plain = tricky.replace("-", "+").replace("_", "/").rstrip("=")
    yield _refused("disclosure", "the alphabet of plain base64", raw(plain))
    loose = next(t for t in (_loosened(text), _loosened(file), _loosened(empty)) if t is not None)
    yield _refused("disclosure", "bits after the last octet", raw(loose))
    array_text = canonical([salt, name, value])
    for desc, octets_ in (
        ("a space in the array", array_text.replace(b",", b", ", 1)),
        ("an escape too many", array_text.replace(b"A b", b"\\u0041 b", 1)),
        ("an escape in upper case", canonical([salt, name, "\x1f"]).replace(b"1f", b"1F")),
        ("DEL escaped", array_text.replace(b"\x7f", b"\\u007f")),
        ("a slash escaped", canonical([salt, name, "/"]).replace(b'"/"', b'"\\/"')),
        ("a newline as u000a", array_text.replace(b"\\n", b"\\u000a")),
        ("a lone surrogate", canonical([salt, name, "X"]).replace(b'"X"', b'"\\ud800"')),
        ("a pair of escaped surrogates",
         canonical([salt, name, "X"]).replace(b'"X"', b'"\\ud83d\\ude00"')),
        ("a raw control character", canonical([salt, name, "X"]).replace(b'"X"', b'"\x01"')),
        ("bad UTF-8", canonical([salt, name, "X"]).replace(b'"X"', b'"\xff"')),
        ("an array 50,000 deep", b"[" * 50_000),
    ):  # fmt: skip
        yield _refused(
            "disclosure", desc, raw(base64.urlsafe_b64encode(octets_).decode().rstrip("="))
        )


def _file() -> dict[str, object]:
    return {"media_type": "text/plain", "name": "a.txt", "sha256": REF, "size": 1}


def _loosened(text: str) -> str | None:
    """Return a base64url text that decodes to the same octets, if there is one."""
    if len(text) % 4 == 0:
        return None
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + letters[letters.index(text[-1]) + 1]


# Notes, receipts


def _vkey(name: str = ORIGIN, key: str = "log") -> str:
    return format_vkey(log_vkey(name, public_hex(signing_key(key))))


def _notes() -> Vectors:
    world = _ledger()
    note, vkey = world.note(), _vkey()
    text, _, lines = note.decode().partition("\n\n")
    origin, size, root = text.split("\n")
    good = {"note": spelled(note), "vkey": vkey}
    cosigned = {"note": spelled(world.cosigned()), "vkey": vkey}
    for kind in ("note", "checkpoint"):
        yield _accepted(kind, "signed by the log", good)
        yield _accepted(kind, "with a line of another key", cosigned)
        yield _refused(kind, "another key", {**good, "vkey": _vkey(key="northmere")})
        yield _refused(kind, "the key under another name", {**good, "vkey": _vkey("other.example")})
        for desc, data in _damaged_notes(note.decode()):
            yield _refused(kind, desc, {"note": spelled(data), "vkey": vkey})
    big = resign(world, size=2**53 - 1, root=bytes(32))
    yield _accepted("checkpoint", "of the greatest size", {"note": spelled(big), "vkey": vkey})
    log = signing_key("log")
    rows = (
        ("another origin", f"x.example\n{size}\n{root}\n"),
        ("a size with a zero before it", f"{origin}\n0{size}\n{root}\n"),
        ("a size with a sign", f"{origin}\n+{size}\n{root}\n"),
        ("a size of 2^53", f"{origin}\n{2**53}\n{root}\n"),
        ("a size of 100 digits", f"{origin}\n{'9' * 100}\n{root}\n"),
        ("a size in other digits", f"{origin}\n\u0665\n{root}\n"),
        ("a negative size", f"{origin}\n-1\n{root}\n"),
        ("an extension line", f"{origin}\n{size}\n{root}\nmore\n"),
        ("no root hash", f"{origin}\n{size}\n"),
        ("a root hash of 31 octets", f"{origin}\n{size}\n{base64.b64encode(bytes(31)).decode()}\n"),
        ("a root hash without padding", f"{origin}\n{size}\n{root.rstrip('=')}\n"),
        ("a root hash in base64url", f"{origin}\n{size}\n{'_' * 43}=\n"),
        ("a root hash with loose bits", f"{origin}\n{size}\n{'A' * 42}B=\n"),
        ("a space after the size", f"{origin}\n{size} \n{root}\n"),
        ("a carriage return", f"{origin}\n{size}\r\n{root}\n"),
    )
    for desc, body in rows:
        line = base64.b64encode(bytes(log_vkey(ORIGIN, public_hex(log)).key_id)
                                + log.sign(body.encode()).signature).decode()  # fmt: skip
        data = f"{body}\n\u2014 {ORIGIN} {line}\n".encode()
        yield _refused("checkpoint", desc, {"note": spelled(data), "vkey": vkey})
    _ = lines


def _damaged_notes(note: str) -> Iterator[tuple[str, bytes]]:
    text, _, line = note.partition("\n\n")
    dash, name, signature = line.rstrip("\n").split(" ")
    octets_ = bytearray(base64.b64decode(signature))
    octets_[-1] ^= 1
    flipped = base64.b64encode(octets_).decode()
    short = base64.b64encode(octets_[:4]).decode()
    cut = base64.b64encode(octets_[:-1]).decode()
    for desc, other in (
        ("no signature line", f"{text}\n\n"),
        ("no empty line", f"{text}\n{line}"),
        ("no newline at the end", note.rstrip("\n")),
        ("a newline too many", note + "\n"),
        ("a hyphen for the dash", note.replace("\u2014", "-")),
        ("two spaces", note.replace("\u2014 ", "\u2014  ")),
        ("a tab", note.replace("\u2014 ", "\u2014\t")),
        ("a space at the end of the line", f"{text}\n\n{dash} {name} {signature} \n"),
        ("a name with a plus sign", f"{text}\n\n{dash} a+b {signature}\n"),
        ("an empty name", f"{text}\n\n{dash}  {signature}\n"),
        ("another name", f"{text}\n\n{dash} x.example {signature}\n"),
        ("a flipped bit in the signature", f"{text}\n\n{dash} {name} {flipped}\n"),
        ("a signature cut short", f"{text}\n\n{dash} {name} {cut}\n"),
        ("no signature after the key ID", f"{text}\n\n{dash} {name} {short}\n"),
        ("the good line, then one that fails", f"{note}{dash} {name} {flipped}\n"),
        ("the signature without padding", f"{text}\n\n{dash} {name} {signature.rstrip('=')}\n"),
        ("another text", "x" + note),
        ("an unknown line that is malformed", f"{note}{dash} x ???\n"),
        ("101 signature lines", note + f"{dash} x AAAAAAAA\n" * 100),
    ):
        yield desc, other.encode()
    yield "bad UTF-8", b"\xff" + note.encode()
    yield "longer than 131,072 octets", note.encode() + f"{dash} x {'A' * 131_072}\n".encode()


def _forks() -> Vectors:
    world = one_world()
    other = forked(world, at=5, more=6)
    for kind, proof in true_proofs(world, other).items():
        data = encode(proof)
        yield _accepted("fork", kind, spelled(data))
        bare = encode(replace(proof, charter=None))
        yield _accepted("fork", f"{kind}, without entry 0", spelled(bare))
        for desc, text in spellings(bare):
            yield _refused("fork", f"{kind}: {desc}", spelled(text))
    for desc, proof in false_proofs(world, other).items():
        yield _refused("fork", desc, spelled(encode(proof)))


def _receipts() -> Vectors:
    world = _ledger()
    world.submit(letter("southfold"))
    vkey = _vkey()
    data = world.receipt(3, 2)
    yield _accepted("receipt", "of two entries", {"receipt": spelled(data), "vkey": vkey})
    first = world.receipt(0, 1)
    yield _accepted("receipt", "of entry 0", {"receipt": spelled(first), "vkey": vkey})
    yield _refused("receipt", "another log key", {"receipt": spelled(data), "vkey": _vkey(key="x")})
    for desc, other in spellings(data):
        yield _refused("receipt", desc, {"receipt": spelled(other), "vkey": vkey})
    proof = json.loads(data)["proof"]
    wrong: list[tuple[str, object]] = [
        ("count", 1), ("count", 0), ("first", 2), ("leaf", REF), ("leaf", ""), ("prev", None),
        ("rules", None), ("proof", ""), ("proof", "x"), ("recorded", -1), ("type", "receipt"),
        ("proof", proof.replace("index 4", "index 3")), ("proof", proof.replace("@v1", "@v2")),
        ("proof", proof.replace("index 4", "index 04")), ("proof", proof + "\n"),
        ("proof", proof.replace("index 4", "extra YQ==\nindex 4")),
        ("proof", proof.replace("index 4\n", "index 4\n" + "A" * 43 + "=\n")),
        ("proof", proof.replace("\n6\n", "\n7\n")), ("proof", proof.partition("\n\n")[0]),
        ("charter", "x"),
    ]  # fmt: skip
    for field, value in wrong:
        shown = str(value)[:30].replace("\n", "|")
        changed = spelled(_with(data, field, value))
        yield _refused("receipt", f"{field} = {shown}", {"receipt": changed, "vkey": vkey})
    for field, value in (("prev", REF), ("rules", REF), ("count", 2), ("charter", REF)):
        changed = spelled(_with(first, field, value))
        yield _refused(
            "receipt", f"of entry 0, {field} = {value}", {"receipt": changed, "vkey": vkey}
        )


# Keys, signatures, trees


def _keys() -> Vectors:
    for name in ("northmere", "log"):
        yield _accepted("key", f"of {name}", {"key": public_hex(signing_key(name))})
    good = bytes(signing_key("northmere").verify_key)
    for point in sorted(signatures.SMALL_ORDER):
        yield _refused("key", "of small order, or spelled otherwise", {"key": point.hex()})
    order_two = signatures.decode_point(bytes.fromhex("ec" + "ff" * 30 + "7f"))
    own = signatures.decode_point(good)
    assert order_two is not None
    assert own is not None
    mixed = signatures.encode_point(signatures.add(own, order_two))
    yield _refused("key", "of mixed order", {"key": mixed.hex()})
    yield _refused("key", "off the curve", {"key": "02" + "00" * 31})
    yield _refused("key", "not below the prime", {"key": "f0" + "ff" * 30 + "7f"})
    yield _refused("key", "31 octets", {"key": good[:-1].hex()})
    yield _refused("key", "33 octets", {"key": good.hex() + "00"})
    yield _refused("key", "nothing", {"key": ""})


def _signatures() -> Vectors:
    key = signing_key("northmere")
    public, message = public_hex(key), b"a message"
    signature = key.sign(message).signature
    given = {"key": public, "message": spelled(message), "signature": signature.hex()}
    yield _accepted("signature", "good", given)
    empty = {**given, "message": spelled(b""), "signature": key.sign(b"").signature.hex()}
    yield _accepted("signature", "of nothing", empty)
    yield _refused("signature", "another message", {**given, "message": spelled(b"a massage")})
    other = public_hex(signing_key("southfold"))
    yield _refused("signature", "another key", {**given, "key": other})
    scalar = int.from_bytes(signature[32:], "little")
    high = signature[:32] + (scalar + ORDER).to_bytes(32, "little")
    yield _refused("signature", "S + L", {**given, "signature": high.hex()})
    for bit in (0, 100, 255, 256, 400, 511):
        flipped = bytearray(signature)
        flipped[bit // 8] ^= 1 << bit % 8
        yield _refused("signature", f"bit {bit}", {**given, "signature": bytes(flipped).hex()})
    yield _refused("signature", "cut short", {**given, "signature": signature[:-1].hex()})
    yield _refused("signature", "too long", {**given, "signature": signature.hex() + "00"})
    for point in sorted(signatures.SMALL_ORDER):
        forged = {**given, "key": point.hex(), "signature": (point + bytes(32)).hex()}
        yield _refused("signature", "a key of small order", forged)
        # S = H(R || A || M)a: the equation holds up to R, for R of small order.
        seed = nacl.bindings.crypto_sign_seed_keypair(bytes(key))[1]
        digest = hashlib.sha512(bytes(key)).digest()[:32]
        clamped = int.from_bytes(digest, "little") & ((1 << 254) - 8) | (1 << 254)
        challenge = hashlib.sha512(point + bytes.fromhex(public) + message).digest()
        answer = int.from_bytes(challenge, "little") * clamped % ORDER
        small = {**given, "signature": (point + answer.to_bytes(32, "little")).hex()}
        yield _refused("signature", "R of small order", small)
        assert len(seed) == 64


def _leaves(size: int) -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(size)]


def _inclusions() -> Vectors:
    for size in (1, 2, 3, 5, 8):
        leaves = _leaves(size)
        for index in sorted({0, size // 2, size - 1}):
            proof = [hash_.hex() for hash_ in inclusion(leaves, index)]
            given = {"index": index, "size": size, "leaf": leaves[index].hex(), "proof": proof,
                     "root": root_hash(leaves).hex()}  # fmt: skip
            if index == size - 1:
                yield _accepted("inclusion", f"{index} in {size}", given)
            yield _refused("inclusion", "another root", {**given, "root": REF})
            yield _refused("inclusion", "another leaf", {**given, "leaf": REF})
            yield _refused("inclusion", "a hash too many", {**given, "proof": [*proof, REF]})
            yield _refused("inclusion", "an index outside", {**given, "index": size})
            yield _refused("inclusion", "a negative index", {**given, "index": -1})
            if proof:
                yield _refused("inclusion", "a hash missing", {**given, "proof": proof[:-1]})
                yield _refused("inclusion", "hashes reversed and one changed",
                               {**given, "proof": [*proof[:0:-1], REF]})  # fmt: skip
    given = {"index": 0, "size": 0, "leaf": REF, "proof": [], "root": REF}
    yield _refused("inclusion", "in the empty tree", given)


def _subproof(leaves: list[bytes], old: int, *, whole: bool) -> list[bytes]:
    """Return a consistency proof, as RFC 6962 section 2.1.2 reads."""
    if old == len(leaves):
        return [] if whole else [root_hash(leaves)]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= half:
        return [*_subproof(leaves[:half], old, whole=whole), root_hash(leaves[half:])]
    return [*_subproof(leaves[half:], old - half, whole=False), root_hash(leaves[:half])]


def _consistencies() -> Vectors:
    for old, size in ((1, 1), (1, 2), (2, 3), (3, 5), (4, 8), (6, 7), (7, 7)):
        leaves = _leaves(size)
        proof = [hash_.hex() for hash_ in _subproof(leaves, old, whole=True)]
        given = {"old_size": old, "size": size, "old_root": root_hash(leaves[:old]).hex(),
                 "root": root_hash(leaves).hex(), "proof": proof}  # fmt: skip
        yield _accepted("consistency", f"{old} in {size}", given)
        yield _refused("consistency", "another old root", {**given, "old_root": REF})
        yield _refused("consistency", "another root", {**given, "root": REF})
        yield _refused("consistency", "a hash too many", {**given, "proof": [*proof, REF]})
        yield _refused("consistency", "sizes the wrong way", {**given, "old_size": size + 1})
        if proof:
            yield _refused("consistency", "a hash missing", {**given, "proof": proof[1:]})
            changed = [*proof[:-1], REF]
            yield _refused("consistency", "a hash changed", {**given, "proof": changed})


# Exports


def _files(files: Mapping[str, bytes]) -> Vector:
    return {"files": {path: spelled(data) for path, data in sorted(files.items())}}


def _exports() -> Vectors:
    world = _ledger()
    files = world.export()
    yield _accepted("export", "five entries", _files(files))
    yield _accepted("export", "one entry", _files(World().found().export()))
    hidden = _files({**files, ".git": b"x"})
    yield _accepted("export", "a hidden file at the top", hidden)
    cosigned = _files({**files, "checkpoint": world.cosigned()})
    yield _accepted("export", "a cosigned checkpoint", cosigned)
    for number in range(24):
        chance = Random(number)
        name = sorted(ACCIDENTS)[number % len(ACCIDENTS)]
        damaged = dict(files)
        ACCIDENTS[name](damaged, chance)
        if damaged != files and not any(path.startswith(".") for path in damaged):
            yield _refused("export", f"accident {number}: {name}", _files(damaged))
    for number in range(28):
        chance = Random(100 + number)
        name = sorted(FORGERIES)[number % len(FORGERIES)]
        forged = FORGERIES[name](world, chance)
        if forged.entries != world.entries and not _is_whole(world, forged):
            yield _refused("export", f"forgery {number}: {name}", _files(forged.export()))
    for desc, size in (("0", 0), ("2^53 - 1", 2**53 - 1), ("one more", 6), ("one less", 4)):
        checkpoint = resign(world, size=size, root=root_hash(world.leaves[:size]))
        yield _refused("export", f"a checkpoint of size {desc}",
                       _files({**files, "checkpoint": checkpoint}))  # fmt: skip
    yield from _ruled()
    yield from _proposed()
    yield from _erased()
    yield from _timed()
    yield from _policies()
    yield from _bracketed()


def _is_whole(world: World, forged: World) -> bool:
    """Say whether a forger left nothing but a shorter ledger."""
    return forged.entries == world.entries[: forged.size] and forged.size in {1, 2, 3}


def _ruled() -> Vectors:
    """Yield ledgers that break one rule of section 9 each."""
    link = (Link(event=REF, rel="about"),)
    rows: list[tuple[str, Callable[[World], object]]] = [
        ("a link forward", lambda w: w.submit(letter("northmere", links=link))),
        ("a stranger", lambda w: w.submit(letter("easthall"))),
        ("a joiner twice", lambda w: w.join("southfold")),
        ("a revoked key", _sign_with_a_revoked_key),
        ("an approval of nothing", lambda w: w.submit(say(Approval, "northmere", None, of=REF))),
        ("an expired statement", lambda w: w.submit(letter("northmere"), expires=w.now - 1)),
        ("an expiry too far off",
         lambda w: w.submit(letter("northmere"), expires=w.now + 31 * DAY_MS + 1)),
        ("an enrolment by a member that is no registrar",
         lambda w: w.submit(w.enrolment("easthall", by="southfold"))),
        ("a key that is the log's",
         lambda w: w.submit(w.enrolment("northmere", by="northmere", key=signing_key("log")))),
        ("two events of governance", lambda w: w.submit(
            w.enrolment("northmere", key=signing_key("n 2")),
            w.enrolment("northmere", key=signing_key("n 3")))),
        ("an amendment of the wrong charter",
         lambda w: w.submit(founding_charter("northmere", amends=REF, founding_key=None))),
        ("another's event retracted", lambda w: w.submit(
            say(Position, "southfold", None, on=_first_id(w), stance="retract_own"))),
    ]  # fmt: skip
    for desc, break_rule in rows:
        world = _ledger()
        break_rule(world)
        yield _refused("export", desc, _files(world.export()))
    linked = World()
    linked.submit(Said(parse_event(_with(founding_charter("northmere").data, "links",
                                         [{"event": REF, "rel": "about"}]))))  # fmt: skip
    yield _refused("export", "a link in entry 0", _files(linked.export()))
    unknown = World().found(spec="counterfoil/2")
    yield _refused("export", "another version", _files(unknown.export()))
    reordered = _ledger()
    entries = rechain([*reordered.entries[:3], reordered.entries[4]])
    yield _refused("export", "a submission cut", _files(forge(reordered, entries).export()))


def _sign_with_a_revoked_key(world: World) -> None:
    key = public_hex(signing_key("southfold"))
    world.submit(say(Key, "southfold", None, verb="revoke", party="southfold", key=key))
    world.submit(letter("southfold"))


def _first_id(world: World) -> str:
    return leaf_hash(canonical(json.loads(world.entries[3])["event"])).hex()


COUNCILS = ("easthall", "northmere", "southfold")


def _councils(*, notice_days: int = 28) -> World:
    """Return a ledger of three registrars, two of whom must sign."""
    world = World().found(
        members=(*COUNCILS, "westbury"), registrars=COUNCILS, notice_days=notice_days
    )
    for party in ("southfold", "easthall"):
        world.enrol(party)
        world.join(party)
    amendment = _amendment(world, thresholds=Thresholds(govern=2, recover=2))
    world.submit(amendment)
    assert isinstance(amendment.event, Charter)
    world.charter = amendment.event
    return world


def _amendment(world: World, by: str = "northmere", **changes: object) -> Said:
    charter = max(
        (index for index, event in enumerate(world.events()) if event == world.charter),
    )
    fields: dict[str, object] = {
        "amends": _id(world, charter),
        "founding_key": None,
        "members": (*COUNCILS, "westbury"),
        "registrars": COUNCILS,
        "thresholds": Thresholds(govern=2, recover=2),
    }
    return founding_charter(by, **{**fields, "controller": "northmere", **changes})


def _id(world: World, index: int = -1) -> str:
    return leaf_hash(canonical(json.loads(world.entries[index])["event"])).hex()


def _key(world: World, by: str, key: str, party: str = "westbury", verb: str = "enrol") -> str:
    """Propose a key, and return the id of the proposal."""
    world.submit(world.enrolment(party, by=by, key=signing_key(key), verb=verb))
    return _id(world)


def _approve(world: World, of: str, by: str = "easthall") -> None:
    world.submit(say(Approval, by, None, of=of))


def _write(world: World, key: str, party: str = "westbury") -> None:
    world.submit(letter(party), key=signing_key(key))


def _proposed() -> Vectors:
    """Yield ledgers in which several proposals wait at once (SPEC sections 9.3 to 9.5)."""
    for play, ends in (
        (_competing_enrolments, 5),
        (_enrolled_again, 3),
        (_enrolled_and_recovered, 3),
        (_amended_again, 6),
        (_competing_recoveries, 5),
        (_recovered_again, 5),
        (_both_due, 4),
    ):
        for end in range(ends):
            world = _councils()
            desc, allowed = play(world, end)
            made = _accepted if allowed else _refused
            yield made("export", desc, _files(world.export()))


def _competing_enrolments(world: World, end: int) -> tuple[str, bool]:
    rival = _key(world, "southfold", "w a")
    second = _key(world, "northmere", "w b")
    if end == 0:
        return "two registrars propose a key for one party", True
    if end == 1:
        _approve(world, rival)
        _write(world, "w a")
        return "the first of two proposed keys takes effect", True
    _approve(world, second)
    if end == 2:
        _write(world, "w b")
        return "the second of two proposed keys takes effect", True
    if end == 3:
        _write(world, "w a")
        return "a key whose rival took effect", False
    _approve(world, rival)
    return "an approval of an enrolment whose rival took effect", False


def _enrolled_again(world: World, end: int) -> tuple[str, bool]:
    first = _key(world, "southfold", "w a")
    second = _key(world, "southfold", "w b")
    if end == 0:
        _approve(world, second)
        _write(world, "w b")
        return "a registrar proposes another key instead", True
    if end == 1:
        _approve(world, first)
        return "an approval of an enrolment that its author replaced", False
    _key(world, "northmere", "w a")
    return "a void key proposed again", False


def _enrolled_and_recovered(world: World, end: int) -> tuple[str, bool]:
    _approve(world, _key(world, "southfold", "w a"))
    key = signing_key("w a")
    joined = say(Membership, "westbury", None, verb="join", charter=world.fingerprint)
    world.submit(joined, key=key)
    left = say(Membership, "westbury", None, verb="leave", charter=world.fingerprint)
    world.submit(left, key=key)
    recovery = _key(world, "southfold", "w b", verb="recover")
    _approve(world, _key(world, "northmere", "w c"))
    if end == 0:
        _write(world, "w c")
        return "an enrolment beside a recovery takes effect", True
    if end == 1:
        _approve(world, recovery)
        return "an approval of a recovery of a party enrolled since", False
    _key(world, "easthall", "w d")
    return "an enrolment of a party that has a key", False


def _amended_again(world: World, end: int) -> tuple[str, bool]:
    taken = public_hex(signing_key("next log"))
    world.submit(_amendment(world, waiting_days=5, log_key=taken))
    first = _id(world)
    if end == 0:
        _key(world, "northmere", "next log")
        return "a key of a pending amendment enrolled", False
    world.submit(_amendment(world, by="southfold", waiting_days=6))
    other = _id(world)
    world.submit(_amendment(world, waiting_days=7))
    last = _id(world)
    if end == 1:
        _key(world, "northmere", "next log")
        return "a key of an amendment that its author replaced enrolled", True
    if end == 2:
        _approve(world, first)
        return "an approval of an amendment that its author replaced", False
    _approve(world, other if end == 3 else last)
    if end == 3:
        return "an amendment takes effect though another author made a later one", True
    if end == 4:
        return "the amendment that its author made instead takes effect", True
    _approve(world, other)
    return "an approval of an amendment whose rival took effect", False


def _competing_recoveries(world: World, end: int) -> tuple[str, bool]:
    first = _key(world, "northmere", "s a", "southfold", "recover")
    second = _key(world, "easthall", "s b", "southfold", "recover")
    _approve(world, second, "northmere")
    if end == 0:
        _write(world, "southfold", "southfold")
        return "two members each propose a recovery", True
    world.now += 14 * DAY_MS
    if end == 1:
        _write(world, "s b", "southfold")
        return "the second of two recoveries takes effect", True
    if end == 2:
        _write(world, "s a", "southfold")
        return "a key of a recovery whose rival took effect", False
    if end == 3:
        _approve(world, first)
        return "an approval of a recovery whose rival took effect", False
    _write(world, "southfold", "southfold")
    return "a key that a recovery ended", False


def _recovered_again(world: World, end: int) -> tuple[str, bool]:
    first = _key(world, "northmere", "s a", "southfold", "recover")
    if end > 2:
        _approve(world, first)
    second = _key(world, "northmere", "s b", "southfold", "recover")
    if end == 0:
        _approve(world, first)
        return "an approval of a recovery that its author replaced", False
    if end == 1:
        _approve(world, second)
        world.now += 14 * DAY_MS
        _write(world, "s b", "southfold")
        return "a member proposes another recovery instead", True
    world.now += 14 * DAY_MS
    if end == 2:
        _write(world, "s b", "southfold")
        return "a key of a recovery that nobody approved", False
    if end == 3:
        _write(world, "s a", "southfold")
        return "a key of an approved recovery that its author replaced", False
    _write(world, "southfold", "southfold")
    return "the old key after an approved recovery was replaced", True


def _both_due(world: World, end: int) -> tuple[str, bool]:
    first = _key(world, "northmere", "s a", "southfold", "recover")
    second = _key(world, "easthall", "s b", "southfold", "recover")
    early, late = (first, second) if end < 2 else (second, first)
    _approve(world, early, "northmere" if early == second else "easthall")
    world.now += DAY_MS
    _approve(world, late, "northmere" if late == second else "easthall")
    world.now += 20 * DAY_MS
    key = "s a" if end in {0, 3} else "s b"
    _write(world, key, "southfold")
    which = "first" if end in {0, 2} else "second"
    order = "as proposed" if end < 2 else "not as proposed"
    desc = f"two recoveries due by one entry, {order}: the key of the one due {which}"
    return desc, which == "first"


def _erased() -> Vectors:
    """Yield ledgers that lack a disclosure (SPEC sections 9.8 and 11.3)."""
    hold, end, wait, then, erase, order, all_, other = (
        "a hold", "its end", "28 days", "an entry", "an erasure", "an order", "a hold on all",
        "a hold on another",
    )  # fmt: skip
    rows: list[tuple[bool, tuple[str, ...]]] = [
        (False, (erase,)),
        (False, (erase, wait)),
        (True, (erase, wait, then)),
        (True, (order,)),
        (False, (hold, order)),
        (False, (all_, order, then)),
        (True, (other, order)),
        (False, (hold, order, end)),
        (True, (hold, order, end, then)),
        (True, (order, hold)),
        (True, (erase, wait, then, hold)),
        (True, (erase, wait, hold)),
        (True, (erase, wait, all_, then)),
        (False, (erase, hold, wait, then)),
        (False, (erase, all_, wait, then)),
        (False, (erase, hold, wait, end)),
        (True, (erase, hold, wait, end, then)),
        (True, (hold, erase, end, wait, then, hold)),
        (False, (hold, end, hold, order, then)),
    ]
    for allowed, steps in rows:
        world = _ledger()
        one = letter("northmere")
        at = world.submit(one)
        another = _id(world, 3)
        held = ""
        for step in steps:
            if step == wait:
                world.now += 28 * DAY_MS
                continue
            said = letter("southfold")
            if step in {hold, other}:
                said = say(Hold, "northmere", None, of=(one.id if step == hold else another,))
            if step == all_:
                said = say(Hold, "northmere", None, all="yes")
            if step == end:
                said = say(Hold, "northmere", None, ends=held)
            if step in {erase, order}:
                ground = "retention" if step == erase else "court_order"
                said = say(Erasure, "northmere", None, of=one.id, names=("text",), ground=ground)
            world.submit(said)
            held = said.id if step in {hold, all_} else held
        world.disclosures[at] = _closed(one, "text")
        made = _accepted if allowed else _refused
        yield made("export", f"a claim erased: {', '.join(steps)}", _files(world.export()))
    yield from _handed_over()


def _closed(said: Said, *names: str) -> tuple[str, ...]:
    return tuple(text for text in said.disclosures if parse_disclosure(text).name not in names)


def _handed_over() -> Vectors:
    for desc, opened, allowed in (
        ("withheld", False, True),
        ("handed over, and here", True, True),
        ("handed over, and not here", True, False),
        ("handed over, and erased", True, True),
        ("another one handed over", True, True),
    ):
        world = _ledger()
        whole = letter("northmere")
        one, _ = withholding(whole, "person.1", "text")
        at = world.submit(one)
        names = ("text",) if desc.startswith("another") else ("person.1",)
        if opened:
            world.submit(say(Opening, "northmere", None, of=one.id, names=names))
            world.disclosures[at] = _closed(whole, *({"person.1", "text"} - {*names}))
        if not allowed or desc.endswith("erased"):
            world.disclosures[at] = one.disclosures
        if desc.endswith("erased"):
            world.submit(say(Erasure, "northmere", None, of=one.id, names=names,
                             ground="court_order"))  # fmt: skip
        made = _accepted if allowed else _refused
        yield made("export", f"a withheld claim: {desc}", _files(world.export()))


def _timed() -> Vectors:
    """Yield ledgers recorded at 0, which is an instant like any other."""
    world = World(now=0).found()
    yield _accepted("export", "recorded at 0", _files(world.export()))
    world.now = 0
    world.submit(letter("northmere"), letter("northmere"))
    yield _accepted("export", "recorded at 0 twice", _files(world.export()))
    world.submit(letter("northmere"))
    world.now = 0
    world.submit(letter("northmere"))
    yield _refused("export", "recorded at 0 after 1000", _files(world.export()))
    world = _ledger()
    world.now = 0
    world.submit(letter("northmere"))
    yield _refused("export", "recorded at 0 at last", _files(world.export()))
    world = _ledger()
    world.submit(letter("northmere"), letter("northmere"))
    entries = [json.loads(entry) for entry in world.entries]
    entries[-1]["recorded"] = 0
    forged = forge(world, rechain([canonical(entry) for entry in entries]))
    yield _refused("export", "recorded at 0 within a submission", _files(forged.export()))


_THREE = ("group three 2 w1 w2 w3", "quorum three")
_NESTED = ("group ab all w1 w2", "group all any ab w3", "quorum all")


def _policies() -> Vectors:
    """Yield exports against a reader's policy."""
    world = _ledger()
    files, note = world.export(), world.note()

    def given(checkpoint: bytes, applied: bytes) -> Vector:
        return {**_files({**files, "checkpoint": checkpoint}), "policy": spelled(applied)}

    two = cosign(note, ("w1", 1_760_000_100), ("w3", 1_760_000_200))
    for desc, checkpoint, rest in (
        ("two of three", two, _THREE),
        ("one witness alone", two, ("quorum w3",)),
        ("none needed", note, ("quorum none",)),
        ("a group of groups by its other way", two, _NESTED),
        ("more than needed", cosign(two, ("w2", 1)), _THREE),
        ("a stranger beside", cosign(two, ("w9", 5)), _THREE),
        ("the last time there is", cosign(note, ("w1", 2**63 - 1), ("w2", 1)), _THREE),
    ):
        yield _accepted("export", f"a policy: {desc}", given(checkpoint, policy(*rest)))
    for desc, checkpoint, rest in (
        ("nobody cosigned", note, _THREE),
        ("one of three", cosign(note, ("w2", 5)), _THREE),
        ("one of three, twice", cosign(note, ("w2", 5), ("w2", 6)), _THREE),
        ("strangers cosigned", cosign(note, ("w8", 5), ("w9", 5)), _THREE),
        ("another than the one", two, ("quorum w2",)),
        ("half of a group of groups", cosign(note, ("w1", 5)), _NESTED),
        ("cosigned at another size", _moved(world, two), _THREE),
        ("a third whose line fails", _spoiled(cosign(two, ("w2", 5))), _THREE),
        ("a line that fails, and none needed", _spoiled(two), ("quorum none",)),
        ("a second line that fails", _spoiled(cosign(two, ("w1", 5))), _THREE),
        ("a cosignature at time 0", _retimed(two, bytes(8)), _THREE),
        ("a cosignature at time 2^63", _retimed(two, b"\x80" + bytes(7)), _THREE),
        ("a cosignature at another time", _retimed(two, bytes(7) + b"\x01"), _THREE),
        ("a cosignature cut short", _cut_short(two), _THREE),
    ):
        yield _refused("export", f"a policy: {desc}", given(checkpoint, policy(*rest)))
    other = policy("quorum none", log="another log")
    yield _refused("export", "a policy: of another log", given(note, other))


def _councils_cosigned(*, quorum: int = 2) -> World:
    """Return a ledger whose charter names three witnesses."""
    return World().found(witnesses=tuple(map(witness, ("w1", "w2", "w3"))), quorum=quorum)


def _bracketed() -> Vectors:
    """Yield ledgers whose `recorded` is, or is not, where cosignatures leave it: 300 s around."""
    for desc, early, late, is_fine in (
        ("cosigned at once", 0, 0, True),
        ("cosigned 300 s before", -300, -300, True),
        ("cosigned 301 s before", -301, -301, False),
        ("one of two 301 s before", -301, 0, True),
        ("cosigned a year later", 0, 31_536_000, True),
    ):
        world = _councils_cosigned()
        world.submit(letter("northmere"), letter("northmere"))
        at_s = (world.now - 1000) // 1000
        world.keep(cosign(world.note(), ("w1", at_s + early), ("w3", at_s + late)))
        world.submit(letter("northmere"))
        make = _accepted if is_fine else _refused
        yield make("export", f"recorded, then {desc}", _files(world.export()))
    for desc, early, late, is_fine in (
        ("as it was cosigned", 0, 0, True),
        ("300 s before that was cosigned", 300, 300, True),
        ("301 s before that was cosigned", 301, 301, False),
        ("301 s before one of two cosigned it", 301, 0, True),
    ):
        for through in (False, True):
            world = _councils_cosigned()
            own = world.now // 1000
            note = cosign(world.note(), ("w1", own + early), ("w2", own + late))
            _submit_having_seen(world, note, size=1)
            if through:
                world.now -= 1000
                _submit_having_seen(world, world.note(), size=2)
            make = _accepted if is_fine else _refused
            way = ", by way of another's statement" if through else ""
            yield make("export", f"recorded {desc}{way}", _files(world.export()))
    yield from _weighed_otherwise()


def _submit_having_seen(world: World, note: bytes, *, size: int) -> None:
    world.keep(note)
    seen = Seen(note=hashlib.sha256(note).hexdigest(), root=world.root(size).hex(), size=size)
    world.submit(letter("northmere"), seen=seen)


def _weighed_otherwise() -> Vectors:
    """Yield ledgers of which it matters whose witnesses count, and which."""
    world = _councils_cosigned()
    world.submit(letter("northmere"))
    early = cosign(world.note(), ("w1", 5), ("w2", 5))
    world.keep(early)
    yield _refused("export", "cosigned in 1970", _files(world.export()))
    applied = {"policy": spelled(policy("quorum none"))}
    yield _accepted("export", "cosigned in 1970, where nobody counts",
                    {**_files(world.export()), **applied})  # fmt: skip
    world.notes.clear()
    world.keep(_spoiled(early))
    yield _accepted("export", "a kept note dates nothing by a line that fails",
                    _files(world.export()))  # fmt: skip
    for names, times, is_fine in (("w1 w2", (5, 5), True), ("w1 w2", (5, 6), False)):
        world = _councils_cosigned(quorum=3)
        world.submit(letter("northmere"))
        for name, time in zip(names.split(), times, strict=True):
            world.keep(cosign(world.note(), (name, time)))
        if not is_fine:
            world.keep(cosign(world.note(), ("w3", 7)))
        make = _accepted if is_fine else _refused
        yield make("export", f"{len(world.notes)} of three in 1970, a note each",
                   _files(world.export()))  # fmt: skip
    world = World().found()
    world.submit(letter("northmere"))
    world.keep(early := cosign(world.note(), ("w1", 5), ("w2", 5)))
    yield _accepted("export", "cosigned in 1970 by strangers", _files(world.export()))
    late = cosign(world.note(), ("w1", 2**40), ("w3", 2**40))
    files = _files({**world.export(), "checkpoint": late})
    yield _refused("export", "cosigned in 1970 by those of a policy",
                   {**files, "policy": spelled(policy(*_THREE))})  # fmt: skip
    one = {"policy": spelled(policy("quorum w3"))}
    yield _accepted("export", "cosigned in 1970 by others of a policy", {**files, **one})


def _moved(world: World, cosigned: bytes) -> bytes:
    """Return the checkpoint with lines that were made over another one."""
    older = cosign(world.note(world.size - 1), ("w1", 5), ("w2", 5))
    own, _ = parse_note(cosigned)
    text, lines = parse_note(world.note())
    assert own == text
    return format_note(text, [*lines, *parse_note(older).signatures[1:]])


def _spoiled(note: bytes) -> bytes:
    """Return a note with the last octet of its last signature changed."""
    text, lines = parse_note(note)
    payload = lines[-1].payload
    last = lines[-1]._replace(payload=payload[:-1] + bytes([payload[-1] ^ 1]))
    return format_note(text, [*lines[:-1], last])


def _retimed(note: bytes, time: bytes) -> bytes:
    text, lines = parse_note(note)
    last = lines[-1]._replace(payload=time + lines[-1].payload[8:])
    return format_note(text, [*lines[:-1], last])


def _cut_short(note: bytes) -> bytes:
    text, lines = parse_note(note)
    return format_note(text, [*lines[:-1], lines[-1]._replace(payload=lines[-1].payload[:-1])])


MAKERS: dict[str, Callable[[], Vectors]] = {
    "consistency": _consistencies,
    "disclosure": _disclosures,
    "document": _documents,
    "entry": _entries,
    "event": _events,
    "export": _exports,
    "fork": _forks,
    "inclusion": _inclusions,
    "key": _keys,
    "note": _notes,
    "receipt": _receipts,
    "signature": _signatures,
    "statement": _statements,
}


def make(name: str) -> bytes:
    """Return the octets of one file of vectors."""
    restart(f"vectors {name}")
    lines = []
    for vector in MAKERS[name]():
        _, by_kernel = judge(KERNEL, vector)
        _, by_reference = judge(REFERENCE, vector)
        if by_kernel and by_kernel == by_reference:
            vector["check"] = by_kernel
        lines.append(json.dumps(vector, sort_keys=True, separators=(",", ":")))
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file in sorted(MAKERS):
        (FOLDER / f"{file}.json").write_bytes(make(file))
        print(FOLDER / f"{file}.json")
