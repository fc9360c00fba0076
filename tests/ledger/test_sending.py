"""Sending what waits: every place where a run can break, and nothing is recorded twice."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

import pytest

from ledger.compose import compose, sign_document
from ledger.errors import RefusedError, TargetError
from ledger.ledger import Ledger
from ledger.recorded import Sent
from ledger.sending import give_up, record_composed
from ledger.target import Directory, check_head
from tests.ledger.partyside import BLABY, LCC, NOW_MS, Clock, Flaky, LineDownError
from tests.ledger.recording import clock, drafts, ledger, run
from verify.entry import parse_entry
from verify.events import event_id
from verify.submission import LedgerName, parse_document

__all__ = ["clock", "drafts", "ledger"]  # fixtures


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


class Crowded(Flaky):
    """A ledger that has no room for another checkpoint of the size that was seen first."""

    def hand_in(self, document: bytes) -> bytes:
        if not self.submitted:
            self.submitted.append(document)
            submit_more(self.ledger)
            raise RefusedError("brings nothing", check=507, where="note")
        return super().hand_in(document)


def submit_more(ledger: Ledger) -> None:
    said = compose("communication/v1", author=LCC.party, fields={"channel": "letter"})
    name = LedgerName(origin=ledger.state().charter.origin, charter=ledger.fingerprint)
    ledger.submit(sign_document([said], signer=LCC, ledger=name, expires_ms=NOW_MS + 1000))


def test_where_what_was_seen_is_refused_a_later_checkpoint_is_named(
    tmp_path: Path, ledger: Ledger, drafts: Path
) -> None:
    target = Crowded(ledger)
    report = run(target, tmp_path, drafts)
    seen = [parse_document(each).statement.seen for each in target.submitted]

    assert ([], 2, 0) == (report.refused, len(report.recorded), report.waiting)
    assert [2, 3] == [each.size for each in seen if each is not None]


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
