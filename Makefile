# OpenFroyo.  `make help` lists what there is; each target sets up what it needs, and works again at once
# when that is there.  Needed on the machine: Python 3.11 or newer, git, make.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
PY := $(VENV)/bin/python
BIN := $(VENV)/bin
# The first that is new enough; `make PYTHON=/path/to/python3.12` decides otherwise.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
# How many real hosts the tests get, where the machine can have them.
LAB_HOSTS ?= 4
# What is tried on a control plane, but for what takes minutes and what needs hosts, too; of it `make test` leaves out what
# takes longest.
CLUSTER := cluster and not faults and not lab
# Arguments for pytest, such as PYTEST_ARGS='-k workqueue'.
PYTEST_ARGS ?=

# The compiler that builds the runner also checks it: no settings of the person's own, no network. Both are told what the
# build tells them, else each compiles everything once more for itself.
GO := GOENV=off CGO_ENABLED=0 GOFLAGS='-buildvcs=false -trimpath -mod=vendor' GOPROXY=off GOTOOLCHAIN=local GOWORK=off GOCACHE=$(CURDIR)/build/go-cache $(CURDIR)/$(BIN)/go

# The compiler of CUE and Rego is made of modules that are fetched as the person's own Go fetches them.
GO_FETCHING := GOFLAGS='-buildvcs=false -trimpath -mod=readonly' GOTOOLCHAIN=local GOWORK=off GOCACHE=$(CURDIR)/build/go-cache CGO_ENABLED=0 $(CURDIR)/$(BIN)/go
COMPILER := reconciler/config/compiler

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- Setting up -------------------------------------------------------------------------------------

# By what is in them, and not by how old they are: an environment that was copied, or made of another lock, is seen to be.
# Each stamp is the only one of its sort, so that going back to an older lock is a change, too.
LOCK := $(shell cat constraints.txt pyproject.toml .ci/lock | cksum | tr ' ' -)
LOCKED := $(VENV)/.locked-$(LOCK)
READY := $(VENV)/.ready-$(LOCK)

.PHONY: venv
venv: $(READY)

# Of order only: what it sees to is there or is not, and is no file.
.PHONY: python
python:
	@[ -n "$(PYTHON)" ] || { \
		echo "make: OpenFroyo needs Python 3.11 or newer; on this machine python3 is $$(python3 --version 2>&1 || true)." >&2; \
		echo "make: install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || .ci/python-venv "$(PYTHON)"

# Exactly what constraints.txt says. The lock is complete, so it is installed as it is and never resolved again: an index
# knows more every day. That it is complete, and what pyproject.toml asks for, is seen without an index (.ci/lock).
$(LOCKED): | python
	@[ -x $(PY) ] && $(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(PY) .ci/lock declared constraints.txt pyproject.toml
	@echo "make: installing what constraints.txt pins into $(VENV)"
	@$(PY) -m pip install --quiet --no-deps --only-binary :all: --require-hashes -r constraints.txt
	@$(PY) .ci/lock installed constraints.txt pyproject.toml
	@rm -f $(VENV)/.locked* && touch $@

.PHONY: locked
locked: $(LOCKED)

# The project itself, editable and without an index. This builds the artefacts too (hatch_build.py).
$(READY): $(LOCKED)
	@echo "make: building the runner, the compiler and the provider runtime (two minutes the first time)"
	@$(PY) -m pip install --quiet --no-index --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.ready* && touch $@

.PHONY: build
build: $(READY) ## the artefacts: micro-runner, compiler, provider runtime, provider packages
	@$(PY) hatch_build.py
	@# As pip does for what it installs: else, where PYTHONDONTWRITEBYTECODE is set, each command compiles all of it anew.
	@$(PY) -m compileall -q reconciler watchers providers/sdk

.PHONY: wheel
wheel: $(READY) ## dist/openfroyo-*.whl, which installs without any toolchain, and the lock of what it needs
	$(PY) -m pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir dist .
	@version=$$($(PY) -c 'import reconciler; print(reconciler.__version__)'); \
		$(PY) .ci/lock runtime constraints.txt openfroyo >dist/openfroyo-$$version.lock.txt
	@ls -l dist

# Real Debian hosts for the tests.  A machine that cannot have them says why, and the tests say it again.
.PHONY: lab
lab: ## boot the lab's hosts (root only), see tests/lab/hosts help
	@tests/lab/hosts up $(LAB_HOSTS) || [ $$? = 69 ]

.PHONY: lab-down
lab-down: ## stop the lab's hosts and discard their disks
	@tests/lab/hosts down || [ $$? = 69 ]

# A real Kubernetes control plane for the tests: its binaries, which are kept outside of this directory.
.PHONY: cluster
cluster: $(LOCKED) ## build what a control plane for the tests takes (once on a machine, ten minutes), see tests/lab/cluster help
	@tests/lab/cluster build || [ $$? = 69 ]

# --- Using it ---------------------------------------------------------------------------------------

.PHONY: demo
demo: build ## watch a site being made and kept on four hosts (root), or files in a directory of its own
	@$(PY) -m examples.demo

# --- Checking it ------------------------------------------------------------------------------------

.PHONY: test
test: build lab cluster ## unit, contract, simulation, integration, cluster and lab tests, with coverage
	cd micro_runner && $(GO) test ./...
	@if compgen -G 'reconciler/_artifacts/compiler-linux-*' >/dev/null; \
		then echo "cd $(COMPILER) && go test ./..."; cd $(COMPILER) && $(GO_FETCHING) test ./...; \
		else echo "make: the compiler of CUE and Rego was left out: its modules could not be fetched"; fi
	@rm -f .coverage .coverage.*
	@# By themselves: three programs make the control plane, and what it says late is something else that it says. No lines
	@# are counted: enough are covered without them.
	@[ -n "$(PYTEST_ARGS)" ] || $(PY) -m pytest -m "$(CLUSTER) and not e2e"
	@# One more than there are processors: much of it waits for hosts and programs. A worker that dies is a failure, and xdist
	@# may wait for ever for what it had been given.
	$(PY) -m pytest --numprocesses $$(($$(nproc) + 1)) --dist loadgroup --max-worker-restart 0 --cov --cov-report= $(PYTEST_ARGS)
	@# Arguments choose some tests, and some tests cover little.
	@[ -n "$(PYTEST_ARGS)" ] || $(PY) -m coverage report --include='reconciler/core/*' --fail-under=100
	@[ -n "$(PYTEST_ARGS)" ] || $(PY) -m coverage report --include='providers/*' --omit='providers/sdk/*' --fail-under=95
	@[ -n "$(PYTEST_ARGS)" ] || $(PY) -m coverage report --omit='reconciler/core/*' --fail-under=90

.PHONY: lint
lint: $(READY) lint-go ## ruff, mypy --strict, import-linter, go vet, gofmt
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@# Each is a program of its own, and all are called plugin.  providers/runtime/froyo_runtime.py is left out: what it
	@# imports (wit_world, componentize_py_types, froyo_built_in) is made while it is built and never lies here, so all
	@# of its interface would be Any.  Every contract test of the sandbox runs it.
	@for package in providers/*/plugin.py; do package=$$(dirname "$$package"); \
		echo "$(BIN)/mypy $$package"; MYPYPATH="$$package" $(BIN)/mypy "$$package"/*.py; done
	$(BIN)/lint-imports --no-cache --no-logo

.PHONY: lint-go
lint-go: $(READY)
	cd micro_runner && for arch in amd64 arm64; do GOARCH=$$arch $(GO) vet ./...; done
	@if compgen -G 'reconciler/_artifacts/compiler-linux-*' >/dev/null; \
		then echo "cd $(COMPILER) && go vet ./..."; cd $(COMPILER) && $(GO_FETCHING) vet ./...; fi
	@unformatted=$$("$$($(GO) env GOROOT)/bin/gofmt" -l micro_runner $(COMPILER)); \
		[ -z "$$unformatted" ] || { echo "gofmt would change: $$unformatted" >&2; exit 1; }

.PHONY: bench
bench: build lab ## every budget beside its limit, measured in the same run
	$(PY) -m tests.bench

.PHONY: e2e
e2e: build lab ## the long suites: crashes under load, partitions, full disks, soaks
	$(PY) -m pytest -m e2e --timeout 3600 $(PYTEST_ARGS)

.PHONY: three-homes
three-homes: build lab cluster ## one directory from a directory, from git and from a cluster: the same hosts, plans and status
	$(PY) -m pytest -m e2e --timeout 3600 tests/e2e/test_three_homes.py $(PYTEST_ARGS)

.PHONY: cluster-test
cluster-test: build cluster ## what is tried on a real Kubernetes control plane
	$(PY) -m pytest -m "$(CLUSTER)" $(PYTEST_ARGS)

.PHONY: cluster-faults
cluster-faults: build cluster ## an operator under load, whose cluster, store and token are taken away, and that is killed
	$(PY) -m pytest -m faults --timeout 3600 --capture no $(PYTEST_ARGS)

.PHONY: postgresql-test
postgresql-test: build ## what is tried on PostgreSQL servers that are stopped, frozen and filled
	$(PY) -m pytest -m postgresql $(PYTEST_ARGS)

# --- Housekeeping -----------------------------------------------------------------------------------

# With an environment of its own: the lock may be one that cannot be installed, and what makes locks is not in it.
.PHONY: crds
crds: build ## crds/: a custom resource definition of each kind, made of its schema
	@rm -f crds/*.yaml
	@for name in $$($(BIN)/froyo crd -o name); do $(BIN)/froyo crd "$${name%%.*}" >"crds/$$name.yaml"; done
	@{ sed '/^resources:/q' crds/Kustomization; for file in crds/*.yaml; do echo "  - $${file#crds/}"; done; } >crds/.new && mv crds/.new crds/Kustomization
	@ls crds

.PHONY: lock
lock: | python ## renew constraints.txt from pyproject.toml
	@[ -x build/lock/bin/uv ] && build/lock/bin/python -c '' 2>/dev/null || { $(PYTHON) -m venv --clear build/lock && build/lock/bin/python -m pip install --quiet uv; }
	@{ echo '# Everything that .venv holds, for every platform that has wheels.  Made by `make lock`; do not edit.'; \
		build/lock/bin/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --upgrade --quiet \
			--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links; } >constraints.new
	@build/lock/bin/python .ci/lock declared constraints.new pyproject.toml
	@mv constraints.new constraints.txt

.PHONY: clean
clean: ## remove all that make made in this directory (the lab stays: make lab-down)
	rm -rf $(VENV) build dist reconciler/_artifacts .coverage .coverage.* htmlcov
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
