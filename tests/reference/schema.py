"""Sections 1.2 and 1.4: small types and lists.

A schema is made of functions that refuse.
"""

import re
from collections.abc import Callable
from typing import TypeAlias

from tests.reference.canonical import MAX_INTEGER, MAX_LISTED, encode
from tests.reference.refusals import Malformed

Check: TypeAlias = Callable[[object, str], None]
Fields: TypeAlias = dict[str, Check]


def pattern(expression: str) -> Check:
    """Make the check of a clear string that matches as a whole."""
    compiled = re.compile(expression)

    def check(value: object, where: str) -> None:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise Malformed(f"{where} is not of its form")

    return check


def words(allowed: str) -> Check:
    """Make the check of an enumeration, its words given with spaces between."""

    def check(value: object, where: str) -> None:
        if not isinstance(value, str) or value not in allowed.split():
            raise Malformed(f"{where} is none of: {allowed}")

    return check


def integer(low: int, high: int = MAX_INTEGER) -> Check:
    """Make the check of an integer, both bounds included."""

    def check(value: object, where: str) -> None:
        if not isinstance(value, int) or not low <= value <= high:
            raise Malformed(f"{where} is no integer from {low} to {high}")

    return check


def text(value: object, where: str) -> None:
    """Refuse what is no string, or an empty one; any character may be in it."""
    if not isinstance(value, str) or not value:
        raise Malformed(f"{where} is no text")


def several(each: Check, most: int) -> Check:
    """Make the check of a list that keeps its author's order and holds nothing twice."""

    def check(value: object, where: str) -> None:
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise Malformed(f"{where} is no list of 1 to {most}")
        for place, element in enumerate(value):
            each(element, f"{where}[{place}]")
        if len({encode(element) for element in value}) != len(value):
            raise Malformed(f"{where} holds something twice")

    return check


def ascending(each: Check, most: int) -> Check:
    """Make the check of a list of strings of sorted kind."""
    kept = several(each, most)

    def check(value: object, where: str) -> None:
        kept(value, where)
        if not isinstance(value, list) or value != sorted(value):
            raise Malformed(f"{where} is not in order")

    return check


def fields(required: Fields, optional: Fields | None = None) -> Check:
    """Make the check of an object that has exactly these fields."""
    known = required | (optional or {})

    def check(value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise Malformed(f"{where} is no object")
        for name in required:
            if name not in value:
                raise Malformed(f"{where}.{name} is missing")
        for name in value:
            if name not in known:
                raise Malformed(f"{where}.{name} is no field here")
            known[name](value[name], f"{where}.{name}")

    return check


def mapping(key: Check, each: Check, most: int) -> Check:
    """Make the check of an object whose keys are not fields but values of a type."""

    def check(value: object, where: str) -> None:
        if not isinstance(value, dict) or not 1 <= len(value) <= most:
            raise Malformed(f"{where} is no object of 1 to {most}")
        for name in value:
            key(name, f"{where}.{name}")
            each(value[name], f"{where}.{name}")

    return check


def item_ranges(value: object, where: str) -> None:
    """Refuse item ranges that are empty, touch, overlap or descend."""
    if not isinstance(value, list) or not 1 <= len(value) <= 256:
        raise Malformed(f"{where} is no list of 1 to 256")
    after = 1
    for place, pair in enumerate(value):
        # A range is a pair, not a list: its two numbers may be equal.
        if not isinstance(pair, list) or len(pair) != 2:
            raise Malformed(f"{where}[{place}] is no pair")
        for bound in pair:
            integer(1, 65_535)(bound, f"{where}[{place}]")
        if not after <= pair[0] <= pair[1]:
            raise Malformed(f"{where}[{place}] is out of order")
        after = pair[1] + 2


LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
HEX_32 = pattern("[0-9a-f]{64}")
SIGNATURE = pattern("[0-9a-f]{128}")
NONCE = pattern("[0-9a-f]{32}")
PARTY = pattern(LABEL)
ACTOR = pattern(f"{LABEL}(?:/{LABEL})?")
ORIGIN = pattern("[a-z0-9][a-z0-9./_-]{0,199}")
INSTANT = integer(0)
INDEX = integer(0, MAX_INTEGER - 1)
DAY = pattern("[0-9]{4}-[0-9]{2}-[0-9]{2}")
EDTF = pattern(r"[0-9X?~%.,/:TZ+\[\]-]{4,64}")
ACTORS = several(ACTOR, 64)
REFS = several(HEX_32, 256)
PARTIES = ascending(PARTY, MAX_LISTED)
RESERVED = ("public", "unknown")
POWERS = ascending(words("answer govern intake record undertake"), 5)
YES_NO_UNKNOWN = words("yes no unknown")


def anything(_value: object, _where: str) -> None:
    """Pass: another check decides."""
