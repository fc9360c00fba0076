"""Begins the command `counterfoil`: it takes a while to load, and Ctrl-C may come meanwhile."""

__all__ = ["main"]

_INTERRUPTED = 130


def main() -> int:
    """Load the command, run it, and return its exit status."""
    try:
        from api.__main__ import main as run  # noqa: PLC0415 (so that what interrupts it is caught)

        return run()
    except KeyboardInterrupt:
        return _INTERRUPTED
