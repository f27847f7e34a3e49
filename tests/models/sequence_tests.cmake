# Tests of the sequence models; include()d by tests/models/CMakeLists.txt.
undula_test(sequence_test
  SOURCES sequence_data_test.cc sequence_model_test.cc sequence_state_test.cc
  MODULES world models propagation base)
undula_test(sequence_oracle_test
  SOURCES sequence_oracle_test.cc
  MODULES oracle_file world models propagation base
  LABELS oracle)
