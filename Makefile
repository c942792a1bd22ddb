# check: what every commit must pass. test: everything. demo: the whole pipeline on real images.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# Runs on the oldest Python that devices have.
DEVICE_SIDE := edgetl/device edgetl/bundle edgetl/report edgetl/cli $(filter-out edgetl/pipeline.py, $(wildcard edgetl/*.py))

# Two processes. One that has nothing left takes half of what the other one has, so that neither waits for a long test;
# else neighbours stay together, because tests of a file share what they prepare.
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal

.PHONY: help venv format lint types types-device check test demo arm soak docs clean

help:
	@echo 'make venv    a virtual environment in .venv with everything'
	@echo 'make check   format, lint, types, layers, fast tests'
	@echo 'make test    check, then every test'
	@echo 'make demo    solar cells: data to bundle to prediction'
	@echo 'make arm     graphs for ARM CPUs on an emulated one; needs qemu-user-static'
	@echo 'make soak    half an hour of measuring: what the harness takes in memory'
	@echo 'make docs    write the generated pages again'
	@echo 'make format  let ruff format and fix'
	@echo 'make clean   remove what these targets made'

venv: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $(STAMP)

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Numeric libraries start one thread per CPU each; with two test processes that only makes both wait.
check test: export OMP_NUM_THREADS = 1
check test: export OPENBLAS_NUM_THREADS = 1
check test: export MKL_NUM_THREADS = 1

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache --no-logo
	$(MAKE) --no-print-directory --jobs=2 types types-device

types: $(STAMP)
	$(BIN)/mypy

types-device: $(STAMP)
	$(BIN)/mypy --python-version 3.10 $(DEVICE_SIDE)

check: lint
	$(PYTEST) -m 'not slow and not network'

test: check
	$(PYTEST) -m 'slow or network'

demo: $(STAMP)
	PATH="$(CURDIR)/$(BIN):$$PATH" sh models/solar-cells/demo.sh

arm: $(STAMP)
	$(BIN)/python benchmarks/emulated_arm.py --cache build/arm -o build/emulated-arm.json

soak: $(STAMP)
	$(BIN)/python benchmarks/soak.py -o build/soak.json

docs: $(STAMP)
	$(BIN)/python docs/generate.py

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
