#include "cli/help.h"

#include <doctest/doctest.h>

#include <sstream>

using namespace rankine;

namespace {

struct Fields {
  int count = 3;
  bool on = false;
  std::string kind = "a";
  FlagTable table() {
    return {{"Numbers", {built("--count", &count, "How many"), refused("--later_one", FlagKind::text, "Comes later")}},
            {"Rest",
             {built("--on", &on, "Turn it on"), built("--kind", &kind, "Which").choose("a,b"),
              no_effect("--idle", FlagKind::toggle, "there is nothing to do", "Do a|b")}}};
  }
};

}  // namespace

TEST_CASE("text is wrapped at spaces and indented") {
  CHECK(wrapped("one two three four", 2, 12) == "one two\n  three four");
  CHECK(wrapped("", 2, 12) == "");
  CHECK(wrapped("averyveryverylongword x", 0, 5) == "averyveryverylongword\nx");
}

TEST_CASE("the help shows built flags by group, and lists the others below") {
  CHECK("\n" + help_text(Fields().table()) == R"(

Numbers:
  --count N                         How many [3]

Rest:
  --on                              Turn it on
  --kind a|b                        Which [a]

Accepted, with nothing to do:
  --idle

Known and not supported yet:
  --later_one
)");
}

TEST_CASE("no line of the help is wider than asked for") {
  Fields fields;
  FlagTable table = fields.table();
  table[0].flags[0].help = "a text that is long enough to need more than one line of a narrow terminal, and then some";
  std::istringstream lines(help_text(table, 60));
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 60);
}

TEST_CASE("the Markdown has a row a flag with its status, and escapes bars") {
  const std::string text = help_markdown(Fields().table());
  CHECK(text.find("3 flags are built, 1 are accepted and have nothing to do, 1 are known") != std::string::npos);
  CHECK(text.find("| `--count` | int | `3` | How many | yes |  |\n") != std::string::npos);
  CHECK(text.find("| `--idle` |  | off | Do a\\|b | no effect: there is nothing to do |  |\n") != std::string::npos);
  CHECK(text.find("| `--later_one` | str | unset | Comes later | not yet |  |\n") != std::string::npos);
}
