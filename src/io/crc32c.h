#pragma once
#include <cstdint>
#include <string_view>

namespace rankine {

/// CRC-32C (Castagnoli's polynomial, reflected 0x82F63B78) as in RFC 3720, appendix B.4: crc32c("123456789") is
/// 0xE3069283.
uint32_t crc32c(std::string_view bytes);

/// The form that TensorFlow stores: rotated right by 15 bits, plus 0xA282EAD8. So the checksum of bytes that contain a
/// checksum is not a special value.
uint32_t masked_crc32c(std::string_view bytes);

}  // namespace rankine
