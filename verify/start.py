"""Begins a command: it takes a moment to load, and Ctrl-C may come meanwhile."""

import gc
import sys
from importlib import import_module

__all__ = ["begin", "main"]

_INTERRUPTED = 130


def main() -> int:
    """Begin `counterfoil-verify`; return its exit code."""
    # An audit makes millions of small objects and none in circles, and this process is ours.
    return begin("verify.__main__", collect=False)


def begin(module: str, *, collect: bool = True) -> int:
    """Load a module, run its `main`, and return the exit code.

    Args:
        module: Its name.
        collect: Whether to look for objects in circles while it runs. Nothing that loading makes
            is one, nor is what is left when Python ends.
    """
    gc.disable()
    interruptions: list[int] = []
    try:
        _note_interruptions(interruptions)
        _load_msgspec()
        run = import_module(module).main
        if collect:
            gc.freeze()
            gc.enable()
        code: int = run()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception:
        # It may be told otherwise: by pydantic while it makes a schema, by Python while it reads
        # a character's name.
        if interruptions:
            return _INTERRUPTED
        raise
    gc.freeze()
    return code


def _note_interruptions(noted: list[int]) -> None:
    """Have each interruption noted, by the number of its signal, before it is raised."""
    import signal  # noqa: PLC0415 - it takes a moment, and Ctrl-C may come meanwhile

    def note(number: int, _frame: object) -> None:
        noted.append(number)
        raise KeyboardInterrupt

    # Where they are to be passed over, they still are.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, note)


def _load_msgspec() -> None:
    """Load msgspec without `typing_extensions`.

    It takes that where it finds it, for what Python 3.11 has of its own; loading it costs as much
    as msgspec itself.
    """
    name = "typing_extensions"
    absent = name not in sys.modules
    if absent:
        sys.modules[name] = None  # type: ignore[assignment]  # as the import system has it
    try:
        import_module("msgspec")
    finally:
        if absent:
            del sys.modules[name]
