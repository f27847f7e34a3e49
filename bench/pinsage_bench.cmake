# Timing program of PinSAGE and GraphSAGE; include()d by bench/CMakeLists.txt.
add_executable(pinsage_bench pinsage_bench.cc)
target_link_libraries(pinsage_bench PRIVATE undula_models undula_propagation undula_base undula_flags)
add_executable(web_scale web_scale.cc)
target_link_libraries(web_scale PRIVATE undula_models undula_propagation undula_base undula_flags)
