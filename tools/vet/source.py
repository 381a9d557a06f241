"""source.py - one C file as clang sees it.

clang prints its syntax tree as JSON. A node is a dict: "kind", "inner" (its children, in
the order of the source) and what its kind has besides. This file adds to each node

    file, line      where it begins, of a macro's expansion the place where it is used
    at              its number in the order of the source
    up              the node it is a child of

and offers what the rules need: calls by name, the goroutines that are started, and a
text for an expression, by which two mentions of one object are recognised.
"""
import json
import re
import subprocess

SYNC = {"mr_mutex": "mutex", "mr_rwmutex": "rwmutex", "mr_waitgroup": "waitgroup",
        "mr_once": "once", "mr_cond": "cond", "mr_semaphore": "semaphore"}
LOOPS = ("ForStmt", "WhileStmt", "DoStmt")
CAPTURES = ("mr_capture_args", "mr_capture_few")
CASTS = ("ParenExpr", "ImplicitCastExpr", "CStyleCastExpr", "ConstantExpr")


class Trouble(Exception):
    """The file could not be read, parsed or compiled."""


def children(node):
    return [n for n in node.get("inner", ()) if n.get("kind")]


def walk(node):
    """The node and all below it that is evaluated, in the order of the source."""
    yield node
    if node["kind"] != "UnaryExprOrTypeTraitExpr":      # sizeof
        for n in children(node):
            yield from walk(n)


def strip(node):
    """Without parentheses, casts and __extension__; of `a, b` the b."""
    while True:
        inner = children(node)
        if node["kind"] in CASTS and inner:
            node = inner[-1]
        elif node["kind"] == "UnaryOperator" and node["opcode"] == "__extension__":
            node = inner[0]
        elif node["kind"] == "BinaryOperator" and node["opcode"] == ",":
            node = inner[1]
        else:
            return node


def refers_to(node):
    """The declaration that an expression names, as {id, kind, name}, or None."""
    node = strip(node)
    return node.get("referencedDecl") if node["kind"] == "DeclRefExpr" else None


def callee(call):
    decl = refers_to(children(call)[0])
    return decl["name"] if decl else None


def arguments(call):
    return children(call)[1:]


def is_call(node, names):
    return node["kind"] == "CallExpr" and callee(node) in names


def enclosing(node, kinds):
    """Those around the node that are of these kinds, the innermost first."""
    node = node.get("up")
    while node is not None:
        if node["kind"] in kinds:
            yield node
        node = node.get("up")


def is_within(node, outer):
    while node is not None and node is not outer:
        node = node.get("up")
    return node is not None


def deferred(var):
    """What `defer(fn, arg)` calls: (name of fn, arg), or None."""
    if not var.get("name", "").startswith("mr_defer_"):
        return None
    for init in children(var):
        if init["kind"] == "InitListExpr":
            fn = refers_to(children(init)[0])
            return (fn["name"] if fn else None, children(init)[1])
    return None


def plain(text):
    """An expression's text as a reader would write it."""
    return re.sub(r"@\w+", "", text)


class Start:
    """A goroutine that is started, or with kind "try" a function called by go_try."""

    def __init__(self, call, capture):
        self.call = call
        self.line, self.at = call["line"], call["at"]
        self.args = arguments(capture)
        name = callee(call)
        self.kind = ("try" if name == "mr_try_captured" else
                     "go" if name.startswith("mr_go_captured") else "group")
        fns = [refers_to(a) for a in arguments(call)]
        self.fn = next((f["name"] for f in fns if f and f["kind"] == "FunctionDecl"), None)


class Source:
    def __init__(self, file, flags, clang="clang"):
        command = [clang, "-std=gnu11", "-fexceptions", *flags, "-fsyntax-only",
                   "-Wno-everything", "-Xclang", "-ast-dump=json", file]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False)
        if done.returncode != 0:
            raise Trouble(done.stderr.decode(errors="replace").rstrip())
        self.tree = json.loads(done.stdout)
        self.texts = {}
        self.last_file, self.last_line = None, None
        self._locate(self.tree)
        self._number(self.tree, [0])
        self.functions, self.declared = {}, {}
        self.fields, self.types = {}, {}
        self.guards = {}
        self.with_lock = set()
        for node in children(self.tree):
            self._declare(node)
        self._lengthen(self.tree)

    # Some short names are declarations of their own: the rules know the long ones.
    def _lengthen(self, node):
        decl = node.get("referencedDecl", {})
        name = decl.get("name")
        if decl.get("kind") == "FunctionDecl" and self.is_foreign(name) and (
                "mr_" + name in self.declared):
            decl["name"] = "mr_" + name
        for n in children(node):
            self._lengthen(n)

    # clang leaves out the file and the line of a place where they are those of the
    # place printed before.
    def _locate(self, obj):
        if isinstance(obj, list):
            for o in obj:
                self._locate(o)
            return
        if not isinstance(obj, dict):
            return
        if "offset" in obj:
            self.last_file = obj.setdefault("file", self.last_file)
            self.last_line = obj.setdefault("line", self.last_line)
        for key, o in obj.items():
            if isinstance(o, (dict, list)) and key != "includedFrom":
                self._locate(o)

    def _number(self, node, counter, up=None):
        begin = node.get("range", {}).get("begin", {})
        place = begin.get("expansionLoc", begin)
        if "offset" not in place:
            place = node.get("loc", {})
            place = place.get("expansionLoc", place)
        node["file"] = place.get("file")
        node["line"] = place.get("line")
        node["at"] = counter[0]
        node["up"] = up
        counter[0] += 1
        for n in children(node):
            self._number(n, counter, node)

    def _declare(self, node):
        if node["kind"] == "FunctionDecl":
            if self._annotation(node, "requires_lock") is not None:
                self.with_lock.add(node["name"])
            self.declared.setdefault(node["name"], node)
            if any(n["kind"] == "CompoundStmt" for n in children(node)):
                self.functions[node["name"]] = node
        elif node["kind"] == "RecordDecl":
            self.fields[node["id"]] = [n for n in children(node) if n["kind"] == "FieldDecl"]
            if node.get("name"):
                self.types["struct " + node["name"]] = node["id"]
                self.types["union " + node["name"]] = node["id"]
        elif node["kind"] == "TypedefDecl":
            for n in walk(node):
                if n["kind"] == "RecordType" and "decl" in n:
                    self.types[node["name"]] = n["decl"]["id"]
        for n in walk(node):
            if n["kind"] in ("FieldDecl", "VarDecl"):
                self._guard(n)
            if n["kind"] == "RecordDecl" and n is not node:
                self._declare(n)

    def _guard(self, decl):
        guard = self._annotation(decl, "guarded_by")
        if guard is not None:
            self.guards[decl["id"]] = guard

    # The tree has the annotation's place but not its text.
    def _annotation(self, decl, name):
        """What stands in the parentheses of a macro with this name behind decl."""
        for attr in children(decl):
            if attr["kind"] != "AnnotateAttr":
                continue
            begin = attr["range"]["begin"]
            begin = begin.get("expansionLoc", begin)
            text = self._text(begin["file"])[begin["offset"]:begin["offset"] + 200]
            found = re.match(rb"(?:mr_)?%s\s*\(\s*([^)]*?)\s*\)" % name.encode(), text)
            if found:
                return found.group(1).decode()
        return None

    def _text(self, file):
        if file not in self.texts:
            with open(file, "rb") as f:
                self.texts[file] = f.read()
        return self.texts[file]

    # ---- types ----

    def record_of(self, type_):
        for name in (type_.get("desugaredQualType"), type_.get("qualType")):
            name = re.sub(r"\b(const|volatile)\s+", "", name or "").strip()
            name = re.sub(r"\s*\[\d*\]$", "", name)
            if name in self.types:
                return self.types[name], name
        return None, None

    def sync_in(self, type_, seen=()):
        """The name of a sync type that an object of this type is or contains, or None."""
        if "*" in type_.get("desugaredQualType", type_.get("qualType", "")):
            return None
        record, name = self.record_of(type_)
        if record is None or record in seen:
            return None
        name = name.replace("struct ", "")
        for prefixed, short in SYNC.items():
            if name in (prefixed, short):
                return short
        for field in self.fields.get(record, ()):
            found = self.sync_in(field["type"], (*seen, record))
            if found:
                return found
        return None

    # ---- functions ----

    def own_functions(self):
        """Those of the program, not of headers that it uses."""
        for name, fn in self.functions.items():
            if is_own_file(fn["file"]):
                yield name, fn

    def is_foreign(self, name):
        """Declared in a header of the system or of the library."""
        fn = self.declared.get(name)
        return fn is not None and not is_own_file(fn["file"])

    def does_not_return(self, name):
        fn = self.declared.get(name, {})
        return ("noreturn" in fn.get("type", {}).get("qualType", "") or
                any(n["kind"] in ("NoReturnAttr", "C11NoReturnAttr") for n in children(fn)) or
                name in ("exit", "_exit", "abort", "mr_panic", "mr_go_exit", "mr_go_block"))


def is_own_file(file):
    return not (file is None or file.startswith("/usr/") or "/millrace/" in file or
                file.startswith("millrace/"))


class Function:
    """One function's body, with what the rules ask of it."""

    def __init__(self, source, name, node):
        self.source, self.name, self.node = source, name, node
        self.params = [n for n in children(node) if n["kind"] == "ParmVarDecl"]
        self.body = next(n for n in children(node) if n["kind"] == "CompoundStmt")
        self.nodes = list(walk(self.body))
        self.locals = {n["id"]: n for n in self.nodes if n["kind"] == "VarDecl" and
                       n.get("storageClass") not in ("static", "extern")}
        self.locals.update((n["id"], n) for n in self.params)
        self.calls = [n for n in self.nodes if n["kind"] == "CallExpr"]
        self.starts = self._starts()
        self.aliases = self._aliases()

    def _starts(self):
        found, capture = [], None
        for call in self.calls:
            name = callee(call) or ""
            if name in CAPTURES:
                capture = call
            elif capture and re.match(r"mr_\w*captured", name):
                found.append(Start(call, capture))
                capture = None
        return found

    def assigned(self, within=None):
        """(declaration, node) of each assignment to a variable or a part of it."""
        for n in (walk(within) if within else self.nodes):
            if (n["kind"] == "BinaryOperator" and n["opcode"] == "=" or
                    n["kind"] == "CompoundAssignOperator" or
                    n["kind"] == "UnaryOperator" and n["opcode"] in ("++", "--")):
                decl = base(children(n)[0])
                if decl:
                    yield decl, n

    # A local pointer that is never assigned is what it was made from.
    def _aliases(self):
        changed = {decl["id"] for decl, _ in self.assigned()}
        found = {}
        for decl in self.locals.values():
            if (decl["kind"] == "VarDecl" and decl["id"] not in changed and
                    decl.get("init") and "*" in decl["type"]["qualType"]):
                found[decl["id"]] = children(decl)[0]
        return found

    def text(self, node, depth=0):
        """An expression's text, the same for the same object; None if it is not simple."""
        node = strip(node)
        kind, inner = node["kind"], children(node)
        if depth > 20:
            return None
        if kind == "DeclRefExpr":
            decl = node["referencedDecl"]
            alias = self.aliases.get(decl["id"])
            known = self.text(alias, depth + 1) if alias else None
            return known or decl["name"] + "@" + decl["id"]
        if kind == "IntegerLiteral":
            return str(node["value"])
        if kind == "MemberExpr":
            of = self.text(inner[0], depth + 1)
            if of is None:
                return None
            if node.get("isArrow"):
                return of[1:] + "." + node["name"] if of[0] == "&" else of + "->" + node["name"]
            return of[1:] + "->" + node["name"] if of[0] == "*" else of + "." + node["name"]
        if kind == "ArraySubscriptExpr":
            parts = [self.text(n, depth + 1) for n in inner]
            return None if None in parts else "%s[%s]" % tuple(parts)
        if kind == "UnaryOperator" and node["opcode"] in "*&":
            of = self.text(inner[0], depth + 1)
            opposite = "&" if node["opcode"] == "*" else "*"
            return None if of is None else of[1:] if of[0] == opposite else node["opcode"] + of
        return None

    def object(self, pointer):
        """The text of what a pointer argument points at."""
        text = self.text(pointer)
        return None if text is None else text[1:] if text[0] == "&" else "*" + text


def base(node):
    """The variable that an lvalue is, or is a part of; None if it lies behind a pointer."""
    node = strip(node)
    inner = children(node)
    if node["kind"] == "DeclRefExpr":
        return node["referencedDecl"]
    if node["kind"] == "MemberExpr" and not node.get("isArrow"):
        return base(inner[0])
    if node["kind"] == "ArraySubscriptExpr":
        array = inner[0]
        while array["kind"] == "ParenExpr":
            array = children(array)[0]
        if array.get("castKind") == "ArrayToPointerDecay":
            return base(array)
    return None


def address_of(node):
    """The variable whose address an argument is, by & or as an array; or None."""
    while node["kind"] == "ParenExpr" or node.get("castKind") in ("BitCast", "NoOp"):
        node = children(node)[-1]
    if node["kind"] == "UnaryOperator" and node["opcode"] == "&":
        return base(children(node)[0])
    if node.get("castKind") == "ArrayToPointerDecay":
        return base(node)
    return None
