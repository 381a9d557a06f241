/* dump_text.c - SIGQUIT's dump for people, in Go's form. */
#include "diag/dump.h"
#include "diag/report.h"
#include <string.h>

enum { IDS = 10 };                      /* named of a group */

static const char *const no_trace[] = {
	[MRI_TRACE_RUNS] = "(its thread did not stop)\n",
	[MRI_TRACE_DAMAGED] = "(its stack is damaged)\n",
	[MRI_TRACE_UNABLE] = "(no traces on this machine)\n",
};

/* "and 3 more, for 0.100s to 2.104s: 8, 9, 10" */
static void print_others(struct mri_out *o, const struct mri_group *group)
{
	int64_t least = INT64_MAX, most = 0;
	int named = 0;

	mri_assert(group->first);
	if (group->n == 1)
		return;
	for (const struct mri_record *r = group->first; r; r = r->next) {
		least = r->waited < least ? r->waited : least;
		most = r->waited > most ? r->waited : most;
	}
	mri_out_fmt(o, "\tand %ld more", group->n - 1);
	if (most)
		mri_out_fmt(o, ", all for %ms to %ms", least, most);
	for (const struct mri_record *r = group->first->next; r && named < IDS; named++) {
		mri_out_fmt(o, "%s%lld", named ? ", " : ": ", (long long)r->id);
		r = r->next;
	}
	mri_out_str(o, group->n - 1 > IDS ? ", ...\n" : "\n");
}

static void print_object(struct mri_out *o, const struct mri_group *group)
{
	const void *obj = group->first->obj;
	bool same = true;

	if (!obj)
		return;
	for (const struct mri_record *r = group->first; r; r = r->next)
		same = same && r->obj == obj;
	mri_report_object(o, obj);
	mri_out_fmt(o, "%s\n", same ? "" : "; not all on the same");
}

static void print_stack(struct mri_out *o, const struct mri_group *group)
{
	const struct g *g = group->g;
	size_t used = 0;

	for (const struct mri_record *r = group->first; r; r = r->next)
		used = r->used > used ? r->used : used;
	if (used)
		mri_out_fmt(o, "\tstack: %zu of %zu KiB used at most\n",
			    (used + 1023) / 1024, (size_t)(g->hi - g->lo) / 1024);
}

static void print_frame(struct mri_out *o, const struct mri_frame *f)
{
	if (!f->code) {
		mri_out_str(o, "...additional frames elided...\n");
		return;
	}
	for (const struct mri_line *l = f->lines; l; l = l->caller)
		mri_out_fmt(o, "%s(...)\n\t%s:%d\n", l->function, l->file, l->line);
	if (f->lines)
		return;
	if (*f->name)
		mri_out_fmt(o, "%s(...)\n\t", f->name);
	else
		mri_out_fmt(o, "0x%lx(...)\n\t", (unsigned long)f->code);
	mri_out_fmt(o, "%s%s0x%lx\n", f->module ? f->module->path : "",
		    f->module ? "+" : "", (unsigned long)f->offset);
}

static void print_group(struct mri_out *o, const struct mri_group *group, int64_t now)
{
	mri_report_head(o, group->g, now);
	print_others(o, group);
	print_object(o, group);
	print_stack(o, group);
	if (group->traced != MRI_TRACED)
		mri_out_str(o, no_trace[group->traced]);
	for (int i = 0; i < group->nframes; i++)
		print_frame(o, group->frames[i]);
	mri_panic_created(o, group->g);
	mri_out_str(o, "\n");
}

static const char *plural(long n)
{
	return n == 1 ? "" : "s";
}

void mri_dump_text(struct mri_out *o, const struct mri_dump *d)
{
	/* Relaxed: a snapshot. */
	uint32_t foreign = atomic_get(&mri_sched.nparked_threads, relaxed);

	mri_out_str(o, "SIGQUIT: quit\n\n");
	for (const struct mri_group *group = d->groups; group; group = group->next)
		print_group(o, group, d->now);
	if (d->cut)
		mri_out_str(o, "(out of memory for the rest)\n");
	mri_out_fmt(o, "%ld goroutine%s on %d thread%s", d->goroutines,
		    plural(d->goroutines), d->threads, plural(d->threads));
	if (d->stopped < d->threads)
		mri_out_fmt(o, ", of which %d did not stop", d->threads - d->stopped);
	if (foreign)
		mri_out_fmt(o, "; %u foreign thread%s too", foreign,
			    foreign == 1 ? " waits" : "s wait");
	mri_out_str(o, "\n");
}
