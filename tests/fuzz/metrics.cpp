#include "fuzz_file.h"
#include "watch/metrics_table.h"

using namespace rankine;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string path = fuzz::file_of(data, size, "metrics.jsonl");
  fuzz::read_or_refuse(path, [&] {
    const MetricsTable table = read_metrics(path);
    check(table.epochs.size() == table.rows() && std::ranges::is_sorted(table.steps), "steps do not ascend");
    for (const auto& [name, values] : table.columns) check(values.size() == table.rows(), "a column has gaps");
  });
  return 0;
}
