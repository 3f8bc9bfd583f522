#pragma once
#include <cstdint>
#include <string>

#include "base/named_texts.h"
#include "watch/metrics_table.h"
#include "watch/report/samples.h"
#include "watch/summary.h"

namespace rankine {

/// The content of a run's report besides its metrics.
struct ReportFacts {
  std::string name;  ///< of the LoRA
  RunSummary summary;
  NamedTexts settings;  ///< flags as they were given
  uint64_t seed = 0;
  int64_t steps_per_epoch = 1;
  double max_grad_norm = 0;  ///< 0: no limit
};

enum class RunState { running, finished, stopped };

/// The whole page. It needs no other file and no network: drawings are SVG; style, script and small pictures are
/// inside. Every external text is escaped.
std::string report_html(const ReportFacts& facts, const MetricsTable& metrics,
                        const std::vector<SamplePicture>& pictures, RunState state);

/// Keeps `report.html` beside a run's other files.
class Report {
 public:
  /// `folder` holds the run's files: metrics.jsonl, from which the report reads the whole history, and sample/.
  Report(std::string folder, std::string sample_prefix, ReportFacts facts);
  const std::string& path() const { return path_; }
  /// Writes atomically. Throws FileError if the file cannot be written; does nothing before the first step.
  void write(RunState state) const;

 private:
  std::string folder_, path_, sample_prefix_;
  ReportFacts facts_;
};

}  // namespace rankine
