# How onelane's own targets are compiled. Nothing of this reaches a program that uses the library.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release)
  endif()
  find_program(ONELANE_CCACHE ccache)
  mark_as_advanced(ONELANE_CCACHE)
  if(ONELANE_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${ONELANE_CCACHE})
  endif()
endif()

# A designated initializer names what it sets and means the defaults for the rest: clang++ knows,
# g++ 12 warns all the same. Optimised, it also sees overlaps in std::string that are not there (GCC
# bug 105651, gone with 13).
add_library(onelane_warnings INTERFACE)
target_compile_options(onelane_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  -Wno-missing-field-initializers
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
  $<$<BOOL:${ONELANE_WERROR}>:-Werror>)

if(ONELANE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

if(ONELANE_SANITIZE)
  add_compile_options(-fsanitize=${ONELANE_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${ONELANE_SANITIZE})
  # g++ does not follow fences under TSan, and says so: those of the queue. What it hands over is
  # ordered by its other operations as well.
  if(ONELANE_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)
  endif()
endif()

# onelane_precompile(TARGET HEADERS...): has the target compile these only once, beside the standard
# ones that most files include. For builds that are made once, from nothing: the preset dev does
# without, so that each file includes what it needs, and a compiler cache does better.
set(ONELANE_STANDARD_HEADERS
  <algorithm> <array> <atomic> <chrono> <functional> <memory> <mutex> <optional> <span> <string>
  <string_view> <thread> <utility> <vector>)
function(onelane_precompile target)
  if(ONELANE_PRECOMPILE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    target_precompile_headers(${target} PRIVATE ${ONELANE_STANDARD_HEADERS} ${ARGN})
  endif()
endfunction()
