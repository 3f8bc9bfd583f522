#include "data/contact_sheet.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "data/resize.h"
#include "io/canvas.h"

namespace rankine {
namespace {

// All lengths in pixels.
constexpr int kCell = 320;  // width of a picture's place, and the largest height shown
constexpr int kGap = 28, kMargin = 36, kMaskGap = 8;
constexpr int kMostColumns = 5;
constexpr double kTitleSize = 9, kNoteSize = 8, kCaptionSize = 8.5;  // heights of capitals
constexpr double kTitleWeight = 1.1, kTextWeight = 0.7;
constexpr int kTitleLine = 22, kNoteLine = 20, kCaptionLine = 17;
constexpr size_t kMostLines = 14;  // of a caption
constexpr int kHeading = 64, kFrame = 1;
constexpr Colour kUnread{200, 70, 55};

/// A word of a caption.
struct Word {
  std::string text;
  bool is_read = true;
};
using Line = std::vector<Word>;

/// The font's space is wide for small letters.
constexpr double kSpace = 0.7;

double text_width(const std::string& text) { return Canvas::text_width(text, kCaptionSize, kTextWeight); }

std::string shortened_to(std::string text, double size, double width, double weight) {
  if (Canvas::text_width(text, size, weight) <= width) return text;
  while (!text.empty() && Canvas::text_width(text + "...", size, weight) > width) {
    do text.pop_back();
    while (!text.empty() && (text.back() & 0xC0) == 0x80);
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0) text.pop_back();
  }
  return text + "...";
}

/// Splits text into words, and words that are wider than a line into parts.
std::vector<Word> words_of(const std::string& text, bool is_read) {
  std::vector<Word> words;
  std::string word;
  const auto finish = [&] {
    if (!word.empty()) words.push_back({word, is_read});
    word.clear();
  };
  for (size_t i = 0; i < text.size();) {
    size_t end = i + 1;
    while (end < text.size() && (text[end] & 0xC0) == 0x80) ++end;
    const std::string character = text.substr(i, end - i);
    i = end;
    if (character == " " || character == "\n") {
      finish();
      continue;
    }
    if (text_width(word + character) > kCell) finish();
    word += character;
  }
  finish();
  return words;
}

std::vector<Line> wrapped(const SheetPicture& picture) {
  std::vector<Word> words = words_of(picture.caption, true);
  std::ranges::move(words_of(picture.unread, false), std::back_inserter(words));
  const double space = kSpace * text_width(" ");
  std::vector<Line> lines;
  double x = 0;
  for (Word& word : words) {
    const double width = text_width(word.text);
    if (lines.empty() || x + space + width > kCell) {
      if (lines.size() == kMostLines) {
        lines.back().back().text = "...";
        break;
      }
      lines.emplace_back();
      x = 0;
    }
    x += (lines.back().empty() ? 0 : space) + width;
    lines.back().push_back(std::move(word));
  }
  return lines;
}

Image grey_picture(const std::vector<float>& mask, int width, int height) {
  Image image{.width = width, .height = height};
  for (const float value : mask)
    image.pixels.insert(image.pixels.end(), 3, static_cast<uint8_t>(std::lround(value * 255)));
  return image;
}

/// Fits a picture into a box: reduced if necessary, enlarged by a whole factor if possible.
Image fitted(const Image& image, int width, int height) {
  const double scale = std::min(static_cast<double>(width) / image.width, static_cast<double>(height) / image.height);
  const double factor = scale >= 1 ? std::floor(scale) : scale;
  const Size size{std::max(1, static_cast<int>(std::lround(image.width * factor))),
                  std::max(1, static_cast<int>(std::lround(image.height * factor)))};
  return resize(image, size, factor >= 1 ? Interpolation::nearest : Interpolation::area);
}

/// The content of one place of the sheet.
struct Cell {
  std::vector<Image> images;  // the picture, and its mask if it has one
  std::vector<Line> caption;
  const SheetPicture* texts;

  explicit Cell(const SheetPicture& of) : caption(wrapped(of)), texts(&of) {
    const Image& picture = of.picture;
    if (of.mask.empty()) {
      images.push_back(fitted(picture, kCell, kCell));
      return;
    }
    const int half = (kCell - kMaskGap) / 2;
    images.push_back(fitted(picture, half, kCell));
    images.push_back(fitted(grey_picture(of.mask, picture.width, picture.height), half, kCell));
  }
  int text_height() const {
    return 10 + kTitleLine + kNoteLine + kCaptionLine * static_cast<int>(std::max<size_t>(1, caption.size()));
  }
};

void draw_caption(Canvas& canvas, const Cell& cell, double x, double y) {
  if (cell.caption.empty()) canvas.text("(no caption)", {x, y}, kCaptionSize, kMuted, Anchor::left, kTextWeight);
  const double space = kSpace * text_width(" ");
  for (const Line& line : cell.caption) {
    double at = x;
    for (const Word& word : line) {
      canvas.text(word.text, {at, y}, kCaptionSize, word.is_read ? kInk : kUnread, Anchor::left, kTextWeight);
      at += text_width(word.text) + space;
    }
    y += kCaptionLine;
  }
}

void paste(const Image& from, Image& to, int left, int top) {
  for (int y = 0; y < from.height; ++y)
    std::memcpy(&to.pixels[(static_cast<size_t>(top + y) * to.width + left) * 3],
                &from.pixels[static_cast<size_t>(y) * from.width * 3], static_cast<size_t>(from.width) * 3);
}

/// Each row is a sheet of its own, to keep the memory for drawing small.
Image draw_row(std::span<const Cell> cells, int width) {
  int picture_height = 0, text_height = 0;
  for (const Cell& cell : cells) {
    picture_height = std::max(picture_height, cell.images[0].height);
    text_height = std::max(text_height, cell.text_height());
  }
  const int height = 2 * kFrame + picture_height + text_height + kGap;
  Canvas canvas(width, height);
  for (size_t i = 0; i < cells.size(); ++i) {
    const double x = kMargin + static_cast<double>(i) * (kCell + kGap);
    double left = x;
    for (const Image& image : cells[i].images) {  // a frame, because pictures may be as white as the paper
      const double top = kFrame + picture_height - image.height;
      canvas.rectangle({left - kFrame, top - kFrame}, {left + image.width + kFrame, top + image.height + kFrame},
                       kGrid);
      left += image.width + kMaskGap;
    }
    double y = kFrame + picture_height + 10 + kTitleLine / 2.0;
    const SheetPicture& texts = *cells[i].texts;
    canvas.text(shortened_to(texts.title, kTitleSize, kCell, kTitleWeight), {x, y}, kTitleSize, kInk, Anchor::left,
                kTitleWeight);
    y += (kTitleLine + kNoteLine) / 2.0;
    canvas.text(shortened_to(texts.notes, kNoteSize, kCell, kTextWeight), {x, y}, kNoteSize, kMuted, Anchor::left,
                kTextWeight);
    y += (kNoteLine + kCaptionLine) / 2.0;
    draw_caption(canvas, cells[i], x, y);
  }
  Image row = canvas.picture();
  for (size_t i = 0; i < cells.size(); ++i) {
    int x = kMargin + static_cast<int>(i) * (kCell + kGap);
    for (const Image& image : cells[i].images) {
      paste(image, row, x, kFrame + picture_height - image.height);  // aligns pictures at the bottom
      x += image.width + kMaskGap;
    }
  }
  return row;
}

void append(Image& sheet, const Image& row) {
  sheet.height += row.height;
  sheet.pixels.insert(sheet.pixels.end(), row.pixels.begin(), row.pixels.end());
}

}  // namespace

Image draw_contact_sheet(std::span<const SheetPicture> pictures, const std::string& heading) {
  check(!pictures.empty(), "a contact sheet needs at least one picture");
  std::vector<Cell> cells;
  for (const SheetPicture& picture : pictures) cells.emplace_back(picture);
  const size_t columns = std::min<size_t>(kMostColumns, cells.size());
  const int text_width = static_cast<int>(std::ceil(Canvas::text_width(heading, 12, 1.5)));
  const int width = 2 * kMargin + std::max(static_cast<int>(columns) * (kCell + kGap) - kGap,
                                           std::min(text_width, kMostColumns * kCell));
  Canvas top(width, kHeading + kMargin / 2);
  top.text(heading, {kMargin, kMargin}, 12, kInk, Anchor::left, 1.5);
  Image sheet = top.picture();
  for (size_t first = 0; first < cells.size(); first += columns)
    append(sheet, draw_row(std::span(cells).subspan(first, std::min(columns, cells.size() - first)), width));
  append(sheet, Canvas(width, kMargin / 2).picture());
  return sheet;
}

}  // namespace rankine
