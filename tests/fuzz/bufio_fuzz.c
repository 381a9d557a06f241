/* bufio_fuzz.c - a libFuzzer target: whatever comes, in whatever pieces, a reader gives out
 * the same bytes, and its lines are where they are in the whole. */
#include <millrace.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The first bytes of the input say how it comes and what is done with it. */
struct input {
	const uint8_t *at;
	size_t left;
	uint32_t state;
};

static uint32_t next(struct input *in)
{
	in->state = in->state * 1664525 + 1013904223;
	return in->state >> 16;
}

static ssize_t read_some(context *ctx, void *from, void *buf, size_t n)
{
	struct input *in = from;
	size_t some = 1 + next(in) % 64;

	(void)ctx;
	some = some < n ? some : n;
	some = some < in->left ? some : in->left;
	if (some == 0)
		return 0;
	memcpy(buf, in->at, some);
	in->at += some;
	in->left -= some;
	return (ssize_t)some;
}

#define MUST(c) do { if (!(c)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	context *bg = ctx_background();
	struct input in = { 0 }, how;
	bufio_reader *r;
	size_t at = 0, room;
	uint8_t buf[128];

	if (size < 4)
		return 0;
	memcpy(&in.state, data, 4);
	how = in;
	data += 4;
	size -= 4;
	in.at = data;
	in.left = size;
	room = 16 + next(&how) % 100;
	r = bufio_reader_new(read_some, &in, room);
	for (;;) {
		size_t want = next(&how) % sizeof buf;
		char *found;
		ssize_t n;

		switch (next(&how) % 4) {
		case 0:
			n = bufio_read(bg, r, buf, want);
			MUST(n >= 0 && (size_t)n <= want);
			MUST(memcmp(buf, data + at, (size_t)n) == 0);
			MUST(n > 0 || want == 0 || at == size);
			break;
		case 1:
			n = bufio_readfull(bg, r, buf, want);
			MUST((size_t)n == (want < size - at ? want : size - at));
			MUST(memcmp(buf, data + at, (size_t)n) == 0);
			break;
		case 2: {
			const uint8_t *end = memchr(data + at, '\n', size - at);
			size_t len = end ? (size_t)(end + 1 - (data + at)) : size - at;

			n = bufio_readline(bg, r, &found);
			if (n == -EMSGSIZE) {
				MUST(len > room || (!end && len == room));
				n = 0;
				break;
			}
			MUST(n >= 0 && (size_t)n == len && len <= room);
			MUST(memcmp(found, data + at, len) == 0);
			break;
		}
		default:
			n = bufio_peek(bg, r, want, &found);
			if (want > room) {
				MUST(n == -EMSGSIZE);
				n = 0;
				break;
			}
			MUST((size_t)n >= (want < size - at ? want : size - at));
			MUST((size_t)n <= size - at);
			MUST(memcmp(found, data + at, (size_t)n) == 0);
			n = n ? (ssize_t)(next(&how) % (size_t)n) : 0;
			bufio_skip(r, (size_t)n);
		}
		at += (size_t)n;
		if (at == size)
			break;
		/* A line that is too long is read otherwise. */
	}
	MUST(bufio_read(bg, r, buf, sizeof buf) == 0);
	MUST(bufio_unread(r) == 0);
	bufio_reader_free(r);
	return 0;
}
