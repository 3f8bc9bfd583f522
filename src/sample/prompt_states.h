#pragma once
#include <span>

#include "step/step_settings.h"

namespace rankine {

/// The condition of prompt `index` out of those of all prompts, [prompts, ...] each. Each token's states are multiplied
/// by the token's weight, then all of them by one factor, so that their mean is as before.
ConditionNumbers weighted_condition(const PromptTokens& tokens, std::span<const ConditionSpec> specs,
                                    const ConditionNumbers& all, size_t index);

}  // namespace rankine
