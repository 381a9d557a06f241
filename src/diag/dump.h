/* dump.h - what SIGQUIT shows: collected while nothing moves (dump.c), given source lines
 * (lines.c), and printed (dump_text.c, dump_json.c).
 *
 * One thread does it all, and the process ends after it. It may call nothing that takes
 * a lock, or malloc: a thread that has stopped for good may hold any. What is allocated
 * here is never freed. */
#ifndef MRI_DIAG_DUMP_H
#define MRI_DIAG_DUMP_H
#include "arch/arch.h"
#include "base/fault.h"
#include "rt/rt.h"

struct mri_module {
	const char *path;
	bool in_file;                   /* what that names is what was loaded */
	struct mri_module *next;
};

/* A line of source; of a function that was inlined, also the lines that called it. */
struct mri_line {
	const char *function, *file;
	int line;
	const struct mri_line *caller;  /* that it was inlined into; or NULL */
};

/* A place in the code: one struct for each that occurs. */
struct mri_frame {
	uintptr_t code;                 /* an address in the call; 0: some are left out */
	const char *name;               /* "": unknown */
	struct mri_module *module;      /* NULL: none */
	uintptr_t offset;               /* in the module */
	bool top_is_ours, bottom_is_ours;       /* mri_trace_is_ours */
	bool shown;
	const struct mri_line *lines;   /* NULL: unknown */
	struct mri_frame *next;         /* in dump.frames: in the order of discovery */
	struct mri_frame *chain;        /* of the hash table */
};

/* Why a goroutine has no trace. */
enum mri_traced { MRI_TRACED, MRI_TRACE_RUNS, MRI_TRACE_DAMAGED, MRI_TRACE_UNABLE };

/* One goroutine. */
struct mri_record {
	int64_t id;
	int64_t waited;                 /* ns */
	const void *obj;
	size_t used;                    /* of its stack; 0: unknown */
	struct mri_record *next;
};

/* Goroutines in the same place, for the same reason. */
struct mri_group {
	struct g *g;                    /* one of them: the first */
	const char *state;              /* mri_report_state */
	uint32_t gstate;
	bool timed;
	enum mri_traced traced;
	int nframes;
	struct mri_frame **frames;      /* innermost first */
	struct mri_frame *creator;      /* NULL: main */
	uint64_t hash;
	long n;
	struct mri_record *first, *last;
	struct mri_group *next, *chain;
};

/* Where an M's thread has stopped: in its signal handler's frame, which never ends. */
struct mri_stopped {
	struct mri_arch_catch at;       /* in the handler */
	void *ucontext;                 /* what it has interrupted */
	struct g *on;                   /* on whose stack that was */
};

struct mri_dump {
	struct mri_group *groups;
	struct mri_frame *frames;
	struct mri_module *modules;
	int64_t now;                    /* when all had stopped; ns */
	long goroutines;
	bool cut;                       /* there was no memory for all */
	int threads, stopped;           /* Ms; those that have stopped */
};

/* NULL: out of memory */
void *mri_dump_alloc(size_t n);
char *mri_dump_string(const char *s, size_t n);         /* a copy; "" out of memory */
void mri_dump_collect(struct mri_dump *d);

/* lines.c. open: before anything is stopped. */
void mri_lines_open(void);
void mri_lines_find(struct mri_dump *d);

void mri_dump_text(struct mri_out *o, const struct mri_dump *d);
void mri_dump_json(struct mri_out *o, const struct mri_dump *d);
#endif
