"""A running server that is shown another history by a witness: what is proven stops it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.problems import PREFIX
from ledger.disputes import keep_dispute
from ledger.feeding import WITNESSES_FILE
from ledger.ledger import Ledger
from tests.api.serving import Got, Site, read_from
from tests.api.town import EndedError, Town, found, running, summary, until
from tests.ledger.answering import SIZE, answering, http
from tests.ledger.builder import new_log_key
from tests.ledger.commandline import process, rows
from verify.checkpoint import parse_signed
from verify.note import format_note, parse_note


@contextmanager
def twin(town: Town) -> Iterator[Site]:
    """Serve a copy of the ledger, which feeds the same witnesses."""
    path = town.folder / "twin"
    shutil.copy(town.path / WITNESSES_FILE, path)
    with running("serve", str(path), log=town.folder / "twin.log") as (port, _):
        yield Site(port)


def detail(got: Got) -> str:
    assert 503 == got.status
    return got.problem.detail


def fork(town: Town, site: Site, *, ahead: int) -> None:
    """Have a copy of the ledger sign another entry 1, and more; then record an entry 1 here."""
    shutil.copytree(town.path, town.folder / "twin")
    documents = town.letters(2 + ahead)
    with twin(town) as other:
        for document in documents[1:]:
            assert 201 == other.post(document).status
        until(lambda: summary(other)["a"]["size"] == 2 + ahead)
    assert 201 == site.post(documents[0]).status
    until(lambda: "a ledger has stopped" in reason(site.get("/readyz")))


def reason(got: Got) -> str:
    return "" if got.status == 200 else detail(got)


def test_what_the_log_key_signed_elsewhere_stops_the_ledger(tmp_path: Path) -> None:
    town = found(tmp_path, ["a"], 1, visibility="public")
    document = town.letters(1)[0]
    with Ledger.open(town.path, read_only=True) as ledger:
        known = ("--fingerprint", ledger.fingerprint)
    with town.witness("a"):
        with town.served() as site:
            until(lambda: summary(site)["a"]["size"] == 1)
            fork(town, site, ahead=0)
            refused = site.post(document)
            paths = ("/healthz", "/checkpoint", "/chronology", "/witnesses")
            read = [site.get(path).status for path in paths]
            last = parse_signed(site.get("/checkpoint").body)[0].size
            why = detail(site.get("/readyz"))
        with pytest.raises(EndedError) as ended, town.served():
            pass
        (dispute,) = rows(process(tmp_path, "--json", "disputes", "ledger").values["disputes"])
        decided = process(tmp_path, "disputes", "ledger", "--go-on", str(dispute["dispute"]))
        with town.served() as site:
            until(lambda: summary(site)["a"]["state"] == "disputed")
            after = site.post(document).status, site.get("/readyz").status
    shown = shutil.copy(tmp_path / str(dispute["proof"]), tmp_path / "elsewhere")
    command = [sys.executable, "-m", "verify", shown, *known]
    checked = subprocess.run(command, check=False, capture_output=True, text=True)

    assert (409, f"{PREFIX}disputed") == (refused.status, refused.problem.type)
    assert ([200] * 4, 2) == (read, last)
    assert "has signed another history" in why
    assert "records nothing more: its log key signed another history: disputes/" in town.log
    assert 1 == ended.value.status  # refused, not failed
    assert "`counterfoil disputes` says more" in ended.value.err
    assert (2, "open", 0) == (dispute["size"], dispute["state"], decided.code)
    assert 4 == checked.returncode, checked.stderr
    assert (201, 200) == after


def test_what_was_on_its_way_when_the_ledger_stopped_is_not_recorded(tmp_path: Path) -> None:
    town = found(tmp_path, ["a"], 1, visibility="public")
    with town.witness("a"), town.served() as site:
        until(lambda: summary(site)["a"]["size"] == 1)
        document = town.letters(1)[0]
        with socket.create_connection(("127.0.0.1", site.port), timeout=20) as slow:
            head = f"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(document)}"
            slow.sendall(f"{head}\r\nContent-Type: application/json\r\n\r\n".encode())
            slow.sendall(document[:100])
            fork(town, site, ahead=0)
            slow.sendall(document[100:])
            late = read_from(slow)
        file = site.ask("PUT", f"/files/{'0' * 64}", b"a file")
        last = parse_signed(site.get("/checkpoint").body)[0].size

    assert (409, f"{PREFIX}disputed") == (late.status, late.problem.type)
    assert (409, f"{PREFIX}disputed") == (file.status, file.problem.type)
    assert 2 == last


def test_what_the_log_key_signed_beyond_what_is_here_stops_the_ledger(tmp_path: Path) -> None:
    town = found(tmp_path, ["a"], 1, visibility="public")
    with town.witness("a"), town.served() as site:
        until(lambda: summary(site)["a"]["size"] == 1)
        fork(town, site, ahead=1)
        refused = site.post(town.letters(1)[0])
        until(lambda: "records nothing more" in town.log)
        (note,) = (town.path / "disputes").iterdir()  # of a larger tree the tiles are not here

    assert (409, f"{PREFIX}disputed") == (refused.status, refused.problem.type)
    assert (".note", 3) == (note.suffix, parse_signed(note.read_bytes())[0].size)


def test_a_command_says_what_stops_it_though_what_shows_it_cannot_be_kept(tmp_path: Path) -> None:
    town = found(tmp_path, ["a"], 1, visibility="public")
    old = shutil.copytree(town.path, tmp_path / "old")
    (old / "disputes").write_bytes(b"")  # in the place of the folder
    process(tmp_path, "key", "new", "alpha.key", "--party", "alpha", "--plain")
    with town.witness("a"):
        with town.served() as site:
            assert 201 == site.post(town.letters(1)[0]).status
            until(lambda: summary(site)["a"]["size"] == 2)
            shutil.copy(town.path / "witnesses", old / "witnesses")
        ran = process(tmp_path, "record", "old", "--key", "alpha.key")

    assert 1 == ran.code, ran
    assert "what shows it could not be kept: old/disputes: cannot be made a folder" in ran.err
    assert "is older than witness a: entry 1 was acknowledged and not here" in ran.err


@contextmanager
def both(one: Town, other: Town) -> Iterator[tuple[Site, Site, Site]]:
    """Serve two ledgers of one folder; give them, and what is neither's."""
    root = one.folder.parent / "root"
    for town, name in ((one, "one"), (other, "other")):
        town.place()
        shutil.copytree(town.path, root / name)
    with running("serve", str(root), log=one.folder / "log") as (port, _):
        yield Site(port, "/one"), Site(port, "/other"), Site(port)


def test_a_ledger_that_is_disputed_stops_no_other(tmp_path: Path) -> None:
    one, other = (found(tmp_path / n, ["a"], 0, visibility="public") for n in ("one", "other"))
    with Ledger.open(one.path, read_only=True) as ledger:
        text = parse_note(ledger.checkpoint()).text.replace(b"\n1\n", b"\n9\n")
        (line,) = parse_note(ledger.checkpoint()).signatures
        note = format_note(text, [line._replace(payload=new_log_key().sign(text))])
        keep_dispute(ledger, note)
    (mine,), (theirs,) = one.letters(1), other.letters(1)
    with both(one, other) as (disputed, sound, server):
        refused, taken = disputed.post(mine), sound.post(theirs)
        read = [disputed.get(path).status for path in ("/checkpoint", "/chronology")]
        ready = server.get("/readyz").status

    assert (409, f"{PREFIX}disputed") == (refused.status, refused.problem.type)
    assert (201, [200, 200], 200) == (taken.status, read, ready)
    assert "has signed another history" in refused.problem.detail
    assert "the ledger 'one' records nothing more" in one.log


def test_a_witness_that_knows_more_of_a_ledger_stops_no_other(tmp_path: Path) -> None:
    one, other = (found(tmp_path / n, ["a"], 0, visibility="public") for n in ("one", "other"))
    with answering(lambda p, _b: http(409, b"99\n", SIZE) if "add" in p else http(404)) as liar:
        one.urls["a"] = liar.url
        (mine,), (theirs,) = one.letters(1), other.letters(1)
        with both(one, other) as (disputed, sound, server):
            refused, taken = disputed.post(mine), sound.post(theirs)
            ready = server.get("/readyz").status

    assert (409, f"{PREFIX}disputed") == (refused.status, refused.problem.type)
    assert (201, 200) == (taken.status, ready)
    assert "a witness knew more of this ledger" in refused.problem.detail
    assert "the ledger 'one' records nothing more" in one.log


def test_what_the_log_key_did_not_sign_stops_nothing(tmp_path: Path) -> None:
    """A witness may lie, and name any size: it alone must not be able to stop a ledger."""
    town = found(tmp_path, ["a", "b"], 1, visibility="public")
    documents = town.letters(5)
    thief = new_log_key(7)
    with Ledger.open(town.path, read_only=True) as ledger:
        own = ledger.checkpoint()
    text, (line, *_) = parse_note(own)
    other = text.replace(b"\n1\n", b"\n99\n")
    forged = format_note(other, [line])
    stolen = format_note(other, [line._replace(payload=thief.sign(other))])
    with town.witness("a"), answering(lambda _p, _b: None) as liar:
        town.urls["b"] = liar.url
        town.place()
        with town.served() as site:
            for document, shown in zip(documents, (b"", forged, stolen, b"x"), strict=False):
                liar.answer = lambda path, _body, shown=shown: (  # type: ignore[misc]  # a default of a lambda
                    http(409, b"99\n", SIZE)
                    if path == "add-checkpoint"
                    else (http(200, shown) if shown else http(404))
                )
                until(lambda: summary(site)["b"]["state"] == "disputed")
                assert 201 == site.post(document).status
            unready = detail(site.get("/readyz"))

    assert "knows another history" in unready
    assert not (town.path / "disputes").exists()
