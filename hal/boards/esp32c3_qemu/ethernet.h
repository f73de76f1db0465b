/*
 * The functions that the SDK's Ethernet driver asks of a chip on SPI; here they are those of the emulator's own MAC,
 * see openeth.c.
 */
#include "driver/spi_master.h"
#include "esp_eth.h"

esp_eth_mac_t *mod_ethernet_get_mac(spi_device_interface_config_t device, int interrupt);
esp_eth_phy_t *mod_ethernet_get_phy(void);
