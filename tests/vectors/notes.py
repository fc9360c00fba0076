"""Vectors of notes, fork proofs and receipts."""

import base64
import json
from collections.abc import Iterator

from msgspec.structs import replace

from tests.damage import canonical, resign
from tests.forking import false_proofs, forked, one_world, true_proofs
from tests.vectors.events import having
from tests.vectors.spelling import REF, Vectors, spelled, spellings, to_accept, to_refuse
from tests.vectors.submissions import small_world
from tests.world import (
    ORIGIN,
    letter,
    public_hex,
    signing_key,
)
from verify.codec import encode
from verify.note import format_vkey
from verify.notes import log_vkey


def _vkey(name: str = ORIGIN, key: str = "log") -> str:
    return format_vkey(log_vkey(name, public_hex(signing_key(key))))


def note_vectors() -> Vectors:
    world = small_world()
    note, vkey = world.note(), _vkey()
    text, _, lines = note.decode().partition("\n\n")
    origin, size, root = text.split("\n")
    good = {"note": spelled(note), "vkey": vkey}
    cosigned = {"note": spelled(world.cosigned()), "vkey": vkey}
    for kind in ("note", "checkpoint"):
        yield to_accept(kind, "signed by the log", good)
        yield to_accept(kind, "with a line of another key", cosigned)
        yield to_refuse(kind, "another key", {**good, "vkey": _vkey(key="northmere")})
        yield to_refuse(
            kind, "the key under another name", {**good, "vkey": _vkey("other.example")}
        )
        for desc, data in _damaged_notes(note.decode()):
            yield to_refuse(kind, desc, {"note": spelled(data), "vkey": vkey})
    big = resign(world, size=2**53 - 1, root=bytes(32))
    yield to_accept("checkpoint", "of the greatest size", {"note": spelled(big), "vkey": vkey})
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
        yield to_refuse("checkpoint", desc, {"note": spelled(data), "vkey": vkey})
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


def fork_vectors() -> Vectors:
    world = one_world()
    other = forked(world, at=5, more=6)
    for kind, proof in true_proofs(world, other).items():
        data = encode(proof)
        yield to_accept("fork", kind, spelled(data))
        bare = encode(replace(proof, charter=None))
        yield to_accept("fork", f"{kind}, without entry 0", spelled(bare))
        for desc, text in spellings(bare):
            yield to_refuse("fork", f"{kind}: {desc}", spelled(text))
    for desc, proof in false_proofs(world, other).items():
        yield to_refuse("fork", desc, spelled(encode(proof)))
    fields = json.loads(encode(true_proofs(world, other)["one-size"]))
    yield to_refuse(
        "fork", "a kind that is a list", spelled(canonical({**fields, "lie": {"kind": []}}))
    )


def receipt_vectors() -> Vectors:
    world = small_world()
    world.submit(letter("southfold"))
    vkey = _vkey()
    data = world.receipt(3, 2)
    yield to_accept("receipt", "of two entries", {"receipt": spelled(data), "vkey": vkey})
    first = world.receipt(0, 1)
    yield to_accept("receipt", "of entry 0", {"receipt": spelled(first), "vkey": vkey})
    yield to_refuse(
        "receipt", "another log key", {"receipt": spelled(data), "vkey": _vkey(key="x")}
    )
    for desc, other in spellings(data):
        yield to_refuse("receipt", desc, {"receipt": spelled(other), "vkey": vkey})
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
        changed = spelled(having(data, field, value))
        yield to_refuse("receipt", f"{field} = {shown}", {"receipt": changed, "vkey": vkey})
    for field, value in (("prev", REF), ("rules", REF), ("count", 2), ("charter", REF)):
        changed = spelled(having(first, field, value))
        yield to_refuse(
            "receipt", f"of entry 0, {field} = {value}", {"receipt": changed, "vkey": vkey}
        )
