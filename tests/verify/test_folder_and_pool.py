import gc
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.vectors.submissions import small_world
from tests.world import World, restart, say
from verify.audit import audit
from verify.checks import Check
from verify.contents import FileResult, WantedFile, check_file
from verify.folder import Folder
from verify.kinds import Artefact
from verify.pool import Pool, _work, processors
from verify.source import MappingSource, Source


def write(folder: Path, files: dict[str, bytes]) -> Folder:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return Folder(folder)


def test_a_folder_gives_what_is_in_it(tmp_path: Path) -> None:
    files = small_world().export()
    folder = write(tmp_path, files)

    assert set(files) == set(folder.paths())
    assert {path: len(data) for path, data in files.items()} == {p: folder.size(p) for p in files}
    assert files == {path: folder.read(path) for path in files}
    assert files["policy"][3:7] == folder.read("policy", 3, 7)
    assert files["policy"][3:] == folder.read("policy", 3)
    assert folder.size("nothing") is None
    assert folder.size("tile") is None
    assert folder.size("a\x00b") is None
    assert audit(MappingSource(files)) == audit(folder)


def test_a_folder_that_cannot_be_listed_has_nothing_and_says_so_if_asked(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "nothing")

    assert [] == list(folder.paths())
    with pytest.raises(FileNotFoundError):
        folder.state()


@pytest.mark.parametrize("change", ["removed", "written", "replaced", "touched"])
def test_a_folder_is_in_another_state_once_something_in_it_changes(
    tmp_path: Path, change: str
) -> None:
    folder = write(tmp_path / "export", small_world().export())
    file = tmp_path / "export" / "tile" / "entries" / "x"
    before = folder.state()
    file.write_bytes(b"1")
    os.utime(file, ns=(1, 1))
    added = folder.state()
    assert added == folder.state()
    if change == "removed":
        file.unlink()
    elif change == "written":
        file.write_bytes(b"12")
        os.utime(file, ns=(1, 1))
    elif change == "replaced":
        (tmp_path / "y").write_bytes(b"2")
        (tmp_path / "y").replace(file)
    else:
        os.utime(file, ns=(1, 2))

    assert before != added != folder.state()


def test_links_and_pipes_are_not_followed_and_are_findings(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"not ours")
    inside = tmp_path / "export"
    folder = write(inside, small_world().export())
    (inside / "policy").unlink()
    (inside / "policy").symlink_to(secret)
    (inside / "tile" / "x").symlink_to(tmp_path)
    (inside / "tile" / "y").mkdir()
    os.mkfifo(inside / "z")
    report = audit(folder)

    assert {"policy", "tile/x", "z"} <= {f.where for f in report.findings}
    assert {Check.LAYOUT} == {f.check for f in report.findings}
    assert folder.size("policy") is None
    with pytest.raises(OSError, match="symbolic"):
        folder.read("policy")


@pytest.mark.parametrize("name", ["tile", "tile/entries", "tile/0"])
def test_nothing_is_read_behind_a_folder_that_is_a_link(tmp_path: Path, name: str) -> None:
    files = small_world().export()
    inside = tmp_path / "export"
    folder = write(inside, files)
    (inside / name).rename(tmp_path / "elsewhere")
    (inside / name).symlink_to(tmp_path / "elsewhere")
    report = audit(folder)

    assert all(folder.size(path) is None for path in files if path.startswith(f"{name}/"))
    assert "invalid" == report.verdict
    assert any(finding.where.startswith(name) for finding in report.findings)


def test_folders_in_folders_without_end_are_no_trouble(tmp_path: Path) -> None:
    folder = write(tmp_path / "e", small_world().export())
    deep = tmp_path / "e" / "d"
    for _ in range(1100):  # Python's stack has a thousand steps
        deep.mkdir()
        deep /= "d"
    deep.write_bytes(b"")
    where = f"{'d/' * 1100}d"

    found = [finding.where for finding in audit(folder).findings]
    folder.state()
    deep.unlink()
    for _ in range(1100):  # who clears up behind tests has no more steps than others
        deep = deep.parent
        deep.rmdir()

    assert [where] == found


def test_a_file_system_to_which_the_case_of_letters_is_one() -> None:
    class Shouting(MappingSource):
        def paths(self) -> list[str]:
            return [path.upper() for path in super().paths()]

    report = audit(Shouting(small_world().export()))

    assert ["tile/entries"] == [finding.where for finding in report.findings]


def test_a_pool_finds_what_one_process_finds(tmp_path: Path) -> None:
    restart("pool")
    world = World().found()
    world.submit(*(say(Artefact, "northmere", None, type="letter") for _ in range(3000)))
    world.submit(world.file("northmere", b"content"), see=True)
    files = world.export()
    broken = {**files, "tile/0/000": bytes(8192)}
    for export in (files, broken):
        folder = write(tmp_path, export)
        with Pool(1) as pool:
            assert audit(folder, run=pool) == audit(folder)
    with pytest.raises(ZeroDivisionError), Pool(1):
        1 / 0  # noqa: B018 (an error while it is open)

    assert processors() >= 1


def slowly(_: Source, part: int) -> int:
    """Take the longer the earlier the part."""
    time.sleep((20 - part) / 1000)
    return part


def test_results_of_a_pool_come_in_order_and_no_further_than_they_are_wanted() -> None:
    asked: list[int] = []
    parts = (asked.append(part) or part for part in range(20))  # type: ignore[func-returns-value]  # on purpose
    with Pool(3) as pool:
        results = pool(slowly, MappingSource({}), parts, int)
        first = next(results)
        ahead = len(asked)
        rest = list(results)

    assert list(range(20)) == [first, *rest]
    assert ahead <= 3 * 3 + 1


def large(_: Source, part: bytes) -> bytes:
    return part


def test_tasks_and_results_may_be_larger_than_a_pipe_holds() -> None:
    parts = [bytes((number,)) * 1_000_000 for number in range(8)]
    with Pool(2) as pool:
        assert parts == list(pool(large, MappingSource({}), parts, bytes))


def dies_while_it_answers(_: Source, part: int) -> bytes:
    if part == 1:
        signal.setitimer(signal.ITIMER_REAL, 0.01)  # and SIGALRM ends a process
    return bytes(100_000_000)


def dies_at_once(_: Source, part: int) -> int:
    if part == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return part


@pytest.mark.parametrize("dies", [dies_at_once, dies_while_it_answers])
def test_a_process_that_is_killed_is_an_error_whatever_it_was_at(
    dies: Callable[[Source, int], object],
) -> None:
    with pytest.raises(RuntimeError, match="was killed"), Pool(2) as pool:
        list(pool(dies, MappingSource({}), [1, 2, 1, 2, 1], object))


def fails(_: Source, part: int) -> int:
    raise OSError(part, "no such thing")


def test_what_a_process_raises_is_raised_where_it_is_asked() -> None:
    with pytest.raises(OSError, match="no such thing"), Pool(1) as pool:
        list(pool(fails, MappingSource({}), [5], int))


def test_processes_of_a_pool_pack_results_and_leave_interrupts_to_their_leader() -> None:
    source = MappingSource({"files/x": b"x"})
    ours, own = multiprocessing.Pipe()
    ours.send((check_file, source, WantedFile("x", (1,))))
    ours.send((fails, source, 5))
    with socket.socket(fileno=os.dup(ours.fileno())) as half:
        half.shutdown(socket.SHUT_WR)
    before = signal.getsignal(signal.SIGINT)
    try:
        _work(own, [])

        assert signal.SIG_IGN is signal.getsignal(signal.SIGINT)
        assert not gc.isenabled()
    finally:
        signal.signal(signal.SIGINT, before)
        gc.enable()
    packed, none = ours.recv()
    nothing, error = ours.recv()

    assert (None, b"", 5) == (none, nothing, error.errno)
    assert check_file(source, WantedFile("x", (1,))) == msgspec.msgpack.decode(
        packed, type=FileResult
    )
