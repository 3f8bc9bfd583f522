#pragma once
#include <string>
#include <string_view>

namespace rankine {

/// Data files of assets/, built into the program so that it runs from any folder.
namespace assets {
/// CLIP's 48,894 byte-pair merges, one "left right" per line, best first; gzip.
std::string_view clip_merges_gz();
/// HTML 5's named character references, one "name HEX [HEX]" per line; gzip.
std::string_view html_entities_gz();
}  // namespace assets

/// Unpacks a gzip file in memory. Throws Error if it is damaged.
std::string gunzip(std::string_view compressed);

}  // namespace rankine
