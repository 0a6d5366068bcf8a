# onelane::postgres, the sink that writes to a PostgreSQL server: a library of its own, so that a
# program without it needs no libpq.
if(ONELANE_WITH_POSTGRES)
  pkg_check_modules(LIBPQ QUIET IMPORTED_TARGET libpq>=14) # pipeline mode
endif()
if(TARGET PkgConfig::LIBPQ)
  file(GLOB postgres_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/postgres/*.cc)
  add_library(onelane_postgres ${postgres_sources})
  add_library(onelane::postgres ALIAS onelane_postgres)
  set_target_properties(onelane_postgres PROPERTIES EXPORT_NAME postgres
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_include_directories(onelane_postgres PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(onelane_postgres PUBLIC onelane
    PRIVATE $<BUILD_INTERFACE:PkgConfig::LIBPQ> $<INSTALL_INTERFACE:${LIBPQ_LIBRARIES}>
            $<BUILD_INTERFACE:onelane_warnings>)
  onelane_precompile(onelane_postgres)
elseif(ONELANE_WITH_POSTGRES)
  message(STATUS "onelane::postgres is left out: it needs libpq 14 or newer")
endif()
