"""Mail: one `.eml` file's octets read into a value.

The octets are the evidence: they are hashed as they came and never written again, because the
standard library refolds what it serialises. `ledger.mime` cuts structure from them by offset, so
that every attachment stands as it was sent, a forwarded mail included; this module reads what the
mail says, and `ledger.mail_text` its body. Any octets give a `Mail` or a `MailError`, never
anything else.

Nothing here is proven: not `Received`, not a date, not a sender. There is no file or network
access, no DKIM check, and no look into a forwarded mail (give its octets to `parse_mail` again).
"""

import codecs
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from email import policy
from email.errors import InvalidHeaderDefect
from email.headerregistry import AddressHeader

from ledger.errors import MailError
from ledger.mail_text import choose_body
from ledger.mime import (
    FOREIGN,
    MAX_DEPTH,
    MAX_HEADER_FIELDS,
    MAX_HEADER_OCTETS,
    MAX_PARTS,
    OCTET_STREAM,
    Entity,
    Header,
    Problems,
    check_limit,
    content_of,
    decode_words,
    one_line,
    read_entity,
    read_header,
    scalars,
    walk_leaves,
    with_known_charsets,
    without_comments,
)

__all__ = [
    "MAX_ADDRESSES",
    "MAX_ATTACHMENTS",
    "MAX_DEPTH",
    "MAX_HEADER_FIELDS",
    "MAX_HEADER_OCTETS",
    "MAX_OCTETS",
    "MAX_PARTS",
    "Address",
    "Attachment",
    "Mail",
    "parse_mail",
    "parties_of",
]

MAX_OCTETS = 64 * 1024 * 1024
MAX_ADDRESSES = 5000
MAX_ATTACHMENTS = 256

_OUTLOOK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # a compound file, which holds more than a mail

# Longer addresses are hostile, and the standard library needs quadratic time for them.
_MAX_ADDRESS_CHARS = 1024

# The line between two mails of a mailbox, and a field of the second. What begins so in a mail's own
# text is quoted there (">From ") by whoever writes mailboxes.
_NEXT_MAIL = re.compile(
    rb"\n\r?\nFrom \S{1,999} {1,9}[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]?[0-9] \d\d:\d\d[^\r\n]*\r?\n"
    rb"[\x21-\x39\x3b-\x7e]+:"
)

# RFC 5322 section 3.6 and RFC 2045: at most one of each.
_SINGULAR = (
    "Date",
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Subject",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Disposition",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One mailbox; `address` is empty when the header names nobody that can be written to."""

    name: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One part that is not the body text, with its content as it was before transfer encoding."""

    name: str | None
    media_type: str
    content: bytes = field(repr=False)
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What one mail says of itself.

    Attributes:
        sha256: Of the original octets, in hex.
        message_id: Without angle brackets, as in `in_reply_to` and `references`.
        date_edtf: `date` as `YYYY-MM-DDThh:mm:ss` and `Z` or an offset.
        date_problem: Why there is no `date` although there is a Date field.
        received: Instants of the Received fields, top first, as told by the servers.
        repeated: Fields that may stand once and stand more often; the topmost was read.
        body: Text with line feeds, Unicode scalar values only.
        problems: A sentence for each odd thing found.
    """

    sha256: str
    size: int
    message_id: str | None
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    subject: str | None
    date: datetime | None
    date_edtf: str | None
    date_problem: str | None
    received: tuple[str | None, ...]
    from_: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    repeated: tuple[str, ...]
    body: str | None
    attachments: tuple[Attachment, ...]
    problems: tuple[str, ...]


def parse_mail(octets: bytes) -> Mail:
    """Read one mail from the octets of an `.eml` file.

    Raises:
        MailError: There is no header field, there are several mails, or a limit of this module is
            passed.

    Source: RFC 5322, RFC 2045, RFC 2046; RFC 4155 (mbox).
    """
    check_limit(len(octets), MAX_OCTETS, "octets; a draft can name it as a file of an event")
    if octets.startswith(b"From ") and _NEXT_MAIL.search(octets):
        raise MailError("the octets are a mailbox (mbox) of several mails: save each by itself")
    problems = Problems()
    # A byte order mark is of whoever saved the mail as text.
    start = len(codecs.BOM_UTF8) if octets.startswith(codecs.BOM_UTF8) else 0
    header, body_start = read_header(octets, start, len(octets), problems)
    if not header.fields:
        raise MailError(_no_mail(octets))
    root = read_entity(header, body_start, len(octets), in_multipart=None, problems=problems)
    leaves = tuple(walk_leaves(octets, root, problems))
    body, shown = choose_body(octets, leaves, problems)
    attachments = _attachments(octets, leaves, shown, problems)
    repeated = _repeated(header, problems)
    date, date_problem = _read_date_field(header, problems)
    addresses = _AddressReader(problems)
    return Mail(
        sha256=hashlib.sha256(octets).hexdigest(),
        size=len(octets),
        message_id=_message_id(header),
        in_reply_to=_message_ids(header, "in-reply-to"),
        references=_message_ids(header, "references"),
        subject=_subject(header, problems),
        date=date,
        date_edtf=None if date is None else _format_edtf(date),
        date_problem=date_problem,
        received=tuple(_received_edtf(value) for value in header.all("received")),
        from_=addresses.read(header, "From"),
        to=addresses.read(header, "To"),
        cc=addresses.read(header, "Cc"),
        bcc=addresses.read(header, "Bcc"),
        repeated=repeated,
        body=body,
        attachments=attachments,
        problems=problems.sentences(),
    )


def _no_mail(octets: bytes) -> str:
    """Say what octets without a header field are, and what to do."""
    if not octets:
        return "the octets are empty"
    if octets.startswith(_OUTLOOK):
        return "the octets are an Outlook message (.msg): save it as a mail (.eml)"
    if octets.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "the octets are UTF-16, as no mail is sent: save the mail itself (.eml)"
    return "the octets have no header field: save the mail as it was sent or received (.eml)"


def parties_of(
    addresses: Iterable[Address], *, mapping: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[Address, ...]]:
    """Name the parties behind addresses, and the addresses that the mapping does not know.

    An exact address wins over a domain, a longer domain over a shorter one, and a domain covers
    its subdomains. Letter case is ignored.

    Args:
        addresses: As read from a mail.
        mapping: Mail address or mail domain to party id.

    Returns:
        The party ids and the addresses not matched, each once, in the order first met.
    """
    table = {key.lower().removeprefix("@"): party for key, party in mapping.items()}
    parties: dict[str, None] = {}
    unknown: dict[Address, None] = {}
    for address in addresses:
        party = next((table[key] for key in _match_keys(address.address) if key in table), None)
        if party is None:
            unknown[address] = None
        else:
            parties[party] = None
    return tuple(parties), tuple(unknown)


def _match_keys(address: str) -> Iterator[str]:
    local, at, domain = address.lower().rpartition("@")
    if not (local and at and domain):
        return
    yield f"{local}@{domain}"
    while domain:
        yield domain
        domain = domain.partition(".")[2]


# Fields


def _repeated(header: Header, problems: Problems) -> tuple[str, ...]:
    repeated = tuple(name for name in _SINGULAR if len(header.all(name.lower())) > 1)
    for name in repeated:
        problems.note(f"The field {name} stands more than once.")
    return repeated


def _subject(header: Header, problems: Problems) -> str | None:
    value = header.first("subject")
    return None if value is None else decode_words(value, "The Subject", problems)


# Message ids

_BRACKETED = re.compile(r"<([^<>]+)>")


def _message_id(header: Header) -> str | None:
    return next(iter(_ids_in(header.first("message-id") or "")), None)


def _message_ids(header: Header, name: str) -> tuple[str, ...]:
    return _ids_in(header.first(name) or "")


def _ids_in(value: str) -> tuple[str, ...]:
    """Find ids between angle brackets, else words with an at sign, else the only word."""
    text = scalars(value)
    found = ["".join(match.split()) for match in _BRACKETED.findall(text)]
    if not found:
        words = [word.strip("<>") for word in text.split()]
        found = words if len(words) == 1 else [word for word in words if "@" in word]
    printable = ("".join(char for char in one if char.isprintable()) for one in found)
    return tuple(one for one in printable if one)


# Dates

_DATE = re.compile(
    r"(?:(?P<weekday>[A-Za-z]{3}),? ?)?(?P<day>[0-9]{1,2})[ -](?P<month>[A-Za-z]{3})[ -]"
    r"(?P<year>[0-9]{4}|[0-9]{2}) (?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2}))? ?(?P<zone>[+-][0-9]{4}|[A-Za-z]{1,3})?"
)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# RFC 5322 section 4.3. Other letters, BST among them, say no offset: they are not guessed.
_ZONE_HOURS = {
    "ut": 0, "utc": 0, "gmt": 0, "z": 0,
    "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip


def _read_date_field(header: Header, problems: Problems) -> tuple[datetime | None, str | None]:
    value = header.first("date")
    if value is None:
        problems.note("There is no Date field.")
        return None, None
    date, problem = _parse_date(value)
    if date is None:
        problems.note(f"The Date field cannot be read: {problem}.")
        return None, problem
    if problem is not None:
        problems.note(f"The Date field is odd: {problem}.")
    return date, None


def _parse_date(value: str) -> tuple[datetime | None, str | None]:
    """Read a date in the RFC 5322 form, and say what is wrong with it.

    The standard library also reads other forms, some in the order of the United States, and
    takes a missing offset for UTC; a chronology must not.
    """
    match = _DATE.fullmatch(" ".join(without_comments(value).split()))
    if match is None:
        return None, "it has not the form of a mail date"
    offset = _offset(match["zone"])
    if offset is None:
        return None, "it has no offset from UTC that can be read"
    try:
        date = datetime(
            _year(match["year"]),
            _MONTHS.index(match["month"].lower()) + 1,
            int(match["day"]),
            int(match["hour"]),
            int(match["minute"]),
            int(match["second"] or 0),
            tzinfo=offset,
        )
    except ValueError:
        return None, "there is no such day or time"
    weekday = match["weekday"]
    if weekday and weekday.lower() != _WEEKDAYS[date.weekday()]:
        return date, "its day of the week is another"
    return date, None


def _year(digits: str) -> int:
    """Read a year; two digits as RFC 5322 section 4.3 says."""
    year = int(digits)
    if len(digits) > 2:  # noqa: PLR2004 - the number of digits
        if year < 1900:  # noqa: PLR2004 - RFC 5322 section 3.3
            raise ValueError(digits)
        return year
    return year + (2000 if year < 50 else 1900)  # noqa: PLR2004 - RFC 5322 section 4.3


def _offset(zone: str | None) -> timezone | None:
    if zone is None:
        return None
    if zone[0] not in "+-":
        hours = _ZONE_HOURS.get(zone.lower())
        return None if hours is None else timezone(timedelta(hours=hours))
    hour, minute = int(zone[1:3]), int(zone[3:])
    if hour > 23 or minute > 59:  # noqa: PLR2004 - a clock's
        return None
    offset = timedelta(hours=hour, minutes=minute)
    return timezone(-offset if zone[0] == "-" else offset) if offset else UTC


def _format_edtf(date: datetime) -> str:
    text = date.isoformat(timespec="seconds")
    return f"{text[:-6]}Z" if date.utcoffset() == timedelta(0) else text


def _received_edtf(value: str) -> str | None:
    """Read the instant behind the last semicolon of a Received field."""
    _, semicolon, stamp = without_comments(value).rpartition(";")
    date, _ = _parse_date(stamp) if semicolon else (None, None)
    return None if date is None else _format_edtf(date)


# Addresses

_ANGLE = re.compile(r"([^<>]*)<([^<>@\s]+@[^<>@\s]+)>\s*")


class _AddressReader:
    """Reads address fields one mailbox at a time, and counts them for the whole mail."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._found = 0

    def read(self, header: Header, name: str) -> tuple[Address, ...]:
        """Read every field of this name: a repeated one hides nobody."""
        pieces = [piece for value in header.all(name.lower()) for piece in _split_addresses(value)]
        self._found += len(pieces)
        check_limit(self._found, MAX_ADDRESSES, "addresses")
        return tuple(self._read_one(piece, f"The {name} field") for piece in pieces)

    def _read_one(self, piece: str, what: str) -> Address:
        parsed = _parse_address(piece, self._problems) if len(piece) <= _MAX_ADDRESS_CHARS else None
        if parsed is None:
            self._problems.note(f"{what} has an address that cannot be read.")
            cut = piece[:_MAX_ADDRESS_CHARS]
            return Address(name=one_line(cut, what, self._problems), address="")
        name, address = parsed
        local, _, domain = one_line(address, what, self._problems).rpartition("@")
        name = one_line(name, what, self._problems)
        return Address(name=name, address=f"{local}@{domain.lower()}")


def _split_addresses(value: str) -> Iterator[str]:
    """Cut an address list at its top-level commas; a group is replaced by its members.

    The parser of the standard library needs quadratic time for a list that is one long lie, so
    it gets one mailbox at a time.
    """
    start = comment = 0
    quoted = angle = escaped = False
    for at, char in enumerate(value):
        if escaped:
            escaped = False
        elif char == "\\" and (quoted or comment):
            escaped = True
        elif quoted or (char == '"' and not comment):
            quoted = quoted != (char == '"')
        elif char in "()":
            comment = max(0, comment + (1 if char == "(" else -1))
        elif char in "<>" and not comment:
            angle = char == "<"
        elif char in ",;:" and not comment and not angle:
            if char != ":" and value[start:at].strip():
                yield value[start:at].strip()
            start = at + 1
    if value[start:].strip():
        yield value[start:].strip()


def _parse_address(piece: str, problems: Problems) -> tuple[str, str] | None:
    """Read one mailbox into display name and address.

    Of `bob@a.example <ann@b.example>` the standard library reads the first and drops the rest, and
    a mail program shows that it is from Ann. What it found fault with is taken only where there is
    one address that can be meant; else what stands in angle brackets at the end is the address.
    """
    name, address, whole = "", "", False
    try:
        parsed = policy.default.header_fetch_parse("To", with_known_charsets(piece, problems))
        addresses = parsed.addresses if isinstance(parsed, AddressHeader) else ()
        if len(addresses) == 1 and addresses[0].username and addresses[0].domain:
            name, address = addresses[0].display_name, addresses[0].addr_spec
            whole = not any(isinstance(one, InvalidHeaderDefect) for one in parsed.defects)
    except FOREIGN:
        pass
    if address and (whole or piece.count("@") == 1):
        return name, address
    # "Ann [Blaby] <ann@blaby.example>" breaks the grammar, yet its one address is plain.
    match = _ANGLE.fullmatch(piece)
    return None if match is None else (match[1].strip(), match[2])


# Attachments


def _attachments(
    octets: bytes, leaves: Iterable[Entity], shown: Entity | None, problems: Problems
) -> tuple[Attachment, ...]:
    """Take every part that is neither the body nor another form of it."""
    rest = [leaf for leaf in leaves if not _is_body(leaf, shown)]
    check_limit(len(rest), MAX_ATTACHMENTS, "attachments")
    return tuple(_attachment(leaf, content_of(octets, leaf, problems)) for leaf in rest)


def _is_body(leaf: Entity, shown: Entity | None) -> bool:
    if shown is None or leaf is shown:
        return leaf is shown
    doubles = leaf.alternative is not None and leaf.alternative == shown.alternative
    return doubles and (leaf.is_text("plain") or leaf.is_text("html"))


def _attachment(leaf: Entity, content: bytes) -> Attachment:
    return Attachment(
        name=leaf.name,
        media_type=OCTET_STREAM if leaf.is_multipart else leaf.media_type,
        content=content,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
    )
