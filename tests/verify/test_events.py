import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import reference
from tests.damage import canonical
from tests.vectors.events import sample_events
from tests.world import letter
from verify.checks import Check
from verify.errors import RuleError
from verify.events import MAX_EVENT, event_id, kind_of, parse_event, power_for, references
from verify.kinds import Opening

SAMPLES = sample_events()


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_an_event_of_each_kind_reads_back(kind: str) -> None:
    said = SAMPLES[kind]
    event = parse_event(said.data)

    assert event == said.event
    assert kind == kind_of(event)
    assert event_id(said.data).hex() == said.id == reference.event_id(said.data)


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_powers_and_references_are_those_of_the_second_verifier(kind: str) -> None:
    event = SAMPLES[kind].event
    value = reference.parse(SAMPLES[kind].data)
    assert isinstance(value, dict)
    nested = (event.event,) if isinstance(event, Opening) and event.event is not None else ()
    links = [link["event"] for link in value.get("links", []) if "ledger" not in link]
    wanted = sorted(links + reference.references(value))
    found = [ref for name, ref in references(event) if not name.startswith("event.")]

    assert wanted == sorted(found)
    assert [sorted(p) for p in reference.needed_powers(value)] == [
        sorted(power_for(each)) for each in (event, *nested)
    ]


def test_an_event_is_of_32_768_octets_at_most() -> None:
    with pytest.raises(RuleError) as caught:
        parse_event(b" " * (MAX_EVENT + 1), where="here")

    assert (Check.EVENT, "here") == (caught.value.check, caught.value.where)


@pytest.mark.parametrize(
    ("kind", "field", "value", "where"),
    [("communication", "channel", "fax", "event.channel"),
     ("communication", "to", ["x", "x"], "event"), ("key", "powers", ["x"], "event.powers[0]"),
     ("charter", "thresholds", {"govern": 1}, "event.thresholds"),
     ("charter", "founding_key", {"key": "00" * 32, "powers": ["record"]}, "event.founding_key"),
     ("key", "verb", "recover", "event"),
     ("communication", "audience", {"text": ["b", "a"]}, "event"),
     ("account", "sentences", [{"number": 0}], "event.sentences[0].number")],
)  # fmt: skip
def test_a_refusal_names_the_field(kind: str, field: str, value: object, where: str) -> None:
    changed = reference.parse(SAMPLES[kind].data)
    assert isinstance(changed, dict)
    changed[field] = value
    if (kind, field) == ("key", "verb"):
        changed["replaces"] = "00" * 32
    with pytest.raises(RuleError) as caught:
        parse_event(canonical(changed))

    assert (Check.EVENT, where) == (caught.value.check, caught.value.where)


def test_a_position_on_no_field_hears_which_there_are() -> None:
    changed = reference.parse(SAMPLES["position"].data)
    assert isinstance(changed, dict)
    with pytest.raises(RuleError) as caught:
        parse_event(canonical(changed | {"field": "attendees"}))

    words = "'attendees' is none of actors, happened, items, status, dates.… and claims.…"
    assert words in str(caught.value)


def test_a_key_that_begins_needs_powers_and_possession() -> None:
    for name in ("powers", "possession"):
        changed = reference.parse(SAMPLES["key"].data)
        assert isinstance(changed, dict)
        del changed[name]
        with pytest.raises(RuleError) as caught:
            parse_event(canonical(changed))

        assert Check.EVENT is caught.value.check


def test_audiences_are_lists_in_order() -> None:
    said = letter("northmere", audience={"text": ("a", "b"), "title": ("c",)})

    assert said.event == parse_event(said.data)


@given(st.binary())
def test_any_octets_give_an_event_or_a_refusal(data: bytes) -> None:
    with pytest.raises(RuleError):
        parse_event(data)
