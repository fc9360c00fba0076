"""`counterfoil knowledge`: who knew what, in all, on a day, or when something else was done."""

from __future__ import annotations

import pytest

from tests.ledger.commandline import Desk, rows


def test_tells_who_knew_what_on_a_day(desk: Desk) -> None:
    request, letter = desk.filled()
    values = desk.done("knowledge", "ledger", "--on", "2025-04-08")
    text = desk("knowledge", "ledger", "--on", "2025-04-08", "--of", letter[:12]).out

    fold = values["knew_on"]
    assert isinstance(fold, dict)
    found = {
        (row["of"], row["holder"], row["telling"]): row["answer"] for row in rows(fold["rows"])
    }
    # The letter was sent that day: its sender knew. Who got the request is its sender's word.
    assert "knew" == found[letter, "rutland", "established"]
    assert "knew" == found[request, "county", "as told by rutland"]
    assert "not established" == found[request, "county", "established"]
    assert "Who knew what at the end of 8 April 2025" in text
    assert "rutland: knew" in text
    assert "established: county" not in text


def test_tells_whether_a_party_knew_when_something_was_done(desk: Desk) -> None:
    request, letter = desk.filled()
    desk.done("export", "ledger", "export")
    words = ("--of", request[:10], "--when", letter[:10].upper())
    for folder in ("ledger", "export"):
        found = rows(desk.done("knowledge", folder, *words)["knew_before"])

        assert [("rutland", "established"), ("rutland", "as told by rutland")] == [
            (row["holder"], row["telling"]) for row in found
        ]
        assert {"not established"} == {row["answer"] for row in found}
    text = desk("knowledge", "ledger", *words, "--party", "county").out
    assert "Did county know of entry 3 when entry 4 was done?" in text


def test_tells_only_of_a_party(desk: Desk) -> None:
    desk.filled()
    values = desk.done("knowledge", "ledger", "--on", "2025-04-08", "--party", "county")
    fold = values["knew_on"]

    assert isinstance(fold, dict)
    assert {"county"} == {row["holder"] for row in rows(fold["rows"])}
    plain = desk.done("knowledge", "ledger", "--party", "county/clerk")["knowledge"]
    assert isinstance(plain, dict)
    assert [] == plain["rows"]


@pytest.mark.parametrize(("words", "part_"), [
    (("--when", "00"), "--when: goes with --of, and without --on"),
    (("--when", "00", "--of", "00", "--on", "2025-04-08"), "--when: goes with --of"),
    (("--of", "zz"), "is no event id"),
    (("--of", "f" * 64), "begins with"),
    (("--on", "2025-02-30"), "--on: '2025-02-30' is no day"),
    (("--party", "Rutland"), "--party: 'Rutland' is no name here"),
    (("--party", "rutland/"), "--party: '' is no name here"),
    (("--party", "rutland/a/b"), "--party: 'a/b' is no name here"),
])  # fmt: skip
def test_what_cannot_be_asked_is_named(desk: Desk, words: tuple[str, ...], part_: str) -> None:
    desk.filled()
    ran = desk("knowledge", "ledger", *words)

    assert (2, "") == (ran.code, ran.out)
    assert part_ in ran.err
