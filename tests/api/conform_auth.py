"""A session for each request that schemathesis makes: so that one may end the session it asks with.

Schemathesis loads this in its own process (`SCHEMATHESIS_HOOKS`). The session of whoever follows
the tail is ended a moment later, and the tail with it: else it would have no end.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import schemathesis

from tests.api.serving import Site
from tests.ledger.builder import Party
from verify.submission import LedgerName

__all__ = ["AUTHOR", "OneSessionEach"]

AUTHOR: Final = Party("leicestershire", 1)
_LISTENS_S: Final = 0.05


@schemathesis.auth(refresh_interval=None)
class OneSessionEach:
    """Gives each request a session of its own."""

    def get(self, case: schemathesis.Case[Any], context: schemathesis.AuthContext) -> str | None:
        """Begin a session."""
        del context
        site = Site(urlsplit(case.operation.base_url or "").port or 0)
        signed_in = site.signed_in(_name(site.port), AUTHOR)
        if case.path == "/tail":
            threading.Timer(_LISTENS_S, signed_in.ask, args=("DELETE", "/sessions/current")).start()
        return signed_in.token

    def set(
        self, case: schemathesis.Case[Any], data: str, context: schemathesis.AuthContext
    ) -> None:
        """Ask with it."""
        del context
        case.headers["Authorization"] = f"Bearer {data}"


@cache
def _name(port: int) -> LedgerName:
    told = msgspec.json.decode(Site(port).get("/").body)
    return LedgerName(origin=told["origin"], charter=told["fingerprint"])
