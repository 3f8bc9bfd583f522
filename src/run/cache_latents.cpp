#include "run/cache_latents.h"

#include <algorithm>
#include <cmath>
#include <ostream>

#include "base/timer.h"
#include "step/weights_digest.h"

namespace rankine {
namespace {

/// "caching latents 3/20", redrawn in place on a terminal, else a line now and then.
class CachingNote {
 public:
  CachingNote(std::ostream& out, const Progress::Options& options) : out_(out), options_(options) {}
  ~CachingNote() {
    if (options_.terminal && done_ > 0) out_ << '\n' << std::flush;
  }
  void show(const LatentCacheReport& so_far, int64_t total) {
    const int64_t done = so_far.read + so_far.made;
    done_ = done;
    const double pause = options_.terminal ? options_.redraw_seconds : options_.line_seconds;
    if (done < total && done > 1 && timer_.seconds() < pause) return;
    timer_.restart();
    out_ << (options_.terminal ? "\r\x1b[2K" : "") << "caching latents " << done << '/' << total << ", "
         << std::round(10 * static_cast<double>(done) / std::max(so_far.seconds, 1e-9)) / 10 << " images/s"
         << (options_.terminal ? "" : "\n") << std::flush;
  }

 private:
  std::ostream& out_;
  Progress::Options options_;
  Timer timer_;
  int64_t done_ = 0;
};

}  // namespace

void check_not_stopped(const InterruptGuard& interrupt) {
  check(!interrupt.requested(), "stopped before the first step; nothing is saved");
}

LatentCache cache_latents(const RunPlan& plan, ConstantSource& constants, LatentEncoder& encoder,
                          const InterruptGuard& interrupt, std::ostream& out, const Progress::Options& options) {
  LatentCacheConfig config{.threads = plan.loader.threads,
                           .to_disk = plan.config.data.cache_latents_to_disk,
                           .skip_check = plan.config.data.skip_cache_check,
                           .compute = plan.vae.compute};
  if (config.to_disk) config.vae = vae_digest(constants, *plan.step.model);
  LatentCache cache;
  LatentCacheReport report;
  {
    CachingNote note(out, options);
    report = cache.fill(plan.data, config, encoder, [&](const LatentCacheReport& so_far, int64_t total) {
      note.show(so_far, total);
      return !interrupt.requested();
    });
  }
  out << report_text(report, config.threads);
  check_not_stopped(interrupt);
  return cache;
}

}  // namespace rankine
