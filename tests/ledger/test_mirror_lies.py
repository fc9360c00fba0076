"""Mirrors of servers that lie, err or are damaged: what is told, and never copied."""

from __future__ import annotations

import copy
import gzip
import tracemalloc
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import msgspec
import pytest

from api.clock import now_ms
from ledger import mirror as mirroring
from ledger import source
from ledger.asking import Asking, Patience
from ledger.errors import TargetError
from ledger.served import AlteredError, NotesAbout
from tests.forking import cosigned, forked
from tests.ledger.client.shelf import Shelf, shelf
from tests.ledger.copying import Copier, copier, server, unchanged, world
from tests.world import ORIGIN, World, letter, signing_key
from verify.codec import encode
from verify.command import main as verify
from verify.errors import VerifyError
from verify.fork import parse_fork
from verify.note import format_note, parse_note
from verify.tiles import format_bundle

__all__ = ["copier", "server", "shelf", "world"]  # fixtures


@pytest.mark.parametrize(
    ("at", "more", "lie"),
    [(5, 3, "one-size"), (5, 9, "other-past"), (4, 2, "other-past")],
)
def test_a_second_history_is_proven_and_never_copied(
    copier: Copier, world: World, at: int, more: int, lie: str
) -> None:
    assert [] == copier.look()
    copier.server.show(forked(world, at=at, more=more))

    unchanged(copier, "fork", lie=lie)
    copier.server.show(world)
    assert [] == copier.look()


def test_a_second_history_is_told_though_its_proof_cannot_be_kept(
    copier: Copier, world: World
) -> None:
    assert [] == copier.look()
    copier.server.show(forked(world, at=5, more=3))
    fill(copier, f"{world.fingerprint}.fork")

    (finding,) = copier.look()
    assert ("fork", None) == (finding.kind, finding.proof)
    assert "could not be kept" in finding.reason


def test_a_second_history_is_proven_from_the_last_step(
    copier: Copier, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entries come with their own checkpoints, and end in another tree."""
    monkeypatch.setattr(mirroring, "_STEP", 1)
    other = forked(world, at=5, more=9)
    shown = {path: data for path, data in other.export().items() if path.startswith("tile/0")}
    shown["checkpoint"] = other.note()
    shown["tile/entries/000.p/14"] = format_bundle([*world.entries, *other.entries[world.size :]])
    copier.server.shelf.files |= shown

    finding = copier.found("fork")
    assert finding.proof is not None
    assert "other-past" == parse_fork(finding.proof.read_bytes()).lie.__struct_config__.tag
    assert world.export() == copier.export()


@pytest.mark.parametrize("size", [9, 11])
def test_a_second_history_that_was_shown_once_is_proven_as_soon_as_it_can_be(
    copier: Copier, world: World, size: int
) -> None:
    """Nothing was served that would prove it when it was signed."""
    assert [] == copier.look()
    honest = copier.server.shelf.files
    copier.server.shelf.files = honest | {"checkpoint": forked(world, at=5, more=9).note(size)}
    for _ in range(2):
        with pytest.raises(TargetError, match="404"):
            copier.look()
    copier.server.show(world)
    assert [] == copier.look()
    while world.size < 11:
        world.submit(letter("northmere"))
    copier.server.show(world)

    finding = copier.found("fork")
    assert finding.proof is not None
    lie = parse_fork(finding.proof.read_bytes()).lie
    assert ("one-size" if size == 11 else "other-past") == lie.__struct_config__.tag
    assert 4 == verify([str(finding.proof), "--fingerprint", world.fingerprint or ""])
    assert world.export() == copier.export()
    assert [] == copier.look()


def test_half_of_a_proof_stays_until_all_of_it_is_kept(copier: Copier, world: World) -> None:
    assert [] == copier.look()
    copier.server.shelf.files |= {"checkpoint": forked(world, at=5, more=9).note(9)}
    with pytest.raises(TargetError, match="404"):
        copier.look()
    world.submit(letter("northmere"))
    copier.server.show(world)
    full = fill(copier, f"{world.fingerprint}.fork")
    for _ in range(2):
        assert copier.found("fork").proof is None
    full.rmdir()

    assert copier.found("fork").proof is not None
    assert [] == copier.look()


def test_what_cannot_be_compared_is_told_though_there_is_no_room_to_remember_it(
    copier: Copier, world: World
) -> None:
    assert [] == copier.look()
    other = forked(world, at=5, more=9)
    copier.server.shelf.files["checkpoint"] = other.note()
    copier.server.shelf.files["tile/entries/000.p/14"] = format_bundle(other.entries)
    fill(copier, "mirror.json")

    assert "altered" == copier.found().kind


def test_a_second_history_that_was_shown_on_the_way_is_proven_as_soon_as_it_can_be(
    copier: Copier, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "_STEP", 1)
    assert [] == copier.look()
    other = forked(world, at=5, more=9)
    for _ in range(3):
        world.submit(letter("northmere"))
    copier.server.show(world)
    copier.server.lies["checkpoint/before/9"] = other.note(9)
    assert "altered" == copier.found().kind
    copier.server.lies.clear()

    finding = copier.found("fork")
    assert finding.proof is not None
    assert 4 == verify([str(finding.proof), "--fingerprint", world.fingerprint or ""])
    assert [] == copier.look()


def fill(copier: Copier, name: str) -> Path:
    """Stand in the place of what is written beside: it can be neither written nor removed."""
    path = copier.path / f".{name}.new"
    path.mkdir()
    return path


def test_an_honest_source_in_trouble_is_not_called_a_liar_afterwards(
    copier: Copier, world: World
) -> None:
    assert [] == copier.look()
    before = (copier.path / "mirror.json").read_bytes()
    honest = copier.server.shelf.files
    thief = copy.deepcopy(world)
    thief.log = signing_key("thief")
    for signing in (thief, world):
        signing.submit(letter("northmere"))
        copier.server.shelf.files = honest | {"checkpoint": signing.note()}
        with pytest.raises(TargetError, match="404"):
            copier.look()
    assert 2 == (copier.path / "mirror.json").read_bytes().count(ORIGIN.encode())
    copier.server.show(world)

    assert [] == copier.look()
    assert before == (copier.path / "mirror.json").read_bytes()


def test_a_kept_checkpoint_of_another_history_is_a_proof(copier: Copier, world: World) -> None:
    assert [] == copier.look()
    world.keep(cosigned(forked(world, at=5, more=1).note(), 1))
    copier.server.show(world)
    copier.server.shelf.files["checkpoint"] = cosigned(world.note(), 1)

    unchanged(copier, "fork", lie="other-past")


@pytest.mark.parametrize(("more", "lie"), [(1, "other-past"), (2, "one-size"), (4, "other-past")])
def test_a_second_history_that_the_log_key_before_signed_is_proven(
    copier: Copier, world: World, more: int, lie: str
) -> None:
    """A backup from before a change of the log key is put back, and goes on."""
    other = copy.deepcopy(world)
    world.change_log_key()
    world.submit(letter("northmere"))
    copier.server.show(world)
    assert [] == copier.look()
    for _ in range(more):
        other.submit(letter("northmere"))
    copier.server.show(other)

    finding = copier.found("fork")
    assert finding.proof is not None
    assert lie == parse_fork(finding.proof.read_bytes()).lie.__struct_config__.tag
    assert world.export() == copier.export()


def test_a_checkpoint_by_a_log_key_that_has_ended_does_not_hold(
    copier: Copier, world: World
) -> None:
    world.change_log_key()
    copier.server.show(world)
    assert [] == copier.look()
    world.log_keys.clear()
    copier.server.shelf.files["checkpoint"] = world.note()

    assert "has ended" in copier.found("altered").reason


def test_a_ledger_that_goes_back_is_told(copier: Copier, world: World) -> None:
    assert [] == copier.look()
    before = copier.export()
    copier.server.shelf.files["checkpoint"] = world.note(6)

    finding = copier.found("shrunk")
    assert before == copier.export()
    assert finding.proof is not None
    assert world.note() == finding.proof.read_bytes()


@pytest.mark.parametrize("name", ["thief", "log"])
def test_a_checkpoint_that_the_log_did_not_sign_proves_nothing(
    copier: Copier, world: World, name: str
) -> None:
    assert [] == copier.look()
    other = copy.deepcopy(world)
    other.log = signing_key("thief")
    copier.server.shelf.files["checkpoint"] = (
        other.note(6) if name == "thief" else b"ledger.example\n0\n" + world.note()
    )

    unchanged(copier, "altered")


@pytest.mark.parametrize("at", [5, None])
def test_what_another_than_the_log_signed_beyond_what_is_here_proves_nothing(
    copier: Copier, world: World, at: int | None
) -> None:
    """Of another history, or of entries that the log may have, too."""
    assert [] == copier.look()
    other = copy.deepcopy(world) if at is None else forked(world, at=at, more=9)
    other.submit(letter("northmere"))
    other.log = signing_key("thief")
    copier.server.show(other)

    unchanged(copier, "altered")
    copier.server.show(world)
    assert [] == copier.look()


def test_entries_that_do_not_make_the_signed_tree_are_not_copied(
    copier: Copier, world: World
) -> None:
    copier.server.shelf.files["checkpoint"] = forked(world, at=5, more=3).note()

    assert "is not of the tree that the entries make" in copier.found().reason
    assert not copier.path.exists()


def test_another_ledger_is_not_mirrored(copier: Copier, world: World) -> None:
    other = World().found(members=("northmere",))
    copier.server.show(other)
    copier.server.world = world

    assert "another ledger" in copier.found().reason
    assert not copier.path.exists()
    assert [] == list(copier.folder.iterdir())


@pytest.mark.parametrize(
    ("at", "old", "new", "reason"),
    [
        (7, '"index":7', '"index":8', "index"),
        (7, '"position":0', '"position":1', "statement"),
        (4, '"position":1', '"position":2', "position"),
        (7, '"recorded":17', '"recorded":16', "recorded"),
        (4, '"recorded":17', '"recorded":18', "recorded"),
        (7, '"prev":"', '"prev":"00', "entry 7"),
        (7, '"signature":"', '"signature":"0', "entry 7"),
        (6, '"letter"', '"portal"', "root hash of the events"),
        (3, '"nonce":"', '"nonce": "', "canonical"),
        (7, "", "", "has 7 entries"),
    ],
)
def test_entries_that_are_not_as_they_were_accepted_are_not_copied(
    copier: Copier, world: World, at: int, old: str, new: str, reason: str
) -> None:
    note = world.note()
    if old:
        assert old.encode() in world.entries[at]
        world.entries[at] = world.entries[at].replace(old.encode(), new.encode(), 1)
    else:
        del world.entries[at]
    shown = world.export()
    shown["tile/entries/000.p/8"] = shown[f"tile/entries/000.p/{world.size}"]
    copier.server.shelf.files = shown | {"checkpoint": note}

    assert reason in copier.found().reason
    assert not copier.path.exists()


def test_a_submission_without_its_beginning_is_not_copied(copier: Copier, world: World) -> None:
    world.entries[3] = world.entries[4]
    copier.server.show(world)

    assert "begins no submission" in copier.found().reason
    assert not copier.path.exists()


def test_what_its_party_did_not_sign_is_not_copied_though_the_log_has_signed_it(
    copier: Copier, world: World
) -> None:
    said = letter("northmere")
    forged = world.sign([said])._replace(signature=world.sign([letter("northmere")]).signature)
    world.append([said], forged)
    copier.server.show(world)

    assert "signature" in copier.found().reason
    assert not copier.path.exists()


def test_what_the_log_did_not_sign_is_not_copied(copier: Copier, world: World) -> None:
    note = parse_note(world.note())
    (line,) = note.signatures
    forged = format_note(note.text, [line._replace(payload=bytes(64))])
    copier.server.shelf.files["checkpoint"] = forged

    assert "signature" in copier.found().reason
    assert not copier.path.exists()


def test_a_statement_that_names_what_nobody_keeps_is_not_copied(
    copier: Copier, world: World
) -> None:
    world.submit(letter("northmere"), see=True)
    world.notes.clear()
    copier.server.show(world)

    assert "kept by nobody" in copier.found().reason


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("checkpoint/before/2", b"x"),
        ("disclosures", b"x"),
        ("disclosures", b"\xff"),
        ("disclosures", b"[" * 9999),
        ("disclosures", encode({"disclosures": [], "stop": 0})),
        ("disclosures", encode({"disclosures": [], "stop": 9})),
        ("disclosures", encode({"disclosures": [{}], "stop": 1})),
        ("disclosures", b'{"disclosures":[{"claims":{"text":[""]},"index":0}],"stop":1}'),
        ("checkpoints", b"\xff"),
        ("checkpoints", b"[" * 9999),
        ("checkpoints", b'"x"\n'),
    ],
)
def test_answers_that_are_none_are_told(
    copier: Copier, monkeypatch: pytest.MonkeyPatch, name: str, answer: bytes
) -> None:
    monkeypatch.setattr(mirroring, "_STEP", 2)
    copier.server.lies[name] = answer

    copier.found()


def test_pages_that_do_not_go_on_are_told(
    copier: Copier, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "_STEP", 2)
    monkeypatch.setattr(mirroring, "_LARGEST_STEP", 4)
    line = copier.server.shelf.files["disclosures.jsonl"].split(b"\n")[0]
    for name, answer in (
        ("checkpoint/before/2", world.note()),
        ("disclosures", encode({"disclosures": [msgspec.Raw(line)] * 2, "stop": 4})),
    ):
        copier.server.lies = {name: answer}
        copier.found()
    copier.server.lies = {f"checkpoint/before/{size}": world.note(2) for size in range(2, 8)}
    assert "publishes no checkpoint" in copier.found().reason


def test_a_claim_that_is_not_what_was_sealed_is_told(copier: Copier) -> None:
    files = copier.server.shelf.files
    files["disclosures.jsonl"] = files["disclosures.jsonl"].replace(b"A letter", b"A lettre")

    assert "is not what the event seals" in copier.found().reason


def test_answers_without_end_are_not_taken(copier: Copier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_MAX_PAGE", 1000)
    copier.server.lies["disclosures"] = b" " * 100_000

    with pytest.raises(TargetError, match="more than"):
        copier.look()


def test_checkpoints_are_not_taken_without_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small ones take many times their octets in memory."""
    monkeypatch.setattr("ledger.served._MOST_NOTES", 2)
    notes = [cosigned(world.note(), time_s) for time_s in (1, 2, 3)]

    def about(count: int) -> NotesAbout:
        lines = b"".join(encode(note.decode()) + b"\n" for note in notes[:count])
        return NotesAbout(lambda _start, _stop: lines, start=0, stop=world.size)

    assert notes[:2] == about(2).of_size(world.size)
    with pytest.raises(AlteredError, match="more than 2 checkpoints about"):
        about(3).of_size(world.size)


@pytest.mark.parametrize("what", ["notes", "disclosures"])
def test_what_gzip_makes_small_takes_no_multiple_of_the_memory(shelf: Shelf, what: str) -> None:
    """Of 64 KiB that come, each octet can be a thousand: no object is made of each of these."""
    body = b"\n" * (1 << 22) if what == "notes" else b'{"disclosures":[' + b"1," * (1 << 21)
    packed = gzip.compress(body)

    def answer(request: BaseHTTPRequestHandler) -> bool:
        request.send_response(200)
        request.send_header("Content-Encoding", "gzip")
        request.send_header("Content-Length", str(len(packed)))
        request.end_headers()
        request.wfile.write(packed)
        return True

    shelf.answer = answer
    asking = Asking(
        shelf.url, fingerprint="00" * 32, signer=None, now_ms=now_ms, patience=Patience()
    )
    there = source.Source(asking)
    reads: dict[str, Callable[[], object]] = {
        "notes": lambda: there.notes_about(0, 8).of_size(8),
        "disclosures": lambda: list(there.disclosures(0, 8)),
    }
    tracemalloc.start()
    try:
        with pytest.raises((AlteredError, VerifyError)):
            reads[what]()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        asking.close()

    assert peak < 6 * len(body)
