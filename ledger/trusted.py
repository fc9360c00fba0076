"""Which logs a witness trusts to be logs: for each origin, the keys that sign its checkpoints.

Two formats are read. Lines of a tlog-policy, where the key's name is the origin:

    log <vkey> [<url>]

and the log lists that witnesses share, in which a log's origin may be another than its key's name:

    logs/v0

    vkey <vkey>
    origin <origin, or none>
    qpd, bastion, contact ...       read over: how often it comes, and where its people are

Blank lines and lines that begin with # count for nothing. To trust a log is to keep its history,
and not to believe what is in it.

Source: c2sp.org/tlog-policy; github.com/transparency-dev/witness-network, docs/log-list-format.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from verify.errors import MalformedError
from verify.note import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    VerifierKey,
    format_vkey,
    parse_vkey,
)
from verify.policy import parse_policy
from verify.spelling import parse_text

__all__ = ["HEADER", "MAX_FILE", "TrustedLog", "format_logs", "parse_logs", "trusted_log"]

HEADER = "logs/v0"
MAX_FILE = 16 * 1024 * 1024
"""Octets in a file of logs: about a hundred thousand of them."""

_NONE = "none"
_MAX_COVERED = 255  # octets of a name or an origin that ML-DSA-44 covers
_READ_OVER = frozenset(("bastion", "contact", "qpd"))


class TrustedLog(NamedTuple):
    """A key that signs the checkpoints of an origin."""

    origin: str
    key: VerifierKey


def trusted_log(vkey: str, *, origin: str | None = None, where: str = "log") -> TrustedLog:
    """Make a trusted log of a verifier key.

    Args:
        vkey: The key, of type Ed25519 (0x01) or ML-DSA-44 (0x06).
        origin: The log's origin; by default the key's name.
        where: Which part of what was read it stands in.

    Raises:
        MalformedError: It is no such key, or the origin none that can be cosigned.
    """
    try:
        key = parse_vkey(vkey)
    except MalformedError as error:
        raise MalformedError(where, str(error)) from error
    if key.algorithm == COSIGNATURE_ED25519:
        raise MalformedError(where, f"a key of type {key.algorithm:#04x}, not of a log")
    name = key.name if origin is None else origin
    if not 0 < len(name.encode()) <= _MAX_COVERED:
        raise MalformedError(where, f"an origin has from 1 to {_MAX_COVERED} octets")
    if key.algorithm == COSIGNATURE_ML_DSA_44 and len(key.name.encode()) > _MAX_COVERED:
        raise MalformedError(where, f"its name has more than {_MAX_COVERED} octets")
    return TrustedLog(name, key)


def parse_logs(data: bytes) -> tuple[TrustedLog, ...]:
    """Read a file of logs, of either format; each log and key once.

    Raises:
        MalformedError: It is of neither, or a key in it is not one; names the line.
    """
    if len(data) > MAX_FILE:
        raise MalformedError("logs", f"longer than {MAX_FILE} octets")
    text = parse_text(data.replace(b"\r\n", b"\n").replace(b"\t", b" "), where="logs")
    lines = [
        (f"line {number}", line.strip(" "))
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip(" ") and not line.lstrip(" ").startswith("#")
    ]
    if lines and lines[0][1] == HEADER:
        found = _parse_list(lines[1:])
    else:
        found = _parse_policy(data, words=[line.split(" ")[0] for _, line in lines])
    return tuple(dict.fromkeys(found))


def format_logs(logs: Iterable[TrustedLog]) -> bytes:
    """Write logs as they follow the header of a log list."""
    blocks = (
        f"\nvkey {format_vkey(log.key)}\n"
        f"origin {_NONE if log.origin == log.key.name else log.origin}\n"
        for log in logs
    )
    return "".join(blocks).encode()


def _parse_list(lines: Sequence[tuple[str, str]]) -> list[TrustedLog]:
    logs: list[TrustedLog] = []
    seen: set[str] = set()
    for where, line in lines:
        word, _, value = line.partition(" ")
        if word == "vkey":
            logs.append(trusted_log(value, where=where))
            seen = set()
        elif not logs or word in seen or (word != "origin" and word not in _READ_OVER):
            raise MalformedError(where, "not a line of a log, or one that it has already")
        elif word == "origin" and value != _NONE:
            logs[-1] = trusted_log(format_vkey(logs[-1].key), origin=value, where=where)
        seen.add(word)
    return logs


def _parse_policy(data: bytes, *, words: Sequence[str]) -> list[TrustedLog]:
    # Lines of logs alone are no policy for want of a quorum, which is nothing to a witness.
    whole = data if "quorum" in words else data + b"\nquorum none\n"
    return [trusted_log(format_vkey(log.key)) for log in parse_policy(whole).logs]
