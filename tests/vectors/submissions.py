"""Vectors of statements, entries, documents and disclosures."""

import base64
import hashlib
import json

from tests.damage import canonical
from tests.vectors.events import having
from tests.vectors.spelling import REF, Vector, Vectors, spelled, spellings, to_accept, to_refuse
from tests.world import (
    ORIGIN,
    Value,
    World,
    file_of,
    letter,
    say,
)
from verify.kinds import Artefact


def small_world() -> World:
    """Return a ledger of five entries: charter, key, join, and a submission of two letters."""
    world = World().found()
    world.enrol("southfold")
    world.join("southfold")
    world.submit(letter("northmere", "One", withheld=("person.1",)), world.file("northmere", b"x"))
    return world


def statement_vectors() -> Vectors:
    world = small_world()
    entry = json.loads(world.entries[3])
    data = canonical(entry["statement"])
    yield to_accept("statement", "of two events", spelled(data))
    seen = {"note": REF, "root": REF, "size": 1}
    yield to_accept("statement", "with a checkpoint seen", spelled(having(data, "seen", seen)))
    for desc, other in spellings(data):
        yield to_refuse("statement", desc, spelled(other))
    wrong: list[tuple[str, object]] = [
        ("type", "counterfoil-submission/v2"), ("type", ""), ("count", 0), ("count", 4097),
        ("expires", -1), ("key", "00" * 31), ("root", REF.upper()), ("author", "a/b"),
        ("ledger", {}), ("ledger", {"origin": ORIGIN, "charter": ""}), ("ledger", ORIGIN),
        ("seen", {}), ("seen", {**seen, "size": 0}), ("seen", {**seen, "more": 1}),
    ]  # fmt: skip
    for field, value in wrong:
        shown = str(value)[:40]
        yield to_refuse("statement", f"{field} = {shown}", spelled(having(data, field, value)))


_UNREADABLE = {
    "is not UTF-8": b'{"author":"\xb8"}',
    "is a number too large": b"1e999",
    "is nested deeply": b"[" * 20_000 + b"]" * 20_000,
}


def entry_vectors() -> Vectors:
    world = small_world()
    names = ("a charter", "an enrolment", "a join", "position 0", "position 1")
    for name, data in zip(names, world.entries, strict=True):
        yield to_accept("entry", name, spelled(data))
    data, second = world.entries[3], world.entries[4]
    for desc, other in spellings(data):
        yield to_refuse("entry", desc, spelled(other))
    wrong: list[tuple[str, object]] = [
        ("index", 2**53 - 1), ("index", "3"), ("position", 4096), ("position", 1), ("prev", None),
        ("prev", ""), ("recorded", None), ("recorded", 2**53), ("rules", None), ("rules", "00"),
        ("signature", None), ("signature", "00" * 63), ("statement", None), ("statement", {}),
        ("event", {}), ("event", None), ("event", "x"), ("event", []), ("index", 0),
    ]  # fmt: skip
    for field, value in wrong:
        shown = str(value)[:40]
        yield to_refuse("entry", f"{field} = {shown}", spelled(having(data, field, value)))
    for field in ("rules", "signature", "statement"):
        other = having(second, field, json.loads(data)[field])
        yield to_refuse("entry", f"{field} at position 1", spelled(other))
    yield to_refuse("entry", "prev at index 0", spelled(having(world.entries[0], "prev", REF)))
    yield to_refuse("entry", "rules at index 0", spelled(having(world.entries[0], "rules", REF)))
    nulled = data[:-1] + b',"zz":null}'
    yield to_refuse("entry", "a null after the rest", spelled(nulled))
    spaced = data.replace(b'"event":{', b'"event":{ ', 1)
    yield to_refuse("entry", "a space inside the event", spelled(spaced))
    prev = json.loads(data)["prev"].encode()
    start, stop = data.index(b'"event":') + 8, data.rindex(b',"index":')
    for desc, event in _UNREADABLE.items():
        other = data[:start] + event + data[stop:]
        yield to_refuse("entry", f"an event that {desc}", spelled(other))
        upper = other.replace(prev, prev.upper())
        yield to_refuse("entry", f"prev in upper case, and an event that {desc}", spelled(upper))
    long = data.replace(b'"nonce":"', b'"nonce":"' + b"0" * 65_536, 1)
    yield to_refuse("entry", "longer than 65,535 octets", spelled(long))


def document_vectors() -> Vectors:
    world = small_world()
    said = letter("southfold", "One", withheld=("person.1",)), letter("southfold", "Two")
    data = world.document(*said)
    yield to_accept("document", "of two letters", spelled(data))
    yield to_accept("document", "with a note seen", spelled(world.document(said[0], see=True)))
    twice = world.document(said[0], said[0])
    yield to_accept("document", "an event twice: the ledger refuses it", spelled(twice))
    for desc, other in spellings(data):
        yield to_refuse("document", desc, spelled(other))
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
    events = data.index(b'"events":[') + 10
    for desc, event in _UNREADABLE.items():
        other = data[:events] + event + b"," + data[events:]
        upper = other.replace(value["signature"].encode(), value["signature"].upper().encode())
        yield to_refuse("document", f"an event that {desc}", spelled(other))
        yield to_refuse("document", f"a signature in upper case, {desc}", spelled(upper))
    for field, changed in changes:
        shown = str(changed)[:30]
        yield to_refuse("document", f"{field} = {shown}", spelled(having(data, field, changed)))
    rows: list[tuple[str, dict[str, object]]] = [
        ("another count", {"count": 3}), ("another root", {"root": REF}),
        ("another author", {"author": "northmere"}),
    ]  # fmt: skip
    for desc, changes_ in rows:
        given = world.document(*said, **changes_)  # type: ignore[arg-type]  # any field
        yield to_refuse("document", desc, spelled(given))
    mixed = world.document(letter("southfold"), letter("northmere"))
    yield to_refuse("document", "events of two authors", spelled(mixed))


def disclosure_vectors() -> Vectors:
    claims: dict[str, Value] = {"file.1": file_of(b"x"), "text": "A b\u00e9e \u007f\n", "title": ""}
    said = say(Artefact, "northmere", claims, type="letter")
    file, text, empty = said.disclosures
    event = spelled(said.data)
    for desc, good in (("a file", file), ("a text", text), ("an empty text", empty)):
        yield to_accept("disclosure", desc, {"disclosure": good, "event": event})
    other = spelled(letter("northmere").data)
    yield to_refuse("disclosure", "of another event", {"disclosure": text, "event": other})

    def sealed(value: object, name: str = "text") -> Vector:
        """Return a disclosure of any array, with an event that seals it."""
        encoded = base64.urlsafe_b64encode(canonical(value)).decode().rstrip("=")
        return raw(encoded, name)

    def raw(encoded: str, name: str = "text") -> Vector:
        digest = hashlib.sha256(encoded.encode()).hexdigest()
        return {
            "disclosure": encoded,
            "event": spelled(having(said.data, "sealed", {name: digest})),
        }

    salt, name, value = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    yield to_accept("disclosure", "sealed by hand", sealed([salt, name, value]))
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
        yield to_refuse("disclosure", desc, sealed(array))
    for field, wrong in (
        ("media_type", "text"), ("media_type", "text/"), ("media_type", "Text/plain"),
        ("media_type", "text/" + "x" * 123), ("media_type", "a/b/c"), ("media_type", "a/b\n"),
        ("name", ""), ("name", "a/b"), ("name", "a\\b"), ("name", "a\x00"), ("name", "a\x7f"),
        ("name", "."), ("name", ".."), ("name", "x" * 256), ("sha256", REF.upper()),
        ("size", -1), ("size", "1"), ("size", None), ("more", 1),
    ):  # fmt: skip
        object_ = json.loads(having(canonical(_file()), field, wrong))
        shown = str(wrong)[:20]
        given = sealed([salt, "file", object_], "file")
        yield to_refuse("disclosure", f"a file with {field} = {shown}", given)
    wide = {**_file(), "name": "\U0001f4c4" * 255}
    given = sealed([salt, "file", wide], "file")
    yield to_accept("disclosure", "a file name of 255 characters beyond ASCII", given)
    yield to_accept("disclosure", "a file named ...",
                    sealed([salt, "file", {**_file(), "name": "..."}], "file"))  # fmt: skip
    yield to_refuse("disclosure", "a text under the name file", sealed([salt, "file", "x"], "file"))
    yield to_refuse("disclosure", "padded", raw(text + "=" * (-len(text) % 4 or 4)))
    yield to_refuse("disclosure", "a newline after", raw(text + "\n"))
    yield to_refuse("disclosure", "a space inside", raw(text[:8] + " " + text[8:]))
    yield to_refuse("disclosure", "a letter beyond ASCII", raw(text[:-1] + "\u00e9"))
    yield to_refuse("disclosure", "nothing", raw(""))
    yield to_refuse("disclosure", "one letter", raw("A"))
    yield to_refuse("disclosure", "five letters", raw("AAAAA"))
    tricky = base64.urlsafe_b64encode(canonical([salt, name, "\u00ff\u00fe>>>???~~~"])).decode()
    plain = tricky.replace("-", "+").replace("_", "/").rstrip("=")
    yield to_refuse("disclosure", "the alphabet of plain base64", raw(plain))
    loose = next(t for t in (_loosened(text), _loosened(file), _loosened(empty)) if t is not None)
    yield to_refuse("disclosure", "bits after the last octet", raw(loose))
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
        yield to_refuse(
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
