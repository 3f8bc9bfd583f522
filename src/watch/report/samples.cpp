#include "watch/report/samples.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <regex>
#include <tuple>

#include "base/error.h"
#include "io/image.h"

namespace rankine {
namespace {

/// The prompt from A1111's chunk "parameters": the text before the negative prompt or the settings.
std::string prompt_of(const std::string& png_file) {
  try {
    for (const auto& [keyword, text] : read_png_texts(png_file)) {
      if (keyword != "parameters") continue;
      return text.substr(0, std::min(text.find("\nNegative prompt:"), text.find("\nSteps:")));
    }
  } catch (const Error&) {
    // A file that is still being written, or no picture: it appears without its prompt, or not at all.
  }
  return "";
}

}  // namespace

std::vector<SamplePicture> find_sample_pictures(const std::string& folder, const std::string& name, int64_t last_step,
                                                int64_t steps_per_epoch) {
  static const std::regex pattern(R"((e?)(\d{6,15})_(\d{2,6})_(\d{14})(_-?\d+)?\.png)");
  const std::string prefix = name.empty() ? "" : name + "_";
  // By moment and prompt: the time in the name, and the picture.
  std::map<std::tuple<int, int64_t, bool>, std::pair<std::string, SamplePicture>> newest;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string file = entry.path().filename().string();
    if (!file.starts_with(prefix)) continue;
    const std::string rest = file.substr(prefix.size());
    std::smatch parts;
    if (!std::regex_match(rest, parts, pattern)) continue;
    const bool by_epoch = parts[1].length() > 0;
    const int64_t number = std::stoll(parts[2]);
    SamplePicture picture{.file = entry.path().string(),
                          .moment = (by_epoch ? "epoch " : "step ") + std::to_string(number),
                          .step = by_epoch ? number * steps_per_epoch : number,
                          .index = std::stoi(parts[3])};
    if (by_epoch && number == 0) picture.moment = "step 0";
    // The last epoch may end early.
    if (picture.step >= last_step + (by_epoch ? steps_per_epoch : 1)) continue;
    auto& [time, kept] = newest[{picture.index, picture.step, by_epoch}];
    if (parts[4].str() < time) continue;
    time = parts[4];
    kept = std::move(picture);
  }
  std::vector<SamplePicture> pictures;
  for (auto& [key, found] : newest) {
    found.second.prompt = prompt_of(found.second.file);
    pictures.push_back(std::move(found.second));
  }
  return pictures;
}

std::string thumbnail_url(const std::string& file, int longest) {
  const Image image = read_image(file, Alpha::drop);
  cv::Mat bgr, small;
  // OpenCV's interface takes no const pixels; they are only read.
  cv::cvtColor(cv::Mat(image.height, image.width, CV_8UC3, const_cast<uint8_t*>(image.pixels.data())), bgr,
               cv::COLOR_RGB2BGR);
  const double scale = std::min(1.0, static_cast<double>(longest) / std::max(image.width, image.height));
  cv::resize(bgr, small, {std::max(1, cvRound(image.width * scale)), std::max(1, cvRound(image.height * scale))}, 0, 0,
             cv::INTER_AREA);
  std::vector<uint8_t> jpeg;
  cv::imencode(".jpg", small, jpeg, {cv::IMWRITE_JPEG_QUALITY, 85});
  return "data:image/jpeg;base64," + base64(jpeg);
}

std::string base64(const std::vector<uint8_t>& bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) group = group << 8 | (i + j < bytes.size() ? bytes[i + j] : 0);
    for (size_t j = 0; j < 4; ++j) text += i + j <= bytes.size() ? digits[group >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

}  // namespace rankine
