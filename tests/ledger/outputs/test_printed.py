"""Printed outputs by the command: from a ledger and from exports, with the files that are there."""

from __future__ import annotations

import hashlib
import io
import sys

import pytest
from docx import Document
from pypdf import PdfReader

from ledger.errors import OutputError
from ledger.outputs.bundle_lint import lint
from ledger.outputs.formats import FORMATS
from ledger.outputs.printed import extra
from tests.ledger.commandline import Desk
from tests.ledger.outputs.test_bundle import MAIL, pdf
from tests.ledger.outputs.test_table import founding_table
from tests.ledger.outputs.writing import written

LETTERS = """\
counterfoil: draft/v1
events:
  - kind: artefact
    label: letter
    type: letter
    dates: {dated: {edtf: "2025-04-07", basis: stated}}
    claims: {title: A letter, files: [letter.pdf]}
  - kind: artefact
    label: mail
    type: letter
    dates: {dated: {edtf: "2025-04-08", basis: stated}}
    claims: {title: A mail, files: [mail.eml]}
    audience: {files: [rutland]}
"""


@pytest.fixture(name="lettered")
def _lettered(desk: Desk) -> Desk:
    desk.filled()
    (desk.folder / "letter.pdf").write_bytes(pdf(words="The letter itself"))
    (desk.folder / "mail.eml").write_bytes(MAIL)
    desk.write("letters.yaml", LETTERS)
    desk.done("record", "ledger", "--key", "rutland.key", "letters.yaml")
    return desk


def made(desk: Desk, source: str, made_as: str, name: str, *more: str) -> bytes:
    desk.done(
        *("output", source, "--format", made_as, "--out", name, "--as-at", "2025-06-01"), *more
    )
    return (desk.folder / name).read_bytes()


def words(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)


def test_the_bundle_of_a_ledger_has_its_files_and_keeps_the_rules(lettered: Desk) -> None:
    data = made(lettered, "ledger", "bundle", "bundle.pdf")

    assert "The letter itself" in words(data)
    assert "Please send the data." in words(data)
    assert hashlib.sha256(MAIL).hexdigest() in words(data)
    assert () == lint(lettered.folder / "bundle.pdf").findings


def test_the_bundle_of_an_export_has_only_what_its_reader_may_see(lettered: Desk) -> None:
    lettered.done("export", "ledger", "public")
    lettered.done("export", "ledger", "ours", "--for", "rutland")
    public = words(made(lettered, "public", "bundle", "public.pdf"))
    ours = words(made(lettered, "ours", "bundle", "ours.pdf"))

    assert "The letter itself" in public
    for part in ("Please send the data.", "mail.eml", hashlib.sha256(MAIL).hexdigest()):
        assert part in ours
        assert part not in public


def test_word_and_pdf_are_the_same_from_ledger_and_export(lettered: Desk) -> None:
    lettered.done("export", "ledger", "ours", "--for", "rutland")
    for name in ("docx", "pdf", "bundle"):
        suffix = FORMATS[name].suffix
        first = made(lettered, "ledger", name, f"first-{name}{suffix}")
        second = made(lettered, "ours", name, f"second-{name}{suffix}")
        assert first == second


def test_the_document_opens_in_word(lettered: Desk) -> None:
    data = made(lettered, "ledger", "docx", "agreed.docx", "--variant", "agreed")

    assert "Agreed chronology" == Document(io.BytesIO(data)).paragraphs[0].text


def test_a_bundle_without_its_files_says_so_of_each(lettered: Desk) -> None:
    for path in (lettered.folder / "ledger" / "files").iterdir():
        path.unlink()
    text = words(made(lettered, "ledger", "bundle", "bundle.pdf"))

    assert 2 == text.count("Why: the file is not part of the ledger or export")
    assert "No document stands behind" in words(written(FORMATS["bundle"].make, founding_table()))


def test_says_which_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docx", None)
    monkeypatch.delitem(sys.modules, "ledger.outputs.docx", raising=False)

    with pytest.raises(OutputError, match=r"docx.* is not installed.*counterfoil\[outputs\]"):
        written(FORMATS["docx"].make, founding_table())
    with pytest.raises(ZeroDivisionError), extra():
        raise ZeroDivisionError
