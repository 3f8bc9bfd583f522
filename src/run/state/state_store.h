#pragma once
#include <optional>
#include <string>
#include <vector>

#include "run/state/state_file.h"

namespace rankine {

/// A state as it was found.
struct FoundState {
  TrainingState state;
  std::string path;
  std::vector<std::string> notes{};  ///< what is wrong with newer files, which were passed over
};

/// The newest states of a run: PATH, and PATH.previous, the one before. At every moment one of them (or PATH.new, which
/// is only there while a state is saved) is whole.
class StateStore {
 public:
  explicit StateStore(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  /// The new state takes the place of the old once it is on the disk and was read again. Throws Error, leaving the old
  /// ones, when it cannot be written.
  void save(const TrainingState& state) const;
  /// The same, but the one before it stays where it is: for a run that went back.
  void replace(const TrainingState& state) const;
  /// The newest that can be read; nothing when there are no files. Throws Error, with what is wrong with each, when
  /// there are some and none can be read.
  std::optional<FoundState> newest() const;
  /// The one before, if it can be read and is of an earlier step.
  std::optional<FoundState> before(int64_t step) const;
  /// Removes all.
  void remove() const;
  /// A name for a state that is put aside: PATH.old, or .old2, ... where that is taken.
  std::string name_aside() const;
  /// Renames `found`, the path of one of these states, to `aside` and removes the others.
  void put_aside(const std::string& found, const std::string& aside) const;

 private:
  std::string write_new(const TrainingState& state) const;
  std::string path_;
};

/// Gives `folder` (made when absent) the file of `path`, under the name that --resume FOLDER looks for: a second name
/// for the same bytes where the file system can, else a copy. Throws Error.
void keep_state_in(const std::string& folder, const std::string& path);

/// What --resume names: a state folder, or a state file with the ones before it. Throws Error when nothing can be read.
FoundState open_state(const std::string& path);

}  // namespace rankine
