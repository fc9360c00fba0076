"""What was seen: which checkpoints a statement may name, and at which times cosigned."""

from hashlib import sha256
from pathlib import Path

import pytest

from ledger.export import export
from ledger.ledger import Ledger
from ledger.past import SnapshotPast
from ledger.sequencer import Accepted, prepare_submission, sequence
from tests.ledger.builder import (
    NOON_MS,
    Party,
    found_ledger,
    new_charter,
    new_letter,
    new_log_key,
    refused,
    sign_document,
    submit,
)
from tests.ledger.test_prove import padded
from tests.ledger.test_sequencer import batch_of, clock, ledger
from tests.world import cosign, witness, witness_key
from verify.audit import audit
from verify.checkpoint import Checkpoint, format_checkpoint, parse_signed
from verify.checks import Check
from verify.errors import RuleError
from verify.folder import Folder
from verify.note import NoteSignature, format_note, parse_note
from verify.submission import Seen, parse_document

__all__ = ["clock", "ledger"]  # fixtures

ALPHA = Party("alpha", 1)


def test_keeps_the_note_that_was_seen_once(ledger: Ledger) -> None:
    notes = [ledger.checkpoint()]
    submit(ledger, new_letter("alpha"), note=notes[0])
    notes.append(ledger.checkpoint())
    submit(ledger, new_letter("alpha"), note=notes[1])
    submit(ledger, new_letter("alpha"), note=notes[0])

    assert notes == list(ledger.notes())


def test_keeps_no_more_notes_of_one_size_than_its_copies_can_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = witness("w1")
    named = [{"algorithm": one.algorithm, "key": one.key, "name": one.name}]
    found, clock = found_ledger(tmp_path / "cosigned", ALPHA, witnesses=named)

    def names(note: bytes) -> bytes:
        return sign_document(found, ALPHA, [new_letter("alpha")], note=note)

    with found:
        plain = found.checkpoint()
        first, second, third = (padded(plain, number, width=740) for number in (1, 2, 3))
        both = batch_of(found, [names(first), names(second)])
        submit(found, new_letter("alpha"), note=padded(plain, 4, lines=1))
        assert Check.SEEN == refused(found, names(third))
        submit(found, new_letter("alpha"), note=first)  # it is kept already
        # Of these there are no more than witnesses, and one.
        monkeypatch.setattr("ledger.seen.MAX_NOTE_SIZE", sum(map(len, found.notes())))
        own = cosign(plain, ("w1", clock() // 1000))
        text, (log_line, line) = parse_note(own)
        submit(found, new_letter("alpha"), note=plain)
        submit(found, new_letter("alpha"), note=own)
        for more in (
            format_note(text, [line, log_line]),
            cosign(plain, ("w1", clock() // 1000 + 1)),
        ):
            assert Check.SEEN == refused(found, names(more))
        submit(found, new_letter("alpha"), note=padded(found.checkpoint(), 5, width=740))
        kept = [len(note) for note in found.notes()]

    assert Accepted(1, 1, new=True) == both[0]
    assert isinstance(both[1], RuleError)
    assert Check.SEEN is both[1].check
    assert 5 == len(kept)


@pytest.mark.parametrize("at_first", [True, False])
def test_refuses_what_was_signed_later_than_its_clock_says(
    tmp_path: Path, *, at_first: bool
) -> None:
    named = [
        {"algorithm": one.algorithm, "key": one.key, "name": one.name}
        for one in map(witness, ("w1", "w2"))
    ]
    rules: dict[str, object] = {"witnesses": named, "quorum": 2}
    found, clock = found_ledger(tmp_path / "cosigned", ALPHA, **(rules if at_first else {}))  # type: ignore[arg-type]  # as in new_letter
    with found:
        if not at_first:
            amends = found.state().charter_id
            submit(found, new_charter(ALPHA, new_log_key(), founding=False, amends=amends, **rules))  # type: ignore[arg-type]  # as above
        at_s = clock() // 1000
        # One alone makes no quorum here, but it does for whoever trusts that one.
        late = cosign(found.checkpoint(), ("w1", at_s + 301), ("w2", at_s))
        document = sign_document(found, ALPHA, [new_letter("alpha")], note=late)
        with pytest.raises(RuleError, match="is cosigned later than now") as refusal:
            found.submit(document)
        just = cosign(found.checkpoint(), ("w1", at_s + 300), ("w2", at_s))
        submit(found, new_letter("alpha"), note=just)

        assert (Check.BRACKET, "note") == (refusal.value.check, refusal.value.where)
        assert str(refusal.value.found).endswith(" by w1.example")
        assert [just] == list(found.notes())


def test_refuses_a_note_that_was_cosigned_before_what_it_covers_was_recorded(
    tmp_path: Path,
) -> None:
    named = [
        {"algorithm": one.algorithm, "key": one.key, "name": one.name}
        for one in map(witness, ("w1", "w2"))
    ]
    found, clock = found_ledger(tmp_path / "cosigned", ALPHA, witnesses=named, quorum=2)
    with found:
        at_s = clock() // 1000
        # Each by itself, since two notes of one size make a quorum together.
        for name in ("w1", "w2"):
            early = cosign(found.checkpoint(), (name, at_s - 301))
            document = sign_document(found, ALPHA, [new_letter("alpha")], note=early)
            with pytest.raises(RuleError, match="cosigned earlier than what it covers") as refusal:
                found.submit(document)
            assert (Check.BRACKET, "note") == (refusal.value.check, refusal.value.where)
            assert str(refusal.value.found).endswith(f" by {name}.example")
        for name in ("w1", "w2"):
            just = cosign(found.checkpoint(), (name, at_s - 300))
            submit(found, new_letter("alpha"), note=just)
        export(found, tmp_path / "export")

    assert "self-consistent" == audit(Folder(tmp_path / "export")).verdict


@pytest.mark.parametrize("out_s", [-301, 301])
def test_a_line_out_of_time_is_refused_without_a_quorum_and_beside_one_that_is_not_valid(
    tmp_path: Path, out_s: int
) -> None:
    """Whoever trusts that one witness alone would find the ledger invalid for good."""
    named = [
        {"algorithm": one.algorithm, "key": one.key, "name": one.name}
        for one in map(witness, ("w1", "w2"))
    ]
    found, clock = found_ledger(tmp_path / "no quorum", ALPHA, witnesses=named)
    with found:
        out = cosign(found.checkpoint(), ("w1", clock() // 1000 + out_s))
        document = sign_document(found, ALPHA, [new_letter("alpha")], note=out)
        assert Check.BRACKET == refused(found, document)
    found, clock = found_ledger(tmp_path / "quorum", ALPHA, witnesses=named, quorum=1)
    with found:
        key = witness_key("w2")
        bad = NoteSignature(key.name, key.key_id, bytes(72))
        notes = []
        for at_s in (out_s, 0):
            text, lines = parse_note(cosign(found.checkpoint(), ("w1", clock() // 1000 + at_s)))
            notes.append(format_note(text, [*lines, bad]))
        document = sign_document(found, ALPHA, [new_letter("alpha")], note=notes[0])
        assert Check.BRACKET == refused(found, document)
        submit(found, new_letter("alpha"), note=notes[1])

        assert notes[1:] == list(found.notes())


def test_a_note_of_what_stands_in_its_own_batch_is_weighed_alike(tmp_path: Path) -> None:
    """The log key may be used elsewhere; and to a mirror all that it copies at once is a batch."""
    one = witness("w1")
    named = [{"algorithm": one.algorithm, "key": one.key, "name": one.name}]
    outcomes: list[object] = []
    for late_s in (300, 301):
        documents: list[bytes] = []
        for name in (f"one {late_s}", f"two {late_s}"):
            found, clock = found_ledger(
                tmp_path / name, ALPHA, number=late_s, witnesses=named, quorum=1
            )
            with found:
                if not documents:
                    documents.append(sign_document(found, ALPHA, [new_letter("alpha")]))
                    found.submit(documents[0])
                    early = cosign(found.checkpoint(), ("w1", clock() // 1000 - late_s))
                    documents.append(sign_document(found, ALPHA, [new_letter("alpha")], note=early))
                else:
                    outcomes += batch_of(found, documents)

    assert [Accepted(n, 1, new=True) for n in (1, 2, 1)] == outcomes[:3]
    assert isinstance(outcomes[3], RuleError)
    assert Check.BRACKET is outcomes[3].check


def test_a_note_is_weighed_by_the_tolerance_of_each_entry_that_it_covers(tmp_path: Path) -> None:
    named = [
        {"algorithm": one.algorithm, "key": one.key, "name": one.name}
        for one in map(witness, ("w1", "w2"))
    ]
    rules: dict[str, object] = {"witnesses": named, "quorum": 2}
    found, clock = found_ledger(tmp_path / "cosigned", ALPHA, tolerance_s=60, **rules)  # type: ignore[arg-type]  # as in new_letter
    with found:
        amends = found.state().charter_id
        amended = new_charter(ALPHA, new_log_key(), founding=False, amends=amends, **rules)  # type: ignore[arg-type]  # as above
        submit(found, amended)  # the tolerance is 300 s from the entry after it on
        at_s = clock() // 1000
        for _ in range(2):
            early = cosign(found.checkpoint(), ("w1", at_s - 61), ("w2", at_s - 61))
            document = sign_document(found, ALPHA, [new_letter("alpha")], note=early)
            assert Check.BRACKET == refused(found, document)
            just = cosign(found.checkpoint(), ("w1", at_s - 60), ("w2", at_s - 60))
            submit(found, new_letter("alpha"), note=just)
        clock.now_ms += 240_000
        submit(found, new_letter("alpha"))
        wider = cosign(found.checkpoint(), ("w1", at_s - 60), ("w2", at_s - 60))
        submit(found, new_letter("alpha"), note=wider)
        clock.now_ms += 61_000
        submit(found, new_letter("alpha"))
        early = cosign(found.checkpoint(), ("w1", at_s), ("w2", at_s))
        document = sign_document(found, ALPHA, [new_letter("alpha")], note=early)
        assert Check.BRACKET == refused(found, document)
        just = cosign(found.checkpoint(), ("w1", at_s + 1), ("w2", at_s + 1))
        submit(found, new_letter("alpha"), note=just)
        export(found, tmp_path / "export")

    assert "self-consistent" == audit(Folder(tmp_path / "export")).verdict


def test_a_tolerance_that_was_narrowed_weighs_no_note_of_before(tmp_path: Path) -> None:
    named = [
        {"algorithm": one.algorithm, "key": one.key, "name": one.name}
        for one in map(witness, ("w1", "w2"))
    ]
    rules: dict[str, object] = {"witnesses": named, "quorum": 2}
    found, clock = found_ledger(tmp_path / "cosigned", ALPHA, **rules)  # type: ignore[arg-type]  # as in new_letter
    with found:
        rules |= {"amends": found.state().charter_id, "tolerance_s": 60}
        submit(found, new_charter(ALPHA, new_log_key(), founding=False, **rules))  # type: ignore[arg-type]  # as above
        at_s = clock() // 1000
        before = cosign(found.checkpoint(), ("w1", at_s - 300), ("w2", at_s - 300))
        submit(found, new_letter("alpha"), note=before)
        export(found, tmp_path / "export")

    assert "self-consistent" == audit(Folder(tmp_path / "export")).verdict


def test_a_smaller_tolerance_makes_nothing_invalid_that_saw_an_earlier_note(tmp_path: Path) -> None:
    one = witness("w1")
    named = [{"algorithm": one.algorithm, "key": one.key, "name": one.name}]
    rules: dict[str, object] = {"witnesses": named, "quorum": 1}
    found, clock = found_ledger(tmp_path / "cosigned", ALPHA, **rules)  # type: ignore[arg-type]  # as in new_letter
    with found:
        ahead = cosign(found.checkpoint(), ("w1", clock() // 1000 + 200))
        submit(found, new_letter("alpha"), note=ahead)
        rules |= {"amends": found.state().charter_id, "tolerance_s": 60}
        submit(found, new_charter(ALPHA, new_log_key(), founding=False, **rules))  # type: ignore[arg-type]  # as above
        submit(found, new_letter("alpha"), note=found.checkpoint())
        export(found, tmp_path / "export")

    assert "self-consistent" == audit(Folder(tmp_path / "export")).verdict


def test_accepts_a_seen_size_that_was_never_published(ledger: Ledger) -> None:
    submit(ledger, *(new_letter("alpha") for _ in range(9)))
    note = signed_checkpoint(ledger, 4, ledger.root_at(4))

    assert 10 == submit(ledger, new_letter("alpha"), note=note).first


def test_refuses_a_note_of_another_history(ledger: Ledger) -> None:
    submit(ledger, new_letter("alpha"))
    for size, root in ((1, bytes(32)), (2, ledger.root_at(1)), (3, ledger.root())):
        note = signed_checkpoint(ledger, size, root)
        document = sign_document(ledger, ALPHA, [new_letter("alpha")], note=note)

        assert Check.SEEN is refused(ledger, document)


def test_refuses_a_note_that_the_log_did_not_sign(ledger: Ledger) -> None:
    other = signed_checkpoint(ledger, 1, ledger.root(), key_number=9)
    document = sign_document(ledger, ALPHA, [new_letter("alpha")], note=other)

    assert Check.SEEN is refused(ledger, document)


def test_refuses_a_note_that_is_not_the_one_signed_for(ledger: Ledger) -> None:
    note = ledger.checkpoint()
    document = sign_document(ledger, ALPHA, [new_letter("alpha")], note=note)
    line = note.splitlines()[-1].decode()
    changed = document.replace(note.decode().replace("\n", "\\n").encode(), b"@")
    assert changed != document
    twice = (note.decode() + line + "\n").replace("\n", "\\n").encode()

    assert Check.SEEN is refused(ledger, changed.replace(b"@", twice))


def test_refuses_a_statement_of_another_tree_than_its_note_is_of(ledger: Ledger) -> None:
    smaller = ledger.root()
    submit(ledger, new_letter("alpha"))
    note = ledger.checkpoint()
    seen = Seen(note=sha256(note).hexdigest(), root=smaller.hex(), size=1)
    document = sign_document(ledger, ALPHA, [new_letter("alpha")], note=note, seen=seen)

    assert Check.SEEN is refused(ledger, document)


def signed_checkpoint(ledger: Ledger, size: int, root: bytes, *, key_number: int = 1) -> bytes:
    key = new_log_key(key_number)
    text = format_checkpoint(Checkpoint(ledger.origin, size, root))
    line = NoteSignature(ledger.origin, key.verifier_key.key_id, key.sign(text))
    return format_note(text, [line])


def test_a_note_by_a_log_key_that_was_replaced_meanwhile_is_refused(ledger: Ledger) -> None:
    ledger.add_log_key(new_log_key(2))
    amendment = new_charter(ALPHA, new_log_key(2), founding=False, amends=ledger.state().charter_id)
    documents = [sign_document(ledger, ALPHA, [amendment])]
    assert ledger._writer is not None
    head = ledger._writer.head
    prepared = prepare_submission(parse_document(documents[0]), state=head.state)
    with ledger._store.read() as snapshot:
        past, signers = SnapshotPast(snapshot), ledger._signers
        commit, _ = sequence(head, [prepared], now_ms=NOON_MS, history=past, signers=signers)
    assert commit is not None
    root = parse_signed(commit.checkpoint)[0].root
    note = signed_checkpoint(ledger, 2, root)
    documents.append(sign_document(ledger, ALPHA, [new_letter("alpha")], note=note))
    accepted, late = batch_of(ledger, documents)

    assert Accepted(1, 1, new=True) == accepted
    assert isinstance(late, RuleError)
    assert Check.SEEN == late.check
