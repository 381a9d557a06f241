/* errno is the library's, whichever of the two headers comes first. */
// refers: mr_errno
#include <millrace.h>
#include <errno.h>

int f(void);
int f(void)
{
	errno = ENOENT;
	go_yield();
	return errno == *mr_errno() && &errno == mr_errno();
}
