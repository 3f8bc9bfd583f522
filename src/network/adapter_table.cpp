// The kinds of adapters, and nothing else: a program that links a table of its own gets that one.
#include "network/adapter.h"
#include "network/lora.h"

namespace rankine {

std::span<const AdapterKind* const> adapters() {
  static constexpr const AdapterKind* all[] = {
      &lora_adapter,  // networks.lora; the default
  };
  return all;
}

}  // namespace rankine
