/* MR_KEEP_ERRNO: errno is the C library's. */
#define MR_KEEP_ERRNO
#include <millrace.h>

int f(void);
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
int f(void)
{
	_Static_assert(sizeof TEXT(errno) != sizeof "(*mr_errno())", "not the library's");
	errno = ENOENT;
	return errno;
}
