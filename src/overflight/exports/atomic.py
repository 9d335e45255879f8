"""Write a file whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def replace_bytes(path: str | Path, data: bytes) -> None:
    """Write a file beside `path` and move it there, so that nobody meets half of it."""
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
