"""What a certificate is about, named by its octets: files as they were read, and folders."""

import hashlib

from verify.certificate import Received, listing_hash
from verify.folder import Folder

__all__ = ["of_file", "of_folder"]

_BLOCK = 1 << 20


def of_file(name: str, data: bytes) -> Received:
    """Return what was received as a file with these octets."""
    return Received(name, len(data), hashlib.sha256(data).hexdigest())


def of_folder(name: str, folder: Folder) -> Received:
    """Return what was received as a folder; no link in it is followed.

    Raises:
        OSError: A file in it cannot be read.
    """
    sizes = {path: folder.size(path) for path in folder.paths()}
    files = [(path, size) for path, size in sizes.items() if size is not None]
    hashes = [(path, _sha256(folder, path, size)) for path, size in files]
    return Received(name, sum(size for _, size in files), listing_hash(hashes), len(files))


def _sha256(folder: Folder, path: str, size: int) -> str:
    state = hashlib.sha256()
    for start in range(0, size, _BLOCK):
        state.update(folder.read(path, start, min(start + _BLOCK, size)))
    return state.hexdigest()
