"""What tools of others read: which checkpoint they get, bare proofs, and DSSE envelopes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path

import pytest
from msgspec.structs import replace

from ledger.covering import covering, earliest_s, most_cosigned, size_of
from ledger.keys import WitnessKey
from ledger.ledger import Ledger
from ledger.outward import dsse_envelope, tlog_proof
from tests.ledger.builder import Party, found_ledger, new_letter, new_log_key, submit
from verify.merkle import leaf_hash
from verify.note import NoteSignature, format_note, parse_note
from verify.proof import check_proof, parse_proof

ALPHA = Party("alpha", 1)
NOW_S = 1_750_000_000
WITNESSES = [WitnessKey(f"w{n}.example", seed=bytes([n]) * 32) for n in (1, 2, 3)]
STRANGER = 3
COSIGNERS = [*WITNESSES, WitnessKey("stranger.example", seed=bytes([9]) * 32)]


def found(path: Path, *, quorum: int) -> Ledger:
    keys = [
        {
            "algorithm": "ed25519",
            "key": one.verifier_key.public.hex(),
            "name": one.verifier_key.name,
        }
        for one in WITNESSES
    ]
    return found_ledger(path, ALPHA, witnesses=keys, quorum=quorum)[0]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with found(tmp_path / "ledger", quorum=2) as founded:
        yield founded


def cosign(checkpoint: bytes, *numbers: int) -> bytes:
    note = parse_note(checkpoint)
    lines = [COSIGNERS[n].cosign(note.text, timestamp_s=NOW_S) for n in numbers]
    return format_note(note.text, [*note.signatures, *lines])


def grow(ledger: Ledger, *numbers: int) -> int:
    """Record a letter, keep its checkpoint as cosigned by these witnesses; return its index."""
    submit(ledger, new_letter("alpha"))
    if numbers:
        ledger.keep_note(cosign(ledger.checkpoint(), *numbers))
    return ledger.size() - 1


def sizes(ledger: Ledger, *indexes: int, limit: int = 99) -> list[int]:
    """Return the sizes of the checkpoints that are handed out for entries."""
    return [found.size for found in covering(ledger, indexes, limit=limit, most=9)]


def test_each_entry_is_weighed_by_the_tolerance_of_its_time(ledger: Ledger) -> None:
    """By the charter in force before it, as SPEC section 8.2 has it; entry 0 by its own."""
    recorded_s = (1000, 1000, 1010, 1030, 1030, 1040)
    state = ledger.state()
    for count in range(3):
        later = combinations(range(2, 7), count)
        for starts, tolerances_s in product(later, product((0, 15, 60), repeat=count + 1)):
            amended = [replace(state.charter, tolerance_s=each) for each in tolerances_s]
            by_now = replace(state, charters=tuple(zip((1, *starts), amended, strict=True)))
            for size in range(1, 7):
                least_s = max(
                    recorded_s[index] - by_now.charter_at(max(index, 1)).tolerance_s
                    for index in range(size)
                )
                found_s = earliest_s(by_now, size, recorded_at=lambda i: 1000 * recorded_s[i] + 999)

                assert least_s == found_s


def test_the_earliest_checkpoint_with_a_quorum_is_handed_out(ledger: Ledger) -> None:
    for numbers in ((0,), (1, 2), (0, 1, 2), ()):
        grow(ledger, *numbers)

    assert [3] == sizes(ledger, 0) == sizes(ledger, 0, 1, 2)
    assert [3, 4] == sizes(ledger, 1, 3, 4)
    assert [2] == sizes(ledger, 0, limit=2)
    assert [] == sizes(ledger, 4) == sizes(ledger, 0, limit=1)


def test_without_a_quorum_the_earliest_that_anybody_cosigned_is(ledger: Ledger) -> None:
    for numbers in ((0, 1), (), (0,), (), (1,), (2,), ()):
        grow(ledger, *numbers)

    assert [2, 4] == sizes(ledger, 0, 1, 2, 3)
    assert [4, 6, 7] == sizes(ledger, 2, 3, 4, 5, 6, 7)
    assert [4, 7] == sizes(ledger, 3, 6)


def test_a_checkpoint_that_covers_none_of_the_entries_is_not_handed_out(ledger: Ledger) -> None:
    for numbers in ((0, 1), (0, 1), (0,), (1, 2)):
        grow(ledger, *numbers)

    assert [2, 5] == sizes(ledger, 0, 3)


def test_where_the_charter_names_no_witness_a_strangers_checkpoint_is_handed_out(
    tmp_path: Path,
) -> None:
    with found_ledger(tmp_path / "alone", ALPHA)[0] as alone:
        for numbers in ((STRANGER,), ()):
            grow(alone, *numbers)

        assert 2 == size_of(most_cosigned(alone, size=1))
        assert [2] == sizes(alone, 0)


def test_a_note_with_a_witness_line_that_is_not_valid_is_passed_over(ledger: Ledger) -> None:
    submit(ledger, new_letter("alpha"))
    note = parse_note(ledger.checkpoint())
    key = WITNESSES[0].verifier_key
    bad = NoteSignature(key.name, key.key_id, bytes(72))
    seen = format_note(note.text, [*note.signatures, bad])
    submit(ledger, new_letter("alpha"), note=seen)

    assert [] == sizes(ledger, 0)
    assert (
        ledger.checkpoint()
        == most_cosigned(ledger, size=1)
        == parse_proof(tlog_proof(ledger, 0)).checkpoint
    )


def test_a_proof_leads_to_the_checkpoint_that_most_witnesses_cosigned(ledger: Ledger) -> None:
    for numbers in ((0, 1), (0, 1, 2), (0, 1, 2), (1,), ()):
        grow(ledger, *numbers)

    found = [most_cosigned(ledger, size=size) for size in (1, 3, 4, 5, 6)]
    assert [3, 3, 4, 5, 6] == [size_of(note) for note in found]
    assert ledger.checkpoint() == found[-1]


def test_of_those_that_all_witnesses_cosigned_the_earliest_leads_whoever_else_signed_later(
    ledger: Ledger,
) -> None:
    for numbers in ((0, 1, 2), (0, 1, 2, STRANGER)):
        grow(ledger, *numbers)

    assert 2 == size_of(most_cosigned(ledger, size=1))


def test_no_proof_leads_to_what_was_kept_behind_the_checkpoint_of_the_answer(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    latest = ledger.checkpoint()
    grow(ledger, 0)
    monkeypatch.setattr(ledger, "checkpoint", lambda: latest)

    assert latest == most_cosigned(ledger, size=1)


def test_of_notes_of_one_size_the_one_with_most_lines_is_handed_out(ledger: Ledger) -> None:
    submit(ledger, new_letter("alpha"))
    seen, whole = cosign(ledger.checkpoint(), 0), cosign(ledger.checkpoint(), 0, 1, 2)
    ledger.keep_note(whole)
    submit(ledger, new_letter("alpha"), note=seen)
    ((size, notes),) = covering(ledger, [0], limit=3, most=9)

    assert 2 == size
    assert {seen, whole} == set(notes)
    assert whole == most_cosigned(ledger, size=1)


def test_a_bare_proof_leads_from_the_entry_to_a_cosigned_checkpoint(ledger: Ledger) -> None:
    indexes = [grow(ledger, 0, 1), grow(ledger), grow(ledger, 1, 2)]
    for index in indexes:
        proof = parse_proof(tlog_proof(ledger, index))
        leaf, key = leaf_hash(ledger.entry(index)), new_log_key().verifier_key
        checkpoint = check_proof(proof, leaf=leaf, key=key, origin=ledger.origin)

        assert index == proof.index
        assert proof.extra is None
        assert (2 if index == 1 else 4) == checkpoint.size
        assert 3 == len(parse_note(proof.checkpoint).signatures)


def test_every_event_of_a_submission_has_the_same_envelope(ledger: Ledger) -> None:
    submit(ledger, *(new_letter("alpha") for _ in range(3)))
    envelopes = {dsse_envelope(ledger, index) for index in (1, 2, 3)}

    assert 1 == len(envelopes)
    assert dsse_envelope(ledger, 0) not in envelopes
