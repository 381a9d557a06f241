/* All goroutines get the address of one variable, which the loop goes on to change. */
#include <millrace.h>

struct job { int number; const char *name; };

static void use(int *n) { (void)*n; }
static void run(struct job *j) { (void)j->number; }
static waitgroup wg;

static void counter(void)
{
	for (int i = 0; i < 3; i++)
		go(use, &i);                    // vet: loop-variable
	wg_wait(&wg);
}
static void outside(void)
{
	int i;

	for (i = 0; i < 3; i++)
		wg_go(&wg, use, &i);            // vet: loop-variable
	wg_wait(&wg);
}
static void while_loop(int n)
{
	while (n-- > 0)
		go(use, &n);                    // vet: loop-variable
	wg_wait(&wg);
}
static void member(void)
{
	struct job j = { .name = "job" };

	for (int i = 0; i < 3; i++) {
		j.number = i;
		go_with(((go_opts){ .name = "runner" }), run, &j);      // vet: loop-variable
	}
	wg_wait(&wg);
}
static void ranged(chan(int) ch)
{
	chan_range(v, ch)
		go(use, &v);                    // vet: loop-variable
	wg_wait(&wg);
}

int main(void)
{
	chan(int) ch = chan_make(int);

	counter();
	outside();
	while_loop(3);
	member();
	ranged(ch);
}
