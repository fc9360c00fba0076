"""Fields whose characters a decoder checks for many values together: none is forgotten."""

import importlib
import json
import pkgutil
from collections.abc import Callable, Iterator

import msgspec
import pytest
from msgspec import inspect

import ledger
import verify
from tests.world import World, letter
from verify.codec import Decoder, encode
from verify.entry import parse_entries, parse_entry
from verify.errors import RuleError
from verify.events import parse_event
from verify.kinds import Communication, Opening

BOUNDS = {(n, n) for n in (32, 64, 128)} | {(1, 63), (1, 200)}


def _decoders() -> Iterator[tuple[str, Decoder[object]]]:
    for package in (verify, ledger):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for name, value in vars(importlib.import_module(found.name)).items():
                if isinstance(value, Decoder):
                    yield f"{found.name}.{name}", value


def _bare(kind: inspect.Type, done: set[type]) -> bool:
    """Tell whether a type holds a text that a `Texts` is for."""
    match kind:
        case inspect.StrType():
            return kind.pattern is None and (kind.min_length, kind.max_length) in BOUNDS
        case inspect.Metadata():
            return _bare(kind.type, done)
        case inspect.UnionType():
            return any(_bare(one, done) for one in kind.types)
        case inspect.TupleType():
            return any(_bare(one, done) for one in kind.item_types)
        case inspect.VarTupleType() | inspect.ListType():
            return _bare(kind.item_type, done)
        case inspect.DictType():
            return _bare(kind.value_type, done)
        case inspect.StructType() if kind.cls not in done:
            return any(_bare(one.type, done | {kind.cls}) for one in kind.fields)
        case _:
            return False


def test_every_decoder_that_must_check_texts_does() -> None:
    wanted = {}
    for name, decoder in _decoders():
        wanted[name] = _bare(inspect.type_info(decoder._kind), set())
        assert wanted[name] is (decoder._gather is not None), name

    # entry twice, event, statement, submission, line, evidence, manifest, session, key request,
    # what waits in an outbox and how it was tried
    assert sum(wanted.values()) >= 12


def _places(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _places(part, (*path, name))
    elif isinstance(value, str) and len(value) in {32, 64, 128}:
        yield path


def _entry() -> bytes:
    world = World().found()
    world.submit(letter("northmere"), see=True)
    return world.entries[1]


PLACES = tuple(_places(json.loads(_entry())))


def test_an_entry_has_all_of_them() -> None:
    assert len(PLACES) >= 10
    assert {("prev",), ("rules",), ("signature",), ("event", "nonce")} <= set(PLACES)


NAMES = (("event", "author"), ("statement", "author"), ("statement", "ledger", "origin"))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("digit", ["A", "g", "é", " "])
def test_another_digit_is_refused_where_it_stands(place: tuple[str, ...], digit: str) -> None:
    _is_refused(place, lambda text: digit + text[1:])


@pytest.mark.parametrize("place", NAMES)
@pytest.mark.parametrize("end", ["A", "é", " ", "\n", "\0"])
def test_another_character_of_a_name_is_refused_where_it_stands(
    place: tuple[str, ...], end: str
) -> None:
    _is_refused(place, lambda text: text + end)


def test_a_label_begins_and_ends_with_a_letter_or_a_digit() -> None:
    _is_refused(("event", "author"), lambda text: f"{text}-")
    _is_refused(("statement", "author"), lambda text: f"-{text}")
    _is_refused(("statement", "ledger", "origin"), lambda text: f"/{text}")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"author":"northmere"', '"author":"Northmere"'),
        ('"nonce":"', '"nonce":"A'),
        ('"person.1":"', '"person.1":"A'),
    ],
)
def test_an_event_in_an_opening_is_looked_at_too(old: str, new: str) -> None:
    sealed = msgspec.convert(letter("northmere").event, Communication)
    opening = Opening(author="northmere", nonce="5e" * 16, of="5e" * 32, event=sealed)
    nested = encode(sealed).decode()
    at = nested.index(old)
    cut = at + len(old) + (new[-1] == "A")  # a digit more makes room for another
    changed = nested[:at] + new + nested[cut:]
    data = encode(opening).replace(nested.encode(), changed.encode())

    assert opening == parse_event(encode(opening))
    assert len(changed) == len(nested)
    with pytest.raises(RuleError) as caught:
        parse_event(data)
    assert caught.value.where.startswith("event.event.")


def _is_refused(place: tuple[str, ...], changed: Callable[[str], str]) -> None:
    value = json.loads(_entry())
    *above, name = place
    part = value
    for step in above:
        part = part[step]
    part[name] = changed(part[name])
    data = msgspec.json.encode(value, order="sorted")

    with pytest.raises(RuleError) as caught:
        parse_event(parse_entry(data).event, where="entry.event")

    assert ".".join(("entry", *place)) == caught.value.where
    assert parse_entries([data]) is None
