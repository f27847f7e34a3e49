# The store's timing program; include()d by bench/CMakeLists.txt.
add_executable(store_bench store_bench.cc)
target_link_libraries(store_bench PRIVATE undula_kgstore undula_base undula_flags)
