#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "cli/flag.h"

namespace rankine {

/// A flag on the command line with its texts; `flag` points into the table.
struct Occurrence {
  const Flag* flag;
  std::vector<std::string> texts;
};

struct Arguments {
  std::vector<Occurrence> flags;  ///< in order: a later one overrides an earlier one
  std::vector<std::string> positionals;
};

/// Sorts a command line into flags and their texts, by the rules of Python's argparse: `--flag=value`, any unambiguous
/// prefix of a name, and `list` flags that take all texts up to the next flag. Does not parse values yet. Throws Error
/// for an unknown or ambiguous flag, or one whose value is missing.
Arguments split_arguments(const FlagTable& table, const std::vector<std::string>& args);

/// Assigns every flag of `arguments` its value, in order. Notes and errors are those of assign().
void assign_all(const Arguments& arguments, std::vector<std::string>& notes);

/// Every name and alias, with dashes; they point into the table.
std::vector<std::string_view> option_names(const FlagTable& table);

}  // namespace rankine
