"""Begins a command: it takes a moment to load, and Ctrl-C may come meanwhile."""

from importlib import import_module

__all__ = ["begin", "main"]

_INTERRUPTED = 130


def main() -> int:
    """Begin `counterfoil-verify`; return its exit code."""
    return begin("verify.__main__")


def begin(module: str) -> int:
    """Load a module, run its `main`, and return the exit code."""
    try:
        code: int = import_module(module).main()
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code
