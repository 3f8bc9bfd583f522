#include "support/reference.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/accounting.h"

using namespace rankine;
namespace fs = std::filesystem;

TEST_CASE("the recorded cases are read with their options, whatever folder they lie in") {
  const auto gradients = golden::gradient_cases();
  for (const golden::GradientCase& c : gradients) {
    CAPTURE(c.name);
    CHECK(c.name.starts_with(c.model + "."));
    CHECK(c.rank > 0);
    CHECK(c.loss > 0);
  }
  const auto trajectories = golden::trajectory_cases();
  for (const golden::TrajectoryCase& c : trajectories) {
    CAPTURE(c.name);
    CHECK(c.loss.size() == static_cast<size_t>(c.micro_batches));
    CHECK(c.lr.size() == c.loss.size());
    CHECK(c.grad_norm.size() == c.loss.size());
    CHECK(c.options.all().size() > 0);
  }
  const auto unets = golden::output_files("unet");
  if (golden::reads_shipped_folder()) {
    CHECK(!gradients.empty());
    CHECK(!trajectories.empty());
    CHECK(!unets.empty());
  }
  for (const golden::OutputFile& file : unets) {
    CAPTURE(file.path.string());
    CHECK(file.model.kind.starts_with("sd"));
    CHECK(golden::model_layout(file.model.name).path == file.model.path);
    CHECK(!golden::tensor_groups(file.path).empty());
  }
}

TEST_CASE("the shipped folder lacks no table, so that no golden case is skipped for it") {
  for (const char* name : {"buckets.json", "caches.json", "captions.json", "dataset.json", "e2e_metadata.json",
                           "gradients.json", "lora_hashes.json", "lora_keys.json", "lr_schedules.json", "manifest.json",
                           "preprocess.json", "samplers.json", "tokenizer.json", "trajectories.json"}) {
    CAPTURE(name);
    CHECK(!golden::read_shipped_json(name).empty());
  }
  for (const char* name : {"caches/vae_noise", "e2e_tiny-sd15_lora", "losses", "noise_schedule", "preprocess",
                           "tiny-sd15.samplers", "tiny-sd15.text", "tiny-sd15.unet", "tiny-sd15.vae"})
    CHECK(!golden::tensor_names(golden::shipped_file(std::string(name) + ".safetensors")).empty());
}

TEST_CASE("a case is skipped for its first option that is not built, and not for one that is switched off") {
  const std::vector<golden::KnownOption> known = {
      {"learning_rate"}, {"loss_type", {"l2"}}, {"optimizer_args", {"weight_decay", "betas"}}};
  using Values = std::map<std::string, std::vector<std::string>>;
  const auto reason = [&](Values values) {
    return golden::first_unsupported(golden::Options(std::move(values)), known);
  };
  CHECK(reason({{"learning_rate", {"0.001"}}, {"loss_type", {"l2"}}, {"masked_loss", {"false"}}}) == "");
  CHECK(reason({{"loss_type", {"huber"}}}) == "loss_type huber");
  CHECK(reason({{"masked_loss", {"true"}}}) == "masked_loss");
  CHECK(reason({{"optimizer_type", {"Lion"}}}) == "optimizer_type Lion");
  CHECK(reason({{"optimizer_args", {"weight_decay=0.1", "betas=(0.9,0.99)"}}}) == "");
  CHECK(reason({{"optimizer_args", {"weight_decay=0.1", "amsgrad=True"}}}) == "optimizer_args amsgrad");
}

TEST_CASE("the account counts every case once, names each reason and survives a file") {
  golden::Account account = {{"a", ""}, {"b", "sdxl"}, {"c", "sdxl"}, {"d", "loss_type huber"}};
  CHECK(golden::summary(account) == "golden cases: 1 ran, 3 skipped (sdxl: 2, loss_type huber: 1)");
  CHECK(golden::summary({}) == "golden cases: 0 ran, 0 skipped");
  const fs::path file = fs::temp_directory_path() / ("rankine_account_" + std::to_string(getpid()) + ".tsv");
  golden::write_account(account, file);
  golden::Account read = {{"b", ""}, {"a", "not here"}};
  golden::read_account(file, read);
  fs::remove(file);
  CHECK(read.at("a") == "");
  CHECK(read.at("b") == "");
  CHECK(read.at("d") == "loss_type huber");
}
