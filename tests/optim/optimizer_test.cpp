#include "optim/optimizer.h"
#include "optim/python_names.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace rankine;

namespace {

std::string description(const std::string& type, const std::vector<std::string>& args) {
  return make_optimizer(type, args)->description();
}

}  // namespace

TEST_CASE("an optimiser is found whatever its capitals, and nothing means AdamW") {
  CHECK(description("", {}) == "torch.optim.adamw.AdamW");
  CHECK(description("adamw", {}) == "torch.optim.adamw.AdamW");
}

TEST_CASE("an optimiser describes its arguments as Python prints them") {
  CHECK(description("AdamW", {"weight_decay=0.1", "betas=(0.9,0.99)", "eps=1e-6"}) ==
        "torch.optim.adamw.AdamW(weight_decay=0.1,betas=(0.9, 0.99),eps=1e-06)");
}

TEST_CASE("descriptions name the class and what sd-scripts adds to the arguments") {
  CHECK(description("Lion", {"betas=(0.95,0.98)"}) == "lion_pytorch.lion_pytorch.Lion(betas=(0.95, 0.98))");
  CHECK(description("sgdnesterov", {}) == "torch.optim.sgd.SGD(momentum=0.9)");
  CHECK(description("Adafactor", {}) == "transformers.optimization.Adafactor(relative_step=True)");
  CHECK(description("Adafactor", {"warmup_init=True", "relative_step=False"}) ==
        "transformers.optimization.Adafactor(warmup_init=True,relative_step=True)");
  CHECK(description("DAdaptAdam", {}) == "dadaptation.dadapt_adam.DAdaptAdam");
  CHECK(description("DAdaptSGD", {"momentum=0.9"}) == "dadaptation.dadapt_sgd.DAdaptSGD(momentum=0.9)");
  CHECK(description("dadaptadagrad", {}) == "dadaptation.dadapt_adagrad.DAdaptAdaGrad");
  CHECK(description("AdamWScheduleFree", {"warmup_steps=3"}) ==
        "schedulefree.adamw_schedulefree.AdamWScheduleFree(warmup_steps=3)");
  CHECK(description("PagedAdamW8bit", {"weight_decay=0.1"}) ==
        "bitsandbytes.optim.adamw.PagedAdamW8bit(weight_decay=0.1)");
}

TEST_CASE("wrong optimiser settings are named") {
  CHECK_THROWS_WITH_AS(make_optimizer("Lionn", {}), doctest::Contains("Lionn"), Error);
  const std::vector<std::string> unknown = {"momentum=0.9"}, no_value = {"eps"}, no_number = {"eps=small"},
                                 one_beta = {"betas=0.9"}, too_large = {"betas=(0.9,1.5)"};
  CHECK_THROWS_WITH_AS(make_optimizer("AdamW", unknown), doctest::Contains("momentum"), Error);
  CHECK_THROWS_WITH_AS(make_optimizer("AdamW", no_value), doctest::Contains("key=value"), Error);
  CHECK_THROWS_WITH_AS(make_optimizer("AdamW", no_number), doctest::Contains("expected a number"), Error);
  CHECK_THROWS_WITH_AS(make_optimizer("AdamW", one_beta), doctest::Contains("2 numbers"), Error);
  CHECK_THROWS_WITH_AS(make_optimizer("AdamW", too_large), doctest::Contains("below 1"), Error);
  const std::vector<std::string> two_betas = {"betas=(0.9,0.99)"}, flag = {"decouple=yes"}, slice = {"slice_p=0"};
  CHECK_THROWS_WITH_AS(make_optimizer("DAdaptAdan", two_betas), doctest::Contains("3 numbers"), Error);
  const std::vector<std::string> all_momentum = {"momentum=1"};
  CHECK_THROWS_WITH_AS(make_optimizer("DAdaptSGD", all_momentum), doctest::Contains("momentum"), Error);
  CHECK_THROWS_WITH_AS(make_optimizer("Prodigy", flag), doctest::Contains("True or False"), Error);
  CHECK_THROWS_WITH_AS(make_optimizer("Prodigy", slice), doctest::Contains("slice_p"), Error);
  CHECK_THROWS_WITH_AS(make_optimizer("AdamW8bit", unknown), doctest::Contains("momentum"), Error);
}

TEST_CASE("every name in the list of optimisers makes one, and Adafactor alone finds its own rate") {
  const std::vector<std::string> fixed = {"relative_step=False"};
  for (const std::string& name : optimizer_names()) {
    CAPTURE(name);
    CHECK(make_optimizer(name, {})->finds_own_rate() == (name == "Adafactor"));
  }
  CHECK(!make_optimizer("Adafactor", fixed)->finds_own_rate());
}

TEST_CASE("an optimizer may be named by the path of its Python class, through any module of its package") {
  const auto same = [](const char* path, const char* own) { return optimizer_named(path) == own; };
  CHECK(same("torch.optim.AdamW", "AdamW"));
  CHECK(same("torch.optim.adamw.AdamW", "AdamW"));
  CHECK(same("bitsandbytes.optim.AdamW8bit", "AdamW8bit"));
  CHECK(same("bitsandbytes.optim.lion.Lion8bit", "Lion8bit"));
  CHECK(same("bitsandbytes.optim.PagedAdamW32bit", "PagedAdamW32bit"));
  CHECK(same("lion_pytorch.Lion", "Lion"));
  CHECK(same("prodigyopt.Prodigy", "Prodigy"));
  CHECK(same("dadaptation.experimental.DAdaptAdamPreprint", "DAdaptAdamPreprint"));
  CHECK(same("transformers.optimization.Adafactor", "Adafactor"));
  CHECK(same("schedulefree.AdamWScheduleFree", "AdamWScheduleFree"));
  CHECK(same("adamw8BIT", "AdamW8bit"));
  CHECK(make_optimizer("torch.optim.AdamW", {})->description() == make_optimizer("AdamW", {})->description());
}

TEST_CASE("an optimizer of Python's that is not built is refused as such, with the nearest") {
  for (const char* name : {"RAdam", "RMSprop", "torch.optim.SGD", "torch.optim.NAdam", "pytorch_optimizer.CAME",
                           "bitsandbytes.optim.AdEMAMix8bit", "my.AdamW", "torch.optim.Lion"}) {
    CAPTURE(name);
    CHECK_THROWS_WITH_AS(optimizer_named(name), doctest::Contains("not supported yet: this optimizer is not built"),
                         Error);
  }
  CHECK_THROWS_WITH_AS(optimizer_named("torch.optim.AdamWW"), doctest::Contains("the nearest is \"AdamW\""), Error);
  CHECK_THROWS_WITH_AS(optimizer_named("Adam"), doctest::Contains("AdamW with --optimizer_args weight_decay=0"), Error);
  CHECK_THROWS_WITH_AS(optimizer_named("torch.optim.SGD"), doctest::Contains("SGDNesterov"), Error);
}
