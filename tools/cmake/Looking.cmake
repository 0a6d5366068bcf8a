# onelane::render, a snapshot as text, and onelane::http, which serves it: libraries of their own, so
# that a program without them needs none of their packages.
find_package(fmt 8 QUIET)
find_package(nlohmann_json 3.9 QUIET)
if(fmt_FOUND AND nlohmann_json_FOUND)
  file(GLOB render_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/render/*.cc)
  add_library(onelane_render ${render_sources})
  add_library(onelane::render ALIAS onelane_render)
  target_link_libraries(onelane_render
    PUBLIC onelane PRIVATE fmt::fmt $<BUILD_INTERFACE:nlohmann_json::nlohmann_json>)
else()
  message(STATUS "onelane::render is left out: it needs fmt and nlohmann_json")
endif()

# Debian's package has no CMake package. Its flags are needed: they must be those that it was
# compiled with.
pkg_check_modules(HTTPLIB QUIET IMPORTED_TARGET cpp-httplib>=0.11)
find_package(OpenSSL QUIET)
if(TARGET onelane_render AND HTTPLIB_FOUND AND OPENSSL_FOUND)
  file(GLOB http_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/http/*.cc)
  add_library(onelane_http ${http_sources})
  add_library(onelane::http ALIAS onelane_http)
  target_link_libraries(onelane_http PUBLIC onelane_render
    PRIVATE $<BUILD_INTERFACE:PkgConfig::HTTPLIB> ${HTTPLIB_LINK_LIBRARIES} OpenSSL::Crypto)
else()
  message(STATUS "onelane::http is left out: it needs onelane::render, cpp-httplib and OpenSSL")
endif()

foreach(component render http)
  if(TARGET onelane_${component})
    set_target_properties(onelane_${component} PROPERTIES EXPORT_NAME ${component}
      VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
    target_include_directories(onelane_${component} PRIVATE ${PROJECT_SOURCE_DIR})
    target_link_libraries(onelane_${component} PRIVATE $<BUILD_INTERFACE:onelane_warnings>)
  endif()
endforeach()
