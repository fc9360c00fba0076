"""Sessions: who asks, shown by a signature once and by a token from then on.

A session is got by signing a statement over a nonce that this process gave. The nonce carries its
own time and is authenticated, so that giving one costs no memory; one that was used is remembered
until it has run out. A token is random and opaque; only its hash is kept, so that neither memory
nor the time of a comparison tells a token. Everything ends with the process, at the latest.

How long something lasts is counted by a clock that nobody sets: where the wall clock is set back,
no session lasts longer, and no nonce that was used is good again.

A session is worth as much as its key: each time it is used the key must be an active key of the
ledger, by the rules' state in which a submission of that moment would be judged: a recovery whose
days are over gives its party the ledger to read, and takes it from the keys that it ends, though
nothing more is recorded.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from api.problems import ProblemError, Upload, WantedFile
from ledger.sequencer import Wanted
from verify.errors import MalformedError, SignatureError
from verify.session import check_session, parse_session
from verify.state import State
from verify.submission import LedgerName

__all__ = ["COOKIE", "Session", "Sessions", "token_of"]

COOKIE: Final = "counterfoil_session"

_SKEW_MS: Final = 300_000
_STAMP: Final = 8  # octets of a nonce that say until when it is good
_CHANCE: Final = 8
_SEAL: Final = 16
_MOST_UPLOADS: Final = 64  # tickets of one party at a time; with more, the oldest is forgotten


class Session(NamedTuple):
    """Who asks.

    Attributes:
        party: The party.
        key: Its key, in hex.
        expires_ms: Until when, in milliseconds since 1970, as the wall clock stood when it began.
        ends_ms: Until when it is good, by the clock that nobody sets.
    """

    party: str
    key: str
    expires_ms: int
    ends_ms: int


@dataclass(frozen=True, slots=True)
class _Ticket:
    party: str
    files: Mapping[str, int]
    ends_ms: int


def token_of(headers: Mapping[str, str]) -> str | None:
    """Return the token that a request's headers bring; None if they bring none.

    Raises:
        ProblemError: `unauthenticated`: it has something else.
    """
    authorization = headers.get("authorization")
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise ProblemError("unauthenticated", "Authorization must be a Bearer token")
        return token
    cookie = headers.get("cookie")
    if cookie is None:
        return None
    # Not `SimpleCookie`, which takes none that stands behind an odd one.
    pairs = (each.strip().partition("=") for each in cookie.split(";"))
    return next((value for name, _, value in pairs if name == COOKIE), None)


class Sessions:
    """The sessions of one ledger. For one event loop, but for `check`."""

    def __init__(
        self,
        name: LedgerName,
        state: Callable[[], State],
        *,
        now_ms: Callable[[], int],
        elapsed_ms: Callable[[], int],
        session_s: float,
        nonce_s: float,
        each: int,
    ) -> None:
        """Keep sessions of the ledger `name`.

        Args:
            name: Its origin and fingerprint.
            state: Gives the rules' state by now.
            now_ms: The wall clock.
            elapsed_ms: A clock that nobody sets, in milliseconds since anything.
            session_s: How long a session lasts.
            nonce_s: How long a nonce is good.
            each: Sessions of one party at a time.
        """
        self._name = name
        self._state = state
        self._now_ms = now_ms
        self._elapsed_ms = elapsed_ms
        self._begun_ms = elapsed_ms()
        self._session_ms = int(session_s * 1000)
        self._nonce_ms = int(nonce_s * 1000)
        self._each = each
        self._secret = secrets.token_bytes(32)
        self._used: OrderedDict[str, int] = OrderedDict()
        self._sessions: dict[bytes, Session] = {}
        self._tickets: dict[bytes, _Ticket] = {}

    def nonce(self) -> tuple[str, int]:
        """Return a nonce for one session statement, and until when it is good."""
        ends_ms = self._steady_ms() + self._nonce_ms
        body = ends_ms.to_bytes(_STAMP, "big") + secrets.token_bytes(_CHANCE)
        return (body + self._seal(body)).hex(), self._now_ms() + self._nonce_ms

    def check(self, data: bytes, *, host: str) -> tuple[str, Session]:
        """Check a signed session statement; return its nonce, and the session it asks for. Blocks.

        Args:
            data: The statement.
            host: The header `Host` of the request.

        Raises:
            MalformedError: It is no such statement.
            ProblemError: `unauthenticated`: it opens no session here.
        """
        signed = parse_session(data)
        statement = signed.statement
        now_ms, steady_ms = self._now_ms(), self._steady_ms()
        if statement.ledger != self._name:
            raise _refused("the statement is for another ledger")
        if statement.host != host.lower():
            raise _refused("the statement is for another server than `Host` names")
        self._check_nonce(statement.nonce, steady_ms)
        if abs(statement.at - now_ms) > self._nonce_ms + _SKEW_MS:
            raise _refused("the statement's clock is too far from the server's")
        # Before anything is said of the key: who holds none hears not whose it is, nor that it is.
        try:
            check_session(signed)
        except (MalformedError, SignatureError):
            raise _refused("the signature is not the key's over this statement") from None
        session = Session(
            statement.party,
            statement.key,
            expires_ms=now_ms + self._session_ms,
            ends_ms=steady_ms + self._session_ms,
        )
        if not self._is_good(session, steady_ms):
            raise _refused("the key is no active key of that party in this ledger")
        return statement.nonce, session

    def begin(self, nonce: str, session: Session) -> str:
        """Begin a session that was checked; return its token.

        Raises:
            ProblemError: `unauthenticated`: its nonce was used before.
        """
        steady_ms = self._steady_ms()
        while self._used and next(iter(self._used.values())) < steady_ms:
            self._used.popitem(last=False)
        if nonce in self._used:
            raise _refused("the statement was used before")
        self._used[nonce] = steady_ms + self._nonce_ms
        self._sweep(steady_ms)
        of_party = [known for known, one in self._sessions.items() if one.party == session.party]
        for known in of_party[: len(of_party) - self._each + 1]:
            del self._sessions[known]
        token = secrets.token_urlsafe(32)
        self._sessions[_hash(token)] = session
        return token

    def find(self, token: str) -> Session | None:
        """Return the session of a token; None if it is none, has ended, or its key has."""
        session = self._sessions.get(_hash(token))
        if session is None or not self._is_good(session, self._steady_ms()):
            return None
        return session

    def end(self, token: str) -> None:
        """End the session of a token, if it is one."""
        self._sessions.pop(_hash(token), None)

    def permit(self, wanted: Wanted) -> Upload:
        """Give leave to hand over the files of a submission that was checked."""
        ends_ms = self._steady_ms() + self._session_ms
        token = secrets.token_urlsafe(32)
        # Of this party: anybody may carry its submission here again and again.
        of_party = [known for known, one in self._tickets.items() if one.party == wanted.author]
        for known in of_party[: len(of_party) - _MOST_UPLOADS + 1]:
            del self._tickets[known]
        self._tickets[_hash(token)] = _Ticket(wanted.author, wanted.files, ends_ms)
        listed = tuple(
            WantedFile(sha256=sha256, size=size) for sha256, size in wanted.files.items()
        )
        return Upload(token=token, expires=self._now_ms() + self._session_ms, files=listed)

    def permitted(self, token: str, *, sha256: str, size: int) -> str | None:
        """Return for which party a file may be handed over; None if it may not."""
        session = self.find(token)
        if session is not None:
            return session.party
        ticket = self._tickets.get(_hash(token))
        if ticket is None or ticket.ends_ms < self._steady_ms():
            return None
        return ticket.party if ticket.files.get(sha256) == size else None

    def _steady_ms(self) -> int:
        # Not since the machine began, which a nonce would tell everybody.
        return self._elapsed_ms() - self._begun_ms

    def _is_good(self, session: Session, steady_ms: int) -> bool:
        state = self._state().settle(index=0, recorded=self._now_ms())  # of which none is kept
        key = state.keys.get(session.key)
        return (
            session.ends_ms >= steady_ms
            and key is not None
            and key.status == "active"
            and key.party == session.party
        )

    def _sweep(self, steady_ms: int) -> None:
        ended = [
            known for known, one in self._sessions.items() if not self._is_good(one, steady_ms)
        ]
        for known in ended:
            del self._sessions[known]

    def _check_nonce(self, nonce: str, steady_ms: int) -> None:
        octets = bytes.fromhex(nonce)
        body, seal = octets[:-_SEAL], octets[-_SEAL:]
        if not hmac.compare_digest(seal, self._seal(body)):
            raise _refused("the nonce was not given here")
        if int.from_bytes(body[:_STAMP], "big") < steady_ms:
            raise _refused("the nonce has run out")

    def _seal(self, body: bytes) -> bytes:
        return hmac.digest(self._secret, body, "sha256")[:_SEAL]


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _refused(reason: str) -> ProblemError:
    return ProblemError("unauthenticated", reason)
