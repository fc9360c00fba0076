"""Drafts: events as a person writes them down, before they are events.

A draft is a YAML file (or JSON, when its name ends in `.json`) with a list of events in plain
words. It may name an earlier event of its own by a label, which is never recorded, and has sugar
for what people repeat: sets of parties, numbered claims, item ranges, bare dates, and words for
dates. Everything else is the kernel's: the fields and words of a kind are asked of its types.

A draft that was read is good as far as one file can tell; whether the ledger admits its events
is not known here. Anything wrong is a `DraftError` that says where, and nothing else is raised.

Source: SPEC sections 3 to 5.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, get_args

from msgspec import inspect

from ledger.chance import Random
from ledger.compose import (
    Composed,
    FileClaim,
    compose,
    compose_handing_over,
    compose_opening,
    compose_sealed,
)
from ledger.date_words import words_to_edtf
from ledger.dates import parse_when
from ledger.draft_claims import day_of, names_of, read_claims, retain_of, withheld_of
from ledger.draft_values import (
    Place,
    Values,
    check_known,
    did_you_mean,
    list_of,
    mapping_of,
    prose_of,
    resolved,
    text_of,
)
from ledger.errors import ComposeError, DateError, DraftError
from ledger.handwritten import MAX_OCTETS, Plain, PlainError, read_json, read_yaml
from ledger.shapes import COMMON, KINDS, fields_of
from ledger.templates import DRAFT_TYPE, new_draft
from verify.claims import DATE_ROLES
from verify.codec import Actor, Party
from verify.kinds import Basis, Link

__all__ = [
    "Draft",
    "DraftEvent",
    "Kept",
    "compose_event",
    "new_draft",
    "parse_draft",
    "read_draft",
]

_TOP: Final = ("author", "counterfoil", "events", "sets", "year")
_GIVEN: Final = frozenset(("label", "kind", "claims"))
_DRAWN: Final = frozenset(("author", "nonce", "sealed", "cipher"))
_OPENING: Final = frozenset(("label", "kind", "of", "names"))
_SET_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_YEAR: Final = re.compile(r"[0-9]{4}")
_LEAP_YEAR: Final = 2024
_MAX_EVENTS: Final = 65_536


class Kept(Protocol):
    """The door to what this machine kept back with earlier events, for openings."""

    def disclosures(self, event_id: str, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the disclosures that the event with this id (in hex) withheld under `names`.

        Raises:
            ComposeError: One of them is not here.
        """

    def nested(self, event_id: str) -> Composed:
        """Return the event that the `sealed/v1` with this id (in hex) seals.

        Raises:
            ComposeError: It is not here.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftEvent:
    """One event of a draft.

    Attributes:
        name: Its label, or its number from 1.
        label: Its label, if it has one.
        kind: Its kind with version.
        fields: Its clear fields; labels stand where ids will.
        claims: Its claims.
        withheld: Names of claims that are kept back.
        audience: Claim name to the parties that alone may see it.
        nested: The event that it seals.
    """

    name: str
    label: str | None
    kind: str
    fields: Mapping[str, object]
    claims: Mapping[str, str | FileClaim] = field(repr=False)
    withheld: tuple[str, ...]
    audience: Mapping[str, tuple[str, ...]]
    nested: DraftEvent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A draft that was read.

    Attributes:
        path: The file.
        sha256: Of its octets, in hex.
        author: The party that must sign, if it says so.
        events: In order.
    """

    path: Path
    sha256: str
    author: str | None
    events: tuple[DraftEvent, ...]


def read_draft(path: Path, *, elsewhere: Mapping[str, str] | None = None) -> Draft:
    """Read a draft file.

    Args:
        path: The file.
        elsewhere: Name to id, in hex, of recorded events that the draft may refer to by name.

    Raises:
        DraftError: It cannot be read, or something in it is wrong.
    """
    try:
        with path.open("rb") as stream:
            octets = stream.read(MAX_OCTETS + 1)
    except OSError as failure:
        raise DraftError(path, f"cannot be read: {failure.strerror}") from None
    return parse_draft(octets, path=path, elsewhere=elsewhere)


def parse_draft(octets: bytes, *, path: Path, elsewhere: Mapping[str, str] | None = None) -> Draft:
    """Read a draft.

    Args:
        octets: The file's octets.
        path: The file: its name tells YAML from JSON, and its folder holds the files named.
        elsewhere: As for `read_draft`.

    Raises:
        DraftError: Something in it is wrong.
    """
    place = Place(str(path))
    try:
        plain = read_json(octets) if path.suffix.lower() == ".json" else read_yaml(octets)
    except PlainError as error:
        raise place.error(str(error)) from None
    top = mapping_of(plain, place)
    check_known(top, _TOP, place)
    if top.get("counterfoil") != DRAFT_TYPE:
        raise place.at("counterfoil").error(f"a draft begins with `counterfoil: {DRAFT_TYPE}`")
    reader = _Reader(top, place, folder=path.parent, elsewhere=elsewhere)
    return Draft(
        path=path,
        sha256=hashlib.sha256(octets).hexdigest(),
        author=reader.author,
        events=reader.events(),
    )


def compose_event(
    draft: DraftEvent,
    *,
    author: str,
    ids: Mapping[str, str],
    kept: Kept,
    random: Random = secrets,
) -> Composed:
    """Compose an event of a draft.

    Args:
        draft: The event.
        author: The party that will sign.
        ids: Label to id, in hex, of every earlier event of the draft that has one.
        kept: What was kept back with earlier events.
        random: Draws nonces and salts.

    Raises:
        ComposeError: It makes no event.
    """
    fields = {name: resolved(value, ids) for name, value in draft.fields.items()}
    if draft.nested is not None:
        nested = compose_event(draft.nested, author=author, ids=ids, kept=kept, random=random)
        return compose_sealed(nested, opens_by=str(fields["opens_by"]), random=random)
    if draft.kind == "opening/v1":
        of, names = str(fields["of"]), fields.get("names")
        if isinstance(names, list):
            disclosures = kept.disclosures(of, tuple(names))
            return compose_handing_over(disclosures, author=author, of=of, random=random)
        return compose_opening(kept.nested(of), of=of, random=random)
    return compose(
        draft.kind,
        author=author,
        fields=fields,
        claims=draft.claims,
        withheld=draft.withheld,
        audience=draft.audience,
        random=random,
    )


class _Reader:
    """Reads the parts of a draft in the order in which they depend on each other."""

    def __init__(
        self,
        top: Mapping[str, Plain],
        place: Place,
        *,
        folder: Path,
        elsewhere: Mapping[str, str] | None,
    ) -> None:
        self._top = top
        self._place = place
        self._folder = folder
        self._year = self._read_year()
        self._values = Values(sets={}, elsewhere=elsewhere)
        self._values.sets = self._read_sets()
        self.author = self._read_author()

    def events(self) -> tuple[DraftEvent, ...]:
        here = self._place.at("events")
        if "events" not in self._top:
            raise here.error("is missing")
        found = list_of(self._top["events"], here)
        if len(found) > _MAX_EVENTS:
            raise here.error(f"are more than {_MAX_EVENTS}")
        return tuple(self._event(one, number) for number, one in enumerate(found, 1))

    def _read_author(self) -> str | None:
        if "author" not in self._top:
            return None
        here = self._place.at("author")
        return self._values.actors([self._top["author"]], here, item=_PARTY)[0]

    def _read_year(self) -> int | None:
        if "year" not in self._top:
            return None
        here = self._place.at("year")
        word = text_of(self._top["year"], here)
        if not _YEAR.fullmatch(word):
            raise here.error("is not a year of four digits")
        return int(word)

    def _read_sets(self) -> dict[str, tuple[str, ...]]:
        if "sets" not in self._top:
            return {}
        here = self._place.at("sets")
        sets: dict[str, tuple[str, ...]] = {}
        for name, members in mapping_of(self._top["sets"], here).items():
            if not _SET_NAME.fullmatch(name):
                raise here.at(name).error("a set's name is lower-case letters, digits, - and _")
            sets[name] = tuple(self._values.actors(members, here.at(name), item=_ACTOR))
        return sets

    def _event(self, plain: Plain, number: int) -> DraftEvent:
        place = Place(self._place.path, event=str(number))
        given = mapping_of(plain, place)
        if "label" in given:
            # So that refusals speak of the event as its author does; checked below.
            place = place._replace(event=text_of(given["label"], place.at("label"))[:100])
        event = self._read_event(given, place)
        _try_out(event, self._values, place, author=self.author or "author")
        if "label" in given:
            self._values.new_label(given["label"], place.at("label"), kind=event.kind)
        return event

    def _read_event(self, given: dict[str, Plain], place: Place) -> DraftEvent:
        kind = _kind(given, place)
        fields = fields_of(KINDS[kind])
        if kind == "sealed/v1":
            return self._sealed(given, place)
        own = {name for name in fields if name not in COMMON}
        known = frozenset(own) | (COMMON - _DRAWN) | _GIVEN
        if kind == "opening/v1":
            known = _OPENING  # this machine kept the rest: nobody types it again
        check_known(given, known, place)
        for name in own:
            if fields[name].required and name not in given:
                raise place.at(name).error("is missing")
        claims = self._claims(given, place)
        values: dict[str, object] = {
            name: self._values.field(value, fields[name], place.at(name), kind=kind)
            for name, value in given.items()
            if name in own or name in {"authority", "on_behalf_of"}
        }
        values |= self._dates(given, claims, place)
        values |= self._links(given, place)
        values |= retain_of(given, claims, place)
        return DraftEvent(
            name=place.event or "",
            label=str(given["label"]) if "label" in given else None,
            kind=kind,
            fields=values,
            claims=claims,
            withheld=withheld_of(given, claims, place),
            audience=self._audience(given, claims, place),
        )

    def _sealed(self, given: dict[str, Plain], place: Place) -> DraftEvent:
        """Read an event that seals another one, which is written inside it."""
        check_known(given, {"label", "kind", "event", "opens_by"}, place)
        for name in ("event", "opens_by"):
            if name not in given:
                raise place.at(name).error("is missing")
        inner = mapping_of(given["event"], place.at("event"))
        if "label" in inner:
            raise place.at("event.label").error("is not needed: the outer label is used")
        if _kind(inner, place.at("event")) in {"sealed/v1", "opening/v1"}:
            raise place.at("event.kind").error("cannot be sealed")
        nested = self._read_event(inner, place.at("event"))
        return DraftEvent(
            name=place.event or "",
            label=str(given["label"]) if "label" in given else None,
            kind="sealed/v1",
            fields={"opens_by": day_of(given["opens_by"], place.at("opens_by"))},
            claims={},
            withheld=(),
            audience={},
            nested=nested,
        )

    def _claims(self, given: Mapping[str, Plain], place: Place) -> dict[str, str | FileClaim]:
        if "claims" not in given:
            return {}
        return read_claims(given["claims"], place.at("claims"), folder=self._folder)

    def _dates(
        self, given: Mapping[str, Plain], claims: dict[str, str | FileClaim], place: Place
    ) -> dict[str, object]:
        """Read the dates; the words of the source become claims."""
        if "dates" not in given:
            return {}
        here = place.at("dates")
        dates: dict[str, object] = {}
        for role, value in mapping_of(given["dates"], here).items():
            if role not in DATE_ROLES:
                raise here.at(role).error(f"is no date role{did_you_mean(role, DATE_ROLES)}")
            date, words = self._date(value, here.at(role))
            dates[role] = date
            if words is None:
                continue
            if f"phrase_{role}" in claims:
                raise here.at(role).error(f"the claim phrase_{role} gives its words as well")
            claims[f"phrase_{role}"] = words
        return {"dates": dates}

    def _date(self, value: Plain, place: Place) -> tuple[dict[str, str], str | None]:
        given = {"edtf": value} if isinstance(value, str) else mapping_of(value, place)
        check_known(given, ("basis", "edtf", "words"), place)
        words = prose_of(given["words"], place.at("words")) if "words" in given else None
        basis: Basis = "stated"
        if "edtf" in given:
            edtf = text_of(given["edtf"], place.at("edtf"))
        elif words is None:
            raise place.error("has neither `edtf` nor `words`")
        else:
            suggestion = words_to_edtf(words, year=self._year)
            if suggestion is None:
                raise place.error(f"{words[:80]!r} {_why_unread(words, year=self._year)}")
            edtf, basis = suggestion.edtf, suggestion.basis
        if "basis" in given:
            basis = _basis(given["basis"], place.at("basis"))
        try:
            parse_when(edtf, basis=basis, phrase=words)
        except DateError as error:
            raise place.at("edtf").error(str(error)) from None
        return {"basis": basis, "edtf": edtf}, words

    def _links(self, given: Mapping[str, Plain], place: Place) -> dict[str, object]:
        if "links" not in given:
            return {}
        here = place.at("links")
        links: list[object] = []
        for number, one in enumerate(list_of(given["links"], here)):
            spot = here.at(number)
            link = mapping_of(one, spot)
            check_known(link, ("rel", "to", "ledger"), spot)
            for name in ("rel", "to"):
                if name not in link:
                    raise spot.at(name).error("is missing")
            read: dict[str, object] = {
                name: self._values.field(link[name], _LINK[name], spot.at(name), kind="")
                for name in ("rel", "ledger")
                if name in link
            }
            read["event"] = self._values.reference(link["to"], spot.at("to"))
            links.append(read)
        return {"links": links}

    def _audience(
        self, given: Mapping[str, Plain], claims: Mapping[str, object], place: Place
    ) -> dict[str, tuple[str, ...]]:
        if "audience" not in given:
            return {}
        here = place.at("audience")
        audience: dict[str, tuple[str, ...]] = {}
        for word, value in mapping_of(given["audience"], here).items():
            parties = tuple(self._values.actors(value, here.at(word), item=_PARTY))
            for name in names_of(word, claims, here.at(word)):
                audience[name] = parties
        return audience


_LINK: Final = fields_of(Link)
_PARTY: Final = inspect.type_info(Party)
_ACTOR: Final = inspect.type_info(Actor)


def _kind(given: Mapping[str, Plain], place: Place) -> str:
    here = place.at("kind")
    if "kind" not in given:
        raise here.error("is missing")
    word = text_of(given["kind"], here)
    for kind in (word, f"{word}/v1"):
        if kind in KINDS:
            return kind
    plain = [kind.removesuffix("/v1") for kind in KINDS]
    raise here.error(f"{word[:80]!r} is no kind of event{did_you_mean(word, plain)}")


def _why_unread(words: str, *, year: int | None) -> str:
    """Say why words give no date, and what to write."""
    if year is None and words_to_edtf(words, year=_LEAP_YEAR) is not None:
        return "names no year: give `year` at the top, or `edtf` here"
    return (
        'has no set meaning here: give `edtf` as well, such as "2025-03" (a day of that month), '
        '"2025-03~" (about then) or "[2025-03-01..2025-05-31]" (a day of these)'
    )


def _basis(value: Plain, place: Place) -> Basis:
    word = text_of(value, place)
    for basis in get_args(Basis):
        if word == basis:
            return basis  # type: ignore[no-any-return]  # get_args knows no types
    raise place.error(f"{word[:80]!r} is not one of {', '.join(get_args(Basis))}")


class _NoChance:
    """Draws nothing: for events that are thrown away."""

    def token_bytes(self, nbytes: int, /) -> bytes:
        return bytes(nbytes)


class _NothingKept:
    """Stands in for what was kept, while nothing is opened."""

    def disclosures(self, event_id: str, names: tuple[str, ...]) -> tuple[str, ...]:
        raise AssertionError(event_id, names)

    def nested(self, event_id: str) -> Composed:
        raise AssertionError(event_id)


def _try_out(event: DraftEvent, values: Values, place: Place, *, author: str) -> None:
    """Compose an event and throw it away, so that what the kernel refuses is refused here."""
    if event.kind == "opening/v1":
        return  # what it opens is not in this file
    ids = {label: hashlib.sha256(label.encode()).hexdigest() for label in values.labels}
    try:
        compose_event(event, author=author, ids=ids, kept=_NothingKept(), random=_NoChance())
    except ComposeError as error:
        raise place.at(error.where).error(error.reason) from None
