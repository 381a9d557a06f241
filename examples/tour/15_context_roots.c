/* Context roots: background, for main, tests and the top of a program; TODO where it is
 * not yet clear which context to use. They are never cancelled; wrap them.
 *
 * Output:
 * err 0, done is nil
 * err 0, done is nil */
#include <millrace.h>
#include <stdio.h>

static void show(context *ctx)
{
	printf("err %d, done is %s\n", ctx_err(ctx), ctx_done(ctx) ? "a channel" : "nil");
}

int main(void)
{
	show(ctx_background());
	show(ctx_todo());
}
