"""What the reader holds from elsewhere, and what it says of a ledger (SPEC section 12, 801 to 803).

A folder that agrees with itself proves nothing about whose it is. A log key, a fingerprint or a
receipt that came another way does. `audit` and `evidence` say what they found; here it is compared.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from verify.checks import Check
from verify.errors import MalformedError, ProofError, RuleError, SignatureError
from verify.note import VerifierKey, format_vkey
from verify.receipt import Receipt, parse_receipt
from verify.report import Finding

__all__ = ["Agreement", "Anchors", "compare"]


@dataclass(frozen=True, slots=True)
class Anchors:
    """What the reader holds from elsewhere, and so what makes a verdict more than consistent.

    Attributes:
        log_key: The log's verifier key.
        fingerprint: Leaf hash of entry 0, in hex.
        receipts: Receipts, each with a name for findings, such as its file's.
    """

    log_key: VerifierKey | None = None
    fingerprint: str | None = None
    receipts: tuple[tuple[str, bytes], ...] = ()


@dataclass(slots=True)
class Agreement:
    """What came of a comparison.

    Attributes:
        agreed: What agrees, in words.
        findings: What does not.
    """

    agreed: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def compare(
    anchors: Anchors,
    *,
    log_key: VerifierKey | None,
    fingerprint: str | None,
    check_receipt: Callable[[Receipt], None],
) -> Agreement:
    """Compare what the reader holds with what was found.

    Args:
        anchors: What the reader holds.
        log_key: The key that must sign the checkpoint; None where no charter could be read.
        fingerprint: Leaf hash of entry 0, in hex; None where there is none.
        check_receipt: Raises a `VerifyError` where a receipt does not agree.

    Source: SPEC sections 10.1 and 12.
    """
    result = Agreement()
    _compare_log_key(anchors.log_key, log_key, result)
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
            check_receipt(parse_receipt(data))
        except (MalformedError, ProofError, SignatureError, RuleError) as error:
            expected = error.expected if isinstance(error, RuleError) else None
            found = error.found if isinstance(error, RuleError) else None
            result.findings.append(
                Finding(Check.RECEIPT, name, error.reason, expected=expected, found=found)
            )
        else:
            result.agreed.append(f"the receipt {name}")
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
