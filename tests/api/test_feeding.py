"""A served ledger and its witnesses: all of them processes, on real sockets."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from api.clock import now_ms
from ledger.export import export
from ledger.feeding import WITNESSES_FILE, keys_of_charter
from ledger.keys import WitnessKey
from ledger.ledger import Ledger
from ledger.trusted import trusted_log
from ledger.witness import add_logs, create_witness
from tests.api.serving import Site
from tests.ledger.answering import (
    SIZE,
    Answering,
    answering,
    http,
    lines_of,
    make_witness,
)
from tests.ledger.builder import (
    Clock,
    Party,
    found_ledger,
    new_charter,
    new_letter,
    new_log_key,
    sign_document,
)
from tests.ledger.commandline import REQUEST, process
from verify.checkpoint import parse_signed
from verify.note import check_cosignature, format_note, format_vkey, parse_note
from verify.receipt import parse_receipt, proof_of

ROOT = Path(__file__).parents[2]
ALPHA = Party("alpha", 1)
HOUR_MS = 3_600_000
OFF = {
    "COUNTERFOIL_PORT": "0",
    "COUNTERFOIL_REQUESTS_PER_S": "0",
    "COUNTERFOIL_SUBMISSIONS_PER_S": "0",
    "COUNTERFOIL_WITNESS_EVERY_S": "0.05",
    "COUNTERFOIL_WITNESS_RETRY_S": "0.4",
    "COUNTERFOIL_WITNESS_TIMEOUT_S": "1",
    "COUNTERFOIL_WITNESS_WAIT_S": "2",
}


class EndedError(Exception):
    """A process has ended before it listened."""

    def __init__(self, status: int, err: str) -> None:
        super().__init__(status, err)
        self.status = status
        self.err = err


@contextlib.contextmanager
def running(
    *words: str, log: Path, port: int = 0, settings: Mapping[str, str] | None = None
) -> Iterator[tuple[int, int]]:
    """Run a command that serves; give its port and its process."""
    command = [sys.executable, "-m", "api", *words]
    environment = {**os.environ, **OFF, "COUNTERFOIL_PORT": str(port), **(settings or {})}
    with (
        log.open("ab") as err,
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=err, env=environment
        ) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise EndedError(process.wait(), log.read_text())
        try:
            yield int(line.rpartition(b":")[2]), process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


@dataclass
class Town:
    """A ledger whose charter names witnesses, and these, in folders."""

    folder: Path
    names: Sequence[str]
    keys: Mapping[str, WitnessKey]
    urls: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.folder / "ledger"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def place(self) -> None:
        """Write where the witnesses are."""
        lines = [(n, self.keys[n].verifier_key, self.urls[n]) for n in self.names if n in self.urls]
        (self.path / WITNESSES_FILE).write_bytes(lines_of(*lines))

    @contextlib.contextmanager
    def witness(self, name: str, port: int = 0) -> Iterator[int]:
        folder = str(self.folder / name)
        log = self.folder / f"{name}.log"
        with running("witness", "serve", folder, log=log, port=port) as (taken, _):
            self.urls[name] = f"http://127.0.0.1:{taken}"
            yield taken

    @contextlib.contextmanager
    def served(self, **settings: str) -> Iterator[Site]:
        self.place()
        with running("serve", str(self.path), log=self.folder / "log", settings=settings) as (
            port,
            _,
        ):
            yield Site(port)

    def letters(self, count: int) -> list[bytes]:
        with Ledger.open(self.path, read_only=True) as ledger:
            return [
                sign_document(ledger, ALPHA, [new_letter("alpha")], expires=now_ms() + HOUR_MS)
                for _ in range(count)
            ]

    def cosigners(self, note: bytes) -> list[str]:
        """Return who cosigned a note, each line checked."""
        parsed = parse_note(note)
        found = []
        for name in self.names:
            key = self.keys[name].verifier_key
            if any(line[:2] == (key.name, key.key_id) for line in parsed.signatures):
                check_cosignature(parsed, key=key)
                found.append(name)
        return found


def found(folder: Path, names: Sequence[str], quorum: int, **fields: object) -> Town:
    keys = {}
    for number, name in enumerate(names):
        made = make_witness(folder / name, f"{name}.example", new_log_key(), both=number == 0)
        keys[name] = made[-1]  # of the first one the charter names its ML-DSA-44 key
    named = [
        {
            "algorithm": key.algorithm,
            "key": key.verifier_key.public.hex(),
            "name": key.verifier_key.name,
        }
        for key in keys.values()
    ]
    clock = Clock(now_ms())
    made_ledger, _ = found_ledger(
        folder / "ledger", ALPHA, clock=clock, witnesses=named, quorum=quorum, **fields
    )
    made_ledger.close()
    return Town(folder, names, keys)


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


def summary(site: Site) -> dict[str, dict[str, object]]:
    values = msgspec.json.decode(site.get("/witnesses").body)
    return {one["name"]: one for one in values["witnesses"]} | {"": values["witnessed"]}


def size_of(note: bytes) -> int:
    return parse_signed(note)[0].size


def wait_for_quorum(site: Site, document: bytes) -> tuple[str, bytes]:
    """Submit, and wait; return what waiting came to, and the receipt's checkpoint."""
    got = site.ask("POST", "/submissions?wait=quorum", document, SUBMISSION)
    assert got.status in {200, 201}, got
    return got.headers["counterfoil-waited"], proof_of(parse_receipt(got.body)).checkpoint


SUBMISSION = {"Content-Type": "application/vnd.counterfoil.submission+json"}


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
    assert "the witness c of the ledger '' did not cosign: unanswered" in town.log


def test_a_witness_that_hangs_keeps_nobody_waiting(tmp_path: Path) -> None:
    town = found(tmp_path, ["a", "b"], 2)
    documents = town.letters(40)
    with town.witness("a"), hanging() as server:
        town.urls["b"] = server.url
        with town.served(COUNTERFOIL_WITNESS_TIMEOUT_S="600") as site:
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
    assert "the witness b of the ledger '' knows is not known" in town.log


def test_a_witness_that_was_away_covers_it_again(tmp_path: Path) -> None:
    town = found(tmp_path, ["a", "b"], 2)
    documents = town.letters(3)
    with town.witness("a"), contextlib.ExitStack() as stack:
        port = stack.enter_context(town.witness("b"))
        with town.served() as site:
            assert "quorum" == wait_for_quorum(site, documents[0])[0]
            stack.close()
            assert "not-reached" == wait_for_quorum(site, documents[1])[0]
            behind = site.get("/checkpoint")
            with town.witness("b", port):
                until(lambda: site.get("/checkpoint").headers["counterfoil-witnessed"] == "2/2")
                ahead = site.get("/checkpoint")

    assert ("1/2", "2") == (
        behind.headers["counterfoil-witnessed"], behind.headers["counterfoil-witnessed-size"],
    )  # fmt: skip
    assert ("3", ["a", "b"]) == (
        ahead.headers["counterfoil-witnessed-size"], town.cosigners(ahead.body),
    )  # fmt: skip
    assert "the witness b of the ledger '' cosigns again" in town.log


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
        told = summary(site)

    assert "2/2" == latest.headers["counterfoil-witnessed"]
    assert ["a", "b"] == town.cosigners(cosigned.body)
    assert [False, False] == [told[name]["fed"] for name in ("a.example", "b.example")]


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
        ("disputed", lambda p, _b: http(409, b"99\n", SIZE) if "add" in p else http(404)),
        ("ok", lambda _p, b: http(200, lines(own, b, 1))),
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
            last = town.letters(1)[0]

            assert 201 == site.post(last).status  # nor is its time believed: it says 1970
    assert "the witness d of the ledger '' did not cosign: disputed" in town.log


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
        port = stack.enter_context(town.witness("a"))
        with town.served() as site:
            until(lambda: summary(site)["a"]["size"] == 1)
            assert 201 == site.post(document).status
            until(lambda: summary(site)["a"]["state"] == "unknown-log")
            stack.close()
            adding = [sys.executable, "-m", "api", "witness", "add", str(tmp_path / "a")]
            logs = tmp_path / "logs"
            logs.write_text(f"logs/v0\n\nvkey {format_vkey(second.verifier_key)}\n")
            subprocess.run([*adding, str(logs)], cwd=ROOT, check=True, capture_output=True)
            with town.witness("a", port):
                until(lambda: summary(site)["a"]["size"] == 2)
                latest = site.get("/checkpoint")

    assert "1/1" == latest.headers["counterfoil-witnessed"]


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
    with Ledger.open(tmp_path / "old", read_only=True) as ledger:
        size = ledger.size()

    assert (0, 0, ["a"]) == (made.code, sent.code, town.cosigners(note)), sent
    assert (1, 1) == (old.code, size)
    assert "older than witness a" in old.err
    assert (0, "") == (new.code, new.err)
    assert 2 == here.code
    assert "needs the URL of a server" in here.err
