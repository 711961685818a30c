# The tests with the label matrix: what a QEMU of another version may do otherwise, in few minutes.
set(matrix
    # a device's whole life in a guest
    Attach
    Boot
    BusyGuest
    SameSlot
    Support
    # places: buses, slots, root ports
    Conflict
    NativePort
    RootPort
    BusTest
    BridgeTest
    BoardWithPci
    # doorbells
    DoorbellAttach
    DoorbellRoom
    InterruptTest
    # removals that wait
    PausedGuest
    # migration
    Migration
    MigrationDoorbell
    MigrationFailure
    MigrationPlan
    # what QEMU holds
    Restart)

foreach(suite IN LISTS matrix)
  set(found NO)
  foreach(test IN LISTS e2e_tests_TESTS)
    if(test MATCHES "^${suite}\\.")
      set_tests_properties("${test}" PROPERTIES LABELS "qemu;matrix")
      set(found YES)
    endif()
  endforeach()
  if(e2e_tests_TESTS AND NOT found)
    message(FATAL_ERROR "${CMAKE_CURRENT_LIST_FILE}: no test is called ${suite}")
  endif()
endforeach()
