"""A founded ledger, its parties and a folder of their own, for tests of the party's side."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ledger.compose import compose, sign_document
from ledger.errors import TargetError
from ledger.keyrequests import compose_enrolment, make_key_request
from ledger.keys import LogKey, PartySigner
from ledger.ledger import Ledger
from ledger.target import Directory
from verify.submission import LedgerName

ORIGIN = "example.org/dispute"
LCC = PartySigner(
    "leicestershire",
    seed=b"l" * 32,
    powers=("answer", "govern", "record", "undertake"),
)
BLABY = PartySigner("blaby", seed=b"b" * 32, powers=("answer", "govern", "record", "undertake"))
NOW_MS = 1_750_000_000_000


@dataclass
class Clock:
    """A clock that is set by hand."""

    now: int = NOW_MS

    def now_ms(self) -> int:
        return self.now

    def __call__(self) -> int:
        return self.now


def found(folder: Path, clock: Clock) -> Ledger:
    """Found a ledger of Leicestershire's, in which Blaby has a key."""
    log_key = LogKey(ORIGIN, seed=b"k" * 32)
    charter = compose(
        "charter/v1",
        author=LCC.party,
        fields={
            "contemporaneous_days": 7,
            "controller": LCC.party,
            "founding_key": {"key": LCC.public, "powers": LCC.powers},
            "log_key": log_key.public.hex(),
            "members": ["blaby", "leicestershire"],
            "notice_days": 28,
            "origin": ORIGIN,
            "quorum": 0,
            "registrars": ["leicestershire"],
            "spec": "counterfoil/1",
            "state": "open",
            "thresholds": {"govern": 1, "recover": 1},
            "tolerance_s": 300,
            "visibility": "members",
            "waiting_days": 7,
        },
    )
    document = sign_document(
        [charter], signer=LCC, ledger=LedgerName(origin=ORIGIN), expires_ms=clock.now + 1000
    )
    ledger = Ledger.create(folder, document=document, log_key=log_key, clock=clock)
    name = LedgerName(origin=ORIGIN, charter=ledger.fingerprint)
    request = make_key_request(BLABY, ledger=name)
    enrolment = compose_enrolment(request, author=LCC.party)
    ledger.submit(sign_document([enrolment], signer=LCC, ledger=name, expires_ms=clock.now + 1000))
    return ledger


class LineDownError(Exception):
    """The process dies here."""


@dataclass
class Flaky(Directory):
    """A real ledger behind a bad line: it fails where it is told to."""

    ledger: Ledger
    lose: list[str] = field(default_factory=list)
    submitted: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(self.ledger)

    def _fail(self, step: str) -> None:
        if self.lose and self.lose[0] == step:
            self.lose.pop(0)
            if step.startswith("die"):
                raise LineDownError(step)
            raise TargetError(step)

    def add_file(self, stream: BinaryIO, *, sha256: str, size: int) -> None:
        self._fail("file")
        super().add_file(stream, sha256=sha256, size=size)

    def hand_in(self, document: bytes) -> bytes:
        self.submitted.append(document)
        for step in ("before", "die before"):
            self._fail(step)
        receipt = super().hand_in(document)
        for step in ("after", "die after"):
            self._fail(step)
        if self.lose and self.lose[0] == "lie":
            self.lose.pop(0)
            return receipt.replace(b'"leaf":"', b'"leaf":"0', 1)
        return receipt
