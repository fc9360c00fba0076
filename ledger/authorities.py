"""The time-stamping authorities that a party has chosen, kept in its folder.

    [national]                          authorities.toml: a name of one's own, and how to ask
    tsa = "https://tsa.example/tsr"
    chain = "national.pem"

    [own]
    openssl_conf = "tsa.cnf"
    chain = "own.pem"

`tsa` is an authority over HTTP, `openssl_conf` one of one's own; `chain` its certificates from its
root down (PEM). Files are looked for beside the file that names them. Whom to trust is the party's
choice alone: a ledger brings no authorities, and what its folder holds is not asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec

from ledger.errors import LedgerError

__all__ = ["AUTHORITIES_FILE", "AuthoritiesError", "Configured", "read_authorities"]

AUTHORITIES_FILE: Final = "authorities.toml"
"""In a party's folder: which authorities it has chosen."""

_MAX_FILE: Final = 65_536  # octets
_MAX_AUTHORITIES: Final = 16

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
_Name = Annotated[str, msgspec.Meta(pattern=r"\A[a-z0-9][a-z0-9._-]{0,62}\Z")]


class AuthoritiesError(LedgerError):
    """A file of authorities cannot be read, or is none."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file}: {reason}")


@dataclass(frozen=True, slots=True)
class Configured:
    """An authority that is chosen.

    Attributes:
        name: What the file calls it.
        tsa: Its URL; None for one of one's own.
        openssl_conf: The settings of one's own; None for one over HTTP.
        chain: The file of its certificates.
    """

    name: str
    tsa: str | None
    openssl_conf: Path | None
    chain: Path


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    chain: _Text
    tsa: _Text | None = None
    openssl_conf: _Text | None = None


def read_authorities(home: Path) -> tuple[Configured, ...]:
    """Read which authorities are chosen in a party's folder, by name; none if it has no such file.

    Raises:
        AuthoritiesError: The file cannot be read, or is none.
    """
    file = home / AUTHORITIES_FILE
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAX_FILE + 1)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as failure:
        raise AuthoritiesError(file, f"cannot be read: {failure.strerror}") from None
    return _parse(data, file)


def _parse(data: bytes, file: Path) -> tuple[Configured, ...]:
    if len(data) > _MAX_FILE:
        raise AuthoritiesError(file, f"is longer than {_MAX_FILE} octets")
    try:
        tables = msgspec.toml.decode(data, type=dict[_Name, _Table])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise AuthoritiesError(file, str(error)) from None
    if len(tables) > _MAX_AUTHORITIES:
        raise AuthoritiesError(file, f"names more than {_MAX_AUTHORITIES} authorities")
    for name, table in tables.items():
        if (table.tsa is None) is (table.openssl_conf is None):
            raise AuthoritiesError(file, f"{name}: has not one of `tsa` and `openssl_conf`")
    beside = file.parent
    return tuple(
        Configured(
            name,
            table.tsa,
            None if table.openssl_conf is None else beside / table.openssl_conf,
            beside / table.chain,
        )
        for name, table in sorted(tables.items())
    )
