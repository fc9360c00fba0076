"""Following a log: what is fetched, checked, found and kept."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest

from api.clock import now_ms
from ledger.client import AlteredError, Remote
from ledger.errors import OutboxError
from ledger.target import Target
from tests.ledger.client.shelf import Shelf, id_at, remote_of
from tests.world import Said, World, letter, public_hex, say, signing_key
from verify.checkpoint import parse_signed
from verify.kinds import Communication, Date, Opening, Sealed


def test_is_a_target(remote: Remote, world: World) -> None:
    target: Target = remote

    assert world.ledger.origin == target.origin
    assert world.fingerprint == target.fingerprint
    assert ((1, public_hex(world.log)),) == tuple(target.log_keys)


def test_head_is_what_was_fetched_and_checked(remote: Remote, world: World) -> None:
    head = remote.head()

    assert (world.size, world.note()) == (head.size, head.note)
    assert parse_signed(world.note())[0].root == head.root


def test_finds_every_event_and_no_other(remote: Remote, world: World) -> None:
    for index in range(world.size):
        assert index == remote.index_of(id_at(world, index))
    assert remote.index_of(bytes(32)) is None


def test_finds_an_event_once_it_is_opened(remote: Remote, shelf: Shelf, world: World) -> None:
    inner = say(Communication, "northmere", None, channel="letter")
    sealed = say(
        Sealed,
        "northmere",
        None,
        seals=inner.id,
        dates={"opens_by": Date(basis="stated", edtf="2026-12-01")},
    )
    world.submit(sealed)
    shelf.show(world)
    assert remote.index_of(bytes.fromhex(inner.id)) is None

    index = world.submit(say(Opening, "northmere", None, of=sealed.id, event=inner.event))
    shelf.show(world)

    assert index == remote.index_of(bytes.fromhex(inner.id))


def test_fetches_only_what_is_new(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path
) -> None:
    remote.head()
    shelf.asks()
    remote.head()
    assert ["checkpoint"] == shelf.asks()

    for _ in range(300):
        world.submit(letter("northmere"))
    shelf.show(world)
    remote.head()
    assert ["checkpoint", "tile/entries/000", f"tile/entries/001.p/{world.size - 256}"] == (
        shelf.asks()
    )

    world.submit(letter("northmere"))
    shelf.show(world)
    with remote_of(shelf, world, tmp_path / "home") as again:
        again.head()
        assert ["checkpoint", f"tile/entries/001.p/{world.size - 256}"] == shelf.asks()
        assert 5 == again.index_of(id_at(world, 5))
        assert 300 == again.index_of(id_at(world, 300))
        assert [] == shelf.asks()


def test_takes_the_full_bundle_where_the_partial_one_is_gone(
    remote: Remote, shelf: Shelf, world: World
) -> None:
    old = world.export()
    for _ in range(300):
        world.submit(letter("northmere"))
    new = world.export()
    shelf.files = {"checkpoint": old["checkpoint"], "tile/entries/000": new["tile/entries/000"]}

    assert parse_signed(old["checkpoint"])[0].size == remote.head().size


def test_keeps_what_it_knows_for_this_account_alone(remote: Remote, tmp_path: Path) -> None:
    remote.head()

    folder = tmp_path / "home" / "remote"
    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    assert {".json", ".ids", ".lock"} == {path.suffix for path in folder.iterdir()}
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def test_what_a_crash_wrote_too_much_is_passed_over(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path
) -> None:
    remote.head()
    ids = next((tmp_path / "home" / "remote").glob("*.ids"))
    ids.write_bytes(ids.read_bytes() + b"torn")
    index = world.submit(letter("northmere"))
    shelf.show(world)

    with remote_of(shelf, world, tmp_path / "home") as again:
        again.head()
    with remote_of(shelf, world, tmp_path / "home") as again:
        assert index == again.index_of(id_at(world, index))


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"turnings"', b'"turning"'), (b'"ids":', b'"ids":"'), (b'"ids":', b'"ids":"\xff",')],
)
def test_damaged_memory_is_not_used(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path, old: bytes, new: bytes
) -> None:
    remote.head()
    state = next((tmp_path / "home" / "remote").glob("*.json"))
    data = state.read_bytes()
    assert old in data
    state.write_bytes(data.replace(old, new))

    with (
        remote_of(shelf, world, tmp_path / "home") as again,
        pytest.raises(OutboxError, match=f"{state}: cannot be read"),
    ):
        again.head()


def test_ids_are_not_written_where_something_else_leads(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path
) -> None:
    remote.head()
    ids = next((tmp_path / "home" / "remote").glob("*.ids"))
    other = ids.rename(tmp_path / "other")
    ids.symlink_to(other)
    kept = other.read_bytes()
    world.submit(letter("northmere"))
    shelf.show(world)

    with pytest.raises(OutboxError, match=f"{ids}: cannot be written"):
        remote.head()

    assert kept == other.read_bytes()


def test_ids_that_were_cut_short_are_not_taken_for_all(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path
) -> None:
    remote.head()
    ids = next((tmp_path / "home" / "remote").glob("*.ids"))
    ids.write_bytes(ids.read_bytes()[:-40])

    with remote_of(shelf, world, tmp_path / "home") as again, pytest.raises(OutboxError):
        again.index_of(id_at(world, 5))


def test_follows_keys_and_charters(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path
) -> None:
    remote.head()
    key = signing_key("another log key")
    assert world.charter is not None
    amendment = msgspec.structs.replace(
        world.charter,
        amends=id_at(world, 0).hex(),
        founding_key=None,
        log_key=public_hex(key),
        nonce="a" * 32,
    )
    world.submit(Said(amendment))
    world.log = key
    shelf.show(world)

    with remote_of(shelf, world, tmp_path / "home") as again:
        assert world.size == again.head().size
        assert (world.size, public_hex(key)) == again.log_keys[-1]
    world.submit(letter("southfold"))
    shelf.show(world)
    with remote_of(shelf, world, tmp_path / "home") as again:
        assert world.size == again.head().size


def test_a_fingerprint_with_a_slip_in_it_is_noticed(
    shelf: Shelf, world: World, tmp_path: Path
) -> None:
    shelf.show(world)
    with remote_of(shelf, world, tmp_path / "home") as remote:
        assert world.ledger.origin == remote.claimed_origin()
    with (
        Remote(shelf.url, fingerprint="0" * 64, home=tmp_path / "home", now_ms=now_ms) as remote,
        pytest.raises(AlteredError, match=world.fingerprint),
    ):
        remote.claimed_origin()


def test_finds_ids_by_their_first_digits(remote: Remote, shelf: Shelf, world: World) -> None:
    ids = [id_at(world, index).hex() for index in range(world.size)]

    assert sorted(ids) == list(remote.ids_with_prefix(""))
    assert (ids[3],) == remote.ids_with_prefix(ids[3][:12])
    assert () == remote.ids_with_prefix("f" * 63)
    world.submit(letter("northmere"))
    shelf.show(world)
    new = id_at(world, 6).hex()
    assert (new,) == remote.ids_with_prefix(new[:12])
