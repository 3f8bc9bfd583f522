#pragma once
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace rankine {

/// --optimizer_args, "key=value" each, with values as Python writes them.
class OptimizerArgs {
 public:
  /// Throws Error for an argument without "=".
  explicit OptimizerArgs(std::span<const std::string> args);

  /// Take a value by key; throw Error when it is not of that kind. The fallback where the key was not given.
  double number(const std::string& key, double fallback);
  bool flag(const std::string& key, bool fallback);
  std::pair<double, double> pair(const std::string& key, std::pair<double, double> fallback);
  /// Throws Error for a key that nobody took, naming those that `optimizer` has.
  void finish(const std::string& optimizer) const;
  /// "(key=value,...)" in the order given, values as Python prints them; "" when there are none.
  std::string as_python() const;

 private:
  struct Item {
    std::string key, value;
    bool taken = false;
  };
  Item* take(const std::string& key);
  std::vector<Item> items_;
  std::vector<std::string> known_;
};

}  // namespace rankine
