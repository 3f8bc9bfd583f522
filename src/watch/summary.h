#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace rankine {

struct BucketSummary {
  int64_t width = 0, height = 0;  ///< pixels
  int64_t images = 0;             ///< with repeats
  int64_t batches = 0;            ///< per epoch
};

struct FolderSummary {
  std::string folder;
  int64_t images = 0;
  int64_t repeats = 1;
  int64_t drawn = 0;  ///< per epoch: images * repeats, or the stretched number of regularisation pictures
};

/// The facts about a run that are known before its first step.
struct RunSummary {
  std::string model;      ///< "tiny-sd15.safetensors (sd15)"
  std::string precision;  ///< "bf16", with recomputation: "bf16, gradient checkpointing"
  std::vector<FolderSummary> folders;
  std::vector<BucketSummary> buckets;
  std::string batch_size = "1";  ///< "2", or "2 and 3" if datasets differ
  int64_t gradient_accumulation_steps = 1;
  int64_t steps = 0;
  int64_t epochs = 0;
  std::string network = "rank 4, alpha 1";                       ///< or "ranks 2 to 16, alpha 1"; with dropout
  std::vector<std::pair<std::string, int64_t>> trained_modules;  ///< {"U-Net", 192}
  int64_t trained_parameters = 0;
  std::string optimizer;                                      ///< "AdamW, cosine, lr 1e-4"
  std::vector<std::pair<std::string, int64_t>> memory_bytes;  ///< planned, per use: {"frozen weights", 1719000000}
  std::string output;                                         ///< path of the final file
};

/// The table printed before step 1: one subject per line, columns aligned, no line end after the last line.
std::string summary_text(const RunSummary& summary);

/// "1.07 B", "13.6 M", "32.4 k", "512".
std::string count_text(int64_t count);
/// "2.71 GiB", "384 MiB", "12.0 KiB", "17 B".
std::string bytes_text(int64_t bytes);

}  // namespace rankine
