"""Asking: what a reader may say in a query, how pages follow one another, how answers are kept.

A parameter has one spelling, and one that a path does not know is refused: a filter that was
misspelt would be no filter. Pages are cut from an answer of one size: a cursor names that size,
so that whatever is recorded meanwhile, a sequence of pages is what one page would have been.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import re
from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple, TypeVar

import msgspec
from fastapi import Query as InQuery
from pydantic import AfterValidator, BeforeValidator, Field
from starlette.requests import Request

from api.hosting import Hosted, Hosting, Reader
from api.problems import ProblemError
from ledger.shapes import KINDS

__all__ = [
    "HASH",
    "PARTY",
    "ROWS",
    "AsAt",
    "AtSize",
    "CursorText",
    "Day",
    "Kind",
    "Limit",
    "Page",
    "Pages",
    "Party",
    "PartyName",
    "Positive",
    "Whole",
    "caching",
    "check_query",
    "check_size",
    "today",
]

HASH: Final = "^[0-9a-f]{64}$"
PARTY: Final = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
_MOST: Final = 2**53 - 1
ROWS: Final = 100
"""Rows of a page, where nobody says how many."""

_KINDS: Final = tuple(name.removesuffix("/v1") for name in KINDS)
_DIGITS: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

T = TypeVar("T")


def _whole(value: object) -> object:
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        raise ValueError("is no whole number in its one spelling")
    return value


def _day(value: object) -> object:
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError("is no day: YYYY-MM-DD")
    return value


def _kind(value: str) -> str:
    if value not in _KINDS:
        raise ValueError("is no kind of event")
    return value


Whole = Annotated[int, Field(ge=0, le=_MOST), BeforeValidator(_whole)]
Positive = Annotated[int, Field(ge=1, le=_MOST), BeforeValidator(_whole)]
Rows = Annotated[int, Field(ge=1, le=10_000), BeforeValidator(_whole)]
Day = Annotated[dt.date, BeforeValidator(_day)]
AsAt = Annotated[Day | None, InQuery(description="As things stood on this day; today, by UTC")]
AtSize = Annotated[
    Positive | None,
    InQuery(description="As it read when the ledger had so many entries"),
]
CursorText = Annotated[
    str | None,
    InQuery(max_length=512, description="Where the page before ended: its `next`"),
]
Kind = Annotated[
    str | None,
    AfterValidator(lambda value: value if value is None else _kind(value)),
    InQuery(json_schema_extra={"enum": list(_KINDS)}, description="Only of this kind"),
]
Limit = Annotated[
    Rows,
    InQuery(description="Most rows of a page; the server may give fewer"),
]
Party = Annotated[str, InQuery(pattern=PARTY, description="The party")]
PartyName = Annotated[str | None, InQuery(pattern=PARTY, description="A party")]


class Page(NamedTuple):
    """What part of an answer is asked for.

    Attributes:
        size: Of how many entries the whole answer is.
        start: How many rows came on earlier pages.
        limit: Most rows of this one.
        as_at: The day that the answer is as at.
    """

    size: int
    start: int
    limit: int
    as_at: dt.date

    @property
    def part(self) -> slice:
        """The part of all rows that is this page."""
        return slice(self.start, self.start + self.limit)

    def cut(self, rows: Sequence[T]) -> Sequence[T]:
        """Return the rows of this page."""
        return rows[self.part]


class _Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where a page ended, and of what."""

    question: str
    size: Annotated[int, msgspec.Meta(ge=1, le=_MOST)]
    start: Annotated[int, msgspec.Meta(ge=1, le=_MOST)]
    as_at: dt.date


class Pages:
    """The pages of one question of one reader.

    Attributes:
        page: The one that is asked for.
    """

    def __init__(
        self,
        hosted: Hosted,
        reader: Reader,
        *,
        words: Sequence[str],
        page: Page,
        cursor: str | None,
        size: int,
    ) -> None:
        """Find the page.

        Args:
            hosted: The ledger.
            reader: Who asks.
            words: What is asked, in full.
            page: The first page, which is meant where there is no cursor.
            cursor: Where the page before ended.
            size: The size that the ledger has by now.

        Raises:
            ProblemError: `malformed`: the cursor is none, or of another question.
        """
        named = msgspec.json.encode((hosted.state.fingerprint, reader.audience, *words))
        self._question = hashlib.sha256(named).hexdigest()[:16]
        self.page = page
        if cursor is not None:
            found = _parse(cursor)
            if found is None or found.question != self._question or found.size > size:
                raise ProblemError("malformed", "cursor: is none that this question was given")
            self.page = page._replace(size=found.size, start=found.start, as_at=found.as_at)

    def after(self, count: int, *, whole: int) -> str | None:
        """Return the cursor behind a page of `count` rows of `whole`; None if it is the last."""
        start = self.page.start + count
        if start >= whole:
            return None
        cursor = _Cursor(self._question, self.page.size, start, self.page.as_at)
        return _format(cursor)


def _format(cursor: _Cursor) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).rstrip(b"=").decode()


def _parse(text: str) -> _Cursor | None:
    try:
        data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        cursor = msgspec.json.decode(data, type=_Cursor)
    except (UnicodeError, binascii.Error, msgspec.MsgspecError):
        return None
    return cursor if _format(cursor) == text else None


def check_query(request: Request) -> None:
    """Check that the path knows each parameter of the query, and that none comes twice.

    Raises:
        ProblemError: `malformed`: one is not known, or comes twice.
    """
    known = {field.alias for field in request.scope["route"].dependant.query_params}
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in known:
            raise ProblemError("malformed", f"{name[:80]}: is no parameter of this path")
        if given.count(name) > 1:
            raise ProblemError("malformed", f"{name}: is given twice")


def check_size(at_size: int | None, *, size: int) -> None:
    """Check that a ledger of `size` entries has, or had, the size that is asked for.

    Raises:
        ProblemError: `not-found`: it has not so many.
    """
    if at_size is not None and at_size > size:
        raise ProblemError("not-found", f"at_size: the ledger has {size} entries")


def today(hosting: Hosting) -> dt.date:
    """Return the day, by UTC."""
    return dt.datetime.fromtimestamp(hosting.now_ms() / 1000, dt.UTC).date()


def caching(hosted: Hosted, reader: Reader, how: str) -> dict[str, str]:
    """Return the headers by which caches keep an answer to a reader for that reader only."""
    public = reader.session is None and hosted.state.charter.visibility == "public"
    whose = "public" if public else "private"
    return {"cache-control": f"{whose}, {how}", "vary": "Authorization, Cookie"}
