#!/usr/bin/env python3
"""mutate.py - is every ordering and every wake-up in the modelled files needed?

Weakens each ordered atomic in turn, drops each fence, barrier, wake and ready, lets each
relaxed compare-and-swap believe that it has won, rebuilds the model tests that contain the file and runs them. A mutant that a test
notices is killed; the others are listed, with the reason if survivors.txt gives one.
Exit status 1 if there is a survivor without a reason, or the planted ones go wrong.

What was found is kept beside the build: a mutant whose sources, tests and explorer are
what they were is not run again, and else the test that killed it last goes first.

usage: mutate.py [--only TEXT] [--list] [--seconds S] [--jobs N] [--fresh]
"""
import argparse
import concurrent.futures
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading

WEAKER = {
    "acquire": ["relaxed"],
    "release": ["relaxed"],
    "acq_rel": ["acquire", "release"],
    "seq_cst": ["acq_rel", "relaxed"],
}
ORDER = re.compile(r"\b(acquire|release|acq_rel|seq_cst)\)")
ATOMIC = re.compile(r"\batomic_(get|set|swap|add|sub|or|and|cas|fence)\(")
# Which tests are run on the mutants of a file, until one of them notices.
CONCERNED = {
    "rt/runq.c": ["runq"],
    "rt/runq.h": ["runq"],
    "rt/lock.c": ["lock"],
    "rt/lock.h": ["lock"],
    "rt/proc.c": ["proc"],
    "rt/epoch.c": ["epoch"],
    "rt/epoch.h": ["epoch"],
    "rt/rt.h": ["proc"],
    "rt/sched.c": ["chan", "sched"],
    "rt/find.c": ["sched", "idle"],
    "rt/globq.c": ["sched", "idle"],
    "rt/idle.c": ["sched", "idle"],
    "rt/g.c": ["sched", "idle"],
    "rt/timer.c": ["timer", "idle"],
    "sync/mutex.c": ["mutex"],
    "sync/rwmutex.c": ["rwmutex"],
    "sync/waitgroup.c": ["waitgroup"],
    "sync/once.c": ["once"],
    "sync/waitq.c": ["mutex"],
    "sync/chan.c": ["chan", "peek"],
    "sync/chan.h": ["peek"],
    "sync/waitq.h": ["peek"],
    "sync/select.c": ["chan", "peek"],
    "std/fd.c": ["fd"],
    "rt/netpoll.c": ["fd"],
}
# Statements that can be left out: each is there to wake somebody or to order something.
DROP = re.compile(
    r"^\s*((?:mri_os_futex_wake|mri_lock_wake|mri_sched_wake|mri_sched_ready|wake_m|"
    r"mri_sched_ready_all|mri_waitq_interrupt|mri_os_membarrier|compiler_barrier|"
    r"stop_spinning|start_m)\(.*\);)(.*)$")
# A relaxed one decides who does something: what if all do? (Or nobody tries again.)
WINS = re.compile(r"\batomic_cas\((?=.*\brelaxed\))")
# sched_wake() ends blocks whose only statement it is, hence ((void)0) and not nothing.


def sources():
    out = subprocess.run(["make", "-s", "--no-print-directory", "model-sources"] + MAKE,
                         check=True, capture_output=True, text=True).stdout
    info = {"tests": {}}
    for line in out.splitlines():
        word, _, rest = line.partition(" ")
        if word == "test":
            name, *files = rest.split()
            info["tests"][name] = files
        else:
            info[word] = rest.split()
    return info


def weaken(line, old):
    """The orders that make sense on this line in place of `old`."""
    new = list(WEAKER[old])
    if old == "seq_cst":
        if "atomic_get(" in line:
            new = ["acquire", "relaxed"]
        elif "atomic_set(" in line:
            new = ["release", "relaxed"]
        elif "atomic_fence(" in line:
            new = ["acq_rel"]
    return new


def mutants(path, root="src"):
    """(line number, what, new text of the file) for each mutant of root/path."""
    lines = open(os.path.join(root, path)).read().split("\n")
    found = []
    code = False
    for i, line in enumerate(lines):
        code = bool(ATOMIC.search(line)) or (code and not lines[i - 1].rstrip().endswith(";"))
        if line.lstrip().startswith(("*", "/*")):
            continue
        m = ORDER.search(line) if code else None
        if m:
            for new in weaken(line, m.group(1)):
                changed = line[:m.start(1)] + new + line[m.end(1):]
                found.append((i, "%s -> %s" % (m.group(1), new), changed))
        if WINS.search(line):
            found.append((i, "always wins", WINS.sub("cas_wins(", line)))
        m = DROP.match(line)
        if m:
            indent = line[:len(line) - len(line.lstrip())]
            found.append((i, "dropped", indent + "((void)0);" + m.group(2)))
    return [(i + 1, lines[i].strip(), what, "\n".join(lines[:i] + [new] + lines[i + 1:]))
            for i, what, new in found]


def function_of(path, number, root="src"):
    name = "?"
    for line in open(os.path.join(root, path)).read().split("\n")[:number]:
        m = re.match(r"^(?:[a-z].*[ *])?(\w+)\([^;]*$", line)
        if m and not line.startswith(("\t", " ", "#", "/")):
            name = m.group(1)
    return name


def run_test(prog, seconds, options):
    """The name of the model test that fails and how, or None."""
    try:
        r = subprocess.run([prog, "--fail-fast", "--seconds", str(seconds), "--random",
                            "20000"] + options, capture_output=True, text=True,
                           timeout=900)
    except subprocess.TimeoutExpired:
        return "?", "time limit"
    if r.returncode == 0:
        return None
    m = re.search(r"^FAIL model (\w+): (\w[\w ]*)", r.stdout, re.M)
    return m.groups() if m else ("?", "exit status %d" % r.returncode)


class DoesNotCompile(Exception):
    pass


def compile_to(cc, out, source):
    r = subprocess.run(cc + ["-c", "-o", out, source], capture_output=True, text=True)
    if r.returncode:
        raise DoesNotCompile(r.stderr.strip().split("\n")[0])
    return out


def link(info, directory, path, root, test):
    """The test program with root/path taken from `directory`; the rest is built already."""
    header = path.endswith(".h")
    cc = [a for a in info["cc"] if not a.startswith("-W")] + ["-w"]
    # The mutated directory must come before src.
    cc = cc[:1] + ["-I" + directory] + cc[1:]
    cc.append("-Dcas_wins(...)=(atomic_cas(__VA_ARGS__), true)")
    objects = list(info["objects"])
    units = ["tests/model/%s_test.c" % test]
    for f in info["tests"].get(test, []):
        if f.endswith(".o"):
            objects.append(f)
        else:
            units.append(os.path.join("src", f))
    for source in units:
        mutated = source == os.path.join(root, path)
        if header or mutated:
            out = os.path.join(directory, source.replace("/", "_")[:-2] + ".o")
            compile_to(cc, out, os.path.join(directory, path) if mutated else source)
        else:
            out = os.path.join(info["build"][0], source if source.startswith("src")
                               else os.path.basename(source))[:-2] + ".o"
        objects.append(out)
    if header:          # world.o has inline functions too
        objects = [compile_to(cc, os.path.join(directory, "world.o"), "tests/model/world.c")
                   if o.endswith("/world.o") else o for o in objects]
    prog = os.path.join(directory, test + "_test")
    subprocess.run([cc[0], "-no-pie", "-o", prog] + objects, check=True)
    return prog


def first_to_fail(info, job, directory, last):
    """(test program, its model test, how) or None. A short look everywhere comes first:
    most mutants die at once, but in one test only."""
    _, path, _, tests, root, seconds = job
    progs = {test: link(info, directory, path, root, test) for test in tests}
    if last[0] in progs:
        fails = run_test(progs[last[0]], seconds, ["--only", last[1]])
        if fails:
            return (last[0],) + fails
    for limit in (seconds / 8, seconds):
        for test in tests:
            fails = run_test(progs[test], limit, [])
            if fails:
                return (test,) + fails
    return None


def run_mutant(info, job, last=("", "")):
    """The verdict, and who killed it."""
    n, path, text = job[:3]
    directory = os.path.join(info["build"][0], "mutants", str(n))
    shutil.rmtree(directory, ignore_errors=True)
    target = os.path.join(directory, path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "w") as f:
        f.write(text)
    try:
        fails = first_to_fail(info, job, directory, last)
    except DoesNotCompile as e:
        return "does not compile: %s" % e, last
    shutil.rmtree(directory, ignore_errors=True)
    if not fails:
        return "SURVIVED", last
    return "killed by %s: %s" % fails[1:], fails[:2]


class Memory:
    """Verdicts by all that they depend on, and who killed a mutant the last time."""
    def __init__(self, info, fresh):
        self.path = os.path.join(info["build"][0], "mutants.json")
        self.info = info
        self.verdicts, self.killers = {}, {}
        self.lock = threading.Lock()
        if not fresh and os.path.exists(self.path):
            self.verdicts, self.killers = json.load(open(self.path))
        common = sorted(glob.glob("src/*/*.h") + glob.glob("include/millrace/*.h") +
                        glob.glob("tests/model/*.[ch]"))
        self.common = hashlib.sha256(" ".join(info["cc"]).encode())
        for f in common:
            if not f.endswith("_test.c"):
                self.common.update(open(f, "rb").read())

    def digest(self, job):
        _, path, text, tests, _, seconds = job
        h = self.common.copy()
        h.update(("%s %s %s" % (path, tests, seconds)).encode() + text.encode())
        for test in tests:
            units = [os.path.join("src", f) for f in self.info["tests"][test]
                     if not f.endswith(".o")]
            for f in ["tests/model/%s_test.c" % test] + units:
                h.update(open(f, "rb").read())
        return h.hexdigest()

    def run(self, job, key):
        d = self.digest(job)
        if d in self.verdicts:
            return self.verdicts[d]
        verdict, killer = run_mutant(self.info, job, self.killers.get(key, ("", "")))
        with self.lock:
            self.verdicts[d] = verdict
            self.killers[key] = killer
            with open(self.path + ".new", "w") as f:
                json.dump([self.verdicts, self.killers], f)
            os.replace(self.path + ".new", self.path)
        return verdict


def reasons():
    known = {}
    for line in open("tests/model/survivors.txt"):
        if line.strip() and not line.startswith("#"):
            key, _, reason = line.rstrip("\n").rpartition(" : ")
            known[key.strip()] = reason.strip()
    return known


def planted(info, seconds):
    """Before anything is believed: one must be killed, one must survive."""
    results = [run_mutant(info, (k, "planted.h", text, ["planted"], "tests/model", seconds))[0]
               for k, (_, _, _, text) in enumerate(mutants("planted.h", "tests/model"))]
    good = (len(results) == 2 and results[0] == "SURVIVED" and
            results[1].startswith("killed by planted: race"))
    print("%s planted: %s" % ("ok" if good else "FAIL", "; ".join(results)))
    return good


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--only", default="")
    ap.add_argument("--list", action="store_true")
    ap.add_argument("--seconds", type=float, default=3)
    ap.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    ap.add_argument("--fresh", action="store_true")
    args = ap.parse_args()
    info = sources()
    known = reasons()
    users = {f: t for f, t in CONCERNED.items() if set(t) <= set(info["tests"])}
    if not args.list and not planted(info, args.seconds):
        return 1
    jobs, rows = [], []
    for path in sorted(users):
        if args.only and args.only not in path:
            continue
        tests = users[path]
        for number, old, what, text in mutants(path):
            where = "%s:%s" % (path, function_of(path, number))
            key = "%s: %s: %s" % (where, old.split("/*")[0].strip(), what)
            rows.append((number, where, old, what, key))
            jobs.append((len(jobs) + 100, path, text, tests, "src", args.seconds))
    if args.list:
        for number, where, old, what, key in rows:
            print(key)
        return 0
    memory = Memory(info, args.fresh)
    killed = explained = bad = 0
    survivors = set()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for row, verdict in zip(rows, pool.map(memory.run, jobs, [r[4] for r in rows])):
            number, where, old, what, key = row
            if verdict.startswith("killed"):
                killed += 1
            elif key in known:
                explained += 1
                survivors.add(key)
                verdict = "survived: " + known[key]
            else:
                bad += 1
            print("%-34s %4d  %-20s %-60s %s" % (where, number, what, old[:60], verdict),
                  flush=True)
    stale = [] if args.only else [k for k in known if k not in survivors]
    for key in stale:
        print("survivors.txt has a reason for what does not survive: " + key)
    print("%d killed, %d survived with a reason, %d survived without; %.0f s of CPU" %
          (killed, explained, bad, os.times().children_user))
    return 1 if bad or stale else 0


MAKE = [a for a in ("CC=" + os.environ["CC"],) if os.environ["CC"]] if "CC" in os.environ else []
if __name__ == "__main__":
    sys.exit(main())
