"""The chronology as a Word document, for those who will write in it.

Styles, headings, a table whose first row repeats on each page and is marked as its head, page
numbers, and English of Britain as its language: what Word and screen readers expect. The octets
depend on the table alone, and on the versions of python-docx and zlib: no clock is read.

Needs the extra `outputs`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor
from lxml import etree

from ledger.outputs.layout import Column, Grid, Line, grids_of, legend_of, made_at, title_of
from ledger.outputs.table import Table
from ledger.progress import Steps, Tell

if TYPE_CHECKING:
    from docx.document import Document as Word
    from docx.section import Section
    from docx.styles.style import ParagraphStyle

__all__ = ["docx_of"]

_MARGIN_MM: Final = 15
_FONT: Final = "Arial"
_STYLES: Final = {"plain": "Cell", "strong": "CellStrong", "small": "CellSmall"}
_TWIPS_PER_MM: Final = 1440 / 25.4
_SHADE: Final = "E7ECEF"
_LINE: Final = "9AA5AC"
_MOST_OF_PROPERTY: Final = 255  # characters, by the standard of core properties
_EPOCH_OF_ZIP: Final = (1980, 1, 1, 0, 0, 0)
_TYPES: Final = "[Content_Types].xml"
_THUMBNAIL: Final = "thumbnail"  # of python-docx's template, not of this document

_P: Final = qn("w:p")
_R: Final = qn("w:r")
_T: Final = qn("w:t")
_TC: Final = qn("w:tc")
_TR: Final = qn("w:tr")
_SPACE: Final = "{http://www.w3.org/XML/1998/namespace}space"


def docx_of(table: Table, tell: Tell) -> bytes:
    """Write a table as a Word document (Office Open XML).

    Args:
        table: The table.
        tell: Gives whom to tell how far it is.
    """
    word, grids = Document(), grids_of(table)
    steps = Steps(tell("Writing row"), sum(len(grid.rows) for grid in grids))
    _describe(word, table)
    _define_styles(word)
    _set_page(word.sections[0], table)
    word.add_paragraph(table.footer.what, style="Title")
    origin, as_at = table.footer.origin, table.footer.as_at.isoformat()
    word.add_paragraph(f"Ledger {origin}, as at {as_at}", style="Subtitle")
    for line in legend_of(table):
        word.add_paragraph(line, style="Legend")
    for grid in grids:
        word.add_heading(grid.title, level=1)
        _add_grid(word, grid, steps)
    word.add_heading("What this was made from", level=1)
    for line in table.footer.lines():
        word.add_paragraph(line, style="Legend")
    written = io.BytesIO()
    word.save(written)
    return _fixed(written.getvalue())


# The document


def _describe(word: Word, table: Table) -> None:
    core, at = word.core_properties, made_at(table).replace(tzinfo=None)
    core.title = title_of(table)[:_MOST_OF_PROPERTY]
    core.subject = f"As at {table.footer.as_at.isoformat()}"
    core.author = core.last_modified_by = table.footer.origin[:_MOST_OF_PROPERTY]
    core.comments = f"Size {table.footer.size}, root {table.footer.root}"
    core.keywords, core.category, core.language = "chronology", "", "en-GB"
    core.created = core.modified = at
    core.revision = 1
    package = word.part.package
    for key in [key for key, to in package.rels.items() if to.reltype.endswith(_THUMBNAIL)]:
        del package.rels[key]


def _define_styles(word: Word) -> None:
    _style(word, "Normal", 9)
    for language in word.styles.element.iter(qn("w:lang")):
        for name in ("w:val", "w:eastAsia", "w:bidi"):
            language.set(qn(name), "en-GB")
    _style(word, "Title", 18, strong=True)
    _style(word, "Subtitle", 10)
    _style(word, "Heading 1", 12, strong=True)
    for name, size in (("Legend", 8.0), ("Cell", 8.0), ("Cell Small", 6.5)):
        word.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        _style(word, name, size)
    for name in ("Cell Strong", "Cell Head"):
        word.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        _style(word, name, 8, strong=True)
    word.styles["Legend"].paragraph_format.space_after = Pt(2)


def _style(word: Word, name: str, size: float, *, strong: bool = False) -> None:
    style: ParagraphStyle = word.styles[name]
    style.font.name, style.font.size, style.font.bold = _FONT, Pt(size), strong
    style.font.italic, style.font.color.rgb = False, RGBColor(0, 0, 0)
    fonts = style.element.get_or_add_rPr().find(qn("w:rFonts"))
    for which in ("w:ascii", "w:hAnsi", "w:cs", "w:eastAsia"):
        fonts.set(qn(which), _FONT)
    for theme in ("w:asciiTheme", "w:hAnsiTheme", "w:cstheme", "w:eastAsiaTheme"):
        fonts.attrib.pop(qn(theme), None)
    style.paragraph_format.space_after = Pt(6 if name in {"Title", "Subtitle"} else 0)


def _set_page(section: Section, table: Table) -> None:
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Mm(297), Mm(210)
    section.left_margin = section.right_margin = Mm(_MARGIN_MM)
    section.top_margin = section.bottom_margin = Mm(_MARGIN_MM)
    section.header_distance = section.footer_distance = Mm(8)
    paragraph = section.footer.paragraphs[0]
    paragraph.style = "Legend"
    paragraph.add_run(f"{title_of(table)}, as at {table.footer.as_at.isoformat()}. Page ")
    _add_field(paragraph._p, "PAGE")  # noqa: SLF001 (python-docx has no fields)
    paragraph.add_run(" of ")
    _add_field(paragraph._p, "NUMPAGES")  # noqa: SLF001 (as above)


def _add_field(paragraph: etree._Element, name: str) -> None:
    field = etree.SubElement(paragraph, qn("w:fldSimple"), {qn("w:instr"): name})
    etree.SubElement(etree.SubElement(field, _R), _T).text = "1"


# The table: rows are made as XML, since python-docx looks a whole table through for each cell


def _add_grid(word: Word, grid: Grid, steps: Steps) -> None:
    table = etree.Element(qn("w:tbl"), nsmap=word.element.nsmap)
    properties = etree.SubElement(table, qn("w:tblPr"))
    _add(properties, "w:tblStyle", val="TableGrid")
    _add(properties, "w:tblW", w=str(_twips(sum(c.width_mm for c in grid.columns))), type="dxa")
    borders = etree.SubElement(properties, qn("w:tblBorders"))
    for side in ("top", "left", "bottom", "right", "insideH", "insideV"):
        _add(borders, f"w:{side}", val="single", sz="4", space="0", color=_LINE)
    _add(properties, "w:tblLayout", type="fixed")
    margins = etree.SubElement(properties, qn("w:tblCellMar"))
    for side in ("top", "left", "bottom", "right"):
        _add(margins, f"w:{side}", w="50", type="dxa")
    _add(properties, "w:tblLook", val="0020", firstRow="1", noVBand="1", noHBand="1")
    _add(properties, "w:tblCaption", val=grid.title)
    _add(properties, "w:tblDescription", val=grid.what)
    widths = etree.SubElement(table, qn("w:tblGrid"))
    for column in grid.columns:
        _add(widths, "w:gridCol", w=str(_twips(column.width_mm)))
    _add_head(table, grid.columns)
    for row in grid.rows:
        _add_row(table, grid.columns, row)
        steps.step()
    # What belongs to the section stands last.
    word.element.body.insert(len(word.element.body) - 1, table)


def _add_head(table: etree._Element, columns: Iterable[Column]) -> None:
    row = etree.SubElement(table, _TR)
    properties = etree.SubElement(row, qn("w:trPr"))
    _add(properties, "w:cantSplit")
    _add(properties, "w:tblHeader")
    for column in columns:
        cell = _add_cell(row, column, shade=True)
        _add_paragraph(cell, column.head, "CellHead")


def _add_row(
    table: etree._Element, columns: Iterable[Column], cells: Iterable[tuple[Line, ...]]
) -> None:
    row = etree.SubElement(table, _TR)
    _add(etree.SubElement(row, qn("w:trPr")), "w:cantSplit")
    for column, lines in zip(columns, cells, strict=True):
        cell = _add_cell(row, column)
        for line in lines or (Line(""),):  # a cell without a paragraph is no cell
            _add_paragraph(cell, line.text, _STYLES[line.style])


def _add_cell(row: etree._Element, column: Column, *, shade: bool = False) -> etree._Element:
    cell = etree.SubElement(row, _TC)
    properties = etree.SubElement(cell, qn("w:tcPr"))
    _add(properties, "w:tcW", w=str(_twips(column.width_mm)), type="dxa")
    if shade:
        _add(properties, "w:shd", val="clear", color="auto", fill=_SHADE)
    return cell


def _add_paragraph(cell: etree._Element, text: str, style: str) -> None:
    paragraph = etree.SubElement(cell, _P)
    _add(etree.SubElement(paragraph, qn("w:pPr")), "w:pStyle", val=style)
    run = etree.SubElement(paragraph, _R)
    for number, line in enumerate(text.split("\n")):
        if number:
            etree.SubElement(run, qn("w:br"))
        element = etree.SubElement(run, _T)
        element.text = line
        element.set(_SPACE, "preserve")


def _add(parent: etree._Element, name: str, **attributes: str) -> None:
    etree.SubElement(parent, qn(name), {qn(f"w:{key}"): value for key, value in attributes.items()})


def _twips(millimetres: float) -> int:
    return round(millimetres * _TWIPS_PER_MM)


# The octets


def _fixed(data: bytes) -> bytes:
    """Pack a document anew: its parts sorted, none with the time of day, and no thumbnail."""
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as parts,
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as fixed,
    ):
        for name in sorted(parts.namelist(), key=lambda name: (name != _TYPES, name)):
            info = zipfile.ZipInfo(name, _EPOCH_OF_ZIP)
            info.compress_type, info.create_system = zipfile.ZIP_DEFLATED, 0
            fixed.writestr(info, parts.read(name))
    return written.getvalue()
