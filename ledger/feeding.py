"""Asking a witness to cosign: the client's side of tlog-witness.

Which witnesses a ledger has its charter says; where they are, a file in the ledger's folder, of
lines of a tlog-policy:

    witness <name> <vkey> <url>

A witness of two keys has two lines with one URL. One that the charter does not name may stand
there, too: its cosignatures are kept, and count for no quorum of the charter's.

A witness is a stranger. What it answers is parsed with limits, and a cosignature is used only if
the key that the file names made it over exactly the checkpoint that was sent. A witness that
knows a later tree of the log, or another one, is no failure but an alarm: the ledger was restored
from an old backup, or forked, or the witness lies. Its own latest checkpoint is fetched then:
when the log's key signed that, it proves which.

    reason          what happened
    unanswered      nothing came, or not in time, or too much
    unknown-log     it trusts no such log, or not this key: its operator has to add it (403, 404)
    pushed-back     it asks to be left alone for a while (429, 503)
    refused         it refuses, for a reason that says nothing about the tree
    malformed       it answered what no witness answers
    signature       what it answered is no cosignature by its key over what was sent
    early           it cosigned, by its clock, what was recorded only later
    late            it cosigned, by its clock, only later than now
    ahead           it has a size that this ledger reached only just now
    disputed        it has another history, and it was decided to go on (`ledger.disputes`)

Source: c2sp.org/tlog-witness, "add-checkpoint"; c2sp.org/tlog-policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, NoReturn, Protocol

from ledger.add_checkpoint import format_request
from ledger.errors import ForkedError, StoreError, TargetError, WitnessError
from ledger.known import Claim, check_known, claim_of_checkpoint
from ledger.transport import Answer, Transport
from ledger.witness_store import log_id
from verify.errors import MalformedError, RuleError, VerifyError
from verify.kinds import Charter
from verify.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    MAX_NOTE_SIZE,
    Note,
    NoteSignature,
    VerifierKey,
    check_cosignature,
    key_id,
    parse_note,
)
from verify.policy import MAX_POLICY_SIZE, parse_policy
from verify.spelling import MAX_SIZE, parse_decimal
from verify.state import State

__all__ = [
    "WITNESSES_FILE",
    "Cosigned",
    "Fed",
    "Feeding",
    "Log",
    "keys_of_charter",
    "parse_witnesses",
    "read_witnesses",
]

WITNESSES_FILE: Final = "witnesses"
"""In a ledger's folder: where its witnesses are."""

_MAX_WITNESSES: Final = 64
_MAX_ANSWER: Final = 64 * 1024
_ATTEMPTS: Final = 3  # its size is learnt, it moved meanwhile, and then it is there
_SIZE: Final = "text/x.tlog.size"
_TEXT: Final = "text/plain; charset=utf-8"

_OK, _FORBIDDEN, _NOT_FOUND, _CONFLICT, _UNPROCESSABLE = 200, 403, 404, 409, 422
_PUSHED_BACK: Final = frozenset((429, 503))


class Fed(NamedTuple):
    """A witness that is fed.

    Attributes:
        name: What the file calls it.
        url: Where it is.
        keys: Its keys; all have one name.
    """

    name: str
    url: str
    keys: tuple[VerifierKey, ...]


class Cosigned(NamedTuple):
    """A cosignature that was checked, and the time in it."""

    line: NoteSignature
    timestamp_s: int


class Log(Protocol):
    """The door to the ledger, as far as its witnesses need it."""

    @property
    def origin(self) -> str:
        """The log's name."""

    def state(self) -> State:
        """Return the rules' state by now."""

    def size(self) -> int:
        """Return the number of entries."""

    def root_at(self, size: int) -> bytes:
        """Return the tree's root hash at a size."""

    def checkpoint_at(self, size: int) -> bytes:
        """Return the signed checkpoint that was published at a size."""

    def is_decided(self, note: bytes) -> bool:
        """Tell whether it was decided to go on although the log's key signed this checkpoint."""

    def consistency_proof(self, *, old: int, new: int) -> tuple[bytes, ...]:
        """Prove that the tree of `new` entries grew from that of `old`."""


def read_witnesses(path: Path) -> tuple[Fed, ...]:
    """Read which witnesses the ledger in the folder `path` feeds; none if it has no such file.

    Raises:
        StoreError: The file cannot be read, or is none.
    """
    file = path / WITNESSES_FILE
    try:
        with file.open("rb") as stream:
            return parse_witnesses(stream.read(MAX_POLICY_SIZE + 1))
    except FileNotFoundError:
        return ()
    except OSError as failure:
        raise StoreError(file, f"cannot be read: {failure.strerror}") from None
    except MalformedError as error:
        raise StoreError(file, str(error)) from None


def parse_witnesses(data: bytes) -> tuple[Fed, ...]:
    """Read a file of witnesses: a tlog-policy, where the quorum may be left out.

    Raises:
        MalformedError: It is none, or a witness has no URL to which anything could be sent.
    """
    words = [line.split()[:1] for line in data.split(b"\n")]
    whole = data if [b"quorum"] in words else data + b"quorum none\n"
    found: dict[tuple[str, str], Fed] = {}
    for witness in parse_policy(whole).witnesses:
        name, key, url = witness.name, witness.key, witness.url
        if url is None:
            raise MalformedError(f"witness {name}", "has no URL")
        try:
            Transport(url, timeout_s=1, deadline_s=1)  # which connects to nothing yet
        except TargetError as error:
            raise MalformedError(f"witness {name}", str(error)) from None
        before = found.get((url, key.name), Fed(name, url, ()))
        found[url, key.name] = before._replace(keys=(*before.keys, key))
    if len(found) > _MAX_WITNESSES:
        raise MalformedError("witnesses", f"more than {_MAX_WITNESSES}")
    return tuple(found.values())


def keys_of_charter(charter: Charter) -> tuple[VerifierKey, ...]:
    """Return the keys of the witnesses that a charter names, in its order."""
    found = []
    for witness in charter.witnesses or ():
        ed25519 = witness.algorithm == "ed25519"
        algorithm = COSIGNATURE_ED25519 if ed25519 else COSIGNATURE_ML_DSA_44
        public = bytes.fromhex(witness.key)
        name = key_id(name=witness.name, algorithm=algorithm, public=public)
        found.append(VerifierKey(witness.name, name, algorithm, public))
    return tuple(found)


class Feeding:
    """The way to one witness. For one thread."""

    def __init__(self, fed: Fed, log: Log, *, timeout_s: float) -> None:
        """Ask a witness to cosign checkpoints of a log; nothing is asked yet.

        Args:
            fed: The witness.
            log: The log.
            timeout_s: How long one request may take.
        """
        self._fed = fed
        self._log = log
        self._transport = Transport(fed.url, timeout_s=timeout_s, deadline_s=timeout_s)
        self._told: int | None = None

    def close(self) -> None:
        """Let go of the connection."""
        self._transport.close()

    def submit(self, size: int) -> tuple[Cosigned, ...]:
        """Have the checkpoint of a size cosigned.

        Returns:
            Its cosignatures, checked; at least one.

        Raises:
            OlderError: It knows a larger tree than the log has now.
            ForkedError: It knows another tree.
            WitnessError: It did not cosign.
            LedgerError: The log cannot be read.
        """
        try:
            return self._submit(size)
        except BaseException as error:
            # Whatever it holds now, it is asked for it again. Who asks to be left alone holds what
            # it told: to ask for that each time would use up every turn that it gives.
            if not isinstance(error, WitnessError) or error.reason != "pushed-back":
                self._told = None
            raise

    def _submit(self, size: int) -> tuple[Cosigned, ...]:
        note = self._log.checkpoint_at(size)
        for _ in range(_ATTEMPTS):
            old = self._told or 0
            if old > size:
                self._compare(old)
                raise self._error("ahead", f"has {old} entries, and was sent {size}")
            proof = self._log.consistency_proof(old=old, new=size) if old else ()
            answer = self._post(format_request(old, proof, note))
            if answer.status == _OK:
                cosigned = self._cosigned(note, answer.body)
                self._told = size
                return cosigned
            if answer.status != _CONFLICT or answer.media_type != _SIZE:
                raise self._refusal(answer, old)
            self._told = self._size_in(answer.body)
            if self._told == old == size:
                # By the specification before its change 280, a witness says so that its root hash
                # of this size is another one.
                raise self._refusal(answer, old)
            if self._told == old:
                raise self._error("malformed", "refuses the size that it tells")
        raise self._error("refused", "tells another size each time")

    def _post(self, body: bytes) -> Answer:
        try:
            return self._transport.send(
                "POST", "add-checkpoint", body, media_type=_TEXT, limit=_MAX_ANSWER
            )
        except TargetError as error:
            raise self._error("unanswered", str(error)) from None

    def _size_in(self, body: bytes) -> int:
        try:
            return parse_decimal(body.removesuffix(b"\n").decode(), where="size", limit=MAX_SIZE)
        except (MalformedError, UnicodeDecodeError):
            raise self._error("malformed", "tells a size that is no number") from None

    def _cosigned(self, note: bytes, body: bytes) -> tuple[Cosigned, ...]:
        """Check what came for `note`; lines of other keys count for nothing."""
        text = parse_note(note).text
        try:
            parsed = parse_note(text + b"\n" + body)
        except MalformedError as error:
            raise self._error("malformed", f"answers no signature lines: {error}") from None
        if parsed.text != text:
            raise self._error("malformed", "answers more than signature lines")
        found = []
        for key in self._fed.keys:
            own = [line for line in parsed.signatures if line[:2] == (key.name, key.key_id)]
            if own:
                try:
                    times = check_cosignature(Note(text, tuple(own)), key=key)
                except VerifyError as error:
                    raise self._error("signature", str(error)) from None
                found.append(Cosigned(own[0], times[0]))
        if not found:
            raise self._error("signature", "none of its keys signed")
        return tuple(found)

    def _refusal(self, answer: Answer, old: int) -> WitnessError:
        """Return the failure that an answer is.

        Raises:
            ForkedError: It is a refusal of the tree.
        """
        status = answer.status
        if status in {_CONFLICT, _UNPROCESSABLE} and self._told:
            # It told this size, and does not take a proof that begins there.
            self._compare(old)
            self._disagrees(old)
        detail = f"answers {status}"
        if status in {_FORBIDDEN, _NOT_FOUND}:
            return self._error("unknown-log", detail)
        if status in _PUSHED_BACK:
            seconds = answer.retry_after_s or 0
            return self._error("pushed-back", detail, retry_after_s=seconds)
        return self._error("refused", detail)

    def _compare(self, told: int) -> None:
        """Compare the log with the checkpoint that the witness has, and the size that it told.

        Raises:
            OlderError: The log is smaller.
            ForkedError: The log's key has signed another tree.
            WitnessError: It has, and it was decided to go on without this witness.
        """
        latest = self._latest()
        if any(self._log.is_decided(claim.note) for claim in latest):
            raise self._error("disputed", "has another history, as was known and decided")
        # What is signed first: it proves what a number alone does not.
        for claims in (latest, [Claim(f"witness {self._fed.name}", told, None)]):
            check_known(
                claims, what=self._log.origin, size=self._log.size(), root_at=self._log.root_at
            )

    def _disagrees(self, size: int) -> NoReturn:
        name, root = f"witness {self._fed.name}", self._log.root_at(size).hex()
        raise ForkedError(
            f"{self._log.origin} has another history than {name}: it has {size} entries, and "
            f"refuses that what is here grew from them; root hash {root} here",
            source=name, size=size, root=None, found=root,
        )  # fmt: skip

    def _latest(self) -> Sequence[Claim]:
        """Fetch the witness's latest checkpoint of the log; nothing if the log did not sign it."""
        path = f"{log_id(self._log.origin).hex()}/checkpoint"
        try:
            note = self._transport.get(path, limit=MAX_NOTE_SIZE).body
            source = f"witness {self._fed.name}"
            state, size = self._log.state(), self._log.size()
            return [claim_of_checkpoint(note, source=source, state=state, size=size)]
        except (TargetError, RuleError):
            return []

    def _error(self, reason: str, detail: str, *, retry_after_s: int = 0) -> WitnessError:
        return WitnessError(self._fed.name, reason, detail, retry_after_s=retry_after_s)
