import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vectors.events import having
from tests.vectors.submissions import small_world
from tests.world import say
from verify.checks import Check
from verify.codec import encode
from verify.entry import (
    MAX_ENTRY,
    check_parts,
    cut_head,
    event_octets,
    parse_entries,
    parse_entry,
)
from verify.errors import RuleError
from verify.events import MAX_EVENT, parse_event
from verify.kinds import Communication, Event

ENTRIES = small_world().entries


def test_entries_read_back() -> None:
    for data in ENTRIES:
        entry = parse_entry(data)
        check_parts(entry)

        assert data == encode(entry)


@pytest.mark.parametrize(
    ("index", "field", "value", "check"),
    [(0, "prev", "00" * 32, Check.PREV), (3, "prev", None, Check.PREV),
     (0, "rules", "00" * 32, Check.POSITION), (3, "rules", None, Check.POSITION),
     (3, "signature", None, Check.POSITION), (3, "statement", None, Check.POSITION),
     (4, "signature", "00" * 64, Check.POSITION), (4, "rules", "00" * 32, Check.POSITION),
     (4, "position", 4096, Check.POSITION), (4, "position", 5, Check.POSITION)],
)  # fmt: skip
def test_an_entry_has_the_parts_that_its_place_calls_for(
    index: int, field: str, value: object, check: Check
) -> None:
    entry = parse_entry(having(ENTRIES[index], field, value))
    with pytest.raises(RuleError) as caught:
        check_parts(entry)

    assert (check, field) == (caught.value.check, caught.value.where)


def test_an_entry_is_of_65_535_octets_at_most() -> None:
    with pytest.raises(RuleError) as caught:
        parse_entry(b" " * (MAX_ENTRY + 1), where="here")

    assert (Check.ENTRY, "here") == (caught.value.check, caught.value.where)


def test_an_event_is_not_read_into_the_depth_by_the_entry() -> None:
    for opening in (b"[", b'{"a":'):
        with pytest.raises(RuleError) as caught:
            parse_entry(b'{"event":' + opening * 13_000)

        assert (Check.ENTRY, "entry") == (caught.value.check, caught.value.where)


@given(st.binary())
def test_any_octets_give_an_entry_or_a_refusal(data: bytes) -> None:
    with pytest.raises(RuleError):
        parse_entry(data)


def each(bundle: list[bytes]) -> list[Event] | None:
    """Return the event of each entry, read one after the other; None where one is refused."""
    try:
        return [parse_event(parse_entry(data).event) for data in bundle]
    except RuleError:
        return None


def together(bundle: list[bytes]) -> list[Event] | None:
    """Return the same of entries read together."""
    entries = parse_entries(bundle)
    return None if entries is None else [entry.event for entry in entries]


def test_reads_entries_together_as_one_after_the_other() -> None:
    read = parse_entries(ENTRIES)

    assert read is not None
    for data, entry, event in zip(ENTRIES, read, each(ENTRIES) or [], strict=True):
        alone = parse_entry(data)

        assert event == entry.event
        assert bytes(alone.event) == event_octets(data)
        if alone.statement is not None:
            assert (bytes(alone.event), encode(alone.statement)) == cut_head(data)
        for field in ("index", "position", "prev", "recorded", "rules", "signature", "statement"):
            assert getattr(alone, field) == getattr(entry, field)


def test_reads_nothing_together_where_an_entry_or_its_event_is_refused() -> None:
    for place, flipped in ((3, 0x01), (4, 0x20)):
        good = ENTRIES[place]
        for at in range(len(good)):
            bad = good[:at] + bytes((good[at] ^ flipped,)) + good[at + 1 :]
            bundle = [*ENTRIES[:place], bad, *ENTRIES[place + 1 :]]

            assert each(bundle) == together(bundle)


def test_an_lf_joins_no_entries_and_parts_none() -> None:
    a, b = ENTRIES[3:5]
    for bundle in (
        [a + b"\n" + b, b""],
        [a + b"\n" + b],
        [a + b"\n", b],
        [a, b"\n" + b],
        [a[:9], a[9:] + b"\n" + b],
        [a + b"\n" + b[:9], b[9:]],
        [a[:9] + b"\n" + a[9:], b],
        [a + b"\r", b],
        [a, b""],
    ):
        assert each(bundle) is None
        assert together(bundle) is None


def test_leaves_an_entry_longer_than_any_event_to_be_read_alone() -> None:
    names = [f"item.{number}" for number in range(1, 513)]
    calls = [
        say(Communication, "a", dict.fromkeys(names[:count], ""), channel="call").data
        for count in range(400, 430)
    ]
    event = max((call for call in calls if len(call) <= MAX_EVENT), key=len)
    entry = parse_entry(ENTRIES[4])
    data = encode(msgspec.structs.replace(entry, event=msgspec.Raw(event)))

    assert len(event) <= MAX_EVENT < len(data)
    assert each([data]) is not None
    assert together([data]) is None
