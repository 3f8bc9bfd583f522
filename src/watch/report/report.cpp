#include "watch/report/report.h"

#include <algorithm>
#include <filesystem>

#include "io/atomic_file.h"

namespace rankine {

Report::Report(std::string folder, std::string sample_prefix, ReportFacts facts)
    : folder_(std::move(folder)),
      path_((std::filesystem::path(folder_) / "report.html").string()),
      sample_prefix_(std::move(sample_prefix)),
      facts_(std::move(facts)) {}

void Report::write(RunState state) const {
  const std::filesystem::path folder(folder_);
  const MetricsTable metrics = read_metrics((folder / "metrics.jsonl").string());
  if (metrics.rows() == 0) return;
  const std::vector<SamplePicture> pictures = find_sample_pictures(
      (folder / "sample").string(), sample_prefix_, metrics.steps.back(), std::max<int64_t>(1, facts_.steps_per_epoch));
  write_file(path_, report_html(facts_, metrics, pictures, state));
}

}  // namespace rankine
