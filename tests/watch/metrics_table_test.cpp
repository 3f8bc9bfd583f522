#include "watch/metrics_table.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/log.h"

using namespace rankine;

namespace {

MetricsTable table_of(const std::string& text) {
  log::set_level(log::Level::error);
  const auto file = std::filesystem::temp_directory_path() / concat_text("rankine-table-", getpid(), ".jsonl");
  std::ofstream(file) << text;
  MetricsTable table = read_metrics(file.string());
  std::filesystem::remove(file);
  return table;
}

}  // namespace

TEST_CASE("metrics are read by columns, named by where a number stands in its line") {
  const MetricsTable table =
      table_of(R"({"step":1,"epoch":1,"loss":0.5,"lr":{"unet":1e-4},"seconds":{"load":0.25}})"
               "\n"
               R"({"step":2,"epoch":2,"loss":null,"lr":{"unet":2e-4},"values":{"lr/d*lr/unet":3}})"
               "\n");
  CHECK(table.steps == std::vector<int64_t>{1, 2});
  CHECK(table.epochs == std::vector<int64_t>{1, 2});
  CHECK(table.column("loss")[0] == 0.5);
  CHECK(std::isnan(table.column("loss")[1]));
  CHECK(table.column("lr/unet") == std::vector<double>{1e-4, 2e-4});
  CHECK(table.column("seconds/load")[0] == 0.25);
  CHECK(std::isnan(table.column("seconds/load")[1]));
  CHECK(std::isnan(table.column("values/lr/d*lr/unet")[0]));
  CHECK(table.names_under("values/") == std::vector<std::string>{"lr/d*lr/unet"});
  CHECK(table.column("nothing").empty());
}

TEST_CASE("steps that a resumed run has done again are those of the later lines, in every column") {
  const MetricsTable table = table_of(R"({"step":1,"loss":1,"grad_norm":10})"
                                      "\n"
                                      R"({"step":2,"loss":2,"grad_norm":20,"values":{"d":1}})"
                                      "\n"
                                      R"({"step":3,"loss":3)"
                                      "\n"
                                      R"({"step":2,"loss":4})"
                                      "\n"
                                      R"({"step":3,"loss":5,"grad_norm":50})"
                                      "\n");
  CHECK(table.steps == std::vector<int64_t>{1, 2, 3});
  CHECK(table.column("loss") == std::vector<double>{1, 4, 5});
  CHECK(table.column("grad_norm")[0] == 10);
  CHECK(std::isnan(table.column("grad_norm")[1]));
  CHECK(table.column("grad_norm")[2] == 50);
  for (const auto& [name, values] : table.columns) CHECK(values.size() == 3);
}
