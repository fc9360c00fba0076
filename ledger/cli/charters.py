"""Charters, as commands make them: witnesses and their quorum, amendments."""

from __future__ import annotations

from ledger.cli.context import Context, UsageError
from ledger.compose import Composed, compose
from ledger.sentences import AMENDABLE
from verify.note import COSIGNATURE_ED25519, VerifierKey
from verify.state import State

__all__ = ["amendment", "quorum_of", "say_if_weak", "witness_fields"]

_LEAST_LIARS = 2


def quorum_of(given: int | None, *, of: int) -> int:
    """Return how many of the witnesses a checkpoint needs.

    Two quorums of k of n witnesses have 2k - n in common: so many must lie for two histories.

    Args:
        given: How many were asked for; None for so many that two must lie.
        of: How many witnesses there are.

    Raises:
        UsageError: There are not so many.
    """
    if given is None:
        return min(of, (of + 1 + _LEAST_LIARS) // 2)
    if not 0 <= given <= of:
        raise UsageError(f"--quorum {given}: there are {of} witnesses")
    return given


def say_if_weak(context: Context, quorum: int, *, of: int) -> None:
    """Say so if two histories could be witnessed with fewer than two witnesses lying."""
    liars = 2 * quorum - of
    if of and liars < _LEAST_LIARS:
        context.say(
            f"counterfoil: a quorum of {quorum} of {of} is weak: "
            + (
                "two histories can be witnessed with nobody lying"
                if liars < 1
                else "one witness that lies is enough for two histories"
            )
        )


def witness_fields(key: VerifierKey) -> dict[str, object]:
    """Return a witness's key as a charter names it."""
    algorithm = "ed25519" if key.algorithm == COSIGNATURE_ED25519 else "ml-dsa-44"
    return {"algorithm": algorithm, "key": key.public.hex(), "name": key.name}


def amendment(state: State, *, author: str, **changes: object) -> Composed:
    """Return an amendment of the charter in force, by which only some fields change.

    Args:
        state: The rules' state.
        author: Who proposes it.
        changes: The fields that change; those that are None are left out.

    Raises:
        ComposeError: There can be no such charter.
    """
    charter = state.charter
    fields = {name: getattr(charter, name) for name in AMENDABLE}
    fields |= {**changes, "amends": state.charter_id}
    present = {name: value for name, value in fields.items() if value is not None}
    return compose("charter/v1", author=author, fields=present)
