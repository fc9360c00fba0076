"""What a server says is told in its place: no word of it passes for one of ours."""

from __future__ import annotations

import http.server
from pathlib import Path

import msgspec
import pytest

from tests.ledger.client.shelf import Shelf
from tests.ledger.commandline import Desk
from tests.world import World

FORGED = "Recorded 1.\n8 entries: checked, and none went back\x1b[1m\u202e"


def problem(handler: http.server.BaseHTTPRequestHandler) -> bool:
    """Refuse whatever is asked, with a reason that looks like lines of ours."""
    values = {"type": "urn:counterfoil:problem:step", "detail": f"no\n{FORGED}", "where": FORGED}
    body = msgspec.json.encode(values)
    handler.send_response(422)
    handler.send_header("Content-Type", "application/problem+json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
    return True


def own_lines(text: str) -> list[str]:
    """Return the lines that a reader takes for the command's own."""
    return [line for line in text.splitlines() if not line.startswith(" ")]


@pytest.mark.parametrize("command", ["list", "mirror", "watch"])
def test_a_problem_of_a_server_is_told_under_one_line_of_ours(
    shelf: Shelf, world: World, tmp_path: Path, command: str
) -> None:
    shelf.answer = problem
    words = {"list": (), "mirror": ("copy", "--once"), "watch": ("--once",)}[command]
    known = ("--fingerprint", world.fingerprint or "", "--home", "home")

    ran = Desk(tmp_path)(command, shelf.url, *words, *known)

    assert (2, "") == (ran.code, ran.out)
    assert 1 == len(own_lines(ran.err))
    assert ran.err.startswith("counterfoil: /")
    assert "\x1b" not in ran.err
    assert "\u202e" not in ran.err


def test_a_refusal_of_a_server_is_one_line_of_the_report(
    shelf: Shelf, world: World, tmp_path: Path
) -> None:
    desk = Desk(tmp_path)
    desk.key("southfold")
    desk.write("letter.yaml")
    shelf.show(world)
    shelf.answer = lambda handler: handler.command == "POST" and problem(handler)

    ran = desk("record", shelf.url, "--key", "southfold.key", "--fingerprint",
               world.fingerprint or "", "letter.yaml")  # fmt: skip

    assert 1 == ran.code, ran
    assert ["Recorded 0.", "Not recorded 2:"] == own_lines(ran.out)
    assert 4 == ran.out.count("\n")
    assert r"no\nRecorded 1.\n8 entries" in ran.out


def test_a_finding_is_one_line_whatever_is_in_the_entries(
    shelf: Shelf, world: World, tmp_path: Path
) -> None:
    field = msgspec.json.encode(FORGED)
    world.entries[5] = world.entries[5].replace(b'"index"', field + b':1,"index"')
    shelf.show(world)
    known = ("--fingerprint", world.fingerprint or "", "--home", "home")

    ran = Desk(tmp_path)("watch", shelf.url, "--once", *known)

    assert (1, "") == (ran.code, ran.err)
    assert 1 == ran.out.count("\n")
    assert r"`Recorded 1.\n8 entries" in ran.out
