/* nonblock_test.c - what operations that do not wait find out without a lock is true: of
 * one moment, after all that the caller knows of. On every schedule. */
#include "harness.h"
#include <millrace.h>

static void finish(waitgroup *wg, chan(int) a, chan(int) b)
{
	wg_wait(wg);
	chan_free(a);
	chan_free(b);
}

/* ---------------------------------------------------------------------- closing -- */

static void send_and_close(chan(int) c, int n)
{
	for (int i = 1; i <= n; i++)
		chan_send(c, i);
	chan_close(c);
}

/* All elements in order, then closed, and closed for ever. */
static void drain(chan(int) c, int n, bool by_select)
{
	int want = 1, v, r;
	bool ok;

	for (;;) {
		if (by_select) {
			r = chan_select(on_recv(c, &v, &ok), on_default) == 1 ?
				    CHAN_WOULD_BLOCK : ok ? CHAN_OK : CHAN_CLOSED;
		} else {
			r = chan_tryrecv(c, &v);
		}
		if (r == CHAN_CLOSED)
			break;
		if (r == CHAN_OK)
			CHECK_EQ(v, want++);
		else
			go_yield();
	}
	CHECK_EQ(want, n + 1);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(chan_tryrecv(c, &v), CHAN_CLOSED);
		CHECK_EQ(v, 0);
		CHECK_EQ(chan_trysend(c, 1), CHAN_CLOSED);
		CHECK_EQ(chan_select(on_recv(c, &v, &ok), on_default), 0);
		CHECK(!ok && v == 0);
	}
}

static void closing(bool by_select)
{
	for (int i = 0; i < test_rounds(2000); i++) {
		chan(int) c = chan_make(int, (size_t)(i % 3));
		waitgroup wg = {0};

		wg_go(&wg, send_and_close, c, 1 + i % 5);
		drain(c, 1 + i % 5, by_select);
		finish(&wg, c, NULL);
	}
}
TEST(nonblock, recv_of_all_then_closed) { closing(false); }
TEST(nonblock, select_of_all_then_closed) { closing(true); }

/* ------------------------------------------------------------- what is known of -- */

/* Whoever knows of the close, by whatever way, finds it. */
static void close_then(chan(int) c, bool *flag)
{
	chan_close(c);
	__atomic_store_n(flag, true, __ATOMIC_RELEASE);
}
TEST(nonblock, close_is_never_overlooked)
{
	for (int i = 0; i < test_rounds(5000); i++) {
		chan(int) c = chan_make(int, (size_t)(i % 2));
		waitgroup wg = {0};
		bool flag = false, known;
		int r, v;

		wg_go(&wg, close_then, c, &flag);
		do {
			known = __atomic_load_n(&flag, __ATOMIC_ACQUIRE);
			r = chan_tryrecv(c, &v);
			CHECK(r == CHAN_CLOSED || !known);
			if (r != CHAN_CLOSED)
				go_yield();
		} while (!known);
		finish(&wg, c, NULL);
	}
}

/* One element goes back and forth; who knows that it was sent can receive it. */
static void serve(chan(int) c, int *sent, int *received, int n)
{
	for (int i = 1; i <= n; i++) {
		CHECK_EQ(chan_trysend(c, i), CHAN_OK);
		__atomic_store_n(sent, i, __ATOMIC_RELEASE);
		while (__atomic_load_n(received, __ATOMIC_ACQUIRE) != i)
			go_yield();
	}
}
TEST(nonblock, what_was_sent_is_there)
{
	int n = test_rounds(5000), sent = 0, received = 0, v;
	chan(int) c = chan_make(int, 1);
	waitgroup wg = {0};

	wg_go(&wg, serve, c, &sent, &received, n);
	for (int i = 1; i <= n; i++) {
		while (__atomic_load_n(&sent, __ATOMIC_ACQUIRE) != i)
			go_yield();
		CHECK_EQ(chan_tryrecv(c, &v), CHAN_OK);
		CHECK_EQ(v, i);
		CHECK_EQ(chan_tryrecv(c, &v), CHAN_WOULD_BLOCK);
		__atomic_store_n(&received, i, __ATOMIC_RELEASE);
	}
	finish(&wg, c, NULL);
}

/* ------------------------------------------------------------- several at once -- */

/* An element is always in one of two channels, in both while it is moved: so a select
 * never finds neither. (Whoever else receives it puts it back.) */
static void mover(chan(int) a, chan(int) b, bool *stop)
{
	while (!__atomic_load_n(stop, __ATOMIC_RELAXED)) {
		chan_send(a, 1);
		chan_recv(b);
		chan_send(b, 1);
		chan_recv(a);
	}
}
TEST(nonblock, default_only_when_none_could)
{
	int n = test_rounds(20000);
	/* Room for what this puts back where the mover is about to send. */
	chan(int) a = chan_make(int, 3), b = chan_make(int, 3);
	waitgroup wg = {0};
	bool stop = false;

	chan_send(b, 1);
	wg_go(&wg, mover, a, b, &stop);
	for (int i = 0; i < n; i++) {
		switch (chan_select(on_recv(a), on_recv(b), on_default)) {
		case 0: chan_send(a, 1); break;
		case 1: chan_send(b, 1); break;
		default: FAIL("neither had an element");
		}
		if (i % 16 == 0)
			go_yield();
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	finish(&wg, a, b);
}

/* In order: the second channel always gets its element after the first. */
static void both(chan(int) a, chan(int) b, chan(int) next, int n)
{
	for (int i = 0; i < n; i++) {
		chan_send(a, i);
		chan_send(b, i);
		chan_recv(next);
	}
}
TEST(nonblock, ordered_is_ordered)
{
	int n = test_rounds(5000), v;
	chan(int) a = chan_make(int, 1), b = chan_make(int, 1), next = chan_make(int);
	waitgroup wg = {0};

	wg_go(&wg, both, a, b, next, n);
	for (int i = 0; i < n; i++) {
		int got;

		while ((got = chan_select_ordered(on_recv(a, &v), on_recv(b, &v),
						  on_default)) == 2)
			go_yield();
		CHECK_EQ(got, 0);
		CHECK_EQ(v, i);
		CHECK_EQ(chan_recv(b), i);
		chan_send(next, 0);
	}
	wg_wait(&wg);
	chan_free(next);
	finish(&wg, a, b);
}

/* Of eight that are ready each is chosen about as often as any other; neighbours of ready
 * ones that are not do not tip the scales. 8000 draws: the sum of squares over the mean is
 * chi squared with 3 degrees of freedom, above 60 less than once in 10^12 runs. */
TEST(nonblock, uniform_among_the_ready)
{
	enum { N = 8000, K = 8 };
	static const int ready[] = { 0, 1, 2, 7 };
	chan(int) c[K];
	select_case cases[K];
	int count[K] = { 0 };
	double chi = 0;

	for (int i = 0; i < K; i++)
		c[i] = chan_make(int, 1);
	for (int i = 0; i < 4; i++)
		chan_send(c[ready[i]], 1);
	for (int i = 0; i < K; i++)
		cases[i] = on_recv(c[i]);
	for (int i = 0; i < N; i++) {
		int got = chan_select_n(cases, K);

		count[got]++;
		chan_send(c[got], 1);
	}
	for (int i = 0; i < 4; i++) {
		double d = count[ready[i]] - N / 4.0;

		chi += d * d / (N / 4.0);
	}
	CHECK(chi < 60);
	for (int i = 0; i < K; i++)
		chan_free(c[i]);
}
