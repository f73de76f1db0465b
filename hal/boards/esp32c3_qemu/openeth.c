/*
 * The Ethernet port of the emulated chip for the SDK's Ethernet driver: the MAC is QEMU's open_eth, with a PHY that any
 * driver fits. Not here: the interface and its events (modules/io/ethernet of the SDK).
 */
#include "ethernet.h"

esp_eth_mac_t *mod_ethernet_get_mac(spi_device_interface_config_t device, int interrupt)
{
	eth_mac_config_t config = ETH_MAC_DEFAULT_CONFIG();
	(void)device;
	(void)interrupt;
	return esp_eth_mac_new_openeth(&config);
}

esp_eth_phy_t *mod_ethernet_get_phy(void)
{
	eth_phy_config_t config = ETH_PHY_DEFAULT_CONFIG();
	/* The PHY has no reset pin, and no other end to negotiate with. */
	config.reset_gpio_num = -1;
	config.autonego_timeout_ms = 100;
	return esp_eth_phy_new_generic(&config);
}
