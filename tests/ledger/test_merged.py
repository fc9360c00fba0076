"""What comes together of a checkpoint: of each key the first cosignature, and no invalid line."""

from __future__ import annotations

from ledger.feeding import Cosigned
from ledger.merged import Merged
from tests.world import cosign, witness_key
from verify.checkpoint import Checkpoint, format_checkpoint
from verify.note import NoteSignature, check_cosignature, format_note, parse_note

TEXT = format_checkpoint(Checkpoint("log.example/merged", 5, bytes(32)))
NOTE = format_note(TEXT, [NoteSignature("log.example/merged", b"logs", bytes(64))])
EVER = range(1 << 63)
KEYS = [witness_key(name) for name in ("w1", "w2", "w3")]


def cosigned(name: str, at_s: int) -> Cosigned:
    return Cosigned(parse_note(cosign(NOTE, (name, at_s))).signatures[-1], at_s)


def times(note: bytes, name: str) -> list[int]:
    """Return the times at which a witness cosigned a note, whose lines of it are all valid."""
    key, parsed = witness_key(name), parse_note(note)
    own = [line for line in parsed.signatures if line[:2] == (key.name, key.key_id)]
    return list(check_cosignature(parsed._replace(signatures=tuple(own)), key=key))


def test_of_each_key_the_first_that_came_stays() -> None:
    merged = Merged(NOTE, (), within_s=EVER)
    merged.add([cosigned("w1", 10)])
    merged.add([cosigned("w1", 5), cosigned("w2", 20)])

    assert cosign(NOTE, ("w1", 10), ("w2", 20)) == merged.note()
    assert [2, 1] == [merged.count(KEYS), merged.count(KEYS[:1])]


def test_of_what_was_kept_each_key_counts_once_and_stays() -> None:
    kept = cosign(NOTE, ("w1", 30), ("w2", 20), ("w1", 10))
    merged = Merged(kept, KEYS, within_s=EVER)
    merged.add([cosigned("w1", 5)])

    assert kept == merged.note()
    assert 2 == merged.count(KEYS)


def test_a_kept_line_that_is_not_valid_counts_for_nothing_and_gives_way() -> None:
    key = KEYS[0]
    bad = NoteSignature(key.name, key.key_id, bytes(72))
    merged = Merged(format_note(TEXT, [*parse_note(NOTE).signatures, bad]), KEYS, within_s=EVER)
    assert 0 == merged.count(KEYS)
    merged.add([cosigned("w1", 10)])

    assert [10] == times(merged.note(), "w1")


def test_a_kept_line_out_of_time_gives_way_and_others_stay() -> None:
    kept = cosign(NOTE, ("w1", 9), ("w2", 10), ("w3", 21), ("w4", 9))
    merged = Merged(kept, KEYS, within_s=range(10, 21))
    assert cosign(NOTE, ("w2", 10), ("w4", 9)) == merged.note()
    merged.add([cosigned("w1", 10)])

    assert [10] == times(merged.note(), "w1")
    assert 2 == merged.count(KEYS)


def test_a_key_with_one_line_out_of_time_gives_way_with_all_of_its_lines() -> None:
    """To whoever weighs them each line counts."""
    kept = cosign(NOTE, ("w1", 10), ("w1", 30), ("w2", 10))
    merged = Merged(kept, KEYS, within_s=range(10, 21))

    assert cosign(NOTE, ("w2", 10)) == merged.note()


def test_of_each_key_the_time_that_was_heard_last_is_remembered() -> None:
    merged = Merged(NOTE, (), within_s=EVER)
    merged.hear([cosigned("w1", 100)], elapsed_s=40.0)
    merged.hear([cosigned("w1", 50), cosigned("w2", 100)], elapsed_s=45.0)

    assert [5.0, 55.0] == [merged.since_s[key.name, key.key_id] for key in KEYS[:2]]
    assert 0 == merged.count(KEYS)
