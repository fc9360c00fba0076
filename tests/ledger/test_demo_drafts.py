"""The demo drafts, as files: what they must hold, and that the kernel knows every word of it.

`ledger.drafts` is not used here: a small reader of our own turns each draft event into octets,
and `parse_event` judges them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest
import yaml

from ledger.dates import Basis, When, days_between, is_before, parse_when
from verify.codec import encode
from verify.events import parse_event, references
from verify.kinds import Event, Request, Step

DEMO = Path(__file__).parents[2] / "ledger" / "demo"
FOUNDING = "founding"
INVENTED = (
    "invented-1-north",
    "invented-2-south",
    "invented-3-north",
    "invented-4-south",
    "invented-5-north",
    "invented-6-south",
)

Plain = dict[str, object]


class Draft(msgspec.Struct, forbid_unknown_fields=True):
    counterfoil: str
    author: str
    year: str
    events: list[Plain]
    sets: dict[str, list[str]] = {}


class DraftDate(msgspec.Struct, forbid_unknown_fields=True):
    edtf: str
    basis: Basis
    words: str | None = None


class DraftLink(msgspec.Struct, forbid_unknown_fields=True):
    rel: str
    to: str


class Told(msgspec.Struct):
    """A draft event after our reading, and the kernel's."""

    label: str
    dates: dict[str, DraftDate]
    claims: dict[str, str]
    links: list[DraftLink]
    refs: list[str]
    event: Event

    def when(self, role: str) -> When:
        date = self.dates[role]
        return parse_when(date.edtf, basis=date.basis, phrase=date.words)


LISTS = {
    "addresses": "address",
    "allegations": "allegation",
    "files": "file",
    "items": "item",
    "materials": "material",
    "persons": "person",
    "references": "reference",
    "sentences": "sentence",
    "urls": "url",
}
ACTORS = (
    *("from", "to", "cc", "attendees", "apologies", "areas", "areas_doubtful", "signatories"),
    *("members", "on_behalf_of"),
)
REFS = ("of", "on", "via", "under", "trigger", "ends")
NUMBERS = ("categories", "count", "rows", "version")


def text_of(stem: str) -> str:
    return (DEMO / f"{stem}.yaml").read_text(encoding="utf-8")


def read(stem: str) -> Draft:
    # BaseLoader leaves every scalar a string: `on` stays a word, a date stays as written.
    return msgspec.convert(yaml.load(text_of(stem), Loader=yaml.BaseLoader), Draft)  # noqa: S506


def fake(label: str) -> str:
    return hashlib.sha256(label.encode()).hexdigest()


class Reader:
    """Turns the draft events of one file into kernel events; remembers earlier labels."""

    def __init__(self, stem: str, known: set[str]) -> None:
        self.stem = stem
        self.draft = read(stem)
        self.known = known
        self._refs: list[str] = []

    def tell(self) -> Iterator[Told]:
        for plain in self.draft.events:
            told = self._told(dict(plain))
            assert told.label not in self.known
            self.known.add(told.label)
            yield told

    def _told(self, plain: Plain) -> Told:
        label = self._full(str(plain.pop("label")))
        self._refs = []
        dates = msgspec.convert(plain.pop("dates", {}), dict[str, DraftDate])
        links = msgspec.convert(plain.pop("links", []), list[DraftLink])
        claims = dict(_claims(plain.pop("claims", {})))
        sealed = [*claims, *(f"phrase_{role}" for role, date in dates.items() if date.words)]
        event: Plain = {
            **{name: self._field(name, value) for name, value in plain.items()},
            "kind": f"{plain['kind']}/v1",
            "author": self.draft.author,
            "nonce": fake(label)[:32],
        }
        if dates:
            event["dates"] = {r: {"basis": d.basis, "edtf": d.edtf} for r, d in dates.items()}
        if links:
            event["links"] = [{"event": self._ref(each.to), "rel": each.rel} for each in links]
        if sealed:
            event["sealed"] = {name: fake(f"{label} {name}") for name in sealed}
        return Told(
            label=label,
            dates=dates,
            claims=claims,
            links=[DraftLink(rel=each.rel, to=self._full(each.to)) for each in links],
            refs=self._refs,
            event=parse_event(encode(event), where=label),
        )

    def _field(self, name: str, value: object) -> object:
        if name in ACTORS and isinstance(value, list):
            return [actor for each in value for actor in self._actors(str(each))]
        if name in REFS:
            return self._ref(str(value))
        if name == "until_events":
            return [self._ref(label) for label in msgspec.convert(value, list[str])]
        if name == "items":
            return [_range(each) for each in msgspec.convert(value, list[str])]
        if name == "discharges":
            return [self._discharge(each) for each in msgspec.convert(value, list[Plain])]
        if name == "sentences":
            return [self._sentence(each) for each in msgspec.convert(value, list[Plain])]
        return int(str(value)) if name in NUMBERS else value

    def _actors(self, name: str) -> list[str]:
        return self.draft.sets[name[1:]] if name.startswith("$") else [name]

    def _discharge(self, plain: Plain) -> Plain:
        rest = {name: self._field(name, value) for name, value in plain.items()}
        return {**rest, "request": self._ref(str(plain["request"]))}

    def _sentence(self, plain: Plain) -> Plain:
        number = {"number": int(str(plain["number"]))}
        if "events" not in plain:
            return {**number}
        events = msgspec.convert(plain["events"], list[str])
        return {**number, "events": [self._ref(label) for label in events]}

    def _ref(self, label: str) -> str:
        full = self._full(label)
        assert full in self.known, f"{self.stem}: {label} is no earlier label"
        self._refs.append(full)
        return fake(full)

    def _full(self, label: str) -> str:
        return label if ":" in label else f"{self.stem}:{label}"


def _claims(plain: object) -> Iterator[tuple[str, str]]:
    for name, value in msgspec.convert(plain, dict[str, str | list[str]]).items():
        if isinstance(value, str):
            yield name, value
            continue
        for number, each in enumerate(value, start=1):
            yield f"{LISTS[name]}.{number}", each


def _range(text: str) -> list[int]:
    first, _, last = text.partition("-")
    return [int(first), int(last or first)]


def tell(*stems: str) -> dict[str, Told]:
    known: set[str] = set()
    return {told.label: told for stem in stems for told in Reader(stem, known).tell()}


@pytest.fixture(scope="module", name="founding")
def _founding() -> Mapping[str, Told]:
    return {label.partition(":")[2]: told for label, told in tell(FOUNDING).items()}


@pytest.fixture(scope="module", name="invented")
def _invented() -> Mapping[str, Told]:
    return tell(*INVENTED)


def step(told: Told) -> Step:
    assert isinstance(told.event, Step)
    return told.event


def targets(of: Mapping[str, Told]) -> list[tuple[str, str]]:
    """The label of each step and the id of what it moves."""
    return [(told.label, told.event.of) for told in of.values() if isinstance(told.event, Step)]


def request(told: Told) -> Request:
    assert isinstance(told.event, Request)
    return told.event


# Every date of the founding case, as its events give it.
DATES_OF_THE_CASE: list[tuple[str, str, str, str]] = [
    ("meeting-6-march", "occurred", "2025-03-06", "inferred"),
    ("first-request", "made", "2025-03-06", "inferred"),
    ("invitation", "made", "2025-03-06", "inferred"),
    ("letter-12-march", "dated", "2025-03-12", "inferred"),
    ("ministers-reply", "dated", "2025-04-23", "stated"),
    ("ministers-reply", "received", "[2025-04-23..]", "inferred"),
    ("not-told", "period", "2025-03-12/", "inferred"),
    ("letter-8-april", "received", "2025-04-08", "stated"),
    ("letter-8-april", "sent", "[..2025-04-08]", "inferred"),
    ("data-request", "received", "2025-04-08", "stated"),
    ("data-request", "sent", "[..2025-04-08]", "inferred"),
    ("detailed-reply", "sent", "[2025-04-08..]", "inferred"),
    ("list-answered-in-part", "occurred", "[2025-04-08..2025-05-01]", "inferred"),
    ("breakdown-request", "made", "[2025-04-08..]", "inferred"),
    ("elections-over", "occurred", "[2025-05-02..]", "corroborated"),
    ("mhclg-response", "received", "[2025-06-01..2025-06-10]", "convention"),
    ("mhclg-response-record", "received", "[2025-06-01..2025-06-03]", "corroborated"),
    ("email-end-of-may", "received", "[2025-05-21..2025-05-31]", "convention"),
    ("funding-proposed", "occurred", "2025-06-XX", "stated"),
    ("common-data-funding", "due", "2025-11", "stated"),
    ("final-proposals-record", "due", "2025-11-28", "corroborated"),
    ("list-clear", "occurred", "[2025-07-01..2025-07-10]", "convention"),
    ("wants-unclear", "period", "2025-03-06/2025-07~", "convention"),
    ("group-established", "occurred", "[2025-07-01..2025-07-31]", "inferred"),
    ("group-meetings", "period", "2025-07/2025-09", "stated"),
    ("group-meetings-until", "value", "2025-07/2025-09-23", "stated"),
    ("last-meeting", "occurred", "2025-09-23", "stated"),
    ("group-dormant", "period", "2025-09-23/", "stated"),
    ("officer-group-established", "occurred", "2025-XX-XX", "inferred"),
    ("repository-established", "occurred", "2025-XX-XX", "inferred"),
    ("signed-by-rutland", "occurred", "2025-XX-XX", "inferred"),
    ("postcode-request", "received", "[2025-09-23..]", "stated"),
    ("rationale-query", "occurred", "[2025-09-23..]", "inferred"),
    ("no-response", "period", "2025-09-23/", "inferred"),
    ("lincolnshire-protocol", "effective", "[..2025-03-06]", "inferred"),
]


@pytest.mark.parametrize("stem", [FOUNDING, *INVENTED])
def test_is_a_draft_with_clear_ascii_text(stem: str) -> None:
    draft = read(stem)

    assert "draft/v1" == draft.counterfoil
    assert text_of(stem).isascii()
    assert all(len(line) <= 100 for line in text_of(stem).splitlines())


def test_names_every_row_of_the_case() -> None:
    comments = [line for line in text_of(FOUNDING).splitlines() if line.startswith("#")]
    rows = {int(row) for line in comments for row in re.findall(r"\brow ([0-9]+)\b", line)}

    assert set(range(1, 41)) == rows


def test_names_the_row_above_every_event() -> None:
    text = text_of(FOUNDING)
    blocks = re.findall(r"((?:^#.*\n)*)^- label: (\S+)", text, flags=re.MULTILINE)

    assert len(read(FOUNDING).events) == len(blocks)
    assert [] == [label for above, label in blocks if not above.startswith("# row ")]


def test_every_event_is_one_the_kernel_knows(
    founding: Mapping[str, Told], invented: Mapping[str, Told]
) -> None:
    for told in (*founding.values(), *invented.values()):
        ids = {fake(label) for label in told.refs}

        assert ids == {ref for _, ref in references(told.event)}


def test_every_event_has_a_title_of_one_sentence(
    founding: Mapping[str, Told], invented: Mapping[str, Told]
) -> None:
    titles = [told.claims["title"] for told in (*founding.values(), *invented.values())]

    assert [] == [title for title in titles if not re.fullmatch(r"[^.;]+\.", title)]
    assert all(told.claims["title"].startswith("Invented: ") for told in invented.values())


def test_every_date_can_be_read(founding: Mapping[str, Told], invented: Mapping[str, Told]) -> None:
    for told in (*founding.values(), *invented.values()):
        for role in told.dates:
            told.when(role)


@pytest.mark.parametrize(("label", "role", "edtf", "basis"), DATES_OF_THE_CASE)
def test_has_the_dates_of_the_case(
    founding: Mapping[str, Told], label: str, role: str, edtf: str, basis: str
) -> None:
    date = founding[label].dates[role]

    assert (edtf, basis) == (date.edtf, date.basis)


def test_only_blaby_is_marked_as_named() -> None:
    draft = read(FOUNDING)

    assert 7 == len(draft.sets["districts"])
    assert [f"{name}/leader" for name in draft.sets["districts"]] == draft.sets["district-leaders"]
    assert ["leicestershire", "leicester", "rutland", *draft.sets["districts"]] == draft.sets["llr"]
    assert "names only Blaby" in text_of(FOUNDING)


def test_the_list_has_84_items_or_96(founding: Mapping[str, Told]) -> None:
    asked = request(founding["data-request"])

    assert 84 == (asked.categories or 0) * len(asked.areas or ())
    assert 12 == (asked.categories or 0) * len(asked.areas_doubtful or ())
    assert not any(name.startswith("item.") for name in founding["data-request"].claims)


def test_the_invited_had_the_ball_for_33_days(founding: Mapping[str, Told]) -> None:
    made = founding["invitation"].when("made")

    assert (33, 33) == days_between(made, founding["data-request"].when("received"))
    assert (33, 33) == days_between(made, founding["invitation-taken-up"].when("occurred"))
    assert step(founding["invitation-taken-up"]).of == fake("founding:invitation")


def test_the_county_learned_of_the_letter_after_42_days_or_more(
    founding: Mapping[str, Told],
) -> None:
    written = founding["letter-12-march"].when("dated")

    assert (42, None) == days_between(written, founding["became-aware"].when("occurred"))


def test_the_first_request_was_clear_after_117_to_126_days(founding: Mapping[str, Told]) -> None:
    made = founding["first-request"].when("made")

    assert (117, 126) == days_between(made, founding["first-request-clear"].when("occurred"))
    assert step(founding["first-request-clear"]).of == fake("founding:first-request")


def test_the_email_came_before_the_response_that_was_waited_for(
    founding: Mapping[str, Told],
) -> None:
    email, response = founding["email-end-of-may"], founding["mhclg-response"]

    assert "yes" == is_before(email.when("received"), response.when("received"))
    waited = (fake("founding:elections-over"), fake("founding:mhclg-response"))
    assert waited == step(founding["list-deferred"]).until_events


def test_the_query_about_postcodes_has_no_answer(founding: Mapping[str, Told]) -> None:
    steps = [label for label, of in targets(founding) if of == fake("founding:postcode-request")]

    assert ["founding:rationale-query"] == steps
    assert "seek_clarification" == step(founding["rationale-query"]).verb


def test_ten_signatures_are_told_one_by_one(founding: Mapping[str, Told]) -> None:
    signed = [step(told).by for told in founding.values() if told.label.startswith("founding:sig")]

    assert read(FOUNDING).sets["llr"] == signed


def test_the_account_counts_every_sentence_and_agrees_with_the_locators(
    founding: Mapping[str, Told],
) -> None:
    account = next(plain for plain in read(FOUNDING).events if plain["label"] == "account")
    sentences = msgspec.convert(account["sentences"], list[Plain])
    told = {
        int(str(each["number"])): set(msgspec.convert(each.get("events", []), list[str]))
        for each in sentences
    }
    located: dict[int, set[str]] = {number: set() for number in range(1, 24)}
    for label, event in founding.items():
        for number in re.findall(r"[0-9]+", event.claims.get("locator", "")):
            located[int(number)].add(label)

    assert located == told


def test_the_invented_dispute_is_signed_by_both_sides(invented: Mapping[str, Told]) -> None:
    stances = {
        (told.event.author, word)
        for told in invented.values()
        for word in (getattr(told.event, "stance", None), getattr(told.event, "verb", None))
        if word is not None
    }

    assert {
        *(("southfold", "received"), ("southfold", "agree"), ("southfold", "deny")),
        *(("southfold", "acknowledge"), ("southfold", "seek_clarification")),
        *(("southfold", "answer"), ("southfold", "fulfil")),
        *(("northmere", "received"), ("northmere", "agree"), ("northmere", "clarify")),
        *(("northmere", "confirm"), ("northmere", "chase"), ("northmere", "retract_own")),
    } == stances


def test_the_invented_dispute_has_precise_dates_of_2026_only(invented: Mapping[str, Told]) -> None:
    dates = [told.when(role) for told in invented.values() for role in told.dates]

    assert all(when.precise and when.edtf.startswith("2026-") for when in dates)


def test_one_promise_of_the_invented_dispute_lapses(invented: Mapping[str, Told]) -> None:
    promised = {label for label in invented if label.endswith("-promised")}
    moved = {of for _, of in targets(invented)}

    assert ["invented-2-south:readings-promised"] == [p for p in promised if fake(p) not in moved]


def test_every_invented_file_says_so_first() -> None:
    for stem in INVENTED:
        assert text_of(stem).startswith("# INVENTED")
