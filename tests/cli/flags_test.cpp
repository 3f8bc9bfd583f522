#include "cli/flags.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "backend/registry.h"
#include "base/error.h"
#include "cli/help.h"
#include "support/source_dir.h"

using namespace rankine;

namespace {

struct ReferenceFlag {
  std::string name, type, default_text;
  std::vector<std::string> choices;
  bool of_sd1 = false, often_used = false;  ///< its script is train_network.py too; priority A or B
};

std::vector<ReferenceFlag> reference_flags() {
  const std::string folder = source_dir() + "/tests/reference";
  std::ifstream in(folder + "/flags.tsv");
  REQUIRE_MESSAGE(in.good(), folder << "/flags.tsv cannot be read");
  std::vector<ReferenceFlag> rows;
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    const std::vector<std::string> cells = split_list(line, '\t');
    REQUIRE(cells.size() == 9);
    const std::string default_text = cells[3] == "(empty string)" ? "" : cells[3];
    rows.push_back({cells[0], cells[2], default_text,
                    cells[2] == "choice" ? split_list(cells[4]) : std::vector<std::string>{}, cells[5] == "both",
                    cells[8] == "A" || cells[8] == "B"});
  }
  return rows;
}

/// A "choice" of the reference is a text or a number here.
bool same_kind(FlagKind kind, const std::string& type) {
  return name_of(kind) == type || (type == "choice" && (kind == FlagKind::text || kind == FlagKind::integer));
}

bool same_value(const std::string& a, const std::string& b) {
  const auto x = parse_number(a), y = parse_number(b);
  return x && y ? *x == *y : a == b;
}

}  // namespace

TEST_CASE("every flag of sd-scripts is known, with its kind and default") {
  TrainOptions options;
  const FlagTable table = train_flags(options);
  const std::vector<ReferenceFlag> rows = reference_flags();
  CHECK(rows.size() >= 196);
  for (const ReferenceFlag& row : rows) {
    CAPTURE(row.name);
    const Flag* flag = find_flag(table, row.name);
    REQUIRE(flag != nullptr);
    CHECK_MESSAGE(same_kind(flag->kind, row.type), name_of(flag->kind), " is not ", row.type);
    CHECK_MESSAGE(same_value(flag->default_text, row.default_text), flag->default_text, " is not ", row.default_text);
    CHECK(!flag->help.empty());
  }
}

TEST_CASE("a built flag knows every choice of sd-scripts: taken, or refused as not supported yet") {
  TrainOptions options;
  const FlagTable table = train_flags(options);
  for (const ReferenceFlag& row : reference_flags())
    for (const std::string& choice : row.choices) {
      CAPTURE(row.name);
      CAPTURE(choice);
      const Flag* flag = find_flag(table, row.name);
      REQUIRE(flag != nullptr);
      if (flag->status != FlagStatus::built || choice == "None") continue;
      const bool known = std::count(flag->choices.begin(), flag->choices.end(), choice) +
                             std::count(flag->later.begin(), flag->later.end(), choice) ==
                         1;
      CHECK(known);
    }
}

TEST_CASE("no flag of priority A or B that concerns SD 1.x is refused, nor one of its choices") {
  TrainOptions options;
  const FlagTable table = train_flags(options);
  int rows = 0;
  for (const ReferenceFlag& row : reference_flags()) {
    if (!row.of_sd1 || !row.often_used) continue;
    CAPTURE(row.name);
    const Flag* flag = find_flag(table, row.name);
    REQUIRE(flag != nullptr);
    CHECK(flag->status != FlagStatus::refused);
    for (const std::string& choice : row.choices) {
      CAPTURE(choice);
      CHECK(std::count(flag->later.begin(), flag->later.end(), choice) == 0);
    }
    ++rows;
  }
  CHECK(rows > 100);
}

TEST_CASE("no flag is in the table twice, and one without effect says why") {
  TrainOptions options;
  std::set<std::string> names;
  for (const FlagGroup& group : train_flags(options))
    for (const Flag& flag : group.flags) {
      CAPTURE(flag.name);
      CHECK(names.insert(flag.name).second);
      CHECK(flag.name.substr(0, 2) == "--");
      if (flag.status == FlagStatus::no_effect) CHECK(!flag.note.empty());
    }
}

TEST_CASE("a flag that is refused may be given at its default or at a value that means off") {
  std::vector<std::string> notes;
  const auto give = [&](const Flag& flag, std::vector<std::string> texts) { assign(flag, texts, flag.name, notes); };
  const Flag levels = refused("--levels", FlagKind::integer, "Levels").or_off("0");
  const Flag share = refused("--share", FlagKind::number, "A share").initially("0.1");
  const Flag extras = refused("--extras", FlagKind::list, "More"), path = refused("--path", FlagKind::text, "A file");
  const Flag on = refused("--on", FlagKind::toggle, "Something");
  CHECK_NOTHROW(give(levels, {"0"}));
  CHECK_NOTHROW(give(share, {"0.10"}));
  CHECK_NOTHROW(give(extras, {}));
  CHECK_NOTHROW(give(path, {""}));
  CHECK_NOTHROW(give(on, {"false"}));
  CHECK(notes.empty());
  CHECK_THROWS_WITH_AS(give(levels, {"6"}), "--levels is not supported yet", Error);
  CHECK_THROWS_AS(give(share, {"0.2"}), Error);
  CHECK_THROWS_AS(give(extras, {"a=4"}), Error);
  CHECK_THROWS_AS(give(on, {}), Error);
  const Flag advised = refused("--old", FlagKind::text, "Old").instead("give --new");
  CHECK_THROWS_WITH_AS(give(advised, {"x"}), doctest::Contains("give --new"), Error);
}

TEST_CASE("a flag without effect is accepted with a note that says why") {
  TrainOptions options;
  const FlagTable table = train_flags(options);
  std::vector<std::string> notes;
  assign(*find_flag(table, "--xformers"), {}, "--xformers", notes);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("--xformers has no effect: ") == 0);
  assign(*find_flag(table, "--lowram"), {"false"}, "lowram", notes);
  CHECK(notes.size() == 1);
}

TEST_CASE("a choice that comes later is refused as such, a wrong one as no choice") {
  TrainOptions options;
  const FlagTable table = train_flags(options);
  std::vector<std::string> notes;
  const auto give = [&](const char* name, const char* text) { assign(*find_flag(table, name), {text}, name, notes); };
  CHECK_THROWS_WITH_AS(give("--network_module", "networks.oft"),
                       doctest::Contains("\"networks.oft\" is not supported yet"), Error);
  CHECK_THROWS_WITH_AS(give("--mixed_precision", "fp32"),
                       "--mixed_precision: \"fp32\" is no choice; choose from no, fp16, bf16", Error);
  give("--optimizer_type", "adamw");
  CHECK(options.config.optim.optimizer_type == "AdamW");
}

TEST_CASE("docs/flags.md is what the tables of flags and dataset keys say") {
  TrainOptions options;
  std::ifstream in(source_dir() + "/docs/flags.md");
  std::ostringstream committed;
  committed << in.rdbuf();
  const bool is_current = committed.str() == help_markdown(train_flags(options)) + dataset_keys_markdown();
  CHECK_MESSAGE(is_current, "write it anew: rankine help --markdown > docs/flags.md");
}

TEST_CASE("each device that --device takes is there, and an unknown one is an error with the list") {
  std::string device = "auto";
  const Flag flag = device_flag(device);
  std::vector<std::string> notes;
  for (const std::string& choice : flag.choices) {
    assign(flag, {choice}, "--device", notes);
    CHECK_NOTHROW(find_backend(device));
  }
  CHECK(&find_backend("auto") == &find_backend("cpu"));
  CHECK_THROWS_WITH_AS(assign(flag, {"tpu"}, "--device", notes), doctest::Contains("auto, cpu"), Error);
  CHECK_THROWS_WITH_AS(find_backend("tpu"), doctest::Contains("known are"), Error);
}
