/* waiting.h - for tests that need somebody to wait: how many do, from go_dump().
 *
 * A goroutine that the dump shows as waiting is on its queue, and stays there until
 * somebody acts: so a test knows it, where a sleep would only make it likely. */
#ifndef MR_TESTS_WAITING_H
#define MR_TESTS_WAITING_H
#include "harness.h"
#include <millrace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline char *dump_text(void)
{
	static FILE *f;
	char *text;
	off_t n;

	if (!f)
		f = tmpfile();
	CHECK(f != NULL);
	CHECK(lseek(fileno(f), 0, SEEK_SET) == 0 && ftruncate(fileno(f), 0) == 0);
	go_dump(fileno(f));
	n = lseek(fileno(f), 0, SEEK_CUR);
	text = calloc(1, (size_t)n + 1);
	CHECK(text != NULL);
	CHECK_EQ(pread(fileno(f), text, (size_t)n, 0), n);
	return text;
}

/* The goroutines that wait for `why`, in the words of the dump. */
static inline int count_waiting(const char *why)
{
	char *text = dump_text(), what[64];
	int n = 0;

	snprintf(what, sizeof what, " [%s, ", why);
	for (char *at = text; (at = strstr(at, what)) != NULL; at++)
		n++;
	free(text);
	return n;
}

/* Until n goroutines wait for `why`. By one goroutine at a time. */
static inline void until_waiting(const char *why, int n)
{
	while (count_waiting(why) < n)
		go_yield();
}

/* Until n threads that are no goroutines wait without a time limit. */
static inline void until_threads_wait(int n)
{
	for (;;) {
		char *text = dump_text(), *at = strstr(text, " foreign thread");
		int found = 0;

		if (at) {
			while (at > text && at[-1] >= '0' && at[-1] <= '9')
				at--;
			found = atoi(at);
		}
		free(text);
		if (found >= n)
			return;
		go_yield();
	}
}
#endif
