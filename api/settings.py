"""Settings: everything that whoever serves may set, each with the bound that it must keep.

A value comes from the command line, else from the environment (`COUNTERFOIL_` and the name in
capitals, lists with commas), else from `ledger.toml` in the folder that is served (a witness's
from `witness.toml`), else from here. A name that is none, and a value that is no such, is an
error: a limit that was misspelt would be no limit.
"""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec

from ledger.errors import LedgerError

__all__ = ["PREFIX", "UNIX", "Settings", "SettingsError", "load_settings"]

PREFIX: Final = "COUNTERFOIL_"
UNIX: Final = "unix"
"""Stands for the address of whoever connects to a socket in the file system."""

_MIB: Final = 1 << 20
_LARGEST: Final = 64 * 1024
_LISTS: Final = frozenset(("names", "trusted_proxies"))

_Octets = Annotated[int, msgspec.Meta(ge=0, le=1 << 50)]
_Name = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9.:_\[\]-]{1,255}\Z")]
_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=366 * 86_400)]
_Rate = Annotated[float, msgspec.Meta(ge=0, le=1e9)]


class SettingsError(LedgerError):
    """A setting is none, or has a value that it cannot have."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a server listens, and what it takes. Octets unless the name says otherwise.

    Attributes:
        host: The address to listen on.
        port: The port; 0 takes any that is free.
        uds: A socket in the file system to listen on instead, for this account alone.
        names: What parties call the server, as in the header `Host`, port and all: a session
            statement for any other is refused. With none, it is called by the address and port
            that were connected to.
        root_path: What a proxy cuts from the front of each path.
        trusted_proxies: Addresses or networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are
            believed, and who may have any number of connections; `unix` for whoever connects to
            a socket in the file system.
        connections: Connections at a time.
        per_peer: Connections from one address at a time, where an IPv6 address is its first 64
            bits; 0 for any number. Not for a socket in the file system.
        head_s: How soon the headers of a request must be there: from connecting, or from their
            first octet on a connection that is used again.
        idle_s: How long a body may stand still, of a request or of an answer.
        octets_per_s: How fast a body must come: up to `idle_s` late, and never ahead.
        requests_per_s: Requests a second from one address, over time; 0 for any number.
        requests_at_once: How many more than that may come at once.
        submissions_per_s: Submissions a second of one party that are recorded, over time; 0 for
            any number. What is refused, or was recorded before, counts for nobody.
        submissions_at_once: How many more than that may come at once.
        retry_after_s: When to try again what was refused because too much waits.
        document: One submission document.
        documents: All submission documents in memory together.
        submissions: How many submissions that have come may be checked or wait at a time. Below
            what the ledgers' queues hold, so that no thread ever waits for room in one.
        answers: All answers in memory together that wait to be taken, of those above 256 KiB.
        file: One file.
        uploads: How many files may be on their way at a time.
        share: One address may have one part in so many of `documents`, `answers`, `uploads`,
            `exports` and `tails`, but always one of them.
        exports: How many exports may be on their way at a time.
        staged: All files of a ledger together that their party has not named since they came.
        staged_per_party: Of these, what one party may have.
        staged_s: How long a file stays that its party has not named.
        session_s: How long a session lasts.
        sessions_per_party: Sessions of one party at a time; one more ends the oldest.
        nonce_s: How soon a session statement must follow the nonce in it.
        tails: How many readers may follow a ledger's entries as they come.
        heartbeat_s: How often such a reader hears that nothing new has come.
        questions: How many questions of one address, or one party, may wait to be worked out.
        question_s: How long a question may wait for its turn to be worked out.
        page: Most rows of one page of an answer.
        metrics: Whether `/metrics` answers whoever asks from this machine and not by way of a proxy
            that says so. A proxy on this machine that does not say so would show it to everybody.
        free: Free octets of the disk below which the server says that it is not ready.
        witness_every_s: How long after witnesses were asked for one size they are for the next.
        witness_timeout_s: How long one request to a witness may take.
        witness_retry_s: The longest time after which a witness that failed is asked again.
        witness_wait_s: How long witnesses are waited for: when the server begins, and for a
            receipt that is wanted when they have cosigned.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8470
    uds: str | None = None
    names: tuple[_Name, ...] = ()
    root_path: Annotated[str, msgspec.Meta(pattern=r"\A(?:/[A-Za-z0-9._~-]+)*\Z")] = ""
    trusted_proxies: tuple[str, ...] = ()
    connections: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 512
    per_peer: _Count = 64
    head_s: _Seconds = 10.0
    idle_s: _Seconds = 30.0
    octets_per_s: Annotated[int, msgspec.Meta(ge=1, le=1 << 40)] = 16 * 1024
    requests_per_s: _Rate = 100.0
    requests_at_once: _Count = 1000
    submissions_per_s: _Rate = 50.0
    submissions_at_once: _Count = 500
    retry_after_s: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 2
    document: _Octets = 64 * _MIB
    documents: _Octets = 256 * _MIB
    submissions: Annotated[int, msgspec.Meta(ge=0, le=128)] = 128
    answers: _Octets = 256 * _MIB
    file: _Octets = 512 * _MIB
    uploads: Annotated[int, msgspec.Meta(ge=1, le=256)] = 8
    share: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 4
    exports: Annotated[int, msgspec.Meta(ge=1, le=256)] = 4
    staged: _Octets = 2048 * _MIB
    staged_per_party: _Octets = 1024 * _MIB
    staged_s: _Seconds = 86_400.0
    session_s: _Seconds = 28_800.0
    sessions_per_party: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 64
    nonce_s: _Seconds = 120.0
    tails: _Count = 256
    heartbeat_s: _Seconds = 15.0
    questions: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 8
    question_s: _Seconds = 20.0
    page: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1000
    metrics: bool = False
    free: _Octets = 256 * _MIB
    witness_every_s: _Seconds = 1.0
    witness_timeout_s: _Seconds = 5.0
    witness_retry_s: _Seconds = 60.0
    witness_wait_s: _Seconds = 10.0

    def __post_init__(self) -> None:
        """Check that each trusted proxy is an address, a network, or `unix`.

        Raises:
            ValueError: One is not.
        """
        for proxy in self.trusted_proxies:
            if proxy != UNIX:
                ipaddress.ip_network(proxy)

    def part(self, count: int) -> int:
        """Return how many of `count` one address may have."""
        return -(-count // self.share)

    def trusts(self, address: str) -> bool:
        """Tell whether an address is that of a trusted proxy."""
        return address in self.trusted_proxies or any(
            proxy != UNIX and ipaddress.ip_address(address) in ipaddress.ip_network(proxy)
            for proxy in self.trusted_proxies
        )


def load_settings(
    file: Path,
    *,
    environment: Mapping[str, str],
    given: Mapping[str, object],
    otherwise: Mapping[str, object] | None = None,
) -> Settings:
    """Gather the settings for serving.

    Args:
        file: Where they may be: `ledger.toml`, or `witness.toml`, in the folder that is served.
        environment: The environment's variables.
        given: What the command line says; it comes before all else.
        otherwise: What comes after all else, but before the defaults of `Settings`.

    Raises:
        SettingsError: The file cannot be read, or a setting is none or cannot have its value.
    """
    found = dict(otherwise or {})
    for where, values in (
        (str(file), _read(file)),
        ("environment", _of_environment(environment)),
        ("command line", dict(given)),
    ):
        _convert(values, where)
        found |= values
    return _convert(found, "settings")


def _convert(values: Mapping[str, object], where: str) -> Settings:
    try:
        return msgspec.convert(values, Settings, strict=where != "environment")
    except msgspec.ValidationError as error:
        raise SettingsError(f"{where}: {error}") from None


def _read(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise SettingsError(f"{path}: is longer than {_LARGEST} octets")
        return tomllib.loads(data.decode())
    except FileNotFoundError:
        return {}
    except OSError as failure:
        raise SettingsError(f"{path}: cannot be read: {failure.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"{path}: is no TOML: {error}") from None


def _of_environment(environment: Mapping[str, str]) -> dict[str, object]:
    texts = {
        name.removeprefix(PREFIX).lower(): text
        for name, text in environment.items()
        if name.startswith(PREFIX)
    }
    split = {name: _list(text) for name, text in texts.items() if name in _LISTS}
    converted = _convert({**texts, **split}, "environment")
    return {name: getattr(converted, name) for name in texts}


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
