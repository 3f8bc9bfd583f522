#include <algorithm>
#include <cctype>

#include "optim/adamw.h"

namespace rankine {
namespace {

struct Entry {
  const char* name;  // as sd-scripts spells it
  std::unique_ptr<Optimizer> (*make)(std::span<const std::string> args);
};

constexpr Entry optimizers[] = {
    {"AdamW", make_adamw},
};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(const std::string& type, std::span<const std::string> args) {
  const std::string wanted = type.empty() ? "AdamW" : type;
  std::string known;
  for (const Entry& entry : optimizers) {
    if (lower(entry.name) == lower(wanted)) return entry.make(args);
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  fail("--optimizer_type ", type, " is not supported yet; built: ", known);
}

std::string state_name(std::string_view state, Value weight) {
  return std::string(state) + "." + weight.node().scope();
}

}  // namespace rankine
