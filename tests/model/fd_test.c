/* fd_test.c - src/std/fd.c and src/rt/netpoll.c between threads that are not ours: one
 * descriptor whose news come once, readers that take turns, and what ends a wait: a
 * close, a deadline, a context. No byte is lost, nobody waits for one that is there, and
 * nobody uses the number after the close. */
#include "world.h"
#include "rt/ring.h"
#include "std/fd.h"
#include "sync/chan.h"
#include <errno.h>
#include <millrace/chan.h>
#include <stdlib.h>

enum { FD = 3, ENDED = -1000 };

/* ---- the kernel's half: a stream, edge-triggered; what is done to it is done under a lock
 * of its own, so each call is ordered after those before it, also if it finds nothing ---- */
static uint32_t bytes;                  /* atomic: written, not yet read */
static uint32_t news;                   /* atomic: what has changed since the last look */
static uint32_t polls;                  /* atomic: times to look for it */
static uint64_t tag;
static bool opened, watched;
static int number;                      /* plain: who uses it after the close is in a race */
static int closes;

int mri_os_poll_open(void)
{
	model_check(!opened);
	opened = true;
	return 0;
}
int mri_os_poll_add(int fd, uint64_t t)
{
	model_check(opened && !watched && fd == FD);
	watched = true;
	tag = t;
	/* What is there already is news. */
	if (atomic_get(&bytes, relaxed) != 0)
		atomic_or(&news, (uint32_t)MRI_OS_IN, relaxed);
	return 0;
}
int mri_os_poll_remove(int fd)
{
	model_check(fd == FD && watched);
	watched = false;
	return 0;
}
int mri_os_poll_wait(struct mri_os_event *e, int max, int64_t deadline)
{
	uint32_t what = atomic_swap(&news, 0u, acq_rel);

	model_check(opened);
	(void)max, (void)deadline;
	if (!what)
		return 0;
	*e = (struct mri_os_event){ .tag = tag, .what = what };
	return 1;
}
int64_t mri_os_fd_read(int fd, enum mri_os_kind kind, void *buf, size_t n)
{
	uint32_t have = atomic_add(&bytes, 0u, acq_rel), get;

	model_check(fd == FD && number == FD && kind == MRI_OS_STREAM);
	do {
		get = have < n ? have : (uint32_t)n;
		if (get == 0)
			return -EAGAIN;
	} while (!atomic_cas(&bytes, &have, have - get, acq_rel));
	__builtin_memset(buf, 'x', get);
	return get;
}
int mri_os_fd_close(int fd)
{
	model_check(fd == FD && !watched);
	number = -1;
	closes++;
	return 0;
}
/* Not modelled. */
int mri_os_fd_kind(int fd) { (void)fd; return MRI_OS_STREAM; }
int64_t mri_os_fd_write(int fd, enum mri_os_kind kind, const void *buf, size_t n)
{
	(void)fd, (void)kind, (void)buf, (void)n;
	return -EAGAIN;
}
int64_t mri_os_fd_read_cached(int fd, void *buf, size_t n)
{
	(void)fd, (void)buf, (void)n;
	return -EAGAIN;
}
int64_t mri_ring_read(struct mri_fd *s, void *buf, size_t n)
{
	(void)s, (void)buf, (void)n;
	return -EAGAIN;
}
struct g *mri_ring_ended(struct g *list) { return list; }

/* The chunk of slots that came too late is mri_try_alloc's, which is the explorer's. */
void free(void *p) { (void)p; }

/* ---- a context: whether it has ended, and the channel that says so ---- */
static mr_context *const ctx = (mr_context *)&closes;
static void *done;
static uint32_t ctx_ended;              /* atomic */

int mr_ctx_err(mr_context *c)
{
	return c && atomic_get(&ctx_ended, acquire) ? ENDED : 0;
}
MR_RECV_CHAN(char) mr_ctx_done(mr_context *c)
{
	return c ? done : NULL;
}

/* ---- who does what ---- */
static struct mri_fd_ref ref;
static int64_t result[MODEL_THREADS + 1];
static int written, got[MODEL_THREADS + 1];

static void setup(void)
{
	world_thread();
	mri_sched.procs = 1;
	number = FD;
	model_check(mri_fd_open(FD, MRI_OS_STREAM, &ref) == 0);
	/* As after a first look that found nothing. */
	ref.s->side[MRI_FD_READ].ready = false;
}
static void setup_hasty(void)           /* nobody has looked */
{
	setup();
	ref.s->side[MRI_FD_READ].ready = true;
}
static void setup_ctx(void)
{
	setup();
	done = mr_chan_new(1, 0);
}

static int64_t read_with(mr_context *c, size_t n)
{
	char x[2] = { 0 };
	int me = model_self();
	int64_t rc = result[me] = mri_fd_read(ref, c, x, n);

	for (int i = 0; i < 2; i++)
		model_check((x[i] == 'x') == (i < rc));
	if (rc > 0)
		got[me] += (int)rc;
	return rc;
}
static void reads(void) { world_thread(); read_with(NULL, 1); }
static void reads_ctx(void) { world_thread(); read_with(ctx, 1); }
static void reads_twice(void) { reads(); reads(); }
/* More than there is: the side is known to be drained. */
static void reads_two(void)
{
	world_thread();
	while (got[model_self()] < 2)
		model_check(read_with(NULL, 2) > 0);
}

/* The other end: a byte, and then its news. */
static void write1(void)
{
	atomic_add(&bytes, 1u, acq_rel);
	atomic_or(&news, (uint32_t)MRI_OS_IN, acq_rel);
	written++;
}
static void look(void)
{
	mri_sched_ready_all(mri_netpoll_wait(-1));
}
static void writes(void) { world_thread(); write1(); look(); }
static void writes_twice(void) { writes(); writes(); }
static void writes_two(void) { world_thread(); write1(); write1(); look(); }
/* News that come while somebody else is about to tell of them. */
static void only_writes(void)
{
	world_thread();
	write1();
	atomic_set(&polls, 1u, release);
}
static void only_looks(void) { world_thread(); model_await(&polls, 1); look(); }

static void closes_it(void)
{
	world_thread();
	result[model_self()] = mri_fd_close(ref);
}
static void expires(void)
{
	world_thread();
	/* The clock says 1. */
	result[model_self()] = mri_fd_set_deadline(ref, MRI_FD_READ, 1);
}
/* The timer of the deadline, as it is called when it is due. */
static void setup_timer(void)
{
	world_procs_busy(1);
	setup();
	model_check(mri_fd_set_deadline(ref, MRI_FD_READ, (int64_t)1 << 60) == 0);
	ref.s->rest[MRI_FD_READ].deadline = 1;
}
static void timer_fires(void)
{
	struct mri_timer *t = &ref.s->rest[MRI_FD_READ].timer;

	world_thread();
	t->fire(t);
}
/* The number was closed behind our back, and given out again. */
static void is_lost(void)
{
	struct mri_fd_ref again;

	world_thread();
	watched = false;
	model_check(mri_fd_open(FD, MRI_OS_STREAM, &again) == 0);
	model_check(again.s == ref.s && again.seq != ref.seq);
}
static void ends_ctx(void)
{
	world_thread();
	atomic_set(&ctx_ended, 1u, release);
	mr_chan_close_it(done);
}

/* The first uses of all: of one descriptor, of two that lie far apart, and a look. */
static struct mri_fd *slot_of[MODEL_THREADS + 1];
static void uses(int fd)
{
	struct mri_fd_ref r;

	world_thread();
	model_check(mri_netpoll_slot(fd, &slot_of[model_self()]) == 0);
	model_check(slot_of[model_self()]->fd == fd);
	if (fd == FD) {
		model_check(mri_fd_use(fd, &r) == 0);
		model_check(r.s == slot_of[model_self()]);
	}
}
static void uses_it(void) { uses(FD); }
static void uses_far(void) { uses(FD + 1000); }
static void uses_further(void) { uses(FD + 2000); }
static void looks(void)
{
	world_thread();
	model_check(mri_netpoll_look() == NULL);
}
static void one_slot(void) { model_check(slot_of[1] == slot_of[2]); }
static void numbered(void)
{
	model_check(mri_netpoll_number(slot_of[1]) == FD + 1000);
	model_check(mri_netpoll_number(slot_of[2]) == FD + 2000);
	model_check(mri_netpoll_number(&slot_of) == -1);
}

/* ---- what must be so ---- */
static int count(int64_t rc)
{
	int n = 0;

	for (int i = 1; i <= MODEL_THREADS; i++)
		n += result[i] == rc;
	return n;
}
static void at_rest(void)
{
	const struct mri_fd_side *d = &ref.s->side[MRI_FD_READ];
	int left = written;

	model_check(!d->busy && !d->waiter && !d->first && !ref.s->closer);
	for (int i = 1; i <= MODEL_THREADS; i++)
		left -= got[i];
	model_check(left >= 0 && (int)bytes == left);
}
static void one_read(void) { at_rest(); model_check(count(1) == 1 && bytes == 0); }
static void two_read(void) { at_rest(); model_check(count(1) == 2 && bytes == 0); }
static void all_read(void) { at_rest(); model_check(bytes == 0); }
/* Threads 1 .. n read, the next one closes. */
static void closed_by(int n)
{
	at_rest();
	model_check(closes == 1 && result[n + 1] == 0 && ref.s->state == MRI_FD_FREE);
	for (int i = 1; i <= n; i++)
		model_check(result[i] == 1 || result[i] == -ECANCELED || result[i] == -EBADF);
}
static void closed1(void) { closed_by(1); }
static void closed2(void) { closed_by(2); }
static void closed_once(void)
{
	at_rest();
	model_check(closes == 1 && count(-EBADF) >= 1);
	model_check((result[2] == 0) + (result[3] == 0) == 1);
}
static void timed_out(void)
{
	at_rest();
	model_check(result[1] == 1 || result[1] == -ETIMEDOUT);
}
static void lost(void)
{
	at_rest();
	model_check(result[1] == -ECANCELED || result[1] == -EBADF);
}
static void canceled(void)
{
	at_rest();
	model_check(result[1] == 1 || result[1] == ENDED);
}
/* Whether the first one has given up or not, there is one for the second. */
static void second_read(void)
{
	canceled();
	model_check(result[2] == 1);
}

MODEL(fd_first_use, .threads = { uses_it, uses_it }, .check = one_slot)
MODEL(fd_first_uses, .threads = { uses_far, uses_further }, .check = numbered)
MODEL(fd_first_look, .threads = { uses_far, looks })
MODEL(fd_read, .setup = setup, .threads = { reads, writes }, .check = one_read)
MODEL(fd_read_hasty, .setup = setup_hasty, .threads = { reads, writes }, .check = one_read)
MODEL(fd_reads_twice, .setup = setup, .threads = { reads_twice, writes_twice },
      .check = all_read, .preemptions = 3)
MODEL(fd_drained, .setup = setup_hasty, .threads = { reads_two, writes_twice },
      .check = all_read, .preemptions = 3)
MODEL(fd_two_at_once, .setup = setup_hasty, .threads = { reads_twice, writes_two },
      .check = all_read, .preemptions = 3)
MODEL(fd_news_by_another, .setup = setup_hasty, .threads = { reads, only_writes, only_looks },
      .check = one_read, .preemptions = 2)
MODEL(fd_turns, .setup = setup, .threads = { reads, reads, writes_two }, .check = two_read,
      .preemptions = 2)
MODEL(fd_close, .setup = setup, .threads = { reads, closes_it }, .check = closed1)
MODEL(fd_close_or_news, .setup = setup, .threads = { reads, closes_it, writes },
      .check = closed1, .preemptions = 2)
MODEL(fd_close_turns, .setup = setup, .threads = { reads, reads, closes_it },
      .check = closed2, .preemptions = 2, .slow = true)
MODEL(fd_close_twice, .setup = setup, .threads = { reads, closes_it, closes_it },
      .check = closed_once, .preemptions = 2, .slow = true)
MODEL(fd_deadline, .setup = setup, .threads = { reads, expires }, .check = timed_out)
MODEL(fd_deadline_or_news, .setup = setup, .threads = { reads, expires, writes },
      .check = timed_out, .preemptions = 2, .slow = true)
MODEL(fd_deadline_timer, .setup = setup_timer, .threads = { reads, timer_fires },
      .check = timed_out)
MODEL(fd_lost, .setup = setup, .threads = { reads, is_lost }, .check = lost)
MODEL(fd_context, .setup = setup_ctx, .threads = { reads_ctx, ends_ctx }, .check = canceled)
MODEL(fd_context_or_news, .setup = setup_ctx, .threads = { reads_ctx, ends_ctx, writes },
      .check = canceled, .preemptions = 2)
/* The news may come to the one who has given up: they are there for the next. */
MODEL(fd_context_of_one, .setup = setup_ctx,
      .threads = { reads_ctx, reads, ends_ctx, writes_two }, .check = second_read,
      .preemptions = 1)
