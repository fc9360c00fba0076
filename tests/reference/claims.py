"""Section 5: disclosures of sealed claims."""

import base64
import binascii
import hashlib
import json
from typing import NamedTuple

from tests.reference.canonical import MAX_DISCLOSURE, Object, parse
from tests.reference.events import check_event
from tests.reference.kinds import CLAIM
from tests.reference.refusals import Malformed, Refused, need, refusing
from tests.reference.schema import HEX_32, LABEL, fields, integer, pattern

SALT = pattern(f"{LABEL}\\.[0-9a-f]{{32}}\\.[0-9a-f]{{32}}")
DISCLOSURE_TEXT = pattern(f"[A-Za-z0-9_-]{{1,{MAX_DISCLOSURE}}}")
FILE_OBJECT = fields(
    {
        "media_type": pattern(r"(?=.{3,127}\Z)[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+"),
        "name": pattern(r"(?!\.\.?\Z)[^/\\\x00-\x1f\x7f]{1,255}"),
        "sha256": HEX_32,
        "size": integer(0),
    }
)


class Disclosure(NamedTuple):
    """What a disclosure says."""

    salt: str
    name: str
    value: str | Object


def parse_disclosure(encoded: str) -> Disclosure:
    """Read the one spelling of a disclosure [703]."""
    with refusing(703):
        DISCLOSURE_TEXT(encoded, "disclosure")
        try:
            octets = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        except binascii.Error as problem:
            raise Malformed("disclosure is no base64url") from problem
        if base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii") != encoded:
            raise Malformed("disclosure is another spelling of base64url")
        array = parse(octets)
        if not isinstance(array, list) or len(array) != 3:
            raise Malformed("disclosure is no array of salt, name, value")
        SALT(array[0], "salt")
        CLAIM(array[1], "name")
        if array[1].partition(".")[0] == "file":
            FILE_OBJECT(array[2], "value")
        elif not isinstance(array[2], str):
            raise Malformed("value is no string")
        return Disclosure(array[0], array[1], array[2])


def check_disclosure(text: str, event: bytes) -> None:
    """Refuse a disclosure that does not belong to the event of these octets [703]."""
    check_event(event)
    check_belongs(text, json.loads(event))


def check_belongs(encoded: str, event: Object) -> Disclosure:
    """Return what a disclosure says; refuse one that does not belong to the event [703]."""
    said = parse_disclosure(encoded)
    author, nonce, _ = said.salt.split(".")
    need(703, "author in the salt", found=author, expected=event["author"])
    need(703, "nonce in the salt", found=nonce, expected=event["nonce"])
    if said.name not in event.get("sealed", {}):
        raise Refused(703, f"{said.name} is not sealed by the event")
    digest = hashlib.sha256(encoded.encode("ascii")).hexdigest()
    need(703, f"digest of {said.name}", found=digest, expected=event["sealed"][said.name])
    return said
