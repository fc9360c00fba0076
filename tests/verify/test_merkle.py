"""The naive tree below writes RFC 6962 as it reads. It is used for testing only."""

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.errors import MalformedError, ProofError, VerifyError
from verify.merkle import (
    EMPTY_ROOT,
    MAX_SIZE,
    Frontier,
    check_consistency,
    check_inclusion,
    leaf_hash,
    node_hash,
    root_hash,
    subtree_root,
)

LIMIT = 33
HASH = bytes(32)


def naive_split(size: int) -> int:
    """Largest power of two below `size`."""
    k = 1
    while 2 * k < size:
        k *= 2
    return k


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962 section 2.1, over leaf hashes."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = naive_split(len(leaves))
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_inclusion(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 6962 section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = naive_split(len(leaves))
    if index < k:
        return [*naive_inclusion(index, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_inclusion(index - k, leaves[k:]), naive_root(leaves[:k])]


def naive_consistency(old: int, leaves: Sequence[bytes], *, whole: bool = True) -> list[bytes]:
    """RFC 6962 section 2.1.2."""
    if old == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = naive_split(len(leaves))
    if old <= k:
        return [*naive_consistency(old, leaves[:k], whole=whole), naive_root(leaves[k:])]
    return [*naive_consistency(old - k, leaves[k:], whole=False), naive_root(leaves[:k])]


def make_leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(b"\x00%d" % i).digest() for i in range(count)]


def flip(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


LEAVES = make_leaves(600)
ROOTS = [naive_root(LEAVES[:size]) for size in range(LIMIT + 1)]


def includes(*, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    try:
        check_inclusion(index=index, size=size, leaf=leaf, proof=proof, root=root)
    except VerifyError:
        return False
    return True


def consistent(
    *, old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    try:
        check_consistency(
            old_size=old_size,
            old_root=old_root,
            new_size=new_size,
            new_root=new_root,
            proof=proof,
        )
    except VerifyError:
        return False
    return True


# Vectors.


def test_hashes_are_those_of_rfc_6962() -> None:
    # The test vectors of Certificate Transparency: entries "", 00, 10, 20 21, ...
    entries = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
    entries += ["606162636465666768696a6b6c6d6e6f"]
    leaves = [leaf_hash(bytes.fromhex(entry)) for entry in entries]

    assert "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" == EMPTY_ROOT.hex()
    assert "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" == leaves[0].hex()
    assert (
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
        == node_hash(leaves[0], leaves[1]).hex()
    )
    assert (
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
        == root_hash(leaves).hex()
    )


@pytest.mark.parametrize(
    ("index", "size"), [(-1, 1), (0, 0), (1, 1), (8, 7), (0, -1), (0, MAX_SIZE + 1)]
)
def test_refuses_an_index_or_size_out_of_range(index: int, size: int) -> None:
    with pytest.raises(MalformedError):
        check_inclusion(index=index, size=size, leaf=HASH, proof=[], root=HASH)


@pytest.mark.parametrize(
    ("leaf", "proof", "root"),
    [(b"", [], HASH), (HASH, [], HASH + b"\x00"), (HASH, [HASH, b""], HASH)],
)
def test_refuses_an_inclusion_hash_that_is_not_32_bytes(
    leaf: bytes, proof: list[bytes], root: bytes
) -> None:
    with pytest.raises(MalformedError) as caught:
        check_inclusion(index=0, size=3, leaf=leaf, proof=proof, root=root)

    assert "a hash is not 32 bytes" == caught.value.reason


def test_inclusion_error_carries_both_roots() -> None:
    with pytest.raises(ProofError) as caught:
        check_inclusion(index=0, size=2, leaf=LEAVES[0], proof=[LEAVES[1]], root=HASH)

    assert HASH == caught.value.expected
    assert ROOTS[2] == caught.value.computed


def test_inclusion_in_the_largest_tree_needs_53_hashes() -> None:
    proof = [HASH] * 53
    with pytest.raises(ProofError) as caught:
        check_inclusion(index=0, size=MAX_SIZE, leaf=HASH, proof=proof, root=HASH)
    with pytest.raises(ProofError) as too_long:
        check_inclusion(index=0, size=MAX_SIZE, leaf=HASH, proof=[*proof, HASH], root=HASH)

    assert caught.value.computed is not None
    assert "the inclusion proof is too long" == too_long.value.reason


@pytest.mark.parametrize(
    ("old_size", "new_size"), [(-1, 1), (2, 1), (0, -1), (1, MAX_SIZE + 1), (MAX_SIZE + 1, 5)]
)
def test_refuses_sizes_out_of_range(old_size: int, new_size: int) -> None:
    with pytest.raises(MalformedError):
        check_consistency(
            old_size=old_size, old_root=HASH, new_size=new_size, new_root=HASH, proof=[]
        )


@pytest.mark.parametrize(
    ("old_root", "new_root", "proof"), [(b"", HASH, []), (HASH, b"", []), (HASH, HASH, [b"x"])]
)
def test_refuses_a_consistency_hash_that_is_not_32_bytes(
    old_root: bytes, new_root: bytes, proof: list[bytes]
) -> None:
    with pytest.raises(MalformedError) as caught:
        check_consistency(old_size=1, old_root=old_root, new_size=2, new_root=new_root, proof=proof)

    assert "a hash is not 32 bytes" == caught.value.reason


@pytest.mark.parametrize(("old_size", "new_size"), [(0, 0), (0, 5)])
def test_refuses_an_empty_tree_with_another_root(old_size: int, new_size: int) -> None:
    with pytest.raises(ProofError) as caught:
        check_consistency(
            old_size=old_size, old_root=HASH, new_size=new_size, new_root=ROOTS[new_size], proof=[]
        )

    assert EMPTY_ROOT == caught.value.expected
    assert HASH == caught.value.computed


def test_refuses_a_new_empty_tree_with_another_root() -> None:
    with pytest.raises(ProofError) as caught:
        check_consistency(old_size=0, old_root=EMPTY_ROOT, new_size=0, new_root=HASH, proof=[])

    assert HASH == caught.value.computed


@pytest.mark.parametrize(("old_size", "new_size"), [(0, 5), (5, 5), (0, 0)])
def test_refuses_a_proof_where_none_is_needed(old_size: int, new_size: int) -> None:
    with pytest.raises(ProofError) as caught:
        check_consistency(
            old_size=old_size,
            old_root=ROOTS[old_size],
            new_size=new_size,
            new_root=ROOTS[new_size],
            proof=[HASH],
        )

    assert "the consistency proof is too long" == caught.value.reason


def test_two_roots_of_one_size_are_the_evidence() -> None:
    with pytest.raises(ProofError) as caught:
        check_consistency(old_size=5, old_root=ROOTS[5], new_size=5, new_root=HASH, proof=[])

    assert ROOTS[5] == caught.value.expected
    assert HASH == caught.value.computed


@pytest.mark.parametrize(("old_size", "new_size"), [(3, 5), (4, 7)])
@pytest.mark.parametrize("which", ["old", "new"])
def test_consistency_error_carries_the_root_that_differs(
    which: str, old_size: int, new_size: int
) -> None:
    roots = {"old": ROOTS[old_size], "new": ROOTS[new_size]}
    wrong = roots | {which: flip(roots[which])}
    with pytest.raises(ProofError) as caught:
        check_consistency(
            old_size=old_size,
            old_root=wrong["old"],
            new_size=new_size,
            new_root=wrong["new"],
            proof=naive_consistency(old_size, LEAVES[:new_size]),
        )

    # A perfect old tree's root is the seed of the proof: changing it changes the new root.
    expected = roots["new"] if old_size == 4 and which == "old" else wrong[which]
    assert expected == caught.value.expected


@pytest.mark.parametrize("count", [0, 3, 6, 255])
def test_refuses_a_subtree_that_is_not_perfect(count: int) -> None:
    with pytest.raises(MalformedError) as caught:
        subtree_root(LEAVES[:count])

    assert "subtree" == caught.value.where


def test_refuses_leaves_that_are_not_32_bytes() -> None:
    with pytest.raises(MalformedError):
        subtree_root([HASH, b""])
    with pytest.raises(MalformedError):
        root_hash([HASH, b""])
    with pytest.raises(MalformedError):
        root_hash([*LEAVES[:255], b""])


def test_refuses_a_subtree_of_another_size_or_place() -> None:
    frontier = Frontier()
    with pytest.raises(MalformedError) as short:
        frontier.append_subtree(LEAVES[:128])
    frontier.append(LEAVES[0])
    with pytest.raises(MalformedError) as unaligned:
        frontier.append_subtree(LEAVES[:256])
    with pytest.raises(MalformedError) as unaligned_root:
        frontier.append_root(LEAVES[0])
    with pytest.raises(MalformedError) as no_hash:
        Frontier().append_root(LEAVES[0][1:])

    assert unaligned.value.reason == unaligned_root.value.reason
    assert "subtree root hash" == no_hash.value.where
    assert "128 leaves, not 256" == short.value.reason
    assert "cannot begin at index 1" == unaligned.value.reason
    assert 1 == frontier.size


@pytest.mark.parametrize(
    ("size", "nodes"),
    [(-1, []), (MAX_SIZE + 1, [HASH]), (0, [HASH]), (3, [HASH]), (4, [HASH] * 2), (1, [b""])],
)
def test_refuses_nodes_that_do_not_make_the_size(size: int, nodes: list[bytes]) -> None:
    with pytest.raises(MalformedError):
        Frontier.from_nodes(size, nodes)


def test_refuses_to_grow_beyond_the_largest_size() -> None:
    frontier = Frontier.from_nodes(MAX_SIZE - 1, [HASH] * 52)
    frontier.append(HASH)
    with pytest.raises(MalformedError) as caught:
        frontier.append(HASH)

    assert MAX_SIZE == frontier.size
    assert 53 == len(frontier.nodes)
    assert "size" == caught.value.where


def test_copy_grows_apart() -> None:
    frontier = Frontier()
    frontier.append_many(LEAVES[:5])
    copy = frontier.copy()
    copy.append(LEAVES[5])

    assert (5, ROOTS[5]) == (frontier.size, frontier.root())
    assert (6, ROOTS[6]) == (copy.size, copy.root())


# Exhaustive small.


def test_roots_of_all_small_trees_agree_with_rfc_6962() -> None:
    frontier = Frontier()
    for size in range(LIMIT + 1):
        assert ROOTS[size] == root_hash(LEAVES[:size])
        assert ROOTS[size] == frontier.root()
        assert size == frontier.size
        frontier.append(LEAVES[size])


def test_perfect_subtrees_agree_with_rfc_6962() -> None:
    for height in range(9):
        assert naive_root(LEAVES[: 1 << height]) == subtree_root(LEAVES[: 1 << height])


def test_every_small_inclusion_proof_proves_its_own_leaf_only() -> None:
    for size in range(1, LIMIT + 1):
        for index in range(size):
            proof = naive_inclusion(index, LEAVES[:size])

            assert includes(
                index=index, size=size, leaf=LEAVES[index], proof=proof, root=ROOTS[size]
            )
            for other in set(range(size)) - {index}:
                assert not includes(
                    index=other, size=size, leaf=LEAVES[index], proof=proof, root=ROOTS[size]
                )


def test_every_damaged_small_inclusion_proof_is_refused() -> None:
    for size in range(1, LIMIT + 1):
        for index in range(size):
            leaf, root = LEAVES[index], ROOTS[size]
            proof = naive_inclusion(index, LEAVES[:size])
            damaged = [[*proof, HASH], [HASH, *proof], [*proof, root]]
            damaged += [proof[:i] + proof[i + 1 :] for i in range(len(proof))]
            damaged += [[*proof[:i], flip(proof[i]), *proof[i + 1 :]] for i in range(len(proof))]
            for bad in damaged:
                assert not includes(index=index, size=size, leaf=leaf, proof=bad, root=root)
            assert not includes(index=index, size=size, leaf=flip(leaf), proof=proof, root=root)
            assert not includes(index=index, size=size, leaf=leaf, proof=proof, root=flip(root))


def test_small_inclusion_proofs_are_bound_to_the_path_through_the_size() -> None:
    # Another size is refused unless the path has the same shape there; the root is the tree's.
    for size, larger in pairwise(range(1, LIMIT + 1)):
        for index in range(size):
            proof = naive_inclusion(index, LEAVES[:size])
            lengths = (len(proof), len(naive_inclusion(index, LEAVES[:larger])))
            if lengths[0] != lengths[1]:
                assert not includes(
                    index=index, size=larger, leaf=LEAVES[index], proof=proof, root=ROOTS[size]
                )


def test_every_small_consistency_proof_is_accepted() -> None:
    for new_size in range(LIMIT + 1):
        for old_size in range(new_size + 1):
            proof = naive_consistency(old_size, LEAVES[:new_size]) if old_size else []

            assert consistent(
                old_size=old_size,
                old_root=ROOTS[old_size],
                new_size=new_size,
                new_root=ROOTS[new_size],
                proof=proof,
            )


def test_every_damaged_small_consistency_proof_is_refused() -> None:
    for new_size in range(1, LIMIT + 1):
        for old_size in range(new_size + 1):
            old_root, new_root = ROOTS[old_size], ROOTS[new_size]
            proof = naive_consistency(old_size, LEAVES[:new_size]) if old_size else []
            damaged = [[*proof, HASH], [HASH, *proof], [*proof, new_root], [old_root, *proof]]
            damaged += [proof[:i] + proof[i + 1 :] for i in range(len(proof))]
            damaged += [[*proof[:i], flip(proof[i]), *proof[i + 1 :]] for i in range(len(proof))]
            cases = [(old_root, new_root, bad) for bad in damaged]
            cases += [(flip(old_root), new_root, proof)]
            if old_size:
                # From the empty tree everything follows, so no new root is wrong there.
                cases += [(old_root, flip(new_root), proof)]
            for old, new, bad in cases:
                assert not consistent(
                    old_size=old_size, old_root=old, new_size=new_size, new_root=new, proof=bad
                )


def test_small_inclusion_proofs_of_another_length_are_refused_with_roots_made_to_fit() -> None:
    for size in range(1, LIMIT + 1):
        for index in range(size):
            leaf, root = LEAVES[index], ROOTS[size]
            proof = naive_inclusion(index, LEAVES[:size])
            cases = [
                ([*proof, HASH], node_hash(HASH, root)),
                ([*proof, HASH], node_hash(root, HASH)),
            ]
            if proof:
                k = naive_split(size)
                half = LEAVES[:k] if index < k else LEAVES[k:size]
                cases += [(proof[:-1], naive_root(half))]
            for bad, fitting in cases:
                assert not includes(index=index, size=size, leaf=leaf, proof=bad, root=fitting)


def test_small_consistency_proofs_of_another_length_are_refused_with_roots_made_to_fit() -> None:
    for new_size in range(2, LIMIT + 1):
        for old_size in range(1, new_size):
            old_root, new_root = ROOTS[old_size], ROOTS[new_size]
            proof = naive_consistency(old_size, LEAVES[:new_size])
            longer = [*proof, HASH]
            cases = [
                (longer, node_hash(HASH, old_root), node_hash(HASH, new_root)),
                (longer, old_root, node_hash(new_root, HASH)),
            ]
            k = naive_split(new_size)
            if old_size <= k:
                cases += [(proof[:-1], old_root, ROOTS[k])]
            else:
                halves = naive_root(LEAVES[k:old_size]), naive_root(LEAVES[k:new_size])
                cases += [(proof[:-1], *halves)]
            for bad, old, new in cases:
                assert not consistent(
                    old_size=old_size, old_root=old, new_size=new_size, new_root=new, proof=bad
                )


def test_a_small_tree_is_not_consistent_at_another_old_size() -> None:
    for new_size in range(2, LIMIT + 1):
        for old_size in range(1, new_size):
            proof = naive_consistency(old_size, LEAVES[:new_size])
            for other in {old_size - 1, old_size + 1} - {0}:
                assert not consistent(
                    old_size=other,
                    old_root=ROOTS[other],
                    new_size=new_size,
                    new_root=ROOTS[new_size],
                    proof=proof,
                )


# Properties, larger.


@given(st.data())
def test_larger_proofs_are_accepted_and_damaged_ones_are_not(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    old_size = data.draw(st.integers(1, size - 1))
    root, old_root = naive_root(LEAVES[:size]), naive_root(LEAVES[:old_size])
    inclusion = naive_inclusion(index, LEAVES[:size])
    consistency = naive_consistency(old_size, LEAVES[:size])
    i = data.draw(st.integers(0, len(inclusion) - 1))
    bad = [*inclusion[:i], flip(inclusion[i]), *inclusion[i + 1 :]]
    j = data.draw(st.integers(0, len(consistency) - 1))
    worse = [*consistency[:j], flip(consistency[j]), *consistency[j + 1 :]]
    sizes = {"old_size": old_size, "new_size": size}

    check_inclusion(index=index, size=size, leaf=LEAVES[index], proof=inclusion, root=root)
    check_consistency(**sizes, old_root=old_root, new_root=root, proof=consistency)
    with pytest.raises(ProofError):
        check_inclusion(index=index, size=size, leaf=LEAVES[index], proof=bad, root=root)
    with pytest.raises(ProofError):
        check_consistency(**sizes, old_root=old_root, new_root=root, proof=worse)


@given(st.lists(st.integers(0, 300), max_size=5).filter(lambda counts: sum(counts) <= len(LEAVES)))
def test_frontier_grows_alike_in_any_steps(counts: list[int]) -> None:
    frontier = Frontier()
    size = 0
    for count in counts:
        frontier.append_many(iter(LEAVES[size : size + count]))
        size += count
        frontier = Frontier.from_nodes(frontier.size, frontier.nodes)

    assert size == frontier.size
    assert naive_root(LEAVES[:size]) == frontier.root()


def test_appending_a_subtree_gives_the_hash_of_the_tile() -> None:
    frontier, by_roots = Frontier(), Frontier()
    first = frontier.append_subtree(LEAVES[:256])
    second = frontier.append_subtree(LEAVES[256:512])
    by_roots.append_root(first)
    by_roots.append_root(second)

    assert frontier.nodes == by_roots.nodes
    assert naive_root(LEAVES[:256]) == first
    assert naive_root(LEAVES[256:512]) == second
    assert (node_hash(first, second),) == frontier.nodes


hashes = st.lists(st.binary(min_size=32, max_size=32) | st.binary(max_size=33), max_size=60)


@given(
    index=st.integers(-2, 2**54),
    size=st.integers(-2, 2**54),
    leaf=st.binary(max_size=33),
    proof=hashes,
    root=st.binary(max_size=33),
)
def test_any_inclusion_proof_is_accepted_or_a_verify_error(
    index: int, size: int, leaf: bytes, proof: list[bytes], root: bytes
) -> None:
    assert not includes(index=index, size=size, leaf=leaf, proof=proof, root=root) or not proof


@given(st.integers(-2, 2**54), st.integers(-2, 2**54), hashes)
def test_any_consistency_proof_is_accepted_or_a_verify_error(
    old_size: int, new_size: int, proof: list[bytes]
) -> None:
    accepted = consistent(
        old_size=old_size, old_root=HASH, new_size=new_size, new_root=HASH, proof=proof
    )

    assert (old_size == new_size and not proof) or not accepted
