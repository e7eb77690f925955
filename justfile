# The lines that CI runs too; `just` alone lists them.

python := ".venv/bin/python"

_list:
    @just --list

# Make the environment, with everything that development needs.
setup:
    python3 -m venv .venv && .venv/bin/pip install -q -e ".[dev]"

# The everyday suite, on every core; a file that is named runs whole: `just test tests/unit/test_texts.py`.
test *paths:
    {{python}} -m pytest {{paths}}

# The cases that the everyday suite leaves out, with more draws of property tests.
slow:
    ATLAS_DRAWS=0.4 {{python}} -m pytest -q -m "(slow or drawn) and not weights and not e2e"

lint:
    .venv/bin/ruff check .
    .venv/bin/ruff format --check .

format:
    .venv/bin/ruff check --fix .
    .venv/bin/ruff format .

types:
    .venv/bin/pyright

# The layers and fences of `pyproject.toml`.
layers:
    .venv/bin/lint-imports

# What to run before a commit.
check: lint types layers test

# Measure coverage, processes of tests included, and hold it to `fail_under`.
coverage:
    .ci/coverage

# The drawing of `docs/architecture.md`, from the imports.
drawing:
    {{python}} docs/drawing.py --write

# The next changelog, from the fragments in `changelog.d/`.
changelog:
    .venv/bin/towncrier build --draft --version Unreleased

# Everything that CI runs, and what takes too long for it.
ci:
    .ci/run

nightly:
    .ci/nightly
