"""Folders for others to read, which appear whole or not at all: see `making`."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ledger.making import room_beside
from ledger.private import sync_folder

__all__ = ["NewFolder", "new_folder"]


class NewFolder:
    """A folder that is not in its place yet.

    Attributes:
        path: Where it is meanwhile.
    """

    def __init__(self, path: Path) -> None:
        """Fill the empty folder `path`."""
        self.path = path

    def clear(self) -> None:
        """Remove what is in it."""
        shutil.rmtree(self.path)
        self.path.mkdir()

    @contextlib.contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        """Write a new file, with the folders above it, and bring its octets to disk.

        Raises:
            OSError: It is there already, or cannot be written.
        """
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[NewFolder]:
    """Make the folder `path`, which takes its place when the block ends well.

    Whatever else ends the block leaves nothing behind, but a kill: what that leaves goes with the
    next making of the same folder.

    Raises:
        StoreError: Another process is making it, or something is in the way beside it.
        OSError: Something is there already (an empty folder does no harm), or it cannot be made.
    """
    if not path.name:  # nothing can be beside it, and `.` is somebody's who works in it
        raise FileExistsError(0, "is there already")
    if os.path.lexists(path) and (path.is_symlink() or not path.is_dir() or os.listdir(path)):  # noqa: PTH208 - says why a folder cannot be read
        raise FileExistsError(0, "is there already")
    with room_beside(path) as beside:
        # One folder more, which has the mode that this account gives to folders.
        folder = beside / "new"
        folder.mkdir()
        yield NewFolder(folder)
        for each in sorted(folder.rglob("*/"), reverse=True):
            sync_folder(each)
        sync_folder(folder)
        folder.rename(path)
    sync_folder(path.parent)
