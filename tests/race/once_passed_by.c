/* Who does not call once_do is not ordered after it. */
#include <millrace.h>

static int config;
static once loaded;

static void load(void)
{
	config = 1;                     /* RACE */
}

static void use(waitgroup *done, bool calls)
{
#ifdef FIXED
	calls = true;
#endif
	if (calls)
		once_do(&loaded, load);
	if (config)                     /* RACE */
		go_yield();
	wg_done(done);
}

int main(void)
{
	waitgroup done = { 0 };

	wg_add(&done, 3);
	go(use, &done, true);
	go(use, &done, true);
	go(use, &done, false);
	wg_wait(&done);
}
