"""Content-addressed files: whole and checked, or not there."""

import hashlib
import io
import stat
from pathlib import Path

import pytest

from ledger import files as module
from ledger.errors import FileMismatchError, FullError, NotFoundError, StoreError
from ledger.files import Files

DATA = b"minutes of the meeting" * 100_000
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "files")


def names(files: Files) -> list[str]:
    return sorted(path.name for path in files.folder.iterdir())


def test_keeps_a_file_under_its_hash_for_its_owner_alone(files: Files) -> None:
    files.add(io.BytesIO(DATA), sha256=SHA256, size=len(DATA))

    assert DATA == files.path(SHA256).read_bytes()
    assert len(DATA) == files.size(SHA256)
    assert [SHA256] == names(files)
    assert 0o600 == stat.S_IMODE(files.path(SHA256).stat().st_mode)
    assert 0o700 == stat.S_IMODE(files.folder.stat().st_mode)


def test_keeps_an_empty_file(files: Files) -> None:
    sha256 = hashlib.sha256(b"").hexdigest()
    files.add(io.BytesIO(b""), sha256=sha256, size=0)

    assert 0 == files.size(sha256)


def test_keeping_a_file_again_changes_nothing(files: Files) -> None:
    for _ in range(2):
        files.add(io.BytesIO(DATA), sha256=SHA256, size=len(DATA))

    assert [SHA256] == names(files)


def test_refuses_octets_of_another_hash(files: Files) -> None:
    with pytest.raises(FileMismatchError) as refusal:
        files.add(io.BytesIO(DATA[::-1]), sha256=SHA256, size=len(DATA))

    assert SHA256 == refusal.value.expected
    assert hashlib.sha256(DATA[::-1]).hexdigest() == refusal.value.found
    assert [] == names(files)


@pytest.mark.parametrize("size", [len(DATA) - 1, len(DATA) + 1, 0])
def test_refuses_octets_of_another_size(files: Files, size: int) -> None:
    with pytest.raises(FileMismatchError) as refusal:
        files.add(io.BytesIO(DATA), sha256=SHA256, size=size)

    assert str(size) == refusal.value.expected
    assert str(min(len(DATA), size + 1)) == refusal.value.found
    assert [] == names(files)


def test_reads_no_further_than_one_octet_too_many(files: Files) -> None:
    stream = io.BytesIO(DATA)
    with pytest.raises(FileMismatchError):
        files.add(stream, sha256=SHA256, size=10)

    assert 11 == stream.tell()


def test_leaves_nothing_when_the_stream_breaks(files: Files) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise ConnectionResetError("gone")
            return super().read(size)

    with pytest.raises(StoreError):
        files.add(Broken(DATA), sha256=SHA256, size=len(DATA))

    assert [] == names(files)


def test_says_that_there_is_no_room(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_all", full)
    with pytest.raises(FullError):
        files.add(io.BytesIO(DATA), sha256=SHA256, size=len(DATA))

    assert [] == names(files)


@pytest.mark.parametrize("name", ["", "../ledger.mdb", "0" * 63, "A" * 64, "0" * 64 + "\n"])
def test_takes_no_name_that_is_no_hash(files: Files, name: str) -> None:
    with pytest.raises(NotFoundError):
        files.path(name)
    with pytest.raises(NotFoundError):
        files.add(io.BytesIO(DATA), sha256=name, size=len(DATA))


def test_knows_no_file_that_is_not_there(files: Files) -> None:
    assert files.size(SHA256) is None
    with pytest.raises(NotFoundError) as refusal:
        files.path(SHA256)

    assert f"file {SHA256}" == refusal.value.what


def test_removes_what_a_crash_left(files: Files) -> None:
    files.add(io.BytesIO(DATA), sha256=SHA256, size=len(DATA))
    (files.folder / ".new-0123").write_bytes(b"half")
    files.clean()

    assert [SHA256] == names(files)
