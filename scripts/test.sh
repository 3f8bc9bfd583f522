#!/usr/bin/env bash
# Runs the tests of a built preset; the last line says how many golden cases ran and how many were skipped and why.
#   scripts/test.sh PRESET [CTEST ARGUMENT...]
set -uo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
# The tests do not run here, so a folder named from here would not be found there.
if [[ -n "${RANKINE_REFERENCE:-}" ]]; then RANKINE_REFERENCE=$(realpath "$RANKINE_REFERENCE"); export RANKINE_REFERENCE; fi
rm -rf "build/$preset/golden_accounts"
ctest --preset "$preset" --parallel "$(nproc)" "$@"
status=$?
"build/$preset/tests/golden_summary" "build/$preset/golden_accounts" || status=1
exit $status
