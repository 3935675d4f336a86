"""Contact sheets: pictures in rows and columns with labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw, ImageFont

from stylespace.errors import InputError, MissingExtraError

Font = ImageFont.FreeTypeFont
PAPER, INK, FAINT = (250, 249, 246), (33, 33, 36), (120, 120, 126)


@dataclass(frozen=True)
class Cell:
    """One place on a sheet.

    ``picture``: RGB or RGBA, None for a place that stays empty. ``label``: below it, two lines at most. ``inset``: a small picture
    in its lower left corner, such as the style. ``message``: shown in place of a picture.
    """

    picture: Image.Image | None = None
    label: str = ""
    inset: Image.Image | None = None
    message: str = ""


def sheet(
    rows: Sequence[Sequence[Cell]],
    *,
    title: str = "",
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    side: int = 256,
) -> Image.Image:
    """Draw ``rows`` of cells, each picture scaled to a long side of ``side`` pixels, as one RGB picture.

    ``row_labels`` stand to the left, ``column_labels`` above. A row may be shorter than others. Raises ``InputError`` for a sheet
    without a picture or a side below 16.
    """
    if side < 16:
        raise InputError(f"Pictures of {side} pixels are too small for a sheet: give 16 or more.")
    plan = _Plan(side)
    cells = [[_scaled(cell, side) for cell in row] for row in rows]
    shapes = [cell.picture.size for row in cells for cell in row if cell.picture is not None]
    if not shapes:
        raise InputError("A sheet without a picture cannot be drawn: give at least one.")
    # An empty place has the shape that pictures here have on average.
    usual = (sum(w for w, _ in shapes) // len(shapes), sum(h for _, h in shapes) // len(shapes))
    sizes = [[usual if cell.picture is None else cell.picture.size for cell in row] for row in cells]
    widths = [max(row[i][0] for row in sizes if i < len(row)) for i in range(max(map(len, cells)))]
    names = [plan.label(name, 0.6 * side) for name in row_labels[: len(cells)]]
    left = plan.gap + max((name.width + plan.gap for name in names), default=0)
    xs = [left + sum(widths[:i]) + plan.gap * i for i in range(len(widths))]

    width = xs[-1] + widths[-1] + plan.gap
    heading = _Label(title, plan.big, width - 2 * plan.gap)
    above = [plan.label(name, w) for name, w in zip(column_labels, widths, strict=False)]
    labels = [[plan.label(cell.label, w) for cell, w in zip(row, widths, strict=False)] for row in cells]
    y = plan.gap + (heading.height + plan.gap if title else 0)
    tops = []
    down = y + max((label.height for label in above), default=0) + (plan.gap // 2 if above else 0)
    for shapes, texts in zip(sizes, labels, strict=True):
        tops.append(down)
        down += max((h for _, h in shapes), default=0) + max((label.height for label in texts), default=0) + plan.gap

    canvas = Image.new("RGB", (width, down), PAPER)
    draw = ImageDraw.Draw(canvas)
    heading.draw(draw, plan.gap, plan.gap)
    for label, x, w in zip(above, xs, widths, strict=False):
        label.draw(draw, x, y, centre=w)
    for number, (top, row) in enumerate(zip(tops, cells, strict=True)):
        height = max((h for _, h in sizes[number]), default=0)
        if number < len(names):
            names[number].draw(draw, plan.gap, top + (height - names[number].height) / 2)
        for cell, (w, h), label, x, full in zip(row, sizes[number], labels[number], xs, widths, strict=False):
            corner = (x + (full - w) // 2, top + (height - h) // 2)
            if cell.picture is not None:
                canvas.paste(cell.picture, corner)
            elif cell.message:
                _say(draw, cell.message, (*corner, w, h), plan)
            label.draw(draw, x, top + height, centre=full)
    return canvas


def grid(cells: Sequence[Cell], columns: int) -> list[list[Cell]]:
    """``cells`` in rows of ``columns``."""
    return [list(cells[start : start + columns]) for start in range(0, len(cells), columns)]


class _Label:
    """A text in lines no wider than ``width``, at most ``limit`` of them; what does not fit ends in an ellipsis."""

    def __init__(self, text: str, font: Font, width: float, limit: int = 2) -> None:
        self.font = font
        self.line = round(1.3 * font.size)
        lines: list[str] = []
        for word in text.replace(",", ", ").split():
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and font.getlength(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        more = len(lines) > limit
        self.lines = [self._cut(line, width, more and i == limit - 1) for i, line in enumerate(lines[:limit])]

    @property
    def width(self) -> int:
        return round(max(map(self.font.getlength, self.lines), default=0))

    @property
    def height(self) -> int:
        return len(self.lines) * self.line

    def draw(self, draw: ImageDraw.ImageDraw, x: float, y: float, *, centre: float = 0, ink: tuple[int, int, int] = INK) -> None:
        """At (x, y), or centred in the ``centre`` pixels from there."""
        for i, text in enumerate(self.lines):
            indent = (centre - self.font.getlength(text)) / 2 if centre else 0
            draw.text((x + indent, y + (i + 0.1) * self.line), text, ink, self.font)

    def _cut(self, text: str, width: float, more: bool) -> str:
        if not more and self.font.getlength(text) <= width:
            return text
        while text and self.font.getlength(text + "…") > width:
            text = text[:-1]
        return text.rstrip(" ,") + "…"


class _Plan:
    """Lengths and fonts that suit pictures of ``side`` pixels."""

    def __init__(self, side: int) -> None:
        letters = max(11, round(side / 17))
        self.font, self.big = _font(letters), _font(round(1.35 * letters))
        self.gap = max(6, side // 24)

    def label(self, text: str, width: float) -> _Label:
        return _Label(text, self.font, width)


def _say(draw: ImageDraw.ImageDraw, message: str, box: tuple[int, int, int, int], plan: _Plan) -> None:
    """A message in a frame; ``box``: left, top, width, height."""
    x, y, width, height = box
    draw.rectangle((x, y, x + width - 1, y + height - 1), outline=FAINT)
    room = max(1, int(height / (1.3 * plan.font.size)) - 1)
    label = _Label(message, plan.font, width - 2 * plan.gap, room)
    label.draw(draw, x, y + (height - label.height) / 2, centre=width, ink=FAINT)


def _font(size: int) -> Font:
    font = ImageFont.load_default(size)
    if not isinstance(font, Font):
        raise MissingExtraError("This Pillow cannot draw text (it lacks FreeType): install a Pillow from PyPI.")
    return font


def _scaled(cell: Cell, side: int) -> Cell:
    """The cell with its picture at the sheet's size, on the paper's colour, its inset pasted in."""
    if cell.picture is None:
        return cell
    picture = _fitted(cell.picture, side)
    if cell.inset is not None:
        inset = _fitted(cell.inset, max(8, round(0.28 * side)))
        edge = max(2, side // 110)
        framed = Image.new("RGB", (inset.width + 2 * edge, inset.height + 2 * edge), PAPER)
        framed.paste(inset, (edge, edge))
        picture.paste(framed, (0, picture.height - framed.height))
    return replace(cell, picture=picture)


def _fitted(picture: Image.Image, side: int) -> Image.Image:
    scale = side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, (*PAPER, 255)), picture)
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
