# Needs GNU make and Python 3.11 or later; everything else is installed into $(VENV).
#
#   PYTHON=python3.12 make test     choose the Python (otherwise the first one found that will do)
#   VENV=folder make test           put the environment elsewhere
#
# What is run and tested is the built wheel, not src/: $(WHEEL_DIR) is built once, installed, and
# built again when a source changed.

VENV ?= .venv
WHEEL_DIR ?= build/wheel
PYTHON ?=

PY := $(VENV)/bin/python
STAMPS := $(VENV)/.sealwire
CANDIDATES := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python)
SOURCES := pyproject.toml LICENSE $(wildcard README.md) docs/reference/messages.md docs/reference/policy.md \
	$(shell find src -not -name __pycache__ -not -name '*.pyc')
WHEEL := $(WHEEL_DIR)/sealwire-*.whl
PIP := $(PY) -m pip --disable-pip-version-check --quiet

# `make test` measures these alone, and then runs the others, except those that take long or need
# what a fresh machine lacks: these have a target of their own.
MEASURED_TESTS := tests/unit tests/property
OWN_TARGET := tests/load tests/crash tests/conformance tests/fuzz tests/privileged tests/scan tests/interop tests/openssh tests/mutation tests/assess tests/systemd tests/integration/servers
# What the pages say of the code, and every example on them: `make docs` runs these.
DOCS_TESTS := tests/integration/test_docs.py tests/integration/test_docs_examples.py
# In a process for each core; a process that is done takes tests over from the others. What loads the
# machine or measures it (tests/load, the benchmarks) never runs beside anything else.
SIDE_BY_SIDE := --numprocesses=auto --dist=worksteal
# Most of these wait for a process of their own, so three fit where there are two cores.
WAITING := --numprocesses=$(or $(PYTEST_XDIST_AUTO_NUM_WORKERS),$(shell python3 -c 'import os; print((os.cpu_count() or 1) * 3 // 2)' || echo auto)) --dist=worksteal

# An installed wheel is no use when PYTHONPATH hides it.
unexport PYTHONPATH PYTHONHOME
# Two targets never install into one environment at the same time.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help demo assess test test-all load load-short crash crash-short forks units privileged scan servers interop openssh conformance fuzz fuzz-short mutation trail-mutations bench bench-short bench-peers docs lint venv clean FORCE

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*  ## /\1|/p' Makefile | while IFS='|' read -r name what; do \
		printf '  make %-10s %s\n' "$$name" "$$what"; done

demo: $(STAMPS)/demo  ## show the whole way of a message on real processes
	$(PY) -m sealwire demo

assess: $(STAMPS)/demo  ## the live tests of the page "For an assessor", each on a real service
	$(PY) tests/assess/assess.py

test: $(STAMPS)/test  ## all tests without a target of their own; fails under full branch coverage of the pure floors
	$(PY) -m coverage erase  # of a run that was stopped, so that it does not count
	$(PY) -m coverage run -m pytest $(SIDE_BY_SIDE) $(MEASURED_TESTS)
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage report
	$(PY) -m pytest $(WAITING) $(addprefix --ignore=,$(MEASURED_TESTS) $(OWN_TARGET) $(DOCS_TESTS))
	$(PY) -m pytest $(SIDE_BY_SIDE) tests/integration/servers -k 'one_lease and (gthread or uvicorn)'

servers: $(STAMPS)/test  ## one lease in every process of gunicorn, uvicorn, celery, Django and multiprocessing
	$(PY) -m pytest $(SIDE_BY_SIDE) tests/integration/servers

test-all: $(STAMPS)/dev  ## the same on every Python found
	$(PY) -m nox

load: $(STAMPS)/test  ## tests under load, beside the standard library's listener; needs curl and openssl
	$(PY) -m pytest tests/load

load-short: $(STAMPS)/test  ## the same with shorter floods
	SEALWIRE_LOAD_SECONDS=3 $(PY) -m pytest tests/load

# libfaketime is built by its package, with gcc, into an environment of its own.
FAKETIME := build/crash/python/bin/python
$(FAKETIME): | $(STAMPS)/python
	test -x $@ || $(PY) -m venv build/crash/python
	$@ -m pip --disable-pip-version-check --quiet install libfaketime==3.0.1

crash: $(STAMPS)/test $(FAKETIME)  ## services killed, lied to by disks and clocks, and hammered; needs root, strace and gcc
	$(PY) -m pytest -s -o faulthandler_timeout=3600 tests/crash

# Without root, the disks that have to be mounted are left out.
crash-short: $(STAMPS)/test $(FAKETIME)  ## the same in under a minute
	SEALWIRE_CRASH_CALLS=2 SEALWIRE_CRASH_KILLS=10 SEALWIRE_CRASH_TRIES=6000 SEALWIRE_CRASH_SHORT=1 \
		$(PY) -m pytest $(if $(filter 0,$(shell id -u)),,--ignore=tests/crash/test_disks.py) tests/crash

# In `make test` it does 60 rounds.
forks: $(STAMPS)/test  ## a listener whose process forks, spawns and kills, a thousand times
	SEALWIRE_FORK_ROUNDS=1000 $(PY) -m pytest -s -o faulthandler_timeout=3600 tests/forks

units: $(STAMPS)/test  ## how much the example units leave a service; needs systemd-analyze
	$(PY) -m pytest tests/systemd

privileged: $(STAMPS)/test  ## tests with other users of the machine; needs root
	$(PY) -m pytest tests/privileged

# Scanners bring many packages of their own, so they have an environment of their own.
scan: $(WHEEL_DIR)/.built  ## bandit and semgrep over what users are told to write
	test -x build/scan/bin/pip || $(PY) -m venv build/scan
	build/scan/bin/pip --disable-pip-version-check --quiet install bandit==1.9.4 semgrep==1.185.0 "$$(echo $(WHEEL))[test]"
	build/scan/bin/pip --disable-pip-version-check --quiet install --no-deps --force-reinstall $(WHEEL)
	build/scan/bin/python -m pytest tests/scan

# Two of the others need an older cbor2 than anybody else has, so they have an environment too.
interop: $(STAMPS)/test  ## other implementations agree with ours, and keys go both ways; needs node, npm, openssh and openssl
	test -x build/interop/python/bin/pip || $(PY) -m venv build/interop/python
	build/interop/python/bin/pip --disable-pip-version-check --quiet install cwt==3.3.0 pycose==1.1.0 cbor2==5.9.0 cddl-verifier==1.5.3 pymerkle==6.1.0
	npm install --prefix build/interop --no-package-lock --no-save --no-audit --no-fund --loglevel=error @auth0/cose@1.0.2
	$(PY) -m pytest tests/interop

openssh: $(STAMPS)/test  ## what OpenSSH signs and verifies, and a real ssh-agent; needs ssh-keygen and ssh-agent
	$(PY) -m pytest tests/openssh

fuzz: $(STAMPS)/fuzz  ## coverage-guided fuzzing of every parser; FUZZ_RUNS=number of inputs
	$(PY) tests/fuzz/fuzz.py

fuzz-short: $(STAMPS)/fuzz  ## the same with fewer inputs, in under a minute
	FUZZ_RUNS=180000 $(PY) tests/fuzz/fuzz.py

mutation: $(STAMPS)/test  ## a report: which changes of cbor, cose and chain no test notices
	$(PY) tests/mutation/mutate.py

trail-mutations: $(STAMPS)/test  ## ten thousand changes of a trail, each found and named
	SEALWIRE_TRAIL_MUTATIONS=10000 $(PY) -m pytest -s tests/property/test_trail_mutations.py

conformance: $(STAMPS)/test  ## public test vectors, and the standard library's own tests
	$(PY) -m pytest tests/conformance

bench: $(STAMPS)/demo  ## measure against the raw primitives and the standard library
	$(PY) -m benchmarks

# The others bring many packages, some of them old, so they have an environment of their own.
bench-peers: $(WHEEL_DIR)/.built  ## measure beside other ways of sealing; writes a plot
	test -x build/peers/bin/pip || $(PY) -m venv build/peers
	build/peers/bin/pip --disable-pip-version-check --quiet install -r benchmarks/peers/requirements.txt
	build/peers/bin/pip --disable-pip-version-check --quiet install --force-reinstall --no-deps $(WHEEL)
	build/peers/bin/python -m benchmarks.peers $(PEERS_OPTIONS)

bench-short: $(STAMPS)/demo  ## the same in less time; shows what it finds, fails when it cannot measure
	$(PY) -m benchmarks --short

# With everything read anew, because a page that is not read cannot warn.
docs: $(STAMPS)/docs  ## the pages as HTML, in build/docs, and every example on them
	$(PY) -m sphinx -W --keep-going --fresh-env -b html docs build/docs
	$(PY) -m pytest $(WAITING) $(DOCS_TESTS)

# mypy's three runs side by side, and each with a cache that the others do not make worthless.
lint: $(STAMPS)/dev  ## ruff, mypy for three platforms, import contracts
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	printf '%s\n' linux 'darwin src' 'win32 src' | xargs -P 3 -L 1 sh -c \
		'$(PY) -m mypy --cache-dir ".mypy_cache/$$0" --platform "$$0" "$$@"'
	PYTHONPATH=src $(PY) -c 'from importlinter.cli import lint_imports_command as lint; lint()' --no-logo

venv: $(STAMPS)/dev  ## set up $(VENV) with everything for development

clean:  ## remove everything that was made here, $(VENV) included
	rm -rf build dist .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .nox .pytest_cache .ruff_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
	if [ -d "$(STAMPS)" ]; then rm -rf "$(VENV)"; fi


# ---- set-up: each file under $(STAMPS) says that a step was done ----------------------------

# Is there an environment whose Python runs, is new enough, and is the one asked for?
VENV_FITS := $(shell asked=$$($(or $(PYTHON),$(PY)) -c 'import sys; print(sys.version_info[:2])' 2>&1); \
	$(PY) -c "import sys; v = sys.version_info[:2]; print('yes' if v >= (3, 11) and str(v) == '$$asked' else 'no')" \
	2>/dev/null)

# An environment that this file did not make is used if it fits, and otherwise left alone.
$(STAMPS)/python: $(if $(filter yes,$(VENV_FITS)),,FORCE)
	@set -e; if [ "$(VENV_FITS)" != yes ]; then \
		if [ -e "$(VENV)" ] && [ ! -d "$(STAMPS)" ]; then \
			echo "error: $(VENV) is there, but its Python does not run or is older than 3.11$(if $(PYTHON), or is not $(PYTHON))" >&2; \
			echo "hint: remove it, or choose another folder: make VENV=folder" >&2; \
			exit 1; \
		fi; \
		found=; for candidate in $(CANDIDATES); do \
			if "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
				2>/dev/null; then found=$$candidate; break; fi; \
		done; \
		if [ -z "$$found" ]; then \
			echo "error: no Python 3.11 or later with its venv module among: $(CANDIDATES)" >&2; \
			echo "hint: install one (on Debian with python3-venv), or name it: make PYTHON=path" >&2; \
			exit 1; \
		fi; \
		echo "making $(VENV) with $$("$$found" --version)"; \
		"$$found" -m venv --clear "$(VENV)"; \
	fi
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip >/dev/null
	@mkdir -p $(STAMPS) && touch $@

# The build backend stays in the environment, so that building again needs no network.
$(STAMPS)/backend: $(STAMPS)/python pyproject.toml
	$(PIP) install $$($(PY) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])')
	@touch $@

$(WHEEL_DIR)/.built: $(SOURCES) | $(STAMPS)/backend
	@rm -rf $(WHEEL_DIR) && mkdir -p $(WHEEL_DIR) && touch $@.start
	$(PIP) wheel --no-deps --no-build-isolation --wheel-dir $(WHEEL_DIR) .
	@mv $@.start $@  # with the time of its start: what is saved during a build is built next time

$(STAMPS)/wheel: $(WHEEL_DIR)/.built $(STAMPS)/python
	$(PIP) install --no-deps --force-reinstall $(WHEEL)
	@touch $@

# pip goes to the network for what is missing alone.
$(STAMPS)/demo: EXTRAS := demo
$(STAMPS)/test: EXTRAS := cli,test
$(STAMPS)/docs: EXTRAS := cli,docs
$(STAMPS)/dev: EXTRAS := cli,dev
$(STAMPS)/fuzz: EXTRAS := cli,fuzz
$(STAMPS)/demo $(STAMPS)/test $(STAMPS)/docs $(STAMPS)/dev $(STAMPS)/fuzz: $(STAMPS)/wheel
	$(PIP) install "$$(echo $(WHEEL))[$(EXTRAS)]"
	@touch $@
