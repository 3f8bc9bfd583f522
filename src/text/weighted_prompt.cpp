#include "text/weighted_prompt.h"

#include <charconv>

#include "base/error.h"
#include "base/shortened.h"

namespace rankine {
namespace {

/// A bracket's factor applies to everything inside it; the limit keeps the time proportional to the text's length. 1.1
/// to this power exceeds f32.
constexpr size_t kMostOpen = 1000;

// The length of ":1.3)" at the front of `rest` (sign, digits and points only); 0 for anything else.
size_t weight_mark_length(std::string_view rest) {
  size_t i = 1;
  if (i < rest.size() && (rest[i] == '+' || rest[i] == '-')) ++i;
  const size_t number_begin = i;
  while (i < rest.size() && (rest[i] == '.' || (rest[i] >= '0' && rest[i] <= '9'))) ++i;
  return i > number_begin && i < rest.size() && rest[i] == ')' ? i + 1 : 0;
}

double parse_weight(std::string_view number) {
  const std::string_view digits = number.substr(number[0] == '+' ? 1 : 0);  // from_chars knows no plus sign
  double value = 0;
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  check(status == std::errc() && end == digits.data() + digits.size(), "weighted caption: \"", shortened(number, 40),
        "\" is not a number; write a weight like (word:1.3)");
  return value;
}

void multiply_from(std::vector<WeightedText>& pieces, size_t first, double factor) {
  for (size_t i = first; i < pieces.size(); ++i) pieces[i].weight *= factor;
}

std::vector<WeightedText> join_equal(std::vector<WeightedText> pieces) {
  std::vector<WeightedText> joined;
  for (WeightedText& piece : pieces) {
    if (!joined.empty() && joined.back().weight == piece.weight) {
      joined.back().text += piece.text;
    } else {
      joined.push_back(std::move(piece));
    }
  }
  return joined;
}

}  // namespace

std::vector<WeightedText> parse_weighted_prompt(std::string_view prompt) {
  constexpr double round_factor = 1.1, square_factor = 1 / 1.1;
  std::vector<WeightedText> pieces;
  std::vector<size_t> round_open, square_open;  // index of the first piece inside each open bracket
  for (size_t i = 0; i < prompt.size();) {
    const std::string_view rest = prompt.substr(i);
    size_t length = 1;
    if (rest[0] == '\\') {
      const bool escapes = rest.size() > 1 && std::string_view("()[]\\").find(rest[1]) != std::string_view::npos;
      pieces.push_back({std::string(rest.substr(1, escapes ? 1 : 0)), 1});
      length = escapes ? 2 : 1;
    } else if (rest[0] == '(' || rest[0] == '[') {
      std::vector<size_t>& open = rest[0] == '(' ? round_open : square_open;
      open.push_back(pieces.size());
      check(open.size() <= kMostOpen, "weighted caption: more than ", kMostOpen, " brackets \"", rest[0],
            "\" lie inside each other: close them, or write \\", rest[0], " where they are text");
    } else if (rest[0] == ':' && weight_mark_length(rest) > 0) {
      length = weight_mark_length(rest);
      if (round_open.empty()) {
        pieces.push_back({std::string(rest.substr(0, length)), 1});
      } else {
        multiply_from(pieces, round_open.back(), parse_weight(rest.substr(1, length - 2)));
        round_open.pop_back();
      }
    } else if (rest[0] == ')' && !round_open.empty()) {
      multiply_from(pieces, round_open.back(), round_factor);
      round_open.pop_back();
    } else if (rest[0] == ']' && !square_open.empty()) {
      multiply_from(pieces, square_open.back(), square_factor);
      square_open.pop_back();
    } else {
      if (rest[0] != ')' && rest[0] != ']' && rest[0] != ':')
        length = std::min(rest.find_first_of("\\()[]:"), rest.size());
      pieces.push_back({std::string(rest.substr(0, length)), 1});
    }
    i += length;
  }
  for (const size_t first : round_open) multiply_from(pieces, first, round_factor);
  for (const size_t first : square_open) multiply_from(pieces, first, square_factor);
  if (pieces.empty()) pieces.push_back({});
  return join_equal(std::move(pieces));
}

}  // namespace rankine
