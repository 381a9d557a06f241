/* bufio_test.c - lines of every length, in pieces of every size. */
#include "harness.h"
#include <millrace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static context *bg(void)
{
	return ctx_background();
}

/* A text that comes in pieces of at most `step` bytes, then an error or the end. */
struct text {
	const char *at;
	size_t left, step;
	ssize_t then;
};

static ssize_t read_text(context *ctx, void *from, void *buf, size_t n)
{
	struct text *t = from;

	(void)ctx;
	n = n < t->step ? n : t->step;
	n = n < t->left ? n : t->left;
	if (n == 0)
		return t->then;
	memcpy(buf, t->at, n);
	t->at += n;
	t->left -= n;
	return (ssize_t)n;
}

static struct text text_of(const char *s, size_t step)
{
	return (struct text){ s, strlen(s), step, 0 };
}

TEST(bufio, lines_in_pieces_of_every_size)
{
	static const char all[] = "one\n\n0123456789abcde\nlast";
	static const char *const lines[] = { "one\n", "\n", "0123456789abcde\n", "last" };

	for (size_t step = 1; step <= sizeof all; step++)
		for (size_t size = 16; size < 40; size++) {
			struct text t = text_of(all, step);
			bufio_reader *r = bufio_reader_new(read_text, &t, size);
			char *line;

			for (int i = 0; i < 4; i++) {
				size_t n = strlen(lines[i]);

				CHECK_EQ(bufio_readline(bg(), r, &line), (ssize_t)n);
				CHECK(memcmp(line, lines[i], n) == 0);
			}
			CHECK_EQ(bufio_readline(bg(), r, &line), 0);
			CHECK_EQ(bufio_readline(bg(), r, &line), 0);
			bufio_reader_free(r);
		}
}

TEST(bufio, line_that_is_too_long)
{
	struct text t = text_of("short\n0123456789abcdef\nrest", 5);
	bufio_reader *r = bufio_reader_new(read_text, &t, 1);
	char *line, buf[100];

	CHECK_EQ(bufio_readline(bg(), r, &line), 6);
	CHECK_EQ(bufio_readline(bg(), r, &line), -EMSGSIZE);
	CHECK_EQ(bufio_readline(bg(), r, &line), -EMSGSIZE);
	CHECK_EQ(bufio_unread(r), 16);
	CHECK_EQ(bufio_readfull(bg(), r, buf, 17), 17);
	CHECK(memcmp(buf, "0123456789abcdef\n", 17) == 0);
	CHECK_EQ(bufio_readline(bg(), r, &line), 4);
	bufio_reader_free(r);
	bufio_reader_free(NULL);
}

TEST(bufio, error_after_some)
{
	struct text t = text_of("one\ntw", 100);
	bufio_reader *r = bufio_reader_new(read_text, &t, 100);
	char *line, buf[10];

	t.then = -ECONNRESET;
	CHECK_EQ(bufio_readline(bg(), r, &line), 4);
	CHECK_EQ(bufio_readline(bg(), r, &line), -ECONNRESET);
	CHECK_EQ(bufio_readfull(bg(), r, buf, 10), 2);
	CHECK_EQ(bufio_readfull(bg(), r, buf, 10), -ECONNRESET);
	bufio_reader_free(r);
}

TEST(bufio, peek_and_skip)
{
	struct text t = text_of("0123456789abcdefghij", 3);
	bufio_reader *r = bufio_reader_new(read_text, &t, 16);
	char *bytes, buf[32];

	CHECK_EQ(bufio_peek(bg(), r, 0, &bytes), 0);
	CHECK(bufio_peek(bg(), r, 10, &bytes) >= 10);
	CHECK(memcmp(bytes, "0123456789", 10) == 0);
	bufio_skip(r, 9);
	CHECK(bufio_peek(bg(), r, 11, &bytes) == 11);
	CHECK(memcmp(bytes, "9abcdefghij", 11) == 0);
	CHECK_EQ(bufio_peek(bg(), r, 17, &bytes), -EMSGSIZE);
	CHECK_EQ(bufio_peek(bg(), r, 12, &bytes), 11);
	CHECK_EQ(bufio_read(bg(), r, buf, 32), 11);
	CHECK_EQ(bufio_read(bg(), r, buf, 32), 0);
	CHECK_EQ(bufio_peek(bg(), r, 1, &bytes), 0);
	bufio_reader_free(r);
}

CRASH_TEST(bufio_skip_too_much, 2, "panic: bufio: skipped more than there is")
{
	struct text t = text_of("abc", 3);
	bufio_reader *r = bufio_reader_new(read_text, &t, 16);

	bufio_skip(r, 1);
}

/* ---------------------------------------------------------------- writing -- */

struct sink {
	char all[1000];
	size_t n, calls, room;
};

static ssize_t write_sink(context *ctx, void *to, const void *buf, size_t n)
{
	struct sink *s = to;

	(void)ctx;
	s->calls++;
	if (s->room == 0)
		return -EPIPE;
	n = n < s->room ? n : s->room;
	s->room -= n;
	memcpy(s->all + s->n, buf, n);
	s->n += n;
	return (ssize_t)n;
}

TEST(bufio, writes_are_gathered)
{
	struct sink s = { .room = 1000 };
	bufio_writer *w = bufio_writer_new(write_sink, &s, 16);

	for (int i = 0; i < 20; i++)
		CHECK_EQ(bufio_write(bg(), w, "abc", 3), 3);
	CHECK(s.calls <= 4);
	CHECK_EQ(bufio_unwritten(w) + s.n, 60);
	CHECK_EQ(bufio_printf(bg(), w, "<%d>", 42), 4);
	CHECK_EQ(bufio_printf(bg(), w, "%030d", 7), 30);
	CHECK_EQ(bufio_write(bg(), w, "0123456789012345678901234567890123456789", 40), 40);
	CHECK_EQ(bufio_flush(bg(), w), 0);
	CHECK_EQ(s.n, 60 + 4 + 30 + 40);
	CHECK(memcmp(s.all + 57, "abc<42>000000000000000000000000000007" "01234", 42) == 0);
	bufio_writer_free(w);
	bufio_writer_free(NULL);
}

TEST(bufio, error_stays)
{
	struct sink s = { .room = 20 };
	bufio_writer *w = bufio_writer_new(write_sink, &s, 16);

	CHECK_EQ(bufio_write(bg(), w, "0123456789abcdefghij0123456789", 30), -EPIPE);
	s.room = 100;
	CHECK_EQ(bufio_write(bg(), w, "x", 1), -EPIPE);
	CHECK_EQ(bufio_printf(bg(), w, "x"), -EPIPE);
	CHECK_EQ(bufio_flush(bg(), w), -EPIPE);
	CHECK_EQ(s.n, 20);
	bufio_writer_free(w);
}

/* ------------------------------------------------------------ descriptors -- */

static void send_lines(int fd, int n)
{
	bufio_writer *w = bufio_writer_fd(fd, 100);

	for (int i = 0; i < n; i++)
		bufio_printf(bg(), w, "line %d\n", i);
	CHECK_EQ(bufio_flush(bg(), w), 0);
	bufio_writer_free(w);
	CHECK_EQ(io_close(fd), 0);
}

TEST(bufio, lines_through_a_socket)
{
	bufio_reader *r;
	char *line;
	int fd[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	go(send_lines, fd[1], 3000);
	r = bufio_reader_fd(fd[0], 64);
	for (int i = 0; i < 3000; i++) {
		char expected[20];
		int n = snprintf(expected, sizeof expected, "line %d\n", i);

		CHECK_EQ(bufio_readline(bg(), r, &line), n);
		CHECK(memcmp(line, expected, (size_t)n) == 0);
	}
	CHECK_EQ(bufio_readline(bg(), r, &line), 0);
	bufio_reader_free(r);
	CHECK_EQ(io_close(fd[0]), 0);
}

static void upper(net_conn *l)
{
	bufio_reader *r;
	bufio_writer *w;
	net_conn *c;
	ssize_t n;
	char *line;

	CHECK_EQ(net_accept(bg(), l, &c), 0);
	r = bufio_reader_net(c, 100);
	w = bufio_writer_net(c, 100);
	while ((n = bufio_readline(bg(), r, &line)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			line[i] = (char)(line[i] & ~32);
		CHECK_EQ(bufio_write(bg(), w, line, (size_t)n), n);
		if (bufio_unread(r) == 0)
			CHECK_EQ(bufio_flush(bg(), w), 0);
	}
	bufio_reader_free(r);
	bufio_writer_free(w);
	CHECK_EQ(net_close(c), 0);
}

TEST(bufio, lines_of_a_connection)
{
	char at[NET_ADDRESS], buf[6];
	net_conn *l, *c;

	CHECK_EQ(net_listen(bg(), "tcp", "127.0.0.1:0", &l), 0);
	CHECK_EQ(net_local(l, at, sizeof at), 0);
	go(upper, l);
	CHECK_EQ(net_dial(bg(), "tcp", at, &c), 0);
	CHECK_EQ(net_write(bg(), c, "abc", 3), 3);
	CHECK_EQ(net_write(bg(), c, "de\n", 3), 3);
	for (size_t n = 0; n < 6;) {
		ssize_t got = net_read(bg(), c, buf + n, 6 - n);

		CHECK(got > 0);
		n += (size_t)got;
	}
	CHECK(memcmp(buf, "ABCDE", 5) == 0);
	CHECK_EQ(net_close(c), 0);
	CHECK_EQ(net_close(l), 0);
}
