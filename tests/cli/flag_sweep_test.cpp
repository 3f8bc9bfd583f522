// Every flag of `rankine train` with values that scripts pass by accident, through a whole run.
#include <doctest/doctest.h>
#include <unistd.h>

#include "backend/registry.h"
#include "cli/train_options.h"
#include "cli/user_message.h"
#include "support/small_run.h"

using namespace rankine;
using namespace rankine::test;
namespace fs = std::filesystem;

namespace {

struct Sweep : SmallRun {
  std::string folder_value = folder.path("a folder"), missing = folder.path("not/there"), loop = folder.path("loop"),
              locked = folder.text("locked", "x"), name = std::string(300, 'n');
  int runs = 0;

  Sweep() {
    fs::create_directories(folder_value);
    fs::create_symlink(loop, loop);  // nobody can read this, root neither
    fs::permissions(locked, fs::perms::none);
  }
  std::vector<std::string> values() const { return {"", folder_value, missing, loop, locked, locked + "/x", name}; }

  std::vector<std::string> line() const {
    return {"--pretrained_model_name_or_path=" + tiny_checkpoint(),
            "--train_data_dir=" + folder.path("pics"),
            "--output_dir=" + folder.path("out"),
            "--caption_extension=.txt",
            "--resolution=64",
            "--max_train_steps=1",
            "--network_dim=2",
            "--seed=1",
            "--memory_budget=8GiB",
            "--no_auto_resume"};
  }

  /// The error of a run without arithmetic; empty where it trains.
  std::string error(const std::vector<std::string>& args) {
    fs::remove_all(folder.path("out"));
    ++runs;
    try {
      Messages messages;
      const TrainConfig trained = read_train_options(args, messages).config;
      std::ostringstream out;
      run(plan_run(trained, null_backend()), out, {.line_seconds = 0});
    } catch (const std::exception& thrown) {
      return user_message(thrown);
    }
    return "";
  }
};

size_t times(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

/// An error that a user can read: it names the flag or its value, says no path twice and quotes no library.
void check_message(const std::string& error, const Flag& flag, const std::string& value) {
  CAPTURE(error);
  const std::string start = value.substr(0, 40);
  CHECK((contains(error, flag.name) || contains(error, flag.key()) || (!start.empty() && contains(error, start))));
  for (const char* foreign :
       {"filesystem error", "std::", "basic_string", "terminate", "what()", "json.exception", "fault of Rankine"})
    CHECK(!contains(error, foreign));
  std::istringstream lines(error);
  for (std::string line; std::getline(lines, line);)
    if (value.find('/') != std::string::npos) CHECK(times(line, value) <= 1);
  CHECK(error.size() < 3000);
}

/// The sanitizer build takes ten times as long: it tries every fifth flag.
#if defined(__SANITIZE_ADDRESS__)
constexpr int kEvery = 5;
#else
constexpr int kEvery = 1;
#endif

bool ends_before_the_run(const Flag& flag) {
  return flag.key() == "output_config" || flag.key() == "debug_dataset" || flag.kind == FlagKind::toggle;
}

}  // namespace

TEST_CASE(
    "no flag meets an empty text, a folder, a missing or an unreadable path or a long name with a foreign error") {
  Sweep sweep;
  TrainOptions any;
  int flags = 0;
  for (const FlagGroup& group : train_flags(any))
    for (const Flag& flag : group.flags) {
      if (ends_before_the_run(flag)) continue;
      if (flags++ % kEvery != 0) continue;
      const bool is_text = flag.kind == FlagKind::text || flag.kind == FlagKind::list;
      for (const std::string& value : sweep.values()) {
        const bool is_path = value.find('/') != std::string::npos;
        // Other values than these are no numbers, and a path is a text as a name is.
        if (!is_text || (is_path && !flag.is_path && flag.key() != "output_name")) continue;
        CAPTURE(flag.name);
        CAPTURE(value);
        std::vector<std::string> args = sweep.line();
        args.insert(args.end(), {flag.name, value});
        const std::string error = sweep.error(args);
        if (!error.empty()) check_message(error, flag, value);
      }
    }
  CHECK(flags > 130);
  CHECK(sweep.runs > 200 / kEvery);
}

TEST_CASE("an empty text is not set: on the command line, in a config file and in a preset alike") {
  Sweep sweep;
  TrainOptions any;
  const auto read = [](const std::vector<std::string>& args) {
    Messages messages;
    return read_train_options(args, messages).config.given_flags;
  };
  const auto plain = read({});
  for (const FlagGroup& group : train_flags(any))
    for (const Flag& flag : group.flags) {
      if (flag.kind == FlagKind::toggle || flag.is_filled) continue;
      CAPTURE(flag.name);
      CHECK(read({flag.name, ""}) == plain);
      CHECK(read({"--config_file", sweep.folder.text("c.toml", flag.key() + " = \"\"")}) == plain);
      CHECK(read({"--config_file", sweep.folder.text("c.json", "{\"" + flag.key() + "\": \"\"}")}) == plain);
    }
}

TEST_CASE("flags that sd-scripts does not take empty say so by their names") {
  for (const char* name : {"--network_weights", "--base_weights", "--dataset_config", "--in_json",
                           "--metadata_thumbnail", "--config_file"}) {
    Messages messages;
    CHECK_THROWS_WITH_AS(read_train_options({name, ""}, messages),
                         doctest::Contains((std::string(name) + ": expected a path, got an empty text").c_str()),
                         Error);
  }
}

TEST_CASE("an error of the standard library gets a message in plain words") {
  CHECK(user_message(fs::filesystem_error("cannot stat", "/a", std::make_error_code(std::errc::filename_too_long))) ==
        "/a: File name too long");
  CHECK(contains(user_message(std::bad_alloc()), "not enough memory"));
  CHECK(contains(user_message(std::out_of_range("basic_string::substr")), "fault of Rankine"));
  CHECK(user_message(Error("as it is")) == "as it is");
}
