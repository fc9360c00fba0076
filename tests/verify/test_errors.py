import pickle

import pytest

from verify.checks import Check
from verify.errors import (
    MalformedError,
    ProofError,
    QuorumError,
    RuleError,
    SignatureError,
    VerifyError,
)

EXAMPLES: list[tuple[VerifyError, str]] = [
    (MalformedError("signature line 2", "not base64"), "signature line 2: not base64"),
    (ProofError("too short"), "too short"),
    (ProofError("another root", b"\x01", b"\x02"), "another root: expected 01, computed 02"),
    (SignatureError("example.com/log"), "signature by example.com/log: the signature does not"),
    (SignatureError("w", b"\x01\x02\x03\x04", "there is none"), "signature by w: there is none"),
    (QuorumError("parties", ("w1", "w2")), "no quorum parties: cosigned by w1, w2"),
    (QuorumError("parties", ()), "no quorum parties: cosigned by nobody"),
    (RuleError(Check.PREV, "entry 3", "is not the leaf hash", "aa", "bb"), "[403] entry 3: is not"),
]


@pytest.mark.parametrize(("error", "message"), EXAMPLES)
def test_message_says_where_and_what(error: VerifyError, message: str) -> None:
    assert str(error).startswith(message)


@pytest.mark.parametrize("error", [error for error, _ in EXAMPLES])
def test_evidence_survives_a_process_border(error: VerifyError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - pickled in the line itself

    assert type(error) is type(copy)
    assert vars(error) == vars(copy)
    assert str(error) == str(copy)
