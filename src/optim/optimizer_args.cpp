#include "optim/optimizer_args.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "io/python_text.h"

namespace rankine {
namespace {

std::string stripped(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (!std::isspace(static_cast<unsigned char>(c))) out += c;
  return out;
}

bool parse_number(std::string_view text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// Items of "(a, b)" or "[a, b]"; empty for anything else.
std::vector<std::string> items_of(const std::string& text) {
  std::vector<std::string> items;
  const bool list =
      text.size() >= 2 && (text.front() == '(' || text.front() == '[') && (text.back() == ')' || text.back() == ']');
  if (!list) return items;
  std::string inner = text.substr(1, text.size() - 2);
  for (size_t begin = 0; begin <= inner.size();) {
    const size_t comma = std::min(inner.find(',', begin), inner.size());
    if (comma > begin) items.push_back(inner.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return items;
}

/// A Python literal as Python prints it.
std::string printed(const std::string& text) {
  double number = 0;
  const bool integer = !text.empty() && text.find_first_not_of("+-0123456789") == std::string::npos;
  if (integer) return text;
  if (parse_number(text, number)) return python_text(number);
  if (const std::vector<std::string> items = items_of(text); !items.empty()) {
    std::string out(1, text.front());
    for (size_t i = 0; i < items.size(); ++i) out += (i ? ", " : "") + printed(items[i]);
    return out + text.back();
  }
  return text;
}

}  // namespace

OptimizerArgs::OptimizerArgs(std::span<const std::string> args, std::string flag_name)
    : flag_name_(std::move(flag_name)) {
  for (const std::string& arg : args) {
    const size_t equals = arg.find('=');
    check(equals != std::string::npos && equals > 0, flag_name_, ": expected key=value, got \"", arg, "\"");
    items_.push_back({stripped(arg.substr(0, equals)), stripped(arg.substr(equals + 1))});
  }
}

OptimizerArgs::Item* OptimizerArgs::take(const std::string& key) {
  known_.push_back(key);
  Item* found = nullptr;  // the later one wins
  for (Item& item : items_)
    if (item.key == key) {
      item.taken = true;
      found = &item;
    }
  return found;
}

double OptimizerArgs::number(const std::string& key, double fallback) {
  const Item* item = take(key);
  if (!item) return fallback;
  double value = 0;
  std::string text = item->value;  // Python's float('inf') as well
  if (text == "float('inf')" || text == "float(\"inf\")") text = "inf";
  check(parse_number(text, value), flag_name_, " ", key, ": expected a number, got \"", item->value, "\"");
  return value;
}

std::optional<double> OptimizerArgs::optional_number(const std::string& key) {
  const Item* item = take(key);
  if (!item || item->value == "None") return std::nullopt;
  return number(key, 0);
}

bool OptimizerArgs::flag(const std::string& key, bool fallback) {
  const Item* item = take(key);
  if (!item) return fallback;
  check(item->value == "True" || item->value == "False", flag_name_, " ", key, ": expected True or False, got \"",
        item->value, "\"");
  return item->value == "True";
}

std::vector<double> OptimizerArgs::numbers(const std::string& key, std::vector<double> fallback) {
  const Item* item = take(key);
  if (!item) return fallback;
  std::vector<std::string> items = items_of(item->value);
  if (items.empty()) items = items_of("(" + item->value + ")");
  std::vector<double> values(items.size());
  bool ok = items.size() == fallback.size();
  for (size_t i = 0; ok && i < items.size(); ++i) ok = parse_number(items[i], values[i]);
  check(ok, flag_name_, " ", key, ": expected ", fallback.size(), " numbers like ",
        fallback.size() == 2 ? "(0.9,0.999)" : "(0.98,0.92,0.99)", ", got \"", item->value, "\"");
  return values;
}

std::pair<double, double> OptimizerArgs::pair(const std::string& key, std::pair<double, double> fallback) {
  const std::vector<double> values = numbers(key, {fallback.first, fallback.second});
  return {values[0], values[1]};
}

bool OptimizerArgs::has(const std::string& key) const {
  return std::any_of(items_.begin(), items_.end(), [&](const Item& item) { return item.key == key; });
}

void OptimizerArgs::set(const std::string& key, const std::string& value) {
  for (Item& item : items_)
    if (item.key == key) {
      item.value = value;
      return;
    }
  items_.push_back({key, value});
}

void OptimizerArgs::finish(const std::string& optimizer) const {
  std::string known;
  for (const std::string& key : known_) known += (known.empty() ? "" : ", ") + key;
  for (const Item& item : items_)
    check(item.taken, flag_name_, ": ", optimizer, " has no setting \"", item.key, "\"; it has ", known);
}

std::string OptimizerArgs::as_python() const {
  std::string text;
  for (const Item& item : items_) text += (text.empty() ? "" : ",") + item.key + "=" + printed(item.value);
  return text.empty() ? "" : "(" + text + ")";
}

void OptimizerArgs::check_given(const std::string& key) const {
  check(has(key), flag_name_, ": \"", key, "\" is missing; give it as ", key, "=...");
}

double OptimizerArgs::needed_number(const std::string& key) {
  check_given(key);
  return number(key, 0);
}

int64_t OptimizerArgs::whole(const std::string& key, int64_t fallback, int64_t least) {
  const Item* item = take(key);
  if (!item || item->value == "None") return fallback;
  double value = 0;
  check(parse_number(item->value, value) && value == std::floor(value) && std::abs(value) < 1e15, flag_name_, " ", key,
        ": expected a whole number, got \"", item->value, "\"");
  check(value >= static_cast<double>(least), flag_name_, " ", key, ": expected at least ", least, ", got ",
        item->value);
  return static_cast<int64_t>(value);
}

int64_t OptimizerArgs::needed_whole(const std::string& key, int64_t least) {
  check_given(key);
  return whole(key, 0, least);
}

std::string OptimizerArgs::text(const std::string& key, const std::string& fallback) {
  const Item* item = take(key);
  if (!item) return fallback;
  const std::string& value = item->value;
  const bool quoted = value.size() >= 2 && value.front() == value.back() && (value[0] == '"' || value[0] == '\'');
  return quoted ? value.substr(1, value.size() - 2) : value;
}

std::vector<double> OptimizerArgs::needed_list(const std::string& key) {
  check_given(key);
  const Item* item = take(key);
  std::vector<std::string> items = items_of(item->value);
  if (items.empty()) items = items_of("(" + item->value + ")");
  std::vector<double> values(items.size());
  bool ok = !items.empty();
  for (size_t i = 0; ok && i < items.size(); ++i) ok = parse_number(items[i], values[i]);
  check(ok, flag_name_, " ", key, ": expected numbers like [100,200], got \"", item->value, "\"");
  return values;
}

void check_betas(double beta1, double beta2) {
  check(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1,
        "--optimizer_args betas: each must be at least 0 and below 1, got (", beta1, ", ", beta2, ")");
}

}  // namespace rankine
