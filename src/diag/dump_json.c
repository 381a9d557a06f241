/* dump_json.c - SIGQUIT's dump for programs: one JSON object, on one line for each
 * goroutine. Goroutines are not grouped here. What it holds: docs/design/019-dumps.md. */
#include "diag/dump.h"
#include <string.h>

static const char *const states[G_NSTATES] = {
	[G_DEAD] = "dead",       [G_RUNNABLE] = "runnable", [G_RUNNING] = "running",
	[G_WAITING] = "waiting", [G_BLOCKING] = "blocking",
};

static const char *const no_trace[] = {
	[MRI_TRACE_RUNS] = "its thread did not stop",
	[MRI_TRACE_DAMAGED] = "its stack is damaged",
	[MRI_TRACE_UNABLE] = "no traces on this machine",
};

/* ---- strings ---- */

/* How many bytes the UTF-8 sequence at s has; 0: it is none. The longer forms of shorter
 * ones, and surrogates, are none. */
static int utf8_length(const unsigned char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c = *s;
	int n = 1;

	if (c >= 0x80) {
		n = c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : c >> 3 == 30 ? 4 : 0;
		c &= 0x7f >> n;
	}
	for (int i = 1; i < n; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return n && c >= least[n] && c < 0x110000 && (c < 0xd800 || c > 0xdfff) ? n : 0;
}

static void put_string(struct mri_out *o, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	mri_out_str(o, "\"");
	while (*s) {
		int n = utf8_length(s);

		if (!n)
			mri_out_str(o, "\\ufffd");
		else if (*s < ' ' || *s == '"' || *s == '\\' || *s == 0x7f)
			mri_out_fmt(o, "\\u%04x", (unsigned)*s);
		else
			mri_out_fmt(o, "%.*s", n, (const char *)s);
		s += n ? n : 1;
	}
	mri_out_str(o, "\"");
}

/* Each of these begins with what is between it and the one before. */
static void string(struct mri_out *o, const char *key, const char *value)
{
	mri_out_str(o, key);
	if (value && *value)
		put_string(o, value);
	else
		mri_out_str(o, "null");
}

static void pointer(struct mri_out *o, const char *key, const void *value)
{
	mri_out_str(o, key);
	if (value)
		mri_out_fmt(o, "\"%p\"", value);
	else
		mri_out_str(o, "null");
}

static void number(struct mri_out *o, const char *key, int64_t value)
{
	mri_out_str(o, key);
	mri_out_dec(o, value);
}

/* 0 is unknown. */
static void number_if(struct mri_out *o, const char *key, int64_t value)
{
	if (value)
		number(o, key, value);
	else
		string(o, key, NULL);
}

/* ---- frames ---- */

static void put_frame(struct mri_out *o, const struct mri_frame *f,
		      const struct mri_line *l)
{
	string(o, "{\"function\": ", l ? l->function : f->name);
	string(o, ", \"file\": ", l ? l->file : NULL);
	number_if(o, ", \"line\": ", l ? l->line : 0);
	string(o, ", \"module\": ", f->module ? f->module->path : NULL);
	number(o, ", \"offset\": ", (int64_t)f->offset);
	mri_out_fmt(o, ", \"inlined\": %s}", l && l->caller ? "true" : "false");
}

static void put_frames(struct mri_out *o, const struct mri_group *group)
{
	bool any = false;

	mri_out_str(o, ", \"frames\": [");
	for (int i = 0; i < group->nframes; i++) {
		const struct mri_frame *f = group->frames[i];
		const struct mri_line *l = f->lines;

		/* null stands for the frames in the middle of a deep stack. */
		if (!f->code) {
			mri_out_str(o, any ? ", null" : "null");
			any = true;
			continue;
		}
		do {
			mri_out_str(o, any ? ", " : "");
			put_frame(o, f, l);
			l = l ? l->caller : NULL;
			any = true;
		} while (l);
	}
	mri_out_str(o, "]");
}

/* ---- goroutines ---- */

static void put_creator(struct mri_out *o, const struct mri_group *group)
{
	const struct g *g = group->g;

	if (!group->creator) {
		mri_out_str(o, ", \"created_by\": null");
		return;
	}
	string(o, ", \"created_by\": {\"function\": ", group->creator->name);
	string(o, ", \"file\": ", g->file);
	number_if(o, ", \"line\": ", g->line);
	mri_out_str(o, "}");
}

static void put_goroutine(struct mri_out *o, const struct mri_group *group,
			  const struct mri_record *r)
{
	const struct g *g = group->g;
	bool waits = group->gstate == G_WAITING;

	number(o, "{\"id\": ", r->id);
	string(o, ", \"name\": ", g->name);
	string(o, ", \"state\": ", states[group->gstate]);
	string(o, ", \"wait\": ", waits ? group->state : NULL);
	pointer(o, ", \"object\": ", r->obj);
	number(o, ", \"since_ns\": ", r->waited);
	mri_out_fmt(o, ", \"timed\": %s, \"locked\": %s", group->timed ? "true" : "false",
		    g->locked ? "true" : "false");
	put_creator(o, group);
	number(o, ", \"stack\": {\"size\": ", g->hi - g->lo);
	number_if(o, ", \"high_water\": ", (int64_t)r->used);
	string(o, "}, \"no_trace\": ", no_trace[group->traced]);
	put_frames(o, group);
	mri_out_str(o, "}");
}

void mri_dump_json(struct mri_out *o, const struct mri_dump *d)
{
	const char *comma = "";

	mri_out_str(o, "{\"reason\": \"SIGQUIT\", \"goroutines\": [");
	for (const struct mri_group *group = d->groups; group; group = group->next)
		for (const struct mri_record *r = group->first; r; r = r->next) {
			mri_out_fmt(o, "%s\n", comma);
			put_goroutine(o, group, r);
			comma = ",";
		}
	number(o, "\n], \"threads\": {\"all\": ", d->threads);
	number(o, ", \"stopped\": ", d->stopped);
	/* Relaxed: a snapshot. */
	number(o, ", \"foreign_waiting\": ",
	       atomic_get(&mri_sched.nparked_threads, relaxed));
	number(o, "}, \"procs\": ", atomic_get(&mri_sched.procs, relaxed));
	mri_out_fmt(o, ", \"complete\": %s}\n", d->cut ? "false" : "true");
}
