"""The findings of a result as the report cites them: numbered, linked, and never absent.

A statement of the report names the findings it prints. `Book` turns their ids into the attribute
`data-finding`, into small numbered links, and refuses an id that the result does not hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from overflight.errors import OverflightError
from overflight.report.svg import tag

MOST_LINKS = 4  # small numbers after one statement; the attribute still names all of them


class Book:
    """Findings by id, in the order of the result; `number` is their place in the appendix."""

    def __init__(self, findings: Sequence[Mapping[str, Any]]) -> None:
        self.findings = tuple(findings)
        self.number = {str(finding["id"]): n for n, finding in enumerate(findings, start=1)}

    def __getitem__(self, finding_id: str) -> Mapping[str, Any]:
        return self.findings[self._place(finding_id) - 1]

    def attribute(self, ids: Sequence[str]) -> str:
        """Return the value of `data-finding`: ids apart by spaces, percent-encoded where they need it."""
        for finding_id in ids:
            self._place(finding_id)
        return " ".join(quote(finding_id, safe=".-_:/") for finding_id in ids)

    def links(self, ids: Sequence[str]) -> Markup:
        """Return the small numbers that lead to the findings at the end of the report."""
        shown = [self._link(finding_id) for finding_id in ids[:MOST_LINKS]]
        rest = "" if len(ids) <= MOST_LINKS else f"+{len(ids) - MOST_LINKS}"
        return tag("sup", Markup("\u2009").join(shown), rest, class_="cite") if ids else Markup("")

    def _link(self, finding_id: str) -> Markup:
        number = self._place(finding_id)
        return tag("a", str(number), href=f"#f{number}", title=f"finding {finding_id}")

    def _place(self, finding_id: str) -> int:
        if finding_id not in self.number:
            raise OverflightError(
                f"the report is asked to print the finding '{finding_id}', which the result does not hold",
                where="result.findings",
                remedy="Add the finding, or do not cite it in the section.",
            )
        return self.number[finding_id]
