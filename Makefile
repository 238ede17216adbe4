# `make run` and `make test` are all that is needed; the rest is for working on it.
#
#   make run [HOST=0.0.0.0] [PORT=8000] [PROCESSES=2]
#   make load [LOAD_SECONDS=120] [LOAD_STUDENTS=200]
#   make chaos [CHAOS_SECONDS=60] [CHAOS_SEED=…] [CHAOS_LEDGER=postgresql|sqlite]
#   make mutants [FILES=server/core/rates.py]

VENV := .venv
PYTHON := $(VENV)/bin/python
JS_BIN := $(VENV)/javascript/node_modules/.bin
JS_FILES := 'client_sdk/**/*.js' 'server/**/*.js' 'tests/**/*.js'
PIP_INSTALL := $(PYTHON) -m pip install --quiet --disable-pip-version-check -c constraints.txt

# Only from make's own command line: some shells export a HOST that means something else.
ifeq ($(origin HOST),command line)
export CLASSDROP_HOST := $(HOST)
endif
ifeq ($(origin PORT),command line)
export CLASSDROP_PORT := $(PORT)
endif
ifeq ($(origin PROCESSES),command line)
export CLASSDROP_PROCESSES := $(PROCESSES)
endif

.PHONY: run test fast fmt lint js-tools sdk sdk-python load bench chaos mutants clean

# People read what it says, wherever it goes.
run: export CLASSDROP_LOG_FORMAT ?= text
run: $(VENV)/installed
	@exec $(PYTHON) -m server

test: $(VENV)/installed-dev
	@exec $(PYTHON) -m tests

# Without servers, databases or a browser: what to run before each commit.
fast: $(VENV)/installed-dev
	@exec $(PYTHON) -m tests --fast

fmt: $(VENV)/installed-dev js-tools
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .
	@if [ -x $(JS_BIN)/prettier ]; then $(JS_BIN)/prettier --write --log-level warn $(JS_FILES); fi

lint: $(VENV)/installed-dev js-tools
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	@if [ -x $(JS_BIN)/tsc ]; then $(JS_BIN)/prettier --check $(JS_FILES) && $(JS_BIN)/tsc; fi

# TypeScript checks the types in the JSDoc (tsconfig.json), Prettier formats (its options are those of
# .editorconfig). Both are npm packages, pinned in tests/javascript, and live beside Python's tools.
js-tools:
	@if command -v npm >/dev/null; then $(MAKE) --silent $(VENV)/installed-javascript; \
	else echo 'No npm: the JavaScript is not type-checked and not formatted.'; fi

# Both SDKs as packages, each built, installed and imported. JavaScript: dist/classdrop-sdk.tgz for npm. Its
# .d.ts files are made here from the JSDoc and are not in the repository, so that they cannot be out of date.
# A program in TypeScript checks them. Python: dist/classdrop_sdk-0.1.0-py3-none-any.whl.
sdk: js-tools sdk-python
	@rm -rf dist/classdrop-sdk && mkdir -p dist && cp -r client_sdk/javascript dist/classdrop-sdk
	@$(JS_BIN)/tsc -p tests/javascript/tsconfig.sdk-types.json
	@$(JS_BIN)/tsc -p tests/javascript/tsconfig.consumer.json
	@tar -czf dist/classdrop-sdk.tgz -C dist classdrop-sdk
	@cd dist && rm -rf npm-check && mkdir npm-check && cd npm-check && echo '{"private":true}' > package.json && \
		npm install --offline --ignore-scripts --no-audit --no-fund --loglevel error ../classdrop-sdk.tgz >/dev/null && \
		test -s node_modules/classdrop-sdk/office_api.d.ts && \
		node --input-type=module --eval 'import { Api } from "classdrop-sdk"; new Api({ url: "http://x.test" });'
	@rm -rf dist/npm-check

# The wheel has only what a school's program imports: no documents, no JavaScript.
sdk-python:
	@rm -rf dist/python dist/python-check && mkdir -p dist/python
	@cp -r client_sdk dist/python/client_sdk && cd dist/python/client_sdk && rm -rf javascript vectors.json *.md
	@find dist/python -name __pycache__ -type d -prune -exec rm -rf {} +
	@mv dist/python/client_sdk/package.toml dist/python/pyproject.toml
	@cd dist/python && $(abspath $(PYTHON)) -m flit_core.wheel --outdir .. >/dev/null
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --no-index --target dist/python-check \
		dist/classdrop_sdk-0.1.0-py3-none-any.whl
	@cd dist/python-check && $(abspath $(PYTHON)) -c 'import client_sdk, pathlib; from client_sdk.python import Api; \
		assert pathlib.Path(client_sdk.__file__).parent.parent == pathlib.Path.cwd(); Api("http://x.test")'
	@rm -rf dist/python dist/python-check

# A whole lesson with Locust's users, against a server of its own; leaves reports/load.html.
LOAD_SECONDS ?= 120
LOAD_STUDENTS ?= 200
load: $(VENV)/installed-dev
	@exec $(PYTHON) -m loadtest lesson --students $(LOAD_STUDENTS) --seconds $(LOAD_SECONDS) \
		--html reports/load.html

# The whole benchmark: a quarter of an hour on a machine with nothing else to do; leaves
# reports/bench.json. `python -m loadtest bench --publish reports/bench.json` puts it into README.md.
bench: $(VENV)/installed-dev
	@exec $(PYTHON) -m loadtest bench

# Processes are killed and stopped, the network is cut, slowed and silenced, and every promise is checked;
# a minute of it is in `make test`. Leaves the history in reports/chaos-SEED.
CHAOS_SECONDS ?= 60
CHAOS_LEDGER ?= postgresql
chaos: $(VENV)/installed-dev
	@exec $(PYTHON) -m tests.chaos --seconds $(CHAOS_SECONDS) --ledger $(CHAOS_LEDGER) \
		$(if $(CHAOS_SEED),--seed $(CHAOS_SEED))

# Break each rule of the core, the session, the wire and the scripts, and see that a test notices: hours;
# `make mutants FILES=server/core/rates.py` looks at one file.
mutants: $(VENV)/installed-dev
	@exec $(PYTHON) -m tests.mutants $(FILES)

# Data stay: `rm -r .data` is for people to type.
clean:
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps say what has been installed, so that a second run starts at once.
$(VENV)/installed: $(PYTHON) pyproject.toml constraints.txt
	@echo 'Installing the dependencies into $(VENV): about a minute, the first time only.'
	@$(PIP_INSTALL) -e .
	@touch $@

$(VENV)/installed-dev: $(PYTHON) pyproject.toml constraints.txt
	@echo 'Installing the dependencies and the tools into $(VENV): about a minute, the first time only.'
	@$(PIP_INSTALL) -e '.[dev,loadtest]'
	@touch $@ $(VENV)/installed

# No package's own script is run. npm writes into the copies only.
$(VENV)/installed-javascript: tests/javascript/package.json tests/javascript/package-lock.json
	@mkdir -p $(VENV)/javascript
	@cp $^ $(VENV)/javascript
	@cd $(VENV)/javascript && npm ci --ignore-scripts --no-audit --no-fund --loglevel error >/dev/null
	@touch $@

# The first that runs and is new enough: a name on the PATH need not be more than a shim.
$(PYTHON):
	@for python in python3 python3.14 python3.13 python3.12 python3.11; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			exec $$python -m venv $(VENV); \
		fi; \
	done; \
	echo 'Python 3.11 or newer is needed.' >&2; exit 1
