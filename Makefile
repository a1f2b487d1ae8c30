PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SUPPORTED := $(shell sed -n 's/^requires-python = "\(.*\)"/\1/p' pyproject.toml)

# Every distribution is pinned and its files are known by their hashes. Nothing is built here.
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes
LOWEST := $(shell sed -n 's/^requires-python = ">=\([0-9.]*\).*/\1/p' pyproject.toml)
LOCK = $(BIN)/uv pip compile --no-config --quiet --default-index https://pypi.org/simple \
	--universal --python-version $(LOWEST) --generate-hashes --only-binary :all: \
	--emit-build-options --custom-compile-command "make lock" $(UPGRADE)

.PHONY: demo run test check lock bench screenshots soak chaos siege fuzz

demo: $(VENV)/runtime  ## the service with the data of 23,570 real customers
	$(BIN)/python launch.py --demo

run: $(VENV)/runtime  ## the service alone
	$(BIN)/python launch.py

test: $(VENV)/dev  ## the whole suite, with real Redis and PostgreSQL
	$(BIN)/python -m pytest -n 5

check: $(VENV)/dev  ## lint, format, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: $(VENV)/dev  ## pin what requirements/*.in lead to, with hashes; all anew with UPGRADE=--upgrade
	$(LOCK) requirements/runtime.in --output-file requirements.txt
	$(LOCK) requirements/local.in --output-file requirements/local.txt
	$(LOCK) requirements/dev.in --output-file requirements/dev.txt

bench: $(VENV)/dev  ## speed beside references: tables of ratios (takes an hour or more)
	$(BIN)/python -m tests.bench.batch
	$(BIN)/python -m tests.bench.lists
	$(BIN)/python -m tests.bench.overview
	$(BIN)/python -m tests.bench.revenue
	$(BIN)/python -m tests.bench.upload
	$(BIN)/python -m tests.bench.export
	$(BIN)/python -m tests.bench.get
	$(BIN)/python -m tests.bench.size
	$(BIN)/python -m tests.bench.snapshot
	$(BIN)/python -m tests.bench.model
	$(BIN)/python -m tests.bench.calibrated

screenshots: $(VENV)/dev  ## pictures of each page into var/screenshots, or INTO=folder
	$(BIN)/python -m tests.e2e.screenshots --into $(or $(INTO),var/screenshots)

soak: $(VENV)/dev  ## ten minutes of load beside batches, on each database; needs wrk
	$(BIN)/python -m tests.load.soak

chaos: $(VENV)/dev  ## kill everything 500 times on each database; nobody is lost or doubled
	$(BIN)/python -m tests.load.chaos --database sqlite --faults 500
	$(BIN)/python -m tests.load.chaos --database postgresql --faults 500
	$(BIN)/python -m tests.load.feed --database sqlite --runs 100 --faults 50
	$(BIN)/python -m tests.load.feed --database postgresql --runs 100 --faults 50
	CHAOS_TRIALS=100 $(BIN)/python -m pytest --timeout 3600 tests/jobs/faults

siege: $(VENV)/dev  ## under attack: each by itself, then all at once for ten minutes, on each database
	$(BIN)/python -m tests.load.siege

fuzz: $(VENV)/dev  ## 50,000 requests from the OpenAPI document on each database
	$(BIN)/python -m tests.load.fuzz --database sqlite --cases 50000
	$(BIN)/python -m tests.load.fuzz --database postgresql --cases 50000

# Written so that Python 2, too, answers with the line.
define CHECK
import sys
low, end = [int(bound.split(".")[1]) for bound in "$(SUPPORTED)".split(",")]
if not (3, low) <= sys.version_info[:2] < (3, end):
    sys.exit("Python %d.%d cannot run this service, which needs Python $(SUPPORTED):" % sys.version_info[:2]
             + " make PYTHON=python3.%d $(MAKECMDGOALS)" % low)
try:
    import ensurepip
except ImportError:
    sys.exit("$(PYTHON) has no venv: install the package python3-venv, or choose another Python.")
endef
export CHECK

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || \
		{ echo "There is no $(PYTHON). Choose a Python $(SUPPORTED): make PYTHON=path $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c "$$CHECK"
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime: requirements.txt requirements/local.txt | $(BIN)/python
	$(INSTALL) -r requirements.txt -r requirements/local.txt
	@touch $@

$(VENV)/dev: requirements/dev.txt $(VENV)/runtime
	$(INSTALL) -r requirements/dev.txt
	@touch $@
