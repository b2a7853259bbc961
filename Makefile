# `make demo` and `make test` need nothing but Python 3.11 or later and Go 1.26 or later; without Docker also root on
# Debian, because the cluster then consists of processes. Everything else is installed and built by them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
# uv keeps what it unpacked outside the checkout and links it in, so the next environment costs seconds. It does not
# read pip's settings: where only those lead to an index, pip installs.
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python
LOCKED := --require-hashes --requirement
EDITABLE := --no-deps --no-build-isolation --editable .
STAMP := $(VENV)/.complete-$(shell cat requirements/dev.txt pyproject.toml | sha256sum | cut -c -12)
C_SOURCES := $(sort $(wildcard operator/src/weirkeeper/compiled/*.[ch]))
COMPILED := $(VENV)/.compiled-$(shell cat hatch_build.py $(C_SOURCES) | sha256sum | cut -c -12)
CLUSTER_PROGRAM := $(BIN)/python -m tests.cluster
DISTURBED := $(or $(CLUSTER_NAME),weirkeeper-$(shell printf %s '$(CURDIR)' | sha256sum | cut -c -8))-disturbed
QUIET := tests/e2e/test_idle.py
LONGEST := tests/e2e/test_closed_loop.py tests/e2e/test_pages.py tests/e2e/test_monitor_faults.py
ON_CLUSTER := tests/integration/cluster/test_local_cluster.py tests/e2e
# The cheapest first, so that a mistake shows early.
TESTS := $(wildcard tests/unit tests/simulation tests/component tests/integration tests/scale tests/e2e)

.PHONY: help
help: ## Say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /|/' | column -t -s '|'

.PHONY: venv
venv: $(COMPILED) ## Make .venv with everything that development needs, at the locked versions

$(STAMP): requirements/install.txt requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=...")'
	@echo "venv: installing the locked packages into $(VENV)"
	$(PYTHON) -m venv $(VENV)
	$(PIP) $(LOCKED) requirements/install.txt
	$(UV) $(LOCKED) requirements/dev.txt || $(PIP) $(LOCKED) requirements/dev.txt
	rm -f $(VENV)/.complete-*
	touch $@

$(COMPILED): $(STAMP) hatch_build.py $(C_SOURCES)
	$(UV) $(EDITABLE) || $(PIP) $(EDITABLE)
	rm -f $(VENV)/.compiled-*
	touch $@

.PHONY: lock
lock: venv ## Choose newer versions of everything and write requirements/
	scripts/lock --upgrade

.PHONY: check
check: venv ## Lint, types, layers, the form of C, generated files, chart
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(C_SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/weirkeeper crds --check
	$(BIN)/python scripts/generate_protocol.py --check
	$(BIN)/python scripts/document_fields.py --check
	$(BIN)/python scripts/check_chart.py

.PHONY: format
format: venv ## Put the code into its standard form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/clang-format -i $(C_SOURCES)

.PHONY: test
test: images test-programs ## Every test, from unit to end-to-end on the real cluster
	@mkdir -p build
	@echo 'test: three lanes go on beside each other; the output of two follows in build/test-disruptive.log, build/test-apart.log'
	@$(MAKE) --no-print-directory --jobs 3 --keep-going test-side-by-side test-disruptive test-apart

# Those on a cluster mostly wait, so three go on at a time, the longest first; those that disturb others have a cluster
# of their own, where the one that wants nothing to happen comes first. Both are sensitive to delays; the tests of the
# third lane mostly compute and are not. What takes both cores for minutes, programs and images, is built before.
.PHONY: test-side-by-side
test-side-by-side: venv ## The tests on the real cluster that leave each other alone
	@scripts/try-tests side-by-side -m 'not disruptive' --numprocesses 3 --dist loadfile --no-loadscope-reorder \
		$(LONGEST) $(firstword $(ON_CLUSTER)) $(filter-out $(LONGEST),$(wildcard tests/e2e/test_*.py))

.PHONY: test-disruptive
test-disruptive: venv ## The tests that stop, kill or install anew what others on the cluster rely on
	@mkdir -p build
	@export CLUSTER_NAME=$(DISTURBED); trap '$(CLUSTER_PROGRAM) down' EXIT; \
	{ $(CLUSTER_PROGRAM) up && $(CLUSTER_PROGRAM) images >/dev/null && scripts/try-tests disruptive -m disruptive \
		$(QUIET) $(filter-out $(QUIET),$(wildcard tests/e2e/test_*.py)); } >build/test-disruptive.log 2>&1 && \
		tail -n 1 build/test-disruptive.log || { cat build/test-disruptive.log; exit 1; }

# A cluster that somebody lends is one.
ifeq ($(CLUSTER),current)
test-side-by-side: test-disruptive
endif

.PHONY: test-apart
test-apart: venv ## All other tests
	@mkdir -p build
	@nice -n 10 scripts/try-tests apart --numprocesses 2 --dist loadfile $(ON_CLUSTER:%=--ignore=%) $(filter-out $(ON_CLUSTER),$(TESTS)) >build/test-apart.log 2>&1 && \
		tail -n 1 build/test-apart.log || { cat build/test-apart.log; exit 1; }

.PHONY: test-fast
test-fast: test-programs ## The tests that need no cluster
	$(BIN)/pytest $(filter-out tests/integration tests/scale tests/e2e,$(TESTS))

# By another compiler, which brings them; leaks are not looked for, since Python itself leaves memory behind.
SANITISED := $(abspath $(VENV))/sanitised.so
.PHONY: test-sanitised
test-sanitised: venv ## The C, with sanitizers of addresses and undefined behaviour (needs gcc)
	gcc -std=c17 -O1 -g -ffp-contract=off -fPIC -shared -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all \
		-Wno-psabi -DWEIRKEEPER_BUILT_FROM='"sanitised"' -o $(SANITISED) $(filter %.c,$(C_SOURCES))
	LD_PRELOAD=$$(gcc -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc WEIRKEEPER_SANITISED=$(SANITISED) \
		$(BIN)/pytest $(addprefix tests/unit/compiled/test_,any_trees.py counting.py table.py trees.py)

.PHONY: test-programs
test-programs: venv ## Install what tests run beside what they test: emulators of stores, a browser, clients of gRPC, lists of requests
	@for name in fake-gcs-server azurite-blob chromium h2spec grpc-client gunicorn-requests; do \
		{ $(CLUSTER_PROGRAM) tool $$name >/dev/null || echo "test: tests with $$name cannot run" >&2; } & \
	done; wait

.PHONY: bench-feedback
bench-feedback: venv ## Measure what feedback tokens cost
	$(BIN)/python scripts/bench_feedback.py

.PHONY: bench-bookkeeping
bench-bookkeeping: venv ## Measure what counting costs a request
	$(BIN)/python -m bench.server.bookkeeping

.PHONY: bench-server
bench-server: venv ## Measure the model server beside its peers; with BENCH_QUICK=1 shorter
	$(BIN)/python -m bench.server

.PHONY: profile-server
profile-server: venv ## Say where the microseconds of a request go
	$(BIN)/python -m bench.server.profile_server

.PHONY: bench-drift
bench-drift: venv ## Compare drift detectors: false alarms, power, delay, speed (BENCH_QUICK=1: a first look)
	$(BIN)/python -m bench.drift

.PHONY: bench-monitors
bench-monitors: venv ## Measure what 200 Monitors cost, and that traffic costs nothing (BENCH_QUICK=1: a first look)
	OMP_NUM_THREADS=1 $(BIN)/python -m bench.monitors

.PHONY: bench-gates
bench-gates: venv ## Compare gates with other rules: false roll-backs and promotions, detection (BENCH_QUICK=1: a first look)
	$(BIN)/python -m bench.gates

.PHONY: images
images: cluster-up ## Build the project's images and give them to the cluster
	$(CLUSTER_PROGRAM) images

.PHONY: cluster-up
cluster-up: venv ## Make the cluster
	$(CLUSTER_PROGRAM) up

.PHONY: cluster-down
cluster-down: venv ## Remove the cluster
	$(CLUSTER_PROGRAM) down
	CLUSTER_NAME=$(DISTURBED) $(CLUSTER_PROGRAM) down

.PHONY: demo
demo: cluster-up ## Tell the story: a model change goes live by degrees, a bad one rolls itself back
	images=$$($(CLUSTER_PROGRAM) images --arguments operator server envoy prometheus); \
	environment=$$($(CLUSTER_PROGRAM) env); eval "$$environment"; \
	exec $(BIN)/python -m demo run $$images

.PHONY: demo-down
demo-down: ## Remove the cluster with everything in it; from your own cluster (CLUSTER=current), what the demo made
ifeq ($(CLUSTER),current)
	environment=$$($(CLUSTER_PROGRAM) env); eval "$$environment"; exec $(BIN)/python -m demo down
else
	$(PYTHON) -m tests.cluster down
endif
