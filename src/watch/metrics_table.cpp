#include "watch/metrics_table.h"

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "io/nesting.h"

namespace rankine {
namespace {

using Json = nlohmann::json;

/// The limit for all columns together: half a gigabyte. Otherwise a file of a few megabytes could demand any size.
constexpr size_t kMostNumbers = size_t{1} << 26;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// Removes the rows of `step` and later ones: the run repeats them.
void forget_from(MetricsTable& table, int64_t step) {
  while (!table.steps.empty() && table.steps.back() >= step) {
    table.steps.pop_back();
    table.epochs.pop_back();
  }
  for (auto& [name, values] : table.columns)
    if (values.size() > table.rows()) values.resize(table.rows());
}

void add_numbers(MetricsTable& table, const std::string& prefix, const Json& object) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) {
      add_numbers(table, prefix + key + "/", value);
    } else if (value.is_number() && !(prefix.empty() && (key == "step" || key == "epoch"))) {
      std::vector<double>& column = table.columns[prefix + key];
      column.resize(table.rows() - 1, kNone);
      column.push_back(value.get<double>());
    }
  }
}

/// Discards text that is not JSON, or nested too deeply for the recursion of add_numbers.
Json parsed(const std::string& line) {
  try {
    check_nesting(line, "metrics");
  } catch (const Error&) {
    return Json(Json::value_t::discarded);
  }
  return Json::parse(line, nullptr, /*allow_exceptions=*/false);
}

}  // namespace

const std::vector<double>& MetricsTable::column(const std::string& name) const {
  static const std::vector<double> none;
  const auto found = columns.find(name);
  return found == columns.end() ? none : found->second;
}

std::vector<std::string> MetricsTable::names_under(const std::string& prefix) const {
  std::vector<std::string> names;
  for (auto it = columns.lower_bound(prefix); it != columns.end() && it->first.starts_with(prefix); ++it)
    names.push_back(it->first.substr(prefix.size()));
  return names;
}

MetricsTable read_metrics(const std::string& metrics_file) {
  std::ifstream in(metrics_file);
  check(in.good(), metrics_file, ": cannot be opened: expected the metrics.jsonl of a training run");
  MetricsTable table;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.empty()) continue;
    const Json entry = parsed(line);
    if (!entry.is_object() || !entry.contains("step") || !entry["step"].is_number_integer() ||
        !entry.contains("loss")) {
      log::warning(metrics_file, ":", number, ": left out: expected a JSON object with \"step\" and \"loss\"");
      continue;
    }
    const auto step = entry["step"].get<int64_t>();
    forget_from(table, step);
    table.steps.push_back(step);
    const auto epoch = entry.find("epoch");
    table.epochs.push_back(epoch != entry.end() && epoch->is_number_integer() ? epoch->get<int64_t>() : 0);
    add_numbers(table, "", entry);
    check(table.columns.size() * table.rows() <= kMostNumbers, metrics_file, ":", number, ": ", table.columns.size(),
          " columns of ", table.rows(), " rows are more than any run writes: is it the right file?");
  }
  for (auto& [name, values] : table.columns) values.resize(table.rows(), kNone);
  return table;
}

}  // namespace rankine
