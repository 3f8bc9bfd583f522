#include "watch/loss_plot.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/error.h"
#include "watch/metrics_log.h"

using namespace rankine;

namespace {

/// A file of metrics, gone with this object.
class Metrics {
 public:
  explicit Metrics(const std::string& name, const std::string& text)
      : path_(std::filesystem::temp_directory_path() / concat_text("rankine-plot-", name, "-", getpid(), ".jsonl")) {
    std::ofstream(path_) << text;
  }
  ~Metrics() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
    std::filesystem::remove(png(), ignored);
  }
  std::string path() const { return path_.string(); }
  std::string png() const { return path_.string() + ".png"; }

 private:
  std::filesystem::path path_;
};

std::string line(int64_t step, double loss) {
  StepMetrics metrics;
  metrics.step = step;
  metrics.loss = loss;
  return metrics_line(metrics) + "\n";
}

}  // namespace

TEST_CASE("the curve of a resumed run holds each step once, without broken lines and losses that are not finite") {
  const Metrics metrics("resumed", line(1, 0.5) + line(2, 0.25) + line(3, 9) + "{\"step\":4,\"lo\n" + line(3, 0.125) +
                                       line(4, INFINITY) + line(5, 1) + "{\"st");
  const LossCurve curve = read_loss_curve(metrics.path());
  CHECK(curve.steps == std::vector<double>{1, 2, 3, 5});
  CHECK(curve.losses == std::vector<double>{0.5, 0.25, 0.125, 1});
}

TEST_CASE("a file without any loss, or none at all, is an error that names it") {
  const Metrics metrics("empty", "{\"step\":1,\"loss\":null}\nhello\n");
  CHECK_THROWS_WITH_AS(read_loss_curve(metrics.path()), doctest::Contains(metrics.path().c_str()), Error);
  CHECK_THROWS_AS(read_loss_curve(metrics.path() + ".absent"), Error);
}

TEST_CASE("smoothing keeps a straight line up to its ends, and evens out noise") {
  LossCurve curve;
  for (int i = 0; i <= 100; ++i) {
    curve.steps.push_back(i);
    curve.losses.push_back(0.01 * i);
  }
  for (size_t i = 0; i < curve.losses.size(); ++i)
    CHECK(smoothed(curve, 5)[i] == doctest::Approx(curve.losses[i]).epsilon(1e-9));
  for (size_t i = 0; i < curve.losses.size(); ++i) curve.losses[i] = i % 2 == 0 ? 1 : 3;
  for (size_t i = 20; i <= 80; ++i) CHECK(smoothed(curve, 5)[i] == doctest::Approx(2).epsilon(1e-3));
}

TEST_CASE("ticks are round numbers inside the range") {
  CHECK(round_ticks(0, 10, 5) == std::vector<double>{0, 2, 4, 6, 8, 10});
  CHECK(round_ticks(1, 199, 9).front() == 20);
  CHECK(round_ticks(0.093, 0.161, 6).size() == 7);
}

TEST_CASE("the plot has the size asked for, a curve inside the frame, and is written as a PNG") {
  std::string text;
  for (int i = 1; i <= 50; ++i) text += line(i, 1.0 / i);
  const Metrics metrics("plot", text);
  write_loss_plot(metrics.path(), metrics.png());
  const Image image = read_image(metrics.png());
  CHECK(image.width == 1200);
  CHECK(image.height == 600);
  std::set<std::array<uint8_t, 3>> colours;
  for (size_t i = 0; i + 2 < image.pixels.size(); i += 3)
    colours.insert({image.pixels[i], image.pixels[i + 1], image.pixels[i + 2]});
  CHECK(colours.contains({255, 255, 255}));
  CHECK(colours.contains({20, 95, 180}));  // the trend
  CHECK(colours.size() > 50);              // smooth edges
}

TEST_CASE("one step, and a loss that never changes, can be drawn") {
  CHECK(draw_loss_plot({{1}, {0.5}}).width == 1200);
  CHECK(draw_loss_plot({{1, 2, 3}, {0, 0, 0}}).height == 600);
  CHECK_THROWS_AS(draw_loss_plot({{}, {}}), Error);
  CHECK_THROWS_AS(draw_loss_plot({{1}, {1}}, {.width = 100, .height = 100}), Error);
}
