#include "train/metrics_table.h"

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"

namespace rankine {
namespace {

using Json = nlohmann::json;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// Rows of `step` and later ones are done again.
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
    const Json entry = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!entry.is_object() || !entry.contains("step") || !entry["step"].is_number() || !entry.contains("loss")) {
      log::warning(metrics_file, ":", number, ": left out: expected a JSON object with \"step\" and \"loss\"");
      continue;
    }
    const auto step = entry["step"].get<int64_t>();
    forget_from(table, step);
    table.steps.push_back(step);
    const Json epoch = entry.value("epoch", Json(0));
    table.epochs.push_back(epoch.is_number() ? epoch.get<int64_t>() : 0);
    add_numbers(table, "", entry);
  }
  for (auto& [name, values] : table.columns) values.resize(table.rows(), kNone);
  return table;
}

}  // namespace rankine
