.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
PYTEST := $(BIN)/python -m pytest -n auto --dist loadgroup
QUICK := not browser and not installation and not exhaustive and not slow and not live

help: ## Print this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

demo: .venv/base ## Everything from nothing: databases, simulated LinkedIn, first sync, then serve (ARGS=--once stops after it)
	@$(BIN)/python manage.py demo $(ARGS)

run: .venv/base ## The same against the real LinkedIn, configured by .env
	@$(BIN)/python manage.py run $(ARGS)

check: .venv/dev ## Style, types, imports and what needs neither a browser nor an installation: in two minutes or so
	@$(MAKE) --no-print-directory -j 2 lint quick-tests

quick-tests: .venv/dev ## Only the tests of `make check`
	$(PYTEST) -m "$(QUICK)" $(ARGS)

test: .venv/dev ## The same with every test but the slow ones: within four minutes
	@$(MAKE) --no-print-directory -j 2 lint tests

tests: .venv/dev ## Only the tests of `make test`
	$(PYTEST) $(ARGS)

test-slow: .venv/dev ## Only the slow tests, which kill real processes or need much time
	$(PYTEST) -m slow $(ARGS)

test-all: .venv/dev ## Everything
	@$(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory test-slow

lint: .venv/dev ## Style, types, import direction, known weaknesses
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive accounts config ingestion reporting manage.py
	$(BIN)/mypy

bench: .venv/dev ## Measure everything against its bar, into docs/benchmarks/ (35 minutes; ARGS="--only sync" for a part)
	@$(BIN)/python -m benchmarks $(ARGS)

openapi: .venv/base ## Write docs/openapi.yaml, docs/snapshot.schema.json and what docs/ says of metrics from the code
	$(BIN)/python manage.py spectacular --file docs/openapi.yaml --validate --fail-on-warn
	$(BIN)/python -m reporting.snapshots.document > docs/snapshot.schema.json
	$(BIN)/python -m reporting.operations.documents

sbom: .venv/dev ## Write sbom.json: every package of the image with version and hashes (CycloneDX)
	@$(BIN)/cyclonedx-py requirements requirements/base.txt --output-reproducible --of JSON --sv 1.6 --output-file sbom.json

screenshots: .venv/dev ## Pictures of every page, light and dark, wide and narrow, into .local/screenshots/ (ARGS="login home" for some)
	@$(BIN)/python -m tests.browser.screenshots $(ARGS)

lock: .venv/dev ## Lock the requirements again, with hashes
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes requirements/base.in -o requirements/base.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes requirements/dev.in -c requirements/base.txt -o requirements/dev.txt

clean: ## Remove the virtual environment and all local data
	rm -rf .venv .local

.venv/base: requirements/base.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/base.txt
	@touch $@

.venv/dev: requirements/dev.txt .venv/base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

.PHONY: help demo run check quick-tests test tests test-slow test-all lint bench openapi sbom screenshots lock clean
