"""The account of the data as intervals: hard bounds above, what is likely under priors below, never merged.

Amounts lie on a logarithmic axis from a kilobyte. A hard bound that nothing closes runs out of the drawing
with an arrow; what is below the axis begins at its edge.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from overflight.report import flight_plots
from overflight.report.labels import Labels
from overflight.report.svg import coordinate, drawing, path_data, tag

Row = Mapping[str, Any]

WIDTH, LEFT, RIGHT, TOP = 1000.0, 250.0, 26.0, 30.0
LANE: Final = 40.0
LEAST_BYTES: Final = 1e3
SHOWN: Final = ("collected", "sent", "kept", "deleted", "recovered", "unaccounted")
WORDS: Final[Mapping[str, str]] = {"unaccounted": "neither sent nor recovered", "deleted": "not kept"}
HARD, LIKELY = "#374151", "#0b5394"
_UNITS: Final = ((1e3, "kB"), (1e6, "MB"), (1e9, "GB"), (1e12, "TB"), (1e15, "PB"))


def account_plot(rows: Sequence[Row]) -> Markup:
    """Draw the account from rows of `sections.custody.bounds`; nothing where there is no bound at all."""
    shown = _shown(rows)
    if not shown:
        return Markup("")
    top = _top(shown)
    height = TOP + LANE * len(shown) + 34.0
    labels = Labels(WIDTH, height)
    parts = _axis(top, height, labels)
    for n, row in enumerate(shown):
        y = TOP + LANE * (n + 0.5)
        parts.append(labels.put(_name(row), LEFT - 10.0, y + 4.0, "country", anchor="end", loose=True))
        parts += _hard(row, y - 7.0, top)
        parts += _likely(row, y + 8.0, top)
    return drawing(
        *parts, width=WIDTH, height=height, title="The account of the data, as intervals",
        description="Of each amount, above: hard bounds, with an arrow where evidence sets no upper one. "
        "Below, where there are priors: nine times in ten, and the median.",
        name="account", class_="plot",
    )  # fmt: skip


def _shown(rows: Sequence[Row]) -> list[Row]:
    """All data, and of the classes what anything is told of."""
    told = [r for r in rows if r["quantity"] in SHOWN]
    return [
        r for r in told if r["class"] == "all" or r["low_bytes"] or r["high_bytes"] is not None or r["likely"]
    ]


def _name(row: Row) -> str:
    quantity = str(row["quantity"])
    scope = "all data" if row["class"] == "all" else row["class"]
    return f"{scope}, {WORDS.get(quantity, quantity)}"


def _top(rows: Sequence[Row]) -> float:
    """The end of the axis: a power of ten above every amount."""
    ends = [r["high_bytes"] or 0.0 for r in rows] + [r["low_bytes"] or 0.0 for r in rows]
    ends += [r["likely"]["p95"] for r in rows if r["likely"]]
    return float(10.0 ** math.ceil(math.log10(max(1e6, *ends)) + 0.3))


def _x(amount: float, top: float) -> float:
    share = math.log10(max(amount, LEAST_BYTES) / LEAST_BYTES) / math.log10(top / LEAST_BYTES)
    return LEFT + min(max(share, 0.0), 1.0) * (WIDTH - LEFT - RIGHT)


def _axis(top: float, height: float, labels: Labels) -> list[Markup]:
    parts = []
    for amount, unit in _UNITS:
        for factor in (1.0, 10.0, 100.0):
            if amount * factor > top:
                continue
            x = _x(amount * factor, top)
            parts.append(
                tag("path", d=f"M{coordinate(x)} {coordinate(TOP)}V{coordinate(height - 34)}", class_="rule")
            )
            if factor == 1.0:
                parts.append(labels.put(f"1 {unit}", x, height - 14.0, "degree"))
    return parts


def _hard(row: Row, y: float, top: float) -> list[Markup]:
    low, high = row["low_bytes"] or 0.0, row["high_bytes"]
    x0, x1 = _x(low, top), WIDTH - RIGHT if high is None else _x(high, top)
    title = tag("title", f"{_name(row)}, hard bounds: {row['text']}")
    line = tag("path", d=f"M{coordinate(x0)} {coordinate(y)}H{coordinate(x1)}", stroke_width=3.0)
    ends = [_tick(x0, y), line]
    if high is None:
        arrow = [(x1 + 8.0, y), (x1 - 4.0, y - 5.0), (x1 - 4.0, y + 5.0)]
        ends.append(tag("path", d=path_data(arrow, closed=True), fill=HARD, stroke="none"))
    else:
        ends.append(_tick(x1, y))
    dash = "5 5" if high is None and low == 0.0 else None
    return [tag("g", title, *ends, stroke=HARD, fill="none", stroke_dasharray=dash)]


def _tick(x: float, y: float) -> Markup:
    return tag("path", d=f"M{coordinate(x)} {coordinate(y - 6)}V{coordinate(y + 6)}", stroke_width=2.0)


def _likely(row: Row, y: float, top: float) -> list[Markup]:
    told = row["likely"]
    if not told:
        return []
    x0, x1, middle = (_x(told[key], top) for key in ("p05", "p95", "p50"))
    title = tag("title", f"{_name(row)}, nine times in ten under the priors")
    box = tag("rect", x=x0, y=y - 5.0, width=max(x1 - x0, 2.0), height=10.0, fill=LIKELY, fill_opacity="0.35")
    bar = tag("rect", x=middle - 1.5, y=y - 7.0, width=3.0, height=14.0, fill=LIKELY)
    return [tag("g", title, box, bar)]


def draw_account(section: Row, path: Path, *, title: str) -> Path | None:
    """Draw the account into a PNG; None where there is no bound at all."""
    rows = _shown(section.get("bounds") or ())
    if not rows:
        return None
    top = _top(rows)
    sheet = flight_plots.new_figure(9.0, 1.4 + 0.36 * len(rows))
    axes = sheet.add_subplot()
    for n, row in enumerate(rows):
        low, high = max(row["low_bytes"] or 0.0, LEAST_BYTES), row["high_bytes"]
        end = top if high is None else max(high, LEAST_BYTES)
        style = ":" if high is None and not row["low_bytes"] else "-"
        axes.plot(
            [low, end], [n - 0.15] * 2, style, color=HARD, linewidth=2.0, label="" if n else "hard bounds"
        )
        axes.plot(low, n - 0.15, "|", color=HARD, markersize=9)
        axes.plot(
            end,
            n - 0.15,
            "|" if high is not None else ">",
            color=HARD,
            markersize=9 if high is not None else 6,
        )
        if told := row["likely"]:
            ends = [max(told[key], LEAST_BYTES) for key in ("p05", "p50", "p95")]
            axes.plot([ends[0], ends[2]], [n + 0.2] * 2, color=LIKELY, linewidth=6.0, alpha=0.4)
            axes.plot(ends[1], n + 0.2, "|", color=LIKELY, markersize=11, markeredgewidth=2.5)
    axes.plot([], [], color=LIKELY, linewidth=6.0, alpha=0.4, label="likely under the priors, 90 %")
    axes.set_xscale("log")
    axes.set_xlim(LEAST_BYTES, top * 1.3)
    axes.set_xticks([a for a, _ in _UNITS if a <= top], [f"1 {u}" for a, u in _UNITS if a <= top], fontsize=8)
    axes.minorticks_off()
    axes.set_yticks(range(len(rows)), [_name(row) for row in rows], fontsize=8)
    axes.set_ylim(len(rows) - 0.4, -0.8)
    axes.grid(axis="x", color=flight_plots.GRID, linewidth=0.6)
    axes.set_title(title, fontsize=9, loc="left")
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.08), ncols=2, fontsize=7, frameon=False)
    return flight_plots.saved(sheet, path)
