# onelane::render, a snapshot as text, and onelane::http, which serves it: libraries of their own, so
# that a program without them needs none of their packages. The benchmark has its charts from the
# first.
if(ONELANE_BUILD_RENDER OR ONELANE_BUILD_HTTP OR ONELANE_BUILD_BENCH)
  find_package(fmt 8 QUIET)
  find_package(nlohmann_json 3.9 QUIET)
endif()
if(TARGET fmt::fmt AND TARGET nlohmann_json::nlohmann_json)
  file(GLOB render_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/render/*.cc)
  add_library(onelane_render ${render_sources})
  target_link_libraries(onelane_render
    PUBLIC onelane PRIVATE fmt::fmt $<BUILD_INTERFACE:nlohmann_json::nlohmann_json>)
elseif(ONELANE_BUILD_RENDER OR ONELANE_BUILD_HTTP)
  message(STATUS "onelane::render is left out: it needs fmt and nlohmann_json")
endif()

# Debian's package of cpp-httplib has no CMake package. Its flags must be those that it was compiled
# with.
if(ONELANE_BUILD_HTTP)
  pkg_check_modules(HTTPLIB QUIET IMPORTED_TARGET cpp-httplib>=0.11)
  find_package(OpenSSL QUIET)
endif()
if(TARGET onelane_render AND TARGET PkgConfig::HTTPLIB AND TARGET OpenSSL::Crypto)
  file(GLOB http_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/http/*.cc)
  add_library(onelane_http ${http_sources})
  target_link_libraries(onelane_http PUBLIC onelane_render
    PRIVATE $<BUILD_INTERFACE:PkgConfig::HTTPLIB> $<INSTALL_INTERFACE:${HTTPLIB_LIBRARIES}>
            OpenSSL::Crypto)
elseif(ONELANE_BUILD_HTTP)
  message(STATUS "onelane::http is left out: it needs onelane::render, cpp-httplib and OpenSSL")
endif()

foreach(component render http)
  if(TARGET onelane_${component})
    add_library(onelane::${component} ALIAS onelane_${component})
    set_target_properties(onelane_${component} PROPERTIES EXPORT_NAME ${component}
      VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
    target_include_directories(onelane_${component} PRIVATE ${PROJECT_SOURCE_DIR})
    target_link_libraries(onelane_${component} PRIVATE $<BUILD_INTERFACE:onelane_warnings>)
    onelane_precompile(onelane_${component})
  endif()
endforeach()
