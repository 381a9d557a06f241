/* wg_add in the goroutine that it counts. */
#include <millrace.h>

static waitgroup wg;

static void counts_itself(int n)
{
	wg_add(&wg, 1);         // vet: add-inside
	defer(wg_done, &wg);
	(void)n;
}
static void counts_given(waitgroup *group)
{
	wg_add(group, 1);       // vet: add-inside
	wg_done(group);
}

int main(void)
{
	for (int i = 0; i < 3; i++)
		go(counts_itself, i);
	go(counts_given, &wg);
	wg_wait(&wg);
}
