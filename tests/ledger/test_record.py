"""Drafts, recorded into a real ledger: how they travel, refusals, and slips of the pen."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.ledger import Ledger
from ledger.record import record
from ledger.target import Directory
from tests.ledger.partyside import LCC, NOW_MS, Flaky
from tests.ledger.recording import DRAFT, claims, clock, drafts, event, ledger, mail, run, write
from tests.ledger.test_private import no_file_above
from verify.entry import parse_entry
from verify.kinds import Communication, Opening, Step

__all__ = ["clock", "drafts", "ledger"]  # fixtures

ASKED = "kind: request, what: data, medium: written, from: [blaby], to: [ico]"


def test_a_draft_is_one_submission_and_nothing_twice(
    tmp_path: Path, ledger: Ledger, drafts: Path
) -> None:
    report = run(Directory(ledger), tmp_path, drafts)

    assert ([], None, 0) == (report.refused, report.stopped, report.waiting)
    assert [] == report.unfinished
    assert [("request", 2), ("2", 3)] == [(r.event, r.index) for r in report.recorded]
    assert [0, 1] == [parse_entry(ledger.entry(n)).position for n in (2, 3)]
    step = event(ledger, 3)
    assert isinstance(step, Step)
    assert report.recorded[0].event_id == step.of
    assert "text" not in claims(ledger, 2)
    again = run(Directory(ledger), tmp_path, drafts)
    assert (2, []) == (len(again.skipped), again.recorded)
    assert 4 == ledger.size()


def test_the_statement_names_the_checkpoint_that_was_seen(
    tmp_path: Path, ledger: Ledger, drafts: Path
) -> None:
    root = ledger.root()
    run(Directory(ledger), tmp_path, drafts)
    statement = parse_entry(ledger.entry(2)).statement

    assert statement is not None
    assert statement.seen is not None
    assert (2, root.hex()) == (statement.seen.size, statement.seen.root)
    assert NOW_MS + 86_400_000 == statement.expires


def test_a_run_that_stopped_names_the_files_that_it_is_not_done_with(
    tmp_path: Path, ledger: Ledger, drafts: Path
) -> None:
    first, second = mail(tmp_path, "first"), mail(tmp_path, "second", day=9)
    assert 1 == len(run(Directory(ledger), tmp_path, first).recorded)
    waits = run(Flaky(ledger, lose=["before"]), tmp_path, first, second)
    # What waits goes first: the draft is not looked at.
    draft = run(Flaky(ledger, lose=["before"]), tmp_path, drafts, first)

    assert (1, [str(second)]) == (waits.waiting, waits.unfinished)
    assert (1, [str(drafts), str(first)]) == (draft.waiting, draft.unfinished)
    assert [] == run(Directory(ledger), tmp_path, drafts, first, second).unfinished


def test_a_full_disk_of_the_party_stops_a_run_and_refuses_no_source(
    tmp_path: Path, ledger: Ledger, drafts: Path
) -> None:
    (tmp_path / "large.txt").write_bytes(bytes(2 << 20))
    large = write(tmp_path, "large.yaml", DRAFT.replace("letter.txt", "large.txt"))
    with no_file_above(1 << 20):
        report = run(Directory(ledger), tmp_path, drafts, large)

    assert (2, [], 0) == (len(report.recorded), report.refused, report.waiting)
    assert "cannot be written: File too large" in str(report.stopped)
    assert [str(large)] == report.unfinished
    again = run(Directory(ledger), tmp_path, drafts, large)
    assert (2, 2, None) == (len(again.recorded), len(again.skipped), again.stopped)


def test_a_refused_draft_can_be_mended_and_recorded(tmp_path: Path, ledger: Ledger) -> None:
    text = f"counterfoil: draft/v1\nevents:\n- {{kind: position, on: {'ab' * 32}, stance: deny}}\n"
    path = write(tmp_path, "draft.yaml", text)
    report = run(Directory(ledger), tmp_path, path)

    assert (0, 0) == (len(report.recorded), report.waiting)
    assert "[605]" in report.refused[0].reason
    known = run(Directory(ledger), tmp_path, mail(tmp_path, "a")).recorded[0].event_id
    report = run(
        Directory(ledger), tmp_path, write(tmp_path, "draft.yaml", text.replace("ab" * 32, known))
    )
    assert 1 == len(report.recorded)


def test_governance_travels_alone_and_the_rest_follows(tmp_path: Path, ledger: Ledger) -> None:
    text = (
        "counterfoil: draft/v1\nevents:\n- {kind: meeting}\n"
        f"- {{kind: party, verb: join, charter: {ledger.fingerprint}}}\n"
        "- {kind: meeting}\n- {kind: meeting}\n"
    )
    report = run(Directory(ledger), tmp_path, write(tmp_path, "draft.yaml", text))

    assert [2, 3, 4, 5] == [one.index for one in report.recorded]
    assert [0, 0, 0, 1] == [parse_entry(ledger.entry(n)).position for n in (2, 3, 4, 5)]
    assert "blaby" in ledger.state().members


def test_what_follows_a_refused_submission_is_not_sent(tmp_path: Path, ledger: Ledger) -> None:
    text = (
        "counterfoil: draft/v1\nevents:\n- {kind: meeting}\n"
        f"- {{kind: party, verb: join, charter: {'ab' * 32}}}\n- {{kind: meeting}}\n"
    )
    report = run(Directory(ledger), tmp_path, write(tmp_path, "draft.yaml", text))

    assert [2] == [one.index for one in report.recorded]
    assert ["2", "3"] == [one.event for one in report.refused]


def test_a_draft_of_another_author_is_not_signed(
    tmp_path: Path, ledger: Ledger, drafts: Path
) -> None:
    report = run(Directory(ledger), tmp_path, drafts, signer=LCC)

    assert "blaby" in report.refused[0].reason
    assert 2 == ledger.size()


def test_a_sealed_event_is_opened_later_from_what_was_kept(tmp_path: Path, ledger: Ledger) -> None:
    sealing = write(
        tmp_path,
        "seal.yaml",
        "counterfoil: draft/v1\nevents:\n- kind: sealed\n  opens_by: 2026-01-01\n"
        "  event: {kind: communication, channel: letter, claims: {text: hidden}}\n",
    )
    sealed_id = run(Directory(ledger), tmp_path, sealing).recorded[0].event_id
    opening = write(
        tmp_path,
        "open.yaml",
        f"counterfoil: draft/v1\nevents:\n- {{kind: opening, of: {sealed_id}}}\n",
    )
    other = run(Directory(ledger), tmp_path, opening, signer=LCC)
    report = run(Directory(ledger), tmp_path, opening)

    assert (1, 1) == (len(other.refused), len(report.recorded))
    opened = event(ledger, 3)
    assert isinstance(opened, Opening)
    assert isinstance(opened.event, Communication)
    assert {"text": "hidden"} == claims(ledger, 3)


def test_a_withheld_claim_is_handed_over_later(
    tmp_path: Path, ledger: Ledger, drafts: Path
) -> None:
    withholding = run(Directory(ledger), tmp_path, drafts).recorded[0].event_id
    text = (
        f"counterfoil: draft/v1\nevents:\n- {{kind: opening, of: {withholding}, names: [text]}}\n"
    )
    report = run(Directory(ledger), tmp_path, write(tmp_path, "open.yaml", text))

    assert [4] == [one.index for one in report.recorded]
    assert "kept back" == claims(ledger, 2)["text"]


def test_a_draft_can_seal_and_open(tmp_path: Path, ledger: Ledger) -> None:
    text = (
        "counterfoil: draft/v1\nevents:\n- kind: sealed\n  label: s\n  opens_by: 2026-01-01\n"
        "  event: {kind: meeting, claims: {title: hidden}}\n- {kind: opening, of: s}\n"
    )
    report = run(Directory(ledger), tmp_path, write(tmp_path, "draft.yaml", text))

    assert [2, 3] == [one.index for one in report.recorded]
    assert {"title": "hidden"} == claims(ledger, 3)


def test_names_of_events_elsewhere_can_be_given(tmp_path: Path, ledger: Ledger) -> None:
    first = run(Directory(ledger), tmp_path, mail(tmp_path, "a")).recorded[0].event_id
    text = "counterfoil: draft/v1\nevents:\n- {kind: position, on: 'mails:a', stance: received}\n"
    path = write(tmp_path, "draft.yaml", text)
    report = record(
        Directory(ledger), [path], signer=LCC, home=tmp_path / "h", now_ms=lambda: NOW_MS,
        elsewhere={"mails:a": first},
    )  # fmt: skip

    assert 1 == len(report.recorded)


def test_what_is_too_much_for_one_submission_travels_in_several(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.record.MAX_EVENTS", 2)
    text = "counterfoil: draft/v1\nevents:\n- {kind: meeting, label: a}\n" + "".join(
        "- {kind: position, on: a, stance: agree}\n" for _ in range(4)
    )
    mails = [mail(tmp_path, "m0", day=8)]
    mails += [
        mail(tmp_path, f"m{n}", day=9, more=f"In-Reply-To: <m{n - 1}@blaby.gov.uk>\r\n")
        for n in range(1, 5)
    ]
    draft = write(tmp_path, "draft.yaml", text)
    report = run(Directory(ledger), tmp_path, draft, *mails)

    assert list(range(2, 12)) == [one.index for one in report.recorded]
    positions = [parse_entry(ledger.entry(n)).position for n in range(2, 12)]
    assert [0, 1, 0, 1, 0, 0, 1, 0, 1, 0] == positions
    assert all(event(ledger, index).links for index in range(8, 12))


@pytest.mark.parametrize(("parts", "note"), [
    ("to: [leicestershrie]", "knows no party 'leicestershrie'; did you mean 'leicestershire'?"),
    ("to: [ico], claims: {text: a}, audience: {text: [balby]}", "did you mean 'blaby'?"),
    ("to: [ico], dates: {sent: 2052-04-08}", "the date sent lies ahead: 2052-04-08"),
    ("to: [ico], dates: {sent: '[2052-04..]'}", "the date sent lies ahead: [2052-04..]"),
    ("dates: {sent: {words: 6th May, edtf: 2025-05-07}}", "words '6th May' state 2025-05-06"),
    ("dates: {sent: {words: 6 May 2024, edtf: 2025-05-06}}", "'6 May 2024' state 2024-05-06"),
    ("dates: {due: {words: in May, edtf: 2025-04-30}}", "'in May' state 2025-05-XX"),
    ("dates: {sent: {words: late June, edtf: 2025-05-25}}", "'late June' state 2025-06"),
    (
        f"{ASKED}, categories: 2, claims: {{items: [a, b, c]}}",
        "it is of 2 categories, and names 3 items",
    ),
    (
        "dates: {sent: {words: 1 January, edtf: '[2024-12-30..2024-12-31]'}}",
        "the date sent is [2024-12-30..2024-12-31], and its words '1 January' state 2024-01-01",
    ),
])  # fmt: skip
@pytest.mark.parametrize("sealed", [False, True])
def test_a_slip_of_the_pen_is_noted(
    tmp_path: Path, ledger: Ledger, parts: str, note: str, *, sealed: bool
) -> None:
    head = "" if parts.startswith("kind") else "kind: communication, channel: letter, "
    one = f"{{{head}{parts}}}"
    one = f"{{kind: sealed, opens_by: 2052-05-01, event: {one}}}" if sealed else one
    draft = write(tmp_path, "slip.yaml", f"counterfoil: draft/v1\nevents: [{one}]\n")
    report = run(Directory(ledger), tmp_path, draft)

    assert 1 == len(report.recorded)
    assert 1 == len(report.notes)
    assert report.notes[0].startswith(f"{draft}, event 1: ")
    assert report.notes[0].endswith(note)


@pytest.mark.parametrize("parts", [
    "to: [ico, leicester, leicestershire/leader]",
    "to: [ico], dates: {sent: 2025-06-16, due: 2052-04-08, as_at: 2052-04-08}",
    "to: [ico], dates: {sent: '[2025-04..]'}",
    "to: [ico], dates: {sent: 2025}",
    f"{ASKED}, categories: 3, claims: {{items: [a, b, c]}}",
    f"{ASKED}, categories: 3",
    f"{ASKED}, claims: {{items: [a, b, c]}}",
    "dates: {sent: {words: 6th May, edtf: 2025-05-07, basis: corroborated}}",
    "dates: {sent: {words: 6th May, edtf: 2025-05-06}}",
    "dates: {sent: {words: 6 May, edtf: '[2025-05-01..2025-05-31]'}}",
    "dates: {sent: {words: in May, edtf: '2025-05-06T10:00:00+01:00'}}",
    "dates: {sent: {words: 1 January, edtf: '[2024-12-30..2025-01-02]'}}",
    "dates: {sent: {words: early May, edtf: 2025-05-12}}",
    "dates: {sent: {words: 03/06/2025, edtf: 2025-06-03}}",
])  # fmt: skip
def test_what_can_well_be_meant_is_not_noted(tmp_path: Path, ledger: Ledger, parts: str) -> None:
    head = "" if parts.startswith("kind") else "kind: communication, channel: letter, "
    one = f"{{{head}{parts}}}"
    draft = write(tmp_path, "meant.yaml", f"counterfoil: draft/v1\nevents: [{one}]\n")
    report = run(Directory(ledger), tmp_path, draft)

    assert (1, []) == (len(report.recorded), report.notes)
