# `make demo` judges every bundled kernel; `make test` runs the project's own checks.
# Both make a virtual environment in .venv when there is none and install what they need.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DEMO   ?= -n 2

.PHONY: demo test lint types install clean

demo: $(STAMP)
	$(BIN)/python -m pytest references $(DEMO) --tb-results tb-results

test: $(STAMP) lint types
	$(BIN)/python -m pytest tests -n 2 -q

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

install: $(STAMP)

# torch first and alone: with the pinned version present, nothing later pulls another build of it.
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(STAMP)

clean:
	rm -rf $(VENV) tb-results .pytest_cache .hypothesis .mypy_cache .ruff_cache
