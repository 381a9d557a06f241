# millrace_lldb_thread.py - a suspended goroutine as a thread, for lldb.
#
# Loaded by lldb itself, when millrace_lldb.py asks it to: not to be imported by hand.

import struct

import lldb

import millrace_goroutines as goroutines

# In the order of the registers' DWARF numbers; and what lldb calls the special ones.
REGISTERS = {
    "x86-64": "rax rdx rcx rbx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip".split(),
    "aarch64": ["x%d" % i for i in range(31)] + ["sp", "pc"],
}
SPECIAL = {"rip": "pc", "pc": "pc", "rsp": "sp", "sp": "sp", "rbp": "fp", "x29": "fp",
           "x30": "lr"}


class OperatingSystemPlugIn:
    def __init__(self, process):
        triple = process.GetTarget().GetTriple()
        self.names = REGISTERS["aarch64" if triple.startswith("aarch64") else "x86-64"]

    def get_thread_info(self):
        if not goroutines.shown:
            return []
        id, _ = goroutines.shown
        return [{"tid": goroutines.THREAD + id, "name": "goroutine %d" % id,
                 "queue": "", "state": "stopped", "stop_reason": "none"}]

    def create_thread(self, tid, context):
        return None

    def get_register_info(self):
        registers = []
        for i, name in enumerate(self.names):
            r = {"name": name, "bitsize": 64, "offset": 8 * i, "encoding": "uint",
                 "format": "hex", "set": 0, "gcc": i, "dwarf": i}
            if name in SPECIAL:
                r["generic"] = SPECIAL[name]
            registers.append(r)
        return {"sets": ["GPR"], "registers": registers}

    # What a call does not preserve is unknown, and 0 here.
    def get_register_data(self, tid):
        _, values = goroutines.shown
        return b"".join(struct.pack("<Q", values.get(n, 0)) for n in self.names)
