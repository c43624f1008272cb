"""The same requests to Apache Kafka and to Chronik get the same answers, but for the differences that are listed."""
# ctest: timeout=300 serial

import sys

import harness

RUN = harness.REPO / "tests" / "differential" / "run.py"


class Differential(harness.SystemTest):
    def test_answers_are_those_of_apache_kafka(self):
        done = harness.run([sys.executable, RUN], deadline_s=280, check=False)
        if done.returncode == harness.SKIPPED:
            raise harness.Skip(done.stdout.strip().splitlines()[-1])
        self.assertEqual(done.returncode, 0, done.stdout[-8000:] + done.stderr[-4000:])
        print(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    harness.main()
