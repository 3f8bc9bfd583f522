#include "train/metrics_log.h"

#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

#include "base/error.h"

namespace rankine {
namespace {

/// The shortest text that reads back as the same number.
std::string number(double value) {
  if (!std::isfinite(value)) return "null";
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return result + '"';
}

std::string object(const NamedNumbers& numbers) {
  std::string text;
  for (const auto& [name, value] : numbers) text += (text.empty() ? "" : ",") + quoted(name) + ":" + number(value);
  return "{" + text + "}";
}

bool ends_inside_a_line(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in || in.tellg() <= 0) return false;
  in.seekg(-1, std::ios::end);
  return in.get() != '\n';
}

}  // namespace

std::string metrics_line(const StepMetrics& m) {
  std::string line = "{\"step\":" + std::to_string(m.step) + ",\"epoch\":" + std::to_string(m.epoch) +
                     ",\"loss\":" + number(m.loss) + ",\"loss_average\":" + number(m.loss_average) +
                     ",\"lr\":" + object(m.learning_rates);
  if (m.grad_norm) line += ",\"grad_norm\":" + number(*m.grad_norm);
  return line + ",\"step_seconds\":" + number(m.step_seconds) + ",\"seconds\":" + object(m.seconds) + "}";
}

MetricsLog::MetricsLog(const std::filesystem::path& file) : file_(file) {
  std::error_code error;
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path(), error);
  check(!error, file.parent_path().string(), ": cannot create the folder: ", error.message());
  const bool broken_line = ends_inside_a_line(file);
  out_.open(file, std::ios::binary | std::ios::app);
  check(out_.good(), file.string(), ": cannot be opened for writing");
  if (broken_line) out_ << '\n' << std::flush;
}

void MetricsLog::write(const StepMetrics& metrics) {
  out_ << metrics_line(metrics) + "\n" << std::flush;
  check(out_.good(), file_.string(), ": cannot be written: is the disk full?");
}

}  // namespace rankine
