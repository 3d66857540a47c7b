# The commands of this project; `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAGE ?= prod
ARCHITECTURE ?= arm64

# Nothing is written outside this folder, downloads included.
export UV_CACHE_DIR := $(CURDIR)/.local/cache/uv
export PIP_CACHE_DIR := $(CURDIR)/.local/cache/pip

.DEFAULT_GOAL := help
.PHONY: help demo test lint types imports pytest faults model bench package deploy stripe-keys admin-key lock clean

help: ## list these commands
	@echo "Tillhook: a cart, a checkout and signed webhooks for static sites, in your own AWS account."
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

demo: $(VENV)/ready .venv-ministack/ready ## run a whole shop on this machine and make a purchase (ONCE=1: then end)
	@$(BIN)/python -m local.demo $(if $(ONCE),--once)

test: lint types imports pytest ## everything that must hold before a change lands

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/ready
	$(BIN)/mypy

imports: $(VENV)/ready
	$(BIN)/lint-imports

pytest: $(VENV)/ready .venv-ministack/ready
	$(BIN)/pytest $(ARGS)

faults: $(VENV)/ready ## fail every call to AWS and Stripe in every way, one at a time, and see that all ends well
	@$(BIN)/python -m tests.faults

model: $(VENV)/ready ## let shoppers, owners, Stripe and the clock do anything, and see that all agrees (STEPS=200000)
	MODEL_STEPS=$(or $(STEPS),200000) $(BIN)/pytest -n0 tests/properties/test_shop_model.py

bench: $(VENV)/ready .venv-ministack/ready ## measure: cold starts, CPU, sizes, and what a sale costs
	@$(BIN)/python -m benchmarks

package: $(VENV)/ready ## build what is deployed, under build/ (ARCHITECTURE=x86_64 for Intel)
	@$(BIN)/python -m deploy.package --architecture $(ARCHITECTURE)

deploy: $(VENV)/ready ## deploy to the AWS account in the environment (STAGE=prod ALERT_EMAIL=you@shop.example)
	@$(BIN)/python -m deploy.stack --stage $(STAGE) $(if $(ALERT_EMAIL),--parameter "AlertEmail=$(ALERT_EMAIL)")

stripe-keys: $(VENV)/ready ## store Stripe's keys for a stage, encrypted (STAGE=prod)
	@$(BIN)/python -m deploy.stripe_keys --stage $(STAGE)

admin-key: $(VENV)/ready ## create an admin key for a stage (STAGE=prod NAME=laptop; LIST=1, REVOKE=key_…)
	@$(BIN)/python -m deploy.admin_key $(if $(LIST),list,$(if $(REVOKE),revoke $(REVOKE),create --name "$(or $(NAME),admin)")) --stage $(STAGE)

lock: $(VENV)/ready ## pin anew what requirements.in and requirements-dev.in name
	$(BIN)/uv pip compile --quiet --universal requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile --quiet --universal local/ministack-requirements.in -o local/ministack-requirements.txt

clean: ## remove everything that was built or installed here
	rm -rf $(VENV) .venv-ministack .local build .chalice/deployments .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/ready: requirements-dev.txt requirements.txt
	@$(PYTHON) local/preflight.py
	@echo "Installing the tools (once; about a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check uv==0.13.9
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements-dev.txt
	@touch $@

.venv-ministack/ready: local/ministack-requirements.txt | $(VENV)/ready
	@echo "Installing the embedded AWS (once)"
	@$(PYTHON) -m venv .venv-ministack
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python .venv-ministack/bin/python local/ministack-requirements.txt
	@touch $@
