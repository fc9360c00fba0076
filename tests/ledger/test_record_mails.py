"""Mails, recorded into a real ledger, and the table of parties by which they are mapped."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.errors import DraftError
from ledger.ledger import Ledger
from ledger.mail_events import read_parties
from ledger.target import Directory
from tests.ledger.recording import claims, clock, event, ledger, mail, run, write
from verify.kinds import Communication

__all__ = ["clock", "ledger"]  # fixtures


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
