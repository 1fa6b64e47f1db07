# Run by CTest: see CMakeLists.txt beside this file.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status WORKING_DIRECTORY ${WORK})
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "failed (${status}): ${ARGN}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
set(flags "")
if(SANITIZE)
  set(flags "-fsanitize=address,undefined")
endif()
run(${CMAKE_COMMAND} -S ${SOURCE}/examples/cpp -B ${WORK}/example
    -DCMAKE_PREFIX_PATH=${WORK}/prefix -DCMAKE_CXX_COMPILER=${CXX}
    -DCMAKE_CXX_FLAGS=${flags} -DCMAKE_BUILD_TYPE=Release)
run(${CMAKE_COMMAND} --build ${WORK}/example)
set(ENV{RNNC_CACHE_DIR} ${WORK}/cache)
run(${WORK}/example/train)
run(${WORK}/example/text ${SOURCE}/frontends/README.md 20)
# The tools work from where they were installed.
run(${WORK}/prefix/bin/rnnc --version)
run(${WORK}/prefix/bin/rnnc check ${SOURCE}/examples/char_lm.rnn)
