"""How the program starts, what it says, what it refuses: options, environment, ports, exit codes."""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

import kit
from kit import Program, check, equal, holds, run


def listener(port=0, family=socket.AF_INET, address="127.0.0.1"):
    stream = socket.socket(family)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    stream.bind((address, port))
    stream.listen()
    return stream


@check
def help_and_version_exit_0(_):
    answer = run("--help")
    equal(answer.returncode, 0)
    for word in ("--port", "--max-body", "--loops", "--grace", "PORT", "Exit codes"):
        holds(word in answer.stdout, word)
    holds("\033" not in answer.stdout, "no colours in a pipe")
    equal(run("-h").stdout, answer.stdout)
    answer = run("--version")
    holds(re.match(r"rawhttp-uv \d+\.\d+\.\d+ \(.*libuv \d.*OpenSSL \d", answer.stdout), answer.stdout)


@check
def every_line_of_help_fits_a_terminal(_):
    for line in run("--help").stdout.splitlines():
        holds(len(line) <= 110, line)


@check
def wrong_usage_is_one_line_and_exit_2(_):
    for arguments in (["--nope"], ["--port", "x"], ["--port", "70000"], ["--port"], ["--max-body", "1Q"],
                      ["--grace", "5"], ["--access-log", "xml"], ["a", "b"], ["--host", "not.an.address"],
                      ["--loops", "0"], ["--spa=1"], ["--port", "81", "--tls-port", "81"],
                      ["--host", "127.0.0.1", "--host", "localhost"], ["--host", "*", "--host", "::1"],
                      ["--host", "::1", "--host", "::1"], ["--no-tls", "--redirect-https"],
                      ["--client-auth", "required"]):
        answer = run(*arguments)
        equal(answer.returncode, 2, str(arguments))
        equal(len(answer.stderr.splitlines()), 1, answer.stderr)
        holds(answer.stderr.startswith("rawhttp-uv: "), answer.stderr)
        equal(answer.stdout, "")


@check
def wrong_environment_is_exit_2_and_named(_):
    answer = run(env={"RAWHTTP_MAX_BODY": "huge"})
    equal(answer.returncode, 2)
    holds("RAWHTTP_MAX_BODY" in answer.stderr and "huge" in answer.stderr, answer.stderr)


@check
def a_folder_that_is_missing_is_exit_1(folder):
    answer = run("--port", "0", os.path.join(folder, "nothing"))
    equal(answer.returncode, 1)
    equal(len(answer.stderr.splitlines()), 1, answer.stderr)
    holds("No such file or directory" in answer.stderr, answer.stderr)


@check
def the_advice_fits_what_is_wrong_with_the_folder(folder):
    path = os.path.join(folder, "file")
    open(path, "w").close()
    answer = run("--port", "0", path)
    equal(answer.returncode, 1)
    holds("Not a directory" in answer.stderr and "that is there" not in answer.stderr, answer.stderr)


@check
def output_that_does_not_arrive_is_a_failure(_):
    for option in ("--version", "--help"):
        with open("/dev/full", "w") as full:
            answer = subprocess.run([kit.PROGRAM, option], stdout=full, stderr=subprocess.PIPE, text=True)
        equal(answer.returncode, 1, option)
        holds("No space left" in answer.stderr, answer.stderr)


@check
def variables_that_are_ignored_are_named(_):
    program = Program(port="0", env={"RAWHTTP_PORT": "tcp://10.0.0.1:80", "RAWHTTP_MAXBODY": "1"})
    holds(any("RAWHTTP_MAXBODY is ignored" in line for line in program.lines), program.lines)
    holds(not any("RAWHTTP_PORT" in line for line in program.lines), "the line wins")


@check
def options_without_effect_are_named(folder):
    program = Program("--spa", folder)
    holds(any("--spa has no effect" in line for line in program.lines), program.lines)
    program = Program("--listing")
    holds(any("--listing has no effect" in line for line in program.lines), program.lines)


@check
def every_address_has_two_urls(_):
    program = Program("--host", "*")
    wanted = [f"http://0.0.0.0:{program.port}/", f"http://[::]:{program.port}/"]
    holds(program.urls in (wanted, wanted[:1]), program.urls)


@check
def the_banner_has_the_real_url_of_each_host(_):
    program = Program()
    equal(program.urls, [f"http://localhost:{program.port}/"])
    summary = program.lines[-1]
    holds(re.search(r"^rawhttp-uv \d+\.\d+\.\d+, .*pages, 1 loop, .* per connection, \d+ MiB in all$", summary), summary)
    program = Program("--host", "127.0.0.1", "--host", "::1")
    equal(program.urls, [f"http://127.0.0.1:{program.port}/", f"http://[::1]:{program.port}/"])
    equal(program.stop(), 0)


@check
def localhost_is_both_families_on_one_port(_):
    program = Program()
    equal(program.get("/ping").body, b"pong")
    equal(program.get("/ping", host="::1").body, b"pong")


@check
def a_given_busy_port_is_exit_1_and_says_which(_):
    with listener() as busy:
        port = str(busy.getsockname()[1])
        for arguments, env in ((["--port", port], {}), ([], {"PORT": port}), ([], {"RAWHTTP_PORT": port})):
            answer = run(*arguments, env=env)
            equal(answer.returncode, 1)
            equal(len(answer.stderr.splitlines()), 1, answer.stderr)
            holds(port in answer.stderr and "in use" in answer.stderr, answer.stderr)


@check
def a_second_instance_on_the_same_port_is_noticed(_):
    first = Program("--loops", "2")
    answer = run("--port", str(first.port))
    equal(answer.returncode, 1)
    shared = Program("--reuse-port", port="0")
    again = Program("--reuse-port", port=str(shared.port))
    equal(again.port, shared.port)
    for program in (first, shared, again):
        equal(program.stop(), 0)


@check
def on_a_terminal_the_standard_port_is_hunted_and_it_says_so(_):
    import pty
    leader, terminal = pty.openpty()
    busy = []
    try:
        for port in (8080, 8081):
            try:
                busy.append(listener(port))
            except OSError:
                pass  # somebody else has it: as good
        program = Program(port=None, stdin=terminal)
        holds(8082 <= program.port < 8100, program.port)
        holds(any("8080" in line and str(program.port) in line and "busy" in line for line in program.lines),
              program.lines)
        equal(program.get("/ping").body, b"pong")
    finally:
        for stream in busy:
            stream.close()
        os.close(terminal)
        os.close(leader)


@check
def without_a_terminal_a_busy_standard_port_is_exit_1(_):
    busy = None if port_taken(8080) else listener(8080, socket.AF_INET6, "::1")
    answer = run()
    equal(answer.returncode, 1)
    equal(len(answer.stderr.splitlines()), 1, answer.stderr)
    holds("port 8080 is in use on" in answer.stderr and "--port" in answer.stderr, answer.stderr)
    if busy:
        busy.close()


@check
def a_port_that_is_busy_on_one_family_only_is_skipped(_):
    import pty
    leader, terminal = pty.openpty()
    with listener(8080, socket.AF_INET6, "::1") if not port_taken(8080) else listener():
        program = Program(port=None, stdin=terminal)
        holds(program.port != 8080, program.port)
    os.close(terminal)
    os.close(leader)


def port_taken(port):
    try:
        listener(port, socket.AF_INET6, "::1").close()
        return False
    except OSError:
        return True


@check
def the_environment_sets_options_and_the_line_wins(_):
    with listener() as free:
        port = free.getsockname()[1]
    program = Program(port=None, env={"PORT": str(port), "HOST": "198.51.100.1"})
    equal(program.port, port)
    equal(program.stop(), 0)
    program = Program("--max-body", "1K", env={"RAWHTTP_MAX_BODY": "10"})
    equal(program.request("POST", "/echo", body=b"x" * 1000).status, 200)
    program = Program(env={"RAWHTTP_MAX_BODY": "10"})
    equal(program.request("POST", "/echo", body=b"x" * 1000).status, 413)
    program = Program(env={"RAWHTTP_HOST": "127.0.0.1,::1"})
    equal(len(program.urls), 2)


@check
def it_finds_the_checkout_from_inside_the_build_folder(_):
    kit.PROGRAM, copy = kit.BUILT, kit.PROGRAM
    try:
        program = Program(cwd=os.path.dirname(kit.BUILT))
    finally:
        kit.PROGRAM = copy
    holds(b"<title>" in program.get("/").body, "the home page")
    holds("pages" in program.lines[-1], program.lines[-1])


@check
def it_runs_without_pages(folder):
    """A copy far away from every pages/ still answers."""
    copy = os.path.join(folder, "rawhttp-uv")
    shutil.copy(kit.PROGRAM, copy)
    before, kit.PROGRAM = kit.PROGRAM, copy
    try:
        program = Program(cwd=folder)
    finally:
        kit.PROGRAM = before
    equal(program.get("/").status, 200)
    answer = program.get("/nothing")
    equal((answer.status, answer.body), (404, b"Route Not Found"))


@check
def pages_and_templates_follow_their_folder(folder):
    pages = os.path.join(folder, "v1")
    shutil.copytree(os.path.join(kit.ROOT, "pages"), pages)
    link = os.path.join(folder, "pages")
    os.symlink("v1", link)
    program = Program(cwd=folder)
    equal(program.get("/templates/welcome.html").status, 404, "a template is no page")
    equal(program.get("/templates/").status, 404)
    equal(program.get("/templates").status, 404)
    # A release: everything anew, and the link switched.
    other = os.path.join(folder, "v2")
    shutil.copytree(pages, other)
    for name in ("index.html", "templates/welcome.html"):
        with open(os.path.join(other, name), "w") as file:
            file.write("<p>second version")
    os.symlink("v2", link + ".new")
    os.rename(link + ".new", link)
    end = time.monotonic() + 10 * kit.SLOW
    for path in ("/", "/welcome?name=x"):
        while program.get(path).body != b"<p>second version":
            holds(time.monotonic() < end, path)
            time.sleep(0.1)
    with open(os.path.join(other, "templates", "welcome.html"), "w") as file:
        file.write("{{#open}}")
    program.wait_line("the templates in use stay")
    equal(program.get("/welcome?name=x").body, b"<p>second version")
    equal(program.stop(), 0)


@check
def descriptors_cap_the_connections_and_the_banner_says_so(_):
    program = Program(command=["sh", "-c", 'ulimit -n 300; exec "$0" "$@"'])
    holds(any("open files" in line for line in program.lines), program.lines)
    equal(program.get("/ping").body, b"pong")


@check
def descriptors_that_serve_nobody_end_the_start(_):
    answer = subprocess.run(["sh", "-c", 'ulimit -n 40; exec "$0" --port 0', kit.PROGRAM], env=kit.environment(),
                            capture_output=True, text=True, timeout=20 * kit.SLOW)
    equal(answer.returncode, 1)
    holds("limit of 40 open files" in answer.stderr, answer.stderr)


@check
def more_loops_are_named_and_answer(_):
    program = Program("--loops", "2")
    holds("2 loops" in program.lines[-1], program.lines[-1])
    for _ in range(20):
        equal(program.get("/ping").body, b"pong")
    equal(program.stop(), 0)


@check
def the_manual_page_names_every_option(_):
    manual = pathlib.Path(kit.ROOT, "docs", "rawhttp-uv.1").read_text().replace("\\-", "-")
    for option in re.findall(r"--([a-z-]+)", "\n".join(
            line for line in run("--help").stdout.splitlines() if line.startswith("  "))):
        holds(f"Fl -{option}" in manual, option)


if __name__ == "__main__":
    kit.main()
