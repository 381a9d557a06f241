// expect: incompatible-pointer-types
#include <millrace.h>

void use(int *p);
const char *f(int *i, double *d);
const char *f(int *i, double *d)
{
#ifdef FIXED
	(void)d;
	return go_try(use, i);
#else
	(void)i;
	return go_try(use, d);
#endif
}
