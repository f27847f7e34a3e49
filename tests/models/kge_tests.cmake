# Tests of knowledge-graph embeddings; include()d by tests/models/CMakeLists.txt.
undula_test(kge_test
  SOURCES kge_kernels_test.cc kge_links_test.cc kge_training_test.cc kge_triples_test.cc
  MODULES models propagation base)
undula_test(kge_oracle_test
  SOURCES kge_oracle_test.cc
  MODULES oracle_file models propagation base
  LABELS oracle)
