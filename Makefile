# Everything a contributor types. Each target makes what it needs under .venv/<python version>/ and is quick when nothing
# changed. Choose the interpreter with PYTHON=python3.12, and pass benchmark arguments with BENCH_ARGS="...".

PYTHON ?= python3
PYTHONS := 3.11 3.12 3.13

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:
.SECONDEXPANSION:
.DEFAULT_GOAL := help

export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The distributions, in the order they build: all of them need hologram_core's headers.
DISTS := $(patsubst %/,%,$(dir $(wildcard $(addsuffix /pyproject.toml,\
	hologram_core hologram_stdlib hologram_dynamic hologram_atlas hologram_sigmatics))))

VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
VENV := .venv/$(VERSION)
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip

# What the binary of a distribution is made from.
sources = $(if $(wildcard $(1)),$(shell find $(1) -name '*.[ch]' -not -path '*/build/*')) \
	$(wildcard $(1)/setup.py $(1)/pyproject.toml $(1)/MANIFEST.in)
HEADERS := $(wildcard hologram_core/src/hologram_core/include/hologram/*.h)
C_FILES = $(shell find $(DISTS) benchmarks examples tests -name '*.[ch]' -not -path '*/build/*')

EXAMPLES := $(addprefix example-,kalman audio image)

.PHONY: help demo examples $(EXAMPLES) test fuzz lint docs pages bench ulp sanitize test-all wheels wheels-all fmt clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */\1\t/' | expand -t 12

# ---- set-up ---------------------------------------------------------------------------------------------------------

# A virtual environment with a pip that knows dependency groups.
$(VENV)/.venv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Hologram needs Python 3.11 or newer: make PYTHON=...")'
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) install -q 'pip>=25.1'
	touch $@

# One dependency group of pyproject.toml.
$(VENV)/.group-%: $(VENV)/.venv pyproject.toml
	$(PIP) install -q --group $*
	touch $@

# One distribution of ours, editable. Built against the hologram_core that is already there, hence the order.
INSTALLED := $(DISTS:%=$(VENV)/.installed-%)
$(INSTALLED): $(VENV)/.installed-%: $(VENV)/.group-run $(HEADERS) $$(call sources,$$*)
	$(PIP) install -q --no-build-isolation --no-deps -e ./$*
	touch $@
$(filter-out %-hologram_core,$(INSTALLED)): | $(VENV)/.installed-hologram_core

# ---- every day ------------------------------------------------------------------------------------------------------

demo: $(VENV)/.group-demo $(INSTALLED)  ## handwritten digits, one at a time, beside NumPy
	$(BIN)/python examples/digits/demo.py

examples: $(EXAMPLES)  ## a drone's flight, the loudness of speech and a photo, beside NumPy and SciPy

$(EXAMPLES): example-%: $(VENV)/.group-examples $(INSTALLED)
	$(BIN)/python examples/$*/demo.py

test: $(VENV)/.group-test $(INSTALLED)  ## the tests
	$(BIN)/pytest -q

fuzz: $(VENV)/.group-test $(INSTALLED)  ## 20,000 random kernels, interpreted and compiled
	$(BIN)/python tests/fuzz.py --count 20000

# Kernels as their authors type them: editors must not complain.
TYPED_KERNELS := tests/kernels/custom_op.py tests/kernels/custom_square.py

lint: $(VENV)/.group-lint $(INSTALLED) $(DISTS:%=build/lint/%/$(VERSION).ok)  ## format, rules, types, C without warnings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --config-file /dev/null $(TYPED_KERNELS)
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	$(BIN)/clang-format --dry-run -Werror $(C_FILES)

# Our C, built as always but with every warning an error.
build/lint/%/$(VERSION).ok: $(VENV)/.group-lint $(VENV)/.installed-hologram_core $(HEADERS) $$(call sources,$$*)
	rm -rf build/lint/$*
	mkdir -p build/lint/$*
	test ! -e $*/setup.py || (cd $* && CFLAGS='-Werror -Wall -Wextra' ../$(BIN)/python setup.py -q build_ext --force \
		--build-temp ../build/lint/$*/temp --build-lib ../build/lint/$*/lib)
	touch $@

fmt: $(VENV)/.group-lint  ## put Python and C in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only .
	$(BIN)/clang-format -i $(C_FILES)

docs: $(VENV)/.group-docs $(INSTALLED)  ## the documentation site, in build/site
	$(BIN)/sphinx-build -q -W --keep-going --fresh-env docs build/site
	@echo open build/site/index.html

pages: $(VENV)/.group-test $(INSTALLED)  ## docs/cli.md and the figures of README.md, from what they are made from
	cd docs && ../$(BIN)/python -m site_pages

# ---- measurements ---------------------------------------------------------------------------------------------------

bench: $(VENV)/.group-bench $(if $(TORCH),$(VENV)/.group-torch) $(INSTALLED)  ## the benchmarks; TORCH=1 adds PyTorch
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

ulp: $(VENV)/.group-run $(INSTALLED)  ## the worst error of each f64 function on a sample, of each unary op over every f32
	$(BIN)/python benchmarks/ulp/sample.py
	$(BIN)/python benchmarks/ulp/run.py

# ---- before a release -----------------------------------------------------------------------------------------------

SAN := build/sanitize/$(VERSION)
SAN_FLAGS := -O1 -g -fno-wrapv -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
# For every process that may import the result. Leaks are not looked for: CPython leaves much to the end of the process.
# Libraries that others import throw C++ exceptions, whose thrower has to be there when the sanitizer starts.
# SIGSEGV keeps its meaning, because the conformance kit's tests expect it of kernels that meet a guard page.
SAN_ENV = LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libstdc++.so.6)" ASAN_OPTIONS=detect_leaks=0:handle_segv=0

$(SAN)/.venv: pyproject.toml
	$(PYTHON) -m venv --clear $(SAN)/venv
	$(SAN)/venv/bin/python -m pip install -q 'pip>=25.1'
	$(SAN)/venv/bin/python -m pip install -q --group test
	touch $@

# The native code again, from a copy of the tree into an environment of its own. The compiler is wrapped because these
# flags have to come after those of setup.py.
$(SAN)/.installed: $(SAN)/.venv Makefile \
		$(foreach dist,$(DISTS),$(call sources,$(dist)) $(shell find $(dist)/src -name '*.py'))
	rm -rf $(SAN)/tree
	mkdir -p $(SAN)/tree
	printf '#!/bin/sh\nexec %s "$$@" %s\n' '$(CC)' '$(SAN_FLAGS)' > $(SAN)/cc
	chmod +x $(SAN)/cc
	tar -cf - --exclude='*.so' --exclude='*.egg-info' --exclude=build $(DISTS) | tar -xf - -C $(SAN)/tree
	for dist in $(DISTS); do CC='$(abspath $(SAN)/cc)' $(SAN_ENV) $(SAN)/venv/bin/python -m pip install -q \
		--force-reinstall --no-build-isolation --no-deps $(SAN)/tree/$$dist; done
	touch $@

# Captured in Python only, so that a sanitizer's report reaches the terminal.
sanitize: $(SAN)/.installed  ## the native code under AddressSanitizer and UndefinedBehaviorSanitizer
	$(SAN_ENV) UBSAN_OPTIONS=print_stacktrace=1 PYTHONMALLOC=malloc $(SAN)/venv/bin/pytest -q --capture=sys \
		tests/unit tests/faults tests/conformance tests/concurrency

# A target, with each Python we support; names those that are missing.
define each_python
missing=; pyenv="$$(pyenv root 2>/dev/null || echo "$$HOME/.pyenv")"; for version in $(PYTHONS); do \
	found=; for python in python$$version "$$pyenv"/versions/$$version*/bin/python$$version; do \
		if "$$python" -c 'import sys; assert "%d.%d" % sys.version_info[:2] == "'$$version'"' 2>/dev/null; then \
			found=$$python; break; fi; done; \
	if [ -z "$$found" ]; then missing="$$missing $$version"; continue; fi; \
	echo "== Python $$version: $$found"; $(MAKE) --no-print-directory PYTHON="$$found" $(1); \
done; \
if [ -n "$$missing" ]; then echo "not found, so not tested:$$missing"; fi
endef

test-all:  ## the quick tests on every Python we support that is installed here
	@$(call each_python,test-quick)

.PHONY: test-quick
test-quick: $(VENV)/.group-test $(INSTALLED)
	$(BIN)/pytest -q tests/unit tests/faults tests/property

wheels: $(VENV)/.group-run $(INSTALLED)  ## wheels and sdists in dist/, tried in a clean environment
	$(BIN)/python release/check.py --output dist
	ls dist

wheels-all:  ## the same on every Python we support that is installed here
	@$(call each_python,wheels)

clean:  ## remove everything that make made
	rm -rf .venv build dist docs/made examples/*/out .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf $(foreach dist,$(DISTS),$(dist)/build $(dist)/src/*.egg-info)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find $(DISTS) -name '*.so' -delete
