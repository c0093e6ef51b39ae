# `make demo` and `make test` need Python 3.11 or newer, git and make; everything else they bring along.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
APPS := .venv-apps

.PHONY: demo services test contracts tests test-matrix test-apps format wheel bench clean

demo: $(VENV)/.runtime .env
	@exec $(BIN)/python manage.py demo

services: $(VENV)/.runtime .env
	@exec $(BIN)/python manage.py services

test: $(VENV)/.tools .env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory -j 2 contracts tests
	@scripts/test-postgresql-15

# What takes a while to look at, beside the tests.
contracts: $(VENV)/.tools .env
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check_isolation

tests: $(VENV)/.tools .env
	$(BIN)/pytest -n 2 --dist worksteal

format: $(VENV)/.tools
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The distribution, in dist/.
wheel: $(VENV)/.tools
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

# The same tests on the newest Python and Django, where there is such a Python.
test-matrix:
	scripts/test-matrix

# Other people's apps in two tenants, in an environment of their own; docs/apps.md. Some minutes.
test-apps: $(APPS)/.tools
	cd tests/apps && PYTHONPATH=.:../.. ../../$(APPS)/bin/pytest -q
	cd tests/apps && PYTHONPATH=.:../.. ../../$(APPS)/bin/pytest -q --ds=magazine.settings_sites test_sites.py
	cd tests/apps && PYTHONPATH=.:../.. ../../$(APPS)/bin/pytest -q --ds=magazine.settings_cms test_cms.py

$(APPS)/.tools: tests/apps/requirements.txt
	@$(PYTHON) -m venv $(APPS)
	$(APPS)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/apps/requirements.txt
	@touch $@

# Side by side with peers and with PostgreSQL itself; docs/benchmarks.md. Some minutes; N=1000 for the large one.
bench: $(BENCH)/.tools .env
	@$(BENCH)/bin/python -m bench.behaviour
	@$(BENCH)/bin/python -m bench.create
	@$(BENCH)/bin/python -m bench.migrate
	@$(BENCH)/bin/python -m bench.requests
	@$(BENCH)/bin/python -m bench.api
	@$(BENCH)/bin/python -m bench.following
	@$(BENCH)/bin/python -m bench.records
	@$(BENCH)/bin/python -m bench.hosts
	@$(BENCH)/bin/python -m bench.noisy
	@$(BENCH)/bin/python -m bench.login_flood
	@$(BENCH)/bin/python -m bench.gateway

# The peers have an environment of their own. One of them needs Python 3.12 and is left out on an older one.
$(BENCH)/.tools: requirements.txt bench/requirements-peers.txt
	@for python in $(BENCH_PYTHON) python3.12 python3.13 $(PYTHON); do \
	  $$python -c '' 2>/dev/null && { $$python -m venv $(BENCH); break; }; done
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check -r bench/requirements-peers.txt
	@touch $@

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is older than Python 3.11. Say which one to take: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.python requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.tools: $(VENV)/.runtime requirements-dev.txt scripts/wheelhouse
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@scripts/wheelhouse $(VENV)
	@touch $@

# A secret of this clone's own; a half-written file is never left behind.
.env:
	@umask 077; $(PYTHON) -c 'import secrets; print("SECRET_KEY=" + secrets.token_urlsafe(50))' > .env.new && mv .env.new .env

clean:
	-$(BIN)/python manage.py embedded_postgres stop
	rm -rf $(VENV) $(BENCH) $(APPS) .sangga dist
