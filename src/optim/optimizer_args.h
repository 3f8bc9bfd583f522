#pragma once
#include <optional>
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
  /// None where the key was not given or is None.
  std::optional<double> optional_number(const std::string& key);
  std::vector<double> numbers(const std::string& key, std::vector<double> fallback);  ///< as many as the fallback
  std::pair<double, double> pair(const std::string& key, std::pair<double, double> fallback);
  bool has(const std::string& key) const;
  /// Adds or replaces an argument, as sd-scripts does before it describes them.
  void set(const std::string& key, const std::string& value);
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

/// Throws Error unless both are at least 0 and below 1.
void check_betas(double beta1, double beta2);

}  // namespace rankine
