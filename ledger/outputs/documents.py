"""What a bundle shows of one file: its own pages, its text set anew, or why it is not shown."""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from ledger.errors import MailError
from ledger.layout import clean
from ledger.mail import Address, Mail, parse_mail
from ledger.outputs.foreign import IMAGES, PDF, Harmless, Refused, make_harmless

__all__ = ["Content", "Document", "Shown", "Slip", "Text", "show"]

_MAIL: Final = "message/rfc822"
_TEXTS: Final = frozenset(
    {"application/json", "text/calendar", "text/csv", "text/markdown", "text/plain"}
)
_PICTURE: Final = "picture"
_TEXT: Final = "text"
_MAX_TEXT: Final = 2 << 20  # octets
_MAX_LINES: Final = 40_000
_LINE: Final = 2_000  # characters that are set as one paragraph
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file that stands behind a row.

    Attributes:
        no: Its number in the bundle, from 1.
        name: Its name.
        sha256: Its SHA-256, 64 hex digits.
        media_type: What its party says it is.
        other_types: What those say it is who recorded it again.
        size: How many octets its party says it has.
        seq: The index of the entry that names it.
        ref: The id of the event that names it.
        date: When it is, in words: the date of the row behind which it stands first.
        what: What that row tells.
    """

    no: int
    name: str
    sha256: str
    media_type: str
    other_types: tuple[str, ...] = ()
    size: int
    seq: int
    ref: str
    date: str
    what: str


@dataclass(frozen=True, slots=True)
class Text:
    """Text to be set.

    Attributes:
        lines: The text.
        style: Its style: `mono` where columns may matter.
        head: Lines above it: of a mail, from whom to whom.
        notes: What a reader must know of how it was read.
    """

    lines: tuple[str, ...]
    style: Literal["mono", "text"]
    head: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slip:
    """Why a file is not shown."""

    reason: str


Content = Harmless | Text | Slip


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of a document.

    Attributes:
        document: The document.
        content: What is shown.
        path: Where its harmless pages are, if it has some.
    """

    document: Document
    content: Content
    path: Path

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not shown; nothing if it is."""
        return (self.content.reason,) if isinstance(self.content, Slip) else ()


def show(document: Document, path: Path | None, out: Path) -> Shown:
    """Read a document, as far as it can be shown.

    Args:
        document: The document.
        path: Where the file is; None if it is not at hand.
        out: Where to write its harmless pages, if it has some.

    Raises:
        OSError: The file cannot be read, or nothing can be written.
    """
    return Shown(document, _content(document, path, out), out)


def _content(document: Document, path: Path | None, out: Path) -> Content:
    if path is None:
        return Slip("the file is not part of the ledger or export that this was made from")
    if _sha256(path) != document.sha256:
        return Slip("the file that is kept under its name is another one")
    # By how each is read: a hundred names of types have it read no more often.
    kinds = dict.fromkeys(map(_kind, (document.media_type, *document.other_types)))
    if not kinds.keys().isdisjoint((PDF, _PICTURE, _MAIL)):
        kinds.pop(_TEXT, None)  # as which anything could be set
    refused: list[Slip] = []
    for kind in kinds:
        content = _as(kind, path, out)
        if not isinstance(content, Slip):
            return content
        refused.append(content)
    return refused[0]


def _kind(media_type: str) -> str:
    """Return how files of a media type are read: as PDF, picture, mail or text; else the type."""
    bare = media_type.partition(";")[0].strip().lower()
    if bare in IMAGES:
        return _PICTURE
    return _TEXT if bare in _TEXTS else bare


def _as(kind: str, path: Path, out: Path) -> Content:
    if kind in {PDF, _PICTURE}:
        made = make_harmless(path, out, media_type=kind)
        return Slip(made.refused) if isinstance(made, Refused) else made
    if kind == _MAIL:
        return _mail(path)
    if kind == _TEXT:
        return _text(path)
    return Slip(f"files of this kind ({kind or 'not named'}) cannot be printed safely")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


# Text


def _text(path: Path) -> Content:
    if path.stat().st_size > _MAX_TEXT:
        return Slip(f"its text is longer than {_MAX_TEXT >> 20} MiB")
    text, note = _decode(path.read_bytes())
    return _set(text, style="mono", notes=(note,) if note else ())


def _decode(octets: bytes) -> tuple[str, str | None]:
    for mark, name in ((codecs.BOM_UTF8, "utf-8-sig"), *_WIDE):
        if octets.startswith(mark):
            return octets.decode(name, "replace"), None
    try:
        return octets.decode(), None
    except UnicodeDecodeError:
        words = "Its octets are no UTF-8: it is read as Windows-1252, which is a guess."
        return octets.decode("cp1252", "replace"), words


_WIDE: Final = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def _set(
    text: str,
    *,
    style: Literal["mono", "text"],
    head: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> Content:
    # A tab is where text of this kind has its columns.
    lines = tuple(_lines(clean(text.expandtabs(8))))
    if len(lines) > _MAX_LINES:
        return Slip(f"its text has {len(lines)} lines, and no more than {_MAX_LINES} fit")
    return Text(lines, style, head, notes)


def _lines(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        words = _SPACES.sub(lambda found: "\u00a0" * len(found[0]), line)
        start = 0
        while len(words) - start > _LINE:
            space = words.rfind(" ", start + 1, start + _LINE)
            yield words[start : start + _LINE if space < 0 else space]
            start = start + _LINE if space < 0 else space + 1
        yield words[start:]


_SPACES: Final = re.compile(r"^ +| {2,}")


# Mail


def _mail(path: Path) -> Content:
    try:
        mail = parse_mail(path.read_bytes())
    except MailError as error:
        return Slip(f"it is no mail that can be read: {error}")
    notes = [clean(f"{sentence.rstrip('.')}.") for sentence in mail.problems]
    if mail.body is None:
        notes.append("It has no text of its own.")
    return _set(mail.body or "", style="text", head=tuple(_head(mail)), notes=tuple(notes))


def _head(mail: Mail) -> Iterator[str]:
    for name, found in (("From", mail.from_), ("To", mail.to), ("Cc", mail.cc), ("Bcc", mail.bcc)):
        if found:
            yield clean(f"{name}: {', '.join(map(_address, found))}")
    yield f"Date: {mail.date_edtf or 'none that can be read'}"
    yield clean(f"Subject: {mail.subject or ''}")
    if mail.message_id is not None:
        yield clean(f"Message-ID: {mail.message_id}")
    for number, part in enumerate(mail.attachments, start=1):
        name = clean(part.name or "without a name")
        yield f"Attachment {number}, not shown here: {name} ({part.media_type}, {part.size} octets)"
        yield f"its SHA-256 {part.sha256}"


def _address(address: Address) -> str:
    return f"{address.name} <{address.address}>" if address.name else address.address
