"""Two processes of one party that follow a ledger at once, in one folder."""

from __future__ import annotations

import fcntl
import http.server
import threading
from pathlib import Path

import pytest

from ledger.client import ForkError, Remote, ShrunkError
from tests.ledger.client.shelf import (
    Shelf,
    cut_back,
    forked,
    id_at,
    remote_of,
    show_export,
)
from tests.world import World, letter


def overtake(shelf: Shelf, path: str, world: World, home: Path) -> None:
    """Let another process come further while what is under `path` is on its way."""

    def answer(handler: http.server.BaseHTTPRequestHandler) -> bool:
        if handler.path != f"/log/{path}":
            return False
        shelf.answer = None
        body = shelf.files[path]
        world.submit(letter("northmere"))
        shelf.show(world)
        with remote_of(shelf, world, home) as other:
            assert world.size == other.head().size
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return True

    shelf.answer = answer


def test_a_checkpoint_that_another_process_overtook_has_not_gone_back(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path
) -> None:
    before = remote.head()
    overtake(shelf, "checkpoint", world, tmp_path / "home")

    assert before == remote.head()
    assert [] == list((tmp_path / "home").rglob("*.checkpoint"))
    assert world.size - 1 == remote.index_of(id_at(world, world.size - 1))

    cut_back(world, before.size)
    shelf.show(world)
    with pytest.raises(ShrunkError):
        remote.head()


def test_while_one_process_moves_on_no_other_does(
    remote: Remote, shelf: Shelf, world: World, tmp_path: Path
) -> None:
    lock = tmp_path / "home" / "remote" / f"{world.fingerprint}.lock"
    held: list[bool] = []

    def ask(handler: http.server.BaseHTTPRequestHandler) -> bool:
        if "/tile/entries/" in handler.path:
            with lock.open("r+b") as other:
                try:
                    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    held.append(True)
                else:
                    held.append(False)
        return False

    shelf.answer = ask
    remote.head()
    world.submit(letter("northmere"))
    shelf.show(world)
    remote.head()

    assert [True, True] == held


def test_who_finds_another_process_at_it_waits(
    remote: Remote, world: World, tmp_path: Path
) -> None:
    remote.head()
    lock = tmp_path / "home" / "remote" / f"{world.fingerprint}.lock"
    with lock.open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        done = threading.Timer(0.2, fcntl.flock, (other, fcntl.LOCK_UN))
        done.start()

        assert world.size == remote.head().size
        done.join()


def test_an_export_that_another_process_overtook_has_not_gone_back(
    fetching: Remote, shelf: Shelf, world: World, tmp_path: Path, out: Path
) -> None:
    overtake(shelf, "export", world, tmp_path / "home")

    size = world.size

    assert size == fetching.fetch_export(out).head.size
    assert world.size == fetching.head().size


def test_what_was_overtaken_is_of_the_same_history_or_a_fork(
    fetching: Remote, shelf: Shelf, world: World, tmp_path: Path, out: Path
) -> None:
    show_export(shelf, forked(world))
    overtake(shelf, "export", world, tmp_path / "home")

    with pytest.raises(ForkError):
        fetching.fetch_export(out)
