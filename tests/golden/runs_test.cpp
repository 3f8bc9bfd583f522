#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "cli/train_options.h"
#include "io/safetensors.h"
#include "models/checkpoint/layout.h"
#include "models/checkpoint/synthetic.h"
#include "run/run.h"
#include "support/accounting.h"
#include "support/reference.h"

using namespace rankine;
using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

// These keys vary from run to run; the recorded hashes belong to a stand-in for the checkpoint.
const std::set<std::string> varying = {"ss_session_id",
                                       "ss_training_started_at",
                                       "ss_training_finished_at",
                                       "ss_sd_scripts_commit_hash",
                                       "ss_sd_model_hash",
                                       "ss_new_sd_model_hash",
                                       "sshs_model_hash",
                                       "modelspec.date",
                                       "modelspec.implementation_version"};

/// A folder that goes with everything in it.
struct TemporaryFolder {
  fs::path path;
  ~TemporaryFolder() { fs::remove_all(path); }
};

/// The recorded pictures, as the recorded runs had them: in dataset.toml the steps of the buckets are 64 everywhere.
void lay_out_pictures(const fs::path& folder) {
  const fs::path recorded = golden::reference_folder() / "dataset";
  fs::copy(recorded, folder, fs::copy_options::recursive);
  fs::create_directories(folder / "pics");
  fs::copy(recorded / "3_cat", folder / "pics" / "3_cat", fs::copy_options::recursive);
  std::ifstream in(recorded / "dataset.toml");
  std::string toml((std::istreambuf_iterator<char>(in)), {});
  const std::string recorded_steps = "bucket_reso_steps = 32";
  if (const size_t at = toml.find(recorded_steps); at != std::string::npos)
    toml.replace(at, recorded_steps.size(), "bucket_reso_steps = 64");
  fs::remove(folder / "dataset.toml");
  std::ofstream(folder / "dataset.toml") << toml;
}

void check_run(const Json& recorded, const fs::path& folder) {
  std::vector<std::string> argv = recorded.at("argv");
  for (size_t i = 0; i + 1 < argv.size(); ++i)
    for (const char* flag : {"--pretrained_model_name_or_path", "--dataset_config", "--train_data_dir", "--output_dir"})
      if (argv[i] == flag) argv[i + 1] = (folder / argv[i + 1]).string();
  Messages messages;
  const TrainConfig config = read_train_options(argv, messages).config;
  const golden::ModelLayout layout = golden::model_layout("tiny-sd15");
  write_synthetic_checkpoint(read_layout(layout.path.string()), layout.seed,
                             *config.model.pretrained_model_name_or_path);
  std::ostringstream out;
  const TrainOutcome outcome = run_training(config, out, {});
  CHECK(outcome.steps == std::stoll(recorded.at("metadata").at("ss_steps").get<std::string>()));

  const fs::path output = *config.save.output_dir;
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator(output)) files += entry.path().extension() == ".safetensors";
  CHECK(files == recorded.at("files").size());
  for (const auto& [name, facts] : recorded.at("files").items()) {
    CAPTURE(name);
    REQUIRE(fs::exists(output / name));
    const SafetensorsFile file = SafetensorsFile::open((output / name).string());
    CHECK(file.metadata().at("ss_steps") == facts.at("steps").get<std::string>());
    CHECK(file.metadata().at("ss_epoch") == facts.at("epoch").get<std::string>());
    CHECK(file.tensors().size() == facts.at("tensors").get<size_t>());
  }

  const SafetensorsFile last = SafetensorsFile::open(outcome.file);
  size_t index = 0;
  for (const Json& tensor : recorded.at("tensors_in_file_order")) {
    CAPTURE(tensor[0]);
    REQUIRE(index < last.tensors().size());
    const TensorInfo& written = last.tensors()[index++];
    CHECK(written.name == tensor[0].get<std::string>());
    CHECK(written.shape == tensor[2].get<Shape>());
  }
  for (const auto& [key, value] : recorded.at("metadata").items()) {
    CAPTURE(key);
    REQUIRE(last.metadata().contains(key));
    if (!varying.contains(key)) CHECK(last.metadata().at(key) == value.get<std::string>());
  }
  CHECK(last.metadata().size() == recorded.at("metadata").size());
}

}  // namespace

TEST_CASE("recorded command lines give files of the recorded names, steps, tensors and metadata") {
  const Json runs = golden::read_reference_json("e2e_metadata.json");
  for (const auto& [name, run] : runs.items()) {
    CAPTURE(name);
    if (const std::string version = run.at("metadata").at("ss_base_model_version"); version != "sd_v1") {
      golden::skipped("e2e_run." + name, version == "sdxl_base_v1-0" ? "sdxl" : version);
      continue;
    }
    const TemporaryFolder folder{fs::temp_directory_path() / concat_text("rankine-run-", getpid(), "-", name)};
    lay_out_pictures(folder.path);
    check_run(run, folder.path);
    golden::ran("e2e_run." + name);
  }
}
