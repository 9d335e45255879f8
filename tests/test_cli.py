"""The command line: what it prints where, its exit codes, and every command end to end."""

from __future__ import annotations

import contextlib
import csv
import errno
import http.server
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

import overflight
from overflight.cli import app
from overflight.cli.app import told
from overflight.cli.check import gaps
from overflight.cli.screen import bytes_bar, share_bar
from overflight.cli.winds import flight_levels
from overflight.errors import FetchError, InputError
from overflight.pipeline import read_inputs
from overflight.records import Sighting
from overflight.sightings.extent import flight_box
from overflight.times import parse_utc
from overflight.winds import fetch
from overflight.winds.fetch_gfs import plan_gfs
from overflight.winds.gridded import read_grid

EXAMPLES = Path(overflight.__file__).parent / "examples"
K9YO, FLIGHT_2023 = EXAMPLES / "k9yo-15", EXAMPLES / "2023"
OUTPUTS = [
    "report.html",
    "flight.nc",
    "forecast.nc",
    "origin.nc",
    "track.geojson",
    "track.kml",
    "ledger.db",
    "result.json",
]
COMMANDS = [
    "assess", "demo", "check", "new", "forecast", "backtrack", "landing", "version",
    "winds get", "winds info", "winds show", "winds verify",
    "satellites import", "satellites list", "satellites fetch", "satellites passes", "satellites compare",
    "custody account", "custody links", "custody stream",
    "steer", "expose", "exercise", "score", "twin fly", "station status", "station verify", "station export",
    "claims extract", "claims review",
    "claims import", "claims show", "claims edit", "claims export", "claims state", "claims ach",
    "claims strayed",
    "programme",
    "ledger verify", "ledger show", "ledger prove", "ledger export", "ledger checkpoint", "ledger key",
    "ledger stamp",
]  # fmt: skip


def run(*words: object, input: str | None = None) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], input=input)


def program(*words: object, **settings: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "overflight", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=300,
        **settings,
    )


# --- assess and demo -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """What `assess --json` prints for the small example, and where it wrote."""
    out = tmp_path_factory.mktemp("cli") / "answer"
    result = run(
        "assess", K9YO, "--out", out, "--members", 64, "--seed", 3, "--winds", "prior-only", "--json"
    )
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return json.loads(result.stdout), out


def test_assess_writes_the_outputs_and_names_them(answered: tuple[dict[str, Any], Path]) -> None:
    told_, out = answered
    assert list(told_["paths"]) == OUTPUTS
    assert sorted(path.name for path in out.iterdir()) == sorted(OUTPUTS)
    assert told_["paths"]["report.html"] == str(out / "report.html")
    assert told_["case"] == "The hobby balloon K9YO-15, February 2023"
    assert told_["overflight"] == overflight.__version__
    assert set(told_["seconds"]) == {"assess", "write"}


def test_assess_takes_seed_members_and_winds_from_the_command_line(
    answered: tuple[dict[str, Any], Path],
) -> None:
    told_, out = answered
    result = json.loads((out / "result.json").read_text("utf-8"))
    assert (
        (result["inputs"]["seed"], result["inputs"]["members"])
        == (3, 64)
        == (told_["seed"], told_["members"])
    )
    assert told_["winds"] == {"used": "prior", "title": "climatological prior"}


def test_headlines_cite_findings_of_the_result(answered: tuple[dict[str, Any], Path]) -> None:
    told_, out = answered
    known = {f["id"] for f in json.loads((out / "result.json").read_text("utf-8"))["findings"]}
    for headline in told_["headlines"]:
        assert headline["text"].endswith((".", "”"))
        assert headline["findings"]
        assert set(headline["findings"]) <= known


def test_demo_on_a_terminal_shows_progress_there_and_only_paths_on_stdout(tmp_path: Path) -> None:
    """The real program, stdout to a pipe and stderr to a terminal."""
    leader, follower = pty.openpty()
    words = ["demo", "--example", "k9yo-15", "--members", "64", "--out", str(tmp_path / "out")]
    with subprocess.Popen(
        [sys.executable, "-m", "overflight", *words],
        stdout=subprocess.PIPE,
        stderr=follower,
        text=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200"},
    ) as process:
        os.close(follower)
        shown = _read_all(leader)
        assert process.stdout is not None
        printed = process.stdout.read().splitlines()
        assert process.wait(60) == 0, shown
    assert [Path(line).name for line in printed] == OUTPUTS
    assert all(Path(line).is_file() for line in printed)
    assert "reconstructing" in shown
    assert "Winds: climatological prior" in shown


def _read_all(descriptor: int, until: str = "") -> str:
    """Read a terminal until a text comes, or until the other end closes (EIO on Linux)."""
    got = ""
    while not until or until not in got:
        try:
            piece = os.read(descriptor, 4096)
        except OSError as error:
            if error.errno == errno.EIO:
                return got
            raise
        if not piece:
            return got
        got += piece.decode("utf-8", "replace")
    return got


def test_interrupt_ends_with_130_and_a_sentence(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    words = ["assess", str(FLIGHT_2023), "--members", "2000", "--out", str(tmp_path / "out")]
    with subprocess.Popen(
        [sys.executable, "-m", "overflight", *words], stdout=subprocess.PIPE, stderr=follower
    ) as process:
        os.close(follower)
        _read_all(leader, until="reading the case")
        process.send_signal(signal.SIGINT)
        shown = _read_all(leader)
        assert process.wait(120) == 130
    assert "Interrupted." in shown
    assert "Traceback" not in shown
    assert not (tmp_path / "out").exists()


def test_an_interrupt_that_something_swallows_is_heard_at_the_next_step() -> None:
    before = signal.getsignal(signal.SIGINT)
    with share_bar() as tell:
        tell("before", 0.0)
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            tell("after", 0.5)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["assess", K9YO], "--out"),
        (["assess", K9YO, "--out", "x", "--members", "3"], "16"),
        (["assess", K9YO, "--out", "x", "--winds", "guess"], "prior-only"),
        (["assess", K9YO, "--out", "x", "--fetch", "--winds", "prior"], "with --fetch"),
        (["assess", K9YO, "--out", "x", "--yes"], "without --fetch"),
        (["asess"], "asess"),
        (["check"], "CASE"),
        (["winds", "get", K9YO, "--source", "moon"], "era5"),
    ],
)
def test_a_wrong_command_line_ends_with_2(words: list[object], says: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stdout == ""


def test_an_output_folder_that_is_a_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").write_text("")
    monkeypatch.setattr("overflight.pipeline.assess", lambda *_a, **_k: None)
    result = run("assess", K9YO, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "it is a file. Give a folder with --out." in result.stderr


# --- check ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checked() -> dict[str, Any]:
    result = run("check", FLIGHT_2023, "--json")
    assert result.exit_code == 0, result.output
    facts: dict[str, Any] = json.loads(result.stdout)
    return facts


def test_check_counts_what_the_table_holds(checked: dict[str, Any]) -> None:
    """Against the file itself, read here without the package."""
    lines = (FLIGHT_2023 / "sightings.csv").read_text("utf-8").splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    seen = checked["sightings"]
    assert seen["all"] == len(rows)
    assert seen["all"] == seen["fitted"] + len(seen["observations_not_fitted"]) + len(seen["context"])
    assert sum(seen["kinds"].values()) == len(rows)
    assert seen["kinds"]["debris_site"] == sum(row["kind"] == "debris_site" for row in rows)
    assert "P022" in seen["context"]


def test_check_explains_marks_accounts_winds_and_gaps(checked: dict[str, Any]) -> None:
    (pilot,) = [mark for mark in checked["marks"] if mark["sighting"] == "P017"]
    assert "11,887 m" in pilot["reason"]  # 39,000 ft
    assert checked["hypotheses"][0]["id"] == "launch-15-jan"
    assert checked["scenarios"] == 4
    assert checked["winds"]["title"] == "climatological prior"
    text = " ".join(checked["missing"])
    assert "cannot tell drift from steering" in text
    # The gap that the example's own description names: 01Z on 2 February to 13Z on 3 February.
    assert "No report timed to half a day from 2 Feb 00:46Z to 3 Feb 12:30Z (36 h)" in text


def test_check_for_people_says_the_same(checked: dict[str, Any]) -> None:
    result = run("check", FLIGHT_2023)
    assert result.exit_code == 0
    assert result.stderr == ""
    words = " ".join(result.stdout.split())
    for mark in checked["marks"]:
        assert f"{mark['sighting']} {mark['severity']} {mark['code']}: {mark['reason']}" in words
    for sentence in checked["missing"]:
        assert sentence in words
    assert "sightings 74: fitted 66, not fitted 1, context 7" in words
    assert result.stdout.splitlines()[-1].startswith("Usable. Next: overflight assess")
    assert max(map(len, result.stdout.splitlines())) < 160


def test_check_names_a_file_of_winds_that_cannot_be_read(tmp_path: Path) -> None:
    case = shutil.copytree(K9YO, tmp_path / "case")
    (case / "winds").mkdir()
    (case / "winds" / "era5.nc").write_bytes(b"<html>404</html>")
    result = run("check", case)
    assert result.exit_code == 1
    assert "era5.nc" in result.stderr
    assert "web page" in result.stderr


@pytest.mark.parametrize("as_json", [False, True])
def test_a_case_that_cannot_be_used_ends_with_1_and_one_message(tmp_path: Path, as_json: bool) -> None:
    case = shutil.copytree(K9YO, tmp_path / "case")
    text = (case / "case.toml").read_text("utf-8")
    (case / "case.toml").write_text(text.replace("[winds]", "[wind]"), "utf-8")
    result = run("check", case, *["--json"][: int(as_json)])
    assert result.exit_code == 1
    assert "'wind': is not a known key. Did you mean 'winds'?" in result.stderr
    assert "Traceback" not in result.output
    if as_json:
        answer = json.loads(result.stdout)
        assert answer["usable"] is False
        assert answer["error"] in result.stderr
    else:
        assert result.stdout == ""


def test_what_a_case_says_cannot_steer_the_terminal(tmp_path: Path) -> None:
    case = shutil.copytree(K9YO, tmp_path / "case")
    text = (case / "case.toml").read_text("utf-8")
    nasty = 'title = "Red \\u001b[31m and \\u202e back \\u0007"'
    lines = [nasty if line.startswith("title") else line for line in text.splitlines()]
    (case / "case.toml").write_text("\n".join(lines), "utf-8")
    for words in (["check", case], ["winds", "info", case]):
        result = run(*words)
        assert result.exit_code == 0, result.output
        assert "Red" in result.stdout
        assert not set(result.output) & {"\x1b", "\u202e", "\x07"}


def sighting(start: str, end: str) -> Sighting:
    return Sighting(
        id=start, time_start=parse_utc(start), time_end=parse_utc(end), kind="sighting", role="observation",
        source="a test", lon_deg=0.0, lat_deg=0.0, radius_km=1.0,
    )  # fmt: skip


def test_gaps_are_told_longest_first_and_vague_reports_do_not_close_them() -> None:
    reports = [
        sighting("2023-01-01T00:00Z", "2023-01-01T01:00Z"),
        sighting("2023-01-02T02:00Z", "2023-01-02T03:00Z"),  # 25 h later
        sighting("2023-01-02T00:00Z", "2023-01-09T00:00Z"),  # knows no day
        sighting("2023-01-05T03:00Z", "2023-01-05T03:00Z"),  # 72 h later
        sighting("2023-01-06T02:00Z", "2023-01-06T03:00Z"),  # 23 h later
    ]
    assert gaps(reports) == [
        ("2 Jan 03:00Z", "5 Jan 03:00Z", 72.0),
        ("1 Jan 01:00Z", "2 Jan 02:00Z", 25.0),
    ]
    assert gaps([]) == []


# --- new and version -----------------------------------------------------------------------------------


def test_new_writes_a_template_once(tmp_path: Path) -> None:
    folder = tmp_path / "my-case"
    result = run("new", folder)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        str(folder / name) for name in ("case.toml", "sightings.csv", "sites.csv")
    ]
    (folder / "case.toml").write_text("mine", "utf-8")
    again = run("new", folder)
    assert again.exit_code == 1
    assert "already" in again.stderr
    assert (folder / "case.toml").read_text("utf-8") == "mine"


def test_a_new_case_is_told_to_need_sightings(tmp_path: Path) -> None:
    run("new", tmp_path / "case")
    result = run("check", tmp_path / "case")
    assert result.exit_code == 1
    assert "sightings" in result.stderr


def test_new_copies_an_example_that_checks(tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    result = run("new", folder, "--example", "k9yo-15")
    assert result.exit_code == 0
    for path in K9YO.iterdir():
        assert (folder / path.name).read_bytes() == path.read_bytes()
    assert run("check", folder).exit_code == 0
    again = run("new", folder, "--example", "2023")
    assert again.exit_code == 1
    assert "not empty" in again.stderr


@pytest.mark.parametrize("word", ["version", "--version"])
def test_version(word: str) -> None:
    result = run(word)
    assert result.exit_code == 0
    assert result.stdout.split()[:2] == ["overflight", overflight.__version__]


# --- errors and exit codes -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (KeyError("abc"), 70, "KeyError: 'abc'"),
        (InputError("it is blue", file="a.csv", line=3), 1, "overflight: a.csv, line 3: it is blue"),
        (PermissionError(13, "Permission denied", "/there"), 1, "/there: Permission denied"),
        (MemoryError(), 1, "fewer members"),
        (KeyboardInterrupt(), 130, "Interrupted."),
    ],
)
def test_what_a_command_raises_becomes_a_message_and_a_code(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, says: str
) -> None:
    def fail(_folder: Path) -> None:
        raise error

    monkeypatch.setattr("overflight.pipeline.read_inputs", fail)
    result = run("check", K9YO)
    assert result.exit_code == code
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stdout == ""


def test_debug_prints_the_traceback_besides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("overflight.pipeline.read_inputs", lambda _folder: 1 // 0)
    result = run("--debug", "check", K9YO)
    assert result.exit_code == 70
    assert "Traceback" in result.stderr
    assert "1 // 0" in result.stderr


def test_a_missing_extra_ends_with_3_and_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    result = run("winds", "get", K9YO, "--yes")
    assert result.exit_code == 3
    assert "pip install 'overflight[fetch]'" in result.stderr


def test_a_fetch_error_that_is_no_missing_extra_is_the_inputs() -> None:
    assert told(FetchError("the server is away"))[0] == 1


def test_a_reader_that_leaves_early_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "overflight", "check", str(K9YO)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert "Traceback" not in (shown := process.stderr.read()), shown
        assert "error" not in shown


def test_the_program_through_pipes() -> None:
    good = program("check", K9YO)
    assert (good.returncode, good.stderr) == (0, "")
    assert "\x1b" not in good.stdout
    bad = program("check", "no-such-folder")
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr.startswith("overflight: case.toml: the folder 'no-such-folder' has no case.toml.")
    assert program("assess").returncode == 2


# --- help ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_shows_an_example(command: str) -> None:
    result = run(*command.split(), "--help")
    assert result.exit_code == 0
    examples = [line for line in result.stdout.splitlines() if line.startswith(f"  overflight {command}")]
    assert examples
    assert run(*command.split(), "-h").stdout == result.stdout


def test_the_commands_are_these() -> None:
    group: Any = typer.main.get_command(app)
    names = [
        f"{name} {below}".strip()
        for name, command in group.commands.items()
        for below in getattr(command, "commands", {"": None})
    ]
    assert sorted(names) == sorted(COMMANDS)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom overflight.cli import app\ntry:\n    app(['--help'])\n"
        "except SystemExit:\n    print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    loaded = set(done.stdout.split("\n")[-2].split())
    assert "overflight.cli.winds" in loaded
    heavy = {
        "numpy",
        "xarray",
        "matplotlib",
        "numba",
        "pyproj",
        "shapely",
        "scipy",
        "netCDF4",
        "zarr",
        "httpx",
    }
    assert not loaded & heavy


# --- progress ------------------------------------------------------------------------------------------


def test_progress_is_silent_when_piped(capfd: pytest.CaptureFixture[str]) -> None:
    with share_bar() as tell, bytes_bar() as tell_bytes:
        tell("reconstructing", 0.5)
        tell_bytes(10, 100)
    assert capfd.readouterr() == ("", "")


def test_progress_on_a_terminal_goes_to_stderr(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("overflight.cli.screen.on_terminal", lambda: True)
    with share_bar() as tell:
        tell("reading the case", 0.0)
        tell("reconstructing", 0.5)
    with bytes_bar() as tell_bytes:
        tell_bytes(1_000_000, 2_000_000)
    printed = capsys.readouterr()
    assert printed.out == ""


# --- winds ---------------------------------------------------------------------------------------------

LEVELS_HPA = (50, 70, 100, 150, 200, 300, 500)
U_MPS, V_MPS = 12.0, -7.0


def wind_message(variable: str, hpa: int, day: int, hour: int) -> bytes:
    """A global 5° field of one value, made by eccodes."""
    import eccodes  # after pyproj, which does not bear that eccodes' own copy of PROJ is loaded first

    handle = eccodes.codes_grib_new_from_samples("regular_ll_pl_grib2")
    try:
        settings = {
            "dataDate": 20230200 + day,
            "dataTime": hour * 100,
            "Ni": 72,
            "Nj": 37,
            "latitudeOfFirstGridPointInDegrees": 90.0,
            "latitudeOfLastGridPointInDegrees": -90.0,
            "longitudeOfFirstGridPointInDegrees": 0.0,
            "longitudeOfLastGridPointInDegrees": 355.0,
            "iDirectionIncrementInDegrees": 5.0,
            "jDirectionIncrementInDegrees": 5.0,
            "parameterCategory": 2,
            "parameterNumber": 2 if variable == "UGRD" else 3,
            "typeOfFirstFixedSurface": 100,
            "level": hpa,
            "bitsPerValue": 16,
        }
        for key, value in settings.items():
            eccodes.codes_set(handle, key, value)
        eccodes.codes_set_values(handle, np.full(72 * 37, U_MPS if variable == "UGRD" else V_MPS))
        return bytes(eccodes.codes_get_message(handle))
    finally:
        eccodes.codes_release(handle)


def gfs_file(day: int, hour: int) -> tuple[bytes, bytes]:
    """A file of winds and its index, as wgrib2 writes it."""
    data, lines = b"", []
    for hpa in LEVELS_HPA:
        for variable in ("UGRD", "VGRD"):
            number = len(lines) + 1
            lines.append(f"{number}:{len(data)}:d=202302{day:02d}{hour:02d}:{variable}:{hpa} mb:anl:\n")
            data += wind_message(variable, hpa, day, hour)
    return data, "".join(lines).encode()


class Store(http.server.BaseHTTPRequestHandler):
    """Whole files and byte ranges of them."""

    protocol_version = "HTTP/1.1"
    files: dict[str, bytes]

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        body, status = self.files.get(self.path, b""), 200 if self.path in self.files else 404
        total, asked = len(body), self.headers.get("Range", "").removeprefix("bytes=")
        if asked and status == 200:
            first, last = (int(word) for word in asked.split("-"))
            body, status = body[first : last + 1], 206
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{first + len(body) - 1}/{total}")
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """The address of a server on loopback that has GFS for 10 and 11 February 2023, each six hours."""
    files = {}
    for day, hour in ((10, 18), (11, 0), (11, 6), (11, 12)):
        path = f"/gfs.202302{day}/{hour:02d}/atmos/gfs.t{hour:02d}z.pgrb2.0p25.f000"
        files[path], files[path + ".idx"] = gfs_file(day, hour)
    handler = type("FilledStore", (Store,), {"files": files})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def short_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve hours of the hobby balloon, for winds from a cache of its own."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OVERFLIGHT_CACHE", str(tmp_path / "cache"))
    case = tmp_path / "short"
    case.mkdir()
    (case / "case.toml").write_text(
        """
version = 1
[case]
title = "Twelve hours"
start = 2023-02-10T20:00:00Z
end = 2023-02-11T08:00:00Z
[inputs]
sightings = "sightings.csv"
[ask.origin]
hours = 0
[ask.forecast]
hours = 0
[ask.crossings]
countries = ["USA"]
territorial_sea = false
""",
        "utf-8",
    )
    shutil.copy(K9YO / "sightings.csv", case)
    return case


def get(case: Path, store: str, *words: str, input: str | None = None) -> Result:
    return run(
        "winds", "get", case, "--source", "gfs", "--step", "6", "--base-url", store, *words, input=input
    )


def test_winds_get_says_how_much_asks_and_brings_what_reads_back(short_case: Path, store: str) -> None:
    result = get(short_case, store, input="y\n")
    assert result.exit_code == 0, result.output
    assert "GFS 0.25°, 2023-02-10T18:00:00Z to 2023-02-11T12:00:00Z" in result.stderr
    assert "kB in" in result.stderr
    assert "Fetch it?" in result.stderr
    path = result.stdout.splitlines()[-1]  # the runner prints the answer to the question, too
    grid = read_grid(Path(path))
    assert grid.time_s.size == 4
    assert grid.u_mps == pytest.approx(U_MPS, abs=1e-3)
    assert grid.v_mps == pytest.approx(V_MPS, abs=1e-3)
    # The telemetry says 11.9 km, 1.5 standard deviations of 4 km about it: 75 to 480 hPa.
    assert grid.pressure_pa.tolist() == [hpa * 100.0 for hpa in LEVELS_HPA[1:]]
    again = get(short_case, store, "--yes", "--json")
    assert json.loads(again.stdout)["paths"] == [path]


def test_winds_that_were_fetched_are_found_and_told(short_case: Path, store: str) -> None:
    before = run("winds", "info", short_case)
    assert "Would use: climatological prior" in before.stdout
    assert "In the cache, for this window: none" in before.stdout
    path = get(short_case, store, "--yes").stdout.strip()
    after = json.loads(run("winds", "info", short_case, "--json").stdout)
    assert after["used"] == "cache"
    assert after["cached"] == [Path(path).parent.name]
    assert json.loads(run("check", short_case, "--json").stdout)["winds"]["used"] == "cache"
    one = run("winds", "info", path)
    assert one.exit_code == 0
    assert "levels     6 from 70 to 500 hPa" in one.stdout
    assert "4 from 2023-02-10T18:00:00Z to 2023-02-11T12:00:00Z" in one.stdout
    facts = json.loads(run("winds", "info", path, "--json").stdout)
    assert (facts["rows"], facts["columns"], facts["all_round"]) == (37, 72, True)


def test_winds_get_brings_nothing_when_told_no_or_nobody_is_there(
    short_case: Path, store: str, tmp_path: Path
) -> None:
    no = get(short_case, store, input="n\n")
    assert no.exit_code == 1
    assert "Nothing was fetched." in no.stderr
    nobody = get(short_case, store, input="")
    assert nobody.exit_code == 2
    assert "--yes" in nobody.stderr
    assert not (tmp_path / "cache").exists()


def test_winds_get_says_when_the_case_will_not_look_into_the_cache(short_case: Path, store: str) -> None:
    toml = short_case / "case.toml"
    toml.write_text(toml.read_text("utf-8") + '[winds]\nsource = "prior"\n', "utf-8")
    result = get(short_case, store, "--yes")
    assert result.exit_code == 0
    assert "assess it with --winds auto" in result.stderr


def test_a_server_without_the_date_is_one_message(short_case: Path, store: str) -> None:
    toml = short_case / "case.toml"
    toml.write_text(toml.read_text("utf-8").replace("2023-02-11T08", "2023-02-11T16"), "utf-8")
    result = get(short_case, store, "--yes")
    assert result.exit_code == 1
    assert store in result.stderr
    assert "Traceback" not in result.stderr


def test_assess_with_fetch_uses_what_it_fetched(
    short_case: Path, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # For a past window 'auto' asks ERA5; here that is the store on loopback.
    def planner(*args: Any, **options: Any) -> Any:
        return partial(plan_gfs, base_url=store)(*args, **{**options, "step_s": 6 * 3600.0})

    monkeypatch.setitem(fetch.PLANNERS, "era5", planner)
    words = ["assess", short_case, "--out", tmp_path / "out", "--members", "64", "--fetch", "--yes", "--json"]
    result = run(*words)
    assert result.exit_code == 0, result.output
    told_ = json.loads(result.stdout)
    assert told_["winds"]["used"] == "cache"
    assert set(told_["seconds"]) == {"fetch", "assess", "write"}
    assert (tmp_path / "out" / "report.html").is_file()
    assert not (tmp_path / "out" / "forecast.nc").exists()


def test_winds_info_names_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    absent = run("winds", "info", tmp_path / "no.nc")
    assert absent.exit_code == 1
    assert "there is no such file" in absent.stderr
    (tmp_path / "a.grib2").write_bytes(b"GRIB")
    broken = run("winds", "info", tmp_path / "a.grib2")
    assert broken.exit_code == 1
    assert "a.grib2" in broken.stderr


def at(places: Sequence[tuple[float, float]]) -> list[Sighting]:
    return [
        Sighting(
            id=f"S{i}", time_start=0.0, time_end=0.0, kind="sighting", role="observation", source="a test",
            lon_deg=lon, lat_deg=lat, radius_km=1.0,
        )
        for i, (lon, lat) in enumerate(places)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("places", "box"),
    [
        # At the equator with a margin to 60° the meridians stand half as close: 20 / cos 60° = 40.
        ([(10.0, 0.0), (20.0, 40.0)], (-30.0, -20.0, 60.0, 60.0)),
        # Over the antimeridian the box goes the short way.
        ([(170.0, 40.0), (-170.0, 40.0)], (130.0, 20.0, -130.0, 60.0)),
        ([(0.0, 85.0)], (-180.0, 65.0, 180.0, 90.0)),
        ([(0.0, 0.0), (72.0, 0.0), (144.0, 0.0), (-144.0, 0.0), (-72.0, 40.0)], (-180.0, -20.0, 180.0, 60.0)),
        ([], (-180.0, -90.0, 180.0, 90.0)),
    ],
)
def test_the_box_about_the_sightings(
    places: list[tuple[float, float]], box: tuple[float, float, float, float]
) -> None:
    assert flight_box(at(places)) == pytest.approx(box)


def test_the_levels_about_the_reported_heights() -> None:
    # The reports of 2023 say 60,000 ft, 18.3 km; the US Standard Atmosphere has 38.1 hPa at 22.3 km and
    # 134.4 hPa at 14.3 km.
    low, high = flight_levels(read_inputs(FLIGHT_2023))
    assert low / 100.0 == pytest.approx(38.1, abs=2.0)
    assert high / 100.0 == pytest.approx(134.4, abs=4.0)
