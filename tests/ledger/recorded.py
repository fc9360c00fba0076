"""Events in other orders, and events of all kinds at random, for properties that must hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.ledger.bookmaking import Draft, dates, link, nonce, sealed
from verify.claims import File
from verify.events import references
from verify.kinds import (
    STEP_VERBS,
    Account,
    Attestation,
    Commitment,
    Communication,
    Knowledge,
    Meeting,
    Position,
    Rel,
    Request,
    Sentence,
    Step,
)


@st.composite
def orders(draw: st.DrawFn, drafts: Sequence[Draft]) -> list[Draft]:
    """Draw an order in which every event comes after those that it names."""
    own = {draft.id for draft in drafts}
    named = {d.id: {e for _, e in references(d.event)} & own for d in drafts}
    left = list(draw(st.permutations(drafts)))
    placed: dict[str, Draft] = {}
    while left:
        place = next(n for n, each in enumerate(left) if named[each.id] <= placed.keys())
        draft = left.pop(place)
        placed[draft.id] = draft
    return list(placed.values())


_PARTIES = ("northmere", "southfold", "leicestershire", "unknown", "northmere/clerk")
_DAYS = (
    *("2025-02-03", "2025-02-04", "[2025-02-01..2025-02-28]", "[..2025-03-01]", "[2025-01-15..]"),
    *("2025-XX-XX", "2025-02", "2025-02-30", "2025-02-01/2025-02-20", "2025-02-03/", "/2025-02-09"),
    *("2025-02-03T10:00:00Z", "2025-02-03?", "0001-01-01", "9999-12-31"),
)
_WORDS = ("6th March", "Many earlier requests, several letters.", "in 2025", "<1@example.org>")
_RELS: tuple[Rel, ...] = (
    *("about", "same_as", "follows", "replies_to", "encloses", "evidences", "corrects"),
)


@st.composite
def tangles(draw: st.DrawFn, *, most: int = 12) -> list[Draft]:
    """Draw events of every kind that refer to one another at will, most of it nonsense."""
    drafts: list[Draft] = []
    for number in range(draw(st.integers(1, most))):
        fields = draw(st.sampled_from(_MAKERS))(draw, drafts)
        author = draw(st.sampled_from(("northmere", "southfold")))
        label = f"tangle {number}"
        roles = draw(st.lists(st.sampled_from(_ROLES), max_size=3, unique=True))
        names = draw(st.lists(st.sampled_from(("note", "title", "message_id")), unique=True))
        names += [f"phrase_{role}" for role in roles if draw(st.booleans())]
        texts: dict[str, str | File] = {name: draw(st.sampled_from(_WORDS)) for name in names}
        if draw(st.integers(0, 3)) == 0:
            texts["file.1"] = File(name="f", media_type="a/b", size=1, sha256="ab" * 32)
        digests, opened = sealed(author, label, texts)
        days = {role: draw(st.sampled_from(_DAYS)) for role in roles}
        chosen = draw(st.lists(st.sampled_from(drafts), max_size=2)) if drafts else []
        links = tuple({link(draw(st.sampled_from(_RELS)), each) for each in chosen})
        kind = fields.pop("kind")
        behalf = draw(st.sampled_from((None, ("southfold",))))
        event = kind(
            author=author,
            nonce=nonce(label),
            dates=dates(**days) if days else None,
            links=links or None,
            sealed=digests or None,
            on_behalf_of=behalf,
            **fields,
        )
        drafts.append(Draft(event, opened))
    return drafts


def _some(draw: st.DrawFn) -> tuple[str, ...]:
    return tuple(draw(st.lists(st.sampled_from(_PARTIES), min_size=1, max_size=3, unique=True)))


def _of(draw: st.DrawFn, drafts: list[Draft], *kinds: type) -> str | None:
    known = [each.id for each in drafts if not kinds or isinstance(each.event, kinds)]
    return draw(st.sampled_from(known)) if known else None


def _communication(draw: st.DrawFn, _: list[Draft]) -> dict[str, Any]:
    channel = draw(st.sampled_from(("letter", "email", "call")))
    return {"kind": Communication, "channel": channel, "from_": _some(draw), "to": _some(draw)}


def _meeting(draw: st.DrawFn, _: list[Draft]) -> dict[str, Any]:
    return {"kind": Meeting, "attendees": _some(draw), "host": _some(draw)[0]}


def _request(draw: st.DrawFn, _: list[Draft]) -> dict[str, Any]:
    return {
        "kind": Request,
        "what": draw(st.sampled_from(("data", "invitation", "meeting"))),
        "medium": draw(st.sampled_from(("written", "oral"))),
        "from_": _some(draw),
        "to": _some(draw),
        "categories": draw(st.sampled_from((None, 1, 3))),
        "areas": ("a", "b"),
        "areas_doubtful": draw(st.sampled_from((None, ("c",)))),
    }


def _commitment(draw: st.DrawFn, _: list[Draft]) -> dict[str, Any]:
    return {"kind": Commitment, "by": _some(draw)[0], "to": _some(draw), "what": "document"}


def _step(draw: st.DrawFn, drafts: list[Draft]) -> dict[str, Any]:
    target = draw(st.sampled_from(("request", "commitment")))
    of = _of(draw, drafts, Request if target == "request" else Commitment)
    if of is None:
        return _meeting(draw, drafts)
    verb = draw(st.sampled_from(sorted(STEP_VERBS[target])))
    known = tuple({each.id for each in draw(st.lists(st.sampled_from(drafts), max_size=2))})
    return {
        "kind": Step,
        "of": of,
        "target": target,
        "verb": verb,
        "outcome": "full" if verb == "answer" else None,
        "by": draw(st.sampled_from((None, *_PARTIES))),
        "until_events": known if verb == "defer" and known else None,
        "items": draw(st.sampled_from((None, ((1, 2),), ((5, 9),)))),
    }


def _knowledge(draw: st.DrawFn, drafts: list[Draft]) -> dict[str, Any]:
    of = _of(draw, drafts)
    if of is None:
        return _meeting(draw, drafts)
    modes = ("became_aware", "told", "not_told", "could_have_known", "disclaims", "knew_earlier")
    mode = draw(st.sampled_from(modes))
    via = draw(st.sampled_from((None, of)))
    return {"kind": Knowledge, "knower": _some(draw)[0], "of": of, "mode": mode, "via": via}


def _position(draw: st.DrawFn, drafts: list[Draft]) -> dict[str, Any]:
    on = _of(draw, drafts)
    if on is None:
        return _meeting(draw, drafts)
    stances = ("received", "agree", "deny", "dispute", "correct", "admit", "retract_own")
    field = draw(st.sampled_from((None, "happened", "dates.sent", "items", "claims.title")))
    return {"kind": Position, "on": on, "stance": draw(st.sampled_from(stances)), "field": field}


def _account(draw: st.DrawFn, drafts: list[Draft]) -> dict[str, Any]:
    of = _of(draw, drafts)
    sentences = (Sentence(number=1, events=(of,) if of else None), Sentence(number=2))
    return {"kind": Account, "to": _some(draw), "sentences": sentences}


def _attestation(draw: st.DrawFn, drafts: list[Draft]) -> dict[str, Any]:
    of = _of(draw, drafts)
    return {"kind": Attestation, "type": "public_record", "of": of} if of else _meeting(draw, [])


_ROLES = ("sent", "received", "dated", "occurred", "as_at", "value", "period", "start", "end")
_MAKERS = (
    *(_communication, _meeting, _request, _commitment, _step, _step, _knowledge, _position),
    *(_account, _attestation),
)
