"""The founding case, as Leicestershire tells it, in drafts that tests record in any order."""

from __future__ import annotations

from tests.ledger.bookmaking import Draft, dates, link, nonce, sealed
from verify.kinds import Commitment, Communication, Knowledge, Meeting, Position, Request, Step

LCC = "leicestershire"
DISTRICTS = (
    *("blaby", "charnwood", "harborough", "hinckley-and-bosworth", "melton"),
    *("north-west-leicestershire", "oadby-and-wigston"),
)
OTHERS = (*DISTRICTS, "rutland")


def claims(label: str, **values: str) -> tuple[dict[str, str], tuple[str, ...]]:
    return sealed(LCC, label, values)


def _titled(label: str, text: str) -> tuple[dict[str, str], tuple[str, ...]]:
    return claims(label, title=text)


_seal, _open = _titled("meeting", "Meeting of leaders")
MEETING = Draft(
    Meeting(
        author=LCC,
        nonce=nonce("meeting"),
        dates=dates(occurred="2025-03-06"),
        host=f"{LCC}/acting-leader",
        attendees=OTHERS,
        sealed=_seal,
    ),
    _open,
)
FIRST = Draft(
    Request(
        author=LCC,
        nonce=nonce("first"),
        dates=dates(occurred="2025-03-06"),
        what="data",
        medium="oral",
        from_=OTHERS,
        to=(LCC,),
    )
)
INVITATION = Draft(
    Request(
        author=LCC,
        nonce=nonce("invitation"),
        dates=dates(occurred="2025-03-06"),
        what="invitation",
        medium="oral",
        from_=(f"{LCC}/acting-leader",),
        to=OTHERS,
    )
)
PROMISE = Draft(
    Commitment(
        author=LCC,
        nonce=nonce("promise"),
        dates=dates(made="2025-03-06"),
        by="rutland/leader",
        to=(f"{LCC}/acting-leader",),
        what="document",
    )
)
COMPLAINT = Draft(
    Communication(
        author=LCC,
        nonce=nonce("complaint"),
        dates=dates(dated="2025-03-12"),
        channel="letter",
        from_=OTHERS,
        to=("mhclg/minister",),
    )
)
REPLY = Draft(
    Communication(
        author=LCC,
        nonce=nonce("reply"),
        dates=dates(dated="2025-04-23", received="[2025-04-23..]"),
        links=(link("replies_to", COMPLAINT),),
        channel="letter",
        from_=("mhclg/minister",),
        to=OTHERS,
        cc=(f"{LCC}/acting-leader",),
    )
)
AWARE = Draft(
    Knowledge(
        author=LCC,
        nonce=nonce("aware"),
        knower=LCC,
        of=COMPLAINT.id,
        mode="became_aware",
        directness="copied",
        via=REPLY.id,
    )
)
NOT_TOLD = Draft(
    Knowledge(author=LCC, nonce=nonce("not told"), knower=LCC, of=COMPLAINT.id, mode="not_told")
)
_seal, _open = _titled("letter", "12 categories for each district area")
LETTER = Draft(
    Request(
        author=LCC,
        nonce=nonce("letter"),
        dates=dates(received="2025-04-08", sent="[..2025-04-08]"),
        links=(link("replies_to", INVITATION),),
        what="data",
        medium="written",
        from_=DISTRICTS,
        on_behalf_of=OTHERS,
        authority="claimed",
        to=(f"{LCC}/acting-leader",),
        categories=12,
        areas=DISTRICTS,
        areas_doubtful=("rutland",),
        sealed=_seal,
    ),
    _open,
)


def step(label: str, of: Draft, verb: str, on: dict[str, str], **fields: object) -> Draft:
    author = fields.pop("author", LCC)
    return Draft(
        Step(
            author=author,  # type: ignore[arg-type]  # a test's own
            nonce=nonce(label),
            of=of.id,
            target=fields.pop("target", "request"),  # type: ignore[arg-type]  # a test's own
            verb=verb,
            dates=dates(**on) if on else None,
            **fields,  # type: ignore[arg-type]  # a test's own
        )
    )


def position(label: str, author: str, on: Draft, stance: str, **fields: object) -> Draft:
    event = Position(
        author=author,
        nonce=nonce(label),
        on=on.id,
        stance=stance,  # type: ignore[arg-type]  # a test's own
        **fields,  # type: ignore[arg-type]  # a test's own
    )
    return Draft(event)


ANSWER = step(
    "answer", LETTER, "answer", {"sent": "[2025-04-08..]"}, outcome="part", items=((1, 60),)
)
QUESTION = step(
    "question", LETTER, "seek_clarification", {"sent": "[2025-04-08..]"},
    items=((61, 96),), reason="unclear",
)  # fmt: skip
MHCLG = Draft(
    Communication(
        author=LCC,
        nonce=nonce("mhclg"),
        dates=dates(received="[2025-06-01..2025-06-10]"),
        channel="letter",
        from_=("mhclg",),
        to=(LCC, *OTHERS),
    )
)
DEFER = step(
    "defer", LETTER, "defer", {"occurred": "[2025-04-08..2025-05-31]", "until": "[2025-05-02..]"},
    by="blaby", until_events=(MHCLG.id,),
    links=(link("follows", ANSWER), link("follows", QUESTION)),
)  # fmt: skip
EMAIL = Draft(
    Communication(
        author=LCC,
        nonce=nonce("email"),
        dates=dates(received="[2025-05-21..2025-05-31]"),
        channel="email",
        from_=DISTRICTS,
        to=(LCC,),
    )
)
CLARIFIED = step(
    "clarified", LETTER, "clarify", {"occurred": "[2025-07-01..2025-07-10]"},
    by="blaby", items=((61, 96),),
)  # fmt: skip
LAST_MEETING = Draft(
    Meeting(
        author=LCC,
        nonce=nonce("last meeting"),
        dates=dates(occurred="2025-09-23"),
        attendees=(LCC, *OTHERS),
    )
)
POSTCODES = Draft(
    Request(
        author=LCC,
        nonce=nonce("postcodes"),
        dates=dates(received="[2025-09-23..2025-10-31]"),
        links=(link("follows", LAST_MEETING),),
        what="data",
        medium="written",
        from_=("blaby",),
        to=(LCC,),
        categories=1,
        personal_data="yes",
        regime="none",
    )
)
QUERY = step(
    "query", POSTCODES, "seek_clarification", {"sent": "[2025-09-23..2025-10-31]"},
    reason="purpose",
)  # fmt: skip

CASE = (
    *(MEETING, FIRST, INVITATION, PROMISE, COMPLAINT, REPLY, AWARE, NOT_TOLD, LETTER, ANSWER),
    *(QUESTION, MHCLG, DEFER, EMAIL, CLARIFIED, LAST_MEETING, POSTCODES, QUERY),
)
