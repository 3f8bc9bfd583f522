#include <iostream>

#include "base/error.h"
#include "cli/help.h"
#include "cli/subcommands.h"
#include "cli/train_options.h"
#include "data/bucket_table.h"
#include "data/preview.h"
#include "models/family.h"
#include "run/batch_source.h"
#include "run/dataset_setup.h"
#include "run/run_length.h"

namespace rankine {
namespace {

/// The flags that `rankine dataset preview` takes beside those of `rankine train`.
struct PreviewOptions {
  std::optional<std::string> output;
  int preview_images = 30;
};

/// The flags that `rankine dataset check` takes beside those of `rankine train`.
struct CheckOptions {
  bool list_all = false;
};

FlagGroup check_flags(CheckOptions& o) {
  return {"Check", {built("--list_all", &o.list_all, "Name every file of a warning or note, not twenty at most")}};
}

FlagGroup preview_flags(PreviewOptions& o) {
  return {"Preview",
          {
              built("--output", &o.output, "PNG file of dataset preview").path(),
              built("--preview_images", &o.preview_images, "Pictures in it, at most"),
          }};
}

TrainConfig read_config(const std::vector<std::string>& args, const FlagGroup& more) {
  Messages messages;
  const TrainOptions options = read_train_options(args, messages, more);
  if (options.console_log_level) log::set_level(log_level(*options.console_log_level));
  messages.write();
  check_data_config(options.config.data);
  return options.config;
}

void check_dataset(const std::vector<std::string>& args) {
  CheckOptions options;
  DatasetConfig datasets = training_datasets(read_config(args, check_flags(options)), default_family().latents);
  datasets.check.decode = true;
  Findings findings;
  const TrainingData data = look_at_dataset(datasets, findings);
  const std::string report = report_text(findings, options.list_all);
  std::cout << report << (report.empty() ? "" : "\n") << bucket_table(data) << "\nfound: " << counts_text(findings)
            << std::endl;
  const int64_t errors = findings.count(Severity::error);
  check(errors == 0, "this dataset would stop training: ", errors, errors == 1 ? " error" : " errors");
}

void preview_dataset(const std::vector<std::string>& args) {
  PreviewOptions options;
  const TrainConfig config = read_config(args, preview_flags(options));
  check(options.output && !options.output->empty(), "dataset preview: --output is missing: name a PNG file to write");
  check(options.preview_images >= 1, "--preview_images must be at least 1, got ", options.preview_images);
  const DatasetConfig datasets = training_datasets(config, default_family().latents);
  const TrainingData data = load_dataset(datasets);
  const int64_t seed = config.run.seed.value_or(0);
  LoaderConfig loader = loader_config(config, static_cast<uint64_t>(seed));
  loader.max_train_steps = run_length(config.run, data.batches_per_epoch()).steps;
  const TokenLimit limit(datasets.check.max_token_length, datasets.check.weighted_captions);
  const std::vector<PreviewPicture> previews = preview_pictures(data, loader, options.preview_images, limit);

  std::vector<SheetPicture> shown;
  for (const PreviewPicture& preview : previews) shown.push_back(preview.shown);
  const std::string heading = concat_text(shown.size(), " of ", data.samples.size(),
                                          " pictures as the network sees them in the first epoch, seed ", seed,
                                          config.run.seed ? "" : " (none is given)");
  write_png(*options.output, draw_contact_sheet(shown, heading));
  for (const PreviewPicture& preview : previews) std::cout << preview.file << ": " << preview.caption << '\n';
  std::cout << *options.output << '\n';
}

}  // namespace

void run_dataset(const std::vector<std::string>& args) {
  const std::string verb = args.empty() ? "" : args[0];
  const std::vector<std::string> rest(args.begin() + (args.empty() ? 0 : 1), args.end());
  if (verb == "check") return check_dataset(rest);
  check(verb == "preview", "dataset: expected check or preview, got \"", verb, "\"");
  preview_dataset(rest);
}

std::string dataset_help() {
  CheckOptions check;
  PreviewOptions preview;
  return "usage: rankine dataset check [--list_all] [FLAGS OF TRAIN]\n"
         "       rankine dataset preview --output FILE.png [FLAGS OF TRAIN]\n\n"
         "check decodes every picture and reads every caption, lists all that is wrong or worth knowing, each with "
         "file\n"
         "and reason, and shows the buckets; it ends with 1 when training would stop. preview draws pictures and\n"
         "captions exactly as the network sees them. Both take the flags of rankine train, of which those of the data\n"
         "count, and change no file of yours.\n" +
         help_text({check_flags(check), preview_flags(preview)});
}

}  // namespace rankine
