"""Evidence files: what is missing or too much, and log keys that changed."""

import msgspec
import pytest

from tests.evidencing import ORIGIN, audited, causes, changed, two_parties, with_entry
from tests.showing import evidence_of
from tests.world import Said, World, founding_charter, letter, public_hex, say, signing_key
from verify.checks import Check
from verify.evidence import Evidence
from verify.kinds import Membership
from verify.notes import log_vkey
from verify.state import UnknownVersionError


def rotate(world: World, name: str = "log two") -> int:
    """Change the log key; return the entry at which it changes."""
    charter = world.charter
    assert charter is not None
    amends = letter("northmere").id if world.charter is None else charter_id(world)
    amendment = founding_charter(
        "northmere", founding_key=None, amends=amends, log_key=public_hex(signing_key(name))
    )
    index = world.submit(amendment)
    world.log_keys.append((index + 1, signing_key(name)))
    return index


def charter_id(world: World) -> str:
    """Return the id of the charter in force."""
    charters = [event for event in world.events() if event.__class__.__name__ == "Charter"]
    return Said(charters[-1]).id


# What is missing or too much


def test_refuses_submission_without_its_first_entry() -> None:
    evidence = evidence_of(two_parties(), 4)

    assert causes(changed(evidence, entries=evidence.entries[1:])) == [Check.EVIDENCE]


def test_refuses_entries_that_nothing_shown_needs() -> None:
    world = two_parties()
    evidence = evidence_of(world, 4, 6)

    assert causes(with_entry(evidence, 1, shown="no", path=None)) == [
        Check.EVIDENCE,
        Check.EVIDENCE,
    ]
    assert causes(with_entry(evidence, 2, shown="no")) == [Check.EVIDENCE]


def test_refuses_entries_out_of_order_or_twice() -> None:
    evidence = evidence_of(two_parties(), 3, 6)
    first, second = evidence.entries

    assert causes(changed(evidence, entries=(second, first))) == [Check.EVIDENCE]
    assert causes(changed(evidence, entries=(first, first, second))) == [Check.EVIDENCE]


def test_refuses_more_than_64_shown_entries() -> None:
    world = World().found()
    world.submit(*(letter("northmere") for _ in range(65)))
    evidence = evidence_of(world, *range(1, 65))

    assert audited(evidence).findings == ()
    for more in (evidence_of(world, *range(1, 66)), too_many_closed(world)):
        assert causes(more) == [Check.EVIDENCE]


def too_many_closed(world: World) -> Evidence:
    """Return evidence of 65 entries of which no claim is opened."""
    return changed(evidence_of(world, *range(1, 66)), disclosures=None)


def test_refuses_each_missing_governance_entry() -> None:
    evidence = evidence_of(two_parties(), 6)
    for place in range(3):
        kept = tuple(raw for n, raw in enumerate(evidence.governance) if n != place)
        found = audited(changed(evidence, governance=kept))
        assert found.verdict == "invalid"
        assert found.findings[0].check in {Check.GOVERNANCE_CHAIN, Check.RULES_REF, Check.PREV}


def test_refuses_governance_out_of_order() -> None:
    evidence = evidence_of(two_parties(), 6)
    zero, one, two = evidence.governance

    assert causes(changed(evidence, governance=(zero, two, one))) == [Check.GOVERNANCE_CHAIN]
    assert causes(changed(evidence, governance=(zero, zero, one, two))) == [Check.GOVERNANCE_CHAIN]


def test_refuses_governance_that_is_later_than_what_is_shown() -> None:
    world = two_parties()
    late = world.submit(say(Membership, "southfold", None, verb="leave", charter=world.fingerprint))
    evidence = evidence_of(world, 6)
    raw = msgspec.Raw(world.entries[late])

    assert causes(changed(evidence, governance=(*evidence.governance, raw))) == [Check.EVIDENCE]
    assert causes(changed(evidence, latest=())) == [Check.EVIDENCE]


def test_refuses_governance_entry_that_governs_nothing() -> None:
    world = two_parties()
    evidence = evidence_of(world, 7)
    raw = msgspec.Raw(world.entries[6])

    assert causes(changed(evidence, governance=(*evidence.governance, raw))) == [
        Check.GOVERNANCE_CHAIN
    ]


def test_refuses_shown_governance_that_the_chain_does_not_hold() -> None:
    world = two_parties()
    evidence = evidence_of(world, 2, 6)
    chain = evidence.governance[:-1]
    other = World().found("southfold", members=("southfold",))

    assert causes(changed(evidence, governance=chain)) == [Check.GOVERNANCE_CHAIN]
    assert Check.GOVERNANCE_CHAIN in causes(
        changed(evidence_of(world, 0), governance=(msgspec.Raw(other.entries[0]),))
    )


def test_refuses_missing_superfluous_and_misplaced_notes() -> None:
    world = two_parties()
    evidence = evidence_of(world, 4, 6)
    assert evidence.notes is not None
    first, second = evidence.notes

    assert causes(changed(evidence, notes=(first,)))[0] is Check.SEEN
    assert causes(changed(evidence, notes=None))[0] is Check.SEEN
    for notes in ((second, first), (first, first, second), (first, second, world.note().decode())):
        assert causes(changed(evidence, notes=notes)) == [Check.EVIDENCE]
    assert causes(changed(evidence_of(world, 7), notes=(first,))) == [Check.EVIDENCE]


def test_refuses_disclosures_of_what_is_not_shown() -> None:
    world = two_parties()
    evidence = evidence_of(world, 4)
    others = evidence_of(world, 3, 4).disclosures

    assert causes(changed(evidence, disclosures=others)) == [Check.EVIDENCE]


def test_refuses_disclosures_out_of_order_or_for_nothing() -> None:
    world = two_parties()
    evidence = evidence_of(world, 2, 4, 6)
    assert evidence.disclosures is not None
    first, second = evidence.disclosures

    assert causes(changed(evidence, disclosures=(second, first))) == [Check.DISCLOSURES]
    assert causes(changed(evidence, disclosures=(first, first))) == [Check.DISCLOSURES]
    nothing = msgspec.structs.replace(first, index=2)
    assert causes(changed(evidence, disclosures=(nothing, first))) == [Check.DISCLOSURE_UNUSED]
    swapped = msgspec.structs.replace(first, index=6)
    assert causes(changed(evidence, disclosures=(swapped,))) == [Check.DISCLOSURE]


# A log key that changed


def test_later_log_key_is_shown_by_governance_and_latest() -> None:
    world = two_parties()
    rotate(world)
    world.submit(letter("northmere"))
    evidence = evidence_of(world, 4)
    key = log_vkey(ORIGIN, public_hex(signing_key("log two")))

    assert len(evidence.governance) == 4
    assert evidence.latest is not None
    assert audited(evidence, log_key=key).findings == ()
    assert causes(evidence, log_key=log_vkey(ORIGIN, public_hex(world.log))) == [Check.LOG_KEY]


def test_last_of_several_log_keys_counts() -> None:
    world = two_parties()
    rotate(world)
    world.submit(letter("northmere"))
    rotate(world, "log three")
    world.submit(say(Membership, "southfold", None, verb="leave", charter=world.fingerprint))

    assert audited(evidence_of(world, 4)).findings == ()
    assert audited(evidence_of(world, world.size - 1)).findings == ()
    cut = evidence_of(world, 4)
    assert causes(changed(cut, governance=cut.governance[:-1])) == [Check.CHECKPOINT]


def test_entry_that_changed_the_log_key_can_itself_be_shown() -> None:
    world = two_parties()
    index = rotate(world)
    evidence = evidence_of(world, index)

    assert audited(evidence).findings == ()
    assert evidence.latest is not None
    cut = changed(evidence, governance=evidence.governance[:-1], latest=None)
    assert causes(cut) == [Check.EVIDENCE]


def test_rotated_log_key_may_lie_before_what_is_shown() -> None:
    world = two_parties()
    rotate(world)
    index = world.submit(letter("southfold"), see=True)
    evidence = evidence_of(world, index)

    assert evidence.latest is None
    assert audited(evidence).findings == ()


def test_refuses_missing_or_other_latest() -> None:
    world = two_parties()
    rotate(world)
    evidence = evidence_of(world, 4)
    assert evidence.latest is not None

    assert causes(changed(evidence, latest=None)) == [Check.EVIDENCE]
    assert causes(changed(evidence, latest=evidence.latest[:-1])) == [Check.INCLUSION]


def test_refuses_checkpoint_by_the_earlier_log_key() -> None:
    world = two_parties()
    rotate(world)
    world.log_keys.clear()

    assert causes(evidence_of(world, 4)) == [Check.CHECKPOINT]


def test_unknown_version_stops_the_verifier() -> None:
    world = World().found(spec="counterfoil/2")

    with pytest.raises(UnknownVersionError):
        audited(evidence_of(world, 0))


def test_unknown_version_stops_the_verifier_whatever_is_wrong_elsewhere() -> None:
    world = two_parties()
    amended = founding_charter(
        "northmere", founding_key=None, amends=charter_id(world), spec="counterfoil/2"
    )
    world.submit(amended)
    at = world.submit(letter("northmere"))
    evidence = evidence_of(world, 6, at)
    octets = bytes(evidence.entries[1].entry).replace(b"communication/v1", b"telegram/v1")
    damaged = bytes(evidence.entries[0].entry).replace(b'"signature":"', b'"signature":"00')

    for other in (
        with_entry(evidence, 1, entry=msgspec.Raw(octets)),
        with_entry(evidence, 0, entry=msgspec.Raw(damaged)),
        changed(evidence, checkpoint="x"),
        changed(evidence, governance=(*evidence.governance, evidence.entries[1].entry)),
    ):
        with pytest.raises(UnknownVersionError):
            audited(other)
    assert [Check.CHECKPOINT] == causes(changed(evidence_of(two_parties(), 6), checkpoint="x"))
