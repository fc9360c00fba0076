import gc
import os
import signal
from pathlib import Path

import msgspec
import pytest

from tests.vectors.submissions import small_world
from tests.world import World, restart, say
from verify.audit import audit
from verify.checks import Check
from verify.contents import FileResult, WantedFile, check_file
from verify.events import Artefact
from verify.folder import Folder
from verify.pool import Pool, _begin, _packed, processors
from verify.source import MappingSource


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


def test_processes_of_a_pool_pack_results_and_leave_interrupts_to_their_leader() -> None:
    source = MappingSource({"files/x": b"x"})
    before = signal.getsignal(signal.SIGINT)
    try:
        _begin()

        assert signal.SIG_IGN is signal.getsignal(signal.SIGINT)
        assert not gc.isenabled()
    finally:
        signal.signal(signal.SIGINT, before)
        gc.enable()

    packed = _packed(check_file, source, WantedFile("x", (1,)))

    assert check_file(source, WantedFile("x", (1,))) == msgspec.msgpack.decode(
        packed, type=FileResult
    )
