#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rankine {

using CommandLine = std::vector<std::string>;

/// A subcommand: `rankine NAME ARGS...`.
struct Command {
  std::string_view name;
  std::string_view summary;              ///< one line for `rankine --help`
  void (*run)(const CommandLine& args);  ///< results to standard output; throws Error
  std::string (*help)();                 ///< for `rankine help NAME`
};

/// All subcommands, in help order.
std::span<const Command> commands();

/// True for the name of a subcommand.
bool is_command_name(std::string_view name);

/// Runs the command of `args` (without the program's name). Throws Error.
void run_command_line(const CommandLine& args);

}  // namespace rankine
