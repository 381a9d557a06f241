/* parked.c - for debugger_test.sh: goroutines that wait, one that computes, and then the
 * end: at stop_here, for a breakpoint, or with a core. */
#include <millrace.h>
#include <stdlib.h>

static chan(int) never;
static volatile int sink;
static int computing;

__attribute__((noinline)) static void innermost(int secret)
{
	chan_recv(never);
	sink = secret;
}
__attribute__((noinline)) static void waits(int secret)
{
	innermost(secret + 1);
	sink = 2;
}
__attribute__((noinline)) static void computes(void)
{
	__atomic_store_n(&computing, 1, __ATOMIC_RELEASE);
	for (;;)
		__asm__ volatile("");
}
__attribute__((noinline)) static void stop_here(void)
{
	sink = 3;
	abort();
}

int main(void)
{
	never = chan_make(int);
	go(waits, 41);
	go(waits, 1041);
	go_procs(2);
	go(computes);
	while (!__atomic_load_n(&computing, __ATOMIC_ACQUIRE))
		go_yield();
	stop_here();
	sink = 4;
}
