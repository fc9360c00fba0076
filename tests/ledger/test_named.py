"""Files that nothing names: found, whatever is recorded meanwhile, and never one that is named."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.errors import StoreError
from ledger.files import Kept
from ledger.ledger import Ledger
from ledger.named import files_of, leftovers
from tests.ledger.builder import (
    Clock,
    NewEvent,
    Party,
    found_ledger,
    new_event,
    sign_document,
    submit,
)

ALPHA = Party("alpha", 1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with found_ledger(tmp_path / "ledger", ALPHA)[0] as opened:
        yield opened


def keep(ledger: Ledger, content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    ledger.add_file(io.BytesIO(content), sha256=sha256, size=len(content))
    return sha256


def naming(*contents: bytes, withheld: tuple[str, ...] = ()) -> NewEvent:
    claims: dict[str, object] = {"title": "With files"}
    for number, content in enumerate(contents, 1):
        claims[f"file.{number}"] = {
            "media_type": "text/plain",
            "name": "a",
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(content),
        }
    return new_event("alpha", "communication/v1", channel="email", claims=claims, withheld=withheld)


def left(ledger: Ledger, **options: int) -> list[str]:
    return sorted(kept.sha256 for kept in leftovers(ledger, **options))


def test_a_ledger_without_files_has_none_left_over(ledger: Ledger) -> None:
    assert [] == left(ledger)
    (ledger.path / "files").rmdir()
    assert [] == left(ledger)


def test_finds_what_no_disclosure_names_with_size_and_time(ledger: Ledger) -> None:
    named = [b"one", b"two", b"three"]
    for content in named:
        keep(ledger, content)
    submit(ledger, naming(*named[:2]), naming(named[2]))
    orphan = keep(ledger, b"orphan")
    os.utime(ledger.file_path(orphan), ns=(0, 1_234_567_890))

    assert [Kept(orphan, 6, 1234)] == list(leftovers(ledger))


@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
def test_finds_the_same_however_many_it_holds_at_once(ledger: Ledger, at_once: int) -> None:
    contents = [b"%d" % n for n in range(7)]
    names = [keep(ledger, content) for content in contents]
    submit(ledger, naming(*contents[::2]))

    assert sorted(names[1::2]) == left(ledger, at_once=at_once)


def test_a_file_whose_claim_is_withheld_is_left_over_until_it_is_handed_over(
    ledger: Ledger,
) -> None:
    sha256 = keep(ledger, b"later")
    event = naming(b"later", withheld=("file.1",))
    submit(ledger, event)

    assert [sha256] == left(ledger)
    hand_over(ledger, event)
    assert [] == left(ledger)


def hand_over(ledger: Ledger, event: NewEvent) -> None:
    opening = new_event("alpha", "opening/v1", of=event.id.hex(), names=["file.1"])
    texts = [[event.disclosures["file.1"]]]
    ledger.submit(sign_document(ledger, ALPHA, [opening], disclosures=texts))


def test_what_is_named_while_it_looks_is_not_left_over(ledger: Ledger) -> None:
    early = naming(b"early", withheld=("file.1",))
    submit(ledger, early, *(naming() for _ in range(300)))
    keep(ledger, b"early")
    keep(ledger, b"new")
    orphan = keep(ledger, b"orphan")
    asked = 0

    class Recording(Ledger):
        """Records behind the back of whoever reads, where the reading has passed already."""

        def disclosed(self, start: int = 0) -> Iterator[tuple[int, tuple[str, ...]]]:
            nonlocal asked
            asked += 1
            yield from super().disclosed(start)
            hand_over(self, early)
            submit(self, naming(b"new"))

    ledger.close()
    with Recording.open(ledger.path, clock=Clock()) as recording:
        assert [orphan] == left(recording)
    assert 1 == asked


def test_counts_only_plain_files_that_are_whole(ledger: Ledger, tmp_path: Path) -> None:
    folder = ledger.path / "files"
    (folder / ("0" * 64)).mkdir()
    (folder / ("1" * 64)).symlink_to(tmp_path / "elsewhere")
    os.mkfifo(folder / ("2" * 64))
    (folder / ".new-0123").write_bytes(b"half")
    (folder / "notes.txt").write_bytes(b"somebody's own")

    assert [] == left(ledger)


def test_says_that_the_folder_cannot_be_read(ledger: Ledger) -> None:
    (ledger.path / "files").rmdir()
    (ledger.path / "files").write_bytes(b"")
    with pytest.raises(StoreError):
        left(ledger)


def test_names_the_files_of_disclosures() -> None:
    event = naming(b"one", b"two")

    assert [3, 3] == [file.size for file in files_of(event.disclosures.values())]
    assert [] == list(files_of(naming().disclosures.values()))
