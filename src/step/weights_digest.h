#pragma once
#include <string>

#include "backend/backend.h"
#include "models/model.h"

namespace rankine {

/// SHA-256 of the encoder's weights, names and shapes included, in f32.
std::string vae_digest(ConstantSource& constants, const Model& model);

/// The same of the weights of all text encoders.
std::string text_encoder_digest(ConstantSource& constants, const Model& model);

}  // namespace rankine
