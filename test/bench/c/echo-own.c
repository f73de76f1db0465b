/*
 * The project's own echo canceller in C, as boards run it: echo-own MICROPHONE REFERENCE OUT OPTIONS FREEZE, files of
 * samples; from sample FREEZE on the filter stays as it is. It gives what src/media/echo.ts gives, bit for bit
 * (test/hal/echo.test.ts), in a thirtieth of the time.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../../hal/native/echo.h"

#define STEP 160

int main(int argc, char **argv)
{
	static echo_t state;
	int16_t microphone[STEP], reference[STEP];
	FILE *heard, *played, *out;
	long at = 0, freeze;
	if (argc != 6)
		return 2;
	heard = fopen(argv[1], "rb");
	played = fopen(argv[2], "rb");
	out = fopen(argv[3], "wb");
	freeze = atol(argv[5]);
	if (!heard || !played || !out)
		return 1;
	echo_begin(&state);
	while (fread(microphone, 2, STEP, heard) == STEP && fread(reference, 2, STEP, played) == STEP) {
		echo_run(&state, microphone, reference, STEP, atoi(argv[4]) | (at >= freeze ? ECHO_FROZEN : 0));
		fwrite(microphone, 2, STEP, out);
		at += STEP;
	}
	return fclose(out);
}
