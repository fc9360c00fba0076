"""Begins the command `counterfoil`."""

import signal

from verify.start import INTERRUPTED, begin

__all__ = ["main"]


def main() -> int:
    """Begin `counterfoil`; return its exit status."""
    interruptions: list[int] = []
    try:
        _note_interruptions(interruptions)
        return begin("api.command")
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception:
        # It may be told otherwise: by pydantic while it makes a schema, by Python while it reads
        # a character's name.
        if interruptions:
            return INTERRUPTED
        raise


def _note_interruptions(noted: list[int]) -> None:
    """Have each interruption noted, by the number of its signal, before it is raised."""

    def note(number: int, _frame: object) -> None:
        noted.append(number)
        raise KeyboardInterrupt

    # Where they are to be passed over, they still are.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, note)
