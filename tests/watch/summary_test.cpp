#include "watch/summary.h"

#include <doctest/doctest.h>

using namespace rankine;

TEST_CASE("the summary is one subject a line with its columns aligned") {
  RunSummary s;
  s.model = "sd15.safetensors (sd15)";
  s.precision = "bf16";
  s.folders = {{"3_cat", 5, 3, 15}, {"1_Müller", 14, 1, 14}};
  s.buckets = {{64, 192, 4, 2}, {128, 128, 24, 12}, {192, 64, 1, 1}};
  s.batch_size = "2";
  s.gradient_accumulation_steps = 2;
  s.steps = 24;
  s.epochs = 3;
  s.network = "rank 32, alpha 16";
  s.trained_modules = {{"U-Net", 192}, {"text encoder", 72}};
  s.trained_parameters = 13600000;
  s.optimizer = "AdamW, cosine, lr 0.0001";
  s.memory_bytes = {{"frozen weights", 1846835936}, {"activations", 708837376}};
  s.output = "out/cat.safetensors";
  CHECK("\n" + summary_text(s) + "\n" == R"(
  model        sd15.safetensors (sd15)
  precision    bf16
  images       3_cat       5 images   x 3   15
               1_Müller   14 images   x 1   14
               all        19 images         29
  buckets      64 x 192     4 images    2 batches
               128 x 128   24 images   12 batches
               192 x 64     1 image     1 batch
               all         29 images   15 batches
  steps        24 in 3 epochs, batch size 2, 2 batches a step
  trained      13.6 M parameters: U-Net 192 modules, text encoder 72 modules; rank 32, alpha 16
  optimizer    AdamW, cosine, lr 0.0001
  memory       frozen weights   1.72 GiB
               activations       676 MiB
               all              2.38 GiB
  output       out/cat.safetensors
)");
}

TEST_CASE("counts and sizes have three digits and a unit") {
  CHECK(count_text(512) == "512");
  CHECK(count_text(32400) == "32.4 k");
  CHECK(count_text(13600000) == "13.6 M");
  CHECK(count_text(999600000) == "1.00 B");
  CHECK(count_text(1066000000) == "1.07 B");
  CHECK(bytes_text(17) == "17 B");
  CHECK(bytes_text(12288) == "12.0 KiB");
  CHECK(bytes_text(402653184) == "384 MiB");
  CHECK(bytes_text(1073741000) == "1.00 GiB");
}
