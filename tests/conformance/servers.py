"""The servers that are scored, each over the same two files, one worker, on a port that the kernel picked."""
import os
import re
import shutil
import socket
import subprocess
import time

PEERS = {  # name: (program, package)
    "nginx": ("nginx", "nginx"), "apache2": ("apache2", "apache2"), "lighttpd": ("lighttpd", "lighttpd"), "h2o": ("h2o", "h2o"),
    "node": ("node", "nodejs"),
}
NODE = """
const http = require('http');
const text = 'abcdefghijklmnopqrstuvwxyz';
http.createServer((request, response) => {
  let path = '';
  try {
    path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
  } catch { /* answered with 404 */ }
  const known = path === '/file.txt';
  request.resume();
  request.on('end', () => {
    response.writeHead(known ? 200 : 404, { 'Content-Type': 'text/plain' });
    response.end(known ? text : 'not found');
  });
}).listen(PORT, '127.0.0.1');
"""


def find(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def free_port():
    with socket.socket() as stream:
        stream.bind(("127.0.0.1", 0))
        return stream.getsockname()[1]


def version(name):
    flag = {"nginx": "-v", "apache2": "-v", "lighttpd": "-v"}.get(name, "--version")
    done = subprocess.run([find(PEERS[name][0]), flag], capture_output=True, text=True, timeout=10)
    found = re.search(r"\d+\.\d+\.\d+", done.stdout + done.stderr)
    return found.group(0) if found else ""


def make_site(folder):
    site = os.path.join(folder, "site")
    os.makedirs(os.path.join(site, "folder"))
    for name, text in (("index.html", "home\n"), ("file.txt", "abcdefghijklmnopqrstuvwxyz"), ("folder/index.html", "folder\n")):
        with open(os.path.join(site, name), "w", encoding="ascii") as file:
            file.write(text)
        os.utime(os.path.join(site, name), (1e9, 1e9))
    for path in (folder, site, os.path.join(site, "folder")):
        os.chmod(path, 0o755)
    return site


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    return path


def command_of(name, folder, site, port):
    user = "root" if os.geteuid() == 0 else ""
    if name == "nginx":
        paths = "".join(f"{kind}_temp_path {folder}/nginx-{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        conf = write(folder, "nginx.conf", f"""{'user root;' if user else ''}
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 512; }}
http {{ types {{ text/html html; text/plain txt; }} access_log off; {paths}
server {{ listen 127.0.0.1:{port}; root {site}; }} }}
""")
        return [find("nginx"), "-p", folder, "-c", conf]
    if name == "apache2":
        modules = "/usr/lib/apache2/modules"
        loads = "".join(f"LoadModule {m}_module {modules}/mod_{m}.so\n" for m in ("mpm_event", "authz_core", "dir", "mime")
                        if os.path.exists(f"{modules}/mod_{m}.so"))
        conf = write(folder, "apache2.conf", f"""{loads}
ServerRoot {folder}
ServerName localhost
PidFile {folder}/apache2.pid
ErrorLog /dev/null
Listen 127.0.0.1:{port}
{'User www-data' if user else ''}
DocumentRoot {site}
TypesConfig /dev/null
AddType text/plain .txt
DirectoryIndex index.html
<Directory {site}>
Require all granted
</Directory>
""")
        return [find("apache2"), "-D", "FOREGROUND", "-f", conf]
    if name == "lighttpd":
        conf = write(folder, "lighttpd.conf", f"""server.document-root = "{site}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "/dev/null"
index-file.names = ( "index.html" )
mimetype.assign = ( ".html" => "text/html", ".txt" => "text/plain" )
""")
        return [find("lighttpd"), "-D", "-f", conf]
    if name == "h2o":
        conf = write(folder, "h2o.conf", f"""{'user: root' if user else ''}
num-threads: 1
error-log: /dev/null
pid-file: {folder}/h2o.pid
hosts:
  "default":
    listen:
      host: 127.0.0.1
      port: {port}
    paths:
      "/":
        file.dir: {site}
""")
        return [find("h2o"), "-c", conf]
    return [find("node"), write(folder, "node.js", NODE.replace("PORT", str(port)))]


class Server:
    """A server while it runs."""

    def __init__(self, name, folder, program=None):
        self.port = free_port()
        site = make_site(folder)
        if program:
            command = [os.path.abspath(program), "--port", str(self.port), "--host", "127.0.0.1", "--access-log", "off", site]
            if "--no-tls" in subprocess.run([program, "--help"], capture_output=True, text=True, timeout=10).stdout:
                command.append("--no-tls")
        else:
            command = command_of(name, folder, site, self.port)
        env = {k: v for k, v in os.environ.items() if not k.startswith("RAWHTTP_")}
        self.process = subprocess.Popen([os.path.abspath(command[0]), *command[1:]], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        end = time.monotonic() + 15
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    self.stop()
                    raise RuntimeError(f"{name} did not start") from None
                time.sleep(0.05)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
