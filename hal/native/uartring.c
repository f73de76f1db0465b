/*
 * The C side of uartring.ts: a UART by ESP-IDF's driver. The driver's interrupt moves received octets to a ring; it
 * lies in internal memory (CONFIG_UART_ISR_IN_IRAM), so it works while flash is written too. No call here waits. Not
 * here: when to look (hal/moddable/uart/port.ts).
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include "driver/uart.h"
#include "esp_intr_alloc.h"

/* The size is the same as in port.ts. */
#define RING_BYTES 8192
/* An interrupt comes at so many octets of the FIFO's 128: the other half is room for one that comes 5 ms late. */
#define FULL_BYTES 64

static uart_port_t uart;

/* (port, receive, transmit, baud) */
void xs_uart_begin(xsMachine *the)
{
	uart_config_t config = {
		.data_bits = UART_DATA_8_BITS,
		.parity = UART_PARITY_DISABLE,
		.stop_bits = UART_STOP_BITS_1,
		.flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
		.source_clk = UART_SCLK_DEFAULT,
	};
	int flags = 0;
	esp_err_t error;
	uart = (uart_port_t)xsmcToInteger(xsArg(0));
	config.baud_rate = xsmcToInteger(xsArg(3));
#if CONFIG_UART_ISR_IN_IRAM
	flags = ESP_INTR_FLAG_IRAM;
#endif
	error = uart_driver_install(uart, RING_BYTES, 0, 0, NULL, flags);
	if (error == ESP_OK)
		error = uart_param_config(uart, &config);
	if (error == ESP_OK)
		error = uart_set_pin(uart, xsmcToInteger(xsArg(2)), xsmcToInteger(xsArg(1)), UART_PIN_NO_CHANGE, UART_PIN_NO_CHANGE);
	if (error == ESP_OK)
		error = uart_set_rx_full_threshold(uart, FULL_BYTES);
	if (error != ESP_OK)
		xsUnknownError("UART: error 0x%x", error);
}

void xs_uart_waiting(xsMachine *the)
{
	size_t count = 0;
	uart_get_buffered_data_len(uart, &count);
	xsmcSetInteger(xsResult, (xsIntegerValue)count);
}

/* (buffer, count) */
void xs_uart_read(xsMachine *the)
{
	void *data;
	xsUnsignedValue bytes;
	xsIntegerValue count = xsmcToInteger(xsArg(1));
	xsmcGetBufferWritable(xsArg(0), &data, &bytes);
	if (count < 0 || (xsUnsignedValue)count > bytes)
		xsRangeError("beyond the buffer");
	uart_read_bytes(uart, data, (uint32_t)count, 0);
}

/* (buffer, count). Returns how many octets found room in the FIFO. */
void xs_uart_write(xsMachine *the)
{
	void *data;
	xsUnsignedValue bytes;
	xsIntegerValue count = xsmcToInteger(xsArg(1));
	int taken;
	xsmcGetBufferReadable(xsArg(0), &data, &bytes);
	if (count < 0 || (xsUnsignedValue)count > bytes)
		xsRangeError("beyond the buffer");
	taken = uart_tx_chars(uart, data, (uint32_t)count);
	xsmcSetInteger(xsResult, taken < 0 ? 0 : taken);
}
