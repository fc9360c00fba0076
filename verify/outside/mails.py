"""The attestations in an export that record keys of mail servers (DKIM), each with what it shows.

What has findings is not read: only what the audit found whole is. What is found here changes no
verdict. Whether a recorded key was ever the domain's own is for the reader to weigh, who may hand
in keys to go by.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from verify.chunk import Line
from verify.entry import parse_entry
from verify.errors import MalformedError
from verify.events import event_id, parse_event
from verify.kinds import Attestation
from verify.outside.dkim import MAX_MAIL, Signature, check_mail
from verify.outside.held import chosen, entries, file, opened
from verify.source import Source

__all__ = ["MAX_KEYS", "MAX_OCTETS", "Mail", "counted", "keys_of", "read_keys", "read_mails"]

_NAME, _RECORD = "reference", "material"
MAX_KEYS = 1 << 20  # octets
MAX_OCTETS = 1 << 30  # of mails for each who records keys: else one could keep readers for ever
_LEAST_OCTETS = 1 << 16  # as which a mail counts: eight signatures of a short one take a while
_TOO_MANY = Signature(state="not checkable", reason="its recorder has more checked than one may")


@dataclass(frozen=True, slots=True)
class Mail:
    """One attestation about a mail.

    Attributes:
        index: Index of the entry that records the keys.
        of: Index of the entry that carries the mail; None if it is not here.
        author: Who records the keys.
        signatures: What each signature of the mail comes to; none where the mail is not here.
    """

    index: int
    of: int | None
    author: str
    signatures: tuple[Signature, ...] = ()


def read_mails(
    source: Source,
    *,
    size: int,
    attestations: Collection[int],
    trusted: Mapping[str, str] | None = None,
) -> tuple[Mail, ...]:
    """Check the mails of which somebody recorded the keys that signed them.

    Args:
        source: The export, in which an audit found nothing wrong.
        size: Its size.
        attestations: Indexes of its entries that hold attestations.
        trusted: Keys that the reader trusts, by their names in the DNS; without them each mail is
            checked with those that were recorded for it.
    """
    found: dict[int, Attestation] = {}
    for index, data in chosen(source, size, attestations):
        event = parse_event(parse_entry(data).event)
        if isinstance(event, Attestation) and event.type == "dkim" and event.of is not None:
            found[index] = event
    if not found:
        return ()
    places = _places(source, size, {event.of or "" for event in found.values()})
    lines = opened(source, {*found, *places.values()})
    mails = []
    spent: Counter[str] = Counter()
    for index, event in found.items():
        of = places.get(event.of or "")
        mail = file(source, None if of is None else lines.get(of), "file.1", MAX_MAIL)
        keys = keys_of(_texts(lines.get(index))) if trusted is None else trusted
        signatures: tuple[Signature, ...] = ()
        if mail is not None:
            spent[event.author] += counted(mail)
            more = spent[event.author] > MAX_OCTETS
            signatures = (_TOO_MANY,) if more else check_mail(mail, keys)
        mails.append(Mail(index, of, event.author, signatures))
    return tuple(mails)


def counted(mail: bytes) -> int:
    """Return as how many octets a mail counts among those that one may have checked."""
    return max(len(mail), _LEAST_OCTETS)


def keys_of(claims: Mapping[str, object]) -> dict[str, str]:
    """Return the keys that an attestation records: `material.1` stands at `reference.1`.

    Args:
        claims: Its open claims.
    """
    keys = {}
    for claim, name in claims.items():
        stem, _, number = claim.partition(".")
        record = claims.get(f"{_RECORD}.{number}")
        if stem == _NAME and isinstance(name, str) and isinstance(record, str):
            keys[name.rstrip(".").lower()] = record
    return keys


def read_keys(data: bytes, *, where: str) -> dict[str, str]:
    """Read keys that a reader trusts: a line for each, its name in the DNS and its record.

    Lines that begin with # are not read, nor empty ones.

    Args:
        data: The lines, in ASCII.
        where: Names them in a refusal.

    Raises:
        MalformedError: They are longer than `MAX_KEYS`, or no ASCII, or one has no name or record,
            or there is none.
    """
    if len(data) > MAX_KEYS:
        raise MalformedError(where, f"is longer than {MAX_KEYS} bytes")
    if not data.isascii():
        raise MalformedError(where, "is not ASCII")
    keys = {}
    for number, line in enumerate(data.decode("ascii").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, record = line.strip().partition(" ")
        if "._domainkey." not in name or not record:
            raise MalformedError(where, f"line {number}: is not a name and a key's record")
        keys[name.rstrip(".").lower()] = record.strip()
    if not keys:
        raise MalformedError(where, "holds no key")
    return keys


def _places(source: Source, size: int, wanted: set[str]) -> dict[str, int]:
    """Return the index of each of these events, as far as they are here."""
    found = {}
    for index, data in enumerate(entries(source, size)):
        own = event_id(bytes(parse_entry(data).event)).hex()
        if own in wanted:
            found[own] = index
    return found


def _texts(line: Line | None) -> dict[str, object]:
    return {} if line is None else {name: one.value for name, one in line.claims.items()}
