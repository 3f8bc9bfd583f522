set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(RANKINE_CCACHE ccache)
if(RANKINE_CCACHE)
  # ccache handles precompiled headers only with these settings.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${RANKINE_CCACHE})
endif()

add_library(rankine_flags INTERFACE)
target_compile_options(rankine_flags INTERFACE -Wall -Wextra -Wpedantic $<$<BOOL:${RANKINE_WARNINGS_AS_ERRORS}>:-Werror>)
# Products are never contracted with sums behind our back: several formats and recorded numbers need each rounding step.
target_compile_options(rankine_flags INTERFACE -ffp-contract=off)
# GCC 12 warns of copies inside std::string that cannot happen (its bug 105651; with precompiled headers it does not know
# that they stand in a system header).
target_compile_options(rankine_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict$<SEMICOLON>-Wno-stringop-overflow$<SEMICOLON>-Wno-array-bounds>)
target_include_directories(rankine_flags INTERFACE ${PROJECT_SOURCE_DIR}/src)
if(RANKINE_SANITIZE)
  target_compile_options(rankine_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(rankine_flags INTERFACE -fsanitize=address,undefined)
  # With the sanitizers' checks in the way GCC 12 finds this in the standard library; the release build still has it on.
  target_compile_options(rankine_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  # Every executable of the build, not only the tests: command lines are tried with the program itself.
  add_library(rankine_allocation_margin OBJECT ${PROJECT_SOURCE_DIR}/tests/support/allocation_margin.cpp)
  target_compile_options(rankine_allocation_margin PRIVATE -fsanitize=address)
  link_libraries($<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:$<TARGET_OBJECTS:rankine_allocation_margin>>)
endif()

if(RANKINE_BUILD_FUZZ)
  # The fuzzer learns from the paths that its inputs take; its own main comes with the executables of tests/fuzz.
  target_compile_options(rankine_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# The standard headers that most files include, parsed once: they take most of the time of a small file. Every file still
# includes what it uses, so a build without precompiled headers (CMAKE_DISABLE_PRECOMPILE_HEADERS) works as well.
file(WRITE ${PROJECT_BINARY_DIR}/precompiled.cpp "")
add_library(rankine_precompiled OBJECT ${PROJECT_BINARY_DIR}/precompiled.cpp)
target_link_libraries(rankine_precompiled PRIVATE rankine_flags OpenMP::OpenMP_CXX)
target_compile_options(rankine_precompiled PUBLIC -fpch-preprocess)
target_precompile_headers(rankine_precompiled PRIVATE <algorithm> <array> <cmath> <cstdint> <filesystem> <fstream>
  <functional> <map> <memory> <optional> <set> <span> <sstream> <string> <string_view> <unordered_map> <vector>)

# rankine_precompile(TARGET): has TARGET use them.
function(rankine_precompile target)
  target_compile_options(${target} PRIVATE -fpch-preprocess)
  target_precompile_headers(${target} REUSE_FROM rankine_precompiled)
endfunction()

# rankine_library(FOLDER DEPENDENCY...): the sources of src/FOLDER (and of the subfolders that are no library of their own).
# A dependency that is the name of another layer means that layer's library.
function(rankine_library folder)
  string(REPLACE "/" "_" name ${folder})
  set(target rankine_${name})
  if(folder STREQUAL "backend")
    file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/backend/*.cpp)
  else()
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${folder}/*.cpp)
  endif()
  list(FILTER sources EXCLUDE REGEX "src/cli/main\\.cpp$")
  if(NOT sources)
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  else()
    add_library(${target} STATIC ${sources})
    set(scope PUBLIC)
  endif()
  set(libraries rankine_flags)
  foreach(dependency IN LISTS ARGN)
    string(REPLACE "/" "_" dependency_name ${dependency})
    if(TARGET rankine_${dependency_name})
      list(APPEND libraries rankine_${dependency_name})
    else()
      list(APPEND libraries ${dependency})
    endif()
  endforeach()
  target_link_libraries(${target} ${scope} ${libraries})
  if(sources)
    rankine_precompile(${target})
  endif()
  foreach(source IN LISTS sources)
    file(STRINGS ${source} parser REGEX "#include <(nlohmann|toml\\+\\+|spdlog)/" LIMIT_COUNT 1)
    if(parser)
      rankine_quick_to_compile(SOURCE ${source})
    endif()
  endforeach()
endfunction()

# rankine_quick_to_compile(TARGET NAME... | SOURCE FILE...): few optimisations in the release build, which saves a quarter to
# a half of the compiler's time. For code without loops over pixels, weights or tokens; its results stay the same.
function(rankine_quick_to_compile kind)
  set_property(${kind} ${ARGN} APPEND PROPERTY COMPILE_OPTIONS $<$<CONFIG:Release>:-O1>)
endfunction()

function(rankine_executable name source)
  add_executable(${name} ${PROJECT_SOURCE_DIR}/${source})
  foreach(layer IN LISTS ARGN)
    string(REPLACE "/" "_" layer_name ${layer})
    target_link_libraries(${name} PRIVATE rankine_${layer_name})
  endforeach()
endfunction()
