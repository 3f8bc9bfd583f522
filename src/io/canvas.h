#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "io/image.h"

namespace rankine {

struct Colour {
  uint8_t red = 0, green = 0, blue = 0;
};

/// The colours of drawings: main text, secondary text, grid lines, paper.
inline constexpr Colour kInk{40, 42, 45}, kMuted{107, 110, 115}, kGrid{226, 229, 232}, kPaper{255, 255, 255};

/// A position in pixels from the top left corner; may be fractional.
struct Position {
  double x = 0, y = 0;
};

/// The point of a text that `x` gives.
enum class Anchor { left, centre, right };

/// A picture on which to draw lines and letters with smooth edges.
class Canvas {
 public:
  Canvas(int width, int height, Colour paper = kPaper);
  ~Canvas();
  Canvas(const Canvas&) = delete;
  Canvas& operator=(const Canvas&) = delete;

  void line(Position from, Position to, Colour colour, double width);
  void curve(std::span<const Position> points, Colour colour, double width);
  void rectangle(Position top_left, Position bottom_right, Colour fill);

  /// `at.y` is the middle of capitals, `size` their height. Draws ASCII letters; any other character becomes a box.
  void text(const std::string& words, Position at, double size, Colour colour, Anchor anchor = Anchor::left,
            double weight = 1.1);
  static double text_width(const std::string& words, double size, double weight = 1.1);

  Image picture() const;

 private:
  struct Sheet;
  std::unique_ptr<Sheet> sheet_;
};

}  // namespace rankine
