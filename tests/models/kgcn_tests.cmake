# Tests of KGCN and KGNN-LS; include()d by tests/models/CMakeLists.txt.
undula_test(kgcn_test
  SOURCES kgcn_labels_test.cc kgcn_math_test.cc kgcn_sample_test.cc kgcn_scorer_test.cc
  MODULES models propagation base)
undula_test(kgcn_oracle_test
  SOURCES kgcn_oracle_test.cc
  MODULES oracle_file models propagation base
  LABELS oracle)
undula_test(kgcn_data_test
  SOURCES kgcn_data_test.cc
  MODULES models propagation base
  LABELS data slow)
