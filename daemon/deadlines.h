#pragma once

#include <chrono>

namespace ivshmemd {

/// How long the daemon waits for each kind of thing, in ms on the steady clock. Tests shorten them.
struct Deadlines {
    using Milliseconds = std::chrono::milliseconds;

    Milliseconds greeting{5000};     // then the monitor counts as held by another client
    Milliseconds query{10000};       // a question that changes nothing
    Milliseconds add{60000};         // object-add and device_add
    Milliseconds write{2000};        // until QEMU takes our bytes
    Milliseconds handshake{3000};    // with a doorbell server, all of it
    Milliseconds vectors{100};       // after a server's last vector, until they are all it gives
    Milliseconds reserved{60000};    // until all that a doorbell server shares is reserved
    Milliseconds relayed{10000};     // until QEMU has read what a new relay has for it
    Milliseconds no_machine{500};    // between two looks at a QEMU that has made no machine yet
    Milliseconds out_of_band{1000};  // until a blocked QEMU answers out of band
    Milliseconds refresh{500};       // re-reading for a list, before the last known state is shown
    Milliseconds client_write{10000};    // until a client takes a batch of replies
    Milliseconds client_message{10000};  // for a client to finish a message it began
    Milliseconds backoff_min{100};       // between two attempts to connect
    Milliseconds backoff_max{5000};
    Milliseconds unplug_again{5000};    // until a device_del is repeated
    Milliseconds departed{2000};        // from a device's leaving QOM to its DEVICE_DELETED
    Milliseconds parked{5000};          // for a doorbell on its way out, before others may come
    Milliseconds descriptors{1000};     // until a QEMU that has none free has closed some
    Milliseconds idle_guest{10000};     // for each processor of a busy guest to be idle once
    Milliseconds region_free{1000};     // until who still has a region open lets go of it
    Milliseconds region_told{30000};    // at the start: until all VMs tell whether they use it
    Milliseconds settle{500};           // after an attach, until its slot is looked at again
    Milliseconds stop{5000};            // for what is under way when the daemon is to end
    Milliseconds migration_poll{250};   // between two looks at a migration
    Milliseconds migration_lost{5000};  // until a source that vanished while migrating is given up
    Milliseconds incoming{30000};       // until a destination runs, for its peers to be plugged in
    Milliseconds mapped{10000};         // until a running guest should have mapped a new BAR
};

}  // namespace ivshmemd
