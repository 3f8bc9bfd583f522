#include "text/caption.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include "base/error.h"
#include "text/unicode.h"

namespace rankine {
namespace {

std::vector<std::string_view> split(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  for (size_t end; (end = text.find(separator)) != std::string_view::npos; text.remove_prefix(end + separator.size()))
    parts.push_back(text.substr(0, end));
  parts.push_back(text);
  return parts;
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  for (const std::string_view part : split(text, from)) {
    if (part.data() != text.data()) out += to;
    out += part;
  }
  return out;
}

std::string_view choose(const std::vector<std::string_view>& parts, Rng& rng) {
  return parts[rng.below(static_cast<uint32_t>(parts.size()))];
}

// Chooses one of several lines, then one alternative of every {a|b|c}. An unclosed brace and {} stay.
std::string resolve_wildcards(std::string_view caption, Rng& rng) {
  // Two bytes that never occur in UTF-8 mark doubled braces in the meantime.
  constexpr std::string_view open_brace = "\xfe", close_brace = "\xff";
  if (caption.find('\n') != std::string_view::npos) caption = choose(split(caption, "\n"), rng);
  const std::string text = replace_all(replace_all(caption, "{{", open_brace), "}}", close_brace);
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t open = rest.find('{');
    const size_t close = rest.find('}', open == std::string_view::npos ? open : open + 1);
    if (open == std::string_view::npos || close == std::string_view::npos) {
      out += rest;
      break;
    }
    out += rest.substr(0, open);
    const std::string_view inside = rest.substr(open + 1, close - open - 1);
    out += inside.empty() ? "{}" : choose(split(inside, "|"), rng);
    rest.remove_prefix(close + 1);
  }
  return replace_all(replace_all(out, open_brace, "{"), close_brace, "}");
}

enum class EmptyTags { keep, drop };

std::vector<std::string_view> split_tags(std::string_view text, std::string_view separator, EmptyTags empty) {
  std::vector<std::string_view> tags = split(text, separator);
  for (std::string_view& tag : tags) tag = strip(tag);
  if (empty == EmptyTags::drop) std::erase(tags, std::string_view());
  return tags;
}

// The number of tags in use at this step: grows evenly from token_warmup_min to `count`.
size_t tags_in_use(size_t count, const CaptionSettings& s, const CaptionContext& context) {
  const double warmup = s.token_warmup_step < 1
                            ? std::floor(s.token_warmup_step * static_cast<double>(context.max_train_steps))
                            : s.token_warmup_step;
  const auto step = static_cast<double>(context.step);
  if (step >= warmup) return count;
  const auto all = static_cast<double>(count);
  const double used = std::floor(step * ((all - s.token_warmup_min) / warmup)) + s.token_warmup_min;
  return static_cast<size_t>(std::clamp(used, 0.0, all));
}

std::string vary_tags(std::string_view caption, const CaptionSettings& s, const CaptionContext& context, Rng& rng) {
  std::vector<std::string_view> fixed, flexible, fixed_end;
  const size_t mark = s.keep_tokens_separator.empty() ? std::string_view::npos : caption.find(s.keep_tokens_separator);
  if (mark != std::string_view::npos) {
    std::string_view rest = caption.substr(mark + s.keep_tokens_separator.size());
    if (const size_t second = rest.find(s.keep_tokens_separator); second != std::string_view::npos) {
      fixed_end = split_tags(rest.substr(second + s.keep_tokens_separator.size()), s.separator, EmptyTags::drop);
      rest = rest.substr(0, second);
    }
    fixed = split_tags(caption.substr(0, mark), s.separator, EmptyTags::drop);
    flexible = split_tags(rest, s.separator, EmptyTags::drop);
  } else {
    flexible = split_tags(strip(caption), s.separator, EmptyTags::keep);
    const auto kept = std::min<std::ptrdiff_t>(std::max(s.keep_tokens, 0), std::ssize(flexible));
    fixed.assign(flexible.begin(), flexible.begin() + kept);
    flexible.erase(flexible.begin(), flexible.begin() + kept);
  }

  flexible.resize(tags_in_use(flexible.size(), s, context));
  if (s.shuffle)
    for (size_t i = flexible.size(); i > 1; --i)
      std::swap(flexible[i - 1], flexible[rng.below(static_cast<uint32_t>(i))]);
  if (s.tag_dropout_rate > 0)
    std::erase_if(flexible, [&](std::string_view) { return rng.uniform() < s.tag_dropout_rate; });

  std::string out;
  bool is_first = true;
  for (const auto* tags : {&fixed, &flexible, &fixed_end})
    for (const std::string_view tag : *tags) {
      if (!std::exchange(is_first, false)) out += s.separator + " ";
      out += tag;
    }
  return out;
}

}  // namespace

std::string process_caption(std::string_view caption, const CaptionSettings& s, const CaptionContext& context,
                            Rng& rng) {
  check(!s.separator.empty(), "caption_separator must not be empty; the usual one is \",\"");
  const bool dropped = (s.dropout_rate > 0 && rng.uniform() < s.dropout_rate) ||
                       (s.dropout_every_n_epochs > 0 && context.epoch % s.dropout_every_n_epochs == 0);
  if (dropped) return {};

  std::string text(caption);
  if (!s.prefix.empty()) text = s.prefix + " " + text;
  if (!s.suffix.empty()) text += " " + s.suffix;
  text = s.enable_wildcard ? resolve_wildcards(text, rng) : text.substr(0, text.find('\n'));
  if (s.shuffle || s.token_warmup_step > 0 || s.tag_dropout_rate > 0) text = vary_tags(text, s, context, rng);
  return s.secondary_separator.empty() ? text : replace_all(text, s.secondary_separator, s.separator);
}

}  // namespace rankine
