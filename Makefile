# Everything runs in make's own virtual environment, .venv, at the versions of constraints.txt.
PYTHON ?= python3.11
DEMO ?= demo
FILES ?= 10000
SIZE ?= 320
PYTEST ?=
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Holds for the isolated environment a wheel is built in, too.
export PIP_CONSTRAINT = constraints.txt

bin := .venv/bin
made := .venv/.made
runs := .venv/.runs
develops := .venv/.develops
# Each worker begins with tests that follow each other, so what a file's tests share is seldom made twice.
workers := -n auto --maxprocesses 4 --dist worksteal
# What rounding changes; not files, messages and names.
numbers := $(filter-out $(addprefix tests/encoders/test_,download.py layers.py layout.py store.py weights.py), \
	$(wildcard $(patsubst %,tests/%/test_*.py,encoders statistics objectives solvers methods)))
timed := $(shell grep -rl --include='*.py' 'mark\.timing' tests)
fast := 'import sys, torch; from stylespace.encoders.precision import fastest; sys.exit(fastest(torch.device("cpu")) != torch.bfloat16)'

.DELETE_ON_ERROR:
.PHONY: help install demo test test-browser numeric hostile slow lint style types imports format figures gallery docs wheel clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(develops) ## only make the environment, .venv

demo: $(runs) ## redraw a photograph in several styles; one contact sheet in demo/
	$(bin)/stylespace demo -o "$(DEMO)"

test: $(develops) ## the fast tests; PYTEST="-k colour" chooses
	$(bin)/python -m pytest -m "not slow and not timing and not browser" $(workers) $(PYTEST)
	$(if $(PYTEST),,$(bin)/python -m pytest -m "timing and not slow" $(timed))

test-browser: $(develops) ## the page in Chromium (Debian: apt-get install chromium); skipped where there is none
	$(bin)/python -m pytest -m browser $(PYTEST)

numeric: $(develops) ## the numeric tests again: as on a processor without AVX-512, and in bfloat16 where that is fast here
	ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 $(bin)/python -m pytest -m "not slow and not timing" $(workers) $(numbers) $(PYTEST)
	@if $(bin)/python -c $(fast); then $(bin)/python -m pytest --precision bf16 -m "not slow and not timing" $(workers) $(numbers) $(PYTEST); \
		else echo "bfloat16 is not fast on this processor: its run is left out."; fi

hostile: $(develops) ## damaged and hostile files of every kind through the readers; FILES=500 chooses how many
	$(bin)/python benchmarks/hostile.py --files $(FILES)

slow: $(develops) ## the slow tests
	$(bin)/python -m pytest -m slow $(workers) $(PYTEST)

lint: style types imports ## style, types, import order

style: $(develops)
	$(bin)/ruff check
	$(bin)/ruff format --check

types: $(develops)
	$(bin)/mypy

imports: $(develops)
	$(bin)/lint-imports

format: $(develops) ## put the code in the project's style
	$(bin)/ruff check --fix-only --quiet
	$(bin)/ruff format --quiet

figures: $(develops) ## measure speed, memory and quality: one JSON line a figure
	$(bin)/python benchmarks/figures.py

gallery: $(develops) ## make the pictures of docs/gallery again; SIZE=320
	cd docs/gallery && for each in $$(ls *.py | grep -v inputs.py); do ../../$(bin)/python $$each --size $(SIZE) || exit 1; done

docs: $(develops) ## the pages of docs/ as a site, in site/; links that lead nowhere are errors
	NO_MKDOCS_2_WARNING=1 $(bin)/mkdocs build --strict

wheel: $(develops) ## dist/stylespace-*.whl
	$(bin)/python -m build --wheel --no-isolation --outdir dist

clean: ## remove what make made, the environment included
	rm -rf .venv build dist demo site .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find src tests benchmarks recipes -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(made):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Stylespace needs Python 3.11 or newer: say which, as in 'make $(or $(MAKECMDGOALS),demo) PYTHON=python3.12'." >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@

$(runs): pyproject.toml constraints.txt | $(made)
	@echo "Installing Stylespace and PyTorch into .venv: a few minutes the first time."
	@$(bin)/python -m pip install -qq --editable .
	@touch $@

$(develops): $(runs)
	@echo "Installing the tools for tests and checks into .venv."
	@$(bin)/python -m pip install -qq --editable '.[dev]'
	@touch $@
