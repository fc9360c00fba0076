"""Grades 3 and 4: the original, and what bears it out that its author does not control."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from ledger.folds.grades import Grade
from ledger.folds.reading import read
from ledger.view import SignedMail, Stamped
from tests.ledger.bookmaking import Draft, dates, link, nonce, opening_of
from tests.ledger.bookmaking import public as public_key
from tests.ledger.grading import (
    AS_AT,
    DOCX,
    EML,
    FRIEND,
    OTHER,
    THEM,
    US,
    Claims,
    book,
    draft,
    file,
    graded,
    letter,
    numbers,
    replace_event,
    says,
)
from verify.kinds import Artefact, Attestation, Key, Knowledge, Meeting, Opening, Sealed, Transfer


def exhibit(on: Draft, *, author: str = US, claims: Claims, **fields: object) -> Draft:
    return draft(
        Artefact,
        author,
        claims=claims,
        type="letter",
        links=(link("evidences", on),),
        **fields,
    )


def attested(on: Draft, author: str, kind: str, **fields: object) -> Draft:
    return draft(Attestation, author, type=kind, of=on.id, **fields)  # type: ignore[arg-type]  # a test's own


# 3: documented


def test_a_mail_documents_all_but_its_receipt() -> None:
    mail = letter(channel="email", received="2025-11-28", claims=EML)
    found = graded(mail)

    assert {"happened": 3, "who": 3, "sent": 3, "received": 1, "said": 3} == numbers(mail)
    assert "Documented" == found["said"].name
    sha256 = file("mail.eml").sha256[:12]
    assert found["said"].reason.startswith(
        f"its original is here, mail.eml (SHA-256 {sha256}…); one signature, recorded 3 days later"
    )


def test_the_file_of_a_letter_does_not_show_that_it_was_sent() -> None:
    assert {"happened": 3, "who": 3, "sent": 1, "received": 0, "said": 3} == numbers(
        letter(claims=DOCX)
    )


@pytest.mark.parametrize(
    "name",
    ["print.pdf", "typed.txt", "picture.png", "page.html"],
)
def test_a_print_and_a_retyped_text_document_nothing(name: str) -> None:
    kinds = {"pdf": "application/pdf", "txt": "text/plain", "png": "image/png", "html": "text/html"}
    print_ = file(name, kind=kinds[name.rpartition(".")[2]])
    mail = letter(channel="email", claims={"file.1": print_})

    assert {0, 1} == set(numbers(mail).values())
    assert {0, 1} == set(numbers(letter(claims={"file.1": print_})).values())


def test_the_text_of_a_mail_in_a_word_processor_is_no_original() -> None:
    assert 1 == numbers(letter(channel="email", claims=DOCX))["said"]


def test_what_came_with_it_and_an_empty_file_document_nothing() -> None:
    second = {"file.1": file("print.pdf"), "file.2": file("mail.eml")}
    empty = {"file.1": file(size=0)}

    assert 1 == numbers(letter(channel="email", claims=second))["said"]
    assert 1 == numbers(letter(claims=empty))["said"]


def test_a_withheld_file_supports_no_grade_until_it_is_handed_over() -> None:
    event = letter(claims=DOCX)
    withheld = Draft(
        replace_event(event, withheld=("file.1",)),
        tuple(text for text in event.disclosures if text not in event.disclosures[:1]),
    )
    assert 1 == numbers(withheld)["said"]
    handed = Draft(Opening(author=US, nonce=nonce("hand over"), of=withheld.id, names=("file.1",)))
    ledger = book((withheld, handed))
    ledger.disclosures[len(ledger.entries) - 2] = event.disclosures
    whole = read(ledger.view(), as_at=AS_AT)
    before = read(ledger.view(at_size=len(ledger.entries) - 1), as_at=AS_AT)

    assert 3 == graded(withheld, reading=whole)["said"].grade
    assert 1 == graded(withheld, reading=before)["said"].grade


def test_a_scan_says_who_keeps_the_paper_and_where() -> None:
    scan = {"file.1": file("scan.pdf")}
    placed = scan | {"address.1": "Strong room, County Hall"}
    on = letter()
    cases: list[tuple[Claims, dict[str, object], int]] = [
        (placed, {"custodian": f"{US}/archivist"}, 3),
        (scan, {"custodian": f"{US}/archivist"}, 1),
        (placed, {}, 1),
        (placed, {"custodian": "unknown"}, 1),
    ]
    for claims, fields, grade in cases:
        assert grade == numbers(on, exhibit(on, claims=claims, **fields))["said"]  # type: ignore[arg-type]  # a test's own


def test_only_the_authors_own_exhibit_documents_and_only_while_it_stands() -> None:
    on = letter()
    own, theirs = exhibit(on, claims=DOCX), exhibit(on, author=THEM, claims=DOCX)

    assert 3 == numbers(on, own)["said"]
    assert 1 == numbers(on, theirs)["said"]
    assert 1 == numbers(on, own, says(US, own, "retract_own"))["said"]


def test_minutes_document_a_meeting_and_data_only_what_they_hold() -> None:
    on = draft(
        Meeting, US, attendees=(US, THEM), claims={"title": "A meeting"},
        dates=dates(occurred="2025-11-28"),
    )  # fmt: skip
    minutes = draft(
        Artefact, US, type="minutes", claims={"file.1": file()}, links=(link("minutes_of", on),)
    )
    passed = draft(
        Transfer, US, from_=US, to=(THEM,), claims={"file.1": file("plots.csv")},
        dates=dates(sent="2025-11-28"),
    )  # fmt: skip

    assert {"happened": 3, "who": 3, "said": 3} == numbers(on, minutes)
    assert {"happened": 1, "who": 1, "sent": 1, "received": 0, "said": 3} == numbers(passed)


def test_no_document_shows_what_somebody_knew() -> None:
    on = letter()
    knew = draft(
        Knowledge, US, knower=THEM, of=on.id, mode="told", claims=DOCX,
        dates=dates(occurred="2025-11-28"),
    )  # fmt: skip
    found = read(book((on, knew)).view(), as_at=AS_AT)

    assert {1} == {grade.grade for grade in graded(knew, reading=found).values()}


# 4: corroborated, by the same file


def test_the_same_file_by_the_other_side_bears_out_what_it_said_only() -> None:
    theirs = draft(Artefact, THEM, type="letter", claims={"file.1": file()})
    on = letter(claims=DOCX)
    found = read(book((theirs, on)).view(), as_at=AS_AT)
    grades = graded(on, reading=found)

    assert (4, "Corroborated") == (grades["said"].grade, grades["said"].name)
    assert {3, 1, 0} == {g.grade for name, g in grades.items() if name != "said"}
    index = found.view.by_id[theirs.id].index
    words = f"rutland recorded the same file (entry {index}); its original is here"
    assert grades["said"].reason.startswith(words)


def test_a_file_that_could_be_copied_from_the_ledger_bears_out_nothing() -> None:
    on = letter(claims=DOCX)
    found = graded(on, draft(Artefact, THEM, type="letter", claims={"file.1": file()}))

    assert 3 == found["said"].grade
    assert "rutland recorded the same file (entry 5), when it could be had here" in (
        found["said"].reason
    )


def test_a_file_shown_before_in_another_event_was_there_to_copy() -> None:
    shown = draft(Artefact, US, type="letter", claims={"file.2": file(), "file.1": file("a.docx")})
    by_friend = draft(Artefact, FRIEND, type="letter", claims={"file.1": file()})
    copied = draft(Artefact, THEM, type="letter", claims={"file.1": file()})
    on = letter(claims=DOCX)

    for first, grade in ((shown, 3), (by_friend, 3), (letter(), 4)):
        found = read(book((first, copied, on)).view(), as_at=AS_AT)
        assert grade == graded(on, reading=found)["said"].grade


def test_whoever_could_not_see_the_file_did_not_copy_it() -> None:
    theirs = draft(Artefact, THEM, type="letter", claims={"file.1": file()})
    plain = letter(claims=DOCX)
    for parties, grade in (((FRIEND,), 4), ((FRIEND, THEM), 3)):
        event = replace_event(plain, audience={"file.1": parties})
        assert grade == numbers(Draft(event, plain.disclosures), theirs)["said"]


def test_what_was_sealed_before_was_held_before() -> None:
    inner = draft(Artefact, THEM, type="letter", claims={"file.1": file()})
    seal = Draft(
        Sealed(author=THEM, nonce=nonce("seal"), seals=inner.id, dates=dates(opens_by="2026-01-01"))
    )
    on = letter(claims=DOCX)
    found = read(book((seal, on, opening_of(seal, inner, "open"))).view(), as_at=AS_AT)
    late = read(book((on, seal, opening_of(seal, inner, "open"))).view(), as_at=AS_AT)
    unopened = read(book((seal, on)).view(), as_at=AS_AT)

    assert 4 == graded(on, reading=found)["said"].grade
    assert 3 == graded(on, reading=late)["said"].grade
    assert 3 == graded(on, reading=unopened)["said"].grade


@pytest.mark.parametrize("author", [US, FRIEND, OTHER])
def test_nobody_bears_itself_out_nor_does_its_side_nor_a_stranger(author: str) -> None:
    theirs = draft(Artefact, author, type="letter", claims={"file.1": file()})
    on = letter(from_=(US, FRIEND), claims=DOCX)
    found = read(book((theirs, on)).view(), as_at=AS_AT)

    assert 3 == graded(on, reading=found)["said"].grade


def test_a_second_key_of_the_author_bears_out_nothing() -> None:
    # Parties are compared, not keys: whatever key signs, it is the same author.
    again = letter(claims=DOCX)
    assert 3 == numbers(letter(claims=DOCX), again)["said"]


def test_an_attachment_in_common_bears_out_nothing() -> None:
    logo = file("logo.docx")
    theirs = draft(Artefact, THEM, type="other", claims={"file.1": logo})
    on = letter(claims={"file.1": file(), "file.2": logo})
    found = read(book((theirs, on)).view(), as_at=AS_AT)

    assert 3 == graded(on, reading=found)["said"].grade


def test_a_withdrawn_file_bears_out_nothing() -> None:
    theirs = draft(Artefact, THEM, type="letter", claims={"file.1": file()})
    on = letter(claims=DOCX)
    found = read(book((theirs, on, says(THEM, theirs, "retract_own"))).view(), as_at=AS_AT)

    assert 3 == graded(on, reading=found)["said"].grade


# 4: corroborated, by attestations


def stamped(on: Draft, day: str, *more: Draft) -> dict[str, Grade]:
    found = read(book((on, *more)).view(), as_at=AS_AT)
    by_s = int(dt.datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp())
    stamps = (Stamped(found.view.size, by_s, "CN=An authority"),)
    return graded(on, reading=read(replace(found.view, stamps=stamps), as_at=AS_AT))


def test_a_trusted_time_stamp_bears_out_what_it_said_if_it_is_in_time() -> None:
    on = letter(claims=DOCX)
    found = stamped(on, "2025-12-03")

    assert [3, 3, 2, 0, 4] == [grade.grade for grade in found.values()]
    assert "stamped by CN=An authority, which you trust" in found["said"].reason
    assert 3 == stamped(on, "2025-12-06")["said"].grade
    assert 2 == stamped(letter(), "2025-12-03")["said"].grade


LOG: Claims = {"file.1": file("mta.log", kind="text/plain")}


def test_a_delivery_log_of_the_other_side_bears_out_receipt() -> None:
    on = letter(channel="email", received="2025-11-28", claims=EML)
    log = attested(on, THEM, "delivery_log", claims=LOG, dates=dates(received="2025-11-28"))

    assert {"happened": 4, "who": 3, "sent": 3, "received": 4, "said": 3} == numbers(on, log)


@pytest.mark.parametrize("author", [US, FRIEND])
def test_a_delivery_log_of_ones_own_or_a_friends_bears_out_nothing(author: str) -> None:
    on = letter(channel="email", received="2025-11-28", claims=EML)
    log = attested(on, author, "delivery_log", claims=LOG, dates=dates(received="2025-11-28"))
    found = graded(on, log)

    assert (3, 1) == (found["happened"].grade, found["received"].grade)
    assert f"{author} shows a delivery log (entry 5) of its own" in found["said"].reason


def test_a_log_that_is_not_shown_or_of_another_day_bears_out_no_receipt() -> None:
    on = letter(channel="email", received="2025-11-28", claims=EML)
    named = attested(on, THEM, "delivery_log", dates=dates(received="2025-11-28"))
    other = attested(on, THEM, "delivery_log", claims=LOG, dates=dates(received="2025-11-30"))
    undated = attested(on, THEM, "delivery_log", claims=LOG)

    assert 3 == numbers(on, named)["happened"]
    assert "does not show it" in graded(on, named)["said"].reason
    assert [1, 1, 1] == [numbers(on, log)["received"] for log in (named, other, undated)]


def test_a_public_record_bounds_a_date_if_it_is_here_and_says_where_it_is() -> None:
    on = letter(channel="email", received="[2025-11-21..2025-11-30]", claims=EML)
    page: Claims = {
        "url.1": "https://gov.example/news",
        "file.1": file("page.html", kind="text/html"),
    }
    bound = dates(received="[..2025-11-25]")

    def record(claims: Claims) -> dict[str, int]:
        return numbers(on, attested(on, THEM, "public_record", claims=claims, dates=bound))

    assert {"happened": 3, "who": 3, "sent": 3, "received": 4, "said": 3} == record(page)
    assert 1 == record({"url.1": page["url.1"]})["received"]
    assert 1 == record({"file.1": page["file.1"]})["received"]


@pytest.mark.parametrize("author", [US, FRIEND])
def test_a_page_of_ones_own_or_a_friends_is_no_public_record_until_it_is_admitted(
    author: str,
) -> None:
    on = letter(channel="email", received="2025-11-28", claims=EML)
    page: Claims = {
        "url.1": "https://gov.example/news",
        "file.1": file("page.html", kind="text/html"),
    }
    record = attested(
        on, author, "public_record", claims=page, dates=dates(received="2025-11-28")
    )  # fmt: skip
    found = graded(on, record)

    assert 1 == found["received"].grade
    assert "which the other side has not admitted" in found["said"].reason
    assert 1 == numbers(on, record, says(FRIEND, record, "admit"))["received"]
    assert 4 == numbers(on, record, says(THEM, record, "admit"))["received"]
    stolen = book((on, record, says(THEM, record, "admit")))
    revoked = Key(
        author=THEM, nonce=nonce("revoked"), verb="revoke", party=THEM, key=public_key(THEM),
        compromised_since=len(stolen.entries) - 1,
    )  # fmt: skip
    stolen.add(Draft(revoked))
    assert 1 == graded(on, reading=read(stolen.view(), as_at=AS_AT))["received"].grade


def test_what_bears_out_a_text_that_is_not_here_bears_out_nothing() -> None:
    on = letter(received="2025-11-28")
    log = attested(on, THEM, "delivery_log", claims=LOG, dates=dates(received="2025-11-28"))

    assert {1} == set(numbers(on, log).values())


# 4: corroborated, by a mail server


def told_of_a_mail(author: str, *, sent: str = "2025-11-28") -> Draft:
    return letter(
        author, from_=(THEM,), to=(US,), channel="email", sent=sent, received=sent, claims=EML
    )


FULL = ("From", "To", "Date", "Subject", "body")


def with_mail(on: Draft, attestation: Draft, **fields: object) -> dict[str, Grade]:
    """Grade a mail of which one signature was checked and holds."""
    values: dict[str, object] = {
        "domain": "rutland.example", "covers": FULL, "own": True, "day": "2025-11-28",
        "trusted": False,
    }  # fmt: skip
    mail = SignedMail(**(values | fields))  # type: ignore[arg-type]  # a test's own
    view = replace(book((on, attestation)).view(), mails={attestation.id: (mail,)})
    return graded(on, reading=read(view, as_at=AS_AT))


def test_the_senders_server_bears_out_all_but_receipt_by_a_key_that_the_sender_recorded() -> None:
    on = told_of_a_mail(US)
    found = with_mail(on, attested(on, THEM, "dkim"))

    assert [4, 4, 4, 1, 4] == [grade.grade for grade in found.values()]
    assert found["said"].reason.startswith(
        "DKIM d=rutland.example covers From, To, Date, Subject, body; key recorded by rutland "
        "(entry 5), recorded 2025-12-01 00:00:00 UTC by the operator's clock; its original is here"
    )


def test_a_key_that_the_reader_gave_needs_nobodys_word() -> None:
    on = told_of_a_mail(US)
    found = with_mail(on, attested(on, US, "dkim"), trusted=True)

    assert [4, 4, 4, 1, 4] == [grade.grade for grade in found.values()]
    assert "by a key that you gave" in found["sent"].reason


@pytest.mark.parametrize("author", [US, FRIEND])
def test_a_key_on_the_authors_or_a_strangers_word_bears_out_nothing(author: str) -> None:
    on = told_of_a_mail(US)
    found = with_mail(on, attested(on, author, "dkim"))

    assert [3, 3, 3, 1, 3] == [grade.grade for grade in found.values()]
    assert f"but by a key on the word of {author} (entry 5)" in found["said"].reason


def test_ones_own_server_bears_out_nothing_of_what_one_tells() -> None:
    on = told_of_a_mail(THEM)
    for author, trusted in ((US, False), (THEM, False), (US, True)):
        found = with_mail(on, attested(on, author, "dkim"), trusted=trusted)
        assert [3, 3, 3, 1, 3] == [grade.grade for grade in found.values()]
        assert "but by rutland's own server" in found["said"].reason


def test_a_signature_bears_out_what_it_covers() -> None:
    on = told_of_a_mail(US)
    attestation = attested(on, THEM, "dkim")
    for fields, expected in (
        ({"covers": ("From", "Date", "Subject")}, [3, 3, 4, 1, 3]),
        ({"covers": ("From", "To", "body")}, [4, 4, 3, 1, 3]),
        ({"covers": ("From", "Subject", "body")}, [4, 3, 3, 1, 4]),
        ({"day": "2025-11-27"}, [4, 4, 3, 1, 4]),
        ({"day": ""}, [4, 4, 3, 1, 4]),
        ({"day": "2025-02-31"}, [4, 4, 3, 1, 4]),
        ({"own": False}, [3, 3, 3, 1, 3]),
    ):
        found = with_mail(on, attestation, **fields)
        assert expected == [grade.grade for grade in found.values()]


@pytest.mark.parametrize("kind", ["dkim", "arc", "opentimestamps"])
def test_what_was_not_checked_bears_out_nothing(kind: str) -> None:
    on = told_of_a_mail(US)
    found = graded(on, attested(on, THEM, kind))["said"]

    assert 3 == found.grade
    assert f"rutland brings {kind} (entry 5), which was not checked" in found.reason
