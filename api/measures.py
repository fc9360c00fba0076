"""Measures: what Prometheus may ask of the two processes. Numbers and words of ours only.

A label is the name of a ledger, the slug of a problem, a status or a stage: never what somebody
sent. Each process counts what it does; `/metrics` gives the numbers of both.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from api.problems import PREFIX, Problem
from ledger.feeder import Standing, Witnessed
from ledger.ledger import Ledger

__all__ = ["Answering", "Recording"]

_SECONDS: Final = (
    0.0005,
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
)
_STAGES: Final[Mapping[int, str]] = {
    2: "sequence and sign",
    3: "sync files",
    5: "write and sync",
    7: "receipts",
}
"""What was done when `ledger.writer` has come to a step since the step before that is here."""


class Recording:
    """What the process that records counts."""

    def __init__(self) -> None:
        """Count from 0."""
        self._registry = CollectorRegistry()
        self._submissions = Counter(
            "counterfoil_submissions", "Submissions by what they came to: new, known, or a refusal",
            ["ledger", "outcome"], registry=self._registry,
        )  # fmt: skip
        self._size = Gauge(
            "counterfoil_entries", "Entries of a ledger", ["ledger"], registry=self._registry
        )
        self._well = Gauge(
            "counterfoil_recording", "1 while a ledger records", ["ledger"],
            registry=self._registry,
        )  # fmt: skip
        self._waiting = Gauge(
            "counterfoil_waiting", "Submissions that are being checked or recorded", ["ledger"],
            registry=self._registry,
        )  # fmt: skip
        self._stages = Histogram(
            "counterfoil_commit_seconds", "How long each stage takes, of a submission or a commit",
            ["ledger", "stage"], buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip

    def came(self, name: str) -> None:
        """Count a submission that is taken."""
        self._waiting.labels(name).inc()

    def checked(self, name: str, seconds: float) -> None:
        """Count how long the check of one submission took, signatures and claims."""
        self._stages.labels(name, "check").observe(seconds)

    def recorded(self, name: str, *, new: bool) -> None:
        """Count a submission that is durable."""
        self._waiting.labels(name).dec()
        self._submissions.labels(name, "new" if new else "known").inc()

    def refused(self, name: str, problem: Problem) -> None:
        """Count a submission that is refused."""
        self._waiting.labels(name).dec()
        self._submissions.labels(name, problem.type.removeprefix(PREFIX)).inc()

    def returned(self, name: str) -> None:
        """Take note that a submission goes back, to come again with the files it may name."""
        self._waiting.labels(name).dec()

    def stopwatch(self, name: str) -> Stopwatch:
        """Return an observer of the writer of the ledger `name`."""
        return Stopwatch(self._stages, name)

    def text(self, ledgers: Mapping[str, Ledger]) -> str:
        """Return all in Prometheus' text format."""
        for name, ledger in ledgers.items():
            self._size.labels(name).set(ledger.size())
            self._well.labels(name).set(ledger.healthy())
        return generate_latest(self._registry).decode()


class Stopwatch:
    """Times the stages of commits."""

    def __init__(self, stages: Histogram, name: str) -> None:
        """Time the writer of the ledger `name`."""
        self._timed = {step: stages.labels(name, stage) for step, stage in _STAGES.items()}
        self._since_s = time.perf_counter()

    def __call__(self, step: int, /) -> None:
        """Take note that a step is done."""
        timed = self._timed.get(step)
        if timed is None and step not in {1, 4, 6}:
            return
        now_s = time.perf_counter()
        if timed is not None:
            timed.observe(now_s - self._since_s)
        self._since_s = now_s


class Answering:
    """What the process that answers counts."""

    def __init__(self) -> None:
        """Count from 0."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "counterfoil_requests", "Requests by method and status", ["method", "status"],
            registry=self._registry,
        )  # fmt: skip
        self._receipts = Histogram(
            "counterfoil_receipt_seconds", "From the whole document to its receipt, by ledger",
            ["ledger"], buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._free = Gauge(
            "counterfoil_free_bytes", "Free octets of the disk of a ledger", ["ledger"],
            registry=self._registry,
        )  # fmt: skip
        self._last = Gauge(
            "counterfoil_witnessed_entries", "Entries under the last checkpoint of a quorum",
            ["ledger"], registry=self._registry,
        )  # fmt: skip
        self._lag = Gauge(
            "counterfoil_witness_lag_entries", "Entries that a witness has not cosigned yet",
            ["ledger", "witness"], registry=self._registry,
        )  # fmt: skip
        self._failures = Gauge(
            "counterfoil_witness_failures", "How often a witness did not cosign, by reason",
            ["ledger", "witness", "reason"], registry=self._registry,
        )  # fmt: skip
        self._disputed = Gauge(
            "counterfoil_witness_disputed", "1 while a witness knows another history",
            ["ledger", "witness"], registry=self._registry,
        )  # fmt: skip
        self._known: dict[tuple[str, int], Counter] = {}

    def answered(self, method: str, status: int) -> None:
        """Count a request."""
        known = self._known.get((method, status))
        if known is None:
            # A method is whatever somebody sends.
            told = method if method in _METHODS else "other"
            known = self._known[method, status] = self._requests.labels(told, str(status))
            if len(self._known) > _MOST:
                self._known.clear()
        known.inc()

    def acknowledged(self, name: str, seconds: float) -> None:
        """Count a receipt that was handed out."""
        self._receipts.labels(name).observe(seconds)

    def witnessed(self, name: str, witnessed: Witnessed, standings: Iterable[Standing]) -> None:
        """Take over how the witnesses of the ledger `name` stand."""
        self._last.labels(name).set(witnessed.last or 0)
        for one in standings:
            self._lag.labels(name, one.name).set(witnessed.size - min(one.size, witnessed.size))
            self._disputed.labels(name, one.name).set(one.disputed)
            for reason, count in one.failures.items():
                self._failures.labels(name, one.name, reason).set(count)

    def text(self, free: Mapping[str, int]) -> str:
        """Return all in Prometheus' text format, with the free octets of each ledger's disk."""
        for name, octets in free.items():
            self._free.labels(name).set(octets)
        return generate_latest(self._registry).decode()


_METHODS: Final = frozenset(("DELETE", "GET", "HEAD", "POST", "PUT"))
_MOST: Final = 256
