#!/usr/bin/env bash
# Runs every benchmark that was built, one after the other; arguments go to Google Benchmark.
set -euo pipefail
cd "$(dirname "$0")/.."
for benchmark in build/release/bench/bench_*; do
  if [[ -f "$benchmark" && -x "$benchmark" ]]; then
    echo "== $(basename "$benchmark")"
    "$benchmark" "$@"
  fi
done
