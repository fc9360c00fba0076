"""The items of a request as a table: text, and a picture that needs neither colour nor script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from ledger.date_words import format_day
from ledger.errors import ExportError
from ledger.folds.items import OPEN
from ledger.folds.matrix import CODES, FLAGS, Cell, Matrix
from ledger.folds.reading import Reading
from ledger.layout import clean, item, page, wrap
from ledger.sentences import sentence
from ledger.text import WIDTH, footer_text
from ledger.texts.ask import check_text
from ledger.view import View
from ledger.wording import actor_words, actors_words, count_words, say

__all__ = ["matrix_svg", "matrix_text"]

_LEAST_WIDTH = 40
_MOST_CELLS: Final = 20_000
_STATES: Final = {"claimed": "only claimed", "elsewhere": "nothing told of it"}


def matrix_text(reading: Reading, matrices: Sequence[Matrix], *, width: int = WIDTH) -> str:
    """Write the items of a request, in each telling, as tables of categories by areas.

    Args:
        reading: Of which the tables were made.
        matrices: The same request in several tellings; at least one.
        width: The longest line, in characters; at least 40.
    """
    width = max(width, _LEAST_WIDTH)
    first = matrices[0]
    lines = list(chain.from_iterable(item(line, width) for line in _heading(reading, first)))
    lines.append("")
    for matrix in matrices:
        lines += item(f"{_capital(str(matrix.telling))}: {_counts(matrix)}", width)
        lines += [*_grid(matrix, width), ""]
    for line in _legend(matrices):
        lines += item(line, width, indent=2)
    view = reading.view
    return page(lines, (*check_text(view, width=width), *footer_text(view, width=width)))


def _heading(reading: Reading, matrix: Matrix) -> Iterator[str]:
    told = reading.view.by_id[matrix.request]
    yield f"Items by category and area, as at {format_day(reading.as_at)}"
    yield f"{sentence(told, reading.view.by_id)} [entry {told.index}, {told.id[:16]}]"
    doubtful = [area.name for area in matrix.areas if area.doubtful]
    yield f"{count_words(matrix.certain, matrix.total, doubtful)}: {_shape(matrix)}."


def _shape(matrix: Matrix) -> str:
    certain = sum(not area.doubtful for area in matrix.areas)
    words = f"{_many(len(matrix.categories), 'category', 'categories')} for each of "
    words += _many(certain, "area", "areas")
    doubtful = len(matrix.areas) - certain
    return (
        f"{words}, and {_many(doubtful, 'doubtful area', 'doubtful areas')}" if doubtful else words
    )


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


def _counts(matrix: Matrix) -> str:
    return "; ".join(
        f"{certain} {_state(state)}" + ("" if certain == most else f" ({most} at most)")
        for state, certain, most in matrix.counts()
    )


def _grid(matrix: Matrix, width: int) -> Iterator[str]:
    """Write the cells, in as many blocks of columns as the width needs."""
    left = len(str(len(matrix.categories))) + 2
    room = max((len(_label(cell)) for row in matrix.cells for cell in row), default=1)
    room = max(room, len(str(len(matrix.areas))) + 2) + 1
    at_once = max((width - left) // room, 1)
    for start in range(0, len(matrix.areas), at_once):
        columns = range(start, min(start + at_once, len(matrix.areas)))
        names = (_column(matrix, place) for place in columns)
        yield (" " * left + "".join(name.rjust(room) for name in names)).rstrip()
        for category, row in zip(matrix.categories, matrix.cells, strict=True):
            cells = "".join(_label(row[place]).rjust(room) for place in columns)
            yield f"{str(category.number).rjust(left)}{cells}"


def _column(matrix: Matrix, place: int) -> str:
    return f"({place + 1})" if matrix.areas[place].doubtful else str(place + 1)


def _label(cell: Cell) -> str:
    return f"({cell.code})" if cell.doubtful else cell.code


def _legend(matrices: Sequence[Matrix]) -> Iterator[str]:
    first = matrices[0]
    yield "Rows are categories, columns areas; in brackets: an area that may not be meant."
    yield (
        "Item numbers run down the columns: item (k - 1) x "
        f"{len(first.categories)} + j is category j for area k."
    )
    cells = [cell for matrix in matrices for row in matrix.cells for cell in row]
    states = {cell.state for cell in cells}
    flags = {flag for cell in cells for flag in cell.flags}
    yield "; ".join(f"{code}: {_state(state)}" for state, code in CODES.items() if state in states)
    for flag, letter in FLAGS.items():
        if flag in flags:
            yield f"{letter} behind it: {say(flag)}, too"
    if any(area.name for area in first.areas):
        yield "; ".join(
            f"{_column(first, place)}: {actor_words(area.name)}"
            for place, area in enumerate(first.areas)
        )
    named = [(each.number, each.title) for each in first.categories if each.title]
    titles = [f"{number}: {' '.join(title.split())}" for number, title in named]
    yield from titles or ["What the categories are is not open here."]


def _state(state: str) -> str:
    return _STATES.get(state) or say(state)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# The picture

_CELL_W: Final = 56
_CELL_H: Final = 24
_LINE: Final = 18
_LEFT: Final = 64
_MARGIN: Final = 16
_FILLS: Final = {"open": "#fff4d6", "done": "#d9eede", "none": "#eeeeee"}
"""Beside the code in each cell, never instead of it."""


def matrix_svg(reading: Reading, matrices: Sequence[Matrix]) -> str:
    """Draw the items of a request, in each telling, as one picture that stands alone.

    Each cell has its code as text, and a title in full for those who hover or listen.

    Args:
        reading: Of which the tables were made.
        matrices: The same request in several tellings; at least one.

    Raises:
        ExportError: There are too many items to be seen in a picture.
    """
    cells = sum(matrix.total for matrix in matrices)
    if cells > _MOST_CELLS:
        raise ExportError("picture", f"has {cells} items, which is more than {_MOST_CELLS}")
    first = matrices[0]
    width = max(_LEFT + len(first.areas) * _CELL_W + 2 * _MARGIN, 720)
    body: list[str] = []
    y = _MARGIN
    for line in _wrapped(_heading(reading, first), width):
        y += _LINE
        body.append(_text(_MARGIN, y, line, bold=not body))
    for matrix in matrices:
        y += _LINE // 2
        for line in _wrapped([f"{_capital(str(matrix.telling))}: {_counts(matrix)}"], width):
            y += _LINE
            body.append(_text(_MARGIN, y, line, bold=True))
        y += _LINE // 2
        body += _table(matrix, y)
        y += (len(matrix.categories) + 1) * _CELL_H
    y += _LINE // 2
    for line in _wrapped((*_legend(matrices), *_source(reading.view)), width):
        y += _LINE
        body.append(_text(_MARGIN, y, line))
    title, *described = _heading(reading, first)
    return _picture(width, y + _MARGIN, title, " ".join(described), body)


def _source(view: View) -> tuple[str, ...]:
    return (
        f"Ledger {view.origin}, size {view.size}, root {view.root}.",
        f"To check: counterfoil-verify EXPORT --fingerprint {view.fingerprint}",
    )


def _picture(width: int, height: int, title: str, description: str, body: Iterable[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="group" aria-labelledby="title description" '
        'font-family="Arial, Helvetica, sans-serif" font-size="13" xml:lang="en">'
    )
    names = (
        f'<title id="title">{_escaped(title)}</title>',
        f'<desc id="description">{_escaped(description)}</desc>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    )
    return "\n".join([head, *names, *body, "</svg>"]) + "\n"


def _table(matrix: Matrix, top: int) -> Iterator[str]:
    yield f'<g role="table" aria-label={quoteattr(clean(_capital(str(matrix.telling))))}>'
    yield '<g role="row">'
    yield _head("column", "Category", _MARGIN, top, "")
    for place, area in enumerate(matrix.areas):
        x = _MARGIN + _LEFT + place * _CELL_W
        name = actor_words(area.name) if area.name else f"Area {place + 1}"
        yield _head("column", name, x, top, _column(matrix, place))
    yield "</g>"
    for number, row in enumerate(matrix.cells, start=1):
        y = top + number * _CELL_H
        yield '<g role="row">'
        yield _head("row", f"Category {number}", _MARGIN, y, str(number))
        for place, cell in enumerate(row):
            yield _drawn(matrix, cell, place, number, _MARGIN + _LEFT + place * _CELL_W, y)
        yield "</g>"
    yield "</g>"


def _head(of: str, name: str, x: int, y: int, words: str) -> str:
    """Draw the head of a column or of a row."""
    middle = of == "column"
    at = x + _CELL_W // 2 if middle else x
    label = _text(at, y + _CELL_H - 7, words, middle=middle, bold=True)
    # A box to be found by where there are no words.
    box = f'<rect x="{x}" y="{y}" width="{_CELL_W}" height="{_CELL_H}" fill="none"/>'
    return f'<g role="{of}header"><title>{_escaped(name)}</title>{box}{label}</g>'


def _drawn(matrix: Matrix, cell: Cell, place: int, number: int, x: int, y: int) -> str:
    area = matrix.areas[place].name
    where = f" for {actor_words(area)}" if area else ""
    words = f"Item {cell.item}, category {number}{where}: {_state(cell.state)}"
    words += "".join(f", {say(flag)}" for flag in cell.flags)
    words += f"; next to act: {actors_words(cell.ball)}" if cell.ball else ""
    words += "; in doubt whether it is meant" if cell.doubtful else ""
    fill = _FILLS["none" if cell.state in _STATES else "open" if cell.state in OPEN else "done"]
    dashes = ' stroke-dasharray="4 3"' if cell.doubtful else ""
    label = _text(x + _CELL_W // 2, y + _CELL_H - 7, _label(cell), middle=True)
    return (
        f'<g role="cell"><title>{_escaped(words)}</title><rect x="{x}" y="{y}" '
        f'width="{_CELL_W}" height="{_CELL_H}" fill="{fill}" stroke="#333333"{dashes}/>{label}</g>'
    )


def _text(x: int, y: int, words: str, *, middle: bool = False, bold: bool = False) -> str:
    anchor = ' text-anchor="middle"' if middle else ""
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}"{anchor}{weight} fill="#111111">{_escaped(words)}</text>'


def _wrapped(lines: Iterable[str], width: int) -> Iterator[str]:
    for line in lines:
        yield from wrap(line, (width - 2 * _MARGIN) // 7)


def _escaped(words: str) -> str:
    return escape(clean(words))
