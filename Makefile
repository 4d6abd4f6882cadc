# Two commands do all the set-up: `make demo` and `make test`. Everything lives in .venv here.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
BENCHMARKS := fork_manager patch_drift libero_reader

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast lint bench clean-venv

help: ## show this help
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 14

# pip brings uv, uv brings the rest: quick, and the user's own index settings hold for both
$(BIN)/forkctl: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -e '.[test,dev,data,report]'
	@touch $@

test: $(BIN)/forkctl ## run every test that can run here; the summary says what was skipped and why
	$(BIN)/python -m pytest -n $(WORKERS)

test-fast: $(BIN)/forkctl ## what needs no upstream, no network and no patience: a minute or so
	$(BIN)/python -m pytest -n $(WORKERS) -m "not upstream and not index and not slow"

lint: $(BIN)/forkctl ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(BIN)/forkctl ## the side-by-side measurements of benchmarks/
	@for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python -m benchmarks.$$name; done

demo: $(BIN)/forkctl ## the main job, end to end, small
	$(BIN)/python scripts/demo.py $(if $(FORK),--fork $(FORK))

clean-venv: ## remove the virtual environment
	rm -rf $(VENV)
