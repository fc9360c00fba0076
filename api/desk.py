"""The desk: what happens to a submission document, whichever process it came to.

It is checked by itself, its party's rate is looked at, and then it waits for its place. What
counts for a party is what was recorded for it: whose key signed is known only then, and anybody
may send in its name what is refused, or again what is there already.
"""

from __future__ import annotations

import time
from concurrent.futures import Future
from functools import partial

from api.limits import Rates
from api.settings import Settings
from ledger.ledger import Ledger
from ledger.sequencer import Wanted
from ledger.writer import Settled
from verify.checks import Check
from verify.errors import RuleError

__all__ = ["Desk", "MissingError", "rates_of_parties"]


class MissingError(Exception):
    """A submission is sound, and discloses files that are not here, or not for its author to name.

    Attributes:
        cause: The refusal.
        wanted: The files.
    """

    def __init__(self, cause: Exception, wanted: Wanted) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.wanted = wanted


def rates_of_parties(settings: Settings) -> Rates:
    """Return how often each party may submit."""
    return Rates(
        settings.submissions_per_s,
        at_once=settings.submissions_at_once,
        what="submissions of this party",
        clock=time.monotonic,
    )


class Desk:
    """Takes documents for one ledger, which is open for recording. For any thread."""

    def __init__(self, ledger: Ledger, parties: Rates) -> None:
        """Take documents for `ledger`."""
        self._ledger = ledger
        self._parties = parties

    def announce(self) -> None:
        """Say that a document is there, and that somebody will call `take` with it."""
        self._ledger.announce()

    def take(self, document: bytes, vouched: frozenset[str]) -> Future[Settled]:
        """Check an announced document, and let it wait for its place. Blocks.

        Args:
            document: The document.
            vouched: Hashes of the files that its author may name.

        Returns:
            Its receipt, when it is durable; or the reason of the refusal.

        Raises:
            VerifyError: It is refused.
            MissingError: It is refused for its files only.
            ProblemError: `too-many`: its party submits too often.
            StoreError: The ledger cannot record.
        """
        try:
            prepared = self._ledger.prepare(document, vouched=vouched)
            # A party is one of this ledger: that of another may be somebody else of that name.
            holder = f"{self._ledger.fingerprint} {prepared.submission.statement.author}"
            self._parties.take(holder)
        except RuleError as error:
            if error.check is not Check.FILE_MISSING:
                raise
            wanted = self._ledger.wanted_files(document, vouched=vouched)
            raise MissingError(error, wanted) from None
        finally:
            self._ledger.arrive()
        try:
            offered = self._ledger.offer(prepared)
        except BaseException:
            self._parties.give(holder)
            raise
        offered.add_done_callback(partial(self._settle, holder))
        return offered

    def _settle(self, holder: str, settled: Future[Settled]) -> None:
        if settled.cancelled() or settled.exception() is not None or not settled.result().new:
            self._parties.give(holder)
