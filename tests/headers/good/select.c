/* select: designated cases, tables, no case, control flow around it. */
#include <millrace.h>

int loop(recv_chan(int) in, send_chan(int) out, recv_chan(char) done);
int table(chan(int) *chans, int n);
void for_ever(void);
int nested(chan(int) a, chan(int) b);

int loop(recv_chan(int) in, send_chan(int) out, recv_chan(char) done)
{
	enum { GOT, SENT = 2, DONE, TIMEOUT };		/* 1 is a hole: never chosen */
	int v = 0, sum = 0;
	bool ok;

	for (;;) {
		switch (chan_select([GOT] = on_recv(in, &v, &ok),
				    [SENT] = on_send(out, sum),
				    [DONE] = on_recv(done),
				    [TIMEOUT] = on_timeout(v * MILLISECOND))) {
		case GOT:
			if (!ok)
				return sum;
			sum += v;
			continue;
		case SENT:
			sum = 0;
			break;
		case DONE:
		case TIMEOUT:
			return -1;
		}
		if (chan_select(on_recv(in, &v), on_default) == 1)
			break;
	}
	while (chan_select_ordered(on_recv(done), on_recv(in), on_default) == 1)
		sum++;
	return sum;
}

int table(chan(int) *chans, int n)
{
	select_case cases[8];
	int values[8] = {0};

	for (int i = 0; i < n && i < 8; i++)
		cases[i] = i % 2 ? on_send_from(chans[i], &values[i])
				 : on_recv(chans[i], &values[i]);
	return chan_select_n(cases, (size_t)n);
}

int nested(chan(int) a, chan(int) b)
{
	return chan_select(on_send(a, chan_recv(b)),
			   on_send(b, chan_select(on_recv(a), on_default)));
}

void for_ever(void)
{
	if (chan_select_ordered() < 0)
		chan_select();
}
