# Everything runs in .venv, made from requirements-dev.lock with hashes. `make` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
AIRFLOW := .venv-airflow
SPARK := .venv-spark
DEMO := demo
SAMPLES := data/samples

.DEFAULT_GOAL := help
.PHONY: help install run test test-parts test-whole test-all test-quick test-corpus test-mutants test-histories test-recalls test-cases test-crash test-hostile test-leaks fuzz test-office test-browser test-airflow test-spark test-spark-part test-readme lint types imports format samples reference golden bench bench-large bench-nights bench-recall bench-rules bench-score evaluate lock licences audit sbom build clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-14s %s\n", $$1, $$2}'

# Installed without compiling (--no-compile): what is never imported need not be, and it is half of the time.
$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "creditaudit needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

install: $(READY) ## Make the environment from the lock file

$(SAMPLES)/landing: | $(READY)
	$(BIN)/creditaudit synth --out $(SAMPLES) --accounts 800 --nights 6 --seed 7

run: $(READY) | $(SAMPLES)/landing ## Run the sample nights into a fresh book and print what was found
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	@$(BIN)/creditaudit keys demo $(DEMO)/demo.key
	@$(BIN)/creditaudit init $(DEMO)/book --reference $(SAMPLES)/reference \
		--mandate "Demonstration on synthetic data; nobody is audited. 演示，仅含合成数据。"
	@export CREDITAUDIT_KEY_FILE=$(DEMO)/demo.key; for night in $(notdir $(wildcard $(SAMPLES)/landing/*)); do \
		$(BIN)/creditaudit night --book $(DEMO)/book --landing $(SAMPLES)/landing --night $$night \
			|| [ $$? -eq 5 ] || exit 1; \
		answers=$(SAMPLES)/answers/$$night.csv; \
		[ ! -f $$answers ] || $(BIN)/creditaudit respond --book $(DEMO)/book $$answers || exit 1; \
	done
	@$(BIN)/creditaudit show --book $(DEMO)/book

test: $(READY) ## Install and pass the tests: two halves side by side, each with one thread of the engine
	@$(MAKE) --no-print-directory --output-sync=target --jobs=2 test-parts test-whole

# What runs whole nights or deliveries for a single part goes with the whole, so that the halves take alike.
AS_WHOLE := $(addprefix tests/unit/,benchmarks explain known_answers reference synth)
PARTS := $(filter-out $(AS_WHOLE),$(patsubst %/,%,$(wildcard tests/unit/*/)) $(wildcard tests/unit/test_*.py)) tests/rules

test-parts: $(READY)
	$(BIN)/python -m pytest tests/unit tests/rules $(addprefix --ignore=,$(AS_WHOLE))

test-whole: $(READY)
	$(BIN)/python -m pytest tests $(addprefix --ignore=,$(PARTS))

test-all: $(READY) ## The same tests, and those halves of some files that `make test` leaves to other sources
	@TEST_ALL=1 $(MAKE) --no-print-directory --output-sync=target --jobs=2 test-parts test-whole

test-quick: $(READY) ## The unit and rule tests alone
	$(BIN)/python -m pytest tests/unit tests/rules

test-corpus: $(READY) ## The whole corpus of damaged files (7,000 files; `make test` reads every tenth)
	CORPUS_FULL=1 $(BIN)/python -m pytest tests/corpus

test-crash: $(READY) ## Nights killed at 240 points, refused at every file operation, started twice (`make test` takes a slice)
	CRASH_KILLS=$${CRASH_KILLS:-240} CRASH_EVERY=$${CRASH_EVERY:-1} CRASH_ROUNDS=$${CRASH_ROUNDS:-40} \
		$(BIN)/python -m pytest -s tests/faults/crash tests/property/test_crash.py

test-hostile: $(READY) ## Every bomb and liar: gigabytes of lines, rows and cells (`make test` leaves out the slow ones)
	HOSTILE_FULL=1 $(BIN)/python -m pytest tests/faults/test_hostile_files.py

test-leaks: $(READY) ## Search everything for planted values, also contract pages and notebooks (`make test` leaves those out)
	LEAKS_FULL=1 $(BIN)/python -m pytest tests/e2e/test_leaks.py tests/e2e/test_leaks_of_commands.py

fuzz: $(READY) ## Mutate what is read from outside, 15 minutes (FUZZ="--seconds 3600 --target parquet"; `make test` replays the corpus)
	PYTHONPATH=tests $(BIN)/python -m fuzz.loop --seconds 900 $(FUZZ)

test-mutants: $(READY) ## Change every comparison of every text that judges (`make test` takes one half, the other with other sources)
	MUTANTS_FULL=1 $(BIN)/python -m pytest tests/rules/test_mutants.py

test-histories: $(READY) ## 300 random histories, judged by what is touched and whole (`make test` runs 12, others each time)
	CREDITAUDIT_TEST_HISTORIES=300 $(BIN)/python -m pytest tests/property/test_histories.py

test-office: $(READY) ## Open the report files in LibreOffice (its Calc must be installed; `make test` skips this where it is not)
	@command -v soffice libreoffice >/dev/null || { echo "LibreOffice is not installed. On Debian or Ubuntu:" \
		"apt-get install --no-install-recommends libreoffice-calc" >&2; exit 2; }
	OFFICE_REQUIRED=1 $(BIN)/python -m pytest tests/unit/reports/test_reports_office.py

$(AIRFLOW)/.ready: requirements-airflow.lock
	$(PYTHON) -m venv $(AIRFLOW)
	$(AIRFLOW)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements-airflow.lock
	@touch $@

test-airflow: $(READY) $(AIRFLOW)/.ready ## Run the DAG under the real Airflow, in an environment of its own
	AIRFLOW_PYTHON=$(abspath $(AIRFLOW))/bin/python $(BIN)/python -m pytest tests/schedulers

$(SPARK)/.ready: requirements-spark.lock pyproject.toml
	$(PYTHON) -m venv $(SPARK)
	$(SPARK)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements-spark.lock
	$(SPARK)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

test-spark: $(SPARK)/.ready ## Rules, sample nights and random persons on Spark beside DuckDB, in an environment of its own (needs a Java)
	SPARK_REQUIRED=1 $(SPARK)/bin/python -m pytest tests/spark

test-spark-part: $(SPARK)/.ready ## Of it in a few minutes, one Spark: all rule cases, the sample nights, 200 random persons
	SPARK_REQUIRED=1 SPARK_PART=1 $(SPARK)/bin/python -m pytest tests/spark/test_alike.py tests/spark/test_same_night.py

test-browser: $(READY) ## Open the pages in Chromium (it must be installed; `make test` skips this where it is not)
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
		echo "Chromium is not installed. On Debian or Ubuntu: apt-get install --no-install-recommends chromium" >&2; exit 2; }
	BROWSER_REQUIRED=1 $(BIN)/python -m pytest tests/e2e/test_browser.py

test-readme: $(READY) ## Run the README's commands from a fresh copy in an empty environment (installs everything anew)
	README_COMMANDS=1 $(BIN)/python -m pytest tests/docs/test_readme_commands.py

test-recalls: $(READY) ## 120 random histories with recalled files, against the history without them (`make test` runs 12)
	CREDITAUDIT_TEST_RECALLS=120 $(BIN)/python -m pytest tests/property/test_recalls.py tests/unit/benchmarks/test_recall_bench.py

test-erase: $(READY) ## Erasure, also over pruned books (`make test` leaves those out)
	ERASE_FULL=1 $(BIN)/python -m pytest tests/unit/book/test_book_erase.py tests/unit/book/test_book_erase_recalled.py

test-cases: $(READY) ## 20 random stories of cases against a model of the correction lane (`make test` tells one, another each time)
	CREDITAUDIT_TEST_CASES=20 $(BIN)/python -m pytest tests/property/test_cases_machine.py

lint: $(READY) ## Ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY) ## mypy --strict
	$(BIN)/mypy

imports: $(READY) ## Import direction
	$(BIN)/lint-imports --no-cache

format: $(READY) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

samples: $(READY) ## Make the sample deliveries anew (same seed, same bytes)
	rm -rf $(SAMPLES)/landing $(SAMPLES)/reference $(SAMPLES)/truth
	$(BIN)/creditaudit synth --out $(SAMPLES) --accounts 800 --nights 6 --seed 7

reference: $(READY) ## Write docs/reference.md anew from the code
	$(BIN)/creditaudit reference > docs/reference.md

golden: $(READY) ## Write the expected output of the sample nights anew (say why in CHANGELOG.md, under Findings)
	cd tests && ../$(BIN)/python -m golden.render

bench: $(READY) ## Measure a night against peers: 1 M accounts
	$(BIN)/python benchmarks/night_bench.py --accounts 1000000

bench-large: $(READY) ## Measure a night against peers: 10 M and 50 M accounts (two hours, 60 GB of disk)
	$(BIN)/python benchmarks/night_bench.py --accounts 10000000 --repeat 1 --out benchmarks/work/10000000.json
	$(BIN)/python benchmarks/night_bench.py --accounts 50000000 --repeat 1 --memory-limit 2400MiB --out benchmarks/work/50000000.json

bench-nights: $(READY) ## Measure a year of nights on one book of 1 M accounts (an hour or more; goes on where it was stopped)
	$(BIN)/python benchmarks/nights_bench.py --accounts 1000000 --nights 365 --log benchmarks/work/nights.jsonl

bench-recall: $(READY) ## Measure nights that recall a file of that book, of its middle and its last nights (after bench-nights)
	$(BIN)/python benchmarks/recall_bench.py --accounts 1000000 --nights 365

bench-rules: $(READY) ## Measure all rules against R101 and R102 alone: 1 M candidates
	$(BIN)/python benchmarks/rules_bench.py --candidates 1000000

bench-score: $(READY) ## Measure scoring and training: 1 M cases
	$(BIN)/python benchmarks/score_bench.py --cases 1000000

evaluate: $(READY) ## What the order of the queue is worth, on worlds with truth (with ADBENCH=DIR also on labelled sets)
	$(BIN)/python benchmarks/score_worth.py $(if $(ADBENCH),--adbench $(ADBENCH)) $(EVALUATE)

lock: ## Renew the lock files (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
		pyproject.toml --output-file requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
		pyproject.toml --extra docs --group dev --output-file requirements-dev.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
		requirements-airflow.in --output-file requirements-airflow.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
		pyproject.toml --extra spark --group dev --output-file requirements-spark.lock

licences: $(READY) ## Which licences what is installed has, held against supply/licences.toml
	$(BIN)/python supply/licences.py

audit: $(READY) ## Ask the open database of vulnerabilities about every pin (needs a network; exit 3 where it cannot be asked)
	$(BIN)/python supply/advisories.py

sbom: $(READY) ## Write the bill of materials of a release, CycloneDX JSON, from the lock file
	$(BIN)/python supply/sbom.py --out dist/creditaudit.cdx.json

build: $(READY) sbom ## Build the wheel and the source archive, with the bill of materials beside them
	$(BIN)/python -m hatchling build

clean: ## Remove what was made here
	rm -rf $(VENV) $(AIRFLOW) $(SPARK) $(DEMO) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
