"""`counterfoil contradictions`: what does not fit, is missing, or may be counted twice."""

from __future__ import annotations

import pytest

from tests.ledger.commandline import Desk, part, rows

AS_AT = ("--as-at", "2025-11-28")


def test_tells_what_is_missing_alike_of_a_ledger_and_its_export(desk: Desk) -> None:
    request, letter = desk.filled()
    desk.done("export", "ledger", "export")
    for folder in ("ledger", "export"):
        fold = part(desk.done("contradictions", folder, *AS_AT)["contradictions"])
        found = [(row["rule"], row["events"], row["tellings"]) for row in rows(fold["rows"])]

        told = ["established", "as told by rutland"]
        assert [
            ("unanswered", [request], told),
            ("no_year", [request], told[1:]),
        ] == found
        assert 2 == fold["looked_at"]
        text = desk("contradictions", folder, *AS_AT).out
        assert "rutland asked county for data, 8th April (8 April 2025)" in " ".join(text.split())
        assert letter not in text


def test_tells_only_of_a_kind_or_a_telling(desk: Desk) -> None:
    desk.filled()
    for words in (("--kind", "order"), ("--party", "county")):
        ran = desk("contradictions", "ledger", *AS_AT, *words)
        fold = part(desk.done("contradictions", "ledger", *AS_AT, *words)["contradictions"])

        assert [] == fold["rows"]
        assert "Nothing, in 2 events." in ran.out
    fold = part(desk.done("contradictions", "ledger", *AS_AT, "--kind", "gap")["contradictions"])
    assert {"gap"} == {row["kind"] for row in rows(fold["rows"])}


@pytest.mark.parametrize(("words", "part_"), [
    (("--kind", "frob"), "--kind"),
    (("--party", "rutland/leader"), "--party: 'rutland/leader' is no name here"),
])  # fmt: skip
def test_what_cannot_be_asked_is_named(desk: Desk, words: tuple[str, ...], part_: str) -> None:
    desk.filled()
    ran = desk("contradictions", "ledger", *words)

    assert (2, "") == (ran.code, ran.out)
    assert part_ in ran.err
