"""Where an export is read from: the one door between the audit and the outside.

`folder` opens it on a directory; `MappingSource` on octets in memory.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

__all__ = ["MappingSource", "Source"]


class Source(Protocol):
    """The files of an export, by their relative paths."""

    def paths(self) -> Iterable[str]:
        """Return the path of everything there is, separated by "/"."""

    def size(self, path: str) -> int | None:
        """Return a regular file's size in octets; None if there is no such file."""

    def read(self, path: str, start: int = 0, stop: int | None = None) -> bytes:
        """Return the octets [start, stop) of a file that there is, to its end by default."""


class MappingSource:
    """An export in memory."""

    __slots__ = ("_files",)

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Take the octets of each path."""
        self._files = files

    def paths(self) -> Iterable[str]:
        """Return every path."""
        return tuple(self._files)

    def size(self, path: str) -> int | None:
        """Return a file's size in octets; None if there is no such file."""
        return len(self._files[path]) if path in self._files else None

    def read(self, path: str, start: int = 0, stop: int | None = None) -> bytes:
        """Return the octets [start, stop) of a file."""
        return self._files[path][start:stop]
