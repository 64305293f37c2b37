# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
DATA ?= ../shared/data
JOBS ?= 2
BIN := $(VENV)/bin

SECONDS ?= 120

.PHONY: demo demo-bridge fuzz test lint types unit site snapshots clean

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

demo: $(VENV)/installed
	$(BIN)/lusifer demo

demo-bridge: $(VENV)/installed
	$(BIN)/lusifer demo-bridge --data $(DATA)

test: lint types site unit

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: $(VENV)/installed
	$(BIN)/mypy

unit: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/pytest -q --durations=8 -n $(JOBS) --dist worksteal

# Random texts, files and recipes for so many seconds: make fuzz SECONDS=3600
fuzz: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz --seconds $(SECONDS)

site: $(VENV)/installed
	$(BIN)/mkdocs build --strict --quiet

snapshots: $(VENV)/installed
	$(BIN)/python -m tests.written
	$(BIN)/python -m tests.models.golden

clean:
	rm -rf $(VENV) out build dist .pytest_cache .mypy_cache .ruff_cache
