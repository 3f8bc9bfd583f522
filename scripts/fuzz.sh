#!/usr/bin/env bash
# Runs the fuzzers of build/fuzz, each for FUZZ_SECONDS (default 600), as many at a time as there are processors. A line
# a fuzzer; the exit status tells of findings. The inputs that led further stay in build/fuzz/corpus for the next run.
#   scripts/fuzz.sh [NAME...]     all fuzzers of tests/fuzz, or those named: "image", "npz" ...
set -uo pipefail
cd "$(dirname "$0")/.."
export FUZZ_SECONDS=${FUZZ_SECONDS:-600}
export built=build/fuzz/tests/fuzz seeds=build/fuzz/seeds corpus=build/fuzz/corpus findings=build/fuzz/findings

if [[ $# -gt 0 ]]; then
  names=("$@")
else
  names=()
  for source in tests/fuzz/*.cpp; do names+=("$(basename "$source" .cpp)"); done
fi

# Good files: what the seeds' program writes, those of tests/fuzz/seeds, and what other tests read.
mkdir -p "$findings"
rm -rf "$seeds"
"$built/fuzz_seeds" "$seeds" || exit 1
seed() {
  mkdir -p "$seeds/$1"
  cp "${@:2}" "$seeds/$1/"
}
for folder in tests/fuzz/seeds/*/; do seed "$(basename "$folder")" "$folder"*; done
seed image tests/reference/images/{palette,tiny}.png
seed dataset_toml tests/reference/dataset/dataset.toml tests/cli/command_lines/datasets/*.toml
seed config_file tests/cli/command_lines/*.toml
seed gui_preset tests/cli/command_lines/*.json
seed torch tests/io/torch/*.{pt,ckpt}
seed prompts tests/cli/command_lines/sample_prompts.txt

fuzz() {
  local name=$1 log=$findings/$1.log memory status words=()
  mkdir -p "$corpus/$name" "$findings/$name" "$seeds/$name"
  [[ -f $seeds/$name.dict ]] && words=(-dict="$seeds/$name.dict")
  memory=$(mktemp -d -p /dev/shm rankine-fuzz.XXXXXX)  # readers open a file for every input
  # An input may take 20 seconds, and no reader needs 2 GB for a file of some kilobytes. Closed is what the libraries of
  # pictures say of each broken one.
  TMPDIR=$memory OMP_NUM_THREADS=1 "$built/fuzz_$name" "${words[@]}" -max_total_time="$FUZZ_SECONDS" -timeout=20 \
    -rss_limit_mb=2048 -print_final_stats=1 -close_fd_mask=3 -artifact_prefix="$findings/$name/" \
    "$corpus/$name" "$seeds/$name" >"$log" 2>&1
  status=$?
  rm -rf "$memory"
  count() { awk -v key="stat::$1:" '$1 == key {print $2}' "$log"; }
  local result="no finding"
  if [[ $status -ne 0 ]]; then
    result="A FINDING, see $log; again: $built/fuzz_$name $(sed -n 's/.*Test unit written to //p' "$log" | tail -1)"
  fi
  printf '%-16s %10s executions %7s/s  %s\n' "$name" "$(count number_of_executed_units)" "$(count average_exec_per_sec)" "$result"
  return $((status != 0))
}
export -f fuzz

printf '%s\n' "${names[@]}" | xargs -P "$(nproc)" -I{} bash -c 'fuzz {}'
