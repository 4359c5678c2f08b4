# One command runs the portal, one tests it. Needs make and Python 3.11 to 3.13 with venv; `make help` lists the rest.

VENV := .venv
PY := $(VENV)/bin/python
JOBS ?= 2
PYTEST := $(PY) -m pytest -n $(JOBS) --dist worksteal
INSTALL := $(PY) -m pip install -qq --disable-pip-version-check --require-hashes --no-deps -r

.PHONY: help run test test-full check bench upgrade lock translations
.DEFAULT_GOAL := help

help: ## Show what each command does
	@echo "make COMMAND, where COMMAND is one of"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/.runtime ## Start web server and worker (HOST, PORT and PORTAL_* from the environment; see .env.example)
	@PORTAL_DEMO="$${PORTAL_DEMO-1}" exec $(PY) -m app.serve

test: $(VENV)/.development ## Run the test suite; what this machine lacks is skipped by name
	@$(PYTEST) -m "not full"

test-full: $(VENV)/.development ## Run the suite with the whole matrix of pages, states, roles, themes and widths
	@$(PYTEST)

check: $(VENV)/.development ## Check format, style, types, floors, translations, templates, dependencies
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m pytest -q tests/test_architecture.py
	$(PY) tools/translations.py check
	$(PY) -m djlint --quiet --lint app/templates
	$(PY) -m pip check --disable-pip-version-check
	$(PY) tools/locks.py

bench: $(VENV)/.development ## Run the benchmarks and print their table
	@$(PY) -m bench

upgrade: $(VENV)/.runtime ## After installing a new version: back up, migrate, check, start; a fault leaves the old state
	@$(PY) -m flask --app wsgi db upgrade --backup
	@PORTAL_DEMO="$${PORTAL_DEMO-0}" exec $(PY) -m app.serve

lock: $(VENV)/.development ## Make the lock files anew from requirements*.txt (asks the package index)
	$(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes requirements.txt -o requirements.lock
	$(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes requirements-dev.txt -o requirements-dev.lock

translations: $(VENV)/.development ## Take new texts into the translation catalogue
	$(PY) tools/translations.py update

# --- the environment: made once, brought up to date when a lock file changed -------------------------------------

# A virtual environment does not survive being moved, nor its Python being removed; then it is made anew.
WORKS := $(PY) -c 'import pip, sys; sys.exit(sys.prefix != "$(CURDIR)/$(VENV)")' 2>/dev/null
ifneq ($(shell $(WORKS) && echo yes),yes)
.PHONY: $(VENV)/.made
endif

$(VENV)/.made:
	@set -e; \
	if $(WORKS); then touch $@; exit 0; fi; \
	for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	    "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || continue; \
	    "$$python" -c 'import ensurepip, venv' 2>/dev/null || { lacks="$$python"; continue; }; \
	    echo "Making $(VENV) with $$("$$python" --version) ..."; \
	    "$$python" -m venv --clear $(VENV); \
	    touch $@; \
	    exit 0; \
	done; \
	if [ -n "$$lacks" ]; then \
	    echo "The venv module of $$lacks is missing. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
	elif command -v python3 >/dev/null; then \
	    echo "Python 3.11, 3.12 or 3.13 is needed; here is $$(python3 --version 2>&1). Install one, or say PYTHON=/path/to/python3 make ..." >&2; \
	else \
	    echo "Python 3.11, 3.12 or 3.13 is needed and was not found. On Debian and Ubuntu: apt-get install python3 python3-venv" >&2; \
	fi; \
	exit 1

$(VENV)/.runtime: $(VENV)/.made requirements.lock
	@echo "Installing what the portal needs (requirements.lock); this takes about half a minute once ..."
	@$(INSTALL) requirements.lock
	@touch $@

$(VENV)/.development: $(VENV)/.made requirements-dev.lock
	@echo "Installing what running and testing needs (requirements-dev.lock); this takes about a minute once ..."
	@$(INSTALL) requirements-dev.lock
	@touch $@ $(VENV)/.runtime
