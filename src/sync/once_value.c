/* once_value.c - a value that is computed once. */
#include "base/fault.h"
#include <millrace/sync.h>

struct call {
	mr_once_value *o;
	void *(*f)(void *);
	void *arg;
};
static void run(void *arg)
{
	struct call *c = arg;

	c->o->mr_value = c->f(c->arg);
	c->o->mr_returned = true;
}

/* once_call orders the fields. */
void *mr_once_value_get(mr_once_value *o, void *(*f)(void *), void *arg)
{
	struct call c = { o, f, arg };

	mr_once_call(&o->mr_o, run, &c);
	if (!o->mr_returned)
		mri_panic("once_value_get: the first call did not return");
	return o->mr_value;
}
