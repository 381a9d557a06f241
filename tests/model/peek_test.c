/* peek_test.c - what src/sync/chan.c and select.c find out without a lock: it was so at
 * one moment, after all that the caller knows of. */
#include "world.h"
#include "sync/chan.h"
#include <millrace/chan.h>
#include <millrace/select.h>

static void *ch, *ch2;
static int boxes[4];
static uint32_t flag;

static void put(void *c, int i)
{
	int *box = &boxes[i];

	*box = i + 1;
	mr_chan_send_from(c, &box);
}
static int try(void *c, int **box)
{
	*box = NULL;
	return mr_chan_tryrecv_into(c, box);
}
static void raise(void) { atomic_set(&flag, 1u, release); }
static bool raised(void) { return atomic_get(&flag, acquire) != 0; }

static void unbuffered(void) { ch = mr_chan_new(sizeof(int *), 0); }
static void room1(void) { ch = mr_chan_new(sizeof(int *), 1); }
static void room1_full(void) { room1(); put(ch, 0); }

/* An element sent before is found, and a close; never one for the other. */
static void send_flag_close(void)
{
	world_thread();
	put(ch, 0);
	raise();
	mr_chan_close_it(ch);
}
static void tries(void)
{
	int *box, n = 0, r;
	bool was, closed = false;

	world_thread();
	for (int i = 0; i < 3; i++) {
		was = raised();
		r = try(ch, &box);
		if (r == MR_CHAN_OK) {
			model_check(++n == 1 && (*box)++ == 1);
		} else if (r == MR_CHAN_CLOSED) {
			model_check(n == 1 && box == NULL);
			closed = true;
		} else {
			model_check(!closed && !(was && n == 0));
		}
	}
}
MODEL(peek_send_close, .setup = room1, .threads = { send_flag_close, tries })

/* The close is known of otherwise: it never looks open after that. */
static void close_flag(void) { world_thread(); mr_chan_close_it(ch); raise(); }
static void try_closed(void)
{
	int *box = NULL;
	bool was;

	world_thread();
	was = raised();
	model_check(try(ch, &box) == MR_CHAN_CLOSED || !was);
	was = raised();
	model_check(mr_chan_trysend_from(ch, &box) == MR_CHAN_CLOSED || !was);
}
MODEL(peek_close_unbuffered, .setup = unbuffered, .threads = { close_flag, try_closed })
MODEL(peek_close, .setup = room1, .threads = { close_flag, try_closed })

/* Room that was made before is found. */
static void take_flag(void)
{
	int *box;

	world_thread();
	model_check(mr_chan_recv_into(ch, &box) && *box == 1);
	raise();
}
static void try_send(void)
{
	int *box = &boxes[1];
	bool was;

	world_thread();
	was = raised();
	*box = 2;
	model_check(mr_chan_trysend_from(ch, &box) == MR_CHAN_OK || !was);
}
MODEL(peek_room, .setup = room1_full, .threads = { take_flag, try_send })

/* The ring stays full while a receiver takes one and a sender that waits comes after. */
static void send_more(void) { world_thread(); put(ch, 1); }
static void recv_two(void)
{
	int *box;

	world_thread();
	for (int i = 0; i < 2; i++)
		model_check(mr_chan_recv_into(ch, &box) && *box == i + 1);
}
static void len_is_right(void) { model_check(mr_chan_len(ch) == 0); }
MODEL(peek_ring, .setup = room1_full, .threads = { send_more, recv_two },
      .check = len_is_right)

/* One of two channels holds an element at every moment: a default is not chosen. */
static int chosen;
static void one_of_two(void)
{
	room1();
	ch2 = mr_chan_new(sizeof(int *), 1);
	put(ch2, 0);
}
static void move(void *to, void *from, int i)
{
	put(to, i);
	model_check(mr_chan_recv_into(from, NULL));
}
static void to_and_fro(void) { world_thread(); move(ch, ch2, 1); move(ch2, ch, 2); }
static void look_once(bool ordered)
{
	int *a = NULL, *b = NULL;
	mr_select_case cases[] = {
		{ .op = MR_SELECT_RECV, .ch = ch, .val = &a },
		{ .op = MR_SELECT_RECV, .ch = ch2, .val = &b },
		{ .op = MR_SELECT_DEFAULT },
	};

	chosen = ordered ? mr_chan_select_ordered_n(cases, 3) :
			   mr_chan_select_n(cases, 3);
}
static void look_at_both(void)
{
	struct mri_chan *a = ch, *b = ch2;

	world_thread();
	/* As select does it, but without taking the element from the mover. */
	for (int i = 0; i < 2; i++) {
		uint32_t ta = atomic_get(&a->turned, acquire), tb;
		bool none = mri_chan_is_empty(a);

		tb = atomic_get(&b->turned, acquire);
		none &= mri_chan_is_empty(b);
		none &= atomic_get(&a->turned, acquire) == ta;
		none &= atomic_get(&b->turned, acquire) == tb;
		model_check(!none);
	}
}
MODEL(peek_both, .setup = one_of_two, .threads = { look_at_both, to_and_fro },
      .preemptions = 4)

/* And with room: one of two rings is not full at any moment. */
static void look_for_room(void)
{
	int *box = &boxes[2];
	mr_select_case cases[] = {
		{ .op = MR_SELECT_SEND, .ch = ch2, .val = &box },
		{ .op = MR_SELECT_SEND, .ch = ch, .val = &box },
		{ .op = MR_SELECT_DEFAULT },
	};

	world_thread();
	chosen = mr_chan_select_n(cases, 3);
}
static void make_room_first(void)
{
	int *box;

	world_thread();
	try(ch2, &box);
	box = &boxes[1];
	(void)mr_chan_trysend_from(ch, &box);
}
static void not_full(void) { model_check(chosen != 2); }
MODEL(select_room, .setup = one_of_two, .threads = { look_for_room, make_room_first },
      .check = not_full)

/* The same through select, which takes it: the mover moves once, and what it would wait
 * for is not there any more. */
static void to_the_other(void)
{
	int *box;

	world_thread();
	put(ch, 1);
	try(ch2, &box);
}
static void look_for_default(void) { world_thread(); look_once(false); }
static void look_in_order(void) { world_thread(); look_once(true); }
static void no_default(void) { model_check(chosen != 2); }
MODEL(select_no_default, .setup = one_of_two, .threads = { look_for_default, to_the_other },
      .check = no_default)

/* What comes later in the table and in time does not come first. */
static void two_empty(void)
{
	room1();
	ch2 = mr_chan_new(sizeof(int *), 1);
}
static void send_both(void) { world_thread(); put(ch, 0); put(ch2, 1); }
static void not_the_second(void) { model_check(chosen != 1); }
MODEL(select_ordered, .setup = two_empty, .threads = { look_in_order, send_both },
      .check = not_the_second)

/* Of two partners one has chosen, and the other may still look at its waiter: the select
 * does not return meanwhile. */
static void two_unbuffered(void)
{
	unbuffered();
	ch2 = mr_chan_new(sizeof(int *), 0);
}
static noinline void scribble(void)
{
	char on_the_stack[4096];

	memset(on_the_stack, 0xa5, sizeof on_the_stack);
}
static void select_and_leave(void)
{
	int *a = NULL, *b = NULL;
	mr_select_case cases[] = {
		{ .op = MR_SELECT_RECV, .ch = ch, .val = &a },
		{ .op = MR_SELECT_RECV, .ch = ch2, .val = &b },
	};

	world_thread();
	chosen = mr_chan_select_ordered_n(cases, 2);
	scribble();
	model_check(chosen == 0 ? *a == 1 && !b : *b == 2 && !a);
}
static void send_first(void) { world_thread(); put(ch, 0); }
static void send_second(void) { world_thread(); put(ch2, 1); }
static void nobody_waits_there(void)
{
	model_check(!((struct mri_chan *)ch)->recvq && !((struct mri_chan *)ch2)->recvq);
}
MODEL(select_leaves, .setup = two_unbuffered,
      .threads = { select_and_leave, send_first, send_second },
      .check = nobody_waits_there, .daemons = 6, .preemptions = 3)
