#include "run/adapter_saver.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "base/timer.h"
#include "io/atomic_file.h"
#include "io/file_hash.h"
#include "network/adapter_file.h"
#include "run/training_facts.h"
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

std::string OutputNames::lora(const std::string& stem) const { return in_folder(stem + suffix_); }
std::string OutputNames::last() const { return lora(name_.value_or("last")); }
std::string OutputNames::at_epoch(int64_t epoch) const { return lora(epoch_stem(epoch)); }
std::string OutputNames::at_step(int64_t step) const { return lora(step_stem(step)); }
std::string OutputNames::state() const { return in_folder(name_.value_or("last") + ".state"); }
std::string OutputNames::last_state() const { return in_folder(name_.value_or("last") + "-state"); }
std::string OutputNames::state_at_epoch(int64_t epoch) const { return in_folder(epoch_stem(epoch) + "-state"); }
std::string OutputNames::state_at_step(int64_t step) const { return in_folder(step_stem(step) + "-state"); }

void OutputNames::remove_leftovers() const {
  const std::string name = name_.value_or("");
  for (const std::string& stem : {name, std::string("report.html"), std::string("metrics.jsonl")})
    remove_abandoned_files(folder_, stem);
  remove_abandoned_files(in_folder("sample"), name);
}

void OutputNames::check_writable() const {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  check(!error, "--output_dir ", folder_, ": the folder cannot be made: ", error.message());
  check(std::filesystem::is_directory(folder_), "--output_dir ", folder_, " is a file, not a folder");
  check(!std::filesystem::is_directory(last()), last(), " is a folder: choose another --output_name");
  AtomicFile(last()).write("x");  // without commit it goes again
}

void OutputNames::check_room(int64_t bytes) const {
  std::error_code error;
  const auto space = std::filesystem::space(folder_, error);
  check(error || space.available >= static_cast<uintmax_t>(bytes), "--output_dir ", folder_, " has room for ",
        bytes_text(static_cast<int64_t>(space.available)), ", the LoRA takes ", bytes_text(bytes));
}

int64_t epochs_between_saves(const SaveConfig& config, int64_t epochs) {
  const int64_t saves = config.save_n_epoch_ratio.value_or(0);
  return saves > 0 ? std::max<int64_t>(1, epochs / saves) : config.save_every_n_epochs.value_or(0);
}

AdapterSaver::AdapterSaver(const TrainingStep& trainer, TrainingFacts facts, const std::string& base_model,
                           const std::string& vae, DType dtype)
    : trainer_(trainer), facts_(std::move(facts)), dtype_(dtype) {
  const auto hashes_of = [](const std::string& path) {
    return std::async(std::launch::async, [path] { return Hashes{window_hash_of_file(path), sha256_of_file(path)}; });
  };
  hashes_ = hashes_of(base_model);
  if (!vae.empty()) vae_hashes_ = hashes_of(vae);
}

void AdapterSaver::save(const std::string& path, int64_t steps, int64_t epochs) {
  const auto take = [](std::future<Hashes>& future, auto& window, auto& whole) {
    if (!future.valid()) return;
    const Hashes hashes = future.get();
    window = hashes.window;
    whole = hashes.whole;
  };
  take(hashes_, facts_.sd_model_hash, facts_.new_sd_model_hash);
  take(vae_hashes_, facts_.vae_hash, facts_.new_vae_hash);
  const std::vector<AdaptedLayer>& modules = trainer_.settings().layers;
  std::vector<std::vector<float>> values;
  for (const AdaptedLayer& m : modules) {
    values.push_back(trainer_.evaluation_weights(m.key + ".lora_down.weight", count_of(m.down_shape())));
    values.push_back(trainer_.evaluation_weights(m.key + ".lora_up.weight", count_of(m.up_shape())));
  }
  std::vector<LoraTensors> weights;
  for (size_t i = 0; i < modules.size(); ++i) weights.push_back({values[2 * i], values[2 * i + 1]});
  save_lora(path, modules, weights, dtype_,
            adapter_metadata(facts_, {.steps = steps, .epoch = epochs, .finished_at = unix_time()}));
  last_saved_ = path;
}

}  // namespace rankine
