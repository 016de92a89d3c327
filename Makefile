# Two commands matter: `make search` and `make test`. Both set up .venv first, from a clean clone.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: search test lint benchmarks clean

search: $(VENV)/.search-ready
	$(BIN)/pocketnas search

test: $(VENV)/.test-ready lint
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup --durations 12

lint: $(VENV)/.test-ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

benchmarks: $(VENV)/.test-ready
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[converter]'
	$(BIN)/python benchmarks/candidate_cost.py

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.search-ready: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[demo]'
	touch $@

$(VENV)/.test-ready: $(VENV)/.search-ready
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[demo,int8,ssh,android,hf,oracle,dev]'
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
