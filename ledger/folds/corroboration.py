"""What an event rests on beside its author's word: its original, and what others bear out.

**The original** is the event's first file (`file.1`; further files came with it), or the first
file of an artefact that its author put in as evidence or minutes of it. It counts where its octets
are of a kind that is not a print or retyped: mail as it was received, what a word processor or a
recorder wrote. A PDF or a picture may be a scan of paper, and counts as one: from an artefact that
says who keeps the paper (`custodian`) and where (an open `address`). A file that is withheld,
erased, empty or not for this reader counts for nothing, nor does one by a disowned key.

**What bears it out** is what the author does not control, and only as far as it proves anything:

    the same file by the other side      what it said; not when, nor that it was sent
    a time stamp by a trusted authority  what it said: that the file existed then, in time
    a delivery log of the other side     that it happened, and when it was received
    a public record, with its octets,
    that the other side shows or admits  a date: an outer bound of it
    the sender's mail server (DKIM)      that it happened, who, when sent, what it said: as far
                                         as it covers these; never that it was received

The other side's file counts if that party had it before it could have taken it from the ledger,
where any event may have shown it.
A signature of a mail server counts if it was checked (`View.mails`), with a key that the other side
recorded or that the reader gave: who records a key of its own making forges any mail. What the
sender itself tells of its own mail, its own server cannot bear out.

What the author itself attests, and what a party attests that has no part in the event, is noted
and bears out nothing: whoever has two parties, or a friend, would bear out anything.

Source: domain, "Evidence grades", "What each corroborator proves".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from ledger.dates import When, is_before, parse_when
from ledger.errors import DateError
from ledger.folds.moments import date_of
from ledger.folds.reading import Reading
from ledger.folds.sides import Element, Sides
from ledger.view import SignedMail, Told
from verify.brackets import format_time_s
from verify.claims import File
from verify.kinds import (
    Account,
    Agreement,
    Arrangement,
    Artefact,
    Attestation,
    Commitment,
    Communication,
    Event,
    Meeting,
    Request,
    Step,
    Transfer,
)

__all__ = ["Backing", "Original", "Support", "backing_of", "original_words"]

_DAY_S: Final = 86_400
_EPOCH: Final = dt.date(1970, 1, 1)
_MAIL: Final = frozenset(("application/vnd.ms-outlook", "message/rfc822"))
_WRITTEN: Final = frozenset(
    (
        *("application/msword", "application/rtf", "application/vnd.ms-excel"),
        *("application/vnd.ms-powerpoint", "application/vnd.oasis.opendocument.presentation"),
        *("application/vnd.oasis.opendocument.spreadsheet", "text/csv"),
        "application/vnd.oasis.opendocument.text",
        *(
            f"application/vnd.openxmlformats-officedocument.{kind}"
            for kind in (
                *("presentationml.presentation", "spreadsheetml.sheet"),
                "wordprocessingml.document",
            )
        ),
    )
)
_RECORDED: Final = ("audio/", "video/")
_PICTURED: Final = ("application/pdf", "image/")
_SHORT: Final = 12

_SAID: Final = frozenset[Element](("said",))
_OF_MAIL: Final = frozenset[Element](("happened", "who", "sent", "said"))
_OF_OTHERS: Final[dict[type[Event], frozenset[Element]]] = {
    Account: frozenset(("happened", "who", "said")),
    Agreement: frozenset(("happened", "who", "said")),
    Arrangement: frozenset(("happened", "who", "said")),
    Artefact: frozenset(("happened", "said")),
    Commitment: frozenset(("happened", "who", "said")),
    Communication: frozenset(("happened", "who", "said")),
    Meeting: frozenset(("happened", "who", "said")),
    Request: frozenset(("happened", "who", "said")),
    Step: frozenset(("happened", "who", "said")),
    # A data set shows what it holds, and not that anybody passed it on.
    Transfer: frozenset(("said",)),
}
"""What a document shows. Only mail bears the day on which it was sent, and nothing that it came."""


class Original(NamedTuple):
    """An original: the event that holds it, the file, and which elements it shows."""

    held_by: Told
    file: File
    elements: frozenset[Element]


class Support(NamedTuple):
    """Something that the author does not control: which elements it bears out, and in words."""

    elements: frozenset[Element]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Backing:
    """What an event rests on beside its author's word.

    Attributes:
        originals: The originals.
        supports: What bears it out; of no weight where there is no original.
        notes: What looks as if it bore it out, and why it does not.
    """

    originals: tuple[Original, ...]
    supports: tuple[Support, ...]
    notes: tuple[str, ...]


_NOTHING: Final = Backing(originals=(), supports=(), notes=())


def backing_of(reading: Reading, told: Told, sides: Sides) -> Backing:
    """Find the originals of an event, and what bears it out.

    Args:
        reading: The view.
        told: The event.
        sides: Its sides.
    """
    if told.disowned or told.id in reading.stances.withdrawn:
        return _NOTHING
    originals = tuple(_originals(reading, told))
    supports: list[Support] = []
    notes: list[str] = []
    for found in _corroborations(reading, told, originals, sides):
        if isinstance(found, Support):
            supports.append(found)
        else:
            notes.append(found)
    return Backing(originals=originals, supports=tuple(supports), notes=tuple(notes))


def original_words(original: Original) -> str:
    """Say what an original is: its name, its hash, and where it is if not in the event itself."""
    file = original.file
    return f"its original is here, {file.name} (SHA-256 {file.sha256[:_SHORT]}…)"


# Originals


def _originals(reading: Reading, told: Told) -> Iterator[Original]:
    if type(told.event) not in _OF_OTHERS:
        return  # what somebody knew, or holds: no document shows it
    exhibits = (
        each
        for each in reading.exhibits.get(told.id, ())
        if each.author == told.author and _stands(reading, each)
    )
    for each in (told, *exhibits):
        file = each.claims.get("file.1")
        if isinstance(file, File) and file.size and _is_original(each, file, of=told):
            mail = file.media_type in _MAIL
            elements = _OF_MAIL if mail else _OF_OTHERS[type(told.event)]
            yield Original(each, file, elements)


def _is_original(holder: Told, file: File, *, of: Told) -> bool:
    kind = file.media_type
    if isinstance(of.event, Communication) and of.event.channel in {"email", "message"}:
        return kind in _MAIL  # anything else is a print of it, or what somebody typed
    if kind in _MAIL | _WRITTEN or kind.startswith(_RECORDED):
        return True
    if not kind.startswith(_PICTURED) or not isinstance(holder.event, Artefact):
        return False
    kept = holder.event.custodian not in {None, "unknown"}
    return kept and any(name.startswith("address") for name in holder.claims)


def _stands(reading: Reading, told: Told) -> bool:
    return not told.disowned and told.id not in reading.stances.withdrawn


# What bears them out


def _corroborations(
    reading: Reading, told: Told, originals: tuple[Original, ...], sides: Sides
) -> Iterator[Support | str]:
    others = sides.apart
    for original in originals:
        yield from _same_file(reading, original, others)
        yield from _stamped(reading, told, original)
    for each in reading.evidence.get(told.id, ()):
        if not each.disowned:
            yield from _attested(reading, told, each, others)
            yield from _mailed(reading, told, each, sides)


def _same_file(
    reading: Reading, original: Original, others: frozenset[str]
) -> Iterator[Support | str]:
    """Look for the same octets, by the other side."""
    sha256 = original.file.sha256
    for party, each in reading.holders[sha256].items():
        if party not in others:
            continue
        words = f"{party} recorded the same file (entry {each.index})"
        held = each.index if each.sealed_at is None else each.sealed_at
        # Whatever event showed it first: an exhibit before the letter will do to copy from.
        if held < reading.file_shown_from(sha256, party=party):
            yield Support(_SAID & original.elements, words)
        else:
            yield f"{words}, when it could be had here"


def _stamped(reading: Reading, told: Told, original: Original) -> Iterator[Support]:
    """Look for an authority's time stamp over the entry that commits to the original, in time."""
    stamps = (stamp for stamp in reading.view.stamps if stamp.size > original.held_by.index)
    stamp = min(stamps, key=lambda stamp: stamp.by_s, default=None)
    when = reading.when(told.id)
    if stamp is None or when is None or when.latest is None:
        return
    # A clock may say anything, also what is beyond the calendar.
    days = min(stamp.by_s // _DAY_S, (dt.date.max - _EPOCH).days) - (when.latest - _EPOCH).days
    if days <= reading.view.charter_at(told.index).contemporaneous_days:
        words = f"stamped by {stamp.authority}, which you trust, at {format_time_s(stamp.by_s)}"
        yield Support(_SAID & original.elements, words)


def _attested(
    reading: Reading, told: Told, each: Told, others: frozenset[str]
) -> Iterator[Support | str]:
    """Weigh an attestation about the event."""
    event = each.event
    if not isinstance(event, Attestation) or event.type not in {"delivery_log", "public_record"}:
        return
    file = each.claims.get("file.1")
    what = f"a {event.type.replace('_', ' ')} (entry {each.index})"
    if not isinstance(file, File) or not file.size:
        yield f"{each.author} names {what} and does not show it"
    elif event.type == "delivery_log":
        if each.author not in others:
            yield f"{each.author} shows {what} of its own"
            return
        dated = _borne_out(told, each, "received")
        elements = frozenset[Element](("happened", *dated))
        yield Support(elements, f"{each.author} shows {what}")
    elif not any(name.startswith("url") for name in each.claims):
        yield f"{each.author} shows {what} and not where it is public"
    elif others.isdisjoint(_vouching(reading, each)):
        # Nothing here can ask whether the page ever was there: anybody can write one.
        yield f"{each.author} shows {what}, which the other side has not admitted"
    else:
        dates = frozenset((*_borne_out(told, each, "sent"), *_borne_out(told, each, "received")))
        if dates:
            yield Support(dates, f"{each.author} shows {what}, which bounds the date")


def _vouching(reading: Reading, each: Told) -> frozenset[str]:
    """Return the parties that put outside evidence in, or admit it by keys that nobody disowns."""
    standing = {told.author for told, _ in reading.stances.on.get(each.id, ()) if not told.disowned}
    return reading.stances.signers(each) & (standing | {each.author})


def _mailed(reading: Reading, told: Told, each: Told, sides: Sides) -> Iterator[Support | str]:
    """Weigh the signatures of mail servers with keys that an attestation records."""
    if not isinstance(told.event, Communication) or not isinstance(each.event, Attestation):
        return
    if each.event.type in {"arc", "opentimestamps"} or (
        each.event.type == "dkim" and each.id not in reading.view.mails
    ):
        yield f"{each.author} brings {each.event.type} (entry {each.index}), which was not checked"
    for mail in reading.view.mails.get(each.id, ()):
        covers = f"DKIM d={mail.domain} covers {', '.join(mail.covers)}"
        if told.author in sides.doers:
            yield f"{covers}; but by {told.author}'s own server"
        elif not mail.own:
            yield f"{covers}; but From is of another domain"
        elif mail.trusted:
            yield Support(_covered(told, mail), f"{covers}; by a key that you gave")
        elif each.author in sides.apart:
            words = f"{covers}; key recorded by {each.author} (entry {each.index}), "
            yield Support(_covered(told, mail), words + _since(reading, each))
        else:
            yield f"{covers}; but by a key on the word of {each.author} (entry {each.index})"


def _covered(told: Told, mail: SignedMail) -> frozenset[Element]:
    """Return the elements of which a mail server signed all that a mail shows of them."""
    signed = set(mail.covers)
    found: set[Element] = set()
    if {"From", "body"} <= signed:
        found.add("happened")
    if {"From", "To"} <= signed:
        found.add("who")
    if {"Subject", "body"} <= signed:
        found.add("said")
    sent = date_of(told, "sent")
    if "Date" in signed and sent is not None and _is_day_of(mail.day, sent):
        found.add("sent")
    return frozenset(found)


def _is_day_of(day: str, when: When) -> bool:
    try:
        return _fit(when, parse_when(day, basis="stated"))
    except DateError:
        return False


def _since(reading: Reading, each: Told) -> str:
    """Say since when a key is on record: later, anybody may have got hold of its other half."""
    by_s = reading.view.bracket(each).by_s
    if by_s is not None:
        return f"which existed by {format_time_s(by_s)}"
    return f"recorded {format_time_s(each.recorded // 1000)} by the operator's clock"


def _borne_out(told: Told, each: Told, element: Element) -> tuple[Element, ...]:
    """Return the element if outside evidence gives a date of it that fits the one told."""
    for role in ("sent", "dated") if element == "sent" else ("received",):
        ours, theirs = date_of(told, role), date_of(each, role)
        if ours is not None and theirs is not None and _fit(ours, theirs):
            return (element,)
    return ()


def _fit(ours: When, theirs: When) -> bool:
    return "yes" not in {is_before(ours, theirs), is_before(theirs, ours)}
