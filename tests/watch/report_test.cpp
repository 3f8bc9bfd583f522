#include "watch/report/report.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>

#include "base/error.h"
#include "io/image.h"
#include "watch/metrics_log.h"
#include "watch/report/chart.h"
#include "watch/report/series.h"
#include "watch/report/text.h"

using namespace rankine;
namespace fs = std::filesystem;

namespace {

class Folder {
 public:
  explicit Folder(const std::string& name)
      : path_(fs::temp_directory_path() / concat_text("rankine-", name, "-", getpid())) {
    fs::create_directories(path_ / "sample");
  }
  ~Folder() { fs::remove_all(path_); }
  std::string path(const std::string& name = "") const { return (path_ / name).string(); }
  void picture(const std::string& name, const std::string& prompt, int width = 40, int height = 30) const {
    Image image{.width = width, .height = height};
    for (int i = 0; i < width * height * 3; ++i) image.pixels.push_back(static_cast<uint8_t>(i * 7 % 251));
    write_png(path("sample/" + name), image, {{"parameters", prompt + "\nNegative prompt: bad\nSteps: 20"}});
  }

 private:
  fs::path path_;
};

std::string content(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

constexpr const char* kEvil = "<script>alert('x')</script> & \"quotes\"";

ReportFacts facts() {
  ReportFacts f;
  f.name = std::string("cat ") + kEvil;
  f.summary.model = std::string("model ") + kEvil;
  f.summary.precision = "bf16";
  f.summary.folders = {{std::string("10_") + kEvil, 4, 10, 40}, {"2_dog", 5, 2, 10}};
  f.summary.buckets = {{512, 768, 40, 20}, {640, 512, 10, 5}};
  f.summary.steps = 100;
  f.summary.epochs = 4;
  f.summary.optimizer = "AdamW, cosine, lr 0.0001";
  f.summary.memory_bytes = {{"frozen weights", int64_t{1} << 30}};
  f.summary.output = "out/cat.safetensors";
  f.settings = {{"train_data_dir", kEvil}, {"learning_rate", "1e-4"}};
  f.seed = 42;
  f.steps_per_epoch = 25;
  f.max_grad_norm = 1;
  return f;
}

ReportFiles files(const Folder& folder, const char* prefix) {
  return {folder.path("report.html"), folder.path("metrics.jsonl"), folder.path("sample"), prefix};
}

void write_metrics(const Folder& folder, int64_t first, int64_t last) {
  MetricsLog log(folder.path("metrics.jsonl"));
  for (int64_t step = first; step <= last; ++step) {
    StepMetrics m;
    m.step = step;
    m.epoch = (step + 24) / 25;
    m.loss = 0.1 + 0.1 / static_cast<double>(step);
    m.loss_average = m.loss;
    m.learning_rates = {{"unet", 1e-4}};
    m.grad_norm = 0.5;
    m.resident_bytes = int64_t{3} << 29;
    m.step_seconds = 2;
    m.seconds = {{"load", 0.25}, {"forward_backward", 1.5}};
    if (step % 10 == 0) m.values = {{"loss/validation/step_average", 0.2}};
    log.write(m);
  }
}

/// The first tag that is not closed in its place; "" when all are. Scripts and styles are passed over.
std::string first_unclosed(const std::string& page) {
  std::vector<std::string> open;
  for (size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at)) {
    const size_t end = page.find('>', at);
    const bool closes = page[at + 1] == '/';
    const size_t begin = at + (closes ? 2 : 1), name_end = page.find_first_of(" >/\n", begin);
    if (end == std::string::npos) return page.substr(at, 40);
    const std::string name = page.substr(begin, name_end - begin);
    at = end;
    if (closes) {
      if (open.empty() || open.back() != name) return "/" + name;
      open.pop_back();
    } else if (page[end - 1] != '/' && name != "meta" && name != "img" && name != "!DOCTYPE") {
      open.push_back(name);
      if (name == "script" || name == "style") at = page.find("</" + name, at);
    }
  }
  return open.empty() ? "" : open.back();
}

}  // namespace

TEST_CASE("the report has every part, needs nothing from elsewhere, and no text in it can become markup") {
  const Folder folder("report");
  write_metrics(folder, 1, 100);
  folder.picture("cat_000050_00_20260101000000_42.png", kEvil);
  Report(files(folder, "cat"), facts()).write(RunState::finished);
  const std::string page = content(folder.path("report.html"));
  for (const std::string& part : std::vector<std::string>{"<h3>Loss",
                                                          "each step",
                                                          "trend",
                                                          "validation",
                                                          "Learning rate",
                                                          "Gradient norm",
                                                          "Time of a step",
                                                          "forward and backward",
                                                          "waiting for pictures",
                                                          "Memory of the process",
                                                          "Where the time went",
                                                          "Sample pictures",
                                                          "step 50",
                                                          "Dataset",
                                                          "512 × 768",
                                                          "2_dog",
                                                          "Settings",
                                                          "learning_rate",
                                                          "finished",
                                                          "data:image/jpeg;base64,",
                                                          "1.50 GiB",
                                                          "limit 1"}) {
    CAPTURE(part);
    CHECK(contains(page, part));
  }
  CHECK(first_unclosed(page) == "");
  // Nothing is loaded: the only address is the name of SVG in the script.
  CHECK(count(page, "http://") == count(page, "http://www.w3.org/2000/svg"));
  CHECK(count(page, "https://") == 0);
  CHECK(count(page, "@import") + count(page, "url(") + count(page, "src=\"") == count(page, "src=\"data:image/jpeg"));
  CHECK(count(page, "alert('x')") == 0);
  CHECK(count(page, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;quotes&quot;") >= 6);
  CHECK(count(page, "<script") == count(page, "<script type=\"application/json\">") + 1);
}

TEST_CASE("the report of a resumed run has the whole history, and says where a run stands") {
  const Folder folder("report-resume");
  write_metrics(folder, 1, 30);
  const Report report(files(folder, "cat"), facts());
  report.write(RunState::stopped);
  const std::string before = content(folder.path("report.html"));
  CHECK(contains(before, "badge stopped"));
  CHECK(contains(before, "width:30%"));
  write_metrics(folder, 21, 60);
  report.write(RunState::running);
  const std::string after = content(folder.path("report.html"));
  CHECK(contains(after, "badge running"));
  CHECK(contains(after, ">60</strong><small>of 100, epoch 3 of 4<"));
  // The steps of the loss chart, from the first to the last.
  const size_t steps = after.find("\"steps\":[1,2,3,");
  REQUIRE(steps != std::string::npos);
  const std::string list = after.substr(steps, after.find(']', steps) - steps);
  CHECK(list.ends_with(",58,59,60"));
  CHECK(count(list, ",") == 59);
}

TEST_CASE("a report of one step, and of metrics with nothing but a loss, can be drawn") {
  const Folder folder("report-small");
  std::ofstream(folder.path("metrics.jsonl")) << "{\"step\":1,\"loss\":0.5}\n";
  Report(files(folder, ""), {}).write(RunState::running);
  const std::string page = content(folder.path("report.html"));
  CHECK(contains(page, "<h3>Loss"));
  CHECK_FALSE(contains(page, "Gradient norm"));
  CHECK_FALSE(std::regex_search(page, std::regex("\\b(nan|inf)\\b")));
  CHECK(first_unclosed(page) == "");
}

TEST_CASE("sample pictures are found by sd-scripts' names, the newest of each moment, in order") {
  const Folder folder("report-samples");
  for (const char* name : {"cat_000200_00_20260101000003_42.png", "cat_000100_01_20260101000002.png",
                           "cat_000100_00_20260101000001_42.png", "cat_000100_00_20260102000001_42.png",
                           "cat_e000002_00_20260101000009_-5.png", "cat_000900_00_20250101000000.png",
                           "dog_000100_00_20260101000001.png", "cat_grid.png"})
    folder.picture(name, "a cat");
  const auto pictures = find_sample_pictures(folder.path("sample"), "cat", 200, 60);
  REQUIRE(pictures.size() == 4);
  const auto file = [&](size_t i) { return fs::path(pictures[i].file).filename().string(); };
  CHECK(file(0) == "cat_000100_00_20260102000001_42.png");
  CHECK(file(1) == "cat_e000002_00_20260101000009_-5.png");
  CHECK(pictures[1].moment == "epoch 2");
  CHECK(pictures[1].step == 120);
  CHECK(file(2) == "cat_000200_00_20260101000003_42.png");
  CHECK(pictures[2].moment == "step 200");
  CHECK(file(3) == "cat_000100_01_20260101000002.png");
  CHECK(pictures[3].index == 1);
  CHECK(pictures[3].prompt == "a cat");
  CHECK(find_sample_pictures(folder.path("nowhere"), "cat", 200, 60).empty());
}

TEST_CASE("a picture that is broken is left out of the report, which is written all the same") {
  const Folder folder("report-broken");
  write_metrics(folder, 1, 60);
  folder.picture("cat_000050_00_20260101000000.png", "good");
  std::ofstream(folder.path("sample/cat_000060_00_20260101000000.png")) << "no picture";
  Report(files(folder, "cat"), facts()).write(RunState::running);
  const std::string page = content(folder.path("report.html"));
  CHECK(count(page, "<img ") == 1);
  CHECK(contains(page, "step 50</span>"));
}

TEST_CASE("a thumbnail keeps the picture's shape and does not enlarge it") {
  const Folder folder("report-thumb");
  folder.picture("wide.png", "", 800, 200);
  folder.picture("small.png", "", 20, 10);
  for (const auto& [name, width, height] : {std::tuple("wide.png", 320, 80), std::tuple("small.png", 20, 10)}) {
    const std::string url = thumbnail_url(folder.path(std::string("sample/") + name), 320);
    REQUIRE(url.starts_with("data:image/jpeg;base64,"));
    // Decoded by hand: base64 of a JPEG.
    std::string bytes;
    uint32_t bits = 0;
    int known = 0;
    for (const char c : url.substr(url.find(',') + 1)) {
      const size_t digit = std::string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/").find(c);
      if (digit == std::string::npos) break;
      bits = bits << 6 | static_cast<uint32_t>(digit);
      known += 6;
      if (known >= 8) bytes += static_cast<char>(bits >> (known -= 8) & 0xff);
    }
    const std::string file = folder.path("thumb.jpg");
    std::ofstream(file, std::ios::binary) << bytes;
    CHECK(read_image_size(file) == ImageSize{width, height});
  }
  CHECK(base64({}) == "");
  CHECK(base64({'f'}) == "Zg==");
  CHECK(base64({'f', 'o'}) == "Zm8=");
  CHECK(base64({'f', 'o', 'o', 'b', 'a', 'r'}) == "Zm9vYmFy");
}

TEST_CASE("numbers of the report are short, and say what they are") {
  CHECK(number_text(0.093412) == "0.0934");
  CHECK(number_text(0.1) == "0.1");
  CHECK(number_text(12345) == "12,345");
  CHECK(number_text(1.5e-5) == "1.5e-5");
  CHECK(number_text(99.96) == "100");
  CHECK(number_text(-1234.5, 5) == "-1,234.5");
  CHECK(number_text(0) == "0");
  CHECK(number_text(NAN) == "–");
  CHECK(tick_text(2e-5, 2e-5) == "2e-5");
  CHECK(tick_text(1.2e-4, 2e-5) == "1.2e-4");
  CHECK(tick_text(1500, 500) == "1,500");
  CHECK(tick_text(0.05, 0.05) == "0.05");
  CHECK(tick_text(1e-12, 0.1) == "0");
  CHECK(time_text(3723) == "1:02:03");
  CHECK(time_text(9.1) == "9.1 s");
  CHECK(time_text(0.0125) == "12.5 ms");
  CHECK(time_text(1e-6) == "<0.1 ms");
  CHECK(time_text(0) == "0");
  CHECK(percent_text(0.123) == "12.3 %");
  CHECK(percent_text(0.0001) == "<0.1 %");
  CHECK(percent_text(0) == "0 %");
}

TEST_CASE("text from outside is shown as it is, whatever its bytes") {
  CHECK(html_text("a<b>&\"'") == "a&lt;b&gt;&amp;&quot;&#39;");
  CHECK(html_text("katze 猫 🐈") == "katze 猫 🐈");
  CHECK(html_text("a\nb\x01") == "a b ");
  CHECK(html_text("\xff\xc0\xaf|\xe7\x8c|\xed\xa0\x80") ==
        "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD|"
        "\xEF\xBF\xBD\xEF\xBF\xBD|"
        "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(relative_url("sample/a b#1?\"猫.png") == "sample/a%20b%231%3F%22%E7%8C%AB.png");
}

TEST_CASE("long runs are drawn from groups of steps, with what is finite in each") {
  MetricsTable table;
  std::vector<double> values;
  for (int i = 1; i <= 10; ++i) {
    table.steps.push_back(i);
    values.push_back(i == 4 ? NAN : i);
  }
  const StepBins bins(table, 4);
  CHECK(bins.grouped());
  CHECK(bins.steps() == std::vector<double>{2, 5, 8, 10});
  CHECK(bins.mean(values) == std::vector<double>{2, 5.5, 8, 10});
  CHECK(bins.least(values) == std::vector<double>{1, 5, 7, 10});
  CHECK(bins.greatest(values) == std::vector<double>{3, 6, 9, 10});
  CHECK(bins.last(values) == std::vector<double>{3, 6, 9, 10});
  CHECK_FALSE(StepBins(table, 10).grouped());
  CHECK(std::isnan(bins.mean(std::vector<double>(10, NAN))[0]));
}

TEST_CASE("a chart has its lines where the numbers are, breaks where there are none, and cuts off rare peaks") {
  Chart chart{.title = "T", .steps = {1, 2, 3, 4}, .first_step = 1, .last_step = 4};
  chart.series = {{.name = "a", .values = {1, NAN, 3, 4}}};
  const std::string html = chart_html(chart);
  CHECK(count(html, "class=\"line c1\"") == 1);
  const size_t path = html.find("class=\"line c1\" d=\"") + 19;
  const std::string line = html.substr(path, html.find('"', path) - path);
  CHECK(count(line, "M") == 2);
  CHECK(count(line, "L") == 1);
  CHECK(first_unclosed(html) == "");

  Chart peaks{.title = "P", .unit = "s", .first_step = 1, .last_step = 100};
  peaks.stacked = peaks.cut_peaks = true;
  peaks.series = {{.name = "a", .values = {}}, {.name = "b", .values = {}, .colour = 2}};
  for (int i = 1; i <= 100; ++i) {
    peaks.steps.push_back(i);
    peaks.series[0].values.push_back(1);
    peaks.series[1].values.push_back(i == 50 ? 30 : 0.5);
  }
  CHECK(contains(chart_html(peaks), "1 peak is cut off: up to 31 s"));
  CHECK(chart_html({.title = "nothing", .steps = {1}, .series = {{.name = "a", .values = {NAN}}}}) == "");
}
