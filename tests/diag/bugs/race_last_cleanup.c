/* race_last_cleanup.c - unsynchronised field: looked at after the unlock
 *
 * Get unlocks, and only then looks whether a clean-up is due and notes when the last
 * one was.
 *
 * From:     https://github.com/projectdiscovery/utils/issues/704
 * Detector: race
 * Says:     maybe_clean */
#include <millrace.h>

typedef struct { mutex mu; int value; int64_t last_cleanup; } cache;

static void maybe_clean(cache *c)
{
	if (c->last_cleanup < 10)
		c->last_cleanup++;
}

static void get_often(cache *c)
{
	for (int i = 0; i < 100; i++) {
		mutex_lock(&c->mu);
		c->value++;
#ifdef FIXED
		maybe_clean(c);
		mutex_unlock(&c->mu);
#else
		mutex_unlock(&c->mu);
		go_yield();             /* others get theirs */
		maybe_clean(c);
#endif
	}
}

int main(void)
{
	cache c = {0};
	waitgroup wg = {0};

	wg_go(&wg, get_often, &c);
	wg_go(&wg, get_often, &c);
	wg_wait(&wg);
	return c.value != 200;
}
