# Timing of operators and of whole models on the CPU and the GPU; include()d by bench/CMakeLists.txt.
add_executable(device_bench device_bench.cc)
target_link_libraries(device_bench PRIVATE undula_models undula_propagation undula_base undula_flags)
add_executable(model_bench model_bench.cc)
target_link_libraries(model_bench PRIVATE undula_models undula_propagation undula_base undula_flags)
