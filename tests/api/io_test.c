/* io_test.c - descriptors of the program's own: pipes, sockets, files, eventfds. */
#define _GNU_SOURCE
#include "waiting.h"
#include <fcntl.h>
#include <millrace/io.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAITS "IO wait"
#define WAITS_TURN "IO turn"

static context *bg(void)
{
	return ctx_background();
}

static void make_pipe(int fd[2])
{
	CHECK_EQ(pipe(fd), 0);
}
static void make_pair(int fd[2])
{
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
}

/* ------------------------------------------------------------ one at a time -- */

static void read_one(int fd, char expected, waitgroup *wg)
{
	char c = 0;

	CHECK_EQ(io_read(bg(), fd, &c, 1), 1);
	CHECK_EQ(c, expected);
	wg_done(wg);
}

TEST(io, read_waits_for_a_write)
{
	waitgroup wg = {0};
	int fd[2];

	make_pipe(fd);
	wg_add(&wg, 1);
	go(read_one, fd[0], 'x', &wg);
	until_waiting(WAITS, 1);
	CHECK_EQ(io_write(bg(), fd[1], "x", 1), 1);
	wg_wait(&wg);
	CHECK_EQ(io_close(fd[0]), 0);
	CHECK_EQ(io_close(fd[1]), 0);
}

TEST(io, the_dump_names_the_descriptor)
{
	waitgroup wg = {0};
	char what[40], *text;
	int fd[2];

	make_pipe(fd);
	wg_add(&wg, 1);
	go(read_one, fd[0], 'x', &wg);
	until_waiting(WAITS, 1);
	snprintf(what, sizeof what, "waits on descriptor %d\n", fd[0]);
	text = dump_text();
	CHECK(strstr(text, what) != NULL);
	free(text);
	CHECK_EQ(io_write(bg(), fd[1], "x", 1), 1);
	wg_wait(&wg);
	CHECK_EQ(io_close(fd[0]), 0);
	CHECK_EQ(io_close(fd[1]), 0);
}

TEST(io, zero_at_the_end)
{
	char buf[10];
	int fd[2];

	make_pipe(fd);
	CHECK_EQ(io_write(bg(), fd[1], "abc", 3), 3);
	CHECK_EQ(io_close(fd[1]), 0);
	CHECK_EQ(io_readfull(bg(), fd[0], buf, 10), 3);
	CHECK_EQ(io_read(bg(), fd[0], buf, 10), 0);
	CHECK_EQ(io_readfull(bg(), fd[0], buf, 10), 0);
	CHECK_EQ(io_read(bg(), fd[0], buf, 0), 0);
	io_close(fd[0]);
}

/* Data and the end may come before the first look, between two, or together. */
TEST(io, end_right_behind_data)
{
	for (int i = 0; i < 300; i++) {
		char buf[100];
		int fd[2];
		ssize_t n;

		make_pair(fd);
		if (i % 3 == 0)
			go_yield();
		CHECK_EQ(io_write(bg(), fd[1], "hello", 5), 5);
		if (i % 3 == 1) {
			CHECK_EQ(io_read(bg(), fd[0], buf, sizeof buf), 5);
			CHECK_EQ(io_close(fd[1]), 0);
		} else {
			CHECK_EQ(io_close(fd[1]), 0);
			CHECK_EQ(io_read(bg(), fd[0], buf, sizeof buf), 5);
		}
		n = io_read(bg(), fd[0], buf, sizeof buf);
		CHECK(n == 0 || n == -ECONNRESET);
		CHECK_EQ(io_close(fd[0]), 0);
	}
}

TEST(io, bad_descriptors)
{
	char c;
	int fd[2];

	CHECK_EQ(io_read(bg(), -1, &c, 1), -EBADF);
	CHECK_EQ(io_write(bg(), 12345, &c, 1), -EBADF);
	CHECK_EQ(io_wait(bg(), 12345, IO_IN), -EBADF);
	CHECK_EQ(io_close(-1), -EBADF);
	CHECK_EQ(io_close(12345), -EBADF);
	make_pipe(fd);
	CHECK_EQ(io_read(bg(), fd[1], &c, 1), -EBADF);  /* the end for writing */
	CHECK_EQ(io_close(fd[1]), 0);
	CHECK_EQ(io_close(fd[1]), -EBADF);
	CHECK_EQ(io_read(bg(), fd[1], &c, 1), -EBADF);
	CHECK_EQ(close(fd[0]), 0);
}

TEST(io, files)
{
	char name[] = "/tmp/millrace-io-XXXXXX", buf[100] = "";
	int fd = mkstemp(name);

	CHECK(fd >= 0);
	unlink(name);
	CHECK_EQ(io_wait(bg(), fd, IO_IN | IO_OUT), IO_IN | IO_OUT);
	CHECK_EQ(io_writeall(bg(), fd, "one\ntwo\n", 8), 8);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(io_readfull(bg(), fd, buf, sizeof buf), 8);
	CHECK(strcmp(buf, "one\ntwo\n") == 0);
	CHECK_EQ(io_read(bg(), fd, buf, 1), 0);
	CHECK_EQ(io_close(fd), 0);
	fd = open("/", O_RDONLY);
	CHECK_EQ(io_read(bg(), fd, buf, 1), -EISDIR);
	CHECK_EQ(io_close(fd), 0);
	fd = open("/dev/null", O_RDWR);
	CHECK_EQ(io_write(bg(), fd, buf, 10), 10);
	CHECK_EQ(io_read(bg(), fd, buf, 10), 0);
	CHECK_EQ(io_close(fd), 0);
}

TEST(io, eventfd_counts)
{
	uint64_t n = 5;
	int fd = eventfd(0, 0);

	CHECK_EQ(io_write(bg(), fd, &n, 8), 8);
	n = 0;
	CHECK_EQ(io_read(bg(), fd, &n, 8), 8);
	CHECK_EQ(n, 5);
	CHECK_EQ(io_close(fd), 0);
}

/* ------------------------------------------------------------------- much -- */

enum { BIG = 3 << 20 };

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 31 + i / 1000);
}

static void send_big(int fd, waitgroup *wg)
{
	unsigned char *all = malloc(BIG);

	for (size_t i = 0; i < BIG; i++)
		all[i] = byte_at(i);
	CHECK_EQ(io_writeall(bg(), fd, all, BIG), BIG);
	CHECK_EQ(io_close(fd), 0);
	free(all);
	wg_done(wg);
}

static void pass_big(int fd[2])
{
	unsigned char buf[10000];
	waitgroup wg = {0};
	size_t at = 0;
	ssize_t n;

	wg_add(&wg, 1);
	go(send_big, fd[1], &wg);
	while ((n = io_read(bg(), fd[0], buf, sizeof buf)) > 0) {
		for (ssize_t i = 0; i < n; i++, at++)
			if (buf[i] != byte_at(at))
				CHECK_EQ(buf[i], byte_at(at));
		if (at % 7 == 0)
			go_yield();
	}
	CHECK_EQ(n, 0);
	CHECK_EQ(at, BIG);
	wg_wait(&wg);
	CHECK_EQ(io_close(fd[0]), 0);
}

TEST(io, much_through_a_pipe)
{
	int fd[2];

	make_pipe(fd);
	pass_big(fd);
}

TEST(io, much_through_a_pipe_that_does_not_block)
{
	int fd[2];

	CHECK_EQ(pipe2(fd, O_NONBLOCK), 0);
	pass_big(fd);
}

TEST(io, much_through_a_socket)
{
	int fd[2];

	make_pair(fd);
	pass_big(fd);
}

/* The shell's terminal would be so for the shell. */
TEST(io, descriptors_stay_as_they_are)
{
	int fd[2];
	char c;

	make_pipe(fd);
	CHECK_EQ(io_write(bg(), fd[1], "x", 1), 1);
	CHECK_EQ(io_read(bg(), fd[0], &c, 1), 1);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(fcntl(fd[i], F_GETFL) & O_NONBLOCK, 0);
		CHECK_EQ(io_close(fd[i]), 0);
	}
}

TEST(io, epipe_and_no_signal)
{
	char c = 0;
	int fd[2];

	for (int i = 0; i < 2; i++) {
		if (i == 0)
			make_pipe(fd);
		else
			make_pair(fd);
		CHECK_EQ(io_close(fd[0]), 0);
		CHECK_EQ(io_write(bg(), fd[1], &c, 1), -EPIPE);
		CHECK_EQ(io_writeall(bg(), fd[1], &c, 1), -EPIPE);
		CHECK_EQ(io_close(fd[1]), 0);
	}
}

static void echo(int fd, waitgroup *wg)
{
	char buf[64];
	ssize_t n;

	while ((n = io_read(bg(), fd, buf, sizeof buf)) > 0)
		CHECK_EQ(io_writeall(bg(), fd, buf, (size_t)n), n);
	CHECK_EQ(n, 0);
	CHECK_EQ(io_close(fd), 0);
	wg_done(wg);
}

static void client(int fd, int rounds, waitgroup *wg)
{
	for (int i = 0; i < rounds; i++) {
		int back = -1;

		CHECK_EQ(io_writeall(bg(), fd, &i, sizeof i), sizeof i);
		CHECK_EQ(io_readfull(bg(), fd, &back, sizeof back), sizeof back);
		CHECK_EQ(back, i);
	}
	CHECK_EQ(io_close(fd), 0);
	wg_done(wg);
}

TEST(io, many_echo)
{
	enum { PAIRS = 200, ROUNDS = 50 };
	waitgroup wg = {0};

	wg_add(&wg, 2 * PAIRS);
	for (int i = 0; i < PAIRS; i++) {
		int fd[2];

		make_pair(fd);
		go(echo, fd[0], &wg);
		go(client, fd[1], ROUNDS, &wg);
	}
	wg_wait(&wg);
}

/* ------------------------------------------------------------- ended early -- */

static void fill(int fd)
{
	char some[4096] = "";
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while (write(fd, some, sizeof some) > 0)
		;
	fcntl(fd, F_SETFL, flags);
}

enum how { READ, WRITE, READFULL, WRITEALL, WAIT_IN, WAIT_OUT, WAIT_BOTH, HOWS };

static ssize_t blocks(context *ctx, enum how how, int fd)
{
	char buf[100] = "";

	switch (how) {
	case READ:      return io_read(ctx, fd, buf, sizeof buf);
	case WRITE:     return io_write(ctx, fd, buf, sizeof buf);
	case READFULL:  return io_readfull(ctx, fd, buf, sizeof buf);
	case WRITEALL:  return io_writeall(ctx, fd, buf, sizeof buf);
	case WAIT_IN:   return io_wait(ctx, fd, IO_IN);
	case WAIT_OUT:  return io_wait(ctx, fd, IO_OUT);
	case WAIT_BOTH: return io_wait(ctx, fd, IO_IN | IO_OUT);
	default:        return 0;
	}
}

static void blocks_until(context *ctx, enum how how, int fd, ssize_t end, waitgroup *wg)
{
	ssize_t rc = blocks(ctx, how, fd);

	CHECK_EQ(rc, end);
	wg_done(wg);
}

TEST(io, context_ends_while_it_waits)
{
	for (enum how how = READ; how < HOWS; how++) {
		context *ctx = ctx_with_cancel(bg());
		waitgroup wg = {0};
		int fd[2];

		make_pair(fd);
		fill(fd[0]);
		wg_add(&wg, 1);
		go(blocks_until, ctx, how, fd[0], (ssize_t)-ECANCELED, &wg);
		until_waiting(WAITS, 1);
		ctx_cancel(ctx);
		wg_wait(&wg);
		CHECK_EQ(blocks(ctx, how, fd[0]), -ECANCELED);
		ctx_free(ctx);
		ctx = ctx_with_timeout(bg(), 2 * MILLISECOND);
		CHECK_EQ(blocks(ctx, how, fd[0]), -ETIMEDOUT);
		ctx_free(ctx);
		/* Nothing is broken by that. */
		CHECK_EQ(io_write(bg(), fd[1], "x", 1), 1);
		CHECK_EQ(io_wait(bg(), fd[0], IO_IN | IO_OUT), IO_IN);
		CHECK_EQ(io_close(fd[0]), 0);
		CHECK_EQ(io_close(fd[1]), 0);
	}
}

TEST(io, closed_while_it_waits)
{
	for (enum how how = READ; how < HOWS; how++) {
		context *ctx = ctx_with_cancel(bg());
		waitgroup wg = {0};
		int fd[2];

		make_pair(fd);
		fill(fd[0]);
		wg_add(&wg, 3);
		for (int i = 0; i < 3; i++)
			go(blocks_until, i == 1 ? ctx : bg(), how, fd[0],
			   (ssize_t)-ECANCELED, &wg);
		until_waiting(WAITS, 1);
		until_waiting(WAITS_TURN, 2);
		CHECK_EQ(io_close(fd[0]), 0);
		wg_wait(&wg);
		CHECK_EQ(blocks(ctx, how, fd[0]), -EBADF);
		CHECK_EQ(io_close(fd[1]), 0);
		ctx_free(ctx);
	}
}

TEST(io, turns_are_in_order)
{
	context *ctx = ctx_with_cancel(bg());
	waitgroup wg = {0}, canceled = {0};
	int fd[2];

	make_pipe(fd);
	wg_add(&wg, 4);
	for (int i = 0; i < 4; i++) {
		go(read_one, fd[0], (char)('a' + i), &wg);
		if (i == 0)
			until_waiting(WAITS, 1);
		else
			until_waiting(WAITS_TURN, i < 2 ? i : i + 1);
		if (i == 1) {
			wg_add(&canceled, 1);
			go(blocks_until, ctx, READ, fd[0], (ssize_t)-ECANCELED, &canceled);
			until_waiting(WAITS_TURN, 2);
		}
	}
	ctx_cancel(ctx);
	wg_wait(&canceled);
	for (int i = 0; i < 4; i++) {
		char c = (char)('a' + i);

		CHECK_EQ(io_write(bg(), fd[1], &c, 1), 1);
	}
	wg_wait(&wg);
	ctx_free(ctx);
	io_close(fd[0]);
	io_close(fd[1]);
}

TEST(io, wait_for_either)
{
	int fd[2];
	char c;

	make_pair(fd);
	CHECK_EQ(io_wait(bg(), fd[0], IO_IN | IO_OUT), IO_OUT);
	CHECK_EQ(io_write(bg(), fd[1], "x", 1), 1);
	CHECK_EQ(io_wait(bg(), fd[0], IO_IN), IO_IN);
	CHECK_EQ(io_wait(bg(), fd[0], IO_IN | IO_OUT), IO_IN | IO_OUT);
	CHECK_EQ(read(fd[0], &c, 1), 1);        /* behind our back */
	CHECK_EQ(io_wait(bg(), fd[0], IO_IN | IO_OUT), IO_OUT);
	CHECK_EQ(io_close(fd[1]), 0);
	CHECK_EQ(io_wait(bg(), fd[0], IO_IN) & IO_IN, IO_IN);
	CHECK_EQ(io_close(fd[0]), 0);
}

/* One number for many pipes, and the kernel's news of the old ones come late. */
TEST(io, numbers_are_used_again)
{
	for (int i = 0; i < 500; i++) {
		waitgroup wg = {0};
		int fd[2];

		make_pipe(fd);
		wg_add(&wg, 1);
		if (i % 2) {
			go(read_one, fd[0], 'y', &wg);
			go_yield();
			CHECK_EQ(io_write(bg(), fd[1], "y", 1), 1);
			wg_wait(&wg);
		} else {
			go(blocks_until, bg(), READ, fd[0], (ssize_t)-ECANCELED, &wg);
			until_waiting(WAITS, 1);
			CHECK_EQ(write(fd[1], "", 0), 0);
		}
		CHECK_EQ(io_close(fd[0]), 0);
		wg_wait(&wg);
		CHECK_EQ(io_close(fd[1]), 0);
	}
}

/* ------------------------------------------------------------- who polls -- */

static int got;

static void read_and_say(int fd)
{
	char c;

	CHECK_EQ(io_read(bg(), fd, &c, 1), 1);
	__atomic_store_n(&got, 1, __ATOMIC_RELAXED);
}

TEST(io, one_that_computes_does_not_hold_it_up)
{
	int fd[2];

	make_pipe(fd);
	go(read_and_say, fd[0]);
	until_waiting(WAITS, 1);
	CHECK_EQ(write(fd[1], "x", 1), 1);
	while (!__atomic_load_n(&got, __ATOMIC_RELAXED))
		;
	io_close(fd[0]);
	io_close(fd[1]);
}

TEST(io, those_that_switch_do_not_hold_it_up)
{
	int fd[2];

	make_pipe(fd);
	for (int i = 0; i < go_procs(0); i++)
		go(read_and_say, fd[0]);
	until_waiting(WAITS, 1);
	CHECK_EQ(write(fd[1], "xxxxxxxxxxxx", 12), 12);
	while (!__atomic_load_n(&got, __ATOMIC_RELAXED))
		go_yield();
}

static void *write_later(void *arg)
{
	usleep(50000);
	CHECK_EQ(write(*(int *)arg, "x", 1), 1);
	return NULL;
}

static void *read_here(void *arg)
{
	char c;

	CHECK_EQ(io_read(bg(), *(int *)arg, &c, 1), 1);
	return NULL;
}

TEST(io, all_wait_and_that_is_no_deadlock)
{
	pthread_t t;
	int fd[2];
	char c;

	make_pipe(fd);
	CHECK_EQ(pthread_create(&t, NULL, write_later, &fd[1]), 0);
	CHECK_EQ(io_read(bg(), fd[0], &c, 1), 1);
	pthread_join(t, NULL);
	io_close(fd[0]);
	io_close(fd[1]);
}

TEST(io, threads_read_as_well)
{
	pthread_t t;
	int fd[2];

	make_pipe(fd);
	CHECK_EQ(pthread_create(&t, NULL, read_here, &fd[0]), 0);
	go_sleep(20 * MILLISECOND);
	CHECK_EQ(io_write(bg(), fd[1], "x", 1), 1);
	pthread_join(t, NULL);
	io_close(fd[0]);
	io_close(fd[1]);
}

/* Main keeps its thread, which may be the only one, and waits. */
TEST(io, locked_to_its_thread)
{
	pthread_t t;
	int fd[2];
	char c;

	make_pipe(fd);
	go_lock_thread();
	CHECK_EQ(pthread_create(&t, NULL, write_later, &fd[1]), 0);
	CHECK_EQ(io_read(bg(), fd[0], &c, 1), 1);
	pthread_join(t, NULL);
	go_unlock_thread();
	io_close(fd[0]);
	io_close(fd[1]);
}

static void tick(int *n)
{
	for (;;) {
		go_sleep(MILLISECOND);
		__atomic_add_fetch(n, 1, __ATOMIC_RELAXED);
	}
}

TEST(io, timers_go_on_while_all_wait)
{
	static int n;
	pthread_t t;
	int fd[2];
	char c;

	make_pipe(fd);
	go(tick, &n);
	CHECK_EQ(pthread_create(&t, NULL, write_later, &fd[1]), 0);
	CHECK_EQ(io_read(bg(), fd[0], &c, 1), 1);
	CHECK(__atomic_load_n(&n, __ATOMIC_RELAXED) >= 2);
	pthread_join(t, NULL);
	io_close(fd[0]);
	io_close(fd[1]);
}

/* ---------------------------------------------------------------- signals -- */

static int signals, storm_over;

static void count_signal(int sig)
{
	(void)sig;
	__atomic_add_fetch(&signals, 1, __ATOMIC_RELAXED);
}

static void *storm(void *arg)
{
	while (!__atomic_load_n(&storm_over, __ATOMIC_RELAXED)) {
		kill(getpid(), SIGUSR1);
		usleep(200);
	}
	return arg;
}

/* Handlers without SA_RESTART interrupt what they can, and nobody sees it. */
TEST(io, interrupted_by_signals)
{
	struct sigaction sa = { .sa_handler = count_signal };
	waitgroup wg = {0};
	pthread_t t;
	int fd[2];

	CHECK_EQ(sigaction(SIGUSR1, &sa, NULL), 0);
	CHECK_EQ(pthread_create(&t, NULL, storm, NULL), 0);
	wg_add(&wg, 20);
	for (int i = 0; i < 10; i++) {
		make_pair(fd);
		go(echo, fd[0], &wg);
		go(client, fd[1], 300, &wg);
	}
	make_pipe(fd);
	pass_big(fd);
	wg_wait(&wg);
	while (__atomic_load_n(&signals, __ATOMIC_RELAXED) < 20)
		go_sleep(MILLISECOND);
	__atomic_store_n(&storm_over, 1, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
}
