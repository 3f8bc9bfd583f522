#include "run/state/state_store.h"

#include <filesystem>

#include "base/error.h"
#include "io/atomic_file.h"

namespace rankine {
namespace fs = std::filesystem;
namespace {

constexpr auto kFileInFolder = "state.safetensors";

void rename(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  check(!error, from, ": cannot be renamed to ", to, ": ", error.message());
}

void remove_file(const std::string& path) {
  std::error_code error;
  fs::remove(path, error);
  check(!error, path, ": cannot be removed: ", error.message());
}

}  // namespace

/// Writes PATH.new and reads it again.
std::string StateStore::write_new(const TrainingState& state) const {
  const std::string fresh = path_ + ".new";
  write_state(fresh, state);
  const TrainingState read = read_state(fresh);
  check(read.position.step == state.position.step && read.variables.size() == state.variables.size(), fresh,
        ": what is on the disk is not what was written");
  return fresh;
}

void StateStore::save(const TrainingState& state) const {
  const std::string fresh = write_new(state);
  if (fs::exists(path_)) rename(path_, path_ + ".previous");
  rename(fresh, path_);
}

void StateStore::replace(const TrainingState& state) const { rename(write_new(state), path_); }

std::optional<FoundState> StateStore::before(int64_t step) const {
  const std::string path = path_ + ".previous";
  try {
    FoundState found = {read_state(path), path};
    if (found.state.position.step < step) return found;
  } catch (const Error&) {
    // A missing or damaged file counts as none.
  }
  return std::nullopt;
}

std::optional<FoundState> StateStore::newest() const {
  std::vector<std::string> faults;
  bool any = false;
  for (const char* suffix : {".new", "", ".previous"}) {
    const std::string path = path_ + suffix;
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored)) continue;
    any = true;
    try {
      return FoundState{read_state(path), path, faults};
    } catch (const Error& error) {
      faults.push_back(error.what());
    }
  }
  std::string text;
  for (const std::string& fault : faults) text += "\n  " + fault;
  check(!any, "no state of the interrupted run can be read:", text,
        "\nRemove these files to start from the beginning, or start from a saved LoRA with --network_weights");
  return std::nullopt;
}

void StateStore::remove() const {
  for (const char* suffix : {".new", ".previous", ""}) remove_file(path_ + suffix);
}

std::string StateStore::name_aside() const {
  std::string name = path_ + ".old";
  for (int i = 2; fs::exists(name); ++i) name = concat_text(path_, ".old", i);
  return name;
}

void StateStore::put_aside(const std::string& found, const std::string& aside) const {
  rename(found, aside);
  remove();
}

void keep_state_in(const std::string& folder, const std::string& path) {
  std::error_code error;
  fs::create_directories(folder, error);
  check(!error, folder, ": the folder cannot be made: ", error.message());
  const std::string target = (fs::path(folder) / kFileInFolder).string(), fresh = target + ".new";
  remove_file(fresh);
  fs::create_hard_link(path, fresh, error);
  if (error) {
    fs::copy_file(path, fresh, error);
    check(!error, fresh, ": cannot be written: ", error.message());
  }
  rename(fresh, target);
  remove_file(fresh);  // renaming a name over another name of the same file leaves both
}

FoundState open_state(const std::string& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    const std::string file = (fs::path(path) / kFileInFolder).string();
    if (fs::exists(file, ignored)) return {read_state(file), file};
    check(!fs::exists(fs::path(path) / "optimizer.bin", ignored) &&
              !fs::exists(fs::path(path) / "random_states_0.pkl", ignored),
          "--resume ", path,
          " is a state of sd-scripts, which only PyTorch can read: start from its LoRA with --network_weights and tell "
          "where it stood with --initial_step");
    fail("--resume ", path, ": there is no ", kFileInFolder, " in this folder");
  }
  std::optional<FoundState> found = StateStore(path).newest();
  check(found.has_value(), "--resume ", path, ": there is no such file or folder");
  return *std::move(found);
}

}  // namespace rankine
