#include "fuzz_file.h"
#include "run/state/state_checksum.h"
#include "run/state/state_file.h"

using namespace rankine;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string path = fuzz::file_of(data, size, "a.state");
  fuzz::read_or_refuse(path, [&] { read_state(path); });
  // Again with a checksum that fits, as no change of the fuzzer's would have one.
  std::string told, right;
  fuzz::read_or_refuse(path, [&] {
    const SafetensorsFile file = SafetensorsFile::open(path);
    if (const auto found = file.metadata().find("sha256"); found != file.metadata().end()) told = found->second;
    right = state_checksum(file);
  });
  std::string bytes(reinterpret_cast<const char*>(data), size);
  const size_t at = bytes.find(told);
  if (told.size() != right.size() || right.empty() || at == std::string::npos) return 0;
  bytes.replace(at, told.size(), right);
  fuzz::file_of(reinterpret_cast<const uint8_t*>(bytes.data()), size, "a.state");
  fuzz::read_or_refuse(path, [&] { read_state(path); });
  return 0;
}
