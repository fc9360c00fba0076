"""The chronology as a picture (SVG): a lane for each party that acted, a bar for an unknown day.

    filled circle       one known day
    hollow dashed bar   one day, somewhere in it
    filled bar          a period that lasted
    arrow               nothing bounds it on that side
    square              no date, in a column of its own

Nothing is told by colour alone: lanes have names, marks have shapes, and each mark has the number
of its row, with `×` where it is disputed or not admitted and `✓` where it is agreed or admitted.
Under the picture stands every row in words, and the footer; each mark also has them as its title.
There is no script, no link, no style sheet and no font to fetch.

Source: SVG 1.1; WCAG 2.2, 1.1.1 and 1.4.1.
"""

# ruff: noqa: RUF001, RUF002 - the multiplication sign is the domain's mark for contradicted

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

from ledger.outputs.table import DateCell, Row, Table
from ledger.wording import party_of

__all__ = ["lane_of", "svg"]

_WIDTH: Final = 1280
_MARGIN: Final = 24
_LEFT: Final = 196  # where the axis begins
_RIGHT: Final = 1112  # where it ends; beyond stands what has no date
_TOP: Final = 108
_STEP: Final = 22  # of a line of marks
_BAR: Final = 14
_ARROW: Final = 22
_LINE: Final = 17  # of text
_SIZE: Final = 12  # of its letters
_SQUARES: Final = 3  # in a line of the last column
# The breadth of characters in DejaVu Sans, the widest of the fonts named, in parts of their size.
_BREADTHS: Final = {
    **dict.fromkeys(map(chr, range(0x20, 0x7F)), 0.66),
    **dict.fromkeys("ABCDEFGHKNOPQRUVXYZ", 0.8),
    **dict.fromkeys(" !\"'()*,-./:;I[\\]_`fijlrt|", 0.51),
    **dict.fromkeys("#%&+<=>@MW^mw~", 1.01),
    **dict.fromkeys(map(chr, range(0xC0, 0x180)), 1.08),
    **dict.fromkeys("–‘’“”•·£§°", 0.66),
    **dict.fromkeys("—…→×✓\N{REPLACEMENT CHARACTER}", 1.05),
}
_WIDEST: Final = 1.2  # taken for any other, of which some are wider
_MOST_LINES: Final = 30  # of one cell
_LEAST_INSIDE: Final = 48  # a bar that holds its number

_INK: Final = "#0b0c0c"
_FAINT: Final = "#5f676b"
_BAND: Final = "#f2f4f5"
# Dark enough for white numbers on them.
_COLOURS: Final = ("#00558c", "#a83f08", "#006b4f", "#8a2f6f", "#5a4a00", "#3d3f9e", "#8c1d24")
_MOST_TICKS: Final = 15
_FEW_MONTHS: Final = 3
_TICK_MONTHS: Final = (*(1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 2400, 6000, 12_000),)
_SEVERAL: Final = "several together"
_NOBODY: Final = "nobody named"
_ACTING_TOO: Final = frozenset(("arrangement", "knowledge", "meeting"))
_MARKS: Final = {"disputed": " ×", "not_admitted": " ×", "agreed": " ✓", "admitted": " ✓"}
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


class _Axis(NamedTuple):
    """The days from `first` to `last`, as ordinals, over the width of the axis."""

    first: int
    last: int

    def x(self, ordinal: float) -> float:
        return _LEFT + (ordinal - self.first) / (self.last - self.first) * (_RIGHT - _LEFT)


@dataclass(frozen=True, slots=True)
class _Mark:
    """A row with its place: from `left` to `right`, in the line of marks `line`."""

    row: Row
    left: float
    right: float
    line: int


@dataclass(frozen=True, slots=True)
class _Lane:
    """A lane with its marks."""

    name: tuple[str, ...]
    colour: str
    dated: tuple[_Mark, ...]
    undated: tuple[Row, ...]

    @property
    def height(self) -> int:
        lines = max((mark.line + 1 for mark in self.dated), default=1)
        squares = -(-len(self.undated) // _SQUARES)
        return max(lines * _STEP, squares * _STEP, len(self.name) * _LINE) + 12


def svg(table: Table) -> bytes:
    """Draw the table."""
    axis = _axis(table.rows)
    lanes = list(_lanes(table.rows, axis))
    tops = list(accumulate((lane.height for lane in lanes), initial=_TOP))
    below, bottom = _below(table, tops[-1] + 34)
    parts = (
        *_head(table, bottom + _MARGIN),
        *(_band(lane, top) for lane, top in zip(lanes[::2], tops[::2], strict=False)),
        *_grid(axis, tops[-1]),
        *(part for lane, top in zip(lanes, tops, strict=False) for part in _drawn(lane, top)),
        *below,
        "</svg>",
    )
    return "\n".join(parts).encode() + b"\n"


def lane_of(row: Row) -> str:
    """Return the party that acted, or that several did, or that nobody is named.

    Who met, and who knew, acted too.
    """
    met = row.to if row.kind in _ACTING_TOO else ()
    for actors in (row.from_, row.on_behalf_of, met):
        parties = {party_of(actor) for actor in actors} - {"unknown"}
        if parties:
            return _SEVERAL if len(parties) > 1 else parties.pop()
    return _NOBODY


# The layout


def _axis(rows: Iterable[Row]) -> _Axis:
    days = [
        day.toordinal()
        for row in rows
        if row.date is not None
        for day in (row.date.earliest, row.date.latest)
        if day is not None
    ]
    first, last = min(days, default=1), max(days, default=1)
    room = max((last - first) // 40, 3)
    return _Axis(first - room, last + 1 + room)


def _lanes(rows: Iterable[Row], axis: _Axis) -> Iterator[_Lane]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(lane_of(row), []).append(row)
    names = sorted(found, key=lambda name: (name == _NOBODY, name == _SEVERAL, name))
    for number, name in enumerate(names):
        dated = [row for row in found[name] if _is_dated(row)]
        yield _Lane(
            name=tuple(_wrapped(name, _LEFT - _MARGIN - 20)),
            colour=_COLOURS[number % len(_COLOURS)],
            dated=tuple(_packed(dated, axis)),
            undated=tuple(row for row in found[name] if not _is_dated(row)),
        )


def _is_dated(row: Row) -> bool:
    return row.date is not None and not (row.date.earliest is row.date.latest is None)


def _packed(rows: Iterable[Row], axis: _Axis) -> Iterator[_Mark]:
    """Give each mark the first line on which it meets no other."""
    ends: list[float] = []
    places = sorted((*_ends(row.date, axis), row.no, row) for row in rows if row.date is not None)
    for left, right, _, row in places:
        taken = right + (0 if _holds_number(left, right) else _breadth(_number(row)) + 8)
        line = next((n for n, end in enumerate(ends) if end < left), len(ends))
        ends[line:] = [taken + 6, *ends[line + 1 :]]
        yield _Mark(row, left, right, line)


def _ends(date: DateCell, axis: _Axis) -> tuple[float, float]:
    first, last = date.earliest, date.latest
    if first is None or last is None:
        at = (first or last or dt.date.min).toordinal()
        x = axis.x(at if last is None else at + 1)
        return (x, x + _ARROW) if last is None else (x - _ARROW, x)
    if date.exact and first == last:
        x = axis.x(first.toordinal() + 0.5)
        return x - _BAR / 2, x + _BAR / 2
    left, right = axis.x(first.toordinal()), axis.x(last.toordinal() + 1)
    return left, max(right, left + _BAR)


def _holds_number(left: float, right: float) -> bool:
    return right - left >= _LEAST_INSIDE


# The drawing


def _head(table: Table, height: float) -> Iterator[str]:
    footer = table.footer
    title = f"{footer.what}, as at {footer.as_at.isoformat()}"
    what = (
        f"A timeline with a lane for each party that acted. It has {footer.rows} numbered events, "
        "all of which stand under it in words."
    )
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" '
        f'width="{_WIDTH}" height="{height:.0f}" role="group" aria-labelledby="title what" '
        f'font-family="Arial, Helvetica, Liberation Sans, DejaVu Sans, sans-serif" '
        f'font-size="{_SIZE}" fill="{_INK}" xml:lang="en">'
    )
    yield f'<title id="title">{_escaped(title)}</title>'
    yield f'<desc id="what">{_escaped(what)}</desc>'
    yield f'<rect width="{_WIDTH}" height="{height:.0f}" fill="#ffffff"/>'
    yield _text(_MARGIN, 40, title, size=22, bold=True)
    ledger = f"Ledger {footer.origin}, size {footer.size}, root {footer.root[:16]}…"
    yield _text(_MARGIN, 61, ledger, fill=_FAINT)
    yield _text(_RIGHT + 18, _TOP - 12, "No date", fill=_FAINT)


def _grid(axis: _Axis, bottom: float) -> Iterator[str]:
    for ordinal, words in _ticks(axis):
        x = axis.x(ordinal)
        yield (
            f'<path d="M{x:.1f} {_TOP - 6}V{bottom}" stroke="#9aa3a7" stroke-opacity="0.45" '
            'fill="none"/>'
        )
        yield _text(x, _TOP - 12, words, fill=_FAINT, anchor="middle")
    for x in (_LEFT, _RIGHT):
        yield f'<path d="M{x} {_TOP}V{bottom}" stroke="{_FAINT}" fill="none"/>'
    yield f'<path d="M{_MARGIN} {bottom}H{_WIDTH - _MARGIN}" stroke="{_FAINT}" fill="none"/>'


def _ticks(axis: _Axis) -> Iterator[tuple[int, str]]:
    """Yield the days to mark, at most about twenty, with their words."""
    first = dt.date.fromordinal(max(axis.first, 1))
    last = min(axis.last, dt.date.max.toordinal())
    months = (last - first.toordinal()) // 30
    if months < _FEW_MONTHS:
        yield from _weeks(first, last)
        return
    step = next(n for n in _TICK_MONTHS if months <= _MOST_TICKS * n)
    month = first.year * 12 + first.month  # of the year 0, from 0: the one after `first`
    month += -month % step
    while month // 12 <= dt.date.max.year:
        day = dt.date(month // 12, month % 12 + 1, 1)
        if day.toordinal() > last:
            return
        words = str(day.year) if step % 12 == 0 else f"{_MONTHS[day.month - 1]} {day.year}"
        yield day.toordinal(), words
        month += step


def _weeks(first: dt.date, last: int) -> Iterator[tuple[int, str]]:
    """Yield the Mondays."""
    monday = first.toordinal() + -first.weekday() % 7
    for ordinal in range(monday, last + 1, 7):
        day = dt.date.fromordinal(ordinal)
        # The year where it is new.
        year = f" {day.year}" if ordinal == monday or (day.month, day.day // 8) == (1, 0) else ""
        yield ordinal, f"{day.day} {_MONTHS[day.month - 1]}{year}"


def _band(lane: _Lane, top: float) -> str:
    return (
        f'<rect x="{_MARGIN}" y="{top}" width="{_WIDTH - 2 * _MARGIN}" '
        f'height="{lane.height}" fill="{_BAND}"/>'
    )


def _drawn(lane: _Lane, top: float) -> Iterator[str]:
    for number, words in enumerate(lane.name):
        y = top + 22 + number * _LINE
        yield _text(_MARGIN + 10, y, words, bold=True, fill=lane.colour)
    for mark in lane.dated:
        middle = top + 6 + _STEP / 2 + mark.line * _STEP
        yield _group(mark.row, "".join(_mark(mark, lane.colour, middle)))
    for number, row in enumerate(lane.undated):
        x = _RIGHT + 18 + number % _SQUARES * 42
        y = top + 6 + _STEP / 2 + number // _SQUARES * _STEP
        square = _square(x, y, lane.colour)
        yield _group(row, square + _text(x + 13, y + 4, _number(row), size=11))


def _group(row: Row, drawn: str) -> str:
    date = "no date" if row.date is None else row.date.text
    words = f"No. {row.no}, {date}. {row.event} {row.status_text}. Told by {row.asserted_by}."
    return f'<g role="img"><title>{_escaped(words)}</title>{drawn}</g>'


def _mark(mark: _Mark, colour: str, middle: float) -> Iterator[str]:
    date, left, right = mark.row.date, mark.left, mark.right
    inside = _holds_number(left, right)
    solid = False
    if date is None:
        raise AssertionError(mark)
    if date.earliest is None or date.latest is None:
        yield _arrow(left, right, middle, colour, onward=date.latest is None)
    elif date.exact and date.earliest == date.latest:
        yield _circle((left + right) / 2, middle, colour)
    else:
        solid = date.span
        yield _bar(left, right, middle, colour, solid=solid)
    number = _number(mark.row)
    if inside:
        fill = "#ffffff" if solid else _INK
        yield _text(left + 8, middle + 4, number, size=11, fill=fill)
    elif right + 4 + _breadth(number) > _RIGHT:
        yield _text(left - 4, middle + 4, number, size=11, anchor="end")
    else:
        yield _text(right + 4, middle + 4, number, size=11)


def _circle(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{colour}"/>'


def _square(x: float, y: float, colour: str) -> str:
    return f'<rect x="{x}" y="{y - 5:.1f}" width="10" height="10" fill="{colour}"/>'


def _bar(left: float, right: float, middle: float, colour: str, *, solid: bool) -> str:
    looks = f'fill="{colour}"' if solid else 'fill="#ffffff" stroke-dasharray="4 2.5"'
    return (
        f'<rect x="{left + 0.75:.1f}" y="{middle - _BAR / 2:.1f}" '
        f'width="{right - left - 1.5:.1f}" height="{_BAR}" rx="4" {looks} '
        f'stroke="{colour}" stroke-width="1.5"/>'
    )


def _arrow(left: float, right: float, middle: float, colour: str, *, onward: bool) -> str:
    """Draw an arrow away from the bound, which is a stroke across."""
    tail, head = (left, right) if onward else (right, left)
    back = head - 7 if onward else head + 7
    return (
        f'<path d="M{tail:.1f} {middle - 7:.1f}v14M{tail:.1f} {middle:.1f}H{back:.1f}" '
        f'fill="none" stroke="{colour}" stroke-width="2"/>'
        f'<path d="M{head:.1f} {middle:.1f}L{back:.1f} {middle - 5:.1f}v10z" fill="{colour}"/>'
    )


def _number(row: Row) -> str:
    return f"{row.no}{_MARKS.get(row.status, '')}"


def _legend(y: float) -> Iterator[str]:
    """Show each mark with what it says."""
    middle = y - 4
    marks = (
        (_circle(_MARGIN + 7, middle, _FAINT), 20, "one known day"),
        (_bar(_MARGIN + 122, _MARGIN + 150, middle, _FAINT, solid=False), 156, "one day within"),
        (_bar(_MARGIN + 258, _MARGIN + 286, middle, _FAINT, solid=True), 292, "all that time"),
        (_arrow(_MARGIN + 384, _MARGIN + 406, middle, _FAINT, onward=True), 412, "no bound there"),
        (_square(_MARGIN + 520, middle, _FAINT), 536, "no date"),
        ("", 606, "× disputed or not admitted"),
        ("", 778, "✓ agreed or admitted"),
    )
    for drawn, x, words in marks:
        yield drawn + _text(_MARGIN + x, y, words, fill=_FAINT)


def _below(table: Table, top: float) -> tuple[list[str], float]:
    """Write what stands under the picture, and where it ends."""
    parts = list(_legend(top))
    y = top + 2 * _LINE
    for x, words in ((_MARGIN, "No."), (70, "Date"), (330, "Event"), (1100, "Status")):
        parts.append(_text(x, y, words, bold=True))
    y += 6
    for row in table.rows:
        dates = ("no date",) if row.date is None else row.date.lines
        columns = (
            (_MARGIN, 40, [_number(row)]),
            (70, 245, [line for words in dates for line in _wrapped(words, 245)]),
            (330, 750, list(_wrapped(row.event, 750))),
            (1100, 150, list(_wrapped(row.status_text, 150))),
        )
        parts.append(f'<path d="M{_MARGIN} {y}H{_WIDTH - _MARGIN}" stroke="#c9ced1" fill="none"/>')
        height = _LINE * max(len(lines) for _, _, lines in columns) + 7
        for x, width, lines in columns:
            parts += _cell(lines, x, y, width, height)
        y += height
    parts.append(f'<path d="M{_MARGIN} {y}H{_WIDTH - _MARGIN}" stroke="{_INK}" fill="none"/>')
    y += 6
    for line in table.footer.lines():
        for words in _wrapped(line, _WIDTH - 2 * _MARGIN):
            y += _LINE
            parts.append(_text(_MARGIN, y, words, fill=_FAINT))
    return parts, y


def _cell(lines: list[str], x: int, y: float, width: int, height: float) -> Iterator[str]:
    """Write lines of text, which stay in their place however wide and high their letters are."""
    texts = (_text(x, y + _LINE * n, line) for n, line in enumerate(lines, start=1))
    if _is_measured(lines):
        yield from texts
        return
    box = f"{x} {y} {width} {height}"
    yield (
        f'<svg x="{x}" y="{y}" width="{width}" height="{height}" viewBox="{box}" '
        f'role="none" overflow="hidden">{"".join(texts)}</svg>'
    )


def _text(
    x: float,
    y: float,
    words: str,
    *,
    size: int = _SIZE,
    bold: bool = False,
    fill: str = _INK,
    anchor: str = "start",
) -> str:
    looks = "" if size == _SIZE else f' font-size="{size}"'
    looks += ' font-weight="bold"' if bold else ""
    looks += "" if fill == _INK else f' fill="{fill}"'
    looks += "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}"{looks}>{_escaped(words)}</text>'


def _escaped(text: str) -> str:
    return escape(" ".join(text.split()))


def _wrapped(text: str, width: float) -> Iterator[str]:
    """Yield lines of text that are no wider, by a guess that errs on the wide side.

    No more than `_MOST_LINES`: who wants the rest of a longer text, which ends with …, reads the
    row itself.
    """
    lines = list(islice(_all_lines(text, width), _MOST_LINES + 1))
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES - 1 :] = [f"{lines[_MOST_LINES - 1]} …"]
    yield from lines


def _all_lines(text: str, width: float) -> Iterator[str]:
    line = ""
    for word in text.split():
        space = " " if line else ""
        for piece in _pieces(word, width):
            if line and _breadth(line + space + piece) > width:
                yield line
                line, space = "", ""
            line, space = line + space + piece, ""
    yield line


def _pieces(word: str, width: float) -> Iterator[str]:
    """Yield the parts between which a word may be cut: after hyphens, and where it must be."""
    most = max(int(width / _SIZE / _WIDEST), 1)
    for part in re.findall(r"[^-]*-|[^-]+", word):
        if _breadth(part) <= width:
            yield part
        else:
            yield from (part[start : start + most] for start in range(0, len(part), most))


def _breadth(text: str) -> float:
    """Guess how wide text is, in units of the picture."""
    return _SIZE * sum(_BREADTHS.get(character, _WIDEST) for character in text)


def _is_measured(lines: Iterable[str]) -> bool:
    return all(character in _BREADTHS for line in lines for character in line)
