# undula_propagation_simt: the propagation module compiled for the SIMT emulator (its .cu files as
# C++), so that Exec "cuda" is an emulated device. Programs that use it do not link the real module.
set(propagation_dir ${PROJECT_SOURCE_DIR}/engine/propagation)
find_library(UNDULA_BOOST_CONTEXT boost_context REQUIRED)  # libboost-context-dev
include(${propagation_dir}/cuda/sources.cmake)
get_target_property(simt_sources undula_propagation SOURCES)
list(FILTER simt_sources EXCLUDE REGEX "\\.cu$|^cuda/")
list(APPEND simt_sources ${UNDULA_CUDA_KERNEL_SOURCES} ${UNDULA_CUDA_HOST_SOURCES}
     ${UNDULA_EMULATOR_SOURCES})
foreach(source IN LISTS simt_sources)
  # Source properties belong to a folder: those of the module's own are taken over. Kernels and the
  # emulator are optimized in Debug builds too.
  get_source_file_property(options ${propagation_dir}/${source}
                           TARGET_DIRECTORY undula_propagation COMPILE_OPTIONS)
  if(source MATCHES "\\.cu$")
    set_source_files_properties(${propagation_dir}/${source} PROPERTIES
                                LANGUAGE CXX COMPILE_OPTIONS "-x;c++;-O1")
  elseif(source MATCHES "^cuda/")
    set_source_files_properties(${propagation_dir}/${source} PROPERTIES COMPILE_OPTIONS "-O1")
  elseif(options)
    set_source_files_properties(${propagation_dir}/${source} PROPERTIES
                                COMPILE_OPTIONS "${options}")
  endif()
endforeach()
list(TRANSFORM simt_sources PREPEND ${propagation_dir}/)
add_library(undula_propagation_simt OBJECT ${simt_sources})
target_compile_definitions(undula_propagation_simt PUBLIC UNDULA_SIMT_EMULATOR)
target_link_libraries(undula_propagation_simt PUBLIC undula_flags absl::status absl::statusor
                      Threads::Threads ${UNDULA_BOOST_CONTEXT})
target_compile_options(undula_propagation_simt PRIVATE ${UNDULA_FLAGS_library})
undula_common_headers(undula_propagation_simt)

undula_test(simt_emulator_test SOURCES simt_emulator_test.cc MODULES propagation_simt base)
set(device_tests device_convolution_test.cc device_fixture.cc device_model_test.cc device_ops_test.cc device_optim_test.cc
    device_rank_test.cc device_search_test.cc device_step_test.cc
    device_tiles_test.cc device_walk_test.cc device_ward_test.cc ../models/world.cc)
undula_test(simt_ops_test SOURCES ${device_tests} MODULES models propagation_simt base)

# The same sources on a GPU; without one the tests report themselves skipped.
undula_test(cuda_device_test SOURCES ${device_tests} MODULES models propagation base LABELS cuda)
