# The everyday commands; CMake and the scripts do the work. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup develop demo test build package bench format lint asan fuzz test-full clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install the Debian packages that are missing
	@scripts/setup.sh

build/%/build.ninja:
	cmake --preset $*

develop: setup ## warnings are errors in build/release from now on, as in continuous integration
	@cmake --preset develop > /dev/null

demo: setup build/release/build.ninja ## train on bundled pictures; leaves a LoRA, a report, a loss plot and pictures in out/demo
	@cmake --build --preset release --target rankine
	@scripts/demo.sh

test: build ## build and run all tests
	@scripts/test.sh release

build: setup build/release/build.ninja ## the release build, in build/release
	@cmake --build --preset release

package: setup build/release/build.ninja ## the Debian package, in build/package; scripts/check_package.sh tries it in a fresh Debian
	@cmake --build --preset release --target rankine
	@cpack --config build/release/CPackConfig.cmake -B build/package

bench: setup ## the kernels' benchmarks (bench/compare measures whole steps beside PyTorch)
	@cmake --preset release -DRANKINE_BUILD_BENCH=ON > /dev/null
	@cmake --build --preset release
	@scripts/bench.sh

format: ## clang-format over all sources
	@scripts/setup.sh --lint
	@git ls-files 'src/*.cpp' 'src/*.h' 'tests/*.cpp' 'tests/*.h' 'bench/*.cpp' | xargs clang-format -i

lint: build ## formatting and clang-tidy
	@scripts/setup.sh --lint
	@scripts/lint.sh

asan: setup build/asan/build.ninja ## the tests with the address and undefined-behaviour sanitizers
	@cmake --build --preset asan
	@scripts/test.sh asan

fuzz: ## every reader of files against libFuzzer's inputs, each for FUZZ_SECONDS (600)
	@scripts/setup.sh --fuzz
	@$(MAKE) --no-print-directory build/fuzz/build.ninja
	@cmake --build --preset fuzz
	@scripts/fuzz.sh

test-full: build ## full-size models of every family: needs 8 GB of memory
	@scripts/test_full.sh

clean: ## remove build/ and out/
	rm -rf build out
