"""The tree from tiles: against `verify`, which is written another way, and the definition."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tree import EMPTY_EDGE, Edge, Tree, extend, root_of_edge
from verify.merkle import EMPTY_ROOT, check_consistency, check_inclusion, leaf_hash, root_hash
from verify.tiles import tiles_of

LEAVES = [leaf_hash(b"%d" % index) for index in range(66_000)]


class Stored:
    """Tiles as a store keeps them."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.edge: Edge = EMPTY_EDGE
        self.size = 0

    def append(self, leaves: Sequence[bytes]) -> None:
        growth = extend(self.edge, size=self.size, leaves=leaves)
        self.edge = growth.edge
        self.size += len(leaves)
        for level, number, data in growth.tiles:
            assert data.startswith(self.tiles.get((level, number), b""))
            self.tiles[level, number] = data

    def read(self, level: int, number: int) -> bytes:
        return self.tiles[level, number]

    def tree(self) -> Tree:
        return Tree(self.read)


def grown(*steps: int) -> Stored:
    stored = Stored()
    for step in steps:
        stored.append(LEAVES[stored.size : stored.size + step])
    return stored


def test_empty_tree_has_the_root_of_nothing() -> None:
    assert EMPTY_ROOT == root_of_edge(EMPTY_EDGE)
    assert EMPTY_ROOT == Stored().tree().root(0)


def test_every_small_tree_has_the_root_that_verify_computes() -> None:
    stored = Stored()
    for size in range(1, 600):
        stored.append([LEAVES[size - 1]])

        assert root_hash(LEAVES[:size]) == root_of_edge(stored.edge)
    for size in range(600 - 1):
        assert root_hash(LEAVES[:size]) == stored.tree().root(size)


def test_every_small_inclusion_proof_is_accepted() -> None:
    tree = grown(70).tree()
    for size in range(1, 71):
        root = root_hash(LEAVES[:size])
        for index in range(size):
            proof = tree.inclusion_proof(index=index, size=size)

            check_inclusion(index=index, size=size, leaf=LEAVES[index], proof=proof, root=root)


def test_every_small_consistency_proof_is_accepted() -> None:
    tree = grown(70).tree()
    roots = [root_hash(LEAVES[:size]) for size in range(71)]
    for new in range(71):
        for old in range(new + 1):
            check_consistency(
                old_size=old,
                old_root=roots[old],
                new_size=new,
                new_root=roots[new],
                proof=tree.consistency_proof(old=old, new=new),
            )


@pytest.mark.parametrize("size", [255, 256, 257, 511, 65_535, 65_536, 65_537, 66_000])
def test_proofs_are_accepted_where_tiles_meet(size: int) -> None:
    tree = grown(66_000).tree()
    root = root_hash(LEAVES[:size])
    for index in {0, 1, 254, 255, 256, 257, size // 2, size - 2, size - 1} & set(range(size)):
        proof = tree.inclusion_proof(index=index, size=size)

        check_inclusion(index=index, size=size, leaf=LEAVES[index], proof=proof, root=root)
    for old in {1, 2, 255, 256, 257, size // 2, size - 1} & set(range(1, size)):
        check_consistency(
            old_size=old,
            old_root=root_hash(LEAVES[:old]),
            new_size=size,
            new_root=root,
            proof=tree.consistency_proof(old=old, new=size),
        )


@given(st.lists(st.integers(0, 700), max_size=12))
def test_tiles_do_not_depend_on_the_steps_in_which_they_grew(steps: list[int]) -> None:
    stored, whole = grown(*steps), grown(sum(steps))

    assert whole.tiles == stored.tiles
    assert root_of_edge(whole.edge) == root_of_edge(stored.edge)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600, 65_536, 66_000])
def test_has_exactly_the_tiles_of_its_size(size: int) -> None:
    stored = grown(size)
    expected = {(tile.level, tile.number): 32 * tile.width for tile in tiles_of(size)}

    assert expected == {place: len(data) for place, data in stored.tiles.items()}


def test_reads_a_tile_again_that_has_grown() -> None:
    stored = grown(3)
    tree = stored.tree()
    tree.root(3)
    stored.append(LEAVES[3:9])

    assert root_hash(LEAVES[:9]) == tree.root(9)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_refuses_to_prove_an_entry_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        grown(5).tree().inclusion_proof(index=index, size=size)


@pytest.mark.parametrize(("old", "new"), [(4, 3), (-1, 3)])
def test_refuses_to_prove_that_a_tree_shrank(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="is not from 0"):
        grown(5).tree().consistency_proof(old=old, new=new)
