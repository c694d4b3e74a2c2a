# Set-up, demo, tests. Everything goes into $(VENV); nothing outside this folder is changed, except that root's
# `make demo` and `make test` install the Debian packages they need.
#
#   make demo                        a whole audit of an emulated site; no privileges needed
#   make test                        all tests
#   make PYTHON=/usr/bin/python3 demo
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?=
VENV ?= .venv
PY := $(VENV)/bin/python
PIP := PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_PROGRESS_BAR=off \
	$(PY) -m pip install --quiet --quiet --require-hashes --no-build-isolation
RUN_STAMP := $(VENV)/.installed-run
TEST_STAMP := $(VENV)/.installed-test
OURS := auditor tests
LOCK := $(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header $(if $(UPGRADE),--upgrade)
ARGS ?=

.PHONY: help demo test check lint format bench lock image clean install install-test

help:
	@echo 'make demo     install into $(VENV) and audit an emulated site (about a minute)'
	@echo 'make test     install what the tests need and run them all'
	@echo 'make check    lint, types, layers, data self-checks, then all tests'
	@echo 'make lint     the first four of those'
	@echo 'make format   let ruff lay out the source'
	@echo 'make bench    measure speed, and identification where published answers are at hand'
	@echo 'make lock     write requirements/*.txt again (UPGRADE=1 takes newer versions)'
	@echo 'make image    build the container image with buildah, podman or docker'
	@echo 'make clean    remove what make made, $(VENV) included'

# The stamp is younger than what it depends on exactly when that is installed. python-nmap and onvif-zeep exist as
# source archives only: their wheels are built here, from the hashed archive, with the hashed build tools.
$(RUN_STAMP): requirements/build.txt requirements/run.txt pyproject.toml deploy/bootstrap.sh
	@sh deploy/bootstrap.sh '$(VENV)' '$(PYTHON)'
	@echo 'installing the run dependencies into $(VENV), each checked against its hash' >&2
	@$(PIP) -r requirements/run.txt
	@PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 $(PY) -m pip install --quiet --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(TEST_STAMP): requirements/test.txt $(RUN_STAMP)
	@echo 'installing the test dependencies into $(VENV), each checked against its hash' >&2
	@$(PIP) -r requirements/test.txt
	@touch $@

install: $(RUN_STAMP)

install-test: $(TEST_STAMP)

demo: $(RUN_STAMP)
	@$(PY) -m auditor demo --out "demo-audit-$$(date +%Y%m%d-%H%M%S)" $(ARGS); code=$$?; \
	if [ $$code -ne 0 ] && [ $$code -ne 1 ]; then echo "the demo ended with exit code $$code" >&2; exit $$code; fi

test: $(TEST_STAMP)
	@sh deploy/test-packages.sh
	sh deploy/run-tests.sh $(PY) $(ARGS)

check: lint test

lint: $(TEST_STAMP)
	$(PY) -m ruff format --check $(OURS)
	$(PY) -m ruff check $(OURS)
	$(PY) -m mypy
	$(VENV)/bin/lint-imports --no-logo
	$(PY) tests/project/house_words.py
	$(PY) -m auditor fingerprints check
	$(PY) -m auditor policies check

format: $(TEST_STAMP)
	$(PY) -m ruff format $(OURS)
	$(PY) -m ruff check --fix $(OURS)

bench: $(TEST_STAMP)
	$(PY) tests/bench/measure_speed.py
	@$(PY) -m tests.bench.measure_corpus $(ARGS) || [ $$? -eq 2 ]

lock: $(RUN_STAMP)
	@$(PIP) -r requirements/lock.txt
	$(LOCK) requirements/lock.in -o requirements/lock.txt
	$(LOCK) pyproject.toml -o requirements/run.txt
	$(LOCK) pyproject.toml --group test -o requirements/test.txt
	$(LOCK) -c requirements/test.txt requirements/build.in -o requirements/build.txt

image:
	sh deploy/build-image.sh $(ARGS)

clean:
	rm -rf '$(VENV)' build dist artefacts .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf demo-audit-*
	find auditor tests -name __pycache__ -type d -prune -exec rm -rf {} +
