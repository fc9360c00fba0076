"""Structure of a mail: its octets cut into header fields and parts, and decoded part by part.

Structure is cut by offset, because the standard library refolds what it serialises: a part stands
as it was sent, a forwarded mail included. The standard library reads the values of fields. What is
odd is noted in `Problems` and read as well as it can be; what passes a limit is a `MailError`.

What a mail says (who, when, what about) is for `ledger.mail` to read. A forwarded mail is one part
here, and is not looked into.

Source: RFC 5322, RFC 2045, RFC 2046, RFC 2047, RFC 2231.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from email import policy
from email.errors import MessageError
from email.message import Message
from email.parser import BytesHeaderParser

from ledger.errors import MailError

__all__ = [
    "FOREIGN",
    "MAX_DEPTH",
    "MAX_HEADER_FIELDS",
    "MAX_HEADER_OCTETS",
    "MAX_PARTS",
    "OCTET_STREAM",
    "Entity",
    "Header",
    "Problems",
    "check_limit",
    "content_of",
    "decode_words",
    "one_line",
    "read_entity",
    "read_header",
    "scalars",
    "text_codec",
    "walk_leaves",
    "wider_codec",
    "with_known_charsets",
    "without_comments",
    "without_surrogates",
]

MAX_HEADER_OCTETS = 256 * 1024  # of one entity; Postfix cuts at 100 KiB
MAX_HEADER_FIELDS = 1000
MAX_PARTS = 1024
MAX_DEPTH = 32

# Longer values of these are hostile, and the standard library needs quadratic time for them.
_MAX_PARAMETERS_CHARS = 4096
_MAX_PARAMETERS = 64
_MAX_WORDS_CHARS = 16 * 1024
_MAX_NAME_CHARS = 255

OCTET_STREAM = "application/octet-stream"

# What the standard library raises on hostile mail. AssertionError and Warning are its own here:
# the blocks that catch this tuple call nothing of ours.
FOREIGN = (
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


class Problems:
    """Sentences in the order found, each once."""

    def __init__(self) -> None:
        self._sentences: dict[str, None] = {}

    def note(self, sentence: str) -> None:
        """Keep a sentence."""
        self._sentences[sentence] = None

    def sentences(self) -> tuple[str, ...]:
        """Return what was noted."""
        return tuple(self._sentences)


def check_limit(found: int, limit: int, what: str) -> None:
    """Refuse a mail with more of something than a limit.

    Raises:
        MailError: It has more.
    """
    if found > limit:
        message = f"the mail has more than {limit} {what}"
        raise MailError(message, found=found, limit=limit)


# Header fields


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of one entity, top first: lower-case name and unfolded value, not decoded."""

    fields: tuple[tuple[str, str], ...]

    def all(self, name: str) -> tuple[str, ...]:
        """Return the values of every field of this lower-case name, top first."""
        return tuple(value for known, value in self.fields if known == name)

    def first(self, name: str) -> str | None:
        """Return the value of the topmost field of this lower-case name."""
        return next((value for known, value in self.fields if known == name), None)


# Same line ends and same field pattern as email.feedparser: what it would read, we cut.
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r|\Z)")
_FIELD_LINE = re.compile(rb"From |[\x21-\x39\x3b-\x7e]*:|[\t ]")
_LONE_CR = re.compile(rb"\r(?!\n)")


def read_header(octets: bytes, start: int, end: int, problems: Problems) -> tuple[Header, int]:
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
    except FOREIGN:
        problems.note("A header cannot be read.")
        pairs = []
    check_limit(len(pairs), MAX_HEADER_FIELDS, "header fields")
    return Header(tuple(pairs)), body_start


def _header_bounds(octets: bytes, start: int, end: int, problems: Problems) -> tuple[int, int]:
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
        check_limit(at - start, MAX_HEADER_OCTETS, "octets in one header")
    return at, at


def _unfold(value: str) -> str:
    return value.replace("\r", "").replace("\n", "").strip()


def decode_words(value: str, what: str, problems: Problems) -> str:
    """Decode RFC 2047 words into one line of text."""
    if len(value) > _MAX_WORDS_CHARS:
        problems.note(f"{what} is too long to be decoded: it is kept as it stands.")
        return one_line(value, what, problems)
    try:
        decoded = str(
            policy.default.header_fetch_parse("Subject", with_known_charsets(value, problems))
        )
    except FOREIGN:
        problems.note(f"{what} has an encoded word that cannot be read.")
        decoded = value
    return one_line(decoded, what, problems)


def one_line(value: str, what: str, problems: Problems) -> str:
    """Give a value as one line of text, control characters as blanks."""
    text = scalars(value)
    clean = "".join(" " if unicodedata.category(char) == "Cc" else char for char in text)
    if clean.replace(" ", "") != text.replace(" ", "").replace("\t", ""):
        problems.note(f"{what} has control characters.")
    if "\N{REPLACEMENT CHARACTER}" in clean:
        problems.note(f"{what} has characters that cannot be decoded.")
    return clean.strip()


def scalars(text: str) -> str:
    """Turn raw UTF-8 kept as surrogates back into text, and any other surrogate into U+FFFD."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:
        return without_surrogates(text)


_SURROGATE = re.compile("[\ud800-\udfff]")


def without_surrogates(text: str) -> str:
    """Put U+FFFD for every surrogate, so that Unicode scalar values are left."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def without_comments(value: str) -> str:
    """Leave out RFC 5322 comments; one that is not closed runs to the end."""
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


# Structure

_MEDIA_TYPE = re.compile(
    r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Entity:
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

    @property
    def is_multipart(self) -> bool:
        """Whether it is a multipart; as a leaf, one without parts."""
        return self.media_type.startswith("multipart/")


def read_entity(
    header: Header, start: int, end: int, *, in_multipart: str | None, problems: Problems
) -> Entity:
    """Read what a header says of the body in `[start, end)`.

    Args:
        header: The fields of the entity.
        start: Where its body starts.
        end: Where its body ends.
        in_multipart: The media type around it; None of the mail itself.
        problems: Where odd things are noted.
    """
    default = "message/rfc822" if in_multipart == "multipart/digest" else "text/plain"
    value = header.first("content-type")
    media_type = default
    if value is not None:
        media_type = without_comments(value.partition(";")[0]).strip().lower()
        if not _MEDIA_TYPE.fullmatch(media_type):
            problems.note("A Content-Type cannot be read.")
            # RFC 2045 section 5.2 reads it as text; a part may as well be anything.
            media_type = default if in_multipart is None else OCTET_STREAM
    parameters = _parameters(value or "", problems)
    disposition = header.first("content-disposition") or ""
    named = _parameters(disposition, problems).get("filename") or parameters.get("name")
    encoding = without_comments(header.first("content-transfer-encoding") or "")
    return Entity(
        media_type=media_type,
        parameters=parameters,
        encoding=encoding.strip().lower(),
        attached=disposition.partition(";")[0].strip().lower() == "attachment",
        name=_base_name(named, problems) if named else None,
        start=start,
        end=end,
    )


def _parameters(value: str, problems: Problems) -> dict[str, str]:
    """Read the parameters of a MIME field, the first of each name, RFC 2231 forms included.

    The old parser is used, since the new one cuts `boundary=----=_Part_1` at the equals sign.
    """
    if len(value) > _MAX_PARAMETERS_CHARS or value.count(";") > _MAX_PARAMETERS:
        problems.note("A MIME field is too long to be read.")
        return {}
    message: Message[str, str] = Message()
    message["Content-Type"] = scalars(value)
    found: dict[str, str] = {}
    try:
        for name, text in message.get_params(failobj=[])[1:]:
            plain = _collapse(text)
            found.setdefault(name.lower(), plain)
    except FOREIGN:
        problems.note("A MIME field cannot be read.")
    return found


def _collapse(value: str | tuple[str | None, str | None, str]) -> str:
    """Decode an RFC 2231 triple of charset, language and text."""
    if isinstance(value, str):
        return value
    charset, _, text = value
    octets = text.encode("latin-1", "replace")
    decoder = text_codec(charset or "us-ascii")
    return octets.decode(decoder or "utf-8", "replace")


def _base_name(name: str, problems: Problems) -> str | None:
    """Give the last path component without characters that could mislead a reader or a disk."""
    text = decode_words(name, "An attachment's name", problems)
    base = re.split(r"[/\\]", text)[-1]
    hidden = {"Cc", "Cf", "Zl", "Zp"}
    clean = "".join(char for char in base if unicodedata.category(char) not in hidden).strip()
    if clean in {"", ".", ".."}:
        clean = ""
    if clean != text:
        problems.note("An attachment's name was reduced to a plain base name.")
    return clean[:_MAX_NAME_CHARS] or None


def walk_leaves(octets: bytes, root: Entity, problems: Problems) -> Iterator[Entity]:
    """Walk the parts in reading order without recursion, so that depth is only a number."""
    found = 0
    stack = [(root, 0)]
    while stack:
        entity, depth = stack.pop()
        check_limit(depth, MAX_DEPTH, "levels of parts")
        spans = _part_spans(octets, entity, problems)
        if not spans:
            yield entity
            continue
        found += len(spans)
        check_limit(found, MAX_PARTS, "parts")
        parts = [_part(octets, start, end, entity, problems) for start, end in spans]
        stack.extend((part, depth + 1) for part in reversed(parts))


def _part(octets: bytes, start: int, end: int, parent: Entity, problems: Problems) -> Entity:
    header, body_start = read_header(octets, start, end, problems)
    part = read_entity(header, body_start, end, in_multipart=parent.media_type, problems=problems)
    alternative = parent.alternative
    if alternative is None and parent.media_type == "multipart/alternative":
        alternative = parent.start
    return replace(part, alternative=alternative)


def _part_spans(octets: bytes, entity: Entity, problems: Problems) -> list[tuple[int, int]]:
    """Find the parts of a multipart as `[start, end)`; none for anything else.

    Source: RFC 2046 section 5.1.1: the line break before a delimiter belongs to the delimiter.
    """
    if not entity.is_multipart:
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
            check_limit(len(spans), MAX_PARTS, "parts")
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


# Transfer encodings and charsets


def content_of(octets: bytes, entity: Entity, problems: Problems) -> bytes:
    """Undo the transfer encoding; what needs no undoing is cut from the octets as it stands."""
    raw = octets[entity.start : entity.end]
    if entity.encoding in {"", "7bit", "8bit", "binary"} or entity.is_multipart:
        return raw
    if entity.encoding == "quoted-printable":
        return binascii.a2b_qp(raw)
    if entity.encoding == "base64":
        return _base64(raw, problems)
    problems.note("A part has a transfer encoding that is not known: it is kept as it stands.")
    return raw


_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64) - set(b"="))


def _base64(raw: bytes, problems: Problems) -> bytes:
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


# Not charsets of text: these escape, or need quadratic time.
_NOT_CHARSETS = {"idna", "mbcs", "oem", "punycode", "raw-unicode-escape", "undefined"}
_NOT_CHARSETS |= {"raw_unicode_escape", "unicode-escape", "unicode_escape"}


# Names that mail programs write, and Python does not know. RFC 1556: -i and -e say only in which
# direction the text stands.
_CHARSETS = {
    "iso-8859-8-e": "iso8859-8",
    "iso-8859-8-i": "iso8859-8",
    "windows-31j": "cp932",
    "windows-874": "cp874",
    "x-euc-jp": "euc_jp",
    "x-gbk": "gbk",
    "x-mac-roman": "mac_roman",
    "x-sjis": "cp932",
}
# Encodings that mail programs name, and wider ones that they mean: GBK goes out as gb2312. As
# browsers read them (WHATWG, Encoding), but only where the narrow one has no such character.
_WIDER = {
    "euc_kr": ("cp949", "Windows-949"),
    "gb2312": ("gb18030", "GB18030"),
    "gbk": ("gb18030", "GB18030"),
    "iso8859-1": ("cp1252", "Windows-1252"),
    "shift_jis": ("cp932", "Windows-932"),
}
# Control characters of Latin-1, which nobody writes; quotation marks and the euro in Windows-1252.
_CONTROLS = re.compile(rb"[\x80-\x9f]")
_ENCODED_WORD = re.compile(
    r"=\?(?P<charset>[^?*\s]{1,40})(?P<rest>(?:\*[^?\s]*)?\?(?P<encoding>[bqBQ])\?(?P<text>[^?\s]*))"
)


def wider_codec(codec: str, content: bytes) -> tuple[str, str] | None:
    """Name the wider codec, and what people call it, of octets that `codec` cannot have written."""
    wider = _WIDER.get(codec)
    if wider is None or (codec == "iso8859-1" and not _CONTROLS.search(content)):
        return None
    try:
        content.decode(codec)
    except FOREIGN:
        return wider
    return wider if codec == "iso8859-1" else None


def with_known_charsets(value: str, problems: Problems) -> str:
    """Give encoded words the names of charsets in which the standard library can read them."""

    def known(found: re.Match[str]) -> str:
        charset = _CHARSETS.get(found["charset"].lower(), found["charset"])
        codec = text_codec(charset)
        wider = None if codec is None else wider_codec(codec, _octets_of_word(found))
        if wider is not None:
            problems.note(f"A header has octets outside its charset: it was read as {wider[1]}.")
            charset = wider[0]
        return f"=?{charset}{found['rest']}"

    return _ENCODED_WORD.sub(known, value)


def _octets_of_word(found: re.Match[str]) -> bytes:
    octets = found["text"].encode("ascii", "ignore")
    if found["encoding"] in "qQ":
        return binascii.a2b_qp(octets, header=True)
    return _base64(octets, Problems())


def text_codec(charset: str) -> str | None:
    """Name the codec of a charset, or None if it is unknown or no charset of text."""
    charset = charset.strip()
    try:
        name = codecs.lookup(_CHARSETS.get(charset.lower(), charset)).name
        b"a".decode(name, "replace")
    except FOREIGN:
        return None
    return None if name in _NOT_CHARSETS else name
