# How every library, tool and test of the project is built.

set(RNNC_COMMON_FLAGS -Wall -Wno-unused-parameter)
if(RNNC_SANITIZE)
  list(APPEND RNNC_COMMON_FLAGS -fsanitize=address,undefined
       -fno-sanitize=vptr,function -fno-omit-frame-pointer
       -fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/cmake/sanitizers.txt)
  add_link_options(-fsanitize=address,undefined)
endif()

# How libraries and programs link MLIR and LLVM: as the two shared libraries, of which all have one copy. Or, where the
# program that they end in asks for it (RNNC_STATIC_LLVM of the target), as all static libraries, and nothing shared.
set(RNNC_LLVM_LIBRARIES MLIR LLVM)
if(RNNC_STATIC_LLVM)
  find_library(RNNC_ZSTD zstd REQUIRED)
  file(GLOB archives ${LLVM_LIBRARY_DIR}/libMLIR*.a ${LLVM_LIBRARY_DIR}/libLLVM*.a)
  if(NOT archives)
    message(FATAL_ERROR "RNNC_STATIC_LLVM: found no static libraries in ${LLVM_LIBRARY_DIR}")
  endif()
  # A text that linkers read as a library: each needs some of the others.
  list(JOIN archives "\n" archives)
  file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/llvm-static.a CONTENT "GROUP(\n${archives}\n)\n")
  add_library(rnncStaticLLVM INTERFACE)
  target_link_libraries(rnncStaticLLVM INTERFACE ${PROJECT_BINARY_DIR}/llvm-static.a ZLIB::ZLIB ${RNNC_ZSTD} ${CMAKE_DL_LIBS}
                        Threads::Threads)
  target_link_options(rnncStaticLLVM INTERFACE -Wl,--gc-sections -Wl,-z,pack-relative-relocs)
  set(is_static $<BOOL:$<TARGET_PROPERTY:RNNC_STATIC_LLVM>>)
  set(RNNC_LLVM_LIBRARIES $<${is_static}:rnncStaticLLVM> $<$<NOT:${is_static}>:MLIR> $<$<NOT:${is_static}>:LLVM>)
endif()

function(rnnc_common target)
  target_compile_options(${target} PRIVATE ${RNNC_COMMON_FLAGS})
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}>)
endfunction()

# One precompiled header of MLIR serves every target that uses MLIR.
function(rnnc_use_mlir target)
  target_include_directories(${target} SYSTEM PUBLIC ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
  target_compile_options(${target} PRIVATE -fno-exceptions)
  if(NOT TARGET rnncMLIRHeaders)
    file(WRITE ${PROJECT_BINARY_DIR}/mlir_headers.cpp "")
    add_library(rnncMLIRHeaders OBJECT ${PROJECT_BINARY_DIR}/mlir_headers.cpp)
    rnnc_common(rnncMLIRHeaders)
    target_include_directories(rnncMLIRHeaders SYSTEM PUBLIC ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
    target_compile_options(rnncMLIRHeaders PRIVATE -fno-exceptions)
    set_target_properties(rnncMLIRHeaders PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(rnncMLIRHeaders PRIVATE -fPIC)
    target_precompile_headers(rnncMLIRHeaders PRIVATE ${PROJECT_SOURCE_DIR}/cmake/MLIRHeaders.h)
  endif()
  # Executables share the header too, so they are built with -fPIC, not -fPIE.
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${target} PRIVATE -fPIC)
  target_precompile_headers(${target} REUSE_FROM rnncMLIRHeaders)
endfunction()

# rnnc_add_library(NAME sources... [LINK libraries...] [DEPENDS targets...] [MLIR])
function(rnnc_add_library name)
  cmake_parse_arguments(ARG "MLIR" "" "LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  rnnc_common(${name})
  if(ARG_MLIR)
    rnnc_use_mlir(${name})
    target_link_libraries(${name} PUBLIC ${RNNC_LLVM_LIBRARIES})
    add_dependencies(${name} rnncTablegen)
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# An executable of the project, in folder `folder` of the build tree.
function(rnnc_add_program name folder)
  cmake_parse_arguments(ARG "MLIR" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  if(RNNC_SANITIZE)
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/SanitizerOptions.cpp)
    set_source_files_properties(${PROJECT_SOURCE_DIR}/cmake/SanitizerOptions.cpp
                                PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  endif()
  rnnc_common(${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/${folder})
  if(ARG_MLIR)
    rnnc_use_mlir(${name})
    target_link_libraries(${name} PRIVATE ${RNNC_LLVM_LIBRARIES})
    add_dependencies(${name} rnncTablegen)
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
endfunction()

# rnnc_add_tool(NAME sources... [LINK libraries...] [MLIR])
function(rnnc_add_tool name)
  rnnc_add_program(${name} bin ${ARGN})
endfunction()

# rnnc_add_test(NAME sources... [LINK libraries...] [MLIR]): a GoogleTest program, one CTest entry.
function(rnnc_add_test name)
  find_package(GTest REQUIRED)
  rnnc_add_program(${name} tests ${ARGN})
  target_link_libraries(${name} PRIVATE GTest::gtest GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
endfunction()

# rnnc_tablegen(FILE.td OUTPUT GENERATOR...): OUTPUT lies beside the mirror of FILE.td in the build tree.
add_custom_target(rnncTablegen)
function(rnnc_tablegen td)
  set(LLVM_TARGET_DEFINITIONS ${td})
  set(args ${ARGN})
  set(outputs)
  while(args)
    list(POP_FRONT args output generator)
    separate_arguments(generator)
    mlir_tablegen(${output} ${generator} EXTRA_INCLUDES ${PROJECT_SOURCE_DIR} ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
    list(APPEND outputs ${CMAKE_CURRENT_BINARY_DIR}/${output})
  endwhile()
  string(MAKE_C_IDENTIFIER "gen_${CMAKE_CURRENT_SOURCE_DIR}_${td}" target)
  string(REPLACE "${PROJECT_SOURCE_DIR}" "" target "${target}")
  add_custom_target(${target} DEPENDS ${outputs})
  add_dependencies(rnncTablegen ${target})
endfunction()
