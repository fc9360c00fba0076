"""Reading from the command line: the same from a ledger and from an export of it."""

from __future__ import annotations

import json

import pytest

from ledger import layout
from tests.ledger.commandline import READERS, Desk, part, rows


@pytest.mark.parametrize("command", READERS)
def test_a_ledger_and_its_export_read_alike(desk: Desk, command: str) -> None:
    desk.filled()
    desk.done("export", "ledger", "export")

    assert desk.done(command, "ledger") == desk.done(command, "export")
    assert desk(command, "ledger").out == desk(command, "export").out
    assert desk(command, "ledger").out.endswith("\n")


@pytest.mark.parametrize("words", [
    ("chronology", "ledger"),
    ("requests", "ledger"),
    ("knowledge", "ledger"),
    ("ask", "ledger"),
    ("positions", "ledger"),
    ("contradictions", "ledger"),
    ("changes", "ledger", "--since-size", "3"),
    ("queue", "ledger", "--party", "county"),
    ("reconcile", "export", "other", "--out", "together"),
])  # fmt: skip
def test_whatever_begins_a_line_stands_where_nothing_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """What goes on hangs by an odd number: so nobody's words can pass for a line of ours."""
    desk.filled()
    for folder in ("export", "other"):
        desk.done("export", "ledger", folder)
    indents, broken = [], layout._wrapped

    def note(text: str, width: int, indent: int, hanging: int) -> list[str]:
        indents.extend([indent] if hanging else [])
        return broken(text, width, indent, hanging)

    monkeypatch.setattr(layout, "_wrapped", note)
    ran = desk(*words)

    assert 0 == ran.code
    assert {0} == {indent % 2 for indent in indents}


def test_an_export_that_is_not_valid_is_not_read(desk: Desk) -> None:
    desk.filled()
    desk.done("export", "ledger", "export")
    lines = desk.folder / "export" / "disclosures.jsonl"
    lines.write_bytes(lines.read_bytes().replace(b"Data was asked", b"Love was asked"))
    for command in (*READERS, "show"):
        ran = desk(command, "export", *(["0"] if command == "show" else []))

        assert 1 == ran.code
        assert "export is not a valid export: [703]" in ran.err
        assert "" == ran.out


@pytest.mark.parametrize(("words", "part_"), [
    (("list", "nowhere"), "nowhere: no such folder"),
    (("list", "draft.yaml"), "draft.yaml: is a file, not the folder of a ledger"),
    (("list", "rutland.key.d"), "is neither a ledger (with ledger.mdb) nor an export"),
    (("list", "https://ledger.example/x"), "https://ledger.example/x: a URL needs --fingerprint"),
    (("list", "garbage"), "garbage/ledger.mdb: cannot be opened"),
    (("list", "folder"), "folder/ledger.mdb: is not a plain file"),
    (("list", "ledger", "--at-size", "0"), "--at-size"),
    (("list", "ledger", "--at-size", "-1"), "--at-size"),
    (("list", "ledger", "--at-size", "99"), "--at-size 99: ledger has 5 entries"),
    (("list", "export", "--at-size", "99"), "--at-size 99: export has 5 entries"),
    (("list", "ledger", "--at-size", "9" * 5000), "--at-size"),
    (("list", "ledger", "--kind", "frob"), "--kind"),
    (("chronology", "ledger", "--as-at", "2025-13-01"), "--as-at: '2025-13-01' is no day"),
    (("chronology", "ledger", "--as-at", "20250101"), "--as-at"),
    (("chronology", "ledger", "--width", "1000000000"), "--width"),
    (("chronology", "ledger", "--width", "1"), "--width"),
    (("requests", "ledger", "--what-if", "none"), "--what-if"),
    (("show", "ledger", "ffffffffffff"), "begins with ffffffffffff"),
    (("show", "export", "ffffffffffff"), "begins with ffffffffffff"),
    (("show", "ledger", "0" * 65), "is no event id"),
    (("show", "ledger", ""), "is no event id"),
    (("show", "ledger", "3"), "3 may be an entry's number"),
    (("show", "export", "999"), "999 may be an entry's number"),
])  # fmt: skip
def test_what_cannot_be_read_is_named(desk: Desk, words: tuple[str, ...], part_: str) -> None:
    desk.filled()
    desk.done("export", "ledger", "export")
    (desk.folder / "garbage").mkdir()
    (desk.folder / "garbage" / "ledger.mdb").write_bytes(b"garbage" * 9999)
    (desk.folder / "folder" / "ledger.mdb").mkdir(parents=True)
    ran = desk(*words)

    assert (2, "") == (ran.code, ran.out)
    assert part_ in ran.err


def test_shows_an_event_by_the_start_of_its_id(desk: Desk) -> None:
    ids = desk.filled()
    desk.done("export", "ledger", "export")
    for folder in ("ledger", "export"):
        shown = desk.done("show", folder, ids[0][:10].upper())

        assert ids[0] == shown["id"]
        assert "rutland" == shown["author"]
        assert "A. Clerk" == part(shown["claims"])["person.1"]


def test_what_was_erased_is_not_said_to_be_closed(desk: Desk) -> None:
    desk.found("--notice-days", "0")
    letter = "kind: communication, channel: letter, label: letter"
    claims = "claims: {title: A letter., persons: [A. Clerk]}"
    erasure = "kind: erasure, of: letter, names: [person.1], ground: court_order"
    text = f"counterfoil: draft/v1\nevents: [{{{letter}, {claims}}}, {{{erasure}}}]\n"
    desk.write("letter.yaml", text)
    sent = desk.done("record", "ledger", "letter.yaml", "--key", "county.key")
    event_id = str(rows(sent["recorded"])[0]["event"])
    desk.done("answer", "ledger", event_id, "agree", "--key", "county.key")
    shown, told = desk("show", "ledger", event_id).out, desk.done("show", "ledger", event_id)

    assert "\nErased: person.1\n" in shown
    assert "Not open here" not in shown
    assert (["person.1"], ["person.1"]) == (told["erased"], told["unopened"])
    assert "erased of it: person.1" in str(desk.done("chronology", "ledger")["chronology"])


def test_no_text_of_a_party_moves_the_cursor_or_passes_for_ours(desk: Desk) -> None:
    ids = desk.filled()
    for words in (("show", "ledger", ids[1]), ("list", "ledger"), ("chronology", "ledger")):
        ran = desk(*words)

        assert 0 == ran.code
        assert "\x1b" not in ran.out
        assert "\nStatus: agreed by everybody" not in ran.out
    assert r"\x1b[31mred\x1b[0m" in desk("show", "ledger", ids[1]).out
    assert "first line\n    | Status: agreed by everybody\n" in desk("show", "ledger", ids[1]).out


def test_no_text_of_a_party_is_broken_by_a_terminal_to_begin_as_ours_does(desk: Desk) -> None:
    desk.filled()
    text = f"{'x' * 71} Status: agreed by everybody, {'y' * 200}"
    claims = {"title": text, "text": text, "files": [{"path": "a", "name": text[:250]}]}
    event = {"kind": "communication", "channel": "letter", "label": "wide", "claims": claims}
    (desk.folder / "a").write_bytes(b"a")
    (desk.folder / "wide.json").write_text(
        json.dumps({"counterfoil": "draft/v1", "author": "rutland", "events": [event]})
    )
    done = desk.done("record", "ledger", "wide.json", "--key", "rutland.key")
    (event_id,) = (str(one["event"]) for one in rows(done["recorded"]))
    shown = desk("show", "ledger", event_id).out.partition("\n\nStatus: ")[0]

    assert "Status: agreed by everybody" in " ".join(shown.split())
    assert all(len(line) <= 80 for line in shown.splitlines() if not line.startswith('    "'))
    assert all(len(line) <= 80 for line in desk("list", "ledger").out.splitlines())


def test_a_deadline_stands_with_its_working_and_calendar(desk: Desk) -> None:
    desk.filled()
    text = desk("requests", "ledger", "--as-at", "2025-06-01").out
    values = desk.done("requests", "ledger", "--as-at", "2025-06-01")

    assert "9 May 2025" in text
    assert "Freedom of Information Act 2000" in " ".join(text.split())
    assert "holidays" in text
    assert "'due': '2025-05-09'" in str(values)
    assert "'working': [" in str(values)
    assert "'calendar': 'holidays" in str(values)


def test_a_deadline_can_be_worked_out_under_another_rule(desk: Desk) -> None:
    ids = desk.filled()
    ran = desk("requests", "ledger", "--what-if", "sar_1_month", "--as-at", "2025-06-01")
    what_if = part(
        desk.done("requests", "ledger", "--what-if", "sar_1_month", "--as-at", "2025-05-01")[
            "what_if"
        ]
    )
    case = rows(what_if["requests"])[0]

    assert "What if sar_1_month applied" in ran.out
    assert "Past on 2025-06-01: yes" in ran.out
    assert (ids[0], "no") == (case["request"], case["past"])
    assert "2025-05-08" == part(part(case["deadlines"])["earliest"])["due"]


def test_the_working_is_printed_day_by_day(desk: Desk) -> None:
    request, _ = desk.filled()
    words = ("requests", "ledger", "--working", "--as-at", "2025-05-10")
    ran, done = desk(*words), desk.done(*words, "--what-if", "sar_1_month")
    at_once = desk("requests", "ledger", "--at-size", "3", "--working")

    assert "Deadlines, day by day" in ran.out
    assert "2025-04-18 Friday: Good Friday" in ran.out
    assert "2025-05-09 Friday: working day 20" in ran.out
    assert "Past on 2025-05-10: yes" in ran.out
    assert [request] == [each["request"] for each in rows(done["working"])]
    case = rows(part(done["what_if"])["requests"])[0]
    assert "2025-05-08 Thursday: the day itself" in str(case["working"])
    assert "No clock runs." in at_once.out


def test_an_earlier_size_reads_as_it_read_then(desk: Desk) -> None:
    ids = desk.filled()
    before = desk.done("chronology", "ledger", "--as-at", "2025-06-20")
    desk.done("answer", "ledger", ids[0], "received", "--key", "county.key")
    at_size = ("--at-size", "5", "--as-at", "2025-06-20")

    assert before == desk.done("chronology", "ledger", *at_size)
    assert before != desk.done("chronology", "ledger", "--as-at", "2025-06-20")


def test_lists_what_is_asked_for(desk: Desk) -> None:
    desk.filled()
    mine = rows(desk.done("list", "ledger", "--party", "rutland")["events"])
    requests = rows(desk.done("list", "ledger", "--kind", "request")["events"])

    assert {"rutland"} == {one["author"] for one in mine}
    assert ["request"] == [one["kind"] for one in requests]
    for width in (80, 120):
        lines = desk("list", "ledger", "--width", str(width)).out.splitlines()

        assert width >= max(map(len, lines))


@pytest.mark.parametrize("words", [
    ("list", "--party"), ("chronology", "--party"), ("queue", "--party"), ("positions", "--party"),
    ("ask", "--party"), ("ask", "--told-by"), ("agreements", "--bound"), ("knowledge", "--party"),
    ("contradictions", "--party"), ("output", "--format", "csv", "--out", "o.csv", "--telling"),
], ids=" ".join)  # fmt: skip
def test_a_party_that_is_misspelt_is_not_said_to_have_nothing(
    desk: Desk, words: tuple[str, ...]
) -> None:
    desk.filled()
    ran = desk(words[0], "ledger", *words[1:], "rutlnad")

    assert (2, "") == (ran.code, ran.out)
    assert "counterfoil: nothing in ledger names 'rutlnad'; did you mean 'rutland'?\n" == ran.err
    assert 0 == desk(words[0], "ledger", *words[1:], "rutland").code


def test_who_was_bound_after_the_day_that_is_read_is_no_question_yet(desk: Desk) -> None:
    desk.filled()
    asked = ("agreements", "ledger", "--bound", "rutland", "--on", "2026-01-02")
    ran = desk(*asked, "--as-at", "2026-01-01")

    assert (2, "") == (ran.code, ran.out)
    assert "--on: 2026-01-02 is after 2026-01-01, as at which this is read" in ran.err
    assert 0 == desk(*asked, "--as-at", "2026-01-02").code


@pytest.mark.parametrize("command", ["list", "chronology", "queue", "positions"])
def test_a_post_is_not_said_to_have_nothing_where_parties_are_asked_for(
    desk: Desk, command: str
) -> None:
    desk.filled()
    ran = desk(command, "ledger", "--party", "rutland/leader")

    assert (2, "") == (ran.code, ran.out)
    assert "argument --party: 'rutland/leader' is no name here" in ran.err


def test_a_chronology_can_be_json_by_its_format(desk: Desk) -> None:
    desk.filled()
    by_format = desk("chronology", "ledger", "--format", "json")

    assert by_format.values == desk.done("chronology", "ledger")


def test_any_day_will_do(desk: Desk) -> None:
    desk.filled()
    for as_at in ("0001-01-01", "1582-10-15", "9999-12-31"):
        for command in READERS[1:-1]:
            ran = desk(command, "ledger", "--as-at", as_at)

            assert (0, "") == (ran.code, ran.err)


def test_one_request_is_told_as_among_all(desk: Desk) -> None:
    ids = desk.filled()
    whole = desk.done("requests", "ledger", "--as-at", "2025-06-01")
    one = rows(rows(whole["requests"])[0]["rows"])[0]
    told = desk.done("requests", "ledger", "--as-at", "2025-06-01", "--id", str(one["id"])[:12])

    assert len(rows(whole["requests"])) == len(rows(told["requests"]))
    for among_all, alone in zip(rows(whole["requests"]), rows(told["requests"]), strict=True):
        found = [row for row in rows(among_all["rows"]) if row["id"] == one["id"]]
        assert found == rows(alone["rows"])
    other = next(each for each in ids if each != one["id"])
    assert "is no request" in desk("requests", "ledger", "--id", other).err


def test_a_queue_and_positions_are_told(desk: Desk) -> None:
    ids = desk.filled()
    queue = part(
        desk.done("queue", "ledger", "--party", "rutland", "--as-at", "2025-06-01")["queue"]
    )
    text = desk("queue", "ledger", "--party", "rutland", "--as-at", "2025-06-01").out

    assert queue["total"] == len(rows(queue["rows"]))
    assert text.startswith("What awaits rutland as at 2025-06-01\n")
    assert all(str(row["id"])[:16] in text for row in rows(queue["rows"]))
    assert "--party" in desk("queue", "ledger").err
    found = rows(
        part(desk.done("positions", "ledger", "--event", ids[0][:12])["positions"])["rows"]
    )
    assert [ids[0]] == [row["id"] for row in found]
    assert "That it happened: not yet answered" in desk("positions", "ledger").out
