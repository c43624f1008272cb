"""What the compiler cannot check of the eight laws: room table, banned calls, file length, dead files.

Reads the room table and the table of locks from ARCHITECTURE.md; there is no second copy. An exception stands in the
code, on its line or the line before, with its reason:  // lint: allow RULE: reason
Run it as `./dev lint`; lint_test.py shows that each rule fires.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import lessons

LINES_MAX = 800
LINES_WARN = 400

TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|(?<!\w)'(?:\\.|[^'\\\n])+'""", re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
ALLOW = re.compile(r"//\s*lint: allow ([a-z-]+): \S")


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    rule: str
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.message} [{self.rule}]"


class Source:
    """One file under src/, as text and as code: comments and literals blanked, line numbers kept."""

    def __init__(self, root, file):
        self.path = file.relative_to(root).as_posix()
        self.text = file.read_text(encoding="utf-8")
        self.lines = self.text.splitlines()
        self.code = TOKEN.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), self.text).splitlines()
        self.room = self.path.split("/")[1]
        self.is_test = bool(re.search(r"_(test|fuzz|benchmark)\.cc$|_for_test\.h$|/test_\w+\.h$", self.path))
        self.includes = []  # (line, quote, name)
        for number, line in enumerate(self.lines, 1):
            found = INCLUDE.match(line)
            if found and "#" in self.code[number - 1]:
                self.includes.append((number, found[1], found[2]))

    def under(self, *directories):
        return self.path.startswith(tuple(f"src/{d}/" for d in directories))

    def allows(self, line, rule):
        """Whether a comment on this line, or right above it, makes an exception with a reason."""
        above = self.lines[line - 2] if line > 1 and self.lines[line - 2].lstrip().startswith("//") else ""
        return any(found[1] == rule for text in (self.lines[line - 1], above) for found in ALLOW.finditer(text))


# Where a rule does not apply. bench and cli are clients that measure in real time, torture drives a server process;
# env/real is the door itself.
def door(source):
    """env/real, and the tests that hold it against the machine itself."""
    return source.under("env/real") or (source.is_test and source.under("env"))


def door_or_client(source):
    return door(source) or source.under("apps/bench", "apps/cli", "apps/torture")


def door_client_or_test(source):
    return door_or_client(source) or source.is_test


def client(source):
    return source.under("apps/bench", "apps/cli")


def nowhere(_):
    return False


FREE = r"(?<![\w.>:])"  # not a member, not another namespace's
SYSTEM_HEADERS = (
    r"(unistd|fcntl|pthread|poll|dirent|netdb|signal|time|liburing|sched|semaphore)\.h|(sys|linux|netinet|arpa|net)/.*|ctime")

# (rule, pattern in the code, message, where it does not apply)
BANNED = [
    ("real-time", r"\b(system|steady|high_resolution|utc|tai|gps|file)_clock\b", "time comes from env", door_or_client),
    ("real-time", FREE + r"(::|std::)?(gettimeofday|clock_gettime|localtime(_r)?|gmtime(_r)?|strftime)\s*\(",
     "time comes from env", door_or_client),
    ("real-time", FREE + r"(::|std::)?time\s*\(\s*(nullptr|NULL|0|&)", "time comes from env", door_or_client),
    ("sleep", r"\bthis_thread::sleep_\w+|\b(usleep|nanosleep)\b|" + FREE + r"(::)?sleep\s*\(",
     "nothing sleeps: wait for the event, with a deadline", client),
    ("thread", r"\bstd::(jthread|thread|async)\b|\bpthread_create\b", "threads come from env", door_client_or_test),
    ("entropy", r"\bstd::random_device\b|\b(getrandom|getentropy|arc4random)\s*\(|" + FREE +
     r"(::|std::)?(s?rand|rand_r|s?random|[del]rand48)\s*\(", "entropy comes from env; chance from base/prng.h", door_or_client),
    ("syscall", r"(?<![\w>])::(open|openat|creat|close|read|write|pread|pwrite|fsync|fdatasync|ftruncate|unlink|rename|mkdir|stat|"
     r"fstat|mmap|socket|bind|listen|accept4?|connect|send|recv|sendmsg|recvmsg|sendfile|poll|ioctl|fcntl)\s*\(",
     "disk and sockets are reached through env", door_or_client),
    ("syscall", FREE + r"(fsync|fdatasync|syncfs|pread|pwrite|preadv2?|pwritev2?|openat2?|fallocate|sendfile|epoll_\w+|io_uring_\w+|"
     r"eventfd|timerfd_\w+|fopen|freopen|popen|tmpfile)\s*\(", "disk and sockets are reached through env", door_or_client),
    ("lock", r"\bstd::(recursive_|timed_|shared_|recursive_timed_)?(mutex|condition_variable(_any)?)\b|\bstd::shared_timed_mutex\b|"
     r"\bpthread_mutex_\w+", "state has one owner; if it must be, list the file under Locks in ARCHITECTURE.md", None),
    ("pointer-key", r"\b(unordered_)?(multi)?(map|set)\s*<\s*(const\s+)?[\w:]+(<[^<>]*>)?(\s+const)?\s*\*",
     "a container keyed by addresses has another order in every run", nowhere),
    ("catch-all", r"\bcatch\s*\(\s*\.\.\.\s*\)", "catch what you know: an unknown error is never a success", nowhere),
    ("disabled-test", r"\bDISABLED_\w+", "no test is disabled in silence: GTEST_SKIP with the reason", nowhere),
    ("log-time", r"\bset_(pattern|formatter)\s*\(", "how log lines look, and their time, is settled in apps/", lambda s: s.under("apps")),
]

# (rule, pattern of the whole include, message, where it does not apply)
BANNED_INCLUDES = [
    ("boost", r"boost/(?!beast/|url/).*", "Boost stays in env/real", door),
    ("boost", r"boost/(beast|url)/.*", "Beast's HTTP, without its I/O, is for admin", lambda s: s.under("admin")),
    ("syscall", SYSTEM_HEADERS, "the operating system is reached through env", door_or_client),
    ("syscall", r"fstream|filesystem", "files are reached through env", door_client_or_test),
    ("log-time", r"spdlog/.*", "only server, admin and apps write logs",
     lambda s: s.under("server", "admin", "apps", "env/real")),
    ("log-time", r"(fmt|spdlog/fmt)/chrono\.h", "log lines carry no clock of their own", lambda s: s.under("apps")),
]


def table(text, heading):
    """The rows (lists of cells, backquotes off) of the first table under a heading of a Markdown text."""
    section = re.search(rf"^#+ {heading}$(.*?)(?=^#+ |\Z)", text, re.M | re.S)
    if not section:
        raise SystemExit(f"lint: ARCHITECTURE.md has no section '{heading}'")
    rows = [line.strip().strip("|").split("|") for line in section[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def room_table(architecture):
    """Room -> the rooms it may include; `all above` and `everything` resolved."""
    rows = table(architecture, "Rooms")
    names = [re.sub(r"[`/]", "", row[0]) for row in rows]
    may = {}
    for name, row in zip(names, rows):
        words = re.sub(r"[`,]", " ", row[-1])
        if words.startswith("everything"):
            may[name] = set(names)
        elif words.startswith("all above"):
            may[name] = set(may)
        else:
            may[name] = set() if words in ("–", "-", "") else set(words.split())
        unknown = may[name] - set(names)
        if unknown:
            raise SystemExit(f"lint: the room table lets {name} include unknown rooms: {' '.join(sorted(unknown))}")
    return may


def check_banned(source, locks_allowed):
    for rule, pattern, message, exempt in BANNED:
        if exempt is None:
            skip = source.is_test or client(source) or re.sub(r"\.(h|cc)$", "", source.path) in locks_allowed
        else:
            skip = exempt(source)
        if skip:
            continue
        for number, line in enumerate(source.code, 1):
            found = re.search(pattern, line)
            if found:
                yield Finding(source.path, number, rule, f"{found[0].strip()}: {message}")
    for number, quote, name in source.includes:
        for rule, pattern, message, exempt in BANNED_INCLUDES:
            if quote == "<" and re.fullmatch(pattern, name) and not exempt(source):
                yield Finding(source.path, number, rule, f"<{name}>: {message}")


def check_includes(source, may, paths):
    allowed = may.get(source.room)
    if allowed is None:
        yield Finding(source.path, 1, "room", f"{source.room} is not in the room table of ARCHITECTURE.md")
        return
    allowed = allowed | {source.room} | ({"sim"} if source.is_test else set())
    for number, quote, name in source.includes:
        if quote != '"':
            continue
        room = name.split("/")[0]
        if f"src/{name}" not in paths:
            yield Finding(source.path, number, "room", f'"{name}" is no file of src/; includes are named from there')
        elif room not in allowed:
            yield Finding(source.path, number, "room", f"{source.room} may not include {room} (room table of ARCHITECTURE.md)")
        elif name.startswith("env/real/") and not (source.is_test or source.under("env/real", "apps", "embedded", "remote")):
            yield Finding(source.path, number, "room", "env/real is included only by apps, embedded, remote and tests; use the faces in env")


def check_form(source):
    if len(source.lines) > LINES_MAX:
        yield Finding(source.path, LINES_MAX, "length", f"{len(source.lines)} lines, at most {LINES_MAX}")
    if source.path.endswith(".h"):
        needs_header = True
        if not re.search(r"^#pragma once$", source.text, re.M):
            yield Finding(source.path, 1, "header", "no #pragma once")
    else:
        own = f'"{source.path[len("src/"):-len(".cc")]}.h"'
        needs_header = not source.is_test and f"#include {own}" not in source.text
    if needs_header and not source.text.startswith("//"):
        yield Finding(source.path, 1, "header", "no opening comment: say what the file owns")


def check_dead(sources, layout):
    """A header nobody includes (a room's face is for its readers, too), a source no room or app compiles."""
    rooms = set(re.findall(r"^chronik_room\(([^\s)]+)", layout, re.M))
    apps = set(re.findall(r"^chronik_app\(\S+ ([^\s)]+)", layout, re.M))
    included = {f"src/{name}" for source in sources for _, quote, name in source.includes if quote == '"'}
    for source in sources:
        parts = source.path.split("/")
        if source.path.endswith(".h"):
            alive = source.path in included or parts[1:] == [source.room, f"{source.room}.h"]
        elif source.room == "apps":
            alive = len(parts) == 4 and parts[2] in apps
        else:
            alive = source.room in rooms
        if not alive:
            yield Finding(source.path, 1, "dead", "nothing includes it" if source.path.endswith(".h") else "nothing compiles it")


def check_layout(layout, may):
    """CMake links a room only to what the table lets it include."""
    for found in re.finditer(r"^chronik_room\((\w+)([^)]*)\)", layout, re.M):
        line = layout.count("\n", 0, found.start()) + 1
        rooms = re.search(r"\bROOMS((?:\s+[a-z_]+)+)", re.sub(r"TEST_ROOMS", "TEST_", found[2]))
        linked = set(rooms[1].split()) if rooms else set()
        part = re.search(r"\bDIR (\w+)/", found[2])  # a library of its own within a room
        room_of = part[1] if part else found[1]
        for room in sorted(linked - may.get(room_of, set()) - {room_of}):
            yield Finding("cmake/layout.cmake", line, "room", f"{found[1]} links {room}, against the room table")


def run(root):
    """All findings and warnings for the tree at `root`."""
    architecture = (root / "ARCHITECTURE.md").read_text(encoding="utf-8")
    layout = (root / "cmake/layout.cmake").read_text(encoding="utf-8")
    may = room_table(architecture)
    locks_allowed = {row[0].strip("`") for row in table(architecture, "Locks")}
    files = sorted(path for path in (root / "src").rglob("*") if path.suffix in (".h", ".cc"))
    sources = [Source(root, path) for path in files]
    paths = {source.path for source in sources}

    findings = list(check_layout(layout, may))
    for path in sorted(locks_allowed - {re.sub(r"\.(h|cc)$", "", path) for path in paths}):
        findings.append(Finding("ARCHITECTURE.md", 1, "lock", f"the table of locks names {path}, which does not exist"))
    per_source = {source.path: source for source in sources}
    for source in sources:
        findings += check_banned(source, locks_allowed)
        findings += check_includes(source, may, paths)
        findings += check_form(source)
    findings += check_dead(sources, layout)
    findings = [f for f in findings if f.path not in per_source or not per_source[f.path].allows(f.line, f.rule)]
    warnings = [f"{s.path}: {len(s.lines)} lines; reconsider above {LINES_WARN}" for s in sources
                if LINES_WARN < len(s.lines) <= LINES_MAX]
    return findings, warnings, len(sources)


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
    findings, warnings, count = run(root)
    findings += [Finding(lessons.TABLE, line, "lessons", f"there is no test {name}") for line, name in lessons.missing(root)]
    for warning in warnings:
        print(f"warning: {warning}")
    for finding in findings:
        print(finding)
    print(f"lint: {count} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
