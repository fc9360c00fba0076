"""What cosignatures prove of when events were signed, as people read it."""

import datetime as dt
import hashlib
from pathlib import Path

import pytest
from msgspec.structs import replace

from ledger.folds.knowledge import fold_knowledge
from ledger.folds.proven import bracket_words, signed_before
from ledger.folds.reading import read
from ledger.folds.timeline import fold_timeline
from ledger.texts.knowing import knowledge_text
from ledger.view import View
from ledger.viewing import view_of_export
from tests.ledger.commandline import part, process, rows
from tests.verify.commanding import written
from tests.world import World, cosign, letter, restart, say, witness
from verify.audit import audit
from verify.brackets import Bracket
from verify.kinds import Knowledge
from verify.source import MappingSource

AS_AT = dt.date(2026, 12, 31)
DAY_S = 86_400


@pytest.fixture
def world() -> World:
    """Return letters at entries 1, 2 and 3; the second author had seen the first cosigned."""
    restart("folds proven")
    made = World().found(witnesses=tuple(map(witness, ("w1", "w2", "w3"))), quorum=2)
    made.submit(letter("northmere"))
    at_s = made.now // 1000
    note = cosign(made.note(), ("w1", at_s), ("w2", at_s + 1))
    made.keep(note)
    seen, _ = made.seen()
    made.now += DAY_S * 1000
    made.submit(letter("northmere"), seen=replace(seen, note=hashlib.sha256(note).hexdigest()))
    made.submit(letter("northmere"))
    return made


def view_of(world: World, path: Path, *times: tuple[str, int]) -> View:
    files = {**world.export(), "checkpoint": cosign(world.note(), *times)}
    assert "self-consistent" == audit(MappingSource(files)).verdict
    return view_of_export(written(path, files))


def test_a_view_of_an_export_has_the_brackets_of_an_audit(world: World, tmp_path: Path) -> None:
    at_s = world.now // 1000 - 2 - DAY_S
    late = world.now // 1000
    view = view_of(world, tmp_path / "late", ("w1", late), ("w2", late), ("w3", late))
    brackets = [view.bracket(told) for told in view.told[1:]]

    assert [
        Bracket(None, at_s + 1, 2, 3), Bracket(at_s, late, 3, 3), Bracket(None, late, 3, 3),
    ] == brackets  # fmt: skip
    short = view_of_export(tmp_path / "late", at_size=3)
    assert Bracket(at_s, None) == short.bracket(short.told[2])


def test_a_view_without_witnesses_has_none(tmp_path: Path) -> None:
    restart("folds proven none")
    made = World().found()
    made.submit(letter("northmere"))
    view = view_of(made, tmp_path / "export", ("w1", 5), ("w2", 5))

    assert Bracket() == view.bracket(view.told[1])
    assert bracket_words(Bracket()) is None


def test_what_is_proven_before_is_by_brackets_or_by_what_was_seen(
    world: World, tmp_path: Path
) -> None:
    bare = view_of(world, tmp_path / "bare")
    _, first, second, third = bare.told

    assert "yes" == signed_before(bare, first, second)
    assert "no" == signed_before(bare, second, first)
    assert "not established" == signed_before(bare, first, third)
    note = cosign(world.note(), ("w1", world.now // 1000), ("w2", world.now // 1000))
    world.keep(note)
    seen, _ = world.seen()
    world.now += DAY_S * 1000
    # It names a larger note, so that the bracket shows more than `seen` does of what is between.
    named = replace(seen, note=hashlib.sha256(note).hexdigest())
    world.submit(letter("northmere"), seen=named)
    view = view_of(world, tmp_path / "export")
    assert "yes" == signed_before(view, view.told[3], view.told[4])


def test_rows_say_what_is_proven_and_by_whom(world: World, tmp_path: Path) -> None:
    late = world.now // 1000
    view = view_of(world, tmp_path / "export", ("w1", late), ("w2", late))
    rows = fold_timeline(read(view, as_at=AS_AT)).rows
    notes = {row.index: " / ".join(row.notes) for row in rows}

    assert {1, 2, 3} == set(notes)
    assert "cosigned by 2 of 3 witnesses (by the charter's own" in notes[1]
    assert "signed after 2025-10-09" in notes[2]
    joined = " ".join(notes.values())
    assert "it is proven to be signed" in joined
    assert "is the ledger's word" in joined
    reasons = {grade.reason for row in rows for grade in row.grades}
    assert any("existed by 2025-10-" in reason for reason in reasons)
    assert not any("nobody else has witnessed" in reason for reason in reasons)


def test_show_prints_the_bracket(world: World, tmp_path: Path) -> None:
    late = world.now // 1000
    view = view_of(world, tmp_path / "export", ("w1", late), ("w2", late))
    shown = process(tmp_path, "show", "export", view.told[2].id)

    assert "proven" in shown.out
    assert "signed after 2025-10-09" in shown.out


def test_knowledge_says_what_seen_proves_and_what_not(world: World, tmp_path: Path) -> None:
    of = view_of(world, tmp_path / "before").told[1].id
    world.enrol("southfold")
    known = say(Knowledge, "southfold", None, of=of, knower="southfold", mode="told")
    world.submit(known, see=True)
    view = view_of(world, tmp_path / "export")
    text = " ".join(knowledge_text(view, fold_knowledge(read(view, as_at=AS_AT))).split())
    said, shown = text.split(" What signatures show ")

    assert "What parties say" in said
    assert "southfold" in said
    assert "Told by southfold." in said
    assert (
        "southfold's signature on entry 5 is later than everything up to entry 4, and so than "
        "entry 1." in shown
    )
    assert (
        "proves that the signature is later than those entries, never that anyone read them, nor, "
        "when low, that they were unknown" in shown
    )
    # The command says it, too: to people, and to machines apart.
    assert shown in " ".join(process(tmp_path, "knowledge", "export").out.split())
    fold = part(process(tmp_path, "--json", "knowledge", "export").values["knowledge"])
    assert [(5, "told")] == [(row["index"], row["mode"]) for row in rows(fold["rows"])]
    assert [("northmere", "recorded"), ("southfold", "seen")] == [
        (row["party"], row["how"]) for row in rows(fold["shown"])
    ]
