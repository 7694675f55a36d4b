# libFuzzer targets of the native decoders, with AddressSanitizer and UndefinedBehaviorSanitizer.
# They need clang. fuzz/run builds and runs them.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "EQINFO_FUZZ: expected clang++ as the C++ compiler, found ${CMAKE_CXX_COMPILER}")
endif()
add_custom_target(fuzz)
set(EQINFO_FUZZ_TARGETS range_coder window codebook string_column native_model json_lines mixer lz77
    transformer)
foreach(name ${EQINFO_FUZZ_TARGETS})
  add_executable(fuzz_${name} fuzz/${name}.cpp)
  target_link_libraries(fuzz_${name} PRIVATE eqinfo_core)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fuzz fuzz_${name})
endforeach()
