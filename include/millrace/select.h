/* select.h - wait for the first of several channel operations.
 *
 *	switch (mr_chan_select(mr_on_recv(a, &v), mr_on_send(b, 42),
 *			       mr_on_timeout(MR_SECOND))) {
 *	case 0: ...	v was received from a
 *	case 1: ...	42 was sent on b
 *	case 2: ...	neither within a second
 *	}
 * Designated initialisers name the cases: [GOT] = mr_on_recv(a, &v). */
#ifndef MILLRACE_SELECT_H
#define MILLRACE_SELECT_H

#include <millrace/base.h>
#include <millrace/chan.h>
#include <millrace/errno.h>

/* What a case does: mr_select_case.op. */
enum {
	MR_SELECT_NONE,		/* nothing, is never chosen: a hole between designators */
	MR_SELECT_RECV,
	MR_SELECT_SEND,
	MR_SELECT_TIMEOUT,
	MR_SELECT_DEFAULT
};

MR_C_BEGIN
/* A case of a select. The caller owns it and everything in it, until the select
 * returns.
 *
 * op: MR_SELECT_*.
 * ch: the channel to receive from or send on; with NULL the case is never ready.
 * val: the element to send, or where to store the one received (NULL: drop it). It is
 * stored, or zeroed by a close, only if this case is chosen.
 * ok: for a receive, set to false if ch was closed and drained, else to true, if this
 * case is chosen; may be NULL.
 * time: for a timeout, nanoseconds from the call. */
typedef struct mr_select_case {
	int op;
	const volatile void *ch;
	void *val;
	bool *ok;
	int64_t time;
} mr_select_case;

/* Wait until one of the n cases can be done, and do it.
 *
 * If several can at once, a uniformly random one is chosen. A default case is chosen
 * when no other is ready; otherwise this blocks until one is, for ever if there is none
 * that could be. A timeout of 0 or less is chosen when nothing else is ready at once; of
 * several the earliest counts.
 *
 * Returns the index of the case that was done; it is ordered as that operation alone
 * would be, and the others leave no trace.
 * Panics "send on closed channel" if a send that is chosen meets a closed channel, and
 * "select: more than one default". The table is not kept. */
MR_API int mr_chan_select_n(mr_select_case *cases, size_t n);

/* The same, but of several cases that are ready at once the first in the table is
 * chosen. */
MR_API int mr_chan_select_ordered_n(mr_select_case *cases, size_t n);
MR_C_END

#ifndef __cplusplus
/* mr_chan_select(cases...): as mr_chan_select_n() on a table of the cases. Without any
 * it blocks for ever.
 *
 * Operands are evaluated once, in no fixed order. break, continue and return in a switch
 * over the result mean what C says. */
#define mr_chan_select(...)                                                             \
	mr_chan_select_n(mr_cases(__VA_ARGS__), mr_ncases(__VA_ARGS__))
/* The same, as mr_chan_select_ordered_n(). */
#define mr_chan_select_ordered(...)                                                     \
	mr_chan_select_ordered_n(mr_cases(__VA_ARGS__), mr_ncases(__VA_ARGS__))
#define mr_cases(...)	(__extension__ (mr_select_case[]){ __VA_ARGS__ })
/* All fields: for those left out the compiler would zero the table by a `rep stos` first,
 * which takes longer than the select. */
#define mr_case(kind, c, v, k, d)                                                       \
	((mr_select_case){ .op = (kind), .ch = (c), .val = (v), .ok = (k), .time = (d) })
#define mr_ncases(...)	(sizeof mr_cases(__VA_ARGS__) / sizeof(mr_select_case))

/* mr_on_recv(ch), mr_on_recv(ch, &v), mr_on_recv(ch, &v, &ok): receive from ch, as
 * mr_chan_recv(). A send-only channel is refused at compile time. */
#define mr_on_recv(...)                                                                 \
	MR_PICK3(__VA_ARGS__, mr_on_recv3, mr_on_recv2, mr_on_recv1, ~)(__VA_ARGS__)
#define mr_on_recv1(c)                                                                  \
	mr_case((mr_can_recv(c), MR_SELECT_RECV), (c), 0, 0, 0)
#define mr_on_recv2(c, p)                                                               \
	mr_case((mr_can_recv(c), MR_SELECT_RECV), (c), mr_place((c), p), 0, 0)
#define mr_on_recv3(c, p, k)                                                            \
	mr_case((mr_can_recv(c), MR_SELECT_RECV), (c), mr_place((c), p), (k), 0)

/* mr_on_send(ch, v): send v on ch, as mr_chan_send(). v is evaluated whether or not the
 * case is chosen; its copy lives as long as the block that this stands in. A
 * receive-only channel is refused at compile time. */
#define mr_on_send(c, ...)                                                              \
	mr_case((mr_can_send(c), MR_SELECT_SEND), (c), mr_value((c), __VA_ARGS__), 0, 0)

/* mr_on_send_from(ch, &v): the same for a table that is filled in a loop: *v is the
 * caller's, and is read when the case is chosen. */
#define mr_on_send_from(c, p)                                                           \
	mr_case((mr_can_send(c), MR_SELECT_SEND), (c), mr_place((c), p), 0, 0)

/* mr_on_timeout(d): give up after d nanoseconds (an mr_duration). */
#define mr_on_timeout(d) mr_case(MR_SELECT_TIMEOUT, 0, 0, 0, (d))

/* mr_on_default: give up at once, as Go's `default`. One per select. */
#define mr_on_default	mr_case(MR_SELECT_DEFAULT, 0, 0, 0, 0)
#endif

#endif
