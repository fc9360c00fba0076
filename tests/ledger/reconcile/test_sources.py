"""Sources of one ledger: used together where they agree, and a fork where they cannot both be."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import to_builtins

from ledger.errors import ReconcileError
from ledger.evidence import prove
from ledger.export import export
from ledger.reconcile.decisions import Said
from ledger.reconcile.package import files_of
from ledger.reconcile.sources import MAX_SOURCES, Holding, read_sources
from tests.ledger.builder import NOON_MS, NewEvent, new_enrolment, new_event, submit
from tests.ledger.reconcile.conftest import Dispute
from tests.ledger.reconcile.parting import (
    BLABY,
    COUNTY,
    RUTLAND,
    Record,
    dates,
    found,
    reconciled,
    sources_of,
)
from tests.world import cosign, witness
from verify.fork import ForkAnchors, audit_fork


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    (tmp_path / "one").mkdir()
    made = found(tmp_path / "one", COUNTY, number=1, nonce=1)
    with made.ledger:
        yield made


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Record]:
    """Return a ledger with the same charter, and so the same fingerprint, kept by a liar."""
    (tmp_path / "other").mkdir()
    made = found(tmp_path / "other", COUNTY, number=1, nonce=1)
    with made.ledger:
        yield made


def letter(number: int, title: str = "A letter") -> NewEvent:
    return new_event(
        "leicestershire",
        "communication/v1",
        number=number,
        channel="letter",
        claims={"title": title},
    )


def evidence_of(record: Record, name: str, *labels: str) -> Path:
    path = record.folder / name
    path.write_bytes(prove(record.ledger, [record.id(label) for label in labels]))
    return path


def test_uses_the_larger_of_two_exports(record: Record, tmp_path: Path) -> None:
    record.add("first", letter(1))
    small = record.export("small")
    record.add("second", letter(2))
    large = record.export("large")
    both = reconciled(small, large, room=tmp_path / "room")
    (book,) = both.books

    assert (3, 3) == (book.size, book.reach)
    assert 2 == len(both.rows)
    assert 2 == len(both.inputs)


def test_opens_what_either_export_opens(record: Record, tmp_path: Path) -> None:
    limited = new_event(
        "leicestershire",
        "communication/v1",
        channel="letter",
        claims={"title": "For one reader"},
        audience={"title": ["leicestershire"]},
    )
    record.add("limited", limited)
    mine = record.export("mine", audience="leicestershire")
    record.add("later", letter(2))
    public = record.export("public")
    (book,) = reconciled(mine, public, room=tmp_path / "room").books

    assert "For one reader" == book.by_id[record.id("limited")].text("title")
    assert record.id("later") in book.by_id


def test_the_same_export_twice_is_one(dispute: Dispute, tmp_path: Path) -> None:
    once = reconciled(dispute.ours, dispute.theirs, room=tmp_path / "a")
    twice = reconciled(dispute.ours, dispute.theirs, dispute.ours, room=tmp_path / "b")

    assert files_of(once) == files_of(twice)


def test_evidence_shows_later_entries_than_the_export(record: Record, tmp_path: Path) -> None:
    record.add("first", letter(1))
    export_ = record.export()
    record.add("second", letter(2, "A later letter"))
    later = evidence_of(record, "later.json", "second")
    found_ = reconciled(export_, later, room=tmp_path / "room")
    (book,) = found_.books

    assert (2, 3) == (book.size, book.reach)
    assert {record.id("first"), record.id("second")} == {
        each.told.id for row in found_.rows for each in row.group.tellings
    }
    assert any("of a larger tree than the export" in note for note in book.notes)


def test_evidence_alone_lacks_nothing(dispute: Dispute, tmp_path: Path) -> None:
    path = tmp_path / "reply.json"
    path.write_bytes(prove(dispute.rutland.ledger, [dispute.rutland.id("reply")]))
    found_ = reconciled(dispute.ours, path, room=tmp_path / "room")
    (row,) = (row for row in found_.rows if len(row.group.tellings) == 2)

    assert "same octets" == row.group.matches[0].ground
    assert {dispute.rutland.ledger.fingerprint}.isdisjoint(
        {each.lacking for each in found_.missing}
        | {lacking for each in found_.documents for lacking in each.lacking}
    )


def forks_of(*paths: Path, room: Path) -> list[bytes]:
    """Return the fork proofs of sources, which must be the same in any order."""
    answers = []
    for number, order in enumerate(itertools.permutations(paths)):
        made = reconciled(*order, room=room.with_name(f"room-{number}"))
        assert () == made.books
        assert () == made.rows
        answers.append([fork.proof for fork in made.forks])

    assert all(answer == answers[0] for answer in answers)
    return answers[0]


def check_proof(proof: bytes, record: Record) -> str | None:
    report = audit_fork(proof, anchors=ForkAnchors(fingerprint=record.ledger.fingerprint))

    assert "proven" == report.verdict, report
    return report.kind


@pytest.mark.parametrize(("ours", "theirs", "kind"), [(1, 1, "one-size"), (1, 2, "other-past")])
def test_two_exports_that_part_are_a_fork_and_not_merged(
    record: Record, other: Record, tmp_path: Path, ours: int, theirs: int, kind: str
) -> None:
    for number in range(ours):
        record.add(f"{number}", letter(number))
    for number in range(theirs):
        other.add(f"{number}", letter(100 + number, "Another letter"))
    assert record.ledger.fingerprint == other.ledger.fingerprint
    (proof,) = forks_of(record.export(), other.export(), room=tmp_path / "room")

    assert kind == check_proof(proof, record)


def test_evidence_that_contradicts_an_export_is_a_fork(
    record: Record, other: Record, tmp_path: Path
) -> None:
    record.add("a", letter(1))
    record.add("b", letter(2))
    other.add("a", letter(101, "Another letter"))
    path = evidence_of(other, "evidence.json", "a")
    (proof,) = forks_of(record.export(), path, room=tmp_path / "room")

    assert "other-past" == check_proof(proof, record)


def test_larger_evidence_that_contradicts_an_export_is_a_fork(
    record: Record, other: Record, tmp_path: Path
) -> None:
    record.add("a", letter(1))
    other.add("a", letter(101, "Another letter"))
    other.add("b", letter(102))
    path = evidence_of(other, "evidence.json", "a")
    (proof,) = forks_of(record.export(), path, room=tmp_path / "room")

    assert "other-entry" == check_proof(proof, record)


@pytest.mark.parametrize(("more", "kind"), [(0, "one-size"), (1, "other-entry")])
def test_two_evidence_files_that_part_are_a_fork(
    record: Record, other: Record, tmp_path: Path, more: int, kind: str
) -> None:
    record.add("a", letter(1))
    other.add("a", letter(101, "Another letter"))
    for number in range(more):
        other.add(f"{number}", letter(102 + number))
    one, two = evidence_of(record, "one.json", "a"), evidence_of(other, "two.json", "a")
    (proof,) = forks_of(one, two, room=tmp_path / "room")

    assert kind == check_proof(proof, record)


def test_a_fork_keeps_its_ledger_out_and_no_other(
    record: Record, other: Record, dispute: Dispute, tmp_path: Path
) -> None:
    record.add("a", letter(1))
    other.add("a", letter(101, "Another letter"))
    made = reconciled(record.export(), other.export(), dispute.theirs, room=tmp_path / "room")
    (fork,) = made.forks
    (name,) = (name for name in files_of(made) if name.endswith(".fork"))

    assert [dispute.rutland.ledger.fingerprint] == [book.fingerprint for book in made.books]
    assert fork.fingerprint == record.ledger.fingerprint
    assert name.startswith(fork.fingerprint[:16])


def test_refuses_more_sources_than_it_can_lay_side_by_side(
    dispute: Dispute, tmp_path: Path
) -> None:
    with pytest.raises(ReconcileError, match="at most"):
        read_sources([dispute.ours] * (MAX_SOURCES + 1), holding=Holding(), room=tmp_path)


@pytest.mark.parametrize("name", ["bad\x1b[31m", "x" * 200, "files2/a"])
def test_a_name_that_no_export_has_is_a_finding(
    dispute: Dispute, tmp_path: Path, name: str
) -> None:
    export(dispute.county.ledger, tmp_path / "hostile")
    path = tmp_path / "hostile" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("not ours")
    sources = sources_of(tmp_path / "hostile", dispute.theirs, room=tmp_path / "room")

    assert [name] == [refused.finding.where for refused in sources.refused]
    assert 1 == len(sources.exports)


def test_an_empty_pair_of_ledgers_has_no_rows(record: Record, tmp_path: Path) -> None:
    made = reconciled(record.export(), room=tmp_path / "room")

    assert ((), (), ()) == (made.rows, made.missing, made.documents)
    assert files_of(made)


def test_says_what_is_bounded_and_what_is_closed(tmp_path: Path) -> None:
    paths = []
    for number, party in enumerate((COUNTY, RUTLAND), start=1):
        record = found(tmp_path, party, number=number)
        meetings = [
            new_event(
                party.name,
                "meeting/v1",
                attendees=["leicestershire", "rutland"],
                dates=dates(occurred="2025-03-06"),
                claims={"text": "x"},
                withheld=["text"],
            )
            for _ in range(30)
        ]
        with record.ledger:
            submit(record.ledger, *meetings, party=party)
            paths.append(record.export())
    made = reconciled(*paths, room=tmp_path / "room")
    text = files_of(made)["reconciliation.txt"].decode()

    assert "meeting: the same days as too many others (30 of a and 30 of b)" in text
    assert "claims of it that are not open here: 30;" in text


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[1::5])
def test_no_order_of_sources_changes_anything(
    dispute: Dispute, record: Record, tmp_path: Path, order: tuple[int, ...]
) -> None:
    path = tmp_path / "complaint.json"
    path.write_bytes(prove(dispute.rutland.ledger, [dispute.rutland.id("complaint")]))
    sources = (dispute.ours, dispute.theirs, path, record.export())
    said = Said(confirm=(dispute.pair("letter", "letter"),), same_party=(dispute.same,))
    first = reconciled(*sources, room=tmp_path / "first", said=said)
    again = reconciled(*(sources[n] for n in order), room=tmp_path / "again", said=said)

    assert files_of(first) == files_of(again)
    assert 3 == len(first.books)


def test_what_was_sealed_is_told_by_its_opening_in_export_and_evidence(
    record: Record, tmp_path: Path
) -> None:
    nested = letter(1, "Priority is ours")
    seal = new_event(
        "leicestershire", "sealed/v1", seals=nested.id.hex(), dates=dates(opens_by="2026-01-01")
    )
    plain = new_event("leicestershire", "opening/v1", of=seal.id.hex(), event=0)
    data = plain.data.replace(b'"event":0', b'"event":' + nested.data)
    record.add("seal", seal)
    record.add("opening", NewEvent(data, nested.disclosures))
    shown = evidence_of(record, "evidence.json", "opening")
    tellings = [
        [(t.told.id, t.told.text("title")) for row in made.rows for t in row.group.tellings]
        for made in (
            reconciled(record.export(), room=tmp_path / "a"),
            reconciled(shown, room=tmp_path / "b"),
        )
    ]

    assert [[(nested.id.hex(), "Priority is ours")]] * 2 == tellings


def test_evidence_brings_what_the_charters_witnesses_prove(tmp_path: Path) -> None:
    named = to_builtins([witness("w1")])
    made = found(tmp_path, COUNTY, number=1, witnesses=named, quorum=1)
    with made.ledger:
        made.add("first", letter(1))
        made.ledger.keep_note(cosign(made.ledger.checkpoint(), ("w1", NOON_MS // 1000 + 5)))
        export_, evidence = made.export(), evidence_of(made, "evidence.json", "first")
    signed = [
        book.brackets[made.id("first")].by_s
        for path in (export_, evidence)
        for book in reconciled(path, room=tmp_path / path.stem).books
    ]

    assert [NOON_MS // 1000 + 5] * 2 == signed
    assert (
        b'"signed":{"by_s":'
        in files_of(reconciled(export_, room=tmp_path / "c"))["reconciliation.json"]
    )


def test_knows_which_keys_were_in_other_hands(record: Record, tmp_path: Path) -> None:
    submit(record.ledger, new_enrolment(record.ledger, COUNTY.name, BLABY), party=COUNTY)
    revoked = new_event(
        "blaby", "key/v1", verb="revoke", party="blaby", key=BLABY.public, compromised_since=1
    )
    submit(record.ledger, revoked, party=BLABY)
    record.add("letter", letter(1))
    later = evidence_of(record, "evidence.json", "letter")
    books = [
        book
        for path in (record.export(), later)
        for book in reconciled(path, room=tmp_path / path.stem).books
    ]

    assert [frozenset((BLABY.public,))] * 2 == [book.compromised for book in books]


def test_says_what_a_response_says_instead(record: Record, tmp_path: Path) -> None:
    passed = record.add(
        "passed",
        new_event(
            "leicestershire",
            "artefact/v1",
            number=1,
            type="letter",
            dates=dates(handed_over="2025-04-08"),
        ),
    )
    answers: list[dict[str, object]] = [
        {"stance": "correct", "field": "dates.handed_over", "dates": dates(value="2025-04-09")},
        {"stance": "received", "dates": dates(received="2025-04-10")},
        {"stance": "deny", "field": "actors", "claims": {"value": "the\nclerk " + "x" * 300}},
    ]
    for number, fields in enumerate(answers, start=2):
        event = new_event(
            "leicestershire",
            "position/v1",
            number=number,
            on=passed.id.hex(),
            **fields,  # type: ignore[arg-type]  # a test's own
        )
        record.add(str(number), event)
    made = files_of(reconciled(record.export(), room=tmp_path / "room"))
    text = " ".join(made["reconciliation.txt"].decode().split())

    assert "[handed over 8 April 2025]" in text
    assert "leicestershire corrects the date “handed over”: 9 April 2025" in text
    assert "leicestershire received it: 10 April 2025" in text
    assert "leicestershire denies who acted: the clerk xxx" in text
    assert "x…" in text
    assert b'"value":"2025-04-09"' in made["reconciliation.json"].replace(b" ", b"")
