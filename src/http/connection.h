// One connection: reads the head of a request, answers it, and ends.
#pragma once

#include "onelane/clock.h"
#include "src/http/answers.h"
#include "src/http/listener.h"

namespace onelane::inline v0::http {

// `stop` is a descriptor that becomes readable when the server ends. The time for the head is
// counted from `accepted`, on a connection that had to queue for a thread, too.
void serve_connection(const Descriptor& socket, int stop, TimePoint accepted,
                      const Answers& answers);
// The same of one too many.
void refuse_connection(const Descriptor& socket);

}  // namespace onelane::inline v0::http
