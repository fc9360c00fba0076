"""Begins the command `counterfoil`, and has it put away what it began when it is interrupted."""

import signal
import time

from verify.start import INTERRUPTED, begin

__all__ = ["main"]

_AGAIN_S = 2.0


def main() -> int:
    """Begin `counterfoil`; return its exit status."""
    interruptions: list[float] = []
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


def _note_interruptions(noted: list[float]) -> None:
    """Have each interruption noted, by when it came, before it is raised.

    A terminal that is closed, or that is written ^C twice, and whoever ends a service, send more
    than one at a time: raised once more, it would end what puts away what the first one left,
    such as half a ledger with its key.
    """

    def note(_number: int, _frame: object) -> None:
        now = time.monotonic()
        again = noted and now - noted[-1] < _AGAIN_S
        if not again:
            noted.append(now)
            raise KeyboardInterrupt

    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        # Where they are to be passed over, as SIGHUP below `nohup`, they still are.
        if signal.getsignal(number) in {signal.SIG_DFL, signal.default_int_handler}:
            signal.signal(number, note)
