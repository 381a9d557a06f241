/* Loop variable capture: the arguments of go are evaluated at once, in the caller, and
 * copied. Each goroutine has the i of its round; Go needed version 1.22 for that.
 *
 * Output, in any order:
 * 0
 * 1
 * 2 */
#include <millrace.h>
#include <stdio.h>

static void print(int i)
{
	printf("%d\n", i);
}

int main(void)
{
	waitgroup wg = {0};

	for (int i = 0; i < 3; i++)
		wg_go(&wg, print, i);
	wg_wait(&wg);
}
