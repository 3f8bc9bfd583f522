#include <cmath>

#include "diffusion/sampler.h"
#include "diffusion/sigma_grid.h"

namespace rankine {
namespace {

/// The differences between the DPM-Solvers.
struct DpmSolverKind {
  bool integrates_clean;  ///< DPM-Solver++: over predicted clean latents; else over predicted noise
  bool single_step;       ///< steps of two calls, each begun anew; else every call uses the previous one
};

/// DPM-Solver of order 2 with midpoint correction (Lu et al. 2022, arXiv:2206.00927) and DPM-Solver++
/// (arXiv:2211.01095), which solve the linear part of the ODE exactly in lambda = log(signal / noise).
class DpmSolver final : public Sampler {
 public:
  DpmSolver(const SamplerConfig& config, const NoiseSchedule& schedule, DpmSolverKind kind)
      : prediction_(config.prediction), kind_(kind) {
    // The timesteps are one more than the steps, rounded half to even; the one at 0 is left out.
    const std::vector<double> spaced = evenly_spaced(static_cast<double>(schedule.size() - 1), config.steps + 1);
    for (size_t k = spaced.size() - 1; k > 0; --k) {
      timesteps_.push_back(static_cast<float>(std::nearbyint(spaced[k])));
      points_.emplace_back(sigma_at(schedule, static_cast<int64_t>(timesteps_.back())));
    }
    // Predicted noise cannot be integrated to lambda = infinity: the plain solver stops at timestep 0, which is
    // diffusers' final_sigmas_type "sigma_min". (sd-scripts leaves diffusers' default there and fails with this one.)
    points_.emplace_back(kind_.integrates_clean ? 0.0f : sigma_at(schedule, 0));
  }

  void step(size_t index, std::span<const float> model_output, std::span<float> latents, std::span<const float>,
            SamplerMemory& memory) const override {
    memory.remember(predicted(points_[index], model_output, latents), 2);
    const bool second = is_second_order(index);
    // The start of the step: for the second call of a pair, the point before the first call.
    const size_t start = second && kind_.single_step ? index - 1 : index;
    if (start == index) memory.begin.assign(latents.begin(), latents.end());
    const Point &from = points_[start], &to = points_[index + 1];
    const double h = to.lambda - from.lambda;
    const double kept = kind_.integrates_clean ? to.noise / from.noise : to.signal / from.signal;
    const double moved = kind_.integrates_clean ? -to.signal * std::expm1(-h) : -to.noise * std::expm1(h);

    // Weights of the newest prediction and of the previous one.
    double newest = moved, before = 0;
    if (second) {
      const double r = (points_[index].lambda - points_[index - 1].lambda) / h, half = moved / (2 * r);
      newest = (kind_.single_step ? 0 : moved) + half;
      before = (kind_.single_step ? moved : 0) - half;
    }
    for (size_t i = 0; i < latents.size(); ++i) {
      double x = kept * memory.begin[i] + newest * memory.outputs[0][i];
      if (second) x += before * memory.outputs[1][i];
      latents[i] = static_cast<float>(x);
    }
  }

 private:
  /// A point of the way: x = signal * clean + noise * epsilon.
  struct Point {
    explicit Point(double sigma)
        : signal(1 / std::sqrt(sigma * sigma + 1)), noise(sigma * signal), lambda(-std::log(sigma)) {}
    double signal, noise, lambda;
  };

  std::vector<float> predicted(const Point& at, std::span<const float> output, std::span<const float> latents) const {
    std::vector<float> values(output.size());
    for (size_t i = 0; i < values.size(); ++i) {
      const double x = latents[i], out = output[i];
      const bool v = prediction_ == Prediction::v;
      const double clean = v ? at.signal * x - at.noise * out : (x - at.noise * out) / at.signal;
      const double epsilon = v ? at.signal * out + at.noise * x : out;
      values[i] = static_cast<float>(kind_.integrates_clean ? clean : epsilon);
    }
    return values;
  }

  /// The last step is of order 1: always if it leads to clean latents, else if there are few steps.
  bool is_second_order(size_t index) const {
    constexpr size_t kFewSteps = 15;
    const bool last = index + 1 == timesteps_.size();
    if (last && (kind_.integrates_clean || timesteps_.size() < kFewSteps)) return false;
    return kind_.single_step ? index % 2 == 1 : index > 0;
  }

  Prediction prediction_;
  DpmSolverKind kind_;
  std::vector<Point> points_;  // of each call, and the end of the last one
};

}  // namespace

std::unique_ptr<Sampler> make_dpmsolver(const SamplerConfig& config, const NoiseSchedule& schedule) {
  return std::make_unique<DpmSolver>(config, schedule, DpmSolverKind{.integrates_clean = false, .single_step = false});
}

std::unique_ptr<Sampler> make_dpmsolver_pp(const SamplerConfig& config, const NoiseSchedule& schedule) {
  return std::make_unique<DpmSolver>(config, schedule, DpmSolverKind{.integrates_clean = true, .single_step = false});
}

std::unique_ptr<Sampler> make_dpmsingle(const SamplerConfig& config, const NoiseSchedule& schedule) {
  return std::make_unique<DpmSolver>(config, schedule, DpmSolverKind{.integrates_clean = true, .single_step = true});
}

}  // namespace rankine
