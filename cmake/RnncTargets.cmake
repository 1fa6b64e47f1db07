# How every library, tool and test of the project is built.

set(RNNC_COMMON_FLAGS -Wall -Wno-unused-parameter)
if(RNNC_SANITIZE)
  list(APPEND RNNC_COMMON_FLAGS -fsanitize=address,undefined
       -fno-sanitize=vptr,function -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
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
  foreach(src ${ARG_UNPARSED_ARGUMENTS}) #DEV
    if(NOT IS_ABSOLUTE ${src} AND NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${src}) #DEV
      message(WARNING "skip source of ${name}: no ${src}") #DEV
      list(REMOVE_ITEM ARG_UNPARSED_ARGUMENTS ${src}) #DEV
    endif() #DEV
  endforeach() #DEV
  if(NOT ARG_UNPARSED_ARGUMENTS) #DEV
    file(WRITE ${PROJECT_BINARY_DIR}/empty.cpp "") #DEV
    set(ARG_UNPARSED_ARGUMENTS ${PROJECT_BINARY_DIR}/empty.cpp) #DEV
  endif() #DEV
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  rnnc_common(${name})
  if(ARG_MLIR)
    rnnc_use_mlir(${name})
    target_link_libraries(${name} PUBLIC MLIR LLVM)
    add_dependencies(${name} rnncTablegen)
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# rnnc_add_tool(NAME sources... [LINK libraries...] [MLIR])
function(rnnc_add_tool name)
  cmake_parse_arguments(ARG "MLIR" "" "LINK" ${ARGN})
  foreach(src ${ARG_UNPARSED_ARGUMENTS}) #DEV
    if(NOT IS_ABSOLUTE ${src} AND NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${src}) #DEV
      message(WARNING "skip ${name}: no ${src}") #DEV
      return() #DEV
    endif() #DEV
  endforeach() #DEV
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  rnnc_common(${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  if(ARG_MLIR)
    rnnc_use_mlir(${name})
    target_link_libraries(${name} PRIVATE MLIR LLVM)
    add_dependencies(${name} rnncTablegen)
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
endfunction()

# rnnc_add_test(NAME sources... [LINK libraries...] [MLIR]): a GoogleTest program, one CTest entry.
function(rnnc_add_test name)
  cmake_parse_arguments(ARG "MLIR" "" "LINK" ${ARGN})
  find_package(GTest REQUIRED)
  foreach(src ${ARG_UNPARSED_ARGUMENTS}) #DEV
    if(NOT IS_ABSOLUTE ${src} AND NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${src}) #DEV
      message(WARNING "skip ${name}: no ${src}") #DEV
      return() #DEV
    endif() #DEV
  endforeach() #DEV
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  rnnc_common(${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  if(ARG_MLIR)
    rnnc_use_mlir(${name})
    target_link_libraries(${name} PRIVATE MLIR LLVM)
    add_dependencies(${name} rnncTablegen)
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  set_property(GLOBAL APPEND PROPERTY RNNC_TESTS ${name})
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
