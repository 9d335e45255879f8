"""Scalable drawings as safe markup: every name and number passes through here.

Elements are built from nested calls; text and attribute values are escaped and cleaned, coordinates are
rounded to a tenth of a unit, so that the same input gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

from overflight.report.text import clean, visible

Value = str | float | int | None


def tag(name: str, *children: str, **attributes: Value) -> Markup:
    """Return one element. `class_` gives class, underscores give hyphens, None leaves an attribute out."""
    opening = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup("").join(
        child if isinstance(child, Markup) else escape(clean(child)) for child in children
    )
    if not children:
        return Markup(f"<{name}{opening}/>")
    return Markup(f"<{name}{opening}>{inside}</{name}>")


def _value(value: Value) -> str:
    if isinstance(value, str):
        return str(escape(visible(value)))
    return coordinate(float(value or 0.0))


def coordinate(value: float) -> str:
    """Write a coordinate to a tenth of a unit, without a trailing zero or a negative zero."""
    text = f"{value:.1f}"
    text = text[:-2] if text.endswith(".0") else text
    return "0" if text == "-0" else text


def path_data(points: npt.ArrayLike, *, closed: bool = False) -> str:
    """Return the `d` of a path through points (N, 2)."""
    pairs = [f"{coordinate(x)} {coordinate(y)}" for x, y in np.asarray(points, dtype=float)]
    kept = [pair for n, pair in enumerate(pairs) if n == 0 or pair != pairs[n - 1]]
    if len(kept) < 2:
        return ""
    return f"M{kept[0]}L{' '.join(kept[1:])}{'Z' if closed else ''}"


def join(parts: Iterable[str]) -> Markup:
    """Join pieces of markup."""
    return Markup("").join(parts)


def drawing(
    *children: str, width: float, height: float, title: str, description: str, name: str, class_: str
) -> Markup:
    """Return an `<svg role="img">` with a title and a description that screen readers announce."""
    heads = (
        tag("title", title, id=f"{name}-title"),
        tag("desc", description, id=f"{name}-desc"),
    )
    return tag(
        "svg",
        *heads,
        *children,
        class_=class_,
        viewBox=f"0 0 {coordinate(width)} {coordinate(height)}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        xmlns="http://www.w3.org/2000/svg",
    )
