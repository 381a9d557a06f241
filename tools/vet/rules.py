"""rules.py - what millrace vet finds. Each rule yields (line, message) for a function;
RULES, at the end, has them by name."""
import re

from paths import Paths, last, summary
from source import (CAPTURES, LOOPS, Function, address_of, arguments, base, callee,
                    children, deferred, enclosing, is_call, is_within, plain, refers_to,
                    strip)

WAITS = {"mr_wg_wait", "mr_chan_recv_into", "mr_chan_send_from", "mr_chan_select_n",
         "mr_chan_select_ordered_n", "mr_cond_wait", "mr_go_block", "mr_eg_wait",
         "mr_scope_wait", "mr_scope_end", "mr_sem_acquire", "pthread_join", "sem_wait",
         "pause"}
RECEIVES = {"mr_chan_recv_into", "mr_chan_tryrecv_into"}
SELECTS = {"mr_chan_select_n", "mr_chan_select_ordered_n"}
CLOSE = {"mr_chan_close_it", "mr_chan_close"}


class Program:
    """The file, with what several rules need of all its functions."""

    def __init__(self, source):
        self.source = source
        self.functions = {name: Function(source, name, node)
                          for name, node in source.own_functions()}
        self.started = {s.fn for f in self.functions.values() for s in f.starts
                        if s.kind != "try"}
        summaries = {}
        for name, f in self.functions.items():
            summaries[name] = summary(Paths(f, {}))
        self.paths = {name: Paths(f, summaries) for name, f in self.functions.items()}
        self.unlocked_for_others = set().union(*(s[1] for s in summaries.values()))

    def may_wait(self, name, seen=()):
        """Whether a call of this function may wait for a goroutine."""
        if name is None or name in WAITS:
            return True
        f = self.functions.get(name)
        if f is None:
            return not self.source.is_foreign(name)
        if name in seen:
            return False
        return any(self.may_wait(n, (*seen, name)) for n in self.called(f))

    @staticmethod
    def called(f):
        for call in f.calls:
            name = callee(call)
            if name not in CAPTURES:
                yield name
        for n in f.nodes:
            if n["kind"] == "VarDecl" and deferred(n):
                yield deferred(n)[0]


# ---- wait groups ----

def add_inside(program, f):
    """wg_add in the goroutine that it counts: the wait may be over before it."""
    if f.name not in program.started:
        return
    for call in f.calls:
        if callee(call) != "mr_wg_add":
            continue
        group, number = arguments(call)
        of = address_of(group)
        negative = strip(number)["kind"] == "UnaryOperator" and strip(number)["opcode"] == "-"
        if (negative or (of and of["id"] in f.locals) or
                any(s.at > call["at"] for s in f.starts)):
            continue
        yield call["line"], ("wg_add in the goroutine that it counts: wg_wait may return "
                             "before it runs; add before go, or use wg_go")


# ---- variables whose address a goroutine is given ----

def modified_by_loop(f, loop, var):
    if any(is_within(n, loop) for n in [f.locals[var["id"]]] if n["kind"] == "VarDecl"
           if not any(True for c in enclosing(n, ("CompoundStmt",)) if is_within(c, loop))):
        return True             # declared in its head
    return any(decl["id"] == var["id"] for decl, _ in f.assigned(loop))


def waits_after(program, f, at, within):
    """A call that may wait, in `within`, after `at` in its order or in that of a loop."""
    for loop in reversed(list(enclosing_of(f, at, LOOPS))):
        if is_within(loop, within) and loop is not within:
            at = min(at, loop["at"])
            break
    for n in f.nodes:
        if n["at"] <= at or not is_within(n, within):
            continue
        if n["kind"] == "CallExpr" and program.may_wait(callee(n)):
            if callee(n) not in CAPTURES and not is_start(n):
                return True
    return any(n["kind"] == "VarDecl" and deferred(n) and is_within(n, within) and
               program.may_wait(deferred(n)[0]) for n in f.nodes)


def is_start(call):
    return re.match(r"mr_\w*captured", callee(call) or "") is not None


def enclosing_of(f, at, kinds):
    node = next(n for n in f.nodes if n["at"] == at)
    return enclosing(node, kinds)


def addresses(f):
    """(start, local variable) of each whose address a goroutine is given."""
    for start in f.starts:
        if start.kind == "try":
            continue
        for arg in start.args:
            decl = address_of(arg)
            if decl and decl["id"] in f.locals:
                yield start, decl


def loop_variable(program, f):
    """Each goroutine is given the same variable, which the loop goes on to change."""
    for start, var in addresses(f):
        for loop in enclosing(start.call, LOOPS):
            if not modified_by_loop(f, loop, var):
                continue
            body = children(loop)[-1] if loop["kind"] != "DoStmt" else children(loop)[0]
            inside = [n for n in f.nodes if n["at"] > start.at and is_within(n, body) and
                      n["kind"] == "CallExpr" and not is_start(n) and
                      callee(n) not in CAPTURES and program.may_wait(callee(n))]
            if not inside:
                yield start.line, ("the loop changes %s while the goroutine has its "
                                   "address; pass its value" % var["name"])
            break


def dead_frame(program, f):
    """A variable whose block may be over while the goroutine still uses it."""
    for start, var in addresses(f):
        decl = f.locals[var["id"]]
        scope = next(enclosing(decl, ("CompoundStmt",)), f.body)
        if decl["kind"] == "ParmVarDecl":
            scope = f.body
        if f.name == "main" and scope is f.body:
            continue            # the process ends with it
        if any(line == start.line for line, _ in loop_variable(program, f)):
            continue
        if not (waits_after(program, f, start.at, scope) or
                is_shown_again(f, start, var, scope)):
            yield start.line, ("%s may be gone while the goroutine uses it: nothing waits "
                               "before its block ends" % var["name"])


def is_shown_again(f, start, var, scope):
    """Its address is passed to a call after that: so the two are in step by it."""
    return any(n["at"] > start.at and is_within(n, scope) and
               n["kind"] in ("CallExpr", "AtomicExpr") and
               any((address_of(a) or {}).get("id") == var["id"] for a in children(n))
               for n in f.nodes if callee_or_none(n) not in CAPTURES)


def callee_or_none(node):
    return callee(node) if node["kind"] == "CallExpr" else None


# ---- copies ----

def copied(program, f):
    """A mutex, or what contains one, as a value."""
    for p in f.params:
        name = program.source.sync_in(p["type"])
        if name:
            yield p["line"], ("parameter %s is a copy of a %s; pass a pointer"
                              % (p.get("name", "?"), name))
    for n in f.nodes:
        if (n["kind"] != "ImplicitCastExpr" or n.get("castKind") != "LValueToRValue" or
                n["up"].get("castKind") == "ToVoid"):
            continue
        name = program.source.sync_in(n["type"])
        if name and strip(n)["kind"] != "CompoundLiteralExpr":
            text = f.text(children(n)[0])
            yield n["line"], "copies %s, which is or contains a %s" % (
                plain(text) if text else "an object", name)


# ---- locks ----

def lock_path(program, f):
    """A way through the function that leaves a lock locked which another unlocks."""
    paths = program.paths[f.name]
    if paths.gave_up or any(n["kind"] == "CleanupAttr" and not deferred(n["up"])
                            for n in f.nodes):
        return
    for line, state in paths.returns:
        for key, locked in state.held:
            if locked is None:
                continue
            if key in paths.unlocked:
                yield line, ("returns with %s locked (line %d), which is unlocked on "
                             "another way" % (plain(key), locked))
            elif is_forgotten(program, f, key):
                yield line, "returns with %s locked (line %d)" % (plain(key), locked)


def is_forgotten(program, f, key):
    """Nobody in the file unlocks it for others, and that this function locks for its
    caller does not show either."""
    is_local = re.match(r"\w+@(\w+)(?=[.\[]|$)", key)
    return (f.node.get("storageClass") == "static" and
            not (is_local and is_local.group(1) in f.locals) and
            last(key) not in program.unlocked_for_others and
            not re.search("lock|acquire|begin|enter", f.name))


def guarded(program, f):
    """Guarded data is used without its lock."""
    paths = program.paths[f.name]
    if paths.gave_up:
        return
    for line, (name, guard) in paths.bare.items():
        yield line, "%s is guarded by %s, which is not held here" % (name, guard)


# ---- contexts ----

MAKES = re.compile(r"mr_ctx_with(out)?_\w+$")
ENDS = {"mr_ctx_free", "mr_ctx_unref"}


def gives_away(program, f, decl, seen=()):
    """Whether f frees, returns, keeps or hands on what its variable `decl` refers to."""
    mine = [n for n in f.nodes if n["kind"] == "DeclRefExpr" and
            n["referencedDecl"]["id"] == decl["id"]]
    for n in mine:
        user = user_of(n)
        if user is None:
            continue
        if user["kind"] in ("ReturnStmt", "InitListExpr", "UnaryOperator"):
            return True
        if user["kind"] == "VarDecl":
            if deferred(user) is None or may_free(program, deferred(user)[0], 0, seen):
                return True
        if user["kind"] == "BinaryOperator" and user["opcode"] == "=":
            if is_within(n, children(user)[1]):
                return True
        if user["kind"] == "CallExpr" and passes_on(program, f, user, n, seen):
            return True
    return False


def user_of(node):
    """What a mention of a variable is used by: casts and the like are passed over."""
    up = node["up"]
    while up["kind"] in ("ParenExpr", "ImplicitCastExpr", "CStyleCastExpr") or (
            up["kind"] == "InitListExpr" and up["up"]["kind"] == "VarDecl" and
            deferred(up["up"])):
        up = up["up"]
    if up["kind"] == "BinaryOperator" and up["opcode"] != "=" or up["kind"] in (
            "CompoundStmt", "IfStmt"):
        return None
    return up


def passes_on(program, f, call, node, seen):
    name = callee(call)
    index = next((i for i, a in enumerate(arguments(call)) if is_within(node, a)), 0)
    if name in CAPTURES:
        start = next((s for s in f.starts if s.at > call["at"]), None)
        return start is None or may_free(program, start.fn, index, seen)
    return may_free(program, name, index, seen)


def may_free(program, name, index, seen):
    if name in ENDS:
        return True
    if name is None or name in seen:
        return name is None
    f = program.functions.get(name)
    if f is None:
        return not program.source.is_foreign(name)
    if index >= len(f.params):
        return True
    return gives_away(program, f, f.params[index], (*seen, name))


def ctx_leak(program, f):
    """A context that nobody frees: nothing under it is cancelled, ever."""
    for call in f.calls:
        if not MAKES.match(callee(call) or ""):
            continue
        user = user_of(call)
        decl = None
        if user and user["kind"] == "VarDecl" and not deferred(user):
            decl = user
        elif user and user["kind"] == "BinaryOperator" and user["opcode"] == "=":
            decl = refers_to(children(user)[0])
        if decl and decl["id"] in f.locals and not gives_away(program, f, decl):
            yield call["line"], ("%s is never freed: defer(ctx_free, %s)"
                                 % (decl["name"], decl["name"]))


# ---- channels ----

def close_receiver(program, f):
    """Who receives from a channel closes it: a sender may still send."""
    params = {p["id"] for p in f.params}
    received = {}
    ranged = {n["id"]: base(children(n)[0]) for n in f.nodes if n["kind"] == "VarDecl" and
              n.get("name", "").startswith("mr_c_") and n.get("init")}

    def channel(node):
        decl = base(node)
        decl = ranged.get(decl["id"], decl) if decl else None
        return decl if decl and decl["id"] in params else None

    for call in f.calls:
        name = callee(call)
        if name in RECEIVES:
            decl = channel(arguments(call)[0])
            if decl:
                received.setdefault(decl["id"], call["at"])
        elif name in SELECTS:
            for decl in selected(call, channel):
                received.setdefault(decl["id"], call["at"])
    sent = {d["id"] for d in (channel(arguments(c)[0]) for c in f.calls
                              if is_call(c, {"mr_chan_send_from", "mr_chan_trysend_from"})) if d}
    for at, line, node in closes(f):
        decl = channel(node)
        if decl and decl["id"] not in sent and received.get(decl["id"], at) < at:
            yield line, ("closes %s, from which it receives: closing is for the sender"
                         % decl["name"])


def selected(call, channel):
    """The channels of a select's receive cases."""
    cases = strip(arguments(call)[0])
    for n in walk_lists(cases):
        values = children(n)
        op = refers_to(values[0]) if values else None
        if op and op["name"] == "MR_SELECT_RECV" and channel(values[1]):
            yield channel(values[1])


def walk_lists(node):
    if node["kind"] == "InitListExpr":
        yield node
    for n in children(node):
        yield from walk_lists(n)


def closes(f):
    for call in f.calls:
        if callee(call) in CLOSE:
            yield call["at"], call["line"], arguments(call)[0]
    for n in f.nodes:
        if n["kind"] == "VarDecl" and deferred(n) and deferred(n)[0] in CLOSE:
            yield float("inf"), n["line"], deferred(n)[1]


RULES = {
    "add-inside": add_inside,
    "loop-variable": loop_variable,
    "dead-frame": dead_frame,
    "copied-lock": copied,
    "lock-path": lock_path,
    "guarded": guarded,
    "ctx-leak": ctx_leak,
    "close-receiver": close_receiver,
}
