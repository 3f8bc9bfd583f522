#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "backend/registry.h"
#include "diffusion/sampler.h"
#include "golden/golden_model.h"
#include "step/guided_denoiser.h"
#include "support/accounting.h"

using namespace rankine;
using namespace rankine::golden;

namespace {

/// The part of a tensor that is its `index`-th entry along the first axis, as the engine orders it.
std::vector<float> entry(const std::vector<float>& all, size_t index, const Shape& nchw) {
  const auto count = static_cast<std::ptrdiff_t>(count_of(nchw));
  const auto first = all.begin() + static_cast<std::ptrdiff_t>(index) * count;
  return nhwc_from_nchw({first, first + count}, nchw);
}

struct Recorded {
  SafetensorsFile file;
  Shape nchw;  ///< of the latents
  int steps;
};

void check_sampler(GuidedDenoiser& unet, const Recorded& recorded, const std::string& name, const SamplerConfig& config,
                   double tolerance) {
  const std::unique_ptr<Sampler> sampler = make_sampler(name, config, make_noise_schedule());
  std::vector<float> step_noise;
  if (sampler->draws_noise()) step_noise = recorded.file.read_f32("step_noise");
  std::vector<float> first;
  const std::vector<float> final = run_sampler(
      *sampler, nhwc_from_nchw(recorded.file.read_f32("initial_noise"), recorded.nchw),
      [&](std::span<const float> latents, float timestep, std::span<float> out) {
        unet.predict(latents, timestep, out);
      },
      [&](size_t step, std::span<float> out) {
        const std::vector<float> noise = entry(step_noise, step, recorded.nchw);
        std::copy(noise.begin(), noise.end(), out.begin());
      },
      [&](size_t step, std::span<const float> latents) {
        if (step == 0) first.assign(latents.begin(), latents.end());
        return true;
      });
  CHECK(max_error(nchw_from_nhwc(first, recorded.nchw), recorded.file.read_f32(name + ".first")) < tolerance);
  CHECK(max_error(nchw_from_nhwc(final, recorded.nchw), recorded.file.read_f32(name + ".final")) < tolerance);
}

bool sampler_is_built(const std::string& name) {
  const auto kinds = sampler_kinds();
  return std::any_of(kinds.begin(), kinds.end(), [&](const SamplerKind& kind) { return kind.name == name; });
}

void check_model(const OutputFile& output, const nlohmann::ordered_json& table) {
  const std::string prefix = output.model.name + ".samplers.";
  if (!family_is_built(output.model)) {
    for (const auto& [name, settings] : table.at("samplers").items()) skipped(prefix + name, output.model.kind);
    return;
  }
  GoldenModel model(output.model);
  Recorded recorded = {SafetensorsFile::open(output.path.string()), {}, table.at("steps").get<int>()};
  recorded.nchw = recorded.file.at("initial_noise").shape;
  StepShape shape;
  shape.height = recorded.nchw[2];
  shape.width = recorded.nchw[3];
  shape.chunks = (recorded.file.at("positive").shape[1] - 2) / 75;
  REQUIRE(model.model()->condition(shape.text())[0].shape[0] == recorded.file.at("positive").shape[1]);
  StepSettings settings;
  settings.model = model.model();
  const std::unique_ptr<Session> session = find_backend("cpu").open(model.constants());
  GuidedDenoiser unet(*session, settings, shape, table.at("guidance_scale").get<float>());
  unet.set_condition({recorded.file.read_f32("negative")}, {recorded.file.read_f32("positive")});

  for (const auto& [name, entry] : table.at("samplers").items()) {
    CAPTURE(name);
    if (entry.contains("skipped") || !sampler_is_built(name)) {
      skipped(prefix + name, entry.contains("skipped") ? "not recorded" : "sampler " + name);
      continue;
    }
    if (!recorded.file.find(name + ".first") || !recorded.file.find(name + ".final")) {
      skipped(prefix + name, "no tensors");
      continue;
    }
    const bool velocity = entry.at("config").at("prediction_type") == "v_prediction";
    const SamplerConfig config = {.steps = recorded.steps,
                                  .prediction = velocity ? Prediction::v : Prediction::epsilon};
    // The format's page, section 4. Values that are clipped at the boundary make the reference itself this unsteady.
    const double tolerance = std::max(2e-5, 10 * entry.at("float64_distance_final").get<double>());
    check_sampler(unet, recorded, name, config, tolerance);
    ran(prefix + name);
  }
}

}  // namespace

TEST_CASE("samplers with guidance over the real U-Net go the recorded way from noise to latents") {
  const nlohmann::ordered_json models = read_reference_json("samplers.json");
  for (const OutputFile& output : output_files("samplers")) {
    CAPTURE(output.path.string());
    if (models.contains(output.model.name)) check_model(output, models.at(output.model.name));
  }
}
