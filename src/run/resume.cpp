#include "run/resume.h"

#include <filesystem>

namespace rankine {
namespace {

std::string listed(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += "\n  " + line;
  return text;
}

/// A seed that is drawn anew each time is no difference: the interrupted run's is taken.
RunSettings comparable(RunSettings there, const RunSettings& here) {
  if (!here.contains("seed")) there.erase("seed");
  return there;
}

void take(RunStart& start, FoundState found) {
  start.step = found.state.position.step;
  for (const std::string& fault : found.notes)
    start.notes.push_back("a newer state cannot be used, the one before it is: " + fault);
  start.found = std::move(found);
}

/// The interrupted run's state, when this is the same run.
bool find_interrupted(RunStart& start, const StateStore& own, const RunSettings& settings, bool wanted) {
  std::optional<FoundState> found = own.newest();
  if (!found) return false;
  const std::vector<std::string> other = differences(comparable(found->state.settings, settings), settings);
  if (wanted && other.empty()) {
    start.notes.push_back(concat_text("going on after step ", found->state.position.step, " of the interrupted run (",
                                      found->path, "; --no_auto_resume begins anew)"));
    start.continues_own_metrics = true;
    take(start, *std::move(found));
    return true;
  }
  start.aside = {found->path, own.name_aside()};
  start.notes.push_back(concat_text(
      "not going on with the interrupted run of this name, which stands at step ", found->state.position.step, ": ",
      other.empty() ? "--no_auto_resume was given" : "its settings differ:" + listed(other),
      "\nIts state is kept: --resume ", start.aside->to, " goes on from it"));
  return false;
}

void resume_from(RunStart& start, const std::string& path, const RunSettings& settings) {
  FoundState found = open_state(path);
  const std::vector<std::string> lasting = lasting_differences(found.state.settings, settings);
  check(lasting.empty(), "--resume ", path, ": this state belongs to another run:", listed(lasting));
  RunSettings there = comparable(found.state.settings, settings), here = settings;
  for (RunSettings* one : {&there, &here})
    for (const char* key : {"resume", "initial_step", "initial_epoch"}) one->erase(key);
  const std::vector<std::string> other = differences(there, here);
  start.notes.push_back(concat_text("going on after step ", found.state.position.step, " from ", found.path));
  if (!other.empty())
    start.notes.push_back("it goes on with other settings than the state was made with:" + listed(other));
  take(start, std::move(found));
}

}  // namespace

RunStart find_start(const SaveConfig& config, const StateStore& own, const std::string& adapter_file,
                    const RunSettings& settings, const RunLength& length) {
  RunStart start;
  // An explicit --resume of the interrupted run's own file is a wish to go on from it, whatever else differs.
  std::error_code ignored;
  const bool names_own = config.resume && std::filesystem::equivalent(*config.resume, own.path(), ignored);
  if (names_own) {
    const std::optional<FoundState> newest = own.newest();
    start.continues_own_metrics = newest.has_value();
  } else if (find_interrupted(start, own, settings, config.auto_resume)) {
    return start;
  }
  if (config.resume) resume_from(start, *config.resume, settings);

  if (config.initial_step) {
    start.step = *config.initial_step;
  } else if (config.initial_epoch) {
    start.step = (*config.initial_epoch - 1) * length.steps_per_epoch();
  }
  if (config.initial_step || config.initial_epoch)
    start.notes.push_back(concat_text("counting from step ", start.step, ", as --initial_",
                                      config.initial_step ? "step" : "epoch", " says"));
  check(start.step < length.steps, "there is nothing to do: the run starts after step ", start.step, " and ends at ",
        length.steps, "; raise --max_train_steps or --max_train_epochs");
  if (!start.found && std::filesystem::exists(adapter_file, ignored))
    start.notes.push_back(adapter_file +
                          " is complete and there is no interrupted run to go on with: training starts " +
                          "from the beginning and replaces it at the end");
  return start;
}

}  // namespace rankine
