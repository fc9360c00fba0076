"""Mirrors: what is copied, what is owed, and what a folder holds."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from pathlib import Path
from random import Random

import msgspec
import pytest
from msgspec.structs import replace

from ledger import mirror as mirroring
from ledger.backup import back_up
from ledger.errors import FullError, StoreError
from ledger.ledger import Ledger
from ledger.mirrored import load_mirror, save_mirror
from ledger.viewing import ViewBuilder
from tests.forking import WITNESS, cosigned, witness_key
from tests.ledger.client.shelf import shelf
from tests.ledger.copying import Copier, copier, server, unchanged, world
from tests.moves import MOVES, Game
from tests.world import T0, World, cosign, file_of, founding_charter, letter, say, witness
from verify.anchors import Anchors
from verify.audit import audit
from verify.checks import Check
from verify.claims import parse_disclosure
from verify.codec import encode
from verify.events import event_id
from verify.kinds import Artefact, Erasure, Opening, Witness
from verify.note import NoteSignature, check_cosignature, format_note, parse_note
from verify.source import MappingSource

__all__ = ["copier", "server", "shelf", "world"]  # fixtures


# Honest


def test_what_was_copied_is_not_fetched_again(copier: Copier, world: World) -> None:
    assert [] == copier.look()
    assert world.export() == copier.export()
    world.submit(letter("northmere"), see=True)
    copier.server.show(world)
    copier.server.shelf.asks()

    assert [] == copier.look()
    assert world.export() == copier.export()
    assert [
        "checkpoint",
        "tile/entries/000.p/9",
        "checkpoints?start=8&stop=9",
        "disclosures?start=8&stop=9",
        "checkpoints?start=0&stop=9",
    ] == copier.server.shelf.asks()


def test_a_mirror_is_not_backed_up(copier: Copier, tmp_path: Path) -> None:
    copier.look()
    with (
        Ledger.open(copier.path, read_only=True) as ledger,
        pytest.raises(StoreError, match="is a mirror: it has no log key"),
    ):
        back_up(ledger, tmp_path / "backup", now_ms=0, tell=lambda _: lambda _done, _size: None)

    assert not [path for path in tmp_path.iterdir() if "backup" in path.name]


def test_a_large_ledger_is_copied_step_by_step_each_bundle_once(
    copier: Copier, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "_STEP", 100)
    for _ in range(60):
        world.submit(*(letter("northmere") for _ in range(10)), see=True)
    copier.server.show(world)

    assert [] == copier.look()
    assert world.export() == copier.export()
    asked = [path for path in copier.server.shelf.asks() if path.startswith("tile/")]
    assert ["tile/entries/000", "tile/entries/001", "tile/entries/002.p/96"] == asked


def test_a_step_goes_as_far_as_a_checkpoint_was_published(
    copier: Copier, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "_STEP", 2)
    copier.server.published = {1, 5, 8}

    assert [] == copier.look()
    assert world.export() == copier.export()


def test_a_mirror_goes_on_from_the_last_step_before_something_did_not_hold(
    copier: Copier, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "_STEP", 2)
    shown = copier.server.shelf.files
    bundle = next(path for path in shown if path.startswith("tile/entries"))
    whole = shown[bundle]
    shown[bundle] = whole.replace(world.entries[6], world.entries[6].replace(b"letter", b"portal"))

    copier.found()
    assert 5 == copier.size()
    shown[bundle] = whole
    assert [] == copier.look()
    assert world.export() == copier.export()


def test_log_keys_that_change_are_followed(copier: Copier, world: World) -> None:
    assert [] == copier.look()
    world.change_log_key()
    world.submit(letter("southfold"))
    copier.server.show(world)

    assert [] == copier.look()
    assert world.export() == copier.export()


def forget_erased(world: World) -> None:
    builder = ViewBuilder(lambda _index, _event: ())
    for data in world.entries:
        builder.add(data)
    gone = builder.erased
    kept = {
        index: tuple(t for t in texts if (index, parse_disclosure(t).name) not in gone)
        for index, texts in world.disclosures.items()
    }
    world.disclosures = {index: texts for index, texts in kept.items() if texts}


OFTEN = ("approve", "enrol", "enrol", "join", "letters", "letters", "open", "seal", "hand_over")


@pytest.mark.parametrize("seed", range(60))
def test_what_an_audit_passes_is_copied_and_nothing_else(
    copier: Copier, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Of a ledger that breaks one rule everything is copied that came before."""
    monkeypatch.setattr(mirroring, "_STEP", 1 + seed % 7)
    chance = Random(seed)
    game = Game.begin(seed)
    for _ in range(chance.randint(3, 60)):
        game.move(chance.choice((*sorted(MOVES), *OFTEN)), chance.getrandbits(32))
    if seed % 3 == 0:
        game.forget()
    copier.server.show(game.world)
    report = audit(MappingSource(game.world.export()), anchors=Anchors())
    checks = {finding.check for finding in report.findings}
    found = {finding.kind for finding in copier.look()}

    if checks <= {Check.DISCLOSURE_MISSING}:
        forget_erased(game.world)  # no export of a ledger has it, whether or not it is still there
        assert ({"lacking"} if checks else set()) == found
        assert game.world.export() == copier.export()
    else:
        assert {"altered"} == found
        assert copier.size() < game.world.size


# What is owed


def test_what_is_limited_to_others_is_not_missed(copier: Copier, world: World) -> None:
    said = letter("northmere", audience={"text": ("southfold",)})
    world.submit(said)
    hide(world, world.size - 1)
    copier.server.show(world)

    assert [] == copier.look()
    assert world.export() == copier.export()
    with pytest.raises(StoreError, match="may see"):
        copier.look(audience="southfold")


def hide(world: World, index: int) -> None:
    """Show the text of an entry no more."""
    texts = world.disclosures[index]
    world.disclosures[index] = tuple(t for t in texts if "text" not in claim_names([t]))


def claim_names(texts: Sequence[str]) -> set[str]:
    return {parse_disclosure(text).name for text in texts}


def test_a_party_owes_nothing_less_than_it_may_see(copier: Copier, world: World) -> None:
    world.submit(letter("northmere", audience={"text": ("southfold",)}))
    index = world.size - 1
    whole = world.disclosures[index]
    hide(world, index)
    copier.server.show(world)

    (finding,) = copier.look(audience="southfold")
    assert ("lacking", f"{index} text") == (finding.kind, finding.reason)
    world.disclosures[index] = whole
    copier.server.show(world)
    assert [] == copier.look(audience="southfold")


def test_what_is_handed_over_later_is_fetched_then(copier: Copier, world: World) -> None:
    closed = letter("northmere", withheld=("text",))
    world.submit(closed)
    copier.server.show(world)
    assert [] == copier.look()
    world.submit(say(Opening, "northmere", None, of=closed.id, names=("text",)))
    copier.server.show(world)

    assert [] == copier.look()
    assert world.export() == copier.export()


def test_what_is_shown_before_its_opening_waits_for_it(
    copier: Copier, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is further on than the mirror, which stops in between."""
    monkeypatch.setattr(mirroring, "_STEP", 1)
    closed = letter("northmere", withheld=("text",))
    index = world.submit(closed)
    before = copy.deepcopy(world)
    world.submit(say(Opening, "northmere", None, of=closed.id, names=("text",)))
    world.submit(letter("southfold"), see=True)
    copier.server.show(world)
    copier.server.shelf.files["checkpoint"] = before.note()
    copier.server.shelf.files |= {
        path: data for path, data in before.export().items() if path.startswith("tile/")
    }

    assert [] == copier.look()
    with Ledger.open(copier.path, read_only=True) as ledger:
        assert "text" not in claim_names(ledger.disclosures(index))
    copier.server.show(world)
    assert [] == copier.look()
    assert world.export() == copier.export()


@pytest.mark.parametrize("ground", ["court_order", "error"])
def test_what_was_erased_before_the_mirror_came_is_missed_until_it_is_due(
    copier: Copier, world: World, ground: str
) -> None:
    said = letter("northmere")
    index = world.submit(said)
    world.submit(say(Erasure, "northmere", None, of=said.id, names=("text",), ground=ground))
    hide(world, index)
    copier.server.show(world)

    lacking = [] if ground == "court_order" else ["lacking"]
    assert lacking == [finding.kind for finding in copier.look()]
    world.now += 29 * 86_400_000
    world.submit(letter("southfold"))
    copier.server.show(world)
    assert [] == copier.look()
    assert world.export() == copier.export()
    note = load_mirror(copier.path)
    assert note is not None
    assert note.lacking is None


def with_file(copier: Copier, world: World, content: bytes = b"one file") -> tuple[int, str]:
    index = world.submit(world.file("northmere", content))
    copier.server.show(world)
    return index, f"files/{file_of(content).sha256}"


def test_files_come_with_their_claims(copier: Copier, world: World) -> None:
    _, path = with_file(copier, world)

    assert [] == copier.look()
    assert world.export() == copier.export()
    assert 1 == copier.server.shelf.asks().count(path)
    with_file(copier, world)
    assert [] == copier.look()
    assert path not in copier.server.shelf.asks()


def test_what_a_kill_left_of_a_file_goes_when_the_mirror_is_next_opened(
    copier: Copier, world: World
) -> None:
    with_file(copier, world)
    copier.look()
    (copier.path / "files" / ".new-00").write_bytes(b"one f")

    assert [] == copier.look()
    assert [file_of(b"one file").sha256] == [
        path.name for path in (copier.path / "files").iterdir()
    ]


@pytest.mark.parametrize("wrong", [None, b"", b"two file", b"one file and more" * 9999])
def test_a_file_that_is_not_there_or_another_is_owed(
    copier: Copier, world: World, wrong: bytes | None
) -> None:
    index, path = with_file(copier, world)
    whole = copier.server.shelf.files.pop(path)
    if wrong is not None:
        copier.server.shelf.files[path] = wrong

    for _ in range(2):
        assert f"{index} file.1" == copier.found("lacking").reason
        assert world.size == copier.size()
        assert [] == list((copier.path / "files").iterdir())
    copier.server.shelf.files[path] = whole
    assert [] == copier.look()
    assert world.export() == copier.export()


def test_a_file_for_which_there_is_no_room_stops_the_mirror(copier: Copier, world: World) -> None:
    assert [] == copier.look()
    before = copier.export()
    huge = msgspec.structs.replace(file_of(b"x"), size=2**52)
    world.submit(say(Artefact, "northmere", {"file.1": huge}, type="letter"))
    copier.server.show(world)

    with pytest.raises(FullError):
        copier.look()
    assert before == copier.export()


def test_more_is_owed_than_is_asked_for_at_once(
    copier: Copier, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "_RETRIED", 3)
    whole = copier.server.shelf.files.pop("disclosures.jsonl")
    assert 20 == len(copier.look())
    copier.server.shelf.files["disclosures.jsonl"] = whole

    assert [17, 14, 11, 8, 5, 2, 0] == [len(copier.look()) for _ in range(7)]
    assert world.export() == copier.export()


def test_what_comes_late_must_be_what_was_sealed(copier: Copier, world: World) -> None:
    files = copier.server.shelf.files
    whole = files.pop("disclosures.jsonl")
    assert 20 == len(copier.look())
    files["disclosures.jsonl"] = whole.replace(b"A letter", b"A lettre")
    assert "is not what the event seals" in copier.found().reason

    files["disclosures.jsonl"] = whole
    assert [] == copier.look()
    assert world.export() == copier.export()


def test_a_server_that_shows_nearly_nothing_is_left(
    copier: Copier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "_MAX_LACKING", 19)
    del copier.server.shelf.files["disclosures.jsonl"]

    assert "fewer claims" in copier.found().reason


# Checkpoints


def with_witness(world: World, *, quorum: int = 0, others: Sequence[str] = ()) -> World:
    """Return a ledger like another whose charter names a witness, and others of these names."""
    witnesses = (charter_witness(), *map(charter_witness, others))
    witnessed = World().found(witnesses=witnesses, quorum=quorum)
    witnessed.enrol("southfold")
    witnessed.join("southfold")
    for _ in range(world.size - witnessed.size):
        witnessed.submit(letter("northmere"))
    return witnessed


def charter_witness(name: str = WITNESS) -> Witness:
    key = witness_key(name)
    return Witness(algorithm="ed25519", key=key.public.hex(), name=key.name)


def test_cosignatures_that_come_later_are_kept_with_the_first(copier: Copier, world: World) -> None:
    assert [] == copier.look()
    for times in ((1,), (1, 2), (1, 2)):
        world.notes.clear()
        world.keep(cosigned(world.note(), times[0]))
        world.keep(cosigned(world.note(6), *times[1:]))
        copier.server.show(world)
        copier.server.shelf.files["checkpoint"] = next(iter(world.notes.values()))[1]

        assert [] == copier.look()
    kept = copier.export()["checkpoints"].splitlines()
    assert sorted(world.notes.values()) == [
        (int(note.split("\n")[1]), note.encode()) for note in map(msgspec.json.decode, kept)
    ]


def test_cosignatures_may_stand_before_the_log_s_own_line(copier: Copier, world: World) -> None:
    text, lines = parse_note(cosigned(world.note(), 1))
    copier.server.shelf.files["checkpoint"] = format_note(text, lines[::-1])

    assert [] == copier.look()
    with Ledger.open(copier.path, read_only=True) as ledger:
        assert world.note() == ledger.checkpoint()


def test_a_line_that_is_not_the_witnesss_takes_no_place(copier: Copier, world: World) -> None:
    world = with_witness(world)
    copier.server.show(world)
    name = "witness.example/w1"
    right, wrong = cosigned(world.note(), 1), world.cosigned(name=name)
    copier.server.shelf.files["checkpoint"] = wrong
    assert [] == copier.look()
    assert "checkpoints" not in copier.export()

    copier.server.shelf.files["checkpoint"] = right
    assert [] == copier.look()
    assert encode(right.decode()) + b"\n" == copier.export()["checkpoints"]


@pytest.mark.parametrize("octets", [3, 4000])
def test_other_lines_each_time_keep_no_witness_out(
    copier: Copier, world: World, octets: int
) -> None:
    world = with_witness(world)
    copier.server.show(world)
    text, lines = parse_note(world.note())
    for number in range(0, 140, 5):  # more than a note may have, of either size
        grease = [
            NoteSignature(f"grease{number + n}.example", b"\1\2\3\4", bytes(octets))
            for n in range(5)
        ]
        copier.server.shelf.files["checkpoint"] = format_note(text, [*grease, *lines])
        assert [] == copier.look()
    copier.server.shelf.files["checkpoint"] = cosigned(world.note(), 1)
    assert [] == copier.look()
    (kept,) = map(msgspec.json.decode, copier.export()["checkpoints"].splitlines())

    assert 1 < kept.count("grease") <= 98
    assert (1,) == check_cosignature(parse_note(kept.encode()), key=witness_key())


def test_a_witness_s_line_many_times_keeps_no_other_witness_out(
    copier: Copier, world: World
) -> None:
    """Whoever carries a note can say a line in it again."""
    name = "witness.example/w2"
    world = with_witness(world, others=(name,))
    copier.server.show(world)
    text, (own, line) = parse_note(cosigned(world.note(), 1))
    for note in (format_note(text, [own, *[line] * 99]), cosigned(world.note(), 1, name=name)):
        copier.server.shelf.files["checkpoint"] = note
        assert [] == copier.look()
    (kept,) = map(msgspec.json.decode, copier.export()["checkpoints"].splitlines())

    assert cosigned(cosigned(world.note(), 1), 1, name=name).decode() == kept


def test_what_was_recorded_later_than_it_was_cosigned_is_not_copied(
    copier: Copier, world: World
) -> None:
    world = with_witness(world, quorum=1)
    world.keep(cosigned(world.note(6), 1))
    copier.server.show(world)
    assert "is cosigned earlier than what it covers" in copier.found().reason
    assert not copier.path.exists()

    world.notes.clear()
    assert [] == copier.look()
    world.keep(cosigned(world.note(6), 1))
    copier.server.shelf.files["checkpoint"] = cosigned(world.note(), T0 // 1000 + 100)
    assert "is cosigned earlier than what it covers" in unchanged(copier, "altered").reason


def test_what_is_copied_has_the_tolerance_of_its_own_charter(copier: Copier) -> None:
    """A larger one since excuses no note that dates what was recorded before it."""
    rules: dict[str, object] = {"witnesses": (charter_witness(),), "quorum": 1}
    world = World().found(tolerance_s=60, **rules)  # type: ignore[arg-type]  # any field
    amends = event_id(encode(world.events()[0])).hex()
    world.submit(founding_charter("northmere", amends=amends, founding_key=None, **rules))
    at_s = world.now // 1000 - 1
    world.submit(letter("northmere"))
    world.notes.clear()
    world.keep(cosigned(world.note(), at_s - 61))
    copier.server.show(world)
    assert "is cosigned earlier than what it covers" in copier.found().reason

    world.notes.clear()
    world.keep(cosigned(world.note(), at_s - 60))
    copier.server.show(world)
    assert [] == copier.look()
    copier.server.shelf.files["checkpoint"] = cosigned(world.note(), at_s - 61)
    assert "is cosigned earlier than what it covers" in unchanged(copier, "altered").reason


def test_a_line_out_of_time_that_makes_no_quorum_is_copied(copier: Copier) -> None:
    """Another ledger may take such a note: it breaks no rule."""
    world = World().found(witnesses=(witness("w1"), witness("w2")), quorum=2)
    for out_s in (-4000, 4000):
        note = cosign(world.note(), ("w1", world.now // 1000 + out_s))
        world.keep(note)
        seen = replace(world.seen()[0], note=hashlib.sha256(note).hexdigest())
        world.submit(letter("northmere"), seen=seen)
    copier.server.show(world)

    assert [] == copier.look()
    assert world.export()["checkpoints"] == copier.export()["checkpoints"]


# The folder


def test_a_folder_that_is_no_mirror_of_this_is_left_alone(copier: Copier) -> None:
    copier.path.mkdir()
    with pytest.raises(StoreError, match="is no mirror"):
        copier.look()
    copier.path.rmdir()
    assert [] == copier.look()
    copier.server.world = World().found(members=("northmere",))

    with pytest.raises(StoreError, match="another ledger"):
        copier.look()


def test_nothing_is_recorded_in_a_mirror(copier: Copier) -> None:
    assert [] == copier.look()

    with pytest.raises(StoreError, match=copier.server.shelf.url):
        Ledger.open(copier.path, clock=lambda: T0)


def test_what_says_whose_mirror_it_is_must_be_readable(copier: Copier) -> None:
    assert [] == copier.look()
    (copier.path / "mirror.json").write_bytes(b"x")

    with pytest.raises(StoreError):
        copier.look()
    with pytest.raises(StoreError):
        Ledger.open(copier.path, read_only=True)


def test_a_source_that_moves_is_the_same_ledger(copier: Copier) -> None:
    assert [] == copier.look()
    copier.server.shelf.port, port = 1, copier.server.shelf.port
    url = copier.server.shelf.url
    copier.server.shelf.port = port
    with Ledger.open(copier.path, read_only=True) as ledger:
        assert ledger.mirror is not None
        moved = msgspec.structs.replace(ledger.mirror, source=url)
    save_mirror(copier.path, moved)

    assert [] == copier.look()
    note = load_mirror(copier.path)
    assert note is not None
    assert copier.server.shelf.url == note.source
