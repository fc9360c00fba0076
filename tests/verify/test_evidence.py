"""Evidence files: what is here is whole and agrees, and nothing is here for nothing."""

import msgspec
import pytest

from tests.showing import evidence_of
from tests.world import (
    DAY_MS,
    T0,
    Said,
    World,
    founding_charter,
    letter,
    public_hex,
    say,
    signing_key,
)
from verify.anchors import Anchors, not_checked
from verify.checks import Check
from verify.codec import encode
from verify.entry import parse_entry
from verify.errors import RuleError
from verify.evidence import (
    MAX_EVIDENCE,
    NOT_CHECKED,
    Evidence,
    EvidenceEntry,
    audit_evidence,
    format_evidence,
    opened_files,
    parse_evidence,
)
from verify.kinds import (
    Date,
    Erasure,
    Event,
    Hold,
    Knowledge,
    Link,
    Membership,
    Opening,
    Position,
    Request,
    Sealed,
    Step,
)
from verify.notes import log_vkey
from verify.report import Report
from verify.source import MappingSource
from verify.state import UnknownVersionError

ORIGIN = "ledger.example/two-councils"


def two_parties() -> World:
    """Entry 0; southfold's key 1 and joining 2; three letters at 3 to 5; one at 6; its answer 7."""
    world = World().found()
    world.enrol("southfold")
    world.join("southfold")
    world.submit(letter("northmere"), letter("northmere"), letter("northmere"), see=True)
    world.submit(letter("southfold"), see=True)
    world.submit(letter("northmere"))
    return world


def audited(evidence: Evidence, **anchors: object) -> Report:
    return audit_evidence(encode(evidence), anchors=Anchors(**anchors))  # type: ignore[arg-type]  # any anchor


def causes(evidence: Evidence, **anchors: object) -> list[Check]:
    return [finding.check for finding in audited(evidence, **anchors).findings]


def changed(evidence: Evidence, **fields: object) -> Evidence:
    return msgspec.structs.replace(evidence, **fields)


def with_entry(evidence: Evidence, place: int, **fields: object) -> Evidence:
    entries = list(evidence.entries)
    entries[place] = msgspec.structs.replace(entries[place], **fields)
    return changed(evidence, entries=tuple(entries))


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


# What is fine


@pytest.mark.parametrize(
    "shown", [(0,), (1,), (2,), (3,), (4,), (5,), (4, 5), (3, 4, 5), (6,), (0, 2, 4, 6), (7,)]
)
def test_any_entries_can_be_shown(shown: tuple[int, ...]) -> None:
    world = two_parties()
    evidence = evidence_of(world, *shown)

    assert audited(evidence).findings == ()
    assert audited(evidence).verdict == "self-consistent"
    assert audited(evidence, fingerprint=world.fingerprint).verdict == "valid"


def test_every_set_of_entries_of_a_small_log_can_be_shown() -> None:
    world = two_parties()

    for bits in range(1, 1 << world.size):
        shown = [index for index in range(world.size) if bits >> index & 1]
        assert audited(evidence_of(world, *shown)).findings == ()


def with_file() -> tuple[World, bytes, str]:
    """Return a ledger whose entry 1 opens a file, evidence of it, and the file's SHA-256."""
    world = World().found()
    world.submit(world.file("northmere", b"%PDF a letter"), letter("northmere"))
    (sha256,) = world.files
    return world, encode(evidence_of(world, 1, 2)), sha256


def test_files_that_came_along_are_checked() -> None:
    world, data, sha256 = with_file()
    path, content = f"files/{sha256}", world.files[sha256]
    whole = audit_evidence(data, files=MappingSource({path: content}))

    def found(files: dict[str, bytes]) -> list[Check]:
        report = audit_evidence(data, files=MappingSource(files))
        return [finding.check for finding in report.findings]

    assert opened_files(parse_evidence(data)) == (sha256,)
    assert whole.findings == ()
    assert whole.counts["files"] == 1
    assert whole.not_checked == (*not_checked(None), *NOT_CHECKED)
    assert found({}) == [Check.FILE_MISSING]
    assert found({path: content + b"!"}) == [Check.FILE]
    assert found({path: content[:-1] + b"!"}) == [Check.FILE]
    assert found({path: content, "files/other": b""}) == [Check.FILE_UNUSED]


def test_report_says_what_was_and_what_was_not_checked() -> None:
    world = two_parties()
    report = audited(evidence_of(world, 4, 6), fingerprint=world.fingerprint)

    assert report.origin == ORIGIN
    assert report.fingerprint == world.fingerprint
    assert report.size == world.size
    assert report.root == world.root(world.size).hex()
    assert report.anchors == ("the ledger's fingerprint",)
    assert report.counts == {
        "entries": 3, "submissions": 2, "governance entries": 3, "notes": 2, "disclosures": 8,
    }  # fmt: skip
    assert report.not_checked[:-1] == (*not_checked(None), *NOT_CHECKED)
    assert "files that opened claims name" in report.not_checked[-1]
    assert any("none later than its checkpoint" in text for text in NOT_CHECKED)
    assert any("references to events that are not in this file" in text for text in NOT_CHECKED)


def test_what_is_written_reads_back() -> None:
    evidence = evidence_of(two_parties(), 4, 6)

    assert parse_evidence(format_evidence(evidence)) == evidence


def test_claims_can_be_opened_one_by_one() -> None:
    evidence = evidence_of(two_parties(), 4)
    assert evidence.disclosures is not None
    (line,) = evidence.disclosures
    for name, claim in line.claims.items():
        one = msgspec.structs.replace(line, claims={name: claim})
        assert audited(changed(evidence, disclosures=(one,))).findings == ()
    assert audited(changed(evidence, disclosures=None)).findings == ()


def test_one_note_that_two_submissions_saw_stands_once() -> None:
    world = World().found()
    seen, note = world.seen()
    world.keep(note)
    world.submit(letter("northmere"), seen=seen)
    world.submit(letter("northmere"), seen=seen)
    evidence = evidence_of(world, 1, 2)

    assert evidence.notes == (note.decode(),)
    assert audited(evidence).findings == ()


def test_refused_octets_are_refused_in_writing_too() -> None:
    evidence = evidence_of(two_parties(), 4)
    with pytest.raises(RuleError) as refused:
        format_evidence(changed(evidence, checkpoint=""))

    assert refused.value.check is Check.EVIDENCE


# What the reader holds


def test_log_key_and_receipts_anchor_it() -> None:
    world = two_parties()
    evidence = evidence_of(world, 4)
    key = log_vkey(ORIGIN, public_hex(world.log))
    receipt = world.receipt(3, 3)

    assert audited(evidence, log_key=key).verdict == "valid"
    assert audited(evidence, receipts=(("r", receipt),)).anchors == ("the receipt r",)


def test_refuses_other_log_key_and_fingerprint() -> None:
    evidence = evidence_of(two_parties(), 4)
    key = log_vkey(ORIGIN, public_hex(signing_key("another")))

    assert causes(evidence, log_key=key) == [Check.LOG_KEY]
    assert causes(evidence, fingerprint="0" * 64) == [Check.FINGERPRINT]


def test_refuses_receipt_of_another_ledger() -> None:
    world = two_parties()
    other = World().found("southfold", members=("southfold",))

    assert causes(evidence_of(world, 4), receipts=(("r", other.receipt(0, 1)),)) == [Check.RECEIPT]
    assert causes(evidence_of(world, 4), receipts=(("r", b"{}"),)) == [Check.RECEIPT]


def test_refuses_receipt_for_another_entry_or_another_tree() -> None:
    world, fork = World().found(), World()
    fork.append([], world.sign([letter("northmere")]))
    fork.entries, fork.now = list(world.entries), world.now
    fork.charter, fork.rules = world.charter, world.rules
    for each in (world, fork):
        each.submit(letter("northmere"))
        each.submit(letter("northmere"))

    assert causes(evidence_of(world, 1), receipts=(("r", fork.receipt(1, 1)),)) == [Check.RECEIPT]
    report = audited(evidence_of(world, 2), receipts=(("r", fork.receipt(1, 1)),))
    assert [f.where for f in report.findings] == ["r"]
    assert "two histories" in report.findings[0].reason


def test_receipt_that_is_newer_than_the_file_agrees() -> None:
    world = two_parties()
    evidence = evidence_of(world, 4)
    world.submit(letter("southfold"))

    assert audited(evidence, receipts=(("r", world.receipt(8, 1)),)).verdict == "valid"


# What is changed


def test_every_altered_octet_is_found() -> None:
    world = World().found()
    world.submit(letter("northmere"), letter("northmere"), see=True)
    data = format_evidence(evidence_of(world, 1, 2))
    anchors = Anchors(fingerprint=world.fingerprint)

    assert audit_evidence(data, anchors=anchors).verdict == "valid"
    for place in range(len(data)):
        octets = bytearray(data)
        octets[place] ^= 1 << place % 8
        assert audit_evidence(bytes(octets), anchors=anchors).verdict == "invalid", place


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"checkpoint":"\\ud800A"}',
        b" " * (MAX_EVIDENCE + 1),
    ],
)
def test_any_octets_give_a_report(data: bytes) -> None:
    assert [f.check for f in audit_evidence(data).findings] == [Check.EVIDENCE]


def test_refuses_other_spelling() -> None:
    data = format_evidence(evidence_of(two_parties(), 4))

    for other in (data + b"\n", b" " + data, data.replace(b'"shown":', b'"shown": ')):
        assert [f.check for f in audit_evidence(other).findings] == [Check.EVIDENCE]


def test_refuses_entry_that_is_none() -> None:
    evidence = evidence_of(two_parties(), 4)

    assert causes(with_entry(evidence, 1, entry=msgspec.Raw(b"[]"))) == [Check.ENTRY]
    assert causes(changed(evidence, governance=(msgspec.Raw(b"1.0"),))) == [Check.ENTRY]


def test_refuses_event_that_is_none() -> None:
    evidence = evidence_of(two_parties(), 6)
    octets = bytes(evidence.entries[0].entry).replace(b'"channel":"letter"', b'"channel":"lettre"')

    assert causes(with_entry(evidence, 0, entry=msgspec.Raw(octets))) == [Check.EVENT]


def test_refuses_entry_without_its_parts() -> None:
    evidence = evidence_of(two_parties(), 6)
    octets = bytes(evidence.entries[0].entry).replace(b'"position":0', b'"position":1')

    assert causes(with_entry(evidence, 0, entry=msgspec.Raw(octets))) == [Check.POSITION]


def test_refuses_other_checkpoint() -> None:
    evidence = evidence_of(two_parties(), 4)
    text = evidence.checkpoint
    for other in (
        text.replace(ORIGIN, "other.example/x"),
        text.replace("\n8\n", "\n9\n"),
        text.replace("\n8\n", "\n0\n"),
        text[:-1],
        text.replace("— ", "— x"),
    ):
        assert Check.CHECKPOINT in causes(changed(evidence, checkpoint=other))


def test_refuses_checkpoint_of_another_tree() -> None:
    world = two_parties()
    evidence = evidence_of(world, 4)
    world.entries[7] = world.entries[6]

    assert causes(changed(evidence, checkpoint=world.note().decode())) == [
        Check.INCLUSION,
        Check.INCLUSION,
    ]


def test_refuses_checkpoint_that_cuts_a_submission() -> None:
    world = two_parties()
    world.entries = world.entries[:5]

    assert causes(evidence_of(world, 3)) == [Check.POSITION]


def test_refuses_other_inclusion_proof() -> None:
    evidence = evidence_of(two_parties(), 4)
    proof = evidence.entries[1].proof
    assert proof is not None
    for other in ((*proof, proof[0]), proof[:-1], proof[::-1]):
        assert causes(with_entry(evidence, 1, proof=other)) == [Check.INCLUSION]


def test_refuses_other_path() -> None:
    evidence = evidence_of(two_parties(), 4)
    path = evidence.entries[1].path
    assert path is not None
    for other in ((*path, path[0]), path[:-1] or None, path[::-1]):
        if other != path:
            assert causes(with_entry(evidence, 1, path=other)) == [Check.SUBMISSION_ROOT]


def test_refuses_path_where_none_belongs() -> None:
    world = two_parties()
    path = ("0" * 64,)

    assert causes(with_entry(evidence_of(world, 6), 0, path=path)) == [Check.EVIDENCE]
    assert causes(with_entry(evidence_of(world, 4), 0, path=path)) == [Check.EVIDENCE]


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


# Signers, statements and rules


def test_refuses_charter_that_founds_nothing() -> None:
    world = World().found(state="closed")
    world.submit(letter("northmere"))

    assert causes(evidence_of(world, 1)) == [Check.CHARTER]


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"key": signing_key("nobody")}, Check.KEY),
        ({"author": "southfold", "key": signing_key("southfold")}, Check.AUTHOR),
        ({"root": "0" * 64}, Check.SUBMISSION_ROOT),
        ({"count": 1}, Check.COUNT),
        ({"expires": T0}, Check.EXPIRES),
        ({"expires": T0 + 90 * DAY_MS}, Check.EXPIRES),
    ],
)
def test_refuses_statement_that_does_not_hold(changes: dict[str, object], check: Check) -> None:
    world = World().found()
    world.enrol("southfold")
    world.submit(letter("northmere"), letter("northmere"), **changes)  # type: ignore[arg-type]  # any field

    evidence = evidence_of(world, 2)
    if check is Check.COUNT:
        second = EvidenceEntry(entry=msgspec.Raw(world.entries[3]), shown="yes")
        evidence = changed(evidence, entries=(*evidence.entries, second))
    assert check is causes(evidence)[0]


def test_refuses_root_of_a_submission_that_is_whole_here() -> None:
    world = World().found()
    said, other = letter("northmere"), letter("northmere")
    world.append([said], world.sign([other]))

    assert causes(evidence_of(world, 1)) == [Check.SUBMISSION_ROOT]


def test_refuses_key_without_the_power_and_key_that_ended() -> None:
    world = World().found()
    world.enrol("southfold", powers=("govern", "intake"))
    world.submit(say(Request, "southfold", what="data", medium="oral",
                     from_=("southfold",), to=("northmere",)))  # fmt: skip
    assert causes(evidence_of(world, 2)) == [Check.POWER]

    world = two_parties()
    world.submit(say(Membership, "southfold", None, verb="leave", charter=world.fingerprint))
    late = world.submit(letter("southfold"))
    assert causes(evidence_of(world, late)) == [Check.KEY]


def test_refuses_seen_that_is_in_the_future_or_disagrees() -> None:
    world = World().found()
    world.submit(letter("northmere"))
    seen, note = world.seen()
    world.keep(note)
    for changes in ({"size": 1}, {"root": "0" * 64}, {"size": 9}):
        other = msgspec.structs.replace(seen, **changes)
        index = world.submit(letter("northmere"), seen=other)
        assert causes(evidence_of(world, index)) == [Check.SEEN]


def test_refuses_seen_note_that_is_no_checkpoint() -> None:
    world = World().found()
    for size in (1, 2):
        world.log = signing_key("another log")
        seen, note = world.seen(1)
        world.keep(note)
        world.log = signing_key("log")
        index = world.submit(letter("northmere"), seen=seen)
        assert size == index
        assert causes(evidence_of(world, index)) == [Check.SEEN]


def test_refuses_entries_that_contradict_each_other() -> None:
    for field, check in (("prev", Check.PREV), ("recorded", Check.RECORDED)):
        world = two_parties()
        entry = parse_entry(world.entries[4])
        value: object = "0" * 64 if field == "prev" else entry.recorded + 1
        world.entries[4] = encode(msgspec.structs.replace(entry, **{field: value}))
        assert causes(evidence_of(world, 3, 4)) == [check]
        assert causes(evidence_of(world, 4))[0] is check


def test_refuses_submissions_that_overlap() -> None:
    world = World().found()
    said = [letter("northmere"), letter("northmere")]
    world.append(said[:1], world.sign(said))
    world.submit(letter("northmere"))
    evidence = evidence_of(world, 2)
    ids = [one.id for one in said]
    first = EvidenceEntry(
        entry=msgspec.Raw(world.entries[1]),
        path=(ids[1],),
        proof=evidence_of(world, 1).entries[0].proof,
        shown="yes",
    )

    assert causes(changed(evidence, entries=(first, *evidence.entries))) == [Check.POSITION]


def test_refuses_rules_that_name_another_governance_entry() -> None:
    world = two_parties()
    world.rules = world.leaves[1].hex()
    index = world.submit(letter("southfold"))

    assert causes(evidence_of(world, index)) == [Check.RULES_REF]


# References


def step(author: str, of: str) -> Said:
    return say(Step, author, of=of, target="request", verb="acknowledge")


def opened(author: str, of: str, event: Event) -> Said:
    return Said(Opening(author=author, nonce="0" * 32, of=of, event=event))  # type: ignore[arg-type]  # any event


def sealing(author: str, seals: str) -> Said:
    opens_by = {"opens_by": Date(basis="stated", edtf="2027-01-01")}
    return say(Sealed, author, seals=seals, dates=opens_by)


def test_reference_to_what_is_not_shown_is_left_open() -> None:
    world = World().found()
    world.enrol("southfold")
    first = letter("northmere")
    world.submit(first)
    said = letter("southfold")
    for one in (
        step("northmere", first.id),
        say(Position, "southfold", on=first.id, stance="retract_own"),
        say(Erasure, "southfold", of=first.id, names=("text",), ground="error"),
        say(Hold, "southfold", ends=first.id),
        say(Opening, "southfold", of=first.id, names=("text",)),
        opened("southfold", first.id, said.event),
        say(Knowledge, "southfold", knower="southfold", of="0" * 64, mode="told"),
    ):
        index = world.submit(one)
        assert audited(evidence_of(world, index)).findings == ()


def test_reference_to_what_is_shown_is_judged() -> None:
    world = World().found()
    world.enrol("southfold")
    first = letter("northmere", withheld=("text",))
    world.submit(first)
    for one, check in (
        (step("northmere", first.id), Check.STEP),
        (say(Position, "southfold", on=first.id, stance="retract_own"), Check.OWN),
        (say(Erasure, "southfold", of=first.id, names=("text",), ground="error"), Check.ERASURE),
        (say(Hold, "southfold", ends=first.id), Check.HOLD),
        (say(Opening, "southfold", of=first.id, names=("text",)), Check.OPENING),
        (opened("southfold", first.id, letter("southfold").event), Check.OPENING),
    ):
        index = world.submit(one)
        assert causes(evidence_of(world, 2, index)) == [check]


def test_opening_of_what_is_shown_opens_it() -> None:
    world = World().found()
    inner, other = letter("northmere"), letter("northmere")
    sealed = sealing("northmere", inner.id)
    world.submit(sealed)
    world.submit(Said(opened("northmere", sealed.id, inner.event).event, inner.disclosures))
    answer = say(Position, "northmere", on=inner.id, stance="retract_own")
    world.submit(answer)
    world.submit(opened("northmere", sealed.id, other.event))

    assert audited(evidence_of(world, 1, 2, 3)).findings == ()
    assert audited(evidence_of(world, 2)).counts["disclosures"] == 4
    assert causes(evidence_of(world, 1, 4)) == [Check.OPENING]


def test_refuses_opening_of_another_authors_event() -> None:
    world = World().found()
    index = world.submit(opened("northmere", "0" * 64, letter("southfold").event))

    assert causes(evidence_of(world, index)) == [Check.OPENING]


def test_refuses_event_that_names_a_later_one() -> None:
    world = World().found()
    later = letter("northmere")
    early = letter("northmere", links=(Link(event=later.id, rel="follows"),))
    world.submit(early)
    world.submit(later)

    assert causes(evidence_of(world, 1, 2)) == [Check.REFERENCE]
    assert causes(evidence_of(world, 1)) == []


def test_refuses_event_that_is_here_twice() -> None:
    world = World().found()
    said = letter("northmere")
    world.submit(said)
    world.submit(said)

    assert causes(evidence_of(world, 1, 2)) == [Check.REPEATED]


def test_governance_event_in_company_is_refused() -> None:
    world = World().found()
    world.submit(letter("northmere"), world.enrolment("southfold"))
    world.rules = world.leaves[0].hex()
    index = world.submit(letter("northmere"))

    assert causes(evidence_of(world, 2)) == [Check.ALONE]
    assert index == 3
