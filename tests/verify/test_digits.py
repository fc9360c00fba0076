"""Fields of fixed length whose digits a decoder checks all together: none is forgotten."""

import importlib
import json
import pkgutil
from collections.abc import Iterator

import msgspec
import pytest
from msgspec import inspect

import ledger
import verify
from tests.world import World, letter
from verify.codec import Decoder
from verify.entry import parse_entries, parse_entry
from verify.errors import RuleError
from verify.events import parse_event


def _decoders() -> Iterator[tuple[str, Decoder[object]]]:
    for package in (verify, ledger):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name.endswith("__main__"):
                continue
            for name, value in vars(importlib.import_module(found.name)).items():
                if isinstance(value, Decoder):
                    yield f"{found.name}.{name}", value


def _bare(kind: inspect.Type, done: set[type]) -> bool:
    """Tell whether a type holds text of fixed length that no pattern checks."""
    match kind:
        case inspect.StrType():
            return kind.pattern is None and kind.min_length == kind.max_length is not None
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


def test_every_decoder_that_must_check_digits_does() -> None:
    wanted = {}
    for name, decoder in _decoders():
        wanted[name] = _bare(inspect.type_info(decoder._kind), set())
        assert wanted[name] is (decoder._digits is not None), name

    assert sum(wanted.values()) >= 7  # entry twice, event, statement, submission, line, evidence


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


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("digit", ["A", "g", "é", " "])
def test_another_digit_is_refused_where_it_stands(place: tuple[str, ...], digit: str) -> None:
    value = json.loads(_entry())
    *above, name = place
    part = value
    for step in above:
        part = part[step]
    part[name] = digit + part[name][1:]
    data = msgspec.json.encode(value, order="sorted")

    with pytest.raises(RuleError) as caught:
        parse_event(parse_entry(data).event, where="entry.event")

    assert ".".join(("entry", *place)) == caught.value.where
    assert parse_entries([data]) is None
