/* chan_test.c - src/sync/chan.c and select.c between threads that are not ours: hand-over, ring,
 * close. Elements are pointers: what was written behind one is there after a receive. */
#include "world.h"
#include "sync/chan.h"
#include <millrace/chan.h>
#include <millrace/select.h>

static void *ch;
static int boxes[4];
static int got[MODEL_THREADS + 1][4], ngot[MODEL_THREADS + 1];
static int saw_close[MODEL_THREADS + 1];

static void unbuffered(void) { ch = mr_chan_new(sizeof(int *), 0); }
static void room1(void) { ch = mr_chan_new(sizeof(int *), 1); }
static void room2(void) { ch = mr_chan_new(sizeof(int *), 2); }

static void send(int i)
{
	int *box = &boxes[i];

	*box = i + 1;
	mr_chan_send_from(ch, &box);
}
static bool recv(void)
{
	int *box = NULL;
	int me = model_self();

	if (!mr_chan_recv_into(ch, &box)) {
		model_check(box == NULL);
		return false;
	}
	got[me][ngot[me]++] = (*box)++;         /* ours now: readable and writable */
	return true;
}
static void send0(void) { world_thread(); send(0); }
static void send1(void) { world_thread(); send(1); }
static void send01(void) { world_thread(); send(0); send(1); }
static void send012(void) { world_thread(); send(0); send(1); send(2); }
static void recv1(void) { world_thread(); recv(); }
static void recv2(void) { world_thread(); recv(); recv(); }
static void recv3(void) { world_thread(); recv(); recv(); recv(); }
static void send_close(void) { send01(); mr_chan_close_it(ch); }
static void recv_all(void) { world_thread(); while (recv()) ; saw_close[model_self()]++; }
static void close_it(void) { world_thread(); mr_chan_close_it(ch); }

/* n elements, each once. */
static void each_once(int n)
{
	int seen[4] = { 0 };

	for (int t = 1; t <= MODEL_THREADS; t++)
		for (int i = 0; i < ngot[t]; i++)
			seen[got[t][i] - 1]++;
	for (int i = 0; i < 4; i++)
		model_check(seen[i] == (i < n));
	model_check(mr_chan_len(ch) == 0);
}
static void in_order(void)
{
	for (int t = 1; t <= MODEL_THREADS; t++)
		for (int i = 1; i < ngot[t]; i++)
			model_check(got[t][i] > got[t][i - 1]);
}
static int closes(void)
{
	int n = 0;

	for (int t = 1; t <= MODEL_THREADS; t++)
		n += saw_close[t];
	return n;
}
static void check1(void) { each_once(1); }
static void check2(void) { each_once(2); }
static void fifo2(void) { each_once(2); in_order(); }
static void fifo3(void) { each_once(3); in_order(); }
static void closed1(void) { fifo2(); model_check(closes() == 1); }
static void closed2(void) { fifo2(); model_check(closes() == 2); }
static void only_closed(void) { each_once(0); model_check(closes() == 2); }

MODEL(chan_hand_over, .setup = unbuffered, .threads = { send0, recv1 }, .check = check1)
MODEL(chan_hand_over_fifo, .setup = unbuffered, .threads = { send01, recv2 }, .check = fifo2)
MODEL(chan_two_senders, .setup = unbuffered, .threads = { send0, send1, recv2 },
      .check = check2, .preemptions = 4, .slow = true)
MODEL(chan_two_receivers, .setup = unbuffered, .threads = { send01, recv1, recv1 },
      .check = check2, .preemptions = 4, .slow = true)
MODEL(chan_ring, .setup = room1, .threads = { send01, recv2 }, .check = fifo2)
MODEL(chan_ring_wraps, .setup = room2, .threads = { send012, recv3 }, .check = fifo3)
MODEL(chan_close, .setup = room1, .threads = { send_close, recv_all }, .check = closed1)
MODEL(chan_close_unbuffered, .setup = unbuffered, .threads = { send_close, recv_all },
      .check = closed1)
MODEL(chan_close_two, .setup = room1, .threads = { send_close, recv_all, recv_all },
      .check = closed2, .preemptions = 4, .slow = true)
MODEL(chan_close_wakes_all, .setup = unbuffered, .threads = { close_it, recv_all, recv_all },
      .check = only_closed, .slow = true)

/* select: of two partners that come at once one is chosen, and the other waits on. */
static void *ch2;
static void two_chans(void)
{
	ch = mr_chan_new(sizeof(int *), 0);
	ch2 = mr_chan_new(sizeof(int *), 0);
}
static void select_one(void)
{
	int *a = NULL, *b = NULL;
	mr_select_case cases[] = {
		{ .op = MR_SELECT_RECV, .ch = ch, .val = &a },
		{ .op = MR_SELECT_RECV, .ch = ch2, .val = &b },
	};
	int me = model_self(), i = mr_chan_select_ordered_n(cases, 2);

	model_check((i == 0 && a && !b) || (i == 1 && b && !a));
	got[me][ngot[me]++] = (*(i ? b : a))++;
}
static void select1(void) { world_thread(); select_one(); }
static void select2(void) { world_thread(); select_one(); select_one(); }
static void send1_other(void)
{
	int *box = &boxes[1];

	world_thread();
	*box = 2;
	mr_chan_send_from(ch2, &box);
}
MODEL(select_one_partner, .setup = two_chans, .threads = { select1, send0 }, .check = check1)
MODEL(select_two_partners, .setup = two_chans, .threads = { select2, send0, send1_other },
      .check = check2, .preemptions = 3, .slow = true)

/* A timeout: of the timer and a partner one is chosen, and the other leaves no trace: it
 * does not end the wait that comes next. Whoever runs the timers may come too early. */
static int timed_out, sent;
static void timeout_setup(void)
{
	world_procs_busy(1);
	two_chans();
}
static void select_timeout(void)
{
	int *a = NULL, i;
	bool ok = true;
	mr_select_case cases[] = {
		{ .op = MR_SELECT_RECV, .ch = ch, .val = &a, .ok = &ok },
		{ .op = MR_SELECT_TIMEOUT, .time = 1 },
	};

	world_thread();
	i = mr_chan_select_ordered_n(cases, 2);
	model_check(ok == (i == 1 || a != NULL));
	if (i == 1)
		timed_out++;
	else if (ok)
		got[1][ngot[1]++] = (*a)++;
	else
		saw_close[1]++;
	model_check(mr_chan_recv_into(ch2, NULL));
}
static void runs_timers(void)
{
	world_thread();
	mri_timer_run(world_ps[0].timers, 2);
}
static void close_and_send(void)
{
	close_it();
	send1_other();
}
/* Sends if somebody waits, and closes, so that the wait ends in any case. */
static void try_and_close(void)
{
	int *box = &boxes[0];

	world_thread();
	*box = 1;
	if (mr_chan_trysend_from(ch, &box) == MR_CHAN_OK)
		sent++;
	close_and_send();
}
static void one_of_three(void)
{
	model_check(timed_out + ngot[1] + saw_close[1] == 1);
	model_check(sent == ngot[1] && !((struct mri_chan *)ch)->recvq);
	model_check(!mri_timer_next(world_ps[0].timers));
}
MODEL(select_timeout_or_close, .setup = timeout_setup,
      .threads = { select_timeout, close_and_send, runs_timers }, .check = one_of_three,
      .preemptions = 2)
MODEL(select_timeout_or_partner, .setup = timeout_setup,
      .threads = { select_timeout, try_and_close, runs_timers }, .check = one_of_three,
      .preemptions = 2, .slow = true)
