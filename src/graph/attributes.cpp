#include "graph/attributes.h"

#include <algorithm>

#include "base/dtype.h"
#include "base/error.h"

namespace rankine {

Attributes::Attributes(std::initializer_list<std::pair<const char*, AttributeValue>> items) {
  for (const auto& [name, value] : items) set(name, value);
}

void Attributes::set(std::string_view name, AttributeValue value) {
  const auto at = std::lower_bound(items_.begin(), items_.end(), name,
                                   [](const auto& item, std::string_view key) { return item.first < key; });
  if (at != items_.end() && at->first == name) {
    at->second = std::move(value);
  } else {
    items_.emplace(at, std::string(name), std::move(value));
  }
}

bool Attributes::has(std::string_view name) const {
  return std::any_of(items_.begin(), items_.end(), [&](const auto& item) { return item.first == name; });
}

const AttributeValue& Attributes::get(std::string_view name) const {
  for (const auto& item : items_)
    if (item.first == name) return item.second;
  fail("a node has no attribute \"", name, "\"");
}

int64_t Attributes::integer(std::string_view name) const { return std::get<int64_t>(get(name)); }
double Attributes::real(std::string_view name) const { return std::get<double>(get(name)); }
const std::string& Attributes::text(std::string_view name) const { return std::get<std::string>(get(name)); }
const std::vector<int64_t>& Attributes::integers(std::string_view name) const {
  return std::get<std::vector<int64_t>>(get(name));
}

std::ostream& operator<<(std::ostream& out, const Attributes& attributes) {
  const char* separator = "";
  for (const auto& [name, value] : attributes.items()) {
    out << separator << name << '=';
    std::visit(
        [&](const auto& v) {
          if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::vector<int64_t>>) {
            out << as_text(v);
          } else {
            out << v;
          }
        },
        value);
    separator = ", ";
  }
  return out;
}

}  // namespace rankine
