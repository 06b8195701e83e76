# One place for what people and CI run. `make` alone lists the targets.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# What make was given travels to the shell by the environment, untouched: paths may hold spaces, quotes and dollars.
export DEMO_IMAGES = $(value IMAGES)
export BENCH_DATA = $(value DATA)
export BENCH_MODEL = $(value MODEL)
export BENCH_PHOTOS = $(value PHOTOS)

FOR_DEMO := $(VENV)/.installed-for-demo
FOR_TESTS := $(VENV)/.installed-for-tests

.PHONY: help
help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

# ---------------------------------------------------------------------------------------------- environments

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Python 3.11 or newer is needed, $(PYTHON) is {sys.version.split()[0]}. Name another one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

# torch comes first and alone. Its default build for Linux brings gigabytes of CUDA libraries; whoever has told pip where
# a CPU build is gets that one, and the second step, which asks for many packages at once, finds it in place. The
# version is in constraints.txt.
define install
	$(PIP) install --quiet --constraint constraints.txt torch
	$(PIP) install --quiet --constraint constraints.txt --editable ".[$(EXTRAS)]"
endef

$(FOR_DEMO): EXTRAS := hub-free
$(FOR_DEMO): pyproject.toml constraints.txt | $(BIN)/pip
	$(install)
	@touch $@

$(FOR_TESTS): EXTRAS := hub-free,test,docs
$(FOR_TESTS): pyproject.toml constraints.txt | $(BIN)/pip
	$(install)
	@touch $(FOR_DEMO) $@
	@echo "environment: ready in $(VENV)"

.PHONY: venv
venv: $(FOR_TESTS)  ## everything that development needs, in .venv

# ---------------------------------------------------------------------------------------------- using it

.PHONY: demo
demo: $(FOR_DEMO)  ## concepts of sample pictures, or of yours: make demo IMAGES=~/Pictures
	@images="$$DEMO_IMAGES"; \
	case "$$images" in \
		"") images=demo-output/stickers; $(BIN)/python demo/make_stickers.py "$$images" ;; \
		"~" | "~/"*) images="$$HOME$${images:1}" ;; \
	esac; \
	rm -rf demo-output/concepts; \
	$(BIN)/concept-memes fit "$$images" --model hub-free --out demo-output/concepts; \
	$(BIN)/concept-memes show demo-output/concepts --top 20 -o demo-output/collage.png; \
	$(BIN)/concept-memes report demo-output/concepts -o demo-output/concepts.html
	@echo "demo: open demo-output/concepts.html in a browser; demo-output/collage.png is the collage"

.PHONY: bench
bench: $(FOR_TESTS)  ## measure quality: make bench DATA=folder
	@[ -n "$$BENCH_DATA" ] || { echo "bench: name the folder with the data: make bench DATA=folder" >&2; exit 2; }
	$(BIN)/python benchmarks/quality.py --data "$$BENCH_DATA"
	@echo "bench: done"

.PHONY: bench-embedding
bench-embedding: $(FOR_TESTS)  ## measure speed: make bench-embedding MODEL=clip-folder [PHOTOS=folder]
	@[ -n "$$BENCH_MODEL" ] || { echo "bench-embedding: name a folder with a CLIP model: make bench-embedding MODEL=folder" >&2; exit 2; }
	$(BIN)/python benchmarks/bench_embedding.py --model "$$BENCH_MODEL" $${BENCH_PHOTOS:+--photos "$$BENCH_PHOTOS"}
	@echo "bench-embedding: done"

# ---------------------------------------------------------------------------------------------- checking it

.PHONY: test
test: lint types imports unit docs package  ## all checks; CI runs this one
	@echo "test: all checks passed"

.PHONY: lint
lint: $(FOR_TESTS)  ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@echo "lint: ok"

.PHONY: types
types: $(FOR_TESTS)  ## mypy --strict over the package
	$(BIN)/mypy
	@echo "types: ok"

.PHONY: imports
imports: $(FOR_TESTS)  ## which module may import which
	$(BIN)/lint-imports
	@echo "imports: ok"

.PHONY: unit
unit: $(FOR_TESTS)  ## tests and the examples in the docstrings
	$(BIN)/python -m pytest -n 2 --dist loadfile
	@echo "unit: ok"

.PHONY: docs
docs: $(FOR_TESTS)  ## build the pages into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "docs: ok, open site/index.html"

# Without isolation, because hatchling is in the environment already: no download, and the tested version.
.PHONY: package
package: $(FOR_TESTS)  ## build wheel and sdist, install the wheel elsewhere and try it
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist . > /dev/null
	$(BIN)/twine check --strict dist/*
	$(BIN)/python scripts/check_wheel.py dist
	@echo "package: ok"

# ---------------------------------------------------------------------------------------------- housekeeping

.PHONY: format
format: $(FOR_TESTS)  ## let ruff fix what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	@echo "format: done"

.PHONY: clean
clean:  ## remove what the other targets made, but not .venv
	rm -rf build dist site demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@echo "clean: done"
