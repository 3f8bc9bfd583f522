#pragma once
#include <string>
#include <string_view>

namespace rankine {

/// Data files of assets/ that the program carries inside itself, so that it runs from anywhere.
namespace assets {
/// CLIP's 48,894 byte-pair merges, one "left right" a line, best first; gzip.
std::string_view clip_merges_gz();
/// HTML 5's named character references, one "name HEX [HEX]" a line; gzip.
std::string_view html_entities_gz();
}  // namespace assets

/// The content of a gzip file held in memory. Throws Error when it is damaged.
std::string gunzip(std::string_view compressed);

}  // namespace rankine
