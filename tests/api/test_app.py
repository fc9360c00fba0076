"""The paths, over a real socket and a real ledger."""

from __future__ import annotations

import contextlib
import gzip
import logging
import re
import socket
import threading
from pathlib import Path

import msgspec
import pytest

from api.settings import Settings
from ledger.ledger import Ledger
from tests.api import serving as servers
from tests.api.serving import SUBMISSION, Got, Site, read_from
from tests.api.taking import ALPHA, ledger, put, refusal, serving, signed, site
from tests.ledger.builder import Party, new_letter, sign_document
from verify.checkpoint import parse_signed
from verify.receipt import parse_receipt

__all__ = ["ledger", "site"]  # fixtures

STRANGER = Party("alpha", 2)
FOREVER = "public, max-age=31536000, immutable"
PRIVATE = "private, max-age=31536000, immutable"


# Submissions


def test_answers_a_new_submission_with_201_and_the_same_again_with_200(
    ledger: Ledger, site: Site
) -> None:
    document = signed(ledger)

    first, second = site.post(document), site.post(document)

    assert (201, 200) == (first.status, second.status)
    assert "application/vnd.counterfoil.receipt+json" == first.headers["content-type"]
    assert first.body == second.body == ledger.receipt(1)
    assert 1 == parse_receipt(first.body).first
    assert 2 == ledger.size()


def test_takes_plain_json_and_a_body_without_announced_length(ledger: Ledger, site: Site) -> None:
    document = signed(ledger)
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}

    got = site.ask("POST", "/submissions", iter([document[:100], document[100:]]), headers)

    assert 201 == got.status


def test_refusal_names_check_event_and_field(ledger: Ledger, site: Site) -> None:
    missing = "0" * 64
    links = [{"event": missing, "rel": "about"}]
    document = signed(ledger, new_letter("alpha"), new_letter("alpha", links=links))

    got = site.post(document)

    assert (422, "reference") == refusal(got)
    assert (605, "events[1].links[0].event", missing) == (
        got.problem.check,
        got.problem.where,
        got.problem.found,
    )
    assert 1 == ledger.size()


def test_refusal_names_the_claim_whose_disclosure_is_wrong(ledger: Ledger, site: Site) -> None:
    event = new_letter("alpha")
    other = new_letter("alpha")
    document = sign_document(ledger, ALPHA, [event], disclosures=[other.sent])

    got = site.post(document)

    assert (422, "disclosure") == refusal(got)
    assert (703, "disclosures[0][0]") == (got.problem.check, got.problem.where)


def test_refuses_a_key_that_is_none_of_the_ledger(ledger: Ledger, site: Site) -> None:
    got = site.post(signed(ledger, party=STRANGER))

    assert (403, "key") == refusal(got)
    assert 506 == got.problem.check


def test_refuses_known_and_new_events_together(ledger: Ledger, site: Site) -> None:
    event = new_letter("alpha")
    site.post(signed(ledger, event))

    assert (409, "repeated") == refusal(site.post(signed(ledger, event, new_letter("alpha"))))


@pytest.mark.parametrize("body", [b"", b"{}", b"[" * 100_000, b"\xff", b"null"])
def test_refuses_what_is_no_document(site: Site, body: bytes) -> None:
    assert (400, "malformed") == refusal(site.post(body))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        SUBMISSION | {"Content-Encoding": "gzip"},
    ],
)
def test_refuses_another_media_type(ledger: Ledger, site: Site, headers: dict[str, str]) -> None:
    got = site.ask("POST", "/submissions", signed(ledger), headers)

    assert (415, "unsupported-media-type") == refusal(got)
    assert 1 == ledger.size()


def test_refuses_a_document_announced_as_too_large_before_it_comes(site: Site) -> None:
    got = site.raw(
        b"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 67108865\r\n\r\n"
    )

    assert (413, "too-large") == refusal(got)
    assert "close" == got.headers["connection"]


def test_asks_for_no_body_that_it_would_refuse(site: Site) -> None:
    got = site.raw(
        b"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
        b"Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n"
    )

    assert (415, "unsupported-media-type") == refusal(got)


def test_answers_an_endless_body_and_stops_reading_it(ledger: Ledger) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    sent = 0
    with (
        serving(ledger, Settings(document=1 << 20)) as site,
        socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection,
    ):
        connection.sendall(
            b"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        answers: list[Got] = []
        reader = threading.Thread(target=lambda: answers.append(read_from(connection)))
        reader.start()
        with contextlib.suppress(ConnectionError):
            while True:
                connection.sendall(chunk)
                sent += len(chunk)
        reader.join()

    assert (413, "too-large") == refusal(answers[0])
    assert sent > 1 << 20


def test_refuses_a_body_that_stands_still(ledger: Ledger) -> None:
    with serving(ledger, Settings(idle_s=0.2)) as site:
        got = site.raw(
            b"POST /submissions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 10\r\n\r\n{"
        )

    assert (408, "timeout") == refusal(got)


def test_says_when_to_come_back_if_too_much_waits(ledger: Ledger) -> None:
    document = signed(ledger)
    with serving(ledger, Settings(submissions=0, retry_after_s=9)) as site:
        got = site.post(document)
    with serving(ledger, Settings(documents=100)) as site:
        large = site.post(document)

    assert (503, "busy") == refusal(got) == refusal(large)
    assert ("9", "2") == (got.headers["retry-after"], large.headers["retry-after"])


def test_many_submit_at_once(ledger: Ledger, site: Site) -> None:
    documents = [signed(ledger) for _ in range(20)]
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda d=d: statuses.append(site.post(d).status)) for d in documents
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [201] * 20 == statuses
    assert 21 == ledger.size()


# Reading


def test_serves_the_checkpoint(ledger: Ledger, site: Site) -> None:
    got = site.get("/checkpoint")

    assert (200, ledger.checkpoint()) == (got.status, got.body)
    assert "text/plain; charset=utf-8" == got.headers["content-type"]
    assert "no-cache" == got.headers["cache-control"]
    assert 1 == parse_signed(got.body)[0].size


def test_serves_tiles_and_bundles_for_ever(ledger: Ledger, site: Site) -> None:
    for path, caching in (("tile/0/000.p/1", FOREVER), ("tile/entries/000.p/1", PRIVATE)):
        got = site.get(f"/{path}")

        assert (200, ledger.tile(path)) == (got.status, got.body)
        assert "application/octet-stream" == got.headers["content-type"]
        assert caching == got.headers["cache-control"]


@pytest.mark.parametrize("path", ["/checkpoint", "/tile/0/000.p/1", "/tile/entries/000.p/1"])
def test_what_did_not_change_is_not_sent_again(ledger: Ledger, site: Site, path: str) -> None:
    plain, packed = (site.ask("GET", path, headers={"Accept-Encoding": c}) for c in ("", "gzip"))
    again = site.ask("GET", path, headers={"If-None-Match": plain.headers["etag"]})
    takes = {"Accept-Encoding": "gzip"}
    repacked = site.ask("GET", path, headers=takes | {"If-None-Match": packed.headers["etag"]})
    unlike = site.ask("GET", path, headers=takes | {"If-None-Match": plain.headers["etag"]})
    other = site.ask("GET", path, headers={"If-None-Match": '"0"'})

    assert (304, b"") == (again.status, again.body) == (repacked.status, repacked.body)
    assert (304 if plain.body == packed.body else 200) == unlike.status
    assert packed.body == unlike.body or unlike.status == 304
    assert plain.headers["cache-control"] == again.headers["cache-control"]
    assert (200, plain.body) == (other.status, other.body)
    assert (plain.body == packed.body) is (plain.headers["etag"] == packed.headers["etag"])
    if path == "/checkpoint":
        site.post(signed(ledger))
        grown = site.ask("GET", path, headers={"If-None-Match": plain.headers["etag"]})
        assert 200 == grown.status


@pytest.mark.parametrize(
    ("takes", "coding"),
    [
        ("gzip", "gzip"),
        ("br;q=1.0, GZIP ; q=0.5 , identity", "gzip"),
        ("gzip;q=0.001", "gzip"),
        ("gzip;q=0", None),
        ("gzip; q=0.000, identity", None),
        ("identity", None),
        ("br, x-gzipped, *", None),
        ("", None),
    ],
)
def test_entry_bundles_come_in_gzip_for_who_takes_it(
    ledger: Ledger, site: Site, takes: str, coding: str | None
) -> None:
    path = "tile/entries/000.p/1"
    got = site.ask("GET", f"/{path}", headers={"Accept-Encoding": takes})
    head = site.ask("HEAD", f"/{path}", headers={"Accept-Encoding": takes})
    tile = site.ask("GET", "/tile/0/000.p/1", headers={"Accept-Encoding": takes})

    assert coding == got.headers.get("content-encoding")
    assert ledger.tile(path) == (gzip.decompress(got.body) if coding else got.body)
    assert "accept-encoding" in got.headers["vary"].lower()
    assert str(len(got.body)) == head.headers["content-length"]
    assert ledger.tile("tile/0/000.p/1") == tile.body


@pytest.mark.parametrize(
    "path",
    [
        *(
            "0/000",
            "0/000.p/2",
            "0/000.p/0",
            "0/000.p/01",
            "0/000.p/256",
            "0/0",
            "0/00",
            "0/x000/000",
        ),
        *("00/000.p/1", "1/000.p/1", "64/000", "-1/000", "data/000.p/1", "entries/001.p/1", ""),
        *("0/../0/000.p/1", "%30/000.p/1", "0%2f000.p/1", "0/000.p/1/", "/0/000.p/1", "0//000.p/1"),
        *("0/000.p/%EF%BC%91", "0/000.p/1%00", "../log.key", "..%2flog.key", "entries/../../x"),
    ],
)
def test_no_other_spelling_of_a_tile_is_served(site: Site, path: str) -> None:
    got = site.get(f"/tile/{path}")

    assert (404, "not-found") == refusal(got)
    assert "no-store" == got.headers["cache-control"]


def test_answers_head_as_get_without_a_body(site: Site) -> None:
    for path in ("/checkpoint", "/tile/0/000.p/1", "/healthz"):
        got, full = site.ask("HEAD", path), site.get(path)

        assert (200, b"") == (got.status, got.body)
        assert full.headers["content-length"] == got.headers["content-length"]


def test_says_that_it_is_well(site: Site) -> None:
    got = site.get("/healthz")

    assert (200, b'{"status":"ok"}') == (got.status, got.body)


# Everything


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/docs", 404),
        ("GET", "/redoc", 404),
        ("GET", "/checkpoint/", 404),
        ("GET", "/files/" + "0" * 64, 404),
        ("DELETE", "/files/" + "0" * 64, 405),
        ("GET", "/submissions", 405),
        ("DELETE", "/checkpoint", 405),
        ("BREW", "/healthz", 405),
    ],
)
def test_what_is_not_there_is_a_problem_too(
    site: Site, method: str, path: str, status: int
) -> None:
    got = site.ask(method, path)

    assert status == got.status == got.problem.status
    assert "no-store" == got.headers["cache-control"]  # others may be shown what this is not


def test_every_answer_has_the_headers_and_none_names_the_server(ledger: Ledger, site: Site) -> None:
    answers = [
        site.get("/checkpoint"),
        site.get("/nowhere"),
        site.get("/openapi.json"),
        site.post(b"{}"),
        site.post(signed(ledger)),
    ]
    for got in answers:
        assert "nosniff" == got.headers["x-content-type-options"]
        assert "default-src 'none'" in got.headers["content-security-policy"]
        assert "server" not in got.headers


def test_no_answer_and_no_log_line_tells_what_went_wrong_inside(
    ledger: Ledger,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> int:
        raise RuntimeError("the secret of /var/lib/ledger")

    monkeypatch.setattr(ledger, "size", fail)
    with caplog.at_level(logging.INFO):
        got = site.get("/healthz")

    assert (500, "internal") == refusal(got)
    assert b"secret" not in got.body
    assert "secret" not in caplog.text
    failure = next(r for r in caplog.records if r.message == "failure")
    assert "RuntimeError" == getattr(failure, "fields", {})["error"]


def test_a_ledger_that_is_closed_is_unavailable_and_names_no_path(
    ledger: Ledger, tmp_path: Path
) -> None:
    document = signed(ledger)
    ledger.close()
    with Ledger.open(ledger.path, read_only=True) as reading, serving(reading) as site:
        got = site.post(document)

    assert (503, "unavailable") == refusal(got)
    assert str(tmp_path).encode() not in got.body


def test_is_not_well_when_nothing_more_is_recorded(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = signed(ledger)

    def fail(*_: object) -> bool:
        raise MemoryError("secret")

    with serving(ledger) as site:
        assert ledger.healthy()
        monkeypatch.setattr(ledger._store, "append", fail)
        site.post(document)
        got = site.get("/healthz")

    assert not ledger.healthy()
    assert (503, "unavailable") == refusal(got)
    assert b"secret" not in got.body


def test_headers_without_end_are_refused(site: Site) -> None:
    answers: list[Got] = []
    # What is still on its way when the connection is closed may take the answer with it.
    with contextlib.suppress(ConnectionError):
        answers.append(site.raw(b"GET /checkpoint HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1_000_000))

    assert [400] * len(answers) == [got.status for got in answers]


def test_openapi_is_true(ledger: Ledger) -> None:
    with serving(ledger, Settings(metrics=True)) as site:
        check_openapi(ledger, site)


def check_openapi(ledger: Ledger, site: Site) -> None:
    got = site.get("/openapi.json")
    paths = msgspec.json.decode(got.body)["paths"]

    known = {
        *("/submissions", "/files/{sha256}", "/checkpoint", "/tile/{path}"),
        *("/nonces", "/sessions", "/sessions/current", "/healthz", "/metrics", "/readyz"),
        "/export",
        *("/", "/entries", "/entries/{index}", "/receipts/{reference}", "/checkpoints/{size}"),
        "/checkpoints",
        *("/proofs/inclusion", "/proofs/consistency", "/events", "/events/{id}", "/chronology"),
        *("/requests", "/promises", "/knowledge", "/ask", "/changes", "/parties", "/tail"),
        *("/agreements", "/bindings", "/arrangements", "/transfers"),
        *("/knowledge/on", "/knowledge/when", "/contradictions"),
        *("/checkpoint/cosigned", "/witnesses", "/checkpoints", "/disclosures"),
        "/checkpoint/before/{size}",
        *("/queue", "/requests/{id}", "/events/{id}/positions"),
    }
    assert known == set(paths)
    asked = {
        ("/submissions", "post"): [
            site.post(signed(ledger)),
            site.post(b"{}"),
            site.post(signed(ledger, party=STRANGER)),
            site.ask("POST", "/submissions", b""),
        ],
        ("/files/{sha256}", "put"): [put(site, b"x"), put(site, b"x"), put(site, b"x", "y")],
        ("/checkpoint", "get"): [site.get("/checkpoint")],
        ("/tile/{path}", "get"): [site.get("/tile/0/000.p/1"), site.get("/tile/x")],
        ("/export", "get"): [site.get("/export"), Site(site.port).get("/export")],
        ("/healthz", "get"): [site.get("/healthz")],
        ("/readyz", "get"): [site.get("/readyz")],
        ("/metrics", "get"): [
            site.get("/metrics"),
            site.ask("GET", "/metrics", headers={"X-Forwarded-For": "203.0.113.1"}),
        ],
        ("/nonces", "post"): [site.ask("POST", "/nonces")],
        ("/sessions", "post"): [site.ask("POST", "/sessions", b"{}", servers.JSON)],
        ("/sessions/current", "get"): [site.get("/sessions/current")],
        ("/sessions/current", "delete"): [site.ask("DELETE", "/sessions/current")],
    }
    for (path, method), answers in asked.items():
        documented = paths[path][method]["responses"]
        assert "500" in documented
        for answer in answers:
            known = documented[str(answer.status)]
            media_type = answer.headers.get("content-type")
            assert ([media_type] if media_type else []) == list(known.get("content", {}))


def test_every_path_is_documented(site: Site) -> None:
    documented = Path(__file__).parents[2].joinpath("api", "SERVING.md").read_text()
    spelt = [
        (path, "[` ]" + re.sub(r"\\{.*?\\}", "{[^}]+}", re.escape(path)) + "[`?/]")
        for path in msgspec.json.decode(site.get("/openapi.json").body)["paths"]
    ]

    assert [] == [path for path, words in spelt if not re.search(words, documented)]


def test_openapi_is_the_same_octets_and_spared_to_who_has_them(ledger: Ledger) -> None:
    with servers.serving(ledger, Settings(root_path="/below")) as site:
        first, again = site.get("/openapi.json"), site.get("/openapi.json")
        known = site.ask("GET", "/openapi.json", headers={"If-None-Match": first.headers["etag"]})
        head = site.ask("HEAD", "/openapi.json")

    assert (200, first.body) == (again.status, again.body)
    assert "public, max-age=300" == first.headers["cache-control"]
    assert (304, b"") == (known.status, known.body)
    assert (200, b"", first.headers["etag"]) == (head.status, head.body, head.headers["etag"])
    assert [{"url": "/below"}] == msgspec.json.decode(first.body)["servers"]


def test_says_what_a_path_knows(site: Site) -> None:
    assert "GET, HEAD" == site.ask("DELETE", "/checkpoint").headers["allow"]
    assert "POST" == site.get("/submissions").headers["allow"]
