/* group.h - goroutines that are waited for together, for errgroup.c and scope.c. */
#ifndef MRI_STD_GROUP_H
#define MRI_STD_GROUP_H
#include "millrace/context.h"
#include "millrace/sync.h"
#include "rt/rt.h"

struct mri_group {
	mr_context *ctx;                /* canceled by the first failure */
	mr_mutex lock;
	/* by lock */
	mr_cond room;                   /* waited for by those who must not be too many */
	mr_cond idle;                   /* by those who wait until active is 0 */
	int active, limit;              /* goroutines; how many at most, negative: any */
	int err;                        /* the first that was not 0 */
	struct mri_unwind *panic;       /* the first, not yet handed on */
	bool panicked;                  /* there was one */
};

/* A zeroed group in size bytes that begin with one, and its context. */
void *mri_group_new(size_t size, mr_context *parent);
/* Room for one more goroutine: wait for it, or look. */
void mri_group_enter(struct mri_group *gr);
bool mri_group_try_enter(struct mri_group *gr);
/* One has ended, with an error, a panic (owned by the group now) or neither. Its last
 * access to the group. */
void mri_group_leave(struct mri_group *gr, int err, struct mri_unwind *panic);
/* Call g's function, for a try: arg is a struct mri_group_call. */
struct mri_group_call {
	struct g *g;
	int result;                     /* 0 until it has returned */
};
void mri_group_call(void *arg);
void mri_group_join(struct mri_group *gr);
/* Nobody is in it. */
void mri_group_free(struct mri_group *gr);
#endif
