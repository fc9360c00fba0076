"""What the reader holds from elsewhere, and what it says of a ledger (SPEC section 12, 801 to 805).

A folder that agrees with itself proves nothing about whose it is. A log key, a fingerprint, a
policy or a receipt that came another way does. `audit` and `evidence` say what they found; here it
is compared.
"""

from collections.abc import Callable

import msgspec

from verify.checkpoint import parse_signed
from verify.checks import Check
from verify.errors import MalformedError, ProofError, QuorumError, RuleError, SignatureError
from verify.note import Note, VerifierKey, format_vkey
from verify.policy import Policy, check_quorum, cosigners, liars_needed, quorum_witnesses
from verify.receipt import Receipt, parse_receipt, proof_of
from verify.report import Finding, Weighed

__all__ = ["Agreement", "Anchors", "compare", "not_checked"]

_NO_POLICY = "cosignatures of independent co-signers: no policy was applied"
_NO_QUORUM = "cosignatures of independent co-signers: the policy needs none"


_RECEIPT = b"{"  # a checkpoint begins with its log's origin, and no ledger's begins so


class Anchors(msgspec.Struct, frozen=True):
    """What the reader holds from elsewhere, and so what makes a verdict more than consistent.

    Attributes:
        log_key: The log's verifier key.
        fingerprint: Leaf hash of entry 0, in hex.
        receipts: Receipts, and signed checkpoints of the log, each with a name for findings, such
            as its file's.
        policy: Which logs and witnesses the reader trusts, and how many of these it takes.
    """

    log_key: VerifierKey | None = None
    fingerprint: str | None = None
    receipts: tuple[tuple[str, bytes], ...] = ()
    policy: Policy | None = None


class Agreement(msgspec.Struct):
    """What came of a comparison.

    Attributes:
        agreed: What agrees, in words.
        findings: What does not.
        weighed: The checkpoint's cosignatures, by the reader's policy.
    """

    agreed: list[str] = []
    findings: list[Finding] = []
    weighed: Weighed | None = None


def compare(
    anchors: Anchors,
    *,
    log_key: VerifierKey | None,
    note: Note | None,
    fingerprint: str | None,
    check_receipt: Callable[[Receipt], bool],
    check_held: Callable[[bytes], bool],
) -> Agreement:
    """Compare what the reader holds with what was found.

    Args:
        anchors: What the reader holds.
        log_key: The key that must sign the checkpoint; None where no charter could be read.
        note: The checkpoint with its signature lines; None where none could be read.
        fingerprint: Leaf hash of entry 0, in hex; None where there is none.
        check_receipt: Raises a `VerifyError` where a receipt does not agree; tells whether they
            meet at all.
        check_held: The same of a signed checkpoint.

    Source: SPEC sections 10.1 and 12.
    """
    result = Agreement()
    _compare_log_key(anchors.log_key, log_key, result)
    if anchors.policy is not None:
        _apply_policy(anchors.policy, log_key, note, result)
    if anchors.fingerprint is not None and anchors.fingerprint == fingerprint:
        result.agreed.append("the ledger's fingerprint")
    elif anchors.fingerprint is not None:
        reason = "is not the one that you gave"
        result.findings.append(
            Finding(
                Check.FINGERPRINT, "entry 0", reason,
                expected=anchors.fingerprint, found=fingerprint,
            )
        )  # fmt: skip
    for name, data in anchors.receipts:
        try:
            held = data
            if data.startswith(_RECEIPT):
                receipt = parse_receipt(data)
                met = check_receipt(receipt)
                held = proof_of(receipt).checkpoint
            else:
                met = check_held(data)
            if anchors.policy is not None:
                cosigners(anchors.policy, note=parse_signed(held)[1])
        except (MalformedError, ProofError, SignatureError, RuleError) as error:
            expected = error.expected if isinstance(error, RuleError) else None
            found = error.found if isinstance(error, RuleError) else None
            reason = error.reason
            if isinstance(error, MalformedError):
                reason = f"is no receipt and no signed checkpoint, or a damaged one: {reason}"
            result.findings.append(
                Finding(Check.RECEIPT, name, reason, expected=expected, found=found)
            )
        else:
            if met:
                what = "receipt" if held is not data else "checkpoint"
                result.agreed.append(f"the {what} {name}")
    return result


def _compare_log_key(
    wanted: VerifierKey | None, key: VerifierKey | None, result: Agreement
) -> None:
    if wanted is None:
        return
    if key == wanted:
        result.agreed.append("the log's key")
        return
    found = None if key is None else format_vkey(key)
    reason = "is not the one that you gave"
    result.findings.append(
        Finding(Check.LOG_KEY, "charter.log_key", reason, expected=format_vkey(wanted), found=found)
    )


def _apply_policy(
    policy: Policy, key: VerifierKey | None, note: Note | None, result: Agreement
) -> None:
    """Compare the log's key with the policy's logs, and weigh the checkpoint's cosignatures.

    Source: SPEC section 12, "Policy".
    """
    logs = [log.key for log in policy.logs]
    if key not in logs:
        found = None if key is None else format_vkey(key)
        expected = ", ".join(map(format_vkey, logs)) or None
        reason = "is none of the logs of your policy"
        result.findings.append(
            Finding(Check.LOG_KEY, "charter.log_key", reason, expected=expected, found=found)
        )
    if note is None:
        return  # said already
    try:
        cosigned = cosigners(policy, note=note).keys()
    except (MalformedError, SignatureError) as error:
        result.findings.append(Finding(Check.COSIGNATURE, "checkpoint", str(error)))
        return
    members = quorum_witnesses(policy)
    result.weighed = Weighed(
        policy.quorum, tuple(sorted(cosigned & members)), len(members), liars_needed(policy)
    )
    try:
        check_quorum(policy, cosigned=cosigned)
    except QuorumError as error:
        found = ", ".join(error.cosigned) or "nobody"
        reason = "has not the cosignatures that your policy asks for"
        result.findings.append(
            Finding(Check.QUORUM, "checkpoint", reason, expected=error.quorum, found=found)
        )
        return
    if key in logs:
        result.agreed.append("your policy")


def not_checked(policy: Policy | None) -> tuple[str, ...]:
    """Say in words what no audit looks at, and what one with this policy did not."""
    unweighed = () if policy and policy.quorum else (_NO_QUORUM if policy else _NO_POLICY,)
    return (
        "whether anything that was said is true",
        "whether anything was left out before it reached the ledger",
        *unweighed,
        "outside evidence in attestations (DKIM, ARC, RFC 3161)",
    )
