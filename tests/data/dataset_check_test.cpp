#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <opencv2/imgcodecs.hpp>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "data/bucket_table.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "data/resize.h"
#include "io/file_hash.h"
#include "io/image_facts.h"
#include "io/picture_bytes.h"
#include "temporary_folder.h"

using namespace rankine;
using namespace std::string_literals;
using test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

Image noise(int width, int height, int channels, int seed) {
  Image image{.width = width, .height = height, .channels = channels};
  for (int i = 0; i < width * height * channels; ++i)
    image.pixels.push_back(static_cast<uint8_t>((i * 31 + i / 7 + seed * 57) % 253));
  return image;
}

std::string with_options(const Image& image, const char* format, const std::vector<int>& options) {
  const cv::Mat mat(image.height, image.width, CV_8UC(image.channels), const_cast<uint8_t*>(image.pixels.data()));
  std::vector<uint8_t> bytes;
  cv::imencode(format, mat, bytes, options);
  return {bytes.begin(), bytes.end()};
}

std::string half(const std::string& bytes) { return bytes.substr(0, bytes.size() / 2); }

/// Rows of a PNG, each zeros with the filter byte before it: a picture of one colour.
std::string grey_rows(size_t rows, size_t row_bytes) {
  std::string all;
  for (size_t y = 0; y < rows; ++y) all += std::string(row_bytes + 1, '\0');
  return all;
}

std::string words(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += (i ? " " : "") + "cat"s;
  return text;
}

enum class Outcome { error, warning, note, fine };

/// A picture or caption of some kind, and what is to be said of it.
struct Kind {
  const char* name;
  Outcome outcome;
  const char* says;
  /// Puts the files into 1_cat/, named NAME and a suffix.
  std::function<void(const TemporaryFolder&, const std::string& at)> make;
  bool needs_decoding = false;  ///< headers and container are sound
};

/// A file with this suffix and content, and a caption.
std::function<void(const TemporaryFolder&, const std::string&)> picture(const std::string& suffix,
                                                                        const std::string& bytes) {
  return [=](const TemporaryFolder& folder, const std::string& at) {
    folder.text(at + suffix, bytes);
    folder.text(at + ".txt", "a cat");
  };
}

/// A sound picture with a caption file of this content.
std::function<void(const TemporaryFolder&, const std::string&)> caption(const std::string& bytes) {
  return [=](const TemporaryFolder& folder, const std::string& at) {
    folder.picture(at + ".png", 64, 64, static_cast<int>(std::hash<std::string>{}(at) % 250));
    folder.text(at + ".txt", bytes);
  };
}

std::vector<Kind> kinds() {
  int seed = 10;
  const auto encoded_as = [&](const char* format, int channels = 3) {
    return encoded(noise(64, 64, channels, ++seed), format);
  };
  std::string bad_checksum = encoded_as(".png");
  bad_checksum[bad_checksum.size() / 2] = static_cast<char>(~bad_checksum[bad_checksum.size() / 2]);
  const std::string palette = chunk("PLTE", "\x01\x02\x03\x0a\x0b\x0c"s);
  const auto linked_to = [](const std::string& target) {
    return [=](const TemporaryFolder& folder, const std::string& at) {
      fs::create_symlink(target.empty() ? folder.path(at + ".png") : target, folder.path(at + ".png"));
      folder.text(at + ".txt", "a cat");
    };
  };
  Image opaque = noise(64, 64, 4, 91);
  for (size_t i = 3; i < opaque.pixels.size(); i += 4) opaque.pixels[i] = 255;

  using enum Outcome;
  std::vector<Kind> all = {
      // Pictures that cannot be trained on.
      {"no bytes", error, "the file is empty", picture(".png", "")},
      {"half a PNG", error, "PNG file is cut short", picture(".png", half(encoded_as(".png")))},
      {"half a JPEG", error, "JPEG file is cut short", picture(".jpg", half(encoded_as(".jpg")))},
      {"half a WebP", error, "WebP file is cut short", picture(".webp", half(encoded_as(".webp")))},
      {"half a BMP", error, "BMP file is cut short", picture(".bmp", half(encoded_as(".bmp")))},
      {"PNG with a wrong checksum", error, "checksum", picture(".png", bad_checksum)},
      {"PNG with too few rows", error, "damaged and cannot be decoded",
       picture(".png", png_of(64, 64, 8, 0, grey_rows(3, 64))), true},
      {"PNG of no width", error, "0 x 5, expected 1", picture(".png", png_of(0, 5, 8, 2, "\0"s))},
      {"PNG that claims 400 megapixels", error, "20000 x 20000", picture(".png", png_of(20000, 20000, 8, 2, "\0"s))},
      {"JPEG without a frame", error, "frame header", picture(".jpg", "\xff\xd8\xff\xd9"s)},
      {"text named .png", error, "it is a text", picture(".png", "this is a cat")},
      {"web page named .jpg", error, "web page", picture(".jpg", "<!DOCTYPE html><html>404")},
      {"GIF named .png", error, "it is a GIF: convert it", picture(".png", "GIF89a\x40\0\x40\0"s)},
      {"HEIC named .jpg", error, "HEIC",
       picture(".jpg",
               "\0\0\0\x1c"
               "ftypheic"s)},
      {"animated WebP", error, "animated WebP", picture(".webp", extended_webp(encoded_as(".webp"), 2, 64, 64, ""))},
      {"zeros after a crash", error, "it holds zeros", picture(".jpg", std::string(9000, '\0'))},
      {"macOS' companion without its dot", error, "macOS", picture(".png", "\0\x05\x16\x07\0\x02\0\0"s)},
      {"pointer of Git LFS", error, "git lfs pull", picture(".png", "version https://git-lfs.github.com/spec/v1\n")},
      {"link to nothing", error, "cannot open", linked_to("nowhere.png")},
      {"link to itself", error, "cannot open", linked_to("")},
      {"named pipe", error, "not a regular file",
       [](const TemporaryFolder& folder, const std::string& at) {
         REQUIRE(::mkfifo(folder.path(at + ".png").c_str(), 0600) == 0);
         folder.text(at + ".txt", "a cat");
       }},
      {"thread of 1x70000", error, "too narrow", picture(".png", png_of(1, 70000, 1, 0, grey_rows(70000, 1)))},
      // Pictures that are trained on, perhaps not as one thinks.
      {"transparent PNG", warning, "transparency is ignored", picture(".png", encoded_as(".png", 4))},
      {"transparent palette", warning, "transparency is ignored",
       picture(".png", png_of(64, 64, 8, 3, grey_rows(64, 64), palette + chunk("tRNS", "\x05")))},
      {"transparent WebP", warning, "transparency is ignored", picture(".webp", encoded_as(".webp", 4))},
      {"turned JPEG", warning, "(orientation 6, on its side)", picture(".jpg", with_exif(encoded_as(".jpg"), 6))},
      {"turned PNG", warning, "(orientation 3, upside down)", picture(".png", with_exif(encoded_as(".png"), 3))},
      {"CMYK JPEG", warning, "CMYK", picture(".jpg", cmyk_jpeg())},
      {"a pixel", warning, "(1x1, 64.0 times)", picture(".png", png_of(1, 1, 8, 2, "\0abc"s))},
      {"8x8", warning, "(8x8, 8.0 times)", picture(".png", encoded(noise(8, 8, 3, 5), ".png"))},
      {"1x4000", warning, "% is seen", picture(".png", png_of(1, 4000, 8, 0, grey_rows(4000, 1)))},
      {"56 megapixels", warning, "(8000x7000)", picture(".png", png_of(8000, 7000, 1, 0, grey_rows(7000, 1000)))},
      {"the same bytes again", warning, "byte for byte",
       [](const TemporaryFolder& folder, const std::string& at) {
         fs::create_directories(fs::path(folder.path(at)).parent_path());
         folder.picture(at + ".png", 64, 64, 77);
         folder.picture(at + " again.png", 64, 64, 77);
         folder.text(at + ".txt", "a cat");
         folder.text(at + " again.txt", "a cat");
       }},
      {"folder with the name of a picture", warning, "a folder with the name of a picture",
       [](const TemporaryFolder& folder, const std::string& at) { fs::create_directories(folder.path(at + ".png")); }},
      {"GIF", warning, "only .png .jpg", picture(".gif", "GIF89a\x40\0\x40\0"s)},
      {"suffix .Png", warning, "only .png .jpg", picture(".Png", encoded_as(".png"))},
      {"JPEG named .png", note, "a JPEG picture by its content", picture(".png", encoded_as(".jpg"))},
      {"PNG named .jpg", note, "a PNG picture by its content", picture(".jpg", encoded_as(".png"))},
      {"16 bits", note, "16 bits", picture(".png", png_of(64, 64, 16, 2, grey_rows(64, 64 * 6)))},
      {"animated PNG", note, "first frame",
       picture(".png", png_of(64, 64, 8, 0, grey_rows(64, 64), chunk("acTL", "\0\0\0\1\0\0\0\0"s)))},
      {"PNG with a broken profile", note, "libpng warns: iCCP: ",
       picture(".png", png_of(64, 64, 8, 0, grey_rows(64, 64), chunk("iCCP", "x\0\0rubbish"s)))},
      {"JPEG with rubbish between its parts", warning, "libjpeg warns: Corrupt JPEG data: 3 extraneous bytes",
       picture(".jpg", encoded_as(".jpg").insert(20, "\x01\x02\x03"))},
      {"macOS' hidden companion", note, "hidden",
       [](const TemporaryFolder& folder, const std::string& at) {
         folder.text((fs::path(at).parent_path() / ("._" + fs::path(at).filename().string() + ".png")).string(),
                     "\0\x05\x16\x07"s);
       }},
      {"1 bit", fine, "", picture(".png", png_of(64, 64, 1, 0, grey_rows(64, 8)))},
      {"grey JPEG", fine, "", picture(".jpg", encoded(noise(64, 64, 1, 9), ".jpg"))},
      {"progressive JPEG", fine, "",
       picture(".JPG", with_options(noise(64, 64, 3, 81), ".jpg", {cv::IMWRITE_JPEG_PROGRESSIVE, 1}))},
      {"lossless WebP", fine, "",
       picture(".webp", with_options(noise(64, 64, 3, 82), ".webp", {cv::IMWRITE_WEBP_QUALITY, 101}))},
      {"JPEG with bytes behind its end", fine, "", picture(".jpg", encoded_as(".jpg") + "more")},
      {"opaque alpha", fine, "", picture(".png", encoded(opaque, ".png"))},
      // Captions.
      {"caption in Latin-1", error, "not UTF-8", caption("caf\xE9")},
      {"caption in UTF-16", error, "is UTF-16", caption("\xff\xfe"
                                                        "a\0"s)},
      {"caption in UTF-16 without a mark", error, "zero byte", caption("a\0 \0c\0"s)},
      {"caption of 2 MB", error, "2097152 bytes, at most 1048576", caption(std::string(2 << 20, 'a'))},
      {"folder with the name of a caption", error, "this is a folder",
       [](const TemporaryFolder& folder, const std::string& at) {
         folder.picture(at + ".png", 64, 64, 101);
         fs::create_directories(folder.path(at + ".txt"));
       }},
      {"caption that links to nothing", error, "cannot open",
       [](const TemporaryFolder& folder, const std::string& at) {
         folder.picture(at + ".png", 64, 64, 102);
         fs::create_symlink("nowhere.txt", folder.path(at + ".txt"));
       }},
      {"no caption", warning, "no caption file (.txt), the class words are used (\"cat\")",
       [](const TemporaryFolder& folder, const std::string& at) { folder.picture(at + ".png", 64, 64, 103); }},
      {"caption with another suffix", warning, "though a .caption lies beside it",
       [](const TemporaryFolder& folder, const std::string& at) {
         folder.picture(at + ".png", 64, 64, 104);
         folder.text(at + ".caption", "a cat");
       }},
      {"caption of 0 bytes", warning, "its file has 0 bytes", caption("")},
      {"blank caption", warning, "because its file is blank", caption(" \r\n\t\n")},
      {"blank first line", warning, "first line of its file is blank: no other line is used (1 more)",
       caption("\na cat")},
      {"76 tokens", warning, "(76 tokens, not read: \"cat\")", caption(words(76))},
      {"200 tokens", warning, "(200 tokens, not read: \"cat cat", caption(words(200))},
      {"two lines", warning, "(1 more)", caption("a cat\na dog")},
      {"two pictures of one name", warning, "shares its caption",
       [](const TemporaryFolder& folder, const std::string& at) {
         folder.picture(at + ".png", 64, 64, 105);
         folder.text(at + ".jpg", encoded(noise(64, 64, 3, 106), ".jpg"));
         folder.text(at + ".txt", "a cat");
       }},
      {"byte order mark", note, "byte order mark", caption("\xEF\xBB\xBF" "a cat")},
      {"caption without a picture", note, "a caption without a picture",
       [](const TemporaryFolder& folder, const std::string& at) { folder.text(at + ".txt", "a cat"); }},
      {"75 tokens", fine, "", caption(words(75))},
      {"caption of the picture that a face was cut out of", fine, "",
       [](const TemporaryFolder& folder, const std::string& at) {
         folder.picture(at + "_9_9_5_5.png", 64, 64, 108);
         folder.picture(at + "_8_8_4_4.png", 64, 64, 109);
         folder.text(at + ".txt", "a cat");
       }},
      {"line ends of Windows", fine, "", caption("a cat\r\n")},
      {"Japanese", fine, "", caption("猫、白い猫 🐈")},
  };
  // Whoever may read everything finds nothing unreadable.
  if (::geteuid() != 0)
    all.push_back({"unreadable", error, "cannot open", [](const TemporaryFolder& folder, const std::string& at) {
                     fs::permissions(folder.picture(at + ".png", 64, 64, 107), fs::perms::none);
                     folder.text(at + ".txt", "a cat");
                   }});
  return all;
}

DatasetConfig config_of(const TemporaryFolder& folder, const CheckConfig& check) {
  log::set_level(log::Level::error);
  DataDefaults defaults;
  defaults.dataset.resolution = Size{64, 64};
  defaults.dataset.enable_bucket = true;
  defaults.dataset.min_bucket_reso = 64;
  defaults.dataset.max_bucket_reso = 128;
  defaults.subset.caption_extension = ".txt";
  DatasetConfig config = dataset_from_folders(folder.path(), "", defaults);
  config.check = check;
  return config;
}

void put_good_picture(const TemporaryFolder& folder) {
  folder.picture("1_cat/good.png", 64, 64, 3);
  folder.text("1_cat/good.txt", "a cat");
}

Severity severity_of(Outcome outcome) {
  return outcome == Outcome::error ? Severity::error : outcome == Outcome::warning ? Severity::warning : Severity::note;
}

/// True if the check has a finding of this severity about the file of the kind with that number.
bool is_said(const Findings& findings, const Kind& kind, const std::string& stem) {
  return std::ranges::any_of(findings.all(), [&](const Finding& f) {
    const std::string text = f.detail.empty() ? f.reason : f.reason + " (" + f.detail + ")";
    return f.severity == severity_of(kind.outcome) && f.path.find(stem) != std::string::npos &&
           text.find(kind.says) != std::string::npos;
  });
}

/// Name, bytes and time of every file below a folder.
std::set<std::string> state_of(const std::string& folder) {
  std::set<std::string> state;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    struct stat info {};
    REQUIRE(::lstat(entry.path().c_str(), &info) == 0);
    state.insert(concat_text(entry.path(), ' ', info.st_mode, ' ', info.st_size, ' ', info.st_mtim.tv_sec, '.',
                             info.st_mtim.tv_nsec, ' ', S_ISREG(info.st_mode) ? sha256_of_file(entry.path()) : ""));
  }
  return state;
}

}  // namespace

TEST_CASE("each kind of broken or strange picture and caption is found, and said with its file and reason") {
  const std::vector<Kind> all = kinds();
  REQUIRE(all.size() >= 60);
  for (const Kind& kind : all) {
    CAPTURE(kind.name);
    const TemporaryFolder folder;
    put_good_picture(folder);
    kind.make(folder, "1_cat/kind");
    Findings findings;
    look_at_dataset(config_of(folder, {.decode = true}), findings, 1);
    CAPTURE(report_text(findings));
    const int64_t errors = findings.count(Severity::error);
    CHECK(errors == (kind.outcome == Outcome::error ? 1 : 0));
    if (kind.outcome == Outcome::fine)
      CHECK(findings.all().empty());
    else
      CHECK(is_said(findings, kind, "kind"));
    if (kind.outcome == Outcome::note) CHECK(findings.count(Severity::warning) == 0);
  }
}

TEST_CASE("before training, headers and containers are enough to find all but what only a decoder sees") {
  for (const Kind& kind : kinds()) {
    if (kind.outcome != Outcome::error) continue;
    CAPTURE(kind.name);
    const TemporaryFolder folder;
    put_good_picture(folder);
    kind.make(folder, "1_cat/kind");
    const DatasetConfig config = config_of(folder, {});
    if (!kind.needs_decoding) {
      CHECK_THROWS_WITH_AS(load_dataset(config, 1), doctest::Contains(kind.says), Error);
      continue;
    }
    const TrainingData data = load_dataset(config, 1);
    REQUIRE(data.samples.size() == 2);
    CHECK_THROWS_WITH_AS(load_sample(data, 1, false), doctest::Contains("--skip_broken_images"), Error);
  }
}

TEST_CASE("skip_broken_images leaves out what is broken, says so, and trains on the rest") {
  for (const Kind& kind : kinds()) {
    if (kind.outcome != Outcome::error) continue;
    CAPTURE(kind.name);
    const TemporaryFolder folder;
    put_good_picture(folder);
    kind.make(folder, "1_cat/kind");
    const TrainingData data = load_dataset(config_of(folder, {.skip_broken_images = true}), 1);
    CHECK(data.train_images() == 1);
    CHECK(data.datasets[0].image_counts[0] == 1);
    REQUIRE(data.samples.size() == 1);
    CHECK(data.samples[0].path == folder.path("1_cat/good.png"));
    CHECK(std::ranges::any_of(data.warnings, [&](const std::string& w) {
      return w.find("left out: ") != std::string::npos && w.find(kind.says) != std::string::npos;
    }));
  }
}

TEST_CASE("all faults of a folder are said in one run, and no file is changed") {
  const std::vector<Kind> all = kinds();
  const TemporaryFolder folder;
  put_good_picture(folder);
  int errors = 0;
  const auto stem = [](size_t i) { return concat_text("kind", i < 10 ? "0" : "", i, "x"); };
  for (size_t i = 0; i < all.size(); ++i) {
    all[i].make(folder, "1_cat/" + stem(i));
    errors += all[i].outcome == Outcome::error;
  }
  const std::set<std::string> before = state_of(folder.path());
  Findings findings;
  const TrainingData data = look_at_dataset(config_of(folder, {.decode = true}), findings, 2);
  CHECK(state_of(folder.path()) == before);
  CHECK(findings.count(Severity::error) == errors);
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].outcome == Outcome::fine) continue;
    CAPTURE(all[i].name);
    CHECK(is_said(findings, all[i], stem(i)));
  }
  // Pictures with errors are in no bucket.
  for (const Sample& sample : data.samples) CHECK(sample.place.bucket.width > 0);
  try {
    load_dataset(config_of(folder, {.decode = true}), 2);
    FAIL("a folder of broken pictures was taken");
  } catch (const Error& error) {
    const std::string text = error.what();
    CHECK(text.find(concat_text(errors, " faults were found:")) != std::string::npos);
    CHECK(std::ranges::count(text, '\n') <= errors);
    for (size_t i = 0; i < all.size(); ++i)
      if (all[i].outcome == Outcome::error) CHECK(text.find(stem(i)) != std::string::npos);
  }
}

TEST_CASE("exif_orientation apply trains each orientation as it is to be seen, bit for bit; ignore as it is stored") {
  for (const char* suffix : {".jpg", ".png"})
    for (int orientation = 1; orientation <= 8; ++orientation) {
      CAPTURE(suffix);
      CAPTURE(orientation);
      const TemporaryFolder folder;
      folder.text("1_cat/a"s + suffix, with_exif(encoded(noise(64, 128, 3, 1), suffix), orientation));
      const Image stored = read_image(folder.path("1_cat/a"s + suffix));
      for (const bool apply : {false, true}) {
        const TrainingData data = load_dataset(config_of(folder, {.apply_exif_orientation = apply}), 1);
        const Image seen = apply ? oriented(stored, orientation) : stored;
        REQUIRE(data.samples.size() == 1);
        CHECK(data.samples[0].size == Size{seen.width, seen.height});
        std::vector<float> expected(seen.pixels.size());
        const Size bucket = data.samples[0].place.bucket;
        // 64x128 has more than the resolution's pixels: resized and cut as any picture of that shape.
        const Image cut = centre_crop(resize(seen, data.samples[0].place.resized, Interpolation::automatic), bucket);
        expected.resize(cut.pixels.size());
        to_network_input(cut, false, expected.data());
        CHECK(load_sample(data, 0, false) == expected);
      }
    }
}

TEST_CASE("the same file in two datasets is spoken of once, a copy in another folder is a duplicate") {
  const TemporaryFolder folder;
  folder.text("1_cat/a.jpg", with_exif(encoded(noise(64, 64, 3, 1), ".jpg"), 6));
  folder.text("1_cat/a.txt", "a cat");
  DatasetConfig config = config_of(folder, {});
  config.datasets.push_back(config.datasets[0]);
  Findings once;
  look_at_dataset(config, once, 1);
  CHECK(once.all().size() == 1);
  fs::create_directories(folder.path("1_dog"));
  fs::copy(folder.path("1_cat/a.jpg"), folder.path("1_dog/b.jpg"));
  folder.text("1_dog/b.txt", "a cat");
  Findings copied;
  look_at_dataset(config_of(folder, {}), copied, 1);
  REQUIRE(copied.all().size() == 3);
  CHECK(copied.all()[2].path == folder.path("1_dog/b.jpg"));
  CHECK(copied.all()[2].detail == folder.path("1_cat/a.jpg"));
}

TEST_CASE("buckets smaller than the batch are warned of, and the table counts pictures, repeats and batches") {
  const TemporaryFolder folder;
  for (int i = 0; i < 5; ++i) folder.picture(concat_text("2_cat/", i, ".png"), 64, 64, i);
  folder.picture("2_cat/wide.png", 128, 64, 9);
  DatasetConfig config = config_of(folder, {});
  config.datasets[0].options.batch_size = 4;
  config.datasets[0].options.resolution = Size{128, 64};
  Findings findings;
  const TrainingData data = look_at_dataset(config, findings, 1);
  CHECK(report_text(findings).find("than the batch size 4, so that their batches are smaller: 128x64 (2)") !=
        std::string::npos);
  const std::string table = bucket_table(data);
  CAPTURE(table);
  CHECK(table.find("dataset: resolution 128x64, batch size 4\n") == 0);
  CHECK(table.find("  64x64               5             10         3\n") != std::string::npos);
  CHECK(table.find("  128x64              1              2         1\n") != std::string::npos);
  CHECK(table.find("  all                 6             12         4\n") != std::string::npos);
}
