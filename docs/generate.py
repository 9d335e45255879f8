"""Write again what is generated in docs/: the schema of result.json, and the picture of the README.

Usage: python docs/generate.py [REPORT]

The schema comes from `records.py`. The picture is the map of a report: that of `make demo`, unless another
is named. It needs Chromium, to draw, and is left as it is where there is none.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from overflight.report.schema import schema_json

DOCS = Path(__file__).parent
PICTURE = DOCS / "img" / "map-2023.png"
DEMO_REPORT = DOCS.parent / "out" / "2023" / "report.html"
WIDTH_PX = 1000
MAX_BYTES = 400_000


def map_page(report: str) -> tuple[str, int]:
    """Return a page with the closest map of a report alone, and its height in pixels."""
    style = "".join(re.findall(r"<style>.*?</style>", report, re.DOTALL))
    drawings = list(re.finditer(r'<svg class="map" viewBox="0 0 (\S+) (\S+)".*?</svg>', report, re.DOTALL))
    if not drawings:
        raise SystemExit("the report has no map")
    drawing = drawings[-1]
    height = round(WIDTH_PX * float(drawing[2]) / float(drawing[1]))
    own = f"<style>body{{margin:0;padding:0}} svg.map{{width:{WIDTH_PX}px;display:block}}</style>"
    return f"<!doctype html><meta charset=utf-8>{style}{own}<body>{drawing[0]}", height


def draw(page: str, height: int, target: Path) -> None:
    """Draw a page with Chromium and keep it in 128 colours, which is a third of the bytes."""
    from PIL import Image

    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        print("no Chromium: the picture stays as it is")
        return
    with tempfile.TemporaryDirectory() as folder:
        source, shot = Path(folder) / "map.html", Path(folder) / "map.png"
        source.write_text(page, encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--user-data-dir={folder}/profile"]
        size = [f"--window-size={WIDTH_PX},{height}", f"--screenshot={shot}"]
        subprocess.run([browser, *options, *size, source.as_uri()], check=True, capture_output=True)
        with Image.open(shot) as image:
            target.parent.mkdir(exist_ok=True)
            image.convert("RGB").quantize(128).save(target, optimize=True)
    if target.stat().st_size > MAX_BYTES:
        raise SystemExit(f"{target.name} has {target.stat().st_size} bytes; keep it below {MAX_BYTES}")


def main() -> None:
    """Write the schema, then the picture where there is a report to take it from."""
    (DOCS / "result.schema.json").write_bytes(schema_json())
    report = Path(sys.argv[1]) if len(sys.argv) > 1 else DEMO_REPORT
    if not report.is_file():
        raise SystemExit(f"{report} is not there: run `make demo` first")
    draw(*map_page(report.read_text(encoding="utf-8")), PICTURE)


if __name__ == "__main__":
    main()
