// Runs whose LoRA weights, gradients or frozen weights have fewer bits than fp32.
#include <doctest/doctest.h>

#include <algorithm>
#include <span>

#include "backend/registry.h"
#include "io/convert.h"
#include "io/safetensors.h"
#include "run/state/state_file.h"
#include "step/fp8_constants.h"
#include "support/small_run.h"

using namespace rankine;
using namespace rankine::test;

namespace {

bool fits(std::span<const float> values, DType dtype) {
  std::vector<std::byte> bytes(values.size() * size_of(dtype));
  std::vector<float> rounded(values.size());
  convert_from_f32(values, dtype, bytes);
  convert_to_f32(dtype, bytes, rounded);
  return std::ranges::equal(rounded, values);
}

std::vector<DType> types(const std::string& path) {
  const SafetensorsFile file = SafetensorsFile::open(path);
  std::vector<DType> all;
  for (const TensorInfo& tensor : file.tensors()) all.push_back(tensor.dtype);
  return all;
}

/// Evenly spaced, up to `largest`.
class Numbers : public ConstantSource {
 public:
  explicit Numbers(float largest) : largest_(largest) {}
  void read(std::string_view, const Shape&, std::span<float> out) override {
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = largest_ * static_cast<float>(i + 1) / static_cast<float>(out.size());
  }

 private:
  float largest_;
};

}  // namespace

TEST_CASE("--full_bf16 and --full_fp16 train weights of that type, and the file is of it unless it is told otherwise") {
  for (const auto& [name, dtype] : {std::pair{"bf16", DType::bf16}, std::pair{"fp16", DType::f16}}) {
    CAPTURE(name);
    SmallRun run;
    run.config.step.mixed_precision = name;
    (dtype == DType::bf16 ? run.config.step.full_bf16 : run.config.step.full_fp16) = true;
    run.config.save.save_state = true;
    const std::string file = run.train().file;
    for (const DType type : types(file)) CHECK(type == dtype);
    const TrainingState state = read_state(run.folder.path("out/cat-state/state.safetensors"));
    size_t trained = 0;
    for (const StateVariable& v : state.variables) {
      std::span<const float> rest = v.values;
      for (const FlatMember& tensor : tensors_of(state.flat, v.name, std::ssize(v.values))) {
        const std::span<const float> values = rest.first(static_cast<size_t>(tensor.count));
        rest = rest.subspan(values.size());
        if (!tensor.name.starts_with("lora_")) continue;  // the optimiser's own state stays fp32
        ++trained;
        CHECK(fits(values, dtype));
        CHECK(std::ranges::equal(weights(file).at(tensor.name), values));
      }
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
  const auto change = [](const std::function<void(StepConfig&)>& set) {
    SmallRun run;
    run.config.optim.lr_schedule.name = "constant";
    set(run.config.step);
    return run.train().loss;
  };
  const double exact = change([](StepConfig&) {});
  const std::pair<const char*, std::function<void(StepConfig&)>> all[] = {
      {"fp16", [](StepConfig& c) { c.mixed_precision = "fp16"; }},
      {"full_fp16", [](StepConfig& c) { c.mixed_precision = "fp16", c.full_fp16 = true; }},
      {"full_bf16", [](StepConfig& c) { c.mixed_precision = "bf16", c.full_bf16 = true; }},
      {"fp8_base", [](StepConfig& c) { c.mixed_precision = "bf16", c.fp8_base = true; }},
      {"fp8_base_unet", [](StepConfig& c) { c.mixed_precision = "fp16", c.fp8_base_unet = true; }},
  };
  for (const auto& [name, set] : all) {
    CAPTURE(name);
    const double loss = change(set);
    MESSAGE(std::string(name), ": loss ", loss, ", in fp32 ", exact);
    CHECK(loss == doctest::Approx(exact).epsilon(std::string(name).starts_with("fp8") ? 0.1 : 0.01));
    CHECK(loss != exact);
  }
}

TEST_CASE("precisions that need another are refused with sd-scripts' words") {
  SmallRun run;
  SUBCASE("full_fp16") {
    run.config.step.mixed_precision = "bf16";
    run.config.step.full_fp16 = true;
    CHECK(contains(run.error(), "full_fp16 requires mixed_precision='fp16'"));
  }
  SUBCASE("full_bf16") {
    run.config.step.full_bf16 = true;
    CHECK(contains(run.error(), "full_bf16 requires mixed_precision='bf16'"));
  }
  SUBCASE("fp8") {
    run.config.step.fp8_base_unet = true;
    CHECK(contains(run.error(), "fp8_base requires mixed precision='fp16' or 'bf16'"));
  }
}

TEST_CASE("--fp8_base rounds every weight of U-Net and text encoder, --fp8_base_unet of the U-Net; never the VAE's") {
  Numbers numbers(1);
  const auto rounded = [&](const StepConfig& config, const char* name) {
    Fp8Constants constants(numbers, config);
    std::vector<float> got(1000), plain(1000);
    constants.read(name, {1000}, got);
    numbers.read(name, {1000}, plain);
    if (got == plain) return false;
    for (float& x : plain) x = f32_from_f8_e4m3(f8_e4m3_from_f32(x));
    CHECK(got == plain);
    return true;
  };
  StepConfig none, all, unet, both;
  all.fp8_base = both.fp8_base = true;
  unet.fp8_base_unet = both.fp8_base_unet = true;
  for (const char* name : {"unet.conv_in.bias", "text_encoder.text_model.embeddings.position_embedding.weight"})
    CHECK(!rounded(none, name));
  CHECK(rounded(all, "unet.conv_in.bias"));
  CHECK(rounded(all, "text_encoder.text_model.embeddings.position_embedding.weight"));
  for (const StepConfig& config : {unet, both}) {
    CHECK(rounded(config, "unet.conv_in.bias"));
    CHECK(!rounded(config, "text_encoder.text_model.final_layer_norm.weight"));
  }
  CHECK(!rounded(all, "vae.decoder.conv_in.weight"));
}

TEST_CASE("a weight beyond fp8's range is an error that names it") {
  Numbers numbers(500);
  StepConfig config;
  config.fp8_base = true;
  Fp8Constants constants(numbers, config);
  std::vector<float> out(10);
  CHECK(contains(error_of([&] { constants.read("unet.conv_in.weight", {10}, out); }), "unet.conv_in.weight"));
}
