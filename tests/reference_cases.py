"""What the tests of the second verifier share: refusals, and small ledgers of two parties."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from tests import build_reference as build
from tests.reference import Refused, Report

DAY_MS = 86_400_000


def refusal(check: int, call: Callable[..., None], *arguments: object, **named: object) -> Refused:
    with pytest.raises(Refused) as caught:
        call(*arguments, **named)
    assert caught.value.check == check
    return caught.value


def causes(report: Report) -> list[int]:
    return [finding.check for finding in report.findings]


def meeting(**others: object) -> dict[str, Any]:
    return build.event("alpha", "meeting/v1", "m") | others


def small() -> build.Builder:
    """One founder, its charter, one event with two claims, one of them a file."""
    builder = build.Builder()
    octets = b"the minutes\n"
    name = hashlib.sha256(octets).hexdigest()
    file = {"media_type": "text/plain", "name": "m.txt", "sha256": name, "size": len(octets)}
    made = build.make(meeting(), {"body": "We met \u2013 twice.\n", "file.1": file}, [octets])
    builder.submit("alpha", [made], seen=builder.see(1))
    return builder


def charter_of(*parties: str, **others: object) -> dict[str, Any]:
    return build.charter_event() | {"members": [*parties], "registrars": [*parties]} | others


def join(builder: build.Builder, author: str, verb: str = "join") -> build.Made:
    event = build.event(author, "party/v1", f"{author} {verb} {builder.size}")
    return build.Made(event | {"verb": verb, "charter": builder.fingerprint})


def two_parties(**others: object) -> build.Builder:
    builder = build.Builder(charter_of("alpha", "beta", **others))
    builder.submit("alpha", [builder.key_event("alpha", "enrol", "beta", "beta")])
    builder.submit("beta", [join(builder, "beta")])
    return builder


def note_of(author: str, name: str) -> build.Made:
    return build.Made(build.event(author, "meeting/v1", name))
