"""Problems: what is refused, in the form of RFC 9457, and the one table from error to status.

The `type` of a problem is `urn:counterfoil:problem:` and a word that never changes: the slug of a
numbered check of SPEC section 12, or one of the words of this table that are about HTTP. Nothing
here tells a path of this machine, or anything that the sender did not send.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ledger.errors import (
    BusyError,
    FileMismatchError,
    FullError,
    LedgerError,
    LogKeyError,
    NotFoundError,
)
from verify.checks import Check
from verify.errors import MalformedError, RuleError, VerifyError

__all__ = [
    "MEDIA_TYPE",
    "PREFIX",
    "SCHEMA",
    "FilesMissingError",
    "Problem",
    "ProblemError",
    "RefusedError",
    "Upload",
    "WantedFile",
    "answer",
    "problem_of",
]

MEDIA_TYPE: Final = "application/problem+json"
PREFIX: Final = "urn:counterfoil:problem:"

_LONGEST: Final = 1000  # of what is told of a request: some of it is as long as its sender likes

_STATUS: Final[Mapping[str, int]] = {
    "malformed": 400,
    "unauthenticated": 401,
    "mirror": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "timeout": 408,
    "length-required": 411,
    "too-large": 413,
    "unsupported-media-type": 415,
    "disputed": 409,
    "file-mismatch": 422,
    "too-many": 429,
    "internal": 500,
    "busy": 503,
    "unavailable": 503,
    "full": 507,
}
_OF_CHECK: Final = 422
_OF_CHECKS: Final[Mapping[Check, int]] = {
    Check.KEY: 403,
    Check.POWER: 403,
    Check.REPEATED: 409,
    Check.CLOSED: 409,
}
_TITLES: Final[Mapping[str, str]] = {
    "malformed": "The request is malformed",
    "unauthenticated": "Who asks has to be known",
    "mirror": "This is a copy, in which nothing is recorded",
    "not-found": "There is no such thing here",
    "method-not-allowed": "This cannot be done with it",
    "timeout": "The request came too slowly",
    "length-required": "The length must be announced",
    "too-large": "The request is too large",
    "unsupported-media-type": "The media type is not one that is taken here",
    "disputed": "The ledger has stopped",
    "file-mismatch": "The octets are not those announced",
    "too-many": "Too often",
    "internal": "Something is wrong with the server",
    "busy": "Too much is waiting",
    "unavailable": "The ledger cannot be used now",
    "full": "There is no room",
}


class WantedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a submission discloses and that the ledger does not have."""

    sha256: str
    size: int


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """Leave to hand over the files of one submission, and nothing else.

    Attributes:
        token: A bearer token for `PUT /files/{sha256}`.
        expires: Until when it is good, in milliseconds since 1970.
        files: The files.
    """

    token: str
    expires: int
    files: tuple[WantedFile, ...]


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem as it travels.

    Attributes:
        type: Its name, for ever.
        title: What it is about, the same for each of its type.
        status: The HTTP status.
        detail: What is wrong this time.
        check: The number of the check of SPEC section 12.
        where: The part of the submission, such as "events[3].sealed.text".
        expected: What the rule asks for.
        found: What stands there instead.
        upload: With the slug of check `file-missing`: leave to hand over what is missing.
    """

    type: str
    title: str
    status: int
    detail: str
    check: int | None = None
    where: str | None = None
    expected: str | None = None
    found: str | None = None
    upload: Upload | None = None


SCHEMA: Final[Mapping[str, object]] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "pattern": f"^{PREFIX}"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "check": {"type": "integer"},
        "where": {"type": "string"},
        "expected": {"type": "string"},
        "found": {"type": "string"},
        "upload": {
            "type": "object",
            "required": ["token", "expires", "files"],
            "properties": {
                "token": {"type": "string"},
                "expires": {"type": "integer"},
                "files": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["sha256", "size"],
                        "properties": {
                            "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                            "size": {"type": "integer"},
                        },
                    },
                },
            },
        },
    },
}
"""What a problem looks like, for OpenAPI."""


class FilesMissingError(Exception):
    """A submission is sound, and discloses files that are not here.

    Attributes:
        cause: The refusal.
        upload: Leave to hand them over.
    """

    def __init__(self, cause: Exception, upload: Upload) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.upload = upload


class RefusedError(Exception):
    """A submission is refused by whoever records.

    Attributes:
        problem: The refusal.
        retry_after_s: When it may be tried again; None if trying again does not help.
    """

    def __init__(self, problem: Problem, *, retry_after_s: int | None = None) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.retry_after_s = retry_after_s


class ProblemError(Exception):
    """A request is refused by the edge itself.

    Attributes:
        slug: Which problem it is.
        detail: What is wrong this time.
        retry_after_s: When it may be tried again; None if trying again does not help.
    """

    def __init__(self, slug: str, detail: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(f"{slug}: {detail}")
        self.slug = slug
        self.detail = detail
        self.retry_after_s = retry_after_s


def problem_of(error: Exception) -> Problem:
    """Return the problem that an error is."""
    match error:
        case ProblemError():
            return _problem(error.slug, error.detail)
        case RuleError():
            return _problem_of_rule(error)
        case FilesMissingError():
            return msgspec.structs.replace(problem_of(error.cause), upload=error.upload)
        case RefusedError():
            return error.problem
        case MalformedError():
            return _problem("malformed", error.reason, where=error.where)
        case FileMismatchError():
            return _problem(
                "file-mismatch", error.reason, expected=error.expected, found=error.found
            )
        case RequestValidationError():
            return _problem_of_parameter(error)
        case HTTPException():
            return _problem_of_http(error)
        case VerifyError() | LedgerError():
            return _problem(*_WORDS[_nearest(error)])
        case _:
            return _problem("internal", "the request was not answered; the log says more")


def answer(error: Exception, *, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response to a request that ended in an error."""
    problem = problem_of(error)
    # What one is refused, another may be shown: no cache keeps it, as it may a 404 otherwise.
    more = {"cache-control": "no-store", **(headers or {})}
    if isinstance(error, ProblemError | RefusedError) and error.retry_after_s is not None:
        more["retry-after"] = str(error.retry_after_s)
    if problem.status == _STATUS["unauthenticated"]:
        more["www-authenticate"] = "Bearer"
    body = msgspec.json.encode(problem)
    return Response(body, status_code=problem.status, media_type=MEDIA_TYPE, headers=more)


# The paths and texts in these errors stay on this machine.
_WORDS: Final[Mapping[type[Exception], tuple[str, str]]] = {
    NotFoundError: ("not-found", "there is nothing under this path"),
    FullError: ("full", "there is no room; nothing was recorded"),
    BusyError: ("busy", "another process records in this ledger"),
    LogKeyError: ("unavailable", "a log key that the ledger would need is not at hand"),
    LedgerError: ("unavailable", "the ledger cannot be read or recorded in now"),
    VerifyError: ("malformed", "what came does not verify"),
}


def _nearest(error: Exception) -> type[Exception]:
    return next(kind for kind in type(error).__mro__ if kind in _WORDS)


def _problem_of_rule(error: RuleError) -> Problem:
    slug = error.check.slug
    return Problem(
        type=PREFIX + slug,
        title=f"Check {error.check.value} fails: {slug.replace('-', ' ')}",
        status=_OF_CHECKS.get(error.check, _OF_CHECK),
        detail=error.reason[:_LONGEST],
        check=error.check.value,
        where=error.where[:_LONGEST],
        expected=_short(error.expected),
        found=_short(error.found),
    )


def _problem_of_parameter(error: RequestValidationError) -> Problem:
    first = error.errors()[0]
    name = str(first["loc"][-1])
    reason = str(first["msg"]).removeprefix("Value error, ")
    return _problem("malformed", f"{name}: {reason}", where=name)


def _problem_of_http(error: HTTPException) -> Problem:
    slug = next((s for s, status in _STATUS.items() if status == error.status_code), "malformed")
    if slug == "method-not-allowed":
        return _problem(slug, "the path does not know this method")
    if slug == "not-found":
        return _problem(slug, "there is nothing under this path")
    return _problem(slug, "the request cannot be read")


def _problem(
    slug: str,
    detail: str,
    *,
    where: str | None = None,
    expected: str | None = None,
    found: str | None = None,
) -> Problem:
    return Problem(
        type=PREFIX + slug,
        title=_TITLES[slug],
        status=_STATUS[slug],
        detail=detail[:_LONGEST],
        where=_short(where),
        expected=_short(expected),
        found=_short(found),
    )


def _short(text: str | None) -> str | None:
    return None if text is None else text[:_LONGEST]
