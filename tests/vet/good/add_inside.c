/* wg_add where it belongs: before go, for children of one's own, for one's own group. */
#include <millrace.h>

static waitgroup wg;

static void is_counted(int n)
{
	defer(wg_done, &wg);
	(void)n;
}
/* It is counted itself, so the count is not 0 when it adds. */
static void has_children(void)
{
	defer(wg_done, &wg);
	for (int i = 0; i < 3; i++) {
		wg_add(&wg, 1);
		go(is_counted, i);
	}
}
static void has_a_group(void)
{
	waitgroup own = { 0 };

	wg_add(&own, 1);
	wg_done(&own);
	wg_wait(&own);
	wg_add(&wg, -1);
}
/* Called, not started. */
static void adds(void)
{
	wg_add(&wg, 3);
}

int main(void)
{
	adds();
	go(is_counted, 1);
	go(has_children);
	go(has_a_group);
	wg_wait(&wg);
}
