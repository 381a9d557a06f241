/* A value, an element, a place of its own; or the loop waits before it goes on. */
#include <millrace.h>
#include <stdlib.h>

struct job { int number; };

static void use(int *n) { (void)*n; }
static void by_value(int n) { (void)n; }
static void run(struct job *j) { free(j); }
static waitgroup wg;

static void value(void)
{
	for (int i = 0; i < 3; i++)
		go(by_value, i);
}
static void element(void)
{
	int results[3] = { 0 };

	for (int i = 0; i < 3; i++)
		wg_go(&wg, use, &results[i]);
	wg_wait(&wg);
}
static void allocated(void)
{
	for (int i = 0; i < 3; i++) {
		struct job *j = malloc(sizeof *j);

		j->number = i;
		go(run, j);
	}
}
static void waits_each_time(void)
{
	for (int i = 0; i < 3; i++) {
		wg_go(&wg, use, &i);
		wg_wait(&wg);
	}
}

int main(void)
{
	value();
	element();
	allocated();
	waits_each_time();
}
