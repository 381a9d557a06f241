/* chan_race.h - the race build: what a channel orders, rules 1 to 3 of MEMORY_MODEL.md.
 *
 * The channel's lock is held in all but init, free, and the caller's saw_close. `by` is
 * who sends or receives, or NULL, the caller. Empty in every other build. */
#ifndef MRI_SYNC_CHAN_RACE_H
#define MRI_SYNC_CHAN_RACE_H
#include "sync/chan.h"

#if defined(MRI_RACE)
void mri_chan_race_init(struct mri_chan *c);
void mri_chan_race_free(struct mri_chan *c);
void mri_chan_race_send(struct mri_chan *c, struct g *by);      /* through the ring */
void mri_chan_race_recv(struct mri_chan *c, struct g *by);
/* A send met its receive, one of them having waited. */
void mri_chan_race_meet(struct mri_chan *c, struct g *sender, struct g *receiver);
void mri_chan_race_close(struct mri_chan *c);
void mri_chan_race_saw_close(struct mri_chan *c, struct g *by);
#else
static inline void mri_chan_race_init(struct mri_chan *c)
{
	(void)c;
}
static inline void mri_chan_race_free(struct mri_chan *c)
{
	(void)c;
}
static inline void mri_chan_race_send(struct mri_chan *c, struct g *by)
{
	(void)c, (void)by;
}
static inline void mri_chan_race_recv(struct mri_chan *c, struct g *by)
{
	(void)c, (void)by;
}
static inline void mri_chan_race_meet(struct mri_chan *c, struct g *sender,
				      struct g *receiver)
{
	(void)c, (void)sender, (void)receiver;
}
static inline void mri_chan_race_close(struct mri_chan *c)
{
	(void)c;
}
static inline void mri_chan_race_saw_close(struct mri_chan *c, struct g *by)
{
	(void)c, (void)by;
}
#endif
#endif
