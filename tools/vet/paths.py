"""paths.py - which locks are held where: every way through a function.

A state is what is known at one point of one way: the locks held, the calls deferred,
and what conditions on local variables have turned out to be, so that `if (x) lock; ...
if (x) unlock;` is two ways and not four. A statement turns a set of states into another;
a loop does so until nothing new comes.
"""
from source import (Function, arguments, base, callee, children, deferred, plain, strip,
                    walk)

LOCK = {"mr_mutex_lock", "mr_rwmutex_lock", "mr_rwmutex_rlock"}
TRY = {"mr_mutex_trylock", "mr_rwmutex_trylock", "mr_rwmutex_tryrlock"}
UNLOCK = {"mr_mutex_unlock", "mr_rwmutex_unlock", "mr_rwmutex_runlock"}
MOST = 300              # states; a function with more is left alone
ROUNDS = 6              # of a loop, or of gotos


class TooMany(Exception):
    pass


class State:
    __slots__ = ("held", "defers", "facts", "_key")

    def __init__(self, held=frozenset(), defers=(), facts=frozenset()):
        self.held, self.defers, self.facts = held, defers, facts
        self._key = (held, defers, facts)

    def __eq__(self, other):
        return self._key == other._key

    def __hash__(self):
        return hash(self._key)

    def lock(self, key, line):
        return State(self.held | {(key, line)}, self.defers, self.facts)

    def unlock(self, key):
        return State(frozenset(h for h in self.held if h[0] != key), self.defers, self.facts)

    def has(self, key):
        return any(h[0] == key for h in self.held)

    def defer(self, depth, key):
        return State(self.held, (*self.defers, (depth, key)), self.facts)

    def leave(self, depth):
        """Out of the blocks of this depth and deeper: their deferred unlocks happen."""
        gone = {key for d, key in self.defers if d >= depth}
        return State(frozenset(h for h in self.held if h[0] not in gone),
                     tuple(d for d in self.defers if d[0] < depth), self.facts)

    def know(self, text, value):
        return State(self.held, self.defers, self.facts | {(text, value)})

    def forget(self, name):
        return State(self.held, self.defers,
                     frozenset(f for f in self.facts if name not in f[0]))


def runs(init, cond):
    """Whether `for (int i = 0; i < 5; ...)` runs at least once: both are numbers."""
    if init is None or cond is None or init["kind"] != "DeclStmt":
        return False
    var = children(init)[0]
    cond = strip(cond)
    if cond["kind"] != "BinaryOperator" or not children(var):
        return False
    first, (left, right) = strip(children(var)[0]), map(strip, children(cond))
    return (first["kind"] == right["kind"] == "IntegerLiteral" and
            left.get("referencedDecl", {}).get("id") == var["id"] and
            {"<": int.__lt__, "<=": int.__le__, "!=": int.__ne__}.get(
                cond["opcode"], lambda a, b: False)(int(first["value"]), int(right["value"])))


def last(key):
    """The member or variable that a lock is."""
    return plain(key).lstrip("*&").replace("->", ".").rsplit(".", 1)[-1].split("[")[0]


class Paths:
    """All ways through one function. `summaries` says of others which locks they return
    with and which they unlock for their caller."""

    def __init__(self, fn: Function, summaries):
        self.fn, self.summaries = fn, summaries
        self.returns = set()            # (line, state)
        self.unlocked = set()           # keys, while held here
        self.unlocked_for_others = set()  # names
        self.bare = {}                  # line: (variable, guard), accessed without
        self.breaks, self.continues, self.cases = [], [], []
        self.gotos = {}
        self.unstable = self._address_taken()
        self.gave_up = False
        self._run()

    def _address_taken(self):
        taken = set()
        for n in self.fn.nodes:
            if n["kind"] == "UnaryOperator" and n["opcode"] == "&":
                decl = base(children(n)[0])
                if decl:
                    taken.add(decl["id"])
        return taken

    def _run(self):
        end = self.fn.body["range"]["end"]
        end = end.get("expansionLoc", end).get("line")
        try:
            for _ in range(ROUNDS):
                known = {k: set(v) for k, v in self.gotos.items()}
                out = self.run(self.fn.body, {State()}, 0)
                self.returns.update((end, s) for s in out)
                if known == self.gotos:
                    break
        except TooMany:
            self.gave_up = True

    # ---- statements: the states after it ----

    def run(self, node, states, depth):
        if len(states) > MOST:
            raise TooMany
        kind = node["kind"]
        handler = getattr(self, "do_" + kind, None)
        if handler:
            return handler(node, states, depth)
        if kind.endswith("Stmt"):
            for n in children(node):
                states = self.run(n, states, depth)
            return states
        return self.eval(node, states)

    def do_CompoundStmt(self, node, states, depth):
        for n in children(node):
            states = self.run(n, states, depth + 1)
        return {s.leave(depth + 1) for s in states}

    def do_DeclStmt(self, node, states, depth):
        for var in children(node):
            call = deferred(var) if var["kind"] == "VarDecl" else None
            if call and call[0] in UNLOCK:
                key = self.fn.object(call[1])
                if key:
                    self.unlocked.add(key)
                    states = {s.defer(depth, key) for s in states}
            elif not call:
                states = self.eval(var, states)
                states = {s.forget("@" + var["id"]) for s in states} if "id" in var else states
        return states

    def do_ReturnStmt(self, node, states, depth):
        for n in children(node):
            states = self.eval(n, states)
        self.returns.update((node["line"], s.leave(0)) for s in states)
        return set()

    def do_IfStmt(self, node, states, depth):
        inner = children(node)
        has_else = node.get("hasElse", False)
        branch = inner[-2:] if has_else else inner[-1:]
        yes, no = self.cond(inner[-len(branch) - 1], states)
        yes = self.run(branch[0], yes, depth)
        return yes | (self.run(branch[1], no, depth) if has_else else no)

    def loop(self, before, cond, body, after, depth, states, first_body=False,
             sure=False):
        if before is not None:
            states = self.run(before, states, depth)
        self.breaks.append((depth, set()))
        self.continues.append((depth, set()))
        seen, out, entering = set(), set(), states
        for _ in range(ROUNDS):
            new = entering - seen
            if not new:
                break
            seen |= new
            yes = new
            if not first_body:
                yes, no = self.cond(cond, new) if cond is not None else (new, set())
                out |= set() if sure and entering is states else no
            entering = self.run(body, yes, depth) | self.continues[-1][1]
            if first_body:
                entering, no = self.cond(cond, entering)
                out |= no
            if after is not None:
                entering = self.eval(after, entering)
        self.continues.pop()
        return out | self.breaks.pop()[1]

    def do_ForStmt(self, node, states, depth):
        init, _, cond, after, body = [n if n.get("kind") else None for n in node["inner"]]
        return self.loop(init, cond, body, after, depth, states, False, runs(init, cond))

    def do_WhileStmt(self, node, states, depth):
        cond, body = children(node)[-2:]
        return self.loop(None, cond, body, None, depth, states)

    def do_DoStmt(self, node, states, depth):
        body, cond = children(node)
        return self.loop(None, cond, body, None, depth, states, True)

    def do_SwitchStmt(self, node, states, depth):
        *before, cond, body = children(node)
        states = self.eval(cond, states)
        self.breaks.append((depth, set()))
        self.cases.append((states, []))
        out = self.run(body, set(), depth)
        has_default = "default" in self.cases.pop()[1]
        return out | self.breaks.pop()[1] | (set() if has_default else states)

    def do_CaseStmt(self, node, states, depth):
        return self.run(children(node)[-1], states | self.cases[-1][0], depth)

    def do_DefaultStmt(self, node, states, depth):
        self.cases[-1][1].append("default")
        return self.run(children(node)[-1], states | self.cases[-1][0], depth)

    def do_BreakStmt(self, node, states, depth):
        out, to = self.breaks[-1]
        to.update(s.leave(out + 1) for s in states)
        return set()

    def do_ContinueStmt(self, node, states, depth):
        out, to = self.continues[-1]
        to.update(s.leave(out + 1) for s in states)
        return set()

    def do_GotoStmt(self, node, states, depth):
        self.gotos.setdefault(node["targetLabelDeclId"], set()).update(states)
        return set()

    def do_LabelStmt(self, node, states, depth):
        came = {s.leave(depth + 1) for s in self.gotos.get(node["declId"], set())}
        return self.run(children(node)[0], states | came, depth)

    # ---- expressions ----

    def eval(self, node, states):
        kind, inner = node["kind"], children(node)
        if len(states) > MOST:
            raise TooMany
        if kind == "UnaryExprOrTypeTraitExpr" or not states:
            return states
        if kind == "StmtExpr":
            return self.run(inner[0], states, 100)
        if kind == "CallExpr":
            return self.call(node, states)
        if kind == "BinaryOperator" and node["opcode"] in ("&&", "||"):
            yes, no = self.cond(node, states)
            return yes | no
        if kind == "ConditionalOperator":
            yes, no = self.cond(inner[0], states)
            return self.eval(inner[1], yes) | self.eval(inner[2], no)
        for n in inner:
            states = self.eval(n, states)
        if kind in ("MemberExpr", "DeclRefExpr"):
            self.access(node, states)
        if (kind == "CompoundAssignOperator" or
                kind == "BinaryOperator" and node["opcode"] == "=" or
                kind == "UnaryOperator" and node["opcode"] in ("++", "--")):
            decl = base(inner[0])
            if decl:
                states = {s.forget("@" + decl["id"]) for s in states}
        return states

    def call(self, node, states):
        name = callee(node)
        for n in children(node):
            states = self.eval(n, states)
        if name in LOCK or name in UNLOCK:
            key = self.fn.object(arguments(node)[0])
            if key is None:
                return states
            if name in LOCK:
                return {s.lock(key, node["line"]) for s in states}
            return self.unlock(key, states)
        if name and self.fn.source.does_not_return(name):
            return set()
        locks, unlocks = self.summaries.get(name, ((), ()))
        for lock in unlocks:
            states = {State(frozenset(h for h in s.held if last(h[0]) != lock),
                            s.defers, s.facts) for s in states}
        for lock in locks:
            states = {s.lock("?." + lock, None) for s in states}
        return states

    def unlock(self, key, states):
        if any(s.has(key) for s in states):
            self.unlocked.add(key)
        if any(not s.has(key) for s in states):
            self.unlocked_for_others.add(last(key))
        borrowed = "?." + last(key)
        return {s.unlock(key).unlock(borrowed) for s in states}

    def cond(self, node, states):
        """The states in which a condition is true, and those in which it is not."""
        node = strip(node)
        kind, inner = node["kind"], children(node)
        if kind == "UnaryOperator" and node["opcode"] == "!":
            yes, no = self.cond(inner[0], states)
            return no, yes
        if kind == "BinaryOperator" and node["opcode"] == "&&":
            yes, no = self.cond(inner[0], states)
            yes, also = self.cond(inner[1], yes)
            return yes, no | also
        if kind == "BinaryOperator" and node["opcode"] == "||":
            yes, no = self.cond(inner[0], states)
            also, no = self.cond(inner[1], no)
            return yes | also, no
        if kind == "IntegerLiteral":
            return (states, set()) if int(node["value"]) else (set(), states)
        if kind == "CallExpr" and callee(node) == "__builtin_expect":
            return self.cond(arguments(node)[0], states)
        if kind == "CallExpr" and callee(node) in TRY:
            key = self.fn.object(arguments(node)[0])
            states = self.eval(node, states)
            if key is None:
                return states, states
            return {s.lock(key, node["line"]) for s in states}, states
        states = self.eval(node, states)
        fact = self.stable(node)
        if fact is None:
            return states, states
        return ({s.know(fact, True) for s in states if (fact, False) not in s.facts},
                {s.know(fact, False) for s in states if (fact, True) not in s.facts})

    def stable(self, node):
        """A text for a condition on local variables that only this function changes."""
        node = strip(node)
        kind, inner = node["kind"], children(node)
        if kind == "IntegerLiteral":
            return str(node["value"])
        if kind == "DeclRefExpr":
            decl = node["referencedDecl"]
            if decl["kind"] == "EnumConstantDecl":
                return decl["name"]
            known = decl["id"] in self.fn.locals and decl["id"] not in self.unstable
            return "@" + decl["id"] if known else None
        if kind in ("BinaryOperator", "UnaryOperator") and node["opcode"] not in (
                "=", "++", "--", "*", "&"):
            parts = [self.stable(n) for n in inner]
            return None if None in parts else node["opcode"].join(["", *parts])
        return None

    # ---- guarded data ----

    def access(self, node, states):
        decl = node.get("referencedMemberDecl") or node.get("referencedDecl", {}).get("id")
        guard = self.fn.source.guards.get(decl)
        if guard is None or self.fn.name.endswith("_locked") or (
                self.fn.name in self.fn.source.with_lock):
            return
        name = node.get("name") or node["referencedDecl"]["name"]
        wanted = None
        if node["kind"] == "MemberExpr":
            if self.is_private(children(node)[0]):
                return
            whole = self.fn.text(node)
            wanted = whole and whole[:-len(name)] + guard
        for s in states:
            if not any(key == wanted or key == "?." + last(guard) or
                       (wanted is None and last(key) == last(guard)) for key, _ in s.held):
                self.bare.setdefault(node["line"], (name, guard))

    def is_private(self, node):
        """An object that nobody else has yet: this function's own."""
        decl = strip(node).get("referencedDecl", {})
        var = self.fn.locals.get(decl.get("id"))
        if var is None or var["kind"] != "VarDecl":
            return False
        if "*" not in var["type"]["qualType"]:
            return True
        return any(n["kind"] == "CallExpr" and callee(n) in ("malloc", "calloc", "aligned_alloc")
                   for n in walk(var))


def summary(paths):
    """What calling this function means for its caller's locks: names of those that it
    returns with on every way and never unlocks, and of those that it unlocks for him."""
    held = [frozenset(last(k) for k, _ in s.held) for _, s in paths.returns]
    locks = frozenset.intersection(*held) if held else frozenset()
    return (locks - {last(k) for k in paths.unlocked}, frozenset(paths.unlocked_for_others))
