/* ctx_with_value: what belongs to a request and passes through many layers: a user, a
 * trace. Not a back door for arguments. The key is an address, so no two can clash.
 *
 * Output:
 * handling a request of abc123
 * and of nobody */
#include <millrace.h>
#include <stdio.h>

static const char user_id;              /* its address is the key */
static char user[] = "abc123";

static void handle(context *ctx)
{
	const char *id = ctx_value(ctx, &user_id);

	if (id)
		printf("handling a request of %s\n", id);
	else
		puts("and of nobody");
}

int main(void)
{
	context *ctx = ctx_with_value(ctx_background(), &user_id, user);
	defer(ctx_free, ctx);

	handle(ctx);
	handle(ctx_background());
}
