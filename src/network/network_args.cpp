#include "network/network_args.h"

#include <charconv>
#include <cmath>
#include <string_view>

#include "base/error.h"

namespace rankine {
namespace {

template <class T>
T number_of(std::string_view key, std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check(error == std::errc() && end == text.data() + text.size(), "--network_args: ", key, " takes a ",
        std::is_integral_v<T> ? "whole number" : "number", ", got \"", text, "\"");
  if constexpr (!std::is_integral_v<T>) check(std::isfinite(value), "--network_args: ", key, " must be finite");
  return value;
}

double ratio_of(std::string_view key, std::string_view text) {
  const auto ratio = number_of<double>(key, text);
  check(ratio > 0, "--network_args: ", key, " must be above 0, got ", ratio);
  return ratio;
}

struct Key {
  std::string_view name;
  void (*read)(NetworkArgs&, std::string_view key, std::string_view text);  ///< null: not supported yet
};

constexpr Key keys[] = {
    {"conv_dim",
     [](NetworkArgs& a, std::string_view key, std::string_view text) {
       const auto rank = number_of<int64_t>(key, text);
       check(rank >= 1, "--network_args: conv_dim must be at least 1, got ", rank);
       a.conv_dim = rank;
     }},
    {"conv_alpha",
     [](NetworkArgs& a, std::string_view key, std::string_view text) {
       a.conv_alpha = number_of<double>(key, text);
       check(a.conv_alpha >= 0, "--network_args: conv_alpha must be at least 0, got ", a.conv_alpha);
     }},
    {"loraplus_lr_ratio",
     [](NetworkArgs& a, std::string_view key, std::string_view text) { a.loraplus_lr_ratio = ratio_of(key, text); }},
    {"loraplus_unet_lr_ratio", [](NetworkArgs& a, std::string_view key,
                                  std::string_view text) { a.loraplus_unet_lr_ratio = ratio_of(key, text); }},
    {"loraplus_text_encoder_lr_ratio",
     [](NetworkArgs& a, std::string_view key, std::string_view text) {
       a.loraplus_text_encoder_lr_ratio = ratio_of(key, text);
     }},
    {"rank_dropout", nullptr},
    {"module_dropout", nullptr},
    {"block_dims", nullptr},
    {"block_alphas", nullptr},
    {"conv_block_dims", nullptr},
    {"conv_block_alphas", nullptr},
    {"down_lr_weight", nullptr},
    {"mid_lr_weight", nullptr},
    {"up_lr_weight", nullptr},
    {"block_lr_zero_threshold", nullptr},
};

const Key& find_key(std::string_view name) {
  std::string known;
  for (const Key& key : keys) {
    if (key.name == name) return key;
    if (key.read) known.append(known.empty() ? "" : ", ").append(key.name);
  }
  fail("--network_args: \"", name, "\" is unknown; there are ", known);
}

}  // namespace

NetworkArgs parse_network_args(std::span<const std::string> items) {
  NetworkArgs args;
  for (const std::string& item : items) {
    const size_t sign = item.find('=');
    check(sign != item.npos, "--network_args takes key=value, such as conv_dim=4; got \"", item, "\"");
    const std::string name = item.substr(0, sign), value = item.substr(sign + 1);
    const Key& key = find_key(name);
    check(key.read != nullptr, "--network_args: ", name, " is not supported yet");
    key.read(args, name, value);
    args.given.emplace_back(name, value);
  }
  return args;
}

}  // namespace rankine
