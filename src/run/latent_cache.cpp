#include "run/latent_cache.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

#include "base/rng.h"
#include "base/timer.h"
#include "data/loader.h"
#include "data/prefetch.h"
#include "diffusion/loss.h"
#include "io/atomic_file.h"
#include "io/file_hash.h"

namespace rankine {
namespace {

/// Pictures that are decoded, or being decoded, ahead of the encoder.
constexpr int kAheadPerThread = 4;

/// One picture as a thread hands it over: with its latents where a file has them, else decoded.
struct Prepared {
  bool is_read = false;
  PictureLatents latents{};
  LatentRecipe recipe{};
  std::vector<float> image{};  // [H, W, 3] in [-1, 1]
  std::string refused{};       // why the file that is there does not count
  std::string refused_file{};
  double seconds = 0;
};

/// The normal numbers of a picture's latents: they belong to the picture, whatever run it is in.
std::vector<float> picture_noise(const std::string& picture_digest, bool flipped, size_t count) {
  std::vector<float> noise(count);
  Rng(std::stoull(picture_digest.substr(0, 16), nullptr, 16), purpose::latents, 0, flipped ? 1 : 0).fill_normal(noise);
  return noise;
}

/// [H, W, channels], left and right exchanged.
std::vector<float> mirrored(const std::vector<float>& values, int width, int channels) {
  std::vector<float> out(values.size());
  const auto row = static_cast<size_t>(width) * static_cast<size_t>(channels);
  for (size_t begin = 0; begin < values.size(); begin += row)
    for (int x = 0; x < width; ++x)
      std::copy_n(&values[begin + static_cast<size_t>(x * channels)], channels,
                  &out[begin + static_cast<size_t>((width - 1 - x) * channels)]);
  return out;
}

}  // namespace

std::vector<float> latent_noise(uint64_t seed, int64_t draw, int sample, bool flipped, size_t count) {
  std::vector<float> noise(count);
  const uint64_t key = static_cast<uint64_t>(draw) << 32 | static_cast<uint32_t>(sample);
  Rng(seed, purpose::latents, key, flipped ? 1 : 0).fill_normal(noise);
  return noise;
}

/// One filling of a cache.
class LatentFilling {
 public:
  LatentFilling(LatentCache& cache, const TrainingData& data, const LatentCacheConfig& config, LatentEncoder& encoder)
      : cache_(cache), data_(data), config_(config), encoder_(encoder), plan_(plan_latents(data, config.to_disk)) {
    cache_.items_.assign(plan_.items.size(), {});
    cache_.item_of_sample_ = plan_.item_of_sample;
    report_.faults.without_file = plan_.without_file;
  }

  LatentCacheReport run(const LatentCache::Watch& watch) {
    if (config_.to_disk) remove_half_files();
    const auto count = static_cast<int>(plan_.items.size());
    const Timer timer;
    Prefetch<Prepared> prepared(count, config_.threads, config_.threads * kAheadPerThread,
                                [this](int i) { return prepare(item(i)); });
    bool goes_on = true;
    for (int i = 0; i < count && goes_on; ++i) {
      const Timer waiting;
      Prepared next = prepared.next();
      report_.wait_seconds += waiting.seconds();
      report_.decode_seconds += next.seconds;
      if (!next.refused.empty()) report_.faults.refused[next.refused].push_back(next.refused_file);
      if (!next.is_read) {
        encode(item(i), next);
        write(item(i), next);
      }
      ++(next.is_read ? report_.read : report_.made);
      keep(i, next.latents);
      report_.seconds = timer.seconds();
      goes_on = watch(report_, count);
    }
    return report_;
  }

 private:
  const LatentItem& item(int i) const { return plan_.items[static_cast<size_t>(i)]; }

  /// On any thread.
  Prepared prepare(const LatentItem& item) const {
    const Timer timer;
    Prepared out;
    const std::string& path = data_.samples[static_cast<size_t>(item.sample)].path;
    out.recipe = item.recipe;
    out.recipe.vae = config_.vae;
    out.recipe.compute = config_.compute;
    if (config_.skip_check) read(item, path, out);
    if (!out.is_read) {
      out.recipe.picture = sha256_of_file(path);
      if (!config_.skip_check) read(item, path, out);
      if (!out.is_read) {
        out.image = load_sample(data_, item.sample, false);
        if (item.needs.alpha_mask) out.latents.alpha_mask = load_alpha_mask(data_, item.sample, false);
        check(sha256_of_file(path) == out.recipe.picture, path,
              ": the picture changed while it was read: do not edit pictures during training");
      }
    }
    out.seconds = timer.seconds();
    return out;
  }

  void read(const LatentItem& item, const std::string& picture, Prepared& out) const {
    if (item.file.empty()) return;
    // A file of old versions never tells its picture. Where it is trusted it comes first, as in sd-scripts.
    std::vector<std::string> files = {item.file};
    if (config_.skip_check) files.insert(files.begin(), old_latent_file_path(picture));
    std::error_code ignored;
    for (const std::string& file : files) {
      if (out.is_read || !std::filesystem::exists(file, ignored)) continue;
      LatentsRead found = read_latent_file(file, out.recipe, item.needs, config_.skip_check);
      out.is_read = found.latents.has_value();
      if (out.is_read) out.latents = std::move(*found.latents);
      out.refused = std::move(found.reason);
      out.refused_file = file;
    }
  }

  /// The picture, and its mirror image where that is needed.
  void encode(const LatentItem& item, Prepared& picture) {
    const Timer timer;
    const Size size = item.recipe.bucket;
    for (const bool flipped : {false, true}) {
      if (flipped && !item.needs.flipped) break;
      const std::vector<float>& moments =
          encoder_.encode(size, flipped ? mirrored(picture.image, size.width, 3) : picture.image);
      (flipped ? picture.latents.flipped : picture.latents.latents) =
          sample_latents(moments, picture_noise(picture.recipe.picture, flipped, moments.size() / 2),
                         data_.latents.channels, data_.samples[static_cast<size_t>(item.sample)].path);
    }
    report_.encode_seconds += timer.seconds();
  }

  /// Training can do without the file: what the disk refuses is noted.
  void write(const LatentItem& item, const Prepared& picture) {
    if (item.file.empty()) return;
    const Timer timer;
    try {
      write_latent_file(item.file, picture.recipe, picture.latents);
    } catch (const Error& error) {
      if (report_.faults.unwritten++ == 0) report_.faults.write_fault = error.what();
    }
    report_.write_seconds += timer.seconds();
  }

  void keep(int i, PictureLatents& latents) {
    LatentCache::Kept& kept = cache_.items_[static_cast<size_t>(i)];
    const Size size = item(i).recipe.bucket, of_latents = data_.latents.of(size);
    if (!latents.alpha_mask.empty()) {
      kept.masks[0] =
          resize_mask_area(latents.alpha_mask, size.height, size.width, of_latents.height, of_latents.width);
      kept.masks[1] = mirrored(kept.masks[0], of_latents.width, 1);
    }
    kept.latents = {std::move(latents.latents), std::move(latents.flipped)};
  }

  void remove_half_files() const {
    std::set<std::string> folders;
    for (const LatentItem& item : plan_.items)
      if (!item.file.empty()) folders.insert(std::filesystem::path(item.file).parent_path().string());
    for (const std::string& folder : folders)
      remove_abandoned_files(folder, "", std::string(data_.latents.file_ending));
  }

  LatentCache& cache_;
  const TrainingData& data_;
  const LatentCacheConfig& config_;
  LatentEncoder& encoder_;
  const LatentPlan plan_;
  LatentCacheReport report_;
};

LatentCacheReport LatentCache::fill(const TrainingData& data, const LatentCacheConfig& config, LatentEncoder& encoder,
                                    const Watch& watch) {
  return LatentFilling(*this, data, config, encoder).run(watch);
}

int64_t LatentCache::bytes() const {
  size_t count = 0;
  for (const Kept& item : items_)
    for (const auto* values : {&item.latents[0], &item.latents[1], &item.masks[0], &item.masks[1]})
      count += values->size();
  return static_cast<int64_t>(count * sizeof(float));
}

int64_t planned_latent_bytes(const TrainingData& data, bool to_disk) {
  int64_t floats = 0;
  for (const LatentItem& item : plan_latents(data, to_disk).items) {
    const Size size = item.recipe.bucket;
    const Size latents = data.latents.of(size);
    const int64_t places = int64_t{latents.height} * latents.width;
    floats += places * (data.latents.channels + (item.needs.alpha_mask ? 1 : 0)) * (item.needs.flipped ? 2 : 1);
  }
  return floats * static_cast<int64_t>(sizeof(float));
}

std::string report_text(const LatentCacheReport& r, int threads) {
  std::ostringstream out;
  out.precision(3);
  const auto rate = [](int64_t count, double seconds) {
    return seconds > 0 ? static_cast<double>(count) / seconds : 0.0;
  };
  const int64_t all = r.read + r.made;
  out << "latents of " << all << (all == 1 ? " picture" : " pictures") << " in " << r.seconds << " s, "
      << rate(all, r.seconds) << " images/s: ";
  if (r.read > 0) out << r.read << " read from disk, ";
  out << r.made << " made; reading and decoding " << rate(all * threads, r.decode_seconds) << " images/s on " << threads
      << (threads == 1 ? " thread" : " threads");
  if (r.made > 0) out << ", encoding " << rate(r.made, r.encode_seconds) << " images/s";
  if (r.write_seconds > 0) out << ", writing " << rate(r.made, r.write_seconds) << " images/s";
  if (r.made > 0 && r.seconds > 0)
    out << ", waiting for pictures " << 100 * r.wait_seconds / r.seconds << "% of the time";
  out << '\n';
  out << faults_text(r.faults, "latents");
  return out.str();
}

}  // namespace rankine
