/* A pointer is sent, and what it points to is used on; a struct is copied. */
#include <millrace.h>

struct point { int x, y; };
#ifdef FIXED
typedef struct point element;
#define value_of(p) (p)
#define x_of(e) (e).x
#else
typedef struct point *element;
#define value_of(p) (&(p))
#define x_of(e) (e)->x
#endif

static void draw(chan(element) in, chan(int) done)
{
	int sum = 0;

	chan_range(e, in)
		sum += x_of(e);         /* RACE */
	chan_send(done, sum);
}

int main(void)
{
	chan(element) in = chan_make(element, 4);
	chan(int) done = chan_make(int);
	static struct point p;

	go(draw, in, done);
	for (int i = 0; i < 4; i++) {
		p.x = i;                /* RACE */
		chan_send(in, value_of(p));
	}
	chan_close(in);
	chan_recv(done);
}
