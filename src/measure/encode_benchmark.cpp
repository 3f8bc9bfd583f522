#include "measure/encode_benchmark.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <memory>
#include <vector>

#include "backend/registry.h"
#include "base/rng.h"
#include "base/timer.h"
#include "measure/bench_model.h"
#include "measure/op_table.h"
#include "measure/timings.h"
#include "run/step_plan.h"
#include "step/latent_encoder.h"

namespace rankine {

void benchmark_encode(const EncodeBenchmarkConfig& c, std::ostream& out) {
  const BenchModel model = open_bench_model(c.checkpoint);
  const Backend& backend = find_backend(c.step.device);
  const AutoencoderSettings settings = autoencoder_settings(c.step, model.model, compute_type(c.step.mixed_precision));
  const Size size = {static_cast<int>(c.width), static_cast<int>(c.height)};
  std::vector<float> image(static_cast<size_t>(c.width * c.height * 3));
  Rng rng(1, purpose::noise);
  for (float& x : image) x = 2 * rng.uniform() - 1;
  const DeviceLimits limits = backend.limits(settings.compute);

  Timer timer;
  LatentEncoder encoder(backend, *model.weights, settings);
  encoder.prepare(size);
  const double prepare_seconds = timer.seconds();
  std::vector<double> seconds;
  for (int step = 0; step <= c.steps; ++step) {
    timer.restart();
    const std::vector<float>& moments = encoder.encode(size, image);
    seconds.push_back(timer.seconds());
    check(std::ranges::all_of(moments, [](float x) { return std::isfinite(x); }), "the latents are not finite");
  }
  const Timings time = timings_of(std::move(seconds));

  const OpTable table(encoder.profile(size, image), limits, c.by_shape);
  table.print(out, "all");
  out << "arithmetic of a picture at its median time: " << std::setprecision(0)
      << 100.0 * table.share_of_limit(time.median) << "% of that product's rate\n";
  const MemoryUse memory = encoder.memory();
  out << std::setprecision(3) << "a picture: median " << time.median << " s, best " << time.best << " s, first "
      << time.first << " s; prepared in " << prepare_seconds << " s\n"
      << std::setprecision(1) << "memory: weights " << static_cast<double>(memory.weights) / 1e6 << " MB, activations "
      << static_cast<double>(memory.arena) / 1e6 << " MB, scratch " << static_cast<double>(memory.scratch) / 1e6
      << " MB\n";
}

}  // namespace rankine
