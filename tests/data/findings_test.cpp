#include "data/findings.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/error.h"
#include "base/log.h"

using namespace rankine;

TEST_CASE("files of a folder that share a reason are one line in the log and a list in the report") {
  Findings findings;
  for (int i = 0; i < 7; ++i) findings.warning(concat_text("pics/", i, ".png"), "too bright", i == 3 ? "very" : "");
  findings.note("pics/x.png", "pics/x.png: nice");
  log::set_level(log::Level::error);
  const std::vector<std::string> lines = report(findings);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0] ==
        "pics: 7 files: too bright: 0.png, 1.png, 2.png, 3.png (very), 4.png and 2 more (rankine dataset check)");
  const std::string text = report_text(findings);
  CHECK(text.find("7 warnings\n  pics: 7 files: too bright\n    0.png\n") == 0);
  CHECK(text.find("    3.png (very)\n") != std::string::npos);
  CHECK(text.ends_with("\n\n1 note\n  pics/x.png: nice\n"));
  CHECK(counts_text(findings) == "7 warnings, 1 note");
}

TEST_CASE("files of several folders that share a reason are summed up over the folders") {
  Findings findings;
  for (int i = 0; i < 300; ++i) findings.warning(concat_text("pics/1_", i, "/a.png"), "too bright");
  for (int i = 0; i < 25; ++i) findings.error(concat_text("pics/1_", i, "/b.png"), "torn");
  const std::string text = report_text(findings);
  CHECK(text.find("25 errors\n  25 files in 25 folders: torn\n    pics/1_0/b.png\n") == 0);
  CHECK(text.find("    pics/1_24/b.png\n") != std::string::npos);
  CHECK(text.find("300 warnings\n  300 files in 300 folders: too bright\n    pics/1_0/a.png\n") != std::string::npos);
  CHECK(text.ends_with("    pics/1_19/a.png\n    and 280 more (--list_all names them)\n"));
  CHECK(std::ranges::count(text, '\n') == 27 + 1 + 23);
  CHECK(report_text(findings, true).ends_with("    pics/1_299/a.png\n"));
  CHECK_THROWS_WITH_AS(report(findings),
                       doctest::Contains("25 faults were found:\n  25 files in 25 folders: torn: pics/1_0/b.png, "),
                       Error);
}
