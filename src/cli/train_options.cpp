#include "cli/train_options.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "cli/arguments.h"
#include "cli/config_file.h"

namespace rankine {
namespace {

/// Values that had to wait until every flag is read.
void finish(TrainOptions& options) {
  TrainConfig& c = options.config;
  if (options.caption_extention) c.data.defaults.subset.caption_extension = *options.caption_extention;
  for (const std::string& setting : options.lr_scheduler_args) {
    constexpr std::string_view step_rules = "step_rules=";
    check(setting.compare(0, step_rules.size(), step_rules) == 0, "--lr_scheduler_args: \"", setting,
          "\" is not supported; only step_rules=... of piecewise_constant is");
    c.optim.lr_schedule.step_rules = setting.substr(step_rules.size());
  }
}

}  // namespace

void Messages::write() const {
  std::set<std::string> seen;
  for (const std::string& text : warnings)
    if (seen.insert(text).second) log::warning(text);
  for (const std::string& text : notes)
    if (seen.insert(text).second) log::info(text);
}

TrainOptions read_train_options(const std::vector<std::string>& args, Messages& messages) {
  TrainOptions options;
  const FlagTable table = train_flags(options);
  const Arguments arguments = split_arguments(table, args);
  check(arguments.positionals.empty(), "unexpected argument \"",
        arguments.positionals.empty() ? "" : arguments.positionals[0], "\"; flags start with --");

  const auto& flags = arguments.flags;
  const auto named =
      std::find_if(flags.rbegin(), flags.rend(), [](const Occurrence& o) { return o.flag->name == "--config_file"; });
  if (named != flags.rend()) assign_config_file(table, named->texts[0], messages.notes, messages.warnings);
  assign_all(arguments, messages.notes);
  finish(options);
  return options;
}

log::Level log_level(const std::string& name) {
  if (name == "DEBUG") return log::Level::debug;
  if (name == "INFO") return log::Level::info;
  return name == "WARNING" ? log::Level::warning : log::Level::error;
}

}  // namespace rankine
