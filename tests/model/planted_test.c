/* planted_test.c - see planted.h. */
#include <planted.h>

static uint32_t flag, hint;
static int data;

static void set(void)
{
	data = 1;
	planted_set(&flag, &hint);
}
static void look(void)
{
	if (atomic_get(&flag, acquire))
		model_check(data == 1);
}
MODEL(planted, .threads = { set, look })
