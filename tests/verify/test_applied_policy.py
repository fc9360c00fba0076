"""A reader's policy, applied to exports, evidence and receipts."""

from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from tests import reference
from tests.showing import evidence_of
from tests.verify.commanding import run, written
from tests.world import ORIGIN, World, cosign, letter, policy, restart
from verify.anchors import Anchors
from verify.audit import audit
from verify.checks import Check
from verify.codec import encode
from verify.evidence import audit_evidence
from verify.note import (
    COSIGNATURE_ML_DSA_44,
    Cosignature,
    NoteSignature,
    VerifierKey,
    cosignature_message,
    format_cosignature,
    format_note,
    format_vkey,
    key_id,
    parse_note,
)
from verify.policy import parse_policy
from verify.proof import Proof, format_proof
from verify.receipt import format_receipt, parse_receipt, proof_of
from verify.report import Report, Weighed
from verify.source import MappingSource

THREE = ("group three 2 w1 w2 w3", "quorum three")
AT_S = 1_760_000_100


@pytest.fixture
def world() -> World:
    restart("applied policy")
    made = World().found()
    made.submit(letter("northmere"), letter("northmere"), see=True)
    return made


def of_export(world: World, checkpoint: bytes, applied: bytes, *receipts: bytes) -> Report:
    named = tuple(("receipt", data) for data in receipts)
    anchors = Anchors(policy=parse_policy(applied), receipts=named)
    return audit(MappingSource({**world.export(), "checkpoint": checkpoint}), anchors=anchors)


def of_evidence(world: World, checkpoint: bytes, applied: bytes) -> Report:
    evidence = msgspec.structs.replace(evidence_of(world, 2), checkpoint=checkpoint.decode())
    report = audit_evidence(encode(evidence), anchors=Anchors(policy=parse_policy(applied)))
    judged = reference.audit_evidence(encode(evidence), policy=applied)
    assert (report.verdict, [int(f.check) for f in report.findings][:1]) == (
        judged.verdict,
        [f.check for f in judged.findings][:1],
    )
    return report


def test_a_policy_that_is_met_anchors_the_verdict(world: World) -> None:
    cosigned = cosign(world.note(), ("w1", AT_S), ("w3", AT_S))
    for judge in (of_export, of_evidence):
        report = judge(world, cosigned, policy(*THREE))

        assert ("valid", ("your policy",)) == (report.verdict, report.anchors)
        assert Weighed("three", ("w1", "w3"), 3, 1) == report.weighed
        assert not any("co-signers" in text for text in report.not_checked)


def test_a_policy_without_a_quorum_anchors_by_its_log(world: World) -> None:
    for judge in (of_export, of_evidence):
        report = judge(world, world.note(), policy("quorum none"))

        assert ("valid", ("your policy",)) == (report.verdict, report.anchors)
        assert Weighed(None, (), 0, 0) == report.weighed
        assert any("the policy needs none" in text for text in report.not_checked)


def test_what_a_policy_asks_for_and_does_not_get_is_a_finding(world: World) -> None:
    one = cosign(world.note(), ("w2", AT_S))
    for judge in (of_export, of_evidence):
        report = judge(world, one, policy(*THREE))
        (finding,) = report.findings

        assert ("invalid", ()) == (report.verdict, report.anchors)
        assert (Check.QUORUM, "three", "w2") == (finding.check, finding.expected, finding.found)
        assert Weighed("three", ("w2",), 3, 1) == report.weighed
        (finding,) = judge(world, world.note(), policy(*THREE)).findings
        assert (Check.QUORUM, "nobody") == (finding.check, finding.found)


def test_a_log_that_is_none_of_the_policys_is_a_finding(world: World) -> None:
    for judge in (of_export, of_evidence):
        report = judge(world, world.note(), policy("quorum none", log="another"))
        (finding,) = report.findings

        assert ("invalid", ()) == (report.verdict, report.anchors)
        assert Check.LOG_KEY == finding.check
        assert ORIGIN in str(finding.expected)
        assert ORIGIN in str(finding.found)
        (finding,) = judge(world, world.note(), b"quorum none\n").findings
        assert finding.expected is None


def test_a_known_line_that_fails_spoils_the_checkpoint(world: World) -> None:
    text, lines = parse_note(cosign(world.note(), ("w1", AT_S), ("w3", AT_S), ("w2", AT_S)))
    line = lines[-1]._replace(payload=lines[-2].payload)
    spoiled = format_note(text, [*lines[:-1], line])
    for judge in (of_export, of_evidence):
        report = judge(world, spoiled, policy(*THREE))

        assert [Check.COSIGNATURE] == [finding.check for finding in report.findings]
        assert report.weighed is None


def test_no_checkpoint_is_not_weighed(world: World) -> None:
    evidence = msgspec.structs.replace(evidence_of(world, 2), checkpoint="nothing")
    anchors = Anchors(policy=parse_policy(policy(*THREE)))
    report = audit_evidence(encode(evidence), anchors=anchors)

    assert report.weighed is None
    assert Check.QUORUM not in [finding.check for finding in report.findings]


def test_a_receipt_needs_no_quorum_and_no_line_that_fails(world: World) -> None:
    cosigned = cosign(world.note(), ("w1", AT_S), ("w3", AT_S))
    receipt = world.receipt(1, 2)
    report = of_export(world, cosigned, policy(*THREE), receipt)

    assert ("the receipt receipt", "your policy") == tuple(sorted(report.anchors))
    proof = proof_of(parse_receipt(receipt))
    text, lines = parse_note(cosigned)
    spoiled = format_note(text, [*lines[:-1], lines[-1]._replace(payload=bytes(72))])
    for checkpoint, expected in ((cosigned, []), (spoiled, [Check.RECEIPT])):
        changed = Proof(proof.index, proof.hashes, checkpoint, None)
        data = format_receipt(
            msgspec.structs.replace(parse_receipt(receipt), proof=format_proof(changed).decode())
        )
        report = of_export(world, cosigned, policy(*THREE), data)
        judged = reference.audit_export(
            {**world.export(), "checkpoint": cosigned}, policy=policy(*THREE), receipts=[data]
        )

        assert expected == [finding.check for finding in report.findings]
        assert expected == [finding.check for finding in judged.findings]


def test_a_cosignature_of_ml_dsa_counts_like_another(world: World) -> None:
    private = MLDSA44PrivateKey.from_seed_bytes(bytes(32))
    public = private.public_key().public_bytes_raw()
    identity = key_id(name="late.example", algorithm=COSIGNATURE_ML_DSA_44, public=public)
    key = VerifierKey("late.example", identity, COSIGNATURE_ML_DSA_44, public)
    text, lines = parse_note(world.note())
    signed = private.sign(cosignature_message(text, key=key, timestamp_s=AT_S))
    payload = format_cosignature(Cosignature(AT_S, signed), algorithm=key.algorithm)
    cosigned = format_note(text, [*lines, NoteSignature(key.name, identity, payload)])
    applied = policy(f"witness late {format_vkey(key)}", "quorum late")
    report = of_export(world, cosigned, applied)

    assert ("valid", ()) == (report.verdict, report.findings)
    assert [Check.QUORUM] == [f.check for f in of_export(world, world.note(), applied).findings]


def test_the_command_takes_a_policy(world: World, tmp_path: Path) -> None:
    two = cosign(world.note(), ("w1", AT_S), ("w3", AT_S))
    written(tmp_path / "two", {**world.export(), "checkpoint": two})
    written(tmp_path / "none", world.export())
    files = {
        "three": policy(*THREE),
        "any": policy("group any any w1 w2 w3", "quorum any"),
        "no quorum": policy("quorum none"),
        "bad": b"quorum\n",
    }
    written(tmp_path, files)
    done = run(tmp_path / "two", "--policy", tmp_path / "three")

    assert 0 == done.returncode
    text = " ".join(done.stdout.decode().split())
    assert "Cosigned by 2 of 3 co-signers (quorum three): w1, w3" in text
    assert "1 of them must lie to make two histories possible" in text
    assert "Agrees with your policy" in text
    done = run(tmp_path / "two", "--policy", tmp_path / "any")
    assert 0 == done.returncode
    assert "though none of them lies" in " ".join(done.stdout.decode().split())
    done = run(tmp_path / "none", "--policy", tmp_path / "three")
    assert 1 == done.returncode
    assert "[804] quorum" in done.stdout.decode()
    assert "by 0 of 3 co-signers (quorum three)" in done.stdout.decode()
    done = run(tmp_path / "none", "--policy", tmp_path / "no quorum")
    assert (0, True) == (done.returncode, b"your policy needs no co-signers" in done.stdout)
    for name in ("bad", "missing"):
        done = run(tmp_path / "none", "--policy", tmp_path / name)
        assert (2, b"") == (done.returncode, done.stdout)


def test_json_says_who_cosigned(world: World, tmp_path: Path) -> None:
    two = cosign(world.note(), ("w1", AT_S), ("w3", AT_S))
    written(tmp_path / "two", {**world.export(), "checkpoint": two})
    written(tmp_path, {"three": policy(*THREE), "no quorum": policy("quorum none")})
    done = run(tmp_path / "two", "--policy", tmp_path / "three", "--json")

    expected = {"by": ["w1", "w3"], "witnesses": 3, "liars_needed": 1, "quorum": "three"}
    assert expected == msgspec.json.decode(done.stdout)["cosigned"]
    done = run(tmp_path / "two", "--policy", tmp_path / "no quorum", "--json")
    assert "quorum" not in msgspec.json.decode(done.stdout)["cosigned"]
