"""The shapes and examples of answers, for OpenAPI.

What folds give is described from their types, so that it cannot be described otherwise than it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ledger.date_words import HOUSE_CONVENTION
from ledger.folds.agreements import Agreements, Bindings
from ledger.folds.arrangements import Arrangements
from ledger.folds.changes import Changes
from ledger.folds.commitments import Commitments
from ledger.folds.contradictions import Contradictions
from ledger.folds.knew import KnewBefore, KnewOnDay
from ledger.folds.knowledge import KnowledgeFold
from ledger.folds.moments import Moment
from ledger.folds.positions import Positions
from ledger.folds.questions import Answer
from ledger.folds.queue import Queue
from ledger.folds.request_rows import Requests
from ledger.folds.timeline import Timeline
from ledger.folds.transfers import Transfers
from ledger.plain_schema import Schema, schemas_of
from ledger.replies import PartyRow

__all__ = ["COMPONENTS", "EXAMPLES", "UNDER", "ref"]

UNDER: Final = "#/components/schemas/"

_TEXT: Final[Schema] = {"type": "string"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_HASH: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_HASHES: Final[Schema] = {"type": "array", "items": _HASH, "maxItems": 64}
_PARTY: Final[Schema] = {"type": "string", "pattern": "^[a-z0-9-]{1,63}$"}
_NEXT: Final[Schema] = {"type": "string", "description": "The cursor of the next page"}


def ref(name: str) -> Schema:
    """Return a reference to one of `COMPONENTS`."""
    return {"$ref": f"{UNDER}{name}"}


def _object(
    words: str, *, optional: Mapping[str, Schema] | None = None, **fields: Schema
) -> Schema:
    return {
        "type": "object",
        "description": words,
        "required": sorted(fields),
        "properties": {**fields, **(optional or {})},
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


COMPONENTS: Final[Mapping[str, Schema]] = {
    **schemas_of(
        *(Timeline, Requests, Commitments, KnowledgeFold, Answer, Changes, Moment, PartyRow),
        *(Agreements, Bindings, Arrangements, Transfers),
        *(KnewOnDay, KnewBefore, Contradictions),
        *(Positions, Queue),
        under=UNDER,
    ),
    "Ledger": _object(
        "Of which ledger, and of how much of it",
        date_convention=_TEXT,
        fingerprint=_HASH,
        origin=_TEXT,
        root=_HASH,
        size=_COUNT,
    ),
    "Summary": _object(
        "What anybody may know of a ledger",
        fingerprint=_HASH,
        log_key=_TEXT,
        origin=_TEXT,
        root=_HASH,
        size=_COUNT,
        spec=_TEXT,
        state={"type": "string", "enum": ["closed", "open"]},
        visibility={"type": "string", "enum": ["members", "public"]},
    ),
    "Entry": _object(
        "An entry: canonical JSON, section 7 of the specification",
        event={"type": "object"},
        index=_COUNT,
        position=_COUNT,
        recorded=_COUNT,
        optional={
            "prev": _HASH,
            "rules": _HASH,
            "signature": {"type": "string", "pattern": "^[0-9a-f]{128}$"},
            "statement": {"type": "object"},
        },
    ),
    "Entries": _object(
        "Entries, each octet for octet as it is stored",
        entries=_list(ref("Entry")),
        ledger=ref("Ledger"),
        optional={"next": _NEXT},
    ),
    "Disclosures": _object(
        "Open claims: lines as `disclosures.jsonl` of an export has them, and the index of the "
        "entry behind those that were looked at",
        disclosures=_list({"type": "object"}),
        stop=_COUNT,
    ),
    "EventRow": _object(
        "An event in a line",
        author=_PARTY,
        id=_HASH,
        index=_COUNT,
        kind=_TEXT,
        recorded=_COUNT,
        what=_TEXT,
        optional={"date": ref("Moment")},
    ),
    "Events": _object(
        "Events", events=_list(ref("EventRow")), ledger=ref("Ledger"), optional={"next": _NEXT}
    ),
    "Event": _object(
        "One event",
        author=_PARTY,
        claims={"type": "object", "additionalProperties": {"type": ["string", "object"]}},
        erased=_list(_TEXT),
        event={"type": "object"},
        id=_HASH,
        index=_COUNT,
        key=_HASH,
        key_origin={"type": "string", "enum": ["founding", "own", "recovered", "vouched"]},
        ledger=ref("Ledger"),
        recorded=_COUNT,
        seen_size=_COUNT,
        unopened=_list(_TEXT),
        optional={"chronology": ref("TimelineRow")},
    ),
    "Chronology": _object(
        "The chronology, or a page of its rows",
        chronology=ref("Timeline"),
        ledger=ref("Ledger"),
        optional={"next": _NEXT},
    ),
    "RequestsAnswer": _object(
        "Requests, in each telling", ledger=ref("Ledger"), requests=_list(ref("Requests"))
    ),
    "Promises": _object(
        "Promises, in each telling", ledger=ref("Ledger"), promises=_list(ref("Commitments"))
    ),
    "AgreementsAnswer": _object(
        "Agreements, in each telling", agreements=_list(ref("Agreements")), ledger=ref("Ledger")
    ),
    "BindingsAnswer": _object(
        "By what a party was bound, in each telling",
        bound=_list(ref("Bindings")),
        ledger=ref("Ledger"),
    ),
    "ArrangementsAnswer": _object(
        "Arrangements, in each telling",
        arrangements=_list(ref("Arrangements")),
        ledger=ref("Ledger"),
    ),
    "TransfersAnswer": _object(
        "Transfers of data, in each telling",
        ledger=ref("Ledger"),
        transfers=_list(ref("Transfers")),
    ),
    "QueueAnswer": _object(
        "What awaits a party, or a page of it",
        ledger=ref("Ledger"),
        queue=ref("Queue"),
        optional={"next": _NEXT},
    ),
    "PositionsAnswer": _object(
        "How the parties stand to one event, field by field",
        ledger=ref("Ledger"),
        positions=ref("Positions"),
    ),
    "Knowledge": _object(
        "Who knew what, when", knowledge=ref("KnowledgeFold"), ledger=ref("Ledger")
    ),
    "WhoKnew": _object(
        "Who knew what at the end of a day", knew_on=ref("KnewOnDay"), ledger=ref("Ledger")
    ),
    "KnewWhen": _object(
        "Whether somebody knew of one event when another was done, in each telling",
        knew_before=_list(ref("KnewBefore")),
        ledger=ref("Ledger"),
    ),
    "Contradicting": _object(
        "What does not fit, is missing, or may be counted twice",
        contradictions=ref("Contradictions"),
        ledger=ref("Ledger"),
    ),
    "Answers": _object(
        "Answers, in each telling",
        answers=_list(ref("Answer")),
        ledger=ref("Ledger"),
        questions={"type": "object", "additionalProperties": _TEXT},
    ),
    "ChangesAnswer": _object(
        "What changed from one standpoint to another; the ledger is that of the later",
        changes=ref("Changes"),
        ledger=ref("Ledger"),
    ),
    "Parties": _object(
        "Who the parties are",
        controller=_PARTY,
        ledger=ref("Ledger"),
        parties=_list(ref("PartyRow")),
        registrars=_list(_PARTY),
    ),
    "Inclusion": _object(
        "That an entry is in the tree of a size (RFC 9162)",
        hashes=_HASHES,
        index=_COUNT,
        leaf=_HASH,
        root=_HASH,
        size=_COUNT,
        optional={"proof": {"type": "string", "description": "As C2SP has it (tlog-proof)"}},
    ),
    "Consistency": _object(
        "That a tree begins with an earlier one (RFC 9162)",
        hashes=_HASHES,
        new=_COUNT,
        new_root=_HASH,
        old=_COUNT,
        old_root=_HASH,
    ),
    "Receipt": _object(
        "A receipt: section 10.1 of the specification",
        charter=_HASH,
        count=_COUNT,
        first=_COUNT,
        leaf=_HASH,
        proof=_TEXT,
        recorded=_COUNT,
        type=_TEXT,
        optional={"prev": _HASH, "rules": _HASH},
    ),
}
"""Shapes by name."""

_ID: Final = "ceb3135e17338d36131bc4577697c6b3bc005ebd9debd572c43dbe91aa67002a"
_LEDGER: Final = {
    "date_convention": HOUSE_CONVENTION,
    "fingerprint": "b6d98f74c5261c6f5cf02b3c8fdfccde500e8a6f98a78fe5431a02ef14193e20",
    "origin": "northmere.example/allotments",
    "root": "d7a13e0dcd0d4f0e9a1bc2b7a7d7f7b0a0a3b6a9d8f2b1c3e4d5f60718293a4b",
    "size": 10,
}
_MOMENT: Final = {
    "role": "sent",
    "when": {
        "basis": "inferred",
        "earliest": "2026-02-02",
        "edtf": "2026-02-02",
        "kind": "point",
        "latest": "2026-02-02",
        "phrase": "2nd February",
        "text": "2 February 2026",
    },
}
_ROW: Final = {
    "author": "northmere",
    "id": _ID,
    "index": 3,
    "kind": "communication",
    "recorded": 1795387619000,
}
_ENTRY: Final = {
    "event": {"author": "northmere", "kind": "communication/v1", "nonce": "0" * 32},
    "index": 3,
    "position": 1,
    "prev": _LEDGER["root"],
    "recorded": 1795387619000,
}
_PROOF: Final = {"hashes": [_ID], "leaf": _ID, "root": _LEDGER["root"]}

EXAMPLES: Final[Mapping[str, object]] = {
    "AgreementsAnswer": {"agreements": [], "ledger": _LEDGER},
    "ArrangementsAnswer": {"arrangements": [], "ledger": _LEDGER},
    "BindingsAnswer": {"bound": [], "ledger": _LEDGER},
    "TransfersAnswer": {"ledger": _LEDGER, "transfers": []},
    "Answers": {
        "answers": [
            {
                "about": _ID,
                "answer": "Request for data (entry 4, received: 4 February 2026): 3 items.",
                "days": ["unknown", "unknown"],
                "grounds": [
                    {
                        "grade": "Asserted",
                        "id": _ID,
                        "index": 4,
                        "sentence": "northmere asked southfold for data (3 items).",
                        "told_by": "northmere",
                    }
                ],
                "items": [3, 3],
                "not_established": [],
                "parties": ["northmere", "southfold"],
                "question": "items",
                "telling": "established",
                "what_if": "no",
            }
        ],
        "ledger": _LEDGER,
        "questions": {"items": "How many items were asked for?"},
    },
    "ChangesAnswer": {
        "changes": {
            "rows": [],
            "since": {"as_at": "2026-02-04", "size": 10},
            "until": {"as_at": "2026-04-01", "size": 10},
        },
        "ledger": _LEDGER,
    },
    "Chronology": {
        "chronology": {
            "as_at": "2026-04-01",
            "left_out": [[3, "acts of governance"]],
            "refused_links": [],
            "rows": [],
        },
        "ledger": _LEDGER,
    },
    "Consistency": {
        "hashes": [_ID],
        "new": 10,
        "new_root": _LEDGER["root"],
        "old": 8,
        "old_root": _ID,
    },
    "Entries": {"entries": [_ENTRY], "ledger": _LEDGER},
    "Entry": _ENTRY,
    "Event": {
        "author": "northmere",
        "claims": {"title": "Letter about the allotments."},
        "erased": [],
        "event": _ENTRY["event"],
        "id": _ID,
        "index": 3,
        "key": "a74735b63e9f7992bcab71e52f8204c2677fd70746b35535b94f1c54ec19a820",
        "key_origin": "founding",
        "ledger": _LEDGER,
        "recorded": 1795387619000,
        "seen_size": 3,
        "unopened": ["text"],
    },
    "Events": {
        "events": [{**_ROW, "date": _MOMENT, "what": "Letter from northmere to southfold."}],
        "ledger": _LEDGER,
    },
    "Inclusion": {**_PROOF, "index": 3, "size": 10},
    "Knowledge": {
        "knowledge": {"later": 0, "rows": [], "shown": [], "withdrawn": 0},
        "ledger": _LEDGER,
    },
    "WhoKnew": {
        "knew_on": {"day": "2026-02-10", "later": 0, "rows": [], "untold": 0},
        "ledger": _LEDGER,
    },
    "KnewWhen": {"knew_before": [], "ledger": _LEDGER},
    "Contradicting": {
        "contradictions": {"as_at": "2026-04-01", "looked_at": 3, "rows": []},
        "ledger": _LEDGER,
    },
    "Parties": {
        "controller": "northmere",
        "ledger": _LEDGER,
        "parties": [
            {
                "keys": [
                    {
                        "key": "a74735b63e9f7992bcab71e52f8204c2677fd70746b35535b94f1c54ec19a820",
                        "origin": "founding",
                        "party": "northmere",
                        "powers": ["answer", "govern", "record", "undertake"],
                        "since": 0,
                        "status": "active",
                    }
                ],
                "party": "northmere",
                "standing": "member",
            }
        ],
        "registrars": ["northmere"],
    },
    "PositionsAnswer": {"ledger": _LEDGER, "positions": {"rows": []}},
    "Promises": {"ledger": _LEDGER, "promises": []},
    "QueueAnswer": {
        "ledger": _LEDGER,
        "queue": {"as_at": "2026-04-01", "party": "southfold", "rows": [], "total": 0},
    },
    "Receipt": {
        "charter": _LEDGER["fingerprint"],
        "count": 2,
        "first": 3,
        "leaf": _ID,
        "proof": "c2sp.org/tlog-proof@v1\nindex 4\n…",
        "recorded": 1795387619000,
        "type": "counterfoil-receipt/v1",
    },
    "Disclosures": {
        "disclosures": [
            {"claims": {"title": ["7d0f1a2b3c4d5e6f7a8b9c0d1e2f3a4b", "A letter"]}, "index": 4}
        ],
        "stop": 10,
    },
    "RequestsAnswer": {"ledger": _LEDGER, "requests": []},
    "Summary": {
        "fingerprint": _LEDGER["fingerprint"],
        "log_key": "northmere.example/allotments+a50749f7+AXoooF1d55s8Iz7ZR4WwLif772FI",
        "origin": "northmere.example/allotments",
        "root": _LEDGER["root"],
        "size": 10,
        "spec": "counterfoil/1",
        "state": "open",
        "visibility": "members",
    },
}
"""An example of each whole answer."""
