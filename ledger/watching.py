"""Watching: one look at a ledger from outside, from all sides that there are.

    the server      every new entry is checked, and that its tree grew from the one seen before
    other servers   of the same ledger, by the same checks, from the same state
    witnesses       what each has cosigned last, by its monitoring path
    what is held    receipts and checkpoints that came another way

Whatever does not go together is a `Finding`; where it can be shown to anybody, with a fork proof.
That a ledger is smaller than it was cannot be (SPEC section 10.3), and is a finding all the same.

    remote/<fingerprint>.watch   of each witness the largest checkpoint that it cosigned

Source: c2sp.org/tlog-witness; SPEC sections 8 and 10.3.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from ledger.asking import Asking
from ledger.client import Remote
from ledger.errors import OutboxError, TargetError
from ledger.histories import ForkError, ShrunkError
from ledger.private import read_private, replace_private
from ledger.served import AlteredError
from ledger.target import Head
from verify.brackets import format_time_s
from verify.checkpoint import parse_signed
from verify.codec import Decoder, Hash, Wire, encode
from verify.errors import MalformedError, VerifyError
from verify.note import MAX_NOTE_SIZE, VerifierKey, check_cosignature, format_vkey
from verify.notes import log_vkey
from verify.policy import Policy, Witness, check_quorum, cosigners

__all__ = ["Finding", "Watch", "findings"]

_TOLERANCE_S: Final = 300
_PATIENCE_S: Final = 10
"""For how long a checkpoint may lack its quorum: witnesses are given one a second, not each."""

_MAX_STATE: Final = 1 << 26
_Look: TypeAlias = "Callable[[], Iterator[Finding]]"


@dataclass(frozen=True, slots=True)
class Finding:
    """What does not go together.

    Attributes:
        kind: `fork`, `shrunk`, `altered`, `log-key`, `quorum`, `time` or `step-back`; `lacking`,
            where a mirror is owed something; or `unanswered`, where a source had nothing to say,
            which shows nothing.
        source: Where it was seen.
        reason: What is wrong.
        proof: Where there is one, the fork proof; an export that is not valid; or the checkpoint
            that an export of what is shown now does not agree with.
    """

    kind: str
    source: str
    reason: str
    proof: Path | None = None


class _Cosigned(Wire, frozen=True, kw_only=True):
    note: str
    witness: str


class _WatchFile(Wire, frozen=True, kw_only=True, tag_field="type", tag="counterfoil-watch/v1"):
    charter: Hash
    cosigned: tuple[_Cosigned, ...]


_FILE = Decoder(_WatchFile, name="watch")


class Watch:
    """Watches one ledger. For one thread.

    Attributes:
        size: How many entries were checked.
    """

    def __init__(
        self,
        remote: Remote,
        *,
        home: Path,
        now_ms: Callable[[], int],
        sleep: Callable[[float], None],
        policy: Policy | None = None,
        others: Sequence[tuple[str, Remote]] = (),
        witnesses: Mapping[str, Asking] | None = None,
        held: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Watch `remote`; nothing is asked yet.

        Args:
            remote: The ledger.
            home: The party's folder, which is the remote's too.
            now_ms: The clock.
            sleep: Waits so many seconds, for witnesses that have not cosigned yet.
            policy: Which log it should be, and whose cosignatures what it has needs.
            others: Other servers of the same ledger, each with a name, with the same home.
            witnesses: The monitoring prefixes of witnesses, by name.
            held: Receipts and checkpoints, each with a name.
        """
        self.size = 0
        self._remote = remote
        self._now_ms = now_ms
        self._sleep = sleep
        self._policy = policy
        self._others = others
        self._witnesses = witnesses or {}
        self._held = held
        self._path = home / "remote" / f"{remote.fingerprint}.watch"

    def look(self) -> Iterator[Finding]:
        """Look once, from all sides.

        Raises:
            TargetError: The ledger's server does not show what is asked for. (Others need not.)
            OutboxError: The party's folder cannot be used.
            RuleError: What is held is no receipt or checkpoint of this ledger.
        """
        altered = False
        for finding in findings("the server", self._head):
            yield finding
            altered = altered or finding.kind == "altered"
        if altered:
            return  # with what does not hold nothing can be compared
        for name, other in self._others:
            yield from self._asked(name, functools.partial(self._other, name, other))
        for name, asking in self._witnesses.items():
            yield from self._asked(name, functools.partial(self._witness, name, asking))
        for name, data in self._held:
            yield from findings(name, functools.partial(self._confirm, name, data))

    # Where is looked

    def _head(self) -> Iterator[Finding]:
        try:
            head = self._remote.head()
        except ShrunkError as error:
            with contextlib.suppress(OutboxError):  # that is told first
                yield from self._weigh("the server", error.shown)
            raise
        self.size = head.size
        yield from self._weigh("the server", head.note)
        if self._policy is not None:
            yield from self._log_key(self._policy)
            yield from self._quorum(self._policy, head)

    def _other(self, name: str, other: Remote) -> Iterator[Finding]:
        try:
            note = other.head().note
        except ShrunkError as error:
            note = error.shown  # behind the others, which is no lie: but is it their past?
        return self._confirm(name, note)

    def _witness(self, name: str, asking: Asking) -> Iterator[Finding]:
        log = hashlib.sha256(self._remote.origin.encode()).hexdigest()
        return self._confirm(name, asking.fetch(f"{log}/checkpoint", limit=MAX_NOTE_SIZE))

    def _confirm(self, name: str, data: bytes) -> Iterator[Finding]:
        return self._weigh(name, self._remote.check_held(data, source=name))

    def _asked(self, source: str, look: _Look) -> Iterator[Finding]:
        """Look at a further source, which need not answer, and whose octets may be any."""
        try:
            yield from findings(source, look)
        except TargetError as error:
            yield Finding("unanswered", source, str(error))
        except VerifyError as error:
            yield Finding("altered", source, str(error))

    # The policy

    def _log_key(self, policy: Policy) -> Iterator[Finding]:
        key = log_vkey(self._remote.origin, self._remote.log_keys[-1][1])
        if key not in [log.key for log in policy.logs]:
            reason = f"the log's key {format_vkey(key)} is none of the logs of your policy"
            yield Finding("log-key", "the server", reason)

    def _quorum(self, policy: Policy, head: Head) -> Iterator[Finding]:
        """Weigh what is there by the policy.

        A log that is recorded in has always a checkpoint newer than those that witnesses were
        given. So what is here now must be under one that the quorum has cosigned soon.
        """
        lacking = _lacking(policy, head.note)
        weighed = {head.note}
        for _ in range(_PATIENCE_S):
            if lacking is None:
                return
            self._sleep(1)
            for ask in (self._remote.head, self._remote.cosigned):
                later = ask()
                self.size = max(self.size, later.size)
                if later.note in weighed:
                    continue
                weighed.add(later.note)
                yield from self._weigh("the server", later.note)
                if lacking is not None and later.size >= head.size:
                    lacking = _lacking(policy, later.note)
        if lacking is not None:
            yield Finding("quorum", "the server", str(lacking))

    # Cosignatures

    def _weigh(self, source: str, note: bytes) -> Iterator[Finding]:
        """Compare the times of a checkpoint's cosignatures with the clock and with earlier ones."""
        if self._policy is None:
            return
        with self._remote.alone():  # another watch, too, reads what it then writes
            before = self._load()
            kept = dict(before)
            found = list(self._weighed(source, note, self._policy, kept))
            if kept != before:
                try:
                    self._save(kept)
                except OutboxError:
                    if not found:  # else that is told first
                        raise
        yield from found

    def _weighed(
        self, source: str, note: bytes, policy: Policy, kept: dict[str, bytes]
    ) -> Iterator[Finding]:
        size = parse_signed(note)[0].size
        for witness in policy.witnesses:
            times = _times(note, witness.key)
            if not times:
                continue
            if max(times) > self._now_ms() // 1000 + _TOLERANCE_S:
                at = format_time_s(max(times))
                reason = f"{witness.name} cosigned {size} entries in the future: at {at}"
                yield Finding("time", source, reason)
            vkey = format_vkey(witness.key)
            before = kept.get(vkey)
            if before is None or parse_signed(before)[0].size < size:
                kept[vkey] = note
            if before is not None:
                yield from self._compare(source, witness, before, note)

    def _compare(
        self, source: str, witness: Witness, before: bytes, note: bytes
    ) -> Iterator[Finding]:
        """Compare a checkpoint with the largest one that the witness had cosigned before."""
        first, second = sorted((before, note), key=lambda each: parse_signed(each)[0].size)
        size, larger = (parse_signed(each)[0].size for each in (first, second))
        if size < larger and max(_times(first, witness.key)) > min(_times(second, witness.key)):
            path = self._remote.keep_step_back(first, second, witness=witness.key)
            reason = f"{witness.name} cosigned {larger} entries first, and {size} later"
            yield Finding("step-back", source, reason, path)

    def _load(self) -> dict[str, bytes]:
        if not self._path.exists():
            return {}
        data = read_private(self._path, limit=_MAX_STATE, error=OutboxError)
        try:
            file = _FILE.decode(data)
        except MalformedError as error:
            raise OutboxError(self._path, f"cannot be read: {error}") from None
        return {one.witness: one.note.encode() for one in file.cosigned}

    def _save(self, kept: Mapping[str, bytes]) -> None:
        cosigned = (_Cosigned(note=note.decode(), witness=key) for key, note in kept.items())
        file = _WatchFile(charter=self._remote.fingerprint, cosigned=tuple(cosigned))
        replace_private(self._path, encode(file), error=OutboxError)


def findings(source: str, look: _Look) -> Iterator[Finding]:
    """Yield what a look at a source finds, or comes to."""
    try:
        yield from look()
    except ForkError as error:
        yield Finding("fork", source, str(error), error.path)
    except ShrunkError as error:
        yield Finding("shrunk", source, str(error), error.path)
    except AlteredError as error:
        yield Finding("altered", source, str(error), error.path)


def _lacking(policy: Policy, note: bytes) -> VerifyError | None:
    """Return why a checkpoint has not the quorum of a policy; None where it has."""
    try:
        cosigned = cosigners(policy, note=parse_signed(note)[1]).keys()
        check_quorum(policy, cosigned=cosigned)
    except VerifyError as error:
        return error
    return None


def _times(note: bytes, key: VerifierKey) -> tuple[int, ...]:
    """Return when a witness cosigned a checkpoint; nothing where it did not."""
    try:
        return check_cosignature(parse_signed(note)[1], key=key)
    except VerifyError:
        return ()  # what is a quorum says whether that matters
