#include "models/checkpoint/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/shortened.h"
#include "io/nearest_name.h"
#include "io/path_text.h"
#include "models/checkpoint/checkpoint_family.h"
#include "models/checkpoint/diffusers_names.h"
#include "models/checkpoint/file_kind.h"
#include "models/checkpoint/folder_part.h"

namespace rankine {
namespace {

namespace fs = std::filesystem;

/// The canonical name of a tensor in a part of a Diffusers folder.
std::string folder_name(const std::string& part, const std::string& name) {
  const std::string full = concat_text(part, '.', name);
  return part.starts_with("text_encoder") ? with_text_model(full, part.size() + 1) : modern_vae_name(full);
}

void check_is_there(const std::string& path) {
  std::error_code ignored;
  const std::string hint = missing_path_hint(path);
  check(
      fs::exists(path, ignored), path, ": no such file or folder", hint,
      hint.empty() && fs::path(path).extension().empty() ? "; models are not downloaded: name a file or a folder" : "");
}

// "1.07 billion", "123.06 million", "4096".
std::string people_count(int64_t count) {
  std::ostringstream out;
  out.setf(std::ios::fixed);
  out.precision(2);
  if (count >= 1'000'000'000)
    out << static_cast<double>(count) / 1e9 << " billion";
  else if (count >= 1'000'000)
    out << static_cast<double>(count) / 1e6 << " million";
  else
    out << count;
  return out.str();
}

std::string people_bytes(uint64_t bytes) {
  std::ostringstream out;
  out.setf(std::ios::fixed);
  out.precision(2);
  if (bytes >= uint64_t{1} << 30)
    out << static_cast<double>(bytes) / 0x1p30 << " GiB";
  else
    out << static_cast<double>(bytes) / 0x1p20 << " MiB";
  return out.str();
}

}  // namespace

Checkpoint Checkpoint::open(const std::string& path) {
  Checkpoint checkpoint;
  checkpoint.path_ = path;
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    checkpoint.open_folder(path);
  else
    checkpoint.open_file(path);
  checkpoint.family_->check_checkpoint(checkpoint);
  return checkpoint;
}

void Checkpoint::open_file(const std::string& path) {
  check_is_there(path);
  files_.push_back(TensorFile::open(path));
  const TensorFile& file = files_.front();
  family_ = &family_of(file);
  TensorNames all;
  for (const TensorInfo& info : file.tensors()) all.add(info.name, info.shape);
  for (const TensorInfo& info : file.tensors())
    add_packed(0, info, canonical_tensors(*family_, {info.name, info.shape}, all));
}

void Checkpoint::open_folder(const std::string& path) {
  folder_ = true;
  std::error_code ignored;
  struct Part {
    const char *folder, *stem;
  };
  std::vector<Part> parts{
      {"unet", "diffusion_pytorch_model"}, {"text_encoder", "model"}, {"vae", "diffusion_pytorch_model"}};
  if (fs::is_directory(fs::path(path) / "text_encoder_2", ignored)) parts.push_back({"text_encoder_2", "model"});
  for (const Part& part : parts)
    for (TensorFile& file : open_folder_part(fs::path(path) / part.folder, part.stem)) {
      files_.push_back(std::move(file));
      for (const TensorInfo& info : files_.back().tensors())
        add(files_.size() - 1, info, folder_name(part.folder, info.name), info.shape);
    }
  TensorNames names;
  for (const auto& [name, entry] : entries_) names.add(name, entry.shape);
  family_ = recognise_family(names);
  check(family_ != nullptr, path, ": the folder's tensors are those of no known model; the first is \"",
        entries_.empty() ? "" : entries_.begin()->first, "\"");
  if (family_->canonical_shape)
    for (auto& [name, entry] : entries_) entry.shape = family_->canonical_shape(name, std::move(entry.shape));
}

void Checkpoint::replace_vae(const std::string& path) {
  std::error_code ignored;
  const bool is_folder = fs::is_directory(path, ignored), has_part = fs::is_directory(fs::path(path) / "vae", ignored);
  const fs::path folder = has_part ? fs::path(path) / "vae" : fs::path(path);
  check_is_there(path);
  std::vector<TensorFile> opened;
  if (is_folder)
    opened = open_folder_part(folder, "diffusion_pytorch_model");
  else
    opened.push_back(TensorFile::open(path));
  std::erase_if(entries_, [](const auto& entry) { return entry.first.starts_with("vae."); });
  for (TensorFile& file : opened) {
    files_.push_back(std::move(file));
    for (const TensorInfo& info : files_.back().tensors()) {
      // Alone in its file the autoencoder has no name of its own before its parts' names.
      const std::string prefix = info.name.starts_with("first_stage_model.") ? "" : "first_stage_model.";
      std::vector<NamedShape> found = canonical_tensors(*family_, {prefix + info.name, info.shape}, {});
      const std::string modern = modern_vae_name("vae." + info.name);
      if (found.empty() && family_->single_file_name(modern))
        found = {{modern, family_->canonical_shape ? family_->canonical_shape(modern, info.shape) : info.shape}};
      std::erase_if(found, [](const NamedShape& tensor) { return !tensor.name.starts_with("vae."); });
      add_packed(files_.size() - 1, info, found);
    }
  }
  const std::string file = files_.back().path();
  if (std::ranges::none_of(entries_, [](const auto& entry) { return entry.first.starts_with("vae."); }))
    if (const std::optional<FileKind> kind = kind_of(files_.back()))
      fail(file, ": this is ", kind->is, ", not an autoencoder (it holds \"", shortened(kind->found), "\")");
  if (family_->check_vae) family_->check_vae(*this, file);
}

void Checkpoint::add_packed(size_t file, const TensorInfo& info, std::span<const NamedShape> parts) {
  if (parts.empty()) ++ignored_;
  TensorInfo part = info;
  const uint64_t size = parts.empty() ? 0 : (info.end - info.begin) / parts.size();
  for (const NamedShape& tensor : parts) {
    if (parts.size() > 1) part.shape = tensor.shape;
    part.end = part.begin + size;
    add(file, part, tensor.name, tensor.shape);
    part.begin = part.end;
  }
}

void Checkpoint::add(size_t file, const TensorInfo& info, std::string name, Shape shape) {
  if (name.ends_with(".position_ids")) {
    ++ignored_;
    return;
  }
  const bool is_new = entries_.emplace(name, Entry{file, info, std::move(shape)}).second;
  check(is_new, files_[file].path(), ": tensor \"", info.name, "\" is a second \"", name, "\"");
}

std::vector<std::string> Checkpoint::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

std::vector<NamedShape> Checkpoint::tensors() const {
  std::vector<NamedShape> tensors;
  for (const auto& [name, entry] : entries_) tensors.push_back({name, entry.shape});
  return tensors;
}

const Checkpoint::Entry& Checkpoint::at(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found != entries_.end()) return found->second;
  std::vector<std::string_view> names;
  for (const auto& [known, entry] : entries_) names.push_back(known);
  std::string in_file;
  if (!folder_) {
    const auto single = family_->single_file_name(name);
    if (single) in_file = concat_text(" (in a single file: \"", *single, "\")");
  }
  fail(path_, ": the checkpoint has no tensor \"", name, "\"", in_file, nearest_hint(name, names));
}

void Checkpoint::read_f32(std::string_view name, std::span<float> out) const {
  const Entry& entry = at(name);
  files_[entry.file].read_f32(entry.info, out);
}

std::vector<float> Checkpoint::read_f32(std::string_view name) const {
  std::vector<float> out(static_cast<size_t>(count_of(shape(name))));
  read_f32(name, out);
  return out;
}

std::span<const std::byte> Checkpoint::bytes(std::string_view name) const {
  const Entry& entry = at(name);
  return files_[entry.file].bytes(entry.info);
}

void Checkpoint::release(std::string_view name) const {
  const Entry& entry = at(name);
  files_[entry.file].release(entry.info);
}

std::string Checkpoint::describe() const {
  struct Part {
    size_t tensors = 0;
    int64_t parameters = 0;
    std::set<DType> dtypes{};
  };
  std::map<std::string, Part> parts;
  Part all;
  for (const auto& [name, entry] : entries_) {
    for (Part* part : {&parts[name.substr(0, name.find('.'))], &all}) {
      ++part->tensors;
      part->parameters += count_of(entry.shape);
      part->dtypes.insert(entry.info.dtype);
    }
  }
  uint64_t size = 0;
  for (const TensorFile& file : files_) size += file.file_size();

  std::ostringstream out;
  out << path_ << "\n";
  out << "  family          " << family_->name << (folder_ ? " (Diffusers folder)" : " (single file)") << "\n";
  out << "  size            " << people_bytes(size) << " (" << size << " bytes)\n";
  const auto line = [&](std::string name, const Part& part) {
    name.resize(std::max<size_t>(name.size() + 1, 16), ' ');
    out << "  " << name << part.tensors << " tensors, " << people_count(part.parameters) << " parameters ("
        << part.parameters << "),";
    for (const DType dtype : part.dtypes) out << ' ' << dtype;
    out << "\n";
  };
  line("all", all);
  for (const auto& [name, part] : parts) line(name, part);
  if (family_->widths_text) out << "  widths          " << family_->widths_text(*this) << "\n";
  if (ignored_) out << "  left out        " << ignored_ << " tensors that are no weights of the model\n";
  return out.str();
}

}  // namespace rankine
