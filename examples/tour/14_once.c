/* once: run exactly once, and let everybody wait until it has run.
 *
 * Output:
 * initialised
 * all see the same instance */
#include <millrace.h>
#include <stdio.h>
#include <stdlib.h>

static once init_once;
static int *instance;

static void init(void)
{
	instance = malloc(sizeof *instance);
	puts("initialised");
}

static int *get_instance(void)
{
	once_do(&init_once, init);
	return instance;
}

static void use(send_chan(int *) seen)
{
	chan_send(seen, get_instance());
}

int main(void)
{
	chan(int *) seen = chan_make(int *);
	bool same = true;

	for (int i = 0; i < 10; i++)
		go(use, seen);
	for (int i = 0; i < 10; i++)
		same &= chan_recv(seen) == instance;
	puts(same ? "all see the same instance" : "there are several");
	chan_free(seen);
	free(instance);
}
