/* Runs wiegand.h on lines of standard input: "bit US" takes a pulse, "t US" prints the oldest frame. */
#include <stdio.h>

#include "../../hal/native/wiegand.h"

int main(void)
{
	static wiegand_t line;
	char what;
	unsigned us;
	while (scanf(" %c %u", &what, &us) == 2) {
		wiegand_frame_t frame;
		if (what != 't')
			wiegand_bit(&line, (uint32_t)(what - '0'), us);
		else if (wiegand_take(&line, us, &frame) == 0)
			printf("none\n");
		else
			printf("%u %d %d\n", frame.bits, (int32_t)frame.high, (int32_t)frame.low);
	}
	return 0;
}
