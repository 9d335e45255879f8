"""Where the words of a drawing go: first come, first placed, never over one another.

A drawing is shown at full width on a desk and at about four tenths of it on a phone, where the style sheet
makes the letters larger in the drawing's own units. A label that would collide at the larger size carries
the class `fine`, and the style sheet leaves it out there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from markupsafe import Markup

from overflight.report.svg import tag

SIZES = {"date": 13.0, "country": 12.0, "degree": 11.0}
PHONE = 2.1  # how much larger the letters are, in drawing units, on a phone
_LETTER = 0.56  # width of an average letter, as a share of its height

Box = tuple[float, float, float, float]


@dataclass(slots=True)
class Labels:
    """The boxes taken so far on a drawing of this size; `put` and `beside` add to them."""

    width: float
    height: float
    taken: list[Box] = field(default_factory=list)
    taken_large: list[Box] = field(default_factory=list)
    symbols: list[Box] = field(default_factory=list)

    def put(
        self, text: str, x: float, y: float, class_: str, *, anchor: str = "middle", loose: bool = False
    ) -> Markup:
        """Return a label at (x, y), or nothing if it would lie on another or hang over the edge.

        A `loose` one may hang over the edge at the larger size: labels of a vertical axis.
        """
        return self._try(text, [(x, y, anchor)], class_, loose=loose)

    def beside(self, text: str, x: float, y: float, class_: str) -> Markup:
        """Return a label next to a point, wherever there is first room beside labels and symbols."""
        size = _size(class_)
        spots: list[tuple[float, float, str]] = []
        for gap in (7.0, 14.0, 22.0, 30.0):
            spots += [
                (x + gap, y + 0.35 * size, "start"),
                (x - gap, y + 0.35 * size, "end"),
                (x, y - gap, "middle"),
                (x, y + gap + 0.8 * size, "middle"),
                (x + 0.7 * gap, y - 0.7 * gap, "start"),
                (x + 0.7 * gap, y + 0.7 * gap + 0.8 * size, "start"),
                (x - 0.7 * gap, y - 0.7 * gap, "end"),
                (x - 0.7 * gap, y + 0.7 * gap + 0.8 * size, "end"),
            ]
        clear = [s for s in spots if not self._on_symbol(_box(text, *s, size))]
        return self._try(text, clear, class_)

    def reserve(self, box: Box) -> None:
        """Keep every label off a box (left, top, right, bottom)."""
        self.taken.append(box)
        self.taken_large.append(box)

    def avoid(self, x: float, y: float, size: float) -> None:
        """Keep labels that stand beside points off a symbol."""
        self.symbols.append((x - size, y - size, x + size, y + size))

    def _on_symbol(self, box: Box) -> bool:
        return any(_overlap(box, symbol) for symbol in self.symbols)

    def _try(
        self, text: str, spots: list[tuple[float, float, str]], class_: str, *, loose: bool = False
    ) -> Markup:
        for x, y, anchor in spots:
            box = _box(text, x, y, anchor, _size(class_))
            if not self._free(box, self.taken, loose=loose):
                continue
            self.taken.append(box)
            large = _box(text, x, y, anchor, PHONE * _size(class_))
            fits = self._free(large, self.taken_large, loose=loose)
            if fits:
                self.taken_large.append(large)
            return tag(
                "text", text, x=x, y=y, text_anchor=anchor, class_=class_ if fits else f"{class_} fine"
            )
        return Markup("")

    def _free(self, box: Box, taken: list[Box], *, loose: bool) -> bool:
        on_sheet = box[0] >= 2 and box[1] >= 2 and box[2] <= self.width - 2 and box[3] <= self.height - 2
        inside = loose or on_sheet
        return inside and not any(_overlap(box, other) for other in taken)


def _size(class_: str) -> float:
    return SIZES[class_.split()[0]]


def _box(text: str, x: float, y: float, anchor: str, size: float) -> Box:
    wide = len(text) * _LETTER * size
    left = x - {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * wide
    return (left - 2, y - 0.85 * size, left + wide + 2, y + 0.3 * size)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
