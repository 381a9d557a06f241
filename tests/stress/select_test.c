/* select_test.c - many selects over shared channels, judged by counts and checksums, as
 * Go's TestSelectStress and more: every element arrives once, and a select that was not
 * chosen on a channel leaves nothing there. The sums hold on every schedule. */
#include "harness.h"
#include <millrace.h>
#include <pthread.h>
#include <stdlib.h>

enum { K = 4 };

static uint32_t next_random(uint32_t *x)
{
	*x = *x * 1664525u + 1013904223u;
	return *x >> 8;
}

/* Four channels; for each a sender and a receiver with plain operations, and one of each
 * that does all four by selects, in the order they become ready. As many are sent as
 * received, so all end. */
static void send_plain(chan(int) ch, int n)
{
	for (int i = 0; i < n; i++)
		chan_send(ch, 1);
}
static void recv_plain(chan(int) ch, int n)
{
	for (int i = 0; i < n; i++)
		CHECK_EQ(chan_recv(ch), 1);
}
static void send_selecting(chan(int) *all, int n)
{
	chan(int) ch[K] = { all[0], all[1], all[2], all[3] };
	int left[K] = { n, n, n, n };

	for (int i = 0; i < K * n; i++) {
		int got = chan_select(on_send(ch[3], 1), on_send(ch[2], 1),
				      on_send(ch[0], 1), on_send(ch[1], 1));
		int which = (const int[]){ 3, 2, 0, 1 }[got];

		if (--left[which] == 0)
			ch[which] = NULL;
	}
}
static void recv_selecting(chan(int) *all, int n)
{
	chan(int) ch[K] = { all[0], all[1], all[2], all[3] };
	int left[K] = { n, n, n, n }, v;

	for (int i = 0; i < K * n; i++) {
		int got = chan_select(on_recv(ch[0], &v), on_recv(ch[1], &v),
				      on_recv(ch[2], &v), on_recv(ch[3], &v));

		CHECK_EQ(v, 1);
		if (--left[got] == 0)
			ch[got] = NULL;
	}
}
TEST(select_stress, plain_and_selecting_partners)
{
	int n = test_rounds(5000);
	chan(int) ch[K] = { chan_make(int), chan_make(int), chan_make(int, 2),
			    chan_make(int, 3) };
	waitgroup wg = { 0 };

	for (int i = 0; i < K; i++) {
		wg_go(&wg, send_plain, ch[i], n);
		wg_go(&wg, recv_plain, ch[i], n);
	}
	wg_go(&wg, send_selecting, ch, n);
	wg_go(&wg, recv_selecting, ch, n);
	wg_wait(&wg);
	for (int i = 0; i < K; i++) {
		CHECK_EQ(chan_len(ch[i]), 0);
		chan_free(ch[i]);
	}
}

/* Everybody sends and receives on everything, in cases of random order, sometimes with a
 * short timeout; each channel is in several cases at times. The number of sends less that
 * of receives is what is left in the buffers, and so is the sum. */
struct totals { int64_t sent, received, sum; };
static void anything(chan(int) *ch, int n, uint32_t seed, chan(char) quit,
		     struct totals *all)
{
	struct totals t = { 0 };

	while (n-- > 0) {
		select_case cases[7];
		int in[7] = { 0 }, out[7], count = 2 + (int)(next_random(&seed) % 4), got;

		for (int i = 0; i < count; i++) {
			chan(int) c = ch[next_random(&seed) % K];

			out[i] = (int)(next_random(&seed) % 1000);
			cases[i] = next_random(&seed) % 2 ? on_recv(c, &in[i]) :
							    on_send_from(c, &out[i]);
		}
		cases[count] = on_recv(quit);
		if (next_random(&seed) % 2)
			cases[count + 1] = on_timeout(next_random(&seed) % 30 * MICROSECOND);
		else
			cases[count + 1] = on_default;
		got = chan_select_n(cases, (size_t)count + 2);
		if (got >= count)
			continue;
		if (cases[got].op == SELECT_RECV) {
			t.received++;
			t.sum -= in[got];
		} else {
			t.sent++;
			t.sum += out[got];
		}
	}
	__atomic_add_fetch(&all->sent, t.sent, __ATOMIC_RELAXED);
	__atomic_add_fetch(&all->received, t.received, __ATOMIC_RELAXED);
	__atomic_add_fetch(&all->sum, t.sum, __ATOMIC_RELAXED);
}
struct anything_args {
	chan(int) *ch;
	int n;
	uint32_t seed;
	chan(char) quit;
	struct totals *all;
};
static void *anything_thread(void *arg)
{
	struct anything_args *a = arg;

	anything(a->ch, a->n, a->seed, a->quit, a->all);
	return NULL;
}
TEST(select_stress, everybody_does_anything)
{
	enum { GS = 16, THREADS = 2 };
	chan(int) ch[K] = { chan_make(int), chan_make(int), chan_make(int, 1),
			    chan_make(int, 5) };
	chan(char) quit = chan_make(char);
	struct totals all = { 0 };
	struct anything_args args[THREADS];
	pthread_t t[THREADS];
	waitgroup wg = { 0 };
	uint32_t seed = (uint32_t)test_seed();
	int n = test_rounds(3000), v;

	for (int i = 0; i < GS; i++)
		wg_go(&wg, anything, ch, n, seed + (uint32_t)i * 77777u, quit, &all);
	for (int i = 0; i < THREADS; i++) {
		args[i] = (struct anything_args){ ch, n, seed ^ (uint32_t)i, quit, &all };
		CHECK_EQ(pthread_create(&t[i], NULL, anything_thread, &args[i]), 0);
	}
	wg_wait(&wg);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < K; i++) {
		while (chan_tryrecv(ch[i], &v) == CHAN_OK) {
			all.received++;
			all.sum -= v;
		}
		chan_free(ch[i]);
	}
	CHECK_EQ(all.sent, all.received);
	CHECK_EQ(all.sum, 0);
	chan_free(quit);
}

/* Two selects that offer and want each other's channels, over and over. */
static void cross(chan(int) a, chan(int) b, chan(int) c, int n, int64_t *sum)
{
	int64_t mine = 0;

	for (int i = 0; i < n; i++) {
		int v = 0;

		switch (chan_select(on_send(a, i), on_recv(b, &v), on_send(c, i),
				    on_recv(c, &v))) {
		case 0: case 2: mine += i; break;
		case 1: case 3: mine -= v; break;
		}
	}
	__atomic_add_fetch(sum, mine, __ATOMIC_RELAXED);
}
TEST(select_stress, pairs_that_cross)
{
	for (int round = 0; round < 8; round++) {
		chan(int) a = chan_make(int), b = chan_make(int), c = chan_make(int);
		waitgroup wg = { 0 };
		int64_t sum = 0;
		int n = test_rounds(3000);

		wg_go(&wg, cross, a, b, c, n, &sum);
		wg_go(&wg, cross, b, a, c, n, &sum);
		wg_wait(&wg);
		CHECK_EQ(sum, 0);
		chan_free(a);
		chan_free(b);
		chan_free(c);
	}
}

/* A close among selects: each hears of it once, be it that it waits already or not, and
 * the timeout of an hour is never it. The first to be done goes on at once to the next
 * channel, on which others may not yet wait. */
static void hear_closes(chan(char) *stop, int n, chan(int) never)
{
	for (int i = 0; i < n; i++) {
		bool ok = true;

		CHECK_EQ(chan_select(on_recv(never), on_recv(stop[i], NULL, &ok),
				     on_send((chan(int))NULL, 1), on_timeout(HOUR)), 1);
		CHECK(!ok);
	}
}
TEST(select_stress, closes_among_selects)
{
	enum { LISTENERS = 20 };
	int n = test_rounds(500);
	chan(char) *stop = calloc((size_t)n, sizeof *stop);
	chan(int) never = chan_make(int);
	waitgroup wg = { 0 };

	for (int i = 0; i < n; i++)
		stop[i] = chan_make(char);
	for (int i = 0; i < LISTENERS; i++)
		wg_go(&wg, hear_closes, stop, n, never);
	for (int i = 0; i < n; i++) {
		if (i % 3)
			go_yield();
		chan_close(stop[i]);
	}
	wg_wait(&wg);
	for (int i = 0; i < n; i++)
		chan_free(stop[i]);
	chan_free(never);
	free(stop);
}

/* Senders in selects, and a close: each panics, or its element was received. */
static void select_send(chan(int) ch, chan(int) other, int *sent)
{
	if (chan_select(on_send(ch, 1), on_recv(other), on_timeout(HOUR)) == 0)
		__atomic_add_fetch(sent, 1, __ATOMIC_RELAXED);
	else
		FAIL("neither");
}
static void try_select_send(chan(int) ch, chan(int) other, int *sent, int *panics)
{
	if (go_try(select_send, ch, other, sent))
		__atomic_add_fetch(panics, 1, __ATOMIC_RELAXED);
}
TEST(select_stress, close_among_sending_selects)
{
	enum { SENDERS = 8 };
	chan(int) other = chan_make(int);

	for (int round = test_rounds(1000); round > 0; round--) {
		chan(int) ch = chan_make(int, round % 3);
		int sent = 0, panics = 0, received = 0;
		waitgroup wg = { 0 };

		for (int i = 0; i < SENDERS; i++)
			wg_go(&wg, try_select_send, ch, other, &sent, &panics);
		for (int i = 0; i < round % 5; i++)
			received += chan_recv(ch);
		chan_close(ch);
		wg_wait(&wg);
		chan_range(v, ch)
			received += v;
		CHECK_EQ(sent, received);
		CHECK_EQ(sent + panics, SENDERS);
		chan_free(ch);
	}
	chan_free(other);
}

/* Timeouts that nearly always lose, or nearly always win, against a partner: all of the
 * timers are stopped or fire while their select is being chosen by somebody else. */
static void tease(chan(int) ch, int n, int us, chan(char) quit)
{
	for (int i = 0; i < n; i++)
		if (chan_select(on_send(ch, i), on_recv(quit),
				on_timeout((i % 2 ? us : 1) * MICROSECOND)) == 1)
			return;
}
TEST(select_stress, timeouts_against_partners)
{
	chan(int) ch = chan_make(int);
	chan(char) quit = chan_make(char);
	waitgroup wg = { 0 };
	int n = test_rounds(1000);

	for (int i = 0; i < 10; i++)
		wg_go(&wg, tease, ch, n, 5 + i * 10, quit);
	for (int i = 0; i < n; i++)
		chan_select(on_recv(ch), on_timeout(i % 30 * MICROSECOND));
	chan_close(quit);
	wg_wait(&wg);
	CHECK_EQ(chan_tryrecv(ch, NULL), CHAN_WOULD_BLOCK);
	chan_free(ch);
	chan_free(quit);
}
