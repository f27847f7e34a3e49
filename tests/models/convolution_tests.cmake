# Tests of PinSAGE and GraphSAGE; include()d by tests/models/CMakeLists.txt.
undula_test(convolution_test
  SOURCES convolution_model_test.cc convolution_partition_test.cc convolution_plan_test.cc
  MODULES world models propagation base)
undula_test(convolution_oracle_test
  SOURCES convolution_oracle_test.cc
  MODULES oracle_file models propagation base
  LABELS oracle)
undula_test(pinnersage_test
  SOURCES pinnersage_test.cc
  MODULES models propagation base)
undula_test(retrieval_test
  SOURCES retrieval_test.cc
  MODULES models propagation base)
