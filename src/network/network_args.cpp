#include "network/network_args.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "base/error.h"
#include "io/nearest_name.h"

namespace rankine {
namespace {

/// The value of one key. Its readers throw Error with the key's name.
struct Text {
  std::string_view key, value;
  const DenoiserBlocks* blocks;

  template <class T>
  T number() const {
    T number{};
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    check(error == std::errc() && end == value.data() + value.size(), "--network_args: ", key, " takes a ",
          std::is_integral_v<T> ? "whole number" : "number", ", got \"", value, "\"");
    if constexpr (!std::is_integral_v<T>) check(std::isfinite(number), "--network_args: ", key, " must be finite");
    return number;
  }
  double ratio() const {
    const auto ratio = number<double>();
    check(ratio > 0, "--network_args: ", key, " must be above 0, got ", ratio);
    return ratio;
  }
  double chance() const {
    const auto chance = number<double>();
    check(chance >= 0 && chance < 1, "--network_args: ", key, " is a chance: at least 0 and below 1, got ", chance);
    return chance;
  }
  std::vector<double> alphas() const {
    const std::vector<double> all = parse_number_list(key, value);
    check(!blocks || std::ssize(all) == blocks->count(), "--network_args: ", key, " takes ",
          blocks ? blocks->count() : 0, " numbers with commas between (", blocks ? blocks->down : 0, " blocks down, ",
          blocks ? blocks->middle : 0, " in the middle, ", blocks ? blocks->up : 0, " up), got ", all.size());
    for (const double number : all)
      check(number >= 0, "--network_args: ", key, ": each must be at least 0, got ", number);
    return all;
  }
  std::vector<int64_t> ranks() const {
    std::vector<int64_t> all;
    for (const double number : alphas()) {
      check(number == std::floor(number) && number < 1e6, "--network_args: ", key, ": ranks are whole numbers, got ",
            number);
      all.push_back(static_cast<int64_t>(number));
    }
    return all;
  }
};

/// The settings read so far; `rates` can be evaluated only when all keys are read.
struct Pending {
  NetworkArgs args;
  BlockRateTexts rates;
};

struct Key {
  std::string_view name;
  void (*read)(Pending&, const Text&);
};

constexpr Key keys[] = {
    {"conv_dim",
     [](Pending& p, const Text& text) {
       const auto rank = text.number<int64_t>();
       check(rank >= 1, "--network_args: conv_dim must be at least 1, got ", rank);
       p.args.conv_dim = rank;
     }},
    {"conv_alpha",
     [](Pending& p, const Text& text) {
       p.args.conv_alpha = text.number<double>();
       check(p.args.conv_alpha >= 0, "--network_args: conv_alpha must be at least 0, got ", p.args.conv_alpha);
     }},
    {"block_dims", [](Pending& p, const Text& text) { p.args.blocks.dims = text.ranks(); }},
    {"block_alphas", [](Pending& p, const Text& text) { p.args.blocks.alphas = text.alphas(); }},
    {"conv_block_dims", [](Pending& p, const Text& text) { p.args.blocks.conv_dims = text.ranks(); }},
    {"conv_block_alphas", [](Pending& p, const Text& text) { p.args.blocks.conv_alphas = text.alphas(); }},
    {"down_lr_weight", [](Pending& p, const Text& text) { p.rates.down = text.value; }},
    {"mid_lr_weight", [](Pending& p, const Text& text) { p.rates.mid = text.value; }},
    {"up_lr_weight", [](Pending& p, const Text& text) { p.rates.up = text.value; }},
    {"block_lr_zero_threshold", [](Pending& p, const Text& text) { p.rates.zero_threshold = text.number<double>(); }},
    {"loraplus_lr_ratio", [](Pending& p, const Text& text) { p.args.loraplus_lr_ratio = text.ratio(); }},
    {"loraplus_unet_lr_ratio", [](Pending& p, const Text& text) { p.args.loraplus_unet_lr_ratio = text.ratio(); }},
    {"loraplus_text_encoder_lr_ratio",
     [](Pending& p, const Text& text) { p.args.loraplus_text_encoder_lr_ratio = text.ratio(); }},
    {"rank_dropout", [](Pending& p, const Text& text) { p.args.rank_dropout = text.chance(); }},
    {"module_dropout", [](Pending& p, const Text& text) { p.args.module_dropout = text.chance(); }},
};

const Key& find_key(std::string_view name, const AdapterKind& kind) {
  std::string known;
  for (const std::string_view one : kind.network_args) known.append(known.empty() ? "" : ", ").append(one);
  const auto found = std::ranges::find(keys, name, &Key::name);
  if (found != std::end(keys) && std::ranges::count(kind.network_args, name) > 0) return *found;
  check(name != "dropout", "--network_args: dropout is for LyCORIS, ", kind.network_module,
        " does not read it: give --network_dropout");
  fail("--network_args: \"", name, "\" is unknown", found != std::end(keys) ? " to " : "",
       found != std::end(keys) ? kind.network_module : "", nearest_hint(name, kind.network_args), "; there are ",
       known.empty() ? "none" : known);
}

}  // namespace

NetworkArgs parse_network_args(std::span<const std::string> items, const DenoiserBlocks* blocks,
                               const AdapterKind& kind) {
  Pending pending;
  NetworkArgs& args = pending.args;
  for (const std::string& item : items) {
    const size_t sign = item.find('=');
    check(sign != item.npos, "--network_args takes key=value, such as conv_dim=4; got \"", item, "\"");
    const std::string name = item.substr(0, sign), value = item.substr(sign + 1);
    find_key(name, kind).read(pending, {name, value, blocks});
    const auto before =
        std::find_if(args.given.begin(), args.given.end(), [&](const auto& g) { return g.first == name; });
    if (before == args.given.end()) {
      args.given.emplace_back(name, value);
    } else {
      before->second = value;
    }
  }
  if (pending.rates.given() && blocks) args.block_lr_weight = block_lr_weights(pending.rates, *blocks, args.notes);
  check(args.blocks.conv_alphas.empty() || !args.blocks.conv_dims.empty() || args.conv_dim,
        "--network_args: conv_block_alphas needs conv_block_dims or conv_dim, or there are no convolutions to scale");
  return args;
}

}  // namespace rankine
