"""A served ledger and its witnesses, on real sockets; the ledger is two processes."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from api.clock import elapsed_ms, now_ms
from api.hosting import Hosting
from api.log import written
from api.recording import Here
from api.settings import Settings
from ledger.export import export
from ledger.feeding import WITNESSES_FILE, keys_of_charter
from ledger.keys import WitnessKey
from ledger.ledger import Ledger
from ledger.trusted import trusted_log
from ledger.witness import add_logs, create_witness
from tests.api.serving import Site, lasting_port
from tests.api.town import (
    ALPHA,
    HOUR_MS,
    EndedError,
    Town,
    found,
    running,
    size_of,
    summary,
    until,
    wait_for_quorum,
)
from tests.ledger.answering import (
    SIZE,
    Answering,
    answering,
    http,
)
from tests.ledger.builder import (
    new_charter,
    new_log_key,
    sign_document,
)
from tests.ledger.commandline import REQUEST, process, served
from verify.note import format_note, format_vkey, parse_note
from verify.receipt import parse_receipt, proof_of

UNCOSIGNED = "entry 5: no quorum of witnesses cosigned it in time"


def hang_until(event: threading.Event) -> Callable[[str, bytes], None]:
    def answer(_path: str, _body: bytes) -> None:
        event.wait()

    return answer


@contextlib.contextmanager
def hanging() -> Iterator[Answering]:
    event = threading.Event()
    with answering(hang_until(event)) as server:
        try:
            yield server
        finally:
            event.set()


def test_two_of_three_cosign_and_everything_shows_it(tmp_path: Path) -> None:
    town = found(tmp_path, ["a", "b", "c"], 2)
    documents = town.letters(2)
    with town.witness("a"), town.witness("b"), answering(lambda _p, _b: None) as absent:
        town.urls["c"] = absent.url
        with town.served() as site:
            plain = site.post(documents[0])
            waited, note = wait_for_quorum(site, documents[1])
            until(lambda: site.get("/checkpoint").headers["counterfoil-witnessed"] == "2/3")
            until(lambda: summary(site)["a"]["size"] == 3)
            latest, cosigned = site.get("/checkpoint"), site.get("/checkpoint/cosigned")
            told = summary(site)
            metrics = site.get("/metrics").body.decode()
            ready = site.get("/readyz").status
    with Ledger.open(town.path, read_only=True) as ledger:
        kept = list(ledger.notes())
        export(ledger, tmp_path / "export")

    assert ("quorum", ["a", "b"]) == (waited, town.cosigners(note))
    assert parse_note(proof_of(parse_receipt(plain.body)).checkpoint).signatures[1:] == ()
    assert ["a", "b"] == town.cosigners(latest.body) == town.cosigners(cosigned.body)
    assert "3" == latest.headers["counterfoil-witnessed-size"]
    assert {"cosigned": 2, "of": 3, "quorum": 2, "last": 3} == told[""]
    assert ("ok", 3) == (told["a"]["state"], told["a"]["size"])
    assert ("unanswered", 0) == (told["c"]["state"], told["c"]["size"])
    assert 'counterfoil_witness_lag_entries{ledger="",witness="c"} 3.0' in metrics
    assert 'counterfoil_witness_lag_entries{ledger="",witness="a"} 0.0' in metrics
    assert re.search(r'witness_failures{ledger="",reason="unanswered",witness="c"} [1-9]', metrics)
    assert 'counterfoil_witnessed_entries{ledger=""} 3.0' in metrics
    assert 200 == ready
    assert size_of(kept[-1]) == 3
    assert all(town.cosigners(one) for one in kept)
    assert len({size_of(one) for one in kept}) == len(kept)
    assert b"a.example" in (tmp_path / "export/checkpoints").read_bytes()
    assert absent.url not in town.log
    assert "the witness c of the ledger did not cosign: unanswered" in town.log


def test_a_witness_that_hangs_keeps_nobody_waiting(tmp_path: Path) -> None:
    town = found(tmp_path, ["a", "b"], 2)
    documents = town.letters(40)
    with town.witness("a"), hanging() as server:
        town.urls["b"] = server.url
        settings = {"COUNTERFOIL_WITNESS_TIMEOUT_S": "600", "COUNTERFOIL_WITNESS_WAIT_S": "2"}
        with town.served(**settings) as site:
            until(lambda: bool(server.asked))
            answers = [site.post(document) for document in documents]
            until(lambda: summary(site)["a"]["size"] == 41)
            waited, note = wait_for_quorum(site, documents[0])
            told = summary(site)
            latest = site.get("/checkpoint")
            none = site.get("/checkpoint/cosigned").status
        asked = len(server.asked)

    assert {201} == {got.status for got in answers}
    assert (1, 0) == (asked, told["b"]["size"])
    assert ("not-reached", ["a"]) == (waited, town.cosigners(note))
    assert ("1/2", 404) == (latest.headers["counterfoil-witnessed"], none)
    assert "the witness b of the ledger knows is not known" in town.log


def test_goes_on_marked_without_two_of_four_and_is_covered_when_they_return(
    tmp_path: Path,
) -> None:
    town = found(tmp_path, ["a", "b", "c", "d"], 3)
    documents = town.letters(3)
    with town.witness("a"), town.witness("b"), contextlib.ExitStack() as stack:
        ports = {name: lasting_port() for name in "cd"}
        for name, port in ports.items():
            stack.enter_context(town.witness(name, port))
        with town.served(COUNTERFOIL_WITNESS_WAIT_S="2") as site:
            assert 201 == site.post(documents[0]).status
            until(lambda: site.get("/checkpoint").headers["counterfoil-witnessed"] == "4/4")
            stack.close()
            assert 201 == site.post(documents[1]).status
            until(lambda: site.get("/checkpoint").headers["counterfoil-witnessed"] == "2/4")
            began_s = time.monotonic()
            waited, note = wait_for_quorum(site, documents[1])
            limit_s = time.monotonic() - began_s
            durable = site.post(documents[2])  # which does not wait
            until(lambda: site.get("/checkpoint").headers["counterfoil-witnessed"] == "2/4")
            behind, ready = site.get("/checkpoint"), site.get("/readyz").status
            until(lambda: {summary(site)[name]["state"] for name in "cd"} == {"unanswered"})
            for name, port in ports.items():
                stack.enter_context(town.witness(name, port))
            until(lambda: site.get("/checkpoint").headers["counterfoil-witnessed"] == "4/4")
            ahead = site.get("/checkpoint")
            covered = wait_for_quorum(site, documents[1])  # again: it is recorded

    assert ("not-reached", ["a", "b"]) == (waited, town.cosigners(note))
    assert limit_s >= 2  # COUNTERFOIL_WITNESS_WAIT_S, and then it is answered all the same
    assert 201 == durable.status
    assert ("2", 4, 200) == (
        behind.headers["counterfoil-witnessed-size"], size_of(behind.body), ready,
    )  # fmt: skip
    assert ("4", ["a", "b", "c", "d"]) == (
        ahead.headers["counterfoil-witnessed-size"], town.cosigners(ahead.body),
    )  # fmt: skip
    assert ("quorum", 4) == (covered[0], size_of(covered[1]))
    for name in "cd":
        assert f"the witness {name} of the ledger cosigns again" in town.log


def test_an_older_backup_does_not_begin_where_a_witness_knows_more(tmp_path: Path) -> None:
    town = found(tmp_path, ["a", "b"], 1)
    documents = town.letters(2)
    with town.witness("a"), answering(lambda _p, _b: None) as absent:
        town.urls["b"] = absent.url
        with town.served() as site:
            wait_for_quorum(site, documents[0])
        shutil.copytree(town.path, tmp_path / "old")
        with town.served() as site:
            wait_for_quorum(site, documents[1])
        shutil.rmtree(town.path)
        (tmp_path / "old").rename(town.path)
        before = (town.path / "ledger.mdb").read_bytes()
        with pytest.raises(EndedError) as caught, town.served():
            pass

    assert 1 == caught.value.status  # refused, not failed
    assert "older than witness a: entry 2 was acknowledged and not here" in caught.value.err
    assert before == (town.path / "ledger.mdb").read_bytes()


def test_what_was_cosigned_is_known_after_a_kill(tmp_path: Path) -> None:
    town = found(tmp_path, ["a", "b"], 2)
    document = town.letters(1)[0]
    log = tmp_path / "log"
    with town.witness("a"), town.witness("b"):
        town.place()
        with running("serve", str(town.path), log=log) as (port, pid):
            wait_for_quorum(Site(port), document)
            until(lambda: bool(kept(town)) and len(town.cosigners(kept(town)[-1])) == 2)
            os.kill(pid, signal.SIGKILL)
    (town.path / WITNESSES_FILE).unlink()
    town.urls.clear()
    with town.served() as site:
        latest, cosigned = site.get("/checkpoint"), site.get("/checkpoint/cosigned")
        tag = {"If-None-Match": cosigned.headers["etag"]}
        again = site.ask("GET", "/checkpoint/cosigned", headers=tag)
        told = summary(site)

    assert 304 == again.status
    assert "2/2" == latest.headers["counterfoil-witnessed"]
    assert ["a", "b"] == town.cosigners(cosigned.body)
    assert [False, False] == [told[name]["fed"] for name in ("a.example", "b.example")]


def test_what_goes_wrong_here_is_in_the_log_with_its_cause(tmp_path: Path) -> None:
    """Between the witness's answer and the next question the ledger is closed."""
    town = found(tmp_path, ["a"], 1)
    stream, begun = io.StringIO(), threading.Event()
    settings = Settings(witness_every_s=60)  # so it is not asked again meanwhile

    def close(_path: str, _body: bytes) -> bytes:
        begun.wait(30)
        ledger.close()
        return http(409, b"1\n", SIZE)

    with (
        answering(close) as server,
        Ledger.open(town.path, clock=now_ms) as ledger,
    ):
        town.urls["a"] = server.url
        town.place()
        with written(stream):
            hosting = Hosting(
                {"": ledger}, Here({"": ledger}, settings), settings,
                now_ms=now_ms, elapsed_ms=elapsed_ms,
            )  # fmt: skip
            begun.set()
            try:
                hosting.ask_witnesses()
                until(lambda: "did not cosign: failed" in stream.getvalue())
            finally:
                hosting.close()
    (line,) = [line for line in stream.getvalue().splitlines() if '"failure"' in line]
    told = msgspec.json.decode(line, type=dict[str, object])

    assert ("error", "StoreError") == (told["level"], told["error"])
    assert any("consistency_proof" in place for place in msgspec.convert(told["at"], list[str]))


def kept(town: Town) -> list[bytes]:
    with Ledger.open(town.path, read_only=True) as ledger:
        return list(ledger.notes())


def test_three_of_four_where_one_misbehaves(tmp_path: Path) -> None:
    """In turn it does each thing that a witness must not, and no use is made of any of it."""
    town = found(tmp_path, ["a", "b", "c", "d"], 3, visibility="public")
    own = town.keys["d"]
    other = WitnessKey.generate("d.example")

    def lines(key: WitnessKey, body: bytes, time_s: int) -> bytes:
        text = parse_note(body.partition(b"\n\n")[2]).text
        return format_note(text, [key.cosign(text, timestamp_s=time_s)])[len(text) + 1 :]

    answers: list[tuple[str, Callable[[str, bytes], bytes | None]]] = [
        ("refused", lambda _p, _b: http(409, b"no\n")),
        ("unknown-log", lambda _p, _b: http(403, b"no\n")),
        ("pushed-back", lambda _p, _b: http(429, b"no\n")),
        ("refused", lambda _p, _b: http(500, b"no\n")),
        ("malformed", lambda _p, _b: http(200, b"\0garbage")),
        ("unanswered", lambda _p, _b: http(200, bytes(200_000))),
        ("signature", lambda _p, b: http(200, lines(other, b, 1_800_000_000))),
        ("signature", lambda _p, b: http(200, lines(own, b.replace(b"ledger", b"folder"), 9))),
        ("early", lambda _p, b: http(200, lines(own, b, 1))),
        ("late", lambda _p, b: http(200, lines(own, b, now_ms() // 1000 + 3600))),
        ("disputed", lambda p, _b: http(409, b"99\n", SIZE) if "add" in p else http(404)),
        ("ok", lambda _p, b: http(200, lines(own, b, now_ms() // 1000))),
    ]
    documents = town.letters(len(answers))
    with contextlib.ExitStack() as stack:
        for name in "abc":
            stack.enter_context(town.witness(name))
        server = stack.enter_context(answering(answers[0][1]))
        town.urls["d"] = server.url
        with town.served() as site:
            for document, (reason, answer) in zip(documents, answers, strict=True):
                server.answer = answer
                waited, note = wait_for_quorum(site, document)
                until(lambda reason=reason: summary(site)["d"]["state"] == reason)  # type: ignore[misc]  # a default of a lambda

                assert "quorum" == waited
                assert {"a", "b", "c"} <= {*town.cosigners(note)} or reason == "ok"
                assert (503 if reason == "disputed" else 200) == site.get("/readyz").status
                assert ("d" in town.cosigners(site.get("/checkpoint").body)) is (reason == "ok")
    assert "the witness d of the ledger did not cosign: disputed" in town.log


def test_of_a_witness_whose_clock_is_wrong_the_log_says_what_time_it_gave(tmp_path: Path) -> None:
    town = found(tmp_path, ["a", "b"], 1)
    with (
        town.witness("a"),
        town.witness("b", ahead_ms=-HOUR_MS),
        town.served() as site,
    ):
        until(lambda: summary(site)["b"]["state"] == "early")
    day = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
    told = rf"the witness b of the ledger did not cosign: early: it cosigned size 1 at {day}"

    assert re.search(rf"{told} [0-9:]{{8}} UTC, before that was recorded", town.log)


def test_goes_on_beyond_a_change_of_the_log_key(tmp_path: Path) -> None:
    """A witness trusts keys: its operator adds the new one, and until then it refuses."""
    town = found(tmp_path, ["a"], 1)
    second = new_log_key(2)
    with Ledger.open(town.path, clock=now_ms) as ledger:
        ledger.add_log_key(second)
        state = ledger.state()
        named = msgspec.to_builtins(state.charter.witnesses)
        amended = new_charter(
            ALPHA, second, founding=False, amends=state.charter_id, witnesses=named, quorum=1
        )
        document = sign_document(ledger, ALPHA, [amended], expires=now_ms() + HOUR_MS)
        assert town.keys["a"].verifier_key == keys_of_charter(state.charter)[0]
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(town.witness("a", lasting_port()))
        with town.served() as site:
            until(lambda: summary(site)["a"]["size"] == 1)
            assert 201 == site.post(document).status
            until(lambda: summary(site)["a"]["state"] == "unknown-log")
            stack.close()
            add_logs(tmp_path / "a", [trusted_log(format_vkey(second.verifier_key))])
            with town.witness("a", port):
                until(lambda: summary(site)["a"]["size"] == 2)
                latest = site.get("/checkpoint")

    assert "1/1" == latest.headers["counterfoil-witnessed"]


def test_who_waits_for_a_quorum_of_no_witnesses_is_told(tmp_path: Path) -> None:
    (tmp_path / "draft.yaml").write_text(REQUEST)
    process(tmp_path, "key", "new", "county.key", "--party", "county", "--plain")
    words = ("--origin", "ledger.example/desk", "--key", "county.key", "--member", "rutland")
    founded = process(tmp_path, "--json", "init", "ledger", *words).values
    known = ("--fingerprint", str(founded["fingerprint"]), "--key", "county.key")
    with served(tmp_path) as url:
        sent = process(tmp_path, "record", url, "draft.yaml", *known, "--wait", "quorum")

    assert 0 == sent.code
    assert "entry 1: the charter names no witnesses to wait for" in sent.out


def test_the_command_line_waits_for_a_quorum_and_does_not_record_in_an_old_folder(
    tmp_path: Path,
) -> None:
    key = WitnessKey.generate("a.example")
    create_witness(tmp_path / "a", keys=[key])
    town = Town(tmp_path, ["a"], {"a": key})
    (tmp_path / "draft.yaml").write_text(REQUEST)
    made = process(tmp_path, "key", "new", "county.key", "--party", "county", "--plain")
    words = ("--origin", "ledger.example/desk", "--key", "county.key", "--member", "rutland")
    vkey = format_vkey(key.verifier_key)
    founded = process(tmp_path, "--json", "init", "ledger", *words, "--witness", vkey).values
    add_logs(tmp_path / "a", [trusted_log(str(founded["log_key"]))])
    shutil.copytree(town.path, tmp_path / "old")
    with town.witness("a"):
        with town.served() as site:
            sending = ("draft.yaml", "--key", "county.key", "--wait", "quorum")
            known = ("--fingerprint", str(founded["fingerprint"]))
            sent = process(tmp_path, "record", site.url, *sending, *known)
        (receipt,) = (tmp_path / "county.key.d/receipts").glob("*.receipt")
        note = proof_of(parse_receipt(receipt.read_bytes())).checkpoint
        shutil.copy(town.path / WITNESSES_FILE, tmp_path / "old")
        more = ("--key", "county.key", "--home", "other")
        old = process(tmp_path, "record", "old", "draft.yaml", *more)
        new = process(tmp_path, "record", "ledger", "draft.yaml", *more)
        here = process(tmp_path, "record", "ledger", *sending)
    (tmp_path / "draft.yaml").write_text(REQUEST + "    # again\n")
    with town.served(COUNTERFOIL_WITNESS_WAIT_S="0.1") as site:
        alone = process(tmp_path, "record", site.url, *sending, *known)
    with Ledger.open(tmp_path / "old", read_only=True) as ledger:
        size = ledger.size()

    assert (0, 0, ["a"]) == (made.code, sent.code, town.cosigners(note)), sent
    assert (False, 0, True) == ("quorum" in sent.out, alone.code, UNCOSIGNED in alone.out), alone
    assert (1, 1) == (old.code, size)
    assert "older than witness a" in old.err
    assert (0, "") == (new.code, new.err)
    assert 2 == here.code
    assert "needs the URL of a server" in here.err
