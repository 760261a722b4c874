# The words a person needs: make run, make test, make check, make demo. Everything else is for those who change fedhood.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
.PHONY: help run test setup setup-dev check format matrix demo bench hostile histories interop interop-vectors crash serve-story lock clean

help: ## say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: setup ## set everything up and serve one neighbourhood at 127.0.0.1:8080
	@$(BIN)/fedhood serve

test: setup-dev ## set everything up and run the tests
	@$(BIN)/pytest -n 2

setup: $(VENV)/.run ## make .venv with .venv/bin/fedhood in it

setup-dev: $(VENV)/.dev

$(VENV)/.run: requirements/run.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "fedhood needs Python 3.11 or newer. On Debian or Ubuntu: sudo apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv is missing. On Debian or Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/run.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/dev.lock
	@touch $@

check: setup-dev ## format, lint, types, contracts, dependencies, tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/deptry .
	@$(MAKE) --no-print-directory test

matrix: setup-dev ## every thing, every viewer, every route: who sees what
	@$(BIN)/python -m tests.matrix

format: setup-dev ## put the code in its one shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

demo: setup ## two neighbourhoods and a city, telling the story, then left running
	@$(BIN)/fedhood demo

bench: setup-dev ## measure, beside the ceilings of the same run (some minutes)
	@$(BIN)/python -m tests.bench

hostile: setup-dev ## a hostile peer tries what went wrong elsewhere (under a minute)
	@$(BIN)/python -m tests.hostile

interop: setup-dev ## play with a live Fedify server, both ways, which is fetched for it (under a minute; needs npm)
	@$(BIN)/python -m tests.interop.live

interop-vectors: setup-dev ## compare signatures with Fedify, which is fetched for it (needs npm)
	@$(BIN)/python -m tests.interop

histories: setup-dev ## two thousand generated histories, their letters shuffled, doubled, late and lost (a quarter of an hour)
	@$(BIN)/python -m tests.histories

crash: setup-dev ## kill a server two hundred times in the midst of work (twelve minutes at most)
	@$(BIN)/python -m tests.crash

serve-story: setup-dev ## the story under `fedhood serve` as it is, on machines of its own (a minute; needs namespaces)
	@$(BIN)/python -m tests.serve_story

pictures: setup-dev ## photograph the demo's pages for the README (needs Chromium)
	@$(BIN)/python -m tests.pictures

lock: setup-dev ## choose exact versions anew (needs uv)
	@$(BIN)/python -c 'import shutil,sys; sys.exit(0 if shutil.which("uv") else "uv is needed to lock: pip install uv")'
	@uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 --group build pyproject.toml -o requirements/run.lock
	@uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 --group dev --group build --extra postgres pyproject.toml -o requirements/dev.lock

clean: ## remove the environment and what tests left
	rm -rf $(VENV) build dist *.egg-info
