#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "cli/captured_output.h"
#include "cli/commands.h"
#include "io/image.h"
#include "io/temp_folder.h"

using namespace rankine;

namespace {

/// The standard output of a command, and the Error that it ended with.
struct Run {
  std::string output, error;

  explicit Run(const CommandLine& args) {
    const test::CapturedOutput captured;
    error = error_of([&] { run_command_line(args); });
    output = captured.text();
  }
  bool says(const std::string& text) const { return output.find(text) != std::string::npos; }
};

struct Fixture {
  TempFolder folder;

  Fixture() {
    std::filesystem::create_directories(folder / "pics/2_cat");
    for (int i = 0; i < 3; ++i) {
      Image image{.width = 64, .height = 64};
      for (int k = 0; k < 64 * 64 * 3; ++k) image.pixels.push_back(static_cast<uint8_t>(k * 13 + k / 64 + i * 40));
      const std::string name = folder / ("pics/2_cat/" + std::to_string(i));
      write_png(name + ".png", image);
      put_bytes(name + ".txt", "a cat, number " + std::to_string(i));
    }
  }
  CommandLine command(const std::string& verb, const CommandLine& more = {}) const {
    CommandLine args = {"dataset",
                        verb,
                        "--train_data_dir",
                        folder / "pics",
                        "--resolution",
                        "64",
                        "--caption_extension",
                        ".txt",
                        "--console_log_level",
                        "ERROR"};
    args.insert(args.end(), more.begin(), more.end());
    return args;
  }
};

}  // namespace

TEST_CASE("dataset check shows buckets and findings, and fails where training would stop") {
  const Fixture f;
  const Run good(f.command("check"));
  CHECK(good.error.empty());
  CHECK(good.output.starts_with("dataset: resolution 64x64, batch size 1, without buckets\n"));
  CHECK(good.says("  64x64               3              6         6\n"));
  CHECK(good.output.ends_with("\nfound: nothing\n"));

  put_bytes(f.folder / "pics/2_cat/text.png", "a text");
  put_bytes(f.folder / "pics/2_cat/page.jpg", "<html>");
  std::filesystem::remove(f.folder / "pics/2_cat/1.txt");
  const Run bad(f.command("check"));
  CHECK(bad.error == "this dataset would stop training: 2 errors");
  CHECK(bad.output.starts_with("2 errors\n  " + (f.folder / "pics/2_cat/page.jpg: not a PNG")));
  CHECK(bad.says("text.png: not a PNG, JPEG, WebP or BMP picture: it is a text\n"));
  CHECK(bad.says("pics/2_cat: 3 files: no caption file (.txt), the class words are used\n    1.png (\"cat\")\n"));
  CHECK(bad.says("\nfound: 2 errors, 3 warnings\n"));

  const Run skipping(f.command("check", {"--skip_broken_images"}));
  CHECK(skipping.error.empty());
  CHECK(skipping.says("  64x64               3              6         6\n"));
  CHECK(skipping.says("page.jpg: left out: "));
}

TEST_CASE("dataset check names twenty files of a warning, and all with --list_all") {
  const Fixture f;
  for (int i = 3; i < 30; ++i) {
    Image image{.width = 64, .height = 64, .pixels = std::vector<uint8_t>(64 * 64 * 3, static_cast<uint8_t>(i))};
    write_png(f.folder / ("pics/2_cat/" + std::to_string(i) + ".png"), image);
  }
  CHECK(Run(f.command("check")).says("\n    and 7 more (--list_all names them)\n"));
  const Run all(f.command("check", {"--list_all"}));
  CHECK(all.error.empty());
  CHECK_FALSE(all.says("more (--list_all"));
  CHECK(all.says("\n    29.png (\"cat\")\n"));
}

TEST_CASE("dataset check takes a config file and a dataset file as train does") {
  const Fixture f;
  put_bytes(f.folder / "data.toml",
            "[[datasets]]\nresolution = 64\nbatch_size = 4\n[[datasets.subsets]]\nimage_dir = \"" +
                (f.folder / "pics/2_cat") + "\"\ncaption_extension = \".txt\"\n");
  put_bytes(f.folder / "run.toml", "dataset_config = \"" + (f.folder / "data.toml") +
                                       "\"\nconsole_log_level = \"ERROR\"\nlearning_rate = 1e-4\n");
  const Run run({"dataset", "check", "--config_file", f.folder / "run.toml"});
  CHECK(run.error.empty());
  CHECK(run.says("batch size 4"));
  CHECK(run.says("fewer pictures, with repeats, than the batch size 4"));
}

TEST_CASE("dataset preview writes a PNG and prints files and captions") {
  const Fixture f;
  const std::string png = f.folder / "preview.png";
  const Run run(f.command("preview", {"--output", png, "--preview_images", "2", "--seed", "3"}));
  CHECK(run.error.empty());
  CHECK(run.output.ends_with("\n" + png + "\n"));
  CHECK(run.says(".png: a cat, number "));
  const Image sheet = read_image(png);
  CHECK(sheet.width > 2 * 320);
  CHECK(sheet.height > 320);
  const Run all(f.command("preview", {"--output", png}));
  CHECK(all.error.empty());
  CHECK(read_image(png).width > 3 * 320);
}

TEST_CASE("what dataset does not understand is an error that says what is missing") {
  const Fixture f;
  CHECK(Run({"dataset"}).error == "dataset: expected check or preview, got \"\"");
  CHECK(Run({"dataset", "look"}).error == "dataset: expected check or preview, got \"look\"");
  CHECK(Run(f.command("preview")).error == "dataset preview: --output is missing: name a PNG file to write");
  CHECK(Run(f.command("preview", {"--output", f.folder / "a.png", "--preview_images", "0"})).error ==
        "--preview_images must be at least 1, got 0");
  CHECK(Run({"dataset", "check"}).error.find("there is nothing to train on") == 0);
  CHECK(Run(f.command("check", {"--output", "a.png"})).error.find("ambiguous flag --output") == 0);
  CHECK(Run(f.command("check", {"--exif_orientation", "turn"})).error.find("--exif_orientation") == 0);
}
