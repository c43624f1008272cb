"""An agent that survives being killed, and whose past can be tried again another way.

It packs a bag, the best item first, each choice a step of a LangGraph graph (no model, so that every run is the same):

    python agent.py agents run trip              # kill -9 it in the middle ...
    python agent.py agents resume trip           # ... and it goes on behind the last step it finished
    python agent.py agents fork trip 2 --room 9  # from after its 2nd choice, with less room: a second outcome beside the first
    python agent.py agents compare trip          # both outcomes, and where they part

`agents` is a directory, or sqlite:FILE, or http://HOST:PORT of a chronik-server.
"""

import argparse
import operator
import os
import time
from typing import Annotated, TypedDict

from chronik.langgraph import ChronikSaver
from langgraph.graph import END, START, StateGraph

ITEMS = {"tent": (7, 60), "stove": (4, 40), "rope": (3, 21), "lamp": (2, 18), "book": (2, 6), "axe": (5, 30), "map": (1, 12)}
STEP_S = float(os.environ.get("AGENT_STEP_S", "0.3"))  # as long as a step takes


class Bag(TypedDict):
    room: int
    packed: Annotated[list[str], operator.add]
    report: str


def fitting(bag):
    left = bag["room"] - sum(ITEMS[name][0] for name in bag["packed"])
    return [name for name, (size, _) in ITEMS.items() if size <= left and name not in bag["packed"]]


def choose(bag):
    name = max(fitting(bag), key=lambda name: ITEMS[name][1] / ITEMS[name][0])
    print(f"step {len(bag['packed']) + 1}: {name} ...", flush=True)
    time.sleep(STEP_S)
    print(f"step {len(bag['packed']) + 1}: {name} packed", flush=True)
    return {"packed": [name]}


def report(bag):
    worth = sum(ITEMS[name][1] for name in bag["packed"])
    return {"report": f"{len(bag['packed'])} items worth {worth} in {bag['room']}: {', '.join(bag['packed'])}"}


def build(saver):
    graph = StateGraph(Bag)
    graph.add_node("choose", choose)
    graph.add_node("report", report)
    graph.add_edge(START, "choose")
    graph.add_conditional_edges("choose", lambda bag: "choose" if fitting(bag) else "report")
    graph.add_edge("report", END)
    return graph.compile(checkpointer=saver)


def outcomes(graph, config):
    """The finished states of a thread, oldest first, each with its checkpoint."""
    return [state for state in graph.get_state_history(config) if state.values.get("report") and not state.next][::-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("command", choices=["run", "resume", "fork", "compare"])
    parser.add_argument("thread")
    parser.add_argument("step", nargs="?", type=int, help="fork: behind which choice")
    parser.add_argument("--room", type=int, default=18)
    given = parser.parse_args()

    with ChronikSaver.from_conn_string(given.store) as saver:
        graph, config = build(saver), {"configurable": {"thread_id": given.thread}}
        # durability="sync": a step that was left is on disk before the next begins.
        if given.command == "run":
            print(graph.invoke({"room": given.room, "packed": [], "report": ""}, config, durability="sync")["report"])
        elif given.command == "resume":
            print(f"resuming behind step {len(graph.get_state(config).values['packed'])}")
            print(graph.invoke(None, config, durability="sync")["report"])
        elif given.command == "fork":
            past = next(state for state in graph.get_state_history(config)
                        if state.next == ("choose",) and len(state.values["packed"]) == given.step)
            forked = graph.update_state(past.config, {"room": given.room})
            print(graph.invoke(None, forked, durability="sync")["report"])
        else:
            first, second = outcomes(graph, config)
            same = next((n for n, (a, b) in enumerate(zip(first.values["packed"], second.values["packed"])) if a != b),
                        min(len(first.values["packed"]), len(second.values["packed"])))
            print(f"first   {first.values['report']}")
            print(f"second  {second.values['report']}")
            print(f"they part behind step {same}")


if __name__ == "__main__":
    main()
