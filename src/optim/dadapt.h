#pragma once
#include "optim/optimizer.h"

namespace rankine {

/// D-Adaptation (Defazio & Mishchenko 2023, arXiv:2301.07733), with the dadaptation package's defaults: the step size
/// is an estimate d of the distance to the solution, times the learning rate (1 is right).
std::unique_ptr<Optimizer> make_dadapt_adam(std::span<const std::string> args);
/// The algorithm of that package before version 3, which sd-scripts calls "DAdaptation".
std::unique_ptr<Optimizer> make_dadapt_adam_preprint(std::span<const std::string> args);
/// On Adan (Xie et al. 2022, arXiv:2208.06677); IP: with a tighter bound.
std::unique_ptr<Optimizer> make_dadapt_adan(std::span<const std::string> args);
std::unique_ptr<Optimizer> make_dadapt_adan_ip(std::span<const std::string> args);
std::unique_ptr<Optimizer> make_dadapt_lion(std::span<const std::string> args);
std::unique_ptr<Optimizer> make_dadapt_sgd(std::span<const std::string> args);
std::unique_ptr<Optimizer> make_dadapt_adagrad(std::span<const std::string> args);

}  // namespace rankine
