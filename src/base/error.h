#pragma once
#include <sstream>
#include <stdexcept>
#include <string>

namespace rankine {

/// A fault that a user or caller can cause. `main` catches it once, prints it and exits with 1.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Joins the parts, as streamed, to one text.
template <class... Parts>
std::string concat_text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// Throws Error. A message says where, what was expected, what came, and what to try.
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(concat_text(parts...));
}

/// Throws Error with `parts` as its text unless `ok`. The text is only made on failure.
template <class... Parts>
void check(bool ok, const Parts&... parts) {
  if (!ok) [[unlikely]]
    fail(parts...);
}

}  // namespace rankine
