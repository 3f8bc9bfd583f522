#include "io/canvas.h"

#include <algorithm>
#include <opencv2/imgproc.hpp>
#include <vector>

namespace rankine {
namespace {

/// Drawings are made this many times larger and then reduced: this gives finer edges than LINE_AA and smooth letters.
constexpr int kOversampling = 3;
constexpr int kShift = 4;  // OpenCV takes positions in sixteenths
constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;

cv::Scalar scalar_of(Colour colour) { return {double(colour.blue), double(colour.green), double(colour.red)}; }

cv::Point in_sixteenths(Position p) {
  const double factor = kOversampling * (1 << kShift);
  return {cvRound(p.x * factor), cvRound(p.y * factor)};
}

cv::Point in_pixels(Position p) { return {cvRound(p.x * kOversampling), cvRound(p.y * kOversampling)}; }

int thickness_of(double width) { return std::max(1, cvRound(width * kOversampling)); }

struct Measured {
  cv::Size box;
  double scale;
  int thickness;
};

Measured measure(const std::string& words, double size, double weight) {
  const int thickness = thickness_of(weight);
  const double scale = cv::getFontScaleFromHeight(kFont, cvRound(size * kOversampling), thickness);
  int baseline = 0;
  return {cv::getTextSize(words, kFont, scale, thickness, &baseline), scale, thickness};
}

/// Replaces letters that the font lacks: a character of several bytes becomes one '\x7f', which is drawn as a box.
std::string drawable(const std::string& words) {
  std::string out;
  for (const char c : words) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte < 0x7f)
      out += c;
    else if (byte < 0x80 || byte >= 0xc0)
      out += '\x7f';
  }
  return out;
}

double box_width(double size) { return size * 0.9; }

/// Splits words into parts that are drawn alike: letters, or one box.
std::vector<std::string> pieces_of(const std::string& words) {
  std::vector<std::string> pieces;
  for (const char c : drawable(words)) {
    if (c == '\x7f' || pieces.empty() || pieces.back() == "\x7f") pieces.emplace_back();
    pieces.back() += c;
  }
  return pieces;
}

double piece_width(const std::string& piece, double size, double weight) {
  if (piece == "\x7f") return box_width(size);
  return static_cast<double>(measure(piece, size, weight).box.width) / kOversampling;
}

}  // namespace

struct Canvas::Sheet {
  cv::Mat mat;
};

Canvas::Canvas(int width, int height, Colour paper)
    : sheet_(std::make_unique<Sheet>(
          Sheet{cv::Mat(height * kOversampling, width * kOversampling, CV_8UC3, scalar_of(paper))})) {}
Canvas::~Canvas() = default;

void Canvas::line(Position from, Position to, Colour colour, double width) {
  const Position points[] = {from, to};
  curve(points, colour, width);
}

void Canvas::curve(std::span<const Position> points, Colour colour, double width) {
  std::vector<cv::Point> scaled;
  for (const Position& p : points) scaled.push_back(in_sixteenths(p));
  cv::polylines(sheet_->mat, scaled, false, scalar_of(colour), thickness_of(width), cv::LINE_AA, kShift);
}

void Canvas::rectangle(Position top_left, Position bottom_right, Colour fill) {
  const cv::Point first = in_pixels(top_left), behind = in_pixels(bottom_right);
  cv::rectangle(sheet_->mat, cv::Rect(first, behind), scalar_of(fill), cv::FILLED);
}

void Canvas::text(const std::string& words, Position at, double size, Colour colour, Anchor anchor, double weight) {
  const double shift = anchor == Anchor::left ? 0 : anchor == Anchor::centre ? 0.5 : 1;
  double x = at.x - shift * text_width(words, size, weight);
  for (const std::string& piece : pieces_of(words)) {
    const double width = piece_width(piece, size, weight);
    if (piece == "\x7f") {
      const double left = x + width * 0.15, right = x + width * 0.85, top = at.y - size / 2, bottom = at.y + size / 2;
      const Position box[] = {{left, top}, {right, top}, {right, bottom}, {left, bottom}, {left, top}};
      curve(box, colour, weight * 0.7);
    } else {
      const auto [box, scale, thickness] = measure(piece, size, weight);
      const cv::Point origin(cvRound(x * kOversampling), cvRound(at.y * kOversampling + box.height / 2.0));
      cv::putText(sheet_->mat, piece, origin, kFont, scale, scalar_of(colour), thickness, cv::LINE_AA);
    }
    x += width;
  }
}

double Canvas::text_width(const std::string& words, double size, double weight) {
  double width = 0;
  for (const std::string& piece : pieces_of(words)) width += piece_width(piece, size, weight);
  return width;
}

Image Canvas::picture() const {
  cv::Mat small, rgb;
  cv::resize(sheet_->mat, small, {}, 1.0 / kOversampling, 1.0 / kOversampling, cv::INTER_AREA);
  cv::cvtColor(small, rgb, cv::COLOR_BGR2RGB);
  Image image{.width = rgb.cols, .height = rgb.rows, .channels = 3};
  for (int y = 0; y < rgb.rows; ++y)
    image.pixels.insert(image.pixels.end(), rgb.ptr(y), rgb.ptr(y) + static_cast<size_t>(rgb.cols) * 3);
  return image;
}

}  // namespace rankine
