"""The error tree.

::

    OverflightError (ValueError)
    ├── InputError        a file, a row or a value the user gave
    │   └── CaseError     the case folder itself: case.toml, its keys, its paths
    ├── CoverageError     the data given do not reach the place, height or time asked for
    ├── LimitError        the work would not fit the memory or size limits
    ├── FetchError        a download failed or did not verify
    └── SolveError        the numbers do not support an answer (nothing to fit, no member survives)

Every error says what was wrong, where, and what to do about it.
"""

from __future__ import annotations


class OverflightError(ValueError):
    """Root of the tree. `where` and `remedy` are kept as attributes and end up in the message.

    `where` is a file with line and field, a key of `case.toml`, or a variable of a data file.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, where, remedy
        super().__init__(_sentence(what, where, remedy))


class InputError(OverflightError):
    """A value the user gave cannot be used. Carries `file`, `line` and `field` where known."""

    def __init__(
        self,
        what: str,
        *,
        file: str = "",
        line: int | None = None,
        field: str = "",
        remedy: str = "",
    ) -> None:
        self.file, self.line, self.field = file, line, field
        super().__init__(what, where=_place(file, line, field), remedy=remedy)


class CaseError(InputError):
    """The case folder cannot be used: its `case.toml`, an unknown key, a path that leaves it."""


class CoverageError(OverflightError):
    """The data given do not reach the place, height or time asked for."""


class LimitError(OverflightError):
    """The work would not fit into the memory or size limit; nothing was started."""


class FetchError(OverflightError):
    """A download failed, was cut short or did not verify."""


class SolveError(OverflightError):
    """The numbers do not support an answer."""


def _place(file: str, line: int | None, field: str) -> str:
    parts = [file] if file else []
    if line is not None:
        parts.append(f"line {line}")
    if field:
        parts.append(f"field '{field}'")
    return ", ".join(parts)


def _sentence(what: str, where: str, remedy: str) -> str:
    text = f"{where}: {what}" if where else what
    return f"{text.rstrip('.')}. {remedy}" if remedy else text
