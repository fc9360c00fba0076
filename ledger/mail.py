"""Mail: one `.eml` file's octets read into a value.

The octets are the evidence: they are hashed as they came and never written again, because the
standard library refolds what it serialises. Structure is cut from them by offset, so that every
attachment stands as it was sent, a forwarded mail included; the standard library reads the header
fields. Any octets give a `Mail` or a `MailError`, never anything else.

Nothing here is proven: not `Received`, not a date, not a sender. There is no file or network
access, no DKIM check, and no look into a forwarded mail (give its octets to `parse_mail` again).
"""

import base64
import binascii
import codecs
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from email import policy
from email.errors import MessageError
from email.headerregistry import AddressHeader
from email.message import Message
from email.parser import BytesHeaderParser
from html import unescape
from html.parser import HTMLParser

from ledger.errors import MailError

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
MAX_HEADER_OCTETS = 256 * 1024  # of one entity; Postfix cuts at 100 KiB
MAX_HEADER_FIELDS = 1000
MAX_ADDRESSES = 5000
MAX_ATTACHMENTS = 256
MAX_PARTS = 1024
MAX_DEPTH = 32

# Longer values of these are hostile, and the standard library needs quadratic time for them.
_MAX_ADDRESS_CHARS = 1024
_MAX_PARAMETERS_CHARS = 4096
_MAX_PARAMETERS = 64
_MAX_WORDS_CHARS = 16 * 1024
_MAX_HTML_CHARS = 4 * 1024 * 1024
_MAX_NAME_CHARS = 255

# What the standard library raises on hostile mail. AssertionError and Warning are its own here:
# the blocks that catch this tuple call nothing of ours.
_FOREIGN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MessageError,
    NameError,
    RuntimeError,
    TypeError,
    ValueError,
    Warning,
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
    reply_to: tuple[Address, ...]
    repeated: tuple[str, ...]
    body: str | None
    attachments: tuple[Attachment, ...]
    problems: tuple[str, ...]


def parse_mail(octets: bytes) -> Mail:
    """Read one mail from the octets of an `.eml` file.

    Raises:
        MailError: There is no header field, or a limit of this module is passed.

    Source: RFC 5322, RFC 2045, RFC 2046.
    """
    _check_limit(len(octets), MAX_OCTETS, "octets")
    problems = _Problems()
    header, body_start = _read_header(octets, 0, len(octets), problems)
    if not header.fields:
        message = "the octets are empty" if not octets else "the octets have no header field"
        raise MailError(message)
    root = _entity(header, body_start, len(octets), in_multipart=None, problems=problems)
    leaves = tuple(_leaves(octets, root, problems))
    body, shown = _choose_body(octets, leaves, problems)
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
        reply_to=addresses.read(header, "Reply-To"),
        repeated=repeated,
        body=body,
        attachments=attachments,
        problems=problems.sentences(),
    )


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


def _check_limit(found: int, limit: int, what: str) -> None:
    if found > limit:
        message = f"the mail has more than {limit} {what}"
        raise MailError(message, found=found, limit=limit)


class _Problems:
    """Sentences in the order found, each once."""

    def __init__(self) -> None:
        self._sentences: dict[str, None] = {}

    def note(self, sentence: str) -> None:
        self._sentences[sentence] = None

    def sentences(self) -> tuple[str, ...]:
        return tuple(self._sentences)


# Header fields


@dataclass(frozen=True, slots=True)
class _Header:
    """The fields of one entity, top first: lower-case name and unfolded value, not decoded."""

    fields: tuple[tuple[str, str], ...]

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(value for known, value in self.fields if known == name)

    def first(self, name: str) -> str | None:
        return next((value for known, value in self.fields if known == name), None)


# Same line ends and same field pattern as email.feedparser: what it would read, we cut.
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r|\Z)")
_FIELD_LINE = re.compile(rb"From |[\x21-\x39\x3b-\x7e]*:|[\t ]")
_LONE_CR = re.compile(rb"\r(?!\n)")


def _read_header(octets: bytes, start: int, end: int, problems: _Problems) -> tuple[_Header, int]:
    """Read the header of the entity in `[start, end)`; also give where its body starts."""
    header_end, body_start = _header_bounds(octets, start, end, problems)
    block = octets[start:header_end]
    if _LONE_CR.search(block):
        problems.note("A header has a carriage return without a line feed.")
    if not block.isascii():
        problems.note("A header has octets outside ASCII.")
    if b"\0" in block:
        problems.note("A header has a NUL octet.")
    try:
        # compat32 only cuts the fields: the default policy would also read Content-Type here, and
        # one hostile value would take the whole header with it. Values are read one by one.
        parsed = BytesHeaderParser(policy=policy.compat32).parsebytes(block)
        pairs = [(name.lower(), _unfold(str(value))) for name, value in parsed.raw_items()]
    except _FOREIGN:
        problems.note("A header cannot be read.")
        pairs = []
    _check_limit(len(pairs), MAX_HEADER_FIELDS, "header fields")
    return _Header(tuple(pairs)), body_start


def _header_bounds(octets: bytes, start: int, end: int, problems: _Problems) -> tuple[int, int]:
    at = start
    while at < end:
        line = _LINE.match(octets, at, end)
        if line is None or line.end() == at:
            break
        if octets[at] in b"\r\n":
            return at, line.end()
        if not _FIELD_LINE.match(octets, at, end):
            if at > start:
                problems.note("A header ends without a blank line.")
            break
        at = line.end()
        _check_limit(at - start, MAX_HEADER_OCTETS, "octets in one header")
    return at, at


def _unfold(value: str) -> str:
    return value.replace("\r", "").replace("\n", "").strip()


def _repeated(header: _Header, problems: _Problems) -> tuple[str, ...]:
    repeated = tuple(name for name in _SINGULAR if len(header.all(name.lower())) > 1)
    for name in repeated:
        problems.note(f"The field {name} stands more than once.")
    return repeated


def _subject(header: _Header, problems: _Problems) -> str | None:
    value = header.first("subject")
    return None if value is None else _decode_words(value, "The Subject", problems)


def _decode_words(value: str, what: str, problems: _Problems) -> str:
    """Decode RFC 2047 words into one line of text."""
    if len(value) > _MAX_WORDS_CHARS:
        problems.note(f"{what} is too long to be decoded: it is kept as it stands.")
        return _one_line(value, what, problems)
    try:
        decoded = str(policy.default.header_fetch_parse("Subject", value))
    except _FOREIGN:
        problems.note(f"{what} has an encoded word that cannot be read.")
        decoded = value
    return _one_line(decoded, what, problems)


def _one_line(value: str, what: str, problems: _Problems) -> str:
    text = _scalars(value)
    clean = "".join(" " if unicodedata.category(char) == "Cc" else char for char in text)
    if clean.replace(" ", "") != text.replace(" ", "").replace("\t", ""):
        problems.note(f"{what} has control characters.")
    if "\N{REPLACEMENT CHARACTER}" in clean:
        problems.note(f"{what} has characters that cannot be decoded.")
    return clean.strip()


def _scalars(text: str) -> str:
    """Turn raw UTF-8 kept as surrogates back into text, and any other surrogate into U+FFFD."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


_SURROGATE = re.compile("[\ud800-\udfff]")


# Message ids

_BRACKETED = re.compile(r"<([^<>]+)>")


def _message_id(header: _Header) -> str | None:
    return next(iter(_ids_in(header.first("message-id") or "")), None)


def _message_ids(header: _Header, name: str) -> tuple[str, ...]:
    return _ids_in(header.first(name) or "")


def _ids_in(value: str) -> tuple[str, ...]:
    """Find ids between angle brackets, else words with an at sign, else the only word."""
    text = _scalars(value)
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


def _read_date_field(header: _Header, problems: _Problems) -> tuple[datetime | None, str | None]:
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
    match = _DATE.fullmatch(" ".join(_without_comments(value).split()))
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


def _without_comments(value: str) -> str:
    kept: list[str] = []
    depth = 0
    for char in value:
        if char == "(":
            depth += 1
        elif char == ")" and depth:
            depth -= 1
        elif not depth:
            kept.append(char)
    return "".join(kept)


def _format_edtf(date: datetime) -> str:
    text = date.isoformat(timespec="seconds")
    return f"{text[:-6]}Z" if date.utcoffset() == timedelta(0) else text


def _received_edtf(value: str) -> str | None:
    """Read the instant behind the last semicolon of a Received field."""
    _, semicolon, stamp = _without_comments(value).rpartition(";")
    date, _ = _parse_date(stamp) if semicolon else (None, None)
    return None if date is None else _format_edtf(date)


# Addresses

_ANGLE = re.compile(r"([^<>]*)<([^<>@\s]+@[^<>@\s]+)>\s*")


class _AddressReader:
    """Reads address fields one mailbox at a time, and counts them for the whole mail."""

    def __init__(self, problems: _Problems) -> None:
        self._problems = problems
        self._found = 0

    def read(self, header: _Header, name: str) -> tuple[Address, ...]:
        """Read every field of this name: a repeated one hides nobody."""
        pieces = [piece for value in header.all(name.lower()) for piece in _split_addresses(value)]
        self._found += len(pieces)
        _check_limit(self._found, MAX_ADDRESSES, "addresses")
        return tuple(self._read_one(piece, f"The {name} field") for piece in pieces)

    def _read_one(self, piece: str, what: str) -> Address:
        parsed = _parse_address(piece) if len(piece) <= _MAX_ADDRESS_CHARS else None
        if parsed is None:
            self._problems.note(f"{what} has an address that cannot be read.")
            cut = piece[:_MAX_ADDRESS_CHARS]
            return Address(name=_one_line(cut, what, self._problems), address="")
        name, address = parsed
        local, _, domain = _one_line(address, what, self._problems).rpartition("@")
        name = _one_line(name, what, self._problems)
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


def _parse_address(piece: str) -> tuple[str, str] | None:
    """Read one mailbox into display name and address."""
    try:
        parsed = policy.default.header_fetch_parse("To", piece)
        addresses = parsed.addresses if isinstance(parsed, AddressHeader) else ()
        if len(addresses) == 1 and addresses[0].username and addresses[0].domain:
            return addresses[0].display_name, addresses[0].addr_spec
    except _FOREIGN:
        pass
    # "Ann [Blaby] <ann@blaby.example>" breaks the grammar, yet its one address is plain.
    match = _ANGLE.fullmatch(piece)
    return None if match is None else (match[1].strip(), match[2])


# Structure

_MEDIA_TYPE = re.compile(
    r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}", re.ASCII
)
_OCTET_STREAM = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class _Entity:
    """One MIME entity: what its header says, and where its body stands, `[start, end)`."""

    media_type: str
    parameters: Mapping[str, str]
    encoding: str
    attached: bool
    name: str | None
    start: int
    end: int
    alternative: int | None = None  # start of the outermost multipart/alternative around it

    def is_text(self, subtype: str) -> bool:
        """Tell whether this may be (or double) the body text."""
        return self.media_type == f"text/{subtype}" and not self.attached and self.name is None


def _entity(
    header: _Header, start: int, end: int, *, in_multipart: str | None, problems: _Problems
) -> _Entity:
    default = "message/rfc822" if in_multipart == "multipart/digest" else "text/plain"
    value = header.first("content-type")
    media_type = default
    if value is not None:
        media_type = _without_comments(value.partition(";")[0]).strip().lower()
        if not _MEDIA_TYPE.fullmatch(media_type):
            problems.note("A Content-Type cannot be read.")
            # RFC 2045 section 5.2 reads it as text; a part may as well be anything.
            media_type = default if in_multipart is None else _OCTET_STREAM
    parameters = _parameters(value or "", problems)
    disposition = header.first("content-disposition") or ""
    named = _parameters(disposition, problems).get("filename") or parameters.get("name")
    encoding = _without_comments(header.first("content-transfer-encoding") or "")
    return _Entity(
        media_type=media_type,
        parameters=parameters,
        encoding=encoding.strip().lower(),
        attached=disposition.partition(";")[0].strip().lower() == "attachment",
        name=_base_name(named, problems) if named else None,
        start=start,
        end=end,
    )


def _parameters(value: str, problems: _Problems) -> dict[str, str]:
    """Read the parameters of a MIME field, the first of each name, RFC 2231 forms included.

    The old parser is used, since the new one cuts `boundary=----=_Part_1` at the equals sign.
    """
    if len(value) > _MAX_PARAMETERS_CHARS or value.count(";") > _MAX_PARAMETERS:
        problems.note("A MIME field is too long to be read.")
        return {}
    message: Message[str, str] = Message()
    message["Content-Type"] = _scalars(value)
    found: dict[str, str] = {}
    try:
        for name, text in message.get_params(failobj=[])[1:]:
            plain = _collapse(text)
            found.setdefault(name.lower(), plain)
    except _FOREIGN:
        problems.note("A MIME field cannot be read.")
    return found


def _collapse(value: str | tuple[str | None, str | None, str]) -> str:
    """Decode an RFC 2231 triple of charset, language and text."""
    if isinstance(value, str):
        return value
    charset, _, text = value
    octets = text.encode("latin-1", "replace")
    decoder = _text_codec(charset or "us-ascii")
    return octets.decode(decoder or "utf-8", "replace")


def _base_name(name: str, problems: _Problems) -> str | None:
    """Give the last path component without characters that could mislead a reader or a disk."""
    text = _decode_words(name, "An attachment's name", problems)
    base = re.split(r"[/\\]", text)[-1]
    hidden = {"Cc", "Cf", "Zl", "Zp"}
    clean = "".join(char for char in base if unicodedata.category(char) not in hidden).strip()
    if clean in {"", ".", ".."}:
        clean = ""
    if clean != text:
        problems.note("An attachment's name was reduced to a plain base name.")
    return clean[:_MAX_NAME_CHARS] or None


def _leaves(octets: bytes, root: _Entity, problems: _Problems) -> Iterator[_Entity]:
    """Walk the parts in reading order without recursion, so that depth is only a number."""
    found = 0
    stack = [(root, 0)]
    while stack:
        entity, depth = stack.pop()
        _check_limit(depth, MAX_DEPTH, "levels of parts")
        spans = _part_spans(octets, entity, problems)
        if not spans:
            yield entity
            continue
        found += len(spans)
        _check_limit(found, MAX_PARTS, "parts")
        parts = [_part(octets, start, end, entity, problems) for start, end in spans]
        stack.extend((part, depth + 1) for part in reversed(parts))


def _part(octets: bytes, start: int, end: int, parent: _Entity, problems: _Problems) -> _Entity:
    header, body_start = _read_header(octets, start, end, problems)
    part = _entity(header, body_start, end, in_multipart=parent.media_type, problems=problems)
    alternative = parent.alternative
    if alternative is None and parent.media_type == "multipart/alternative":
        alternative = parent.start
    return replace(part, alternative=alternative)


def _part_spans(octets: bytes, entity: _Entity, problems: _Problems) -> list[tuple[int, int]]:
    """Find the parts of a multipart as `[start, end)`; none for anything else.

    Source: RFC 2046 section 5.1.1: the line break before a delimiter belongs to the delimiter.
    """
    if not entity.media_type.startswith("multipart/"):
        return []
    boundary = entity.parameters.get("boundary", "").rstrip()
    if not boundary:
        problems.note("A multipart has no boundary: it is kept as one part.")
        return []
    # The line break is looked for behind the literal: put first, it makes the search ten times
    # slower. A body never starts at 0, so a delimiter always has an octet before it.
    line = re.escape(b"--" + boundary.encode())
    delimiter = re.compile(line + rb"(?<=[\r\n]" + line + rb")(--)?[ \t]*(?:\r\n|\r|\n|\Z)")
    spans: list[tuple[int, int]] = []
    opened: int | None = None
    for match in delimiter.finditer(octets, entity.start, entity.end):
        if opened is not None:
            spans.append((opened, _before_line_break(octets, opened, match.start())))
            _check_limit(len(spans), MAX_PARTS, "parts")
        opened = match.end()
        if match[1]:
            if octets[opened : entity.end].strip():
                problems.note("There is text after the last part of a multipart.")
            return spans
    if opened is None:
        problems.note("The boundary of a multipart is not in it: it is kept as one part.")
        return []
    problems.note("A multipart has no end: its last part may be cut short.")
    return [*spans, (opened, entity.end)]


def _before_line_break(octets: bytes, start: int, end: int) -> int:
    tail = octets[max(start, end - 2) : end]
    if tail == b"\r\n":
        return end - 2
    return end - 1 if tail[-1:] in {b"\r", b"\n"} else end


# Content


def _content(octets: bytes, entity: _Entity, problems: _Problems) -> bytes:
    """Undo the transfer encoding; what needs no undoing is cut from the octets as it stands."""
    raw = octets[entity.start : entity.end]
    if entity.encoding in {"", "7bit", "8bit", "binary"} or _is_multipart(entity):
        return raw
    if entity.encoding == "quoted-printable":
        return binascii.a2b_qp(raw)
    if entity.encoding == "base64":
        return _base64(raw, problems)
    problems.note("A part has a transfer encoding that is not known: it is kept as it stands.")
    return raw


def _is_multipart(entity: _Entity) -> bool:
    return entity.media_type.startswith("multipart/")


_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64) - set(b"="))


def _base64(raw: bytes, problems: _Problems) -> bytes:
    """Decode base64, leniently and out loud."""
    packed, padding, rest = raw.translate(None, _NOT_BASE64).partition(b"=")
    odd = len(packed) % 4 == 1
    if odd or rest.strip(b"=") or raw.translate(None, _BASE64 + b"= \t\r\n"):
        problems.note("A part has broken base64.")
    elif (padding and (len(packed) + 1 + len(rest)) % 4) or (not padding and len(packed) % 4):
        problems.note("A part has base64 that is not padded to its end.")
    if odd:
        packed = packed[:-1]
    return base64.b64decode(packed + b"=" * (-len(packed) % 4))


def _attachments(
    octets: bytes, leaves: Iterable[_Entity], shown: _Entity | None, problems: _Problems
) -> tuple[Attachment, ...]:
    """Take every part that is neither the body nor another form of it."""
    rest = [leaf for leaf in leaves if not _is_body(leaf, shown)]
    _check_limit(len(rest), MAX_ATTACHMENTS, "attachments")
    return tuple(_attachment(leaf, _content(octets, leaf, problems)) for leaf in rest)


def _is_body(leaf: _Entity, shown: _Entity | None) -> bool:
    if shown is None or leaf is shown:
        return leaf is shown
    doubles = leaf.alternative is not None and leaf.alternative == shown.alternative
    return doubles and (leaf.is_text("plain") or leaf.is_text("html"))


def _attachment(leaf: _Entity, content: bytes) -> Attachment:
    return Attachment(
        name=leaf.name,
        media_type=_OCTET_STREAM if _is_multipart(leaf) else leaf.media_type,
        content=content,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
    )


def _choose_body(
    octets: bytes, leaves: Iterable[_Entity], problems: _Problems
) -> tuple[str | None, _Entity | None]:
    """Choose the first plain text that says something, else HTML that does, else blank text."""
    blank: tuple[str | None, _Entity | None] = (None, None)
    for subtype in ("plain", "html"):
        for leaf in (leaf for leaf in leaves if leaf.is_text(subtype)):
            text = _text(_content(octets, leaf, problems), leaf, problems)
            text = _html_text(text, problems) if subtype == "html" else text
            if text.strip():
                return text, leaf
            if blank[1] is None:
                blank = (text, leaf)
    return blank


# Not charsets of text: these escape, or need quadratic time.
_NOT_CHARSETS = {"idna", "mbcs", "oem", "punycode", "raw-unicode-escape", "undefined"}
_NOT_CHARSETS |= {"raw_unicode_escape", "unicode-escape", "unicode_escape"}


def _text_codec(charset: str) -> str | None:
    """Name the codec of a charset, or None if it is unknown or no charset of text."""
    try:
        name = codecs.lookup(charset.strip()).name
        b"a".decode(name, "replace")
    except _FOREIGN:
        return None
    return None if name in _NOT_CHARSETS else name


def _text(content: bytes, leaf: _Entity, problems: _Problems) -> str:
    charset = leaf.parameters.get("charset", "")
    codec = _text_codec(charset) if charset else "ascii"
    if codec is None:
        problems.note("The body has a charset that is not known: it was read as UTF-8.")
        codec = "utf-8"
    if codec == "ascii" and not content.isascii():
        problems.note("The body has octets outside its charset: it was read as UTF-8.")
        codec = "utf-8"
    try:
        text = content.decode(codec)
    except _FOREIGN:
        text = _decode_leniently(content, codec)
    if _SURROGATE.search(text):
        text = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
    if "\N{REPLACEMENT CHARACTER}" in text:
        problems.note("The body has octets that cannot be decoded: U+FFFD stands for them.")
    if "\0" in text:
        problems.note("The body has NUL characters.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decode_leniently(content: bytes, codec: str) -> str:
    try:
        return content.decode(codec, "replace")
    except _FOREIGN:
        return content.decode("utf-8", "replace")


class _TextOfHtml(HTMLParser):
    """Collects the words of an HTML text; blocks and breaks become line feeds."""

    _SILENT = frozenset({"head", "script", "style", "template", "title"})
    _BLOCKS = frozenset({
        "address", "article", "blockquote", "br", "div", "dl", "dt", "dd", "footer", "h1", "h2",
        "h3", "h4", "h5", "h6", "header", "hr", "li", "ol", "p", "pre", "section", "table", "tr",
        "ul",
    })  # fmt: skip

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._silence: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Start a line, a cell, or a silence."""
        del attrs
        if self._silence is None and tag in self._SILENT:
            self._silence = tag
        elif tag == "body":
            self._silence = None
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        """End a line, or the silence."""
        if tag == self._silence:
            self._silence = None
        self._break(tag)

    def handle_data(self, data: str) -> None:
        """Keep words, with the blanks between them as one."""
        if self._silence is None:
            self.words.append(re.sub(r"\s+", " ", data))

    def _break(self, tag: str) -> None:
        if tag in self._BLOCKS:
            self.words.append("\n")
        elif tag in {"td", "th"}:
            self.words.append(" ")


def _html_text(html: str, problems: _Problems) -> str:
    """Reduce HTML to its words, line by line."""
    problems.note("The body is HTML reduced to text.")
    if len(html) > _MAX_HTML_CHARS:
        problems.note("The HTML body is too long: it was cut.")
    parser = _TextOfHtml()
    try:
        # No close(): on unfinished markup it needs quadratic time. The rest is taken as text.
        parser.feed(html[:_MAX_HTML_CHARS])
    except _FOREIGN:
        problems.note("The HTML body is broken: the rest of it is kept as it stands.")
    rest = parser.rawdata
    if rest:
        parser.handle_data(unescape(rest))
    lines = (" ".join(line.split()) for line in "".join(parser.words).split("\n"))
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
