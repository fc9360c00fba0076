"""A party follows a ledger over HTTP: one that is honest, and one that lies in every way."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import http.client
import http.server
import io
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import msgspec
import pytest
from nacl.signing import SigningKey

from api.clock import now_ms
from api.settings import Settings
from ledger.asking import Patience, UnknownReaderError
from ledger.client import AlteredError, ForkError, Remote, ShrunkError
from ledger.errors import ExportError, OutboxError, RefusedError, TargetError
from ledger.export import export
from ledger.keys import PartySigner
from ledger.ledger import Ledger
from ledger.record import record
from ledger.target import Target
from ledger.transport import UnansweredError
from tests.api.serving import Site, serving
from tests.ledger.builder import (
    Clock,
    NewEvent,
    Party,
    encode_document,
    found_ledger,
    new_charter,
    new_enrolment,
    new_event,
    new_letter,
    new_log_key,
    sign_document,
    submit,
)
from tests.ledger.test_archive import archive, in_order
from tests.ledger.test_export import content
from tests.world import Said, World, letter, public_hex, say, signing_key
from verify.__main__ import main as verify
from verify.anchors import Anchors
from verify.audit import audit
from verify.checkpoint import parse_signed
from verify.checks import Check
from verify.codec import encode
from verify.entry import SignedStatement, parse_entry
from verify.errors import VerifyError
from verify.events import Communication, Date, Opening, Sealed, event_id
from verify.folder import Folder
from verify.fork import parse_fork
from verify.receipt import parse_receipt

ALPHA = Party("alpha", 1)
ALPHA_SIGNER = PartySigner("alpha", seed=(1).to_bytes(32, "big"))


# A server of files, which can be made to say anything


@dataclass
class Shelf:
    """What a server has under each path, and what it was asked for."""

    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = 0
    answer: Callable[[http.server.BaseHTTPRequestHandler], bool] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/log"

    def show(self, world: World) -> None:
        self.files = world.export()

    def asks(self) -> list[str]:
        asked, self.asked = self.asked, []
        return asked


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    shelf = Shelf()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.removeprefix("/log/")
            shelf.asked.append(path)
            if shelf.answer is not None and shelf.answer(self):
                return
            body = shelf.files.get(path.partition("?")[0])
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is there
            del format, args

    with serving_by(Handler) as port:
        shelf.port = port
        yield shelf


@contextlib.contextmanager
def serving_by(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def world() -> World:
    world = World().found()
    world.enrol("southfold")
    world.join("southfold")
    world.submit(letter("northmere"), letter("northmere"))
    world.submit(letter("southfold"), see=True)
    return world


def remote_at(site: Site, ledger: Ledger, home: Path) -> Remote:
    return Remote(
        site.url, fingerprint=ledger.fingerprint, home=home, now_ms=now_ms, signer=ALPHA_SIGNER
    )


def remote_of(shelf: Shelf, world: World, home: Path, **options: float) -> Remote:
    fingerprint = world.fingerprint or ""
    return Remote(
        shelf.url,
        fingerprint=fingerprint,
        home=home,
        now_ms=now_ms,
        patience=Patience(sleep=lambda _: None, **options),  # type: ignore[arg-type]  # numbers
    )


@pytest.fixture
def remote(shelf: Shelf, world: World, tmp_path: Path) -> Iterator[Remote]:
    shelf.show(world)
    with remote_of(shelf, world, tmp_path / "home") as remote:
        yield remote


def id_at(world: World, index: int) -> bytes:
    return event_id(bytes(parse_entry(world.entries[index]).event))


# Following


def test_is_a_target(remote: Remote, world: World) -> None:
    target: Target = remote

    assert world.ledger.origin == target.origin
    assert world.fingerprint == target.fingerprint
    assert ((1, public_hex(world.log)),) == tuple(target.log_keys)


def test_head_is_what_was_fetched_and_checked(remote: Remote, world: World) -> None:
    head = remote.head()

    assert (world.size, world.note()) == (head.size, head.note)
    assert parse_signed(world.note())[0].root == head.root


def test_finds_every_event_and_no_other(remote: Remote, world: World) -> None:
    for index in range(world.size):
        assert index == remote.index_of(id_at(world, index))
    assert remote.index_of(bytes(32)) is None


def test_finds_an_event_once_it_is_opened(remote: Remote, shelf: Shelf, world: World) -> None:
    inner = say(Communication, "northmere", None, channel="letter")
    sealed = say(
        Sealed,
        "northmere",
        None,
        seals=inner.id,
        dates={"opens_by": Date(basis="stated", edtf="2026-12-01")},
    )
    world.submit(sealed)
    shelf.show(world)
    assert remote.index_of(bytes.fromhex(inner.id)) is None

    index = world.submit(say(Opening, "northmere", None, of=sealed.id, event=inner.event))
    shelf.show(world)

    assert index == remote.index_of(bytes.fromhex(inner.id))


def test_fetches_only_what_is_new(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path
) -> None:
    remote.head()
    shelf.asks()
    remote.head()
    assert ["checkpoint"] == shelf.asks()

    for _ in range(300):
        world.submit(letter("northmere"))
    shelf.show(world)
    remote.head()
    assert ["checkpoint", "tile/entries/000", f"tile/entries/001.p/{world.size - 256}"] == (
        shelf.asks()
    )

    world.submit(letter("northmere"))
    shelf.show(world)
    with remote_of(shelf, world, tmp_path / "home") as again:
        again.head()
        assert ["checkpoint", f"tile/entries/001.p/{world.size - 256}"] == shelf.asks()
        assert 5 == again.index_of(id_at(world, 5))
        assert 300 == again.index_of(id_at(world, 300))
        assert [] == shelf.asks()


def test_takes_the_full_bundle_where_the_partial_one_is_gone(
    remote: Remote, shelf: Shelf, world: World
) -> None:
    old = world.export()
    for _ in range(300):
        world.submit(letter("northmere"))
    new = world.export()
    shelf.files = {"checkpoint": old["checkpoint"], "tile/entries/000": new["tile/entries/000"]}

    assert parse_signed(old["checkpoint"])[0].size == remote.head().size


def test_keeps_what_it_knows_for_this_account_alone(remote: Remote, tmp_path: Path) -> None:
    remote.head()

    folder = tmp_path / "home" / "remote"
    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    assert {".json", ".ids", ".lock"} == {path.suffix for path in folder.iterdir()}
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def test_what_a_crash_wrote_too_much_is_passed_over(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path
) -> None:
    remote.head()
    ids = next((tmp_path / "home" / "remote").glob("*.ids"))
    ids.write_bytes(ids.read_bytes() + b"torn")
    index = world.submit(letter("northmere"))
    shelf.show(world)

    with remote_of(shelf, world, tmp_path / "home") as again:
        again.head()
    with remote_of(shelf, world, tmp_path / "home") as again:
        assert index == again.index_of(id_at(world, index))


def test_damaged_memory_is_not_used(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path
) -> None:
    remote.head()
    state = next((tmp_path / "home" / "remote").glob("*.json"))
    state.write_bytes(state.read_bytes().replace(b'"turnings"', b'"turning"'))

    with remote_of(shelf, world, tmp_path / "home") as again, pytest.raises(OutboxError):
        again.head()


def test_follows_keys_and_charters(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path
) -> None:
    remote.head()
    key = signing_key("another log key")
    assert world.charter is not None
    amendment = msgspec.structs.replace(
        world.charter,
        amends=id_at(world, 0).hex(),
        founding_key=None,
        log_key=public_hex(key),
        nonce="a" * 32,
    )
    world.submit(Said(amendment))
    world.log = key
    shelf.show(world)

    with remote_of(shelf, world, tmp_path / "home") as again:
        assert world.size == again.head().size
        assert (world.size, public_hex(key)) == again.log_keys[-1]
    world.submit(letter("southfold"))
    shelf.show(world)
    with remote_of(shelf, world, tmp_path / "home") as again:
        assert world.size == again.head().size


# Liars


def refused(remote: Remote, check: Check | None = None) -> AlteredError:
    with pytest.raises(AlteredError) as caught:
        remote.head()
    assert (None if check is None else check.value) == caught.value.check
    return caught.value


def alter(world: World, index: int, old: bytes, new: bytes) -> None:
    assert old in world.entries[index]
    world.entries[index] = world.entries[index].replace(old, new, 1)


def test_an_edited_entry_is_caught(remote: Remote, shelf: Shelf, world: World) -> None:
    honest = world.export()
    alter(world, 3, b'"channel":"letter"', b'"channel":"portal"')
    shelf.files = world.export() | {"checkpoint": honest["checkpoint"]}
    refused(remote, Check.PREV)

    shelf.files = honest
    assert 6 == remote.head().size


def test_the_last_entry_edited_is_caught(remote: Remote, shelf: Shelf, world: World) -> None:
    honest = world.export()
    alter(world, 5, b'"channel":"letter"', b'"channel":"portal"')
    shelf.files = world.export() | {"checkpoint": honest["checkpoint"]}

    refused(remote, Check.SUBMISSION_ROOT)


def test_an_operator_cannot_write_what_no_party_signed(
    remote: Remote, shelf: Shelf, world: World
) -> None:
    remote.head()
    world.submit(letter("southfold"), key=signing_key("operator"))
    shelf.show(world)

    refused(remote, Check.KEY)


def test_a_changed_time_in_the_last_entry_leads_to_another_tree(
    remote: Remote, shelf: Shelf, world: World
) -> None:
    honest = world.export()
    recorded = parse_entry(world.entries[5]).recorded
    alter(world, 5, b"%d" % recorded, b"%d" % (recorded + 1))
    shelf.files = world.export() | {"checkpoint": honest["checkpoint"]}

    assert "tree" in str(refused(remote))


def test_another_ledger_is_not_taken_for_this_one(
    shelf: Shelf, world: World, tmp_path: Path
) -> None:
    shelf.show(World().found())

    with remote_of(shelf, world, tmp_path / "home") as remote:
        refused(remote, Check.FINGERPRINT)


def test_a_checkpoint_of_another_key_is_refused(remote: Remote, shelf: Shelf, world: World) -> None:
    world.log = SigningKey(bytes(32))
    shelf.show(world)

    refused(remote)


def test_a_submission_cut_short_is_refused(remote: Remote, shelf: Shelf, world: World) -> None:
    del world.entries[4:]
    shelf.show(world)

    refused(remote, Check.POSITION)


def test_a_tree_that_shrank_is_caught(remote: Remote, shelf: Shelf, world: World) -> None:
    seen = remote.head().note
    del world.entries[5:]
    shelf.show(world)

    with pytest.raises(ShrunkError) as caught:
        remote.head()

    assert (seen, world.note()) == (caught.value.seen, caught.value.shown)


def forked(world: World) -> World:
    """Return a ledger that tells another story from entry 5 on."""
    other = copy.deepcopy(world)
    cut_back(other, 5)
    other.submit(letter("northmere"))
    return other


def cut_back(world: World, size: int) -> None:
    del world.entries[size:]
    world.disclosures = {i: texts for i, texts in world.disclosures.items() if i < size}
    world.notes.clear()


@pytest.mark.parametrize("more", [0, 1, 300])
def test_a_fork_is_proven(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path, more: int
) -> None:
    seen = remote.head().note
    other = forked(world)
    for _ in range(more):
        other.submit(letter("northmere"))
    shelf.show(other)

    with remote_of(shelf, world, tmp_path / "home") as again, pytest.raises(ForkError) as caught:
        again.head()

    assert (seen, other.note()) == (caught.value.seen, caught.value.shown)
    assert 0o600 == stat.S_IMODE(caught.value.path.stat().st_mode)
    proof = caught.value.path
    assert {seen.decode(), other.note().decode()} == set(parse_fork(proof.read_bytes()).checkpoints)
    assert 4 == verify([str(proof), "--fingerprint", world.fingerprint or ""])
    # It is still where it was.
    shelf.show(world)
    assert world.size == remote.head().size


def test_a_fork_that_the_log_key_did_not_sign_is_no_fork(
    remote: Remote, shelf: Shelf, world: World
) -> None:
    remote.head()
    other = forked(world)
    other.log = SigningKey(bytes(32))
    shelf.show(other)

    refused(remote)


def test_without_tiles_nothing_is_called_a_fork(remote: Remote, shelf: Shelf, world: World) -> None:
    remote.head()
    other = forked(world)
    other.submit(letter("northmere"))
    shelf.files = {k: v for k, v in other.export().items() if not k.startswith("tile/0")}

    refused(remote, Check.PREV)


@pytest.mark.parametrize(
    "note", [b"", b"x" * 100, b"ledger.example/two-councils\n0\n", b"\xff\n\n", b"\n" * 1000]
)
def test_what_is_no_checkpoint_is_refused(remote: Remote, shelf: Shelf, note: bytes) -> None:
    shelf.files["checkpoint"] = note

    refused(remote)


def test_a_short_bundle_is_refused(remote: Remote, shelf: Shelf, world: World) -> None:
    path = f"tile/entries/000.p/{world.size}"
    del world.entries[5:]
    shelf.files[path] = world.export()[f"tile/entries/000.p/{world.size}"]

    refused(remote)


# Servers that do not behave


def test_gives_up_on_what_is_larger_than_it_may_be(remote: Remote, shelf: Shelf) -> None:
    shelf.files["checkpoint"] = b"x" * 200_000

    with pytest.raises(TargetError, match="more than"):
        remote.head()


def test_follows_no_redirection(remote: Remote, shelf: Shelf) -> None:
    def redirect(handler: http.server.BaseHTTPRequestHandler) -> bool:
        handler.send_response(302)
        handler.send_header("Location", "/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    shelf.answer = redirect
    with pytest.raises(TargetError, match="302"):
        remote.head()

    assert ["checkpoint"] == shelf.asks()


def test_does_not_wait_for_ever_for_an_answer_that_drips(
    shelf: Shelf, world: World, tmp_path: Path
) -> None:
    ended = threading.Event()

    def drip(handler: http.server.BaseHTTPRequestHandler) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        with contextlib.suppress(OSError):
            while not ended.wait(0.01):
                handler.wfile.write(b"x")
        handler.close_connection = True
        return True

    shelf.answer = drip
    try:
        with (
            remote_of(shelf, world, tmp_path, deadline_s=0.2, attempts=1) as remote,
            pytest.raises(UnansweredError),
        ):
            remote.head()
    finally:
        ended.set()


def test_an_answer_cut_short_is_asked_for_again(remote: Remote, shelf: Shelf, world: World) -> None:
    def cut(handler: http.server.BaseHTTPRequestHandler) -> bool:
        if len(shelf.asked) > 1:
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"x" * 10)
        handler.close_connection = True
        return True

    shelf.answer = cut

    assert world.size == remote.head().size


def test_comes_back_when_it_is_told_to(shelf: Shelf, world: World, tmp_path: Path) -> None:
    waits: list[float] = []
    shelf.show(world)

    def busy(handler: http.server.BaseHTTPRequestHandler) -> bool:
        if len(shelf.asked) > 2:
            return False
        handler.send_response(503)
        handler.send_header("Retry-After", "7" if len(shelf.asked) == 1 else "x")
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    shelf.answer = busy
    with Remote(
        shelf.url,
        fingerprint=world.fingerprint or "",
        home=tmp_path,
        now_ms=now_ms,
        patience=Patience(sleep=waits.append),
    ) as remote:
        remote.head()

    assert [7.0, 1.0] == waits


def test_gives_up_on_a_server_that_is_always_busy(remote: Remote, shelf: Shelf) -> None:
    def busy(handler: http.server.BaseHTTPRequestHandler) -> bool:
        handler.send_error(HTTPStatus.SERVICE_UNAVAILABLE)
        return True

    shelf.answer = busy
    with pytest.raises(UnansweredError, match="503"):
        remote.hand_in(b"{}")

    assert 5 == len(shelf.asked)


def test_an_answer_of_somebody_else_is_no_refusal(remote: Remote) -> None:
    with pytest.raises(TargetError, match="404"):
        remote.hand_in(b"{}")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "ledger.example",
            "ftp://x",
            "http://",
            "http://u:p@x/",
            "http://x/?q",
            "http://x/#f",
        ),
        *(
            "http://x:99999/",
            "http://x/%2e",
            "http://x/\r\nX: y",
            "file:///etc/passwd",
            "http://[x",
        ),
    ],
)
def test_takes_nothing_else_for_a_url(url: str, tmp_path: Path) -> None:
    with pytest.raises(TargetError):
        Remote(url, fingerprint="0" * 64, home=tmp_path, now_ms=now_ms)


def test_takes_nothing_else_for_a_fingerprint(tmp_path: Path) -> None:
    for fingerprint in ("", "0" * 63, "A" * 64, "../" + "0" * 61):
        with pytest.raises(TargetError):
            Remote("http://x/", fingerprint=fingerprint, home=tmp_path, now_ms=now_ms)


def test_says_that_nobody_answers(world: World, tmp_path: Path) -> None:
    with (
        remote_of(Shelf(port=1), world, tmp_path) as remote,
        pytest.raises(UnansweredError, match="ConnectionRefusedError"),
    ):
        remote.head()


# The real ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with found_ledger(tmp_path / "ledger", ALPHA)[0] as ledger:
        yield ledger


@pytest.fixture
def site(ledger: Ledger) -> Iterator[Site]:
    with serving(ledger) as site:
        yield site


@pytest.fixture
def real(ledger: Ledger, site: Site, tmp_path: Path) -> Iterator[Remote]:
    with remote_at(site, ledger, tmp_path / "home") as remote:
        yield remote


def new_file(content: bytes) -> NewEvent:
    value: Mapping[str, object] = {
        "media_type": "application/pdf",
        "name": "letter.pdf",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
    }
    return new_event("alpha", "artefact/v1", type="letter", claims={"file.1": value})


def test_submits_with_what_it_saw_and_finds_it(ledger: Ledger, real: Remote) -> None:
    event = new_letter("alpha")
    head = real.head()
    document = sign_document(ledger, ALPHA, [event], note=head.note)

    receipt = real.hand_in(document)

    assert ledger.receipt(1) == receipt == real.hand_in(document)
    assert 1 == real.index_of(event.id)
    assert (2, ledger.root()) == real.head()[:2]


def test_a_refusal_names_check_and_part(ledger: Ledger, real: Remote) -> None:
    links = [{"event": "0" * 64, "rel": "about"}]
    document = sign_document(ledger, ALPHA, [new_letter("alpha", links=links)])

    with pytest.raises(RefusedError) as caught:
        real.hand_in(document)

    assert (605, "events[0].links[0].event") == (caught.value.check, caught.value.where)


def test_hands_over_a_file_first(ledger: Ledger, real: Remote) -> None:
    content = bytes(200_000)
    digest = hashlib.sha256(content).hexdigest()
    for _ in range(2):
        real.add_file(io.BytesIO(content), sha256=digest, size=len(content))

    receipt = real.hand_in(sign_document(ledger, ALPHA, [new_file(content)]))

    assert 1 == parse_receipt(receipt).first


def test_a_file_that_is_not_what_was_said_is_refused(real: Remote) -> None:
    digest = hashlib.sha256(b"one").hexdigest()

    with pytest.raises(RefusedError):
        real.add_file(io.BytesIO(b"two"), sha256=digest, size=3)
    with pytest.raises(TargetError, match="shorter"):
        real.add_file(io.BytesIO(b"on"), sha256=digest, size=3)


def test_a_refusal_that_comes_early_is_read(ledger: Ledger, tmp_path: Path) -> None:
    size = 40 << 20
    with (
        serving(ledger, Settings(file=10)) as site,
        remote_at(site, ledger, tmp_path / "home") as remote,
        pytest.raises(RefusedError, match="10 octets"),
    ):
        remote.add_file(io.BytesIO(bytes(size)), sha256="0" * 64, size=size)


def test_log_keys_are_those_after_what_was_submitted(ledger: Ledger, real: Remote) -> None:
    real.head()
    key = new_log_key(2)
    ledger.add_log_key(key)
    charter = new_charter(
        ALPHA, key, founding=False, amends=event_id(bytes(parse_entry(ledger.entry(0)).event)).hex()
    )

    real.hand_in(sign_document(ledger, ALPHA, [charter]))

    assert (2, key.public.hex()) == real.log_keys[-1]


def test_an_answer_that_was_lost_comes_the_second_time(
    ledger: Ledger, site: Site, tmp_path: Path
) -> None:
    statuses: list[int] = []

    class Lossy(http.server.BaseHTTPRequestHandler):
        """Hands everything on, and loses the first answer."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            onward = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
            with contextlib.closing(onward):
                headers = {"Content-Type": self.headers["Content-Type"]}
                onward.request("POST", self.path, body, headers)
                response = onward.getresponse()
                data = response.read()
            statuses.append(response.status)
            if len(statuses) > 1:
                self.send_response(response.status)
                self.end_headers()
                self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is there
            del format, args

    waits: list[float] = []
    with (
        serving_by(Lossy) as port,
        Remote(
            f"http://127.0.0.1:{port}",
            fingerprint=ledger.fingerprint,
            home=tmp_path / "home",
            now_ms=now_ms,
            patience=Patience(sleep=waits.append),
        ) as remote,
    ):
        receipt = remote.hand_in(sign_document(ledger, ALPHA, [new_letter("alpha")]))

    assert [201, 200] == statuses
    assert [0.5] == waits
    assert ledger.receipt(1) == receipt
    assert 2 == ledger.size()


def test_goes_on_after_the_server_began_again(ledger: Ledger, tmp_path: Path) -> None:
    event = new_letter("alpha")
    document = sign_document(ledger, ALPHA, [event])
    home = tmp_path / "home"
    with serving(ledger) as site, remote_at(site, ledger, home) as remote:
        first = remote.hand_in(document)
        remote.head()
    path = ledger.path
    ledger.close()
    with (
        Ledger.open(path, clock=Clock()) as again,
        serving(again) as site,
        remote_at(site, again, home) as remote,
    ):
        assert first == remote.hand_in(document)
        assert 1 == remote.index_of(event.id)


def test_a_party_records_its_mail_through_it(ledger: Ledger, site: Site, tmp_path: Path) -> None:
    mail = Path(__file__).parent / "mail" / "attachment.eml"
    home = tmp_path / "home"
    with remote_at(site, ledger, home) as remote:
        reports = [
            record(remote, [mail], signer=ALPHA_SIGNER, home=home, now_ms=Clock()) for _ in range(2)
        ]

    assert [[], []] == [report.refused for report in reports]
    assert [None, None] == [report.stopped for report in reports]
    assert [[1], []] == [[one.index for one in report.recorded] for report in reports]
    assert 2 == ledger.size()


# Receipts: what a library user gets is checked


@dataclass
class Sent:
    """A letter of Southfold's on its way: its document, and how it is recorded."""

    said: Said
    signed: SignedStatement
    document: bytes

    @classmethod
    def of(cls, world: World) -> Sent:
        said = letter("southfold")
        signed = world.sign([said])
        document = encode_document(
            signed.statement, signed.signature, [said.data], disclosures=[said.disclosures]
        )
        return cls(said, signed, document)

    def recorded(self, world: World) -> bytes:
        return world.receipt(world.append([self.said], self.signed), 1)


def test_a_submission_comes_back_as_its_receipt(remote: Remote, shelf: Shelf, world: World) -> None:
    sent = Sent.of(world)
    shelf.files["submissions"] = answer = sent.recorded(world)
    shelf.files |= world.export()

    receipt = remote.submit(sent.document)

    assert (6, parse_receipt(answer)) == (receipt.first, receipt)
    assert world.size == remote.head().size


def test_an_older_receipt_of_the_same_document_will_do(
    remote: Remote, shelf: Shelf, world: World
) -> None:
    sent = Sent.of(world)
    shelf.files["submissions"] = answer = sent.recorded(world)
    for _ in range(3):
        world.submit(letter("northmere"))
    shelf.files |= world.export()

    assert parse_receipt(answer) == remote.submit(sent.document)

    path = f"tile/0/000.p/{world.size}"
    shelf.files[path] = bytes(len(shelf.files[path]))
    with pytest.raises(AlteredError, match="tiles"):
        remote.submit(sent.document)


def test_a_document_that_is_not_sound_is_not_sent(remote: Remote, shelf: Shelf) -> None:
    with pytest.raises(VerifyError):
        remote.submit(b"{}")

    assert [] == shelf.asks()


@pytest.mark.parametrize("what", ["another", "an old one", "none", "another ledger's", "no key's"])
def test_a_receipt_of_something_else_is_caught(
    remote: Remote, shelf: Shelf, world: World, what: str
) -> None:
    sent, other, old = Sent.of(world), Sent.of(world), world.receipt(5, 1)
    mine, others = sent.recorded(world), other.recorded(world)
    shelf.show(world)
    receipt = parse_receipt(mine)
    key = SigningKey(bytes(32))
    unsigned = copy.deepcopy(world)
    unsigned.log = key
    shelf.files["submissions"] = {
        "another": others,
        "an old one": old,
        "none": mine[:-1],
        "another ledger's": encode(msgspec.structs.replace(receipt, charter="0" * 64)),
        "no key's": unsigned.receipt(6, 1),
    }[what]

    with pytest.raises(TargetError, match="receipt"):
        remote.submit(sent.document)


@pytest.mark.parametrize("cut", [4, 5, 6])
@pytest.mark.parametrize("more", [0, 1, 3])
def test_a_receipt_of_another_history_is_a_fork(
    remote: Remote, shelf: Shelf, world: World, cut: int, more: int
) -> None:
    """Whether its tree is smaller, as large or larger than the one that is shown."""
    remote.head()
    world.submit(letter("northmere"))
    other = copy.deepcopy(world)
    del other.entries[cut:]
    sent = Sent.of(world)
    index = other.append([sent.said], sent.signed)
    for _ in range(more):
        other.submit(letter("northmere"))
    shelf.files = other.export() | world.export()
    shelf.files["submissions"] = other.receipt(index, 1)

    with pytest.raises((ForkError, AlteredError)) as caught:
        remote.submit(sent.document)

    if other.size <= world.size:
        assert isinstance(caught.value, ForkError)
        assert (world.note(), other.note()) == (caught.value.seen, caught.value.shown)
    assert world.size == remote.head().size


def test_what_was_sent_waits_when_the_receipt_is_of_another_history(
    ledger: Ledger, site: Site, tmp_path: Path
) -> None:
    """The server shows one ledger, and has what comes recorded in another."""
    path = tmp_path / "other"
    path.mkdir()
    submit(ledger, new_letter("alpha"))
    for name in ("ledger.mdb", "log.key"):
        (path / name).write_bytes((ledger.path / name).read_bytes())
        (path / name).chmod(0o600)
    home = tmp_path / "home"
    draft = tmp_path / "draft.yaml"
    draft.write_text("counterfoil: draft/v1\nevents: [{kind: communication, channel: letter}]\n")

    with Ledger.open(path, clock=Clock()) as other, remote_at(site, ledger, home) as remote:

        def elsewhere(document: bytes) -> bytes:
            submit(ledger, new_letter("alpha"))
            remote.head()  # as after all that is handed in
            return other.submit(document)

        remote.hand_in = elsewhere  # type: ignore[method-assign]  # what the server does
        report = record(remote, [draft], signer=ALPHA_SIGNER, home=home, now_ms=Clock())

    assert ([], 1) == (report.recorded, report.waiting)
    assert "fork" in str(report.stopped)


# Exports


@pytest.fixture
def fetching(remote: Remote, shelf: Shelf, world: World) -> Remote:
    remote.head()
    show_export(shelf, world)
    shelf.asks()
    return remote


def show_export(shelf: Shelf, world: World, **changes: bytes) -> None:
    shelf.show(world)
    shelf.files["export"] = archive(in_order(world.export() | changes))


def not_fetched(
    remote: Remote, folder: Path, kind: type[TargetError] = AlteredError
) -> TargetError:
    with pytest.raises(kind) as caught:
        remote.fetch_export(folder)

    assert [] == list(folder.parent.iterdir())
    return caught.value


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    folder.mkdir()
    return folder / "export"


def test_an_export_is_fetched_and_audited(
    fetching: Remote, shelf: Shelf, world: World, out: Path
) -> None:
    octets: list[int] = []
    entries: list[tuple[int, int]] = []

    fetched = fetching.fetch_export(
        out, coming=octets.append, checking=lambda *done: entries.append(done)
    )

    assert ["export"] == shelf.asks()
    assert world.export() == content(out)
    assert (6, "public", world.note()) == (fetched.head.size, fetched.audience, fetched.head.note)
    assert len(shelf.files["export"]) == octets[-1]
    assert (6, 6) == entries[-1]


def test_an_export_is_all_that_is_needed_to_follow(
    shelf: Shelf, world: World, tmp_path: Path, out: Path
) -> None:
    show_export(shelf, world)
    with remote_of(shelf, world, tmp_path / "home") as remote:
        remote.fetch_export(out)

        assert 5 == remote.index_of(id_at(world, 5))
    assert ["export"] == shelf.asks()


def test_an_export_may_be_larger_than_what_was_seen(
    fetching: Remote, shelf: Shelf, world: World, out: Path
) -> None:
    for _ in range(300):
        world.submit(letter("northmere"))
    show_export(shelf, world)

    assert world.size == fetching.fetch_export(out).head.size
    assert world.size - 1 == fetching.index_of(id_at(world, world.size - 1))


@pytest.mark.parametrize("more", [0, 1])
def test_an_export_of_another_history_is_a_fork(
    fetching: Remote, shelf: Shelf, world: World, out: Path, more: int
) -> None:
    other = forked(world)
    for _ in range(more):
        other.submit(letter("northmere"))
    show_export(shelf, other)

    caught = not_fetched(fetching, out, ForkError)

    assert isinstance(caught, ForkError)
    assert (world.note(), other.note()) == (caught.seen, caught.shown)


def test_an_older_export_is_not_taken(
    fetching: Remote, shelf: Shelf, world: World, out: Path
) -> None:
    cut_back(world, 5)
    show_export(shelf, world)

    not_fetched(fetching, out, ShrunkError)


def test_an_export_for_somebody_else_is_not_taken(
    fetching: Remote, shelf: Shelf, world: World, out: Path
) -> None:
    shelf.files["export"] = archive(in_order(world.export(audience="southfold")))

    caught = not_fetched(fetching, out)

    assert isinstance(caught, AlteredError)
    assert Check.MANIFEST.value == caught.check


def test_an_export_of_another_ledger_is_not_taken(
    fetching: Remote, shelf: Shelf, world: World, out: Path
) -> None:
    del world
    shelf.files["export"] = archive(in_order(World().found().export()))

    not_fetched(fetching, out)


def test_an_export_without_what_it_must_have_is_not_taken(
    fetching: Remote, shelf: Shelf, world: World, out: Path
) -> None:
    files = world.export()
    del files["disclosures.jsonl"]
    shelf.files["export"] = archive(in_order(files))

    caught = not_fetched(fetching, out)

    assert isinstance(caught, AlteredError)
    assert Check.DISCLOSURE_MISSING.value == caught.check


def test_an_altered_export_is_not_taken(
    fetching: Remote, shelf: Shelf, world: World, out: Path
) -> None:
    data = archive(in_order(world.export()))
    for at in range(100, len(data), 1111):
        shelf.files["export"] = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        not_fetched(fetching, out)
    for end in range(0, len(data), 5000):
        shelf.files["export"] = data[:end]
        not_fetched(fetching, out)


def shows(path: Path | None, world: World, check: Check) -> bool:
    """Tell whether an export alone shows, to who knows the fingerprint, that a check fails."""
    assert path is not None
    report = audit(Folder(path), anchors=Anchors(fingerprint=world.fingerprint))
    return [check] == [finding.check for finding in report.findings]


def test_an_export_whose_entries_may_not_stand_there_is_kept(
    fetching: Remote, shelf: Shelf, world: World, out: Path, tmp_path: Path
) -> None:
    """The log key signed for them, so that it is evidence: the last one that came is kept."""
    for _ in range(2):
        world.submit(letter("northmere"), expires=world.now - 1)
        show_export(shelf, world)
        caught = not_fetched(fetching, out)

        assert isinstance(caught, AlteredError)
        assert Check.EXPIRES.value == caught.check
        (kept,) = (tmp_path / "home/remote").glob("*.invalid")
        assert (kept, True) == (caught.path, str(kept) in str(caught))
        assert world.export() == content(kept)


def test_entries_that_may_not_stand_there_are_shown_by_the_export(
    fetching: Remote, shelf: Shelf, world: World
) -> None:
    world.submit(letter("northmere"), key=signing_key("nobody"))
    show_export(shelf, world)
    shelf.files["export"] = b""
    assert refused(fetching, Check.KEY).path is None
    show_export(shelf, world)

    assert shows(refused(fetching, Check.KEY).path, world, Check.KEY)


def test_entries_that_the_export_does_not_have_are_not_shown(
    fetching: Remote, shelf: Shelf, world: World
) -> None:
    good = archive(in_order(world.export()))
    world.submit(letter("northmere"), key=signing_key("nobody"))
    shelf.show(world)
    shelf.files["export"] = good

    assert refused(fetching, Check.KEY).path is None


@pytest.mark.parametrize("chunked", [True, False])
def test_an_export_that_is_cut_is_asked_for_again(
    fetching: Remote, shelf: Shelf, world: World, out: Path, *, chunked: bool
) -> None:
    data = shelf.files["export"]

    def cut(handler: http.server.BaseHTTPRequestHandler) -> bool:
        if handler.path != "/log/export" or len(shelf.asked) > 3:
            return False
        handler.send_response(200)
        if chunked:
            handler.send_header("Transfer-Encoding", "chunked")
        else:
            handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        part = data[: len(data) // 2]
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
        handler.close_connection = True
        return True

    shelf.answer = cut
    fetching.fetch_export(out)

    assert ["export"] * 4 == shelf.asks()
    assert world.export() == content(out)


def test_gives_up_on_an_export_that_never_comes_whole(
    fetching: Remote, shelf: Shelf, out: Path
) -> None:
    def cut(handler: http.server.BaseHTTPRequestHandler) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        handler.wfile.write(shelf.files["export"][:9000])
        handler.close_connection = True
        return True

    shelf.answer = cut
    not_fetched(fetching, out, UnansweredError)


def test_does_not_wait_for_ever_for_an_export_that_drips(
    shelf: Shelf, world: World, tmp_path: Path, out: Path
) -> None:
    show_export(shelf, world)
    ended = threading.Event()

    def drip(handler: http.server.BaseHTTPRequestHandler) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        with contextlib.suppress(OSError):
            for octet in shelf.files["export"]:
                if ended.wait(0.01):
                    break
                handler.wfile.write(bytes([octet]))
        handler.close_connection = True
        return True

    shelf.answer = drip
    try:
        with remote_of(shelf, world, tmp_path / "home", deadline_s=0.2, attempts=1) as remote:
            not_fetched(remote, out, UnansweredError)
    finally:
        ended.set()


def test_an_interruption_leaves_nothing_of_an_export(
    fetching: Remote, out: Path, world: World
) -> None:
    def interrupt(*_: int) -> None:
        raise KeyboardInterrupt

    for told in ({"coming": interrupt}, {"checking": interrupt}):
        with pytest.raises(KeyboardInterrupt):
            fetching.fetch_export(out, **told)

        assert [] == list(out.parent.iterdir())
    assert world.size == fetching.fetch_export(out).head.size


def test_an_export_overwrites_nothing(fetching: Remote, shelf: Shelf, out: Path) -> None:
    out.write_text("here")

    with pytest.raises(ExportError, match="there already"):
        fetching.fetch_export(out)

    assert [] == shelf.asks()
    assert "here" == out.read_text()


def test_a_fingerprint_with_a_slip_in_it_is_noticed(
    shelf: Shelf, world: World, tmp_path: Path
) -> None:
    shelf.show(world)
    with remote_of(shelf, world, tmp_path / "home") as remote:
        assert world.ledger.origin == remote.claimed_origin()
    with (
        Remote(shelf.url, fingerprint="0" * 64, home=tmp_path / "home", now_ms=now_ms) as remote,
        pytest.raises(AlteredError, match=world.fingerprint),
    ):
        remote.claimed_origin()


def test_finds_ids_by_their_first_digits(remote: Remote, shelf: Shelf, world: World) -> None:
    ids = [id_at(world, index).hex() for index in range(world.size)]

    assert sorted(ids) == list(remote.ids_with_prefix(""))
    assert (ids[3],) == remote.ids_with_prefix(ids[3][:12])
    assert () == remote.ids_with_prefix("f" * 63)
    world.submit(letter("northmere"))
    shelf.show(world)
    new = id_at(world, 6).hex()
    assert (new,) == remote.ids_with_prefix(new[:12])


# The export of the real ledger


def test_a_party_fetches_its_own_export_and_nobody_another(
    ledger: Ledger, site: Site, tmp_path: Path
) -> None:
    limited = new_event(
        "alpha", "communication/v1", channel="letter", audience={"text": ["alpha"]},
        claims={"text": "Between ourselves", "title": "A letter"},
    )  # fmt: skip
    submit(ledger, new_enrolment(ledger, "alpha", Party("beta", 2)))
    submit(ledger, limited)
    found = {}
    for name, seed in (("alpha", 1), ("beta", 2)):
        signer = PartySigner(name, seed=seed.to_bytes(32, "big"))
        home = tmp_path / f"home-{name}"
        with Remote(
            site.url, fingerprint=ledger.fingerprint, home=home, now_ms=now_ms, signer=signer
        ) as remote:
            fetched = remote.fetch_export(tmp_path / name)
        export(ledger, tmp_path / f"here-{name}", audience=name)
        found[name] = (fetched.audience, fetched.left_out)

        assert content(tmp_path / f"here-{name}") == content(tmp_path / name)
    assert {"alpha": ("alpha", 0), "beta": ("beta", 1)} == found


def test_nobody_fetches_the_export_of_a_ledger_for_its_parties(
    ledger: Ledger, site: Site, tmp_path: Path
) -> None:
    with (
        Remote(
            site.url, fingerprint=ledger.fingerprint, home=tmp_path / "home", now_ms=now_ms
        ) as remote,
        pytest.raises(TargetError, match="401"),
    ):
        remote.fetch_export(tmp_path / "export")

    assert not (tmp_path / "export").exists()


# Whoever ended its own key


@pytest.mark.parametrize("honest", [True, False])
def test_a_receipt_is_compared_by_the_tiles_where_entries_are_shown_no_more(
    remote: Remote, shelf: Shelf, world: World, *, honest: bool
) -> None:
    remote.head()
    sent = Sent.of(world)
    shown = world if honest else forked(world)
    shown.submit(letter("northmere"))
    shelf.files = {**shown.export(), "submissions": sent.recorded(shown)}
    shelf.files |= shown.export()

    def closed(handler: http.server.BaseHTTPRequestHandler) -> bool:
        if "entries" not in handler.path:
            return False
        handler.send_response(401)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    shelf.answer = closed
    with pytest.raises(UnknownReaderError):
        remote.head()

    if honest:
        assert 7 == remote.submit(sent.document).first
    else:
        with pytest.raises(ForkError):
            remote.submit(sent.document)
