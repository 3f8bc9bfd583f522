#include "cli/arguments.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/shortened.h"
#include "io/nearest_name.h"

namespace rankine {
namespace {

bool starts_with(std::string_view text, std::string_view prefix) { return text.substr(0, prefix.size()) == prefix; }

bool is_negative_number(std::string_view arg) { return arg.size() > 1 && arg[0] == '-' && parse_number(arg); }

class Splitter {
 public:
  Splitter(const FlagTable& table, const std::vector<std::string>& args) : table_(table), args_(args) {}

  Arguments split() {
    Arguments result;
    while (next_ < args_.size()) {
      const std::string& arg = args_[next_++];
      if (!looks_like_option(arg)) {
        result.positionals.push_back(arg);
        continue;
      }
      result.flags.push_back(take_option(arg));
    }
    return result;
  }

 private:
  /// Flags that `option` (without "=value") names, exactly or as a prefix.
  std::vector<const Flag*> candidates(std::string_view option) const {
    if (const Flag* exact = find_flag(table_, option)) return {exact};
    std::vector<const Flag*> found;
    if (!starts_with(option, "--") || option.size() < 3) return found;
    for (const FlagGroup& group : table_)
      for (const Flag& flag : group.flags)
        if (starts_with(flag.name, option) || std::any_of(flag.aliases.begin(), flag.aliases.end(),
                                                          [&](auto& alias) { return starts_with(alias, option); }))
          found.push_back(&flag);
    return found;
  }

  /// argparse's rule: a value may start with a dash only when it is a negative number, a lone dash, or holds a space.
  bool looks_like_option(std::string_view arg) const {
    if (arg.size() < 2 || arg[0] != '-') return false;
    if (!candidates(arg.substr(0, arg.find('='))).empty()) return true;
    return !is_negative_number(arg) && arg.find(' ') == std::string_view::npos;
  }

  const Flag& resolve(const std::string& option) const {
    const std::vector<const Flag*> found = candidates(option);
    if (found.empty()) fail("unknown flag ", shortened(option), nearest_hint(option, option_names(table_)));
    if (found.size() > 1) {
      std::string names;
      for (const Flag* flag : found) names += (names.empty() ? "" : ", ") + flag->name;
      fail("ambiguous flag ", shortened(option), ": it could be ", names);
    }
    return *found[0];
  }

  Occurrence take_option(const std::string& arg) {
    const size_t equals = arg.find('=');
    const Flag& flag = resolve(arg.substr(0, equals));
    Occurrence occurrence{&flag, {}};
    if (equals != std::string::npos) {
      check(flag.kind != FlagKind::toggle, flag.name, ": takes no value, got \"", shortened(arg.substr(equals + 1)),
            "\"");
      occurrence.texts.push_back(arg.substr(equals + 1));
      return occurrence;
    }
    const size_t limit = flag.kind == FlagKind::toggle ? 0 : flag.kind == FlagKind::list ? args_.size() : 1;
    while (occurrence.texts.size() < limit && next_ < args_.size() && !looks_like_option(args_[next_]))
      occurrence.texts.push_back(args_[next_++]);
    check(limit != 1 || occurrence.texts.size() == 1, flag.name, ": expected a value");
    return occurrence;
  }

  const FlagTable& table_;
  const std::vector<std::string>& args_;
  size_t next_ = 0;
};

}  // namespace

Arguments split_arguments(const FlagTable& table, const std::vector<std::string>& args) {
  return Splitter(table, args).split();
}

void assign_all(const Arguments& arguments, std::vector<std::string>& notes) {
  for (const Occurrence& given : arguments.flags) assign(*given.flag, given.texts, given.flag->name, notes);
}

std::vector<std::string_view> option_names(const FlagTable& table) {
  std::vector<std::string_view> names;
  for (const FlagGroup& group : table)
    for (const Flag& flag : group.flags) {
      names.push_back(flag.name);
      names.insert(names.end(), flag.aliases.begin(), flag.aliases.end());
    }
  return names;
}

}  // namespace rankine
