// A state that is saved, changed, compared and restored: the checkpoint store of Chronik inside a program.
#include <chronik/checkpoint.h>
#include <iostream>

int main() {
  const auto store = chronik::checkpoint::Store::open("state").value();  // a directory; it takes one process at a time
  const auto agent = store.open_session("agent-7").value();
  const auto planned = agent.create(R"({"step":1})", {.message = "planned", .tags = {"good"}}).value();
  const auto done = agent.create(R"({"step":2})", {.expected_parent = planned.id}).value();  // on disk once it returns
  std::cout << agent.diff(planned.id, done.id).value().patch << "\n";
  std::cout << agent.restore(planned.id).value().payload << "\n";
}
