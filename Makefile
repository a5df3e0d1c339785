# Every target makes the environment it needs in .venv; nothing is needed beforehand but make and
# Python 3.11 or newer with venv. Name another interpreter with `make PYTHON=...`.
.DEFAULT_GOAL := help
.PHONY: help demo test lint docs bench exhaustive clean

VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# The first interpreter that starts, is new enough and can make environments (a name on PATH may be a shim that fails).
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)

help: ## what there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "leaky needs Python 3.11 or newer with venv; name one with: make PYTHON=/path/to/python3" >&2; exit 2; }
	@"$(PYTHON)" -m venv $(VENV)

NATIVE := CMakeLists.txt $(wildcard native/*)  # an editable install compiles them once

$(VENV)/lab.stamp: $(BIN)/python pyproject.toml constraints.txt $(NATIVE)
	@echo "Installing leaky and what its lab needs into $(VENV) ..."
	@$(INSTALL) --editable '.[lab]'
	@touch $@

$(VENV)/dev.stamp: $(BIN)/python pyproject.toml constraints.txt $(NATIVE)
	@echo "Installing leaky and what its tests need into $(VENV) ..."
	@$(INSTALL) --editable '.[lab,jax,dask,dev]'
	@$(INSTALL) --no-deps --target $(VENV)/timm timm torchvision  # why there: tests/ecosystem/test_timm.py
	@touch $@

demo: ## compare activations on scanned digits: a table here, pictures in report.html
	@echo "This trains 132 small networks on scikit-learn's scanned digits, to see which of six activations does"
	@echo "best, how sure that is, and which units die on the way: one to three minutes on two cores."
	@$(MAKE) --no-print-directory $(VENV)/lab.stamp
	@$(BIN)/leaky compare --task digits --report report.html

test: $(VENV)/dev.stamp ## the whole test suite, a process a core (four at most)
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

lint: $(VENV)/dev.stamp ## ruff, strict types, and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: $(VENV)/dev.stamp ## docs/activations.md, from the catalogue
	@$(BIN)/python -m leaky.report.activation.markdown docs/activations.md

bench: $(VENV)/dev.stamp ## the figures in benchmarks/, measured here
	@$(BIN)/python benchmarks/bench_lab.py
	@$(BIN)/python benchmarks/bench_kernels.py
	@$(BIN)/python benchmarks/bench_arrays.py
	@$(BIN)/python benchmarks/bench_norm_act.py
	@$(BIN)/python benchmarks/bench_bias_act.py
	@$(BIN)/python benchmarks/bench_lean.py
	@$(BIN)/python benchmarks/bench_doctor.py
	@if $(BIN)/python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then $(BIN)/python benchmarks/bench_gpu.py; fi
	@$(BIN)/python benchmarks/bench_compile.py

exhaustive: $(VENV)/dev.stamp ## every float32 through every element-wise function, against float64: hours; goes on where it was
	@$(BIN)/python benchmarks/exhaustive.py

clean: ## remove the environment and what demo made; stores of trials stay
	rm -rf $(VENV) report.html .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
