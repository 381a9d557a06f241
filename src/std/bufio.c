/* bufio.c - buffered readers and writers. */
#define _GNU_SOURCE
#include "millrace/bufio.h"
#include "base/fault.h"
#include "millrace/io.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST = 16 };

/* ------------------------------------------------------- what is underneath -- */

static ssize_t read_net(mr_context *ctx, void *from, void *buf, size_t n)
{
	return mr_net_read(ctx, from, buf, n);
}
static ssize_t write_net(mr_context *ctx, void *to, const void *buf, size_t n)
{
	return mr_net_write(ctx, to, buf, n);
}
/* A descriptor is the pointer itself. */
static ssize_t read_fd(mr_context *ctx, void *from, void *buf, size_t n)
{
	return mr_io_read(ctx, (int)(intptr_t)from, buf, n);
}
static ssize_t write_fd(mr_context *ctx, void *to, const void *buf, size_t n)
{
	return mr_io_writeall(ctx, (int)(intptr_t)to, buf, n);
}

/* ---------------------------------------------------------------- reading -- */

struct mr_bufio_reader {
	mr_bufio_read_fn *read;
	void *from;
	size_t size, at, end; /* at..end is what has been read */
	char buf[];
};

mr_bufio_reader *mr_bufio_reader_new(mr_bufio_read_fn *read, void *from, size_t size)
{
	mr_bufio_reader *r;

	size = size < LEAST ? LEAST : size;
	r = size > SIZE_MAX - sizeof *r ? NULL : malloc(sizeof *r + size);
	if (r)
		*r = (mr_bufio_reader){ .read = read, .from = from, .size = size };
	return r;
}
mr_bufio_reader *mr_bufio_reader_net(mr_net_conn *c, size_t size)
{
	return mr_bufio_reader_new(read_net, c, size);
}
mr_bufio_reader *mr_bufio_reader_fd(int fd, size_t size)
{
	return mr_bufio_reader_new(read_fd, (void *)(intptr_t)fd, size);
}
void mr_bufio_reader_free(mr_bufio_reader *r)
{
	free(r);
}

size_t mr_bufio_unread(const mr_bufio_reader *r)
{
	return r->end - r->at;
}

/* Some more, behind what is there, for which there is room. */
static ssize_t more(mr_context *ctx, mr_bufio_reader *r)
{
	ssize_t n;

	if (r->at == r->end) {
		r->at = r->end = 0;
	} else if (r->end == r->size) {
		memmove(r->buf, r->buf + r->at, r->end - r->at);
		r->end -= r->at;
		r->at = 0;
	}
	n = r->read(ctx, r->from, r->buf + r->end, r->size - r->end);
	if (n > 0)
		r->end += (size_t)n;
	return n;
}

static size_t take(mr_bufio_reader *r, void *buf, size_t n)
{
	size_t there = r->end - r->at;

	n = n < there ? n : there;
	if (n)
		memcpy(buf, r->buf + r->at, n);
	r->at += n;
	return n;
}

ssize_t mr_bufio_read(mr_context *ctx, mr_bufio_reader *r, void *buf, size_t n)
{
	if (r->at == r->end && n) {
		ssize_t rc;

		if (n >= r->size)
			return r->read(ctx, r->from, buf, n);
		rc = more(ctx, r);
		if (rc <= 0)
			return rc;
	}
	return (ssize_t)take(r, buf, n);
}

ssize_t mr_bufio_readfull(mr_context *ctx, mr_bufio_reader *r, void *buf, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t rc = mr_bufio_read(ctx, r, (char *)buf + got, n - got);

		if (rc <= 0)
			return got ? (ssize_t)got : rc;
		got += (size_t)rc;
	}
	return (ssize_t)got;
}

ssize_t mr_bufio_readline(mr_context *ctx, mr_bufio_reader *r, char **line)
{
	size_t looked = 0;

	for (;;) {
		size_t there = r->end - r->at, n = there;
		char *end = NULL;
		ssize_t rc;

		if (there > looked)
			end = memchr(r->buf + r->at + looked, '\n', there - looked);
		if (end) {
			n = (size_t)(end + 1 - (r->buf + r->at));
		} else {
			if (there == r->size)
				return -EMSGSIZE;
			looked = there;
			rc = more(ctx, r);
			if (rc > 0)
				continue;
			if (rc < 0)
				return rc;
		}
		*line = r->buf + r->at;
		r->at += n;
		return (ssize_t)n;
	}
}

ssize_t mr_bufio_peek(mr_context *ctx, mr_bufio_reader *r, size_t n, char **bytes)
{
	if (n > r->size)
		return -EMSGSIZE;
	if (r->at + n > r->size) {
		memmove(r->buf, r->buf + r->at, r->end - r->at);
		r->end -= r->at;
		r->at = 0;
	}
	while (r->end - r->at < n) {
		ssize_t rc = more(ctx, r);

		if (rc < 0)
			return rc;
		if (rc == 0)
			break;
	}
	*bytes = r->buf + r->at;
	return (ssize_t)(r->end - r->at);
}

void mr_bufio_skip(mr_bufio_reader *r, size_t n)
{
	if (n > r->end - r->at)
		mri_panic("bufio: skipped more than there is");
	r->at += n;
}

/* ---------------------------------------------------------------- writing -- */

struct mr_bufio_writer {
	mr_bufio_write_fn *write;
	void *to;
	int err; /* 0, or what went wrong */
	size_t size, used;
	char buf[];
};

mr_bufio_writer *mr_bufio_writer_new(mr_bufio_write_fn *write, void *to, size_t size)
{
	mr_bufio_writer *w;

	size = size < LEAST ? LEAST : size;
	w = size > SIZE_MAX - sizeof *w ? NULL : malloc(sizeof *w + size);
	if (w)
		*w = (mr_bufio_writer){ .write = write, .to = to, .size = size };
	return w;
}
mr_bufio_writer *mr_bufio_writer_net(mr_net_conn *c, size_t size)
{
	return mr_bufio_writer_new(write_net, c, size);
}
mr_bufio_writer *mr_bufio_writer_fd(int fd, size_t size)
{
	return mr_bufio_writer_new(write_fd, (void *)(intptr_t)fd, size);
}
void mr_bufio_writer_free(mr_bufio_writer *w)
{
	free(w);
}

size_t mr_bufio_unwritten(const mr_bufio_writer *w)
{
	return w->used;
}

/* All of it. If only some could be written, the next try says why. */
static void write_on(mr_context *ctx, mr_bufio_writer *w, const char *buf, size_t n)
{
	while (n && !w->err) {
		ssize_t rc = w->write(ctx, w->to, buf, n);

		if (rc <= 0) {
			w->err = rc < 0 ? (int)rc : -EIO;
			return;
		}
		buf += rc;
		n -= (size_t)rc;
	}
}

int mr_bufio_flush(mr_context *ctx, mr_bufio_writer *w)
{
	write_on(ctx, w, w->buf, w->used);
	w->used = 0;
	return w->err;
}

ssize_t mr_bufio_write(mr_context *ctx, mr_bufio_writer *w, const void *buf, size_t n)
{
	if (n > w->size - w->used) {
		(void)!mr_bufio_flush(ctx, w);
		if (n >= w->size) {
			write_on(ctx, w, buf, n);
			return w->err ? w->err : (ssize_t)n;
		}
	}
	if (w->err)
		return w->err;
	if (n)
		memcpy(w->buf + w->used, buf, n);
	w->used += n;
	return (ssize_t)n;
}

ssize_t mr_bufio_printf(mr_context *ctx, mr_bufio_writer *w, const char *format, ...)
{
	size_t room = w->size - w->used;
	char *text = NULL;
	ssize_t rc;
	va_list ap;
	int n;

	if (w->err)
		return w->err;
	va_start(ap, format);
	n = vsnprintf(w->buf + w->used, room, format, ap);
	va_end(ap);
	if (n < 0)
		return -EINVAL;
	if ((size_t)n < room) {
		w->used += (size_t)n;
		return n;
	}
	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0)
		return -ENOMEM;
	rc = mr_bufio_write(ctx, w, text, (size_t)n);
	free(text);
	return rc;
}
