# The two set-up commands are `make demo` and `make check`; everything else is a shortcut for cmake.
PRESET  ?= release
JOBS    ?= $(shell nproc)
PREFIX  ?= /usr/local
BINARY   = build/$(PRESET)/fusion_bench
SANITIZERS = asan tsan

.DEFAULT_GOAL := help
.PHONY: help deps build demo check test sanitize tidy lint format bench fuzz coverage install clean

help: ## show this help
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PRESET=$(PRESET) (release, debug, clang, asan, tsan, coverage, fuzz, tidy)  PREFIX=$(PREFIX)"

deps: ## install the Debian packages that are missing (root or sudo)
	@tools/install-deps

build: ## build build/$(PRESET)/fusion_bench
	@cmake --preset $(PRESET) -Wno-dev > /dev/null
	@cmake --build --preset $(PRESET) -j $(JOBS)

demo: deps build ## install what is missing, build, merge and evaluate the demo pools
	$(BINARY) method=task_arithmetic method.scaling_factor=0.5 modelpool=gpt-2_demo taskpool=gpt-2_demo print_config=false
	$(BINARY) method=task_arithmetic method.scaling_factor=0.5 modelpool=flan-t5_demo taskpool=flan-t5_demo print_config=false

check: deps build lint test sanitize ## install what is missing, build, lint, run all tests, sanitizers too

test: build ## run the tests of build/$(PRESET)
	@ctest --preset $(PRESET) -j $(JOBS)

sanitize: ## run the tests with the address, undefined-behaviour and thread sanitizers
	@for p in $(SANITIZERS); do \
	  cmake --preset $$p -Wno-dev > /dev/null && cmake --build --preset $$p -j $(JOBS) && \
	  ctest --preset $$p -j $(JOBS) || exit 1; done

lint: ## check include directions, tests per source, documentation, formatting
	@python3 tools/lint.py
	@clang-format --dry-run --Werror $$(git ls-files '*.c' '*.h')

tidy: ## run clang-tidy over the sources
	@$(MAKE) --no-print-directory build PRESET=tidy

format: ## reformat all C files
	@clang-format -i $$(git ls-files '*.c' '*.h')

fuzz: ## build the fuzz targets with libFuzzer and run each for a minute
	@$(MAKE) --no-print-directory build PRESET=fuzz
	@for t in build/fuzz/tests/fuzz_*; do test -x $$t && test -f $$t || continue; \
	  corpus=tests/fuzz/corpus/$$(basename $$t | sed 's/fuzz_//'); mkdir -p build/fuzz/found; \
	  $$t -max_total_time=60 -artifact_prefix=build/fuzz/found/ build/fuzz/found $$corpus || exit 1; done

coverage: ## run the tests with coverage and print the summary
	@$(MAKE) --no-print-directory test PRESET=coverage
	@gcovr --root . --filter src/ build/coverage

bench: build ## say how to run the benchmark programs
	@echo "benchmark programs (each prints what it needs when run without arguments):"
	@ls build/$(PRESET)/bench_* | grep -v '\.[a-z]*$$'
	@echo "full-size random pools are made by tools/bench_pool.py; see bench/README.md"

install: build ## install binary, man pages and shell completion under PREFIX
	@cmake --install build/$(PRESET) --prefix $(PREFIX)

clean: ## remove the build folders
	@rm -rf build
