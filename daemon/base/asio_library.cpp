// Asio's own code, compiled once for the whole daemon.
#include <boost/asio/impl/src.hpp>
