"""What the folds read: keys, order, openings, withheld texts, and the past that stays the past."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.view import read_view, view_of_export
from tests.ledger.bookmaking import (
    ORIGIN,
    Book,
    Draft,
    book_of,
    dates,
    nonce,
    opening_of,
    public,
    sealed,
)
from tests.ledger.founding import CASE, LCC, OTHERS
from tests.world import claims_of
from verify.checkpoint import Checkpoint, format_checkpoint
from verify.codec import encode
from verify.errors import MalformedError, VerifyError
from verify.events import Key, Meeting, Opening, Sealed
from verify.note import NoteSignature, format_note
from verify.tiles import bundles_of, entries_path, format_bundle


def meeting(label: str, author: str = LCC, **claims: str) -> Draft:
    digests, texts = sealed(author, label, claims)
    event = Meeting(
        author=author,
        nonce=nonce(label),
        dates=dates(occurred="2025-03-06"),
        sealed=digests or None,
    )
    return Draft(event, texts)


def test_reads_who_told_what_with_which_key() -> None:
    book = book_of([meeting("one", title="First")], members=("rutland",))
    book.add(meeting("two", "rutland"), seen=3)
    view = book.view()

    assert (ORIGIN, 4) == (view.origin, view.size)
    assert book.fingerprint == view.fingerprint
    one, two = view.told[2:]
    assert (LCC, "founding", 0, "First") == (
        one.author,
        one.key_origin,
        one.seen_size,
        one.text("title"),
    )
    assert ("rutland", "vouched", 3, public("rutland")) == (
        two.author,
        two.key_origin,
        two.seen_size,
        two.key,
    )
    assert view.told[3] is view.by_id[two.id]
    assert (LCC, "rutland") == view.authors


def test_a_view_at_a_size_never_changes() -> None:
    whole = book_of(CASE, members=OTHERS)
    for size in range(1, len(whole.entries) + 1):
        short = Book(entries=whole.entries[:size], disclosures=whole.disclosures)

        assert short.view() == whole.view(at_size=size)


def test_refuses_a_size_beyond_the_ledger_and_a_ledger_without_entries() -> None:
    book = book_of([])

    with pytest.raises(MalformedError):
        book.view(at_size=2)
    with pytest.raises(MalformedError):
        read_view([], lambda _: ())


def test_refuses_an_opened_text_of_another_event() -> None:
    book = book_of([meeting("one", title="First"), meeting("two", title="Second")])
    book.disclosures[1] = book.disclosures[2]

    with pytest.raises(VerifyError):
        book.view()


def test_a_withheld_text_shows_from_the_entry_on_that_hands_it_over() -> None:
    digests, texts = sealed(LCC, "secret", {"title": "Said in confidence"})
    event = Meeting(author=LCC, nonce=nonce("secret"), sealed=digests, withheld=("title",))
    handing = Opening(author=LCC, nonce=nonce("handing"), of=Draft(event).id, names=("title",))
    book = book_of([Draft(event), Draft(handing)])
    book.disclosures[1] = texts

    assert "Said in confidence" == book.view().told[1].text("title")
    before = book.view(at_size=2).told[1]
    assert before.text("title") is None
    assert ("title",) == before.unopened


def test_a_sealed_event_takes_effect_at_its_opening() -> None:
    inner = meeting("inner", title="Inside")
    seal = Draft(
        Sealed(author=LCC, nonce=nonce("seal"), dates=dates(opens_by="2026-01-31"), seals=inner.id)
    )
    book = book_of([seal, meeting("between"), opening_of(seal, inner, "opening")])
    view = book.view()

    opened = view.by_id[inner.id]
    assert (3, 3, 1, "Inside") == (
        opened.index,
        opened.opened_at,
        opened.sealed_at,
        opened.text("title"),
    )
    assert () == view.sealed
    early = book.view(at_size=3)
    assert [seal.id] == [told.id for told in early.sealed]
    assert inner.id not in early.by_id


def test_a_revocation_disowns_from_the_index_it_names() -> None:
    book = book_of([], members=("rutland",))
    for label in ("before", "since", "after seen"):
        book.add(meeting(label, "rutland"))
    revoke = Key(
        author="rutland",
        nonce=nonce("revoke"),
        verb="revoke",
        party="rutland",
        key=public("rutland"),
        compromised_since=3,
    )
    book.add(Draft(revoke), seen=4)

    assert [False, True, True, False] == [t.disowned for t in book.view().told[2:]]
    assert not any(t.disowned for t in book.view(at_size=5).told)


def test_a_revocation_that_names_no_index_disowns_from_what_it_had_seen() -> None:
    book = book_of([], members=("rutland",))
    for label in ("before", "after seen"):
        book.add(meeting(label, "rutland"))
    revoke = Key(
        author="rutland",
        nonce=nonce("revoke"),
        verb="revoke",
        party="rutland",
        key=public("rutland"),
    )
    book.add(Draft(revoke), seen=3)

    assert [False, True, False] == [t.disowned for t in book.view().told[2:]]


def test_an_export_gives_the_same_view(tmp_path: Path) -> None:
    book = book_of(CASE, members=OTHERS)
    view = book.view()
    text = format_checkpoint(Checkpoint(ORIGIN, view.size, bytes.fromhex(view.root)))
    note = format_note(text, [NoteSignature(ORIGIN, bytes(4), bytes(64))])
    (tmp_path / "checkpoint").write_bytes(note)
    for number, width in bundles_of(view.size):
        path = tmp_path / entries_path(number=number, width=width)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(format_bundle(book.entries[number * 256 : number * 256 + width]))
    lines = [
        encode({"claims": claims_of(texts), "index": index}) + b"\n"
        for index, texts in sorted(book.disclosures.items())
    ]
    (tmp_path / "disclosures.jsonl").write_bytes(b"".join(lines))

    assert view == view_of_export(tmp_path)
    assert book.view(at_size=12) == view_of_export(tmp_path, at_size=12)
    (tmp_path / "disclosures.jsonl").unlink()
    assert {} == view_of_export(tmp_path).told[9].claims
