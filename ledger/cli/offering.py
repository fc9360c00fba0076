"""The command that offers an entry to an outsider, to check and to answer: offer."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.cli.context import DONE, Context
from ledger.cli.parsing import command
from ledger.cli.proving import stamp_option
from ledger.cli.sources import add_source, open_provable, provable_id
from ledger.date_words import format_when
from ledger.dates import parse_when
from ledger.errors import DateError
from ledger.evidence import Provable, prove
from ledger.making import making
from ledger.offer import Offer, format_page
from ledger.outputs.files import write_files
from ledger.sentences import event_words
from ledger.wording import field_words
from verify.entry import parse_entry
from verify.events import event_id as id_of
from verify.events import parse_event, references
from verify.evidence import EVIDENCE_FILE, Evidence, parse_evidence
from verify.kinds import Event, Opening

if TYPE_CHECKING:
    from argparse import _SubParsersAction

__all__ = ["add"]

_PAGE = "index.html"


def add(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command to the command line."""
    offering = command(
        commands, "offer", "make evidence and a page for an outsider, to check and to answer",
        _offer,
        "offer ledger 3c918f3d -o for-the-ministry",
        "offer ledger 3c918f3d --without person.1 -o for-the-ministry",
        more="What is limited to some parties stays closed, in the page too.",
    )  # fmt: skip
    add_source(offering)
    offering.add_argument("id", help="the event's id, or its first digits")
    offering.add_argument("-o", "--output", required=True, metavar="DIR", help="the folder to make")
    offering.add_argument(
        "--without", action="append", default=[], metavar="CLAIM",
        help="leave this claim closed (such as person.1); again for each",
    )  # fmt: skip
    stamp_option(offering)


def _offer(arguments: Namespace, context: Context) -> int:
    with open_provable(context, arguments) as ledger:
        event_id = provable_id(ledger, arguments.id)
        stamps = [provable_id(ledger, given) for given in dict.fromkeys(arguments.stamp)]
        data = prove(ledger, [event_id], stamps=stamps, without=frozenset(arguments.without))
        origin, fingerprint = ledger.state().charter.origin, ledger.fingerprint
        evidence = parse_evidence(data)
        (entry,) = (bytes(one.entry) for one in evidence.entries if one.shown == "yes")
        event = _event_in(entry, event_id)
        what = event_words(event, _named(event, ledger))
    page = format_page(
        Offer(
            origin=origin,
            fingerprint=fingerprint,
            event_id=event_id,
            author=event.author,
            what=what,
            texts=tuple(_texts(event, evidence)),
            evidence=EVIDENCE_FILE,
        )
    )
    folder = Path(arguments.output)
    with making(folder) as beside:
        write_files({beside / EVIDENCE_FILE: data, beside / _PAGE: page})
    context.answer(
        {
            "event": event_id,
            "files": [EVIDENCE_FILE, _PAGE],
            "fingerprint": fingerprint,
            "folder": str(folder),
        },
        f"Wrote {folder}: {_PAGE}, to be read first, and {EVIDENCE_FILE}\n"
        f"Give the fingerprint another way, by telephone or letter: {fingerprint}",
    )
    return DONE


@dataclass(frozen=True, slots=True)
class _Named:
    """An event that the offered one refers to, at its place."""

    index: int
    event: Event


def _named(event: Event, ledger: Provable) -> dict[str, _Named]:
    """Return the events that `event` refers to, by id: the sentence says which kind they are."""
    found = {}
    for _, ref in references(event):
        index = ledger.index_of(bytes.fromhex(ref))
        if index is not None:
            found[ref] = _Named(index, _event_in(ledger.entry(index), ref))
    return found


def _event_in(entry: bytes, wanted: str) -> Event:
    """Return the event with this id, which an entry holds: itself, or within an opening."""
    octets = parse_entry(entry).event
    event = parse_event(octets)
    nested = event.event if isinstance(event, Opening) else None
    return event if nested is None or id_of(octets).hex() == wanted else nested


def _texts(event: Event, evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Yield the dates, the texts that the evidence opens, and the names of files."""
    claims = {
        name: one.value for line in evidence.disclosures or () for name, one in line.claims.items()
    }
    for role, date in (event.dates or {}).items():
        phrase = claims.pop(f"phrase_{role}", None)
        words = phrase if isinstance(phrase, str) else None
        try:
            told = format_when(parse_when(date.edtf, basis=date.basis, phrase=words))
        except DateError:  # no rule keeps it out: what it says is shown as it stands
            told = date.edtf if words is None else f"{words} ({date.edtf})"
        yield field_words(f"dates.{role}"), told
    for name, value in sorted(claims.items()):
        yield field_words(f"claims.{name}"), value if isinstance(value, str) else value.name
