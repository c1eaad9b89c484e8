# The front desk. Every target is one line; `make` alone says what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile -q --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --strip-extras
export DEMO_SECONDS CONTACTS RESET SEED SEEDS

.PHONY: help demo up down test lane-parts lane-whole lane-fast test-fast check simulate faults bench lock before

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: .venv/stamp ## the whole stack with simulated customers, agents and departments (DEMO_SECONDS=60 CONTACTS=file.jsonl RESET=1)
	@$(BIN)/switchboard demo

up: .venv/stamp ## the same stack in the background; starts again what has died (RESET=1: from empty stores)
	@$(BIN)/switchboard up

down: .venv/stamp ## stops what `make up` started
	@$(BIN)/switchboard down

test: .venv/stamp ## all tests, with real brokers and databases
	@$(MAKE) --no-print-directory -j 3 lane-parts lane-whole lane-fast

# Side by side: two wait for a broker and a database of their own, the third computes; what two of them say is shown when they are done.
WHOLE := $(addprefix tests/,deploy e2e faults local scenarios upgrades)
when_done = @said=$$(mktemp); $(1) > $$said 2>&1; code=$$?; cat $$said; rm $$said; exit $$code
lane-parts: # shown as it goes
	@$(BIN)/pytest --durations=15 -m stack $(addprefix --ignore=,$(WHOLE) tests/unit)
lane-whole:
	$(call when_done,$(BIN)/pytest --durations=15 -m stack $(WHOLE))
lane-fast:
	$(call when_done,$(BIN)/pytest -m "not stack")

test-fast: .venv/stamp ## the tests that need neither broker nor database
	@$(BIN)/pytest -m "not stack"

check: .venv/stamp ## format, lint, types, import contracts, schema compatibility, manifests, alert rules
	@command -v kubectl >/dev/null || { echo 'switchboard: kubectl is missing; install it with: curl -fLO "https://dl.k8s.io/release/v1.32.0/bin/linux/$$(dpkg --print-architecture)/kubectl" && sudo install kubectl /usr/local/bin/' >&2; exit 1; }
	@command -v promtool >/dev/null || { echo 'switchboard: promtool is missing; install it with: sudo apt-get install -y --no-install-recommends prometheus' >&2; exit 1; }
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/switchboard contracts check
	@$(BIN)/python -m tests.upgrades.states
	@set -o pipefail; for overlay in local production; do kubectl kustomize deploy/k8s/overlays/$$overlay | $(BIN)/kubernetes-validate --strict --quiet -k 1.32 /dev/stdin || exit 1; done
	@promtool check rules deploy/alerts/rules.yaml >/dev/null
	@promtool test rules deploy/alerts/rules_test.yaml >/dev/null

simulate: .venv/stamp ## 10,000 histories of all services under faults (SEEDS=n for another number, SEED=n for one with its story)
	@$(BIN)/python -m tests.simulation

faults: .venv/stamp ## real processes under real faults, with an exact ledger (ROW=name for one, AGAIN=1 for what did not pass, SHORT=1, SEED=n)
	@$(BIN)/python -m tests.faults $(if $(ROW),--row $(ROW)) $(if $(AGAIN),--again) $(if $(SHORT),--short) $(if $(SEED),--seed $(SEED))

before: ## makes the committed code the version that the next one is tried against: the last step of a release
	@git archive --format=zip -9 -o tests/upgrades/before.zip HEAD shared services

bench: .venv/stamp ## the benchmarks, as ratios against a bare client
	@$(BIN)/python -m bench

lock: .venv/stamp ## renews requirements.lock and requirements.runtime.lock from pyproject.toml
	@$(COMPILE) --upgrade --extra dev -o requirements.lock pyproject.toml
	@$(COMPILE) --upgrade -c requirements.lock -o requirements.runtime.lock pyproject.toml

# A stamp, so that an interrupted installation is done again and a finished one is not.
.venv/stamp: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "switchboard: $(PYTHON) is missing; install it with: sudo apt-get install -y python3.11 python3.11-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "switchboard: python3.11-venv is missing; install it with: sudo apt-get install -y python3.11-venv" >&2; exit 1; }
	@echo "switchboard: installing the locked Python packages into .venv (about a minute, once)" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $@
