"""The client of the real ledger, over a real socket."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import http.server
import io
from collections.abc import Mapping
from pathlib import Path

import pytest

from api.clock import now_ms
from api.settings import Settings
from ledger.asking import Patience, UnknownReaderError
from ledger.client import ForkError, Remote
from ledger.errors import RefusedError, TargetError
from ledger.export import export
from ledger.keys import PartySigner
from ledger.ledger import Ledger
from ledger.record import record
from tests.api.serving import Site, serving
from tests.ledger.builder import (
    Clock,
    NewEvent,
    Party,
    new_charter,
    new_enrolment,
    new_event,
    new_letter,
    new_log_key,
    sign_document,
    submit,
)
from tests.ledger.client.shelf import (
    ALPHA,
    ALPHA_SIGNER,
    Sent,
    Shelf,
    forked,
    remote_at,
    serving_by,
)
from tests.ledger.test_export import content
from tests.world import World, letter
from verify.entry import parse_entry
from verify.events import event_id
from verify.receipt import parse_receipt


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
    mail = Path(__file__).parents[1] / "mail" / "attachment.eml"
    home = tmp_path / "home"
    with remote_at(site, ledger, home) as remote:
        reports = [
            record(remote, [mail], signer=ALPHA_SIGNER, home=home, now_ms=Clock()) for _ in range(2)
        ]

    assert [[], []] == [report.refused for report in reports]
    assert [None, None] == [report.stopped for report in reports]
    assert [[1], []] == [[one.index for one in report.recorded] for report in reports]
    assert 2 == ledger.size()


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
