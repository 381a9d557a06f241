/* out.c - formatted output for reports: no malloc, no stdio, no lock, errno kept, so
 * that it works in a signal handler and with a broken heap.
 *
 * Whenever an mri_out_* function returns, n < sizeof buf and buf[n] is 0. */
#include "base/fault.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

void mri_out_init(struct mri_out *o, int fd)
{
	o->fd = fd;
	o->n = 0;
	o->buf[0] = 0;
}

/* mri_os_write does the same, but is above this layer. */
static void write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done > 0) {
			p += done;
			n -= (size_t)done;
		} else if (errno == EAGAIN) {
			struct pollfd pfd = { .fd = fd, .events = POLLOUT };

			if (poll(&pfd, 1, 1000) == 0)
				return;
		} else if (errno != EINTR) {
			return;
		}
	}
}

void mri_out_flush(struct mri_out *o)
{
	int saved = errno;

	if (o->fd < 0)
		return;
	write_all(o->fd, o->buf, o->n);
	o->n = 0;
	o->buf[0] = 0;
	errno = saved;
}

static void put(struct mri_out *o, char c)
{
	if (o->n == sizeof o->buf - 1)
		mri_out_flush(o);
	if (o->n == sizeof o->buf - 1)
		return;         /* no file: what does not fit is dropped */
	o->buf[o->n++] = c;
	o->buf[o->n] = 0;
}

static void put_bytes(struct mri_out *o, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(o, s[i]);
}

void mri_out_str(struct mri_out *o, const char *s)
{
	put_bytes(o, s, strlen(s));
}

/* One conversion: what stands between '%' and its letter. */
struct spec {
	bool left;
	char pad;
	int width;
	int max;                /* of a string; -1: all of it */
};

static void put_padded(struct mri_out *o, const struct spec *spec, const char *s,
		       size_t n)
{
	int pad = spec->width > (int)n ? spec->width - (int)n : 0;

	if (!spec->left && spec->pad == '0' && n && *s == '-') {
		put(o, '-');
		s++;
		n--;
	}
	for (int i = 0; !spec->left && i < pad; i++)
		put(o, spec->pad);
	put_bytes(o, s, n);
	for (int i = 0; spec->left && i < pad; i++)
		put(o, ' ');
}

static void put_number(struct mri_out *o, const struct spec *spec, uint64_t v,
		       unsigned base, bool negative)
{
	char digits[24];
	char *end = digits + sizeof digits;
	char *p = end;

	do {
		*--p = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	if (negative)
		*--p = '-';
	put_padded(o, spec, p, (size_t)(end - p));
}

static void put_signed(struct mri_out *o, const struct spec *spec, int64_t v)
{
	put_number(o, spec, v < 0 ? -(uint64_t)v : (uint64_t)v, 10, v < 0);
}

static const struct spec plain = { .pad = ' ', .max = -1 };

void mri_out_dec(struct mri_out *o, int64_t v)
{
	put_signed(o, &plain, v);
}

void mri_out_hex(struct mri_out *o, uint64_t v)
{
	mri_out_str(o, "0x");
	put_number(o, &plain, v, 16, false);
}

void mri_out_ns(struct mri_out *o, int64_t ns)
{
	static const struct spec three = { .pad = '0', .width = 3 };
	uint64_t ms = (ns < 0 ? -(uint64_t)ns : (uint64_t)ns) / 1000000;

	put_number(o, &plain, ms / 1000, 10, ns < 0 && ms);
	put(o, '.');
	put_number(o, &three, ms % 1000, 10, false);
	put(o, 's');
}

static const char *parse_spec(const char *p, struct spec *spec, va_list *args)
{
	*spec = plain;
	for (; *p == '-' || *p == '0'; p++) {
		spec->left |= *p == '-';
		if (*p == '0')
			spec->pad = '0';
	}
	for (; *p >= '0' && *p <= '9'; p++)
		spec->width = spec->width * 10 + (*p - '0');
	if (p[0] == '.' && p[1] == '*') {
		spec->max = va_arg(*args, int);
		p += 2;
	}
	return p;
}

static void put_string(struct mri_out *o, const struct spec *spec, const char *s)
{
	if (!s)
		s = "(null)";
	put_padded(o, spec, s, strnlen(s, spec->max >= 0 ? (size_t)spec->max : SIZE_MAX));
}

/* An argument of the given length: 0 int, 1 long, 2 long long; size_t is 1. */
static int64_t signed_arg(va_list *args, int length)
{
	if (length == 0)
		return va_arg(*args, int);
	return length == 1 ? va_arg(*args, long) : va_arg(*args, long long);
}

static uint64_t unsigned_arg(va_list *args, int length)
{
	if (length == 0)
		return va_arg(*args, unsigned);
	return length == 1 ? va_arg(*args, unsigned long) :
			     va_arg(*args, unsigned long long);
}

/* The conversion at p, after '%'; returns what follows it. */
static const char *convert(struct mri_out *o, const char *p, va_list *args)
{
	struct spec spec;
	int length = 0;
	char c;

	p = parse_spec(p, &spec, args);
	for (; *p == 'l' || *p == 'z'; p++)
		length++;
	switch (*p) {
	case 's':
		put_string(o, &spec, va_arg(*args, const char *));
		break;
	case 'c':
		c = (char)va_arg(*args, int);
		put_padded(o, &spec, &c, 1);
		break;
	case 'd':
		put_signed(o, &spec, signed_arg(args, length));
		break;
	case 'u':
		put_number(o, &spec, unsigned_arg(args, length), 10, false);
		break;
	case 'x':
		put_number(o, &spec, unsigned_arg(args, length), 16, false);
		break;
	case 'p':
		mri_out_hex(o, (uintptr_t)va_arg(*args, void *));
		break;
	case 'm':
		mri_out_ns(o, va_arg(*args, int64_t));
		p += p[1] == 's';
		break;
	case 0:
		return p;
	default:                /* '%', and what nobody should write */
		put(o, *p);
	}
	return p + 1;
}

void mri_out_vfmt(struct mri_out *o, const char *fmt, va_list args)
{
	va_list copy;

	/* va_list may be an array, and a parameter of that type a pointer. */
	va_copy(copy, args);
	while (*fmt) {
		if (*fmt != '%')
			put(o, *fmt++);
		else
			fmt = convert(o, fmt + 1, &copy);
	}
	va_end(copy);
}

void mri_out_fmt(struct mri_out *o, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	mri_out_vfmt(o, fmt, args);
	va_end(args);
}
