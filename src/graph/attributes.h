#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace rankine {

using AttributeValue = std::variant<int64_t, double, std::string, std::vector<int64_t>>;

/// Named plain data of a node ({"groups", 32}), so that printing, comparing and hashing a node is written once.
class Attributes {
 public:
  Attributes() = default;
  Attributes(std::initializer_list<std::pair<const char*, AttributeValue>> items);

  /// Throw Error if the attribute is missing or has another type.
  int64_t integer(std::string_view name) const;
  double real(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  const std::vector<int64_t>& integers(std::string_view name) const;

  bool has(std::string_view name) const;
  void set(std::string_view name, AttributeValue value);
  const std::vector<std::pair<std::string, AttributeValue>>& items() const { return items_; }
  bool operator==(const Attributes&) const = default;

 private:
  const AttributeValue& get(std::string_view name) const;
  std::vector<std::pair<std::string, AttributeValue>> items_;  // sorted by name
};

std::ostream& operator<<(std::ostream& out, const Attributes& attributes);

}  // namespace rankine
