"""run.py - servers beside the same in Go and a bare epoll loop: `make bench-net`.

BUILD is the folder with the examples, NET that with load, echo, epoll and go; the HTTP
server is examples/httpd.c. The server has
CPU 0 and the load CPU 1. For each pair of servers the runs alternate; what is printed is
the geometric mean of the ratios of neighbours with its 95 % interval (Student's t, of their
logarithms): the plain mean of noisy ratios is too large whichever of the two is on top.

    PAIRS     pairs of runs for each line: 10
    SECONDS   how long one run takes: 2
    OUT       a file for the results, as JSON; with it docs/NET.md is written anew"""
import json
import math
import os
import platform
import resource
import subprocess
import sys
import time

BUILD, NET = os.environ["BUILD"], os.environ["NET"]
PAIRS = int(os.environ.get("PAIRS", "10"))
SECONDS = float(os.environ.get("SECONDS", "2"))
STUDENT = [0, 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16,
           2.14, 2.13, 2.12, 2.11, 2.10, 2.09]  # 95 %, by degrees of freedom
SERVERS = {
    "echo": {"millrace": [f"{NET}/echo", "0"], "Go": [f"{NET}/go", "echo"],
             "epoll": [f"{NET}/epoll", "0"]},
    "http": {"millrace": [f"{BUILD}/examples/httpd", "0"], "Go": [f"{NET}/go", "http"]},
}
LINES = [("echo", 1), ("echo", 64), ("echo", 1000), ("http", 64)]


class Server:
    def __init__(self, command):
        env = dict(os.environ, GOMAXPROCS="1", MILLRACE="procs=1")
        self.process = subprocess.Popen(["taskset", "-c", "0", *command], env=env,
                                        stdout=subprocess.PIPE)
        self.port = self.process.stdout.readline().decode().rpartition(":")[2].strip()

    def cpu(self):
        """Of all its threads, ns."""
        total = 0
        folder = f"/proc/{self.process.pid}/task"
        for task in os.listdir(folder):
            with open(f"{folder}/{task}/schedstat") as f:
                total += int(f.read().split()[0])
        return total

    def memory(self):
        """KB, with the page tables."""
        with open(f"/proc/{self.process.pid}/status") as f:
            return sum(int(line.split()[1]) for line in f
                       if line.startswith(("VmRSS", "VmPTE")))

    def stop(self):
        self.process.kill()
        self.process.communicate()


def run(kind, command, connections):
    s = Server(command)
    try:
        before = s.cpu()
        out = subprocess.run(["taskset", "-c", "1", f"{NET}/load", kind, s.port,
                              str(connections), str(SECONDS)], capture_output=True,
                             check=True).stdout.split()
        per_second, p50, p99, p999 = map(float, out)
        # The load's first tenth is not counted, but the server worked for it.
        return {"per_second": per_second, "p50": p50, "p99": p99, "p999": p999,
                "cpu_us": (s.cpu() - before) / 1000 / (per_second * SECONDS)}
    finally:
        s.stop()


def interval(ratios):
    """Their geometric mean, and half of its interval."""
    logs = [math.log(r) for r in ratios]
    n, mean = len(logs), sum(logs) / len(logs)
    if n < 2:
        return math.exp(mean), math.inf
    spread = math.sqrt(sum((v - mean) ** 2 for v in logs) / (n - 1))
    half = STUDENT[min(n - 1, len(STUDENT) - 1)] * spread / math.sqrt(n)
    return math.exp(mean), math.exp(mean) * math.sinh(half)


def median(values):
    return sorted(values)[len(values) // 2]


def idle_memory(command, n=2000):
    """Bytes for each idle connection."""
    import socket
    s = Server(command)
    try:
        first = socket.create_connection(("127.0.0.1", int(s.port)))
        time.sleep(0.2)
        before = s.memory()
        many = [socket.create_connection(("127.0.0.1", int(s.port))) for _ in range(n)]
        time.sleep(1)
        after = s.memory()
        for c in many:
            c.close()
        first.close()
        return (after - before) * 1024 / n
    finally:
        s.stop()


WORDS = {"per_second": "requests/s", "p50": "p50, us", "p99": "p99, us", "p999": "p99.9, us",
         "cpu_us": "server CPU per request, us"}


def write_table(results):
    """The tables of docs/NET.md, between its markers."""
    lines = [f"Medians of {PAIRS} pairs of runs of {SECONDS:g} s, {time.strftime('%Y-%m-%d')}, "
             f"{platform.platform()}.\n"]
    for r in results:
        if "bytes" in r:
            continue
        lines += [f"**{r['line']}, beside {r['peer']}**\n",
                  f"| | millrace | {r['peer']} | ratio | 95 % interval |", "|---|---|---|---|---|"]
        for key, what in WORDS.items():
            v = r[key]
            lines.append(f"| {what} | {v['millrace']:,.2f} | {v[r['peer']]:,.2f} | "
                         f"{v['ratio']:.2f} | +- {v['interval']:.2f} |")
        lines.append("")
    lines += ["| bytes of an idle connection, VmRSS + VmPTE | |", "|---|---|"]
    lines += [f"| {r['line'].split(',')[0]}, {r['peer']} | {r['bytes']:,} |" for r in results
              if "bytes" in r]
    with open("docs/NET.md") as f:
        head, _, rest = f.read().partition("<!-- begin -->\n")
        tail = rest.partition("<!-- end -->\n")[2]
    with open("docs/NET.md", "w") as f:
        f.write(head + "<!-- begin -->\n" + "\n".join(lines) + "\n<!-- end -->\n" + tail)


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000), hard))
    results = []
    print(f"# {platform.platform()}, {PAIRS} pairs of {SECONDS} s")
    for kind, connections in LINES:
        ours = SERVERS[kind]["millrace"]
        for peer, theirs in SERVERS[kind].items():
            if peer == "millrace":
                continue
            pairs = [(run(kind, ours, connections), run(kind, theirs, connections))
                     for _ in range(PAIRS)]
            line = {"line": f"{kind}, {connections} connection{'s' * (connections > 1)}", "peer": peer}
            for key in pairs[0][0]:
                mean, half = interval([a[key] / b[key] for a, b in pairs])
                line[key] = {"millrace": median([a[key] for a, _ in pairs]),
                             peer: median([b[key] for _, b in pairs]),
                             "ratio": round(mean, 3), "interval": round(half, 3)}
            results.append(line)
            print(f"{line['line']}, millrace / {peer}:")
            for key in pairs[0][0]:
                v = line[key]
                print(f"    {key:11} {v['millrace']:10.2f} {v[peer]:10.2f}   "
                      f"{v['ratio']:.3f} +- {v['interval']:.3f}")
            sys.stdout.flush()
    for kind in SERVERS:
        for who, command in SERVERS[kind].items():
            n = idle_memory(command)
            results.append({"line": f"{kind}, bytes of an idle connection", "peer": who,
                            "bytes": round(n)})
            print(f"{kind}, bytes of an idle connection, {who}: {n:.0f}")
    if os.environ.get("OUT"):
        write_table(results)
        with open(os.environ["OUT"], "w") as f:
            json.dump({"machine": platform.platform(), "date": time.strftime("%Y-%m-%d"),
                       "pairs": PAIRS, "seconds": SECONDS, "results": results}, f, indent=1)
            f.write("\n")


main()
