#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "watch/report/report.h"

/// The sections of the report, as HTML; empty where there is nothing to show.
namespace rankine::report {

/// Name, state and the most important numbers.
std::string header(const ReportFacts& facts, const MetricsTable& metrics, RunState state);
/// Loss, learning rate, gradient norm, time by phase, memory and all else that steps tell.
std::string charts(const ReportFacts& facts, const MetricsTable& metrics);
/// How long each phase took in the whole run.
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
  double total, share;          ///< their sum, and what part of all phases' sum that is
};
/// The phases that took any time, in the order they are shown; last, what they leave of the steps' time.
std::vector<Phase> phases_of(const MetricsTable& metrics);

std::string_view style_sheet();  ///< assets/report.css
std::string_view script();       ///< assets/report.js

}  // namespace rankine::report
