/*
 * The C side of usbfifo.ts: the serial port that is built into the ESP32-S3 behind its USB socket (USB Serial/JTAG). It
 * reads and writes the peripheral's two FIFOs and uses no interrupt. Octets that are not read stay with the computer,
 * which waits, so nothing is lost. Not here: when to look (hal/moddable/usb/port.ts).
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

/* The registers of the peripheral. The SDK gives C no way to the headers that wrap them. */
#include "soc/usb_serial_jtag_struct.h"

/* After reset the socket belongs to this peripheral already, and its clock runs: the chip is flashed through it. */
void xs_usb_begin(xsMachine *the)
{
	(void)the;
	USB_SERIAL_JTAG.int_ena.val = 0;
	USB_SERIAL_JTAG.conf0.usb_pad_enable = 1;
}

/* (buffer). Returns the number of octets that came, as many as fit. */
void xs_usb_read(xsMachine *the)
{
	void *data;
	xsUnsignedValue bytes, count = 0;
	xsmcGetBufferWritable(xsArg(0), &data, &bytes);
	while (count < bytes && USB_SERIAL_JTAG.ep1_conf.serial_out_ep_data_avail)
		((uint8_t *)data)[count++] = (uint8_t)USB_SERIAL_JTAG.ep1.rdwr_byte;
	xsmcSetInteger(xsResult, (xsIntegerValue)count);
}

/* (buffer, count). Returns how many octets were taken; none as long as the computer has not fetched those before. */
void xs_usb_write(xsMachine *the)
{
	void *data;
	xsUnsignedValue bytes;
	xsIntegerValue count = xsmcToInteger(xsArg(1)), taken = 0;
	xsmcGetBufferReadable(xsArg(0), &data, &bytes);
	if (count < 0 || (xsUnsignedValue)count > bytes)
		xsRangeError("beyond the buffer");
	while (taken < count && USB_SERIAL_JTAG.ep1_conf.serial_in_ep_data_free)
		USB_SERIAL_JTAG.ep1.rdwr_byte = ((const uint8_t *)data)[taken++];
	if (taken > 0)
		USB_SERIAL_JTAG.ep1_conf.wr_done = 1;
	xsmcSetInteger(xsResult, taken);
}
