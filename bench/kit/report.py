"""Results as CSV, Markdown and pictures.

Ratios are always the median of same-round ratios: what happened to the machine in a round happened
to both sides of the division.
"""

import csv
import os
import shutil
import statistics
import subprocess

COLUMNS = ["requests", "seconds", "errors", "rps", "cpu_us", "user_us", "sys_us", "busy", "p50",
           "p90", "p99", "p999", "max", "resumed", "lost", "late", "rate", "bytes_each", "base_mib",
           "growth_mib", "mib_per_second"]


class Results:
    """Measurements by scenario, server and round."""

    def __init__(self):
        self.rows = []      # (scenario, server, round, measurement)
        self.left_out = {}  # (scenario name, server name) -> reason

    def add(self, scenario, server, number, measurement):
        self.rows.append((scenario, server, number, measurement))

    def leave_out(self, scenario, server, reason):
        self.left_out.setdefault((scenario, server), str(reason))

    def scenarios(self):
        return list(dict.fromkeys(row[0] for row in self.rows))

    def servers(self, scenario):
        return list(dict.fromkeys(row[1] for row in self.rows if row[0] == scenario))

    def rounds(self, scenario, server):
        return {row[2]: row[3] for row in self.rows if row[0] == scenario and row[1] == server}

    def values(self, scenario, server, column):
        return [m[column] for m in self.rounds(scenario, server).values() if column in m]

    def median(self, scenario, server, column):
        values = self.values(scenario, server, column)
        return statistics.median(values) if values else None

    def spread(self, scenario, server, column):
        values = self.values(scenario, server, column)
        return (min(values), max(values)) if values else None

    def ratio(self, scenario, server, reference, column="cpu_us"):
        """(median, lowest, highest) of the ratios of the same round, or None."""
        ours, theirs = self.rounds(scenario, server), self.rounds(scenario, reference)
        ratios = [ours[n][column] / theirs[n][column] for n in ours
                  if n in theirs and ours[n].get(column) and theirs[n].get(column)]
        return (statistics.median(ratios), min(ratios), max(ratios)) if ratios else None


def number(value, digits=1):
    if value is None:
        return "–"
    return f"{value:,.{digits}f}" if abs(value) < 1000 else f"{value:,.0f}"


def ratio_text(ratio):
    return f"{ratio[0]:.2f} ({ratio[1]:.2f}–{ratio[2]:.2f})" if ratio else "–"


def _rate_table(results, scenario):
    name, floor = scenario.name, scenario.reference
    yield ["server", "per second (spread)", f"CPU µs per {scenario.unit}", "user", "system",
           "× floor's CPU", "busy", "p50 µs", "p90", "p99", "p99.9", "errors"]
    for server in results.servers(name):
        low, high = results.spread(name, server, "rps")
        yield [server, f"{number(results.median(name, server, 'rps'), 0)} "
                       f"({number(low, 0)}–{number(high, 0)})",
               number(results.median(name, server, "cpu_us"), 2),
               number(results.median(name, server, "user_us"), 2),
               number(results.median(name, server, "sys_us"), 2),
               ratio_text(results.ratio(name, server, floor)),
               f"{results.median(name, server, 'busy') * 100:.0f} %"] + [
                   number(results.median(name, server, column), 0)
                   for column in ("p50", "p90", "p99", "p999")] + [
                       number(sum(results.values(name, server, "errors")), 0)]


def _memory_table(results, scenario):
    name, floor = scenario.name, scenario.reference
    active = any(m["requests"] for row in results.rows if row[0] == name for m in [row[3]])
    head = ["server", "bytes per connection (spread)", "× floor's", "MiB before"]
    yield head + (["active: per second", "CPU µs per request", "× floor's CPU"] if active else [])
    for server in results.servers(name):
        low, high = results.spread(name, server, "bytes_each")
        row = [server, f"{number(results.median(name, server, 'bytes_each'), 0)} "
                       f"({number(low, 0)}–{number(high, 0)})",
               ratio_text(results.ratio(name, server, floor, "bytes_each")),
               number(results.median(name, server, "base_mib"))]
        if active:
            row += [number(results.median(name, server, "rps"), 0),
                    number(results.median(name, server, "cpu_us"), 2),
                    ratio_text(results.ratio(name, server, floor))]
        yield row


def _upload_table(results, scenario):
    name = scenario.name
    yield ["server", "MiB per second", "CPU seconds per GiB", "memory grew by MiB (highest)"]
    for server in results.servers(name):
        yield [server, number(results.median(name, server, "mib_per_second"), 0),
               number((results.median(name, server, "cpu_us") or 0) / 1e6, 2),
               number(max(results.values(name, server, "growth_mib")), 1)]


def markdown_table(rows):
    rows = [[str(cell) for cell in row] for row in rows]
    lines = ["| " + " | ".join(rows[0]) + " |",
             "|" + "|".join("---" if i == 0 else "--:" for i in range(len(rows[0]))) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows[1:]]


def scenario_markdown(results, scenario):
    """The part of the report about one scenario."""
    tables = {"memory": _memory_table, "upload": _upload_table}
    lines = [f"### {scenario.name}: {scenario.title}", ""]
    if scenario.name not in results.scenarios():
        lines += ["No server could be measured."]
    else:
        lines += markdown_table(list(tables.get(scenario.kind, _rate_table)(results, scenario)))
        again = results.ratio(scenario.name, scenario.reference + "-again", scenario.reference,
                              "bytes_each" if scenario.kind == "memory" else "cpu_us")
        if again:
            lines += ["", f"The floor against itself in the same rounds: {ratio_text(again)}."]
        if "rate" in scenario.notes:
            lines += ["", f"Fixed rate: {scenario.notes['rate']:,.0f} requests per second; latencies "
                          "count from the time a request was due."]
    missing = [f"{server} ({reason})" for (name, server), reason in results.left_out.items()
               if name == scenario.name]
    if missing:
        lines += ["", "Left out: " + "; ".join(missing) + "."]
    return "\n".join(lines) + "\n"


def write_csv(results, path):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["scenario", "server", "round"] + COLUMNS)
        for scenario, server, number_, measurement in results.rows:
            writer.writerow([scenario, server, number_] +
                            [f"{measurement[c]:.6g}" if isinstance(measurement.get(c), float)
                             else measurement.get(c, "") for c in COLUMNS])


def write_picture(results, scenario, folder):
    """One SVG for each scenario: bars of the medians with the spread of the rounds."""
    if not shutil.which("gnuplot") or scenario.name not in results.scenarios():
        return None
    column, label = {"memory": ("bytes_each", "bytes per connection"),
                     "latency": ("p99", "p99, µs"),
                     "upload": ("growth_mib", "growth of memory, MiB"),
                     }.get(scenario.kind, ("cpu_us", f"server CPU per {scenario.unit}, µs"))
    lines = []
    for server in results.servers(scenario.name):
        spread = results.spread(scenario.name, server, column)
        if spread and not server.endswith("-again"):
            lines.append(f'"{server}" {results.median(scenario.name, server, column):.6g} '
                         f"{spread[0]:.6g} {spread[1]:.6g}")
    if not lines:
        return None
    path = os.path.join(folder, scenario.name + ".svg")
    title = scenario.title.replace('"', "'")
    script = "\n".join([
        "set terminal svg size 760,360 font 'sans-serif,12' background '#ffffff'",
        f'set output "{path}"', f'set title "{title}" noenhanced', f'set ylabel "{label}"',
        "set style fill solid 0.85 noborder", "set boxwidth 0.6", "set yrange [0:*]",
        "set grid ytics lc rgb '#dddddd'", "unset key", "set xtics rotate by -20 noenhanced",
        "$data << EOD"] + lines + ["EOD",
        "plot $data using 0:2:xtic(1) with boxes lc rgb '#3b6ea5', "
        "$data using 0:2:3:4 with yerrorbars lc rgb '#222222' pt 0"])
    done = subprocess.run(["gnuplot"], input=script.encode(), stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, timeout=60, check=False)
    return path if done.returncode == 0 else None


def header_markdown(facts, settings):
    lines = ["# Benchmark", ""]
    lines += markdown_table([["", ""]] + [[key, value] for key, value in
                                          list(facts.items()) + list(settings.items())])
    return "\n".join(lines) + "\n"
