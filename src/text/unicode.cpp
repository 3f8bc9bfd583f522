#include "text/unicode.h"

#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include "base/error.h"

namespace rankine {
namespace {

icu::UnicodeString to_icu(std::u32string_view text) {
  return icu::UnicodeString::fromUTF32(reinterpret_cast<const UChar32*>(text.data()),
                                       static_cast<int32_t>(text.size()));
}

std::u32string from_icu(const icu::UnicodeString& text) {
  std::u32string out;
  out.reserve(static_cast<size_t>(text.length()));
  for (int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) out += static_cast<char32_t>(text.char32At(i));
  return out;
}

std::u32string normalize(const icu::Normalizer2* form, UErrorCode status, std::u32string_view text) {
  check(U_SUCCESS(status), "Unicode normalisation: ICU has no data for it: ", u_errorName(status));
  const icu::UnicodeString out = form->normalize(to_icu(text), status);
  check(U_SUCCESS(status), "Unicode normalisation failed: ", u_errorName(status));
  return from_icu(out);
}

/// Returns the character at byte `i` and moves `i` to the next one.
char32_t next_character(std::string_view text, size_t& i) {
  const size_t start = i;
  UChar32 c;
  U8_NEXT(text.data(), i, text.size(), c);
  check(c >= 0, "text is not valid UTF-8 at byte ", start, ": save the file as UTF-8");
  return static_cast<char32_t>(c);
}

}  // namespace

std::u32string decode_utf8(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) out += next_character(text, i);
  return out;
}

void check_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) next_character(text, i);
}

std::string encode_utf8(std::u32string_view text) {
  std::string out;
  to_icu(text).toUTF8String(out);
  return out;
}

std::u32string to_nfc(std::u32string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* form = icu::Normalizer2::getNFCInstance(status);
  return normalize(form, status, text);
}

std::u32string to_nfkc(std::u32string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* form = icu::Normalizer2::getNFKCInstance(status);
  return normalize(form, status, text);
}

std::u32string to_lower(std::u32string_view text) { return from_icu(to_icu(text).toLower(icu::Locale::getRoot())); }

std::u32string to_upper(std::u32string_view text) { return from_icu(to_icu(text).toUpper(icu::Locale::getRoot())); }

bool is_letter(char32_t c) { return (U_GET_GC_MASK(static_cast<UChar32>(c)) & U_GC_L_MASK) != 0; }

bool is_number(char32_t c) { return (U_GET_GC_MASK(static_cast<UChar32>(c)) & U_GC_N_MASK) != 0; }

bool is_space(char32_t c) { return (c >= 0x1c && c <= 0x1f) || u_isUWhiteSpace(static_cast<UChar32>(c)); }

std::u32string collapse_spaces(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  bool pending = false;
  for (const char32_t c : text) {
    if (is_space(c)) {
      pending = !out.empty();
      continue;
    }
    if (pending) out += U' ';
    pending = false;
    out += c;
  }
  return out;
}

std::string_view strip(std::string_view text) {
  while (!text.empty()) {
    size_t length = 0;
    UChar32 c;
    U8_NEXT(text.data(), length, text.size(), c);
    if (c < 0 || !is_space(static_cast<char32_t>(c))) break;
    text.remove_prefix(length);
  }
  while (!text.empty()) {
    size_t begin = text.size() - 1;
    while (begin > 0 && U8_IS_TRAIL(text[begin])) --begin;
    size_t end = begin;
    UChar32 c;
    U8_NEXT(text.data(), end, text.size(), c);
    if (c < 0 || end != text.size() || !is_space(static_cast<char32_t>(c))) break;
    text = text.substr(0, begin);
  }
  return text;
}

}  // namespace rankine
