#!/usr/bin/env bash
# Formatting and clang-tidy over the sources that git knows; takes file names to look at those alone.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ $# -gt 0 ]]; then
  files=("$@")
else
  mapfile -t files < <(git ls-files 'src/*.cpp' 'src/*.h' 'tests/*.cpp' 'tests/*.h' 'bench/*.cpp')
fi
clang-format --dry-run --Werror "${files[@]}"
# Headers are looked at through the files that include them.
printf '%s\n' "${files[@]}" | grep '\.cpp$' | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p build/release
