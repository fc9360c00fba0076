"""Archives: the same octets for the same export, and nothing else is unpacked."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.archive import pack, unpack
from ledger.export import Member, export, open_export
from ledger.folders import new_folder
from ledger.ledger import Ledger
from tests.ledger.builder import Clock, NewEvent, Party, found_ledger, new_event, submit
from tests.ledger.builder import new_letter as letter
from tests.ledger.test_export import ROOT, content, fill
from tests.world import World
from tests.world import letter as world_letter
from verify.audit import audit
from verify.errors import VerifyError
from verify.folder import Folder
from verify.tiles import bundles_of, entries_path, tile_path, tiles_of

ALPHA = Party("alpha", 1)
END = bytes(1024)
SPARSE = 1 << 34


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    found, _ = found_ledger(tmp_path / "ledger", ALPHA, clock=Clock(), members=["beta"])
    with found:
        yield found


def packed(ledger: Ledger, audience: str = "public") -> bytes:
    with open_export(ledger, audience=audience) as opened:
        return b"".join(pack(opened.members()))


def unpacked(data: bytes, path: Path) -> dict[str, bytes]:
    with new_folder(path) as folder:
        unpack(io.BytesIO(data), folder)
    return content(path)


def in_order(files: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    """Return the files of an export in the order in which an archive has them."""
    size = int(files["checkpoint"].split(b"\n")[1])
    names = ["checkpoint"]
    names += [tile_path(level=t.level, number=t.number, width=t.width) for t in tiles_of(size)]
    names += [entries_path(number=b.number, width=b.width) for b in bundles_of(size)]
    names += ["checkpoints", "disclosures.jsonl"]
    names += sorted(name for name in files if name.startswith("files/"))
    names += ["policy", "manifest.json"]
    return [(name, files[name]) for name in names if name in files]


def archive(files: list[tuple[str, bytes]]) -> bytes:
    return b"".join(pack(Member(name, len(data), iter((data,))) for name, data in files))


def header(name: str, size: int = 0, **fields: object) -> bytes:
    """Return a tar header as the standard library writes it."""
    info = tarfile.TarInfo(name)
    info.size = size
    for field, value in fields.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.USTAR_FORMAT)


# The same octets


@pytest.mark.parametrize("audience", ["public", "alpha", "beta"])
def test_an_archive_unpacks_to_the_export(ledger: Ledger, tmp_path: Path, audience: str) -> None:
    fill(ledger)
    export(ledger, tmp_path / "export", audience=audience)

    assert content(tmp_path / "export") == unpacked(packed(ledger, audience), tmp_path / "out")


@pytest.mark.parametrize("count", [0, 1, 254, 255, 256, 600])
def test_about_the_width_of_a_tile(ledger: Ledger, tmp_path: Path, count: int) -> None:
    if count:
        submit(ledger, *(letter("alpha") for _ in range(count)))

    unpacked(packed(ledger), tmp_path / "out")

    assert "self-consistent" == audit(Folder(tmp_path / "out")).verdict


def test_the_same_ledger_gives_the_same_octets(ledger: Ledger) -> None:
    fill(ledger)

    assert packed(ledger, "beta") == packed(ledger, "beta")
    assert packed(ledger) != packed(ledger, "beta")


def test_any_tar_reads_it(ledger: Ledger, tmp_path: Path) -> None:
    fill(ledger)
    data = packed(ledger)
    with tarfile.open(fileobj=io.BytesIO(data)) as archived:
        members = archived.getmembers()
        read = {one.name: archived.extractfile(one).read() for one in members}  # type: ignore[union-attr]  # all are files
    (tmp_path / "tar").mkdir()
    subprocess.run(["tar", "x", "-C", tmp_path / "tar"], input=data, check=True)  # noqa: S607 - any tar

    assert {(0o644, 0, 0, 0, "", "")} == {
        (one.mode, one.uid, one.gid, one.mtime, one.uname, one.gname) for one in members
    }
    assert all(one.isreg() for one in members)
    assert read == content(tmp_path / "tar") == unpacked(data, tmp_path / "out")


def test_what_comes_meanwhile_is_left_out(ledger: Ledger) -> None:
    fill(ledger)
    before = packed(ledger)
    with open_export(ledger) as opened:
        pieces = pack(opened.members())
        first = next(pieces)
        submit(ledger, letter("alpha"), note=ledger.checkpoint())
        rest = b"".join(pieces)

    assert before == first + rest
    assert before != packed(ledger)


def test_what_was_handed_over_before_stays_open_when_it_is_handed_over_again(
    ledger: Ledger, tmp_path: Path
) -> None:
    withheld = fill(ledger)

    def hand_over() -> None:
        opening = new_event("alpha", "opening/v1", of=withheld.id.hex(), names=["text"])
        submit(ledger, NewEvent(opening.data, {"text": withheld.disclosures["text"]}))

    hand_over()
    before = packed(ledger)
    with open_export(ledger) as opened:
        hand_over()
        meanwhile = b"".join(pack(opened.members()))

    assert before == meanwhile
    unpacked(meanwhile, tmp_path / "out")
    assert "self-consistent" == audit(Folder(tmp_path / "out")).verdict


@pytest.mark.parametrize("size", [(1 << 33) - 1, 1 << 33, SPARSE])
def test_sizes_of_8_gib_and_more_are_read_by_any_tar(size: int) -> None:
    head = next(iter(pack([Member("disclosures.jsonl", size, iter((bytes(1 << 17),)))])))
    sparse = Sparse(head[: -(1 << 17)], size)
    with tarfile.open(fileobj=sparse) as archived:
        found = [(one.name, one.size) for one in archived]

    assert [("disclosures.jsonl", size)] == found


class Sparse(io.RawIOBase):
    """A header, and so many zeros behind it that nobody holds them."""

    def __init__(self, head: bytes, size: int) -> None:
        self._head = head
        self._size = len(head) + -(-size // 512) * 512 + 1024
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        assert 0 == whence
        self._at = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        size = min(size, self._size - self._at)
        data = self._head[self._at : self._at + size].ljust(size, b"\0")
        self._at += size
        return data


# Archives that nobody here has made


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    world = World().found()
    world.enrol("southfold")
    world.submit(world_letter("northmere"), world.file("northmere", b"one file"))
    world.submit(world.file("northmere", b"another"), see=True)
    return world.export()


def refused(data: bytes, tmp_path: Path) -> str:
    with pytest.raises(VerifyError) as caught:
        unpacked(data, tmp_path / "out")

    assert [] == list(tmp_path.iterdir())
    return str(caught.value)


def test_takes_what_a_world_exports(files: dict[str, bytes], tmp_path: Path) -> None:
    assert files == unpacked(archive(in_order(files)), tmp_path / "out")


NAMES = (
    *(
        "/etc/passwd",
        "../out",
        "tile/../../out",
        "./policy",
        "files/../policy",
        "files/x",
        "files/",
    ),
    *("files/" + "A" * 64, "tile/0/000", "tile/0/000.p/5", "tile/entries/000", "policy/x", ""),
    *("checkpoint", "Checkpoint", "checkpoint ", "CHECKPOINTS", "policy\\x", ".hidden", "x" * 100),
    *("manifest.json.", "disclosures.jsonl\n", "files/" + "0" * 63, "files/" + "0" * 65),
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("at", [0, 3, None])
def test_no_name_that_an_export_has_not(
    files: dict[str, bytes], tmp_path: Path, name: str, at: int | None
) -> None:
    members = in_order(files)
    place = len(members) if at is None else at
    members.insert(place, (name, b"" if name != "policy" else files[name]))

    refused(archive(members), tmp_path)


@pytest.mark.parametrize("number", range(9))
def test_each_name_stands_in_its_place_once(
    files: dict[str, bytes], tmp_path: Path, number: int
) -> None:
    members = in_order(files)
    assert 9 == len(members)
    once = members[number]
    twice = [*members[:number], once, *members[number:]]
    moved = [*members[:number], *members[number + 1 :], once]

    refused(archive(twice), tmp_path)
    if number < 8:
        refused(archive(moved), tmp_path)
    if once[0] in {"checkpoints", "disclosures.jsonl"} or once[0].startswith("files/"):
        return  # whether these may be missing is for an audit to say
    refused(archive([*members[:number], *members[number + 1 :]]), tmp_path)


KINDS: Mapping[str, Mapping[str, object]] = {
    "a hard link": {"type": tarfile.LNKTYPE, "linkname": "checkpoint"},
    "a link": {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
    "a device": {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3},
    "a disk": {"type": tarfile.BLKTYPE},
    "a folder": {"type": tarfile.DIRTYPE},
    "a pipe": {"type": tarfile.FIFOTYPE},
    "a sparse file": {"type": tarfile.GNUTYPE_SPARSE},
    "a long name": {"type": tarfile.GNUTYPE_LONGNAME},
    "a pax header": {"type": tarfile.XHDTYPE},
    "a header for all": {"type": tarfile.XGLTYPE},
    "an old file": {"type": tarfile.AREGTYPE},
    "a mode": {"mode": 0o4755},
    "an owner": {"uid": 1000},
    "a group": {"gid": 1000},
    "a user": {"uname": "root"},
    "a time": {"mtime": 1},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["checkpoint", "policy"])
def test_nothing_but_plain_files_of_one_form(
    files: dict[str, bytes], tmp_path: Path, kind: str, name: str
) -> None:
    data = archive(in_order(files))
    size = len(files[name])
    plain = archive([(name, files[name])])[:512]
    assert 1 == data.count(plain)

    refused(data.replace(plain, header(name, size, **KINDS[kind])), tmp_path)


@pytest.mark.parametrize("size", [1 << 20, (1 << 33) - 1, 1 << 33, 1 << 49, 1 << 60])
@pytest.mark.parametrize("name", ["checkpoint", "checkpoints", "tile/0/000.p/5", "policy"])
def test_a_huge_size_is_refused_before_anything_of_it_is_read(
    files: dict[str, bytes], tmp_path: Path, size: int, name: str
) -> None:
    members = in_order(files)
    place = [one for one, _ in members].index(name)
    before = archive(members[:place])[: -len(END)]
    huge = next(iter(pack([Member(name, size, iter((bytes(1 << 16),)))])))[: -(1 << 16)]
    stream = io.BytesIO(before + huge + bytes(1 << 22))

    with pytest.raises((VerifyError, OSError)), new_folder(tmp_path / "out") as folder:
        unpack(stream, folder)

    assert [] == list(tmp_path.iterdir())
    if size > 1 << 40 or name != "checkpoints":
        assert len(before) + len(huge) == stream.tell()


def test_a_tree_of_any_size_costs_no_more_than_what_comes(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    note = files["checkpoint"].replace(b"\n5\n", b"\n9007199254740991\n", 1)
    assert note != files["checkpoint"]

    assert "tile/0/000" in refused(archive([("checkpoint", note)]), tmp_path)


def test_every_cut_is_noticed(files: dict[str, bytes], tmp_path: Path) -> None:
    data = archive(in_order(files))
    for end in (*range(0, len(data), 512), *range(1, len(data), 4999), len(data) - 1):
        refused(data[:end], tmp_path)


@pytest.mark.parametrize("rest", [b"\0", b"x", END, bytes(10240)])
def test_nothing_follows_the_end(files: dict[str, bytes], tmp_path: Path, rest: bytes) -> None:
    refused(archive(in_order(files)) + rest, tmp_path)


def test_nothing_stands_between_two_files(files: dict[str, bytes], tmp_path: Path) -> None:
    data = bytearray(archive(in_order(files)))
    data[512 + len(files["checkpoint"])] = 1

    refused(bytes(data), tmp_path)


EDITS = st.lists(
    st.tuples(
        st.sampled_from(("set", "cut", "double", "swap", "field")),
        st.integers(0, 1 << 20),
        st.integers(0, 1 << 20),
        st.binary(min_size=1, max_size=40),
    ),
    min_size=1,
    max_size=4,
)


def edited(data: bytes, how: str, one: int, two: int, octets: bytes) -> bytes:
    """Damage an archive: octets, whole blocks, or a field of a header."""
    blocks = [data[start : start + 512] for start in range(0, len(data), 512)] or [b""]
    one, two = one % len(blocks), two % len(blocks)
    match how:
        case "set":
            at = (one * 512 + two) % (len(data) + 1)
            return data[:at] + octets + data[at + len(octets) :]
        case "cut":
            del blocks[min(one, two) : max(one, two) + 1]
        case "double":
            blocks.insert(two, blocks[one])
        case "swap":
            blocks[one], blocks[two] = blocks[two], blocks[one]
        case _:
            heads = [n for n, block in enumerate(blocks) if block[257:262] == b"ustar"] or [0]
            head = bytearray(blocks[heads[one % len(heads)]].ljust(512, b"\0"))
            start = (0, 100, 108, 116, 124, 136, 156, 157, 345)[two % 9]
            head[start : start + len(octets)] = octets
            head[148:156] = b" " * 8
            head[148:156] = b"%06o\0 " % sum(head[:512])
            blocks[heads[one % len(heads)]] = bytes(head[:512])
    return b"".join(blocks)


@given(edits=EDITS)
def test_damaged_archives_unpack_to_an_export_or_are_refused(
    files: dict[str, bytes],
    tmp_path_factory: pytest.TempPathFactory,
    edits: list[tuple[str, int, int, bytes]],
) -> None:
    data = archive(in_order(files))
    for edit in edits:
        data = edited(data, *edit)
    tmp_path = tmp_path_factory.mktemp("archive")
    try:
        found = unpacked(data, tmp_path / "out")
    except (VerifyError, OSError):
        assert [] == list(tmp_path.iterdir())
    else:
        assert archive(in_order(found)) == data
        assert found.keys() - {"checkpoints", "disclosures.jsonl"} <= files.keys()


@pytest.mark.parametrize("there", ["file", "folder", "link"])
def test_nothing_is_overwritten(files: dict[str, bytes], tmp_path: Path, there: str) -> None:
    made: dict[str, Callable[[Path], object]] = {
        "file": lambda path: path.write_text("here"),
        "folder": lambda path: (path / "sub").mkdir(parents=True),
        "link": lambda path: path.symlink_to("nowhere"),
    }
    made[there](tmp_path / "out")

    with pytest.raises(FileExistsError):
        unpacked(archive(in_order(files)), tmp_path / "out")

    assert ["out"] == [each.name for each in tmp_path.iterdir()]


def test_a_full_disk_leaves_nothing(files: dict[str, bytes], tmp_path: Path) -> None:
    files = {**files, "disclosures.jsonl": b"x" * 100_000}
    (tmp_path / "in").write_bytes(archive(in_order(files)))
    script = """if True:
        import pathlib, resource, sys
        from ledger.archive import unpack
        from ledger.folders import new_folder
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        with open("in", "rb") as stream, new_folder(pathlib.Path("out")) as folder:
            unpack(stream, folder)
        """
    measured = {name for name in os.environ if name.startswith("COVERAGE")}
    environment = {name: os.environ[name] for name in os.environ.keys() - measured}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, check=False, capture_output=True,
        env={**environment, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip

    assert b"File too large" in done.stderr
    assert ["in"] == [each.name for each in tmp_path.iterdir()]


def test_what_a_kill_left_goes_with_the_next(files: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(archive(in_order(files)))
    script = """if True:
        import os, pathlib, signal
        from ledger.folders import new_folder
        with new_folder(pathlib.Path("out")) as folder:
            with folder.create("checkpoint"):
                os.kill(os.getpid(), signal.SIGKILL)
        """
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, check=False, env=environment
        )
        assert -9 == done.returncode
        assert [".out.making", "in"] == sorted(each.name for each in tmp_path.iterdir())
    unpacked(archive(in_order(files)), tmp_path / "out")

    assert ["in", "out"] == sorted(each.name for each in tmp_path.iterdir())
    assert (tmp_path / "in").stat().st_mode & 0o077 == (tmp_path / "out").stat().st_mode & 0o044
