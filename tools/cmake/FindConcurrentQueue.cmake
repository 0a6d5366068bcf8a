# moodycamel::ConcurrentQueue: Debian ships the headers alone, under concurrentqueue/; upstream
# installs a config package with them under concurrentqueue/moodycamel/. Either gives the target
# ConcurrentQueue::ConcurrentQueue, with which one includes <concurrentqueue.h>.
find_path(ConcurrentQueue_INCLUDE_DIR concurrentqueue.h
          PATH_SUFFIXES concurrentqueue/moodycamel concurrentqueue)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(ConcurrentQueue
  REQUIRED_VARS ConcurrentQueue_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install libconcurrentqueue-dev")
mark_as_advanced(ConcurrentQueue_INCLUDE_DIR)
if(ConcurrentQueue_FOUND AND NOT TARGET ConcurrentQueue::ConcurrentQueue)
  add_library(ConcurrentQueue::ConcurrentQueue INTERFACE IMPORTED)
  target_include_directories(ConcurrentQueue::ConcurrentQueue SYSTEM INTERFACE
    ${ConcurrentQueue_INCLUDE_DIR})
endif()
