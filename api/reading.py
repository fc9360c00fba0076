"""Reading: what the ledger tells, for machines: the same as the command line's `--json`.

    GET /events             events, searched; a line each
    GET /events/{id}        one event, with all that is known of it
    GET /chronology         who did what, when, and who says so
    GET /requests           what was asked, item by item, and who must act
    GET /requests/{id}      one request
    GET /queue              what awaits a party, the most urgent first
    GET /events/{id}/positions   how the parties stand to it, field by field
    GET /promises           what was promised, and whether it was kept
    GET /agreements         who signed what, and what was in force
    GET /bindings           by which agreements a party was bound on a day
    GET /arrangements       forums and facilities: who is in them, and who chairs
    GET /transfers          which data was passed, to whom, and who was bound by what
    GET /knowledge          who knew what, when
    GET /knowledge/on       who knew what at the end of a day
    GET /knowledge/when     whether somebody knew of one event when another was done
    GET /contradictions     what does not fit, is missing, or may be counted twice
    GET /ask                what every dispute asks
    GET /changes            what changed since a day, or a size of the ledger
    GET /parties            members, observers and their keys

Each answer is of one size of the ledger, which it states, and for one audience: claims that are
for others, withheld, or erased are not in it. When things were signed it tells as far as witnesses
have cosigned by then: what it says of one size can become stronger, and its tag another.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Annotated, Protocol, TypeVar

from fastapi import APIRouter, Path
from fastapi import Query as InQuery
from pydantic import AfterValidator
from starlette.requests import Request
from starlette.responses import Response

from api.asking import (
    HASH,
    PARTY,
    ROWS,
    AsAt,
    AtSize,
    CursorText,
    Day,
    Kind,
    Limit,
    Page,
    Pages,
    Party,
    PartyName,
    Positive,
    caching,
    check_query,
    check_size,
    today,
)
from api.describing import JSON, add_reading, answered, is_known, problems
from api.hosting import Hosted, Hosting, Reader
from api.problems import ProblemError
from ledger.errors import NotFoundError
from ledger.folds.agreements import fold_agreements, fold_bindings
from ledger.folds.arrangements import fold_arrangements
from ledger.folds.changes import find_changes
from ledger.folds.commitments import fold_commitments
from ledger.folds.contradictions import fold_contradictions
from ledger.folds.knew import knew_on, knew_when
from ledger.folds.knowledge import fold_knowledge
from ledger.folds.positions import fold_positions
from ledger.folds.questions import QUESTIONS, ask
from ledger.folds.queue import queue_of
from ledger.folds.reading import Reading as Folded
from ledger.folds.reading import read
from ledger.folds.requests import fold_request, fold_requests
from ledger.folds.stances import Telling
from ledger.folds.timeline import row_of, timeline_of
from ledger.folds.transfers import fold_transfers
from ledger.readings import Query, Seen
from ledger.replies import (
    agreements_json,
    arrangements_json,
    ask_json,
    bindings_json,
    changes_json,
    chronology_json,
    contradictions_json,
    event_json,
    events_json,
    knew_before_json,
    knew_on_json,
    knowledge_json,
    parties_json,
    positions_json,
    promises_json,
    queue_json,
    requests_json,
    tellings,
    transfers_json,
)
from ledger.search import Search, search
from ledger.view import View
from verify.kinds import Request as Asked

__all__ = ["Reading"]

Values = dict[str, object]
Make = Callable[[Seen, dt.date], Values]
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Fold(Protocol[T_co]):
    def __call__(self, reading: Folded, /, *, telling: Telling) -> T_co: ...


From = Annotated[Day | None, InQuery(alias="from", description="Its date can be this day or later")]
To = Annotated[Day | None, InQuery(description="Its date can be this day or earlier")]
Thread = Annotated[
    str | None,
    InQuery(pattern=HASH, description="Joined to this event by what events refer to"),
]
Digits = Annotated[
    str | None,
    InQuery(alias="id", pattern="^[0-9a-f]{1,64}$", description="The first digits of its id"),
]
Since = Annotated[Day | None, InQuery(description="As things stood on this day")]
SinceSize = Annotated[
    Positive | None, InQuery(description="As was known from the first so many entries")
]
QuestionName = Annotated[
    str | None,
    AfterValidator(lambda value: value if value is None else _question(value)),
    InQuery(json_schema_extra={"enum": list(QUESTIONS)}, description="Only this question"),
]
About = Annotated[
    str | None, InQuery(pattern=HASH, description="Only what rests on the event of this id")
]
TellerName = Annotated[
    str | None, InQuery(pattern=PARTY, description="Only as this party tells it")
]
BoundParty = Annotated[str, InQuery(alias="party", pattern=PARTY, description="Which party")]
On = Annotated[
    Day | None,
    InQuery(description="At the end of this day; not after `as_at`, which it is without this"),
]
OnDay = Annotated[Day, InQuery(description="The day at the end of which they knew, or did not")]
Holder = Annotated[
    str | None,
    InQuery(
        pattern="^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?$",
        description="A party, or a post of one: rutland/leader",
    ),
]
OfEvent = Annotated[str | None, InQuery(pattern=HASH, description="Only who knew of this event")]
EventNamed = Annotated[str, InQuery(pattern=HASH, description="An event's id")]
EventId = Annotated[str, Path(alias="id", pattern=HASH, description="The event's id")]


class Reading:
    """The paths of what the ledger tells."""

    def __init__(self, hosting: Hosting) -> None:
        """Read the ledgers of `hosting`."""
        self._hosting = hosting

    async def events(  # noqa: PLR0913, PLR0917 - FastAPI has each parameter of the query as one
        self,
        request: Request,
        party: PartyName = None,
        kind: Kind = None,
        since: From = None,
        to: To = None,
        thread: Thread = None,
        digits: Digits = None,
        at_size: AtSize = None,
        cursor: CursorText = None,
        limit: Limit = ROWS,
    ) -> Response:
        """Return the events that are looked for, a line each, in ledger order."""
        hosted, reader = self._admit(request)
        wanted = Search(party=party, kind=kind, since=since, until=to, thread=thread, digits=digits)
        words = ("events", *map(str, (party, kind, since, to, thread, digits, at_size)))
        pages = await self._pages(hosted, reader, words, at_size, None, cursor, limit)

        def make(seen: Seen) -> Values:
            found = search(seen.view, wanted, dates=seen.dates)
            rows = pages.page.cut(found)
            return {
                **events_json(seen.view, rows, moments=seen.dates),
                **_next(pages, len(rows), whole=len(found)),
            }

        return await self._answer(request, hosted, reader, pages.page, words, make)

    async def event(
        self, request: Request, event_id: EventId, as_at: AsAt = None, at_size: AtSize = None
    ) -> Response:
        """Return all that is known of one event."""

        def make(seen: Seen, day: dt.date) -> Values:
            told = seen.view.by_id.get(event_id)
            if told is None:
                raise NotFoundError("event of such an id")
            return event_json(seen.view, told, row_of(seen.laid_out(day), told.id))

        return await self._whole(request, ("event", event_id), as_at, at_size, make)

    async def chronology(
        self,
        request: Request,
        party: PartyName = None,
        as_at: AsAt = None,
        at_size: AtSize = None,
        cursor: CursorText = None,
        limit: Limit = ROWS,
    ) -> Response:
        """Return the chronology."""
        hosted, reader = self._admit(request)
        words = ("chronology", *map(str, (party, as_at, at_size)))
        pages = await self._pages(hosted, reader, words, at_size, as_at, cursor, limit)

        def make(seen: Seen) -> Values:
            laid_out = seen.laid_out(pages.page.as_at, party)
            fold = timeline_of(laid_out, part=pages.page.part)
            return {
                **chronology_json(seen.view, fold),
                **_next(pages, len(fold.rows), whole=len(laid_out.events)),
            }

        return await self._answer(request, hosted, reader, pages.page, words, make)

    async def requests(
        self, request: Request, as_at: AsAt = None, at_size: AtSize = None
    ) -> Response:
        """Return where each request stands, in each telling."""
        make = _each(fold_requests, requests_json)
        return await self._whole(request, ("requests",), as_at, at_size, make)

    async def one_request(
        self, request: Request, event_id: EventId, as_at: AsAt = None, at_size: AtSize = None
    ) -> Response:
        """Return where one request stands, in each telling."""

        def make(seen: Seen, day: dt.date) -> Values:
            told = seen.view.by_id.get(event_id)
            if told is None or not isinstance(told.event, Asked):
                raise NotFoundError("request of such an id")
            reading = seen.reading(day)
            chosen = tellings(seen.view)
            folds = [fold_request(reading, event_id, telling=each) for each in chosen]
            return requests_json(seen.view, folds)

        return await self._whole(request, ("request", event_id), as_at, at_size, make)

    async def queue(
        self,
        request: Request,
        party: Party,
        as_at: AsAt = None,
        at_size: AtSize = None,
        cursor: CursorText = None,
        limit: Limit = ROWS,
    ) -> Response:
        """Return what awaits a party."""
        hosted, reader = self._admit(request)
        words = ("queue", *map(str, (party, as_at, at_size)))
        pages = await self._pages(hosted, reader, words, at_size, as_at, cursor, limit)

        def make(seen: Seen) -> Values:
            found = queue_of(seen.queues(pages.page.as_at), party, part=pages.page.part)
            return {
                **queue_json(seen.view, found),
                **_next(pages, len(found.rows), whole=found.total),
            }

        return await self._answer(request, hosted, reader, pages.page, words, make)

    async def positions(
        self, request: Request, event_id: EventId, as_at: AsAt = None, at_size: AtSize = None
    ) -> Response:
        """Return how the parties stand to one event, field by field."""

        def make(seen: Seen, day: dt.date) -> Values:
            if event_id not in seen.view.by_id:
                raise NotFoundError("event of such an id")
            found = fold_positions(seen.reading(day), event_id=event_id)
            return positions_json(seen.view, found)

        return await self._whole(request, ("positions", event_id), as_at, at_size, make)

    async def promises(
        self, request: Request, as_at: AsAt = None, at_size: AtSize = None
    ) -> Response:
        """Return where each promise stands, in each telling."""
        make = _each(fold_commitments, promises_json)
        return await self._whole(request, ("promises",), as_at, at_size, make)

    async def agreements(
        self, request: Request, as_at: AsAt = None, at_size: AtSize = None
    ) -> Response:
        """Return where each agreement stands, in each telling."""
        make = _each(fold_agreements, agreements_json)
        return await self._whole(request, ("agreements",), as_at, at_size, make)

    async def bindings(
        self,
        request: Request,
        party: BoundParty,
        on: On = None,
        as_at: AsAt = None,
        at_size: AtSize = None,
    ) -> Response:
        """Return by which agreements a party was bound on a day, in each telling."""
        last = as_at or today(self._hosting)
        if on is not None and on > last:
            raise ProblemError("malformed", "on: is after the day as at which is read")

        def make(seen: Seen, day: dt.date) -> Values:
            reading = seen.reading(day)
            folds = [
                fold_bindings(reading, party=party, on=on or day, telling=each)
                for each in tellings(seen.view)
            ]
            return bindings_json(seen.view, folds)

        return await self._whole(request, ("bindings", party, str(on)), last, at_size, make)

    async def arrangements(
        self, request: Request, as_at: AsAt = None, at_size: AtSize = None
    ) -> Response:
        """Return where each arrangement stands and who is in it, in each telling."""
        make = _each(fold_arrangements, arrangements_json)
        return await self._whole(request, ("arrangements",), as_at, at_size, make)

    async def transfers(
        self, request: Request, as_at: AsAt = None, at_size: AtSize = None
    ) -> Response:
        """Return which data was passed, and who was bound by what, in each telling."""
        make = _each(fold_transfers, transfers_json)
        return await self._whole(request, ("transfers",), as_at, at_size, make)

    async def knowledge(
        self, request: Request, as_at: AsAt = None, at_size: AtSize = None
    ) -> Response:
        """Return who knew what, and when."""

        def make(seen: Seen, day: dt.date) -> Values:
            return knowledge_json(seen.view, fold_knowledge(seen.reading(day)))

        return await self._whole(request, ("knowledge",), as_at, at_size, make)

    async def known_on(
        self,
        request: Request,
        day: OnDay,
        party: Holder = None,
        of: OfEvent = None,
        as_at: AsAt = None,
        at_size: AtSize = None,
    ) -> Response:
        """Return who knew what at the end of a day."""

        def make(seen: Seen, until: dt.date) -> Values:
            told = tellings(seen.view)
            if of is not None and of not in seen.view.by_id:
                raise NotFoundError("event of such an id")
            reading = seen.reading(until)
            return knew_on_json(
                seen.view, knew_on(reading, day=day, tellings=told, holder=party, of=of)
            )

        words = ("knowledge/on", *map(str, (day, party, of)))
        return await self._whole(request, words, as_at, at_size, make)

    async def known_when(
        self,
        request: Request,
        of: EventNamed,
        act: EventNamed,
        party: Holder = None,
        as_at: AsAt = None,
        at_size: AtSize = None,
    ) -> Response:
        """Return whether somebody knew of one event when another was done."""

        def make(seen: Seen, until: dt.date) -> Values:
            if not {of, act} <= seen.view.by_id.keys():
                raise NotFoundError("event of such an id")
            told = tellings(seen.view)
            reading = seen.reading(until)
            return knew_before_json(
                seen.view, knew_when(reading, of=of, act=act, tellings=told, holder=party)
            )

        words = ("knowledge/when", of, act, str(party))
        return await self._whole(request, words, as_at, at_size, make)

    async def contradictions(
        self, request: Request, as_at: AsAt = None, at_size: AtSize = None
    ) -> Response:
        """Return what does not fit, is missing, or may be counted twice."""

        def make(seen: Seen, day: dt.date) -> Values:
            return contradictions_json(seen.view, fold_contradictions(seen.reading(day)))

        return await self._whole(request, ("contradictions",), as_at, at_size, make)

    async def ask(
        self,
        request: Request,
        question: QuestionName = None,
        party: PartyName = None,
        event: About = None,
        told_by: TellerName = None,
        as_at: AsAt = None,
        at_size: AtSize = None,
    ) -> Response:
        """Return the answers to what every dispute asks."""

        def make(seen: Seen, day: dt.date) -> Values:
            if event is not None and event not in seen.view.by_id:
                raise NotFoundError("event of such an id")
            chosen = tellings(seen.view) if told_by is None else [Telling(told_by)]
            reading = seen.reading(day)
            answers = ask(reading, chosen, question=question, party=party, event=event)
            return ask_json(seen.view, answers)

        words = ("ask", *map(str, (question, party, event, told_by)))
        return await self._whole(request, words, as_at, at_size, make)

    async def changes(
        self,
        request: Request,
        since: Since = None,
        since_size: SinceSize = None,
        as_at: AsAt = None,
        at_size: AtSize = None,
    ) -> Response:
        """Return what changed since a day, or a size of the ledger; until `as_at`, `at_size`."""
        hosted, reader = self._admit(request)

        def make(seen: Seen, day: dt.date) -> Values:
            if (since or day) > day:
                raise ProblemError("malformed", "since: is after as_at")
            if (since_size or 1) > seen.view.size:
                raise ProblemError("not-found", f"since_size: is more than {seen.view.size}")
            after = seen.reading(day)
            before = after.at(since or day)
            if since_size is not None:
                view = hosted.readings.view(reader.audience, size=since_size)
                before = read(view, as_at=before.as_at)
            return changes_json(seen.view, find_changes(before, after, tellings(seen.view)))

        words = ("changes", str(since), str(since_size))
        return await self._whole(request, words, as_at, at_size, make)

    async def parties(self, request: Request, at_size: AtSize = None) -> Response:
        """Return the parties and their keys."""
        return await self._whole(
            request, ("parties",), dt.date.min, at_size, lambda seen, _: parties_json(seen.view)
        )

    def _admit(self, request: Request) -> tuple[Hosted, Reader]:
        hosted = self._hosting.of(request)
        reader = hosted.admit(request)
        check_query(request)
        return hosted, reader

    async def _pages(
        self,
        hosted: Hosted,
        reader: Reader,
        words: tuple[str, ...],
        at_size: int | None,
        as_at: dt.date | None,
        cursor: str | None,
        limit: int,
    ) -> Pages:
        size = await self._hosting.size(hosted)
        check_size(at_size, size=size)
        page = Page(
            size=at_size or size,
            start=0,
            limit=min(limit, self._hosting.settings.page),
            as_at=as_at or today(self._hosting),
        )
        return Pages(hosted, reader, words=words, page=page, cursor=cursor, size=size)

    async def _whole(
        self,
        request: Request,
        words: tuple[str, ...],
        as_at: dt.date | None,
        at_size: int | None,
        make: Callable[[Seen, dt.date], Values],
    ) -> Response:
        """Answer in one page."""
        hosted, reader = self._admit(request)
        size = await self._hosting.size(hosted)
        check_size(at_size, size=size)
        page = Page(at_size or size, 0, 0, as_at or today(self._hosting))
        return await self._answer(
            request, hosted, reader, page, words, lambda seen: make(seen, page.as_at)
        )

    async def _answer(
        self,
        request: Request,
        hosted: Hosted,
        reader: Reader,
        page: Page,
        words: tuple[str, ...],
        make: Callable[[Seen], Values],
    ) -> Response:
        where = map(str, (page.start, page.limit, page.as_at))
        query = Query(reader.audience, page.size, (*words, *where))
        size = await self._hosting.size(hosted)
        found = hosted.readings.kept(query, size=size)
        if found is None:
            # By the size of now: what is new may be an erasure.
            found = await self._hosting.turns.answer(
                hosted.asker(request, reader),
                hosted.name,
                (query, size),
                lambda: hosted.readings.answer(query, make),
            )
        tag = f'"{found.tag}"'
        headers = {"etag": tag, **caching(hosted, reader, "no-cache")}
        if is_known(request, tag):
            return Response(status_code=304, headers=headers)
        return Response(found.body, media_type=JSON, headers=headers)

    def add_to(self, router: APIRouter) -> None:
        """Add the paths."""
        for path, endpoint, summary, shape in (
            ("/events", self.events, "Events, searched, a line each", "Events"),
            ("/events/{id}", self.event, "One event, with all that is known of it", "Event"),
            ("/chronology", self.chronology, "Who did what, when, and who says so", "Chronology"),
            ("/requests", self.requests, "What was asked, and who must act", "RequestsAnswer"),
            ("/requests/{id}", self.one_request, "One request", "RequestsAnswer"),
            ("/queue", self.queue, "What awaits a party", "QueueAnswer"),
            (
                "/events/{id}/positions",
                self.positions,
                "How the parties stand to an event",
                "PositionsAnswer",
            ),
            ("/promises", self.promises, "What was promised, and whether kept", "Promises"),
            ("/agreements", self.agreements, "Who signed what, and what held", "AgreementsAnswer"),
            ("/bindings", self.bindings, "By what a party was bound on a day", "BindingsAnswer"),
            (
                *("/arrangements", self.arrangements),
                *("Forums and facilities, and who is in them", "ArrangementsAnswer"),
            ),
            ("/transfers", self.transfers, "Which data was passed, to whom", "TransfersAnswer"),
            ("/knowledge", self.knowledge, "Who knew what, when", "Knowledge"),
            ("/knowledge/on", self.known_on, "Who knew what at the end of a day", "WhoKnew"),
            ("/knowledge/when", self.known_when, "Whether P knew X when P did Y", "KnewWhen"),
            ("/contradictions", self.contradictions, "What does not fit", "Contradicting"),
            ("/ask", self.ask, "What every dispute asks", "Answers"),
            ("/changes", self.changes, "What changed since a day or a size", "ChangesAnswer"),
            ("/parties", self.parties, "Members, observers and their keys", "Parties"),
        ):
            add_reading(
                router,
                path,
                endpoint,
                summary=summary,
                responses={**answered(shape), **problems(400, 401, 404)},
            )


def _each(fold: _Fold[T], reply: Callable[[View, list[T]], Values]) -> Make:
    """Return what makes the values of a fold in each telling."""

    def make(seen: Seen, day: dt.date) -> Values:
        reading = seen.reading(day)
        return reply(seen.view, [fold(reading, telling=each) for each in tellings(seen.view)])

    return make


def _question(value: str) -> str:
    if value not in QUESTIONS:
        raise ValueError("is no question")
    return value


def _next(pages: Pages, count: int, *, whole: int) -> dict[str, str]:
    cursor = pages.after(count, whole=whole)
    return {} if cursor is None else {"next": cursor}
