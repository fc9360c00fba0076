"""What a certificate is about, named by its octets: files as they were read, and folders."""

import hashlib
from collections.abc import Callable, Iterator

from verify.certificate import Received, listing_hash
from verify.folder import Folder

__all__ = ["of_file", "of_folder"]

_BLOCK = 1 << 20


def of_file(name: str, data: bytes) -> Received:
    """Return what was received as a file with these octets."""
    return Received(name, len(data), hashlib.sha256(data).hexdigest())


def of_folder(name: str, folder: Folder, progress: Callable[[int, int], None]) -> Received:
    """Return what was received as a folder; no link in it is followed.

    Args:
        name: What it is called.
        folder: Where it is.
        progress: Told how many of how many octets are read.

    Raises:
        OSError: A file in it cannot be read.
    """
    sizes = {path: folder.size(path) for path in folder.paths()}
    files = [(path, size) for path, size in sizes.items() if size is not None]
    octets = sum(size for _, size in files)
    hashes, done, told = [], 0, 0
    for path, size in files:
        state = hashlib.sha256()
        for block in _blocks(folder, path, size):
            state.update(block)
            done += len(block)
            if done - told >= _BLOCK or done == octets:
                progress(done, octets)
                told = done
        hashes.append((path, state.hexdigest()))
    return Received(name, octets, listing_hash(hashes), len(files))


def _blocks(folder: Folder, path: str, size: int) -> Iterator[bytes]:
    return (folder.read(path, start, min(start + _BLOCK, size)) for start in range(0, size, _BLOCK))
