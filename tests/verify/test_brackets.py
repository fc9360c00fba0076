"""Brackets: what cosignatures prove of an entry's time, as section 8.2 defines it."""

import base64
import datetime as dt
import hashlib
import math
from itertools import count
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests import reference
from tests.showing import evidence_of
from tests.vectors.signatures import subproof
from tests.verify.commanding import run, written
from tests.world import World, cosign, founding_charter, letter, policy, restart, witness
from verify.anchors import Anchors
from verify.audit import audit
from verify.brackets import (
    Bracket,
    Brackets,
    Committed,
    Cosigned,
    check_recorded,
    format_time_s,
)
from verify.checks import Check
from verify.codec import encode
from verify.errors import QuorumError, RuleError
from verify.evidence import Covering, Evidence, EvidenceStamp, audit_evidence
from verify.policy import Policy, check_quorum, parse_policy
from verify.report import Report, Times
from verify.source import MappingSource

NAMES = ("w1", "w2", "w3", "w4")
TWO = parse_policy(policy("group g 2 w1 w2 w3 w4", "quorum g", names=NAMES))
NESTED = parse_policy(
    policy("group a any w1 w2", "group b all a w3", "group g any b w4", "quorum g", names=NAMES)
)
TIMES = st.dictionaries(
    st.sampled_from(NAMES), st.lists(st.integers(1, 20), min_size=1, max_size=3).map(tuple)
)
"""The times of a note's witnesses, some of whom cosigned it more than once."""


def is_quorum(policy_: Policy, names: set[str]) -> bool:
    try:
        check_quorum(policy_, cosigned=names)
    except QuorumError:
        return False
    return True


@st.composite
def logs(draw: st.DrawFn) -> tuple[list[Cosigned], list[Committed]]:
    """Draw the cosigned notes of a log of 12 entries, and statements that name some of them."""
    policy_: Policy = draw(st.sampled_from((TWO, NESTED)))
    sizes = draw(st.lists(st.integers(1, 12), max_size=8))
    notes = [
        Cosigned(size, bytes([number]), policy_, draw(TIMES)) for number, size in enumerate(sizes)
    ]
    statements = []
    for first in range(12):
        earlier = [note for note in notes if note.size <= first]
        names: str = draw(st.sampled_from(("a note", "a plain note", "nothing")))
        if earlier and names == "a note":
            note = draw(st.sampled_from(earlier))
            statements.append(Committed(first, note.size, note.note))
        elif first and names == "a plain note":
            statements.append(Committed(first, draw(st.integers(1, first)), b"plain"))
    return notes, statements


def after_by_definition(
    notes: list[Cosigned], statements: list[Committed], first: int
) -> int | None:
    own = [said for said in statements if said.first == first]
    if not own:
        return None
    named = {own[0].note} | {said.note for said in statements if said.first < own[0].seen_size}
    return max(
        (
            at_s
            for note in notes
            if note.note in named
            for at_s in range(1, 21)
            if is_quorum(note.policy, {n for n, times in note.times.items() if max(times) >= at_s})
        ),
        default=None,
    )


def by_by_definition(notes: list[Cosigned], index: int) -> int | None:
    return min(
        (
            at_s
            for size in range(index + 1, 13)
            for at_s in range(1, 21)
            if (same := [note for note in notes if note.size == size])
            if is_quorum(
                same[0].policy,
                {n for note in same for n, times in note.times.items() if min(times) <= at_s},
            )
        ),
        default=None,
    )


@given(logs())
def test_brackets_are_those_of_the_definition(log: tuple[list[Cosigned], list[Committed]]) -> None:
    notes, statements = log
    brackets = Brackets(covering=notes, seen=notes, statements=statements)

    for index in range(13):
        bracket = brackets.of(index, first=index)
        assert after_by_definition(notes, statements, index) == bracket.after_s
        assert by_by_definition(notes, index) == bracket.by_s
        assert (bracket.by_s is None) is (bracket.witnesses == 0)
        assert (bracket.by_s is None) is (index >= brackets.covered)
        assert bracket.cosigned <= bracket.witnesses
        own = [said._replace(seen_size=0) for said in statements if said.first == index]
        alone = after_by_definition(notes, own, index)
        held_against = brackets.held_against(index, first=index)
        assert replace(bracket, after_s=alone) == held_against


@given(logs(), st.data())
def test_brackets_are_equal_when_they_say_the_same_of_all_entries(
    log: tuple[list[Cosigned], list[Committed]], data: st.DataObject
) -> None:
    notes, statements = log
    fewer = data.draw(st.lists(st.sampled_from(notes), unique_by=id)) if notes else []
    one, other = (
        Brackets(covering=each, seen=each, statements=statements) for each in (notes, fewer)
    )
    said = [[each.of(index, first=index) for index in range(13)] for each in (one, other)]

    assert said[0] == said[1] or one != other
    assert one == Brackets(covering=notes[::-1], seen=notes, statements=statements)
    assert one != said[0]


@given(st.sampled_from((TWO, NESTED)), st.data())
def test_a_lying_minority_cannot_move_a_bracket_past_the_truth(
    policy_: Policy, data: st.DataObject
) -> None:
    liars = data.draw(st.sets(st.sampled_from(NAMES)))
    if is_quorum(policy_, liars):
        return
    sizes = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=5, unique=True))
    # Honestly, a tree of n entries is cosigned at time 10 n or later; liars say what they like.
    notes = [
        Cosigned(
            size,
            bytes([size]),
            policy_,
            {
                name: (data.draw(st.integers(1, 999) if name in liars else st.just(10 * size)),)
                for name in NAMES
            },
        )
        for size in sizes
    ]
    statements = [Committed(size, size, bytes([size])) for size in sorted(sizes)]
    brackets = Brackets(covering=notes, seen=notes, statements=statements)
    for size in sizes:
        bracket = brackets.of(size, first=size)

        assert bracket.after_s is not None
        assert bracket.after_s <= 10 * size
        by_s = brackets.of(size - 1, first=size - 1).by_s
        assert by_s is not None
        assert by_s >= 10 * size


def test_the_bracket_says_how_many_had_cosigned_by_then() -> None:
    notes = [
        Cosigned(3, b"1", TWO, {"w1": (5,), "w2": (9,)}),
        Cosigned(3, b"2", TWO, {"w3": (6, 2), "w1": (7,), "w4": (8,)}),
        Cosigned(2, b"3", TWO, {"w1": (5,), "w2": (5,), "w3": (1,)}),
    ]
    brackets = Brackets(covering=notes, seen=(), statements=[Committed(2, 1, b"1")])

    assert Bracket(None, 5, 3, 4) == brackets.of(1, first=1)
    assert Bracket(None, 5, 2, 4) == brackets.of(2, first=2)
    assert Bracket() == brackets.of(3, first=3)
    assert 3 == brackets.covered
    assert 0 == Brackets(covering=(), seen=(), statements=()).covered


@pytest.mark.parametrize(
    ("recorded", "is_fine"),
    [(89_999, False), (90_000, True), (100_500, True), (210_999, True), (211_000, False)],
)
def test_recorded_lies_in_the_bracket_but_for_the_tolerance(recorded: int, is_fine: bool) -> None:  # noqa: FBT001 (a row)
    def check(bracket: Bracket) -> bool:
        try:
            check_recorded(bracket, recorded=recorded, tolerance_s=10)
        except RuleError as error:
            return error.check is not Check.BRACKET
        return True

    assert is_fine is check(Bracket(100, 200, 2, 3))
    assert check(Bracket())
    assert check(Bracket(100, None)) or recorded < 100_000
    assert check(Bracket(None, 200, 2, 3)) or recorded > 200_000


@given(st.datetimes(timezones=st.just(dt.UTC)).filter(lambda when: when.year >= 1000))
def test_times_are_written_as_the_calendar_has_them(when: dt.datetime) -> None:
    assert when.strftime("%Y-%m-%d %H:%M:%S UTC") == format_time_s(math.floor(when.timestamp()))


def test_every_day_of_five_centuries_is_written() -> None:
    day = dt.date(1900, 3, 1)
    for number in count((day - dt.date(1970, 1, 1)).days):
        if day.year == 2401:
            break

        assert f"{day} 00:00:00 UTC" == format_time_s(number * 86_400)
        day += dt.timedelta(days=1)


def test_the_last_time_that_a_cosignature_can_have_is_written() -> None:
    assert "292277026596-12-04 15:30:07 UTC" == format_time_s(2**63 - 1)


# In exports and evidence


@pytest.fixture
def world() -> World:
    """Return a ledger with witnesses in its charter; entry 3 has seen entries 1 and 2 cosigned."""
    restart("brackets")
    made = World().found(witnesses=tuple(map(witness, ("w1", "w2", "w3"))), quorum=2)
    made.submit(letter("northmere"), letter("northmere"))
    at_s = made.now // 1000
    note = cosign(made.note(), ("w1", at_s), ("w2", at_s + 1))
    made.keep(note)
    seen, _ = made.seen()
    named = replace(seen, note=hashlib.sha256(note).hexdigest())
    made.submit(letter("northmere"), seen=named)
    return made


def seen_at_s(world: World) -> int:
    return world.now // 1000 - 1


def evidence(world: World, *times: tuple[str, int]) -> Evidence:
    """Return the evidence of entries 1 and 3 with a checkpoint that was cosigned at these times."""
    return replace(evidence_of(world, 1, 3), checkpoint=cosign(world.note(), *times).decode())


def judged(shown: Evidence, applied: bytes | None = None) -> Report:
    """Judge by both verifiers, which must agree."""
    anchors = Anchors(policy=None if applied is None else parse_policy(applied))
    report = audit_evidence(encode(shown), anchors=anchors)
    other = reference.audit_evidence(encode(shown), policy=applied)
    assert report.verdict.removesuffix("-consistent") == other.verdict
    assert [int(f.check) for f in report.findings[:1]] == [f.check for f in other.findings]
    return report


def test_an_export_counts_what_is_bracketed(world: World) -> None:
    at_s = seen_at_s(world)
    times = audit(MappingSource(world.export())).times

    assert Times("charter", (), 1, 3, at_s, at_s + 1) == times
    late = {**world.export(), "checkpoint": cosign(world.note(), ("w1", 2**40), ("w3", 2**40))}
    times = audit(MappingSource(late)).times
    assert Times("charter", (), 1, 4, at_s, 2**40) == times
    anchors = Anchors(policy=parse_policy(policy("quorum w2")))
    times = audit(MappingSource(world.export()), anchors=anchors).times
    assert Times("policy", (), 1, 3, at_s + 1, at_s + 1) == times
    anchors = Anchors(policy=parse_policy(policy("quorum none")))
    assert audit(MappingSource(world.export()), anchors=anchors).times is None
    assert audit(MappingSource(World().found().export())).times is None
    cold = World().found(witnesses=(witness("w1"),), quorum=1)
    assert Times("charter") == audit(MappingSource(cold.export())).times


def test_evidence_brackets_each_entry_that_it_shows(world: World) -> None:
    at_s = seen_at_s(world)
    one, three = Bracket(None, at_s + 9, 2, 3), Bracket(at_s, at_s + 9, 2, 3)
    shown = evidence(world, ("w1", at_s + 8), ("w3", at_s + 9))

    assert Times("charter", ((1, one), (3, three))) == judged(shown).times
    bare = evidence(world)
    assert Times("charter", ((1, Bracket()), (3, Bracket(at_s)))) == judged(bare).times
    times = judged(shown, policy("group g any w1 w2", "quorum g")).times
    one, three = Bracket(None, at_s + 8, 1, 2), Bracket(at_s + 1, at_s + 8, 1, 2)
    assert Times("policy", ((1, one), (3, three))) == times
    assert judged(bare, policy("quorum none")).times is None


def test_evidence_recorded_outside_its_bracket_is_invalid(world: World) -> None:
    at_s = seen_at_s(world)
    report = judged(evidence(world, ("w1", at_s - 302), ("w2", at_s - 302)))

    assert [(Check.BRACKET, 1), (Check.BRACKET, 3)] == [(f.check, f.index) for f in report.findings]


def test_nothing_is_invalid_by_a_note_named_before_the_tolerance_became_smaller() -> None:
    named: dict[str, object] = {"witnesses": (witness("w1"),), "quorum": 1}
    made = World().found(**named)  # type: ignore[arg-type]  # any field
    ahead_s = made.now // 1000 + 200
    having_seen(made, cosign(made.note(), ("w1", ahead_s)))
    amends = hashlib.sha256(b"\x00" + encode(made.events()[0])).hexdigest()
    amended = {"amends": amends, "founding_key": None, "tolerance_s": 60}
    made.submit(founding_charter("northmere", **amended, **named))
    having_seen(made, made.note())
    report = judged(evidence_of(made, 1, 3))

    assert "self-consistent" == report.verdict
    assert report.times is not None
    assert [(1, Bracket(ahead_s)), (3, Bracket(ahead_s))] == list(report.times.brackets)
    having_seen(made, cosign(made.note(), ("w1", made.now // 1000 + 61)))
    assert [(Check.BRACKET, 4)] == [
        (f.check, f.index) for f in judged(evidence_of(made, 4)).findings
    ]


def having_seen(world: World, note: bytes) -> None:
    """Record a letter that names this note of the latest checkpoint."""
    world.keep(note)
    seen = replace(world.seen()[0], note=hashlib.sha256(note).hexdigest())
    world.submit(letter("northmere"), seen=seen)


def covering(world: World, size: int, *times: tuple[str, int]) -> Covering:
    """Return a cosigned checkpoint of a size, with the way to today's."""
    hashes = [] if size == world.size else subproof(world.leaves, size, whole=True)
    proof = tuple(node.hex() for node in hashes)
    return Covering(note=cosign(world.note(size), *times).decode(), proof=proof or None)


def test_evidence_carries_the_checkpoints_that_cover_it_early(world: World) -> None:
    at_s = seen_at_s(world)
    early = covering(world, 2, ("w1", at_s + 1), ("w2", at_s + 2))
    later = covering(world, 4, ("w1", at_s + 3))
    shown = replace(evidence(world, ("w2", at_s + 4), ("w3", at_s + 9)), covering=(early, later))
    report = judged(shown)

    one, three = Bracket(None, at_s + 2, 2, 3), Bracket(at_s, at_s + 4, 2, 3)
    assert Times("charter", ((1, one), (3, three))) == report.times
    old = covering(world, 2, ("w1", at_s - 302), ("w2", at_s - 302))
    assert [Check.BRACKET] == [f.check for f in judged(replace(shown, covering=(old,))).findings]


def test_what_does_not_cover_is_refused(world: World) -> None:
    at_s = seen_at_s(world)
    two, three = (covering(world, size, ("w1", at_s)) for size in (2, 3))
    other = World().found(witnesses=(witness("w1"),), quorum=1)
    other.submit(letter("northmere"))
    again = replace(two, note=cosign(two.note.encode(), ("w2", at_s)).decode())
    pair = sorted((two, again), key=lambda one: hashlib.sha256(one.note.encode()).digest())
    rows: list[tuple[Check | None, tuple[Covering, ...]]] = [
        (None, (two, three)),
        (None, tuple(pair)),
        (Check.EVIDENCE, tuple(pair[::-1])),
        (Check.EVIDENCE, (three, two)),
        (Check.EVIDENCE, (two, two)),
        (Check.EVIDENCE, (covering(world, 2),)),
        (Check.EVIDENCE, (covering(world, 1, ("w1", at_s)),)),
        (Check.INCLUSION, (replace(two, proof=three.proof),)),
        (Check.INCLUSION, (replace(two, proof=None),)),
        (Check.INCLUSION, (covering(other, 2, ("w1", at_s)),)),
        (Check.NOTE_SIGNATURE, (Covering(note="nothing"),)),
        (Check.NOTE_SIGNATURE, (replace(two, note=two.note.replace("\n2\n", "\n3\n")),)),
    ]
    for check, held in rows:
        shown = replace(evidence(world), covering=held)

        assert ([] if check is None else [check]) == [f.check for f in judged(shown).findings]
    unread = replace(evidence(world), covering=(two,), checkpoint="nothing")
    report = audit_evidence(encode(unread))
    assert [Check.CHECKPOINT] == [finding.check for finding in report.findings]


def stamp(world: World, size: int, token: bytes = b"token") -> EvidenceStamp:
    """Return a time stamp over a checkpoint of a size, with the way to today's."""
    hashes = [] if size == world.size else subproof(world.leaves, size, whole=True)
    proof = tuple(node.hex() for node in hashes)
    return EvidenceStamp(
        certificates="whatever", root=world.root(size).hex(), size=size,
        token=base64.b64encode(token).decode(), proof=proof or None,
    )  # fmt: skip


def test_stamps_that_are_not_of_this_tree_are_refused(world: World) -> None:
    two, three, four = (stamp(world, size) for size in (2, 3, 4))
    other = World().found()
    other.submit(letter("northmere"))
    pair = sorted(
        (stamp(world, 2, b"a"), stamp(world, 2, b"b")),
        key=lambda one: hashlib.sha256(base64.b64decode(one.token)).digest(),
    )
    rows: list[tuple[Check | None, tuple[EvidenceStamp, ...]]] = [
        (None, (two,)),
        (None, (two, three, four)),
        (None, tuple(pair)),
        (Check.EVIDENCE, tuple(pair[::-1])),
        (Check.EVIDENCE, (three, two)),
        (Check.EVIDENCE, (two, replace(two, certificates="others"))),
        (Check.EVIDENCE, (stamp(world, 1),)),
        (Check.EVIDENCE, (replace(two, token="dG9rZW5="),)),
        (Check.EVIDENCE, (replace(two, token="no base64"),)),
        (Check.INCLUSION, (replace(two, proof=three.proof),)),
        (Check.INCLUSION, (replace(two, proof=None),)),
        (Check.INCLUSION, (replace(two, root="00" * 32),)),
        (Check.INCLUSION, (stamp(other, 2),)),
        (Check.INCLUSION, (replace(four, size=5),)),
        (Check.INCLUSION, (replace(four, root="00" * 32),)),
    ]
    for check, held in rows:
        shown = replace(evidence(world), stamps=held)

        assert ([] if check is None else [check]) == [f.check for f in judged(shown).findings]
    many = tuple(replace(two, size=size) for size in range(2, 19))
    assert [Check.EVIDENCE] == [f.check for f in judged(replace(shown, stamps=many)).findings]
    unread = audit_evidence(encode(replace(shown, stamps=(two,), checkpoint="nothing")))
    assert [Check.CHECKPOINT] == [finding.check for finding in unread.findings]


def test_people_read_whose_times_they_are(world: World, tmp_path: Path) -> None:
    at_s = seen_at_s(world)
    written(tmp_path / "export", world.export())
    shown = evidence(world, ("w1", at_s + 8), ("w3", at_s + 9))
    written(tmp_path, {"shown": encode(shown), "bare": encode(evidence(world)),
                       "policy": policy("quorum w3")})  # fmt: skip
    cold = World().found(witnesses=(witness("w1"),), quorum=1).export()
    written(tmp_path / "cold", cold)
    once = {"checkpoint": cosign(cold["checkpoint"], ("w1", at_s))}
    written(tmp_path / "once", cold | once)

    def words(*arguments: str | Path) -> str:
        return " ".join(run(*arguments).stdout.decode().split())

    text = words(tmp_path / "export")
    assert "by the charter's own co-signers: 3 entries existed by a known time, the last by" in text
    assert f"1 was signed after a known time, the earliest after {format_time_s(at_s)}" in text
    text = words(tmp_path / "cold")
    assert "0 entries existed by a known time 0 were signed after a known time" in text
    assert "co-signers: 1 entry existed by a known time, the" in words(tmp_path / "once")
    text = words(tmp_path / "shown")
    times = f"signed after {format_time_s(at_s)}; existed by {format_time_s(at_s + 9)}"
    assert f"entry 3: {times}, cosigned by 2 of 3" in text
    assert "entry 1: nothing shows when it was signed" in words(tmp_path / "bare")
    text = words(tmp_path / "shown", "--policy", tmp_path / "policy")
    assert "by your policy's co-signers: entry 1: existed by" in text


def test_json_has_the_times(world: World, tmp_path: Path) -> None:
    at_s = seen_at_s(world)
    written(tmp_path / "export", world.export())
    shown = evidence(world, ("w1", at_s + 8), ("w3", at_s + 9))
    written(tmp_path, {"shown": encode(shown), "bare": encode(evidence(world))})

    def times(path: Path) -> object:
        return msgspec.json.decode(run(path, "--json").stdout)["times"]

    assert {
        "by": "charter", "signed_after": 1, "existed_by": 3, "earliest": at_s, "latest": at_s + 1,
    } == times(tmp_path / "export")  # fmt: skip
    by = {"existed_by": at_s + 9, "cosigned": 2, "witnesses": 3}
    rows = [{"entry": 1, **by}, {"entry": 3, "signed_after": at_s, **by}]
    assert {"by": "charter", "brackets": rows} == times(tmp_path / "shown")
    rows = [{"entry": 1}, {"entry": 3, "signed_after": at_s}]
    assert {"by": "charter", "brackets": rows} == times(tmp_path / "bare")
