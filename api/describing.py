"""What OpenAPI says of the paths: words and shapes that several of them share.

A path is described where it is added; what is said here of it is held to be true by tests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, Final

import msgspec
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response

from api.problems import MEDIA_TYPE, PREFIX, SCHEMA
from api.schemas import COMPONENTS, EXAMPLES, ref
from ledger.errors import NotFoundError

__all__ = [
    "BINARY",
    "JSON",
    "OCTETS",
    "TEXT",
    "Endpoint",
    "Responses",
    "add_reading",
    "answered",
    "body",
    "check_spelling",
    "content",
    "describe",
    "is_known",
    "json_answer",
    "parameter",
    "problems",
    "tag_of",
    "tagged",
]

JSON: Final = "application/json"
OCTETS: Final = "application/octet-stream"
TEXT: Final = "text/plain; charset=utf-8"
BINARY: Final[Mapping[str, object]] = {"type": "string", "format": "binary"}

_UNKNOWN: Final = 401

Responses = dict[int | str, dict[str, object]]
Endpoint = Callable[..., Response] | Callable[..., Awaitable[Response]]

_REASONS: Final[Mapping[int, str]] = {
    400: "It is malformed",
    401: "Who asks is not known, and has to be",
    403: "The key is not an active key of the author, or lacks the power; or it is a mirror",
    404: "There is nothing under this path",
    408: "The body came too slowly",
    409: "An event is recorded already, the ledger is closed, or it has stopped",
    411: "The length was not announced",
    413: "The body is too large",
    415: "The media type is not one that is taken",
    422: "A numbered check fails",
    429: "Too often; `Retry-After` says when to ask again",
    500: "Something is wrong with the server",
    503: "Too much is waiting, or the ledger cannot be used now",
    507: "There is no room",
}
_EXAMPLES: Final[Mapping[int, str]] = {
    400: "malformed",
    401: "unauthenticated",
    403: "key",
    404: "not-found",
    408: "timeout",
    409: "repeated",
    411: "length-required",
    413: "too-large",
    415: "unsupported-media-type",
    422: "signature",
    429: "too-many",
    500: "internal",
    503: "busy",
    507: "full",
}


def content(
    media_type: str, schema: Mapping[str, object], *, example: object = None
) -> dict[str, object]:
    """Describe a body of one media type."""
    described: dict[str, object] = {"schema": dict(schema)}
    if example is not None:
        described["example"] = example
    return {"content": {media_type: described}}


def problems(*statuses: int) -> Responses:
    """Describe refusals with these statuses, and those that any path may give.

    Where somebody may have to be known, a mirror refuses: nobody signs in there.
    """
    implied = {429, 500, 503} | ({403} if _UNKNOWN in statuses else set())
    return {
        status: {
            "description": _REASONS[status],
            **content(MEDIA_TYPE, SCHEMA, example=_example(status)),
        }
        for status in sorted({*statuses, *implied})
    }


def _example(status: int) -> dict[str, object]:
    return {
        "type": f"{PREFIX}{_EXAMPLES[status]}",
        "title": _REASONS[status],
        "status": status,
        "detail": "what is wrong this time",
    }


def answered(name: str, *, media_type: str = JSON) -> Responses:
    """Describe an answer of one of the named shapes, which a cache may have already."""
    return {
        200: {
            "description": str(COMPONENTS[name]["description"]),
            **content(media_type, ref(name), example=EXAMPLES[name]),
        },
        304: {"description": "It is as it was when it had the entity tag that was sent"},
    }


def describe(app: FastAPI) -> None:
    """Add `/openapi.json` to an application that has all its paths.

    It says what is so, and nothing that FastAPI only assumes: FastAPI gives each path with
    parameters a refusal of its own shape, which is never sent; and lets a parameter that may be
    absent be null, which no query can say. It is made once: it costs many times what an answer
    may.
    """

    @cache
    def made() -> tuple[bytes, str]:
        described = app.openapi()
        components = described.setdefault("components", {}).setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            components.pop(name, None)
        components.update(COMPONENTS)
        for path in described["paths"].values():
            for operation in path.values():
                _correct(operation)
        body = msgspec.json.encode(described)
        return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'

    async def openapi(request: Request) -> Response:
        body, tag = made()
        headers = {"etag": tag, "cache-control": "public, max-age=300"}
        if is_known(request, tag):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type=JSON, headers=headers)

    app.add_route("/openapi.json", openapi, include_in_schema=False)


def is_known(request: Request, tag: str) -> bool:
    """Tell whether whoever asks has the answer with this entity tag, quotes and all, already."""
    given = request.headers.get("if-none-match", "")
    return given.strip() == "*" or tag in given


def tag_of(body: bytes) -> str:
    """Return the entity tag of an answer."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def tagged(
    request: Request,
    body: bytes,
    media_type: str,
    headers: Mapping[str, str],
    *,
    tag: str | None = None,
) -> Response:
    """Return an answer with its entity tag; without its body, if whoever asks has it already.

    Args:
        request: The request.
        body: The answer.
        media_type: Its media type.
        headers: Further headers.
        tag: What `tag_of` gave, where that is known: a long answer takes its time.
    """
    tag = tag or tag_of(body)
    more = {"etag": tag, **headers}
    if is_known(request, tag):
        return Response(status_code=304, headers=more)
    return Response(body, media_type=media_type, headers=more)


def _correct(operation: dict[str, Any]) -> None:
    refusal = operation["responses"].get("422")
    if refusal is not None and JSON in refusal["content"]:
        del operation["responses"]["422"]
    for each in operation.get("parameters", ()):
        kinds = each["schema"].pop("anyOf", None)
        if kinds is not None:
            (kind,) = (one for one in kinds if one != {"type": "null"})
            each["schema"].update(kind)


def parameter(
    name: str, schema: Mapping[str, object], *, where: str = "path", words: str = ""
) -> dict[str, object]:
    """Describe a parameter: of the path, which is required, or of the query, which is not."""
    described: dict[str, object] = {
        "name": name,
        "in": where,
        "required": where == "path",
        "schema": dict(schema),
    }
    return {**described, "description": words} if words else described


def body(*media_types: str, schema: Mapping[str, object]) -> dict[str, object]:
    """Describe the body of a request."""
    return {
        "required": True,
        "content": {media_type: {"schema": dict(schema)} for media_type in media_types},
    }


def add_reading(
    router: APIRouter,
    path: str,
    endpoint: Endpoint,
    *,
    summary: str,
    responses: Responses,
    openapi_extra: dict[str, object] | None = None,
) -> None:
    """Add a path that can be fetched, and asked about without its body."""
    router.add_api_route(
        path,
        endpoint,
        methods=["GET"],
        summary=summary,
        description=summary,
        response_class=Response,
        responses={**problems(), **responses},
        openapi_extra=openapi_extra,
    )
    router.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)


def json_answer(
    value: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a response of JSON that no cache keeps."""
    data = msgspec.json.encode(value)
    more = {"cache-control": "no-store", **(headers or {})}
    return Response(data, status_code=status, media_type=JSON, headers=more)


def check_spelling(request: Request, path: str) -> None:
    """Check that the path below the ledger came exactly so, with no octet written as `%xx`.

    Raises:
        NotFoundError: It did not: to a cache, each spelling is another thing.
    """
    raw: bytes = request.scope.get("raw_path", b"")
    if not raw.endswith(path.encode("utf-8", "replace")) or b"%" in raw:
        raise NotFoundError("path of this spelling")
