#include "watch/metrics_log.h"

#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "io/atomic_file.h"

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

/// The number after {"step": of a whole line.
std::optional<int64_t> step_of(std::string_view line) {
  constexpr std::string_view start = "{\"step\":";
  if (!line.starts_with(start)) return std::nullopt;
  int64_t step = 0;
  const auto [end, error] = std::from_chars(line.data() + start.size(), line.data() + line.size(), step);
  if (error != std::errc{}) return std::nullopt;
  return step;
}

bool ends_inside_a_line(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in || in.tellg() <= 0) return false;
  in.seekg(-1, std::ios::end);
  return in.get() != '\n';
}

}  // namespace

std::string tracker_group(std::string group) {
  if (group.ends_with("_plus")) group[group.size() - 5] = ' ';
  constexpr std::string_view text = "text_encoder";
  if (!group.starts_with(text)) return group;
  if (group.size() > text.size() && group[text.size()] != ' ') group.insert(text.size(), " ");
  group.erase(4, 1);
  return group;
}

void add_update_values(StepMetrics& metrics, const NamedNumbers& update_values) {
  constexpr std::string_view rate = "lr.";
  std::optional<double> d;
  for (const auto& [name, value] : update_values) {
    if (name.starts_with(rate)) {
      metrics.learning_rates.emplace_back(name.substr(rate.size()), value);
      continue;
    }
    if (name == "d") d = value;
    metrics.values.emplace_back(name, value);
  }
  if (!d) return;
  for (const auto& [group, lr] : metrics.learning_rates)
    metrics.values.emplace_back("lr/d*lr/" + tracker_group(group), *d * lr);
}

std::string metrics_line(const StepMetrics& m) {
  std::string line = "{\"step\":" + std::to_string(m.step) + ",\"epoch\":" + std::to_string(m.epoch) +
                     ",\"loss\":" + number(m.loss) + ",\"loss_average\":" + number(m.loss_average) +
                     ",\"lr\":" + object(m.learning_rates);
  if (m.grad_norm) line += ",\"grad_norm\":" + number(*m.grad_norm);
  if (!m.values.empty()) line += ",\"values\":" + object(m.values);
  if (m.resident_bytes > 0) line += ",\"resident_bytes\":" + std::to_string(m.resident_bytes);
  if (m.val_loss) line += ",\"val_loss\":" + number(*m.val_loss) + ",\"val_loss_at\":" + object(m.val_loss_at);
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

int64_t MetricsLog::length(const std::filesystem::path& file) {
  std::error_code absent;
  const auto bytes = std::filesystem::file_size(file, absent);
  return absent ? 0 : static_cast<int64_t>(bytes);
}

void MetricsLog::go_back_to(const std::filesystem::path& file, int64_t step, int64_t kept) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return;
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  size_t end = text.size();
  while (end > static_cast<size_t>(kept)) {
    const size_t before = end < 2 ? std::string::npos : text.rfind('\n', end - 2);
    const size_t begin = before == std::string::npos ? 0 : before + 1;
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    const std::optional<int64_t> line_step = step_of(line);
    if (line.ends_with('\n') && (!line_step || *line_step <= step)) break;
    end = begin;
  }
  if (end < text.size()) write_file(file.string(), std::string_view(text).substr(0, end));
}

void MetricsLog::write(const StepMetrics& metrics) {
  out_.clear();
  out_ << (line_is_broken_ ? "\n" : "") + metrics_line(metrics) + "\n" << std::flush;
  line_is_broken_ = !out_.good();
  if (line_is_broken_) throw FileError(file_.string() + ": cannot be written: is the disk full?");
}

}  // namespace rankine
