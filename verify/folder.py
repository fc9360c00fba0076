"""An export on disk: the one module of the kernel that reads files.

Only regular files are read, and a symbolic link is not one: nothing outside the folder is opened.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

__all__ = ["Beside", "Folder"]


class Folder:
    """A folder that holds an export."""

    __slots__ = ("_inside", "_path")

    def __init__(self, path: str | Path) -> None:
        """Take the folder's path; nothing is read yet."""
        self._path = Path(path)
        self._inside: dict[str, bool] = {}  # of folders below: they are looked at once

    def __reduce__(self) -> tuple[type[Self], tuple[Path]]:
        """Cross to another process by the path alone."""
        return type(self), (self._path,)

    def paths(self) -> Iterable[str]:
        """Return the path of everything below the folder that is no folder, "/" between parts."""
        return [path for path, _ in self._walk(pass_over=True)]

    def state(self) -> dict[str, tuple[int, int, int]]:
        """Return what is another once something in the folder is: size and times of each path.

        Raises:
            OSError: A folder cannot be listed: no ledger is invalid for that.
        """
        found = {}
        for path, entry in self._walk(pass_over=False):
            status = entry.stat(follow_symlinks=False)
            found[path] = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        return found

    def _walk(self, *, pass_over: bool) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
        # Not by `os.walk`, which takes a step of the stack for each folder in a folder.
        waiting = [""]
        while waiting:
            base = waiting.pop()
            try:
                with os.scandir(self._path / base) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(f"{base}{entry.name}/")
                        else:
                            yield f"{base}{entry.name}", entry
            except OSError:
                if not pass_over:
                    raise

    def size(self, path: str) -> int | None:
        """Return a regular file's size in octets; None if there is no such file."""
        try:
            if not self._is_inside(path.rpartition("/")[0]):
                return None
            status = os.lstat(self._path / path)
        except (OSError, ValueError):
            return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def _is_inside(self, base: str) -> bool:
        """Tell whether a folder below is one, and none on the way to it a link."""
        ways = []
        while base and base not in self._inside:
            ways.append(base)
            base = base.rpartition("/")[0]
        inside = self._inside.get(base, True)
        for way in reversed(ways):
            inside = inside and stat.S_ISDIR(os.lstat(self._path / way).st_mode)
            self._inside[way] = inside
        return inside

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
