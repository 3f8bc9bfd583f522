#include "run/output_names.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "io/atomic_file.h"
#include "io/folder.h"
#include "watch/summary.h"

namespace rankine {
namespace {

std::string padded(int64_t number, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%0*lld", digits, static_cast<long long>(number));
  return text;
}

}  // namespace

OutputNames::OutputNames(const SaveConfig& config)
    : folder_(config.output_dir.value_or(".")), name_(config.output_name), suffix_("." + config.save_model_as) {}

std::string OutputNames::in_folder(const std::string& file) const {
  return (std::filesystem::path(folder_) / file).string();
}
std::string OutputNames::epoch_stem(int64_t epoch) const { return name_.value_or("epoch") + "-" + padded(epoch, 6); }
std::string OutputNames::step_stem(int64_t step) const { return name_.value_or("at") + "-step" + padded(step, 8); }

std::string OutputNames::adapter(const std::string& stem) const { return in_folder(stem + suffix_); }
std::string OutputNames::last() const { return adapter(name_.value_or("last")); }
std::string OutputNames::at_epoch(int64_t epoch) const { return adapter(epoch_stem(epoch)); }
std::string OutputNames::at_step(int64_t step) const { return adapter(step_stem(step)); }
std::string OutputNames::metrics() const { return in_folder(name_.value_or("last") + ".metrics.jsonl"); }
std::string OutputNames::report() const { return in_folder(name_.value_or("last") + ".report.html"); }
std::string OutputNames::state() const { return in_folder(name_.value_or("last") + ".state"); }
std::string OutputNames::last_state() const { return in_folder(name_.value_or("last") + "-state"); }
std::string OutputNames::state_at_epoch(int64_t epoch) const { return in_folder(epoch_stem(epoch) + "-state"); }
std::string OutputNames::state_at_step(int64_t step) const { return in_folder(step_stem(step) + "-state"); }

void OutputNames::link_latest() const {
  namespace fs = std::filesystem;
  for (const auto& [link, file] : {std::pair("metrics.jsonl", metrics()), std::pair("report.html", report())}) {
    std::error_code error;
    const fs::path place = in_folder(link);
    if (fs::exists(fs::symlink_status(place, error)) && !fs::is_symlink(place, error)) continue;
    // Renamed into its place, a link is never missing for a reader, and two runs do not disturb each other.
    const fs::path made = in_folder(concat_text('.', link, '.', getpid(), ".0.tmp"));
    fs::create_symlink(fs::path(file).filename(), made, error);
    if (!error) fs::rename(made, place, error);
  }
}

void OutputNames::remove_leftovers() const {
  const std::string name = name_.value_or("");
  for (const std::string& stem : {name, std::string("report.html"), std::string("metrics.jsonl")})
    remove_abandoned_files(folder_, stem);
  remove_abandoned_files(in_folder("sample"), name);
}

void OutputNames::check_usable(int64_t bytes) const {
  check_folder(folder_, "--output_dir");
  std::error_code unknown;
  check(!std::filesystem::is_directory(last(), unknown), last(), " is a folder: choose another --output_name");
  std::error_code error;
  const auto space = std::filesystem::space(existing_part(folder_), error);
  check(error || space.available >= static_cast<uintmax_t>(bytes), "--output_dir ", folder_, " has room for ",
        bytes_text(static_cast<int64_t>(space.available)), ", the LoRA takes ", bytes_text(bytes));
}

void OutputNames::make_folder() const {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  check(!error, "--output_dir ", folder_, ": the folder cannot be made: ", error.message());
  AtomicFile(last()).write("x");  // without commit it goes again
}

int64_t epochs_between_saves(const SaveConfig& config, int64_t epochs) {
  const int64_t saves = config.save_n_epoch_ratio.value_or(0);
  return saves > 0 ? std::max<int64_t>(1, epochs / saves) : config.save_every_n_epochs.value_or(0);
}

}  // namespace rankine
