# The CUDA module. Without nvcc, AUTO leaves it out and ON is an error.
set(CMAKE_CUDA_ARCHITECTURES "80-real;90-real;100-real;100-virtual" CACHE STRING "CUDA architectures")
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  if(EQINFO_CUDA STREQUAL "ON")
    message(FATAL_ERROR "EQINFO_CUDA=ON: expected a CUDA compiler (nvcc), found none; install one or use EQINFO_CUDA=AUTO")
  endif()
  message(STATUS "eqinfo: found no CUDA compiler (nvcc), building without the CUDA module")
  return()
endif()
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
enable_language(CUDA)

# Kernels never see pybind11, and the bindings are plain C++.
add_library(eqinfo_cuda OBJECT
  csrc/cuda/codebook.cu
  csrc/cuda/device.cu
  csrc/cuda/frequency.cu
  csrc/cuda/range_coder.cu
  csrc/cuda/transformer.cu
  csrc/cuda/window.cu)
target_link_libraries(eqinfo_cuda PUBLIC eqinfo_options)
target_compile_features(eqinfo_cuda PRIVATE cuda_std_17)
target_compile_options(eqinfo_cuda PRIVATE
  $<$<COMPILE_LANGUAGE:CUDA>:--fmad=false --expt-relaxed-constexpr
  --Werror=cross-execution-space-call -Xptxas=--warn-on-spills,--warning-as-error
  -Xcompiler=-ffp-contract=off>)
set_target_properties(eqinfo_cuda PROPERTIES
  POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden CUDA_VISIBILITY_PRESET hidden)

pybind11_add_module(_cuda MODULE
  csrc/bind/cuda/codebook.cpp
  csrc/bind/cuda/frequency.cpp
  csrc/bind/cuda/module.cpp
  csrc/bind/cuda/range_coder.cpp
  csrc/bind/cuda/transformer.cpp
  csrc/bind/cuda/window.cpp
  csrc/bind/cuda/device_array.cpp)
target_compile_definitions(_cuda PRIVATE EQINFO_CUDA_MODULE)
target_link_libraries(_cuda PRIVATE eqinfo_options eqinfo_cuda)
set_target_properties(_cuda PROPERTIES CUDA_RESOLVE_DEVICE_SYMBOLS OFF)
install(TARGETS _cuda LIBRARY DESTINATION eqinfo)
