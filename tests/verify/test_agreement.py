"""The kernel and the second verifier give the same verdicts."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import reference
from tests.damage import ACCIDENTS, FORGERIES, canonical, forge, rechain
from tests.moves import MOVES, Game
from tests.showing import evidence_of
from tests.vectors.judging import KERNEL, REFERENCE, judge
from tests.vectors.made import FOLDER, MAKERS, make
from tests.vectors.signatures import subproof
from tests.world import T0, World, inclusion, restart, say
from verify.audit import Anchors, audit
from verify.codec import encode
from verify.errors import VerifyError
from verify.evidence import audit_evidence
from verify.kinds import Meeting
from verify.merkle import check_consistency, check_inclusion, leaf_hash, root_hash
from verify.source import MappingSource
from verify.state import UnknownVersionError

NAMES = sorted(MAKERS)
OFTEN = ("approve", "enrol", "enrol", "join", "letters", "letters", "open", "seal", "amend")
MOVE = st.tuples(st.sampled_from((*sorted(MOVES), *OFTEN)), st.integers(0, 2**32 - 1))
QUARRELS = (*("approve",) * 4, *("recover",) * 4, *("enrol",) * 3, "amend", "amend", "join", "join",
            "leave", "letters", "letters", "revoke", "hold", "erase", "hand_over")  # fmt: skip
GAMES = st.tuples(st.integers(0, 2**32 - 1), st.lists(MOVE, max_size=40))


def vectors(name: str) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((FOLDER / f"{name}.json").read_bytes())
    return loaded


def play(seed: int, moves: list[tuple[str, int]]) -> Game:
    restart(f"game {seed}")
    game = Game.begin(seed)
    for name, number in moves:
        game.move(name, number)
    return game


def kernel_verdict(files: dict[str, bytes], *receipts: bytes) -> str:
    anchors = Anchors(receipts=tuple(("receipt", data) for data in receipts))
    try:
        verdict = audit(MappingSource(files), anchors=anchors).verdict
    except UnknownVersionError:
        return "another version"
    return {"self-consistent": "self"}.get(verdict, verdict)


def reference_verdict(files: dict[str, bytes], *receipts: bytes) -> str:
    try:
        return reference.audit_export(files, receipts=receipts).verdict
    except reference.UnknownVersion:
        return "another version"


@pytest.mark.parametrize("name", NAMES)
def test_both_judge_each_vector_as_it_says(name: str) -> None:
    for vector in vectors(name):
        by_kernel, by_reference = judge(KERNEL, vector), judge(REFERENCE, vector)

        assert vector["verdict"] == by_kernel[0], vector["desc"]
        assert vector["verdict"] == by_reference[0], vector["desc"]
        assert vector.get("check", by_kernel[1]) == by_kernel[1], vector["desc"]
        assert vector.get("check", by_reference[1]) == by_reference[1], vector["desc"]


@pytest.mark.parametrize("name", NAMES)
def test_the_vectors_are_what_their_makers_make(name: str) -> None:
    assert make(name) == (FOLDER / f"{name}.json").read_bytes()


def test_there_are_many_vectors_and_most_are_refusals() -> None:
    verdicts = [vector["verdict"] for name in NAMES for vector in vectors(name)]

    assert len(verdicts) >= 400
    assert verdicts.count("refused") >= 0.85 * len(verdicts)
    assert set(NAMES) == {path.stem for path in FOLDER.glob("*.json")}


@pytest.mark.parametrize("seed", range(120))
def test_both_judge_seeded_games_alike(seed: int) -> None:
    chance = Random(seed)
    pool = (*sorted(MOVES), *OFTEN)
    moves = [(chance.choice(pool), chance.getrandbits(32)) for _ in range(chance.randint(3, 70))]
    game = play(seed, moves)
    files = game.world.export()

    assert reference_verdict(files) == kernel_verdict(files)
    assert (game.broken is None) is (kernel_verdict(files) == "self")


@pytest.mark.parametrize("seed", range(120))
def test_both_judge_seeded_quarrels_over_keys_and_charters_alike(seed: int) -> None:
    chance = Random(1000 + seed)
    names = ["enrol", "join"] * 8 + chance.choices(QUARRELS, k=chance.randint(10, 60))
    game = play(seed, [(name, chance.getrandbits(32)) for name in names])
    files = game.world.export()

    assert reference_verdict(files) == kernel_verdict(files)
    assert (game.broken is None) is (kernel_verdict(files) == "self")
    game.forget()
    files = game.world.export()
    assert reference_verdict(files) == kernel_verdict(files)


@given(GAMES)
def test_both_judge_any_game_as_the_rules_did(played: tuple[int, list[tuple[str, int]]]) -> None:
    game = play(*played)
    files = game.world.export()

    assert reference_verdict(files) == kernel_verdict(files)
    assert (game.broken is None) is (kernel_verdict(files) == "self")


@given(GAMES)
def test_both_judge_a_forgetful_ledger_alike(played: tuple[int, list[tuple[str, int]]]) -> None:
    game = play(*played)
    game.forget()
    files = game.world.export()

    assert reference_verdict(files) == kernel_verdict(files)


@given(GAMES, st.lists(st.tuples(st.sampled_from(sorted(ACCIDENTS)), st.integers()), max_size=3))
def test_both_judge_any_accident_alike(
    played: tuple[int, list[tuple[str, int]]], accidents: list[tuple[str, int]]
) -> None:
    files = dict(play(*played).world.export())
    for name, seed in accidents:
        if files and any(files.values()):
            ACCIDENTS[name](files, Random(seed))

    assert (reference_verdict(files) == "self") is (kernel_verdict(files) == "self")


@given(GAMES, st.sampled_from(sorted(FORGERIES)), st.integers())
def test_both_judge_any_forgery_alike(
    played: tuple[int, list[tuple[str, int]]], name: str, seed: int
) -> None:
    files = FORGERIES[name](play(*played).world, Random(seed)).export()

    assert (reference_verdict(files) == "self") is (kernel_verdict(files) == "self")


def across_the_border(*, count: int, later: int) -> World:
    """Return a ledger that goes on past the first chunk of an audit, in submissions of `count`.

    What stands from entry `later` on was recorded at 0.
    """
    restart("border")
    world = World().found()
    world.now = T0
    while world.size < 1024 + 4:
        many = min(count, 1024 + 4 - world.size)
        if world.size >= later:
            world.now = 0
        world.submit(*(say(Meeting, "northmere", None) for _ in range(many)))
    entries = [json.loads(entry) for entry in world.entries]
    for entry in entries[later:]:
        entry["recorded"] = 0
    return forge(world, rechain([canonical(entry) for entry in entries]))


@pytest.mark.parametrize(("count", "later"), [(1023, 1024), (1028, 1024), (341, 1024), (1028, 9)])
def test_both_see_time_go_back_to_zero(count: int, later: int) -> None:
    sound = across_the_border(count=count, later=9999).export()
    files = across_the_border(count=count, later=later).export()

    assert (reference_verdict(sound), kernel_verdict(sound)) == ("self", "self")
    assert reference.audit_export(files).findings[0].check == 404
    assert audit(MappingSource(files)).findings[0].check == 404


@given(GAMES, st.integers(0, 40), st.integers(0, 40))
def test_both_judge_receipts_against_exports_alike(
    played: tuple[int, list[tuple[str, int]]], number: int, size: int
) -> None:
    world = play(*played).world
    first, count = world.submissions[number % len(world.submissions)]
    receipt = world.receipt(first, count)
    older = next((w for w in [_cut(world, size)] if w is not None), world)
    files = older.export()

    assert reference_verdict(files, receipt) == kernel_verdict(files, receipt)


@given(GAMES, st.integers(0, 40), st.integers(0, 40), st.booleans())
def test_both_judge_receipts_against_evidence_alike(
    played: tuple[int, list[tuple[str, int]]],
    number: int,
    size: int,
    is_receipt: bool,  # noqa: FBT001 (drawn)
) -> None:
    """Or a signed checkpoint in the place of a receipt, of that ledger or of one that parted."""
    world = play(*played).world
    first, count = world.submissions[number % len(world.submissions)]
    older = _cut(world, size) or world
    data = encode(evidence_of(older, min(first, older.size - 1)))
    last = json.loads(world.entries[-1])
    last["recorded"] += 1
    other = forge(world, [*world.entries[:-1], canonical(last)])
    for held in (world, other):
        brought = held.receipt(first, count) if is_receipt else held.note(first + count)
        anchors = Anchors(receipts=(("held", brought),))
        try:
            by_kernel = audit_evidence(data, anchors=anchors).verdict
        except UnknownVersionError:
            continue
        by_reference = reference.audit_evidence(data, receipts=[brought]).verdict

        assert by_reference == by_kernel.removesuffix("-consistent")


def _cut(world: World, size: int) -> World | None:
    """Return the ledger as it was after some submissions, if its export would be valid."""
    ends = [first + count for first, count in world.submissions]
    if size not in ends or any(start > 1 for start, _ in world.log_keys):
        return None
    return World(entries=world.entries[:size], charter=world.charter, files={}, log=world.log)


def _agrees(kernel: Any, other: Any) -> bool:  # noqa: ANN401 (two calls)
    def refuses(call: Any, error: type[Exception]) -> bool:  # noqa: ANN401
        try:
            call()
        except error:
            return True
        return False

    return refuses(kernel, VerifyError) is refuses(other, reference.Refused)


def test_inclusion_of_every_index_in_every_small_tree() -> None:
    for size in range(1, 14):
        leaves = [leaf_hash(b"%d" % number) for number in range(size)]
        root = root_hash(leaves)
        for index in range(size):
            proof = inclusion(leaves, index)
            for claimed_index in range(size + 1):
                for claimed_size in range(1, size + 2):
                    for hashes in (proof, proof[:-1], (*proof, root)):
                        given_ = {"index": claimed_index, "size": claimed_size,
                                  "leaf": leaves[index], "proof": hashes, "root": root}  # fmt: skip

                        assert _agrees(
                            lambda g=given_: check_inclusion(**g),
                            lambda g=given_: reference.check_inclusion(**g),
                        )


def test_consistency_of_every_pair_of_small_trees() -> None:
    for size in range(1, 14):
        leaves = [leaf_hash(b"%d" % number) for number in range(size)]
        for old in range(1, size + 1):
            proof = subproof(leaves, old, whole=True)
            old_root, root = root_hash(leaves[:old]), root_hash(leaves)
            for claimed in range(1, size + 2):
                for hashes in (proof, proof[:-1], [*proof, root]):
                    assert _agrees(
                        lambda c=claimed, h=hashes, s=size, o=old_root, r=root: check_consistency(
                            old_size=c, new_size=s, old_root=o, new_root=r, proof=h
                        ),
                        lambda c=claimed, h=hashes, s=size, o=old_root, r=root: (
                            reference.check_consistency(
                                old_size=c, size=s, old_root=o, root=r, proof=h
                            )
                        ),
                    )
