# Installs the build in BUILD_DIR into a clean prefix, builds the consumer against it (once by
# find_package, once by pkg-config) and runs both. WORK_DIR is emptied first.
set(prefix ${WORK_DIR}/prefix)
file(REMOVE_RECURSE ${WORK_DIR})
file(MAKE_DIRECTORY ${WORK_DIR})

function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${WORK_DIR} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${prefix})
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B build -G ${GENERATOR}
    -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_CXX_COMPILER=${CXX} "-DCMAKE_CXX_FLAGS=${CXX_FLAGS}")
run(${CMAKE_COMMAND} --build build)
run(build/consumer)
run(build/tested)
execute_process(COMMAND build/conforms WORKING_DIRECTORY ${WORK_DIR} OUTPUT_VARIABLE said
                COMMAND_ERROR_IS_FATAL ANY)
if(NOT said MATCHES "log: [1-9][0-9] of [0-9]+ cases passed, 0 failed, .*cases: no jobs")
  message(FATAL_ERROR "conforms says: ${said}")
endif()
foreach(document LICENSE README.md)
  if(NOT EXISTS ${prefix}/share/doc/onelane/${document})
    message(FATAL_ERROR "${document} is not installed")
  endif()
endforeach()

# The command, where it is built.
if(EXISTS ${prefix}/bin/onelane)
  run(${prefix}/bin/onelane plan --class peers)
  foreach(text man/man1/onelane.1 man/man1/onelane-check.1 bash-completion/completions/onelane
               zsh/site-functions/_onelane fish/vendor_completions.d/onelane.fish)
    if(NOT EXISTS ${prefix}/share/${text})
      message(FATAL_ERROR "${text} is not installed")
    endif()
  endforeach()
endif()

# Killed with all of its orders in the intake, and none in the database.
execute_process(COMMAND build/survivor orders.db KILL WORKING_DIRECTORY ${WORK_DIR}
                RESULT_VARIABLE ended)
if(ended EQUAL 0)
  message(FATAL_ERROR "survivor was not killed")
endif()
execute_process(COMMAND build/survivor orders.db WORKING_DIRECTORY ${WORK_DIR}
                OUTPUT_VARIABLE said COMMAND_ERROR_IS_FATAL ANY)
if(NOT said STREQUAL "500 orders were left to the next opening\n")
  message(FATAL_ERROR "survivor says: ${said}")
endif()

# Killed once it has imported its rows, and then stopped in good order.
function(serve signal said)
  execute_process(COMMAND timeout --signal=${signal} 6 build/service service.db 2000
                  WORKING_DIRECTORY ${WORK_DIR} OUTPUT_VARIABLE out ERROR_VARIABLE err)
  foreach(line ${ARGN} ${said})
    if(NOT out MATCHES "${line}")
      message(FATAL_ERROR "service does not say \"${line}\", but: ${out}${err}")
    endif()
  endforeach()
endfunction()
serve(KILL "import: committed")
serve(TERM "closed: ok" "the opening before has [0-9]+ commits" "import: rejected: record: job [^\n]*: imported already")

# A program whose budgets are set from outside, where onelane::flags is built.
if(EXISTS ${WORK_DIR}/build/tuned)
  file(WRITE ${WORK_DIR}/lane.ini "[class blobs]\nweight = 3\ngather = 1ms\n")
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env ONELANE_CLASS_BLOBS=gather=2ms ONELANE_TICK=5ms
            build/tuned --lane.config lane.ini --lane.class peers:weight=9 tuned.db
    WORKING_DIRECTORY ${WORK_DIR} OUTPUT_VARIABLE said COMMAND_ERROR_IS_FATAL ANY)
  if(NOT said STREQUAL "peers:weight=9\nblobs:weight=3,gather=2ms\n")
    message(FATAL_ERROR "tuned says: ${said}")
  endif()
  execute_process(COMMAND build/tuned --lane.tick 5 tuned.db WORKING_DIRECTORY ${WORK_DIR}
                  ERROR_VARIABLE said RESULT_VARIABLE ended)
  if(NOT ended EQUAL 2 OR NOT said MATCHES "--lane.tick: tick.hold is '5'; it must be a time")
    message(FATAL_ERROR "tuned ends with ${ended} and says: ${said}")
  endif()
endif()

# A program that serves its page, where onelane::http is built.
if(EXISTS ${WORK_DIR}/build/watched)
  execute_process(COMMAND build/watched lane.sock WORKING_DIRECTORY ${WORK_DIR}
                  OUTPUT_VARIABLE said COMMAND_ERROR_IS_FATAL ANY)
  if(NOT said STREQUAL "lane.sock: All is well.\n")
    message(FATAL_ERROR "watched says: ${said}")
  endif()
endif()

# A program that writes to a server, where onelane::postgres is built.
if(EXISTS ${WORK_DIR}/build/outgrown)
  execute_process(COMMAND build/outgrown WORKING_DIRECTORY ${WORK_DIR}
                  OUTPUT_VARIABLE said COMMAND_ERROR_IS_FATAL ANY)
  if(NOT said STREQUAL "storage\n")
    message(FATAL_ERROR "outgrown says: ${said}")
  endif()
endif()

# As a part of a program's own build: that it can be configured.
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B embedded -G ${GENERATOR}
    -DONELANE_EMBEDDED=${CMAKE_CURRENT_LIST_DIR}/../.. -DCMAKE_CXX_COMPILER=${CXX})

find_program(PKG_CONFIG pkg-config REQUIRED)
execute_process(
  COMMAND ${CMAKE_COMMAND} -E env PKG_CONFIG_PATH=${prefix}/lib/pkgconfig
          ${PKG_CONFIG} --cflags --libs onelane
  OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(flags UNIX_COMMAND "${CXX_FLAGS} ${flags} -Wl,-rpath,${prefix}/lib")
run(${CXX} -std=c++20 ${CMAKE_CURRENT_LIST_DIR}/main.cc -o consumer_by_pkg_config ${flags})
run(./consumer_by_pkg_config)

if(EXISTS ${prefix}/lib/pkgconfig/onelane-flags.pc)
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env PKG_CONFIG_PATH=${prefix}/lib/pkgconfig
            ${PKG_CONFIG} --cflags --libs onelane-flags
    OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${CXX_FLAGS} ${flags} -Wl,-rpath,${prefix}/lib")
  run(${CXX} -std=c++20 ${CMAKE_CURRENT_LIST_DIR}/tuned.cc -o tuned_by_pkg_config ${flags})
  run(./tuned_by_pkg_config --lane.print tuned.db)
endif()
