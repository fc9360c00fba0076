"""Fork proofs out of what a log itself handed in."""

from __future__ import annotations

import contextlib

from ledger.forks import SignedBy, prove_refused
from tests.ledger.witnessing import Log, prove, tree_hash
from verify.errors import RuleError
from verify.fork import OtherPast, parse_fork
from verify.note import parse_vkey

LOG = Log()
KEY = parse_vkey(LOG.vkey)


def refused(old: int, new: int, proof: list[bytes]) -> bytes | None:
    """Return what a proof from another tree comes to, which parted from ours at entry 0."""
    one = SignedBy(LOG.note(old), KEY)
    return prove_refused(one, SignedBy(LOG.note(new, fork_at=0), KEY), proof=proof)


def test_a_proof_that_begins_at_another_tree_tells_which() -> None:
    for new in range(1, 40):
        leaves = LOG.leaves(new, fork_at=0)
        for old in range(1, new):
            proof = prove(old, leaves)
            found = refused(old, new, proof)

            if old.bit_count() == 1:
                assert found is None  # the tree is a node of the larger one: no hash of it is there
                continue
            assert found is not None
            lie = parse_fork(found).lie
            assert isinstance(lie, OtherPast)
            assert tree_hash(leaves[:old]).hex() == lie.past
            assert tuple(each.hex() for each in proof) == lie.proof


def test_a_proof_that_leads_nowhere_proves_nothing() -> None:
    proof = prove(5, LOG.leaves(9, fork_at=0))
    nowhere = [[*proof[:-1], bytes(32)], [bytes(32), *proof[1:]], [*proof, bytes(32)]]

    for other in (*nowhere, *(proof[:length] for length in range(len(proof)))):
        with contextlib.suppress(RuleError):
            assert refused(5, 9, other) is None
    assert refused(5, 5, []) is None
