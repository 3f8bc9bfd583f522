#include "data/picture_check.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "data/parallel.h"
#include "io/file_hash.h"

namespace rankine {
namespace {

namespace fs = std::filesystem;

/// A picture enlarged by this factor is visibly blurred.
constexpr double kEnlargedMuch = 2;
/// Less than this part of a picture seldom shows its caption.
constexpr double kMostlyCut = 0.5;
/// Decoding such a picture takes longer than a step's other work on pictures.
constexpr int64_t kHugePixels = 50'000'000;

std::string with_one_decimal(double value) {
  std::array<char, 32> buffer;
  std::snprintf(buffer.data(), buffer.size(), "%.1f", value);
  return buffer.data();
}

std::string size_text(Size size) { return concat_text(size.width, "x", size.height); }

bool has_transparent_pixel(const Image& image) {
  if (image.channels != 4) return false;
  for (size_t i = 3; i < image.pixels.size(); i += 4)
    if (image.pixels[i] != 255) return true;
  return false;
}

PictureLook look_at_file(const std::string& path, const CheckConfig& config) {
  PictureLook look;
  try {
    look.facts = read_image_facts(path);
    look.bytes = fs::file_size(path);
    look.shows_through = look.facts.has_alpha;
    if (config.decodes()) {
      std::vector<std::string> remarks;
      look.shows_through = has_transparent_pixel(read_image(path, Alpha::keep, &remarks));
      for (std::string& remark : remarks)
        if (std::ranges::find(look.facts.remarks, remark) == look.facts.remarks.end())
          look.facts.remarks.push_back(std::move(remark));
    }
    if (config.apply_exif_orientation) look.orientation = look.facts.orientation;
    look.size = {look.facts.size.width, look.facts.size.height};
    if (look.orientation >= 5) std::swap(look.size.width, look.size.height);
  } catch (const std::exception& error) {
    look.fault = error.what();
  }
  return look;
}

/// Passes the warnings of the decoding library on. libpng's are about data beside the pixels, libjpeg's about the
/// pixels.
void note_remarks(const std::string& path, const ImageFacts& facts, Findings& findings) {
  for (const std::string& remark : facts.remarks) {
    if (facts.format == ImageFormat::jpeg)
      findings.warning(path, concat_text("libjpeg warns: ", remark, ": a part of the picture may be wrong"));
    else
      findings.note(path, concat_text("libpng warns: ", remark, ": the pixels are read all the same"));
  }
}

std::string turn_text(int orientation) {
  constexpr std::string_view texts[] = {"mirrored",
                                        "upside down",
                                        "mirrored and upside down",
                                        "mirrored and on its side",
                                        "on its side",
                                        "mirrored and on its side",
                                        "on its side"};
  return std::string(texts[orientation - 2]);
}

}  // namespace

void PictureCheck::look_at(std::span<const std::string> paths) {
  std::vector<std::map<std::string, PictureLook>::value_type*> fresh;
  for (const std::string& path : paths)
    if (const auto [place, is_new] = looks_.try_emplace(path); is_new) fresh.push_back(&*place);
  for_each_in_parallel(static_cast<int>(fresh.size()), threads_,
                       [&](int i) { fresh[i]->second = look_at_file(fresh[i]->first, config_); });
}

void PictureCheck::note(const std::string& path, const SubsetOptions& options, Findings& findings) const {
  const PictureLook& look = this->look(path);
  const ImageFacts& facts = look.facts;
  if (!is_suffix_of(fs::path(path).extension().string(), facts.format))
    findings.note(path, concat_text("a ", name_of(facts.format), " picture by its content; it is read as that"));
  if (facts.orientation != 1) {
    if (config_.apply_exif_orientation) {
      findings.note(path, "turned by its EXIF orientation", concat_text("orientation ", facts.orientation));
    } else {
      findings.warning(path,
                       "its EXIF orientation is ignored, as sd-scripts does, so it is not trained as viewers show it: "
                       "--exif_orientation apply turns it",
                       concat_text("orientation ", facts.orientation, ", ", turn_text(facts.orientation)));
    }
  }
  if (look.shows_through && !options.alpha_mask)
    findings.warning(path,
                     config_.decodes()
                         ? "its transparency is ignored and the colours below it are trained on: fill the "
                           "background, or use --alpha_mask"
                         : "it has an alpha channel, which is ignored: where it is transparent, the colours below "
                           "are trained on; fill the background, or use --alpha_mask");
  if (options.alpha_mask && !facts.has_alpha)
    findings.note(path, "it has no alpha for alpha_mask: all of it counts in the loss");
  if (facts.is_cmyk)
    findings.warning(path,
                     "its CMYK colours are converted without their profile and may look different: save it as RGB");
  if (facts.bits == 16) findings.note(path, "only the upper 8 of its 16 bits per sample are used");
  note_remarks(path, facts, findings);
  if (facts.is_animated) findings.note(path, "only the first frame of its animation is used");
  const int64_t pixels = static_cast<int64_t>(look.size.width) * look.size.height;
  if (pixels > kHugePixels)
    findings.warning(path, "a huge picture, which takes long to read each time it is used: make it smaller",
                     size_text(look.size));
}

void PictureCheck::note_duplicates(const std::set<std::string>& paths, Findings& findings) const {
  std::map<uint64_t, std::vector<std::string>> by_bytes;
  for (const std::string& path : paths) by_bytes[look(path).bytes].push_back(path);
  std::vector<std::string> alike;  // in size: only these must be read
  for (const auto& [bytes, same] : by_bytes)
    if (same.size() > 1) alike.insert(alike.end(), same.begin(), same.end());
  std::vector<std::string> hashes(alike.size());
  for_each_in_parallel(static_cast<int>(alike.size()), threads_, [&](int i) {
    try {
      hashes[i] = sha256_of_file(alike[i]);
    } catch (const std::exception&) {
      hashes[i] = alike[i];  // gone in the meantime; reading it again reports that
    }
  });
  std::map<std::string, std::string> first_of;
  for (size_t i = 0; i < alike.size(); ++i) {
    const auto [first, is_new] = first_of.try_emplace(hashes[i], alike[i]);
    if (!is_new) findings.warning(alike[i], "the same picture, byte for byte, as another one", first->second);
  }
}

void note_place(const Sample& sample, const SubsetOptions& options, Findings& findings) {
  const auto& [bucket, resized, unused] = sample.place;
  const Size size = sample.size;
  const double enlarged =
      std::max(static_cast<double>(resized.width) / size.width, static_cast<double>(resized.height) / size.height);
  if (enlarged >= kEnlargedMuch)
    findings.warning(sample.path, "small: it is enlarged and will be blurred",
                     concat_text(size_text(size), ", ", with_one_decimal(enlarged), " times"));
  const double seen =
      static_cast<double>(bucket.width) * bucket.height / (static_cast<double>(resized.width) * resized.height);
  if (seen < kMostlyCut && !options.random_crop)
    findings.warning(sample.path, "most of it is cut away to fit the shape of its bucket",
                     concat_text(size_text(size), " in ", size_text(bucket), ", ",
                                 static_cast<int>(std::lround(seen * 100)), " % is seen"));
}

}  // namespace rankine
