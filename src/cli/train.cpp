#include <iostream>

#include "cli/config_file.h"
#include "cli/help.h"
#include "cli/shell_text.h"
#include "cli/subcommands.h"
#include "cli/train_options.h"
#include "run/debug_dataset.h"
#include "run/run.h"
#include "run/setting_rules.h"

namespace rankine {

void run_train(const std::vector<std::string>& args) { train_as("", args); }

void train_as(const std::string& script, const std::vector<std::string>& args) {
  Messages messages;
  TrainOptions options = read_train_options(args, messages);
  if (!script.empty()) options.config.model.script = script;
  if (options.console_log_level) log::set_level(log_level(*options.console_log_level));
  for (const std::string& warning : setting_warnings(options.config)) messages.warnings.push_back(warning);
  messages.write();
  if (options.output_config) {
    std::cout << "wrote " << write_config_file(*options.config_file, options.config_text) << '\n';
    return;
  }
  if (options.config.data.debug_dataset) return show_dataset(options.config, std::cout);
  const TrainOutcome outcome = run_training(options.config, std::cerr, Progress::options_for_stderr());
  if (outcome.state.empty()) return;
  std::vector<std::string> command = {program_name(), "train"};
  command.insert(command.end(), args.begin(), args.end());
  if (!options.config.save.auto_resume) command.insert(command.end(), {"--resume", outcome.state});
  std::cerr << "To go on with the run:\n  " << shell_text(command) << '\n';
}

std::string train_help() {
  TrainOptions options;
  return "usage: rankine train --pretrained_model_name_or_path MODEL --train_data_dir FOLDER --output_dir FOLDER "
         "[FLAGS]\n\n"
         "Trains a LoRA on a folder of pictures with captions. Names and defaults of the flags are those of Kohya's\n"
         "sd-scripts; a name may be cut short while it stays unambiguous, and --flag=value is the same as --flag "
         "value.\n" +
         help_text(train_flags(options));
}

}  // namespace rankine
