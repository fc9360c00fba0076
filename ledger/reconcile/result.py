"""A reconciliation as one JSON value, which is the same for the same sources in any order.

It names its sources by what they are, not by where somebody keeps them, and holds nothing of what
the reader trusts: the other side, with other anchors, gets the same octets.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ledger.date_words import HOUSE_CONVENTION, format_when
from ledger.dates import When
from ledger.folds.moments import date_of, unread_dates
from ledger.plain import Plain
from ledger.reconcile.decisions import Ref
from ledger.reconcile.lacks import MissingMessage
from ledger.reconcile.matches import Match
from ledger.reconcile.parties import Member
from ledger.reconcile.reconciling import Reconciled
from ledger.reconcile.rows import Difference, Response, Row
from ledger.reconcile.tellings import Telling
from ledger.sentences import sentence, title_of
from verify.codec import encode

__all__ = ["RECONCILIATION", "decide", "format_reconciliation", "limits"]

RECONCILIATION: Final = "counterfoil-reconciliation/v1"

_DIGITS: Final = 16


def format_reconciliation(found: Reconciled) -> bytes:
    """Write a reconciliation as canonical JSON."""
    return encode(_value(found))


def decide(one: Ref, other: Ref) -> str:
    """Write a pair of events as a file of decisions takes it."""
    return " = ".join(f"{ledger[:_DIGITS]}:{event[:_DIGITS]}" for ledger, event in (one, other))


def limits(found: Reconciled) -> tuple[str, ...]:
    """Say what was not looked at, or not shown, because there is too much of it."""
    lines = []
    for crowd in found.matches.crowds:
        counts = " and ".join(f"{n:,} of {found.letters[one]}" for one, n in crowd.counts)
        lines.append(f"{crowd.why} ({counts}): no match was proposed")
    if found.matches.more:
        lines.append(f"weaker possible matches that are not listed: {found.matches.more:,}")
    if found.parties.more:
        lines.append(f"further equal labels that are not listed: {found.parties.more:,}")
    return tuple(lines)


def _value(found: Reconciled) -> dict[str, Plain]:
    return {
        "type": RECONCILIATION,
        "date_convention": HOUSE_CONVENTION,
        "decisions": _plain(found.decisions.plain()),
        "documents": _documents(found),
        "forks": [
            {
                "checkpoints": [{"root": root, "size": size} for size, root in fork.checkpoints],
                "ledger": fork.fingerprint,
                "proof": fork.proof.decode(),
            }
            for fork in found.forks
        ],
        "inputs": [_input(found, place) for place in range(len(found.inputs))],
        "ledgers": _ledgers(found),
        "limits": list(limits(found)),
        "messages": [_missing(found, each) for each in found.missing],
        "parties": _parties(found),
        "rows": [_row(found, number, row) for number, row in enumerate(found.rows, start=1)],
        "to_confirm": [_match(found, each) for each in found.matches.to_confirm],
    }


def _plain(values: dict[str, str | list[str]]) -> dict[str, Plain]:
    return {
        name: value if isinstance(value, str) else list(value) for name, value in values.items()
    }


def _input(found: Reconciled, place: int) -> Plain:
    one = found.inputs[place]
    value: dict[str, Plain] = {
        "fingerprint": one.fingerprint,
        "kind": "evidence" if one.folder is None else "export",
        "root": one.root,
        "sha256": dict(one.digests),
        "size": one.size,
    }
    if one.report.audience is not None:
        value["audience"] = one.report.audience
    return value


def _ledgers(found: Reconciled) -> Plain:
    ledgers: list[Plain] = []
    for book in found.books:
        tellings, others = found.counts[book.fingerprint]
        unopened = sum(len(told.unopened) for told in book.told)
        ledgers.append(
            {
                "acts_on_the_ledger": others,
                "closed_claims": unopened,
                "fingerprint": book.fingerprint,
                "letter": found.letters[book.fingerprint],
                "notes": list(book.notes),
                "origin": book.origin,
                "reach": book.reach,
                "size": book.size,
                "tellings": tellings,
                "whole": "yes" if book.whole else "no",
            }
        )
    return ledgers


def _parties(found: Reconciled) -> Plain:
    return {
        "joined": [
            {
                "because": list(party.because),
                "members": [_member(found, member) for member in party.members],
            }
            for party in found.parties.joined
        ],
        "to_confirm": [
            {
                "label": each.label,
                "ledgers": _letters(found, each.ledgers),
                **({"against": each.against} if each.against else {}),
            }
            for each in found.parties.to_confirm
        ],
    }


def _member(found: Reconciled, member: Member) -> Plain:
    return {"label": member[1], "ledger": found.letters[member[0]]}


def _letters(found: Reconciled, fingerprints: Iterable[str]) -> list[Plain]:
    return [found.letters[each] for each in fingerprints]


def _documents(found: Reconciled) -> Plain:
    return [
        {
            "held": [
                {"claim": name, "event": event, "ledger": found.letters[ledger]}
                for (ledger, event), name in each.held
            ],
            "lacking": _letters(found, each.lacking),
            "sha256": each.sha256,
        }
        for each in found.documents
    ]


def _missing(found: Reconciled, missing: MissingMessage) -> Plain:
    return {
        "lacking": found.letters[missing.lacking],
        "reasons": list(missing.reasons),
        "row": missing.row + 1,
    }


def _match(found: Reconciled, match: Match) -> Plain:
    return {
        "against": list(match.against),
        "certainty": match.certainty,
        "decide": decide(*match.events),
        "events": [
            {"event": event, "ledger": found.letters[ledger]} for ledger, event in match.events
        ],
        "ground": match.ground,
        "reasons": list(match.reasons),
    }


def _row(found: Reconciled, number: int, row: Row) -> Plain:
    value: dict[str, Plain] = {
        "dated": row.dated,
        "differences": [_difference(row, each) for each in row.differences],
        "matched": [_match(found, each) for each in row.group.matches],
        "row": number,
        "tellings": [_telling(found, row, place) for place in range(len(row.group.tellings))],
    }
    if row.when is not None:
        value["date"] = _days(row.when)
    if row.order is not None:
        value["after_the_row_before"] = row.order
    if row.signed:
        value["signed_in_order"] = [
            [row.group.tellings[place].told.id for place in pair] for pair in row.signed
        ]
    return value


def _difference(row: Row, difference: Difference) -> Plain:
    return {
        "about": difference.about,
        "how": difference.how,
        "said": [
            {"event": row.group.tellings[place].told.id, "words": words}
            for place, words in difference.said
        ],
    }


def _telling(found: Reconciled, row: Row, place: int) -> Plain:
    telling = row.group.tellings[place]
    told = telling.told
    book = next(book for book in found.books if book.fingerprint == telling.fingerprint)
    value: dict[str, Plain] = {
        "author": told.author,
        "dates": {
            role: _date(when, when.phrase)
            for role in sorted(told.event.dates or ())
            if (when := date_of(told, role)) is not None
        },
        "event": told.id,
        "files": _files(telling),
        "index": told.index,
        "kind": told.kind,
        "ledger": found.letters[telling.fingerprint],
        "responses": [_response(each) for each in row.responses[place]],
        "sentence": sentence(told, book.by_id),
    }
    bracket = book.brackets.get(told.id)
    if bracket is not None:
        known = (("after_s", bracket.after_s), ("by_s", bracket.by_s))
        value["signed"] = {name: time for name, time in known if time is not None}
    optional: tuple[tuple[str, Plain | None], ...] = (
        ("title", title_of(told)),
        ("closed_claims", list(told.unopened)),
        ("unread_dates", list(unread_dates(told))),
        ("disowned", "yes" if told.disowned else None),
    )
    return value | {name: each for name, each in optional if each}


def _response(response: Response) -> Plain:
    value: dict[str, Plain] = {
        "field": response.field,
        "party": response.party,
        "stance": response.stance,
    }
    if response.items is not None:
        value["items"] = [list(each) for each in response.items]
    if response.value is not None:
        value["value"] = response.value
    return value | {"disowned": "yes"} if response.disowned else value


def _files(telling: Telling) -> Plain:
    return [{"claim": name, "sha256": digest} for name, digest in telling.documents]


def _date(when: When, phrase: str | None) -> Plain:
    value: dict[str, Plain] = {"basis": when.basis, "edtf": when.edtf, **_days(when)}
    return value if phrase is None else value | {"phrase": phrase}


def _days(when: When) -> dict[str, Plain]:
    value: dict[str, Plain] = {"text": format_when(when)}
    for name, day in (("earliest", when.earliest), ("latest", when.latest)):
        if day is not None:
            value[name] = day.isoformat()
    return value
