// The content of state files, and states of earlier versions.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <set>

#include "io/safetensors.h"
#include "run/state/state_checksum.h"
#include "run/state/state_file.h"
#include "run/stopped_run.h"

using namespace rankine;
using namespace rankine::test;

namespace {

/// Rewrites a state as it was before parameter groups were flat: format 1, each tensor by itself.
void make_first_format(const std::string& path) {
  TrainingState state = read_state(path), single = state;
  single.flat.clear();
  single.variables.clear();
  for (const StateVariable& variable : state.variables) {
    auto at = variable.values.begin();
    for (const FlatMember& tensor : tensors_of(state.flat, variable.name, std::ssize(variable.values))) {
      single.variables.push_back({tensor.name, {at, at + tensor.count}});
      at += tensor.count;
    }
  }
  CHECK(single.variables.size() > 4 * state.variables.size());
  write_state(path, single);
  std::string bytes = bytes_of(path);
  const auto replace = [&](const std::string& from, const std::string& to) {
    REQUIRE(from.size() == to.size());
    bytes.replace(bytes.find(from), from.size(), to);
    std::ofstream(path, std::ios::binary) << bytes;
  };
  replace("rankine training state 2", "rankine training state 1");
  const SafetensorsFile file = SafetensorsFile::open(path);
  replace(file.metadata().at("sha256"), state_checksum(file));
}

}  // namespace

TEST_CASE("a state that holds each tensor by itself, as before groups were flat, is continued bit for bit") {
  for (const char* optimizer : {"AdamW", "Prodigy", "DAdaptSGD", "AdamWScheduleFree"}) {
    CAPTURE(optimizer);
    const TemporaryFolder folder;
    TrainConfig whole = config_in(data_folder(), folder.path("whole")),
                parts = config_in(data_folder(), folder.path("parts"));
    for (TrainConfig* c : {&whole, &parts}) {
      c->network.network_train_unet_only = false;
      c->optim.optimizer_type = optimizer;
      c->optim.lr_schedule.name = "constant";
      c->run.max_train_steps = 4;
    }
    train(parts, 2);
    make_first_format(folder.path("parts/cat.state"));
    const Said rest = train(parts), straight = train(whole);
    CHECK(contains(rest.text, "going on after step 2"));
    CHECK(weights(rest.outcome.file) == weights(straight.outcome.file));
  }
}

TEST_CASE("a state has a handful of tensors, whatever the number of layers") {
  const TemporaryFolder folder;
  TrainConfig c = config_in(data_folder(), folder.path("out"));
  c.network.network_train_unet_only = false;
  train(c, 2);
  std::set<std::string> names;
  for (const StateVariable& variable : read_state(folder.path("out/cat.state")).variables) names.insert(variable.name);
  for (const char* group : {"unet", "text_encoder"})
    for (const char* prefix : {"", "exp_avg.", "exp_avg_sq."}) CHECK(names.contains(std::string(prefix) + group));
  CHECK(names.size() < 12);
}
