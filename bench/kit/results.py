"""Measurements by scenario, server and round; their medians, spreads and ratios; their CSV file.

Ratios are always the median of same-round ratios: what happened to the machine in a round happened
to both sides of the division.
"""

import csv
import statistics

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
        return _summary([ours[n][column] / theirs[n][column] for n in ours
                         if n in theirs and ours[n].get(column) and theirs[n].get(column)])

    def across(self, server, scenario, other, column="cpu_us"):
        """(median, lowest, highest) of one server's ratios of two scenarios in the same round, or None."""
        many, one = self.rounds(scenario, server), self.rounds(other, server)
        return _summary([many[n][column] / one[n][column] for n in many
                         if n in one and many[n].get(column) and one[n].get(column)])


def _summary(ratios):
    return (statistics.median(ratios), min(ratios), max(ratios)) if ratios else None


def csv_header(facts):
    """What a file of numbers belongs to, as comments: machine, versions, commit."""
    return "".join(f"# {key}: {value}\n" for key, value in facts.items())


def write_csv(results, path, facts):
    """Every run as a line, under a comment line for each fact."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        file.write(csv_header(facts))
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["scenario", "server", "round"] + COLUMNS)
        for scenario, server, number, measurement in results.rows:
            writer.writerow([scenario, server, number] +
                            [f"{measurement[c]:.6g}" if isinstance(measurement.get(c), float)
                             else measurement.get(c, "") for c in COLUMNS])


def read_csv(path):
    """(results, facts) of a file that write_csv wrote; ValueError says what is wrong with another one."""
    results, facts = Results(), {}
    with open(path, newline="", encoding="utf-8") as file:
        lines = file.read().splitlines()
    while lines and lines[0].startswith("# "):
        key, _, value = lines.pop(0)[2:].partition(": ")
        facts[key] = value
    reader = csv.DictReader(lines)
    if not {"scenario", "server", "round"} <= set(reader.fieldnames or ()):
        raise ValueError("this is no file of results: columns scenario, server and round are missing")
    for line in reader:
        try:
            measurement = {name: float(line[name]) for name in COLUMNS if line.get(name)}
            results.add(line["scenario"], line["server"], int(line["round"]), measurement)
        except (TypeError, ValueError) as error:
            raise ValueError(f"line {len(facts) + reader.line_num} holds no numbers") from error
    return results, facts
