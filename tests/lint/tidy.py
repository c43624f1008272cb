"""clang-tidy over every source in a compilation database, in parallel, remembering what was clean.

usage: tidy.py BUILD_DIR [FILTER]      FILTER: a part of the path

A file is checked again only if it, a header of ours that it reaches, its flags, .clang-tidy or clang-tidy changed. The
memory is one empty file per clean state in ${XDG_CACHE_HOME:-~/.cache}/chronik-tidy; it holds from any clone.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chronik-tidy"
TIDY = "clang-tidy-19"
DEADLINE_S = 300
KEEP_DAYS = 30
INCLUDE = re.compile(rb'^\s*#\s*include\s*"([^"]+)"', re.M)
PUBLIC = re.compile(rb'^\s*#\s*include\s*<(chronik/[^>]+)>', re.M)


def reached(file, seen):
    """The file and every header of ours that it includes, directly or not."""
    if file in seen or not file.is_file():
        return seen
    seen[file] = content = file.read_bytes()
    for name in INCLUDE.findall(content):
        reached(ROOT / "src" / name.decode(), seen)
        reached(file.parent / name.decode(), seen)
    for name in PUBLIC.findall(content):
        reached(ROOT / "include" / name.decode(), seen)
    return seen


def key_of(entry, common):
    state = hashlib.sha256(common)
    state.update(entry["command"].replace(str(ROOT), "").encode())
    for file, content in sorted(reached(Path(entry["file"]), {}).items()):
        state.update(f"\0{file.relative_to(ROOT)}\0".encode() + content)
    return state.hexdigest()


def check(entry, build_dir, key):
    """Empty text if the file is clean, else what clang-tidy said."""
    command = [TIDY, "--quiet", "-p", str(build_dir), f"--config-file={ROOT / '.clang-tidy'}", entry["file"]]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return f"{entry['file']}: clang-tidy did not end within {DEADLINE_S} s\n"
    if done.returncode == 0:
        (CACHE / key).touch()
        return ""
    return (done.stdout or done.stderr).replace(f"{ROOT}/", "")


def forget_the_old():
    oldest = time.time() - KEEP_DAYS * 86400
    for file in CACHE.iterdir():
        if file.stat().st_mtime < oldest:
            file.unlink(missing_ok=True)


def main(build_dir, part=""):
    CACHE.mkdir(parents=True, exist_ok=True)
    forget_the_old()
    entries = json.loads((build_dir / "compile_commands.json").read_text())
    ours = (ROOT / "src", ROOT / "clients")
    entries = [e for e in entries if any(Path(e["file"]).is_relative_to(place) for place in ours) and part in e["file"]]
    entries = list({e["file"]: e for e in entries}.values())
    version = subprocess.run([TIDY, "--version"], capture_output=True, check=True, timeout=60).stdout
    common = version + (ROOT / ".clang-tidy").read_bytes()
    due = []
    for entry in entries:
        key = key_of(entry, common)
        if (CACHE / key).exists():
            (CACHE / key).touch()
        else:
            due.append((entry, key))
    print(f"tidy: {len(due)} of {len(entries)} files to check", flush=True)

    said = set()
    bad = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = pool.map(lambda job: check(job[0], build_dir, job[1]), due)
        for number, ((entry, _), text) in enumerate(zip(due, outcomes), 1):
            print(f"[{number}/{len(due)}] {Path(entry['file']).relative_to(ROOT)}", flush=True)
            bad += bool(text)
            # A header's finding comes from every file that includes it: once is enough.
            for finding in re.split(r"(?m)^(?=\S+:\d+:\d+: (?:warning|error))", text):
                if finding.strip() and finding not in said:
                    said.add(finding)
                    print(finding, end="", flush=True)
    print(f"tidy: {bad} files with findings")
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]).resolve(), *sys.argv[2:3]))
