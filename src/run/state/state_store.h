#pragma once
#include <optional>
#include <string>
#include <vector>

#include "run/state/state_file.h"

namespace rankine {

/// A state as found in a file.
struct FoundState {
  TrainingState state;
  std::string path;
  std::vector<std::string> notes{};  ///< faults of newer files, which were skipped
};

/// The newest states of a run: PATH, and PATH.previous. At every moment one of them (or PATH.new, which exists only
/// while a state is saved) is whole.
class StateStore {
 public:
  explicit StateStore(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  /// Replaces the old state once the new one is on the disk and was read again. Throws Error, and leaves the old ones,
  /// if it cannot be written.
  void save(const TrainingState& state) const;
  /// The same, but PATH.previous stays: for a run that went back.
  void replace(const TrainingState& state) const;
  /// The newest readable state; nothing if there are no files. Throws Error with the fault of each if there are files
  /// but none can be read.
  std::optional<FoundState> newest() const;
  /// The previous state, if it can be read and is of an earlier step.
  std::optional<FoundState> before(int64_t step) const;
  /// Removes all states.
  void remove() const;
  /// A free name for a state that is put aside: PATH.old, or .old2, ...
  std::string name_aside() const;
  /// Renames `found`, the path of one of these states, to `aside` and removes the others.
  void put_aside(const std::string& found, const std::string& aside) const;

 private:
  std::string write_new(const TrainingState& state) const;
  std::string path_;
};

/// Puts the file of `path` into `folder` (made if missing) under the name that --resume FOLDER looks for: a second name
/// for the same bytes if the file system supports that, else a copy. Throws Error.
void keep_state_in(const std::string& folder, const std::string& path);

/// Opens the state that --resume names: a state folder, or a state file with its predecessors. Throws Error if none can
/// be read.
FoundState open_state(const std::string& path);

}  // namespace rankine
