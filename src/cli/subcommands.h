#pragma once
#include <string>
#include <vector>

/// The functions of the subcommands in commands(), one file each.
namespace rankine {

void run_bench(const std::vector<std::string>& args);
std::string bench_help();

void run_checkpoint(const std::vector<std::string>& args);
std::string checkpoint_help();

void run_dataset(const std::vector<std::string>& args);
std::string dataset_help();

void run_plot(const std::vector<std::string>& args);
std::string plot_help();

void run_sample(const std::vector<std::string>& args);
std::string sample_help();

void run_train(const std::vector<std::string>& args);
/// The same for a line that starts a script of sd-scripts: the checkpoint must be of a family that it trains.
void train_as(const std::string& script, const std::vector<std::string>& args);
std::string train_help();

}  // namespace rankine
