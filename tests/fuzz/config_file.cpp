#include "cli/config_file.h"

#include "cli/flags.h"
#include "fuzz_file.h"

using namespace rankine;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string path = fuzz::file_of(data, size, "config.toml");
  static TrainOptions options;  // made once: what earlier inputs left there is not read
  static const FlagTable table = train_flags(options);
  std::vector<std::string> notes, warnings;
  fuzz::read_or_refuse(path, [&] { config_text(assign_config_file(table, path, notes, warnings)); });
  for (const std::string& warning : warnings) fuzz::check_message(warning, path);
  return 0;
}
