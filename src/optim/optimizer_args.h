#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace rankine {

/// --optimizer_args, "key=value" each, with values as Python writes them; --lr_scheduler_args likewise.
class OptimizerArgs {
 public:
  /// Errors call them `flag_name`. Throws Error for an argument without "=".
  explicit OptimizerArgs(std::span<const std::string> args, std::string flag_name = "--optimizer_args");

  /// These take a value by key and give the fallback where the key is absent. They throw Error when the value is not of
  /// that kind.
  double number(const std::string& key, double fallback);
  bool flag(const std::string& key, bool fallback);
  /// None where the key was not given or is None.
  std::optional<double> optional_number(const std::string& key);
  std::vector<double> numbers(const std::string& key, std::vector<double> fallback);  ///< as many as the fallback
  std::vector<double> needed_list(const std::string& key);                            ///< one or more
  int64_t whole(const std::string& key, int64_t fallback, int64_t least);  ///< the fallback also where it is None
  std::string text(const std::string& key, const std::string& fallback);   ///< without its quotes
  double needed_number(const std::string& key);  ///< these throw Error where the key was not given, too
  int64_t needed_whole(const std::string& key, int64_t least);
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
  void check_given(const std::string& key) const;
  std::vector<Item> items_;
  std::vector<std::string> known_;
  std::string flag_name_;
};

/// Throws Error unless both are at least 0 and below 1.
void check_betas(double beta1, double beta2);

}  // namespace rankine
