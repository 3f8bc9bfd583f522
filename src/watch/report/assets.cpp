#include "watch/report/parts.h"

// RANKINE_ASSETS_DIR comes from CMakeLists.txt. The assembler reads the files, so they need no generated source.
asm(R"(
  .section .rodata
  .global rankine_report_css_begin, rankine_report_css_end
rankine_report_css_begin:
  .incbin ")" RANKINE_ASSETS_DIR R"(/report.css"
rankine_report_css_end:
  .global rankine_report_js_begin, rankine_report_js_end
rankine_report_js_begin:
  .incbin ")" RANKINE_ASSETS_DIR R"(/report.js"
rankine_report_js_end:
  .text
)");

extern "C" {
extern const char rankine_report_css_begin[], rankine_report_css_end[];
extern const char rankine_report_js_begin[], rankine_report_js_end[];
}

namespace rankine {

std::string_view report::style_sheet() { return {rankine_report_css_begin, rankine_report_css_end}; }

std::string_view report::script() { return {rankine_report_js_begin, rankine_report_js_end}; }

}  // namespace rankine
