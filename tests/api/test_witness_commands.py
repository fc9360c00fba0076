"""The commands about a witness, in this process and served in another."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.command import _add
from ledger.cli.context import Context
from ledger.cli.main import run
from ledger.keys import load_witness_key
from ledger.witness import Witness, read_logs
from tests.api.serving import Site
from tests.ledger.builder import Clock
from tests.ledger.commandline import ROOT, Ran, process, rows
from tests.ledger.witnessing import NAME, NOW_MS, LatticeLog, Log, prove, request
from verify.checkpoint import parse_signed
from verify.fork import ForkAnchors, audit_fork
from verify.note import check_cosignature, format_vkey, parse_note, parse_vkey

LOG, SECOND = Log(), Log("log.example/second", seed=2)
COMMANDS = ("add", "forks", "log", "new", "serve", "show")


@dataclass
class Desk:
    """A folder in which commands are run."""

    folder: Path

    def __call__(self, *words: str) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.folder):
            code = run(words, Context(now_ms=lambda: NOW_MS, out=out, err=err), _add)
        return Ran(code, out.getvalue(), err.getvalue())

    def done(self, *words: str) -> dict[str, object]:
        ran = self("--json", "witness", *words)

        assert (0, "") == (ran.code, ran.err), ran
        return ran.values

    def make(self, *more: str) -> dict[str, object]:
        return self.done("new", "w", "--name", NAME, "--log", LOG.vkey, *more)

    def cosign(self, *bodies: bytes) -> list[int]:
        with Witness.open(self.folder / "w", clock=Clock(NOW_MS)) as witness:
            return [witness.add_checkpoint(body).outcome for body in bodies]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(desk: Desk, command: str) -> None:
    ran = desk("witness", command, "--help")

    assert (0, "") == (ran.code, ran.err)
    assert f"usage: counterfoil witness {command} " in ran.out
    assert f"examples:\n  counterfoil witness {command} " in ran.out


def test_the_list_of_commands_here_is_whole(desk: Desk) -> None:
    found = re.findall(r"(?m)^    ([a-z]+)(?: |$)", desk("witness", "--help").out)

    assert set(COMMANDS) == set(found)


def test_new_makes_a_folder_with_one_key_and_prints_it(desk: Desk) -> None:
    values = desk.make()
    key = load_witness_key(desk.folder / "w/ed25519.key").verifier_key

    assert [format_vkey(key)] == values["vkeys"]
    assert [{"origin": LOG.origin, "vkey": LOG.vkey}] == values["logs"]
    assert (NAME, "w") == (values["name"], values["folder"])
    assert ["ed25519.key", "logs"] == sorted(
        file.name for file in (desk.folder / "w").iterdir() if "witness." not in file.name
    )


def test_new_makes_two_keys_and_closes_them(desk: Desk) -> None:
    (desk.folder / "words").write_text("correct horse\n")
    (desk.folder / "words").chmod(0o600)
    values = desk.make("--ml-dsa", "--passphrase-file", "words")
    for name, vkey in zip(("ed25519", "ml-dsa-44"), values["vkeys"], strict=True):  # type: ignore[call-overload]  # a list
        file = desk.folder / "w" / f"{name}.key"
        key = load_witness_key(file, passphrase=lambda: b"correct horse")

        assert 0o600 == stat.S_IMODE(file.stat().st_mode)
        assert parse_vkey(vkey) == key.verifier_key
        assert b'"box"' in file.read_bytes()
    assert values["vkeys"] == desk.done("show", "w")["vkeys"]


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("new", "w", "--name", "w.example"), 2, "exists already"),
        (("new", "x", "--name", "Not A Name"), 2, "no origin"),
        (("new", "x", "--name", "w.example", "--log", "nowhere"), 2, "no file"),
        (("new", "x", "--name", "w.example", "--log", "a+b+c"), 1, "key ID"),
        (("add", "w", f"{LOG.vkey[:-1]}"), 1, "base64"),
        (("add", "w", "bad.txt"), 1, "bad.txt: line 2"),
        (("add", "nowhere", SECOND.vkey), 2, "no witness in nowhere"),
        (("show", "nowhere"), 2, "no witness in nowhere"),
        (("log", "nowhere"), 2, "no witness in nowhere"),
        (("log", "w", "--origin", "log.example/second"), 2, "nothing of such a log"),
        (("frob",), 2, "there is no command 'frob'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_is_said(
    desk: Desk, words: tuple[str, ...], code: int, reason: str
) -> None:
    desk.make()
    (desk.folder / "bad.txt").write_text("logs/v0\nvkey x\n")
    ran = desk("--json", "witness", *words)

    assert code == ran.code
    assert reason in ran.reason
    assert not (desk.folder / "x").exists()


def test_add_takes_keys_and_files_of_both_formats(desk: Desk) -> None:
    desk.make()
    third = Log("third log", key_name="key.example", seed=3)
    fourth = Log("log.example/fourth", seed=4)
    (desk.folder / "policy").write_text(f"log {LOG.vkey}\nlog {fourth.vkey}\nquorum none\n")
    (desk.folder / "list").write_text(f"logs/v0\nvkey {third.vkey}\norigin third log\n")
    values = desk.done("add", "w", SECOND.vkey, "policy", "list")

    assert [SECOND.origin, fourth.origin, "third log"] == [
        each["origin"] for each in rows(values["added"])
    ]
    assert 4 == values["logs"] == len(read_logs(desk.folder / "w"))
    assert "Trusted already\n" == desk("witness", "add", "w", "list").out
    (desk.folder / "nothing").touch()
    assert "counterfoil: nothing: names no log\n" == desk("witness", "add", "w", "nothing").err
    assert f"Trusts {Log('x').origin}\n" == desk("witness", "add", "w", Log("x", seed=9).vkey).out
    assert [200, 200] == desk.cosign(third.request(0, 2), fourth.request(0, 2))


def test_add_takes_the_long_key_of_a_log_that_signs_with_ml_dsa_44(desk: Desk) -> None:
    desk.make()
    log, named = LatticeLog("log.example/lattice"), Log("l" * 255)
    desk.done("add", "w", log.vkey, named.vkey)

    assert [200, 200] == desk.cosign(log.request(0, 5), named.request(0, 5))
    assert [422] == desk.cosign(log.request(5, 9, fork_at=2))
    desk.done("forks", "w", "-o", "kept")
    assert [".cosigned", ".request"] == sorted(
        path.suffix for path in (desk.folder / "kept" / log.hex).iterdir()
    )


def test_show_says_where_each_log_stands(desk: Desk) -> None:
    desk.make("--log", SECOND.vkey)
    desk.cosign(LOG.request(0, 5), LOG.request(5, 9), LOG.request(9, 9, fork_at=1))
    (one, two) = rows(desk.done("show", "w")["logs"])

    assert (LOG.origin, 9, NOW_MS // 1000, 1) == tuple(
        one[name] for name in ("origin", "size", "cosigned_s", "forks")
    )
    assert (SECOND.origin, 0, 0) == (two["origin"], two["size"], two["forks"])
    text = desk("witness", "show", "w").out
    assert f"{LOG.origin}     9     2025-06-15 15:06:40 UTC  1" in text
    assert f"{SECOND.origin}  0     never" in text


def test_log_lists_and_writes_what_was_cosigned(desk: Desk) -> None:
    desk.make("--log", SECOND.vkey)
    assert {"checkpoints": []} == desk.done("log", "w")
    assert "Nothing was cosigned yet.\n" == desk("witness", "log", "w").out
    desk.cosign(LOG.request(0, 5), LOG.request(5, 9), SECOND.request(0, 3))
    both = rows(desk.done("log", "w", "-o", "kept")["checkpoints"])
    one = rows(desk.done("log", "w", "--origin", LOG.origin)["checkpoints"])

    assert [(LOG.origin, 5), (LOG.origin, 9), (SECOND.origin, 3)] == [
        (each["origin"], each["size"]) for each in both
    ]
    assert both[:2] == one
    note = (desk.folder / "kept" / LOG.hex / "9.checkpoint").read_bytes()
    assert note.startswith(LOG.note(9))
    key = load_witness_key(desk.folder / "w/ed25519.key").verifier_key
    assert (NOW_MS // 1000,) == check_cosignature(parse_note(note), key=key)
    assert str(both[0]["root"])[:16] in desk("witness", "log", "w").out


def test_forks_lists_and_writes_what_proves_them(desk: Desk) -> None:
    desk.make()
    assert {"forks": []} == desk.done("forks", "w")
    forked, failing = LOG.request(5, 9, fork_at=2), request(5, [bytes(32)] * 3, LOG.note(10))
    two = LOG.request(5, 5, fork_at=2)
    assert [200, 422, 422, 422] == desk.cosign(LOG.request(0, 5), two, forked, failing)
    values = rows(desk.done("forks", "w", "-o", "kept")["forks"])
    folder = desk.folder / "kept" / LOG.hex
    text = desk("witness", "forks", "w").out

    found = sorted((e["size"], e["kind"]) for e in values)
    assert [(5, "two-roots"), (9, "no-proof"), (10, "no-proof")] == found
    proofs = {str(e["size"]): e["proof"] for e in values}
    assert [each.hex() for each in prove(5, LOG.leaves(9, fork_at=2))] == proofs["9"]
    for stem, kind in (("two-roots-5", "one-size"), ("no-proof-9", "other-past")):
        (proof,) = folder.glob(f"{stem}-*.fork")
        report = audit_fork(proof.read_bytes(), anchors=ForkAnchors(log_key=parse_vkey(LOG.vkey)))
        assert ("proven", kind) == (report.verdict, report.kind)
    assert 2 == len([*folder.glob("*.fork")])
    assert [failing] == [path.read_bytes() for path in folder.glob("no-proof-10-*.request")]
    against = [path.read_bytes() for path in folder.glob("*.cosigned")]
    assert [5] == [parse_signed(note)[0].size for note in against]
    assert "two root hashes of one size: proof of a fork" in text
    assert "the checkpoint of size 5" in text


@contextlib.contextmanager
def served(folder: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    server = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "api", "witness", "serve", "w", *more],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    with server:
        try:
            yield server
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)


def test_serve_answers_and_others_look_on(desk: Desk) -> None:
    (desk.folder / "words").write_text("correct horse\n")
    (desk.folder / "words").chmod(0o600)
    desk.make("--ml-dsa", "--passphrase-file", "words")
    with served(desk.folder, "--port", "0", "--passphrase-file", "words") as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        site = Site(int(line.rpartition(":")[2]))
        got = site.ask("POST", "/add-checkpoint", LOG.request(0, 5))
        (shown,) = rows(desk.done("show", "w")["logs"])
        again = ("witness", "serve", "w", "--port", "0", "--passphrase-file", "words")
        twice = process(desk.folder, *again)

    assert line.startswith("listening on http://127.0.0.1:")
    assert (200, 2) == (got.status, got.body.count(b"\n"))
    assert 5 == shown["size"]
    assert (2, True) == (twice.code, "another process cosigns" in twice.err)
    assert 0 == server.returncode


def test_a_closed_key_is_not_served_without_its_passphrase(desk: Desk) -> None:
    (desk.folder / "words").write_text("correct horse\n")
    (desk.folder / "words").chmod(0o600)
    desk.make("--passphrase-file", "words")
    (desk.folder / "words").write_text("wrong\n")
    serve = ("witness", "serve", "w", "--port", "0", "--passphrase-file", "words")
    ran = process(desk.folder, *serve)

    assert (2, True) == (ran.code, "passphrase is wrong" in ran.err)
