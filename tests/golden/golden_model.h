#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "models/model.h"
#include "step/checkpoint_constants.h"
#include "step/training_step.h"
#include "support/reference.h"

namespace rankine::golden {

/// A recorded model: its synthetic checkpoint, written to a temporary file that goes with this object.
class GoldenModel {
 public:
  explicit GoldenModel(const ModelLayout& layout);
  ~GoldenModel();
  GoldenModel(const GoldenModel&) = delete;
  GoldenModel& operator=(const GoldenModel&) = delete;

  const Checkpoint& checkpoint() const { return checkpoint_; }
  const std::shared_ptr<const Model>& model() const { return model_; }
  ConstantSource& constants() { return constants_; }

 private:
  std::filesystem::path path_;
  Checkpoint checkpoint_;
  std::shared_ptr<const Model> model_;
  CheckpointConstants constants_;
};

/// Families whose cases can run.
bool family_is_built(const ModelLayout& layout);

/// The reason why cases of a model can't run: "no layout", or its family, such as "sdxl"; empty where they can.
std::string reason_to_skip(const std::string& model);

/// Pictures: files are [N, C, H, W], the engine is [N, H, W, C].
std::vector<float> nhwc_from_nchw(const std::vector<float>& values, const Shape& nchw);
std::vector<float> nchw_from_nhwc(const std::vector<float>& values, const Shape& nchw);

/// max |a - b| / max |b|
double max_error(const std::vector<float>& a, const std::vector<float>& b);
/// ||a - b|| and ||b||, to be summed over tensors: L2-relative error.
struct L2Error {
  double difference = 0, size = 0;
  void add(const std::vector<float>& a, const std::vector<float>& b);
  double relative() const;
};

/// The options of a recorded step, those that are built; others make the case a skipped one.
std::vector<KnownOption> built_step_options();

/// The LoRA modules of a case, in file order.
std::vector<AdaptedLayer> modules_of(const GoldenModel& model, int rank, double alpha, bool text_encoder,
                                     const std::optional<std::pair<int, double>>& conv);

/// The recorded token ids below a prefix, in the order of Model::ids_shape: "ids1", and "ids2" with a second tower.
std::vector<int32_t> read_ids(const SafetensorsFile& file, const std::string& prefix);

/// The inputs of a step that follow from a recorded micro-batch ("in." or "stepNN." tensors) under these options.
StepInputs step_inputs(const GoldenModel& model, const SafetensorsFile& file, const std::string& prefix,
                       const Options& options);

/// `tensors` with the names and sizes of the modules' LoRA tensors: NAME.lora_down.weight, NAME.lora_up.weight.
struct LoraTensor {
  std::string name;
  Shape shape;
};
std::vector<LoraTensor> lora_tensors(std::span<const AdaptedLayer> modules);

}  // namespace rankine::golden
