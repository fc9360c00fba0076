"""The words in which reports speak to people: the one table from our words to theirs.

Everything that prints for people takes its words from here, so that one thing has one name on
every page. The names of parties and posts are never translated or prettified: they are identities.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = [
    "NO_ANSWER_IS_NO_ADMISSION",
    "WORDS",
    "actor_words",
    "actors_words",
    "count_words",
    "days_words",
    "field_words",
    "noun_of",
    "party_of",
    "response_words",
    "say",
    "thing_words",
]

WORDS: Final[dict[str, str]] = {
    # things of the ledger
    "account": "statement of events",
    "agreement": "agreement",
    "approval": "approval",
    "arrangement": "arrangement",
    "artefact": "document",
    "attestation": "outside evidence",
    "charter": "charter",
    "commitment": "promise",
    "communication": "communication",
    "disclosure": "opened text",
    "erasure": "erasure",
    "hold": "hold on erasure",
    "key": "key",
    "knowledge": "knowledge",
    "meeting": "meeting",
    "opening": "opening of something sealed",
    "party": "member organisation",
    "position": "response",
    "request": "request",
    "sealed": "sealed event",
    "step": "step",
    "transfer": "transfer of data",
    "witness": "independent co-signer",
    # states of requests
    "already_public": "already public",
    "answered": "answered",
    "answered_in_part": "answered in part",
    "asked": "asked",
    "asked_orally": "asked orally",
    "clarification_sought": "clarification sought",
    "clarified": "clarified",
    "deferred": "deferred",
    "not_held": "not held",
    "refused": "refused",
    "transferred": "passed to another",
    "under_review": "under review",
    "withdrawn": "withdrawn",
    "claimed": "claimed",
    "resumed": "resumed",
    "taken_up": "taken up",
    "acknowledged": "acknowledged",
    "deferral_claimed": "deferral claimed by those asked",
    # states of promises
    "confirmed": "kept, as the other side confirms",
    "denied": "denied",
    "fulfilled": "kept, as its maker says",
    "lapsed": "lapsed",
    "overtaken": "overtaken",
    "part_fulfilled": "kept in part",
    "promised": "promised",
    "released": "released",
    "replaced": "replaced",
    "unfulfilled": "unfulfilled",
    # steps
    "acknowledge": "acknowledged",
    "answer": "answered",
    "chair": "chaired",
    "chase": "chased",
    "claim_unfulfilled": "said that nothing came of",
    "clarify": "clarified",
    "close": "closed",
    "comment": "commented on",
    "confirm": "confirmed the keeping of",
    "defer": "put off",
    "dormant": "put to rest",
    "draft": "drafted",
    "end": "ended",
    "escalate": "escalated",
    "establish": "established",
    "extend": "extended",
    "fulfil": "kept",
    "join": "joined",
    "leave": "left",
    "narrow": "narrowed",
    "not_adopted": "did not adopt",
    "part_fulfil": "kept in part",
    "propose": "proposed",
    "refuse": "refused",
    "release": "released the other side from",
    "replace": "replaced",
    "resume": "resumed",
    "review": "asked for a review of",
    "seek_clarification": "asked for clarification of",
    "sign": "signed",
    "suspend": "suspended",
    "terms": "set the terms of",
    "transfer_request": "passed on",
    "vary": "varied",
    "withdraw": "withdrew",
    # responses
    "admit": "admits",
    "agree": "agrees",
    "correct": "corrects",
    "deny": "denies",
    "disown": "disowns it",
    "dispute": "disputes",
    "not_admit": "does not admit",
    "object": "objects",
    "ratify": "ratifies",
    "received": "received it",
    "retract_own": "withdraws it",
    # how responses stand
    "agreed": "Agreed",
    "admitted": "Admitted",
    "corrected": "Corrected by its author",
    "disputed": "Disputed",
    "not_admitted": "Not admitted",
    "not_yet_answered": "Not yet answered",
    # knowledge
    "became_aware": "became aware of",
    "told": "was told of",
    "not_told": "was not told of",
    "could_have_known": "could have known of",
    "disclaims": "disclaims knowledge about",
    "knew_earlier": "is said to have known earlier of",
    "actor_told": "told by those who did it",
    "copied": "by a copy",
    "third_party": "through a third party",
    "public_source": "from a public source",
    "own_record": "from its own records",
    "inferred": "inferred",
    # elements of an event
    "happened": "that it happened",
    "who": "who",
    "sent": "when sent",
    "received_when": "when received",
    "said": "what it said",
    # keys
    "founding": "founding key",
    "own": "key of its own",
    "vouched": "key vouched for by registrars",
    "recovered": "recovered key",
}
"""What our words are called in reports. A word that is not here is one that people share."""

NO_ANSWER_IS_NO_ADMISSION: Final = "Silence is never counted as an admission."


# What `say` would mistake for a step, and things that take an article or a plural.
_THINGS: Final[dict[str, str]] = {
    "data": "data",
    "decision": "a decision",
    "document": "a document",
    "invitation": "an invitation",
    "meeting": "a meeting",
    "other": "something",
    "payment": "a payment",
    "reply": "a reply",
    "signature": "a signature",
}
_FIELDS: Final[dict[str, str]] = {
    "actors": "who acted",
    "dates.as_at": "as at which day it is told",
    "dates.dated": "the date that it bears",
    "dates.due": "when it was due",
    "dates.effective": "from when it had effect",
    "dates.made": "when it was made",
    "dates.occurred": "when it happened",
    "dates.period": "the period",
    "dates.received": "when it was received",
    "dates.sent": "when it was sent",
    "happened": "that it happened",
    "items": "the items",
    "status": "the outcome",
}
_ABOUT: Final[dict[str, str]] = {
    "admit": "admits",
    "agree": "agrees with",
    "correct": "corrects",
    "deny": "denies",
    "dispute": "disputes",
    "not_admit": "does not admit",
    "object": "objects to",
    "ratify": "ratifies",
    "received": "received",
    "disown": "disowns",
    "retract_own": "withdraws",
}


def thing_words(what: str) -> str:
    """Write what is asked for or promised: "data", "a meeting"."""
    return _THINGS.get(what, what.replace("_", " "))


def field_words(field: str) -> str:
    """Name a field of an event: "when it happened", "allegation 1"."""
    if field.startswith("claims."):
        # Claims have names that their authors chose: "allegation.1".
        role = field.removeprefix("claims.phrase_")
        if role != field:
            return f"the words for {field_words(f'dates.{role}')}"
        return field.removeprefix("claims.").replace("_", " ").replace(".", " ")
    return _FIELDS.get(field, f"the date “{field.removeprefix('dates.').replace('_', ' ')}”")


def response_words(stance: str, field: str) -> str:
    """Write a response to a field: "denies when it happened", "agrees that it happened"."""
    if stance == "received" and field in {"happened", "dates.received"}:
        return say("received")
    if field == "happened" and stance in {"agree", "deny", "admit", "dispute"}:
        return f"{'agrees' if stance == 'agree' else _ABOUT[stance]} {field_words(field)}"
    what = "it" if field == "happened" else field_words(field)
    return f"{_ABOUT[stance]} {what}"


def noun_of(kind: str, *, channel: str | None = None, what: str | None = None) -> str:
    """Name an event when another refers to it: "letter", "invitation", "statement of events"."""
    if what == "invitation":
        return what
    return channel if channel in {"call", "email", "letter", "message"} else say(kind)


def say(word: str) -> str:
    """Return the words that people read for one of ours."""
    return WORDS.get(word, word.replace("_", " "))


def party_of(actor: str) -> str:
    """Return the party of an actor: "rutland" of "rutland/leader"."""
    return actor.partition("/")[0]


def actor_words(actor: str) -> str:
    """Write an actor: "rutland (leader)"; who is not known is somebody unnamed."""
    party, _, post = actor.partition("/")
    name = "somebody unnamed" if party == "unknown" else party
    return f"{name} ({post.replace('-', ' ')})" if post else name


def actors_words(actors: Iterable[str] | None, *, most: int = 64) -> str:
    """Write a list of actors: "a, b and c".

    Args:
        actors: The actors.
        most: Name no more than this many, and count the rest. A list that a reader may need whole
            is never cut.
    """
    names = [actor_words(actor) for actor in actors or ()]
    if not names:
        return "somebody unnamed"
    if len(names) > most:
        names = [*names[: most - 1], f"{len(names) - most + 1} others"]
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def count_words(certain: int, total: int, doubtful: Iterable[str] = ()) -> str:
    """Write a count of items: "84 items", or "84 items, or 96 if rutland counts"."""
    items = "1 item" if certain == 1 else f"{certain} items"
    if total == certain:
        return items
    names = tuple(doubtful)
    verb = "counts" if len(names) == 1 else "count"
    return f"{items}, or {total} if {actors_words(names)} {verb}"


def days_words(least: int | None, most: int | None) -> str:
    """Write a number of days of which the bounds are known, or one of them, or none."""
    if least is None and most is None:
        return "not established"
    if most is None:
        return f"at least {_days(least or 0)}"
    if least is None:
        return f"at most {_days(most)}"
    return _days(least) if least == most else f"{least} to {_days(most)}"


def _days(count: int) -> str:
    return f"{count} day" if count == 1 else f"{count} days"
