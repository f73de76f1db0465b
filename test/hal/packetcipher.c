/*
 * Runs the pure C of SRTP's ciphers (hal/native/packetcipher.h) on what standard input says, for packetcipher.test.ts:
 * words of 32 bits (sizes of the key, the salt and the tag, the label, where the clear part ends, where the packet
 * ends, the index), the master key and the packet. Prints the packet sealed, whether it opens, the packet opened, and
 * whether it opens with its last bit turned. Built with the host's sanitizers.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../hal/native/packetcipher.h"

static void print(const uint8_t *octets, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		printf("%02x", octets[i]);
	printf(" ");
}

int main(void)
{
	uint32_t words[7];
	while (fread(words, sizeof words, 1, stdin) == 1) {
		cipher_t state;
		uint32_t masterBytes = words[0] + words[1], clearEnd = words[4], end = words[5], index = words[6], sealedEnd;
		uint8_t *master = malloc(masterBytes), *packet;
		if (fread(master, masterBytes, 1, stdin) != 1)
			return 1;
		cipher_derive(&state, master, words[0], words[1], words[2], words[3]);
		/* As long as it may be, so that a step beyond is seen. */
		packet = malloc(end + cipher_more(&state));
		if (fread(packet, end, 1, stdin) != 1)
			return 1;
		sealedEnd = cipher_seal(&state, packet, clearEnd, end, index);
		print(packet, sealedEnd);
		packet[sealedEnd - 1 - (state.isRtcp && state.isGcm ? 4 : 0)] ^= 1;
		printf("%d ", cipher_open(&state, packet, clearEnd, end, index));
		packet[sealedEnd - 1 - (state.isRtcp && state.isGcm ? 4 : 0)] ^= 1;
		printf("%d ", cipher_open(&state, packet, clearEnd, end, index));
		print(packet, end);
		printf("\n");
		free(master);
		free(packet);
	}
	return 0;
}
