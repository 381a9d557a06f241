/* fault.h - the three ways a program ends badly.
 *
 *   panic  the user's bug, can be caught: unwinds, go_try sees the message
 *   fatal  the user's bug, cannot be caught (a broken lock, a deadlock):
 *          "fatal error: ..." with the goroutine's trace, exit status 2
 *   throw  our bug: "millrace: internal error: ...", all goroutines, abort
 *
 * The text is formatted without malloc; all are usable from any thread. */
#ifndef MRI_BASE_FAULT_H
#define MRI_BASE_FAULT_H
#include "base/attr.h"
#include <stdarg.h>

noreturn_fn void mri_panic(const char *fmt, ...) printf_fn(1, 2);
noreturn_fn void mri_fatal(const char *fmt, ...) printf_fn(1, 2);
noreturn_fn void mri_throw(const char *fmt, ...) printf_fn(1, 2);

#ifdef MRI_DEV
#define mri_assert(cond) \
	((cond) ? (void)0 : mri_throw("%s:%d: not so: %s", __FILE__, __LINE__, #cond))
#else
#define mri_assert(cond) ((void)sizeof(!(cond)))
#endif

/* A buffer that is formatted into and written with write(2): async-signal-safe,
 * no malloc, no stdio, errno kept; no lock either: one thread at a time.
 *
 * Conversions: %s (NULL: "(null)") %c %d %u %x with l, ll or z, %p %%, and %ms: int64
 * nanoseconds as "1.234s". Width, '-', '0' and, for strings, ".*" work as in printf.
 *
 * A full buffer flushes itself to fd. With fd < 0 nothing is ever written: what does
 * not fit is dropped. buf always holds a string of length n. */
struct mri_out { int fd; size_t n; char buf[512]; };
void mri_out_init(struct mri_out *o, int fd);
void mri_out_fmt(struct mri_out *o, const char *fmt, ...);
void mri_out_vfmt(struct mri_out *o, const char *fmt, va_list args);
void mri_out_str(struct mri_out *o, const char *s);
void mri_out_dec(struct mri_out *o, int64_t v);
void mri_out_hex(struct mri_out *o, uint64_t v);        /* "0x1f" */
void mri_out_ns(struct mri_out *o, int64_t ns);         /* as %ms */
void mri_out_flush(struct mri_out *o);
#endif
