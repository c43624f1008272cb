"""Every test that docs/lessons.md names exists: the table of incidents must not outlive its tests.

Names are those of ctest: PREFIX.Suite.name (PREFIX.Every/Suite.name if parameterised) for C++, system.FILE.name and
self.FILE.name for Python, fuzz.NAME, lint.rules. Part of lint.py; lint_test.py shows that it fires.
"""

import re

TABLE = "docs/lessons.md"
NAME = re.compile(r"`([a-z_]+\.[^`\s]+)`")
TEST = re.compile(r"^\s*TEST(_P|_F)?\(\s*(\w+),\s*(\w+)\s*\)", re.M)
INSTANCE = re.compile(r"INSTANTIATE_TEST_SUITE_P\(\s*(\w+),\s*(\w+)")


def unit_tests(root):
    """Of every src/ROOM/**_test.cc, as ctest names them, without the parameter."""
    for file in (root / "src").rglob("*_test.cc"):
        parts = file.relative_to(root / "src").parts
        prefix = parts[1] if parts[0] == "apps" else parts[0]
        text = file.read_text(encoding="utf-8")
        instances = {suite: name for name, suite in INSTANCE.findall(text)}
        for kind, suite, name in TEST.findall(text):
            yield f"{prefix}.{instances[suite] + '/' if kind == '_P' and suite in instances else ''}{suite}.{name}"


def python_tests(root):
    for directory, pattern in (("system", "*test*.py"), ("lint", "*_test.py")):
        for file in (root / "tests" / directory).glob(pattern):
            prefix = "system" if file.name.startswith("test_") else "self"
            stem = re.sub(r"^test_|_test$", "", file.stem)
            for name in re.findall(r"^    def test_(\w+)", file.read_text(encoding="utf-8"), re.M):
                yield f"{prefix}.{stem}.{name}"


def fuzz_targets(root):
    for file in (root / "src").rglob("*_fuzz.cc"):
        yield "fuzz." + re.sub(r"(_decode)?_fuzz$", "", file.stem)


def all_tests(root):
    return {*unit_tests(root), *python_tests(root), *fuzz_targets(root), "lint.rules"}


def missing(root):
    """(line, name) of each test that the table names and nobody has; of the table itself, if that is gone."""
    table = root / TABLE
    if not table.is_file():
        return [(1, TABLE)]
    have = all_tests(root)
    lines = table.read_text(encoding="utf-8").splitlines()
    return [(number, name) for number, line in enumerate(lines, 1) if line.startswith("|")
            for name in NAME.findall(line) if name not in have]
