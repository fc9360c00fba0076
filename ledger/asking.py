"""Asking: requests to one server with patience, and with a session where it wants one.

A request is sent again while there is no answer, or the server has no time. Where the server says
that it must know who asks, and there is a key, a session statement is signed, once, and the
request sent again with the session's token: for nobody but the server that was asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import msgspec

from ledger.errors import RefusedError, TargetError
from ledger.transport import Answer, FileBody, Incoming, Transport, UnansweredError
from verify.note import MAX_NOTE_SIZE
from verify.session import SESSION, SessionStatement, format_session
from verify.submission import LedgerName

__all__ = ["Asking", "Patience", "SessionSigner", "UnknownReaderError"]

_MAX_PROBLEM: Final = 1 << 16
_PROBLEM: Final = "urn:counterfoil:problem:"
_PROBLEM_TYPE: Final = "application/problem+json"
_OK: Final = 200
_CREATED: Final = 201
_UNKNOWN: Final = 401
_NOT_FOUND: Final = 404
_AGAIN: Final = frozenset((408, 425, 429, 500, 502, 503, 504))
_REFUSALS: Final = range(400, 500)
# Not of what was asked: that is no ledger, it does not know us, or it takes nothing from anybody.
_NO_REFUSALS: Final = frozenset(
    ("not-found", "method-not-allowed", "unauthenticated", "disputed", "mirror")
)
_LONGEST_WAIT_S: Final = 60.0
_LONGEST_REASON: Final = 1000

T = TypeVar("T")


class UnknownReaderError(TargetError):
    """The server has to know who asks, and does not."""


class SessionSigner(Protocol):
    """The door to a party's key."""

    @property
    def party(self) -> str:
        """Whose key it is."""

    @property
    def public(self) -> str:
        """The public key, in hex."""

    def sign_session(self, statement: SessionStatement) -> bytes:
        """Sign that the party asks for a session."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try.

    Attributes:
        timeout_s: How long to wait for any octet.
        deadline_s: How long one request may take.
        attempts: How often a request is sent before giving up.
        sleep: Waits, between attempts.
    """

    timeout_s: float = 30.0
    deadline_s: float = 600.0
    attempts: int = 5
    sleep: Callable[[float], None] = time.sleep


class _Problem(msgspec.Struct):
    """As much of a problem (RFC 9457) as a refusal needs."""

    type: str
    title: str = ""
    detail: str = ""
    check: int | None = None
    where: str | None = None


class _Nonce(msgspec.Struct):
    nonce: str


class _Token(msgspec.Struct):
    token: str


class Asking:
    """The way to the ledger at a URL. For one thread."""

    def __init__(
        self,
        url: str,
        *,
        fingerprint: str,
        signer: SessionSigner | None,
        now_ms: Callable[[], int],
        patience: Patience,
    ) -> None:
        """Ask the server at `url`; nothing is asked yet.

        Args:
            url: `http(s)://host[:port][/path]`.
            fingerprint: The ledger's, in hex.
            signer: The key that opens sessions; None to ask as somebody unknown.
            now_ms: The clock, in milliseconds since 1970.
            patience: How long to try.

        Raises:
            TargetError: The URL is none.
        """
        self._transport = Transport(
            url, timeout_s=patience.timeout_s, deadline_s=patience.deadline_s
        )
        self._fingerprint = fingerprint
        self._signer = signer
        self._now_ms = now_ms
        self._attempts = patience.attempts
        self._sleep = patience.sleep
        self._token: str | None = None

    def close(self) -> None:
        """Let go of the connection."""
        self._transport.close()

    def fetch(
        self, path: str, *, limit: int, otherwise: str | None = None, absent: bytes | None = None
    ) -> bytes:
        """Fetch what is under `path`.

        Args:
            path: The path.
            limit: The most octets that it may have.
            otherwise: If there is nothing, the path to look under.
            absent: If there is nothing there either, what stands for it; None where it has to be.

        Raises:
            TargetError: It cannot be had.
        """
        return self._fetch(path, limit, otherwise, absent)

    def fetch_own(self, path: str, *, limit: int) -> bytes:
        """Fetch what is under `path` as the party whose key there is, if there is one.

        Raises:
            TargetError: It cannot be had.
        """
        self._be_known()
        return self._fetch(path, limit)

    def _fetch(
        self, path: str, limit: int, otherwise: str | None = None, absent: bytes | None = None
    ) -> bytes:
        answer = self._known(lambda: self._get(path, limit), path)
        if answer.status == _NOT_FOUND and otherwise is not None:
            return self._fetch(otherwise, limit, absent=absent)
        if answer.status == _NOT_FOUND and absent is not None:
            return absent
        if answer.status != _OK:
            raise _refusal(answer, path, refuses=False)
        return answer.body

    def take(self, path: str, take: Callable[[Incoming], None]) -> None:
        """Fetch what is under `path` as the party whose key there is, and let `take` have it.

        Whenever it is cut short, `take` is called again, from the start.

        Raises:
            TargetError: It cannot be had.
        """
        self._be_known()

        def ask() -> Answer:
            return self._transport.take(path, take, limit=_MAX_PROBLEM, token=self._token)

        answer = self._known(ask, path)
        if answer.status != _OK:
            raise _refusal(answer, path, refuses=False)

    def send(
        self, method: str, path: str, body: bytes | FileBody, *, media_type: str, limit: int
    ) -> bytes:
        """Send `body` to `path`, and return the answer.

        Raises:
            RefusedError: It is refused.
            TargetError: Whether it arrived is not known.
        """

        def ask() -> Answer:
            return self._transport.send(
                *(method, path, body),
                media_type=media_type,
                limit=max(limit, _MAX_PROBLEM),
                token=self._token,
            )

        answer = self._known(ask, path)
        if answer.status not in {_OK, _CREATED}:
            raise _refusal(answer, path)
        return answer.body

    def _get(self, path: str, limit: int) -> Answer:
        return self._transport.get(path, limit=max(limit, _MAX_PROBLEM), token=self._token)

    def _known(self, ask: Callable[[], Answer], path: str) -> Answer:
        """Ask; and again with a session, if the server has to know who asks."""
        answer = self._patiently(ask, path)
        if answer.status == _UNKNOWN and self._signer is not None:
            self._token = None
            self._token = self._sign_in(self._signer)
            answer = self._patiently(ask, path)
        return answer

    def _be_known(self) -> None:
        """Begin a session: what anybody may have is less, and not to be taken for all."""
        if self._signer is not None and self._token is None:
            self._token = self._sign_in(self._signer)

    def _sign_in(self, signer: SessionSigner) -> str:
        note = self._patiently(lambda: self._get("checkpoint", MAX_NOTE_SIZE), "checkpoint")
        try:
            # Which origin the server says is of no matter: the fingerprint is the ledger.
            origin = note.body.partition(b"\n")[0].decode()
        except UnicodeDecodeError:
            raise TargetError("the server gives no checkpoint") from None
        ledger = LedgerName(origin=origin, charter=self._fingerprint)
        answer = self._begin(signer, ledger)
        if answer.status == _UNKNOWN:
            # If an answer was lost, its statement was sent again, and had been used already.
            answer = self._begin(signer, ledger)
        return _made(answer, "sessions", _Token).token

    def _begin(self, signer: SessionSigner, ledger: LedgerName) -> Answer:
        """Ask for a session, over a nonce of its own."""
        statement = SessionStatement(
            ledger=ledger,
            host=self._transport.host.lower(),
            party=signer.party,
            key=signer.public,
            nonce=_made(self._post("nonces", b""), "nonces", _Nonce).nonce,
            at=self._now_ms(),
        )
        signature = signer.sign_session(statement)
        return self._post("sessions", format_session(statement, signature=signature))

    def _post(self, path: str, body: bytes) -> Answer:
        return self._patiently(
            lambda: self._transport.send(
                "POST", path, body, media_type=SESSION, limit=_MAX_PROBLEM
            ),
            path,
        )

    def _patiently(self, ask: Callable[[], Answer], path: str) -> Answer:
        """Ask until there is an answer that asking again would not change."""
        wait_s = 0.5
        for attempt in range(1, self._attempts + 1):
            last = attempt == self._attempts
            try:
                answer = ask()
            except UnansweredError:
                if last:
                    raise
                self._sleep(wait_s)
            else:
                if answer.status not in _AGAIN:
                    return answer
                if last:
                    break
                asked_s = answer.retry_after_s
                self._sleep(wait_s if asked_s is None else min(asked_s, _LONGEST_WAIT_S))
            wait_s *= 2
        raise UnansweredError(f"/{path}: the server has no time, or is in trouble: {answer.status}")


def _made(answer: Answer, path: str, kind: type[T]) -> T:
    """Return what was made for us."""
    if answer.status != _CREATED:
        raise _refusal(answer, path, refuses=False)
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise TargetError(f"/{path}: the server's answer cannot be read") from None


def _refusal(answer: Answer, path: str, *, refuses: bool = True) -> RefusedError | TargetError:
    """Return the refusal that an answer is; what is no problem of ours refuses nothing."""
    unclear = f"/{path}: the server answers {answer.status}"
    kind = UnknownReaderError if answer.status == _UNKNOWN else TargetError
    if answer.media_type != _PROBLEM_TYPE:
        return kind(unclear)
    try:
        problem = msgspec.json.decode(answer.body, type=_Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return kind(unclear)
    slug = problem.type.removeprefix(_PROBLEM)
    reason = (problem.detail or problem.title or slug)[:_LONGEST_REASON]
    if (
        not refuses
        or slug == problem.type
        or slug in _NO_REFUSALS
        or answer.status not in _REFUSALS
    ):
        return kind(f"{unclear}: {reason}")
    where = None if problem.where is None else problem.where[:_LONGEST_REASON]
    return RefusedError(reason, check=problem.check, where=where)
