"""Section 8: checkpoints and notes."""

import base64
import binascii
import hashlib
from typing import NamedTuple

from tests.reference import signatures
from tests.reference.canonical import MAX_NOTE, MAX_NOTE_LINES
from tests.reference.refusals import Malformed, Refused, need, refusing
from tests.reference.schema import ORIGIN, integer, pattern

NOT_IN_NAMES = (
    "+\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


class NoteLine(NamedTuple):
    """A signature line of a note."""

    name: str
    key_id: bytes
    signature: bytes


class Note(NamedTuple):
    """A signed note: the text that is signed, with its last LF, and the lines."""

    text: bytes
    lines: list[NoteLine]


class Checkpoint(NamedTuple):
    """The three lines of a checkpoint."""

    origin: str
    size: int
    root: bytes


def parse_note(data: bytes) -> Note:
    """Read a signed note [201]."""
    with refusing(201):
        if len(data) > MAX_NOTE:
            raise Malformed("note is too large")
        try:
            decoded = data.decode("utf-8")
        except UnicodeDecodeError as problem:
            raise Malformed("note is no UTF-8") from problem
        if any(character < " " and character != "\n" for character in decoded):
            raise Malformed("note holds a control character")
        head, blank, tail = decoded.rpartition("\n\n")
        if not blank or not tail.endswith("\n"):
            raise Malformed("note has no signature lines")
        lines = tail[:-1].split("\n")
        if len(lines) > MAX_NOTE_LINES:
            raise Malformed("note has too many signature lines")
        return Note((head + "\n").encode("utf-8"), [_parse_note_line(line) for line in lines])


def _parse_note_line(line: str) -> NoteLine:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "\u2014":
        raise Malformed("signature line is no dash, name, base64")
    if not parts[1] or any(character in NOT_IN_NAMES for character in parts[1]):
        raise Malformed("key name of a signature line is malformed")
    octets = decode_base64(parts[2])
    if len(octets) < 5:
        raise Malformed("signature line is too short")
    return NoteLine(parts[1], octets[:4], octets[4:])


def decode_base64(encoded: str) -> bytes:
    """Read the one spelling of base64 with padding."""
    try:
        octets = base64.b64decode(encoded.encode("ascii"), validate=True)
    except (ValueError, binascii.Error) as problem:
        raise Malformed("is no base64") from problem
    if base64.b64encode(octets).decode("ascii") != encoded:
        raise Malformed("is another spelling of base64")
    return octets


def format_vkey(*, name: str, algorithm: int, public: bytes) -> str:
    """Return the verifier key of a name; its key ID is H(name || LF || type || key)[:4]."""
    typed = bytes([algorithm]) + public
    key_id = hashlib.sha256(name.encode("utf-8") + b"\n" + typed).digest()[:4]
    return f"{name}+{key_id.hex()}+{base64.b64encode(typed).decode('ascii')}"


def check_note(data: bytes, vkey: str) -> None:
    """Refuse a note that the key did not sign [201]."""
    _check_note_signature(parse_note(data), vkey)


def check_checkpoint(data: bytes, vkey: str) -> None:
    """Refuse a checkpoint that is malformed, of another origin, or not signed by the key [201]."""
    read_checkpoint(data, vkey)


def read_checkpoint(data: bytes, vkey: str) -> Checkpoint:
    """Return the checkpoint that the key signed [201]."""
    checkpoint = parse_checkpoint(data)
    need(201, "origin", found=checkpoint.origin, expected=vkey.partition("+")[0])
    check_note(data, vkey)
    return checkpoint


def parse_checkpoint(data: bytes) -> Checkpoint:
    """Read a checkpoint, whoever signed it [201]."""
    lines = parse_note(data).text.decode("utf-8").split("\n")
    with refusing(201):
        if len(lines) != 4:
            raise Malformed("checkpoint is not three lines")
        ORIGIN(lines[0], "origin")
        pattern("[1-9][0-9]{0,15}")(lines[1], "size")
        integer(1)(int(lines[1]), "size")
        root = decode_base64(lines[2])
        if len(root) != 32:
            raise Malformed("root is not 32 octets")
        return Checkpoint(lines[0], int(lines[1]), root)


def _check_note_signature(note: Note, vkey: str) -> None:
    with refusing(201):
        name, _, rest = vkey.partition("+")
        typed = decode_base64(rest.partition("+")[2])
        if len(typed) != 33 or typed[0] != 1:
            raise Malformed("verifier key is not of type 0x01")
        if format_vkey(name=name, algorithm=1, public=typed[1:]) != vkey:
            raise Malformed("verifier key has another key ID")
    key_id = bytes.fromhex(rest.partition("+")[0])
    own = [line for line in note.lines if (line.name, line.key_id) == (name, key_id)]
    if not own:
        raise Refused(201, f"no signature of {name}")
    for line in own:
        try:
            signatures.check_signature(typed[1:], note.text, line.signature)
        except Refused as problem:
            raise Refused(201, f"signature of {name}: {problem.where}") from problem
