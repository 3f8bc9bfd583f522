#include "text/assets.h"

#include <zlib.h>

#include "base/error.h"

// RANKINE_ASSETS_DIR comes from CMakeLists.txt. The assembler reads the files, so they need no generated source.
asm(R"(
  .section .rodata
  .balign 16
  .global rankine_clip_merges_begin, rankine_clip_merges_end
rankine_clip_merges_begin:
  .incbin ")" RANKINE_ASSETS_DIR R"(/clip_merges.txt.gz"
rankine_clip_merges_end:
  .global rankine_html_entities_begin, rankine_html_entities_end
rankine_html_entities_begin:
  .incbin ")" RANKINE_ASSETS_DIR R"(/html_entities.txt.gz"
rankine_html_entities_end:
  .text
)");

extern "C" {
extern const char rankine_clip_merges_begin[], rankine_clip_merges_end[];
extern const char rankine_html_entities_begin[], rankine_html_entities_end[];
}

namespace rankine {

std::string_view assets::clip_merges_gz() { return {rankine_clip_merges_begin, rankine_clip_merges_end}; }

std::string_view assets::html_entities_gz() { return {rankine_html_entities_begin, rankine_html_entities_end}; }

std::string gunzip(std::string_view compressed) {
  z_stream stream{};
  check(inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK, "gunzip: zlib could not start");  // 16: a gzip header
  // zlib's interface is not const-correct; it only reads next_in.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  std::string out(compressed.size() * 4 + 64, '\0');
  int status = Z_OK;
  while (status == Z_OK) {
    if (stream.total_out == out.size()) out.resize(out.size() * 2);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + stream.total_out);
    stream.avail_out = static_cast<uInt>(out.size() - stream.total_out);
    status = inflate(&stream, Z_NO_FLUSH);
  }
  out.resize(stream.total_out);
  inflateEnd(&stream);
  check(status == Z_STREAM_END, "gunzip: the data is damaged or cut off after ", out.size(), " bytes");
  return out;
}

}  // namespace rankine
