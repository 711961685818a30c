#pragma once

#include <cstdint>
#include <string>

#include "proto/doorbell/message.h"

namespace ivshmemd::doorbell {

/// The first three messages of a server: its version, the client's id, and -1 with the memory's
/// descriptor. Stricter than QEMU, which waits for ever where something else comes third.
///
/// Use: while the state is `reading`, read at most wanted() bytes and feed() them; end() when the
/// server closed. One descriptor has come with a complete handshake, and it is the memory's. What
/// follows is left unread for others.
class HandshakeReader {
  public:
    enum class State {
        reading,   // more is to come
        complete,  // id() holds
        failed,    // problem() says why; final
    };

    /// Bytes that may be read now: to the end of the current message. 0 unless reading.
    std::size_t wanted() const;

    /// Takes what was read, at most wanted() bytes, and how many descriptors came with it.
    void feed(std::string_view bytes, std::size_t descriptors);
    /// The server closed the connection. An error only while reading.
    void end();

    State state() const { return state_; }
    /// The id that the server gave to this client. Valid once complete.
    std::uint16_t id() const { return id_; }
    /// Where it stands, to be said with a timeout: "before the version", "within the id".
    std::string position() const;
    /// What is wrong, in a clause about the server: "it sent version 1, and only 0 is known".
    const std::string& problem() const { return problem_; }

  private:
    enum class Part { version, id, memory };

    void take(const Message& message);
    void take_version(const Message& message);
    void take_id(const Message& message);
    void take_memory(const Message& message);
    void fail(std::string problem);

    MessageCollector collector_;
    State state_ = State::reading;
    Part part_ = Part::version;
    std::uint16_t id_ = 0;
    std::string problem_;
};

}  // namespace ivshmemd::doorbell
