"""Which files the disclosures of a ledger name, and which files nothing names.

A file comes before the submission that names it. If that never comes, or the process that waited
for it ends, the file is left over: it is found here. When it goes is for whoever serves to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from ledger.files import Kept
from ledger.ledger import Ledger
from verify.claims import File, parse_disclosure
from verify.entry import parse_entry
from verify.events import parse_event
from verify.kinds import Opening

__all__ = ["files_of", "leftovers"]

_AT_ONCE = 1 << 16


def files_of(disclosures: Iterable[str]) -> Iterator[File]:
    """Yield the files that disclosures name."""
    for text in disclosures:
        value = parse_disclosure(text).value
        if isinstance(value, File):
            yield value


def leftovers(ledger: Ledger, *, at_once: int = _AT_ONCE) -> Iterator[Kept]:
    """Yield the files of an open ledger that no disclosure names, in no order.

    Of each it is certain that nothing named it that was recorded before it was yielded. What is
    recorded afterwards may name it: a submission finds its files before it has its place, so who
    removes files must keep submissions from being judged between asking here and removing.

    Every `at_once` files cost one reading of all disclosures, and memory for so many.

    Args:
        ledger: The ledger.
        at_once: How many files are compared with the disclosures at once.

    Raises:
        StoreError: The files or the store cannot be read.
    """
    kept = ledger.kept_files()
    while some := {file.sha256: file for file in islice(kept, at_once)}:
        size = ledger.size()
        for _, texts in ledger.disclosed():
            _strike(some, texts)
        # What came meanwhile may have been put where the reading had passed already.
        while size < (size_now := ledger.size()):
            for index in range(size, size_now):
                _strike(some, ledger.disclosures(_place(ledger, index)))
            size = size_now
        yield from some.values()


def _strike(files: dict[str, Kept], disclosures: Iterable[str]) -> None:
    for file in files_of(disclosures):
        files.pop(file.sha256, None)


def _place(ledger: Ledger, index: int) -> int:
    """Return at which entry the disclosures stand that came with the entry at `index`."""
    event = parse_event(parse_entry(ledger.entry(index)).event)
    if not isinstance(event, Opening) or event.names is None:
        return index
    found = ledger.index_of(bytes.fromhex(event.of))
    if found is None:
        raise AssertionError("the rules have resolved every reference")
    return found
