#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/picture_sizes.h"
#include "graph/graph.h"
#include "models/family.h"
#include "text/caption_tokens.h"
#include "text/prompt_tokens.h"

namespace rankine {

// Inputs that graphs around a model give to its parts; those of a condition are named by ConditionSpec.
inline constexpr std::string_view kLatents = "latents", kTimesteps = "timesteps", kImage = "image", kIds = "ids",
                                  kSizes = "sizes";

/// The length of the texts of a batch.
struct TextShape {
  int64_t chunks = 1;         ///< chunks that the text encoder reads one by one
  bool whole_chunks = false;  ///< keep every state, as prompts of pictures do; captions drop the inner marks
};

/// A tensor that the denoiser reads from a text, such as "context" of shape [tokens, width].
struct ConditionSpec {
  std::string_view name;   ///< of the graph's input
  Shape shape;             ///< of one sample, without the batch
  bool per_token = false;  ///< the first axis counts tokens: weights in a text multiply it
};

/// The widths of the states and of the pooled output that sd-scripts keeps of a caption in a `_te_outputs.npz` file.
struct TextOutputWidths {
  int64_t first = 0, second = 0;  ///< of the first and the second text encoder's states
  int64_t pooled = 0;
};

/// A family with the sizes of one checkpoint; it builds the graphs of its parts. Pictures are NHWC, and every weight is
/// a constant of the graph under its canonical name.
class Model {
 public:
  explicit Model(const Family& family) : family_(family) {}
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const Family& family() const { return family_; }
  const LatentSpace& latents() const { return family_.latents; }

  /// Tokenizes a caption for training in `chunks` chunks. `weighted`: "(word:1.2)" in it is a weight. Throws Error for
  /// a weight that is no number.
  virtual CaptionTokens tokenize(const std::string& caption, int64_t chunks, bool weighted) const = 0;
  /// Tokenizes prompts of pictures, all in as many chunks as the longest one needs. Throws Error as `tokenize` does.
  virtual PromptTokens tokenize_prompts(std::span<const std::string> prompts) const = 0;
  /// The shape of one sample's token ids.
  virtual Shape ids_shape(int64_t chunks) const = 0;
  /// The largest --clip_skip: the text encoder's layers.
  virtual int64_t most_clip_skip() const = 0;

  /// The tensors that the denoiser reads from a text.
  virtual std::vector<ConditionSpec> condition(const TextShape& text) const = 0;
  /// ids: i32 [N, ...ids_shape] -> the values of `condition`, [N, ...shape] each, of type `compute`.
  virtual std::vector<Value> encode_text(Graph& graph, Value ids, const TextShape& text, int64_t clip_skip,
                                         DType compute) const = 0;
  /// Where encoded captions have a file form: its widths. Then `condition` is the states of both text encoders side by
  /// side, and the pooled output.
  virtual std::optional<TextOutputWidths> text_output_widths() const { return std::nullopt; }
  /// False if the text encoders are read at fixed layers, whatever --clip_skip says.
  virtual bool reads_clip_skip() const { return true; }
  /// True if the denoiser reads each picture's sizes (PictureSizes).
  virtual bool reads_sizes() const { return false; }
  /// latents: [N, h, w, channels] in the compute type; timesteps: f32 [N]; condition: of encode_text; sizes: f32 [N, 6]
  /// of size_numbers, or none unless reads_sizes -> the prediction, like latents.
  virtual Value denoise(Graph& graph, Value latents, Value timesteps, std::span<const Value> condition,
                        Value sizes) const = 0;
  /// images: [N, H, W, 3] in [-1, 1] -> moments [N, H/stride, W/stride, 2 channels]: mean and log-variance of the
  /// latents, before their scale.
  virtual Value encode_image(Graph& graph, Value images) const = 0;
  /// latents: [N, h, w, channels], already divided by their scale -> images [N, H, W, 3], about [-1, 1].
  virtual Value decode_latents(Graph& graph, Value latents) const = 0;

  /// The weights that the functions above read, the denoiser's first: their canonical names and shapes.
  std::vector<NamedShape> tensors() const;

 private:
  const Family& family_;
};

}  // namespace rankine
