"""Drafts: what a person writes, every refusal with its place, and any octets at all."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from ledger.compose import Composed, FileClaim, compose
from ledger.date_words import words_to_edtf
from ledger.dates import parse_when
from ledger.drafts import Draft, compose_event, new_draft, parse_draft, read_draft
from ledger.errors import ComposeError, DraftError, LedgerError
from ledger.handwritten import MAX_OCTETS, read_yaml
from ledger.shapes import COMMON, KINDS, REFERENCES, fields_of
from verify.claims import STEMS
from verify.codec import Hash
from verify.events import references
from verify.kinds import Communication, Event, Meeting, Position, Step

CASE = """
counterfoil: draft/v1
author: leicestershire
year: 2025
sets:
  districts: [blaby, charnwood]
events:
  - label: meeting-6-march
    kind: meeting
    host: leicestershire/acting-leader
    attendees: [$districts, rutland]
    minutes: no
    dates:
      occurred: {words: "6th March", edtf: "2025-03-06", basis: inferred}
      created: 2025-03-07
      received: {words: early June}
    claims:
      title: The meeting of 6 March
      items: [a, b, c]
      file.1: {path: letter.pdf}
      text: 012
    withheld: [text]
    audience: {items: [rutland, blaby]}
    retain: {text: 2031-01-01}
  - kind: step/v1
    of: meeting-6-march
    target: request
    verb: chase
    items: [20, 1-12, 13]
    until_events: [meeting-6-march]
    links: [{rel: follows, to: meeting-6-march}]
"""
DEMO = Path(__file__).parents[2] / "ledger" / "demo"
HEAD = "counterfoil: draft/v1\nevents:\n"


class Nothing:
    """Nothing was kept."""

    def disclosures(self, event_id: str, names: tuple[str, ...]) -> tuple[str, ...]:
        raise ComposeError(event_id, str(names))

    def nested(self, event_id: str) -> Composed:
        raise ComposeError("of", event_id)


def draft(text: str, folder: Path = Path("/nonexistent")) -> Draft:
    return parse_draft(text.encode(), path=folder / "draft.yaml")


def refusal(text: str, folder: Path = Path("/nonexistent")) -> DraftError:
    with pytest.raises(DraftError) as refused:
        draft(text, folder)
    return refused.value


def composed(of: Draft) -> list[Composed]:
    ids: dict[str, str] = {}
    found: list[Composed] = []
    for event in of.events:
        one = compose_event(event, author=of.author or "blaby", ids=ids, kept=Nothing())
        found.append(one)
        if event.label is not None:
            ids[event.label] = one.id.hex()
    return found


def test_reads_the_case(tmp_path: Path) -> None:
    (tmp_path / "letter.pdf").write_bytes(b"%PDF")
    (tmp_path / "draft.yaml").write_text(CASE)
    read = read_draft(tmp_path / "draft.yaml")
    meeting, step = (one.event for one in composed(read))

    assert "leicestershire" == read.author
    assert isinstance(meeting, Meeting)
    assert ("blaby", "charnwood", "rutland") == meeting.attendees
    assert "no" == meeting.minutes
    assert {
        "occurred": ("inferred", "2025-03-06"),
        "created": ("stated", "2025-03-07"),
        "received": ("convention", "[2025-06-01..2025-06-10]"),
    } == {role: (date.basis, date.edtf) for role, date in (meeting.dates or {}).items()}
    assert ("text",) == meeting.withheld
    assert {f"item.{n}": ("blaby", "rutland") for n in (1, 2, 3)} == meeting.audience
    assert {"text": "2031-01-01"} == meeting.retain
    assert "012" == read.events[0].claims["text"]
    assert "6th March" == read.events[0].claims["phrase_occurred"]
    assert "early June" == read.events[0].claims["phrase_received"]
    assert isinstance(step, Step)
    assert ((1, 13), (20, 20)) == step.items
    meeting_id = composed(read)[0].id.hex()
    assert len(meeting_id) == len(step.of)
    assert (step.of,) == step.until_events
    assert step.links is not None
    assert step.of == step.links[0].event
    file = read.events[0].claims["file.1"]
    assert isinstance(file, FileClaim)
    assert ("letter.pdf", "application/pdf", 4) == (file.name, file.media_type, file.size)


def test_reads_json_as_well() -> None:
    text = (
        '{"counterfoil": "draft/v1", "events": [{"kind": "meeting", "count": 3,'
        ' "claims": {"text": "\\ud83d\\ude00"}}]}'
    )
    read = parse_draft(text.encode(), path=Path("draft.json"))

    assert "\N{GRINNING FACE}" == read.events[0].claims["text"]
    assert {"count": 3} == read.events[0].fields


@pytest.mark.parametrize(
    ("text", "event", "field"),
    [
        ("- kind: meting\n", "1", "kind"),
        ("- {}\n", "1", None),
        ("- label: x\n  host: blaby\n", "x", "kind"),
        ("- label: x\n  kind: meeting\n  hots: blaby\n", "x", "hots"),
        ("- kind: meeting\n  host: Blaby Council\n", "1", "host"),
        ("- kind: meeting\n  host: [blaby]\n", "1", "host"),
        ("- kind: meeting\n  attendees: blaby\n", "1", "attendees"),
        ("- kind: meeting\n  attendees: [$all]\n", "1", "attendees[0]"),
        ("- kind: meeting\n  attendees: [a, b, a]\n", "1", "attendees[2]"),
        ("- kind: meeting\n  minutes: maybe\n", "1", "minutes"),
        ("- kind: meeting\n  count: 0\n", "1", "count"),
        ("- kind: meeting\n  count: 1.0\n", "1", "count"),
        ("- kind: meeting\n  count: 0x10\n", "1", "count"),
        ("- kind: meeting\n  count: 99999999999999999999\n", "1", "count"),
        ("- kind: meeting\n  dates: {occured: 2025}\n", "1", "dates.occured"),
        ("- kind: meeting\n  dates: {occurred: 2025-02-30}\n", "1", "dates.occurred.edtf"),
        ("- kind: meeting\n  dates: {occurred: 06/03/2025}\n", "1", "dates.occurred.edtf"),
        ("- kind: meeting\n  dates: {occurred: {words: soon}}\n", "1", "dates.occurred"),
        ("- kind: meeting\n  dates: {occurred: {basis: stated}}\n", "1", "dates.occurred"),
        (
            "- kind: meeting\n  dates: {occurred: {edtf: 2025-03-06, basis: sure}}\n",
            "1",
            "dates.occurred.basis",
        ),
        ("- kind: meeting\n  claims: {titel: x}\n", "1", "claims.titel"),
        ("- kind: meeting\n  claims: {item.2: x}\n", "1", "claims"),
        ("- kind: meeting\n  claims: {items: [x], item.1: y}\n", "1", "claims.item.1"),
        ("- kind: meeting\n  claims: {title: [x]}\n", "1", "claims.title"),
        ("- kind: meeting\n  withheld: [text]\n", "1", "withheld[0]"),
        ("- kind: meeting\n  audience: {text: [a]}\n", "1", "audience.text"),
        ("- kind: meeting\n  retain: {text: soon}\n", "1", "retain.text"),
        ("- kind: meeting\n  authority: claimed\n", "1", "authority"),
        ("- kind: meeting\n  nonce: 00000000000000000000000000000000\n", "1", "nonce"),
        ("- kind: meeting\n  author: blaby\n", "1", "author"),
        ("- kind: meeting\n  links: [{rel: follows, to: later}]\n", "1", "links[0].to"),
        ("- kind: meeting\n  links: [{rel: folows, to: " + "ab" * 32 + "}]\n", "1", "links[0].rel"),
        ("- kind: meeting\n  links: [{rel: follows}]\n", "1", "links[0].to"),
        ("- kind: step\n  of: x\n  target: request\n  verb: chase\n", "1", "of"),
        (f"- kind: step\n  of: {'ab' * 32}\n  target: request\n  verb: sign\n", "1", "verb"),
        (f"- kind: step\n  of: {'ab' * 32}\n  target: request\n", "1", "verb"),
        (
            f"- kind: step\n  of: {'ab' * 32}\n  target: request\n  verb: chase\n  items: [5-3]\n",
            "1",
            "items[0]",
        ),
        (
            f"- {{kind: step, of: {'ab' * 32}, target: request, verb: chase, items: [1-5, 5]}}\n",
            "1",
            "items",
        ),
        ("- {label: a, kind: meeting}\n- {label: a, kind: meeting}\n", "a", "label"),
        ("- {label: " + "ab" * 32 + ", kind: meeting}\n", "ab" * 32, "label"),
        ("- kind: sealed\n  opens_by: soon\n  event: {kind: meeting}\n", "1", "opens_by"),
        ("- kind: sealed\n  opens_by: 2026-01-01\n", "1", "event"),
        ("- kind: sealed\n  opens_by: 2026-01-01\n  event: {kind: opening}\n", "1", "event.kind"),
        (f"- kind: opening\n  of: {'ab' * 32}\n  claims: {{text: x}}\n", "1", "claims"),
        ("- kind: meeting\n  claims:\n    title: Plot #12\n", "1", "claims.title"),
        ("- kind: meeting\n  claims:\n    items:\n    - Plot\t#12\n", "1", "claims.items"),
        ("- kind: meeting\n  claims: {text: FILL-IN}\n", "1", "claims.text"),
        (
            "- kind: meeting\n  dates:\n    occurred:\n      words: May #3\n      edtf: 2025-05\n",
            "1",
            "dates.occurred.words",
        ),
        ("- kind: meeting\n  claims: {title: ~}\n", None, None),
        ("- kind: meeting\n  claims:\n    title:\n", None, None),
        ("- kind: meeting\n  claims: {title: x, title: y}\n", None, None),
    ],
)
def test_says_where_it_is_wrong(text: str, event: str | None, field: str | None) -> None:
    found = refusal(HEAD + text)

    assert (event, field) == (found.event, found.field)
    assert found.path.endswith("draft.yaml")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("- kind: meting\n", "meeting"),
        ("- kind: meeting\n  atendees: [a]\n", "attendees"),
        ("- kind: communication\n  channel: leter\n", "letter"),
        ("- kind: meeting\n  dates: {occured: 2025}\n", "occurred"),
        ("- kind: meeting\n  claims: {titel: x}\n", "title"),
        ("- {label: first, kind: meeting}\n- {kind: position, on: frist, stance: deny}\n", "first"),
    ],
)
def test_says_what_may_have_been_meant(text: str, meant: str) -> None:
    assert f"did you mean '{meant}'" in refusal(HEAD + text).reason


@pytest.mark.parametrize(
    "text",
    [
        "- kind: meeting   # a remark\n",
        "- kind: meeting\n  claims:\n    title: 'Plot #12' # a remark\n    text: Plot#12\n",
        "- kind: meeting\n  claims:\n    text: | # a remark\n      Plot #12\n",
    ],
)
def test_a_remark_may_stand_where_it_takes_nothing_away(text: str) -> None:
    read = parse_draft((HEAD + text).encode(), path=Path("draft.yaml"))

    assert "meeting/v1" == read.events[0].kind
    assert all(
        "Plot" in str(claim) and "12" in str(claim) for claim in read.events[0].claims.values()
    )


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("counterfoil: draft/v1\n".encode("utf-16"), "line 1: is not UTF-8: save the file as"),
        ("counterfoil: draft/v1\n".encode("utf-16-be"), "line 1 has the character U+0000"),
        (b"counterfoil: draft/v1\nyear: \x07\n", "line 2 has the character U+0007"),
        (b"counterfoil: draft/v1\nyear: @a\n", "goes in quotes"),
    ],
)
def test_says_what_to_do_about_a_file_that_is_no_text(octets: bytes, reason: str) -> None:
    with pytest.raises(DraftError) as found:
        parse_draft(octets, path=Path("draft.yaml"))

    assert reason in found.value.reason


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a\n",
        "counterfoil: draft/v2\nevents: [{kind: meeting}]\n",
        "counterfoil: draft/v1\n",
        "counterfoil: draft/v1\nevents: []\n",
        "counterfoil: draft/v1\nevents: {}\n",
        "counterfoil: draft/v1\nevent: []\n",
        "counterfoil: draft/v1\nauthor: A B\nevents: [{kind: meeting}]\n",
        "counterfoil: draft/v1\nyear: 25\nevents: [{kind: meeting}]\n",
        "counterfoil: draft/v1\nsets: {A: [a]}\nevents: [{kind: meeting}]\n",
        "counterfoil: draft/v1\nsets: {a: [$b]}\nevents: [{kind: meeting}]\n",
        "counterfoil: draft/v1\nevents: &a [{kind: meeting}]\n",
        "counterfoil: draft/v1\nevents: *a\n",
        "counterfoil: !!str draft/v1\nevents: [{kind: meeting}]\n",
        "counterfoil: draft/v1\nevents: !!python/object/apply:os.system [ls]\n",
        "counterfoil: draft/v1\nevents: [{kind: meeting}]\n---\na: b\n",
        "counterfoil: draft/v1\n? [a]\n: b\n",
        "counterfoil: draft/v1\nevents: " + "[" * 5000 + "\n",
        "counterfoil: draft/v1\nevents: " + "[" * 40 + "]" * 40 + "\n",
        "counterfoil: draft/v1\nevents: [{kind: meeting}\n",
        "counterfoil: draft/v1\nevents: \x00\n",
        '"\\ud800": x\n',
        "#" * (MAX_OCTETS + 1),
    ],
)
def test_refuses_what_is_no_draft(text: str) -> None:
    refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        '{"counterfoil": "draft/v1", "events": [{"kind": "meeting", "count": true}]}',
        '{"counterfoil": "draft/v1", "events": null}',
        '{"counterfoil": "\\ud800"}',
        "",
    ],
)
def test_refuses_what_is_no_json_draft(text: str) -> None:
    with pytest.raises(DraftError):
        parse_draft(text.encode(), path=Path("draft.json"))


def test_takes_files_only_from_below_its_own_folder(tmp_path: Path) -> None:
    folder = tmp_path / "drafts"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"x")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "sub" / "a.txt").write_bytes(b"x")
    for path in ("../secret", str(tmp_path / "secret"), "link", "loop", "sub", "nothing", "a\\0b"):
        text = f'{HEAD}- kind: artefact\n  type: other\n  claims: {{file.1: {{path: "{path}"}}}}\n'
        assert "claims.file.1.path" == refusal(text, folder).field
    text = f"{HEAD}- kind: artefact\n  type: other\n  claims: {{files: [sub/a.txt]}}\n"
    file = draft(text, folder).events[0].claims["file.1"]

    assert isinstance(file, FileClaim)
    assert ("a.txt", "text/plain") == (file.name, file.media_type)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ("media_type: PDF", "claims.file.1.media_type"),
        ('name: "a/b"', "claims.file.1.name"),
        ("nmae: x", "claims.file.1.nmae"),
    ],
)
def test_refuses_odd_files(tmp_path: Path, more: str, field: str) -> None:
    (tmp_path / "a").write_bytes(b"x")
    text = f"{HEAD}- kind: artefact\n  type: other\n  claims: {{file.1: {{path: a, {more}}}}}\n"

    assert field == refusal(text, tmp_path).field


def test_what_cannot_be_read_is_a_draft_error(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.yaml", tmp_path):
        with pytest.raises(DraftError):
            read_draft(path)


def test_sorts_the_lists_that_must_be_sorted() -> None:
    text = f"{HEAD}- kind: erasure\n  of: {'ab' * 32}\n  names: [title, text]\n  ground: error\n"

    assert ["text", "title"] == draft(text).events[0].fields["names"]


def test_position_fields_and_from_are_read() -> None:
    text = (
        f"{HEAD}- {{kind: position, on: {'ab' * 32}, stance: dispute, field: dates.sent}}\n"
        "- {kind: communication, channel: email, from: [blaby]}\n"
    )
    position, email = (one.event for one in composed(draft(text)))

    assert isinstance(position, Position)
    assert "dates.sent" == position.field
    assert isinstance(email, Communication)
    assert ("blaby",) == email.from_


@pytest.mark.parametrize("path", sorted(DEMO.glob("*.yaml")), ids=lambda path: path.stem)
def test_reads_the_demonstration(path: Path) -> None:
    text = path.read_text()
    elsewhere = dict.fromkeys(re.findall(r"[a-z0-9-]+:[a-z0-9-]+", text), "ab" * 32)
    read = read_draft(path, elsewhere=elsewhere)

    assert len(read.events) == len(composed(read))


# The shapes cannot drift from the kernel


def test_every_reference_of_the_kernel_is_one_here() -> None:
    hashes = inspect.type_info(Hash)
    for tag, kind in KINDS.items():
        named = {f.name for f in fields_of(kind).values() if f.type == hashes}
        assert named - REFERENCES <= {"charter", "key", "log_key", "replaces", "root", "seals"}
        for name in named & REFERENCES:
            assert "ab" * 32 in dict(references(event_with(tag, name))).values(), (tag, name)


# Beside what is required: what the kernel asks of fields together.
_TOGETHER: dict[str, dict[str, object]] = {
    "erasure/v1": {"names": ["text"]},
    "opening/v1": {"names": ["text"]},
    "step/v1": {"target": "request", "verb": "chase"},
}


def event_with(tag: str, name: str) -> Event:
    required = {
        f.name: sample(f.type)
        for f in fields_of(KINDS[tag]).values()
        if f.required and f.name not in COMMON
    }
    fields = required | _TOGETHER.get(tag, {}) | {name: "ab" * 32}
    return compose(tag, author="blaby", fields=fields).event


def sample(shape: inspect.Type) -> object:
    match shape:
        case inspect.LiteralType():
            return shape.values[0]
        case inspect.IntType():
            return shape.ge
        case inspect.VarTupleType():
            return [sample(shape.item_type)]
        case inspect.StructType():
            return {f.name: sample(f.type) for f in fields_of(shape.cls).values() if f.required}
        case inspect.StrType() if shape.pattern is not None:
            words = ("a", "00" * 32, "counterfoil/1")
            return next(word for word in words if re.search(shape.pattern, word))
        case _:
            return "text"


# Templates


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_shows_every_field_and_word_of_its_kind(kind: str) -> None:
    text = new_draft(kind.removesuffix("/v1"))

    assert isinstance(read_yaml(text.encode()), dict)
    if kind == "sealed/v1":
        return
    for field in fields_of(KINDS[kind]).values():
        if field.name in COMMON or (kind, field.name) == ("opening/v1", "event"):
            continue
        assert f"\n    {field.name}: " in text or f"\n    # {field.name}: " in text
        if isinstance(field.type, inspect.LiteralType):
            assert all(str(word) in text for word in field.type.values)


def test_dates_in_a_template_are_dates_and_its_words_need_none() -> None:
    text = new_draft("meeting").replace("\n    #  ", "")
    (line,) = re.findall("# edtf: (.*)", text)
    words = line.partition("Words such as ")[2].removesuffix(" need none.").split(", ")

    assert 7 == len([parse_when(each, basis="stated") for each in re.findall('"(.*?)"', line)])
    assert 4 == len([words_to_edtf(each, year=2025) for each in words])
    assert None not in [words_to_edtf(each, year=2025) for each in words]


@pytest.mark.parametrize(("year", "words", "told"), [
    ("", "6th March", "names no year: give `year` at the top"),
    ("", "around March", "has no set meaning here: give `edtf` as well"),
    ("year: 2025\n", "29th February", "has no set meaning here: give `edtf` as well"),
])  # fmt: skip
def test_words_that_give_no_date_are_told_what_to_write(year: str, words: str, told: str) -> None:
    event = f"- kind: meeting\n  dates: {{occurred: {{words: {words}}}}}\n"
    error = refusal(f"counterfoil: draft/v1\n{year}events:\n{event}")
    dates = re.findall('"(.*?)"', str(error))

    assert f"{words!r} {told}" in str(error)
    assert all(parse_when(each, basis="stated") for each in dates)


def test_a_season_is_told_apart_from_a_day_that_is_none() -> None:
    event = '- kind: meeting\n  dates: {occurred: "2025-21"}\n'
    error = refusal(f"counterfoil: draft/v1\nevents:\n{event}")
    (months,) = re.findall(r"\[.*?\]", str(error))

    assert "is a season" in str(error)
    assert parse_when(months, basis="stated").kind == "point"


def test_a_template_names_every_stem() -> None:
    text = new_draft("meeting")

    assert all(stem in text for stem in STEMS if not stem.startswith("phrase_"))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_template_is_not_recorded_as_it_stands(kind: str) -> None:
    if any(f.required for f in fields_of(KINDS[kind]).values() if f.name not in COMMON):
        refusal(new_draft(kind))


def test_there_is_no_template_of_no_kind() -> None:
    with pytest.raises(DraftError):
        new_draft("gossip")


# Any octets


@given(st.binary(max_size=200))
def test_any_octets_are_a_draft_or_an_error(data: bytes) -> None:
    for name in ("a.yaml", "a.json"):
        for octets in (data, HEAD.encode() + data):
            try:
                parse_draft(octets, path=Path("/nonexistent") / name)
            except DraftError:
                continue


_WORDS = st.sampled_from(
    ["kind", "meeting", "step", "request", "opening", "sealed", "hold", "of", "event", "claims",
     "files", "items", "dates", "occurred", "words", "edtf", "links", "rel", "to", "$a", "1-3",
     "ab" * 32, "2025-03-06", "label", "text", "names", "opens_by", "path", "..", "~", "\x7f"]
)  # fmt: skip
_PLAIN = st.recursive(
    _WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(
    st.lists(st.dictionaries(_WORDS, _PLAIN, max_size=5), max_size=3),
    st.sampled_from(sorted(KINDS)),
)
@settings(max_examples=400)
def test_any_events_are_a_draft_or_an_error(events: list[dict[str, object]], kind: str) -> None:
    for event in events:
        event["kind"] = kind
    data = msgspec.json.encode({"counterfoil": "draft/v1", "events": events, "sets": {"a": ["b"]}})
    try:
        read = parse_draft(data, path=Path("/nonexistent/a.json"))
    except DraftError:
        return
    try:
        composed(read)
    except LedgerError:
        # Only what was not kept here can be missing by now.
        assert "opening/v1" in {event.kind for event in read.events}
