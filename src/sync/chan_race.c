/* chan_race.c - the race build: what a channel orders. See chan_race.h.
 *
 * The k-th send and the k-th receive have turn k, modulo the capacity. A turn has two
 * places: what came before its send, and what came before its receive. Each puts its own
 * there, in the place of what is left of an earlier one, and only then takes the other's:
 * nothing flows from one send to the next.
 *   send k     before  receive k          by turn k's `sent`
 *   receive k  before  send k + C         by the same turn's `received`, C sends later
 * On an unbuffered channel a turn is both at once, and each takes the other's. */
#include "sync/chan_race.h"

#if defined(MRI_RACE)
#include <stdlib.h>

struct turn {
	uint64_t sent, received;        /* only their addresses matter */
};
struct mri_chan_race {
	size_t nsent, nreceived;        /* modulo the number of turns */
	struct turn turns[];
};

void mri_chan_race_init(struct mri_chan *c)
{
	c->race = NULL;
}

/* Made by the first operation: on many channels nothing is ever sent. */
static struct mri_chan_race *of(struct mri_chan *c)
{
	size_t n = c->cap ? c->cap : 1;

	if (c->race)
		return c->race;
	c->race = malloc(sizeof *c->race + n * sizeof c->race->turns[0]);
	if (!c->race)
		mri_fatal("millrace: race build: out of memory for a channel");
	c->race->nsent = c->race->nreceived = 0;
	return c->race;
}

void mri_chan_race_free(struct mri_chan *c)
{
	free(c->race);
}

static struct turn *next_turn(struct mri_chan *c, size_t *count)
{
	struct turn *t = &of(c)->turns[*count];

	*count = *count + 1 >= c->cap ? 0 : *count + 1;
	return t;
}

static void *become(struct g *g)
{
	return mri_race_become(g ? &g->san : NULL);
}

void mri_chan_race_send(struct mri_chan *c, struct g *by)
{
	struct turn *t = next_turn(c, &of(c)->nsent);
	void *self = become(by);

	mri_race_publish(&t->sent);
	/* The library waits for no room: it is ordered after no receiver. */
	if (by || !mri_race_is_library())
		mri_race_acquire(&t->received);
	mri_race_unbecome(self);
}

void mri_chan_race_recv(struct mri_chan *c, struct g *by)
{
	struct turn *t = next_turn(c, &of(c)->nreceived);
	void *self = become(by);

	mri_race_publish(&t->received);
	mri_race_acquire(&t->sent);
	mri_race_unbecome(self);
}

void mri_chan_race_meet(struct mri_chan *c, struct g *sender, struct g *receiver)
{
	struct turn *t = &of(c)->turns[0];
	void *self;

	if (c->cap) {
		mri_chan_race_send(c, sender);
		mri_chan_race_recv(c, receiver);
		return;
	}
	self = become(sender);
	mri_race_publish(&t->sent);
	mri_race_unbecome(self);

	self = become(receiver);
	mri_race_publish(&t->received);
	mri_race_acquire(&t->sent);
	mri_race_unbecome(self);

	self = become(sender);
	if (sender || !mri_race_is_library())
		mri_race_acquire(&t->received);
	mri_race_unbecome(self);
}

void mri_chan_race_close(struct mri_chan *c)
{
	mri_race_publish(&c->closed);
}

void mri_chan_race_saw_close(struct mri_chan *c, struct g *by)
{
	void *self = become(by);

	mri_race_acquire(&c->closed);
	mri_race_unbecome(self);
}
#else
typedef int mri_chan_race_nothing;      /* an empty translation unit is not ISO C */
#endif
