/* out_test.c - the formatting of reports. Where printf knows the conversion, it is
 * the judge. */
#define _GNU_SOURCE
#include "base/fault.h"
#include "harness.h"
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Formatted by both, for the conversions they share. */
#define SAME(...) do {                                                          \
	char want_[512];                                                        \
	struct mri_out o_;                                                      \
	snprintf(want_, sizeof want_, __VA_ARGS__);                             \
	mri_out_init(&o_, -1);                                                  \
	mri_out_fmt(&o_, __VA_ARGS__);                                          \
	CHECK_STR(o_.buf, want_);                                               \
	CHECK_EQ(o_.n, strlen(want_));                                          \
} while (0)

TEST(out_fmt, is_as_printf)
{
	static const int ints[] = { 0, 1, -1, 9, 10, -10, INT_MAX, INT_MIN };
	static const long longs[] = { 0, 1, -1, LONG_MAX, LONG_MIN, 1234567890123 };

	SAME("%s", "");
	SAME("plain");
	SAME("%s and %s%c", "one", "two", '!');
	SAME("100%%");
	for (size_t i = 0; i < ARRAY_LEN(ints); i++) {
		SAME("%d|%u|%x", ints[i], (unsigned)ints[i], (unsigned)ints[i]);
		SAME("%5d|%-5d|%05d|%3x|%08x|", ints[i], ints[i], ints[i],
		     (unsigned)ints[i], (unsigned)ints[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(longs); i++) {
		long v = longs[i];
		unsigned long u = (unsigned long)v;

		SAME("%ld|%lu|%lx", v, u, u);
		SAME("%lld|%llu|%llx", (long long)v, (unsigned long long)v,
		     (unsigned long long)v);
		SAME("%zu|%zd|%zx", (size_t)v, (ssize_t)v, (size_t)v);
		SAME("%020ld|%-20ld|", v, v);
	}
	SAME("%p", (void *)(uintptr_t)0xdeadbeef);
	SAME("%8s|%-8s|%2s|", "right", "left", "long");
	SAME("%.*s|%.*s|%6.*s|", 3, "cut off", 9, "short", 2, "both");
}

static const char *fmt(struct mri_out *o, const char *format, ...)
{
	va_list args;

	mri_out_init(o, -1);
	va_start(args, format);
	mri_out_vfmt(o, format, args);
	va_end(args);
	return o->buf;
}

TEST(out_fmt, has_its_own_conversions)
{
	struct mri_out o;
	int64_t ns = 1234567890;

	CHECK_STR(fmt(&o, "%ms", ns), "1.234s");
	CHECK_STR(fmt(&o, "[%ms] %d", -ns, 7), "[-1.234s] 7");
	CHECK_STR(fmt(&o, "%ms", (int64_t)999999), "0.000s");
	CHECK_STR(fmt(&o, "%ms", (int64_t)-999999), "0.000s");
	CHECK_STR(fmt(&o, "%ms", (int64_t)61 * 1000000000), "61.000s");
	CHECK_STR(fmt(&o, "%ms", INT64_MIN), "-9223372036.854s");
	CHECK_STR(fmt(&o, "%s", (char *)NULL), "(null)");
	CHECK_STR(fmt(&o, "%p", (void *)NULL), "0x0");
}

TEST(out_fmt, survives_a_broken_format)
{
	struct mri_out o;

	CHECK_STR(fmt(&o, "50%"), "50");
	CHECK_STR(fmt(&o, "%k"), "k");
}

TEST(out_pieces, are_appended)
{
	struct mri_out o;

	mri_out_init(&o, -1);
	mri_out_str(&o, "a");
	mri_out_dec(&o, INT64_MIN);
	mri_out_hex(&o, UINT64_MAX);
	mri_out_ns(&o, 5000000);
	mri_out_fmt(&o, "%c", 'z');
	CHECK_STR(o.buf, "a-9223372036854775808" "0xffffffffffffffff" "0.005sz");
	mri_out_flush(&o);
	CHECK_EQ(o.n, strlen(o.buf));
}

TEST(out_buffer, without_a_file_drops_the_rest)
{
	struct mri_out o;

	mri_out_init(&o, -1);
	for (int i = 0; i < 1000; i++)
		mri_out_str(&o, "xy");
	CHECK_EQ(o.n, sizeof o.buf - 1);
	CHECK_EQ(strlen(o.buf), sizeof o.buf - 1);
}

static void *read_all(void *arg)
{
	int fd = *(int *)arg;
	char *text = calloc(1, 1 << 20);
	size_t n = 0;
	ssize_t got;

	while ((got = read(fd, text + n, (1 << 20) - 1 - n)) > 0)
		n += (size_t)got;
	return text;
}

/* Longer than the buffer and than the pipe: flushed piecewise, in order. */
TEST(out_buffer, with_a_file_flushes_itself)
{
	struct mri_out o;
	pthread_t reader;
	int fd[2];
	void *text;
	char *p;

	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(pthread_create(&reader, NULL, read_all, &fd[0]), 0);
	mri_out_init(&o, fd[1]);
	errno = 4711;
	for (int i = 0; i < 20000; i++)
		mri_out_fmt(&o, "%d\n", i);
	mri_out_flush(&o);
	CHECK_EQ(errno, 4711);
	CHECK_EQ(o.n, 0);
	close(fd[1]);
	pthread_join(reader, &text);
	p = text;
	for (int i = 0; i < 20000; i++) {
		CHECK_EQ(strtol(p, &p, 10), i);
		CHECK_EQ(*p++, '\n');
	}
	CHECK_EQ(*p, 0);
	free(text);
}

TEST(out_buffer, ignores_a_closed_file)
{
	struct mri_out o;

	mri_out_init(&o, 999999);
	errno = 4711;
	for (int i = 0; i < 1000; i++)
		mri_out_str(&o, "text");
	mri_out_flush(&o);
	CHECK_EQ(errno, 4711);
}

TEST(out_buffer, goes_to_stdout, .out = "goroutine 7 [chan receive, 1.500s]:\n")
{
	int64_t waited = 1500000000;
	struct mri_out o;

	mri_out_init(&o, 1);
	mri_out_fmt(&o, "goroutine %llu [%s, %ms]:\n", 7ull, "chan receive", waited);
	mri_out_flush(&o);
}
