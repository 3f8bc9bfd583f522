#include "watch/tensorboard_log.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <optional>

#include "base/timer.h"
#include "io/atomic_file.h"
#include "io/image.h"
#include "io/mapped_file.h"
#include "io/sha256.h"

namespace rankine {
namespace {

constexpr std::string_view kEvents = "events.out.tfevents.";
constexpr size_t kTimeDigits = 14;  // yyyymmddhhmmss

std::string local_time_digits() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::localtime_r(&now, &parts);
  std::array<char, 32> buffer;
  return {buffer.data(), std::strftime(buffer.data(), buffer.size(), "%Y%m%d%H%M%S", &parts)};
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data() : "localhost";
}

bool is_time(std::string_view text) {
  return text.size() == kTimeDigits && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool has_files_of(const std::filesystem::path& folder, const std::string& run) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kEvents) && name.ends_with("." + run)) return true;
  }
  return false;
}

/// The newest folder with files of this run.
std::optional<std::filesystem::path> last_folder(const std::filesystem::path& logging_dir, const std::string& prefix,
                                                 const std::string& tracker, const std::string& run) {
  std::optional<std::filesystem::path> newest;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(logging_dir, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || !is_time(std::string_view(name).substr(prefix.size()))) continue;
    if (has_files_of(entry.path() / tracker, run) && (!newest || name > newest->filename().string()))
      newest = entry.path();
  }
  return newest;
}

/// TensorBoard reads a folder's files in the order of their names: this one must be last.
std::string next_file(const TensorBoardFolder& folder) {
  auto time = static_cast<int64_t>(unix_time());
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kEvents)) continue;
    int64_t other = 0;
    std::from_chars(name.data() + kEvents.size(), name.data() + name.size(), other);
    time = std::max(time, other + 1);
  }
  const std::string digits = std::to_string(time);
  return (folder.path / concat_text(kEvents, std::string(10 - std::min<size_t>(10, digits.size()), '0'), digits, ".",
                                    host_name(), ".", ::getpid(), ".", folder.run))
      .string();
}

std::string table_cell(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|' || c == '`' || c == '\\') cell += '\\';
    cell += c == '\n' ? ' ' : c;
  }
  return cell;
}

}  // namespace

void check_logging_dir(const TrackerConfig& config) {
  if (!config.writes_events()) return;
  std::error_code error;
  std::filesystem::create_directories(*config.logging_dir, error);
  check(!error, "--logging_dir ", *config.logging_dir, ": the folder cannot be made: ", error.message());
  AtomicFile(*config.logging_dir + "/events").write("x");  // without commit the file is removed
}

TensorBoardFolder tensorboard_folder(const TrackerConfig& config, const std::string& adapter_file, bool goes_on) {
  const std::filesystem::path logging_dir = config.logging_dir.value_or("");
  const std::string prefix = config.log_prefix.value_or(""),
                    tracker = config.log_tracker_name.value_or("network_train");
  const std::string file = std::filesystem::absolute(adapter_file).lexically_normal().string();
  const std::string run = sha256_hex(std::as_bytes(std::span(file))).substr(0, 8);
  // A prefix may contain folders.
  const std::filesystem::path stem = logging_dir / (prefix + local_time_digits());
  std::filesystem::path folder = stem;
  if (goes_on) {
    const std::string own_prefix = stem.filename().string();
    folder = last_folder(stem.parent_path(), own_prefix.substr(0, own_prefix.size() - kTimeDigits), tracker, run)
                 .value_or(stem);
  }
  return {folder / tracker, run};
}

TensorBoardLog::TensorBoardLog(const TensorBoardFolder& folder, int64_t steps_done) : file_(next_file(folder)) {
  if (steps_done > 0) file_.add_restart(unix_time(), steps_done + 1);
}

TrackedValues tracked_values(const StepMetrics& m, bool epoch_ends) {
  TrackedValues all;
  all.by_step = {{"loss/current", m.loss}, {"loss/average", m.loss_average}};
  for (const auto& [group, rate] : m.learning_rates) all.by_step.emplace_back("lr/" + tracker_group(group), rate);
  if (m.grad_norm) all.by_step.emplace_back("norm/grad_norm", *m.grad_norm);
  for (const auto& [name, value] : m.values)
    (name.find("/epoch_") == std::string::npos ? all.by_step : all.by_epoch).emplace_back(name, value);
  if (m.resident_bytes > 0)
    all.by_step.emplace_back("memory/resident_gib", static_cast<double>(m.resident_bytes) / (1 << 30));
  if (m.step_seconds > 0) all.by_step.emplace_back("speed/steps_per_second", 1 / m.step_seconds);
  all.by_step.emplace_back("time/step_seconds", m.step_seconds);
  for (const auto& [phase, seconds] : m.seconds) all.by_step.emplace_back("time/" + phase + "_seconds", seconds);
  if (epoch_ends) all.by_epoch.emplace_back("loss/epoch_average", m.loss_average);
  return all;
}

void TensorBoardLog::write(const StepMetrics& metrics, bool epoch_ends) {
  const double now = unix_time();
  const TrackedValues values = tracked_values(metrics, epoch_ends);
  file_.add_scalars(now, metrics.step, values.by_step);
  if (!values.by_epoch.empty()) file_.add_scalars(now, metrics.epoch, values.by_epoch);
}

void TensorBoardLog::write_settings(const NamedTexts& settings) {
  std::string table = "| setting | value |\n| --- | --- |\n";
  for (const auto& [name, value] : settings) table += "| " + table_cell(name) + " | " + table_cell(value) + " |\n";
  file_.add_text(unix_time(), 0, "settings", table);
}

void TensorBoardLog::write_picture(const std::string& png_file, const std::string& name, int64_t step) {
  const ImageSize size = read_image_size(png_file);
  const MappedFile file(png_file);
  const auto bytes = file.bytes();
  file_.add_image(unix_time(), step, "sample/" + name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                  size.width, size.height);
}

}  // namespace rankine
