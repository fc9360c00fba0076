"""Evidence files: what is fine, what the reader holds, and what is changed."""

import base64
from copy import deepcopy

import msgspec
import pytest

from tests import reference
from tests.evidencing import ORIGIN, audited, causes, changed, two_parties, with_entry
from tests.showing import evidence_of
from tests.world import World, letter, public_hex, signing_key
from verify.anchors import Anchors, not_checked
from verify.checks import Check
from verify.codec import encode
from verify.errors import RuleError
from verify.evidence import (
    MAX_EVIDENCE,
    NOT_CHECKED,
    Evidence,
    audit_evidence,
    format_evidence,
    opened_files,
    parse_evidence,
)
from verify.notes import log_vkey
from verify.receipt import format_receipt, parse_receipt
from verify.report import Report
from verify.source import MappingSource

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


@pytest.mark.parametrize("data", [b"", b"Dear Sir", b'{"key":"00"}', b'{"type":"other"}'])
def test_what_does_not_say_that_it_is_evidence_may_be_another_file(data: bytes) -> None:
    (finding,) = audit_evidence(data).findings
    (damaged,) = audit_evidence(b'{"checkpoint":1,"type":"counterfoil-evidence/v1"}').findings

    assert finding.reason.startswith("is no evidence file, or a damaged one: ")
    assert (Check.EVIDENCE, Check.EVIDENCE) == (finding.check, damaged.check)
    assert not damaged.reason.startswith("is no evidence file")


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
    # Of an entry that is not shown nothing else tells it apart.
    receipt = msgspec.structs.replace(parse_receipt(world.receipt(6, 1)), charter="0" * 64)
    named = (("r", format_receipt(receipt)),)
    assert causes(evidence_of(world, 4), receipts=named) == [Check.RECEIPT]


def test_refuses_receipt_for_another_entry_or_another_tree() -> None:
    world, fork = World().found(), World()
    fork.append([], world.sign([letter("northmere")]))
    fork.entries, fork.now = list(world.entries), world.now
    fork.charter, fork.rules = world.charter, world.rules
    for each in (world, fork):
        each.submit(letter("northmere"))
        each.submit(letter("northmere"))

    assert causes(evidence_of(world, 1), receipts=(("r", fork.receipt(1, 1)),)) == [Check.RECEIPT]
    larger = deepcopy(fork)
    while larger.size <= world.size:
        larger.submit(letter("northmere"))
    newer = larger.receipt(1, 1)
    assert causes(evidence_of(world, 1), receipts=(("r", newer),)) == [Check.RECEIPT]
    report = audited(evidence_of(world, 2), receipts=(("r", fork.receipt(1, 1)),))
    assert [f.where for f in report.findings] == ["r"]
    assert "two histories" in report.findings[0].reason


def test_receipt_that_is_newer_than_the_file_agrees() -> None:
    world = two_parties()
    evidence = evidence_of(world, 4)
    world.submit(letter("southfold"))

    assert audited(evidence, receipts=(("r", world.receipt(8, 1)),)).verdict == "valid"


def test_of_a_newer_receipt_by_a_log_key_that_the_file_does_not_know_the_rest_is_checked() -> None:
    world = two_parties()
    evidence = evidence_of(world, 4)
    before = world.receipt(3, 3)
    world.change_log_key()
    knowing = evidence_of(world, 4)
    world.submit(letter("southfold"))
    receipt, root = world.receipt(3, 3), base64.b64encode(world.root(world.size)).decode()
    told = msgspec.json.decode(receipt)

    report = judged(evidence, receipt)
    assert ("self-consistent", ()) == (report.verdict, report.anchors)
    assert "valid" == judged(evidence, before).verdict == judged(knowing, receipt).verdict
    for old, new in ((root, f"{'A' * 43}="), (ORIGIN, "elsewhere.example/log")):
        wrong = {**told, "proof": told["proof"].replace(old, new)}
        assert wrong != told
        assert "invalid" == judged(evidence, encode(wrong)).verdict
    assert "invalid" == judged(evidence, encode({**told, "leaf": "0" * 64})).verdict
    # A key that the file knows, and that had ended by then, signed another history.
    world.log_keys.clear()
    assert "invalid" == judged(knowing, world.receipt(3, 3)).verdict


def judged(evidence: Evidence, receipt: bytes) -> Report:
    """Return what an audit says, and see that the reference says it, too."""
    report = audited(evidence, receipts=(("r", receipt),))
    other = reference.audit_evidence(encode(evidence), receipts=(receipt,))
    assert other.verdict == report.verdict.partition("-")[0]
    return report


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
    ],
)
def test_any_octets_give_a_report(data: bytes) -> None:
    assert [f.check for f in audit_evidence(data).findings] == [Check.EVIDENCE]


def test_what_is_too_long_for_evidence_is_not_read() -> None:
    for octets, is_longer in ((MAX_EVIDENCE, False), (MAX_EVIDENCE + 1, True)):
        (finding,) = audit_evidence(b" " * octets).findings

        assert Check.EVIDENCE is finding.check
        assert is_longer == ("is longer than" in finding.reason)


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


def test_says_which_claims_are_closed(world: World) -> None:
    """Whoever made the file chose: a reader sees that there is more, and of what kind."""
    whole = evidence_of(world, 3, 4)
    bare = changed(whole, disclosures=None)
    part = changed(whole, disclosures=(whole.disclosures or ())[1:])
    names = [tuple(sorted(world.events()[index].sealed or ())) for index in (3, 4)]

    assert all(names)
    assert [(), ()] == [one.closed for one in audited(whole).shown]
    assert names == [one.closed for one in audited(bare).shown]
    assert [names[0], ()] == [one.closed for one in audited(part).shown]
