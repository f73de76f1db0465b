/*
 * The echo canceller of WebRTC (Debian: libwebrtc-audio-processing-dev 0.3) on files: echo-webrtc MIC FAR OUT, each file
 * raw samples of 8 kHz, 16 bits. Only the canceller and its suppression are on.
 */
#include <cstdio>
#include <cstring>
#include <webrtc/modules/audio_processing/include/audio_processing.h>
#include <webrtc/modules/interface/module_common_types.h>

static const int FRAME = 80;

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	FILE *mic = fopen(argv[1], "rb"), *far = fopen(argv[2], "rb"), *out = fopen(argv[3], "wb");
	if (!mic || !far || !out)
		return 1;
	webrtc::AudioProcessing *processing = webrtc::AudioProcessing::Create();
	processing->echo_cancellation()->enable_drift_compensation(false);
	processing->echo_cancellation()->set_suppression_level(webrtc::EchoCancellation::kModerateSuppression);
	processing->echo_cancellation()->Enable(true);
	webrtc::AudioFrame near, reference;
	near.sample_rate_hz_ = reference.sample_rate_hz_ = 8000;
	near.num_channels_ = reference.num_channels_ = 1;
	near.samples_per_channel_ = reference.samples_per_channel_ = FRAME;
	while (fread(near.data_, 2, FRAME, mic) == (size_t)FRAME && fread(reference.data_, 2, FRAME, far) == (size_t)FRAME) {
		processing->AnalyzeReverseStream(&reference);
		processing->set_stream_delay_ms(0);
		processing->ProcessStream(&near);
		fwrite(near.data_, 2, FRAME, out);
	}
	fclose(out);
	delete processing;
	return 0;
}
