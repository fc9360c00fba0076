"""What `verify` raises when the data is bad.

    VerifyError               the data is bad
    +-- MalformedError        the bytes are not the format they claim to be
    +-- ProofError            a Merkle proof does not lead to the root it should lead to
    +-- SignatureError        a signature that had to be there, and right, is not
    +-- QuorumError           too few of the witnesses that the reader trusts have cosigned
    +-- RuleError             well-formed and signed, yet against a numbered rule of SPEC

Every exception carries its evidence as attributes. An `AssertionError` is never one of these: it
means that our own arithmetic is wrong, and nobody catches it.
"""

from verify.checks import Check

__all__ = [
    "MalformedError",
    "ProofError",
    "QuorumError",
    "RuleError",
    "SignatureError",
    "VerifyError",
]


class VerifyError(Exception):
    """The data is bad."""

    # Each class below hands all its arguments to Exception, which keeps them in `args`: from
    # those alone pickle rebuilds the exception on the far side of a process border.


class MalformedError(VerifyError):
    """The bytes are not the format they claim to be.

    Attributes:
        where: The part that is wrong, such as "signature line 2".
        reason: What is wrong with it.
    """

    def __init__(self, where: str, reason: str) -> None:
        """Keep the part and what is wrong with it."""
        super().__init__(where, reason)
        self.where = where
        self.reason = reason

    def __str__(self) -> str:
        """Say the part, then what is wrong with it."""
        return f"{self.where}: {self.reason}"


class ProofError(VerifyError):
    """A Merkle proof does not lead to the root hash it should lead to.

    Attributes:
        reason: What is wrong with the proof.
        expected: The root hash that was claimed, when one was compared.
        computed: The root hash that the proof leads to, when it leads to one.
    """

    def __init__(
        self, reason: str, expected: bytes | None = None, computed: bytes | None = None
    ) -> None:
        """Keep what is wrong and the two root hashes that differ."""
        super().__init__(reason, expected, computed)
        self.reason = reason
        self.expected = expected
        self.computed = computed

    def __str__(self) -> str:
        """Say what is wrong, then the two root hashes in hex."""
        if self.expected is None or self.computed is None:
            return self.reason
        return f"{self.reason}: expected {self.expected.hex()}, computed {self.computed.hex()}"


class SignatureError(VerifyError):
    """A signature that had to be there, and right, is not.

    Attributes:
        name: The key name, or the public key in hex where the key has no name.
        key_id: The key ID of a signed note, 4 bytes; None outside signed notes.
        reason: What is wrong with the signature.
    """

    def __init__(
        self, name: str, key_id: bytes | None = None, reason: str = "the signature does not verify"
    ) -> None:
        """Keep whose signature it is and what is wrong with it."""
        super().__init__(name, key_id, reason)
        self.name = name
        self.key_id = key_id
        self.reason = reason

    def __str__(self) -> str:
        """Say whose signature it is, then what is wrong with it."""
        return f"signature by {self.name}: {self.reason}"


class QuorumError(VerifyError):
    """Too few of the witnesses that the reader trusts have cosigned.

    Attributes:
        quorum: What the policy calls the witness or group that must have cosigned.
        cosigned: What the policy calls the witnesses that have, sorted.
    """

    def __init__(self, quorum: str, cosigned: tuple[str, ...]) -> None:
        """Keep what was asked for and who cosigned."""
        super().__init__(quorum, cosigned)
        self.quorum = quorum
        self.cosigned = cosigned

    def __str__(self) -> str:
        """Say what was asked for, then who cosigned."""
        return f"no quorum {self.quorum}: cosigned by {', '.join(self.cosigned) or 'nobody'}"


class RuleError(VerifyError):
    """Well-formed and signed, yet against a numbered rule of SPEC.

    Attributes:
        check: The numbered check.
        where: The part that breaks it, such as "events[3].sealed.text".
        reason: How it breaks it.
        expected: What the rule asks for, where that can be shown.
        found: What stands there instead, where that can be shown.
    """

    def __init__(
        self,
        check: Check,
        where: str,
        reason: str,
        expected: str | None = None,
        found: str | None = None,
    ) -> None:
        """Keep the rule, the part that breaks it, and what was expected and found."""
        super().__init__(check, where, reason, expected, found)
        self.check = check
        self.where = where
        self.reason = reason
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        """Say the rule, the part and how it breaks it."""
        return f"[{self.check.value}] {self.where}: {self.reason}"
