#include "watch/report/report.h"

#include <algorithm>
#include <filesystem>

#include "io/atomic_file.h"

namespace rankine {

void Report::write(RunState state) const {
  const MetricsTable metrics = read_metrics(files_.metrics);
  if (metrics.rows() == 0) return;
  const std::vector<SamplePicture> pictures = find_sample_pictures(
      files_.sample_folder, files_.sample_prefix, metrics.steps.back(), std::max<int64_t>(1, facts_.steps_per_epoch));
  const std::string metrics_name = std::filesystem::path(files_.metrics).filename().string();
  write_file(files_.page, report_html(facts_, metrics, pictures, state, metrics_name));
}

}  // namespace rankine
