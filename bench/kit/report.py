"""Results as Markdown tables."""

def number(value, digits=1):
    if value is None:
        return "–"
    return f"{value:,.{digits}f}" if abs(value) < 1000 else f"{value:,.0f}"


def with_loops(server, loops):
    """A server and its number of loops, a text, as tables and pictures name them."""
    return f"{server}, {loops} loop" + ("" if loops == "1" else "s")


def ratio_text(ratio):
    return f"{ratio[0]:.2f} ({ratio[1]:.2f}–{ratio[2]:.2f})" if ratio else "–"


def _floors(results, scenario):
    """The floors that ratios refer to: (heading, name). There is no bare epoll floor with TLS."""
    floors = [("× TLS floor's CPU" if scenario.tls else "× libuv floor's CPU", scenario.reference)]
    if results.rounds(scenario.name, "floor-epoll"):
        floors.append(("× epoll floor's CPU", "floor-epoll"))
    return floors


def median_and_spread(results, name, server, column, digits=0):
    low, high = results.spread(name, server, column)
    return (f"{number(results.median(name, server, column), digits)} "
            f"({number(low, digits)}–{number(high, digits)})")


def _cpu_cells(results, scenario, server):
    name = scenario.name
    return [number(results.median(name, server, column), 2)
            for column in ("cpu_us", "user_us", "sys_us")] + \
        [ratio_text(results.ratio(name, server, floor)) for _, floor in _floors(results, scenario)]


def _cpu_heads(results, scenario):
    return [f"CPU µs per {scenario.unit}", "user", "system"] + \
        [heading for heading, _ in _floors(results, scenario)]


def _rate_table(results, scenario):
    name = scenario.name
    yield ["server", "per second (spread)"] + _cpu_heads(results, scenario) + \
        ["busy", "p50 µs", "p90", "p99", "p99.9", "errors"]
    for server in results.servers(name):
        yield [server, median_and_spread(results, name, server, "rps")] + \
            _cpu_cells(results, scenario, server) + \
            [f"{results.median(name, server, 'busy') * 100:.0f} %"] + \
            [number(results.median(name, server, column), 0) for column in ("p50", "p90", "p99", "p999")] + \
            [number(sum(results.values(name, server, "errors")), 0)]


def _latency_table(results, scenario):
    """All get the same rate; what differs is how long a request takes from when it was due."""
    name = scenario.name
    yield ["server", "p50 µs", "p90", "p99 (spread)", "p99 × nginx's", "p99.9", "max"] + \
        _cpu_heads(results, scenario) + ["busy", "late", "lost", "errors"]
    for server in results.servers(name):
        yield [server] + [number(results.median(name, server, column), 0) for column in ("p50", "p90")] + \
            [median_and_spread(results, name, server, "p99"),
             ratio_text(results.ratio(name, server, "nginx", "p99"))] + \
            [number(results.median(name, server, column), 0) for column in ("p999", "max")] + \
            _cpu_cells(results, scenario, server) + \
            [f"{results.median(name, server, 'busy') * 100:.0f} %"] + \
            [number(sum(results.values(name, server, column)), 0) for column in ("late", "lost", "errors")]


def _memory_table(results, scenario):
    name, floors = scenario.name, _floors(results, scenario)
    active = any(row[3]["requests"] for row in results.rows if row[0] == name)
    head = ["server", "bytes per connection (spread)"] + \
        [heading.replace("CPU", "bytes") for heading, _ in floors] + ["MiB before"]
    yield head + (["active: per second", "CPU µs per request"] + [heading for heading, _ in floors]
                  if active else [])
    for server in results.servers(name):
        row = [server, median_and_spread(results, name, server, "bytes_each")] + \
            [ratio_text(results.ratio(name, server, floor, "bytes_each")) for _, floor in floors] + \
            [number(results.median(name, server, "base_mib"))]
        if active:
            row += [number(results.median(name, server, "rps"), 0),
                    number(results.median(name, server, "cpu_us"), 2)] + \
                [ratio_text(results.ratio(name, server, floor)) for _, floor in floors]
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
    tables = {"memory": _memory_table, "upload": _upload_table, "latency": _latency_table}
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
            lines += ["", f"Fixed rate: {scenario.notes['rate']:,.0f} requests per second, half of the most "
                          f"that {scenario.notes['rate of']} did under wrk; latencies count from the time "
                          "a request was due."]
    missing = [f"{server} ({reason})" for (name, server), reason in results.left_out.items()
               if name == scenario.name]
    if missing:
        lines += ["", "Left out: " + "; ".join(missing) + "."]
    return "\n".join(lines) + "\n"


def header_markdown(facts, settings, title="Benchmark"):
    lines = [f"# {title}", ""]
    lines += markdown_table([["what", "value"]] + [[key, value] for key, value in
                                          list(facts.items()) + list(settings.items())])
    return "\n".join(lines) + "\n"
