"""The documents against the code: commands and options, the README's lines, links, the picture."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from overflight.cli import app, assess, winds
from overflight.cli.app import EXIT_EXTRA, EXIT_INPUT, EXIT_INTERNAL, EXIT_INTERRUPTED
from overflight.cli.screen import EXIT_DAMAGED

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
CLI = (DOCS / "cli.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md"), *ROOT.glob("examples/*.md")])


# --- the command line ----------------------------------------------------------------------------------


def sections() -> dict[str, str]:
    """The sections of docs/cli.md by the command that their heading names, '' for what stands before."""
    pieces = re.split(r"^## `overflight (.+?)`$", CLI, flags=re.MULTILINE)
    found = {"": pieces[0]}
    for heading, text in zip(pieces[1::2], pieces[2::2], strict=True):
        found[re.split(r" (?=[A-Z\[-])", heading)[0]] = text
    return found


def commands() -> dict[str, Any]:
    """The commands of the program by their words, '' for the root itself."""
    root: Any = typer.main.get_command(app)
    found = {"": root}
    for name, command in root.commands.items():
        below = getattr(command, "commands", None)
        found |= {f"{name} {n}": c for n, c in (below or {}).items()}
        # A group that does something by itself has options of its own.
        if not below or options(command) - {"-h", "--help"}:
            found[name] = command
    return found


def options(command: Any) -> set[str]:
    return {name for p in command.params if p.param_type_name == "option" for name in p.opts}


def test_every_command_has_its_section_and_no_other_is_described() -> None:
    assert set(sections()) == set(commands())
    assert len(sections()) == len(commands()) > 12


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_option_is_described_and_only_those_there_are(name: str) -> None:
    # Options stand in the first column of the section's table.
    cells = re.findall(r"^\| (`-.+?`) \|", sections()[name], re.MULTILINE)
    described = {word for cell in cells for word in re.findall(r"(?<![\w-])--?[a-z][\w-]*", cell)}
    assert described - {"-h", "--help"} == options(commands()[name]) - {"-h", "--help"}


def test_the_arguments_stand_in_the_headings() -> None:
    for name, command in commands().items():
        for argument in (p for p in command.params if p.param_type_name == "argument"):
            heading = next(line for line in CLI.splitlines() if line.startswith(f"## `overflight {name}"))
            assert argument.metavar in heading


def test_the_choices_are_named() -> None:
    found = sections()
    for choice in assess.Winds:
        assert f"`{choice.value}`" in found["assess"]
    for choice in winds.Source:
        assert f"`{choice.value}`" in found["winds get"]
    for choice in assess.Example:
        assert f"`{choice.value}`" in found["demo"]
        assert f"`{choice.value}`" in found["new"]


def test_the_exit_codes_are_those_of_the_code() -> None:
    described = {int(code) for code in re.findall(r"^\| (\d+) \|", CLI, re.MULTILINE)}
    # 0 and 2 are the framework's own.
    assert described == {0, 2, EXIT_INPUT, EXIT_EXTRA, EXIT_DAMAGED, EXIT_INTERNAL, EXIT_INTERRUPTED}


# Commands that have commands below them.
GROUPS = ("winds", "satellites", "custody", "claims", "ledger", "twin", "station")


def commands_in(text: str) -> list[str]:
    """The lines that call the program, in blocks of code."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines() if line.startswith("overflight ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_documents_are_commands_with_their_options(page: Path) -> None:
    known = commands()
    for line in commands_in(page.read_text("utf-8")):
        words = line.split("#")[0].split("|")[0].split()[1:]
        if words[0] == "COMMAND":
            continue
        whole = words[0] in GROUPS and not words[1].startswith("-")
        name = " ".join(words[:2]) if whole else words[0]
        if name == "winds get|info":
            continue
        assert name in known, line
        used = {word for word in words if re.fullmatch(r"--?[a-z][\w-]*", word)}
        assert used <= options(known[name]), line


# --- the README ----------------------------------------------------------------------------------------


def block(after: str, kind: str) -> str:
    found = re.search(rf"{re.escape(after)}.*?```{kind}\n(.*?)```", README, re.DOTALL)
    assert found, f"README.md has no block after {after!r}"
    return found[1]


def test_the_lines_of_python_run_and_print_what_is_printed_there(tmp_path: Path) -> None:
    """In a process of its own, warnings being errors. Digits may differ: they are drawn with 64 paths."""
    code, printed = block("## Ten lines of Python", "python"), block("<!-- printed", "")
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert re.sub(r"\d", "0", done.stdout.strip()) == re.sub(r"\d", "0", printed.strip())
    assert (tmp_path / "answer" / "report.html").is_file()


def test_the_two_commands_are_targets_of_make() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"^make (\w+)", block("## Run it", ""), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    assert re.findall(r"^make (\w+)", block("## Run it", ""), re.MULTILINE) == ["demo", "test"]


def test_contributing_names_targets_that_there_are() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"^make (\w+)", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE)
    assert {"test", "lint", "docs", "bench", "clean"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_picture_is_a_small_png() -> None:
    (name,) = re.findall(r"!\[[^]]*\]\((\S+)\)", README)
    data = (ROOT / name).read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert 20_000 < len(data) < 400_000


# --- links ---------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{page.name}: {target}"
        assert there.is_relative_to(ROOT)
        assert not anchor or anchor in anchors(there), f"{page.name}: {target}"


def test_the_index_lists_every_document() -> None:
    index = (DOCS / "index.md").read_text("utf-8")
    for path in DOCS.iterdir():
        if path.suffix in (".md", ".json") and path.name != "index.md":
            assert f"]({path.name})" in index, path.name


@pytest.mark.parametrize("page", [p for p in PAGES if p.name != "architecture.md"], ids=lambda p: p.name)
def test_no_document_names_a_path_of_somebodys_machine(page: Path) -> None:
    assert not re.search(r"(?<![\w.])/(home|work|root|tmp|Users)/", page.read_text("utf-8"))


# --- the architecture ----------------------------------------------------------------------------------


def test_the_architecture_names_every_module() -> None:
    """Under the line of its part, or by itself; a word of a module's name alone would also be prose."""
    text = (DOCS / "architecture.md").read_text("utf-8")
    tree = text.split("```\nsrc/overflight/\n")[1].split("```")[0]
    package = ROOT / "src" / "overflight"
    lines = re.split(r"\n(?=  \S)", "\n" + tree)
    for path in sorted(package.rglob("*.py")):
        part, *rest = path.relative_to(package).with_suffix("").parts
        if path.name == "__init__.py":
            continue
        mine = [line for line in lines if re.search(rf"\b{part}\b", line)]
        name = rest[0] if rest else part
        assert any(re.search(rf"(?<!\w){name}(?!\w)", line) for line in mine), f"{part}/{name}"


def test_the_example_of_the_flight_engine_runs(capsys: pytest.CaptureFixture[str]) -> None:
    text = (DOCS / "trajectories.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    exec(compile(code, "trajectories.md", "exec"), {})
    assert "reached the end of the run" in capsys.readouterr().out
