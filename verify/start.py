"""Begins a command: it takes a moment to load, and Ctrl-C may come meanwhile."""

import gc
import sys
from importlib import import_module

__all__ = ["INTERRUPTED", "begin", "main"]

INTERRUPTED = 130
_COULD_NOT = 2


def main() -> int:
    """Begin `counterfoil-verify`; return its exit code."""
    try:
        # An audit makes millions of small objects and none in circles, and this process is ours.
        return begin("verify.command", collect=False)
    except Exception:  # noqa: BLE001 - a library is missing, or this program is wrong
        # Python itself would end with 1, and that is a verdict.
        sys.excepthook(*sys.exc_info())
        return _COULD_NOT


def begin(module: str, *, collect: bool = True) -> int:
    """Load a module, run its `main`, and return the exit code.

    Args:
        module: Its name.
        collect: Whether to look for objects in circles while it runs. Nothing that loading makes
            is one, nor is what is left when Python ends.
    """
    gc.disable()
    try:
        _load_msgspec()
        run = import_module(module).main
        if collect:
            gc.freeze()
            gc.enable()
        code: int = run()
    except KeyboardInterrupt:
        return INTERRUPTED
    gc.freeze()
    return code


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
