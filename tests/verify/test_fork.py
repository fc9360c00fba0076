"""Fork proofs: what convicts, what does not, and whom (SPEC section 10.3)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.forking import (
    LOG_KEY,
    TRUE,
    WITNESS,
    cosigned,
    false_proofs,
    forked,
    one_world,
    other_entry,
    other_past,
    proof_of_fork,
    true_proofs,
    witness_key,
)
from tests.ledger.witnessing import b64, prove
from tests.world import ORIGIN, inclusion, letter, public_hex, signing_key
from verify.checks import Check
from verify.codec import encode
from verify.command import main
from verify.errors import RuleError, VerifyError
from verify.fork import (
    MAX_FORK,
    ForkAnchors,
    ForkProof,
    ForkReport,
    Lie,
    OneSize,
    OtherEntry,
    OtherPast,
    StepBack,
    audit_fork,
    check_fork,
    format_fork,
    is_fork_proof,
    parse_fork,
)
from verify.merkle import root_hash
from verify.note import format_note, format_vkey, parse_note
from verify.notes import log_vkey
from verify.policy import Witness, format_policy, threshold_policy

ROOT = Path(__file__).parents[2]
WORLD = one_world()
OTHER = forked(WORLD, at=5, more=6)
PROOFS = true_proofs(WORLD, OTHER)
ONE_SIZE, OTHER_PAST, OTHER_ENTRY, STEP_BACK = (PROOFS[kind] for kind in TRUE)
POLICY = threshold_policy(log=LOG_KEY, witnesses=[Witness("w1", witness_key())], threshold=1)
NOBODY = ForkAnchors()


def refused(proof: ForkProof) -> RuleError:
    with pytest.raises(RuleError) as caught:
        check_fork(parse_fork(encode(proof)))

    return caught.value


def reported(proof: ForkProof, anchors: ForkAnchors = NOBODY) -> ForkReport:
    return audit_fork(encode(proof), anchors=anchors)


# What convicts


@pytest.mark.parametrize("kind", PROOFS)
def test_each_kind_reads_back_and_holds(kind: str) -> None:
    proof = PROOFS[kind]
    data = format_fork(proof)
    report = reported(proof)

    assert proof == parse_fork(data)
    assert is_fork_proof(data)
    assert ("self-consistent", kind, ORIGIN) == (report.verdict, report.kind, report.origin)
    assert report.shows
    assert report.not_shown
    assert not report.anchors


def test_every_pair_of_sizes_with_another_past_convicts() -> None:
    other = forked(WORLD, at=1, more=20)
    for small in range(2, WORLD.size + 1):
        for large in range(small + 1, other.size + 1):
            assert 2 == len(check_fork(other_past(WORLD, small, other, large)).notes)


def test_every_index_at_which_entries_differ_convicts() -> None:
    for index in range(5, WORLD.size):
        check_fork(other_entry(WORLD, OTHER, index))


@pytest.mark.parametrize(
    ("anchors", "agrees"),
    [
        (ForkAnchors(log_key=LOG_KEY), ("the log's key",)),
        (ForkAnchors(fingerprint=WORLD.fingerprint), ("the ledger's fingerprint",)),
        (ForkAnchors(policy=POLICY), ("a log of your policy",)),
    ],
)
@pytest.mark.parametrize("kind", ["one-size", "other-past", "other-entry"])
def test_a_lie_of_the_log_is_proven_by_whatever_vouches_for_its_key(
    kind: str, anchors: ForkAnchors, agrees: tuple[str, ...]
) -> None:
    report = reported(PROOFS[kind], anchors)

    assert ("proven", agrees) == (report.verdict, report.anchors)
    assert (format_vkey(LOG_KEY),) == report.accused


def test_a_lie_of_a_witness_is_proven_by_a_policy_that_knows_it_and_by_nothing_else() -> None:
    log_only = ForkAnchors(log_key=LOG_KEY, fingerprint=WORLD.fingerprint)

    assert "self-consistent" == reported(STEP_BACK, log_only).verdict
    report = reported(STEP_BACK, ForkAnchors(policy=POLICY))
    assert "proven" == report.verdict
    assert ("a log of your policy", "a witness of your policy") == report.anchors
    assert (format_vkey(witness_key()),) == report.accused
    assert 3 == len(report.shows)
    assert "cosigned by w1 at 1970-01-01 00:33:20 UTC." in report.shows[1]


def test_a_witness_that_cosigned_both_histories_is_named() -> None:
    texts = [cosigned(text.encode(), 9).decode() for text in OTHER_PAST.checkpoints]
    one, both = (
        reported(replace(OTHER_PAST, checkpoints=(first, texts[1])), ForkAnchors(policy=POLICY))
        for first in (OTHER_PAST.checkpoints[0], texts[0])
    )

    assert (2, 4) == (len(one.shows), len(both.shows))
    assert "w1 cosigned both, and so broke its word" in both.shows[-1]
    assert (format_vkey(LOG_KEY),) == both.accused  # whom the file convicts: the log


def test_lines_of_witnesses_that_do_not_verify_say_nothing_and_harm_nothing() -> None:
    note = parse_note(WORLD.note())
    bad = cosigned(WORLD.note(), 1000).replace(b"\n8\n", b"\n9\n")
    lines = parse_note(bad).signatures[1:]
    proof = other_entry(WORLD, OTHER, 6)
    texts = (format_note(note.text, [*note.signatures, *lines]).decode(), proof.checkpoints[1])
    # The line is of another tree: the witness's name stands there and nothing was cosigned.
    forged = format_note(note.text, [*note.signatures, lines[0]._replace(payload=bytes(72))])

    assert "cosigned by w1" in " ".join(
        reported(replace(proof, checkpoints=texts), ForkAnchors(policy=POLICY)).shows
    )
    report = reported(
        replace(proof, checkpoints=(forged.decode(), texts[1])), ForkAnchors(policy=POLICY)
    )
    assert ("proven", 1) == (report.verdict, len(report.shows))


def test_a_lie_across_a_change_of_the_log_key_names_both_keys() -> None:
    changed = forked(WORLD, at=5, more=6)
    changed.log = signing_key("second log")
    second = log_vkey(ORIGIN, public_hex(changed.log))
    keys = (format_vkey(LOG_KEY), format_vkey(second))
    proof = replace(other_past(WORLD, 7, changed), log_keys=keys)
    both = ForkAnchors(log_key=second, fingerprint=WORLD.fingerprint)

    assert keys == reported(proof).accused
    assert "self-consistent" == reported(proof, ForkAnchors(log_key=LOG_KEY)).verdict
    assert "proven" == reported(proof, both).verdict
    assert Check.FORK is refused(replace(proof, log_keys=keys[::-1])).check


# What does not


FALSE = false_proofs(WORLD, OTHER)


@pytest.mark.parametrize("desc", FALSE)
def test_refuses(desc: str) -> None:
    error = refused(FALSE[desc])
    report = reported(FALSE[desc], ForkAnchors(log_key=LOG_KEY, policy=POLICY))

    assert Check.FORK is error.check
    assert ("invalid", ()) == (report.verdict, report.accused)
    assert [error.check] == [finding.check for finding in report.findings]
    with pytest.raises(RuleError):
        format_fork(FALSE[desc])


def signed_text(text: str) -> str:
    line = parse_note(WORLD.note()).signatures[0]
    signature = signing_key("log").sign(text.encode()).signature
    return format_note(text.encode(), [line._replace(payload=signature)]).decode()


def test_refuses_checkpoints_of_two_logs_that_share_a_key() -> None:
    first, second = (text.partition("\n\n")[0] + "\n" for text in ONE_SIZE.checkpoints)
    elsewhere = signed_text(second.replace(ORIGIN, "ledger.example/x"))

    error = refused(replace(ONE_SIZE, checkpoints=(signed_text(first), elsewhere)))

    assert (ORIGIN, "ledger.example/x") == (error.expected, error.found)


def test_refuses_a_root_hash_of_nothing_which_hides_nothing() -> None:
    texts = [signed_text(f"{ORIGIN}\n0\n{b64(bytes(31) + one)}\n") for one in (b"a", b"b")]

    assert "checkpoints[0]" == refused(replace(ONE_SIZE, checkpoints=(texts[0], texts[1]))).where


def test_refuses_a_file_that_is_too_long_or_not_canonical() -> None:
    data = format_fork(ONE_SIZE)
    key = encode(ONE_SIZE.log_keys[0])
    twice = data.replace(key, key + b"," + key)
    for octets, is_longer in ((MAX_FORK, False), (MAX_FORK + 1, True)):
        with pytest.raises(RuleError) as caught:
            parse_fork(bytes(octets))
        assert is_longer == ("is longer than" in caught.value.reason)
    for other in (data + b"\n", data[:-1], b"", b"[]", twice):
        with pytest.raises(RuleError) as caught:
            parse_fork(other)
        assert Check.FORK is caught.value.check
    with pytest.raises(RuleError):
        check_fork(replace(ONE_SIZE, checkpoints=("\ud800", "x")))


@pytest.mark.parametrize(
    ("anchors", "check"),
    [
        (ForkAnchors(log_key=log_vkey(ORIGIN, public_hex(signing_key("x")))), Check.LOG_KEY),
        (ForkAnchors(fingerprint="00" * 32), Check.FINGERPRINT),
    ],
)
def test_a_proof_about_another_log_than_the_readers_is_invalid(
    anchors: ForkAnchors, check: Check
) -> None:
    report = reported(ONE_SIZE, anchors)

    assert ("invalid", [check]) == (report.verdict, [one.check for one in report.findings])
    assert ((), ()) == (report.accused, report.shows)


def test_a_fingerprint_vouches_for_nothing_where_entry_0_is_not_there() -> None:
    report = reported(replace(ONE_SIZE, charter=None), ForkAnchors(fingerprint="00" * 32))

    assert ("self-consistent", ()) == (report.verdict, report.anchors)


def test_a_policy_of_others_vouches_for_nothing() -> None:
    x = log_vkey(ORIGIN, public_hex(signing_key("x")))
    policy = threshold_policy(log=x, witnesses=[], threshold=0)

    assert "self-consistent" == reported(ONE_SIZE, ForkAnchors(policy=policy)).verdict


# A log that is honest is never convicted

_HONEST = one_world()
for _ in range(25):
    _HONEST.submit(letter("northmere"))
_HASHES = st.sampled_from([*_HONEST.leaves, *map(_HONEST.root, range(1, _HONEST.size + 1))])
_SIZES = st.integers(1, _HONEST.size)
_NOTES = {size: cosigned(_HONEST.note(size), size) for size in range(1, _HONEST.size + 1)}
_PAST = {
    (small, large): prove(small, _HONEST.leaves[:large])
    for large in range(1, _HONEST.size + 1)
    for small in range(1, large + 1)
}


@st.composite
def accusations(draw: st.DrawFn) -> ForkProof:
    """Draw what a slanderer can make: true checkpoints, and hashes and proofs that are at hand."""
    small, large = sorted((draw(_SIZES), draw(_SIZES)))
    leaves = _HONEST.leaves[:large]
    some = draw(st.lists(_HASHES, max_size=6))
    index = draw(st.integers(0, large - 1))
    hashes = st.one_of(
        st.just(_PAST[small, large]), st.just(list(inclusion(leaves, index))), st.just(some)
    )
    proof = tuple(each.hex() for each in draw(hashes))
    lies: list[st.SearchStrategy[Lie]] = [
        st.just(OneSize()),
        st.builds(
            OtherPast,
            past=st.one_of(st.just(root_hash(leaves[:small])), _HASHES).map(bytes.hex),
            proof=st.just(proof or ("00" * 32,)),
        ),
        st.builds(
            OtherEntry,
            index=st.integers(0, large),
            leaves=st.tuples(_HASHES.map(bytes.hex), _HASHES.map(bytes.hex)),
            proofs=st.just((proof, proof)),
        ),
        st.just(StepBack(witness=format_vkey(witness_key()))),
    ]
    return proof_of_fork(_NOTES[small], _NOTES[large], draw(st.one_of(lies)), _HONEST)


@given(accusations())
def test_nothing_convicts_a_log_that_is_honest(proof: ForkProof) -> None:
    with pytest.raises(VerifyError):
        check_fork(proof)


@given(st.sampled_from(sorted(PROOFS)), st.data())
def test_any_octets_give_a_report(kind: str, data: st.DataObject) -> None:
    octets = bytearray(encode(PROOFS[kind]))
    octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))

    report = audit_fork(bytes(octets), anchors=ForkAnchors(log_key=LOG_KEY))

    assert report.verdict in {"proven", "invalid", "self-consistent"}


# The command


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "lie.fork"
    path.write_bytes(format_fork(ONE_SIZE))
    return path


def test_a_lie_of_a_known_log_has_an_exit_code_of_its_own(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 4 == main([str(file), "--fingerprint", WORLD.fingerprint or ""])
    text = capsys.readouterr().out
    assert text.startswith("A LIE IS PROVEN.")
    assert "two different trees of 8 entries" in text
    assert "Not shown:" in text


def test_a_lie_of_an_unknown_log_is_consistent_with_itself(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 3 == main([str(file)])
    assert "could have made these keys up" in capsys.readouterr().out


def test_what_convicts_nobody_is_invalid(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(encode(FALSE["a prefix as none"]))

    assert 1 == main([str(file), "--log-key", format_vkey(LOG_KEY)])
    text = capsys.readouterr().out
    assert text.startswith("INVALID.")
    assert "[904] fork" in text
    assert 1 == main([str(file), "--quiet"])
    assert "" == capsys.readouterr().out


def test_json_tells_all(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 4 == main([str(file), "--json", "--log-key", format_vkey(LOG_KEY)])
    report = msgspec.json.decode(capsys.readouterr().out)

    assert ("fork", "proven", "one-size") == (report["of"], report["verdict"], report["kind"])
    assert [format_vkey(LOG_KEY)] == report["accused"]
    assert [8, 8] == [each["size"] for each in report["checkpoints"]]
    file.write_bytes(b'{"type":"counterfoil-fork/v1"}')
    assert 1 == main([str(file), "--json"])
    report = msgspec.json.decode(capsys.readouterr().out)
    assert "kind" not in report
    assert [904] == [finding["check"] for finding in report["findings"]]


def test_a_policy_says_whose_lie_it_is(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy"
    policy.write_bytes(format_policy(POLICY))
    file.write_bytes(format_fork(STEP_BACK))

    assert 4 == main([str(file), "--policy", str(policy)])
    assert WITNESS in capsys.readouterr().out
    for option in ("--audience", "--certificate", "--files", "--receipt"):
        assert 2 == main([str(file), option, str(policy)])
    for wrong in (str(file), str(tmp_path / "none")):
        with pytest.raises(SystemExit):
            main([str(file), "--policy", wrong])


def test_it_runs_as_a_process(file: Path) -> None:
    command = [sys.executable, "-m", "verify", str(file), "--log-key", format_vkey(LOG_KEY)]

    assert 4 == subprocess.run(command, cwd=ROOT, check=False, capture_output=True).returncode
