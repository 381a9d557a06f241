/* The block that a variable belongs to may be over while a goroutine still uses it. */
#include <millrace.h>
#include <stdio.h>

static void use(int *n) { (void)*n; }
static waitgroup wg;

static void returns(void)
{
	int n = 1;

	go(use, &n);                            // vet: dead-frame
	printf("%d\n", n);
}
static void array(void)
{
	int n[4] = { 0 };

	go(use, n);                             // vet: dead-frame
}
static void parameter(int n)
{
	wg_go(&wg, use, &n);                    // vet: dead-frame
}
/* The wait comes after the block. */
static void block(void)
{
	for (int i = 0; i < 3; i++) {
		int n = i;

		wg_go(&wg, use, &n);            // vet: dead-frame
	}
	wg_wait(&wg);
}
/* What it calls waits for nobody. */
static void shows(int n) { printf("%d\n", n); }
static void calls(void)
{
	int n = 1;

	go(use, &n);                            // vet: dead-frame
	shows(n);
}

int main(void)
{
	returns();
	array();
	parameter(1);
	block();
	calls();
}
