"""Exports: fetched whole, audited, and compared with what was seen."""

from __future__ import annotations

import contextlib
import errno
import http.client
import http.server
import os
import resource
import shutil
import threading
from pathlib import Path

import pytest

from ledger.client import AlteredError, ForkError, Remote, ShrunkError
from ledger.errors import ExportError, TargetError
from ledger.transport import UnansweredError
from tests.ledger.client.shelf import (
    Shelf,
    cut_back,
    forked,
    id_at,
    refused,
    remote_of,
    show_export,
)
from tests.ledger.test_archive import archive, in_order
from tests.ledger.test_export import content
from tests.world import World, letter, signing_key
from verify.anchors import Anchors
from verify.audit import audit
from verify.checks import Check
from verify.folder import Folder


def not_fetched(
    remote: Remote, folder: Path, kind: type[TargetError] = AlteredError
) -> TargetError:
    with pytest.raises(kind) as caught:
        remote.fetch_export(folder)

    assert [] == list(folder.parent.iterdir())
    return caught.value


def test_an_export_for_which_there_is_no_room_says_so_and_leaves_nothing(
    fetching: Remote, shelf: Shelf, out: Path
) -> None:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> bool:
        body = shelf.files["export"]
        handler.close_connection = True
        with contextlib.suppress(OSError):  # nobody takes it to its end
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
        return True

    shelf.answer = answer
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
    try:
        with pytest.raises(ExportError, match=f"{out}: File too large"):
            fetching.fetch_export(out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert [] == list(out.parent.iterdir())
    assert ["export"] == shelf.asks()


def test_an_export_is_fetched_and_audited(
    fetching: Remote, shelf: Shelf, world: World, out: Path
) -> None:
    octets: list[int] = []
    entries: list[tuple[int, int]] = []

    fetched = fetching.fetch_export(
        out, coming=octets.append, checking=lambda *done: entries.append(done)
    )

    assert ["export"] == shelf.asks()
    assert world.export() == content(out)
    assert (6, "public", world.note()) == (fetched.head.size, fetched.audience, fetched.head.note)
    assert len(shelf.files["export"]) == octets[-1]
    assert (6, 6) == entries[-1]


def test_an_export_is_all_that_is_needed_to_follow(
    shelf: Shelf, world: World, tmp_path: Path, out: Path
) -> None:
    show_export(shelf, world)
    with remote_of(shelf, world, tmp_path / "home") as remote:
        remote.fetch_export(out)

        assert 5 == remote.index_of(id_at(world, 5))
    assert ["export"] == shelf.asks()


def test_an_export_may_be_larger_than_what_was_seen(
    fetching: Remote, shelf: Shelf, world: World, out: Path
) -> None:
    for _ in range(300):
        world.submit(letter("northmere"))
    show_export(shelf, world)

    assert world.size == fetching.fetch_export(out).head.size
    assert world.size - 1 == fetching.index_of(id_at(world, world.size - 1))


@pytest.mark.parametrize("more", [0, 1])
def test_an_export_of_another_history_is_a_fork(
    fetching: Remote, shelf: Shelf, world: World, out: Path, more: int
) -> None:
    other = forked(world)
    for _ in range(more):
        other.submit(letter("northmere"))
    show_export(shelf, other)

    caught = not_fetched(fetching, out, ForkError)

    assert isinstance(caught, ForkError)
    assert (world.note(), other.note()) == (caught.seen, caught.shown)


def test_an_older_export_is_not_taken(
    fetching: Remote, shelf: Shelf, world: World, out: Path
) -> None:
    cut_back(world, 5)
    show_export(shelf, world)

    not_fetched(fetching, out, ShrunkError)


def test_an_export_for_somebody_else_is_not_taken(
    fetching: Remote, shelf: Shelf, world: World, out: Path
) -> None:
    shelf.files["export"] = archive(in_order(world.export(audience="southfold")))

    caught = not_fetched(fetching, out)

    assert isinstance(caught, AlteredError)
    assert Check.MANIFEST.value == caught.check


def test_an_export_of_another_ledger_is_not_taken(
    fetching: Remote, shelf: Shelf, world: World, out: Path
) -> None:
    del world
    shelf.files["export"] = archive(in_order(World().found().export()))

    not_fetched(fetching, out)


def test_an_export_without_what_it_must_have_is_not_taken(
    fetching: Remote, shelf: Shelf, world: World, out: Path
) -> None:
    files = world.export()
    del files["disclosures.jsonl"]
    shelf.files["export"] = archive(in_order(files))

    caught = not_fetched(fetching, out)

    assert isinstance(caught, AlteredError)
    assert (Check.DISCLOSURE_MISSING.value, None) == (caught.check, caught.path)


def test_an_altered_export_is_not_taken(
    fetching: Remote, shelf: Shelf, world: World, out: Path
) -> None:
    data = archive(in_order(world.export()))
    for at in range(100, len(data), 1111):
        shelf.files["export"] = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        not_fetched(fetching, out)
    for end in range(0, len(data), 5000):
        shelf.files["export"] = data[:end]
        not_fetched(fetching, out)


def shows(path: Path | None, world: World, check: Check) -> bool:
    """Tell whether an export alone shows, to who knows the fingerprint, that a check fails."""
    assert path is not None
    report = audit(Folder(path), anchors=Anchors(fingerprint=world.fingerprint))
    return [check] == [finding.check for finding in report.findings]


def test_an_export_whose_entries_may_not_stand_there_is_kept(
    fetching: Remote, shelf: Shelf, world: World, out: Path, tmp_path: Path
) -> None:
    """The log key signed for them, so that it is evidence: the last one that came is kept."""
    for _ in range(2):
        world.submit(letter("northmere"), expires=world.now - 1)
        show_export(shelf, world)
        caught = not_fetched(fetching, out)

        assert isinstance(caught, AlteredError)
        assert Check.EXPIRES.value == caught.check
        (kept,) = (tmp_path / "home/remote").glob("*.invalid")
        assert (kept, True) == (caught.path, str(kept) in str(caught))
        assert world.export() == content(kept)


def test_an_export_with_an_entry_out_of_its_place_is_kept(
    fetching: Remote, shelf: Shelf, world: World, out: Path
) -> None:
    """Here the log key has signed the tree that it makes."""
    world.entries[5] = world.entries[5].replace(b'"index":5', b'"index":4')
    show_export(shelf, world)
    caught = not_fetched(fetching, out)

    assert isinstance(caught, AlteredError)
    assert shows(caught.path, world, Check.INDEX)


@pytest.mark.parametrize(
    ("old", "new", "check"),
    [
        pytest.param(b'"index":5', b'"index":4', Check.INDEX, id="entry"),
        pytest.param(b'"channel":"letter"', b'"channel":"lettre"', Check.EVENT, id="event"),
        pytest.param(b'"channel":"letter"', b'"channel":"portal"', Check.SUBMISSION_ROOT, id="sub"),
        pytest.param(None, None, Check.SEEN, id="note"),
    ],
)
def test_what_anybody_on_the_way_can_alter_is_not_kept_as_what_the_log_key_signed(
    fetching: Remote,
    shelf: Shelf,
    world: World,
    out: Path,
    tmp_path: Path,
    old: bytes | None,
    new: bytes,
    check: Check,
) -> None:
    """An altered last entry in a tree made anew, or a kept note left out; no key is needed."""
    files = world.export()
    if old is None:
        del files["checkpoints"]
    else:
        world.entries[5] = world.entries[5].replace(old, new)
        files |= {k: v for k, v in world.export().items() if k.startswith("tile")}
    shelf.files["export"] = archive(in_order(files))

    caught = not_fetched(fetching, out)

    assert isinstance(caught, AlteredError)
    assert (check.value, None) == (caught.check, caught.path)
    assert [] == list((tmp_path / "home/remote").glob("*.invalid"))


def test_a_further_fault_does_not_hide_what_the_log_key_signed(
    fetching: Remote, shelf: Shelf, world: World, out: Path
) -> None:
    world.submit(letter("northmere"), expires=world.now - 1)
    files = world.export()
    del files["disclosures.jsonl"]
    shelf.files["export"] = archive(in_order(files))

    caught = not_fetched(fetching, out)

    assert isinstance(caught, AlteredError)
    assert caught.path is not None
    assert files == content(caught.path)


def test_entries_that_may_not_stand_there_are_shown_by_the_export(
    fetching: Remote, shelf: Shelf, world: World
) -> None:
    world.submit(letter("northmere"), key=signing_key("nobody"))
    show_export(shelf, world)
    shelf.files["export"] = b""
    assert refused(fetching, Check.KEY).path is None
    show_export(shelf, world)

    assert shows(refused(fetching, Check.KEY).path, world, Check.KEY)


@pytest.mark.parametrize("gone", ["the lock", "the folder", "room"])
def test_entries_that_may_not_stand_there_are_told_though_no_export_can_be_kept(
    fetching: Remote, shelf: Shelf, world: World, tmp_path: Path, gone: str
) -> None:
    world.submit(letter("northmere"), key=signing_key("nobody"))
    show_export(shelf, world)
    folder = tmp_path / "home" / "remote"

    def answer(handler: http.server.BaseHTTPRequestHandler) -> bool:
        if "tile/entries" in handler.path and folder.exists():
            (lock,) = folder.glob("*.lock")
            if gone == "the folder":
                folder.rename(tmp_path / "moved")
            elif gone == "the lock" and lock.is_file():
                lock.unlink()
                lock.mkdir()
        return False

    shelf.answer = answer
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000 if gone == "room" else soft, hard))
    try:
        assert refused(fetching, Check.KEY).path is None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_entries_that_the_export_does_not_have_are_not_shown(
    fetching: Remote, shelf: Shelf, world: World
) -> None:
    good = archive(in_order(world.export()))
    world.submit(letter("northmere"), key=signing_key("nobody"))
    shelf.show(world)
    shelf.files["export"] = good

    assert refused(fetching, Check.KEY).path is None


def test_entries_that_may_not_stand_there_hide_no_fork_that_the_export_shows(
    fetching: Remote, shelf: Shelf, world: World
) -> None:
    other = archive(in_order(forked(world).export()))
    world.submit(letter("northmere"), key=signing_key("nobody"))
    shelf.show(world)
    shelf.files["export"] = other

    with pytest.raises(ForkError):
        fetching.head()


@pytest.mark.parametrize("chunked", [True, False])
def test_an_export_that_is_cut_is_asked_for_again(
    fetching: Remote, shelf: Shelf, world: World, out: Path, *, chunked: bool
) -> None:
    data = shelf.files["export"]

    def cut(handler: http.server.BaseHTTPRequestHandler) -> bool:
        if handler.path != "/log/export" or len(shelf.asked) > 3:
            return False
        handler.send_response(200)
        if chunked:
            handler.send_header("Transfer-Encoding", "chunked")
        else:
            handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        part = data[: len(data) // 2]
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
        handler.close_connection = True
        return True

    shelf.answer = cut
    fetching.fetch_export(out)

    assert ["export"] * 4 == shelf.asks()
    assert world.export() == content(out)


def test_gives_up_on_an_export_that_never_comes_whole(
    fetching: Remote, shelf: Shelf, out: Path
) -> None:
    def cut(handler: http.server.BaseHTTPRequestHandler) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        handler.wfile.write(shelf.files["export"][:9000])
        handler.close_connection = True
        return True

    shelf.answer = cut
    not_fetched(fetching, out, UnansweredError)


def test_does_not_wait_for_ever_for_an_export_that_drips(
    shelf: Shelf, world: World, tmp_path: Path, out: Path
) -> None:
    show_export(shelf, world)
    ended = threading.Event()

    def drip(handler: http.server.BaseHTTPRequestHandler) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        with contextlib.suppress(OSError):
            for octet in shelf.files["export"]:
                if ended.wait(0.01):
                    break
                handler.wfile.write(bytes([octet]))
        handler.close_connection = True
        return True

    shelf.answer = drip
    try:
        with remote_of(shelf, world, tmp_path / "home", deadline_s=0.2, attempts=1) as remote:
            not_fetched(remote, out, UnansweredError)
    finally:
        ended.set()


def test_an_interruption_leaves_nothing_of_an_export(
    fetching: Remote, out: Path, world: World
) -> None:
    def interrupt(*_: int) -> None:
        raise KeyboardInterrupt

    for told in ({"coming": interrupt}, {"checking": interrupt}):
        with pytest.raises(KeyboardInterrupt):
            fetching.fetch_export(out, **told)

        assert [] == list(out.parent.iterdir())
    assert world.size == fetching.fetch_export(out).head.size


def test_an_export_overwrites_nothing(fetching: Remote, shelf: Shelf, out: Path) -> None:
    out.write_text("here")

    with pytest.raises(ExportError, match="there already"):
        fetching.fetch_export(out)

    assert [] == shelf.asks()
    assert "here" == out.read_text()


def test_an_export_that_is_not_valid_is_told_and_the_one_kept_before_stays_where_there_is_no_room(
    fetching: Remote,
    shelf: Shelf,
    world: World,
    out: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(source: Path, target: Path) -> None:
        shutil.copytree(source / "tile", target / "tile")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    before: dict[str, bytes] = {}
    for room in (True, False):
        world.submit(letter("northmere"), expires=world.now - 1)
        show_export(shelf, world)
        with monkeypatch.context() as patched:
            if not room:
                patched.setattr(shutil, "move", full)
            caught = not_fetched(fetching, out)

        assert isinstance(caught, AlteredError)
        assert (Check.EXPIRES.value, room) == (caught.check, caught.path is not None)
        before = before or world.export()
    (kept,) = (tmp_path / "home/remote").glob("*.invalid")
    assert before == content(kept)
    assert not list((tmp_path / "home/remote").glob(".*"))
