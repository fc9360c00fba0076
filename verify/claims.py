"""Sealed claims: what a disclosure is, and how it belongs to its event (SPEC section 5).

Free text, people's names and files enter an event as salted digests. A disclosure opens one of
them. This module reads and checks disclosures; it draws no salts.
"""

import binascii
import functools
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Annotated, NamedTuple

import msgspec

from verify.checks import Check
from verify.codec import Count, Decoder, Hash, NonceText, Wire, encode, encode_lines
from verify.errors import MalformedError, RuleError

__all__ = [
    "DATE_ROLES",
    "MAX_DISCLOSURE",
    "NUMBERED_STEMS",
    "STEMS",
    "Disclosure",
    "File",
    "Opened",
    "check_claims",
    "check_names",
    "claims_hold",
    "digest",
    "format_disclosure",
    "is_claim_name",
    "parse_disclosure",
    "stem",
]

DATE_ROLES = (
    *("as_at", "created", "dated", "due", "effective", "end", "handed_over", "held", "made"),
    *("obtained", "occurred", "opened", "opens_by", "period", "published", "received", "sent"),
    *("start", "until", "value"),
)
NUMBERED_STEMS = frozenset(
    ("address", "allegation", "file", "item", "material", "person", "reference", "sentence", "url")
)
STEMS = NUMBERED_STEMS | {
    *("body", "conditions", "decision", "description", "dpia", "dpo_view", "holder"),
    *("individual_rights", "lawful_basis", "legal_power", "locator", "message_id", "name"),
    *("necessity", "note", "order", "purpose", "question", "reason", "retention", "security"),
    *("source", "special_category", "subject", "terms", "text", "title", "value"),
    *(f"phrase_{role}" for role in DATE_ROLES),
}
MAX_DISCLOSURE = 1_048_576  # octets of base64url text

_MAX_DIGITS = 4  # of a number after a stem


class File(Wire, frozen=True, kw_only=True):
    """A file object: the value of a claim that stands for a file outside the chain."""

    media_type: Annotated[
        str,
        msgspec.Meta(max_length=127, pattern=r"\A[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+\Z"),
    ]
    name: Annotated[
        str, msgspec.Meta(min_length=1, max_length=255, pattern=r"\A[^/\\\x00-\x1f\x7f]+\Z")
    ]
    sha256: Hash
    size: Count

    def __post_init__(self) -> None:
        """Check that the name is not one of a folder.

        Raises:
            ValueError: It is.
        """
        if self.name in {".", ".."}:
            raise ValueError("name: names a folder")


class Opened(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A claim in the clear: the random part of its salt, and its value.

    There are millions; as tuples the collector would go through them again and again.
    """

    random: NonceText
    value: str | File


class Disclosure(NamedTuple):
    """An opened disclosure: the array `[salt, name, value]`."""

    salt: str
    name: str
    value: str | File


_DISCLOSURE = Decoder(Disclosure, name="disclosure")
_PADDING = (b"", b"===", b"==", b"=")
_FROM_URL = bytes.maketrans(b"-_", b"+/")
_TO_URL = bytes.maketrans(b"+/", b"-_")


def stem(name: str) -> str:
    """Return the stem of a claim name: "item" of "item.3"."""
    return name.partition(".")[0]


@functools.lru_cache(maxsize=4096)
def is_claim_name(name: str) -> bool:
    """Tell whether `name` is one of SPEC's claim names: a closed list, with numbers for some."""
    head, dot, number = name.partition(".")
    if not dot:
        return head in STEMS
    is_number = number.isascii() and number.isdigit() and number[0] != "0"
    return head in NUMBERED_STEMS and is_number and len(number) <= _MAX_DIGITS


@functools.lru_cache(maxsize=1024)
def check_names(names: tuple[str, ...]) -> None:
    """Check that claim names are known and their numbers dense.

    Raises:
        ValueError: A name is unknown, or a number is missing before another. (A schema's own
            error, which decoding turns into a `MalformedError` that names the field.)

    Source: SPEC section 5.
    """
    numbers: dict[str, list[int]] = {}
    for name in names:
        if not is_claim_name(name):
            raise ValueError(f"sealed: {name!r} is not a claim name")
        head, _, number = name.partition(".")
        if number:
            numbers.setdefault(head, []).append(int(number))
    for head, found in numbers.items():
        if max(found) != len(found):
            raise ValueError(f"sealed: the numbers of {head!r} are not dense from 1")


def digest(text: str) -> str:
    """Return the digest of a disclosure: SHA-256 of its ASCII octets, in hex."""
    return sha256(text.encode()).hexdigest()


def format_disclosure(*, author: str, nonce: str, name: str, random: str, value: str | File) -> str:
    """Write the disclosure of a claim.

    Args:
        author: The event's author.
        nonce: The event's nonce.
        name: The claim's name.
        random: 32 hex digits, drawn for this claim alone.
        value: What the claim says.

    Source: SPEC section 5.
    """
    return _text(encode((f"{author}.{nonce}.{random}", name, value))).decode()


def _text(data: bytes) -> bytes:
    # One pass changes the alphabet and drops the padding, which alone has the sign "=".
    return b2a_base64(data, newline=False).translate(_TO_URL, b"=")


def check_claims(
    claims: Mapping[str, Opened],
    *,
    author: str,
    nonce: str,
    sealed: Mapping[str, str],
) -> dict[str, RuleError]:
    """Check that the claims of one line of `disclosures.jsonl` are what an event seals.

    Args:
        claims: By name, each in the clear.
        author: The event's author.
        nonce: The event's nonce.
        sealed: The event's digests, by claim name.

    Returns:
        By name, the refusal of each claim that is not, with check `disclosure`.

    Source: SPEC sections 5 and 11.3.
    """
    refused: dict[str, RuleError] = {}
    for name, one in claims.items():
        value = one.value
        text = format_disclosure(
            author=author, nonce=nonce, name=name, random=one.random, value=value
        )
        found = digest(text)
        if sealed.get(name) != found:
            reason = "is not what the event seals under this name"
            where = f"claims.{name[:80]}"
            refused[name] = RuleError(Check.DISCLOSURE, where, reason, sealed.get(name), found)
        elif isinstance(value, str) is (stem(name) == "file"):
            reason = "a file claim has a file object, any other a string"
            refused[name] = RuleError(Check.DISCLOSURE, f"claims.{name}", reason)
        elif len(text) > MAX_DISCLOSURE:
            reason = f"is longer than {MAX_DISCLOSURE} octets"
            refused[name] = RuleError(Check.DISCLOSURE, f"claims.{name}", reason)
    return refused


def claims_hold(lines: Iterable[tuple[Mapping[str, Opened], str, str, Mapping[str, str]]]) -> bool:
    """Tell whether `check_claims` would refuse no claim of many lines: in half the time.

    Args:
        lines: Of each its claims, and of its event author, nonce and what it seals.
    """
    rows: list[tuple[str, str, str | File]] = []
    sealed_here: list[str | None] = []
    for claims, author, nonce, sealed in lines:
        prefix = f"{author}.{nonce}."
        rows += [(prefix + one.random, name, one.value) for name, one in claims.items()]
        sealed_here += map(sealed.get, claims)
    # No other stem begins with "file".
    misplaced = [(type(value) is str) is (name[:4] == "file") for _, name, value in rows]
    if True in misplaced:
        return False
    # An LF ends each row, and then each text: neither has one within.
    each = encode_lines(rows).split(b"\n")[:-1]
    texts = b"".join(map(b2a_base64, each)).translate(_TO_URL, b"=").split(b"\n")[:-1]
    if max(map(len, texts), default=0) > MAX_DISCLOSURE:
        return False
    found = b"".join([sha256(text).digest() for text in texts]).hex()
    # Digests have one length: joined they are equal only if each is.
    return None not in sealed_here and found == "".join(map(str, sealed_here))


def parse_disclosure(text: str, *, where: str = "disclosure") -> Disclosure:
    """Read one disclosure.

    Args:
        text: Unpadded base64url of the canonical JSON `[salt, name, value]`.
        where: Names the disclosure in a refusal.

    Raises:
        RuleError: With check `disclosure`: not base64url in its one spelling, not canonical, not
            of that shape.

    Source: SPEC section 5.
    """
    octets = text.encode("ascii", "replace")  # what is replaced does not come back the same
    try:
        data = a2b_base64(octets.translate(_FROM_URL) + _PADDING[len(octets) & 3])
    except binascii.Error:
        raise RuleError(Check.DISCLOSURE, where, "is not base64url") from None
    # Non-zero trailing bits, padding, line ends, foreign characters and the alphabet of plain
    # base64 all decode as well; only the one spelling comes back the same.
    if _text(data) != octets:
        reason = "is not unpadded base64url in its one spelling"
        raise RuleError(Check.DISCLOSURE, where, reason)
    if len(octets) > MAX_DISCLOSURE:
        reason = f"is longer than {MAX_DISCLOSURE} octets"
        raise RuleError(Check.DISCLOSURE, where, reason)
    try:
        opened = _DISCLOSURE.decode(data)
    except MalformedError as error:
        part = error.where.removeprefix(_DISCLOSURE.name)
        raise RuleError(Check.DISCLOSURE, where + part, error.reason) from None
    _, name, value = opened
    if isinstance(value, str) is (name[:4] == "file" and stem(name) == "file"):
        reason = "a file claim has a file object, any other a string"
        raise RuleError(Check.DISCLOSURE, where, reason)
    return opened
