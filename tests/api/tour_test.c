/* tour_test.c - each part of tests/tour/tour.c prints what its comment says. Where
 * goroutines print, the order is theirs; the tests then compare sorted lines. The one
 * part that sleeps, start(), gives goroutines that have nothing to wait for 100 ms;
 * should that be too short on a machine beyond reason, they are waited for here. */
#include "harness.h"
int tour_main(void);
#define main tour_main
#include "../tour/tour.c"
#undef main
#include <string.h>
#include <unistd.h>

/* What part() printed, with what goroutines print until their number is back. */
static char *printed(void (*part)(void))
{
	static char text[4096];
	int before = go_count(), saved = dup(STDOUT_FILENO);
	FILE *f = tmpfile();
	ssize_t n;

	CHECK(f && saved >= 0);
	fflush(stdout);
	dup2(fileno(f), STDOUT_FILENO);
	part();
	while (go_count() > before)
		go_yield();
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	n = pread(fileno(f), text, sizeof text - 1, 0);
	CHECK(n >= 0);
	text[n] = '\0';
	fclose(f);
	return text;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}
/* The same with its lines sorted. */
static char *sorted(char *text)
{
	static char all[4096];
	char *line[100], *save;
	size_t n = 0;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		line[n++] = l;
	qsort(line, n, sizeof *line, by_text);
	all[0] = '\0';
	for (size_t i = 0; i < n; i++)
		strcat(strcat(all, line[i]), "\n");
	return all;
}

TEST(tour, start)
{
	CHECK_STR(sorted(printed(start)), "0\n1\n2\nhello from goroutine\nmain\n");
}
TEST(tour, closing) { CHECK_STR(printed(closing), "0 0\n"); }
TEST(tour, range) { CHECK_STR(printed(range), "1\n2\n3\n4\n5\n"); }
TEST(tour, wait_for_all)
{
	char *text = printed(wait_for_all), *last = strstr(text, "all done\n");

	CHECK(last && !last[9]);        /* after all workers */
	CHECK_STR(sorted(text), "all done\nworker 1\nworker 2\nworker 3\nworker 4\n"
				"worker 5\n");
}
TEST(tour, cancellation)
{
	CHECK_STR(sorted(printed(cancellation)),
		  "worker 0 canceled: context canceled\n"
		  "worker 1 canceled: context canceled\n"
		  "worker 2 canceled: context canceled\n");
}
TEST(tour, pipeline) { CHECK_STR(printed(pipeline), "1\n4\n9\n16\n25\n"); }
TEST(tour, recovered)
{
	CHECK_STR(printed(recovered), "recovered: close of closed channel\n");
}

/* Only the send can be done at once. Then ch1 still has nothing. */
static void choose_send(void)
{
	chan(int) ch1 = chan_make(int, 1), ch3 = chan_make(int, 1);

	choose(ch1, NULL, ch3);
	CHECK_EQ(chan_recv(ch3), 42);
	chan_free(ch1);
	chan_free(ch3);
}
static void choose_second(void)
{
	chan(int) ch1 = chan_make(int, 1);
	chan(double) ch2 = chan_make(double, 1);

	chan_send(ch2, 0.5);
	choose(ch1, ch2, NULL);
	chan_free(ch1);
	chan_free(ch2);
}
static void choose_both(void)
{
	chan(int) ch1 = chan_make(int, 2);

	chan_send(ch1, 7);
	chan_send(ch1, 8);
	choose(ch1, NULL, NULL);
	chan_free(ch1);
}
static void choose_none(void) { choose(NULL, NULL, NULL); }
TEST(tour, choose)
{
	CHECK_STR(printed(choose_send), "sent to ch3\nnothing ready\n");
	CHECK_STR(printed(choose_second), "from ch2: 0.5\nnothing ready\n");
	CHECK_STR(printed(choose_both), "from ch1: 7\ngot 8\n");
	CHECK_STR(printed(choose_none), "timeout\nnothing ready\n");
}

static void increment(counter *c, int n)
{
	while (n-- > 0)
		counter_inc(c);
}
TEST(tour, counter_and_once)
{
	counter c = { 0 };
	waitgroup wg = { 0 };

	for (int i = 0; i < 10; i++)
		wg_go(&wg, increment, &c, 100);
	wg_wait(&wg);
	CHECK_EQ(c.n, 1000);
	CHECK(get_instance() != NULL);
	CHECK(get_instance() == instance);
	free(instance);
}

TEST(tour, worker_pool)
{
	job jobs[50];
	result results[50];
	int seen[50] = { 0 };

	for (int i = 0; i < 50; i++)
		jobs[i].id = i;
	for (int workers = 1; workers <= 8; workers *= 2) {
		CHECK_EQ(worker_pool(workers, jobs, 50, results), 50);
		for (int i = 0; i < 50; i++) {
			CHECK_EQ(results[i].square, results[i].id * results[i].id);
			seen[results[i].id]++;
		}
	}
	for (int i = 0; i < 50; i++)
		CHECK_EQ(seen[i], 4);
}

/* All of it, as its main runs it. */
static void whole(void) { CHECK_EQ(tour_main(), 0); }
TEST(tour, whole_program)
{
	CHECK_STR(sorted(printed(whole)),
		  "0\n0 0\n1\n1\n1\n16\n2\n2\n25\n3\n4\n4\n5\n9\nall done\n"
		  "hello from goroutine\nmain\nnothing ready\n"
		  "recovered: close of closed channel\nsent to ch3\n"
		  "worker 0 canceled: context canceled\nworker 1\n"
		  "worker 1 canceled: context canceled\nworker 2\n"
		  "worker 2 canceled: context canceled\nworker 3\nworker 4\nworker 5\n");
	free(instance);
}
