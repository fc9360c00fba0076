"""The signatures of mail servers (DKIM, RFC 6376), checked again with keys that were recorded.

A key stands in the DNS for a while only, so that whoever has a mail records the key beside it. A
signature that holds shows that whoever had that key's other half signed the header fields in `h=`
and the body. It shows nothing of receipt, of `Received` fields, or of who wrote the mail; and no
more than the recorded key is worth: who records a key of its own making forges any mail.

The library answers with one word where there are several reasons, knows no clock but its own, and
overlooks a second Subject. So here the key is looked up first, `t=` and `x=` are compared with each
other and with no clock, exactly one From, To, Date and Subject may be there, and what a signature
does not cover is said.
"""

import contextlib
import copy
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import getaddresses, parsedate_tz
from typing import Literal, NamedTuple

import dkim
from dkim.util import parse_tag_value

__all__ = ["MAX_MAIL", "Signature", "check_mail"]

MAX_MAIL = 16 << 20  # octets
MIN_BITS = 1024

_MAX_HEAD = 262_144
_MAX_FIELDS = 1000
_MAX_SIGNATURE = 8192
_MAX_SIGNATURES = 8
_MAX_RECORD = 4096
_MAX_BITS = 4096  # as RFC 8301 wants them read: twice as many take four times as long
_MAX_EXPONENT = 65_537
_MAX_STEPS = 50_000_000  # the library takes the square of the length of each run of blanks
_MAX_HEAD_STEPS = 1_000_000  # of the head, where each signature has it taken again
_MAX_NAMES = 100_000  # fields that are looked at for all names in h=
_MAX_EMPTY = 100_000  # lines at the end, which it takes away one by one
_BLANKS = re.compile(rb"[ \t]{2,}")
_SPACE = re.compile(rb"\s{2,}")
_POSTMARK = b"From "  # of a mailbox (mbox), before a mail; the library passes over any such line
_OLD_FROM = re.compile(rb"From[ \t]+:")  # the field, as it was once written (RFC 5322 section 4.5)

_ONCE = ("From", "To", "Date", "Subject")
_READ_BY = ("Content-Type", "Content-Transfer-Encoding")  # what a reader makes of a body
_TYPES = {b"rsa-sha256": b"rsa", b"ed25519-sha256": b"ed25519"}  # RFC 8301, RFC 8463
_DOMAIN = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)+")
_TIMES = (b"t", b"x")
_DAY = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])")
_QUOTED = re.compile(r'"([^"]*)"')
_DIGITS = re.compile(rb"[0-9]{1,12}")

State = Literal["valid", "invalid", "not checkable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What one DKIM-Signature comes to.

    Attributes:
        state: Whether it holds; or that this cannot be told, for want of a key.
        reason: Why not, or what it leaves open; may be empty.
        name: Where its key stands in the DNS, "selector._domainkey.domain"; empty if that cannot
            be read.
        domain: The domain that signed.
        covers: What of From, To, Date, Subject and body it covers.
        own: Whether From is one address, of that domain or one below it.
        day: The day of the Date field, in its own time zone; empty if it cannot be read.
        bits: The size of the key.
    """

    state: State
    reason: str
    name: str = ""
    domain: str = ""
    covers: tuple[str, ...] = ()
    own: bool = False
    day: str = ""
    bits: int = 0


def check_mail(mail: bytes, keys: Mapping[str, str]) -> tuple[Signature, ...]:
    """Check every DKIM-Signature of a mail.

    Args:
        mail: The mail, as it was received.
        keys: Where keys stand in the DNS, "selector._domainkey.domain", to the records there.

    Returns:
        One for each signature, from the top; one that says why, where there is none to check.

    Source: RFC 6376; SPEC section 4.5.
    """
    try:
        message = _read(mail)
        fields = _signature_fields(message)
    except _Refusal as refusal:
        return (Signature(state=refusal.state, reason=refusal.reason),)
    return tuple(_check(message, field, keys) for field in fields)


class _Refusal(Exception):  # noqa: N818 (of a signature: nothing went wrong here)
    """A signature does not hold, or cannot be checked."""

    def __init__(self, state: State, reason: str) -> None:
        super().__init__(reason)
        self.state: State = state
        self.reason = reason


@contextlib.contextmanager
def _asking(state: State, reason: str) -> Iterator[None]:
    """Refuse what the library cannot use, in whatever way it says so."""
    try:
        yield
    except (_Refusal, MemoryError):
        raise
    except Exception:  # noqa: BLE001 (of any type: whoever made the octets chooses where it fails)
        raise _Refusal(state, reason) from None


class _Tags(NamedTuple):
    """What a signature says of itself."""

    values: dict[bytes, bytes]
    name: str
    domain: str
    signed: tuple[bytes, ...]


def _read(mail: bytes) -> "dkim.DKIM":
    """Read a mail that the library can be trusted with."""
    if len(mail) > MAX_MAIL:
        raise _Refusal("not checkable", f"the mail is longer than {MAX_MAIL} octets")
    if _steps(_BLANKS, mail) > _MAX_STEPS:
        raise _Refusal("not checkable", "the mail has too long runs of blanks")
    if len(mail) - len(mail.rstrip(b"\r\n")) > _MAX_EMPTY:
        raise _Refusal("not checkable", "the mail has too many empty lines at its end")
    head = re.split(rb"\r?\n\r?\n", mail, maxsplit=1)[0]
    if len(head) > _MAX_HEAD or head.count(b"\n") > _MAX_FIELDS:
        raise _Refusal("not checkable", "the mail's head is too long")
    if _steps(_SPACE, head) > _MAX_HEAD_STEPS:
        raise _Refusal("not checkable", "the mail's head has too long runs of blanks")
    if b"\r" in head.replace(b"\r\n", b"") or b"\0" in head:
        # Some readers begin a new field there, and others do not.
        raise _Refusal("invalid", "the mail's head has a character that readers take differently")
    first, *others = head.split(b"\n")
    if any(line.startswith(_POSTMARK) for line in others) or _OLD_FROM.match(first):
        raise _Refusal("invalid", "the mail's head has a line that readers take differently")
    with _asking("not checkable", "the mail's head cannot be read"):
        return dkim.DKIM(mail, minkey=MIN_BITS)


def _steps(blanks: re.Pattern[bytes], text: bytes) -> int:
    return sum((run.end() - run.start()) ** 2 for run in blanks.finditer(text))


def _signature_fields(message: "dkim.DKIM") -> list[tuple[bytes, bytes]]:
    found = [(name, text) for name, text in message.headers if name.lower() == b"dkim-signature"]
    if not found:
        raise _Refusal("not checkable", "the mail has no DKIM-Signature")
    if len(found) > _MAX_SIGNATURES:
        raise _Refusal("not checkable", f"the mail has more than {_MAX_SIGNATURES} signatures")
    return found


def _check(message: "dkim.DKIM", field: tuple[bytes, bytes], keys: Mapping[str, str]) -> Signature:
    tags: _Tags | None = None
    try:
        tags = _read_tags(field)
        key = _read_key(tags, keys)
        _check_fields(message, tags.signed)
        day = _date(message)
        limits = _check_limits(tags.values)
        _verify(message, tags, field, key)
    except _Refusal as refusal:
        name, domain = ("", "") if tags is None else (tags.name, tags.domain)
        return Signature(state=refusal.state, reason=refusal.reason, name=name, domain=domain)
    loose = _unsigned(message, tags.signed)
    whole = b"l" not in tags.values and not loose
    covers = [name for name in _ONCE if name.lower().encode() in tags.signed]
    return Signature(
        state="valid",
        reason="; ".join(filter(None, (limits, key.note, *loose))),
        name=tags.name,
        domain=tags.domain,
        covers=tuple([*covers, "body"] if whole else covers),
        own=_is_own(message, tags.domain),
        day=day,
        bits=key.bits,
    )


# The signature and its key


def _read_tags(field: tuple[bytes, bytes]) -> _Tags:
    if len(field[1]) > _MAX_SIGNATURE:
        raise _Refusal("not checkable", f"is longer than {_MAX_SIGNATURE} octets")
    with _asking("invalid", "its tags are not those of RFC 6376"):
        values: dict[bytes, bytes] = parse_tag_value(field[1])
        # Its clock is that of whoever checks: times are looked at below.
        timeless = {tag: value for tag, value in values.items() if tag not in _TIMES}
        dkim.validate_signature_fields(timeless)
    domain = values[b"d"].decode("ascii", "backslashreplace").lower()
    selector = values[b"s"].decode("ascii", "backslashreplace").lower()
    name = f"{selector}._domainkey.{domain}"
    if _DOMAIN.fullmatch(domain) is None or _DOMAIN.fullmatch(name) is None:
        raise _Refusal("not checkable", "d= and s= do not make a name of the DNS")
    signed = tuple(each.lower() for each in re.split(rb"\s*:\s*", values[b"h"]))
    if b"from" not in signed:
        raise _Refusal("invalid", "h= leaves out From, which RFC 6376 wants signed")
    return _Tags(values, name, domain, signed)


class _Key(NamedTuple):
    """A key, its record as the library reads it, and what the record leaves open."""

    record: bytes
    bits: int
    note: str


def _read_key(tags: _Tags, keys: Mapping[str, str]) -> _Key:
    """Look the key up before anything else: the library takes a missing one for a forgery."""
    record = keys.get(tags.name)
    if record is None:
        raise _Refusal("not checkable", "its key is not recorded here")
    if len(record) > _MAX_RECORD:
        raise _Refusal("not checkable", f"its key's record is longer than {_MAX_RECORD} octets")
    kind = _TYPES.get(tags.values[b"a"])
    if kind is None:
        raise _Refusal("not checkable", "a= is neither rsa-sha256 nor ed25519-sha256")
    with _asking("not checkable", "its key's record holds no key that can be read"):
        values = parse_tag_value(_joined(record).encode("ascii"))
        # The library knows no list of services, nor what else a record allows: see below.
        plain = b"; ".join(b"%b=%b" % tag for tag in values.items() if tag[0] != b"s")
        key, bits, found, _ = dkim.evaluate_pk(tags.name, plain)
    if not {b"*", b"email"} & _listed(values.get(b"s", b"*")):
        raise _Refusal("not checkable", "its key is not for mail")
    if b"sha256" not in _listed(values.get(b"h", b"sha256")):
        raise _Refusal("not checkable", "its key is not for SHA-256")
    flags = _listed(values.get(b"t", b""))
    if b"s" in flags and not _is_of_domain(tags.values):
        raise _Refusal("invalid", "i= is below d=, which its key does not allow")
    if found != kind:
        raise _Refusal("invalid", "a= and its key are of different kinds")
    if kind == b"rsa":
        if bits < MIN_BITS:
            raise _Refusal("not checkable", f"its key has {bits} bits, below {MIN_BITS}")
        if bits > _MAX_BITS or key["publicExponent"] > _MAX_EXPONENT:
            raise _Refusal("not checkable", "its key is larger than any that is in use")
    note = "its key's record says that the domain is testing (t=y)" if b"y" in flags else ""
    return _Key(plain, bits, note)


def _joined(record: str) -> str:
    """Join the strings of a record that is written as tools show it (RFC 1035 section 5.1)."""
    strings = _QUOTED.findall(record) if record.startswith('"') else [record]
    return "".join(strings).replace("\\;", ";")


def _listed(values: bytes) -> set[bytes]:
    return set(re.split(rb"\s*:\s*", values))


def _is_of_domain(values: Mapping[bytes, bytes]) -> bool:
    """Tell whether `i=` is of the very domain in `d=`, as it is where it is absent."""
    return values.get(b"i", values[b"d"]).rpartition(b"@")[2].lower() == values[b"d"].lower()


def _verify(message: "dkim.DKIM", tags: _Tags, field: tuple[bytes, bytes], key: _Key) -> None:
    def recorded(_name: bytes, timeout: int = 0) -> bytes:
        del timeout
        return key.record

    with _asking("invalid", "it cannot be a signature by this key"):
        asked = copy.copy(message)  # which looks at every field of it, for every name in h=
        asked.headers = _named(message, tags.signed)
        try:
            holds = asked.verify_sig(dict(tags.values), list(tags.signed), field, recorded)
        except dkim.ValidationError:
            raise _Refusal("invalid", "the body is not the one that was signed") from None
    if not holds:
        raise _Refusal("invalid", "a signed field was changed, or another key signed")


def _named(message: "dkim.DKIM", signed: tuple[bytes, ...]) -> list[list[bytes]]:
    """Return the fields that `h=` names: of each name the lowest, as often as it stands there.

    Source: RFC 6376 section 5.4.2.
    """
    left, fields = Counter(signed), []
    for field in reversed(message.headers):
        name = field[0].lower()
        if left[name]:
            left[name] -= 1
            fields.append(field)
    return fields[::-1]


# The mail


def _values(message: "dkim.DKIM", name: str) -> list[bytes]:
    wanted = name.lower().encode()
    return [text for field, text in message.headers if field.lower() == wanted]


def _check_fields(message: "dkim.DKIM", signed: tuple[bytes, ...]) -> None:
    """Refuse a second field of a name: which one is signed, readers see differently."""
    if len(signed) * len(message.headers) > _MAX_NAMES:
        raise _Refusal("not checkable", "h= has too many names for so many fields")
    for name in _ONCE:
        count = len(_values(message, name))
        if count != 1:
            what = f"the mail has no {name}" if not count else f"the mail has {count} fields {name}"
            raise _Refusal("invalid", what)


def _unsigned(message: "dkim.DKIM", signed: tuple[bytes, ...]) -> tuple[str, ...]:
    """Name what could be put above a signed body to have another part, or other text, shown."""
    return tuple(
        f"{name} is not signed, by which the body is read"
        for name in _READ_BY
        if len(_values(message, name)) > signed.count(name.lower().encode())
    )


def _date(message: "dkim.DKIM") -> str:
    found = parsedate_tz(_values(message, "Date")[0].decode("ascii", "replace").strip())
    day = "" if found is None else f"{found[0]:04}-{found[1]:02}-{found[2]:02}"
    return day if _DAY.fullmatch(day) else ""  # the library takes any numbers


def _check_limits(values: Mapping[bytes, bytes]) -> str:
    """Compare the times that a signature names with each other; say what it leaves open."""
    times = {}
    for name in _TIMES:
        if name in values:
            if _DIGITS.fullmatch(values[name]) is None:
                raise _Refusal("invalid", f"{name.decode()}= is not a time")
            times[name] = int(values[name])
    if len(times) == len(_TIMES) and times[b"x"] < times[b"t"]:
        raise _Refusal("invalid", "x= is before t=: it was never to be accepted")
    notes = []
    if b"l" in values:
        notes.append("l= covers the beginning of the body only")
    if b"x" in times:
        notes.append("it asked not to be accepted after a day that it names in x=")
    return "; ".join(notes)


def _is_own(message: "dkim.DKIM", domain: str) -> bool:
    """Tell whether the mail says that it is from the domain that signed."""
    text = _values(message, "From")[0].decode("ascii", "replace")
    try:
        found = getaddresses([text.replace("\r\n", "").strip()])
    except RecursionError:  # a step for each comment in a comment, and each group in a group
        return False
    if len(found) != 1:
        return False
    host = found[0][1].rpartition("@")[2].lower()
    return host == domain or host.endswith(f".{domain}")
