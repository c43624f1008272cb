"""The table client x scenario, for the terminal and for docs/compatibility.md (between its markers)."""

import re

from scenarios import SCENARIOS

BEGIN, END = "<!-- interop:begin -->", "<!-- interop:end -->"
CELL = {"ok": "ok", "failed": "FAIL", "lacks": "–", "skipped": "skip"}


def terminal(ran, clients):
    """Columns of the scenarios that ran; what did not pass is explained below."""
    names = [scenario.name for scenario in SCENARIOS if any(scenario.name in outcomes for outcomes in ran.values())]
    width = max(len(name) for name in ran) + 2
    lines = ["".ljust(width) + " ".join(name[:12].ljust(12) for name in names)]
    notes = []
    for client in clients:
        outcomes = ran.get(client.name)
        if outcomes is None:
            continue
        cells = []
        for name in names:
            outcome = outcomes.get(name)
            cells.append((CELL[outcome.result] if outcome else "").ljust(12))
            if outcome and outcome.result in ("failed", "lacks"):
                notes.append(f"{CELL[outcome.result]:4} {client.name} {name}: {outcome.reason}")
        lines.append(client.name.ljust(width) + " ".join(cells).rstrip())
        reasons = {outcome.reason for outcome in outcomes.values() if outcome.result == "skipped"}
        notes += [f"skip {client.name}: {reason}" for reason in sorted(reasons)]
    return "\n".join([*lines, "", *notes])


def markdown(everything, clients):
    """Scenarios are rows: there are more of them than a page is wide. A `–`, or a part that a client
    lacks, has a footnote with the client's own reason."""
    notes = []

    def cell(outcome):
        if outcome.result == "ok" and not outcome.reason.startswith("without "):
            return "✓"
        text = {"ok": "✓", "failed": "**fails**", "lacks": "–", "skipped": "skipped"}[outcome.result]
        if outcome.reason not in notes:
            notes.append(outcome.reason)
        return f"{text} ({notes.index(outcome.reason) + 1})"

    shown = [client for client in clients if client.name in everything]
    lines = ["Written by `./dev interop`; a cell is what that client saw, against a fresh server.", "", "| Client | Version |", "|---|---|"]
    lines += [f"| {client.label} | {client.version} |" for client in shown]
    lines += ["", "| Scenario | " + " | ".join(client.name for client in shown) + " |", "|---" * (len(shown) + 1) + "|"]
    for scenario in SCENARIOS:
        lines.append(f"| {scenario.name} | " + " | ".join(cell(everything[client.name][scenario.name]) for client in shown) + " |")
    if notes:
        lines += [""] + [f"{number}. {note}" for number, note in enumerate(notes, 1)]
    lines += ["", "What the scenarios do:", ""]
    lines += [f"- **{scenario.name}**: {scenario.what}." for scenario in SCENARIOS]
    return "\n".join(lines)


def write_docs(path, everything, clients):
    """Replaces what stands between the markers, which must be there; the rest of the page belongs to others."""
    text = path.read_text(encoding="utf-8")
    found = re.search(f"{BEGIN}\n.*?{END}", text, re.S)
    if not found:
        raise SystemExit(f"{path} has no {BEGIN} … {END}")
    path.write_text(text[:found.start()] + f"{BEGIN}\n{markdown(everything, clients)}\n{END}" + text[found.end():], encoding="utf-8")
