# millrace_lldb.py - goroutines in lldb, of a live program and of a core file.
#
#     (lldb) command script import /usr/local/share/millrace/millrace_lldb.py
#     (lldb) goroutines
#     (lldb) goroutine 7 bt           any command, in the frame where goroutine 7 is
#     (lldb) goroutine all bt
#
# With lldb 14 and later `info goroutines` is the same as `goroutines`.
#
# A goroutine that a thread runs is seen by way of that thread. One that is suspended
# becomes a thread of its own while the command runs: lldb asks a plug-in, the file
# millrace_lldb_thread.py, for threads that only an operating system knows of.

import os
import sys

import lldb

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import millrace_goroutines as goroutines  # noqa: E402

PLUGIN = "target.process.python-os-plugin-path"


class Debugger:
    def __init__(self, target):
        self.target, self.process = target, target.GetProcess()
        if not self.process.IsValid() or self.process.GetNumThreads() == 0:
            raise goroutines.NoDebugInfo("millrace: the program does not run")
        machine = target.GetTriple().split("-")[0]
        self.machine = "x86-64" if machine == "x86_64" else machine
        sched, arenas = self.variable("mri_sched"), self.variable("arenas")
        self.types = {
            "mri_sched": sched.GetType(),
            "g": self.variable("mri_main_g").GetType(),
            "m": self.member(sched.GetType(), "all_ms").GetType().GetPointeeType(),
            "arena": arenas.GetType().GetArrayElementType().GetPointeeType(),
        }
        self.offsets = {}

    # A program may have another `arenas`: stack.c's is meant.
    def variable(self, name):
        found = self.target.FindGlobalVariables(name, 100)
        for i in range(found.GetSize()):
            v = found.GetValueAtIndex(i)
            file = v.GetDeclaration().GetFileSpec()
            if name.startswith("mri_") or (file.GetFilename() == "stack.c" and
                                           file.GetDirectory().endswith("src/rt")):
                return v
        raise goroutines.NoDebugInfo(
            "millrace: no debug information of the library: is millrace in this "
            "program, built with -g and not stripped?")

    def pointer(self, name):
        return self.variable(name).GetLoadAddress()

    def member(self, type, name):
        for i in range(type.GetNumberOfFields()):
            f = type.GetFieldAtIndex(i)
            if f.GetName() == name:
                return f
        raise goroutines.NoDebugInfo("millrace: no debug information for " + name)

    def offset(self, type, field):
        key = type, field
        if key not in self.offsets:
            at, t = 0, self.types[type]
            for part in field.split("."):
                f = self.member(t, part)
                at, t = at + f.GetOffsetInBytes(), f.GetType()
            self.offsets[key] = at
        return self.offsets[key]

    def size(self, type):
        return self.types[type].GetByteSize()

    # What is constant is not in a core file, but in the program's.
    def read(self, address, n):
        error = lldb.SBError()
        data = self.process.ReadMemory(address, n, error)
        if not data:
            at = self.target.ResolveLoadAddress(address)
            data = self.target.ReadMemory(at, n, error)
        if not data or len(data) != n:
            raise goroutines.NoDebugInfo("millrace: cannot read memory at 0x%x" % address)
        return data

    def function(self, address):
        at = self.target.ResolveLoadAddress(address)
        return at.GetFunction().GetName() or at.GetSymbol().GetName() or hex(address)


class Failed(Exception):
    pass


def run(debugger, thread, command, result):
    out = lldb.SBCommandReturnObject()
    context = lldb.SBExecutionContext(thread)
    debugger.GetCommandInterpreter().HandleCommand(command, context, out)
    result.AppendMessage((out.GetOutput() or "").rstrip("\n"))
    if not out.Succeeded():
        raise Failed((out.GetError() or "").strip())


def run_suspended(debugger, f, g, command, result):
    goroutines.shown = g.id, f.registers(g.addr)
    debugger.HandleCommand("settings set %s '%s'" %
                           (PLUGIN, os.path.join(HERE, "millrace_lldb_thread.py")))
    try:
        t = f.d.process.GetThreadByID(goroutines.THREAD + g.id)
        if not t.IsValid():
            raise Failed("millrace: lldb made no thread of goroutine %d" % g.id)
        run(debugger, t, command, result)
    finally:
        goroutines.shown = None
        debugger.HandleCommand("settings clear " + PLUGIN)


def run_in(debugger, f, g, command, result):
    process = f.d.process
    selected = process.GetSelectedThread().GetThreadID()
    try:
        if not g.thread:
            run_suspended(debugger, f, g, command, result)
        elif process.GetThreadByID(g.thread).IsValid():
            run(debugger, process.GetThreadByID(g.thread), command, result)
        else:
            raise Failed("goroutine %d: its thread %d is gone" % (g.id, g.thread))
    finally:
        process.SetSelectedThreadByID(selected)


def list_all(debugger, command, result, internal):
    try:
        f = goroutines.Finder(Debugger(debugger.GetSelectedTarget()))
        for g in f.each():
            result.AppendMessage(g.line_of_list("*" if g.thread else " "))
    except goroutines.NoDebugInfo as e:
        result.SetError(str(e))


def in_goroutine(debugger, command, result, internal):
    """goroutine N|all COMMAND: run a command, bt mostly, where the goroutine is."""
    which, _, what = command.strip().partition(" ")
    what = what.strip() or "bt"
    try:
        f = goroutines.Finder(Debugger(debugger.GetSelectedTarget()))
        if which == "all":
            for g in list(f.each()):
                result.AppendMessage(g.line_of_list("*" if g.thread else " "))
                run_in(debugger, f, g, what, result)
            return
        if not which.isdigit():
            raise Failed("goroutine N|all COMMAND, as in: goroutine 7 bt")
        g = f.find(int(which))
        if not g:
            raise Failed("there is no goroutine " + which)
        run_in(debugger, f, g, what, result)
    except (goroutines.NoDebugInfo, Failed) as e:
        result.SetError(str(e))


def __lldb_init_module(debugger, internal):
    add = "command script add -f millrace_lldb.%s %s"
    debugger.HandleCommand(add % ("list_all", "goroutines"))
    debugger.HandleCommand(add % ("in_goroutine", "goroutine"))
    out = lldb.SBCommandReturnObject()
    interpreter = debugger.GetCommandInterpreter()
    interpreter.HandleCommand("command container add info", out)
    if out.Succeeded():
        interpreter.HandleCommand(add % ("list_all", "info goroutines"), out)
