#include "data/metadata_pictures.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/error.h"
#include "base/shortened.h"
#include "io/json_fault.h"
#include "text/unicode.h"

namespace rankine {
namespace {

/// Reads event by event. A tree of all values is many times the file's size, is copied recursively, and takes quadratic
/// time if it keeps the members' order.
class Reader : public nlohmann::json_sax<nlohmann::json> {
 public:
  /// `line`: 0, or the number of the line that is one picture.
  Reader(const std::string& path, int64_t line, std::vector<MetadataPicture>& pictures)
      : path_(path), line_(line), pictures_(pictures) {
    if (line_ > 0) pictures_.emplace_back();
  }

  bool null() override { return value("null"); }
  bool boolean(bool) override { return value("true or false"); }
  bool number_integer(number_integer_t) override { return value("a number"); }
  bool number_unsigned(number_unsigned_t) override { return value("a number"); }
  bool number_float(number_float_t, const string_t&) override { return value("a number"); }
  bool binary(binary_t&) override { return value("binary data"); }
  bool string(string_t& text) override {
    if (depth_ == depth_of_picture() + 1 && field_) field_->text = std::move(text);
    return value("a text");
  }
  bool start_object(size_t) override { return start("an object"); }
  bool start_array(size_t) override { return start("a list"); }
  bool end_object() override { return end(); }
  bool end_array() override { return end(); }

  bool key(string_t& name) override {
    if (line_ == 0 && depth_ == 1) {
      const auto [known, is_new] = index_.try_emplace(name, pictures_.size());
      if (is_new) pictures_.emplace_back();
      picture_ = known->second;
      pictures_[picture_] = {.key = std::move(name)};
    } else if (depth_ == depth_of_picture() + 1) {
      MetadataPicture& picture = this->picture();
      field_ = name == "caption"      ? &picture.caption
               : name == "tags"       ? &picture.tags
               : name == "image_path" ? &picture.image_path
                                      : nullptr;
      if (field_) *field_ = {};
    }
    return true;
  }

  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& error) override {
    fail(path_, line_ > 0 ? concat_text(":", line_) : "", ": this is not valid JSON: ", json_fault(error.what()));
  }

 private:
  int depth_of_picture() const { return line_ > 0 ? 0 : 1; }
  MetadataPicture& picture() { return line_ > 0 ? pictures_.back() : pictures_[picture_]; }

  bool value(const char* kind) {
    if (depth_ == 0 && line_ == 0)
      check(kind == std::string_view("an object"), path_,
            ": a metadata file is an object {\"picture\": {\"caption\": ...}}, this is ", kind);
    if (depth_ == depth_of_picture()) picture().kind = kind;
    if (depth_ == depth_of_picture() + 1 && field_) field_->kind = kind;
    field_ = nullptr;
    return true;
  }
  bool start(const char* kind) {
    value(kind);
    ++depth_;
    return true;
  }
  bool end() {
    --depth_;
    return true;
  }

  const std::string& path_;
  int64_t line_;
  std::vector<MetadataPicture>& pictures_;
  std::unordered_map<std::string, size_t> index_{};
  size_t picture_ = 0;
  int64_t depth_ = 0;
  MetadataText* field_ = nullptr;
};

}  // namespace

std::vector<MetadataPicture> metadata_of_object(std::string_view text, const std::string& path) {
  std::vector<MetadataPicture> pictures;
  Reader reader(path, 0, pictures);
  nlohmann::json::sax_parse(text, &reader);
  return pictures;
}

std::vector<MetadataPicture> metadata_of_lines(std::string_view text, const std::string& path) {
  std::vector<MetadataPicture> pictures;
  for (int64_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (strip(line).empty()) continue;
    Reader reader(path, number, pictures);
    nlohmann::json::sax_parse(line, &reader);
    MetadataPicture& picture = pictures.back();
    check(picture.kind == std::string_view("an object") && picture.image_path.kind == std::string_view("a text"), path,
          ":", number, ": each line must be an object with the text \"image_path\"");
    picture.key = picture.image_path.text;
  }
  return pictures;
}

}  // namespace rankine
