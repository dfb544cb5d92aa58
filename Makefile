# demo: load a tenant that runs on this machine.  test: what a change is tried with, in minutes.
# test-slow: stories of processes that are killed, of whole guides, of files and of upgrades.
# test-warehouses: the stories in PostgreSQL and others that are started here.
# test-airflow, test-dagster, test-dbt: the DAG, the assets, the models, each in an environment of
# its own, .venv-NAME, for their pins are not ours, or many.
# All create their environment on first use and install again only when pyproject.toml or the
# constraints change.

PYTHON ?= python3
PYTEST_ARGS ?= -n auto
# What `make bench` measures with; as in: make bench GROWTH='--rows 100000' FIRST_LOAD=
FIRST_LOAD ?= --messages 50000
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test test-slow test-warehouses test-airflow test-dagster test-dbt lint format docs bench \
  bench-limit soak mutate clean

demo: $(VENV)/.installed
	$(BIN)/python pipelines/load_history.py --demo

test: lint
	$(BIN)/python -m pytest $(PYTEST_ARGS) --timeout 300

test-slow: $(VENV)/.installed-test
	$(BIN)/python -m pytest tests/slow $(PYTEST_ARGS) --timeout 400

test-warehouses: $(VENV)/.installed-warehouses
	$(BIN)/python -m pytest tests/warehouses $(PYTEST_ARGS) --timeout 400

test-airflow: .venv-airflow/.installed
	.venv-airflow/bin/python -m pytest tests/airflow $(PYTEST_ARGS) --timeout 600

test-dagster: .venv-dagster/.installed
	.venv-dagster/bin/python -m pytest tests/dagster_stories $(PYTEST_ARGS)

test-dbt: .venv-dbt/.installed
	.venv-dbt/bin/python -m pytest tests/dbt $(PYTEST_ARGS) --timeout 600

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Writes docs/reference and docs/zh-CN/reference from the code; `make test` fails while they differ.
docs: $(VENV)/.installed
	$(BIN)/python -m docs.generate

# How fast and how lean, each figure beside its target; most of an hour on two cores. The last part
# takes three minutes and more for each of four tenants, whatever the machine.
bench: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks.start $(START)
	$(BIN)/python -m benchmarks.requests $(REQUESTS)
	$(BIN)/python -m benchmarks.first_load $(FIRST_LOAD)
	$(BIN)/python -m benchmarks.growth $(GROWTH)
	$(BIN)/python -m benchmarks.memory $(MEMORY)
	$(BIN)/python -m benchmarks.state $(STATE)
	$(MAKE) bench-limit

bench-limit: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks.at_the_limit $(AT_THE_LIMIT)

# How safe, with many more kills and values than `make test` draws.
soak: $(VENV)/.installed-test
	FEISHU_THOROUGH=1 $(BIN)/python -m pytest tests/slow/test_kills.py tests/test_content_any.py \
	  tests/test_coverage_histories.py tests/test_histories.py $(PYTEST_ARGS) --timeout 3600

# Breaks the rules of the synchronisation one by one, and demands that a test notices each.
mutate: $(VENV)/.installed-test
	$(BIN)/python -m tests.mutate

clean:
	rm -rf $(VENV) .venv-* .demo demo.duckdb demo.duckdb.wal dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' || \
	  { echo 'Python 3.11 to 3.14 is needed; found:' "`$(PYTHON) --version 2>&1`." \
	    'Name another: make PYTHON=python3.13' >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) -e .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(INSTALL) -e '.[test]'
	@touch $@

$(VENV)/.installed-warehouses: $(VENV)/.installed-test
	$(INSTALL) -e '.[test,test-warehouses]'
	@touch $@

.venv-%/.installed: pyproject.toml constraints.txt constraints-%.txt
	@test -x .venv-$*/bin/python || $(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check \
	  -c constraints-$*.txt -e '.[test-$*]'
	@touch $@
