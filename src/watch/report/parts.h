#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "watch/report/report.h"

/// The sections of the report as HTML; a section without content is empty.
namespace rankine::report {

/// Name, state and the most important numbers.
std::string header(const ReportFacts& facts, const MetricsTable& metrics, RunState state);
/// Charts of loss, learning rate, gradient norm, time per phase, memory and all other values of steps.
std::string charts(const ReportFacts& facts, const MetricsTable& metrics);
/// The total time of each phase.
std::string time_table(const MetricsTable& metrics);
std::string samples(const std::vector<SamplePicture>& pictures);
/// Folders, and buckets x images x batches.
std::string dataset(const RunSummary& summary);
std::string settings(const ReportFacts& facts);

/// A part of the steps' time.
struct Phase {
  std::string title;
  int colour;                   ///< one of the classes c1 to c8 of assets/report.css
  std::vector<double> seconds;  ///< of each step
  double total, share;          ///< their sum, and its share of all phases' sum
};
/// The phases with any time, in display order; the last entry is the remaining time of the steps.
std::vector<Phase> phases_of(const MetricsTable& metrics);

std::string_view style_sheet();  ///< assets/report.css
std::string_view script();       ///< assets/report.js

}  // namespace rankine::report
