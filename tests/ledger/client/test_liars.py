"""Servers that lie: what is caught, and what is proven."""

from __future__ import annotations

import copy
import stat
from pathlib import Path

import msgspec
import pytest
from nacl.signing import SigningKey

from ledger.client import AlteredError, ForkError, Remote, ShrunkError
from ledger.errors import TargetError
from tests.ledger.client.shelf import Shelf, forked, id_at, refused, remote_of
from tests.world import ORIGIN, World, letter, public_hex, signing_key
from verify.checks import Check
from verify.command import main as verify
from verify.entry import parse_entry
from verify.fork import parse_fork
from verify.note import format_vkey
from verify.notes import log_vkey


def alter(world: World, index: int, old: bytes, new: bytes) -> None:
    assert old in world.entries[index]
    world.entries[index] = world.entries[index].replace(old, new, 1)


def test_an_edited_entry_is_caught(remote: Remote, shelf: Shelf, world: World) -> None:
    honest = world.export()
    alter(world, 3, b'"channel":"letter"', b'"channel":"portal"')
    shelf.files = world.export() | {"checkpoint": honest["checkpoint"]}
    refused(remote, Check.PREV)

    shelf.files = honest
    assert 6 == remote.head().size


def test_the_last_entry_edited_is_caught(remote: Remote, shelf: Shelf, world: World) -> None:
    honest = world.export()
    alter(world, 5, b'"channel":"letter"', b'"channel":"portal"')
    shelf.files = world.export() | {"checkpoint": honest["checkpoint"]}

    refused(remote, Check.SUBMISSION_ROOT)


def test_an_operator_cannot_write_what_no_party_signed(
    remote: Remote, shelf: Shelf, world: World
) -> None:
    remote.head()
    world.submit(letter("southfold"), key=signing_key("operator"))
    shelf.show(world)

    refused(remote, Check.KEY)


def test_a_changed_time_in_the_last_entry_leads_to_another_tree(
    remote: Remote, shelf: Shelf, world: World
) -> None:
    honest = world.export()
    recorded = parse_entry(world.entries[5]).recorded
    alter(world, 5, b"%d" % recorded, b"%d" % (recorded + 1))
    shelf.files = world.export() | {"checkpoint": honest["checkpoint"]}

    assert "tree" in str(refused(remote))


def test_another_ledger_is_not_taken_for_this_one(
    shelf: Shelf, world: World, tmp_path: Path
) -> None:
    shelf.show(World().found())

    with remote_of(shelf, world, tmp_path / "home") as remote:
        refused(remote, Check.FINGERPRINT)


def test_a_checkpoint_of_another_key_is_refused(remote: Remote, shelf: Shelf, world: World) -> None:
    world.log = SigningKey(bytes(32))
    shelf.show(world)

    refused(remote)


def test_a_submission_cut_short_is_refused(remote: Remote, shelf: Shelf, world: World) -> None:
    del world.entries[4:]
    shelf.show(world)

    refused(remote, Check.POSITION)


def test_a_tree_that_shrank_is_caught(remote: Remote, shelf: Shelf, world: World) -> None:
    seen = remote.head().note
    del world.entries[5:]
    shelf.show(world)

    with pytest.raises(ShrunkError) as caught:
        remote.head()

    assert (seen, world.note()) == (caught.value.seen, caught.value.shown)
    assert caught.value.path is not None
    assert seen == caught.value.path.read_bytes()


def test_the_checkpoint_of_an_empty_log_shows_no_ledger(
    remote: Remote, shelf: Shelf, world: World
) -> None:
    """Any log key can sign one at any time: it is true, and says nothing."""
    empty = world.note(0)
    shelf.files["checkpoint"] = empty
    with pytest.raises(AlteredError, match="is of an empty log"):
        remote.claimed_origin()
    refused(remote)
    shelf.show(world)
    seen = remote.head().note
    for hold in (remote.confirm, lambda note: remote.check_held(note, source="a letter")):
        with pytest.raises(AlteredError, match="is of an empty log"):
            hold(empty)
    shelf.files["checkpoint"] = empty

    with pytest.raises(ShrunkError) as caught:
        remote.head()
    assert (seen, empty) == (caught.value.seen, caught.value.shown)


@pytest.mark.parametrize("more", [0, 1, 300])
def test_a_fork_is_proven(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path, more: int
) -> None:
    seen = remote.head().note
    other = forked(world)
    for _ in range(more):
        other.submit(letter("northmere"))
    shelf.show(other)

    with remote_of(shelf, world, tmp_path / "home") as again, pytest.raises(ForkError) as caught:
        again.head()

    assert (seen, other.note()) == (caught.value.seen, caught.value.shown)
    proof = caught.value.path
    assert proof is not None
    assert 0o600 == stat.S_IMODE(proof.stat().st_mode)
    assert {seen.decode(), other.note().decode()} == set(parse_fork(proof.read_bytes()).checkpoints)
    assert 4 == verify([str(proof), "--fingerprint", world.fingerprint or ""])
    # It is still where it was.
    shelf.show(world)
    assert world.size == remote.head().size


@pytest.mark.parametrize(("more", "kind"), [(0, "one-size"), (2, "other-past")])
def test_a_backup_from_before_a_change_of_the_log_key_that_goes_on_is_proven(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path, more: int, kind: str
) -> None:
    """It signs with the key before; whoever trusts both has the proof."""
    other = copy.deepcopy(world)
    world.change_log_key()
    world.submit(letter("northmere"))
    shelf.show(world)
    remote.head()
    other.submit(letter("northmere"))
    shelf.show(other)

    with pytest.raises(ShrunkError) as shrunk:
        remote.head()
    assert shrunk.value.path is not None
    assert world.note() == shrunk.value.path.read_bytes()
    for _ in range(1 + more):
        other.submit(letter("northmere"))
    shelf.show(other)
    with pytest.raises(ForkError) as caught:
        remote.head()
    proof = caught.value.path
    assert proof is not None
    assert kind == parse_fork(proof.read_bytes()).lie.__struct_config__.tag
    keys = [log_vkey(ORIGIN, public_hex(world.log_at(size))) for size in (1, world.size)]
    policy = tmp_path / "policy"
    policy.write_text("".join(f"log {format_vkey(key)}\n" for key in keys) + "quorum none\n")
    assert 4 == verify([str(proof), "--policy", str(policy)])


def test_a_checkpoint_of_this_history_by_a_log_key_that_has_ended_does_not_hold(
    remote: Remote, shelf: Shelf, world: World
) -> None:
    world.change_log_key()
    shelf.show(world)
    remote.head()
    world.log_keys.clear()

    for hold in (remote.confirm, lambda note: remote.check_held(note, source="a letter")):
        with pytest.raises(AlteredError, match="there is none"):
            hold(world.note())


def test_a_smaller_tree_of_another_history_is_a_fork(
    remote: Remote, shelf: Shelf, world: World
) -> None:
    """It is no older state of what was seen."""
    other = forked(world)
    world.submit(letter("northmere"))
    shelf.show(world)
    remote.head()
    shelf.files["checkpoint"] = other.note()

    with pytest.raises(ForkError) as caught:
        remote.head()

    assert 4 == verify([str(caught.value.path), "--fingerprint", world.fingerprint or ""])


@pytest.mark.parametrize("size", [6, 8, 9])
def test_a_second_history_that_was_shown_once_is_proven_as_soon_as_it_can_be(
    shelf: Shelf, world: World, tmp_path: Path, size: int
) -> None:
    """Nothing was served that would prove it when it was signed."""
    other = forked(world)
    world.submit(letter("northmere"))
    while other.size < 9:
        other.submit(letter("northmere"))
    shelf.show(world)
    with remote_of(shelf, world, tmp_path) as remote:
        remote.head()
        shelf.files = {"checkpoint": other.note(size)}
        for _ in range(2):
            with pytest.raises(TargetError) as caught:
                remote.head()
            assert not isinstance(caught.value, ForkError)
    while world.size < 9:
        world.submit(letter("northmere"))
    shelf.show(world)

    with remote_of(shelf, world, tmp_path) as remote:
        with pytest.raises(ForkError) as found:
            remote.head()
        assert world.size == remote.head().size

    assert other.note(size) == found.value.shown
    assert 4 == verify([str(found.value.path), "--fingerprint", world.fingerprint or ""])


def test_an_honest_server_in_trouble_is_not_called_a_liar_afterwards(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path
) -> None:
    remote.head()
    (state,) = (tmp_path / "home/remote").glob("*.json")
    before = state.read_bytes()
    honest = shelf.files
    world.submit(letter("northmere"), letter("northmere"))
    shelf.files = honest | {"checkpoint": world.note()}
    with pytest.raises(TargetError, match="404"):
        remote.head()
    shelf.files = honest
    assert 6 == remote.head().size
    assert before != state.read_bytes()  # it is too early to compare
    shelf.show(world)

    assert world.size == remote.head().size
    assert b"doubted" not in state.read_bytes()
    assert [] == list(state.parent.glob("*.fork"))


def test_not_any_number_of_checkpoints_is_remembered(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path
) -> None:
    remote.head()
    (state,) = (tmp_path / "home/remote").glob("*.json")
    forged = copy.deepcopy(world)
    forged.log = SigningKey(bytes(32))
    later = copy.deepcopy(world)
    for _ in range(30):
        later.submit(letter("northmere"))
    for signing in (forged, later, *([world] * 18)):
        if signing is not later:
            signing.submit(letter("northmere"))
        shelf.files["checkpoint"] = signing.note()
        with pytest.raises(TargetError):
            remote.head()

    kept = msgspec.json.decode(state.read_bytes())
    assert [world.note(size).decode() for size in range(7, 23)] == kept["doubted"]
    shelf.show(world)
    assert world.size == remote.head().size
    assert b"doubted" not in state.read_bytes()


def test_a_fork_that_the_log_key_did_not_sign_is_no_fork(
    remote: Remote, shelf: Shelf, world: World
) -> None:
    remote.head()
    other = forked(world)
    other.log = SigningKey(bytes(32))
    shelf.show(other)

    refused(remote)


def test_without_tiles_nothing_is_called_a_fork(remote: Remote, shelf: Shelf, world: World) -> None:
    remote.head()
    other = forked(world)
    other.submit(letter("northmere"))
    shelf.files = {k: v for k, v in other.export().items() if not k.startswith("tile/0")}

    refused(remote, Check.PREV)


@pytest.mark.parametrize(
    "note", [b"", b"x" * 100, b"ledger.example/two-councils\n0\n", b"\xff\n\n", b"\n" * 1000]
)
def test_what_is_no_checkpoint_is_refused(remote: Remote, shelf: Shelf, note: bytes) -> None:
    shelf.files["checkpoint"] = note

    refused(remote)


def test_a_short_bundle_is_refused(remote: Remote, shelf: Shelf, world: World) -> None:
    path = f"tile/entries/000.p/{world.size}"
    del world.entries[5:]
    shelf.files[path] = world.export()[f"tile/entries/000.p/{world.size}"]

    refused(remote)


@pytest.mark.parametrize("kind", ["fork", "checkpoint"])
def test_what_cannot_be_proven_later_for_want_of_room_is_told_all_the_same(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path, kind: str
) -> None:
    remote.head()
    other = forked(world)
    if kind == "checkpoint":
        del world.entries[5:]
    shelf.show(other if kind == "fork" else world)
    fill(tmp_path, world, kind)

    error = ForkError if kind == "fork" else ShrunkError
    with remote_of(shelf, world, tmp_path / "home") as again:
        with pytest.raises(error, match="could not be kept") as caught:
            again.head()
        assert isinstance(caught.value, ForkError | ShrunkError)
        assert caught.value.path is None


def test_what_cannot_be_compared_is_told_though_there_is_no_room_to_remember_it(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path
) -> None:
    remote.head()
    world.submit(letter("northmere"), key=signing_key("operator"))
    shelf.show(world)
    fill(tmp_path, world, "json")

    refused(remote, Check.KEY)


def test_a_tree_that_shrank_is_caught_though_there_is_no_room_to_remember_it(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path
) -> None:
    remote.head()
    shelf.files = {"checkpoint": world.note(5)}
    fill(tmp_path, world, "json")

    with pytest.raises(ShrunkError):
        remote.head()


def test_half_of_a_proof_stays_until_all_of_it_is_kept(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path
) -> None:
    remote.head()
    other = forked(world)
    for each in (other, world):
        each.submit(letter("northmere"))
    shelf.files = {"checkpoint": other.note()}
    with pytest.raises(TargetError, match="404"):
        remote.head()
    shelf.show(world)
    full = fill(tmp_path, world, "fork")
    for _ in range(2):
        with pytest.raises(ForkError) as caught:
            remote.head()
        assert caught.value.path is None
    full.rmdir()

    with pytest.raises(ForkError) as caught:
        remote.head()
    assert 4 == verify([str(caught.value.path), "--fingerprint", world.fingerprint or ""])
    assert world.size == remote.head().size


def test_what_came_after_a_checkpoint_that_was_doubted_twice_is_found(
    remote: Remote, shelf: Shelf, world: World
) -> None:
    seen = world.note()
    world.submit(letter("northmere"))
    shelf.show(world)
    remote.head()
    tiles = {path: shelf.files.pop(path) for path in list(shelf.files) if "tile/0" in path}
    for _ in range(2):
        with pytest.raises(TargetError, match="404"):
            remote.confirm(seen)
        assert 1 == remote.index_of(id_at(world, 1))
    shelf.files |= tiles
    world.submit(letter("northmere"))
    shelf.show(world)

    assert 7 == remote.index_of(id_at(world, 7))


def test_what_cannot_be_compared_yet_holds_up_nothing_that_can_be(
    remote: Remote, shelf: Shelf, world: World
) -> None:
    remote.head()
    other = forked(world)
    for each in (other, world):
        each.submit(letter("northmere"))
    shelf.files = {"checkpoint": other.note()}
    for note in (world.note(5), other.note()):
        with pytest.raises(TargetError, match="404"):
            remote.confirm(note)
    shelf.show(world)
    shelf.files = {path: data for path, data in shelf.files.items() if "tile/0" not in path}

    with pytest.raises(ForkError):
        remote.head()


def fill(tmp_path: Path, world: World, kind: str) -> Path:
    """Stand in the place of what is written beside: it can be neither written nor removed."""
    path = tmp_path / "home" / "remote" / f".{world.fingerprint}.{kind}.new"
    path.mkdir()
    return path
