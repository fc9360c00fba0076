"""The printed formats, made with libraries that need not be there: those of the extra `outputs`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from ledger.errors import NotFoundError, OutputError
from ledger.files import Files
from ledger.outputs.table import Table

__all__ = ["bundle", "bundle_with_files", "docx", "extra", "pdf"]


def docx(table: Table) -> bytes:
    """Write a table as a Word document.

    Raises:
        OutputError: A library is not installed.
    """
    with extra():
        from ledger.outputs.docx import docx_of  # noqa: PLC0415 (an extra)
    return docx_of(table)


def pdf(table: Table) -> bytes:
    """Write a table as a PDF.

    Raises:
        OutputError: A library is not installed.
    """
    with extra():
        from ledger.outputs.pdf import pdf_of  # noqa: PLC0415 (an extra)
    return pdf_of(table)


def bundle(table: Table) -> bytes:
    """Make the bundle of a table whose files are not at hand: a slip sheet stands for each.

    Raises:
        OutputError: A library is not installed.
    """
    with extra():
        from ledger.outputs.bundle import bundle_of  # noqa: PLC0415 (an extra)
    return bundle_of(table, lambda _: None)


def bundle_with_files(table: Table, files: Files, progress: Callable[[int, int], None]) -> bytes:
    """Make the bundle of a table, with the files that are there.

    Args:
        table: The table.
        files: The files.
        progress: Told how many of how many documents are read.

    Raises:
        OutputError: A library is not installed.
        OSError: A file cannot be read, or there is no room for what is made of it.
    """
    with extra():
        from ledger.outputs.bundle import bundle_of  # noqa: PLC0415 (an extra)

    def path_of(sha256: str) -> Path | None:
        with contextlib.suppress(NotFoundError):
            return files.path(sha256)
        return None

    return bundle_of(table, path_of, progress=progress)


@contextlib.contextmanager
def extra() -> Iterator[None]:
    """Say what to install where an import in the block fails.

    Raises:
        OutputError: A library is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        needs = "needs the extra `outputs`: python -m pip install 'counterfoil[outputs]'"
        raise OutputError(f"{error.name} is not installed; this {needs}") from None
