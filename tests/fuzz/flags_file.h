// Shared by the fuzzers of files that set flags.
#pragma once
#include "cli/config_file.h"
#include "cli/flags.h"
#include "fuzz_file.h"

namespace rankine::fuzz {

/// One input: `assign` sets the flags from a file of that name, which is then told as text again, or refuses it.
template <class Assign>
int flags_file(const uint8_t* data, size_t size, const char* name, Assign assign) {
  const std::string path = file_of(data, size, name);
  static TrainOptions options;  // made once: what earlier inputs left there is not read
  static const FlagTable table = train_flags(options);
  std::vector<std::string> notes, warnings;
  read_or_refuse(path, [&] { config_text(assign(table, path, notes, warnings)); });
  for (const std::string& warning : warnings) check_message(warning, path);
  return 0;
}

}  // namespace rankine::fuzz
