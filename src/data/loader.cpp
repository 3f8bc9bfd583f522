#include "data/loader.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/rng.h"
#include "base/timer.h"
#include "data/color_augment.h"
#include "data/crop.h"
#include "data/epoch_plan.h"
#include "data/resize.h"
#include "io/image_facts.h"

namespace rankine {
namespace {

/// Random numbers keyed by one use of one sample, independent of thread and time.
Rng rng_of(uint64_t seed, uint32_t purpose, int epoch, Draw draw) {
  const uint64_t key = static_cast<uint64_t>(epoch) << 32 | static_cast<uint32_t>(draw.sample);
  return Rng(seed, purpose, key, static_cast<uint32_t>(draw.repeat));
}

/// Reads a file and checks that it has not changed.
Image read_again(const std::string& path, Size size, Alpha alpha, int orientation) {
  Image image;
  try {
    image = oriented(read_image(path, alpha), orientation);
  } catch (const Error& error) {
    fail(error.what(), " (--skip_broken_images leaves such pictures out from the start)");
  }
  check(image.width == size.width && image.height == size.height, path, ": the picture was ", size.width, "x",
        size.height, " at the start and is now ", image.width, "x", image.height,
        ": do not edit pictures during training");
  return image;
}

Interpolation interpolation_of(const SubsetOptions& options) {
  const std::optional<std::string>& name = options.resize_interpolation;
  return name ? interpolation_from(*name) : Interpolation::automatic;
}

/// The part of the picture that is trained on. It has alpha if its folder has alpha_mask; resizing then weighs the
/// colours by alpha, as in sd-scripts.
Image image_part(const TrainingData& data, const Sample& s, const Crop& crop) {
  const SubsetOptions& options = data.subset_of(s).options;
  return apply(crop, read_again(s.path, s.size, options.alpha_mask ? Alpha::require : Alpha::drop, s.orientation),
               interpolation_of(options));
}

/// One channel, in [0, 1].
std::vector<float> channel_of(Image image, size_t channel, bool flipped) {
  if (flipped) image = flip_horizontal(image);
  const size_t channels = image.channels;
  std::vector<float> values(static_cast<size_t>(image.width) * image.height);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(image.pixels[i * channels + channel]) / 255.0f;
  return values;
}

std::vector<float> alpha_of(const Sample& s, const Image& picture, bool flipped) {
  check(picture.channels == 4, s.path, ": this picture has no mask");
  return channel_of(picture, 3, flipped);
}

std::vector<float> mask_file_part(const TrainingData& data, const Sample& s, const Crop& crop, bool flipped) {
  const Image mask = read_again(s.mask_path, s.size, Alpha::drop, 1);
  return channel_of(apply(crop, mask, interpolation_of(data.subset_of(s).options)), 0, flipped);
}

}  // namespace

std::vector<float> load_sample(const TrainingData& data, int sample, bool flipped) {
  const Sample& s = data.samples.at(static_cast<size_t>(sample));
  const Image image = image_part(data, s, centre_crop(s));
  std::vector<float> out(static_cast<size_t>(image.width) * image.height * 3);
  to_network_input(image, flipped, out.data());
  return out;
}

std::vector<float> load_mask(const TrainingData& data, int sample, bool flipped) {
  const Sample& s = data.samples.at(static_cast<size_t>(sample));
  return s.mask_path.empty() ? load_alpha_mask(data, sample, flipped)
                             : mask_file_part(data, s, centre_crop(s), flipped);
}

std::vector<float> load_alpha_mask(const TrainingData& data, int sample, bool flipped) {
  const Sample& s = data.samples.at(static_cast<size_t>(sample));
  return alpha_of(s, image_part(data, s, centre_crop(s)), flipped);
}

/// The batches in progress, oldest first, and the threads that make them sample by sample.
class Loader::Queue {
 public:
  Queue(const TrainingData& data, const LoaderConfig& config)
      : data_(data), config_(config), per_epoch_(data.batches_per_epoch()) {
    check(per_epoch_ > 0, "the dataset has no batches");
    opened_ = consumed_ = config.first_batch;
    end_ = config.end_batch < 0 ? std::numeric_limits<int64_t>::max() : config.end_batch;
    check(config.gradient_accumulation_steps > 0, "gradient_accumulation_steps must be positive");
    check(config.queue_batches > 0, "the loader's queue must hold at least one batch");
    int threads = config.threads;
    if (threads <= 0) threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 8u));
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }

  ~Queue() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    to_do_.notify_all();
  }

  Batch next() {
    std::unique_lock lock(mutex_);
    check(consumed_ < end_, "the loader has no batch left");
    const Timer timer;
    const auto oldest_is_ready = [&] { return !slots_.empty() && slots_.front()->unfinished == 0; };
    ready_.wait(lock, [&] { return failure_ || oldest_is_ready(); });
    if (oldest_is_ready() && slots_.front()->failure && !failure_) failure_ = slots_.front()->failure;
    if (failure_) std::rethrow_exception(failure_);
    Batch batch = std::move(slots_.front()->batch);
    batch.waited_seconds = timer.seconds();
    slots_.pop_front();
    ++consumed_;
    to_do_.notify_all();
    return batch;
  }

  bool has_next() const {
    const std::lock_guard lock(mutex_);
    return consumed_ < end_;
  }
  int64_t batches_per_epoch() const { return per_epoch_; }
  int queued() const {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(slots_.size());
  }

 private:
  struct Slot {
    Batch batch;
    int64_t number = 0;  // from the start of epoch 0
    std::vector<Draw> draws;
    size_t given_out = 0;   // draws that a thread has taken
    size_t unfinished = 0;  // draws that are not done
    std::exception_ptr failure;
  };

  void work() {
    std::unique_lock lock(mutex_);
    while (!stop_) {
      Slot* slot = nullptr;
      try {
        slot = slot_with_work();
      } catch (...) {
        failure_ = std::current_exception();
        ready_.notify_all();
        return;
      }
      if (!slot) {
        to_do_.wait(lock);
        continue;
      }
      const size_t i = slot->given_out++;
      lock.unlock();
      std::exception_ptr failure;
      try {
        make(*slot, i);
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      if (failure && !slot->failure) slot->failure = failure;
      if (--slot->unfinished == 0) ready_.notify_all();
    }
  }

  /// Call it under the lock. Only the newest slot can have draws left; if it has none, a new slot is opened.
  Slot* slot_with_work() {
    if (!slots_.empty() && slots_.back()->given_out < slots_.back()->draws.size()) return slots_.back().get();
    if (opened_ >= end_ || slots_.size() >= static_cast<size_t>(config_.queue_batches)) return nullptr;

    auto slot = std::make_unique<Slot>();
    Batch& batch = slot->batch;
    slot->number = opened_;
    batch.epoch = static_cast<int>(opened_ / per_epoch_);
    batch.index = opened_ % per_epoch_;
    if (planned_epoch_ != batch.epoch) {
      plan_ = plan_epoch(data_, config_.seed, batch.epoch);
      planned_epoch_ = batch.epoch;
    }
    const PlannedBatch& planned = plan_[static_cast<size_t>(batch.index)];
    slot->draws = planned.draws;
    slot->unfinished = planned.draws.size();
    batch.bucket = data_.datasets[planned.dataset].buckets[planned.bucket].size;
    const size_t count = planned.draws.size();
    batch.flipped.resize(count);
    batch.captions.resize(count);
    for (const Draw& draw : planned.draws) {
      const Sample& sample = data_.samples[draw.sample];
      batch.samples.push_back(draw.sample);
      batch.files.push_back(sample.path);
      batch.loss_weights.push_back(sample.is_reg ? static_cast<float>(config_.prior_loss_weight) : 1.0f);
    }
    if (config_.decode_images) {
      const size_t pixels = count * batch.bucket.width * batch.bucket.height;
      batch.images.resize(pixels * 3);
      const auto has_mask = [&](int sample) { return data_.has_mask(data_.samples[sample]); };
      if (std::ranges::any_of(batch.samples, has_mask)) batch.masks.assign(pixels, 1.0f);
    }
    slots_.push_back(std::move(slot));
    ++opened_;
    // There may now be work for other threads.
    to_do_.notify_all();
    return slots_.back().get();
  }

  /// Makes element `i` of a batch; several threads make different elements.
  void make(Slot& slot, size_t i) const {
    Batch& batch = slot.batch;
    const Draw draw = slot.draws[i];
    const Sample& sample = data_.samples[draw.sample];
    const SubsetOptions& options = data_.subset_of(sample).options;
    batch.flipped[i] = options.flip_aug && rng_of(config_.seed, purpose::flip, batch.epoch, draw).below(2) == 1;
    batch.captions[i] = caption_for(slot, draw, sample, options);
    if (config_.decode_images) decode(slot, i);
  }

  void decode(Slot& slot, size_t i) const {
    Batch& batch = slot.batch;
    const Draw draw = slot.draws[i];
    const Sample& sample = data_.samples[draw.sample];
    const SubsetOptions& options = data_.subset_of(sample).options;
    Rng crop_rng = rng_of(config_.seed, purpose::crop, batch.epoch, draw);
    const Crop crop = choose_crop(sample, data_.dataset_of(sample).section.options, options, crop_rng);
    Image image = image_part(data_, sample, crop);
    const size_t pixels = static_cast<size_t>(image.width) * image.height;
    const bool flipped = batch.flipped[i] != 0;
    if (data_.has_mask(sample)) {
      const std::vector<float> mask =
          sample.mask_path.empty() ? alpha_of(sample, image, flipped) : mask_file_part(data_, sample, crop, flipped);
      std::ranges::copy(mask, batch.masks.begin() + static_cast<std::ptrdiff_t>(i * pixels));
    }
    if (options.color_aug) {
      Rng rng = rng_of(config_.seed, purpose::color, batch.epoch, draw);
      color_augment(image, rng);
    }
    to_network_input(image, flipped, batch.images.data() + i * pixels * 3);
  }

  std::string caption_for(const Slot& slot, Draw draw, const Sample& sample, const SubsetOptions& options) const {
    Rng rng = rng_of(config_.seed, purpose::captions, slot.batch.epoch, draw);
    const CaptionContext context{.step = slot.number / config_.gradient_accumulation_steps,
                                 .epoch = slot.batch.epoch + 1,
                                 .max_train_steps = config_.max_train_steps};
    return process_caption(sample.caption, options.caption, context, rng);
  }

  const TrainingData& data_;
  const LoaderConfig config_;
  std::vector<PlannedBatch> plan_;  // of planned_epoch_
  int planned_epoch_ = -1;
  int64_t per_epoch_ = 0;
  int64_t end_ = 0;

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable to_do_, ready_;
  std::deque<std::unique_ptr<Slot>> slots_;
  int64_t opened_ = 0, consumed_ = 0;
  std::exception_ptr failure_;
  bool stop_ = false;
  std::vector<std::jthread> threads_;  // last, so that they are joined before anything they use is destroyed
};

Loader::Loader(const TrainingData& data, const LoaderConfig& config) : queue_(std::make_unique<Queue>(data, config)) {}
Loader::~Loader() = default;

Batch Loader::next() { return queue_->next(); }
bool Loader::has_next() const { return queue_->has_next(); }
int64_t Loader::batches_per_epoch() const { return queue_->batches_per_epoch(); }
int Loader::queued() const { return queue_->queued(); }

}  // namespace rankine
