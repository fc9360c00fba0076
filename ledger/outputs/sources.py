"""The documents that stand behind an event: its own files, and those that others say evidence it.

Nothing here reads a file: a document is named by the SHA-256 that its party signed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ledger.folds.reading import Reading
from ledger.sentences import other_words
from ledger.view import Told
from verify.claims import File
from verify.kinds import Account

__all__ = ["Source", "Sources"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A document.

    Attributes:
        seq: The index of the entry that names it.
        ref: The id of the event that names it.
        name: The file's name; of what is no file, words for it.
        locator: Where in it, in its author's words: "sentence 2"; None if that is not told.
        media_type: The file's media type; None of what is no file.
        size: The file's size in octets; None of what is no file.
        sha256: The file's SHA-256, 64 hex digits; None of what is no file.
    """

    seq: int
    ref: str
    name: str
    locator: str | None
    media_type: str | None = None
    size: int | None = None
    sha256: str | None = None

    @property
    def text(self) -> str:
        """The document for people: "letter.pdf (page 2), entry 13"."""
        # What is no file is named by its entry, or by the event itself.
        name = self.name if self.sha256 is None else f"{self.name}, entry {self.seq}"
        return f"{name} ({self.locator})" if self.locator else name


class Sources:
    """Which documents stand behind which event."""

    def __init__(self, reading: Reading) -> None:
        """Read the links of a reading once."""
        self._by_id = reading.view.by_id
        self._behind: dict[str, list[tuple[Told, str | None]]] = {}
        for told in reading.view.told:
            if told.id in reading.stances.withdrawn or reading.later(told):
                continue
            for event_id, locator in _stands_behind(told):
                self._behind.setdefault(event_id, []).append((told, locator))

    def of(self, told: Told) -> tuple[Source, ...]:
        """Return the documents behind an event: its own first, then by entry."""
        locator = told.text("locator")
        found = list(_files(told, locator))
        if not found and (name := told.text("source") or told.text("reference")) is not None:
            # In its author's words.
            found.append(Source(seq=told.index, ref=told.id, name=name, locator=locator))
        enclosed = [
            (each, None)
            for link in told.event.links or ()
            if link.rel == "encloses" and (each := self._by_id.get(link.event)) is not None
        ]
        for each, where in (*enclosed, *self._behind.get(told.id, ())):
            files = tuple(_files(each, where or each.text("locator")))
            named = Source(
                seq=each.index,
                ref=each.id,
                name=other_words(each.id, self._by_id),
                locator=locator or where if isinstance(each.event, Account) else where,
            )
            found.extend(files or (named,))
        return tuple(dict.fromkeys(found))


def _stands_behind(told: Told) -> Iterator[tuple[str, str | None]]:
    """Yield the events that one is evidence of, and where in it they stand."""
    for link in told.event.links or ():
        if link.rel in {"evidences", "minutes_of"} and link.ledger is None:
            yield link.event, None
    if isinstance(told.event, Account):
        for sentence in told.event.sentences or ():
            for event_id in sentence.events or ():
                yield event_id, f"sentence {sentence.number}"


def _files(told: Told, locator: str | None) -> Iterator[Source]:
    for name, value in sorted(told.claims.items()):
        if isinstance(value, File) and name.partition(".")[0] == "file":
            yield Source(
                seq=told.index,
                ref=told.id,
                name=value.name,
                locator=locator,
                media_type=value.media_type,
                size=value.size,
                sha256=value.sha256,
            )
