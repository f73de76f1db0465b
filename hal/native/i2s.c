/*
 * The C side of i2s.ts: one I2S port of the ESP32 in both directions at once. Its interrupts, one for each DMA buffer
 * of 4 ms, move frames to and from the rings of duplex.h, and post a message to the machine when 20 ms wait; a caller
 * touches the rings only and never waits. The port is master, with MCLK at 256 times the sample rate and two slots a
 * frame.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"
#include "builtinCommon.h"

#include "driver/i2s_std.h"
#include "esp_heap_caps.h"

#include "duplex.h"

/*
 * 12 ms in each direction: one buffer that the port works on, one that is ready, one for an interrupt that comes late.
 */
#define BUFFERS 3
#define BUFFER_MS 4
/* No chip has more ports than this. */
#define PORTS 3
/*
 * A message that finds the machine's queue full is lost without a word, so another one is posted after so many samples
 * (a second).
 */
#define POST_AGAIN 8000

typedef struct {
	xsMachine *the;
	xsSlot object;
	xsSlot *onReadable;
	uint32_t number;
	i2s_chan_handle_t tx;
	i2s_chan_handle_t rx;
	duplex_t duplex;
	/* Whether the caller wants to be called. */
	uint8_t isOn;
	/* Whether a message is posted that no delivery has answered yet, and how many samples had come when it was posted. */
	uint8_t isPosted;
	uint32_t postedAt;
} port_t;

static void mark(xsMachine *the, void *it, xsMarkRoot markRoot);

static const xsHostHooks hooks = {xs_i2s_destructor, mark, NULL};
/* The open ports. A message may come after its port was closed. */
static port_t *ports[PORTS];

/* Runs in the machine's task. */
static void deliver(void *the, void *refcon, uint8_t *message, uint16_t length)
{
	port_t *port = ports[(uintptr_t)refcon];
	uint32_t lost, frames;
	(void)message;
	(void)length;
	if (!port)
		return;
	port->isPosted = 0;
	if (!port->isOn)
		return;
	lost = duplex_leave_out(&port->duplex);
	frames = duplex_frames(&port->duplex);
	if (frames == 0)
		return;
	xsBeginHost(the);
		xsmcVars(2);
		xsmcSetInteger(xsVar(0), (xsIntegerValue)frames);
		xsmcSetInteger(xsVar(1), (xsIntegerValue)lost);
		xsCallFunction2(xsReference(port->onReadable), port->object, xsVar(0), xsVar(1));
	xsEndHost(the);
}

/* Runs in the interrupt. @returns whether a task is to run */
static bool post(port_t *port)
{
	uint32_t written = port->duplex.microphone.written;
	if (!port->isOn || duplex_frames(&port->duplex) == 0)
		return false;
	if (port->isPosted && written - port->postedAt < POST_AGAIN)
		return false;
	port->isPosted = 1;
	port->postedAt = written;
	modMessagePostToMachineFromISR(port->the, deliver, (void *)(uintptr_t)port->number);
	return true;
}

static bool sent(i2s_chan_handle_t handle, i2s_event_data_t *event, void *context)
{
	port_t *port = context;
	(void)handle;
	duplex_fill(&port->duplex, event->dma_buf, (uint32_t)event->size);
	return false;
}

static bool received(i2s_chan_handle_t handle, i2s_event_data_t *event, void *context)
{
	port_t *port = context;
	(void)handle;
	duplex_received(&port->duplex, event->dma_buf, (uint32_t)event->size);
	return post(port);
}

static esp_err_t begin(port_t *port, const i2s_chan_config_t *channel, const i2s_std_config_t *standard)
{
	i2s_event_callbacks_t onSent = {.on_sent = sent};
	i2s_event_callbacks_t onReceived = {.on_recv = received};
	esp_err_t error = i2s_new_channel(channel, &port->tx, &port->rx);
	if (error == ESP_OK)
		error = i2s_channel_init_std_mode(port->tx, standard);
	if (error == ESP_OK)
		error = i2s_channel_init_std_mode(port->rx, standard);
	if (error == ESP_OK)
		error = i2s_channel_register_event_callback(port->tx, &onSent, port);
	if (error == ESP_OK)
		error = i2s_channel_register_event_callback(port->rx, &onReceived, port);
	if (error == ESP_OK)
		error = i2s_channel_enable(port->tx);
	if (error == ESP_OK)
		error = i2s_channel_enable(port->rx);
	return error;
}

/* (port, khz, bits, slot, shift, mclk, bclk, ws, dout, din, isLooped); a pin of -1 is not used */
void xs_i2s_constructor(xsMachine *the)
{
	port_t *port;
	xsIntegerValue khz = xsmcToInteger(xsArg(1)), bits = xsmcToInteger(xsArg(2));
	xsIntegerValue slot = xsmcToInteger(xsArg(3)), shift = xsmcToInteger(xsArg(4));
	xsIntegerValue number = xsmcToInteger(xsArg(0));
	i2s_chan_config_t channel = I2S_CHANNEL_DEFAULT_CONFIG(0, I2S_ROLE_MASTER);

	if (number < 0 || number >= PORTS)
		xsRangeError("invalid I2S option");

	/* The memory that interrupts touch is internal. */
	port = heap_caps_calloc(1, sizeof *port, MALLOC_CAP_INTERNAL | MALLOC_CAP_8BIT);
	if (!port)
		xsUnknownError("no memory");
	if (!duplex_begin(&port->duplex, (uint32_t)bits, (uint32_t)khz, (uint32_t)slot, (uint32_t)shift)) {
		heap_caps_free(port);
		xsRangeError("invalid I2S option");
	}
	port->duplex.isLooped = xsmcToInteger(xsArg(10)) != 0;
	port->the = the;
	port->object = xsThis;
	port->number = (uint32_t)number;
	channel.id = number;
	channel.dma_desc_num = BUFFERS;
	channel.dma_frame_num = (uint32_t)khz * BUFFER_MS;
	/* This is done before the callback, which fills the buffer. */
	channel.auto_clear_after_cb = false;
	channel.auto_clear_before_cb = true;
	{
		/* The macro needs a name, because it does not put its argument in parentheses. */
		i2s_data_bit_width_t width = bits == 32 ? I2S_DATA_BIT_WIDTH_32BIT : I2S_DATA_BIT_WIDTH_16BIT;
		i2s_std_config_t standard = {
			.clk_cfg = I2S_STD_CLK_DEFAULT_CONFIG((uint32_t)khz * 1000),
			.slot_cfg = I2S_STD_PHILIPS_SLOT_DEFAULT_CONFIG(width, I2S_SLOT_MODE_STEREO),
			.gpio_cfg = {
				.mclk = (gpio_num_t)xsmcToInteger(xsArg(5)),
				.bclk = (gpio_num_t)xsmcToInteger(xsArg(6)),
				.ws = (gpio_num_t)xsmcToInteger(xsArg(7)),
				.dout = (gpio_num_t)xsmcToInteger(xsArg(8)),
				.din = (gpio_num_t)xsmcToInteger(xsArg(9)),
			},
		};
		esp_err_t error = begin(port, &channel, &standard);
		if (error != ESP_OK) {
			xs_i2s_destructor(port);
			xsUnknownError("I2S: error 0x%x", error);
		}
	}
	ports[number] = port;
	xsmcSetHostData(xsThis, port);
	xsSetHostHooks(xsThis, (xsHostHooks *)&hooks);
	xsRemember(port->object);
}

static void mark(xsMachine *the, void *it, xsMarkRoot markRoot)
{
	port_t *port = it;
	if (port->onReadable)
		(*markRoot)(the, port->onReadable);
}

/*
 * The channels are deleted before the memory that their interrupts touch; disabling one that is not enabled does no
 * harm.
 */
void xs_i2s_destructor(void *data)
{
	port_t *port = data;
	if (!port)
		return;
	if (port->tx) {
		i2s_channel_disable(port->tx);
		i2s_del_channel(port->tx);
	}
	if (port->rx) {
		i2s_channel_disable(port->rx);
		i2s_del_channel(port->rx);
	}
	if (ports[port->number] == port)
		ports[port->number] = NULL;
	heap_caps_free(port);
}

void xs_i2s_close(xsMachine *the)
{
	port_t *port = xsmcGetHostData(xsThis);
	if (!port || !xsmcGetHostDataValidate(xsThis, (void *)&hooks))
		return;
	xsForget(port->object);
	xsmcSetHostData(xsThis, NULL);
	xsmcSetHostDestructor(xsThis, NULL);
	xs_i2s_destructor(port);
}

/* (onReadable) */
void xs_i2s_start(xsMachine *the)
{
	port_t *port = xsmcGetHostDataValidate(xsThis, (void *)&hooks);
	port->onReadable = xsToReference(xsArg(0));
	duplex_start(&port->duplex);
	port->isPosted = 0;
	port->isOn = 1;
}

void xs_i2s_stop(xsMachine *the)
{
	port_t *port = xsmcGetHostDataValidate(xsThis, (void *)&hooks);
	port->isOn = 0;
	duplex_stop(&port->duplex);
}

/* (buffer, its octet, count). Returns the place of that many samples; throws an error if the buffer ends before. */
static int16_t *samples(xsMachine *the, xsIntegerValue *count, xsBooleanValue isWritten)
{
	void *data;
	xsUnsignedValue bytes;
	xsIntegerValue from = xsmcToInteger(xsArg(1));
	*count = xsmcToInteger(xsArg(2));
	/* XS gives C an ArrayBuffer, but no Int16Array. */
	if (isWritten)
		xsmcGetBufferWritable(xsArg(0), &data, &bytes);
	else
		xsmcGetBufferReadable(xsArg(0), &data, &bytes);
	if (from < 0 || *count < 0 || (xsUnsignedValue)from > bytes
		|| (xsUnsignedValue)*count > (bytes - (xsUnsignedValue)from) / sizeof(int16_t))
		xsRangeError("beyond the buffer");
	return (int16_t *)((uint8_t *)data + from);
}

void xs_i2s_read(xsMachine *the)
{
	port_t *port = xsmcGetHostDataValidate(xsThis, (void *)&hooks);
	xsIntegerValue count;
	int16_t *into = samples(the, &count, 1);
	xsmcSetInteger(xsResult, (xsIntegerValue)duplex_read(&port->duplex, into, (uint32_t)count));
}

void xs_i2s_write(xsMachine *the)
{
	port_t *port = xsmcGetHostDataValidate(xsThis, (void *)&hooks);
	xsIntegerValue count;
	int16_t *from = samples(the, &count, 0);
	duplex_write(&port->duplex, from, (uint32_t)count);
}

void xs_i2s_reference(xsMachine *the)
{
	port_t *port = xsmcGetHostDataValidate(xsThis, (void *)&hooks);
	xsIntegerValue count;
	int16_t *into = samples(the, &count, 1);
	duplex_reference(&port->duplex, into, (uint32_t)count);
}

void xs_i2s_get_gaps(xsMachine *the)
{
	port_t *port = xsmcGetHostDataValidate(xsThis, (void *)&hooks);
	xsmcSetUnsigned(xsResult, port->duplex.gaps);
}

void xs_i2s_get_missing(xsMachine *the)
{
	port_t *port = xsmcGetHostDataValidate(xsThis, (void *)&hooks);
	xsmcSetUnsigned(xsResult, port->duplex.missing);
}

void xs_i2s_get_dropped(xsMachine *the)
{
	port_t *port = xsmcGetHostDataValidate(xsThis, (void *)&hooks);
	xsmcSetUnsigned(xsResult, port->duplex.dropped);
}
