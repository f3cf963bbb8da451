# `make demo` and `make test` set up everything they need, on a machine that has only Python >= 3.11 and make.
# The environment is .venv/ (delete it to start over). PYTHON=... chooses another interpreter.
VENV   := .venv
STAMPS := $(VENV)/stamps
UV     := $(VENV)/bin/uv
# The lock decides what is installed; --inexact leaves alone what somebody added by hand. uv never fetches an
# interpreter, and trusts the certificates that the system trusts, where it has any.
CERTS   = $(if $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/ssl/cert.pem),UV_SYSTEM_CERTS=1)
SYNC    = $(CERTS) UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --quiet --frozen --inexact
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PYTEST_ARGS ?=

.PHONY: help demo test lint services bench lab data clean
help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(STAMPS)/demo ## Set up, then diagnose the archive that docker load refuses (36 layers promised, 25 listed)
	@$(VENV)/bin/layerkit demo

test: $(STAMPS)/dev services lint ## Set up, then run every check and test; tests without their service say why
	@$(VENV)/bin/python -m pytest -q -rs $(PYTEST_ARGS)

lint: $(STAMPS)/dev ## ruff (rules and format) and mypy --strict
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/ruff format --quiet --check .
	@$(VENV)/bin/mypy --no-error-summary

services: ## Install the Debian packages that tests need, where that is allowed; starts no daemon
	@sh tests/services/install.sh

bench: $(STAMPS)/dev services ## Speed and memory beside other tools
	@$(VENV)/bin/python -m benchmarks

lab: $(STAMPS)/lab ## Open JupyterLab on notebooks/
	@$(VENV)/bin/layerkit lab

data: $(STAMPS)/demo ## Rebuild data/, bit for bit
	@$(VENV)/bin/python data/make.py

clean: ## Remove the environment and every cache
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

$(STAMPS)/demo: $(STAMPS)/uv pyproject.toml uv.lock
	@echo "Installing layerkit into $(VENV) ..." >&2
	@$(SYNC) --no-default-groups
	@touch $@

$(STAMPS)/lab: $(STAMPS)/uv pyproject.toml uv.lock
	@echo "Installing layerkit and JupyterLab into $(VENV) ..." >&2
	@$(SYNC) --no-default-groups --extra lab
	@touch $@

$(STAMPS)/dev: $(STAMPS)/uv pyproject.toml uv.lock
	@echo "Installing layerkit and its test tools into $(VENV) ..." >&2
	@$(SYNC) --all-extras --all-groups
	@touch $@ $(STAMPS)/demo $(STAMPS)/lab

# Debian's python3 comes without ensurepip, which venv needs.
$(STAMPS)/uv:
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "layerkit needs Python 3.11 or newer; install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(VENV)/bin/python || $(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -q >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
				python3-venv ca-certificates >&2; \
		else echo "This Python cannot make a virtual environment: install its venv package (Debian: apt install python3-venv)." >&2; exit 1; fi; }
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@test -x $(UV) || $(VENV)/bin/python -m pip --version >/dev/null 2>&1 || $(VENV)/bin/python -m ensurepip >/dev/null
	@test -x $(UV) || $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv
	@mkdir -p $(STAMPS) && touch $@
