"""Reading: pages that stay, answers, proofs that hold, over real sockets."""

from __future__ import annotations

import base64
import io
import socket
from collections.abc import Iterator, Sequence
from urllib.parse import quote

import msgspec
import pytest

from api.problems import PREFIX
from ledger.cli.context import Context
from ledger.cli.main import run
from ledger.ledger import Ledger
from tests.api.reading import ALPHA, BETA, GAMMA, JSON, Told, ledger, part, site, values
from tests.api.serving import Got, Site, serving
from tests.ledger.builder import (
    Clock,
    NewEvent,
    Party,
    new_event,
    new_letter,
    submit,
)
from verify.checkpoint import parse_signed
from verify.merkle import check_consistency, check_inclusion, leaf_hash
from verify.proof import parse_proof
from verify.receipt import parse_receipt

__all__ = ["ledger", "site"]  # fixtures


def slug(got: Got) -> tuple[int, str]:
    return got.status, got.problem.type.removeprefix(PREFIX)


def rows(value: JSON) -> list[dict[str, JSON]]:
    assert isinstance(value, list)
    return [part(row) for row in value]


# Pages


def letters(ledger: Ledger, count: int) -> None:
    submit(ledger, *(new_letter("alpha", f"Letter {number}") for number in range(count)))


def pages(site: Site, path: str, ledger: Ledger | None = None) -> list[dict[str, JSON]]:
    """Read all pages, while the ledger grows by a letter between two of them."""
    found = [values(site.get(path))]
    while "next" in found[-1]:
        if ledger is not None:
            letters(ledger, 1)
        found.append(values(site.get(f"{path}&cursor={found[-1]['next']}")))
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
def test_pages_are_what_one_page_would_have_been_whatever_is_recorded_meanwhile(
    ledger: Ledger, site: Site, limit: int
) -> None:
    letters(ledger, 9)
    for path, name in (
        ("/entries?start=2", "entries"),
        ("/events?kind=communication", "events"),
        ("/chronology?party=alpha", "chronology"),
    ):
        whole = values(site.get(f"{path}&limit=50&at_size={ledger.size()}"))
        found = pages(site, f"{path}&limit={limit}", ledger)

        def of(page: dict[str, JSON], name: str = name) -> list[dict[str, JSON]]:
            value = page[name]
            return rows(value["rows"] if isinstance(value, dict) else value)

        assert of(whole) == [row for page in found for row in of(page)]
        assert [whole["ledger"]] * len(found) == [page["ledger"] for page in found]
        assert {True} == {len(of(page)) <= limit for page in found}


def test_the_day_of_a_page_is_that_of_the_first(ledger: Ledger) -> None:
    letters(ledger, 3)
    clock = Clock()
    with serving(ledger, now_ms=clock) as site:
        first = values(site.get("/chronology?limit=2"))
        clock.now_ms += 2 * 86_400_000
        second = values(site.get(f"/chronology?limit=2&cursor={first['next']}"))
        other = values(site.get("/chronology?limit=2"))

    days = [part(each["chronology"])["as_at"] for each in (first, second, other)]
    assert days[0] == days[1] != days[2]


def test_a_page_is_no_longer_than_the_server_lets_it_be(ledger: Ledger, site: Site) -> None:
    letters(ledger, 60)

    assert 50 == len(rows(values(site.get("/events?limit=10000"))["events"]))
    assert 50 == len(rows(values(site.get("/entries?limit=10000"))["entries"]))


def test_refuses_a_cursor_that_this_question_was_not_given(ledger: Ledger, site: Site) -> None:
    letters(ledger, 5)
    cursor = str(values(site.get("/events?limit=2"))["next"])
    decoded = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))

    def forged(*parts: object) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(parts)).rstrip(b"=").decode()

    question, size, start, day = decoded
    tried = [
        f"/events?party=alpha&cursor={cursor}",
        f"/chronology?cursor={cursor}",
        f"/entries?cursor={cursor}",
        *(
            f"/events?cursor={quote(text)}"
            for text in (
                *("", "x", "é", "=" * 9, cursor + "=", cursor[:-1], f" {cursor}", "A" * 513),
                forged(question, size + 1, start, day),
                forged(question, 0, start, day),
                forged(question, size, 0, day),
                forged(question, size, -1, day),
                forged(question, size, start, "2025-02-30"),
                forged(question, size, start, day, 1),
                forged("0" * 16, size, start, day),
                forged(question, 1.5, start, day),
            )
        ),
    ]
    beta = site.signed_in(ledger, BETA)

    assert [(400, "malformed")] * len(tried) == [slug(site.get(path)) for path in tried]
    assert (400, "malformed") == slug(beta.get(f"/events?limit=2&cursor={cursor}"))
    assert 200 == site.get(f"/events?limit=1&cursor={cursor}").status
    assert (
        [] == values(site.get(f"/events?cursor={forged(question, size, 2**53 - 1, day)}"))["events"]
    )


# Questions


@pytest.mark.parametrize(
    "query",
    [
        *("nonsense=1", "limit=1&limit=2", "limit=0", "limit=-1", "limit=1.0", "limit=10001"),
        *("limit=%C2%B2", "at_size=0", "at_size=1_0", "at_size=", "from=2025-02-30", "from=1"),
        *("to=2025-3-1", "to=2025-03-01T00:00:00", "kind=letter", "party=Alpha", "party="),
        *("id=XYZ", "id=", "thread=ab", "at_size=99999999999999999", "limit"),
    ],
)
def test_refuses_a_question_that_is_misspelt_and_names_the_word(site: Site, query: str) -> None:
    got = site.get(f"/events?{query}")

    assert (400, "malformed") == slug(got)
    assert query.partition("=")[0] in got.problem.detail


def test_a_size_that_is_not_reached_is_not_found(ledger: Ledger, site: Site) -> None:
    assert (404, "not-found") == slug(site.get(f"/chronology?at_size={ledger.size() + 1}"))


def dated(edtf: str, *, party: Party = ALPHA, **fields: object) -> NewEvent:
    dates = {"sent": {"basis": "stated", "edtf": edtf}}
    return new_letter(party.name, edtf, dates=dates, **fields)


def test_finds_events_by_what_stands_clear_in_them(ledger: Ledger, site: Site) -> None:
    march = dated("2025-03-06", to=["gamma/clerk"])
    year = dated("2025")
    june = dated("2025-06-01", links=[{"rel": "replies_to", "event": march.id.hex()}])
    undated = new_letter("alpha")
    beta = dated("2025-03-07", party=BETA, links=[{"rel": "about", "event": june.id.hex()}])
    submit(ledger, march, year, june, undated)
    submit(ledger, beta, party=BETA)
    named = {"march": march, "year": year, "june": june, "undated": undated, "beta": beta}
    ids = {event.id.hex(): name for name, event in named.items()}

    def found(query: str) -> set[str]:
        got = rows(values(site.get(f"/events?{query}"))["events"])
        return {ids[str(row["id"])] for row in got if row["id"] in ids}

    assert set(named) == found("")
    assert {"march"} == found("party=gamma")
    assert {"beta"} == found("party=beta")
    assert {"march", "beta", "year"} == found("from=2025-03-01&to=2025-03-31")
    assert {"june", "year"} == found("from=2025-05-01")
    assert {"march"} == found("to=2025-03-06") - {"year"}
    assert {"year"} == found("from=2025-12-31")
    assert {"march", "june", "beta"} == found(f"thread={march.id.hex()}")
    assert {"march", "june", "beta"} == found(f"thread={beta.id.hex()}")
    assert {"undated"} == found(f"thread={undated.id.hex()}")
    assert set() == found(f"thread={'0' * 64}") == found("kind=meeting")
    assert {"march"} == found(f"id={march.id.hex()[:12]}")
    assert {"june"} == found(f"thread={march.id.hex()}&from=2025-05-01")


def test_answers_are_those_of_the_command_line(ledger: Ledger, site: Site) -> None:
    told = Told(ledger)
    day, at = "2025-11-28", str(ledger.size())
    alpha = site.signed_in(ledger, ALPHA)
    query = f"as_at={day}&at_size={at}"
    folds = (
        *("chronology", "requests", "promises", "knowledge", "ask"),
        *("agreements", "arrangements", "transfers", "contradictions"),
    )
    answers = {path: values(alpha.get(f"/{path}?{query}")) for path in folds}
    shown = values(alpha.get(f"/events/{told.ids[0]}?{query}"))
    bound = values(alpha.get(f"/bindings?party=beta&on=2025-06-01&{query}"))
    assert 400 == alpha.get(f"/bindings?party=beta&on=2025-11-29&{query}").status
    assert 400 == alpha.get(f"/bindings?{query}").status
    one, other = told.ids[:2]
    on = values(alpha.get(f"/knowledge/on?day=2025-04-08&party=alpha&{query}"))
    of = values(alpha.get(f"/knowledge/on?day=2025-04-08&of={one}&{query}"))
    when = values(alpha.get(f"/knowledge/when?of={one}&act={other}&{query}"))
    absent = "0" * 64
    for path in (f"on?day=2025-04-08&of={absent}", f"when?of={one}&act={absent}"):
        assert 404 == alpha.get(f"/knowledge/{path}").status
    # The command line reads what whoever holds the folder holds: here, all that Alpha may see.
    ledger.close()  # one process has it open once
    folder = str(ledger.path)
    for path in folds:
        assert answers[path] == said(path, folder, "--as-at", day, "--at-size", at)
    asked = ("--bound", "beta", "--on", "2025-06-01", "--as-at", day, "--at-size", at)
    assert bound == said("agreements", folder, *asked)
    assert shown == said("show", folder, told.ids[0], "--as-at", day, "--at-size", at)
    knowledge = ("knowledge", folder, "--as-at", day, "--at-size", at)
    assert on == said(*knowledge, "--on", "2025-04-08", "--party", "alpha")
    assert of == said(*knowledge, "--on", "2025-04-08", "--of", one)
    assert when == said(*knowledge, "--of", one, "--when", other)


def test_changes_are_those_of_the_command_line(ledger: Ledger, site: Site) -> None:
    Told(ledger)
    size = ledger.size()
    alpha = site.signed_in(ledger, ALPHA)
    asked = f"as_at=2025-11-28&at_size={size}&since=2025-03-01&since_size=4"
    found = values(alpha.get(f"/changes?{asked}"))
    same = values(alpha.get(f"/changes?as_at=2025-11-28&at_size={size}"))
    refused = [
        alpha.get(f"/changes?as_at=2025-11-28&{query}").status
        for query in ("since=2025-11-29", f"since_size={size + 1}", "since=20250101")
    ]
    ledger.close()  # one process has it open once
    words = ("--since", "2025-03-01", "--since-size", "4", "--until", "2025-11-28")

    assert found == said("changes", str(ledger.path), *words, "--until-size", str(size))
    assert {"rows", "since", "until"} == set(part(found["changes"]))
    assert [] != part(found["changes"])["rows"]
    assert [] == part(same["changes"])["rows"]
    assert [400, 404, 400] == refused


def test_what_is_asked_by_name_is_that_of_the_command_line(ledger: Ledger, site: Site) -> None:
    told = Told(ledger)
    day, size, event = "2025-11-28", str(ledger.size()), told.ids[0]
    alpha = site.signed_in(ledger, ALPHA)
    query = f"question=outstanding&party=beta&event={event}&told_by=alpha&as_at={day}"
    found = values(alpha.get(f"/ask?{query}&at_size={size}"))
    refused = [alpha.get(f"/ask?{one}").status for one in ("question=frob", f"event={'0' * 64}")]
    ledger.close()  # one process has it open once
    words = ("--party", "beta", "--event", event, "--told-by", "alpha", "--as-at", day)

    assert found == said("ask", str(ledger.path), "outstanding", *words, "--at-size", size)
    assert [event] == [str(row["about"]) for row in rows(found["answers"])]
    assert [400, 404] == refused


def said(*words: str) -> JSON:
    out = io.StringIO()
    context = Context(now_ms=Clock(), out=out, err=io.StringIO(), json=True)
    assert 0 == run(words, context)
    answer: JSON = msgspec.json.decode(out.getvalue())
    return answer


def test_says_who_the_parties_are(ledger: Ledger, site: Site) -> None:
    revoked = new_event("gamma", "key/v1", verb="revoke", party="gamma", key=GAMMA.public)
    before = values(site.get("/parties"))
    submit(ledger, revoked, party=GAMMA)
    after = values(site.get("/parties"))

    def standing(answer: dict[str, JSON]) -> dict[str, str]:
        return {str(row["party"]): str(row["standing"]) for row in rows(answer["parties"])}

    assert {"alpha": "member", "beta": "member", "gamma": "observer"} == standing(before)
    assert "named" == standing(after)["gamma"]
    (key,) = rows(rows(after["parties"])[2]["keys"])
    assert (GAMMA.public, "vouched", "ended", 2, 4) == tuple(
        key[name] for name in ("key", "origin", "status", "since", "ended")
    )


# The log itself


def test_entries_come_octet_for_octet(ledger: Ledger, site: Site) -> None:
    letters(ledger, 3)
    listed = site.get("/entries?limit=50").body

    for index in range(ledger.size()):
        got = site.get(f"/entries/{index}")
        assert ledger.entry(index) == got.body
        assert ledger.entry(index) in listed
        assert "public, max-age=31536000, immutable" == got.headers["cache-control"]


def test_every_proof_of_every_size_holds(ledger: Ledger, site: Site) -> None:
    letters(ledger, 4)
    size = ledger.size()
    roots = {n: ledger.root_at(n) for n in range(1, size + 1)}
    for new in range(1, size + 1):
        for index in range(new):
            got = values(site.get(f"/proofs/inclusion?index={index}&size={new}"))
            leaf = leaf_hash(ledger.entry(index))

            check_inclusion(index=index, size=new, leaf=leaf, proof=_hashes(got), root=roots[new])
            assert (leaf.hex(), roots[new].hex()) == (got["leaf"], got["root"])
            published = site.get(f"/checkpoints/{new}")
            assert ("proof" in got) == (published.status == 200)
            if "proof" in got:
                proof = parse_proof(str(got["proof"]).encode())
                assert (index, published.body) == (proof.index, proof.checkpoint)
                signed, _ = parse_signed(published.body)
                assert (new, roots[new]) == (signed.size, signed.root)
        for old in range(1, new + 1):
            got = values(site.get(f"/proofs/consistency?old={old}&new={new}"))

            check_consistency(
                old_size=old,
                new_size=new,
                old_root=roots[old],
                new_root=roots[new],
                proof=_hashes(got),
            )


def _hashes(got: dict[str, JSON]) -> list[bytes]:
    hashes = got["hashes"]
    assert isinstance(hashes, list)
    return [bytes.fromhex(str(each)) for each in hashes]


@pytest.mark.parametrize(
    "path",
    [
        *("/proofs/inclusion?index=4&size=4", "/proofs/inclusion?index=0&size=5"),
        *("/proofs/consistency?old=3&new=2", "/proofs/consistency?old=1&new=5"),
        *("/checkpoints/5", "/entries/4", "/receipts/4", f"/receipts/{'0' * 64}"),
        "/checkpoints?start=3&stop=5",
    ],
)
def test_what_the_ledger_has_not_reached_is_not_found(site: Site, path: str) -> None:
    assert (404, "not-found") == slug(site.get(path))


@pytest.mark.parametrize("asked", ["start=2&stop=2", "start=3&stop=2", "start=0&stop=257"])
def test_notes_are_about_as_many_entries_as_a_bundle_has(site: Site, asked: str) -> None:
    assert (400, "malformed") == slug(site.get(f"/checkpoints?{asked}"))
    assert (200, b"") == site.get("/checkpoints?start=0&stop=4")[::2]


def test_a_receipt_is_found_by_entry_and_by_event(ledger: Ledger, site: Site) -> None:
    event = new_letter("alpha")
    receipt = submit(ledger, new_letter("alpha"), event)
    by_index = site.get(f"/receipts/{receipt.first + 1}")
    by_id = site.get(f"/receipts/{event.id.hex()}")

    assert by_index.body == by_id.body == ledger.receipt(receipt.first)
    assert receipt == parse_receipt(by_id.body)
    assert "application/vnd.counterfoil.receipt+json" == by_id.headers["content-type"]


def test_says_in_short_what_ledger_it_is(ledger: Ledger, site: Site) -> None:
    got = values(site.get("/"))

    assert (ledger.origin, ledger.fingerprint, ledger.size(), ledger.root().hex()) == (
        got["origin"],
        got["fingerprint"],
        got["size"],
        got["root"],
    )
    assert ("public", "open", "counterfoil/1") == (got["visibility"], got["state"], got["spec"])


# What it costs


def test_an_answer_that_is_known_is_not_sent_again(ledger: Ledger, site: Site) -> None:
    letters(ledger, 2)
    for path in ("/", "/entries", "/entries/1", "/events", "/chronology", "/receipts/1"):
        got = site.get(path)
        for sent in (got.headers["etag"], f'"x", W/{got.headers["etag"]}', "*"):
            again = site.ask("GET", path, headers={"If-None-Match": sent})

            assert (304, b"", got.headers["etag"]) == (
                again.status,
                again.body,
                again.headers["etag"],
            )
    stale = site.get("/events").headers["etag"]
    letters(ledger, 1)
    assert 200 == site.ask("GET", "/events", headers={"If-None-Match": stale}).status


class CountingSigner:
    """A log key that counts what it signs."""

    def __init__(self, ledger: Ledger) -> None:
        ((self.public, self._key),) = ledger._signers.items()
        self.count = 0
        ledger._signers[self.public] = self

    def sign(self, message: bytes) -> bytes:
        self.count += 1
        return self._key.sign(message)


def test_ten_thousand_questions_cost_no_write_and_no_signature(ledger: Ledger, site: Site) -> None:
    Told(ledger)
    signer = CountingSigner(ledger)
    letters(ledger, 1)
    assert 1 == signer.count
    event_id = rows(values(site.get("/events?kind=communication"))["events"])[0]["id"]
    paths = (
        *("/", "/checkpoint", "/entries/3", "/events", f"/events/{event_id}", "/chronology"),
        *("/requests", "/ask", "/receipts/3", "/proofs/inclusion?index=1&size=9"),
    )
    before = _written(ledger)
    statuses = [status for _ in range(200) for status in _pipelined(site, paths * 5)]

    assert [200] * 10_000 == statuses
    assert before == _written(ledger)
    assert 1 == signer.count


def _pipelined(site: Site, paths: Sequence[str]) -> Iterator[int]:
    """Ask one thing after the other without waiting, and yield the statuses."""
    asked = "".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in paths)
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as connection:
        connection.sendall(asked.encode())
        with connection.makefile("rb") as answers:
            for _ in paths:
                yield int(answers.readline().split()[1])
                lines = iter(answers.readline, b"\r\n")
                headers = dict(line.lower().split(b": ", 1) for line in lines)
                answers.read(int(headers[b"content-length"]))


def _written(ledger: Ledger) -> tuple[object, ...]:
    """Return what any transaction, and any file that is written, would change."""
    files = {
        str(path): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in ledger.path.rglob("*")
        if not path.name.endswith("-lock")  # the table of readers, which is never synced
    }
    return ledger._store._env.info()["last_txnid"], files
