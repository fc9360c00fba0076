"""PROV-JSON, read back by the library `prov`; and the JSON view."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from prov.model import (
    ProvAgent,
    ProvAssociation,
    ProvAttribution,
    ProvDelegation,
    ProvDocument,
    ProvEntity,
)

from ledger.outputs.json_view import json_view
from ledger.outputs.prov import NAMESPACE, prov_json
from ledger.outputs.table import Choice, Table
from tests.ledger.outputs.hostile import TEXTS, every_date, hostile_table
from tests.ledger.outputs.test_table import founding_table


def document(table: Table) -> ProvDocument:
    return ProvDocument.deserialize(content=prov_json(table).decode(), format="json")


def names(found: ProvDocument, kind: type[Any]) -> set[str]:
    return {str(record.identifier).partition(":")[2] for record in found.get_records(kind)}


def test_every_row_is_an_assertion_of_the_party_that_signed_it() -> None:
    found, table = document(founding_table()), founding_table()
    attributed = {
        (str(each.args[0].localpart), str(each.args[1].localpart))
        for each in found.get_records(ProvAttribution)
    }

    assert {
        (f"assertion-{row.ref}", f"actor-{row.asserted_by}") for row in table.rows
    } == attributed
    assert NAMESPACE == next(iter(found.namespaces)).uri


def test_names_that_run_into_each_other_are_told_apart() -> None:
    table = founding_table()
    by, whom = ("alpha-actor-beta", "alpha"), ("gamma", "beta-actor-gamma")
    row = replace(table.rows[0], from_=by, on_behalf_of=whom)
    found = document(replace(table, rows=(row,)))

    assert len(by) * len(whom) == len(list(found.get_records(ProvDelegation)))


def test_whom_a_row_names_is_associated_with_what_it_tells() -> None:
    (row,) = (row for row in founding_table().rows if row.seq == 1)
    associated = {
        str(each.args[1].localpart)
        for each in document(founding_table()).get_records(ProvAssociation)
        if each.args[0].localpart == f"act-{row.ref}"
    }

    assert {"actor-leicestershire.acting-leader"} == associated
    assert "actor-leicestershire" in names(document(founding_table()), ProvAgent)


def test_what_is_written_comes_back() -> None:
    for table in (founding_table(), every_date()):
        found = document(table)
        again = ProvDocument.deserialize(content=found.serialize(format="json"), format="json")

        assert found == again
        assert {f"assertion-{row.ref}" for row in table.rows} <= names(found, ProvEntity)


@settings(max_examples=15, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_hostile_texts_come_back_whole(texts: list[str]) -> None:
    table = hostile_table(texts)
    labels = {each.label for each in document(table).get_records(ProvEntity)}

    assert {row.event for row in table.rows} <= labels


@settings(max_examples=15, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_the_json_view_holds_every_row(texts: list[str]) -> None:
    table = hostile_table(texts, choice=Choice(grades=True))
    view = json.loads(json_view(table))

    assert [row.event for row in table.rows] == [row["event"] for row in view["chronology"]]
    assert [list(row.from_) for row in table.rows] == [row["from"] for row in view["chronology"]]
    assert view["chronology"][0]["grades"][0]["reason"]


def test_the_json_view_ends_with_the_footer() -> None:
    view = json.loads(json_view(founding_table()))

    assert ["chronology", "deadlines", "footer"] == list(view)
    assert list(founding_table().footer.lines()) == view["footer"]["lines"]
    assert {"count": 1, "why": "acts of governance"} in view["footer"]["left_out"]
    assert founding_table().footer.root == view["footer"]["root"]
