/*
 * The echo canceller of WebRTC (Debian: libwebrtc-audio-processing-dev 0.3) on files: echo-webrtc MIC FAR OUT, each
 * file raw samples of 8 kHz, 16 bits. Only the canceller and its suppression are on.
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <webrtc/common.h>
#include <webrtc/modules/audio_processing/include/audio_processing.h>
#include <webrtc/modules/interface/module_common_types.h>

static const int FRAME = 80;

int main(int argc, char **argv)
{
	if (argc != 8)
		return 2;
	FILE *mic = fopen(argv[1], "rb"), *far = fopen(argv[2], "rb"), *out = fopen(argv[3], "wb");
	if (!mic || !far || !out)
		return 1;
	webrtc::Config config;
	config.Set<webrtc::DelayAgnostic>(new webrtc::DelayAgnostic(atoi(argv[6]) != 0));
	config.Set<webrtc::ExtendedFilter>(new webrtc::ExtendedFilter(atoi(argv[7]) != 0));
	webrtc::AudioProcessing *processing = webrtc::AudioProcessing::Create(config);
	webrtc::EchoCancellation *canceller = processing->echo_cancellation();
	int delay = atoi(argv[4]);
	canceller->enable_drift_compensation(false);
	canceller->set_suppression_level((webrtc::EchoCancellation::SuppressionLevel)atoi(argv[5]));
	canceller->enable_metrics(false);
	canceller->Enable(true);
	webrtc::AudioFrame near, reference;
	near.sample_rate_hz_ = reference.sample_rate_hz_ = 8000;
	near.num_channels_ = reference.num_channels_ = 1;
	near.samples_per_channel_ = reference.samples_per_channel_ = FRAME;
	const size_t all = FRAME;
	while (fread(near.data_, 2, FRAME, mic) == all && fread(reference.data_, 2, FRAME, far) == all) {
		/* The first one is told a rate that it has no format for yet, and refuses it. */
		processing->AnalyzeReverseStream(&reference);
		if (processing->set_stream_delay_ms(delay) != 0 || processing->ProcessStream(&near) != 0)
			return 1;
		fwrite(near.data_, 2, FRAME, out);
	}
	fclose(out);
	delete processing;
	return 0;
}
