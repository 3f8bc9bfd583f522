#include "watch/metrics_log.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "base/error.h"

using namespace rankine;

namespace {

class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& name)
      : path_(std::filesystem::temp_directory_path() / ("rankine_" + name + "_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string content(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

StepMetrics metrics_of(int64_t step) {
  StepMetrics m;
  m.step = step;
  m.epoch = 2;
  m.loss = 0.125;
  m.loss_average = 0.1;
  m.learning_rates = {{"textencoder", 5e-5}, {"unet", 2e-4}};
  m.grad_norm = 0.06389538943767548;
  m.step_seconds = 1.5;
  m.seconds = {{"load", 0.001}, {"forward_backward", 1.25}};
  return m;
}

}  // namespace

TEST_CASE("a metrics line is one JSON object with every number exact") {
  const std::string line = metrics_line(metrics_of(7));
  CHECK(line.find('\n') == std::string::npos);
  const nlohmann::json json = nlohmann::json::parse(line);
  CHECK(json["step"] == 7);
  CHECK(json["epoch"] == 2);
  CHECK(json["loss"] == 0.125);
  CHECK(json["loss_average"] == 0.1);
  CHECK(json["lr"]["unet"] == 2e-4);
  CHECK(json["lr"]["textencoder"] == 5e-5);
  CHECK(json["grad_norm"] == 0.06389538943767548);
  CHECK(json["seconds"]["forward_backward"] == 1.25);
}

TEST_CASE("a number that is not finite is null in a metrics line, and a missing norm is left out") {
  StepMetrics m = metrics_of(1);
  m.loss = std::numeric_limits<double>::quiet_NaN();
  m.grad_norm.reset();
  const nlohmann::json json = nlohmann::json::parse(metrics_line(m));
  CHECK(json["loss"].is_null());
  CHECK_FALSE(json.contains("grad_norm"));
}

TEST_CASE("what an update told is shown by sd-scripts' names: rates by group, d times each rate, and all else") {
  StepMetrics m;
  m.step = 1;
  add_update_values(m, {{"d", 0.5},
                        {"lr.text_encoder", 0.25},
                        {"lr.text_encoder2_plus", 2},
                        {"lr.unet", 1},
                        {"lr.unet_plus", 16},
                        {"max_norm/keys_scaled", 3}});
  const nlohmann::json json = nlohmann::json::parse(metrics_line(m));
  CHECK(json["lr"] ==
        nlohmann::json({{"text_encoder", 0.25}, {"text_encoder2_plus", 2.0}, {"unet", 1.0}, {"unet_plus", 16.0}}));
  CHECK(json["values"] == nlohmann::json({{"d", 0.5},
                                          {"max_norm/keys_scaled", 3.0},
                                          {"lr/d*lr/textencoder", 0.125},
                                          {"lr/d*lr/textencoder 2 plus", 1.0},
                                          {"lr/d*lr/unet", 0.5},
                                          {"lr/d*lr/unet plus", 8.0}}));
}

TEST_CASE("the metrics log has each line in the file as soon as it is written") {
  const TemporaryFolder folder("metrics_flush");
  const auto file = folder.path() / "new" / "metrics.jsonl";
  MetricsLog log(file);
  log.write(metrics_of(1));
  CHECK(content(file) == metrics_line(metrics_of(1)) + "\n");
  log.write(metrics_of(2));
  CHECK(content(file) == metrics_line(metrics_of(1)) + "\n" + metrics_line(metrics_of(2)) + "\n");
}

TEST_CASE("the metrics log goes on after an earlier run, also one killed inside a line") {
  const TemporaryFolder folder("metrics_append");
  const auto file = folder.path() / "metrics.jsonl";
  std::ofstream(file) << "{\"step\":1}\n{\"step\":2,\"lo";
  MetricsLog(file).write(metrics_of(2));
  CHECK(content(file) == "{\"step\":1}\n{\"step\":2,\"lo\n" + metrics_line(metrics_of(2)) + "\n");
}

TEST_CASE("a metrics log that cannot be written is an error with the file's name") {
  CHECK_THROWS_WITH_AS(MetricsLog("/proc/nowhere/metrics.jsonl"), doctest::Contains("/proc/nowhere"), Error);
}
