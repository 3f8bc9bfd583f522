#include <iostream>

#include "base/error.h"
#include "cli/subcommands.h"
#include "watch/loss_plot.h"

namespace rankine {

void run_plot(const std::vector<std::string>& args) {
  check(args.size() == 2, "plot: expected a metrics.jsonl and the PNG to write, got ", args.size(), " arguments");
  write_loss_plot(args[0], args[1]);
  std::cout << args[1] << '\n';
}

std::string plot_help() {
  return "usage: rankine plot METRICS.jsonl OUT.png\n\n"
         "Draws the loss of a training run: every step, and the trend. `rankine train` leaves metrics.jsonl in its\n"
         "--output_dir.\n";
}

}  // namespace rankine
