"""A described panel in the terminal: Braille dots for the lines, round marks for the points, Rich for the colours.

The third renderer beside Plotly and Matplotlib. A terminal without Unicode gets one character per cell.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from leaky.report.shapes import Line, Panel

if TYPE_CHECKING:
    from rich.text import Text

_COLORS = ("default", "cyan", "red", "green", "magenta", "yellow", "blue")
"""Of the curves in their order, as the terminal has them: readable on dark and on light ones."""
_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The dots of a Braille character, by column and row."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def color(place: int) -> str:
    """The colour of the curve at this place."""
    return _COLORS[place % len(_COLORS)]


def panel_text(panel: Panel, width: int, height: int = 13, *, unicode: bool = True) -> Text:
    """The panel as text of `width` columns: its title, `height` lines of plot with labels, the x axis.

    Several lines get a letter each, so that they are told apart without colours.
    """
    from rich.text import Text

    names = list(dict.fromkeys(line.name for line in panel.lines))
    low, high = _range(panel)
    labels = _ticks(low, high, max(2, height // 4))
    margin = max(len(text) for _, text in labels) + 1
    canvas = _Canvas(panel.x.low or 0.0, panel.x.high or 0.0, low, high, width - margin, height)
    canvas.axes(unicode)
    for line in panel.lines:
        canvas.draw(line, names.index(line.name), unicode)
    for points in panel.points:
        mark = ("●" if points.filled else "○") if unicode else ("*" if points.filled else "o")
        for x, y in zip(points.x, points.y, strict=True):
            canvas.put(x, y, mark, names.index(points.name))
    if len(names) > 1:
        canvas.letters(panel.lines, names, [x for points in panel.points for x in points.x])
    rows = {canvas.row(at): text for at, text in labels}
    text = Text(no_wrap=True, overflow="crop")
    title = panel.title if unicode else panel.title.replace("′", "'")
    text.append(f"{' ' * margin}{title}\n", style="bold")
    for row, cells in enumerate(canvas.rows()):
        text.append(f"{rows.get(row, ''):>{margin - 1}} ", style="dim")
        for sign, style in cells:
            text.append(sign, style=style)
        text.append("\n")
    text.append(" " * margin + canvas.below(), style="dim")
    return text


class _Canvas:
    """Cells of two by four dots over a range of x and y."""

    def __init__(self, left: float, right: float, low: float, high: float, width: int, height: int) -> None:
        self.left, self.right, self.low, self.high = left, right, low, high
        self.width, self.height = width, height
        self.dots = [[0] * width for _ in range(height)]
        self.signs = [[" "] * width for _ in range(height)]
        self.styles = [["dim"] * width for _ in range(height)]

    def column(self, x: float) -> int:
        return self._dot(x, 0.0)[0] // 2

    def row(self, y: float) -> int:
        return self._dot(self.left, y)[1] // 4

    def _dot(self, x: float, y: float) -> tuple[int, int]:
        across = (x - self.left) / (self.right - self.left) * (2 * self.width - 1)
        return round(across), round((self.high - y) / (self.high - self.low) * (4 * self.height - 1))

    def axes(self, unicode: bool) -> None:
        """The two lines through 0, where it is in sight."""
        if self.low <= 0 <= self.high:
            self.signs[self.row(0.0)] = ["─" if unicode else "-"] * self.width
        if self.left <= 0 <= self.right:
            for y in range(self.height):
                crossing = self.signs[y][self.column(0.0)] != " "
                self.signs[y][self.column(0.0)] = ("┼" if crossing else "│") if unicode else "|"

    def draw(self, line: Line, place: int, unicode: bool) -> None:
        """Every dot that the line passes."""
        for x, y in self._passed(line):
            across, down = divmod(x, 2), divmod(y, 4)
            bit = _BITS[across[1]][down[1]]
            self.dots[down[0]][across[0]] |= bit
            self._set(
                down[0], across[0], chr(0x2800 | self.dots[down[0]][across[0]]) if unicode else "*", place
            )

    def _passed(self, line: Line) -> Iterator[tuple[int, int]]:
        for (x0, x1), (y0, y1) in zip(itertools.pairwise(line.x), itertools.pairwise(line.y), strict=True):
            if y0 is None or y1 is None:
                continue
            (a, b), (c, d) = self._dot(x0, y0), self._dot(x1, y1)
            steps = max(1, abs(c - a), abs(d - b))
            for step in range(steps + 1):
                yield round(a + (c - a) * step / steps), round(b + (d - b) * step / steps)

    def put(self, x: float, y: float, sign: str, place: int) -> None:
        """One character at a point."""
        self._set(self.row(y), self.column(x), sign, place)

    def _set(self, row: int, column: int, sign: str, place: int) -> None:
        self.signs[row][column] = sign
        self.styles[row][column] = color(place)

    def letters(self, lines: Sequence[Line], names: Sequence[str], kinks: Sequence[float]) -> None:
        """A letter on every curve, where it is farthest from the others, beside the kinks and the letters before."""
        heights = [[self._at(line, column) for column in range(self.width)] for line in lines]
        taken = [self.column(x) for x in kinks]
        for place, (line, own) in enumerate(zip(lines, heights, strict=True)):

            def distance(column: int, own: list[float | None] = own, place: int = place) -> float:
                y = own[column]
                if y is None or any(abs(column - other) < 2 for other in taken):
                    return -1.0
                others = [h[column] for i, h in enumerate(heights) if i != place]
                return min((abs(y - other) for other in others if other is not None), default=0.0)

            best = max(range(1, self.width - 1), key=distance)
            y = own[best]
            if y is not None:
                taken.append(best)
                self.put(self._x(best), y, LETTERS[place % 26], names.index(line.name))

    def _x(self, column: int) -> float:
        return self.left + column / (self.width - 1) * (self.right - self.left)

    def _at(self, line: Line, column: int) -> float | None:
        """The height of a line over a column."""
        x = self._x(column)
        for (x0, x1), (y0, y1) in zip(itertools.pairwise(line.x), itertools.pairwise(line.y), strict=True):
            if x0 <= x <= x1 and y0 is not None and y1 is not None and x1 > x0:
                return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
        return None

    def rows(self) -> Iterator[Iterator[tuple[str, str]]]:
        return (
            zip(signs, styles, strict=True) for signs, styles in zip(self.signs, self.styles, strict=True)
        )

    def below(self) -> str:
        """The numbers of the x axis."""
        line = [" "] * self.width
        for at, text in _ticks(self.left, self.right, 4):
            start = min(
                max(0, self.column(at) - len(text.lstrip("-")) // 2 - text.startswith("-")),
                self.width - len(text),
            )
            if all(sign == " " for sign in line[max(0, start - 1) : start + len(text) + 1]):
                line[start : start + len(text)] = text
        return "".join(line)


def _range(panel: Panel) -> tuple[float, float]:
    """The heights of all that is drawn; a flat curve gets room."""
    heights = [y for line in panel.lines for y in line.y if y is not None]
    heights += [y for points in panel.points for y in points.y]
    low, high = min(heights, default=0.0), max(heights, default=1.0)
    if high - low < 1e-6 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    return low, high


def _ticks(low: float, high: float, count: int) -> list[tuple[float, str]]:
    """Round numbers in a range, about so many steps."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    numbers = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return [(n * step, f"{n * step:.4g}") for n in numbers]
