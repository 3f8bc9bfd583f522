#include "cli/flag.h"

#include <algorithm>
#include <charconv>
#include <type_traits>

namespace rankine {
namespace {

template <class T>
std::string number_text(T value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return std::string(buffer, end);
}

/// Kind and default of a flag are those of the field it sets.
struct Described {
  FlagKind kind;
  std::string default_text;
};

Described describe(std::monostate) { return {FlagKind::text, "None"}; }
Described describe(const bool* field) { return {FlagKind::toggle, *field ? "true" : "false"}; }
Described describe(const int* field) { return {FlagKind::integer, number_text(*field)}; }
Described describe(const int64_t* field) { return {FlagKind::integer, number_text(*field)}; }
Described describe(const double* field) { return {FlagKind::number, number_text(*field)}; }
Described describe(const std::string* field) { return {FlagKind::text, *field}; }
Described describe(const std::vector<std::string>*) { return {FlagKind::list, "None"}; }
Described describe(const std::vector<double>*) { return {FlagKind::list, "None"}; }
Described describe(const CustomValue& custom) { return {custom.kind, custom.default_text}; }
template <class T>
Described describe(const std::optional<T>* field) {
  if (*field) return describe(&**field);
  const T any{};
  return {describe(&any).kind, "None"};
}

std::function<void()> resetter(std::monostate) {
  return [] {};
}
std::function<void()> resetter(const CustomValue& custom) { return custom.reset; }
template <class T>
std::function<void()> resetter(T* field) {
  return [field, initial = *field] { *field = initial; };
}

Flag with_effect(Effect effect, std::string_view name, FlagTarget target, std::string_view help) {
  Flag flag = built(name, std::move(target), help);
  flag.effect = effect;
  return flag;
}

}  // namespace

bool Flag::matches(std::string_view option) const {
  return option == name || std::find(aliases.begin(), aliases.end(), option) != aliases.end();
}

Flag Flag::choose(std::string_view comma_list) && {
  choices = split_list(comma_list);
  return std::move(*this);
}
Flag Flag::choose(std::vector<std::string> values) && {
  choices = std::move(values);
  return std::move(*this);
}
Flag Flag::planned(std::string_view comma_list) && {
  later = split_list(comma_list);
  return std::move(*this);
}
Flag Flag::or_off(std::string_view comma_list) && {
  off = split_list(comma_list);
  return std::move(*this);
}
Flag Flag::alias(std::string_view other_name) && {
  aliases.emplace_back(other_name);
  return std::move(*this);
}
Flag Flag::initially(std::string_view default_value) && {
  default_text = default_value;
  return std::move(*this);
}
Flag Flag::any_case() && {
  ignore_case = true;
  return std::move(*this);
}
Flag Flag::path() && {
  is_path = true;
  return std::move(*this);
}
Flag Flag::filled() && {
  is_filled = true;
  return std::move(*this);
}
Flag Flag::recorded(std::string_view metadata) && {
  metadata_key = metadata.empty() ? "ss_" + key() : std::string(metadata);
  return std::move(*this);
}
Flag Flag::instead(std::string_view advice) && {
  note = advice;
  return std::move(*this);
}

Flag built(std::string_view name, FlagTarget target, std::string_view help) {
  Flag flag;
  flag.name = name;
  flag.help = help;
  const Described field = std::visit([](const auto& t) { return describe(t); }, target);
  flag.kind = field.kind;
  flag.default_text = field.default_text;
  flag.reset = std::visit([](const auto& t) { return resetter(t); }, target);
  flag.target = std::move(target);
  return flag;
}

Flag setting(std::string_view name, FlagTarget target, std::string_view help) {
  return with_effect(Effect::numbers, name, std::move(target), help);
}
Flag source(std::string_view name, FlagTarget target, std::string_view help) {
  return with_effect(Effect::source, name, std::move(target), help);
}
Flag option(std::string_view name, FlagTarget target, std::string_view help) {
  return with_effect(Effect::none, name, std::move(target), help);
}

Flag no_effect(std::string_view name, FlagKind kind, std::string_view why, std::string_view help) {
  Flag flag = refused(name, kind, help);
  flag.status = FlagStatus::no_effect;
  flag.note = why;
  return flag;
}

Flag refused(std::string_view name, FlagKind kind, std::string_view help) {
  Flag flag;
  flag.name = name;
  flag.status = FlagStatus::refused;
  flag.kind = kind;
  flag.effect = Effect::none;
  flag.default_text = kind == FlagKind::toggle ? "false" : "None";
  flag.help = help;
  return flag;
}

Flag device_flag(std::string& device) {
  return option("--device", &device, "Device to compute on; auto takes the best one that is there").choose("auto,cpu");
}

const Flag* find_flag(const FlagTable& table, std::string_view option) {
  for (const FlagGroup& group : table)
    for (const Flag& flag : group.flags)
      if (flag.matches(option)) return &flag;
  return nullptr;
}

std::string_view name_of(FlagKind kind) {
  switch (kind) {
    case FlagKind::toggle:
      return "flag";
    case FlagKind::integer:
      return "int";
    case FlagKind::number:
      return "float";
    case FlagKind::text:
      return "str";
    case FlagKind::list:
      return "list";
  }
  return "?";
}

std::vector<std::string> split_list(std::string_view text, char separator) {
  std::vector<std::string> parts;
  if (text.empty()) return parts;
  for (size_t begin = 0;;) {
    const size_t end = text.find(separator, begin);
    parts.emplace_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

}  // namespace rankine
