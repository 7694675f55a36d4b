# Lets tests/test_allocation.py fail the allocations of the module. Strings and the like allocate in
# the C++ library, so that is linked in.
# Leaks are found by their stack, which needs frame pointers.
target_compile_options(eqinfo_options INTERFACE -fno-omit-frame-pointer)
target_sources(_core PRIVATE tests/faults/allocation.cpp)
set_source_files_properties(tests/faults/allocation.cpp PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
target_link_options(_core PRIVATE -static-libstdc++)
foreach(symbol malloc calloc realloc _Znwm _Znam _ZnwmRKSt9nothrow_t _ZnwmSt11align_val_t)
  target_link_options(_core PRIVATE -Wl,--wrap=${symbol})
endforeach()
