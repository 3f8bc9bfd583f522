// Runs whose LoRA weights, gradients have fewer bits than fp32.
#include <doctest/doctest.h>

#include "io/convert.h"
#include "io/safetensors.h"
#include "train/small_run.h"
#include "train/state_file.h"

using namespace rankine;
using namespace rankine::test;

namespace {

bool fits(const std::vector<float>& values, DType dtype) {
  std::vector<std::byte> bytes(values.size() * size_of(dtype));
  std::vector<float> rounded(values.size());
  convert_from_f32(values, dtype, bytes);
  convert_to_f32(dtype, bytes, rounded);
  return rounded == values;
}

std::vector<DType> types(const std::string& path) {
  const SafetensorsFile file = SafetensorsFile::open(path);
  std::vector<DType> all;
  for (const TensorInfo& tensor : file.tensors()) all.push_back(tensor.dtype);
  return all;
}

}  // namespace

TEST_CASE("--full_bf16 and --full_fp16 train weights of that type, and the file is of it unless it is told otherwise") {
  for (const auto& [name, dtype] : {std::pair{"bf16", DType::bf16}, std::pair{"fp16", DType::f16}}) {
    CAPTURE(name);
    SmallRun run;
    run.config.run.mixed_precision = name;
    (dtype == DType::bf16 ? run.config.run.full_bf16 : run.config.run.full_fp16) = true;
    run.config.save.save_state = true;
    const std::string file = run.train().file;
    for (const DType type : types(file)) CHECK(type == dtype);
    const TrainingState state = read_state(run.folder.path("out/cat-state/state.safetensors"));
    size_t trained = 0;
    for (const StateVariable& v : state.variables) {
      if (!v.name.starts_with("lora_")) continue;  // the optimiser's own state stays fp32
      ++trained;
      CHECK(fits(v.values, dtype));
      CHECK(weights(file).at(v.name) == v.values);
    }
    CHECK(trained > 0);

    run.config.save.save_precision = "float";
    run.config.save.output_dir = run.folder.path("float");
    const std::string in_fp32 = run.train().file;
    for (const DType type : types(in_fp32)) CHECK(type == DType::f32);
    CHECK(weights(in_fp32) == weights(file));
  }
}

TEST_CASE("every precision moves the LoRA much like fp32 does") {
  const auto change = [](const std::function<void(RunConfig&)>& set) {
    SmallRun run;
    run.config.optim.lr_schedule.name = "constant";
    set(run.config.run);
    return run.train().loss;
  };
  const double exact = change([](RunConfig&) {});
  const std::pair<const char*, std::function<void(RunConfig&)>> all[] = {
      {"fp16", [](RunConfig& c) { c.mixed_precision = "fp16"; }},
      {"full_fp16", [](RunConfig& c) { c.mixed_precision = "fp16", c.full_fp16 = true; }},
      {"full_bf16", [](RunConfig& c) { c.mixed_precision = "bf16", c.full_bf16 = true; }},
  };
  for (const auto& [name, set] : all) {
    CAPTURE(name);
    const double loss = change(set);
    MESSAGE(name, ": loss ", loss, ", in fp32 ", exact);
    CHECK(loss == doctest::Approx(exact).epsilon(std::string(name).starts_with("fp8") ? 0.1 : 0.01));
    CHECK(loss != exact);
  }
}

TEST_CASE("precisions that need another are refused with sd-scripts' words") {
  SmallRun run;
  SUBCASE("full_fp16") {
    run.config.run.mixed_precision = "bf16";
    run.config.run.full_fp16 = true;
    CHECK(contains(run.error(), "full_fp16 requires mixed_precision='fp16'"));
  }
  SUBCASE("full_bf16") {
    run.config.run.full_bf16 = true;
    CHECK(contains(run.error(), "full_bf16 requires mixed_precision='bf16'"));
  }
}
