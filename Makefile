# make demo     a clinic of made-up patients, in a browser on this machine (PORT=8000)
# make test     the whole suite but the heavy proofs, browser journeys included (PYTEST_ARGS="-m fast" for every save, "-k seal")
# make test-all what takes longer as well: the heavy proofs, and on PostgreSQL all that needs no browser; CI runs it too
#               COVERAGE=1: and which branches it took; fails below the floors that stand here, as CI asks
# make proofs  the proofs at the size a release asks, for a night (FILES=tests/proofs/test_nothing_lost.py); docs/proofs.md has the map
# make mutants  does a test notice each change of what trust rests on? Some hours (MODULES="clinic.domain.flow*"; docs/proofs.md has the scores)
# make test-postgresql all that asks the database, on a PostgreSQL server of its own (FILES=tests/evidence/test_journal.py)
# make bench    what it costs beside its rivals, into docs/benchmarks.md (QUICK=1: a look, in two minutes; FULL=1: a million screenings)
# make sbom     the bill of materials of what runs (CycloneDX), into build/sbom.json: from the lock file, without the network
# make check    the linters, types and import contracts alone
# make format   put the code into its one layout
# make lock     write the lock files in requirements/ again from pyproject.toml
#
# Python 3.11 or newer and make are all that must be there. What else is missing is installed on the way.

PYTHON ?= python3
PORT ?= 8000
PYTEST_ARGS ?=

# What the system itself must have; one question for all of it.
SETS := run $(if $(filter test% bench proofs mutants,$(MAKECMDGOALS)),test)

BIN := .venv/bin
# On two processes; few tests at a time go to each, so that none is left with many at the end.
PARALLEL := -n 2 --maxschedchunk 10
# Compiled at once: each process that a test or the demo starts would otherwise compile for itself where Python may not write.
INSTALL := $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --only-binary :all:
# With all that PostgreSQL alone has.
ON_POSTGRESQL = $(BIN)/python .ci/with_postgres.py $(BIN)/pytest $(PARALLEL) -o python_files="test_*.py on_*.py"
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock"

export UV_SYSTEM_CERTS = 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test test-all proofs mutants test-postgresql bench sbom check format lock system clean

demo: .venv/run.stamp
	@exec $(BIN)/python .ci/demo.py --port $(PORT)

# With COVERAGE=1, as CI calls it, in two parts whose branches are counted; each floor is one point below what was measured.
FAST_FLOOR := 76
WHOLE_FLOOR := 95
COUNTED := --cov --cov-report=term:skip-covered
test: .venv/test.stamp
ifdef COVERAGE
	$(BIN)/pytest $(PARALLEL) -m fast $(COUNTED) --cov-fail-under=$(FAST_FLOOR)
	$(BIN)/pytest $(PARALLEL) -m "not fast and not heavy" $(COUNTED) --cov-append --cov-fail-under=$(WHOLE_FLOOR)
else
	$(BIN)/pytest $(PARALLEL) -m "not heavy" $(PYTEST_ARGS)
endif

test-all: .venv/test.stamp
	$(BIN)/pytest $(PARALLEL) $(PYTEST_ARGS)
	$(ON_POSTGRESQL) -m "database and not browser and not heavy"

proofs: .venv/test.stamp
	PROOF_TIER=release $(BIN)/pytest $(PARALLEL) -m "heavy or thorough" $(PYTEST_ARGS) $(FILES)

mutants: .venv/mutants.stamp
	$(BIN)/mutmut run --max-children 1 $(if $(MODULES),"$(MODULES)")
	$(BIN)/mutmut results

test-postgresql: .venv/test.stamp
	$(ON_POSTGRESQL) -m "database and not heavy" $(PYTEST_ARGS) $(FILES)

bench: .venv/bench.stamp
	$(BIN)/python -m bench $(if $(QUICK),--quick) $(if $(FULL),--full) $(if $(ROUNDS),--rounds $(ROUNDS)) $(PARTS)

sbom: .venv/test.stamp
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements requirements/run.txt --pyproject pyproject.toml --output-reproducible --validate -o build/sbom.json

check: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run

format: .venv/test.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: .venv/uv.stamp
	$(COMPILE) --group uv -o requirements/uv.txt
	$(COMPILE) pyproject.toml -o requirements/run.txt
	$(COMPILE) --group dev -c requirements/run.txt -o requirements/dev.txt
	$(COMPILE) --group verify -c requirements/run.txt -o requirements/verify.txt
	$(COMPILE) --group bench -c requirements/run.txt -c requirements/dev.txt -o requirements/bench.txt
	$(COMPILE) --group mutants -c requirements/run.txt -c requirements/dev.txt -o requirements/mutants.txt

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis test-results

system:
	@$(PYTHON) .ci/system.py $(SETS)

# The environment is one folder; `demo` needs less of it than `test`, and neither removes what the other installed.
.venv/uv.stamp: requirements/uv.txt | system
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	@touch $@

.venv/run.stamp: requirements/run.txt .venv/uv.stamp | system
	$(INSTALL) -r requirements/run.txt
	@touch $@

.venv/test.stamp: requirements/run.txt requirements/dev.txt .venv/uv.stamp | system
	$(INSTALL) -r requirements/run.txt -r requirements/dev.txt
	@touch .venv/run.stamp $@

.venv/mutants.stamp: requirements/mutants.txt .venv/test.stamp | system
	$(INSTALL) -r requirements/mutants.txt
	@touch $@

# A rival that cannot be installed is said to be missing in the table; the others are measured.
.venv/bench.stamp: requirements/bench.txt .venv/test.stamp | system
	$(INSTALL) -r requirements/bench.txt || echo "The rivals could not be installed: the table says which are missing."
	@touch $@
