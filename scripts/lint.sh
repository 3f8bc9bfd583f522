#!/usr/bin/env bash
# Formatting and clang-tidy over the sources that git knows; takes file names to look at those alone.
# Version 16, without OpenMP: Debian's default (14), and any with OpenMP, refuse C++20's captured structured bindings.
# Compiler warnings are GCC's part (-Werror in the build): clang's own are switched off.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ $# -gt 0 ]]; then
  files=("$@")
else
  mapfile -t files < <(git ls-files 'src/*.cpp' 'src/*.h' 'tests/*.cpp' 'tests/*.h' 'bench/*.cpp')
fi
clang-format --dry-run --Werror "${files[@]}"
# One omp.h there is, of whichever LLVM: Debian's packages of it exclude each other, and GCC's is not for clang.
omp=$(dirname "$(find /usr/lib/llvm-*/lib/clang -name omp.h | head -1)")
# Headers are looked at through the files that include them. The fuzzers and the
# benchmarks are no part of the release build.
printf '%s\n' "${files[@]}" | grep '\.cpp$' | grep -v -e '^tests/fuzz/' -e '^bench/' | xargs -P "$(nproc)" -n 4 clang-tidy-16 --quiet --extra-arg=-fno-openmp --extra-arg=-idirafter"$omp" --extra-arg=-w -p build/release
