"""An export on disk: the one module of the kernel that reads files.

Only regular files are read, and a symbolic link is not one: nothing outside the folder is opened.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from itertools import accumulate
from pathlib import Path

__all__ = ["Beside", "Folder"]


class Folder:
    """A folder that holds an export."""

    __slots__ = ("_path",)

    def __init__(self, path: str | Path) -> None:
        """Take the folder's path; nothing is read yet."""
        self._path = Path(path)

    def paths(self) -> Iterable[str]:
        """Return the path of everything below the folder that is no folder, "/" between parts."""
        found: list[str] = []
        for base, folders, files in os.walk(self._path, followlinks=False):
            prefix = Path(base).relative_to(self._path).as_posix()
            names = [*files, *(f for f in folders if (Path(base) / f).is_symlink())]
            found += [name if prefix == "." else f"{prefix}/{name}" for name in names]
        return found

    def size(self, path: str) -> int | None:
        """Return a regular file's size in octets; None if there is no such file."""
        try:
            if not self._is_inside(path):
                return None
            status = os.lstat(self._path / path)
        except (OSError, ValueError):
            return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def _is_inside(self, path: str) -> bool:
        """Tell whether no folder on the way to a path is a link, which `paths` does not follow."""
        parts = path.split("/")[:-1]
        ways = accumulate(parts, lambda way, part: f"{way}/{part}")
        return all(stat.S_ISDIR(os.lstat(self._path / way).st_mode) for way in ways)

    def read(self, path: str, start: int = 0, stop: int | None = None) -> bytes:
        """Return the octets [start, stop) of a file that there is."""
        descriptor = os.open(self._path / path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            file.seek(start)
            return file.read() if stop is None else file.read(stop - start)


class Beside(Folder):
    """The files that came with an evidence file, as an export would have them."""

    __slots__ = ()

    def paths(self) -> Iterator[str]:
        """Return the path of everything in the folder, as below `files/`."""
        return (f"files/{name}" for name in super().paths())

    def size(self, path: str) -> int | None:
        """Return a file's size in octets, by its path below `files/`; None if there is none."""
        return super().size(path.removeprefix("files/"))

    def read(self, path: str, start: int = 0, stop: int | None = None) -> bytes:
        """Return octets of a file, by its path below `files/`."""
        return super().read(path.removeprefix("files/"), start, stop)
