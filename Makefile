# `make demo` judges every bundled kernel; `make test` runs the project's own checks.
# Both make a virtual environment in .venv when there is none and install what they need.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DEMO   ?= -n 2

.PHONY: demo test lint types browser install clean

demo: $(STAMP)
	$(BIN)/python -m pytest references $(DEMO) --tb-results tb-results

test: $(STAMP) lint types browser
	$(BIN)/python -m pytest tests -n 2 -q

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

# The report's page is tested in a browser; where none can be installed, those tests say so.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	  { command -v apt-get >/dev/null && test "$$(id -u)" = 0 && \
	    apt-get update -qq && apt-get install -y -qq chromium >/dev/null; } || \
	  echo "no Chromium here: the tests of the report's page will be skipped"

install: $(STAMP)

# torch first and alone: with the pinned version present, nothing later pulls another build of it.
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(STAMP)

clean:
	rm -rf $(VENV) tb-results .pytest_cache .hypothesis .mypy_cache .ruff_cache
