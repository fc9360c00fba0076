"""Findings and the report that holds them (SPEC section 12).

The first finding is the cause. What follows from it nests under it, so that a reader sees how many
things are wrong and not how often each of them shows.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, Self, TypeAlias

import msgspec
from msgspec.structs import replace

from verify.brackets import Bracket
from verify.checks import Check
from verify.claims import File
from verify.errors import RuleError

__all__ = [
    "MAX_ALIKE",
    "Finding",
    "Findings",
    "Report",
    "ShownEvent",
    "Times",
    "Verdict",
    "Weighed",
    "find",
    "nest",
]

MAX_ALIKE = 1000
"""Findings of one check that are kept; the others are counted."""

Verdict = Literal["valid", "self-consistent", "invalid"]

_DAMAGE = frozenset(
    (Check.BUNDLE, Check.ENTRY, Check.EVENT, Check.INDEX, Check.TILE, Check.TILE_MISSING)
)
_GOVERNED = frozenset(
    (
        *(Check.APPROVAL, Check.CHARTER, Check.CHECKPOINT, Check.CLOSED, Check.ENROLMENT),
        *(Check.KEY, Check.LEDGER, Check.NOTE_SIGNATURE, Check.PARTY, Check.POLICY, Check.POWER),
        *(Check.STEP, Check.LOG_KEY, Check.RULES_REF, Check.MANIFEST),
    )
)
_NOTED = frozenset((Check.NOTES, Check.NOTE_SIGNATURE))
_OPENED = frozenset((Check.DISCLOSURES, Check.DISCLOSURE, Check.DISCLOSURE_MISSING))
_UNUSED = frozenset((Check.DISCLOSURE_UNUSED,))
_CHECKPOINT = frozenset((Check.CHECKPOINT,))

# What each check can be a mere consequence of, beside a finding at the same entry or submission.
_FOLLOWS: dict[Check, frozenset[Check]] = {
    Check.AUTHOR: _DAMAGE,
    Check.BRACKET: _DAMAGE | _NOTED,
    Check.BUNDLE: _CHECKPOINT,
    Check.COUNT: _DAMAGE,
    Check.DISCLOSURE_MISSING: _OPENED | _DAMAGE | _UNUSED,
    Check.DISCLOSURE_UNUSED: _OPENED | _DAMAGE,
    Check.FILE_UNUSED: _OPENED | _DAMAGE | _UNUSED,
    Check.FINGERPRINT: _DAMAGE,
    Check.INCLUSION: _CHECKPOINT,
    Check.INDEX: _DAMAGE,
    Check.LAYOUT: _CHECKPOINT,
    Check.MANIFEST: frozenset(Check) - {Check.MANIFEST},
    Check.NOTE_ROOT: _DAMAGE,
    Check.NOTE_UNUSED: _DAMAGE,
    Check.NOTES: _CHECKPOINT | _NOTED,
    Check.POSITION: _DAMAGE,
    Check.PREV: _DAMAGE,
    Check.RECEIPT: _DAMAGE,
    Check.RECORDED: _DAMAGE,
    Check.REFERENCE: _DAMAGE,
    Check.ROOT: _DAMAGE | _CHECKPOINT,
    Check.RULES_REF: _DAMAGE,
    Check.SEEN: _DAMAGE | _NOTED,
    Check.SUBMISSION_ROOT: _DAMAGE,
    Check.TILE: _DAMAGE,
    Check.TILE_MISSING: _CHECKPOINT,
}


# What findings share: an entry or a submission by the index of its first, or a check.
_Key: TypeAlias = tuple[str, int] | Check


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong.

    Attributes:
        check: Which check failed.
        where: The part: a path of the export, or a part of the entry.
        reason: What is wrong with it.
        index: Index of the entry concerned, if one is.
        submission: Index of the first entry of its submission, where known.
        governance: Whether the entry holds an act of governance.
        expected: What should be there, where that can be shown.
        found: What is there, where that can be shown.
        consequences: Findings that follow from this one.
    """

    check: Check
    where: str
    reason: str
    index: int | None = None
    submission: int | None = None
    governance: bool = False
    expected: str | None = None
    found: str | None = None
    consequences: tuple["Finding", ...] = ()

    @classmethod
    def of(
        cls,
        error: RuleError,
        *,
        index: int | None = None,
        submission: int | None = None,
        governance: bool = False,
    ) -> "Finding":
        """Turn a refusal into a finding at an entry."""
        return cls(
            check=error.check,
            where=error.where,
            reason=error.reason,
            index=index,
            submission=submission,
            governance=governance,
            expected=error.expected,
            found=error.found,
        )


class Findings(list[Finding]):
    """Findings in order, of which no check has more than `MAX_ALIKE`.

    An export can have as many faults as it has octets. What is left out is counted, so that memory
    stays bounded and the report says how much there is. `insert` always keeps: it is for causes
    that are known last, of which there are few.

    Attributes:
        more: How many findings of each check are left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.more: Counter[Check] = Counter()
        self._kept: Counter[Check] = Counter()

    def append(self, finding: Finding, /) -> None:
        """Keep a finding, or count it."""
        if self._kept[finding.check] == MAX_ALIKE:
            self.more[finding.check] += 1
            return
        self._kept[finding.check] += 1
        super().append(finding)

    def __iadd__(  # type: ignore[misc, override]  # of a list, + gives a list of anything
        self, findings: Iterable[Finding], /
    ) -> Self:
        for finding in findings:
            self.append(finding)
        if isinstance(findings, Findings):
            self.more += findings.more
        return self


def find(
    findings: list[Finding],
    check: Check,
    where: str,
    reason: str,
    index: int | None = None,
    expected: str | None = None,
    found: str | None = None,
) -> None:
    """Put a finding behind others."""
    findings.append(
        Finding(
            check=check, where=where, reason=reason, index=index, expected=expected, found=found
        )
    )


class Weighed(msgspec.Struct, frozen=True):
    """What came of weighing the checkpoint's cosignatures by the reader's policy.

    Attributes:
        quorum: What the policy calls the witness or group that must have cosigned, if any must.
        cosigned: What it calls those of the quorum's witnesses that have, sorted.
        witnesses: How many witnesses the quorum is made of.
        liars_needed: How many of them must lie to make two histories possible.
    """

    quorum: str | None
    cosigned: tuple[str, ...]
    witnesses: int
    liars_needed: int


class Times(msgspec.Struct, frozen=True):
    """What cosignatures prove of when entries came to be (SPEC section 8.2).

    Attributes:
        by: Whose witnesses and quorum: the reader's policy's, or the charter's own.
        brackets: (index, bracket) of each entry that an evidence file shows.
        signed_after: How many entries of an export are shown to be signed after some time.
        existed_by: How many entries of an export are shown to have existed by some time.
        earliest_s: The least time after which one was signed, in POSIX seconds.
        latest_s: The greatest time by which one existed, in POSIX seconds.
    """

    by: Literal["policy", "charter"]
    brackets: tuple[tuple[int, Bracket], ...] = ()
    signed_after: int = 0
    existed_by: int = 0
    earliest_s: int | None = None
    latest_s: int | None = None


class ShownEvent(msgspec.Struct, frozen=True):
    """An event that an evidence file shows.

    Attributes:
        index: Index of its entry.
        event_id: Its id, in hex.
        kind: Its kind without its version.
        author: The party that signed it.
        clear: What it says in the clear, by field: text, or else canonical JSON.
        opened: The claims that are opened here, by name.
        closed: Names of the claims that it seals and that are not opened here, sorted.
    """

    index: int
    event_id: str
    kind: str
    author: str
    clear: Mapping[str, str]
    opened: Mapping[str, str | File]
    closed: tuple[str, ...]


class Report(msgspec.Struct, frozen=True):
    """What a verifier found.

    Attributes:
        verdict: As in SPEC section 12.
        origin: The log's name, if it could be read.
        fingerprint: Leaf hash of entry 0, in hex, if there is one.
        size: The size checked.
        root: Root hash in hex.
        anchors: What the reader supplied and agreed, in words.
        findings: What is wrong, causes with their consequences.
        counts: What was checked, by name: entries, submissions, signatures, disclosures, files…
        not_checked: What this verifier did not look at, in words.
        audience: For whom the manifest of an export says that it is: a party or "public". Nobody
            signs a manifest: who knows for whom it should be compares.
        left_out: How many sealed claims of an export are not opened in it.
        weighed: The checkpoint's cosignatures by the reader's policy; None without a policy, or
            where no checkpoint could be weighed.
        times: What cosignatures prove of time; None where no quorum could.
        attestations: Indexes of an export's entries that hold outside evidence.
        shown: The events that an evidence file shows, in order; none where something is wrong.
    """

    verdict: Verdict
    origin: str | None = None
    fingerprint: str | None = None
    size: int | None = None
    root: str | None = None
    anchors: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    counts: dict[str, int] = {}
    not_checked: tuple[str, ...] = ()
    audience: str | None = None
    left_out: int = 0
    weighed: Weighed | None = None
    times: Times | None = None
    attestations: tuple[int, ...] = ()
    shown: tuple[ShownEvent, ...] = ()


def nest(
    findings: Sequence[Finding], more: Mapping[Check, int] | None = None
) -> tuple[Finding, ...]:
    """Put each finding under the earlier one from which it follows.

    Args:
        findings: In the order in which they were made.
        more: How many findings of each check were left out. Each check of these gets a closing
            finding that says so, beside the first of its findings.

    Source: SPEC section 12.
    """
    causes: list[Finding] = []
    below: dict[int, list[Finding]] = {}
    known: dict[_Key, int] = {}
    governance = -1
    for finding in findings:
        cause = _first(known, _own(finding))
        if cause < 0:
            cause = _first(known, _FOLLOWS.get(finding.check, ()))
        if cause < 0 and finding.check in _GOVERNED:
            cause = governance
        if cause >= 0:
            below.setdefault(cause, []).append(finding)
        else:
            cause = len(causes)
            causes.append(finding)
        if governance < 0 and (finding.governance or finding.index == 0):
            governance = cause
        known.setdefault(finding.check, cause)
        if finding.index is not None:
            known.setdefault(("entry", finding.index), cause)
        if finding.submission is not None:
            known.setdefault(("submission", finding.submission), cause)
    for check, count in (more or {}).items():
        closing = Finding(check, "the export", f"and {count:,} more like it")
        cause = known[check]
        if causes[cause].check is check:
            causes.append(closing)
        else:
            below[cause].append(closing)
    return tuple(
        replace(cause, consequences=tuple(below.get(number, ())))
        for number, cause in enumerate(causes)
    )


def _own(finding: Finding) -> Iterator[tuple[str, int]]:
    """Yield the entry and the submission that a finding is at."""
    if finding.index is not None:
        yield "entry", finding.index
    if finding.submission is not None:
        yield "submission", finding.submission


def _first(known: Mapping[_Key, int], keys: Iterable[_Key]) -> int:
    """Return the first cause that is known by one of these; -1 if none is."""
    return min((known[key] for key in keys if key in known), default=-1)
