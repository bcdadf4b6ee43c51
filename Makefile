# Each target sets itself up: all it needs is Python 3.11+, make and a network.
PYTHON ?= python3
BIN := .venv/bin
# Bytecode is kept: without it each start of a simulator or a kernel compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup rehearse lab test check bench docs lock clean

setup:
	@$(PYTHON) tools/bootstrap.py

rehearse: setup
	@$(BIN)/edgebook rehearse --params params/rehearsal.yaml

lab: setup
	@$(BIN)/edgebook lab

test: setup
	@$(BIN)/python tools/test_tools.py
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# make bench ONLY="gcpsim gke" runs some of them.
bench: setup
	@$(BIN)/python -m bench $(ONLY)

# Pages that are made from the code (tests keep them in step), and the docs site in build/site.
docs: setup
	@$(BIN)/python tools/coverage_page.py > docs/coverage.md
	@$(BIN)/python tools/docs_site.py

# Refresh the lock after a change of pyproject.toml; environment.yml follows from it.
lock: setup
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --group dev --all-extras pyproject.toml -o requirements.lock
	$(BIN)/python tools/conda_environment.py > environment.yml

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .gcpsim records build
