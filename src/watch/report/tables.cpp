#include <algorithm>
#include <array>
#include <cstdio>

#include "watch/report/parts.h"
#include "watch/report/text.h"

namespace rankine::report {
namespace {

std::string whole(int64_t number) { return tick_text(static_cast<double>(number), 1); }

std::string number_cell(const std::string& text) { return "<td class=\"n\">" + text + "</td>"; }

/// A bar as long as its share of the table's largest value.
std::string bar_cell(int64_t value, int64_t largest) {
  const double share = largest > 0 ? static_cast<double>(value) / static_cast<double>(largest) : 0;
  return "<td class=\"barcell\"><span style=\"width:" + number_text(100 * share, 3) + "%\"></span></td>";
}

/// A rectangle of the bucket's shape.
std::string shape(const BucketSummary& b) {
  const double longest = static_cast<double>(std::max({b.width, b.height, int64_t{1}}));
  std::array<char, 192> buffer;
  const double w = 16 * static_cast<double>(b.width) / longest, h = 16 * static_cast<double>(b.height) / longest;
  std::snprintf(buffer.data(), buffer.size(),
                "<svg class=\"shape\" viewBox=\"0 0 18 18\" aria-hidden=\"true\"><rect x=\"%.1f\" y=\"%.1f\" "
                "width=\"%.1f\" height=\"%.1f\" rx=\"1\"/></svg>",
                9 - w / 2, 9 - h / 2, w, h);
  return buffer.data();
}

std::string folder_table(const RunSummary& s) {
  std::string rows;
  int64_t most = 0, images = 0, drawn = 0;
  for (const FolderSummary& f : s.folders) most = std::max(most, f.drawn);
  for (const FolderSummary& f : s.folders) {
    images += f.images;
    drawn += f.drawn;
    rows += "<tr><td class=\"name\">" + html_text(f.folder) + "</td>" + number_cell(whole(f.images)) +
            number_cell("× " + whole(f.repeats)) + number_cell(whole(f.drawn)) + bar_cell(f.drawn, most) + "</tr>";
  }
  if (s.folders.size() > 1)
    rows += "<tr class=\"sum\"><td>all</td>" + number_cell(whole(images)) + "<td></td>" + number_cell(whole(drawn)) +
            "<td></td></tr>";
  return "<div class=\"card\"><h3>Folders</h3><table><thead><tr><th>Folder</th><th class=\"n\">Images</th>"
         "<th class=\"n\">Repeats</th><th class=\"n\">An epoch</th><th></th></tr></thead><tbody>" +
         rows + "</tbody></table></div>";
}

std::string bucket_table(const RunSummary& s) {
  std::string rows;
  int64_t most = 0, images = 0, batches = 0;
  for (const BucketSummary& b : s.buckets) most = std::max(most, b.images);
  for (const BucketSummary& b : s.buckets) {
    images += b.images;
    batches += b.batches;
    rows += "<tr><td class=\"name\">" + shape(b) + whole(b.width) + " × " + whole(b.height) + "</td>" +
            number_cell(whole(b.images)) + number_cell(whole(b.batches)) + bar_cell(b.images, most) + "</tr>";
  }
  if (s.buckets.size() > 1)
    rows +=
        "<tr class=\"sum\"><td>all</td>" + number_cell(whole(images)) + number_cell(whole(batches)) + "<td></td></tr>";
  return "<div class=\"card\"><h3>Buckets</h3><table><thead><tr><th>Size</th><th class=\"n\">Images with repeats</th>"
         "<th class=\"n\">Batches</th><th></th></tr></thead><tbody>" +
         rows + "</tbody></table></div>";
}

std::string pair_table(const std::string& title, const NamedTexts& rows) {
  std::string out;
  for (const auto& [name, value] : rows)
    out += "<tr><th scope=\"row\">" + html_text(name) + "</th><td class=\"text\">" + html_text(value) + "</td></tr>";
  return "<div class=\"card\"><h3>" + title + "</h3><table class=\"pairs\"><tbody>" + out + "</tbody></table></div>";
}

}  // namespace

std::string dataset(const RunSummary& s) {
  if (s.folders.empty() && s.buckets.empty()) return "";
  return "<section><h2>Dataset</h2><div class=\"pair\">" + folder_table(s) + bucket_table(s) + "</div></section>\n";
}

std::string settings(const ReportFacts& facts) {
  const RunSummary& s = facts.summary;
  std::string trained;
  for (const auto& [part, modules] : s.trained_modules)
    trained += (trained.empty() ? "" : ", ") + part + " " + whole(modules) + " modules";
  NamedTexts run = {{"Model", s.model},
                    {"Precision", s.precision},
                    {"Network", s.network},
                    {"Trained", count_text(s.trained_parameters) + " parameters: " + trained},
                    {"Optimizer", s.optimizer},
                    {"Batch size", s.batch_size + (s.gradient_accumulation_steps > 1
                                                       ? ", " + whole(s.gradient_accumulation_steps) + " batches a step"
                                                       : "")},
                    {"Length", whole(s.steps) + " steps, " + whole(s.epochs) + " epochs"},
                    {"Seed", std::to_string(facts.seed)}};
  for (const auto& [use, bytes] : s.memory_bytes) run.emplace_back("Memory: " + use, bytes_text(bytes));
  run.emplace_back("Result", s.output);
  std::string out = pair_table("This run", run);
  if (!facts.settings.empty()) out += pair_table("Flags as given", facts.settings);
  return "<section><h2>Settings</h2><div class=\"pair\">" + out + "</div></section>\n";
}

}  // namespace rankine::report
