/* Channels of every kind of element, their conversions, and nested uses. */
#include <millrace.h>
#include <stdlib.h>

typedef struct { int x; struct { double d; char s[8]; } in; } record;
typedef struct { int numbers[4]; } wrapped;
typedef chan(int) int_chan;
struct node { struct node *next; recv_chan(int) ch; };
enum color { RED, GREEN };

int kinds(void);
int nested(chan(int) a, chan(chan(int)) b, chan(int) *many, int n);
recv_chan(int) converted(chan(int) ch);
chan(record *) same(chan(struct node *) other);

int kinds(void)
{
	int local = 1;
	chan(char) c = chan_make(char, 1);
	chan(double) d = chan_make(double, local + 1);
	chan(long double) ld = chan_make(long double);
	chan(bool) b = chan_make(bool);
	chan(enum color) e = chan_make(enum color);
	chan(record) r = chan_make(record);
	chan(wrapped) w = chan_make(wrapped);
	chan(const char *) s = chan_make(const char *, 2);
	chan(void *) p = chan_make(void *);
	chan(struct node *) n = chan_make(struct node *);
	chan(void (*)(int)) f = chan_make(void (*)(int));
	chan(int *const *) pp = chan_make(int *const *);
	record got;
	void *q;
	int *const ip = &local;
	int *const *ipp;

	chan_send(c, 'c');
	chan_send(d, 1);
	chan_send(ld, 1.0L);
	chan_send(b, local > 0);
	chan_send(e, GREEN);
	chan_send(r, (record){ .x = 1 });
	chan_send(r, { 1, { 2, "three" } });
	chan_send(r, { .in.d = 2, .in.s = "two" });
	chan_send(w, { { 1, 2, 3, 4 } });
	chan_send(s, "text");
	chan_send(p, &local);
	chan_send(n, NULL);
	chan_send(f, NULL);
	chan_send(pp, &ip);
	if (chan_recv(r, &got) && chan_recv(p, &q) && chan_recv(pp, &ipp) && chan_recv(b))
		local += got.x + **ipp + chan_recv(w).numbers[1];
	free(chan_recv(p));
	chan_recv(f)(chan_recv(e));
	chan_recv(r, NULL);
	return local + chan_recv(s)[0] + (int)chan_recv(d) + (int)chan_recv(ld);
}

int nested(chan(int) a, chan(chan(int)) b, chan(int) *many, int n)
{
	int sum = 0;
	int_chan nil = NULL;

	chan_send(a, chan_recv(a) + chan_recv(chan_recv(b)));
	chan_send(chan_recv(b), chan_trysend(a, chan_recv(a)));
	chan_send(b, a);
	chan_range(ch, b) {
		chan_range(v, ch) {
			if (v < 0)
				break;
			if (v == 0)
				continue;
			sum += v;
		}
		if (ch == nil)
			return sum;
	}
	for (int i = 0; i < n; i++)
		sum += chan_recv(*many++);
	if (sum)
		chan_range(v, many[0])
			sum -= v;
	else
		chan_close(chan_recv(b));
	return chan_recv(a) ? chan_recv(a) : chan_tryrecv(a, &sum);
}

recv_chan(int) converted(chan(int) ch)
{
	recv_chan(int) in = ch;
	send_chan(int) out = ch;
	struct node n = { NULL, ch };

	chan_send(out, chan_recv(in));
	chan_recv(n.ch);
	go(converted, ch);
	return chan_cap(in) > chan_len(out) ? in : n.ch;
}

chan(record *) same(chan(struct node *) other)
{
	(void)other;
	return NULL;
}
