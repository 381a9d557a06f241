# millrace-gdb.py - goroutines in gdb, of a live program and of a core file.
#
#     (gdb) source /usr/local/share/millrace/millrace-gdb.py
#     (gdb) info goroutines
#     (gdb) goroutine 7 bt            any command, in the frame where goroutine 7 is
#     (gdb) goroutine all bt
#
# A goroutine that a thread runs is seen by way of that thread. For one that is suspended
# gdb is told, while the command runs, that its frames are those which have called the
# selected thread's: an unwinder does that, which works on a core file, where registers
# cannot be set. The goroutine's frames count from 1 then. The selection is put back after
# each command: `goroutine 7 frame apply level 5 info locals` looks at one further out.

import os
import sys

import gdb
import gdb.unwinder

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import millrace_goroutines as goroutines  # noqa: E402


class Debugger:
    def __init__(self):
        each = gdb.lookup_global_symbol("mri_stack_each") or \
            gdb.lookup_static_symbol("mri_stack_each")
        if not each:
            raise goroutines.NoDebugInfo(
                "millrace: no debug information of the library: is millrace in this "
                "program, built with -g and not stripped?")
        self.block = each.symtab.static_block()
        try:
            gdb.selected_inferior().read_memory(self.pointer("mri_sched"), 1)
            arch = gdb.selected_frame().architecture().name()
        except gdb.error:
            raise goroutines.NoDebugInfo("millrace: the program does not run")
        self.machine = "x86-64" if arch.startswith("i386:x86-64") else arch
        self.offsets = {}

    # Those of stack.c, which are static, before others of the same name.
    def symbol(self, name):
        for s in self.block:
            if s.name == name and s.is_variable:
                return s
        s = gdb.lookup_global_symbol(name)
        if not s:
            raise goroutines.NoDebugInfo("millrace: no debug information for " + name)
        return s

    def pointer(self, name):
        return int(self.symbol(name).value().address)

    def type(self, name):
        return gdb.lookup_type("struct " + name, self.block).strip_typedefs()

    def offset(self, type, field):
        key = type, field
        if key not in self.offsets:
            at, t = 0, self.type(type)
            for part in field.split("."):
                f = t[part]
                at, t = at + f.bitpos // 8, f.type.strip_typedefs()
            self.offsets[key] = at
        return self.offsets[key]

    def size(self, type):
        return self.type(type).sizeof

    def read(self, address, n):
        return gdb.selected_inferior().read_memory(address, n)

    def function(self, address):
        block = gdb.block_for_pc(address)
        while block and not block.function:
            block = block.superblock
        if block:
            return block.function.name
        text = gdb.execute("info symbol %d" % address, to_string=True)
        return text.split(" ")[0] if " in section " in text else hex(address)


class Id:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class Unwinder(gdb.unwinder.Unwinder):
    """Says of the selected thread's newest frame that a goroutine has called it."""

    def __init__(self):
        super().__init__("millrace")
        self.registers = None

    def show(self, registers):
        self.registers = registers
        if registers:
            newest = gdb.newest_frame()
            self.newest = newest.pc(), int(newest.read_register("sp"))
        gdb.invalidate_cached_frames()

    def __call__(self, pending):
        if not self.registers:
            return None
        word = gdb.lookup_type("unsigned long")
        pc, sp = pending.read_register("pc"), pending.read_register("sp")
        if (int(pc), int(sp)) != self.newest:
            return None
        # gdb takes a caller whose frame lies lower for a broken stack: none is below 0.
        info = pending.create_unwind_info(Id(gdb.Value(0).cast(sp.type), pc))
        for name, value in self.registers.items():
            info.add_saved_register(name, gdb.Value(value).cast(word))
        return info


unwinder = Unwinder()
gdb.unwinder.register_unwinder(None, unwinder, replace=True)


def thread_of(tid):
    for t in gdb.selected_inferior().threads():
        pid, lwp, _ = t.ptid
        if (lwp or pid) == tid:
            return t
    return None


def without_newest(text):
    """A backtrace without frame 0, which is the thread's own."""
    out, skip = [], False
    for line in text.splitlines(True):
        if line.startswith("#"):
            skip = line.startswith("#0 ")
        if not skip:
            out.append(line)
    return "".join(out)


def run_in(finder, g, command):
    if g.thread:
        t = thread_of(g.thread)
        if not t:
            raise gdb.GdbError("goroutine %d: its thread %d is gone" % (g.id, g.thread))
        t.switch()
        gdb.write(gdb.execute(command, to_string=True))
        return
    unwinder.show(finder.registers(g.addr))
    try:
        gdb.newest_frame().older().select()
        text = gdb.execute(command, to_string=True)
    finally:
        unwinder.show(None)
    gdb.write(without_newest(text))


def keeping_the_selection(fn):
    thread, frame = gdb.selected_thread(), gdb.selected_frame().level()
    try:
        fn()
    finally:
        thread.switch()
        gdb.execute("frame %d" % frame, to_string=True)


def finder():
    return goroutines.Finder(Debugger())


# gdb prints a GdbError as it is, and of others where in Python they were raised.
def reporting(invoke):
    def wrapped(self, arg, from_tty):
        try:
            invoke(self, arg, from_tty)
        except goroutines.NoDebugInfo as e:
            raise gdb.GdbError(str(e))
    return wrapped


class InfoGoroutines(gdb.Command):
    """List all goroutines: number, what it waits for since when, function, origin.
* is before those that a thread runs."""

    def __init__(self):
        super().__init__("info goroutines", gdb.COMMAND_STACK)

    @reporting
    def invoke(self, arg, from_tty):
        for g in finder().each():
            gdb.write(g.line_of_list("*" if g.thread else " ") + "\n")


class GoroutineCommand(gdb.Command):
    """goroutine N COMMAND: run a command, bt mostly, in the frame where goroutine N is.
goroutine all COMMAND: the same for each."""

    def __init__(self):
        super().__init__("goroutine", gdb.COMMAND_STACK)

    @reporting
    def invoke(self, arg, from_tty):
        which, _, command = arg.strip().partition(" ")
        command = command.strip() or "bt"
        f = finder()
        if which == "all":
            keeping_the_selection(lambda: self.all(f, command))
            return
        if not which.isdigit():
            raise gdb.GdbError("goroutine N|all COMMAND, as in: goroutine 7 bt")
        g = f.find(int(which))
        if not g:
            raise gdb.GdbError("there is no goroutine " + which)
        keeping_the_selection(lambda: run_in(f, g, command))

    def all(self, f, command):
        for g in f.each():
            gdb.write(g.line_of_list("*" if g.thread else " ") + "\n")
            run_in(f, g, command)
            gdb.write("\n")


InfoGoroutines()
GoroutineCommand()
