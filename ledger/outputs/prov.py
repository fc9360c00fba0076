"""The chronology as PROV-JSON, for archives.

    prov:Entity     an assertion (one event as its author signed it), a document, the chronology
    prov:Activity   what an assertion tells to have happened
    prov:Agent      a party, or a post of one

An assertion is attributed to the party that signed it. What it tells is an activity, with whom it
names associated; who acted for others acted on their behalf. Links are derivations. An activity has
a start only where its moment is known: else its bounds stand as attributes of ours.

Source: W3C PROV-DM, PROV-JSON (W3C member submission of 24 April 2013).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from ledger.outputs.table import Row, Table, instant_words
from ledger.wording import actor_words, party_of

__all__ = ["NAMESPACE", "prov_json"]

NAMESPACE: Final = "urn:counterfoil:prov:1:"
"""Of the names that are ours."""

Value = str | int | dict[str, str]
Record = dict[str, Value | list[Value]]
Records = dict[str, Record]


def prov_json(table: Table) -> bytes:
    """Write the table."""
    document = {"prefix": {"cf": NAMESPACE}, **_Document(table).records()}
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2)


class _Document:
    """A document that grows: each record once, by its name."""

    def __init__(self, table: Table) -> None:
        self._found: dict[str, Records] = {}
        self._add("entity", "chronology", _about(table))
        for row in table.rows:
            self._row(row)

    def records(self) -> dict[str, Records]:
        return self._found

    def _row(self, row: Row) -> None:
        assertion, act = f"assertion-{row.ref}", f"act-{row.ref}"
        self._add("entity", assertion, _assertion(row))
        self._add("activity", act, _act(row))
        self._relate("wasDerivedFrom", generatedEntity="chronology", usedEntity=assertion)
        self._relate("wasAttributedTo", entity=assertion, agent=self._agent(row.asserted_by))
        self._relate("wasInfluencedBy", influencee=assertion, influencer=act)
        actors = [self._agent(actor) for actor in row.from_]
        for actor in actors:
            self._relate("wasAssociatedWith", activity=act, agent=actor)
        for principal in row.on_behalf_of:
            responsible = self._agent(principal)
            if not actors:
                self._relate("wasAssociatedWith", activity=act, agent=responsible)
            for actor in actors:
                self._relate(
                    "actedOnBehalfOf", delegate=actor, responsible=responsible, activity=act
                )
        for source in row.sources:
            if source.sha256 is None:
                continue
            document = f"document-{source.sha256}"
            self._add("entity", document, _document(source.name, source.sha256))
            self._relate("wasDerivedFrom", generatedEntity=assertion, usedEntity=document)
        for link in row.links:
            other = f"assertion-{link.event}"
            self._add("entity", other, {"prov:type": _name("Assertion")})
            self._relate("wasDerivedFrom", generatedEntity=assertion, usedEntity=other)

    def _agent(self, actor: str) -> str:
        """Name an actor: "rutland/leader" acts for "rutland"."""
        name = f"actor-{actor.replace('/', '.')}"
        party = party_of(actor)
        self._add("agent", name, {"prov:label": actor_words(actor), "cf:party": party})
        if party != actor:
            self._relate("actedOnBehalfOf", delegate=name, responsible=self._agent(party))
        return name

    def _add(self, kind: str, name: str, record: Record) -> None:
        records = self._found.setdefault(kind, {})
        # A link may have named an assertion before its own row came.
        if len(record) >= len(records.get(f"cf:{name}", ())):
            records[f"cf:{name}"] = record

    def _relate(self, relation: str, **ends: str) -> None:
        record: Record = {f"prov:{end}": f"cf:{name}" for end, name in ends.items()}
        # No name of a party or post has this character, so that no two relations are one.
        name = "_".join((f"_:{relation}", *ends.values()))
        self._found.setdefault(relation, {})[name] = record


def _name(name: str) -> dict[str, str]:
    return {"$": f"cf:{name}", "type": "prov:QUALIFIED_NAME"}


def _about(table: Table) -> Record:
    return {
        "prov:type": _name("Chronology"),
        "prov:label": table.footer.what,
        "cf:ledger": table.footer.origin,
        "cf:fingerprint": table.footer.fingerprint,
        "cf:size": table.footer.size,
        "cf:root": table.footer.root,
        "cf:footer": "\n".join(table.footer.lines()),
    }


def _assertion(row: Row) -> Record:
    record: Record = {
        "prov:type": _name("Assertion"),
        "prov:label": row.event,
        "cf:kind": row.kind,
        "cf:entry": row.seq,
        "cf:status": row.status_text,
        "cf:recorded": {"$": row.recorded_at, "type": "xsd:dateTime"},
    }
    if row.positions:
        record["cf:position"] = list(row.positions)
    if row.grades:
        record["cf:grade"] = [f"{each.element}: {each.name}" for each in row.grades]
    return record


def _act(row: Row) -> Record:
    record: Record = {"prov:type": _name(row.kind)}
    date = row.date
    if date is None:
        return record
    if date.at_s is not None:
        record["prov:startTime"] = instant_words(date.at_s * 1000)
    record["cf:edtf"] = date.edtf
    record["cf:date"] = date.text
    record |= dict(_bounds(row))
    return record


def _bounds(row: Row) -> Iterator[tuple[str, Value]]:
    if row.date is not None:
        for name, day in (("earliest", row.date.earliest), ("latest", row.date.latest)):
            if day is not None:
                yield f"cf:{name}", {"$": day.isoformat(), "type": "xsd:date"}


def _document(name: str, sha256: str) -> Record:
    return {"prov:type": _name("Document"), "prov:label": name, "cf:sha256": sha256}
