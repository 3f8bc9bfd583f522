// layout_file OUT.json NAME KIND KEY=NUMBERS...: the layout of a model with other widths than the built-in ones, for
// scripts/record_models.py. Keys are those of ModelWidths: unet=128,192,256,256 text_width=256 open_clip=1 ...
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "models/checkpoint/layout.h"

using namespace rankine;

namespace {

std::vector<int64_t> numbers(const std::string& text) {
  std::vector<int64_t> all;
  std::istringstream in(text);
  for (std::string one; std::getline(in, one, ',');) all.push_back(std::stoll(one));
  check(!all.empty(), "no numbers in \"", text, '"');
  return all;
}

ModelWidths widths_of(std::span<char*> settings) {
  ModelWidths widths;
  const std::map<std::string, void (*)(ModelWidths&, const std::vector<int64_t>&)> keys = {
      {"unet", [](ModelWidths& w, const auto& n) { w.unet = n; }},
      {"depths", [](ModelWidths& w, const auto& n) { w.depths = n; }},
      {"middle_depth", [](ModelWidths& w, const auto& n) { w.middle_depth = n[0]; }},
      {"vae", [](ModelWidths& w, const auto& n) { w.vae = n; }},
      {"text_width", [](ModelWidths& w, const auto& n) { w.text_width = n[0]; }},
      {"text_layers", [](ModelWidths& w, const auto& n) { w.text_layers = static_cast<int>(n[0]); }},
      {"open_clip", [](ModelWidths& w, const auto& n) { w.open_clip = n[0] != 0; }},
      {"text_2_width", [](ModelWidths& w, const auto& n) { w.text_2_width = n[0]; }},
      {"text_2_layers", [](ModelWidths& w, const auto& n) { w.text_2_layers = static_cast<int>(n[0]); }}};
  for (const std::string setting : settings) {
    const size_t equals = std::min(setting.find('='), setting.size());
    const auto found = keys.find(setting.substr(0, equals));
    check(found != keys.end() && equals < setting.size(), "no such setting: ", setting);
    found->second(widths, numbers(setting.substr(equals + 1)));
  }
  return widths;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    check(argc > 3, "usage: layout_file OUT.json NAME KIND KEY=NUMBERS...");
    const Layout layout = single_file_layout(argv[2], widths_of(std::span(argv, static_cast<size_t>(argc)).subspan(4)));
    nlohmann::ordered_json json = {{"architecture", layout.architecture}, {"kind", argv[3]}};
    for (const auto& [name, shape] : layout.tensors) json["tensors"].push_back({name, shape});
    std::ofstream(argv[1]) << json.dump() << '\n';
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
