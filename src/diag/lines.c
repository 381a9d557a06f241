/* lines.c - source lines, from llvm-symbolizer or addr2line, whichever PATH has.
 *
 * Each is asked once for each module, for all places in it. It prints, for each address,
 * that address, and then pairs of lines, a function and its file:line: the innermost
 * inlined function first. Whatever goes wrong, the names of the symbol tables and the
 * offsets are there without it. */
#include "diag/dump.h"
#include "os/os.h"
#include <errno.h>
#include <string.h>

static const int64_t patience = 10LL * 1000 * 1000 * 1000;     /* ns, for all modules */

static struct mri_os_filter filter;
static int unusable = 1;

void mri_lines_open(void)
{
	unusable = mri_os_filter_open(&filter);
}

/* ---- the answer ---- */

struct text {
	const char *at, *end;
};

/* The next line, without its end. */
static bool next_line(struct text *t, struct text *line)
{
	const char *nl;

	if (t->at == t->end)
		return false;
	nl = memchr(t->at, '\n', (size_t)(t->end - t->at));
	line->at = t->at;
	line->end = nl ? nl : t->end;
	t->at = nl ? nl + 1 : t->end;
	return true;
}

static bool is_address(const struct text *t)
{
	return t->end - t->at > 2 && t->at[0] == '0' && t->at[1] == 'x';
}

static uintptr_t address_of(const struct text *t)
{
	static const char digits[] = "0123456789abcdef";
	uintptr_t v = 0;

	for (const char *p = t->at + 2; p < t->end; p++) {
		const char *digit = *p ? strchr(digits, *p | 32) : NULL;

		if (!digit)
			break;
		v = v << 4 | (uintptr_t)(digit - digits);
	}
	return v;
}

/* "/a/b.c:12", "/a/b.c:12 (discriminator 3)"; "??:0" and "??:?" are unknown. */
static bool parse_place(const struct text *t, struct mri_line *line)
{
	const char *colon = t->at;

	for (const char *p = t->at; p < t->end; p++)
		if (*p == ':')
			colon = p;
	line->line = 0;
	for (const char *p = colon + 1; p < t->end && *p >= '0' && *p <= '9'; p++)
		line->line = line->line * 10 + (*p - '0');
	if (!line->line || *t->at == '?')
		return false;
	line->file = mri_dump_string(t->at, (size_t)(colon - t->at));
	return true;
}

/* Compilers' suffixes (".part.0") are left out, but not of a C++ name in full. */
static const char *end_of_name(const struct text *t)
{
	const char *end = t->end;

	for (const char *p = t->end; p-- > t->at;) {
		if (*p == '.' && p > t->at)
			end = p;
		else if (*p == '(')
			return t->end;
	}
	return end;
}

static struct mri_line *parse_pair(const struct text *function, const struct text *place)
{
	struct mri_line *line = mri_dump_alloc(sizeof *line);

	if (!line || *function->at == '?' || !parse_place(place, line))
		return NULL;
	line->function = mri_dump_string(function->at,
					 (size_t)(end_of_name(function) - function->at));
	return line;
}

/* The lines of one address, innermost first: up to the next address. */
static const struct mri_line *parse_lines(struct text *t)
{
	const struct mri_line *first = NULL, **link = &first;
	struct text function, place;

	while (t->at < t->end && !is_address(t)) {
		struct mri_line *line;

		if (!next_line(t, &function) || !next_line(t, &place))
			break;
		line = parse_pair(&function, &place);
		if (!line)
			continue;
		*link = line;
		link = &line->caller;
	}
	return first;
}

/* In the order of the questions; what was left out stays unknown. */
static void parse(struct mri_frame *f, const struct mri_module *m, struct text t)
{
	struct text line;

	while (f && next_line(&t, &line)) {
		if (!is_address(&line))
			continue;
		while (f && !(f->shown && f->module == m &&
			      f->offset == address_of(&line)))
			f = f->next;
		if (f)
			f->lines = parse_lines(&t);
	}
}

/* ---- the question ---- */

static bool ask(const struct mri_dump *d, const struct mri_module *m)
{
	struct mri_out o;
	bool any = false;

	mri_out_init(&o, filter.in);
	for (struct mri_frame *f = d->frames; f; f = f->next)
		if (f->shown && f->module == m) {
			mri_out_fmt(&o, "0x%lx\n", (unsigned long)f->offset);
			any = true;
		}
	mri_out_flush(&o);
	return any;
}

static int run(const char *path, int64_t deadline, struct text *answer)
{
	static const char *const llvm[] = { "llvm-symbolizer", "--output-style=GNU", "-f",
					    "-i", "-a", "-e", NULL, NULL };
	static const char *const gnu[] = { "addr2line", "-C", "-f", "-i", "-a", "-e",
					   NULL, NULL };
	static const char *const *const tools[] = { llvm, gnu };
	static size_t tool;
	const char *argv[ARRAY_LEN(llvm)];
	size_t size = 0;
	int rc = -ENOENT;

	for (; tool < ARRAY_LEN(tools); tool++) {
		int n = 0;

		for (; tools[tool][n]; n++)
			argv[n] = tools[tool][n];
		argv[n++] = path;
		argv[n] = NULL;
		rc = mri_os_filter_run(&filter, (char *const *)(uintptr_t)argv, deadline,
				       &answer->at, &size);
		answer->end = answer->at + size;
		if (rc != -ENOENT)
			break;
	}
	return rc;
}

void mri_lines_find(struct mri_dump *d)
{
	int64_t deadline = mri_os_now() + patience;
	struct text answer;

	for (struct mri_module *m = d->modules; m && !unusable; m = m->next) {
		if (!m->in_file || *m->path != '/' || !ask(d, m))
			continue;
		if (run(m->path, deadline, &answer) == 0)
			parse(d->frames, m, answer);
	}
}
