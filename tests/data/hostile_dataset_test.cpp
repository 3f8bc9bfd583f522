// Dataset files in TOML and JSON, and metadata files, that are wrong on purpose.
#include "data/dataset_config.h"
#include "data/metadata_file.h"
#include "data/metadata_pictures.h"
#include "support/hostile.h"
#include "temporary_folder.h"

using namespace rankine;
using namespace std::string_literals;
using test::check_cut_and_changed;
using test::check_refused;
using test::HostileFile;
using test::repeated;
using test::TemporaryFolder;

namespace {

DataDefaults defaults() {
  DataDefaults all;
  all.dataset.resolution = Size{512, 512};
  return all;
}

/// A dataset file with one line in it at a level.
std::string general(const std::string& line) {
  return "[general]\n" + line + "\n[[datasets]]\n[[datasets.subsets]]\nimage_dir = \"pics\"\n";
}
std::string dataset(const std::string& line) {
  return "[[datasets]]\n" + line + "\n[[datasets.subsets]]\nimage_dir = \"pics\"\n";
}
std::string subset(const std::string& line) {
  return "[[datasets]]\n[[datasets.subsets]]\nimage_dir = \"pics\"\n" + line + "\n";
}
/// The same in JSON; `members` end in a comma.
std::string json(const std::string& members) {
  return "{" + members + R"("datasets": [{"subsets": [{"image_dir": "pics"}]}]})";
}
std::string json_general(const std::string& member) { return json("\"general\": {" + member + "},"); }
std::string json_subset(const std::string& member) {
  return R"({"datasets": [{"subsets": [{"image_dir": "pics", )" + member + "}]}]}";
}

const std::string tables = "[[datasets]]\n[[datasets.subsets]]\n";

const std::vector<HostileFile> toml_files = {
    // Texts that are no TOML.
    {"nothing", "", "no [[datasets]]"},
    {"a blank line", "\n", "no [[datasets]]"},
    {"a comment", "# [[datasets]]", "no [[datasets]]"},
    {"a byte order mark alone", "\xef\xbb\xbf", "no [[datasets]]"},
    {"UTF-16", "\xff\xfe[\0g\0"s, "is UTF-16"},
    {"UTF-16, big end first", "\xfe\xff\0[\0g"s, "is UTF-16"},
    {"a zero byte", "[general]\n\0"s, "zero byte"},
    {"bytes of a program",
     "\x7f"
     "ELF\2\1\1\0\0\0"s,
     "zero byte"},
    {"Latin-1", general("caption_prefix = \"caf\xe9\""), "not UTF-8"},
    {"an overlong character", general("caption_prefix = \"\xc0\xaf\""), "not UTF-8"},
    {"half a surrogate pair", general("caption_prefix = \"\xed\xa0\x80\""), "not UTF-8"},
    {"half a surrogate pair, escaped", general("caption_prefix = \"\\ud800\""), ":2: this is not valid TOML"},
    {"a control character", general("caption_prefix = \"\x01\""), ":2: this is not valid TOML"},
    {"an unknown escape", general("caption_prefix = \"C:\\pics\""), "this is not valid TOML"},
    {"a text without an end", general("caption_prefix = \"a"), ":2: this is not valid TOML"},
    {"a long text without an end", general("caption_prefix = \"\"\"a"), "this is not valid TOML"},
    {"a megabyte without an end", "a = '" + std::string(1 << 20, 'x'), ":1: this is not valid TOML"},
    {"a list without an end", dataset("resolution = [512, 512"), "this is not valid TOML"},
    {"a table without an end", general("custom_attributes = {a = 1"), "this is not valid TOML"},
    {"a header without an end", "[general\n", ":1: this is not valid TOML"},
    {"an empty header", "[]\n", ":1: this is not valid TOML"},
    {"an empty header of a list", "[[]]\n", ":1: this is not valid TOML"},
    {"a key without a value", general("flip_aug ="), ":2: this is not valid TOML"},
    {"a value without a key", general("= true"), ":2: this is not valid TOML"},
    {"a key alone", general("flip_aug"), ":2: this is not valid TOML"},
    {"Python's True", general("flip_aug = True"), ":2: this is not valid TOML"},
    {"None", general("class_tokens = None"), ":2: this is not valid TOML"},
    {"two values on a line", general("flip_aug = true false"), ":2: this is not valid TOML"},
    {"a key twice", general("flip_aug = true\nflip_aug = true"), ":3: this is not valid TOML"},
    {"a table twice", "[general]\n[general]\n", ":2: this is not valid TOML"},
    {"a table and a list of one name", "[datasets]\n[[datasets]]\n", ":2: this is not valid TOML"},
    {"a number with two points", dataset("batch_size = 1.2.3"), "this is not valid TOML"},
    {"a number beyond 64 bits", dataset("batch_size = 99999999999999999999"), "this is not valid TOML"},
    {"JSON", "{\"datasets\": []}", ":1: this is not valid TOML"},
    {"YAML", "datasets:\n  - resolution: 512\n", ":1: this is not valid TOML"},
    {"INI", "[general]\nflip_aug: true\n", ":2: this is not valid TOML"},
    {"a web page", "<!DOCTYPE html><html></html>", ":1: this is not valid TOML"},
    {"merge marks", "<<<<<<< HEAD\n[general]\n=======\n>>>>>>> x\n", ":1: this is not valid TOML"},
    // Nesting that would overflow the stack.
    {"a hundred thousand lists", "a = " + std::string(100'000, '['), "too deep"},
    {"a hundred thousand tables", "a = " + repeated("{a=", 100'000), "too deep"},
    {"a hundred thousand dots in a key", repeated("a.", 100'000) + "a = 1", "too deep"},
    {"a hundred thousand dots in a header", "[" + repeated("a.", 100'000) + "a]", "too deep"},
    {"a hundred thousand quoted dots", repeated("\"a\".", 100'000) + "a = 1", "too deep"},
    {"dots behind a string that ends in five quotes", "x = \"\"\"a\"\"\"\"\"\n[" + repeated("a.", 100'000) + "a]",
     "too deep"},
    {"lists in attributes that nobody reads", subset("custom_attributes = {a = " + std::string(70, '[') + "}"),
     "too deep"},
    // Files that say nothing, or the wrong thing.
    {"seventeen megabytes", "#" + std::string(17 << 20, 'x'), "is it the right one?"},
    {"no subsets", "[[datasets]]\n", ":1: this dataset has no subsets"},
    {"an empty list of datasets", "datasets = []", "no [[datasets]]"},
    {"an empty list of subsets", "[[datasets]]\nsubsets = []", ":1: this dataset has no subsets"},
    {"datasets is a table", "[datasets]\n", "must be a list of tables"},
    {"datasets is a number", "datasets = 3", "must be a list of tables"},
    {"datasets is a list of numbers", "datasets = [1, 2]", "must be a list of tables"},
    {"a table and a number in one list", "datasets = [{}, 2]", "must be a list of tables"},
    {"subsets is a text", "[[datasets]]\nsubsets = \"pics\"", ":2: datasets.subsets must be a list of tables"},
    {"general is a list", "[[general]]\n", "general must be a table"},
    {"general is a text", "general = \"\"", ":1: general must be a table"},
    {"a setting outside of tables", "flip_aug = true\n" + dataset(""), ":1: unknown key \"flip_aug\""},
    {"an unknown table", "[generl]\n" + dataset(""), "the nearest is \"general\""},
    {"an empty key", general("\"\" = 1"), ":2: unknown key \"\""},
    {"a key of a megabyte", general(std::string(1 << 20, 'k') + " = 1"), ":2: unknown key \"kkkk"},
    {"a table of a megabyte", "[" + std::string(1 << 20, 'k') + "]", "unknown key \"kkkk"},
    {"a key with a line break", general("\"flip\\naug\" = true"), ":2: unknown key"},
    {"a dotted key", general("flip_aug.x = true"), ":2: flip_aug must be true or false"},
    // Wrong types and values.
    {"a number for a bool", general("flip_aug = 0"), ":2: flip_aug must be true or false"},
    {"a text for a bool", general("flip_aug = \"true\""), ":2: flip_aug must be true or false"},
    {"a text for a number", dataset("batch_size = \"2\""), ":2: batch_size must be a whole number"},
    {"a list for a number", dataset("batch_size = [2]"), ":2: batch_size must be a whole number"},
    {"a date", dataset("batch_size = 2026-01-01"), ":2: batch_size must be a whole number"},
    {"a fraction", dataset("batch_size = 2.0"), ":2: batch_size must be a whole number"},
    {"a batch of none", dataset("batch_size = 0"), "batch_size must be a whole number from 1 on, got 0"},
    {"the smallest number", dataset("batch_size = -9223372036854775808"), "got -9223372036854775808"},
    {"the largest number", dataset("batch_size = 9223372036854775807"), "got 9223372036854775807"},
    {"a hexadecimal number that is too large", dataset("batch_size = 0x7fffffff"), "got 2147483647"},
    {"not a number", general("caption_dropout_rate = nan"), ":2: caption_dropout_rate must be a number, got nan"},
    {"infinity", general("caption_tag_dropout_rate = inf"), "must be a number, got inf"},
    {"infinity in a range", subset("face_crop_aug_range = [1.0, inf]"), ":4: face_crop_aug_range must be a number"},
    {"not a number in a range", subset("face_crop_aug_range = [nan, nan]"), "must be a number"},
    {"not a number for steps", general("token_warmup_step = nan"), ":2: token_warmup_step must be a number"},
    {"negative steps", general("token_warmup_step = -1"), ":2: token_warmup_step must not be negative"},
    {"a share above 1", general("caption_dropout_rate = 1.0000001"), "between 0 and 1"},
    {"a negative share", dataset("validation_split = -0.5"), "between 0 and 1"},
    {"a size of three numbers", dataset("resolution = [1, 2, 3]"), ":2: resolution must be"},
    {"a size of none", dataset("resolution = []"), ":2: resolution must be"},
    {"a size of texts", dataset("resolution = [\"a\", \"b\"]"), "resolution must be a whole number"},
    {"a size of lists", dataset("resolution = [[512], [512]]"), "resolution must be a whole number"},
    {"a negative size", dataset("resolution = -512"), ":2: resolution must be a whole number from 1 on"},
    {"a size that no memory holds", dataset("resolution = 1000000000"), "at most 32768, got 1000000000"},
    {"a size beyond 32 bits", dataset("resolution = 4294967808"), "resolution must be a whole number"},
    {"more buckets than memory", dataset("enable_bucket = true\nmax_bucket_reso = 1000000000\nbucket_reso_steps = 8"),
     "at most 32768"},
    {"steps that are larger than everything", dataset("enable_bucket = true\nbucket_reso_steps = 1000000000"),
     "at most 32768"},
    {"steps of 1", dataset("enable_bucket = true\nbucket_reso_steps = 1"), ":1: bucket_reso_steps must be a multiple"},
    {"an empty separator", general("caption_separator = \"\""), ":2: caption_separator must not be empty"},
    {"an unknown filter", general("resize_interpolation = \"" + std::string(100'000, 'x') + "\""),
     ":2: resize_interpolation must be one of"},
    // Paths.
    {"no folder", tables, ":2: this subset has no image_dir"},
    {"a folder that is none", tables + "image_dir = \"nowhere\"", ":3: image_dir \"nowhere\" is not a folder"},
    {"an empty path", tables + "image_dir = \"\"", ":3: image_dir \"\" is not a folder"},
    {"a path of a megabyte", tables + "image_dir = \"" + std::string(1 << 20, 'a') + "\"", "is not a folder"},
    {"a name that is too long", tables + "image_dir = \"" + std::string(300, 'a') + "\"", "is not a folder"},
    {"a path with a zero byte", tables + "image_dir = \"pics\\u0000/../..\"", ":3: image_dir holds a zero byte"},
    {"a file instead of a folder", tables + "image_dir = \"meta.json\"", "is not a folder"},
    {"a folder instead of a file", tables + "metadata_file = \"pics\"", "is not a file"},
    {"a loop of links", tables + "image_dir = \"loop\"", "is not a folder"},
    {"a device", tables + "metadata_file = \"/dev/zero\"", "is not a file"},
    {"masks that are not there", subset("conditioning_data_dir = \"nowhere\""), "is not a folder"},
    {"a list of folders", tables + "image_dir = [\"pics\"]", ":3: image_dir must be a text"},
};

const std::vector<HostileFile> json_files = {
    {"nothing", "", "this is not valid JSON"},
    {"a blank", " \n", "this is not valid JSON"},
    {"UTF-16", "\xff\xfe{\0"s, "is UTF-16"},
    {"a zero byte", "{}\0"s, "zero byte"},
    {"Latin-1", json_general("\"caption_prefix\": \"caf\xe9\""), "not UTF-8"},
    {"half a surrogate pair", json_general(R"("caption_prefix": "\ud800")"), "this is not valid JSON"},
    {"cut short", R"({"datasets": [{"subsets")", "this is not valid JSON"},
    {"a megabyte of text without an end", "{\"" + std::string(1 << 20, 'x'), "this is not valid JSON"},
    {"a trailing comma", R"({"datasets": [],})", "this is not valid JSON"},
    {"a comment", "{} // nothing", "this is not valid JSON"},
    {"single quotes", "{'datasets': []}", "this is not valid JSON"},
    {"a key without quotes", "{datasets: []}", "this is not valid JSON"},
    {"Python's True", json_general("\"flip_aug\": True"), "this is not valid JSON"},
    {"NaN", json_general("\"caption_dropout_rate\": NaN"), "this is not valid JSON"},
    {"two objects", "{}{}", "this is not valid JSON"},
    {"TOML", "[general]\nflip_aug = true\n", "this is not valid JSON"},
    {"a control character in a text", json_general("\"caption_prefix\": \"a\nb\""), "this is not valid JSON"},
    {"an unknown escape", json_general(R"("caption_prefix": "C:\pics")"), "this is not valid JSON"},
    {"a number that is too large", json_general("\"caption_dropout_rate\": 1e999"), "this is not valid JSON"},
    {"a leading zero", json_general("\"keep_tokens\": 01"), "this is not valid JSON"},
    {"a hexadecimal number", json_general("\"keep_tokens\": 0x10"), "this is not valid JSON"},
    {"a million lists", std::string(1'000'000, '['), "too deep"},
    {"a million lists that end", std::string(1'000'000, '[') + std::string(1'000'000, ']'), "too deep"},
    {"two hundred thousand objects", repeated("{\"a\":", 200'000), "too deep"},
    {"seventeen megabytes", std::string(17 << 20, ' '), "is it the right one?"},
    {"a list", "[]", "must hold an object"},
    {"a text", "\"datasets\"", "must hold an object"},
    {"a number", "3", "must hold an object"},
    {"null", "null", "must hold an object"},
    {"an empty object", "{}", "no [[datasets]]"},
    {"no datasets", R"({"general": {}})", "no [[datasets]]"},
    {"an empty list of datasets", R"({"datasets": []})", "no [[datasets]]"},
    {"datasets is an object", R"({"datasets": {}})", "must be a list of tables"},
    {"datasets is null", R"({"datasets": null})", "null says nothing"},
    {"null in a list", R"({"datasets": [null]})", "null says nothing"},
    {"a dataset is a list", R"({"datasets": [[]]})", "must be a list of tables"},
    {"a dataset is a text", R"({"datasets": ["pics"]})", "must be a list of tables"},
    {"general is a list", json("\"general\": [],"), "general must be a table"},
    {"general is null", json("\"general\": null,"), "null says nothing"},
    {"an unknown member", json("\"dataset\": [],"), "the nearest is \"datasets\""},
    {"a member with an empty name", json("\"\": 1,"), "unknown key \"\""},
    {"a member of a megabyte", json("\"" + std::string(1 << 20, 'k') + "\": 1,"), "unknown key \"kkkk"},
    {"a number for a bool", json_general("\"flip_aug\": 1"), "flip_aug must be true or false"},
    {"a text for a bool", json_general("\"flip_aug\": \"true\""), "flip_aug must be true or false"},
    {"a fraction for a whole number", json_general("\"keep_tokens\": 1.0"), "keep_tokens must be a whole number"},
    {"a negative number", json_general("\"keep_tokens\": -1"), "keep_tokens must be a whole number from 0 on"},
    {"a number beyond 63 bits", json_general("\"keep_tokens\": 9223372036854775808"), "is too large"},
    {"a number beyond 64 bits", json_general("\"keep_tokens\": 18446744073709551616"), "must be a whole number"},
    {"a share above 1", json_general("\"caption_dropout_rate\": 1e300"), "between 0 and 1"},
    {"an object for a text", json_general("\"class_tokens\": {}"), "class_tokens must be a text"},
    {"a list for a text", json_general("\"class_tokens\": []"), "class_tokens must be a text"},
    {"null for a text", json_subset("\"class_tokens\": null"), "null says nothing"},
    {"a size that is an object", R"({"datasets": [{"resolution": {}, "subsets": []}]})", "resolution must be"},
    {"a size that no memory holds", R"({"datasets": [{"resolution": 999999999, "subsets": [{"image_dir": "pics"}]}]})",
     "at most 32768"},
    {"no subsets", R"({"datasets": [{}]})", "this dataset has no subsets"},
    {"a subset without a folder", R"({"datasets": [{"subsets": [{}]}]})", "this subset has no image_dir"},
    {"a folder that is none", R"({"datasets": [{"subsets": [{"image_dir": "nowhere"}]}]})", "is not a folder"},
    {"a path with a zero byte", R"({"datasets": [{"subsets": [{"image_dir": "pics\u0000"}]}]})", "holds a zero byte"},
    {"a path of a megabyte", R"({"datasets": [{"subsets": [{"image_dir": ")" + std::string(1 << 20, 'a') + "\"}]}]}",
     "is not a folder"},
};

const std::vector<HostileFile> metadata_files = {
    {"nothing", "", "this is not valid JSON"},
    {"cut short", R"({"a": {"caption": "x")", "this is not valid JSON"},
    {"UTF-16", "\xff\xfe{\0"s, "is UTF-16"},
    {"a zero byte", "{\"a\0\": {}}"s, "zero byte"},
    {"Latin-1", "{\"a\": {\"caption\": \"caf\xe9\"}}", "not UTF-8"},
    {"half a surrogate pair", R"({"a": {"caption": "\udc00"}})", "this is not valid JSON"},
    {"a list", R"([{"image_path": "a"}])", "a metadata file is an object"},
    {"a text", "\"a\"", "a metadata file is an object"},
    {"a number", "1e5", "a metadata file is an object"},
    {"null", "null", "a metadata file is an object"},
    {"a number that is too large", R"({"a": {"caption": 1e999}})", "this is not valid JSON"},
    {"JSON Lines", "{\"image_path\": \"a\"}\n{\"image_path\": \"b\"}\n", "this is not valid JSON"},
    {"a megabyte of text without an end", "{\"" + std::string(1 << 20, 'x'), "this is not valid JSON"},
    {"two hundred thousand lists for a caption", "{\"a\": {\"caption\": " + std::string(200'000, '['),
     "not valid JSON"},
    {"two hundred thousand objects", repeated("{\"a\":", 200'000), "this is not valid JSON"},
};

const std::vector<HostileFile> metadata_lines = {
    {"not JSON", "a.png: a cat\n", ":1: this is not valid JSON"},
    {"a line without an end", "{\"image_path\": \"a\"}\n{\"image_path\": \"b\n", ":2: this is not valid JSON"},
    {"a list", "[]\n", ":1: each line must be an object"},
    {"a number", "\n\n3\n", ":3: each line must be an object"},
    {"no picture", "{\"caption\": \"x\"}\n", ":1: each line must be an object"},
    {"a picture that is a number", "{\"image_path\": 3}\n", ":1: each line must be an object"},
    {"a picture that is null", "{\"image_path\": null}\n", ":1: each line must be an object"},
    {"all in one line", "{\"image_path\": \"a\"} {\"image_path\": \"b\"}\n", ":1: this is not valid JSON"},
    {"an object over lines", "{\n\"image_path\": \"a\"}\n", ":1: this is not valid JSON"},
    {"deep lists", "{\"image_path\": \"a\", \"x\": " + std::string(200'000, '['), ":1: this is not valid JSON"},
    {"UTF-16", "\xff\xfe{\0"s, "is UTF-16"},
};

/// Entries of a good metadata file that are wrong, and what is said of each.
const std::vector<std::pair<std::string, const char*>> metadata_entries = {
    {"\"a\": null", "must be an object"},
    {"\"a\": \"a cat\"", "must be an object"},
    {"\"a\": []", "must be an object"},
    {"\"a\": 3", "must be an object"},
    {"\"a\": {\"caption\": 3}", "\"caption\" must be a text, got a number"},
    {"\"a\": {\"caption\": true}", "\"caption\" must be a text, got true or false"},
    {"\"a\": {\"caption\": {\"en\": \"x\"}}", "\"caption\" must be a text, got an object"},
    {"\"a\": {\"tags\": [\"x\", \"y\"]}", "\"tags\" must be a text, got a list"},
    {"\"a\": {\"caption\": " + std::string(200'000, '[') + std::string(200'000, ']') + "}",
     "\"caption\" must be a text, got a list"},
    {"\"a\": " + std::string(200'000, '[') + std::string(200'000, ']'), "must be an object"},
    {"\"\": {}", "no name of a picture"},
    {"\"none\": {}", "no such picture"},
    {"\".\": {}", "no such picture"},
    {"\"..\": {}", "no such picture"},
    {"\"/\": {}", "no such picture"},
    {"\"/dev/zero\": {}", "no such picture"},
    {"\"a\\u0000\": {}", "no name of a picture"},
    {"\"a\\u0000b.png\": {}", "no name of a picture"},
    {"\"\\ud83d\\ude00\": {}", "no such picture"},
};

TemporaryFolder& folder_with_pictures(TemporaryFolder& folder) {
  folder.picture("pics/a.png", 8, 8);
  folder.text("meta.json", "{}");
  std::filesystem::create_symlink("loop", folder.path("loop"));
  return folder;
}

}  // namespace

TEST_CASE("each of a hundred hostile dataset files in TOML is an error that names the file and what is wrong") {
  CHECK(toml_files.size() >= 100);
  TemporaryFolder folder;
  const std::string path = folder_with_pictures(folder).path("d.toml");
  check_refused(toml_files, path, [&] { read_dataset_config(path, defaults()); });
}

TEST_CASE("each of sixty hostile dataset files in JSON is an error that names the file and what is wrong") {
  CHECK(json_files.size() >= 59);
  TemporaryFolder folder;
  const std::string path = folder_with_pictures(folder).path("d.json");
  check_refused(json_files, path, [&] { read_dataset_config(path, defaults()); });
}

TEST_CASE("each hostile metadata file is an error, and each hostile entry of a good one a fault with its name") {
  CHECK(metadata_files.size() + metadata_lines.size() + metadata_entries.size() >= 44);
  TemporaryFolder folder;
  folder_with_pictures(folder);
  const auto read = [&](const std::string& path) {
    std::vector<std::string> faults;
    read_metadata_file(path, folder.path("pics"), {}, [&](const std::string& fault) { faults.push_back(fault); });
    return faults;
  };
  const std::string json_path = folder.path("m.json"), lines_path = folder.path("m.jsonl");
  check_refused(metadata_files, json_path, [&] { read(json_path); });
  check_refused(metadata_lines, lines_path, [&] { read(lines_path); });
  for (const auto& [entry, message] : metadata_entries) {
    CAPTURE(entry);
    const auto faults = read(folder.text("m.json", "{" + entry + ", \"a.png\": {\"caption\": \"x\"}}"));
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].find(json_path + ": \"") == 0);
    CHECK(faults[0].find(message) != std::string::npos);
  }
  for (const std::string& name : {std::string(1 << 20, 'a'), std::string(300, 'b'), repeated("../", 100'000)}) {
    const auto faults = read(folder.text("m.json", "{\"" + name + "\": {\"caption\": \"x\"}}"));
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].size() < 2000);
  }
}

TEST_CASE(
    "a metadata file takes time in proportion to its length; of equal names the last counts, in the first one's "
    "place") {
  std::string text = "{\"a\": {\"caption\": \"first\"}";
  for (int i = 0; i < 200'000; ++i) text += ",\"" + std::to_string(i) + "\":{}";
  const std::clock_t begin = std::clock();
  const auto pictures = metadata_of_object(text + ", \"a\": {\"caption\": \"last\"}}", "m.json");
  CHECK(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC < 10);
  REQUIRE(pictures.size() == 200'001);
  CHECK(pictures[0].key == "a");
  CHECK(pictures[0].caption.text == "last");
  CHECK(pictures[1].key == "0");
}

TEST_CASE("tags behind every line of a caption end, whatever the separator is and however many lines there are") {
  TemporaryFolder folder;
  folder_with_pictures(folder);
  const auto read = [&](const std::string& caption, const std::string& tags, const std::string& separator) {
    std::vector<std::string> faults;
    const std::string path =
        folder.text("m.json", "{\"a\": {\"caption\": \"" + caption + "\", \"tags\": \"" + tags + "\"}}");
    const auto entries =
        read_metadata_file(path, folder.path("pics"), {.separator = separator, .enable_wildcard = true},
                           [&](const std::string& fault) { faults.push_back(fault); });
    return entries.empty() ? faults.at(0) : entries[0].caption;
  };
  CHECK(read("c", "x\\ny", "\n") == "c\nx\ny");
  CHECK(read("c", "x\\ny", "\n\n") == "c\n\nx\n\ny");
  const std::clock_t begin = std::clock();
  CHECK(read("c", repeated("\\n", 400'000), ", ").size() == 1 + 2 * 400'001);
  CHECK(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC < 5);
  CHECK(read(repeated("c\\n", 10'000), std::string(10'000, 't'), ",").find("longer than 1048576 bytes") !=
        std::string::npos);
  CHECK(read(std::string(2 << 20, 'c'), "", ",").find("longer than 1048576 bytes") != std::string::npos);
}

TEST_CASE("dataset and metadata files cut at any byte, or with any byte changed, are read or refused") {
  TemporaryFolder folder;
  folder_with_pictures(folder);
  const std::string toml = folder.path("d.toml"), json = folder.path("d.json"), metadata = folder.path("m.json");
  check_cut_and_changed(general("flip_aug = true # x\nkeep_tokens = 0x1f\ncaption_dropout_rate = 2.5e-1"), toml,
                        [&] { read_dataset_config(toml, defaults()); });
  check_cut_and_changed(json_general("\"flip_aug\": true, \"caption_dropout_rate\": 2.5e-1"), json,
                        [&] { read_dataset_config(json, defaults()); });
  check_cut_and_changed(R"({"a": {"caption": "x\u00e9", "tags": null, "train_resolution": [8, -8]}})", metadata,
                        [&] { read_metadata_file(metadata, folder.path("pics"), {}, [](const std::string&) {}); });
}
