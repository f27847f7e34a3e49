# The store's timing programs; include()d by bench/CMakeLists.txt.
add_executable(store_bench store_bench.cc)
target_link_libraries(store_bench PRIVATE undula_kgstore undula_base undula_flags)
add_executable(store_readers store_readers.cc ${PROJECT_SOURCE_DIR}/tests/kgstore/balance.cc)
target_link_libraries(store_readers PRIVATE undula_kgstore undula_base undula_flags)
