/*
 * The two wires of a Wiegand reader on the ESP32: what wiegand.ts calls. An interrupt at each falling edge, in internal
 * memory, gathers the bits; the machine takes whole frames. Not here: bits (wiegand.h).
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include "driver/gpio.h"
#include "esp_attr.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"

#include "wiegand.h"

static wiegand_t line;
static portMUX_TYPE lock = portMUX_INITIALIZER_UNLOCKED;

static void IRAM_ATTR on_pulse(void *bit)
{
	portENTER_CRITICAL_ISR(&lock);
	wiegand_bit(&line, (uint32_t)(uintptr_t)bit, (uint32_t)esp_timer_get_time());
	portEXIT_CRITICAL_ISR(&lock);
}

static esp_err_t listen(int pin, uint32_t bit)
{
	gpio_config_t config = {
		.pin_bit_mask = 1ULL << pin,
		.mode = GPIO_MODE_INPUT,
		.pull_up_en = GPIO_PULLUP_ENABLE,
		.intr_type = GPIO_INTR_NEGEDGE,
	};
	esp_err_t error = gpio_config(&config);
	return error == ESP_OK ? gpio_isr_handler_add(pin, on_pulse, (void *)(uintptr_t)bit) : error;
}

/* (d0, d1) */
void xs_wiegand_begin(xsMachine *the)
{
	/* The SDK's inputs may have installed it before. */
	esp_err_t error = gpio_install_isr_service(0);
	if (error == ESP_ERR_INVALID_STATE)
		error = ESP_OK;
	if (error == ESP_OK)
		error = listen(xsmcToInteger(xsArg(0)), 0);
	if (error == ESP_OK)
		error = listen(xsmcToInteger(xsArg(1)), 1);
	if (error != ESP_OK)
		xsUnknownError("reader: error 0x%x", error);
}

/* (buffer of three words) -> bits of the oldest frame, 0 when there is none; the words become bits, high, low */
void xs_wiegand_take(xsMachine *the)
{
	void *data;
	xsUnsignedValue bytes;
	wiegand_frame_t frame;
	uint32_t bits;
	xsmcGetBufferWritable(xsArg(0), &data, &bytes);
	if (bytes < sizeof frame)
		xsRangeError("beyond the buffer");
	portENTER_CRITICAL(&lock);
	bits = wiegand_take(&line, (uint32_t)esp_timer_get_time(), &frame);
	portEXIT_CRITICAL(&lock);
	if (bits != 0)
		*(wiegand_frame_t *)data = frame;
	xsmcSetInteger(xsResult, (xsIntegerValue)bits);
}
