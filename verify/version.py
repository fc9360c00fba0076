"""Which version of a package is installed."""

__all__ = ["version_of"]


def version_of(name: str) -> str:
    """Return the version of a distribution; words where it is not installed as one."""
    import importlib.metadata  # noqa: PLC0415 (slow to load, and rarely wanted)

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed as a package"
