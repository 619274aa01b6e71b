# Concord's commands. `make` alone lists them. Works with GNU make 3.81 and later.

# What only hides compiled bytecode from Python makes every start two to three times
# slower, so nothing below inherits it.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPATH := plugins:.

PYTHON ?= python3
WORKERS ?= 3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
REQUIREMENTS := requirements/runtime.txt requirements/dev.txt
# The environment's own uv where make setup had to install one, else the system's.
UV = $(shell test -x $(BIN)/uv && echo $(BIN)/uv || echo uv)
PINNED := --generate-hashes --no-emit-index-url --no-emit-find-links --universal \
	--python-version 3.11 --quiet
COMPOSE = $(shell docker compose version >/dev/null 2>&1 \
	&& echo docker compose || echo docker-compose)

.DEFAULT_GOAL := help
.PHONY: help setup requirements demo test check check-style check-types check-sql \
	check-imports check-requirements fix secrets up down clean

help: ## List these commands
	@grep -hE '^[a-z-]+:.*## ' Makefile \
		| awk -F ':.*## ' '{printf "  make %-20s %s\n", $$1, $$2}'

setup: $(STAMP) ## Make .venv with every pinned, hashed dependency (PYTHON=python3.12 …)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Concord needs Python 3.11 or later: make setup PYTHON=python3.12"; \
		exit 1; }
	@if uv --version >/dev/null 2>&1; then \
		uv venv --quiet --allow-existing \
			--python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV); \
	else \
		$(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet \
			--require-hashes --requirement requirements/uv.txt; \
	fi

$(STAMP): $(REQUIREMENTS) | $(BIN)/python
	$(UV) pip install --python $(BIN)/python --quiet --compile-bytecode \
		--require-hashes $(REQUIREMENTS:%=--requirement %)
	@touch $@

requirements: | $(BIN)/python ## Resolve the pinned requirement files anew
	$(UV) pip compile requirements/runtime.in -o requirements/runtime.txt $(PINNED)
	$(UV) pip compile requirements/dev.in -o requirements/dev.txt $(PINNED)
	$(UV) pip compile requirements/uv.in -o requirements/uv.txt $(PINNED)

demo: setup ## Run three nights of a synthetic county, publish and report
	$(BIN)/python -m concord demo

test: setup ## Run every test; those that start a real scheduler come last, one by one
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not nights"
	$(BIN)/python -m pytest -m nights tests/pipeline

check: check-style check-types check-sql check-imports check-requirements ## Run every static check

check-style: setup ## Format and lint Python
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check-types: setup ## Check types
	$(BIN)/mypy plugins/concord simulator docker/simulate.py

check-sql: setup ## Lint SQL
	$(BIN)/sqlfluff lint include/sql

check-imports: setup ## Check that imports point one way
	$(BIN)/lint-imports

check-requirements: ## Check that requirement files are hashed and name no index
	@! grep -nE '^ *(-i|-f|--(extra-)?index-url|--find-links)|https?://|file:' \
		requirements/*.txt requirements/*.in
	@for file in requirements/*.txt; do grep -q -- '--hash=sha256:' $$file \
		|| { echo "$$file: no hashes"; exit 1; }; done

fix: setup ## Format Python and SQL, and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix include/sql

secrets: ## Make the random secrets that the containers need (kept if they exist)
	@docker/make-secrets secrets

up: secrets ## Start the containers with the synthetic agencies
	CONCORD_CONNECTIONS=/srv/agencies/connections.json \
		$(COMPOSE) --profile simulator up --build --detach

down: ## Stop the containers; data stay in their volumes
	$(COMPOSE) --profile simulator down

clean: ## Remove caches; .venv and the data in .concord are kept
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache \
		.coverage
	find plugins simulator dags tests benchmarks -name __pycache__ -prune \
		-exec rm -rf {} +
