#pragma once
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace rankine {

/// @name Values as Python prints them
/// All metadata of a LoRA file are such texts: that is how sd-scripts makes them, and what other programs parse.
/// @{

/// repr(float): the shortest digits that give the same value, "5e-05", "0.0001", "1.0", "1e+16".
std::string python_float(double value);
/// A JSON string as json.dumps quotes it: characters outside ASCII become \uXXXX. Throws Error unless it is UTF-8.
std::string json_quoted(std::string_view text);

/// str(value): "True", "5", "1.0", the text itself.
template <class T>
std::string python_text(const T& value) {
  if constexpr (std::same_as<T, bool>) {
    return value ? "True" : "False";
  } else if constexpr (std::integral<T>) {
    return std::to_string(value);
  } else if constexpr (std::floating_point<T>) {
    return python_float(value);
  } else {
    return std::string(value);
  }
}
/// "None" without a value.
template <class T>
std::string python_text(const std::optional<T>& value) {
  return value ? python_text(*value) : "None";
}

/// json.dumps(value) of a plain value.
template <class T>
std::string json_text(const T& value) {
  if constexpr (std::same_as<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_arithmetic_v<T>) {
    return python_text(value);
  } else {
    return json_quoted(value);
  }
}
template <class T>
std::string json_text(const std::optional<T>& value) {
  return value ? json_text(*value) : "null";
}

/// {"key": value, ...} and [value, ...] from values that are already JSON, with json.dumps' spaces.
std::string json_object(const std::vector<std::pair<std::string, std::string>>& members);
std::string json_array(const std::vector<std::string>& values);

/// @}

}  // namespace rankine
