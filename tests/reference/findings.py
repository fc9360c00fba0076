"""Section 12: findings, and what merely follows from them."""

from dataclasses import dataclass, field
from typing import Literal

from tests.reference.refusals import Refused, UnknownVersion

# Once one of these is found, what is missing or superfluous elsewhere is a consequence.
DAMAGE = (range(301, 304), range(401, 612))


@dataclass(frozen=True)
class Finding:
    """One breach."""

    check: int
    index: int | None
    where: str
    expected: str | None
    found: str | None


@dataclass
class Report:
    """What an audit found; `consequences` follow from `findings` and are none of their own."""

    verdict: Literal["valid", "self", "invalid"]
    findings: list[Finding]
    consequences: list[Finding]


@dataclass
class Findings:
    """Tells causes from consequences (section 12)."""

    findings: list[Finding] = field(default_factory=list)
    consequences: list[Finding] = field(default_factory=list)
    groups: list[list[int]] = field(default_factory=list)
    spoiled: set[int] = field(default_factory=set)

    def add(self, problem: Refused, index: int | None = None, *, after: object = None) -> None:
        """Record a breach, as a consequence if `after` is true or its entry is spoiled."""
        finding = Finding(problem.check, index, problem.where, problem.expected, problem.found)
        if after or index in self.spoiled:
            self.consequences.append(finding)
        else:
            self.findings.append(finding)
        if index is not None:
            self.spoiled.add(index)
            for group in self.groups:
                if index in group:
                    self.spoiled.update(group)

    def has(self, *checks: range) -> bool:
        """Say whether there is a finding in one of these ranges."""
        return any(finding.check in each for finding in self.findings for each in checks)

    def report(self, *, anchored: bool) -> Report:
        if self.findings:
            return Report("invalid", self.findings, self.consequences)
        return Report("valid" if anchored else "self", [], [])


def stop_at_another_version(problem: Refused) -> None:
    """Raise UnknownVersion if that is what was refused [104]."""
    if problem.check == 104:
        raise UnknownVersion(problem.found) from problem
