"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
CaseFolder = Annotated[Path, typer.Argument(metavar="CASE", help="The case folder, which holds case.toml.")]
