# The two commands of the README are `make demo` and `make test`; each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NODE_STAMP := node_modules/.installed
FIFTYONE := $(VENV)/fiftyone
FIFTYONE_STAMP := $(FIFTYONE)/.installed
# Chromium for the browser tests: the one on the PATH, else Debian's package.
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

# Hundreds of processes are started by the tests: each would translate all of labeltool anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test lint unit fiftyone js browser-setup bench screenshots clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "labeltool needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

$(NODE_STAMP): package.json package-lock.json
	@command -v npm >/dev/null || { echo "the editor's checks need Node.js 20 with npm: https://nodejs.org" >&2; exit 1; }
	npm ci --no-audit --no-fund --silent
	touch $@

browser-setup:
ifeq ($(CHROMIUM),)
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; \
	else echo "the browser tests need Chromium: install the package chromium" >&2; exit 1; fi
endif

demo: setup
	$(BIN)/labeltool demo

# Side by side: the installations wait for the network, the tests for browsers and servers, and leave room for the checks.
test:
	@$(MAKE) --no-print-directory --jobs 2 unit lint js fiftyone

lint: setup $(NODE_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	npx --no-install tsc --project tsconfig.json

js: $(NODE_STAMP)
	npm test --silent --ignore-scripts

# Two processes, each with one thread, share a machine of two cores better than one process with two. Memory that is freed
# stays with the process: giving it back to the system and asking for it again takes a third of the time of a training.
unit: setup browser-setup $(NODE_STAMP)
	OMP_NUM_THREADS=1 MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=4294967296 MALLOC_TOP_PAD_=67108864 $(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder

# FiftyOne's pins differ from ours: it has an environment of its own, which finds everything else in .venv.
$(FIFTYONE_STAMP): fiftyone-requirements.txt $(STAMP)
	test -x $(FIFTYONE)/bin/python || $(BIN)/python -m venv --without-pip $(FIFTYONE)
	$(BIN)/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
	  > "$$($(FIFTYONE)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/_labeltool.pth"
	$(BIN)/python -m pip --python $(FIFTYONE)/bin/python install --quiet --disable-pip-version-check \
	  --no-deps --no-compile --requirement fiftyone-requirements.txt
	touch $@

fiftyone: $(FIFTYONE_STAMP)
	$(FIFTYONE)/bin/python -m pytest -q tests/explore/test_fiftyone.py

bench: setup
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script --quick || exit 1; done

screenshots: setup browser-setup
	$(BIN)/python docs/make_screenshots.py

clean:
	rm -rf $(VENV) node_modules build dist
