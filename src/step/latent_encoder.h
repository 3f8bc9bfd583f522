#pragma once
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/size.h"
#include "step/autoencoder_graph.h"

namespace rankine {

/// The autoencoder's encoder on a device. The destructor frees its memory.
class LatentEncoder {
 public:
  /// `backend` and `constants` must outlive it.
  LatentEncoder(const Backend& backend, ConstantSource& constants, AutoencoderSettings settings);
  ~LatentEncoder();

  /// Compiles for pictures of a size, if that is not done yet.
  void prepare(Size size);
  /// image: [H, W, 3] in [-1, 1] of `size` -> moments [h, w, 2 channels]: mean and log-variance of each latent. One
  /// picture at a time: the products of several are of another size and may be rounded otherwise.
  const std::vector<float>& encode(Size size, std::span<const float> image);
  /// Encodes one picture and returns the seconds of each node's kernel, in order of execution.
  std::vector<NodeTime> profile(Size size, std::span<const float> image);

  MemoryUse memory() const { return session_->memory(); }

 private:
  struct Program;

  Program& program(Size size);

  AutoencoderSettings settings_;
  const DeviceModel& device_;
  std::unique_ptr<Session> session_;
  std::map<Size, std::unique_ptr<Program>> programs_;
};

/// Latents [h, w, channels] = mean + exp(log-variance / 2) * noise (Kingma & Welling 2013, arXiv:1312.6114, sec. 2.4),
/// with the log-variance clamped to [-30, 20]. moments: [h, w, 2 channels], noise: [h, w, channels]. Throws Error
/// naming `file` when a latent is not finite.
std::vector<float> sample_latents(std::span<const float> moments, std::span<const float> noise, int64_t channels,
                                  const std::string& file);

}  // namespace rankine
