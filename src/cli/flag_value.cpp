#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/shortened.h"
#include "cli/flag.h"
#include "io/path_text.h"
#include "io/python_text.h"

namespace rankine {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

/// Python accepts a leading plus, from_chars does not.
std::string_view without_plus(std::string_view text) {
  text = trimmed(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  return text;
}

template <class T>
std::optional<T> parse_whole(std::string_view text) {
  text = without_plus(text);
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

/// The listed spelling of `text`, or nullptr.
const std::string* find_choice(const Flag& flag, const std::vector<std::string>& list, std::string_view text) {
  for (const std::string& choice : list)
    if (choice == text || (flag.ignore_case && equal_ignoring_case(choice, text))) return &choice;
  return nullptr;
}

int64_t integer_from(const std::string& text, const std::string& where) {
  const std::optional<int64_t> value = parse_integer(text);
  check(value.has_value(), where, ": expected a whole number, got \"", shortened(text), "\"");
  return *value;
}

struct FieldText {
  std::string operator()(std::monostate) const { return ""; }
  std::string operator()(const CustomValue& custom) const { return custom.text ? custom.text() : ""; }
  std::string operator()(const std::vector<std::string>* texts) const {
    std::string all;
    for (const std::string& text : *texts) all += (all.empty() ? "" : " ") + text;
    return all;
  }
  std::string operator()(const std::vector<double>* numbers) const {
    std::string all;
    for (const double number : *numbers) all += (all.empty() ? "" : " ") + python_text(number);
    return all;
  }
  std::string operator()(const std::string* text) const { return *text; }
  std::string operator()(const std::optional<std::string>* text) const { return text->value_or(""); }
  template <class T>
  std::string operator()(const std::optional<T>* value) const {
    return *value ? python_text(**value) : std::string();
  }
  template <class T>
  std::string operator()(const T* value) const {
    return python_text(*value);
  }
};

struct Store {
  const std::string& text;  // "true" or "false" for toggles
  const std::string& where;

  void operator()(std::monostate) const {}
  void operator()(bool* field) const { *field = text == "true"; }
  void operator()(int64_t* field) const { *field = integer_from(text, where); }
  void operator()(int* field) const {
    const int64_t value = integer_from(text, where);
    check(value >= std::numeric_limits<int>::min() && value <= std::numeric_limits<int>::max(), where, ": ",
          shortened(text), " is out of range");
    *field = static_cast<int>(value);
  }
  void operator()(double* field) const {
    const std::optional<double> value = parse_number(text);
    check(value.has_value(), where, ": expected a number, got \"", shortened(text), "\"");
    *field = *value;
  }
  void operator()(std::string* field) const { *field = text; }
  template <class T>
  void operator()(std::optional<T>* field) const {
    T value{};
    (*this)(&value);
    *field = std::move(value);
  }
  void operator()(std::vector<std::string>* field) const { field->push_back(text); }
  void operator()(std::vector<double>* field) const {
    double value = 0;
    (*this)(&value);
    field->push_back(value);
  }
  void operator()(const CustomValue& custom) const {
    try {
      custom.set(text);
    } catch (const Error& error) {
      fail(where, ": ", error.what());
    }
  }
};

void clear_list(const FlagTarget& target) {
  if (const auto* texts = std::get_if<std::vector<std::string>*>(&target)) (*texts)->clear();
  if (const auto* numbers = std::get_if<std::vector<double>*>(&target)) (*numbers)->clear();
}

bool truth_from(const std::vector<std::string>& texts, const std::string& where) {
  if (texts.empty()) return true;
  const std::optional<bool> truth = parse_truth(texts[0]);
  check(truth.has_value(), where, ": expected true or false, got \"", shortened(texts[0]), "\"");
  return *truth;
}

/// True if the value of an unsupported flag means "off".
bool asks_for_nothing(const Flag& flag, const std::vector<std::string>& texts, const std::string& where) {
  if (flag.kind == FlagKind::toggle) return !truth_from(texts, where);
  if (flag.kind == FlagKind::list) return std::ranges::all_of(texts, &std::string::empty);
  const std::string& text = texts.at(0);
  if (text.empty()) return true;
  std::vector<std::string> harmless = flag.off;
  harmless.push_back(flag.default_text);
  return std::any_of(harmless.begin(), harmless.end(), [&](const std::string& value) {
    const auto a = parse_number(value), b = parse_number(text);
    return a && b ? *a == *b : value == text;
  });
}

void assign_empty(const Flag& flag, const std::string& where, std::vector<std::string>& notes) {
  check(!flag.is_filled && flag.reset, where, ": expected ", flag.is_path ? "a path" : "a value",
        ", got an empty text; leave ", flag.name, " out if it is not meant");
  flag.reset();
  const bool is_number = flag.kind == FlagKind::integer || flag.kind == FlagKind::number;
  if (is_number && flag.default_text != "None")
    notes.push_back(concat_text(where, ": an empty text means not set: ", flag.default_text, " is used"));
}

void assign_built(const Flag& flag, const std::string& given, const std::string& where) {
  std::string text = given;
  const bool has_own_parser = std::holds_alternative<CustomValue>(flag.target);
  if (!has_own_parser && (!flag.choices.empty() || !flag.later.empty())) {
    if (const std::string* choice = find_choice(flag, flag.choices, text)) {
      text = *choice;
    } else {
      const std::string supported = joined(flag.choices);
      check(!find_choice(flag, flag.later, text), where, ": \"", text, "\" is not supported yet; choose from ",
            supported, flag.note.empty() ? "" : "; ", flag.note);
      fail(where, ": \"", shortened(text), "\" is no choice; choose from ", supported);
    }
  }
  std::visit(Store{text, where}, flag.target);
}

}  // namespace

std::optional<int64_t> parse_integer(std::string_view text) { return parse_whole<int64_t>(text); }

std::optional<double> parse_number(std::string_view text) {
  const std::optional<double> value = parse_whole<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<bool> parse_truth(std::string_view text) {
  if (text.empty() || equal_ignoring_case(text, "false") || parse_number(text) == 0) return false;
  if (equal_ignoring_case(text, "true") || parse_number(text) == 1) return true;
  return std::nullopt;
}

void refuse_escapes(const Flag& flag, const std::vector<std::string>& texts, const std::string& where) {
  if (!flag.is_path) return;
  for (const std::string& text : texts) {
    const std::string hint = escapes_hint(text);
    check(hint.empty(), where, ": \"", shortened(with_escapes(text)), "\": ", hint);
  }
}

std::string home_path(const std::string& path, const std::string& where, std::vector<std::string>& notes) {
  std::string whole = with_home(path);
  if (whole != path) notes.push_back(concat_text(where, ": ~ is the home folder: ", shortened(whole)));
  return whole;
}

void assign(const Flag& flag, const std::vector<std::string>& texts, const std::string& where,
            std::vector<std::string>& notes) {
  switch (flag.status) {
    case FlagStatus::no_effect:
      if (!asks_for_nothing(flag, texts, where)) notes.push_back(concat_text(where, " has no effect: ", flag.note));
      return;
    case FlagStatus::refused:
      check(asks_for_nothing(flag, texts, where), where, " is not supported yet", flag.note.empty() ? "" : ": ",
            flag.note);
      return;
    case FlagStatus::built:
      break;
  }
  if (flag.kind == FlagKind::toggle) return assign_built(flag, truth_from(texts, where) ? "true" : "false", where);
  if (flag.kind != FlagKind::list && texts.at(0).empty()) return assign_empty(flag, where, notes);
  clear_list(flag.target);  // a later list replaces an earlier one
  for (const std::string& text : texts)
    if (!text.empty()) {
      assign_built(flag, flag.is_path ? home_path(text, where, notes) : text, where);
    } else if (flag.is_filled) {
      assign_empty(flag, where, notes);
    }
}

std::string value_text(const Flag& flag) { return std::visit(FieldText{}, flag.target); }

}  // namespace rankine
