#include "watch/summary.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace rankine {
namespace {

std::string with_digits(double value, int decimals) {
  std::array<char, 48> buffer;
  std::snprintf(buffer.data(), buffer.size(), "%.*f", decimals, value);
  return buffer.data();
}

/// Three significant digits.
std::string three_digits(double value) { return with_digits(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0); }

std::string counted(int64_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

/// Characters, not bytes: folders have names in every script.
size_t columns_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

using Row = std::vector<std::string>;

/// Columns as wide as their widest cell; all but the first are right-aligned.
std::vector<std::string> aligned(const std::vector<Row>& rows) {
  std::vector<size_t> widths;
  for (const Row& row : rows)
    for (size_t i = 0; i < row.size(); ++i) {
      if (i == widths.size()) widths.push_back(0);
      widths[i] = std::max(widths[i], columns_of(row[i]));
    }
  std::vector<std::string> lines;
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - columns_of(row[i]), ' ');
      line += i == 0 ? row[i] + padding : "   " + padding + row[i];
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    lines.push_back(line);
  }
  return lines;
}

/// "name   first line" and the other lines below it.
class Sheet {
 public:
  void add(const std::string& name, const std::string& text) { add(name, std::vector<std::string>{text}); }
  void add(const std::string& name, const std::vector<std::string>& lines) {
    for (size_t i = 0; i < lines.size(); ++i) {
      std::string label = i == 0 ? name : "";
      label.resize(label_columns, ' ');
      if (!text_.empty()) text_ += '\n';
      text_ += "  " + label + lines[i];
    }
  }
  std::string text() const { return text_; }

 private:
  static constexpr size_t label_columns = 13;
  std::string text_;
};

std::vector<std::string> folder_lines(const RunSummary& s) {
  std::vector<Row> rows;
  int64_t images = 0, drawn = 0;
  for (const FolderSummary& f : s.folders) {
    images += f.images;
    drawn += f.drawn;
    rows.push_back(
        {f.folder, counted(f.images, "image ", "images"), "x " + std::to_string(f.repeats), std::to_string(f.drawn)});
  }
  if (s.folders.size() > 1) rows.push_back({"all", counted(images, "image ", "images"), "", std::to_string(drawn)});
  return aligned(rows);
}

std::vector<std::string> bucket_lines(const RunSummary& s) {
  std::vector<Row> rows;
  int64_t images = 0, batches = 0;
  for (const BucketSummary& b : s.buckets) {
    images += b.images;
    batches += b.batches;
    rows.push_back({std::to_string(b.width) + " x " + std::to_string(b.height), counted(b.images, "image ", "images"),
                    counted(b.batches, "batch  ", "batches")});
  }
  if (s.buckets.size() > 1)
    rows.push_back({"all", counted(images, "image ", "images"), counted(batches, "batch  ", "batches")});
  return aligned(rows);
}

std::string steps_text(const RunSummary& s) {
  std::vector<std::string> parts = {std::to_string(s.steps) + " in " + counted(s.epochs, "epoch", "epochs"),
                                    "batch size " + s.batch_size};
  if (s.gradient_accumulation_steps > 1)
    parts.push_back(std::to_string(s.gradient_accumulation_steps) + " batches a step");
  return joined(parts);
}

std::string trained_text(const RunSummary& s) {
  std::vector<std::string> parts;
  for (const auto& [part, modules] : s.trained_modules)
    parts.push_back(part + " " + counted(modules, "module", "modules"));
  return count_text(s.trained_parameters) + " parameters: " + joined(parts) + "; " + s.network;
}

std::vector<std::string> memory_lines(const RunSummary& s) {
  int64_t total = 0;
  std::vector<Row> rows;
  for (const auto& [use, bytes] : s.memory_bytes) {
    total += bytes;
    rows.push_back({use, bytes_text(bytes)});
  }
  if (rows.size() > 1) rows.push_back({"all", bytes_text(total)});
  return aligned(rows);
}

}  // namespace

std::string summary_text(const RunSummary& s) {
  Sheet sheet;
  sheet.add("model", s.model);
  sheet.add("precision", s.precision);
  sheet.add("images", folder_lines(s));
  sheet.add("buckets", bucket_lines(s));
  sheet.add("steps", steps_text(s));
  sheet.add("trained", trained_text(s));
  sheet.add("optimizer", s.optimizer);
  sheet.add("memory", memory_lines(s));
  sheet.add("output", s.output);
  return sheet.text();
}

std::string count_text(int64_t count) {
  const auto value = static_cast<double>(count);
  if (count < 1000) return std::to_string(count);
  if (value < 999.5e3) return three_digits(value / 1e3) + " k";
  if (value < 999.5e6) return three_digits(value / 1e6) + " M";
  return three_digits(value / 1e9) + " B";
}

std::string bytes_text(int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes < 1024) return std::to_string(bytes) + " B";
  if (value < 1023.5 * 1024) return three_digits(value / 1024) + " KiB";
  if (value < 1023.5 * 1024 * 1024) return three_digits(value / (1024. * 1024)) + " MiB";
  return three_digits(value / (1024. * 1024 * 1024)) + " GiB";
}

}  // namespace rankine
