"""servers.py NAME - the example server NAME against real and rough clients.

BUILD is the folder with the examples; MR_TEST_SLOW says how many times longer things may
take. Prints "ok NAME" or "FAIL NAME" a line, and last "N passed, N failed, N skipped".
Only 127.0.0.1, and only processes started here are ended."""
import concurrent.futures
import contextlib
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("BUILD", "build/cc-release")
LIMIT = 20 * float(os.environ.get("MR_TEST_SLOW", "1"))
TESTS = []
SKIPPED = []


class Skip(Exception):
    pass


def test(f):
    TESTS.append(f)
    return f


def check(value, what="check"):
    if not value:
        raise AssertionError(what)


def same(a, b):
    if a != b:
        raise AssertionError(f"{a!r:.3000} and not {b!r:.300}")


# ------------------------------------------------------------------ servers --

class Server:
    def __init__(self, name, *args, descriptors=None):
        wrap = os.environ.get("MR_TEST_WRAP", "").split()

        def limit():
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, descriptors)
        self.process = subprocess.Popen(
            [*wrap, f"{BUILD}/examples/{name}", "0", *args], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, preexec_fn=limit)
        line = self.process.stdout.readline().decode()
        match = re.match(r"listening on 127\.0\.0\.1:(\d+)\n", line)
        if not match:
            raise AssertionError(f"{name}: {line!r} {self.process.stderr.read()!r}")
        self.port = int(match.group(1))

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), LIMIT)
        s.settimeout(LIMIT)
        return s

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, sig=signal.SIGTERM):
        """Its status; what it said on stderr is in self.said."""
        if sig and self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            self.said = self.process.communicate(timeout=LIMIT)[1].decode()
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)    # it shows its goroutines
            try:
                self.said = self.process.communicate(timeout=LIMIT)[1].decode()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.said = self.process.communicate()[1].decode()
            raise AssertionError(f"it does not end: {self.said}")
        return self.process.returncode


@contextlib.contextmanager
def server(name, *args, **more):
    s = Server(name, *args, **more)
    try:
        yield s
    finally:
        if s.process.poll() is None:
            s.process.kill()
            s.process.communicate()


def read_all(s):
    parts = []
    while part := s.recv(65536):
        parts.append(part)
    return b"".join(parts)


def read_exactly(s, n):
    data = b""
    while len(data) < n:
        part = s.recv(n - len(data))
        check(part, f"the end after {len(data)} of {n} bytes")
        data += part
    return data


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def until(condition, what):
    end = time.monotonic() + LIMIT
    while not condition():
        check(time.monotonic() < end, what)
        time.sleep(0.01)


def side_by_side(function, items, threads=32):
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, items))


def may_open(n):
    """Descriptors for this process and its children, or skip."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < n:
        raise Skip(f"only {hard} descriptors")
    if soft < n:
        resource.setrlimit(resource.RLIMIT_NOFILE, (n, hard))


# --------------------------------------------------------------------- echo --

@test
def echo_all_comes_back():
    data = os.urandom(3 << 20)
    with server("echo") as e:
        s = e.connect()

        def send():
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            sent = pool.submit(send)
            check(read_all(s) == data, "not what was sent")
            sent.result()
        s.close()
        same(e.stop(), 0)
        same(e.said, "")


@test
def echo_stops_with_connections_open():
    for sig in signal.SIGTERM, signal.SIGINT:
        with server("echo") as e:
            open_ones = [e.connect() for _ in range(50)]
            open_ones[0].sendall(b"x")
            same(read_exactly(open_ones[0], 1), b"x")
            same(e.stop(sig), 0)


@test
def echo_wrong_arguments():
    def run(*args):
        p = subprocess.run([f"{BUILD}/examples/echo", *args], capture_output=True,
                           timeout=LIMIT)
        return p.returncode, p.stderr.decode()
    same(run(), (2, "usage: echo PORT\n"))
    same(run("99999"), (1, "echo: 127.0.0.1:99999: Invalid argument\n"))
    with server("echo") as e:
        same(run(str(e.port)),
             (1, f"echo: 127.0.0.1:{e.port}: Address already in use\n"))


@test
def echo_rough_clients_harm_nobody():
    with server("echo") as e:
        before = e.descriptors()
        good = [e.connect() for _ in range(20)]

        def rough(i):
            s = e.connect()
            if i % 4 == 1:
                s.sendall(b"x" * 100000)    # and reads nothing
            elif i % 4 == 2:
                s.sendall(b"x")
                s.recv(1)
            elif i % 4 == 3:
                s.shutdown(socket.SHUT_WR)
            reset(s)
        for _ in range(3):
            side_by_side(rough, range(300))
            for i, s in enumerate(good):
                text = f"still here {i}".encode()
                s.sendall(text)
                same(read_exactly(s, len(text)), text)
        # One that is killed is like one that has ended.
        victim = subprocess.Popen(
            [sys.executable, "-c",
             "import socket, sys\n"
             f"s = socket.create_connection(('127.0.0.1', {e.port}))\n"
             "s.sendall(b'y' * 200000)\nprint(flush=True)\nsys.stdin.read()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        victim.stdout.readline()
        victim.kill()
        victim.communicate()
        for s in good:
            s.sendall(b"and now")
            same(read_exactly(s, 7), b"and now")
            s.close()
        until(lambda: e.descriptors() <= before + 2, "descriptors leak")
        same(e.stop(), 0)


@test
def echo_out_of_descriptors():
    with server("echo", descriptors=(40, 40)) as e:
        many = [e.connect() for _ in range(100)]
        for s in many[:10]:
            s.sendall(b"x")
            same(read_exactly(s, 1), b"x")
        before = e.cpu()
        time.sleep(1)
        check(e.cpu() - before < 0.5, "it spins")
        # As some end the next are served, to the last.
        for s in many:
            s.sendall(b"z")
            same(read_exactly(s, 1), b"z")
            s.close()
        same(e.stop(), 0)


@test
def echo_ten_thousand_idle_and_a_thousand_busy():
    idle, busy = 10000, 1000
    if re.search("tsan|race|valgrind", BUILD):
        raise Skip("too many goroutines for the tool")
    may_open(idle + busy + 100)
    with server("echo", descriptors=(idle + busy + 100,) * 2) as e:
        idle_ones = [e.connect() for _ in range(idle)]
        busy_ones = [e.connect() for _ in range(busy)]
        for round_ in range(3):
            for i, s in enumerate(busy_ones):
                s.sendall(f"{round_} {i:8}".encode())
            for i, s in enumerate(busy_ones):
                same(read_exactly(s, 10), f"{round_} {i:8}".encode())
        for i in range(0, idle, 100):
            idle_ones[i].sendall(b"woken")
            same(read_exactly(idle_ones[i], 5), b"woken")
        same(e.stop(), 0)


@test
def echo_netcat():
    if not shutil.which("nc"):
        raise Skip("no nc")
    with server("echo") as e:
        p = subprocess.run(["nc", "-N", "127.0.0.1", str(e.port)], input=b"one\ntwo\n",
                           capture_output=True, timeout=LIMIT)
        same(p.stdout, b"one\ntwo\n")


# -------------------------------------------------------------------- proxy --

@test
def proxy_half_closes_are_kept():
    data = os.urandom(1 << 20)
    listener = socket.create_server(("127.0.0.1", 0))
    with server("proxy", f"127.0.0.1:{listener.getsockname()[1]}") as p:
        client = p.connect()
        client.sendall(b"ask")
        client.shutdown(socket.SHUT_WR)
        target, _ = listener.accept()
        target.settimeout(LIMIT)
        same(read_all(target), b"ask")          # and now the answer
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            pool.submit(target.sendall, data)
            same(read_exactly(client, len(data)), data)
        target.shutdown(socket.SHUT_WR)
        same(client.recv(1), b"")
        # The other way round: the server ends first.
        client = p.connect()
        target, _ = listener.accept()
        target.sendall(b"hello")
        target.shutdown(socket.SHUT_WR)
        same(read_all(client), b"hello")
        client.sendall(b"bye")
        target.settimeout(LIMIT)
        same(read_exactly(target, 3), b"bye")
        same(p.stop(), 0)


@test
def proxy_a_reset_is_passed_on():
    listener = socket.create_server(("127.0.0.1", 0))
    with server("proxy", f"127.0.0.1:{listener.getsockname()[1]}") as p:
        client = p.connect()
        client.sendall(b"x")
        target, _ = listener.accept()
        target.settimeout(LIMIT)
        same(target.recv(1), b"x")
        reset(client)
        try:
            same(target.recv(1), b"")
        except ConnectionResetError:
            pass
        same(p.stop(), 0)


@test
def proxy_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with server("proxy", f"127.0.0.1:{port}") as p:
        same(read_all(p.connect()), b"")
        same(p.stop(), 0)
        same(p.said, f"proxy: 127.0.0.1:{port}: Connection refused\n")


@test
def proxy_of_echo():
    with server("echo") as e, server("proxy", f"127.0.0.1:{e.port}") as p:
        def talk(i):
            s = p.connect()
            for k in range(20):
                text = f"{i} {k}".encode()
                s.sendall(text)
                same(read_exactly(s, len(text)), text)
            s.close()
        side_by_side(talk, range(100))
        same(p.stop(), 0)


# --------------------------------------------------------------------- chat --

class Member:
    def __init__(self, chat, name):
        self.socket = chat.connect()
        self.lines = self.socket.makefile("rb")
        self.socket.sendall(name.encode() + b"\n")
        self.hears(f"* {name} is here")

    def say(self, text):
        self.socket.sendall(text.encode() + b"\n")

    def hears(self, *texts):
        for text in texts:
            same(self.lines.readline().decode(), text + "\n")

    def leave(self):
        self.lines.close()
        self.socket.close()


@test
def chat_all_hear_it():
    with server("chat") as c:
        ann = Member(c, "ann")
        others = []
        for i in range(10):
            others.append(Member(c, f"no{i}"))
            ann.hears(f"* no{i} is here")
        ann.say("hello")
        for i, m in enumerate(others):
            m.hears(*[f"* no{k} is here" for k in range(i + 1, 10)], "ann: hello")
        others[0].leave()
        ann.hears("* no0 has left")
        same(c.stop(), 0)


@test
def chat_who_is_too_slow_is_thrown_out():
    with server("chat") as c:
        talker, slow, listener = (Member(c, n) for n in ("talker", "slow", "listener"))
        talker.hears("* slow is here", "* listener is here")
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        said = 0
        gone = False
        while not gone and said < 200000:
            talker.say("x" * 400)
            said += 1
            line = listener.lines.readline()
            if line == b"* slow has left\n":
                gone = True
            else:
                check(line.startswith(b"talker: x"), line)
        check(gone, "slow is still there")
        same(c.stop(), 0)
        check("slow is too slow" in c.said, c.said)


# -------------------------------------------------------------------- httpd --

class Http:
    """A connection that can be spoken to badly."""

    def __init__(self, httpd):
        self.socket = httpd.connect()
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def ask(self, path, method="GET", headers="", body=b""):
        self.send(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode() + body)
        return self.answer(method)

    def answer(self, method="GET"):
        """(status, headers, body), or None at the end."""
        first = self.file.readline()
        if not first:
            return None
        version, status, _ = first.split(b" ", 2)
        same(version, b"HTTP/1.1")
        headers = {}
        while (line := self.file.readline()) != b"\r\n":
            check(line, "the end within headers")
            key, value = line.decode().split(": ", 1)
            headers[key.lower()] = value.strip()
        if int(status) == 100:
            return self.answer(method)
        n = int(headers["content-length"])
        body = b"" if method == "HEAD" or int(status) == 304 else self.file.read(n)
        return int(status), headers, body

    def close(self):
        self.file.close()
        self.socket.close()


@contextlib.contextmanager
def site(more=None):
    """httpd with some files, and more of them; what was written."""
    with tempfile.TemporaryDirectory() as folder:
        files = {"index.html": b"<p>hello</p>", "big.bin": os.urandom(2 << 20), "empty": b"",
                 "sub/index.html": b"<p>sub</p>", "with space.txt": b"space",
                 **(more or {})}
        for name, data in files.items():
            os.makedirs(os.path.dirname(f"{folder}/site/{name}"), exist_ok=True)
            with open(f"{folder}/site/{name}", "wb") as f:
                f.write(data)
        with open(f"{folder}/secret", "w") as f:
            f.write("secret")
        os.symlink("../secret", f"{folder}/site/link")
        os.symlink("index.html", f"{folder}/site/inside")
        os.mkfifo(f"{folder}/site/fifo")
        with server("httpd", f"{folder}/site") as h:
            yield h, files


@test
def httpd_files():
    with site() as (h, files):
        c = Http(h)
        for name, data in files.items():
            status, headers, body = c.ask("/" + name.replace(" ", "%20"))
            same((status, body == data), (200, True))
            same(c.ask("/" + name.replace(" ", "%20"), "HEAD")[1]["content-length"],
                 str(len(data)))
            same(c.ask("/" + name.replace(" ", "%20"), headers="If-Modified-Since: " +
                       headers["last-modified"] + "\r\n")[0], 304)
        same(c.ask("/")[2], files["index.html"])
        same(c.ask("/inside")[2], files["index.html"])
        same(c.ask("/sub/?x=y")[2], files["sub/index.html"])
        status, headers, _ = c.ask("/sub?x=y")
        same((status, headers["location"]), (301, "/sub/"))
        for path, status in [("/none", 404), ("/link", 403), ("/../secret", 403),
                             ("/%2e%2e/secret", 403), ("/sub/../../secret", 403),
                             ("/%zz", 400), ("/%", 400), ("/%00", 400), ("/fifo", 403),
                             ("//etc/passwd", 403), ("/index.html/x", 404)]:
            same((path, c.ask(path)[0]), (path, status))
        same(c.ask("/hello", "DELETE")[0], 405)
        c.close()
        same(h.stop(), 0)


@test
def httpd_pipelining_and_keep_alive():
    with site() as (h, files):
        c = Http(h)
        n = 500
        c.send(b"".join(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n%04d" % i
                        for i in range(n)))
        for i in range(n):
            same(c.answer()[2], b"%04d" % i)
        status, headers, body = c.ask("/hello", headers="Connection: close\r\n")
        same((status, headers["connection"], body), (200, "close", b"Hello, world\n"))
        same(c.answer(), None)
        c = Http(h)
        c.send(b"GET /hello HTTP/1.0\r\n\r\n")
        same(c.answer()[0], 200)
        same(c.answer(), None)


@test
def httpd_bodies():
    data = os.urandom(100000)
    chunks = [data[i:i + 7001] for i in range(0, len(data), 7001)]
    chunked = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(k), k) for k in chunks) + \
        b"0\r\nTrailer: x\r\n\r\n"
    with site() as (h, files):
        c = Http(h)
        same(c.ask("/echo", "POST", "Transfer-Encoding: chunked\r\n", chunked)[2], data)
        same(c.ask("/echo", "POST", f"Content-Length: {len(data)}\r\n", data)[2], data)
        c.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
               b"Content-Length: 3\r\n\r\n")
        same(c.file.readline(), b"HTTP/1.1 100 Continue\r\n")
        same(c.file.readline(), b"\r\n")
        c.send(b"abc")
        same(c.answer()[2], b"abc")
        # Names of headers that are longer than any that it knows, whole and in pieces.
        same(c.ask("/hello", headers="X" * 100 + ": y\r\nIf-Modified-Since: " + "z" * 200 +
                   "\r\n")[0], 200)
        c.send(b"GET /hello HTTP/1.1\r\n")
        for piece in b"Y" * 30, b"Y" * 30, b"Y" * 30, b": y\r\n\r\n":
            c.send(piece)
            time.sleep(0.01)
        same(c.answer()[0], 200)
        # A byte at a time.
        for byte in b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" \
                b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n":
            c.send(bytes([byte]))
        same(c.answer()[2], b"abcde")


@test
def httpd_limits():
    with site() as (h, files):
        for data, status in [
                (b"GET /" + b"x" * 3000 + b" HTTP/1.1\r\n\r\n", 414),
                (b"GET / HTTP/1.1\r\nX: " + b"y" * 20000 + b"\r\n\r\n", 431),
                (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000 + b"\r\n", 431),
                (b"POST /echo HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n", 413),
                (b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" +
                 b"100000\r\n" + b"z" * 0x100000 + b"\r\n1\r\nz\r\n0\r\n\r\n", 413),
                (b"garbage\r\n\r\n", 400), (b"GET / HTTP/9.9.9\r\n\r\n", 400),
                (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
                (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\n", 400),
                (b"\x16\x03\x01\x02\x00", 400)]:
            c = Http(h)
            try:
                c.send(data)
            except (BrokenPipeError, ConnectionResetError):
                pass
            same((data[:30], c.answer()[0]), (data[:30], status))
            same(c.answer(), None)
            c.close()
        same(h.stop(), 0)


@test
def httpd_slow_clients_are_cut_off():
    if "release" not in BUILD:
        raise Skip("it takes ten seconds; once is enough")
    with site() as (h, files):
        begun = time.monotonic()
        slow = [Http(h) for _ in range(30)]
        good = Http(h)
        for c in slow:
            c.send(b"GET / HTTP/1.1\r\nX: ")
        while time.monotonic() - begun < 6:
            for c in slow:
                c.send(b"x")            # a byte now and then does not help
            same(good.ask("/hello")[0], 200)
            time.sleep(0.5)
        for c in slow:
            c.socket.settimeout(10 + LIMIT)
            same(c.answer()[0], 408)
            same(c.answer(), None)
        same(h.stop(), 0)


@test
def httpd_stops_in_good_order():
    with site() as (h, files):
        idle, begun = Http(h), Http(h)
        same(idle.ask("/hello")[0], 200)
        begun.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc")
        time.sleep(0.2)                 # so that it has been read: nothing says so
        h.process.send_signal(signal.SIGTERM)
        same(idle.answer(), None)
        for _ in range(100):
            try:
                h.connect().close()
                time.sleep(0.01)
            except ConnectionRefusedError:
                break
        else:
            raise AssertionError("it still listens")
        check(h.process.poll() is None, "it has not waited")
        begun.send(b"def")
        status, headers, body = begun.answer()
        same((status, headers["connection"], body), (200, "close", b"abcdef"))
        same(begun.answer(), None)
        same(h.stop(None), 0)


@test
def httpd_rough_clients_harm_nobody():
    with site() as (h, files):
        before = h.descriptors()
        good = Http(h)

        def rough(i):
            c = Http(h)
            with contextlib.suppress(OSError):
                if i % 3 == 0:
                    c.send(b"GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n")
                    c.socket.recv(1000)
                elif i % 3 == 1:
                    c.send(b"POST /echo HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc")
                else:
                    c.send(b"GET /he")
            c.file.close()
            reset(c.socket)
        for _ in range(3):
            side_by_side(rough, range(200))
            same(good.ask("/big.bin")[2] == files["big.bin"], True)
        good.close()
        until(lambda: h.descriptors() <= before + 2, "descriptors leak")
        same(h.stop(), 0)


@test
def httpd_curl():
    if not shutil.which("curl"):
        raise Skip("no curl")
    with site() as (h, files):
        url = f"http://127.0.0.1:{h.port}"

        def curl(*args, data=None):
            return subprocess.run(["curl", "-s", "-S", "--max-time", str(int(LIMIT)), *args],
                                  input=data, capture_output=True, check=True).stdout
        same(curl(f"{url}/big.bin") == files["big.bin"], True)
        same(curl("-I", f"{url}/hello").split(b"\r\n")[0], b"HTTP/1.1 200 OK")
        data = os.urandom(300000)
        same(curl("--data-binary", "@-", "-H", "Transfer-Encoding: chunked", f"{url}/echo",
                  data=data) == data, True)
        same(curl("-Z", f"{url}/hello", f"{url}/hello", f"{url}/hello"),
             b"Hello, world\n" * 3)
        same(h.stop(), 0)


@test
def httpd_wrk():
    if not shutil.which("wrk"):
        raise Skip("no wrk")
    with site() as (h, files):
        before = h.descriptors()
        out = subprocess.run(["wrk", "-t1", "-c200", "-d1s",
                              f"http://127.0.0.1:{h.port}/index.html"],
                             capture_output=True, timeout=LIMIT).stdout.decode()
        check("Socket errors" not in out and "Non-2xx" not in out, out)
        check(re.search(r"Requests/sec: +[1-9]", out), out)
        until(lambda: h.descriptors() <= before + 2, "descriptors leak")
        same(h.stop(), 0)


# A page that says what of it a browser has got: style sheets, scripts, pictures, frames,
# and what its script asks for itself.
PAGE = b"""<!doctype html><title>page</title><link rel=stylesheet href=style.css>
<script src=first.js defer></script><img id=picture src="a folder/dot.svg">
<iframe id=frame src=sub/></iframe><p id=said>nothing"""
SCRIPT = b"""addEventListener('load', async () => {
    const big = await (await fetch('big.bin')).arrayBuffer();
    const echoed = await (await fetch('/echo', {method: 'POST', body: big})).arrayBuffer();
    const same = new Uint8Array(big).every((x, i) => x == new Uint8Array(echoed)[i]);
    const many = await Promise.all([...Array(60).keys()].map(
        async i => (await (await fetch('/hello?' + i)).text()).length));
    document.getElementById('said').textContent = 'got ' + [
        getComputedStyle(document.body).fontSize,
        document.getElementById('picture').naturalWidth,
        document.getElementById('frame').contentDocument.body.id,
        big.byteLength, same, many.reduce((a, b) => a + b),
        (await fetch('nothing')).status].join(' ');
});
"""


@test
def httpd_browser():
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if not browser:
        raise Skip("no chromium")
    more = {"page.html": PAGE, "first.js": SCRIPT, "style.css": b"body{font-size:31px}",
            "a folder/dot.svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='77' "
                                b"height='5'><circle r='3'/></svg>",
            "sub/index.html": b"<body id=inner>", "big.bin": os.urandom(1000000)}
    with site(more) as (h, _), tempfile.TemporaryDirectory() as profile:
        for _ in range(2):      # the second time it has some of it, and asks if it is new
            page = subprocess.run(
                [browser, "--headless", "--no-sandbox", "--disable-gpu",
                 "--disable-dev-shm-usage", f"--user-data-dir={profile}",
                 "--virtual-time-budget=20000", "--dump-dom",
                 f"http://127.0.0.1:{h.port}/page.html"],
                capture_output=True, timeout=6 * LIMIT).stdout.decode()
            said = re.search(r"<p id=.said.>(.*?)<", page, re.S)
            same(said and said.group(1).strip(),
                 f"got 31px 77 inner 1000000 true {60 * 14} 404")
        same(h.stop(), 0)


# ------------------------------------------------------------------ crawler --

def crawl(port, *args):
    p = subprocess.run([f"{BUILD}/examples/crawler", str(port), *args],
                       capture_output=True, timeout=3 * LIMIT)
    return p.returncode, p.stdout.decode().splitlines(), p.stderr.decode()


@test
def crawler_finds_all():
    if not os.path.exists(f"{BUILD}/examples/httpd"):
        raise Skip("no httpd")
    with tempfile.TemporaryDirectory() as folder:
        n = 301
        for i in range(n):
            with open(f"{folder}/{i}.html", "w") as f:
                # Not good HTML, as on most pages.
                f.write(f"<TITLE>{i}<p><A HREF='{2 * i + 1}.html#top'>left<a href=\"/"
                        f"{2 * i + 2}.html\">right</a><a href=http://example.com/>else</a>"
                        "<a href='mailto:x@y'>mail</a><a href='//127.0.0.1:1/x'>port</a>"
                        if 2 * i + 2 < n else "<p>a leaf<a href='/0.html'>up")
        with server("httpd", folder) as h:
            status, lines, err = crawl(h.port, "/0.html")
            same((status, err, lines[-1]), (0, "", f"{n} pages, 0 bad"))
            same({line.split()[2] for line in lines[:-1]}, {f"/{i}.html" for i in range(n)})
            os.unlink(f"{folder}/7.html")
            status, lines, err = crawl(h.port, "/0.html")
            same(status, 1)
            check("404 14 /7.html" in lines, lines)
    same(crawl(h.port)[0], 1)           # nobody there


# --------------------------------------------------------------------- main --

def main():
    name, part = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    passed = failed = skipped = 0
    tests = [t for t in TESTS if t.__name__.startswith(name + "_") and part in t.__name__]
    if not os.path.exists(f"{BUILD}/examples/{name}"):
        print(f"skip {name}: it was not built, for want of a library")
        print(f"0 passed, 0 failed, {len(tests)} skipped")
        return 0
    for t in tests:
        begun = time.monotonic()
        try:
            t()
            print(f"ok {name} {t.__name__} ({int(1000 * (time.monotonic() - begun))} ms)")
            passed += 1
        except Skip as why:
            print(f"skip {name} {t.__name__}: {why}")
            skipped += 1
        except Exception as why:  # noqa: a test that breaks has failed
            print(f"FAIL {name} {t.__name__}: {type(why).__name__}: {why}")
            failed += 1
        sys.stdout.flush()
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed != 0


sys.exit(main())
