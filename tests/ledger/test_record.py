"""Recording into a real ledger: drafts, mails, refusals, and every place where a run can break."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.compose import compose
from ledger.errors import DraftError, TargetError
from ledger.keys import PartySigner
from ledger.ledger import Ledger
from ledger.mail_events import read_parties
from ledger.record import record
from ledger.recorded import RecordReport, Sent
from ledger.sending import give_up, record_composed
from ledger.target import Directory, check_head
from tests.ledger.partyside import BLABY, LCC, NOW_MS, Clock, Flaky, LineDownError, found
from tests.ledger.test_private import no_file_above
from verify.claims import parse_disclosure
from verify.entry import parse_entry
from verify.events import event_id, parse_event
from verify.kinds import Communication, Event, Opening, Step

DRAFT = """
counterfoil: draft/v1
author: blaby
events:
  - label: request
    kind: request
    what: data
    medium: written
    from: [blaby]
    to: [leicestershire]
    claims: {items: [first, second], text: kept back, files: [letter.txt]}
    withheld: [text]
  - kind: step
    of: request
    target: request
    verb: chase
"""
MAIL = (
    "Received: from a.example by b.example; Tue, 8 Apr 2025 10:05:00 +0100\r\n"
    "From: Ann <ann@blaby.gov.uk>\r\nTo: leader@leics.gov.uk, stranger@example.com\r\n"
    "Subject: {subject}\r\nDate: Tue, {day} Apr 2025 10:00:00 +0100\r\n"
    "Message-ID: <{id}@blaby.gov.uk>\r\n{more}\r\nThe list.\r\n"
)
ASKED = "kind: request, what: data, medium: written, from: [blaby], to: [ico]"
PARTIES = {"blaby.gov.uk": "blaby", "leics.gov.uk": "leicestershire/leader"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    with found(tmp_path / "ledger", clock) as opened:
        yield opened


@pytest.fixture
def drafts(tmp_path: Path) -> Path:
    (tmp_path / "letter.txt").write_bytes(b"Dear Leicestershire")
    return write(tmp_path, "draft.yaml", DRAFT)


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, newline="")
    return folder / name


def mail(folder: Path, name: str, *, day: int = 8, more: str = "", subject: str = "Data") -> Path:
    text = MAIL.format(id=name, day=day, more=more, subject=subject)
    return write(folder, f"{name}.eml", text)


def run(
    target: Directory, tmp_path: Path, *sources: Path, signer: PartySigner = BLABY
) -> RecordReport:
    home = tmp_path / f"home-{signer.party}"
    return record(target, sources, signer=signer, home=home, now_ms=lambda: NOW_MS, parties=PARTIES)


def event(ledger: Ledger, index: int) -> Event:
    return parse_event(parse_entry(ledger.entry(index)).event)


def claims(ledger: Ledger, index: int) -> dict[str, object]:
    opened = map(parse_disclosure, ledger.disclosures(index))
    return {one.name: one.value for one in opened}


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


def test_what_waits_though_its_folder_could_not_be_synced_is_not_told_as_refused(
    tmp_path: Path, ledger: Ledger, drafts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox, fsync = tmp_path / "home-blaby" / "outbox", os.fsync

    def fail(fd: int) -> None:
        if list(outbox.glob("*.item")):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(fd)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        report = run(Directory(ledger), tmp_path, drafts)

    assert ([], [], 1) == (report.recorded, report.refused, report.waiting)
    assert str(outbox) in str(report.stopped)
    assert [str(drafts)] == report.unfinished
    again = run(Directory(ledger), tmp_path, drafts)
    assert (2, 2, 4) == (len(again.recorded), len(again.skipped), ledger.size())


@pytest.mark.parametrize("step", ["file", "before", "after", "lie", "die before", "die after"])
def test_an_interrupted_run_is_finished_by_the_next_with_the_same_events(
    tmp_path: Path, ledger: Ledger, drafts: Path, step: str
) -> None:
    flaky = Flaky(ledger, lose=[step])
    try:
        broken = run(flaky, tmp_path, drafts)
    except LineDownError:
        assert step.startswith("die")
    else:
        assert broken.stopped is not None
        assert (1, []) == (broken.waiting, broken.recorded)
        assert [str(drafts)] == broken.unfinished
    waiting = list((tmp_path / "home-blaby" / "outbox").glob("*.item"))
    assert 1 == len(waiting)
    report = run(Directory(ledger), tmp_path, drafts)

    assert (2, 2, 0) == (len(report.recorded), len(report.skipped), report.waiting)
    assert {r.event_id for r in report.recorded} == {s.event_id for s in report.skipped}
    assert 4 == ledger.size()
    assert [] == list((tmp_path / "home-blaby" / "outbox").glob("*.*"))


@pytest.mark.parametrize("step", ["file", "after"])
def test_what_waits_in_a_copy_of_a_home_and_was_sent_since_is_let_go(
    tmp_path: Path, ledger: Ledger, drafts: Path, step: str
) -> None:
    """The ledger has the receipt of a statement that the copy does not know."""
    home, copy = tmp_path / "home-blaby", tmp_path / "copy"
    run(Flaky(ledger, lose=[step]), tmp_path, drafts)
    shutil.copytree(home, copy)
    if step == "after":  # which had recorded what it had signed: that the copy has forgotten
        for path in (copy / "outbox").glob("*.[0-9]"):
            path.unlink()
    ids = [one.event_id for one in run(Directory(ledger), tmp_path, drafts).recorded]
    shutil.rmtree(home)
    copy.rename(home)
    report = run(Directory(ledger), tmp_path, drafts)

    assert (None, 2, 0) == (report.stopped, len(report.skipped), report.waiting)
    assert (ids, [2, 3]) == (
        [one.event_id for one in report.recorded], [one.index for one in report.recorded],
    )  # fmt: skip
    [note] = report.notes
    assert note.startswith("entry 2 has a receipt for something that was not signed here: ")
    assert [] == list((home / "outbox").glob("*.*"))
    assert [] == list((home / "receipts").glob("*.receipt"))
    assert 1 <= len(list((home / "receipts").glob("*.[0-9]")))  # what was signed is not lost
    assert (4, 2) == (ledger.size(), len(run(Directory(ledger), tmp_path, drafts).skipped))


def test_a_lie_about_what_waits_and_is_recorded_costs_nobody_the_receipt(
    tmp_path: Path, ledger: Ledger, drafts: Path
) -> None:
    run(Flaky(ledger, lose=["after"]), tmp_path, drafts)
    told = run(Flaky(ledger, lose=["lie"]), tmp_path, drafts)
    receipts = tmp_path / "home-blaby" / "receipts"

    assert (1, []) == (told.waiting, list(receipts.iterdir()))
    assert "the receipt does not hold" in str(told.stopped)
    assert 2 == len(run(Directory(ledger), tmp_path, drafts).recorded)
    assert 1 == len(list(receipts.glob("*.receipt")))


def test_a_ledger_that_has_lost_what_was_recorded_is_told(
    tmp_path: Path, clock: Clock, ledger: Ledger, drafts: Path
) -> None:
    """As where a backup was put in its place: nobody is told that it is there."""
    ledger.close()
    shutil.copytree(ledger.path, tmp_path / "backup")
    with Ledger.open(ledger.path, clock=clock) as later:
        assert 2 == len(run(Directory(later), tmp_path, drafts).recorded)
    with Ledger.open(tmp_path / "backup", clock=clock) as earlier:
        report = run(Directory(earlier), tmp_path, drafts)
        assert 2 == earlier.size()

    assert ([], [], [str(drafts)]) == (report.skipped, report.recorded, report.unfinished)
    assert "the ledger has it no more: it is an earlier state" in str(report.stopped)


def answer(target: Flaky, tmp_path: Path, stance: str = "admit", *, once: bool = False) -> Sent:
    on = parse_entry(target.ledger.entry(0)).event
    said = compose(
        "position/v1", author="blaby", fields={"on": event_id(on).hex(), "stance": stance},
        claims={"note": "We hold this."},
    )  # fmt: skip
    home = tmp_path / "home-blaby"
    return record_composed(target, said, signer=BLABY, home=home, now_ms=lambda: NOW_MS, once=once)


@pytest.mark.parametrize("step", ["before", "after", "die before", "die after"])
def test_an_event_of_no_file_that_is_retried_is_the_same_event(
    tmp_path: Path, ledger: Ledger, step: str
) -> None:
    with contextlib.suppress(LineDownError):
        assert 1 == answer(Flaky(ledger, lose=[step]), tmp_path).report.waiting
    sent = answer(Flaky(ledger), tmp_path)

    assert ([sent.event_id], 0) == ([r.event_id for r in sent.report.recorded], sent.report.waiting)
    assert 3 == ledger.size()


def test_an_event_of_no_file_is_the_same_after_a_crash_behind_the_journal(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("ledger.outbox.Outbox.settle", _crash)
        with pytest.raises(LineDownError):
            answer(Flaky(ledger), tmp_path)
    sent = answer(Flaky(ledger), tmp_path)

    assert ([sent.event_id], 0) == ([r.event_id for r in sent.report.recorded], sent.report.waiting)
    assert 3 == ledger.size()


def test_an_event_waits_though_what_waited_before_it_cannot_be_sent(
    tmp_path: Path, ledger: Ledger
) -> None:
    answer(Flaky(ledger, lose=["before"]), tmp_path)
    second = answer(Flaky(ledger, lose=["before"]), tmp_path, "deny")
    assert 2 == second.report.waiting
    report = run(Directory(ledger), tmp_path)

    assert second.event_id == report.recorded[1].event_id
    assert 4 == ledger.size()


class Deaf(Flaky):
    """A ledger that does not say what it has, as to a party that has left it."""

    def index_of(self, event_id: bytes) -> int | None:
        raise TargetError(f"401: {event_id.hex()}")


@pytest.mark.parametrize(
    ("of", "reason"),
    [(Flaky, "given up"), (Deaf, "given up; whether it is recorded is not known: 401")],
)
def test_what_waits_can_be_given_up(
    tmp_path: Path, ledger: Ledger, drafts: Path, of: type[Flaky], reason: str
) -> None:
    run(Flaky(ledger, lose=["before"]), tmp_path, drafts)
    home = tmp_path / "home-blaby"
    report = give_up(of(ledger), signer=BLABY, home=home, now_ms=lambda: NOW_MS)

    assert (2, 0) == (len(report.refused), report.waiting)
    assert all(one.reason.startswith(reason) for one in report.refused)
    assert [] == [path.name for path in (home / "outbox").rglob("*") if path.is_file()]
    assert 2 == ledger.size()


def test_what_is_recorded_is_not_given_up(tmp_path: Path, ledger: Ledger, drafts: Path) -> None:
    run(Flaky(ledger, lose=["after"]), tmp_path, drafts)
    home = tmp_path / "home-blaby"
    report = give_up(Flaky(ledger), signer=BLABY, home=home, now_ms=lambda: NOW_MS)

    assert ([], 1) == (report.refused, report.waiting)
    assert 2 == len(run(Directory(ledger), tmp_path).recorded)


def test_the_same_words_are_recorded_again_unless_once(tmp_path: Path, ledger: Ledger) -> None:
    first, again = (answer(Flaky(ledger), tmp_path) for _ in range(2))
    passed = answer(Flaky(ledger), tmp_path, once=True)

    assert first.event_id != again.event_id
    assert (again.event_id, 3) == (passed.event_id, passed.before)
    assert 4 == ledger.size()


def test_a_crash_before_the_journal_or_before_the_move_records_nothing_twice(
    tmp_path: Path, ledger: Ledger, drafts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for broken in ("ledger.journal.Journal.add", "ledger.outbox.Outbox.settle"):
        with monkeypatch.context() as patch:
            patch.setattr(broken, _crash)
            with pytest.raises(LineDownError):
                run(Directory(ledger), tmp_path, drafts)
    report = run(Directory(ledger), tmp_path, drafts)

    assert (2, 0) == (len(report.skipped), report.waiting)
    assert 4 == ledger.size()


def _crash(*_: object, **__: object) -> None:
    raise LineDownError


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


# Mail


def test_a_mail_is_a_communication_with_its_octets_kept(tmp_path: Path, ledger: Ledger) -> None:
    path = mail(tmp_path, "one")
    report = run(Directory(ledger), tmp_path, path)
    found_ = event(ledger, 2)

    assert isinstance(found_, Communication)
    assert ("email", ("blaby",), ("leicestershire/leader",), None) == (
        found_.channel, found_.from_, found_.to, found_.cc,
    )  # fmt: skip
    assert {
        "sent": ("stated", "2025-04-08T10:00:00+01:00"),
        "received": ("stated", "2025-04-08T10:05:00+01:00"),
    } == {role: (date.basis, date.edtf) for role, date in (found_.dates or {}).items()}
    opened = claims(ledger, 2)
    assert {"body", "file.1", "message_id", "person.1", "title"} == set(opened)
    assert ("Data", "stranger@example.com") == (opened["title"], opened["person.1"])
    sha256 = getattr(opened["file.1"], "sha256", "")
    assert path.read_bytes() == ledger.file_path(sha256).read_bytes()
    assert any("stranger@example.com" in note for note in report.notes)


def test_replies_link_to_what_they_reply_to_in_any_order(tmp_path: Path, ledger: Ledger) -> None:
    reply = mail(tmp_path, "reply", day=9, more="In-Reply-To: <first@blaby.gov.uk>\r\n")
    first = mail(tmp_path, "first", day=8)
    report = run(Directory(ledger), tmp_path, reply, first)
    later = mail(tmp_path, "later", day=10, more="References: <reply@blaby.gov.uk>\r\n")
    report_later = run(Directory(ledger), tmp_path, later, reply)

    assert ["first.eml", "reply.eml"] == [one.event for one in report.recorded]
    links = [event(ledger, index).links for index in (2, 3, 4)]
    assert links[0] is None
    for number in (1, 2):
        here = links[number]
        assert here is not None
        earlier = report.recorded[number - 1].event_id
        assert ("replies_to", earlier) == (here[0].rel, here[0].event)
    assert ["reply.eml"] == [one.event for one in report_later.skipped]


def test_the_same_mail_is_recorded_once(tmp_path: Path, ledger: Ledger) -> None:
    first = mail(tmp_path, "one")
    copy = tmp_path / "copy.eml"
    copy.write_bytes(first.read_bytes())
    report = run(Directory(ledger), tmp_path, first, copy)

    assert 1 == len(report.recorded)
    assert 1 == len(run(Directory(ledger), tmp_path, copy).skipped)
    assert 3 == ledger.size()


def test_mails_that_are_odd_or_huge_are_recorded_as_far_as_they_fit(
    tmp_path: Path, ledger: Ledger
) -> None:
    (tmp_path / "empty.eml").write_bytes(b"")
    many = ", ".join(f"p{number}@example.com" for number in range(900))
    crowd = mail(tmp_path, "crowd", more=f"Cc: {many[:9000]}\r\n")
    long = mail(tmp_path, "long", subject="x")
    long.write_bytes(long.read_bytes() + b"word " * 200_000)
    undated = write(tmp_path, "undated.eml", "From: a@b.c\n\n\xe9")
    sources = [tmp_path / "empty.eml", crowd, long, undated, tmp_path / "nothing.eml"]
    report = run(Directory(ledger), tmp_path, *sources, tmp_path / "a.doc")

    assert {"crowd.eml", "long.eml", "undated.eml"} == {one.event for one in report.recorded}
    assert 3 == len(report.refused)
    assert any("long.eml: body is too long" in note for note in report.notes)
    assert any("crowd.eml" in note and "do not fit" in note for note in report.notes)


def test_attachments_are_files_of_their_own(tmp_path: Path, ledger: Ledger) -> None:
    text = (
        "From: ann@blaby.gov.uk\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nbody\r\n"
        '--b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename="a.csv"\r\n'
        "\r\n1,2\r\n"
        "--b\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n--b--\r\n"
    )
    run(Directory(ledger), tmp_path, write(tmp_path, "m.eml", text))
    opened = claims(ledger, 2)

    assert [("m.eml", "message/rfc822"), ("a.csv", "text/csv"),
            ("attachment-2", "application/pdf")] == [
        (getattr(opened[f"file.{n}"], "name", ""), getattr(opened[f"file.{n}"], "media_type", ""))
        for n in (1, 2, 3)
    ]  # fmt: skip


def test_a_mail_within_a_mail_is_said_not_to_be_recorded_as_one(
    tmp_path: Path, ledger: Ledger
) -> None:
    text = (
        "From: journal@blaby.gov.uk\r\nSubject: s\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nSender: ann@blaby.gov.uk\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\n"
        "From: ann@blaby.gov.uk\r\nSubject: s\r\n\r\nbody\r\n--b--\r\n"
    )
    report = run(Directory(ledger), tmp_path, write(tmp_path, "journal.eml", text))

    assert "journal.eml: file.2 is a mail, not recorded as one: save it by itself" in report.notes
    assert "message/rfc822" == getattr(claims(ledger, 2)["file.2"], "media_type", "")


@pytest.mark.parametrize(
    "text", ["<html><body>From: ann@blaby.gov.uk</body></html>\n", "note: call Ann\n\nx\n"]
)
def test_what_has_no_field_of_a_mail_is_none(tmp_path: Path, ledger: Ledger, text: str) -> None:
    report = run(Directory(ledger), tmp_path, write(tmp_path, "page.eml", text))

    assert ([], 2) == (report.recorded, ledger.size())
    assert ["it has no field of a mail"] == [one.reason[:25] for one in report.refused]


# Parties


@pytest.mark.parametrize(
    "text",
    [
        "",
        "counterfoil: parties/v1\n",
        "counterfoil: draft/v1\naddresses: {a.b: c}\n",
        "counterfoil: parties/v1\naddresses: {a.b: C D}\n",
        "counterfoil: parties/v1\naddresses: {a.b: [c]}\n",
        "counterfoil: parties/v1\naddresses: {'a b': c}\n",
        "counterfoil: parties/v1\nadresses: {a.b: c}\n",
    ],
)
def test_refuses_what_is_no_table_of_parties(tmp_path: Path, text: str) -> None:
    with pytest.raises(DraftError):
        read_parties(write(tmp_path, "parties.yaml", text))
    with pytest.raises(DraftError):
        read_parties(tmp_path / "nothing")


def test_reads_a_table_of_parties(tmp_path: Path) -> None:
    text = "counterfoil: parties/v1\naddresses:\n  blaby.gov.uk: blaby\n  a@b.c: rutland/leader\n"

    assert {"blaby.gov.uk": "blaby", "a@b.c": "rutland/leader"} == read_parties(
        write(tmp_path, "parties.yaml", text)
    )


# The target


def test_a_target_is_the_ledger_that_was_meant(ledger: Ledger) -> None:
    assert ledger.fingerprint == Directory(ledger, fingerprint=ledger.fingerprint).fingerprint
    with pytest.raises(TargetError):
        Directory(ledger, fingerprint="ab" * 32)


def test_a_head_is_checked(ledger: Ledger) -> None:
    target = Directory(ledger)
    head = target.head()

    assert (ledger.size(), ledger.root()) == (head.size, head.root)
    for note, keys in (
        (head.note, ()),
        (head.note, ((1, BLABY.public),)),
        (b"", target.log_keys),
        (head.note.replace(b"\n2\n", b"\n3\n"), target.log_keys),
    ):
        with pytest.raises(TargetError):
            check_head(note, origin=target.origin, log_keys=keys)


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


def test_another_mail_with_the_same_message_id_is_noted(tmp_path: Path, ledger: Ledger) -> None:
    one = mail(tmp_path, "one")
    copies = [write(tmp_path, f"copy-{n}.eml", one.read_text() + "-- \n" * n) for n in (1, 2)]
    first = run(Directory(ledger), tmp_path, one)
    later = run(Directory(ledger), tmp_path, one, *copies)

    assert not any("copy" in note for note in first.notes)
    told = f"has the Message-ID of event {first.recorded[0].event_id[:16]}: is it a copy?"
    assert [f"copy-{n}.eml: {told}" for n in (1, 2)] == [
        n for n in later.notes if "is it a copy" in n
    ]
