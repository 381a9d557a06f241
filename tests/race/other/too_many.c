/* expect 2: millrace: race build: more than */
#include <millrace.h>

int main(void)
{
	for (int i = 0; i < 25000; i++)
		go(mr_go_block);
}
