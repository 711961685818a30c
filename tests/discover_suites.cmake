# Included by ctest, once for each of the unit test programs: a suite is one test of ctest, because a
# program of this size takes longer to start than most of its tests to run. A long suite is several,
# so that they run side by side.
#
# Given: program (its path), program_name, label, timeout (seconds), environment.
set(at_most 16)

if(NOT EXISTS ${program})
  add_test(${program_name}_NOT_BUILT ${program}_NOT_BUILT)
  return()
endif()

execute_process(COMMAND ${program} --gtest_list_tests OUTPUT_VARIABLE listed RESULT_VARIABLE status
                TIMEOUT 60)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${program} does not list its tests: ${status}")
endif()

# Comments and types follow the name: "Suite/0.  # TypeParam = int".
string(REGEX REPLACE " *#[^\n]*" "" listed "${listed}")
string(REPLACE "\n" ";" lines "${listed}")

# add_part(SUITE NUMBER FILTER)
function(add_part suite number filter)
  set(name ${program_name}.${suite})
  if(number GREATER 1)
    string(APPEND name "#${number}")
  endif()
  add_test(${name} ${program} --gtest_filter=${filter} --gtest_brief=0)
  # Not SKIP_REGULAR_EXPRESSION: one skipped test would hide another that failed.
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${timeout} ENVIRONMENT "${environment}")
endfunction()

set(suite)
set(filter)
set(count 0)
set(number 1)
foreach(line IN LISTS lines ITEMS "end.") # which ends the last suite
  if(line MATCHES "^([^ ].*)\\.$")
    set(next ${CMAKE_MATCH_1})
    if(count GREATER 0)
      add_part(${suite} ${number} "${filter}")
    endif()
    set(suite ${next})
    set(filter)
    set(count 0)
    set(number 1)
  elseif(line MATCHES "^  (.+)$")
    if(count EQUAL at_most)
      add_part(${suite} ${number} "${filter}")
      set(filter)
      set(count 0)
      math(EXPR number "${number} + 1")
    endif()
    string(APPEND filter "${suite}.${CMAKE_MATCH_1}:")
    math(EXPR count "${count} + 1")
  endif()
endforeach()
