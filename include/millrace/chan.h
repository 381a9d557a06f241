/* chan.h - channels: typed pipes between goroutines.
 *
 * mr_chan(T) is a typed handle: a pointer type that carries T and is never dereferenced.
 * It needs no declaration, any two uses of mr_chan(int) are the same type, and its NULL
 * is Go's nil channel. T is any complete type without qualifiers but an array (wrap one
 * in a struct). An mr_chan(T) converts to mr_recv_chan(T), which can only be received
 * from, and to mr_send_chan(T), which can only be sent on and closed; not back.
 *
 * Elements are copied in and out. They arrive in the order in which they were sent.
 * What comes before, in every use of one channel:
 *   - a send happens before the receive of its element returns;
 *   - the n-th receive happens before send number n + cap returns (cap 0: the receive
 *     happens before the send returns);
 *   - the close happens before a receive that returns because of it.
 *
 * The functions take any channel and an untyped element: they are for bindings. C code
 * uses the macros below them, which check the type. */
#ifndef MILLRACE_CHAN_H
#define MILLRACE_CHAN_H

#include <millrace/base.h>
#include <millrace/errno.h>

/* Results of the operations that do not block. */
enum {
	MR_CHAN_OK,		/* done */
	MR_CHAN_WOULD_BLOCK,	/* nobody is ready; NULL channel */
	MR_CHAN_CLOSED		/* closed; for a receive: and drained */
};

MR_C_BEGIN
/* Make a channel for elements of elem_size bytes, with room for cap of them; cap 0 makes
 * it unbuffered: each send waits for its receiver.
 *
 * Returns the channel, which the caller frees with mr_chan_free(), and never NULL.
 * Panics "makechan: size out of range" when the room cannot be had (a negative cap is
 * a huge one). Never blocks. */
MR_API MR_MUST_USE void *mr_chan_new(size_t elem_size, size_t cap);

/* Send the element at elem on ch.
 *
 * Blocks until a receiver takes it or the channel has room; a NULL channel blocks for
 * ever. *elem is read before this returns, and not kept.
 * Panics "send on closed channel" if ch is closed, also when that happens while it
 * waits. Happens before the receive of the element returns. */
MR_API void mr_chan_send_from(const volatile void *ch, const void *elem);

/* Receive the next element of ch into *elem.
 *
 * Blocks until an element or a close arrives; a NULL channel blocks for ever. The send
 * that delivers the element happens before this returns.
 * Returns true with the element; false once ch is closed and drained, *elem then being
 * zeroed. elem may be NULL: the element is dropped. */
MR_API bool mr_chan_recv_into(const volatile void *ch, void *elem);

/* Send the element at elem on ch if that can be done at once.
 *
 * Returns MR_CHAN_OK when sent, MR_CHAN_WOULD_BLOCK, or MR_CHAN_CLOSED: it does not
 * panic. Ordered as a send when sent. Never blocks. */
MR_API int mr_chan_trysend_from(const volatile void *ch, const void *elem);

/* Receive an element of ch into *elem if one can be had at once.
 *
 * Returns MR_CHAN_OK with the element; MR_CHAN_WOULD_BLOCK, *elem being untouched; or
 * MR_CHAN_CLOSED once ch is closed and drained, *elem being zeroed. elem may be NULL.
 * Ordered as a receive unless it would block. Never blocks. */
MR_API int mr_chan_tryrecv_into(const volatile void *ch, void *elem);

/* Close ch: no more will be sent. Receivers get what is left, then zeroes.
 *
 * To be done once, by the sending side. Everybody who waits is woken: receivers with
 * false, senders with their panic. Frees nothing.
 * Panics "close of nil channel" and "close of closed channel". Never blocks. Happens
 * before each receive that returns because of it. */
MR_API void mr_chan_close_it(const volatile void *ch);

/* The number of elements waiting in ch; out of date as soon as it is returned. 0 for
 * NULL and for an unbuffered channel. Orders nothing. Never blocks. */
MR_API int mr_chan_len(const volatile void *ch);

/* The number of elements that ch has room for, as it was made; 0 for NULL. */
MR_API int mr_chan_cap(const volatile void *ch);

/* Free ch and the elements left in it. Need not be closed; NULL is ignored.
 *
 * By whoever uses the channel last: as soon as no further operation will be started on
 * it and each one started has met its partner (its element was received, or it was told
 * of the close), even while the other side has not yet returned from its call. Once the
 * effect of an operation can be seen, the library no longer touches the channel on its
 * behalf. A select is an operation on all its channels until it returns.
 * Panics if somebody waits on ch, and if it belongs to a timer or a context. Never
 * blocks. */
MR_API void mr_chan_free(const volatile void *ch);

/* mr_chan_close(ch) as a function, so that it can be deferred or started; it takes any
 * channel. In C the macro of that name, below, refuses a receive-only one. */
static inline void mr_chan_close(const volatile void *ch)
{
	mr_chan_close_it(ch);
}
MR_C_END

/* A channel in the declaration of a function that C++ sees too, where it is untyped. */
#ifdef __cplusplus
#define MR_RECV_CHAN(T)	const volatile void *
#define MR_SEND_CHAN(T)	const volatile void *
#else
#define MR_RECV_CHAN(T)	mr_recv_chan(T)
#define MR_SEND_CHAN(T)	mr_send_chan(T)

/* The types. T is a type name: mr_chan(int), mr_chan(struct job *). */
#define mr_chan(T)	__typeof__(__typeof__(T) (**)[0x3fff])
#define mr_recv_chan(T)	__typeof__(__typeof__(T) (*const *)[0x3fff])
#define mr_send_chan(T)	__typeof__(__typeof__(T) (*volatile *)[0x3fff])

/* The element type of ch; an array decays and loses its size, which is how one is found
 * out. */
#define mr_elem(ch)	__typeof__(((void)0, (***(ch))))
#define mr_is_send_only(ch)                                                             \
	__builtin_types_compatible_p(__typeof__(ch), mr_send_chan(mr_elem(ch)))
#define mr_is_recv_only(ch)                                                             \
	__builtin_types_compatible_p(__typeof__(ch), mr_recv_chan(mr_elem(ch)))
#define mr_no_array(ch)                                                                 \
	__builtin_types_compatible_p(mr_elem(ch), __typeof__(***(ch)))
#define mr_can_recv(ch)                                                                 \
	(mr_static_assert(mr_no_array(ch),                                              \
			  "element type is an array: wrap it in a struct"),             \
	 mr_static_assert(!mr_is_send_only(ch),                                         \
			  "receive from send-only channel: pass a recv_chan"))
#define mr_can_send(ch)                                                                 \
	(mr_static_assert(mr_no_array(ch),                                              \
			  "element type is an array: wrap it in a struct"),             \
	 mr_static_assert(!mr_is_recv_only(ch),                                         \
			  "send on or close of receive-only channel: pass a send_chan"))
/* The address of an element made from an expression or a braced list. */
#define mr_value(ch, ...) (&((struct { mr_elem(ch) mr_v; }){ __VA_ARGS__ }).mr_v)
/* The address p of an element. As an initialiser it is what the compiler points at when
 * the type is wrong; a system header's own expressions it would not look at. */
#define mr_place(ch, p)	(((struct { mr_elem(ch) *mr_p; }){ (p) }).mr_p)

/* mr_chan_make(T), mr_chan_make(T, cap): make a channel; the result is an mr_chan(T).
 * As mr_chan_new(). */
#define mr_chan_make(...)                                                               \
	MR_PICK2(__VA_ARGS__, mr_chan_make2, mr_chan_make1, ~)(__VA_ARGS__)
#define mr_chan_make1(T) mr_chan_make2(T, 0)
#define mr_chan_make2(T, n) ((mr_chan(T))mr_chan_new(sizeof(T), (n)))

/* mr_chan_send(ch, v): send v, converted to the element type as in an initialiser; for
 * a struct also its members: mr_chan_send(ch, { 1, 2 }). As mr_chan_send_from(). A
 * receive-only channel is refused at compile time. */
#define mr_chan_send(ch, ...)                                                           \
	(mr_can_send(ch), mr_chan_send_from((ch), mr_value((ch), __VA_ARGS__)))

/* v = mr_chan_recv(ch): the next element, or zero once ch is closed and drained.
 * ok = mr_chan_recv(ch, &v): false once ch is closed and drained; v is then zero.
 * As mr_chan_recv_into(). A send-only channel is refused at compile time. */
#define mr_chan_recv(...)                                                               \
	MR_PICK2(__VA_ARGS__, mr_chan_recv2, mr_chan_recv1, ~)(__VA_ARGS__)
#define mr_chan_recv1(ch) mr_chan_recv1_(ch, MR_CAT(mr_v_, __COUNTER__))
#define mr_chan_recv1_(ch, v)                                                           \
	__extension__ ({                                                                \
		mr_elem(ch) v;                                                          \
		mr_can_recv(ch);                                                        \
		mr_chan_recv_into((ch), &v);                                            \
		v;                                                                      \
	})
#define mr_chan_recv2(ch, p)                                                            \
	(mr_can_recv(ch), mr_chan_recv_into((ch), mr_place((ch), p)))

/* mr_chan_trysend(ch, v), mr_chan_tryrecv(ch, &v): without blocking. Results as of
 * mr_chan_trysend_from() and mr_chan_tryrecv_into(). */
#define mr_chan_trysend(ch, ...)                                                        \
	(mr_can_send(ch), mr_chan_trysend_from((ch), mr_value((ch), __VA_ARGS__)))
#define mr_chan_tryrecv(ch, p)                                                          \
	(mr_can_recv(ch), mr_chan_tryrecv_into((ch), mr_place((ch), p)))

/* mr_chan_range(v, ch) statement: as `for v := range ch`. Declares v, of the element
 * type, and runs the statement for each element until ch is closed and drained; break
 * and continue as in any loop. ch is evaluated once. Each round is an mr_chan_recv(). */
#define mr_chan_range(v, ch)                                                            \
	mr_chan_range_(v, ch, MR_CAT(mr_c_, __COUNTER__), MR_CAT(mr_once_, __COUNTER__))
#define mr_chan_range_(v, ch, c, once_)                                                 \
	for (__typeof__(ch) c = (ch), *once_ = &c; once_; once_ = NULL)                 \
		for (mr_elem(c) v; mr_chan_recv2(c, &v);)

/* mr_chan_close(ch): as mr_chan_close_it(). A receive-only channel is refused at compile
 * time, but not where the bare name is passed on: mr_defer(mr_chan_close, ch). */
#define mr_chan_close(ch) (mr_can_send(ch), mr_chan_close_it(ch))
#endif

#endif
