# `make` lists the targets. The first `make serve` or `make test` sets up .venv by itself.
PYTHON ?= python3
CXX ?= c++
VENV := .venv
PIP := $(VENV)/bin/python -m pip --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help serve test quick check format bench lock clean preflight

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

serve: $(VENV)/.serve ## set up, migrate, load the demo catalogue, serve on http://127.0.0.1:8000
	@exec $(VENV)/bin/metricbert serve --demo data/games.jsonl

test: $(VENV)/.dev ## set up and run the whole suite
	$(VENV)/bin/pytest

quick: $(VENV)/.dev ## run the suite without its slow part
	$(VENV)/bin/pytest -m "not slow"

check: $(VENV)/.dev ## format check, lint, types
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

format: $(VENV)/.dev ## format and fix what can be fixed
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

bench: $(VENV)/.dev ## print the latency figures (see benchmarks/)
	$(VENV)/bin/python -m benchmarks.similar_latency

lock: $(VENV)/.dev ## write the installed versions to constraints.txt
	@{ sed -n '/^#/p' constraints.txt; $(PIP) freeze --all --exclude-editable --exclude setuptools | sed 's/+cpu//'; } > constraints.new
	@mv constraints.new constraints.txt

clean: ## remove the environment and the caches; the data folder stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

# What only compiling or installing would show after minutes is said before anything is done.
preflight:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "error: $(PYTHON) not found; install Python 3.11 to 3.14, or name one: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' || { \
	  echo "error: $$($(PYTHON) --version) is not supported; install Python 3.11 to 3.14, or name one: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "error: $(PYTHON) cannot make virtual environments; install its venv package (Debian: apt install python3-venv)"; exit 1; }
	@command -v $(firstword $(CXX)) >/dev/null || { \
	  echo "error: no C++ compiler ($(CXX)); hnswlib is built from source: install one (Debian: apt install g++, macOS: xcode-select --install)"; exit 1; }
	@test -f "$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" || { \
	  echo "error: no Python.h for $(PYTHON); hnswlib is built from source: install the headers (Debian: apt install python3-dev)"; exit 1; }

$(VENV)/.serve: pyproject.toml constraints.txt
	@$(MAKE) --no-print-directory preflight
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@echo "installing what serving needs into $(VENV) (a few minutes the first time)"
	@$(PIP) install --constraint constraints.txt --editable '.[serve]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt
	@$(MAKE) --no-print-directory preflight
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@echo "installing what the tests need into $(VENV) (a few minutes the first time)"
	@$(PIP) install --constraint constraints.txt pip
	@$(PIP) install --constraint constraints.txt --editable '.[serve,train]' --group dev
	@touch $(VENV)/.serve $@
