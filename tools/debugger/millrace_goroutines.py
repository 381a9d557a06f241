# millrace_goroutines.py - finds the goroutines of a stopped program or a core file.
#
# What the scripts for gdb and lldb have in common. A debugger gives it an object with
#
#     pointer(name)         address of a variable of the library, as in "arenas"
#     offset(type, field)   of a struct's member; "wait.why" is one in a struct in it
#     size(type)            of a struct
#     read(address, n)      n bytes of memory; raises an error where there are none
#     function(address)     name of the function there, or ""
#     machine               "x86-64" or "aarch64"
#
# and raises NoDebugInfo where it cannot know. The library must have been built with -g,
# as its Makefile does.

STATES = ["dead", "runnable", "running", "waiting", "blocking call"]
DEAD, RUNNABLE, RUNNING, WAITING, BLOCKING = range(5)

# Where mri_arch_switch puts the registers, from ctx.sp on: the heads of src/arch/*.S.
# The last entry is how far the stack pointer was from there.
SAVED = {
    "x86-64": ({"r15": 8, "r14": 16, "r13": 24, "r12": 32, "rbx": 40, "rbp": 48, "rip": 56},
               "rsp", 64),
    "aarch64": (dict([("x29", 0), ("pc", 8)] +
                     [("x%d" % (19 + i), 16 + 8 * i) for i in range(10)]),
                "sp", 176),
}


# Of lldb's: the goroutine that is shown as a thread, (id, registers), and the thread's id.
shown = None
THREAD = 1 << 40


class NoDebugInfo(Exception):
    pass


class Goroutine:
    """One that is not dead. addr: its struct g. thread: the tid of the thread that runs
    it, or 0. registers: of one that nobody runs, by name."""

    def where(self):
        if self.creator:
            return "created by %s at %s:%d" % (self.creator, self.file, self.line)
        return ""

    def line_of_list(self, mark):
        state = self.why if self.state == WAITING else STATES[self.state]
        since = ", %.1fs" % self.since if self.state == WAITING else ""
        return "%s %6d  [%s%s]  %s  %s" % (mark, self.id, state, since, self.name,
                                           self.where())


class Finder:
    def __init__(self, debugger):
        self.d = debugger
        if debugger.machine not in SAVED:
            raise NoDebugInfo("millrace: goroutines cannot be seen on " +
                              str(debugger.machine))
        self.texts, self.creators = {0: ""}, {0: ""}

    def word(self, address, size=8):
        data = bytes(self.d.read(address, size))
        return int.from_bytes(data, "little")

    def field(self, address, type, name, size=8):
        return self.word(address + self.d.offset(type, name), size)

    # Most occur many times. "?": not in the core file.
    def text(self, address):
        if address not in self.texts:
            self.texts[address] = self.read_text(address)
        return self.texts[address]

    def read_text(self, address):
        out = b""
        while len(out) < 200:
            try:
                byte = bytes(self.d.read(address + len(out), 1))
            except Exception:
                return "?"
            if byte == b"\0":
                break
            out += byte
        return out.decode("utf-8", "replace")

    # As mri_stack_each and slot_g in src/rt/stack.c: 16 is COLORS.
    def slots(self):
        yield self.d.pointer("mri_main_g")
        arenas = self.d.pointer("arenas")
        g_size = (self.d.size("g") + 63) & ~63
        for i in range(self.word(self.d.pointer("narenas"), 4)):
            a = self.word(arenas + 8 * i)
            base = self.field(a, "arena", "base")
            shift = self.field(a, "arena", "shift", 4)
            for s in range(self.field(a, "arena", "carved", 4)):
                yield base + (s << shift) + (1 << shift) - g_size - s * 5 % 16 * 64

    # struct m by the goroutine that runs on it
    def running(self):
        found = {}
        m = self.field(self.d.pointer("mri_sched"), "mri_sched", "all_ms")
        while m:
            found[self.field(m, "m", "curg")] = self.field(m, "m", "tid", 4)
            m = self.field(m, "m", "all_next")
        return found

    def registers(self, g):
        offsets, sp_name, sp_offset = SAVED[self.d.machine]
        if self.d.offset("g", "m") - self.d.offset("g", "ctx.sp") != 8:
            raise NoDebugInfo("millrace: built to switch by ucontext: only goroutines "
                              "that a thread runs have backtraces here")
        sp = self.field(g, "g", "ctx.sp")
        regs = dict((name, self.word(sp + at)) for name, at in offsets.items())
        regs[sp_name] = sp + sp_offset
        return regs

    def describe(self, addr, state, running):
        d, g = self.d, Goroutine()
        g.addr, g.state = addr, state
        g.id = self.field(addr, "g", "id")
        g.why = self.text(self.word(d.pointer("mri_why_names") +
                                    8 * self.field(addr, "g", "wait.why", 1)))
        now = self.field(d.pointer("mri_sched"), "mri_sched", "now")
        g.since = max(0, now - self.field(addr, "g", "wait.since")) / 1e9
        g.name = self.text(self.field(addr, "g", "name"))
        g.file = self.text(self.field(addr, "g", "file"))
        g.line = self.field(addr, "g", "line", 4)
        pc = self.field(addr, "g", "creator_pc")
        if pc not in self.creators:
            self.creators[pc] = d.function(pc - 1)
        g.creator = self.creators[pc]
        g.thread = running.get(addr, 0)
        return g

    def each(self):
        running = self.running()
        for addr in self.slots():
            state = self.field(addr, "g", "state", 4)
            if state != DEAD and state < len(STATES):
                yield self.describe(addr, state, running)

    def find(self, id):
        for g in self.each():
            if g.id == id:
                return g
        return None
