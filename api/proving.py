"""Proving: the log itself, entry by entry, and what proves that it is as it was.

    GET /                       the ledger in short, for anybody
    GET /entries                entries, octet for octet
    GET /entries/{index}        one entry
    GET /receipts/{reference}   the receipt of the submission of an entry or event
    GET /proofs/inclusion       that an entry is in the tree of a size, for anybody
    GET /proofs/consistency     that a tree begins with an earlier one, for anybody
    GET /checkpoints/{size}     a checkpoint that was published, for anybody
    GET /checkpoints            the kept notes about entries: who had seen, and who cosigned, what

Proofs and checkpoints hold hashes only, as tiles do. Nothing here is signed: a checkpoint was
when it was published.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Path
from fastapi import Query as InQuery
from starlette.requests import Request
from starlette.responses import Response

from api.asking import (
    ROWS,
    AtSize,
    CursorText,
    Limit,
    Page,
    Pages,
    Positive,
    Whole,
    caching,
    check_query,
    check_size,
    today,
)
from api.describing import (
    JSON,
    TEXT,
    Endpoint,
    Responses,
    add_reading,
    answered,
    content,
    problems,
    tag_of,
    tagged,
)
from api.hosting import Hosting
from api.problems import ProblemError
from api.writing import RECEIPT
from ledger.date_words import HOUSE_CONVENTION
from ledger.errors import NotFoundError
from ledger.ledger import Ledger
from verify.codec import encode
from verify.merkle import leaf_hash
from verify.note import format_vkey
from verify.notes import log_vkey
from verify.proof import Proof, format_proof
from verify.tiles import TILE_WIDTH

__all__ = ["Proving"]

_MOST_OCTETS: Final = 1 << 20  # of the entries of one page; one entry there always is
_IMMUTABLE: Final = "max-age=31536000, immutable"
_FOR_ANYBODY: Final = {
    "cache-control": f"public, {_IMMUTABLE}",
    "access-control-allow-origin": "*",
}
_FOR_ALL: Final = frozenset(
    ("/", "/checkpoints/{size}", "/proofs/consistency", "/proofs/inclusion")
)
_ID: Final = 64
_encode: Final = msgspec.json.Encoder(order="sorted").encode

Start = Annotated[Whole, InQuery(description="The index of the first entry of the first page")]
Index = Annotated[Whole, Path(description="The entry's index")]
Size = Annotated[Positive, Path(description="The size that it was published at")]
IndexAsked = Annotated[Whole, InQuery(description="The entry's index")]
SizeAsked = Annotated[Positive, InQuery(description="The size of the tree")]
NotesStart = Annotated[Whole, InQuery(description="The index of the first entry")]
NotesStop = Annotated[
    Positive, InQuery(description=f"The index behind the last entry: at most {TILE_WIDTH} more")
]
Old = Annotated[Positive, InQuery(description="The earlier size")]
New = Annotated[Positive, InQuery(description="The later size")]
Reference = Annotated[
    str,
    Path(
        pattern="^([0-9a-f]{64}|0|[1-9][0-9]{0,15})$",
        description="An event's id, or an entry's index",
    ),
]


class Proving:
    """The paths of the log itself."""

    def __init__(self, hosting: Hosting) -> None:
        """Show the ledgers of `hosting`."""
        self._hosting = hosting

    async def summary(self, request: Request) -> Response:
        """Return the ledger in short: what anybody may know."""
        hosted = self._hosting.of(request)
        check_query(request)
        size = await self._hosting.size(hosted)
        root = await self._hosting.read(lambda: hosted.ledger.root_at(size))
        state = hosted.state
        values = {
            "fingerprint": state.fingerprint,
            "log_key": format_vkey(log_vkey(state.charter.origin, state.log_keys[-1][1])),
            "origin": state.charter.origin,
            "root": root.hex(),
            "size": size,
            "spec": state.charter.spec,
            "state": state.charter.state,
            "visibility": state.charter.visibility,
        }
        headers = {"cache-control": "no-cache", "access-control-allow-origin": "*"}
        return tagged(request, _encode(values), JSON, headers)

    async def entries(
        self,
        request: Request,
        start: Start = 0,
        at_size: AtSize = None,
        cursor: CursorText = None,
        limit: Limit = ROWS,
    ) -> Response:
        """Return entries, each octet for octet as it is stored."""
        hosted = self._hosting.of(request)
        reader = hosted.admit(request)
        check_query(request)
        size = await self._hosting.size(hosted)
        check_size(at_size, size=size)
        first = Page(
            size=at_size or size,
            start=start,
            limit=min(limit, self._hosting.settings.page),
            as_at=today(self._hosting),
        )
        words = ("entries", str(start), str(at_size))
        pages = Pages(hosted, reader, words=words, page=first, cursor=cursor, size=size)
        page = pages.page

        def make() -> tuple[bytes, str]:
            found = _entries(hosted.ledger, page)
            values: dict[str, object] = {
                "entries": [msgspec.Raw(entry) for entry in found],
                "ledger": {
                    "date_convention": HOUSE_CONVENTION,
                    "fingerprint": hosted.state.fingerprint,
                    "origin": hosted.state.charter.origin,
                    "root": hosted.ledger.root_at(page.size).hex(),
                    "size": page.size,
                },
            }
            after = pages.after(len(found), whole=page.size)
            body = _encode(values if after is None else {**values, "next": after})
            return body, tag_of(body)

        body, tag = await self._hosting.read(make)
        headers = caching(hosted, reader, "no-cache")
        return tagged(request, body, JSON, headers, tag=tag)

    async def entry(self, request: Request, index: Index) -> Response:
        """Return one entry, octet for octet."""
        hosted = self._hosting.of(request)
        reader = hosted.admit(request)
        check_query(request)
        entry = await self._hosting.read(lambda: hosted.ledger.entry(index))
        return tagged(request, entry, JSON, caching(hosted, reader, _IMMUTABLE))

    async def receipt(self, request: Request, reference: Reference) -> Response:
        """Return the receipt of the submission that an entry, or an event, belongs to."""
        hosted = self._hosting.of(request)
        reader = hosted.admit(request)
        check_query(request)
        receipt = await self._hosting.read(lambda: _receipt(hosted.ledger, reference))
        return tagged(request, receipt, RECEIPT, caching(hosted, reader, "no-cache"))

    async def inclusion(self, request: Request, index: IndexAsked, size: SizeAsked) -> Response:
        """Return the proof that an entry is in the tree of a size."""
        ledger = self._hosting.of(request).ledger
        check_query(request)
        body = await self._hosting.read(lambda: _inclusion(ledger, index=index, size=size))
        return tagged(request, body, JSON, _FOR_ANYBODY)

    async def consistency(self, request: Request, old: Old, new: New) -> Response:
        """Return the proof that the tree of one size begins with that of an earlier one."""
        ledger = self._hosting.of(request).ledger
        check_query(request)
        body = await self._hosting.read(lambda: _consistency(ledger, old=old, new=new))
        return tagged(request, body, JSON, _FOR_ANYBODY)

    async def checkpoint(self, request: Request, size: Size) -> Response:
        """Return the checkpoint that was published at a size."""
        ledger = self._hosting.of(request).ledger
        check_query(request)
        note = await self._hosting.read(lambda: ledger.checkpoint_at(size))
        return tagged(request, note, TEXT, _FOR_ANYBODY)

    async def notes(self, request: Request, start: NotesStart, stop: NotesStop) -> Response:
        """Return the kept notes about entries, as the lines that an export has of them."""
        hosted = self._hosting.of(request)
        reader = hosted.admit(request)
        check_query(request)
        if not 0 < stop - start <= TILE_WIDTH:
            raise ProblemError("malformed", f"stop: is not 1 to {TILE_WIDTH} above start")
        notes = await self._hosting.read(lambda: hosted.ledger.notes_about(start, stop))
        body = b"".join(encode(note.decode()) + b"\n" for note in notes)
        return tagged(request, body, TEXT, caching(hosted, reader, "no-cache"))

    def add_to(self, router: APIRouter) -> None:
        """Add the paths."""
        note = content(TEXT, {"type": "string"}, example="northmere.example/allotments\n10\n…")
        published: Responses = {
            200: {"description": "A signed note", **note},
            304: {"description": "It never changes"},
        }
        lines = content(TEXT, {"type": "string"}, example='"northmere.example/allotments\\n…"\n')
        kept: Responses = {
            200: {"description": "A JSON string on each line, as in an export's file", **lines},
            304: {"description": "They are still these"},
        }
        receipt = answered("Receipt", media_type=RECEIPT)
        about: tuple[tuple[str, Endpoint, str, Responses], ...] = (
            ("/", self.summary, "The ledger in short", answered("Summary")),
            ("/entries", self.entries, "Entries, octet for octet", answered("Entries")),
            ("/entries/{index}", self.entry, "One entry, octet for octet", answered("Entry")),
            ("/receipts/{reference}", self.receipt, "The receipt of an entry or event", receipt),
            (
                "/proofs/inclusion",
                self.inclusion,
                "That an entry is in the tree of a size",
                answered("Inclusion"),
            ),
            (
                "/proofs/consistency",
                self.consistency,
                "That a tree begins with an earlier one",
                answered("Consistency"),
            ),
            ("/checkpoints/{size}", self.checkpoint, "A checkpoint that was published", published),
            ("/checkpoints", self.notes, "The kept notes about entries", kept),
        )
        for path, endpoint, summary, responses in about:
            refusals = problems(400, 404) if path in _FOR_ALL else problems(400, 401, 404)
            add_reading(
                router, path, endpoint, summary=summary, responses={**responses, **refusals}
            )


def _entries(ledger: Ledger, page: Page) -> list[bytes]:
    found: list[bytes] = []
    octets = 0
    stop = min(page.size, page.start + page.limit)
    for entry in ledger.entries(page.start, stop):
        octets += len(entry)
        if found and octets > _MOST_OCTETS:
            break
        found.append(entry)
    return found


def _receipt(ledger: Ledger, reference: str) -> bytes:
    if len(reference) < _ID:
        return ledger.receipt(int(reference))
    index = ledger.index_of(bytes.fromhex(reference))
    if index is None:
        raise NotFoundError("event of such an id")
    return ledger.receipt(index)


def _inclusion(ledger: Ledger, *, index: int, size: int) -> bytes:
    hashes = ledger.inclusion_proof(index=index, size=size)
    values = {
        "hashes": [each.hex() for each in hashes],
        "index": index,
        "leaf": leaf_hash(ledger.entry(index)).hex(),
        "root": ledger.root_at(size).hex(),
        "size": size,
    }
    try:
        proof = format_proof(Proof(index, hashes, ledger.checkpoint_at(size)))
    except NotFoundError:  # never the latest: proven all the same, to whoever has the root
        return _encode(values)
    return _encode({**values, "proof": proof.decode()})


def _consistency(ledger: Ledger, *, old: int, new: int) -> bytes:
    hashes = ledger.consistency_proof(old=old, new=new)
    return _encode(
        {
            "hashes": [each.hex() for each in hashes],
            "new": new,
            "new_root": ledger.root_at(new).hex(),
            "old": old,
            "old_root": ledger.root_at(old).hex(),
        }
    )
