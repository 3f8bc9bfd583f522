#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rankine {

/// What a pickle describes. Nothing in it is ever run: a class or function is its name, a call the name and arguments.
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
  int64_t integer = 0;  ///< of a boolean too
  double real = 0;
  std::string_view text{};  ///< of text and bytes; the module of a global
  std::string_view name{};  ///< of a global
  /// Elements; of a dict keys and values in turn; of a persistent its one identifier; of a call the function and its
  /// arguments (a tuple).
  std::vector<const PickleValue*> items{};
  /// What was put into a call's result: keys and values in turn.
  std::vector<const PickleValue*> entries{};

  bool is(Kind wanted) const { return kind == wanted; }
  bool is_global(std::string_view module, std::string_view member) const {
    return kind == Kind::global && text == module && name == member;
  }
  /// A call of this function.
  bool calls(std::string_view module, std::string_view member) const {
    return kind == Kind::call && items[0]->is_global(module, member);
  }
};

/// A pickle of Python's, protocols 2 to 5 (https://docs.python.org/3/library/pickletools.html), as data. Values may
/// hold each other in circles, so whoever walks them must bound the depth. Time and memory are proportional to the
/// bytes.
class Pickle {
 public:
  /// `bytes` must outlive this: texts are views of it. Throws Error, naming `where` and the position, for anything
  /// malformed and for protocols 0 and 1.
  Pickle(std::span<const std::byte> bytes, const std::string& where);

  const PickleValue& value() const { return *value_; }

 private:
  std::deque<PickleValue> values_;
  const PickleValue* value_ = nullptr;
};

}  // namespace rankine
