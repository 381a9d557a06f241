/* Starting a goroutine: go does not wait. The function runs in the background, the
 * caller goes on.
 *
 * Output, in any order:
 * main
 * hello from goroutine */
#include <millrace.h>
#include <stdio.h>

static void say_hello(void)
{
	puts("hello from goroutine");
}

int main(void)
{
	go(say_hello);                  /* returns immediately */
	puts("main");
	/* Give it time to run. This is never the real way to wait: see 11_waitgroup.c. */
	while (go_count() > 1)
		go_sleep(MILLISECOND);
}
