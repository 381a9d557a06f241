/* A semaphore that lets two in. They have both been let in before one leaves. */
#include <millrace.h>
#include <stdatomic.h>

#ifdef FIXED
#define SIZE 1
#else
#define SIZE 2
#endif

static semaphore s = SEMAPHORE(SIZE);
static atomic_int seen;
static int total;

static void add(waitgroup *done)
{
	if (sem_acquire(&s, ctx_background(), 1) == 0) {
		total++;                /* RACE */
		atomic_fetch_add_explicit(&seen, 1, memory_order_relaxed);
		while (atomic_load_explicit(&seen, memory_order_relaxed) < SIZE)
			go_yield();
		sem_release(&s, 1);
	}
	wg_done(done);
}

int main(void)
{
	waitgroup done = { 0 };

	wg_add(&done, 6);
	for (int i = 0; i < 6; i++)
		go(add, &done);
	wg_wait(&done);
}
