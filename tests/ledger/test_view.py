"""What the folds read: keys, order, openings, withheld texts, and the past that stays the past."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.view import View
from ledger.viewing import ViewBuilder, read_view, view_of_export
from tests.ledger.bookmaking import (
    DAY_MS,
    ORIGIN,
    POWERS,
    Book,
    Draft,
    book_of,
    dates,
    nonce,
    opening_of,
    public,
    sealed,
    secret,
)
from tests.ledger.counting import calls
from tests.ledger.founding import CASE, LCC, OTHERS
from tests.world import claims_of
from verify.checkpoint import Checkpoint, format_checkpoint
from verify.codec import encode
from verify.errors import MalformedError, VerifyError
from verify.kinds import Erasure, Event, Hold, Key, Meeting, Opening, Sealed
from verify.merkle import leaf_hash, root_hash
from verify.note import NoteSignature, format_note
from verify.submission import POSSESSION, LedgerName, Possession, pae
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


# One builder, many views


class Growing:
    """A book that grows by what it is told to do, and a builder that follows it."""

    def __init__(self) -> None:
        self.book = book_of([], members=("rutland",))
        self.withheld: list[tuple[Draft, int]] = []
        self.seals: list[tuple[Draft, Draft]] = []
        self.holds: list[Draft] = []
        self.sealing: list[Draft] = []
        self.builder = ViewBuilder(lambda index, _: self.book.disclosures.get(index, ()))

    def label(self) -> str:
        return f"number {len(self.book.entries)}"

    def add(self, event: Event, texts: tuple[str, ...] = ()) -> Draft:
        draft = Draft(event, texts)
        self.book.add(draft)
        return draft

    def plain(self) -> None:
        self.sealing.append(self.add(*_parts(meeting(self.label(), title="Said"))))

    def limited(self) -> None:
        digests, texts = sealed(LCC, self.label(), {"text": "To one", "title": "To all"})
        audience: dict[str, tuple[str, ...]] = {"text": ("rutland",)}
        event = Meeting(author=LCC, nonce=nonce(self.label()), sealed=digests, audience=audience)
        self.sealing.append(self.add(event, texts))

    def withhold(self) -> None:
        digests, texts = sealed(LCC, self.label(), {"title": "Later"})
        event = Meeting(author=LCC, nonce=nonce(self.label()), sealed=digests, withheld=("title",))
        index = len(self.book.entries)
        self.withheld.append((Draft(self.add(event).event, texts), index))
        self.sealing.append(Draft(event))

    def hand_over(self) -> None:
        if self.withheld:
            draft, index = self.withheld.pop()
            opening = Opening(author=LCC, nonce=nonce(self.label()), of=draft.id, names=("title",))
            self.book.disclosures[index] = draft.disclosures
            self.add(opening)

    def seal(self) -> None:
        inner = meeting(self.label(), title="Inside")
        seal = Sealed(
            author=LCC,
            nonce=nonce(f"seal {self.label()}"),
            dates=dates(opens_by="2026-01-31"),
            seals=inner.id,
        )
        self.seals.append((self.add(seal), inner))

    def open(self) -> None:
        if self.seals:
            opening = opening_of(*self.seals.pop(), self.label())
            self.sealing.append(Draft(opening.event.event))  # type: ignore[union-attr, arg-type]  # as made
            self.book.add(opening)

    def erase(self) -> None:
        if self.sealing:
            of = self.sealing[0].id
            self.add(
                Erasure(
                    author=LCC,
                    nonce=nonce(self.label()),
                    of=of,
                    names=("title",),
                    ground="subject_request",
                )
            )

    def hold(self) -> None:
        self.holds.append(self.add(Hold(author=LCC, nonce=nonce(self.label()), all="yes")))

    def end_hold(self) -> None:
        if self.holds:
            of = self.holds.pop().id
            self.add(Hold(author=LCC, nonce=nonce(self.label()), ends=of))

    def wait(self) -> None:
        self.book.recorded += 31 * DAY_MS
        self.plain()

    def disown(self) -> None:
        if public("rutland") not in {e.key for e in self.revocations()}:
            self.book.add(meeting(self.label(), "rutland", title="Theirs"))
            self.add(
                Key(
                    author="rutland",
                    nonce=nonce(self.label()),
                    verb="revoke",
                    party="rutland",
                    key=public("rutland"),
                    compromised_since=2,
                )
            )

    def revocations(self) -> list[Key]:
        events = [told.event for told in self.book.view().told]
        return [e for e in events if isinstance(e, Key) and e.verb == "revoke"]

    def follow(self) -> None:
        for data in self.book.entries[self.builder.size :]:
            self.builder.add(data)


def _parts(draft: Draft) -> tuple[Event, tuple[str, ...]]:
    return draft.event, draft.disclosures


ACTS: Sequence[Callable[[Growing], None]] = (
    *(Growing.plain, Growing.limited, Growing.withhold, Growing.hand_over, Growing.seal),
    *(Growing.open, Growing.erase, Growing.hold, Growing.end_hold, Growing.wait, Growing.disown),
)
AUDIENCES = (None, "public", LCC, "rutland")


def from_scratch(book: Book, size: int, audience: str | None) -> View:
    builder = ViewBuilder(lambda index, _: book.disclosures.get(index, ()))
    for data in book.entries[:size]:
        builder.add(data)
    return builder.view(audience=audience)


@given(st.lists(st.sampled_from(ACTS), max_size=9))
def test_a_builder_that_grew_gives_the_view_that_is_read_from_scratch(
    acts: list[Callable[[Growing], None]],
) -> None:
    growing = Growing()
    for act in acts:
        act(growing)
        growing.follow()
        book = growing.book
        for audience in AUDIENCES:
            whole = from_scratch(book, len(book.entries), audience)

            assert whole == growing.builder.view(audience=audience)
            told = growing.builder.told(0, whole.size, audience=audience or "")
            assert audience is None or list(whole.told) == list(told)


@given(st.lists(st.sampled_from(ACTS), max_size=9))
def test_a_builder_gives_the_view_of_each_size_it_had(
    acts: list[Callable[[Growing], None]],
) -> None:
    growing = Growing()
    for act in acts:
        act(growing)
    growing.follow()
    book, builder = growing.book, growing.builder
    end = {told.id: told.claims for told in builder.view().told}
    for size in range(1, builder.size + 1):
        root = root_hash([leaf_hash(data) for data in book.entries[:size]]).hex()
        for audience in AUDIENCES:
            then = from_scratch(book, size, audience)
            now = builder.view(audience=audience, at=(size, root))

            if not builder.erased:
                assert then == now
            assert [told.id for told in then.told] == [told.id for told in now.told]
            for before, after in zip(then.told, now.told, strict=True):
                assert {n: v for n, v in before.claims.items() if n in end[before.id]} == dict(
                    after.claims
                )


def test_an_erasure_in_effect_shows_in_no_view() -> None:
    growing = Growing()
    growing.plain()
    growing.hold()
    growing.erase()
    growing.wait()
    growing.follow()

    assert "Said" == growing.builder.view().told[2].text("title")
    growing.end_hold()
    growing.wait()
    growing.follow()
    builder = growing.builder
    assert 1 == len(builder.erased)
    assert (("title",), ("title",)) == (
        builder.view().told[2].erased, builder.view().told[2].unopened,
    )  # fmt: skip
    assert [None] * 2 == [
        builder.view(at=at).told[2].text("title") for at in ((3, "00"), (builder.size, "00"))
    ]


def test_refuses_a_view_of_a_size_that_it_does_not_have() -> None:
    growing = Growing()
    with pytest.raises(MalformedError):
        growing.builder.view()
    growing.follow()
    with pytest.raises(MalformedError):
        growing.builder.view(at=(3, "00"))


def recoveries(count: int, *, revoked: bool = False) -> Book:
    """A member that proposes a key for another again and again, each in the place of the last."""
    book = book_of([], members=("rutland",))
    for number in range(count):
        name = f"key {number}"
        possession = Possession(
            ledger=LedgerName(origin=ORIGIN, charter=book.fingerprint),
            party="rutland",
            key=public(name),
            powers=POWERS,
        )
        signature = secret(name).sign(pae(POSSESSION, encode(possession))).signature.hex()
        proposal = Key(
            author=LCC,
            nonce=nonce(name),
            verb="recover",
            party="rutland",
            key=public(name),
            powers=POWERS,
            possession=signature,
        )
        book.add(Draft(proposal))
        if revoked:
            no = Key(
                author="rutland",
                nonce=nonce(f"no {name}"),
                verb="revoke",
                party="rutland",
                key=public(name),
                compromised_since=0,
            )
            book.add(Draft(no))
    return book


def test_what_is_kept_of_governance_grows_with_it_and_not_with_its_square() -> None:
    def held(count: int) -> int:
        entries = recoveries(count).entries
        builder = ViewBuilder(lambda _index, _event: ())
        tracemalloc.start()
        try:
            for data in entries:
                builder.add(data)
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    assert held(400) < 2.5 * held(200)


def test_each_size_has_the_state_of_its_own() -> None:
    whole = recoveries(4, revoked=True)
    whole.recorded += 30 * DAY_MS
    for number in range(2):
        whole.add(meeting(str(number)))
    builder = ViewBuilder(lambda _index, _event: ())
    for data in whole.entries:
        builder.add(data)
    for size in range(1, len(whole.entries) + 1):
        short = Book(entries=whole.entries[:size]).view()

        assert short.state == builder.view(at=(size, short.root)).state


def test_keys_that_were_revoked_before_they_signed_cost_nothing_beside_their_entries() -> None:
    def cost(count: int) -> int:
        book = recoveries(count, revoked=True)
        builder = ViewBuilder(lambda _index, _event: ())
        for data in book.entries:
            builder.add(data)
        return calls(builder.view)

    assert cost(200) < 3 * cost(100)


def test_claims_that_are_handed_over_one_by_one_are_read_again_together() -> None:
    names = tuple(f"item.{number}" for number in range(1, 10))
    digests, texts = sealed(LCC, "list", dict.fromkeys(names, "Text."))
    told = Meeting(author=LCC, nonce=nonce("list"), sealed=digests, withheld=names)
    book = book_of([Draft(told)])
    for name in names:
        opening = Opening(author=LCC, nonce=nonce(name), of=Draft(told).id, names=(name,))
        book.add(Draft(opening))
    read: list[int] = []

    def disclosures(index: int, _event: Event) -> Sequence[str]:
        read.append(index)
        return texts if index == 1 else ()

    builder = ViewBuilder(disclosures)
    for data in book.entries:
        builder.add(data)

    assert dict.fromkeys(names, "Text.") == builder.view().by_id[Draft(told).id].claims
    assert read.count(1) == 2
