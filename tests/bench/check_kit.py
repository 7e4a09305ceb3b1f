"""The bench's own arithmetic: ratios of the same rounds, servers that are left out, tables, CSV, the CPU time of
processes that come and go, and what bench/pictures says of input that it cannot draw."""
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.environ.get("RAWHTTP_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "bench"))

from kit import picture, report, results as numbers  # noqa: E402
from kit.process import Process, cpu_between         # noqa: E402
from kit.scenarios import Scenario, all_scenarios    # noqa: E402
from kit.servers import Server, all_servers          # noqa: E402

SCENARIO = Scenario("ping-100", "/ping, 100 connections", None)
FACTS = {"cpu": "A machine: fast", "commit": "abc123", "date": "2026-01-02 03:04 UTC"}


def measured(cpu, **more):
    return {"requests": 10, "seconds": 1.0, "errors": 0, "rps": 10.0, "cpu_us": cpu, "user_us": cpu / 4,
            "sys_us": cpu * 3 / 4, "busy": 0.5, "p50": 1.0, "p90": 2.0, "p99": 3.0, "p999": 4.0, **more}


def three_rounds():
    """The machine gets slower from round to round, for all alike."""
    some = numbers.Results()
    for number, slow in ((1, 1.0), (2, 2.0), (3, 10.0)):
        some.add("ping-100", "floor-uv", number, measured(10.0 * slow))
        some.add("ping-100", "floor-uv-again", number, measured(11.0 * slow))
        some.add("ping-100", "floor-epoll", number, measured(8.0 * slow))
        some.add("ping-100", "rawhttp-uv", number, measured(12.0 * slow))
    return some


class Ratios(unittest.TestCase):
    def test_are_of_the_same_round(self):
        some = three_rounds()
        for value, wanted in zip(some.ratio("ping-100", "rawhttp-uv", "floor-uv"), (1.2, 1.2, 1.2)):
            self.assertAlmostEqual(value, wanted)

    def test_are_the_median_of_ratios_and_not_the_ratio_of_medians(self):
        some = numbers.Results()
        for number, (ours, floor) in enumerate(((10, 10), (30, 10), (40, 20)), 1):
            some.add("s", "ours", number, measured(ours))
            some.add("s", "floor", number, measured(floor))
        self.assertEqual(some.ratio("s", "ours", "floor"), (2.0, 1.0, 3.0))

    def test_leave_out_rounds_that_one_of_them_missed(self):
        some = three_rounds()
        some.add("ping-100", "nginx", 3, measured(50.0))
        self.assertEqual(some.ratio("ping-100", "nginx", "floor-uv"), (0.5, 0.5, 0.5))
        self.assertIsNone(some.ratio("ping-100", "h2o", "floor-uv"))

    def test_leave_out_rounds_in_which_one_has_no_value(self):
        some = three_rounds()
        some.add("ping-100", "nginx", 1, measured(0.0))
        some.add("ping-100", "nginx", 2, measured(60.0))
        self.assertEqual(some.ratio("ping-100", "nginx", "floor-uv"), (3.0, 3.0, 3.0))
        self.assertIsNone(some.ratio("ping-100", "nginx", "floor-uv", "bytes_each"))

    def test_across_scenarios_are_of_the_same_round_too(self):
        some = numbers.Results()
        for number, (one, two) in enumerate(((10, 11), (100, 104)), 1):
            some.add("loops-1", "x", number, measured(one))
            some.add("loops-2", "x", number, measured(two))
        self.assertAlmostEqual(some.across("x", "loops-2", "loops-1")[0], 1.07)
        self.assertIsNone(some.across("y", "loops-2", "loops-1"))


class Tables(unittest.TestCase):
    def test_have_a_ratio_to_both_floors_and_the_floor_against_itself(self):
        text = report.scenario_markdown(three_rounds(), SCENARIO)
        head = text.splitlines()[2]
        for column in ("per second (spread)", "user", "system", "× libuv floor's CPU", "× epoll floor's CPU", "p50 µs",
                       "p90", "p99", "p99.9", "errors"):
            self.assertIn(f"| {column} ", head)
        ours = [line for line in text.splitlines() if line.startswith("| rawhttp-uv ")][0]
        self.assertIn("| 1.20 (1.20–1.20) | 1.50 (1.50–1.50) |", ours)
        self.assertIn("The floor against itself in the same rounds: 1.10 (1.10–1.10).", text)

    def test_tell_who_was_left_out_and_why(self):
        some = three_rounds()
        some.leave_out("ping-100", "h2o", "not there: apt install h2o")
        some.leave_out("ping-100", "h2o", "a second reason that does not count")
        self.assertIn("Left out: h2o (not there: apt install h2o).", report.scenario_markdown(some, SCENARIO))

    def test_of_nothing_say_so(self):
        self.assertIn("No server could be measured.", report.scenario_markdown(numbers.Results(), SCENARIO))

    def test_stand_for_every_kind_of_scenario(self):
        for scenario in all_scenarios():
            some = numbers.Results()
            for name in (scenario.reference, "nginx", "rawhttp-uv"):
                some.add(scenario.name, name, 1, measured(10.0, bytes_each=400.0, base_mib=1.0, growth_mib=0.1,
                                                          mib_per_second=900.0, late=0, lost=0, max=9.0))
            lines = report.scenario_markdown(some, scenario).splitlines()[2:]
            width = lines[0].count("|")
            self.assertEqual({line.count("|") for line in lines if line.startswith("|")}, {width}, scenario.name)


class Csv(unittest.TestCase):
    def test_comes_back_with_every_column_and_fact(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "results.csv")
            numbers.write_csv(three_rounds(), path, FACTS)
            back, facts = numbers.read_csv(path)
            with open(path, encoding="utf-8") as file:
                head = [line for line in file if not line.startswith("#")][0].strip().split(",")
        self.assertEqual(facts, FACTS)
        self.assertEqual(head, ["scenario", "server", "round"] + numbers.COLUMNS)
        self.assertTrue({"rps", "cpu_us", "user_us", "sys_us", "p50", "p90", "p99", "p999"} <= set(head))
        self.assertEqual(len(back.rows), 12)
        self.assertEqual(back.ratio("ping-100", "rawhttp-uv", "floor-uv"),
                         three_rounds().ratio("ping-100", "rawhttp-uv", "floor-uv"))

    def test_of_something_else_is_refused(self):
        for text, word in (("a,b\n1,2\n", "columns"), ("", "columns"),
                           ("# cpu: x\nscenario,server,round,rps\ns,x,1,fast\n", "line 3")):
            with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
                file.write(text)
                file.flush()
                with self.assertRaisesRegex(ValueError, word):
                    numbers.read_csv(file.name)


class Cpu(unittest.TestCase):
    def test_of_a_helper_that_ended_is_not_subtracted(self):
        before = {("all", "1"): 1.0, ("all", "2"): 5.0, ("user", 1): 0.5, ("system", 1): 0.5}
        after = {("all", "1"): 1.75, ("all", "3"): 0.25, ("user", 1): 0.75, ("system", 1): 1.0}
        self.assertEqual(cpu_between(before, after), (1.0, 0.25, 0.5))

    def test_of_a_process_that_works_grows(self):
        process = Process([sys.executable, "-c", "while True: pass"])
        try:
            before = process.cpu()
            while cpu_between(before, process.cpu())[0] < 0.05:
                self.assertTrue(process.alive())
        finally:
            process.stop()


class Servers(unittest.TestCase):
    def test_that_are_missing_say_what_would_bring_them(self):
        nobody = Server("x", "no-such-program-anywhere", "ping", None, ["-v"], "apt install x")
        self.assertEqual(nobody.missing(), "not there: apt install x")
        self.assertIsNone(nobody.version())

    def test_that_a_report_compares_are_all_known(self):
        names = {server.name for server in all_servers()}
        self.assertTrue({"rawhttp-uv", "floor-uv", "floor-uv-again", "floor-epoll", "floor-tls", "nginx", "h2o",
                         "lighttpd", "microhttpd", "evhttp", "node"} <= names)


class Pictures(unittest.TestCase):
    def draw(self, *arguments):
        with tempfile.TemporaryDirectory() as out:
            done = subprocess.run([sys.executable, os.path.join(ROOT, "bench", "pictures"), "--out", out, *arguments],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
            return done.returncode, done.stdout.decode(), sorted(os.listdir(out))

    def test_cut_a_bar_that_would_dwarf_the_others(self):
        longest = picture.cut_at([picture.Bar(str(v), v) for v in (10.0, 11.0, 12.0, 15.0, 200.0)])
        self.assertAlmostEqual(longest, 19.5)

    def test_name_machine_commit_and_day(self):
        self.assertIn("A machine: fast", picture.caption(FACTS)[0])
        self.assertIn("abc123", picture.caption(FACTS)[1])
        self.assertIn("2026-01-02", picture.caption(FACTS)[1])

    def test_without_a_folder_or_numbers_fail_with_a_word(self):
        if not picture.have_gnuplot():
            self.assertIn("gnuplot is needed", self.draw("/no-such-folder")[1])
            return
        code, text, _ = self.draw("/no-such-folder")
        self.assertEqual((code, "is no folder" in text), (1, True), text)
        with tempfile.TemporaryDirectory() as folder:
            code, text, _ = self.draw(folder)
            self.assertEqual((code, "nothing to draw" in text), (1, True), text)
            with open(os.path.join(folder, "results.csv"), "w", encoding="utf-8") as file:
                file.write("not,a,result\n")
            code, text, drawn = self.draw(folder)
            self.assertEqual((code, "results.csv: this is no file of results" in text, drawn), (1, True, []), text)
            numbers.write_csv(numbers.Results(), os.path.join(folder, "results.csv"), FACTS)
            code, text, _ = self.draw(folder)
            self.assertEqual((code, "none of its scenarios" in text), (1, True), text)

    def test_are_drawn_from_what_the_tools_write(self):
        if not picture.have_gnuplot():
            self.skipTest("gnuplot is not installed")
        with tempfile.TemporaryDirectory() as folder:
            numbers.write_csv(three_rounds(), os.path.join(folder, "results.csv"), FACTS)
            loops, ab = numbers.Results(), numbers.Results()
            for count in (1, 2):
                for server in ("rawhttp-uv", "floor-uv", "floor-uv-again"):
                    loops.add(f"loops-{count}", server, 1, measured(10.0 + count))
                    for connections in (10, 2000):
                        ab.add(f"ab-{count}-{connections}", server, 1, measured(10.0))
            numbers.write_csv(loops, os.path.join(folder, "loops.csv"), FACTS)
            numbers.write_csv(ab, os.path.join(folder, "ab.csv"), FACTS)
            code, text, drawn = self.draw(folder)
            self.assertEqual((code, drawn), (0, ["ab.svg", "cpu.svg", "loops.svg"]), text)


def main():
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(
        unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__]))
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed - len(result.skipped)} passed, {failed} failed")
    return 1 if failed or result.testsRun == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
