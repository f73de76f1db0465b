/*
 * Takes the place of the SDK's SPI, which its Ethernet driver starts for a chip on that bus. There is no such chip
 * here.
 */
#ifndef HSPI_HOST
#define HSPI_HOST SPI2_HOST
#endif

typedef struct {
	int cs_pin, spiPort, sync, hz, command_bits, address_bits, external, queue_size;
} modSPIConfigurationRecord;

static inline void modSPIInit(modSPIConfigurationRecord *config)
{
	(void)config;
}
