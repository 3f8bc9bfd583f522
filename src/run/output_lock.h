#pragma once
#include <string>

namespace rankine {

/// Keeps a second run from writing the same LoRA file while this object lives. The lock is the system's (flock), on a
/// small hidden file beside the LoRA: it ends with the process, also when that is killed.
class OutputLock {
 public:
  /// `adapter_file`: the last LoRA of the run; its folder exists. Throws Error that names the process if another one
  /// holds the lock. A file system without locks is taken as it is.
  explicit OutputLock(const std::string& adapter_file);
  ~OutputLock();
  OutputLock(const OutputLock&) = delete;
  OutputLock& operator=(const OutputLock&) = delete;

 private:
  std::string path_;
  int descriptor_ = -1;
};

}  // namespace rankine
