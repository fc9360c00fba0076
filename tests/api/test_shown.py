"""Reading: who sees what, and files, over real sockets."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pytest

from ledger.ledger import Ledger
from tests.api.reading import ALPHA, BETA, GAMMA, Told, ledger, part, site, values
from tests.api.serving import Site, serving
from tests.ledger.builder import (
    NewEvent,
    found_ledger,
    new_event,
    new_letter,
    submit,
)

__all__ = ["ledger", "site"]  # fixtures

CONTENT = b"<script>alert(1)</script>" * 9
ANYBODY = (
    "/",
    "/checkpoint",
    "/checkpoints/1",
    "/proofs/inclusion?index=0&size=1",
    "/proofs/consistency?old=1&new=1",
)
ADMITTED = (
    *("/entries", "/entries/0", "/events", "/chronology", "/requests", "/promises"),
    "/checkpoints?start=0&stop=1",
    *("/agreements", "/bindings?party=alpha", "/arrangements", "/transfers"),
    *("/knowledge", "/ask", "/changes", "/parties", "/receipts/0", "/tail", f"/files/{'0' * 64}"),
    *("/contradictions", "/knowledge/on?day=2025-04-08"),
    f"/knowledge/when?of={'0' * 64}&act={'0' * 64}",
    f"/events/{'0' * 64}",
    *(f"/events/{'0' * 64}/positions", f"/requests/{'0' * 64}", "/queue?party=beta"),
)


WORDS = ("OPEN", "LIMITED", "OTHERS", "WITHHELD", "LATER", "ERASED")
SEES: Mapping[str, frozenset[str]] = {
    "public": frozenset(("OPEN", "LATER")),
    "alpha": frozenset(("OPEN", "LIMITED", "OTHERS", "LATER")),
    "beta": frozenset(("OPEN", "LIMITED", "LATER")),
    "gamma": frozenset(("OPEN", "OTHERS", "LATER")),
}


def readers(site: Site, ledger: Ledger) -> dict[str, Site]:
    signed_in = {party.name: site.signed_in(ledger, party) for party in (ALPHA, BETA, GAMMA)}
    return {"public": site, **signed_in}


def test_each_reader_sees_the_claims_that_are_for_it_and_no_others(
    ledger: Ledger, site: Site
) -> None:
    told = Told(ledger)
    for name, reader in readers(site, ledger).items():
        heard = told.everything(reader)
        shown = {word for word in WORDS if f"{word}-t".encode() in heard}

        assert SEES[name] == shown, name
        assert f"{next(iter(SEES[name]))}-title".encode() in heard


def test_at_an_earlier_size_nothing_shows_that_was_handed_over_later_or_erased(
    ledger: Ledger, site: Site
) -> None:
    told = Told(ledger)
    for name, reader in readers(site, ledger).items():
        got = [reader.get(f"/events/{event_id}?at_size={told.before}") for event_id in told.ids]
        heard = b"".join(one.body for one in got)

        shown = {word for word in WORDS if f"{word}-t".encode() in heard}
        assert SEES[name] - {"LATER"} == shown, name


def test_what_is_erased_leaves_answers_that_were_ready(ledger: Ledger, site: Site) -> None:
    event = new_letter("alpha", "Soon gone")
    submit(ledger, event)
    size = ledger.size()
    paths = (f"/events?at_size={size}", f"/events/{event.id.hex()}?at_size={size}")
    before = [site.get(path) for path in paths]
    erasure = new_event(
        "alpha", "erasure/v1", of=event.id.hex(), names=["title"], ground="court_order"
    )
    submit(ledger, erasure)
    after = [site.get(path) for path in paths]

    assert [True] * 2 == [b"Soon gone" in got.body for got in before]
    assert [False] * 2 == [b"Soon gone" in got.body for got in after]


PAGES = ("/entries", "/disclosures")


def test_nothing_of_a_ledger_of_members_is_read_without_a_session(tmp_path: Path) -> None:
    with (
        found_ledger(tmp_path / "members", ALPHA)[0] as ledger,
        serving(ledger) as site,
    ):
        strangers = {path: site.get(path).status for path in (*ANYBODY, *ADMITTED)}
        alpha = site.signed_in(ledger, ALPHA)
        cached = {path: alpha.get(path).headers["cache-control"] for path in ADMITTED[:10]}

    assert {**dict.fromkeys(ANYBODY, 200), **dict.fromkeys(ADMITTED, 401)} == strangers
    assert {True} == {how.startswith("private, ") for how in cached.values()}


def test_what_a_member_is_shown_of_a_public_ledger_is_kept_for_nobody_else(
    tmp_path: Path,
) -> None:
    with (
        found_ledger(tmp_path / "public", ALPHA, visibility="public")[0] as ledger,
        serving(ledger) as site,
    ):
        alpha = site.signed_in(ledger, ALPHA)
        cached = [
            {reader.get(path).headers["cache-control"].partition(",")[0] for path in PAGES}
            for reader in (site, alpha)
        ]

    assert [{"public"}, {"private"}] == cached


def test_a_member_of_one_ledger_reads_nothing_of_another(tmp_path: Path) -> None:
    with (
        found_ledger(tmp_path / "one", ALPHA)[0] as one,
        found_ledger(tmp_path / "two", ALPHA, contemporaneous_days=9)[0] as two,
        serving({"one": one, "two": two}) as site,
    ):
        inside = Site(site.port, "/one").signed_in(one, ALPHA)
        outside = Site(site.port, "/two", inside.token)
        entries = values(inside.get("/entries?limit=1"))

        assert [401] * len(ADMITTED) == [outside.get(path).status for path in ADMITTED]
        assert one.fingerprint == part(entries["ledger"])["fingerprint"]
        assert two.fingerprint == values(outside.get("/"))["fingerprint"]
        for trick in ("/one/../two/events", "/two/%2e%2e/one/events", "/two//events", "/events"):
            assert inside.raw(f"GET {trick} HTTP/1.1\r\nHost: x\r\n\r\n".encode()).status in {
                401,
                404,
            }


# Files


def file_event(name: str = "x.html", **fields: object) -> NewEvent:
    value = {
        "media_type": "text/html",
        "name": name,
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "size": len(CONTENT),
    }
    return new_event("alpha", "artefact/v1", type="letter", claims={"file.1": value}, **fields)  # type: ignore[arg-type]  # any field


@pytest.fixture
def path(ledger: Ledger) -> str:
    digest = hashlib.sha256(CONTENT).hexdigest()
    ledger.add_file(io.BytesIO(CONTENT), sha256=digest, size=len(CONTENT))
    return f"/files/{digest}"


def test_sending_a_file_tells_nobody_that_others_have_it(
    ledger: Ledger, site: Site, path: str
) -> None:
    submit(ledger, file_event(audience={"file.1": ["beta"]}))
    parties = [site.signed_in(ledger, party) for party in (BETA, GAMMA)]
    sent = [[party.ask("PUT", path, CONTENT).status for _ in range(2)] for party in parties]

    assert [[200, 200], [201, 200]] == sent


def test_a_file_is_for_whoever_may_see_a_claim_that_names_it(
    ledger: Ledger, site: Site, path: str
) -> None:
    unnamed = {name: reader.get(path).status for name, reader in readers(site, ledger).items()}
    submit(ledger, file_event(audience={"file.1": ["beta"]}))
    limited = {name: reader.get(path).status for name, reader in readers(site, ledger).items()}
    whole = file_event()
    submit(ledger, whole)
    open_ = {name: reader.get(path).status for name, reader in readers(site, ledger).items()}
    submit(
        ledger,
        new_event("alpha", "erasure/v1", of=whole.id.hex(), names=["file.1"], ground="court_order"),
    )
    erased = {name: reader.get(path).status for name, reader in readers(site, ledger).items()}

    assert dict.fromkeys(("public", "alpha", "beta", "gamma"), 404) == unnamed
    assert {"public": 404, "alpha": 200, "beta": 200, "gamma": 404} == limited == erased
    assert dict.fromkeys(("public", "alpha", "beta", "gamma"), 200) == open_


def test_a_file_is_saved_and_never_run(ledger: Ledger, site: Site, path: str) -> None:
    submit(ledger, file_event("Füße & \u202egnp.html"))
    got = site.get(path)

    assert CONTENT == got.body
    assert "application/octet-stream" == got.headers["content-type"]
    disposition = f"attachment; filename*=UTF-8''{quote('Füße & _gnp.html', safe='')}"
    assert disposition == got.headers["content-disposition"]
    assert "nosniff" == got.headers["x-content-type-options"]
    assert got.headers["content-security-policy"].startswith("sandbox;")
    head = site.ask("HEAD", path)
    assert (200, b"", str(len(CONTENT))) == (head.status, head.body, head.headers["content-length"])
    known = site.ask("GET", path, headers={"If-None-Match": got.headers["etag"]})
    assert (304, b"") == (known.status, known.body)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=0-3", (206, CONTENT[:4])),
        ("bytes=5-", (206, CONTENT[5:])),
        ("bytes=-5", (206, CONTENT[-5:])),
        ("bytes=0-999999", (206, CONTENT)),
        ("bytes=999999-", (200, CONTENT)),
        ("bytes=5-3", (200, CONTENT)),
        ("bytes=-0", (200, CONTENT)),
        ("bytes=-", (200, CONTENT)),
        ("bytes=0-1,3-4", (200, CONTENT)),
        ("octets=0-1", (200, CONTENT)),
    ],
)
def test_gives_the_part_of_a_file_that_is_asked_for(
    ledger: Ledger, site: Site, path: str, asked: str, expected: tuple[int, bytes]
) -> None:
    submit(ledger, file_event())
    got = site.ask("GET", path, headers={"Range": asked})
    stale = site.ask("GET", path, headers={"Range": asked, "If-Range": '"other"'})

    assert expected == (got.status, got.body)
    assert (200, CONTENT) == (stale.status, stale.body)


@pytest.mark.parametrize(
    "trick",
    [
        *("/files/../ledger.mdb", "/files/..%2fledger.mdb", "/files/%2e%2e/log.key"),
        *("/files//etc/passwd", f"/files/{'A' * 64}", f"/files/{'0' * 63}%30", "/files/."),
        *("/entries/-1", "/entries/01", "/entries/0x0", "/entries/%30", "/entries/1e0"),
        *("/receipts/..", f"/receipts/{'f' * 65}", "/checkpoints/+1", "/events/"),
        "/entries/99999999999999999999",
    ],
)
def test_no_trick_with_a_path_gets_anywhere(site: Site, trick: str) -> None:
    got = site.raw(f"GET {trick} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    assert got.status in {400, 404} or trick == "/entries/%30"
    assert "application/problem+json" == got.headers["content-type"] or trick == "/entries/%30"
