"""Mail events: one mail becomes one `communication/v1`, with the mail itself as its first file.

Addresses become parties only through the table that the user gives (`parties.yaml`); whoever it
does not know is named in a sealed claim and reported, never guessed. Dates are what the mail
states: the Date field, and the time that the topmost Received field names. Neither is proven.

    counterfoil: parties/v1
    addresses:
      blaby.gov.uk: blaby                 # a domain and its subdomains
      leader@rutland.gov.uk: rutland/leader
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from msgspec import inspect

from ledger.chance import Random
from ledger.compose import Composed, FileClaim, compose, file_claim
from ledger.dates import parse_when
from ledger.draft_values import Place, Values, check_known, mapping_of
from ledger.errors import ComposeError, DateError, DraftError, MailError
from ledger.handwritten import MAX_OCTETS, PlainError, read_yaml
from ledger.mail import Address, Mail, parties_of
from verify.claims import File
from verify.codec import Actor

__all__ = ["PARTIES_TYPE", "MailEvent", "compose_mail", "message_hash", "read_parties"]

PARTIES_TYPE: Final = "parties/v1"
_MAX_ACTORS: Final = 64
_MAX_CLAIMS: Final = 300  # each sealed claim takes some 80 of an event's 32,768 octets
_ACTOR: Final = inspect.type_info(Actor)
_ADDRESS: Final = re.compile(r"[^\s@]*@?[^\s@]+")


class MailEvent(NamedTuple):
    """A mail as an event, and what the user should know about it."""

    composed: Composed
    notes: tuple[str, ...]


def read_parties(path: Path) -> dict[str, str]:
    """Read the table of addresses and domains.

    Raises:
        DraftError: The file cannot be read, or is no such table.
    """
    place = Place(str(path))
    try:
        with path.open("rb") as stream:
            plain = read_yaml(stream.read(MAX_OCTETS + 1))
    except OSError as failure:
        raise DraftError(path, f"cannot be read: {failure.strerror}") from None
    except PlainError as error:
        raise place.error(str(error)) from None
    top = mapping_of(plain, place)
    check_known(top, ("addresses", "counterfoil"), place)
    if top.get("counterfoil") != PARTIES_TYPE:
        raise place.at("counterfoil").error(f"must be {PARTIES_TYPE}")
    here = place.at("addresses")
    if "addresses" not in top:
        raise here.error("is missing")
    values = Values(sets={})
    found: dict[str, str] = {}
    for address, actor in mapping_of(top["addresses"], here).items():
        if not _ADDRESS.fullmatch(address):
            raise here.at(address).error("is neither a mail address nor a domain")
        found[address] = values.actors([actor], here.at(address), item=_ACTOR)[0]
    return found


def message_hash(message_id: str) -> str:
    """Return what stands for a Message-ID in the journal."""
    return hashlib.sha256(message_id.encode("utf-8", "surrogatepass")).hexdigest()


def compose_mail(
    mail: Mail,
    *,
    source: Path | bytes,
    name: str,
    author: str,
    parties: Mapping[str, str],
    find_message: Callable[[str], str | None],
    random: Random = secrets,
) -> MailEvent:
    """Make the event of a mail.

    Args:
        mail: The mail, as read from `source`.
        source: Where its octets are, which are kept as they stand.
        name: The file name to give it.
        author: The party that signs.
        parties: Mail address or domain to actor.
        find_message: Finds the event of an earlier mail by its `message_hash`, in hex.
        random: Draws nonce and salts.

    Raises:
        ComposeError: The mail makes no event.
        MailError: It has no field that says who, to whom, when or what about: it is something else.
    """
    said = (mail.from_, mail.to, mail.cc, mail.bcc, mail.date, mail.date_problem, mail.subject)
    if not any((*said, mail.message_id, mail.received)):
        raise MailError(
            "it has no field of a mail (From, To, Date, Subject, …): save the mail as it was sent "
            "or received (.eml)"
        )
    notes = [f"{name}: {problem}" for problem in mail.problems]
    if not mail.from_:
        notes.append(f"{name}: it does not say whom it is from")
    if not mail.body:
        notes.append(f"{name}: no text of it can be read; what it says stands in file.1 only")
    fields, unknown = _actors(mail, parties, name, notes)
    dates = _dates(mail, name, notes)
    if dates:
        fields["dates"] = dates
    link = _reply(mail, find_message)
    if link is not None:
        fields["links"] = [{"rel": "replies_to", "event": link}]
    original = FileClaim(
        _file_name(name, "message.eml"), "message/rfc822", mail.sha256, mail.size, source
    )
    texts = {"title": mail.subject, "body": mail.body, "message_id": mail.message_id}
    claims: dict[str, str | FileClaim] = {"file.1": original}
    claims |= {key: value for key, value in texts.items() if value}
    parts = [_attachment(part, number) for number, part in enumerate(_contents(mail), 1)]
    for number, part in enumerate(parts, 2):
        if part.media_type == "message/rfc822":
            # A journal's report, a forwarded mail, one that came back.
            notes.append(f"{name}: file.{number} is a mail, not recorded as one: save it by itself")
    persons = [_person(one) for one in unknown]
    return _fit(
        author, fields, claims, parts=parts, persons=persons, name=name, notes=notes, random=random
    )


def _fit(
    author: str,
    fields: Mapping[str, object],
    claims: dict[str, str | FileClaim],
    *,
    parts: Sequence[FileClaim],
    persons: Sequence[str],
    name: str,
    notes: list[str],
    random: Random,
) -> MailEvent:
    """Compose, and leave out what does not fit: the original, whole, is there in any case."""
    room = _MAX_CLAIMS - len(claims)
    many = len(parts), len(persons)
    parts = parts[:room]
    persons = persons[: room - len(parts)]
    while True:
        numbered: dict[str, str | FileClaim] = {
            f"file.{number}": part for number, part in enumerate(parts, 2)
        }
        numbered |= {f"person.{number}": one for number, one in enumerate(persons, 1)}
        try:
            composed = compose(
                "communication/v1",
                author=author,
                fields=fields,
                claims=claims | numbered,
                random=random,
            )
        except ComposeError as error:
            claim = error.where.removeprefix("claims.")
            if claim in {"body", "title", "message_id"} and claim in claims:
                notes.append(f"{name}: {claim} is too long for a claim and stands in file.1 only")
                del claims[claim]
            elif persons or parts:
                parts, persons = parts[: len(parts) // 2], persons[: len(persons) // 2]
            else:
                raise
            continue
        if (len(parts), len(persons)) != many:
            left = f"{many[0] - len(parts)} attachments and {many[1] - len(persons)} addresses"
            notes.append(f"{name}: {left} do not fit and stand in file.1 only")
        return MailEvent(composed, tuple(notes))


def _actors(
    mail: Mail, parties: Mapping[str, str], name: str, notes: list[str]
) -> tuple[dict[str, object], list[Address]]:
    """Name the actors that the table knows, and collect everybody else."""
    fields: dict[str, object] = {"channel": "email"}
    unknown: dict[Address, None] = {}
    for field, addresses in (("from", mail.from_), ("to", mail.to), ("cc", mail.cc)):
        found, rest = parties_of(addresses, mapping=parties)
        unknown |= dict.fromkeys(rest)
        if found:
            fields[field] = found[:_MAX_ACTORS]
        if len(found) > _MAX_ACTORS:
            notes.append(f"{name}: {field} has more than {_MAX_ACTORS} parties")
    if mail.bcc:
        # SPEC has no field for them, and one would show whom the sender meant to hide.
        unknown |= dict.fromkeys(mail.bcc)
        notes.append(f"{name}: Bcc addresses are in the sealed claims only")
    for one in unknown:
        notes.append(f"{name}: no party is known for {one.address or one.name!r}")  # noqa: PERF401 - read as a list of sentences
    return fields, list(unknown)


def _dates(mail: Mail, name: str, notes: list[str]) -> dict[str, object]:
    dates: dict[str, object] = {}
    # The topmost Received field is by the server nearest to the reader; the others are on the way.
    received = mail.received[0] if mail.received else None
    for role, edtf in (("sent", mail.date_edtf), ("received", received)):
        if edtf is None:
            continue
        try:
            parse_when(edtf, basis="stated")
        except DateError as error:
            notes.append(f"{name}: the date {role} cannot be kept: {error.reason}")
            continue
        dates[role] = {"basis": "stated", "edtf": edtf}
    return dates


def _reply(mail: Mail, find_message: Callable[[str], str | None]) -> str | None:
    """Find the event of the mail that this one replies to, or of the nearest one before it."""
    for message_id in (*mail.in_reply_to, *reversed(mail.references)):
        found = find_message(message_hash(message_id))
        if found is not None:
            return found
    return None


def _contents(mail: Mail) -> list[FileClaim]:
    return [
        file_claim(part.content, name=part.name or "", media_type=part.media_type)
        for part in mail.attachments
    ]


def _attachment(claim: FileClaim, number: int) -> FileClaim:
    """Give an attachment a name and a media type that a file object can have."""
    name = _file_name(claim.name, f"attachment-{number}")
    media_type = claim.media_type
    try:
        values = {"media_type": media_type, "name": name, "sha256": claim.sha256, "size": 0}
        msgspec.convert(values, File)
    except msgspec.ValidationError:
        media_type = "application/octet-stream"
    return FileClaim(name, media_type, claim.sha256, claim.size, claim.source)


def _file_name(name: str, otherwise: str) -> str:
    values = {"media_type": "a/b", "name": name, "sha256": "0" * 64, "size": 0}
    try:
        msgspec.convert(values, File)
        name.encode()
    except (msgspec.ValidationError, UnicodeEncodeError):
        return otherwise
    return name


def _person(address: Address) -> str:
    if not address.address:
        return address.name
    return f"{address.name} <{address.address}>" if address.name else address.address
