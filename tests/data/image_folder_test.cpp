#include "data/image_folder.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "temporary_folder.h"

using namespace rankine;
using test::TemporaryFolder;

TEST_CASE("pictures are found by suffix, sorted by path, without hidden files and folders") {
  const TemporaryFolder folder;
  for (const char* name : {"b.png", "a.JPG", "a.jpeg", "c.webp", "d.bmp", "._b.png", "notes.txt", "Z.PNG"})
    folder.text(name, "x");
  std::filesystem::create_directories(folder.path("e.png"));
  const std::vector<std::string> expected = {folder.path("Z.PNG"), folder.path("a.JPG"),  folder.path("a.jpeg"),
                                             folder.path("b.png"), folder.path("c.webp"), folder.path("d.bmp")};
  CHECK(list_images(folder.path()) == expected);
  CHECK_THROWS_AS(list_images(folder.path("none")), Error);
}

TEST_CASE("a caption is the first line, or every line that is not blank, for any kind of line end") {
  const TemporaryFolder folder;
  CHECK(read_caption(folder.text("1.txt", " a cat \r\n\r\nsecond\n"), false).text == "a cat");
  CHECK(read_caption(folder.text("2.txt", " a cat \r\n\r\nsecond\rthird"), true).text == "a cat\nsecond\nthird");
  CHECK(read_caption(folder.text("3.txt", "\n\nlater"), false).text == "");
  CHECK(read_caption(folder.path("3.txt"), false).unused_lines == 1);
  CHECK(read_caption(folder.path("3.txt"), true).text == "later");
  CHECK_FALSE(read_caption(folder.path("3.txt"), true).has_no_bytes);
  CHECK(read_caption(folder.text("4.txt", ""), true).text == "");
  CHECK(read_caption(folder.path("4.txt"), false).has_no_bytes);
  CHECK(read_caption(folder.text("5.txt", "\xEF\xBB\xBF marked"), false).text == "marked");
  CHECK_THROWS_WITH_AS(read_caption(folder.text("6.txt", "\xff"), false), doctest::Contains("not UTF-8"), Error);
}

TEST_CASE("the caption's suffix takes the place of the last suffix of the picture") {
  CHECK(caption_path("/p/a.b.png", ".txt") == "/p/a.b.txt");
  CHECK(caption_path("/p/a.png", "_tags.txt") == "/p/a_tags.txt");
}

TEST_CASE("a cut-out face has its own caption or that of its picture: the name without its last four parts") {
  using Paths = std::vector<std::string>;
  CHECK(caption_paths("/p/anna_48_48_20_20.png", ".txt") == Paths{"/p/anna_48_48_20_20.txt", "/p/anna.txt"});
  CHECK(caption_paths("/p/a_b_1_2_3_4.png", ".txt") == Paths{"/p/a_b_1_2_3_4.txt", "/p/a_b.txt"});
  CHECK(caption_paths("a_b_c_d_e.png", "_tags.txt") == Paths{"a_b_c_d_e_tags.txt", "a_tags.txt"});
  CHECK(caption_paths("/p_q_r_s_t/a_1_2_3.png", ".txt") == Paths{"/p_q_r_s_t/a_1_2_3.txt"});
  CHECK(caption_paths("/p/a.b_1_2_3_4.png", ".txt").back() == "/p/a.b.txt");
}
