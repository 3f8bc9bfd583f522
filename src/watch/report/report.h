#pragma once
#include <cstdint>
#include <string>
#include <utility>

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
/// inside. Every external text is escaped. `metrics_name` is the file with the numbers of every step.
std::string report_html(const ReportFacts& facts, const MetricsTable& metrics,
                        const std::vector<SamplePicture>& pictures, RunState state, const std::string& metrics_name);

/// The page of a run and the files that it is made from.
struct ReportFiles {
  std::string page;
  std::string metrics;        ///< the whole history of the run
  std::string sample_folder;  ///< holds the pictures of this run, and perhaps of other runs
  std::string sample_prefix;  ///< the names of this run's pictures begin with it
};

/// Keeps the page of a run up to date.
class Report {
 public:
  Report(ReportFiles files, ReportFacts facts) : files_(std::move(files)), facts_(std::move(facts)) {}
  const std::string& path() const { return files_.page; }
  /// Writes atomically. Throws FileError if the file cannot be written; does nothing before the first step.
  void write(RunState state) const;

 private:
  ReportFiles files_;
  ReportFacts facts_;
};

}  // namespace rankine
