#pragma once
#include <iostream>
#include <sstream>
#include <string>

namespace rankine::test {

/// Standard output goes to a text for as long as it lives.
class CapturedOutput {
 public:
  CapturedOutput() = default;
  ~CapturedOutput() { std::cout.rdbuf(before_); }
  CapturedOutput(const CapturedOutput&) = delete;
  CapturedOutput& operator=(const CapturedOutput&) = delete;

  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::streambuf* const before_ = std::cout.rdbuf(text_.rdbuf());
};

}  // namespace rankine::test
