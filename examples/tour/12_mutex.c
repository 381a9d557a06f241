/* mutex: protect shared data. The unlock is deferred right after the lock, so that it
 * cannot be forgotten on any way out.
 *
 * Output:
 * 10000 */
#include <millrace.h>
#include <stdio.h>

typedef struct { mutex mu; int n; } counter;

static void counter_inc(counter *c)
{
	mutex_lock(&c->mu);
	defer(mutex_unlock, &c->mu);
	c->n++;
}

static int counter_value(counter *c)
{
	mutex_lock(&c->mu);
	defer(mutex_unlock, &c->mu);
	return c->n;
}

static void inc_often(counter *c)
{
	for (int i = 0; i < 100; i++)
		counter_inc(c);
}

int main(void)
{
	counter c = {0};                /* zero is ready to use */
	waitgroup wg = {0};

	for (int i = 0; i < 100; i++)
		wg_go(&wg, inc_often, &c);
	wg_wait(&wg);
	printf("%d\n", counter_value(&c));
}
