"""The command line with a URL in place of a folder: real servers, real processes, two machines."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.clock import now_ms
from tests.ledger.commandline import READERS, ROOT, Desk, Ran, part, process, rows, served
from tests.ledger.test_export import content

AS_AT = ("--as-at", "2025-06-20")
LIMITED = """\
counterfoil: draft/v1
events:
  - kind: communication
    channel: letter
    claims: {title: A letter, text: Between ourselves}
    audience: {text: [rutland]}
"""


@dataclass
class Two:
    """Two desks and a server: the county's, who keeps the ledger, and Rutland's, with its key."""

    county: Desk
    rutland: Desk
    url: str
    fingerprint: str
    ids: list[str]

    @property
    def copies(self) -> list[str]:
        folder = self.rutland.folder / "rutland.key.d" / "exports" / self.fingerprint
        return sorted(each.name for each in folder.iterdir())


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    county, rutland = (desk_at(tmp_path_factory.mktemp(name)) for name in ("county", "rutland"))
    county.found()
    county.enrol("warwick", "ledger", "--as-member")
    rutland.key("rutland")
    rutland.write("draft.yaml")
    rutland.write("limited.yaml", LIMITED)
    fingerprint = str(part(county.done("list", "ledger")["ledger"])["fingerprint"])
    with served(county.folder) as url:
        first = ("--key", "rutland.key", "--fingerprint", fingerprint)
        rutland.done("key", "request", url, *first, "-o", "rutland.request")
        request = str(rutland.folder / "rutland.request")
        county.done(
            "enrol",
            url,
            request,
            "--key",
            "county.key",
            "--fingerprint",
            fingerprint,
            "--as-member",
        )
        # From here on nobody types the fingerprint again.
        rutland.done("join", url, "--key", "rutland.key")
        drafts = ("draft.yaml", "limited.yaml")
        recorded = rutland.done("record", url, "--key", "rutland.key", *drafts)["recorded"]
        ids = [str(one["event"]) for one in rows(recorded)]
        yield Two(county, rutland, url, fingerprint, ids)


def desk_at(folder: Path) -> Desk:
    """Return a desk whose clock is the servers'."""
    return Desk(folder, now=now_ms())


def refused(desk: Desk, *words: str) -> str:
    ran = desk(*words)

    assert (2, "") == (ran.code, ran.out), ran
    assert 1 == ran.err.count("\n")
    return ran.err


@pytest.mark.parametrize("command", READERS)
def test_what_is_read_from_a_server_is_what_the_export_says(two: Two, command: str) -> None:
    more = () if command == "stat" else AS_AT
    two.county.done("export", "ledger", f"for-{command}", "--for", "rutland")
    there = two.rutland.done(command, two.url, "--key", "rutland.key", *more)

    assert two.county.done(command, f"for-{command}", *more) == there


def test_an_output_of_a_server_is_that_of_the_export(two: Two) -> None:
    more = ("--format", "csv", "--out", "it.csv", *AS_AT)
    two.county.done("export", "ledger", "for-output", "--for", "rutland")
    there = two.rutland.done("output", two.url, "--key", "rutland.key", *more)

    assert two.county.done("output", "for-output", *more) == there
    one, other = ((desk.folder / "it.csv").read_bytes() for desk in (two.county, two.rutland))
    assert one == other


def test_shows_and_finds_by_first_digits(two: Two) -> None:
    shown = two.rutland.done("show", two.url, two.ids[0][:12], "--key", "rutland.key")
    answered = two.county.done(
        "answer", two.url, two.ids[0][:12], "received", "--key", "county.key"
    )

    assert two.ids[0] == shown["id"]
    retry = ("answer", two.url, two.ids[0][:12], "received", "--key", "county.key")
    assert two.county.done(*retry) == answered | {"before": True}
    again = two.rutland.done("show", two.url, str(answered["event"])[:12], "--key", "rutland.key")
    assert two.ids[0] == part(again["event"])["on"]
    assert "begins with ffffffffffff" in refused(
        two.rutland, "answer", two.url, "f" * 12, "agree", "--key", "rutland.key"
    )


def test_exports_and_proves_what_an_auditor_takes(two: Two) -> None:
    desk, key = two.rutland, ("--key", "rutland.key")
    exported = desk.done("export", two.url, "export", *key)
    desk.done("prove", two.url, two.ids[0][:12], *key, "--without", "person.1", "-o", "one.json")
    desk.done("receipt", two.url, two.ids[1][:12], *key, "-o", "receipt.json")
    anchor = ("--fingerprint", two.fingerprint)
    codes = [
        process(desk.folder, "export", *anchor, "--audience", "rutland", module="verify").code,
        process(desk.folder, "export", "--receipt", "receipt.json", module="verify").code,
        process(desk.folder, "one.json", *anchor, module="verify").code,
    ]

    assert [0, 0, 0] == codes
    assert ("rutland", 0) == (exported["audience"], exported["left_out"])
    assert b"A. Clerk" not in (desk.folder / "one.json").read_bytes()


def test_evidence_and_receipts_are_made_from_an_export_as_well(two: Two) -> None:
    desk = two.rutland
    desk.done("export", two.url, "as-it-is", "--key", "rutland.key")
    ways = (("prove", "-o"), ("prove", "--tlog-proof"), ("prove", "--dsse"), ("receipt", "-o"))
    for number, (command, option) in enumerate(ways):
        key, name = ("--key", "rutland.key"), f"made{number}"
        desk.done(command, "as-it-is", two.ids[0], option, f"{name}.1")
        desk.done(command, two.url, two.ids[0], *key, option, f"{name}.2")

        assert (desk.folder / f"{name}.1").read_bytes() == (desk.folder / f"{name}.2").read_bytes()


def test_a_copy_is_fetched_once_until_the_ledger_moves(two: Two) -> None:
    desk, key = two.rutland, ("--key", "rutland.key")
    desk.done("list", two.url, *key)
    first = two.copies
    folder = desk.folder / "rutland.key.d" / "exports" / two.fingerprint
    made = [(folder / name).stat().st_ino for name in first]
    desk.done("stat", two.url, *key)

    assert (first, made) == (two.copies, [(folder / name).stat().st_ino for name in first])
    desk.write("more.yaml", LIMITED.replace("A letter", "Another letter"))
    desk.done("record", two.url, *key, "more.yaml")
    size = part(desk.done("list", two.url, *key)["ledger"])["size"]
    copy, lock = two.copies
    assert ("rutland.lock", f"rutland.{size}") == (lock, copy.rpartition(".")[0])
    assert copy not in first


def test_what_a_killed_process_left_is_removed(two: Two) -> None:
    desk = two.rutland
    folder = desk.folder / "rutland.key.d" / "exports" / two.fingerprint
    desk.done("list", two.url, "--key", "rutland.key")
    for name in (".rutland.new.making", "rutland.new"):
        (folder / name).mkdir(mode=0o700)
    desk.write("killed.yaml", LIMITED.replace("A letter", "A third letter"))
    desk.done("record", two.url, "--key", "rutland.key", "killed.yaml")
    desk.done("list", two.url, "--key", "rutland.key")

    assert 2 == len(two.copies)


def test_what_is_limited_to_one_party_stays_out_of_anothers(two: Two) -> None:
    for desk, key, open_ in ((two.rutland, "rutland", True), (two.county, "warwick", False)):
        options = ("--key", f"{key}.key", "--fingerprint", two.fingerprint)
        desk.done("export", two.url, f"for-{key}-alone", *options)
        found = content(desk.folder / f"for-{key}-alone")["disclosures.jsonl"]

        assert open_ == (b"Between ourselves" in found)


def test_a_ledger_for_its_parties_asks_for_a_key(two: Two, tmp_path: Path) -> None:
    home = ("--home", str(tmp_path / "home"), "--fingerprint", two.fingerprint)

    assert "--key with your party's key" in refused(two.rutland, "list", two.url, *home)
    desk = desk_at(tmp_path)
    desk.key("stranger")
    assert "401" in refused(desk, "list", two.url, "--key", "stranger.key", *home)
    assert not (tmp_path / "home" / "urls.json").exists()


def test_a_fingerprint_is_needed_once_and_then_holds(two: Two, tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    key = ("--key", str(two.rutland.folder / "rutland.key"), "--home", "home")
    right, wrong = ("--fingerprint", two.fingerprint), ("--fingerprint", "0" * 64)

    assert "needs --fingerprint" in refused(desk, "list", two.url, *key)
    ran = desk("list", two.url, *key, *wrong)
    assert (2, "") == (ran.code, ran.out)
    assert "another ledger" in ran.err
    desk.done("list", two.url, *key, *right)
    desk.done("list", two.url.replace("http", "HTTP") + "/", *key)
    assert f"fingerprint {two.fingerprint}" in refused(desk, "list", two.url, *key, *wrong)
    (tmp_path / "home" / "urls.json").write_text("[]")
    assert "urls.json" in refused(desk, "list", two.url, *key)


@pytest.mark.parametrize(("words", "reason"), [
    (("list", "ledger", "--key", "county.key"), "--key goes with a URL"),
    (("stat", "ledger", "--home", "home"), "--home goes with a URL"),
    (("list", "ledger", "--fingerprint", "0" * 64), "is another ledger: its fingerprint is"),
    (("list", "http://127.0.0.1:9", "--key", "none"), "none: cannot be opened"),
    (("list", "http://127.0.0.1:9", "--fingerprint", "0" * 63), "is no fingerprint"),
    (("list", "http://", "--key", "county.key", "--fingerprint", "0" * 64), "'http://'"),
    (("serve", "http://127.0.0.1:9"), "no such folder"),
    (("init", "http://x", "--origin", "a/b", "--key", "county.key"), "is founded in a folder"),
])  # fmt: skip
def test_misuse_is_named(two: Two, words: tuple[str, ...], reason: str) -> None:
    ran = process(two.county.folder, *words)

    assert (2, "") == (ran.code, ran.out)
    assert reason in ran.err


def test_what_a_server_hands_out_is_for_whose_key_it_is(two: Two) -> None:
    words = ("export", two.url, "out", "--key", "rutland.key", "--for")

    assert "hands out what is for rutland" in refused(two.rutland, *words, "county")
    assert not (two.rutland.folder / "out").exists()


def test_keys_and_charters_are_managed_over_a_server(two: Two, tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    county = ("--key", str(two.county.folder / "county.key"), "--home", "county")
    first = ("--fingerprint", two.fingerprint)
    desk.key("essex")
    request = ("key", "request", two.url, "--key", "essex.key", *first, "-o", "essex.request")
    public = str(desk.done(*request)["key"])
    desk.done("enrol", two.url, "essex.request", *county, *first, "--as-member")
    desk.done("join", two.url, "--key", "essex.key")
    listed = desk.done("stat", two.url, "--key", "essex.key")
    ended = desk.done("revoke", two.url, public[:10], "--key", "essex.key")

    assert "essex" in str(listed["members"])
    assert f"key {public[:16]} ends" == ended["recorded"]
    assert "401" in refused(desk, "stat", two.url, "--key", "essex.key")


@pytest.fixture
def public(tmp_path: Path) -> Iterator[Callable[..., Ran]]:
    """Serve a public ledger; give a way to run commands that know no key, in a clean account."""
    desk = Desk(tmp_path / "county")
    desk.folder.mkdir()
    fingerprint = desk.found("--visibility", "public")
    desk.write("draft.yaml", LIMITED.replace("rutland", "county"))
    desk.done("record", "ledger", "--key", "county.key", "draft.yaml")
    with served(desk.folder) as url:

        def run(command: str, *words: str, **settings: str) -> Ran:
            return process(tmp_path, command, url, *words, "--json", **settings)

        assert 0 == run("stat", "--home", "first", "--fingerprint", fingerprint).code
        yield run


def test_anybody_reads_a_public_ledger(public: Callable[..., Ran], tmp_path: Path) -> None:
    known = (tmp_path / "first" / "urls.json").read_text()
    fingerprint = known.partition('"fingerprint":"')[2][:64]
    account = {"HOME": str(tmp_path / "account"), "XDG_CACHE_HOME": ""}
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    (tmp_path / "account").mkdir()
    runs = [
        public("list", "--home", "first"),
        public("list", "--fingerprint", fingerprint, **account),
        public("list", **account),
        public("list", "--fingerprint", fingerprint, **cache),
        public("list", **cache),
    ]

    assert [0] * 5 == [ran.code for ran in runs], runs
    assert 1 == len({ran.out for ran in runs})
    assert (tmp_path / "account" / ".cache" / "counterfoil" / "urls.json").exists()
    assert (tmp_path / "cache" / "counterfoil" / "exports" / fingerprint).is_dir()
    exported = public("export", "out", "--home", "first")
    assert ("public", 1) == (exported.values["audience"], exported.values["left_out"])


# Servers that fail, and commands that are stopped


@pytest.fixture
def large(tmp_path: Path) -> Desk:
    """A public ledger whose export does not fit into what a socket holds."""
    desk = Desk(tmp_path)
    desk.found("--visibility", "public")
    (tmp_path / "large").write_bytes(bytes(64 << 20))
    desk.write(
        "draft.yaml",
        """\
counterfoil: draft/v1
events:
  - kind: artefact
    type: letter
    claims: {title: A report, files: [large]}
""",
    )
    desk.done("record", "ledger", "--key", "county.key", "draft.yaml")
    return desk


def start(desk: Desk, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "api", *words], cwd=desk.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


class Between:
    """Hands octets on between a client and a server, and stops within an export."""

    def __init__(self, url: str, *, after: int) -> None:
        self.reached = threading.Event()
        self.ended = threading.Event()
        self._server = ("127.0.0.1", int(url.rpartition(":")[2]))
        self._after = after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # first: who is cut off comes again
        self.ended.set()
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        threads: list[threading.Thread] = []
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                break
            threads.append(threading.Thread(target=self._hand_on, args=(client,)))
            threads[-1].start()
        for thread in threads:
            thread.join()

    def _hand_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server:
            back = threading.Thread(target=self._back, args=(server, client))
            back.start()
            while data := _some(client):
                server.sendall(data)
            _shut(server)
            back.join()

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        came = 0
        while data := _some(server):
            came += len(data)
            if came > self._after:
                self.reached.set()
                self.ended.wait(60)
            try:
                client.sendall(data)
            except OSError:
                break
        _shut(client)


def _some(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1 << 16)
    except OSError:
        return b""


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_export_leaves_nothing(large: Desk, number: signal.Signals) -> None:
    fingerprint = str(part(large.done("list", "ledger")["ledger"])["fingerprint"])
    with served(large.folder) as url:
        between = Between(url, after=8 << 20)
        words = ("export", between.url, "out", "--home", "home", "--fingerprint", fingerprint)
        with start(large, *words) as running:
            assert between.reached.wait(60)
            running.send_signal(number)
            _, err = running.communicate(timeout=60)
        between.close()

    assert 130 == running.returncode
    assert "counterfoil: Interrupted." in err
    assert {"county.key", "county.key.d", "draft.yaml", "home", "large", "ledger"} == {
        each.name for each in large.folder.iterdir()
    }


def test_a_server_that_is_killed_leaves_nothing_at_its_reader(large: Desk) -> None:
    fingerprint = str(part(large.done("list", "ledger")["ledger"])["fingerprint"])
    server = start(large, "serve", "ledger", "--port", "0", "--accept-clock")
    with server:
        assert server.stdout is not None
        url = server.stdout.readline().removeprefix("listening on ").strip()
        between = Between(url, after=8 << 20)
        words = ("export", between.url, "out", "--home", "home", "--fingerprint", fingerprint)
        with start(large, *words) as running:
            assert between.reached.wait(60)
            server.kill()
            server.wait(60)
            between.close()
            _, err = running.communicate(timeout=120)

    assert 2 == running.returncode
    assert "no answer" in err
    assert not (large.folder / "out").exists()
    assert [] == list(large.folder.glob(".out*"))
