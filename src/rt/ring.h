/* ring.h - files read by the kernel while the goroutine is parked. */
#ifndef MRI_RT_RING_H
#define MRI_RT_RING_H
#include "rt/netpoll.h"

/* The tag of the ring among netpoll's events; no descriptor's, whose seq is not 0. */
enum { MRI_RING_TAG = 0 };

/* As read(2) of the file. -EAGAIN: the kernel would not, or not now, and nothing has been
 * done. */
int64_t mri_ring_read(struct mri_fd *s, void *buf, size_t n);
/* Those whose requests have ended are put in front of list, chained by g->link. */
struct g *mri_ring_ended(struct g *list);
#endif
