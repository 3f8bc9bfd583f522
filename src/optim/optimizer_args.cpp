#include "optim/optimizer_args.h"

#include <algorithm>
#include <cctype>
#include <charconv>

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

OptimizerArgs::OptimizerArgs(std::span<const std::string> args) {
  for (const std::string& arg : args) {
    const size_t equals = arg.find('=');
    check(equals != std::string::npos && equals > 0, "--optimizer_args: expected key=value, got \"", arg, "\"");
    items_.push_back({stripped(arg.substr(0, equals)), stripped(arg.substr(equals + 1))});
  }
}

OptimizerArgs::Item* OptimizerArgs::take(const std::string& key) {
  known_.push_back(key);
  Item* found = nullptr;  // of two, the later one counts
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
  check(parse_number(item->value, value), "--optimizer_args ", key, ": expected a number, got \"", item->value, "\"");
  return value;
}

bool OptimizerArgs::flag(const std::string& key, bool fallback) {
  const Item* item = take(key);
  if (!item) return fallback;
  check(item->value == "True" || item->value == "False", "--optimizer_args ", key, ": expected True or False, got \"",
        item->value, "\"");
  return item->value == "True";
}

std::pair<double, double> OptimizerArgs::pair(const std::string& key, std::pair<double, double> fallback) {
  const Item* item = take(key);
  if (!item) return fallback;
  std::pair<double, double> value;
  std::vector<std::string> items = items_of(item->value);
  if (items.empty()) items = items_of("(" + item->value + ")");
  check(items.size() == 2 && parse_number(items[0], value.first) && parse_number(items[1], value.second),
        "--optimizer_args ", key, ": expected two numbers like (0.9,0.999), got \"", item->value, "\"");
  return value;
}

void OptimizerArgs::finish(const std::string& optimizer) const {
  std::string known;
  for (const std::string& key : known_) known += (known.empty() ? "" : ", ") + key;
  for (const Item& item : items_)
    check(item.taken, "--optimizer_args: ", optimizer, " has no setting \"", item.key, "\"; it has ", known);
}

std::string OptimizerArgs::as_python() const {
  std::string text;
  for (const Item& item : items_) text += (text.empty() ? "" : ",") + item.key + "=" + printed(item.value);
  return text.empty() ? "" : "(" + text + ")";
}

}  // namespace rankine
