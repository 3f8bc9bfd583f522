#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rankine {

/// A value of a pickle. Nothing in it ever runs: a class or function is its name, a call is its name and arguments.
struct PickleValue {
  enum class Kind : uint8_t {
    none,
    boolean,
    integer,
    real,
    text,
    bytes,
    list,
    tuple,
    set,
    dict,
    global,
    persistent,
    call
  };

  Kind kind = Kind::none;
  int64_t integer = 0;  ///< also for booleans
  double real = 0;
  std::string_view text{};  ///< of text and bytes; for a global its module
  std::string_view name{};  ///< for a global
  /// Elements. For a dict keys and values in turn; for a persistent its identifier; for a call the function and its
  /// arguments (a tuple).
  std::vector<const PickleValue*> items{};
  /// Keys and values in turn that were set on a call's result.
  std::vector<const PickleValue*> entries{};

  bool is(Kind wanted) const { return kind == wanted; }
  bool is_global(std::string_view module, std::string_view member) const {
    return kind == Kind::global && text == module && name == member;
  }
  /// True for a call of this function.
  bool calls(std::string_view module, std::string_view member) const {
    return kind == Kind::call && items[0]->is_global(module, member);
  }
};

/// Reads a Python pickle, protocols 2 to 5 (https://docs.python.org/3/library/pickletools.html), as data. Values may
/// refer to each other in circles, so a caller that follows them must bound the depth. Time and memory are proportional
/// to the bytes.
class Pickle {
 public:
  /// `bytes` must outlive this object: texts are views of it. Throws Error that names `where` and the position for
  /// malformed input and for protocols 0 and 1.
  Pickle(std::span<const std::byte> bytes, const std::string& where);

  const PickleValue& value() const { return *value_; }

 private:
  std::deque<PickleValue> values_;
  const PickleValue* value_ = nullptr;
};

}  // namespace rankine
