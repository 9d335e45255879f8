# make demo     assess the example case of 2023; needs Python 3.11 or newer, nothing else
# make test     run the tests
# make fuzz     the tests with made input, on new input each time
# make lint     ruff and strict mypy
# make docs     write again what is generated in docs/
# make bench    the benchmarks of bench/
# make clean    remove what was built; the virtual environment stays (make distclean removes it too)

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test fuzz lint docs bench clean distclean setup-demo setup-test

demo: setup-demo
	@$(BIN)/overflight demo --out out/2023

test: setup-test
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

fuzz: setup-test
	OVERFLIGHT_HYPOTHESIS=fuzz $(BIN)/python -m pytest -m "hypothesis and not slow"

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.lint
	$(BIN)/python docs/generate.py

bench: setup-test
	$(BIN)/python bench/held_out.py --json bench/held_out.json

clean:
	rm -rf build dist out .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests bench design docs -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV)

setup-demo: $(VENV)/.demo
setup-test: $(VENV)/.test

# Each stamp is newer than pyproject.toml when its packages are installed.
$(VENV)/.python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer was not found. Install it, or say: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: pyproject.toml | $(VENV)/.python
	$(PIP) --editable .
	@touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/.python
	$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/.demo

$(VENV)/.lint: pyproject.toml | $(VENV)/.python
	$(PIP) --editable '.[test,lint]'
	@touch $@ $(VENV)/.test $(VENV)/.demo
