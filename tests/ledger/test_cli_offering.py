"""An offer to an outsider: evidence that verifies, and a page that anybody can read."""

from __future__ import annotations

import html
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ledger.offer import Offer, format_page
from tests.ledger.builder import NewEvent, Party, found_ledger, new_event, submit
from tests.ledger.commandline import Desk, part, process, rows, served

VOID = {"meta"}


class Page(HTMLParser):
    """Reads a page, and refuses one whose elements do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)
        self.close()

        assert [] == self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()


def test_an_outsider_gets_evidence_and_a_page(desk: Desk) -> None:
    given = desk.filled()[0]
    ran = desk("offer", "ledger", given[:12], "-o", "for-them", "--without", "person.1")
    fingerprint = str(desk.done("export", "ledger", "export")["fingerprint"])
    text = (desk.folder / "for-them" / "index.html").read_text(encoding="utf-8")
    words = ("for-them/evidence.json", "--fingerprint", fingerprint)

    assert (0, "") == (ran.code, ran.err)
    assert fingerprint in ran.out
    assert ["evidence.json", "index.html"] == sorted(
        one.name for one in (desk.folder / "for-them").iterdir()
    )
    assert 0 == process(desk.folder, *words, module="verify").code
    assert f"counterfoil-verify evidence.json --fingerprint {fingerprint}" in text
    assert f"counterfoil answer evidence.json {given}" in text
    assert "B. Clerk" in text
    assert "A. Clerk" not in text
    assert (
        "rutland has signed this entry in the record ledger.example/desk. It says: rutland asked "
        in text
    )
    assert '<dt>when it was received</dt><dd dir="auto">8th April (8 April 2025)</dd>' in text
    assert "phrase_received" not in text


def test_the_page_says_of_what_an_event_tells(desk: Desk) -> None:
    given = desk.filled()[0]
    desk.write(
        "step.yaml",
        "counterfoil: draft/v1\nevents:\n"
        f"  - {{kind: step, of: {given}, target: request, verb: chase}}\n",
    )
    recorded = desk.done("record", "ledger", "--key", "rutland.key", "step.yaml")["recorded"]
    answer = desk.done("offer", "ledger", str(rows(recorded)[0]["event"]), "-o", "for-them")
    text = (desk.folder / "for-them" / "index.html").read_text(encoding="utf-8")

    assert "rutland chased the request of entry " in text
    assert part(desk.done("stat", "ledger")["ledger"])["fingerprint"] == answer["fingerprint"]


def test_the_page_has_a_date_that_is_in_no_calendar_as_it_is_written(desk: Desk) -> None:
    alpha = Party("alpha", 1)
    event = new_event(
        "alpha",
        "communication/v1",
        channel="call",
        claims={"phrase_sent": "the end of February"},
        dates={
            "received": {"basis": "stated", "edtf": "2025-02-30"},
            "sent": {"basis": "stated", "edtf": "2025-02-31"},
        },
    )
    with found_ledger(desk.folder / "ledger", alpha)[0] as ledger:
        submit(ledger, event)
    ran = desk("offer", "ledger", event.id.hex(), "-o", "for-them")
    text = (desk.folder / "for-them" / "index.html").read_text(encoding="utf-8")

    assert (0, "") == (ran.code, ran.err)
    assert '<dd dir="auto">2025-02-30</dd>' in text
    assert '<dd dir="auto">the end of February (2025-02-31)</dd>' in text


def test_the_page_says_what_an_event_tells_that_was_sealed_and_opened(desk: Desk) -> None:
    nested = new_event(
        "alpha",
        "communication/v1",
        channel="letter",
        claims={"phrase_sent": "in March"},
        dates={"sent": {"basis": "stated", "edtf": "2025-03"}},
    )
    dates = {"opens_by": {"basis": "stated", "edtf": "2026-05-01"}}
    seal = new_event("alpha", "sealed/v1", seals=nested.id.hex(), dates=dates)
    plain = new_event("alpha", "opening/v1", of=seal.id.hex(), event=0)
    data = plain.data.replace(b'"event":0', b'"event":' + nested.data)
    knowing = new_event("alpha", "knowledge/v1", knower="beta", mode="told", of=nested.id.hex())
    with found_ledger(desk.folder / "ledger", Party("alpha", 1))[0] as ledger:
        submit(ledger, seal)
        submit(ledger, NewEvent(data, nested.disclosures))
        submit(ledger, knowing)
    pages = []
    for number, event in enumerate((nested, knowing)):
        desk.done("offer", "ledger", event.id.hex(), "-o", f"{number}")
        pages.append((desk.folder / f"{number}" / "index.html").read_text(encoding="utf-8"))

    assert "It says: Letter.</p>" in pages[0]
    assert "<dt>when it was sent</dt>" in pages[0]
    assert "the letter of entry 2" in pages[1]


def steps(page: Path) -> list[list[str]]:
    """Return the commands that a page tells its reader to run, as they stand there."""
    text = html.unescape(page.read_text(encoding="utf-8"))
    commands = re.findall("<pre>(.*?)</pre>", text, re.DOTALL)
    return [shlex.split(each) for each in commands]


def test_an_outsider_answers_as_the_page_says_without_joining(desk: Desk) -> None:
    given = desk.filled()[0]
    desk.done("offer", "ledger", given, "-o", "for-them")
    outside = desk.folder / "for-them"  # all that the outsider has
    check, key, request, answer = steps(outside / "index.html")
    assert 0 == process(outside, *check[1:], module="verify").code
    assert 0 == process(outside, *key[1:], "--plain").code
    assert 0 == process(outside, *request[1:]).code
    answered = process(outside, *answer[1:])
    assert (0, "") == (answered.code, answered.err)
    fingerprint = answer[answer.index("--fingerprint") + 1]
    known = ("--key", "county.key", "--fingerprint", fingerprint)
    with served(desk.folder) as url:
        carry = ("carry", url, "for-them/response.json", "-o", "for-them/receipt.json", *known)
        early = process(desk.folder, *carry)
        enrolled = process(desk.folder, "enrol", url, "for-them/your.request", *known)
        assert (0, "") == (enrolled.code, enrolled.err)
        carried = process(desk.folder, *carry)
        assert (0, "") == (carried.code, carried.err)
        words = ("--key", "your.key", "--fingerprint", fingerprint)
        joined = process(outside, "join", url, *words)
    shown = desk("show", "ledger", given).out
    desk.done("export", "ledger", "export")
    receipt = ("--receipt", "for-them/receipt.json")
    whole = process(desk.folder, "export", *receipt, module="verify")

    assert 0 != early.code  # nobody knows the key yet
    assert 0 != joined.code  # nobody has named it a member, and its key may only answer
    assert "your-name" in shown
    (response,) = rows(desk.done("list", "ledger", "--party", "your-name")["events"])
    assert "in your own words" in desk("show", "ledger", str(response["id"])).out
    assert 0 == whole.code


def test_an_outsider_that_agrees_makes_the_key_that_the_page_names(desk: Desk) -> None:
    given = desk.filled()[0]
    desk.done("offer", "ledger", given, "-o", "for-them")
    page = (desk.folder / "for-them" / "index.html").read_text(encoding="utf-8")
    (powers,) = re.findall("put <code>(.*?)</code> there", page)
    ran = []
    for name, can in (("one", "answer"), ("two", powers)):
        key = ("--key", f"{name}.key")
        desk.done("key", "new", f"{name}.key", "--party", name, "--powers", can, "--plain")
        desk.done("key", "request", "for-them/evidence.json", *key, "-o", f"{name}.request")
        desk.done("enrol", "ledger", f"{name}.request", "--key", "county.key")
        ran.append(desk("answer", "ledger", given, "agree", *key))

    assert [1, 0] == [one.code for one in ran]
    assert "lacks the power undertake" in ran[0].err


def test_a_key_request_from_bad_evidence_is_refused(desk: Desk) -> None:
    given = desk.filled()[0]
    desk.done("offer", "ledger", given, "-o", "for-them")
    desk.key("ministry")
    evidence = desk.folder / "for-them" / "evidence.json"
    words = ("key", "request", str(evidence), "--key", "ministry.key", "-o", "ministry.request")
    other = desk(*words, "--fingerprint", "ab" * 32)
    evidence.write_bytes(evidence.read_bytes()[:-2] + b" }")
    bad = desk(*words)

    assert [1, 1] == [ran.code for ran in (other, bad)]
    assert "is no valid evidence" in bad.err
    assert not (desk.folder / "ministry.request").exists()


def test_the_page_names_a_file_that_is_opened(desk: Desk) -> None:
    desk.filled()
    desk.write("letter.pdf", "%PDF")
    event = "{kind: artefact, type: letter, claims: {files: [letter.pdf]}}"
    desk.write("file.yaml", f"counterfoil: draft/v1\nevents:\n  - {event}\n")
    recorded = desk.done("record", "ledger", "--key", "rutland.key", "file.yaml")["recorded"]
    desk.done("offer", "ledger", str(rows(recorded)[0]["event"]), "-o", "for-them")

    assert ">letter.pdf</dd>" in (desk.folder / "for-them" / "index.html").read_text()


def test_what_is_there_is_not_overwritten(desk: Desk) -> None:
    given = desk.filled()[0]
    ran = desk("offer", "ledger", given, "-o", "ledger")

    assert 2 == ran.code
    assert "exists already" in ran.err


@pytest.mark.parametrize("texts", [(), (("text", '<script>alert(1)</script> & "so"'),)])
def test_the_page_is_plain_accessible_and_fetches_nothing(
    texts: tuple[tuple[str, str], ...],
) -> None:
    text = format_page(
        Offer("l.example/<b>", "ab" * 32, "cd" * 32, "rutland", "request", texts, "evidence.json")
    ).decode()
    page = Page(text)

    assert ("lang", "en") in page.attributes
    headings = [tag for tag in page.tags if tag in {"h1", "h2", "h3"}]
    assert ["h1", "h2", "h2", "h2", "h3", "h3"] == headings
    assert {"title", "main"} <= set(page.tags)
    assert not {"script", "link", "img", "iframe", "a", "form", "b"} & set(page.tags)
    assert not {"src", "href", "style", "onclick"} & {name for name, _ in page.attributes}
    assert "url(" not in text
    # Its colours are the reader's own, dark or light.
    assert "color-scheme:light dark" in text
    assert not re.search("#[0-9a-f]{3}|background", text)
    assert bool(texts) is ("&lt;script&gt;" in text)


def test_the_words_of_a_party_turn_nothing_and_are_wrapped_as_they_stand() -> None:
    texts = [("text", "first\nsecond \u202e001\u202c\x00\x1b[2J" + "x" * 999), ("title", "שלום")]
    text = format_page(
        Offer("l.example", "ab" * 32, "cd" * 32, "rutland", "request", texts, "evidence.json")
    ).decode()

    assert "first\nsecond \ufffd001\ufffd\ufffd\ufffd[2Jxxx" in text
    assert not any(ord(c) < 32 and c != "\n" for c in text)
    assert '<dd dir="auto">שלום</dd>' in text
    assert "<p>As rutland tells it:</p>" in text
    assert "overflow-wrap:anywhere}" in text.partition("body{")[2].partition("code")[0]
    assert "dd,pre{white-space:pre-wrap}" in text
