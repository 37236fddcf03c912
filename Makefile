# Two commands: `make run` starts the bot, `make test` runs every check.
# Both make the virtual environment in .venv and install into it what they need.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
TEST_PROCESSES ?= 3
SOURCES := pyproject.toml constraints.txt

.PHONY: run test lint types contracts pytest clean

run: .venv/installed-run
	@exec $(BIN)/python -m bot run

test: lint types contracts pytest

lint: .venv/installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: .venv/installed-test
	$(BIN)/mypy

contracts: .venv/installed-test
	$(BIN)/lint-imports

# Test files side by side; each with one thread for the matrices, so that they do not fight over cores.
# Compiled modules are kept whatever the environment says: the tests start many interpreters.
# The order is that of tests/conftest.py: what takes long comes first.
pytest: .venv/installed-test
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest \
	  -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Hexward needs Python 3.11 or newer. Name one: make PYTHON=python3.12 run"; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/installed-run: $(BIN)/python $(SOURCES)
	@echo "Installing what Hexward needs into .venv; the first time this takes a few minutes."
	@$(PIP) -e '.[sandbox]'
	@touch $@

.venv/installed-test: $(BIN)/python $(SOURCES)
	@echo "Installing what the checks need into .venv; the first time this takes a few minutes."
	@$(PIP) -e '.[dev]'
	@touch $@ .venv/installed-run
