/*
 * The echo canceller of libspeexdsp (Debian: libspeexdsp-dev) on files: echo-speexdsp MIC FAR OUT TAPS SUPPRESS MOST
 * BESIDE, each file raw samples of 8 kHz, 16 bits. SUPPRESS 1: the library's preprocessor, which suppresses the
 * remaining echo, follows the filter: by MOST dB, and by BESIDE dB beside a voice, negative numbers.
 */
#include <speex/speex_echo.h>
#include <speex/speex_preprocess.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME 160

int main(int argc, char **argv)
{
	if (argc != 8)
		return 2;
	FILE *mic = fopen(argv[1], "rb"), *far = fopen(argv[2], "rb"), *out = fopen(argv[3], "wb");
	int taps = atoi(argv[4]), suppress = atoi(argv[5]), rate = 8000;
	int most = atoi(argv[6]), beside = atoi(argv[7]);
	spx_int16_t near[FRAME], reference[FRAME], clean[FRAME];
	if (!mic || !far || !out)
		return 1;
	SpeexEchoState *echo = speex_echo_state_init(FRAME, taps);
	SpeexPreprocessState *rest = speex_preprocess_state_init(FRAME, rate);
	speex_echo_ctl(echo, SPEEX_ECHO_SET_SAMPLING_RATE, &rate);
	speex_preprocess_ctl(rest, SPEEX_PREPROCESS_SET_ECHO_STATE, echo);
	speex_preprocess_ctl(rest, SPEEX_PREPROCESS_SET_ECHO_SUPPRESS, &most);
	speex_preprocess_ctl(rest, SPEEX_PREPROCESS_SET_ECHO_SUPPRESS_ACTIVE, &beside);
	while (fread(near, sizeof *near, FRAME, mic) == FRAME && fread(reference, sizeof *near, FRAME, far) == FRAME) {
		speex_echo_cancellation(echo, near, reference, clean);
		if (suppress)
			speex_preprocess_run(rest, clean);
		fwrite(clean, sizeof *clean, FRAME, out);
	}
	fclose(out);
	return 0;
}
