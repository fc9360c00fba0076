"""Begins the command `counterfoil`."""

from verify.start import begin

__all__ = ["main"]


def main() -> int:
    """Begin `counterfoil`; return its exit status."""
    return begin("api.__main__")
