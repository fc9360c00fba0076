"""Mirrors of real servers: what a copy holds, what it withstands, and what it serves."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from api.app import create_app
from api.clock import elapsed_ms, now_ms
from api.problems import PREFIX
from api.recording import Here
from api.settings import Settings
from ledger.cli.context import Context
from ledger.cli.main import run
from ledger.errors import ExportError
from ledger.export import export
from ledger.keys import PartySigner
from ledger.ledger import Ledger
from tests.api.serving import JSON, SUBMISSION, Site, serving, serving_app
from tests.forking import cosigned, witness_key
from tests.ledger.builder import (
    NOON_MS,
    Clock,
    Party,
    found_ledger,
    new_enrolment,
    new_event,
    new_letter,
    sign_document,
    submit,
)
from tests.ledger.commandline import ROOT, Ran, part, served
from verify.anchors import Anchors
from verify.audit import audit
from verify.checkpoint import parse_signed
from verify.entry import parse_entry
from verify.events import event_id
from verify.folder import Folder
from verify.kinds import Power
from verify.note import parse_note

ALPHA = Party("alpha", 1)
BETA = Party("beta", 2)
GAMMA = Party("gamma", 3)
AT_S = NOON_MS // 1000
POWERS: tuple[Power, ...] = ("answer", "govern", "record", "undertake")


def files_in(folder: Path) -> dict[str, bytes]:
    """Return what is in a folder, by path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Desk:
    """Somebody who mirrors a ledger."""

    def __init__(self, folder: Path, site: Site, ledger: Ledger) -> None:
        self.folder = folder
        self.copy = folder / "copy"
        self.site = site
        self.fingerprint = ledger.fingerprint

    def run(self, *words: str) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        code = run(["--json", *words], Context(now_ms=lambda: NOON_MS, out=out, err=err))
        return Ran(code, out.getvalue(), err.getvalue())

    def words(self, *more: str) -> tuple[str, ...]:
        home = str(self.folder / "home")
        named = ("--fingerprint", self.fingerprint, "--home", home)
        return "mirror", self.site.url, str(self.copy), *named, *more

    def look(self, *more: str) -> Ran:
        return self.run(*self.words("--once", *more))

    def key(self, party: Party) -> str:
        """Return a party's key file."""
        path = self.folder / f"{party.name}.key"
        if not path.exists():
            PartySigner(party.name, seed=bytes(party.key), powers=POWERS).save(path)
        return str(path)

    def exported(self, ledger: Ledger, name: str, audience: str = "public") -> dict[str, bytes]:
        """Export a ledger, and check that what comes is valid."""
        target = self.folder / f"{name}-{audience}"
        export(ledger, target, audience=audience)
        report = audit(
            Folder(target), anchors=Anchors(fingerprint=self.fingerprint), audience=audience
        )
        assert "valid" == report.verdict, report.findings
        return files_in(target)

    def copied(self, name: str = "copied", audience: str = "public") -> dict[str, bytes]:
        """Export the mirror."""
        with Ledger.open(self.copy, read_only=True) as ledger:
            return self.exported(ledger, name, audience)


def with_file(ledger: Ledger, content: bytes) -> dict[str, object]:
    """Keep a file, and return the claim that names it."""
    sha256 = hashlib.sha256(content).hexdigest()
    ledger.add_file(io.BytesIO(content), sha256=sha256, size=len(content))
    return {"media_type": "text/plain", "name": "a.txt", "sha256": sha256, "size": len(content)}


def fill(ledger: Ledger) -> None:
    """Record something of all that a mirror has to do with."""
    submit(ledger, new_letter("alpha"), new_letter("alpha"), note=ledger.checkpoint())
    claims = {"title": "files", "file.1": with_file(ledger, b"one" * 999)}
    submit(ledger, new_event("alpha", "artefact/v1", type="letter", claims=claims))
    names = ["text", "title"]
    limited = new_event(
        "alpha", "communication/v1", channel="letter", audience={name: ["beta"] for name in names},
        claims={"text": "for beta", "title": "for beta"},
    )  # fmt: skip
    closed = new_event(
        "alpha", "communication/v1", channel="letter", withheld=names,
        claims={"text": "later", "title": "never"},
    )  # fmt: skip
    submit(ledger, limited, closed)
    note = cosigned(ledger.checkpoint(), AT_S + 1)
    ledger.keep_note(note)
    submit(ledger, new_letter("alpha"), note=note)
    opening = new_event("alpha", "opening/v1", of=closed.id.hex(), names=["text"])
    submit(ledger, opening, disclosures=[[closed.disclosures["text"]]])
    ledger.keep_note(cosigned(ledger.checkpoint(), AT_S + 2))


def found(path: Path, *, visibility: str = "public") -> Ledger:
    """Found a ledger of three parties, of which beta has joined; something is in it."""
    witness = witness_key()
    named = {"algorithm": "ed25519", "key": witness.public.hex(), "name": witness.name}
    ledger, _ = found_ledger(
        path, ALPHA, visibility=visibility, members=["beta"], witnesses=[named]
    )
    submit(ledger, new_enrolment(ledger, "alpha", BETA))
    submit(ledger, new_enrolment(ledger, "alpha", GAMMA))
    joining = new_event("beta", "party/v1", verb="join", charter=ledger.fingerprint)
    submit(ledger, joining, party=BETA)
    fill(ledger)
    return ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with found(tmp_path / "ledger") as ledger:
        yield ledger


@pytest.fixture
def desk(tmp_path: Path, ledger: Ledger) -> Iterator[Desk]:
    with serving(ledger, now_ms=lambda: NOON_MS) as site:
        yield Desk(tmp_path, site, ledger)


# The copy


def test_a_mirror_exports_what_its_source_exports(desk: Desk, ledger: Ledger) -> None:
    ran = desk.look()

    assert (0, "") == (ran.code, ran.err), ran
    assert {"folder": str(desk.copy), "size": ledger.size()} == ran.values
    assert desk.exported(ledger, "own") == desk.copied()
    assert not list(desk.copy.glob("*.key"))


def test_a_mirror_follows_from_where_it_was(desk: Desk, ledger: Ledger) -> None:
    assert 0 == desk.look().code
    note = cosigned(ledger.checkpoint(), AT_S + 3)
    submit(ledger, new_letter("alpha"), note=note)
    ledger.keep_note(cosigned(ledger.checkpoint(), AT_S + 4))

    assert 0 == desk.look().code
    assert desk.exported(ledger, "own") == desk.copied()


def test_a_party_mirrors_what_it_may_see(tmp_path: Path) -> None:
    with (
        found(tmp_path / "ledger", visibility="members") as ledger,
        serving(ledger, now_ms=lambda: NOON_MS) as site,
    ):
        desk = Desk(tmp_path, site, ledger)
        nobody = desk.look()
        assert 2 == nobody.code
        assert "--key" in nobody.reason
        assert not desk.copy.exists()
        beta = ("--key", desk.key(BETA))
        assert 0 == desk.look(*beta).code
        for audience in ("public", "beta"):
            own = desk.exported(ledger, "own", audience)
            assert own == desk.copied(audience=audience)
        with pytest.raises(ExportError, match="for beta"):
            desk.copied(audience="alpha")
        again = desk.look("--key", desk.key(ALPHA))
        assert 2 == again.code
        assert "what beta may see" in again.reason


FOLDS = ("chronology", "requests", "promises", "knowledge", "ask")


def test_every_reading_of_a_mirror_is_that_of_an_export(desk: Desk, ledger: Ledger) -> None:
    assert 0 == desk.look().code
    desk.exported(ledger, "own")
    exported = str(desk.folder / "own-public")
    letter = event_id(bytes(parse_entry(ledger.entry(6)).event)).hex()

    for name in (*FOLDS, "list", "stat", "show"):
        more = (letter,) if name == "show" else ()
        of_copy = desk.run(name, str(desk.copy), *more)
        assert 0 == of_copy.code, of_copy
        assert of_copy == desk.run(name, exported, *more)
    proofs = [desk.folder / name for name in ("one", "two")]
    for proof, folder in zip(proofs, (exported, str(desk.copy)), strict=True):
        assert 0 == desk.run("prove", folder, letter, "-o", str(proof)).code
    assert proofs[0].read_bytes() == proofs[1].read_bytes()


def test_a_mirror_of_a_mirror_is_a_mirror(desk: Desk, ledger: Ledger) -> None:
    assert 0 == desk.look().code
    with Ledger.open(desk.copy, read_only=True) as copy, serving(copy) as site:
        second = Desk(desk.folder / "second", site, copy)
        second.folder.mkdir()
        assert 0 == second.look().code
        exported = second.copied()

    assert desk.exported(ledger, "own") == exported


def test_how_far_it_is_shows_on_a_terminal(desk: Desk, ledger: Ledger) -> None:
    out, err = io.StringIO(), Terminal()
    code = run(desk.words("--once"), Context(now_ms=lambda: NOON_MS, out=out, err=err))

    assert 0 == code
    assert f"\rCopied entry {ledger.size()} of {ledger.size()}\r" in err.getvalue()
    assert "\rFiles: 0.0 MiB \r" in err.getvalue()
    assert err.getvalue().endswith(f"\r{'':79}\r")
    assert out.getvalue().endswith(f"kept in {desk.copy}\n")


def test_what_is_owed_ends_one_look_and_no_following(desk: Desk, ledger: Ledger) -> None:
    """A file that the server has lost."""
    (path,) = (ledger.path / "files").iterdir()
    content = path.read_bytes()
    path.unlink()

    ran = desk.look()
    assert 1 == ran.code
    told = [msgspec.json.decode(line) for line in ran.out.splitlines()]
    assert ["lacking"] == [line["finding"] for line in told[1:]]
    assert ledger.size() == told[0]["size"]
    with started(desk, "--every", "1") as process:
        lines = lines_of(process)
        assert [ledger.size(), "lacking"] == [next(lines)["size"], next(lines)["finding"]]
        path.write_bytes(content)
        submit(ledger, new_letter("alpha"))
        assert ledger.size() == next(lines)["size"]
        process.send_signal(signal.SIGINT)
        assert 130 == process.wait(60)
    assert 0 == desk.look().code
    assert desk.exported(ledger, "own") == desk.copied()


# Processes that end in the middle


def lines_of(process: subprocess.Popen[str]) -> Iterator[dict[str, object]]:
    assert process.stdout is not None
    for line in process.stdout:
        yield msgspec.json.decode(line, type=dict[str, object])


def started(desk: Desk, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "api", "--json", *desk.words(*more)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_mirror_follows_until_it_is_interrupted(desk: Desk, ledger: Ledger) -> None:
    with started(desk, "--every", "1") as process:
        told = lines_of(process)
        assert ledger.size() == next(told)["size"]
        busy = desk.look()
        assert 2 == busy.code
        assert "another process" in busy.reason
        submit(ledger, new_letter("alpha"))
        assert ledger.size() == next(told)["size"]
        process.send_signal(signal.SIGINT)
        assert 130 == process.wait(60)

    assert desk.exported(ledger, "own") == desk.copied()


IN_SMALL_STEPS = """
import resource, sys
from ledger import mirror
from ledger.cli.context import Context
from ledger.cli.main import run
most = int(sys.argv[1])
mirror._STEP = 5
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (most or hard, hard))
sys.exit(run(sys.argv[2:], Context(now_ms=lambda: 0, out=sys.stdout, err=sys.stderr)))
"""


def in_small_steps(desk: Desk, *, most: int = 0) -> list[str]:
    """Return the command of one look; `most` octets, if not 0, are what a file may have."""
    return [sys.executable, "-c", IN_SMALL_STEPS, str(most), "--json", *desk.words("--once")]


class Killer:
    """Kills a mirroring process some time after the request of a certain number."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.process: subprocess.Popen[str] | None = None
        self.left = 0
        self.wait_s = 0.0

    def aim(self, process: subprocess.Popen[str] | None, *, after: int, wait_s: float) -> None:
        self.process, self.left, self.wait_s = process, after, wait_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        process = self.process
        if scope["type"] == "http" and process is not None:
            self.left -= 1
            if self.left == 0:
                asyncio.get_running_loop().call_later(self.wait_s, process.kill)
        await self.app(scope, receive, send)


def test_whenever_it_is_killed_a_mirror_is_valid_and_goes_on(
    tmp_path: Path, ledger: Ledger
) -> None:
    for number in range(25):
        claims = {"title": "a", "file.1": with_file(ledger, b"%d" % number * 50_000)}
        event = new_event("alpha", "artefact/v1", type="letter", claims=claims)
        submit(ledger, event, note=ledger.checkpoint())
        ledger.keep_note(cosigned(ledger.checkpoint(), AT_S + number + 10))
    chance = Random(7)
    settings = Settings(requests_per_s=0)
    killer = Killer(create_app({"": ledger}, Here({"": ledger}, settings), settings=settings,
                               now_ms=lambda: NOON_MS, elapsed_ms=elapsed_ms))  # fmt: skip
    sizes = [0]
    with serving_app(killer) as site:
        desk = Desk(tmp_path, site, ledger)
        while True:
            with subprocess.Popen(
                in_small_steps(desk),
                cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            ) as process:  # fmt: skip
                killer.aim(process, after=chance.randint(3, 14), wait_s=chance.random() / 30)
                process.communicate(timeout=120)
            if process.returncode == 0:
                break
            assert -signal.SIGKILL == process.returncode
            if desk.copy.exists():
                exported = desk.copied(f"killed-{len(sizes)}")
                sizes.append(parse_signed(exported["checkpoint"])[0].size)

    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 3
    assert desk.exported(ledger, "own") == desk.copied()
    assert [] == list((desk.copy / "files").glob(".new*"))


@pytest.mark.parametrize("most", [100_000, 300_000, 1_000_000])
def test_a_full_disk_leaves_a_valid_mirror_that_goes_on(
    desk: Desk, ledger: Ledger, most: int
) -> None:
    """A limit on the size of files ends in the same refusals."""
    for _ in range(40):
        submit(ledger, *(new_letter("alpha", "long " * 400) for _ in range(10)))
    claims = {"title": "a", "file.1": with_file(ledger, b"x" * 2_000_000)}
    submit(ledger, new_event("alpha", "artefact/v1", type="letter", claims=claims))
    command = in_small_steps(desk, most=most)
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)

    assert 2 == done.returncode, done
    assert "error" in msgspec.json.decode(done.stdout.splitlines()[-1])
    if desk.copy.exists():
        desk.copied("full")
    assert 0 == desk.look().code
    assert desk.exported(ledger, "own") == desk.copied()


# Serving it


@contextlib.contextmanager
def mirrored(desk: Desk, *more: str) -> Iterator[Site]:
    """Serve the mirror, from a process of its own, when it is up to date."""
    assert 0 == desk.look(*more).code
    with served(desk.folder, "copy") as url:
        yield Site(int(url.rpartition(":")[2]))


def test_a_served_mirror_is_read_as_its_source_is(desk: Desk, ledger: Ledger) -> None:
    """What is for beta alone, whose mirror it is, it shows to nobody else."""
    paths = (
        *("/", "/checkpoint/cosigned", "/entries?limit=1000", "/events"),
        *(f"/{name}?as_at=2026-01-01" for name in FOLDS),
        *("/parties", "/export", "/checkpoints?start=0&stop=9", "/entries/3"),
        *(
            "/receipts/5",
            f"/proofs/inclusion?index=2&size={ledger.size()}",
            "/proofs/consistency?old=3&new=9",
        ),
        *("/disclosures", f"/checkpoint/before/{ledger.size()}"),
        *(f"/files/{path.name}" for path in (ledger.path / "files").iterdir()),
    )
    with mirrored(desk, "--key", desk.key(BETA)) as site:
        for path in paths:
            own, copied = desk.site.get(path), site.get(path)
            assert 200 == own.status == copied.status, path
            assert own.body == copied.body, path
        own, copied = desk.site.get("/checkpoint"), site.get("/checkpoint")
        assert parse_note(own.body) == parse_note(copied.body)
        words = ("--fingerprint", desk.fingerprint, "--home", str(desk.folder / "other"))
        listed = desk.run("list", site.url, *words)
        assert 0 == listed.code
        assert ledger.size() == part(listed.values["ledger"])["size"]
        assert 0 == desk.run("watch", site.url, "--also", desk.site.url, "--once", *words).code
        assert 200 == site.get("/healthz").status


def test_a_mirror_is_served_by_its_cosigned_checkpoint(desk: Desk, ledger: Ledger) -> None:
    with mirrored(desk) as site:
        got = site.get("/checkpoint")

    assert "1/1" == got.headers["counterfoil-witnessed"]
    assert str(ledger.size()) == got.headers["counterfoil-witnessed-size"]
    assert cosigned(ledger.checkpoint(), AT_S + 2) == got.body


def test_nothing_is_recorded_in_a_served_mirror(desk: Desk, ledger: Ledger) -> None:
    document = sign_document(ledger, ALPHA, [new_letter("alpha")])
    with mirrored(desk) as site:
        refused = (
            site.post(document),
            site.ask("PUT", f"/files/{'0' * 64}", b"x", {"Content-Length": "1"}),
            site.ask("POST", "/nonces"),
            site.ask("POST", "/sessions", b"{}", JSON),
        )
        words = ("--fingerprint", desk.fingerprint, "--home", str(desk.folder / "other"))
        key = ("--key", desk.key(ALPHA))
        left = desk.run("leave", site.url, *words, *key)

    for got in refused:
        assert (403, f"{PREFIX}mirror") == (got.status, got.problem.type)
        assert desk.site.url in got.problem.detail
    assert 2 == left.code
    assert desk.site.url in left.reason
    offline = desk.run("leave", str(desk.copy), *key)
    assert 2 == offline.code
    assert desk.site.url in offline.reason


def test_a_served_mirror_of_a_members_ledger_shows_its_tree_only(tmp_path: Path) -> None:
    with (
        found(tmp_path / "ledger", visibility="members") as ledger,
        serving(ledger, now_ms=lambda: NOON_MS) as site,
    ):
        desk = Desk(tmp_path, site, ledger)
        with mirrored(desk, "--key", desk.key(BETA)) as copy:
            assert {200} == {copy.get(path).status for path in ("/checkpoint", "/tile/0/000.p/3")}
            for path in ("/entries/0", "/export", "/tile/entries/000.p/3", "/disclosures"):
                got = copy.get(path)
                assert (403, f"{PREFIX}mirror") == (got.status, got.problem.type)
                assert site.url in got.problem.detail


def test_what_is_copied_while_a_mirror_is_served_is_shown(desk: Desk, ledger: Ledger) -> None:
    with mirrored(desk) as site:
        submit(ledger, new_letter("alpha"))
        assert 0 == desk.look().code
        until(lambda: site.get("/checkpoint").body == ledger.checkpoint())
        got = site.get(f"/entries/{ledger.size() - 1}")
        assert ledger.entry(ledger.size() - 1) == got.body
        note = cosigned(ledger.checkpoint(), AT_S + 5)
        ledger.keep_note(note)
        with Ledger.open(desk.copy, read_only=True) as copy:
            assert ledger.size() == copy.size()


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; it is to hold soon."""
    until_s = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.05)


def test_ledgers_and_mirrors_are_served_together(desk: Desk, ledger: Ledger) -> None:
    assert 0 == desk.look().code
    folder = desk.folder / "all"
    folder.mkdir()
    desk.copy.rename(folder / "copy")
    with found_ledger(folder / "own", BETA, clock=Clock(now_ms()))[0] as own:
        document = sign_document(own, BETA, [new_letter("beta")], expires=now_ms() + 60_000)
    with served(desk.folder, "all") as url:
        site = Site(int(url.rpartition(":")[2]))
        posted = {
            name: site.ask("POST", f"/{name}/submissions", document, SUBMISSION).status
            for name in ("copy", "own")
        }
        assert ledger.checkpoint() == site.get(f"/copy/checkpoints/{ledger.size()}").body

    assert {"copy": 403, "own": 201} == posted
