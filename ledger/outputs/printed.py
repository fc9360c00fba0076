"""The printed formats, made with libraries that need not be there: those of the extra `outputs`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ledger.errors import NotFoundError, OutputError
from ledger.files import Files
from ledger.outputs.table import Table
from ledger.progress import Tell

__all__ = ["bundle", "docx", "extra", "pdf"]


def docx(table: Table, _files: Files, tell: Tell) -> bytes:
    """Write a table as a Word document."""
    with extra():
        from ledger.outputs.docx import docx_of  # noqa: PLC0415 (an extra)
    return docx_of(table, tell)


def pdf(table: Table, _files: Files, tell: Tell) -> bytes:
    """Write a table as a PDF."""
    with extra():
        from ledger.outputs.pdf import pdf_of  # noqa: PLC0415 (an extra)
    return pdf_of(table, tell)


def bundle(table: Table, files: Files, tell: Tell) -> bytes:
    """Make the bundle of a table: of each file that is not there, it has a slip sheet."""
    with extra():
        from ledger.outputs.bundle import bundle_of  # noqa: PLC0415 (an extra)

    def path_of(sha256: str) -> Path | None:
        with contextlib.suppress(NotFoundError):
            return files.path(sha256)
        return None

    return bundle_of(table, path_of, tell)


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
