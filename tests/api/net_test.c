/* net_test.c - connections: what a server and its clients do to each other. */
#define _GNU_SOURCE
#include "waiting.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAITS "IO wait"
#define WAITS_TURN "IO turn"

static context *bg(void)
{
	return ctx_background();
}

static net_conn *listen_on(const char *network, const char *address, char *at)
{
	net_conn *l;

	CHECK_EQ(net_listen(bg(), network, address, &l), 0);
	CHECK_EQ(net_local(l, at, NET_ADDRESS), 0);
	return l;
}

static void pair_of(net_conn *c[2])
{
	char at[NET_ADDRESS];
	net_conn *l = listen_on("tcp", "127.0.0.1:0", at);

	CHECK_EQ(net_dial(bg(), "tcp", at, &c[0]), 0);
	CHECK_EQ(net_accept(bg(), l, &c[1]), 0);
	CHECK_EQ(net_close(l), 0);
}

static void close_pair(net_conn *c[2])
{
	CHECK_EQ(net_close(c[0]), 0);
	CHECK_EQ(net_close(c[1]), 0);
}

/* ------------------------------------------------------------------- echo -- */

static void echo(net_conn *c, waitgroup *wg)
{
	char buf[1000];
	ssize_t n;

	while ((n = net_read(bg(), c, buf, sizeof buf)) > 0)
		CHECK_EQ(net_write(bg(), c, buf, (size_t)n), n);
	CHECK_EQ(n, 0);
	CHECK_EQ(net_close(c), 0);
	wg_done(wg);
}

static void serve(net_conn *l, waitgroup *wg)
{
	net_conn *c;
	int rc;

	while ((rc = net_accept(bg(), l, &c)) == 0) {
		wg_add(wg, 1);
		go(echo, c, wg);
	}
	CHECK_EQ(rc, -ECANCELED);
	wg_done(wg);
}

static void ask(const char *network, const char *at, int rounds, waitgroup *wg)
{
	net_conn *c;
	char back[64];
	ssize_t n;

	CHECK_EQ(net_dial(bg(), network, at, &c), 0);
	for (int i = 0; i < rounds; i++) {
		char text[64];
		int len = snprintf(text, sizeof text, "message %d of %d", i, rounds);

		CHECK_EQ(net_write(bg(), c, text, (size_t)len), len);
		for (int got = 0; got < len; got += (int)n) {
			n = net_read(bg(), c, back + got, (size_t)(len - got));
			CHECK(n > 0);
		}
		CHECK(memcmp(text, back, (size_t)len) == 0);
	}
	CHECK_EQ(net_close_write(bg(), c), 0);
	CHECK_EQ(net_read(bg(), c, back, sizeof back), 0);
	CHECK_EQ(net_close(c), 0);
	wg_done(wg);
}

static void many(const char *network, const char *address, int clients, int rounds)
{
	char at[NET_ADDRESS];
	net_conn *l = listen_on(network, address, at);
	waitgroup servers = {0}, asking = {0};

	wg_add(&servers, 1);
	go(serve, l, &servers);
	wg_add(&asking, clients);
	for (int i = 0; i < clients; i++)
		go(ask, network, at, rounds, &asking);
	wg_wait(&asking);
	/* The accept waits, and it ends. */
	until_waiting(WAITS, 1);
	CHECK_EQ(net_close(l), 0);
	wg_wait(&servers);
}

TEST(net, tcp4)
{
	many("tcp", "127.0.0.1:0", 100, 20);
}
TEST(net, tcp6)
{
	net_conn *l;

	/* Not every machine has it. */
	if (net_listen(bg(), "tcp", "[::1]:0", &l) < 0)
		SKIP("there is no IPv6");
	net_close(l);
	many("tcp6", "[::1]:0", 20, 10);
}
TEST(net, unix_sockets)
{
	many("unix", "@millrace-net-test", 50, 20);
}
TEST(net, by_name)
{
	many("tcp", "localhost:0", 5, 3);
}

TEST(net, every_interface_and_both_kinds)
{
	char at[NET_ADDRESS], port[NET_ADDRESS];
	net_conn *l = listen_on("tcp", ":0", at), *c[2];

	snprintf(port, sizeof port, "127.0.0.1%s", strrchr(at, ':'));
	CHECK_EQ(net_dial(bg(), "tcp", port, &c[0]), 0);
	CHECK_EQ(net_accept(bg(), l, &c[1]), 0);
	CHECK_EQ(net_peer(c[0], at, sizeof at), 0);
	CHECK(strcmp(at, port) == 0);
	close_pair(c);
	CHECK_EQ(net_close(l), 0);
}

/* ------------------------------------------------------------- addresses -- */

static int listens(const char *network, const char *address)
{
	net_conn *l;
	int rc = net_listen(bg(), network, address, &l);

	if (rc == 0)
		net_close(l);
	return rc;
}

TEST(net, wrong_addresses)
{
	net_conn *c;

	CHECK_EQ(listens("sctp", "127.0.0.1:0"), -EINVAL);
	CHECK_EQ(listens("tcp", "127.0.0.1"), -EINVAL);
	CHECK_EQ(listens("tcp", "::1:80"), -EINVAL);
	CHECK_EQ(listens("tcp", "[::1:80"), -EINVAL);
	CHECK_EQ(listens("tcp", "127.0.0.1:no-such-service"), -ENOENT);
	CHECK_EQ(listens("tcp", "127.0.0.1:65536"), -EINVAL);
	CHECK_EQ(listens("tcp", "1.1.1.1:0"), -EADDRNOTAVAIL);
	CHECK_EQ(listens("unix", ""), -EINVAL);
	CHECK_EQ(listens("unix", "/no/such/folder/socket"), -ENOENT);
	CHECK_EQ(net_dial(bg(), "unix", "/no/such/socket", &c), -ENOENT);
	CHECK_EQ(net_dial(bg(), "tcp", "127.0.0.1:1", &c), -ECONNREFUSED);
}

static void check_text(const char *network, const char *address, const char *expected)
{
	char text[NET_ADDRESS], little[4];
	net_addr a;

	CHECK_EQ(net_resolve(bg(), network, address, &a), 0);
	net_text(&a, text, sizeof text);
	if (strcmp(text, expected) != 0)
		fprintf(stderr, "%s and not %s\n", text, expected);
	CHECK(strcmp(text, expected) == 0);
	net_text(&a, little, sizeof little);
	CHECK(strlen(little) == 3 && strncmp(little, expected, 3) == 0);
}

TEST(net, addresses_as_text)
{
	check_text("tcp", "127.0.0.1:80", "127.0.0.1:80");
	check_text("udp", "[::1]:65535", "[::1]:65535");
	check_text("tcp6", "[fe80::1%1]:22", "[fe80::1%1]:22");
	check_text("unix", "/tmp/x", "/tmp/x");
	check_text("unixgram", "@abstract", "@abstract");
}

TEST(net, path_of_a_listener_is_removed)
{
	char path[] = "/tmp/millrace-net-XXXXXX/s", at[NET_ADDRESS];
	struct stat st;
	net_conn *l;

	path[strlen(path) - 2] = '\0';
	CHECK(mkdtemp(path) != NULL);
	path[strlen(path)] = '/';
	l = listen_on("unix", path, at);
	CHECK(strcmp(at, path) == 0);
	CHECK_EQ(stat(path, &st), 0);
	CHECK_EQ(listens("unix", path), -EADDRINUSE);
	CHECK_EQ(stat(path, &st), 0);
	CHECK_EQ(net_close(l), 0);
	CHECK_EQ(stat(path, &st), -1);
	path[strlen(path) - 2] = '\0';
	CHECK_EQ(rmdir(path), 0);
}

/* ------------------------------------------------------------ ended early -- */

enum how { READ, WRITE, WRITEV, ACCEPT, HOWS };

static ssize_t blocks(context *ctx, enum how how, net_conn *c)
{
	static char much[8 << 20];
	struct iovec iov[2] = { { much, sizeof much / 2 }, { much, sizeof much / 2 } };
	net_conn *other;

	switch (how) {
	case READ:   return net_read(ctx, c, (char[10]){ 0 }, 10);
	case WRITE:  return net_write(ctx, c, much, sizeof much);
	case WRITEV: return net_writev(ctx, c, iov, 2);
	case ACCEPT: return net_accept(ctx, c, &other);
	default:     return 0;
	}
}

/* Some may have been written before. */
static bool ended_by(context *ctx, enum how how, net_conn *c, int why)
{
	ssize_t rc = blocks(ctx, how, c);

	return rc == why || (rc > 0 && (how == WRITE || how == WRITEV) && rc < 8 << 20);
}

static void blocks_until(context *ctx, enum how how, net_conn *c, int why, waitgroup *wg)
{
	CHECK(ended_by(ctx, how, c, why));
	wg_done(wg);
}

static void make(enum how how, net_conn *c[2])
{
	char at[NET_ADDRESS];

	if (how != ACCEPT) {
		pair_of(c);
		return;
	}
	c[0] = listen_on("tcp", "127.0.0.1:0", at);
	c[1] = NULL;
}

static void unmake(net_conn *c[2])
{
	if (c[0])
		CHECK_EQ(net_close(c[0]), 0);
	if (c[1])
		CHECK_EQ(net_close(c[1]), 0);
}

TEST(net, context_ends_during_each_call)
{
	for (enum how how = READ; how < HOWS; how++) {
		context *ctx = ctx_with_cancel(bg());
		waitgroup wg = {0};
		net_conn *c[2];

		make(how, c);
		wg_add(&wg, 2);
		for (int i = 0; i < 2; i++)
			go(blocks_until, ctx, how, c[0], -ECANCELED, &wg);
		until_waiting(WAITS, 1);
		until_waiting(WAITS_TURN, 1);
		ctx_cancel(ctx);
		wg_wait(&wg);
		CHECK_EQ(blocks(ctx, how, c[0]), -ECANCELED);
		ctx_free(ctx);
		unmake(c);
	}
}

TEST(net, closed_during_each_call)
{
	for (enum how how = READ; how < HOWS; how++) {
		waitgroup wg = {0};
		net_conn *c[2];

		make(how, c);
		wg_add(&wg, 2);
		for (int i = 0; i < 2; i++)
			go(blocks_until, bg(), how, c[0], -ECANCELED, &wg);
		until_waiting(WAITS, 1);
		until_waiting(WAITS_TURN, 1);
		CHECK_EQ(net_close(c[0]), 0);
		CHECK_EQ(net_close(c[0]), -EBADF);
		wg_wait(&wg);
		CHECK_EQ(blocks(bg(), how, c[0]), -EBADF);
		c[0] = NULL;
		unmake(c);
	}
}

TEST(net, deadline_during_each_call)
{
	for (enum how how = READ; how < HOWS; how++) {
		waitgroup wg = {0};
		net_conn *c[2];

		make(how, c);
		wg_add(&wg, 2);
		for (int i = 0; i < 2; i++)
			go(blocks_until, bg(), how, c[0], -ETIMEDOUT, &wg);
		until_waiting(WAITS, 1);
		CHECK_EQ(net_set_deadline(c[0], time_now() + HOUR), 0);
		CHECK_EQ(net_set_deadline(c[0], time_now() + 2 * MILLISECOND), 0);
		wg_wait(&wg);
		CHECK_EQ(blocks(bg(), how, c[0]), -ETIMEDOUT);
		/* One in the past counts at once, and none at all undoes it. */
		CHECK_EQ(net_set_deadline(c[0], 0), 0);
		wg_add(&wg, 1);
		go(blocks_until, bg(), how, c[0], -ETIMEDOUT, &wg);
		until_waiting(WAITS, 1);
		CHECK_EQ(net_set_deadline(c[0], time_now() - 1), 0);
		wg_wait(&wg);
		unmake(c);
	}
}

/* A server sets it anew for each request. */
TEST(net, deadline_is_moved_on)
{
	net_conn *c[2];
	char b;

	pair_of(c);
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(net_set_read_deadline(c[0], time_now() + 20 * SECOND), 0);
		CHECK_EQ(net_write(bg(), c[1], "x", 1), 1);
		CHECK_EQ(net_read(bg(), c[0], &b, 1), 1);
	}
	CHECK_EQ(net_set_read_deadline(c[0], time_now() + 20 * MILLISECOND), 0);
	go_sleep(5 * MILLISECOND);
	CHECK_EQ(net_set_read_deadline(c[0], time_now() + 40 * MILLISECOND), 0);
	int64_t begun = time_now();
	CHECK_EQ(net_read(bg(), c[0], &b, 1), -ETIMEDOUT);
	CHECK(time_now() - begun >= 38 * MILLISECOND);
	/* Writing has none, until it gets its own. */
	CHECK_EQ(net_write(bg(), c[0], "x", 1), 1);
	CHECK_EQ(net_set_write_deadline(c[0], time_now()), 0);
	CHECK_EQ(net_write(bg(), c[0], "x", 1), -ETIMEDOUT);
	close_pair(c);
}

/* ------------------------------------------------------------ rough clients -- */

static void reset(net_conn *c)
{
	struct linger now = { .l_onoff = 1 };

	CHECK_EQ(setsockopt(net_fd(c), SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
	CHECK_EQ(net_close(c), 0);
}

static void reset_ends(enum how how, net_conn *c, waitgroup *wg)
{
	ssize_t rc = blocks(bg(), how, c);

	CHECK(rc == -ECONNRESET || rc == -EPIPE ||
	      (how != READ && rc >= 0 && rc < 8 << 20));
	wg_done(wg);
}

TEST(net, reset_while_it_waits)
{
	for (enum how how = READ; how <= WRITEV; how++) {
		waitgroup wg = {0};
		net_conn *c[2];

		pair_of(c);
		wg_add(&wg, 1);
		go(reset_ends, how, c[0], &wg);
		until_waiting(WAITS, 1);
		reset(c[1]);
		wg_wait(&wg);
		CHECK(net_write(bg(), c[0], "x", 1) < 0);
		CHECK_EQ(net_close(c[0]), 0);
	}
}

/* The client is gone again before it is accepted. */
TEST(net, reset_before_accept)
{
	char at[NET_ADDRESS], buf[10];
	net_conn *l = listen_on("tcp", "127.0.0.1:0", at), *c, *s;

	CHECK_EQ(net_dial(bg(), "tcp", at, &c), 0);
	reset(c);
	CHECK_EQ(net_dial(bg(), "tcp", at, &c), 0);
	CHECK_EQ(net_accept(bg(), l, &s), 0);
	CHECK(net_read(bg(), s, buf, 10) == -ECONNRESET);
	CHECK_EQ(net_close(s), 0);
	CHECK_EQ(net_accept(bg(), l, &s), 0);
	CHECK_EQ(net_write(bg(), c, "hello", 5), 5);
	CHECK_EQ(net_read(bg(), s, buf, 10), 5);
	CHECK_EQ(net_close(s), 0);
	CHECK_EQ(net_close(c), 0);
	CHECK_EQ(net_close(l), 0);
}

TEST(net, one_half_ends)
{
	net_conn *c[2];
	char buf[10];

	pair_of(c);
	CHECK_EQ(net_write(bg(), c[0], "ask", 3), 3);
	CHECK_EQ(net_close_write(bg(), c[0]), 0);
	CHECK_EQ(net_write(bg(), c[0], "more", 4), -EPIPE);
	CHECK_EQ(net_read(bg(), c[1], buf, 10), 3);
	CHECK_EQ(net_read(bg(), c[1], buf, 10), 0);
	CHECK_EQ(net_read(bg(), c[1], buf, 10), 0);
	CHECK_EQ(net_write(bg(), c[1], "answer", 6), 6);
	CHECK_EQ(net_read(bg(), c[0], buf, 10), 6);
	close_pair(c);
}

/* Two who write at once do not mix, however large it is and however slow the reader. */
enum { PIECE = 300000, PIECES = 8 };

static void write_piece(net_conn *c, char letter, waitgroup *wg)
{
	char *text = malloc(PIECE);
	struct iovec iov[3] = { { text, 1 }, { text, 1000 }, { text, PIECE - 1001 } };

	memset(text, letter, PIECE);
	if (letter % 2)
		CHECK_EQ(net_write(bg(), c, text, PIECE), PIECE);
	else
		CHECK_EQ(net_writev(bg(), c, iov, 3), PIECE);
	free(text);
	wg_done(wg);
}

TEST(net, writes_do_not_mix)
{
	static char all[PIECES * PIECE];
	waitgroup wg = {0};
	net_conn *c[2];
	size_t at = 0;

	pair_of(c);
	wg_add(&wg, PIECES);
	for (int i = 0; i < PIECES; i++)
		go(write_piece, c[0], (char)('a' + i), &wg);
	while (at < sizeof all) {
		ssize_t n = net_read(bg(), c[1], all + at, 10000);

		CHECK(n > 0);
		at += (size_t)n;
	}
	for (size_t i = 0; i < sizeof all; i++)
		CHECK_EQ(all[i], all[i / PIECE * PIECE]);
	wg_wait(&wg);
	close_pair(c);
}

TEST(net, file_is_sent)
{
	static char text[700000], back[sizeof text];
	char name[] = "/tmp/millrace-net-XXXXXX";
	int fd = mkstemp(name);
	net_conn *c[2];
	waitgroup wg = {0};

	unlink(name);
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)(i * 7 + i / 300);
	CHECK_EQ(io_writeall(bg(), fd, text, sizeof text), sizeof text);
	CHECK_EQ(fsync(fd), 0);
	pair_of(c);
	wg_add(&wg, 1);
	go(echo, c[1], &wg);
	for (size_t at = 0; at < sizeof text;) {
		ssize_t n, got = 0;

		if (at % 200000 == 0)   /* from the disk */
			posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		n = net_sendfile(bg(), c[0], fd, (off_t)at, 100000);
		CHECK_EQ(n, 100000);
		while (got < n) {
			ssize_t m = net_read(bg(), c[0], back + at + got,
					     (size_t)(n - got));

			CHECK(m > 0);
			got += m;
		}
		at += (size_t)n;
	}
	CHECK(memcmp(text, back, sizeof text) == 0);
	CHECK_EQ(net_sendfile(bg(), c[0], fd, sizeof text - 10, 100), 10);
	CHECK_EQ(net_sendfile(bg(), c[0], fd, sizeof text, 100), 0);
	CHECK_EQ(net_close_write(bg(), c[0]), 0);
	wg_wait(&wg);
	/* No SIGPIPE. */
	CHECK_EQ(net_sendfile(bg(), c[0], fd, 0, 100), -EPIPE);
	CHECK_EQ(net_close(c[0]), 0);
	CHECK_EQ(io_close(fd), 0);
}

/* ------------------------------------------------------------- datagrams -- */

TEST(net, datagrams)
{
	char at[NET_ADDRESS], buf[100], from[NET_ADDRESS], mine[NET_ADDRESS];
	net_conn *s = listen_on("udp", "127.0.0.1:0", at), *c;
	net_addr peer;

	CHECK_EQ(net_dial(bg(), "udp", at, &c), 0);
	CHECK_EQ(net_local(c, mine, sizeof mine), 0);
	CHECK_EQ(net_write(bg(), c, "one", 3), 3);
	CHECK_EQ(net_write(bg(), c, "", 0), 0);
	CHECK_EQ(net_write(bg(), c, "three", 5), 5);
	CHECK_EQ(net_readfrom(bg(), s, buf, sizeof buf, &peer), 3);
	net_text(&peer, from, sizeof from);
	CHECK(strcmp(from, mine) == 0);
	CHECK_EQ(net_readfrom(bg(), s, buf, sizeof buf, NULL), 0);
	CHECK_EQ(net_readfrom(bg(), s, buf, 2, NULL), 2);
	CHECK_EQ(net_writeto(bg(), s, "back", 4, &peer), 4);
	CHECK_EQ(net_read(bg(), c, buf, sizeof buf), 4);
	/* However many pieces, one datagram. */
	struct iovec iov[100];
	for (int i = 0; i < 100; i++)
		iov[i] = (struct iovec){ buf, 1 };
	CHECK_EQ(net_writev(bg(), c, iov, 100), 100);
	CHECK_EQ(net_readfrom(bg(), s, buf, sizeof buf, NULL), 100);
	if (!getenv("MR_TEST_WRAP")) {  /* qemu sends nothing then */
		CHECK_EQ(net_writev(bg(), c, iov, 0), 0);
		CHECK_EQ(net_readfrom(bg(), s, buf, sizeof buf, NULL), 0);
	}
	CHECK_EQ(net_set_read_deadline(s, time_now() + MILLISECOND), 0);
	CHECK_EQ(net_readfrom(bg(), s, buf, sizeof buf, &peer), -ETIMEDOUT);
	CHECK_EQ(net_close(c), 0);
	CHECK_EQ(net_close(s), 0);
}

/* ---------------------------------------------------------- out of something -- */

static int accepted;

static void count_accepted(net_conn *l, net_conn **all)
{
	while (net_accept(bg(), l, &all[accepted]) == 0)
		__atomic_add_fetch(&accepted, 1, __ATOMIC_RELEASE);
}

TEST(net, accept_without_descriptors_waits)
{
	enum { CLIENTS = 20 };
	char at[NET_ADDRESS];
	net_conn *l = listen_on("tcp", "127.0.0.1:0", at), *c[CLIENTS], *all[CLIENTS + 1];
	struct rlimit limit;
	int top, held[1000], n = 0;

#ifdef MRI_VALGRIND
	SKIP("valgrind keeps descriptors of its own above the limit");
#endif
	for (int i = 0; i < CLIENTS; i++)
		CHECK_EQ(net_dial(bg(), "tcp", at, &c[i]), 0);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	top = dup(0);
	limit.rlim_cur = (rlim_t)top + 10;
	close(top);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (n < 1000 && (held[n] = dup(0)) >= 0)
		n++;
	go(count_accepted, l, all);
	go_sleep(30 * MILLISECOND);
	CHECK_EQ(__atomic_load_n(&accepted, __ATOMIC_ACQUIRE), 0);
	limit.rlim_cur = (rlim_t)top + 100;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (__atomic_load_n(&accepted, __ATOMIC_ACQUIRE) < CLIENTS)
		go_yield();
	for (int i = 0; i < CLIENTS; i++) {
		CHECK_EQ(net_close(c[i]), 0);
		CHECK_EQ(net_close(all[i]), 0);
	}
	while (n > 0)
		close(held[--n]);
	CHECK_EQ(net_close(l), 0);
}

/* The queue of a unix listener is full: those that connect wait, and get in. */
static int connected;
static void connects(const char *at, net_conn **c)
{
	CHECK_EQ(net_dial(bg(), "unix", at, c), 0);
	__atomic_add_fetch(&connected, 1, __ATOMIC_RELEASE);
}

TEST(net, unix_listener_that_is_full)
{
	enum { CLIENTS = 10 };
	char at[NET_ADDRESS];
	net_conn *l = listen_on("unix", "@millrace-net-full", at), *c[CLIENTS], *s;

	CHECK_EQ(listen(net_fd(l), 1), 0);
	for (int i = 0; i < CLIENTS; i++)
		go(connects, at, &c[i]);
	go_sleep(2 * MILLISECOND);
	for (int i = 0; i < CLIENTS; i++) {
		CHECK_EQ(net_accept(bg(), l, &s), 0);
		CHECK_EQ(net_close(s), 0);
	}
	while (__atomic_load_n(&connected, __ATOMIC_ACQUIRE) < CLIENTS)
		go_yield();
	for (int i = 0; i < CLIENTS; i++)
		CHECK_EQ(net_close(c[i]), 0);
	CHECK_EQ(net_close(l), 0);
}

#if defined(MRI_DEV) || defined(__SANITIZE_THREAD__) /* the release build is fast enough */
enum { CONNECTIONS = 2000 };
#else
enum { CONNECTIONS = 35000 };           /* three times: 1, 2 and 8 procs */
#endif

TEST(net, no_descriptors_leak)
{
	char at[NET_ADDRESS];
	net_conn *l = listen_on("tcp", "127.0.0.1:0", at);
	int first = dup(0), last;

	close(first);
	for (int i = 0; i < CONNECTIONS; i++) {
		net_conn *c[2];

		CHECK_EQ(net_dial(bg(), "tcp", at, &c[0]), 0);
		CHECK_EQ(net_accept(bg(), l, &c[1]), 0);
		if (i % 2)
			reset(c[1]);
		else
			CHECK_EQ(net_close(c[1]), 0);
		reset(c[0]);
	}
	last = dup(0);
	CHECK(last < first + 20);       /* sysmon has some open for a moment */
	close(last);
	CHECK_EQ(net_close(l), 0);
}

/* ----------------------------------------------------------------- dialing -- */

static int canceled;
static void dials(context *ctx, const char *at, waitgroup *wg)
{
	net_conn *c;
	int rc = net_dial(ctx, "tcp", at, &c);

	if (rc == 0)
		net_close(c);
	else if (rc == -ECANCELED)
		__atomic_add_fetch(&canceled, 1, __ATOMIC_RELAXED);
	wg_done(wg);
}

/* A queue that is full: nobody answers. */
TEST(net, context_ends_while_it_dials)
{
	context *ctx = ctx_with_cancel(bg());
	char at[NET_ADDRESS];
	net_conn *l = listen_on("tcp", "127.0.0.1:0", at);
	waitgroup wg = {0};

	CHECK_EQ(listen(net_fd(l), 0), 0);
	wg_add(&wg, 20);
	for (int i = 0; i < 20; i++)
		go(dials, ctx, at, &wg);
	until_waiting(WAITS, 10);
	ctx_cancel(ctx);
	wg_wait(&wg);
	CHECK(canceled >= 10);
	CHECK_EQ(net_close(l), 0);
	ctx_free(ctx);
}

TEST(net, dial_gives_up)
{
	context *ctx = ctx_with_timeout(bg(), 5 * MILLISECOND);
	char at[NET_ADDRESS];
	net_conn *l, *c[200];
	int n = 0, rc = 0;

	/* A queue that is full: nobody answers. */
	l = listen_on("tcp", "127.0.0.1:0", at);
	CHECK_EQ(listen(net_fd(l), 0), 0);
	while (n < 200 && (rc = net_dial(ctx, "tcp", at, &c[n])) == 0)
		n++;
	CHECK_EQ(rc, -ETIMEDOUT);
	CHECK_EQ(net_dial(ctx, "tcp", at, &c[n]), -ETIMEDOUT);
	while (n > 0)
		CHECK_EQ(net_close(c[--n]), 0);
	CHECK_EQ(net_close(l), 0);
	ctx_free(ctx);
}

/* No host is this machine by IPv6 and by IPv4; only one listens. */
TEST(net, all_addresses_are_tried)
{
	char at[NET_ADDRESS], *port, peer[NET_ADDRESS];
	net_conn *l = listen_on("tcp4", "127.0.0.1:0", at), *c = NULL;
	context *ended = ctx_with_cancel(bg());
	int rc;

	port = strrchr(at, ':');
	for (int i = 0; i < 50; i++) {
		CHECK_EQ(net_dial(bg(), "tcp", port, &c), 0);
		CHECK_EQ(net_peer(c, peer, sizeof peer), 0);
		CHECK(strcmp(peer, at) == 0);
		CHECK_EQ(net_close(c), 0);
	}
	ctx_cancel(ended);
	CHECK_EQ(net_dial(ended, "tcp", port, &c), -ECANCELED);
	ctx_free(ended);
	CHECK_EQ(net_close(l), 0);
	rc = net_dial(bg(), "tcp", port, &c);
	CHECK(rc == -ECONNREFUSED || rc == -EADDRNOTAVAIL);
	while (go_count() > 1)
		go_yield();
}
