/*
 * A world of XS machines in virtual time: each script of the command line is one machine with an address of its own
 * (10.0.0.1, 10.0.0.2, ...), datagrams take one millisecond, and what a machine holds and does can be read to the slot
 * and the octet. Each machine has a global `host` with the functions below and defines `start()`, `poll()` (returns its
 * next deadline in ms) and `receive(port)`. The last machine says when it is over: `host.quit(code)`. A machine may say
 * that it moved sound (`host.sound()`): that is told with the wake. Knows nothing of SIP.
 */
#include "xs.h"
#include "engine.h"

extern void fxInitializeSharedCluster();
/* A function of xsmc.h, which takes the place of much of xs.h. */
mxImport xsIntegerValue _xsmcGetBuffer(xsMachine* the, xsSlot* slot, void** data, xsUnsignedValue* count,
	xsBooleanValue writable);

#ifdef PORTERO_NATIVES
/* hal/native: the C that boards have in place of TypeScript. */
void xs_keyedhash_begin(xsMachine* the);
void xs_keyedhash_word(xsMachine* the);
void xs_keyedhash_update(xsMachine* the);
void xs_keyedhash_finish(xsMachine* the);
void xs_octets_copy(xsMachine* the);
void xs_octets_unfolded(xsMachine* the);
void xs_octets_same(xsMachine* the);
void xs_octets_alike(xsMachine* the);
void xs_octets_find(xsMachine* the);
void xs_octets_line(xsMachine* the);
void xs_octets_mark(xsMachine* the);
void xs_octets_token(xsMachine* the);
void xs_octets_digits(xsMachine* the);
void xs_octets_hex(xsMachine* the);
void xs_octets_decimal(xsMachine* the);
void xs_octets_dotted(xsMachine* the);
void xs_octets_size(xsMachine* the);
void xs_octets_put(xsMachine* the);
void xs_octets_plain(xsMachine* the);
void xs_octets_text(xsMachine* the);
void xs_octets_base64(xsMachine* the);
void xs_octets_crc(xsMachine* the);
void xs_headreader_begin(xsMachine* the);
void xs_headreader_go_on(xsMachine* the);
void xs_headlines_via(xsMachine* the);
void xs_headlines_parties(xsMachine* the);
void xs_g711_encode(xsMachine* the);
void xs_g711_decode(xsMachine* the);
void xs_g711_sample(xsMachine* the);
void xs_goertzel_peak(xsMachine* the);
void xs_goertzel_energy(xsMachine* the);
void xs_goertzel_power(xsMachine* the);
void xs_packetcipher_derive(xsMachine* the);
void xs_packetcipher_seal(xsMachine* the);
void xs_packetcipher_open(xsMachine* the);
void xs_echo_begin(xsMachine* the);
void xs_echo_run(xsMachine* the);
/* test/rv/native/crypt.c */
void xs_crypt_make(xsMachine* the);
void xs_crypt_reset(xsMachine* the);
void xs_crypt_write(xsMachine* the);
void xs_crypt_close(xsMachine* the);
#endif

#define MACHINES 2
#define QUEUE 64
#define LONGEST 4096
#define DELAY_MS 1

typedef struct {
	double atMs;
	int from, to;
	int fromPort, toPort;
	int length;
	unsigned char bytes[LONGEST];
} Datagram;

typedef struct {
	xsMachine* the;
	double nextMs;
	/* Taken after the modules were loaded and a collection, before start(). */
	int slots, chunks;
	/* The further room a board has, 0 for no limit; and how often the machine was collected. */
	int roomSlots, roomChunks;
	int collections;
} Inhabitant;

static Inhabitant inhabitants[MACHINES];
static int count = 0;
static double nowMs = 0;
static int quitting = 0, quitCode = 0;
static Datagram queue[QUEUE];
static int queued = 0;
/*
 * `--wakes`: after each wake of the first machine a line tells its time, its cost and the messages that came and went.
 */
static int tellsWakes = 0;
#define SIP_PORT 5060
#define NOTE_BYTES 160
#define TOLD_LEAST 20000
static char note[NOTE_BYTES];
/* Whether this wake moved the sound. */
static int isSound = 0;
/* The datagram that waits to be read, and the sender of the one that was read last. */
static Datagram* current = NULL;
static int sourceIndex = -1, sourcePort = 0;

/* Adds "in INVITE" or "out 200" to the note of this wake: the beginning of a message on the SIP port. */
static void noteMessage(const char* way, int port, const unsigned char* bytes, int length)
{
	char word[16];
	int from = 0, i = 0;
	size_t used = strlen(note);
	if (!tellsWakes || port != SIP_PORT)
		return;
	if (length > 8 && !memcmp(bytes, "SIP/2.0 ", 8))
		from = 8;
	while (from + i < length && i < 15 && bytes[from + i] > ' ') {
		word[i] = (char)bytes[from + i];
		i++;
	}
	word[i] = 0;
	snprintf(note + used, NOTE_BYTES - used, " %s %s", way, word);
}

static int indexOf(xsMachine* the)
{
	int i;
	for (i = 0; i < count; i++)
		if (inhabitants[i].the == the)
			return i;
	return 0;
}

/* Returns the machine that is asked about: the given one, or the one that asks. */
static xsMachine* asked(xsMachine* the)
{
	int i = xsToInteger(xsArgc) > 0 ? xsToInteger(xsArg(0)) : indexOf(the);
	if (i < 0 || i >= count)
		xsRangeError("host: no such machine");
	return inhabitants[i].the;
}

/*
 * The instructions of a collection do not count for the wake, because it goes over all loaded code, which lies in flash
 * on a board.
 */
static double collecting = 0;

static void collectFor(xsMachine* machine)
{
	double before = engineInstructions();
	engineCollect(machine);
	collecting += engineInstructions() - before;
	inhabitants[indexOf(machine)].collections++;
}

static void collect(xsMachine* the) { collectFor(asked(the)); }
static void collections(xsMachine* the)
{
	xsMachine* m = asked(the);
	xsResult = xsInteger(inhabitants[indexOf(m)].collections);
}

/*
 * confine(machine, slots, chunks): from now on the machine is collected when it has used up so much beside the loaded
 * code, as on a board.
 */
static void confine(xsMachine* the)
{
	Inhabitant* inhabitant = &inhabitants[indexOf(asked(the))];
	inhabitant->roomSlots = xsToInteger(xsArg(1));
	inhabitant->roomChunks = xsToInteger(xsArg(2));
}

/* Runs after each event: collects if the machine has used up a board's memory. */
static void keepWithin(Inhabitant* inhabitant)
{
	xsMachine* machine = inhabitant->the;
	if (inhabitant->roomSlots == 0)
		return;
	if (engineSlots(machine) - inhabitant->slots > inhabitant->roomSlots
		|| engineChunks(machine) - inhabitant->chunks > inhabitant->roomChunks)
		collectFor(machine);
}

static void slots(xsMachine* the) { xsResult = xsInteger(engineSlots(asked(the))); }
static void chunks(xsMachine* the) { xsResult = xsInteger(engineChunks(asked(the))); }
static void baseSlots(xsMachine* the)
{
	xsMachine* m = asked(the);
	xsResult = xsInteger(inhabitants[indexOf(m)].slots);
}
static void baseChunks(xsMachine* the)
{
	xsMachine* m = asked(the);
	xsResult = xsInteger(inhabitants[indexOf(m)].chunks);
}
static void slotBytes(xsMachine* the) { xsResult = xsInteger(engineSlotBytes()); }
static void now(xsMachine* the) { xsResult = xsNumber(nowMs); }
static void instructions(xsMachine* the) { xsResult = xsNumber(engineInstructions()); }

/* The low 30 bits; only differences count. */
static void meter(xsMachine* the) { xsResult = xsInteger((int)(engineMeter(asked(the)) & 0x3fffffff)); }

/* The most slots the stack had since start: the stack is painted before start(). */
static void stackPeak(xsMachine* the) { xsResult = xsInteger(engineStackPeak(asked(the))); }

static void print(xsMachine* the)
{
	fputs(xsToString(xsArg(0)), stdout);
	fputc('\n', stdout);
	fflush(stdout);
}

/* sound(): this wake has moved the sound of 20 ms. */
static void sound(xsMachine* the)
{
	(void)the;
	isSound = 1;
}

/* census(): prints what lives in the first machine beyond what its modules are, by class; with `--census` only. */
static void census(xsMachine* the)
{
	(void)the;
	engineCensus(inhabitants[0].the);
}

static void quit(xsMachine* the)
{
	quitting = 1;
	quitCode = xsToInteger(xsArg(0));
}

/* send(fromPort, toMachine, toPort, bytes, start, end): false when the queue is full. */
static void sendDatagram(xsMachine* the)
{
	void* data;
	xsUnsignedValue size;
	int start = xsToInteger(xsArg(4)), end = xsToInteger(xsArg(5));
	int to = xsToInteger(xsArg(1));
	Datagram* datagram;
	_xsmcGetBuffer(the, &xsArg(3), &data, &size, 0);
	if (start < 0 || end < start || (xsUnsignedValue)end > size || end - start > LONGEST)
		xsRangeError("host.send: beyond the buffer");
	if (queued == QUEUE || to < 0 || to >= count) {
		xsResult = xsFalse;
		return;
	}
	datagram = &queue[queued++];
	datagram->atMs = nowMs + DELAY_MS;
	datagram->from = indexOf(the);
	datagram->to = to;
	datagram->fromPort = xsToInteger(xsArg(0));
	datagram->toPort = xsToInteger(xsArg(2));
	datagram->length = end - start;
	memcpy(datagram->bytes, (unsigned char*)data + start, end - start);
	if (datagram->from == 0)
		noteMessage("out", datagram->toPort, datagram->bytes, datagram->length);
	xsResult = xsTrue;
}

/* read(into): the datagram that receive(port) announced, once; 0 after it. */
static void readDatagram(xsMachine* the)
{
	void* data;
	xsUnsignedValue size;
	int length;
	if (current == NULL) {
		xsResult = xsInteger(0);
		return;
	}
	_xsmcGetBuffer(the, &xsArg(0), &data, &size, 1);
	length = current->length < (int)size ? current->length : (int)size;
	memcpy(data, current->bytes, length);
	sourceIndex = current->from;
	sourcePort = current->fromPort;
	current = NULL;
	xsResult = xsInteger(length);
}

static void sourceMachine(xsMachine* the) { xsResult = xsInteger(sourceIndex); }
static void sourcePortOf(xsMachine* the) { xsResult = xsInteger(sourcePort); }

static void failed(xsMachine* the)
{
	fprintf(stderr, "machine %d: %s\n", indexOf(the), xsToString(xsException));
	quitting = 1;
	quitCode = 1;
}

static void settle(xsMachine* the)
{
	if (!engineSettle(the)) {
		quitting = 1;
		quitCode = 1;
	}
}

static void wakeFor(int i, Datagram* datagram);

/* command(machine, text): calls `command(text)` of another machine, which returns an integer. */
static void command(xsMachine* the)
{
	xsMachine* other = asked(the);
	char* line = strdup(xsToString(xsArg(1)));
	int result = 0;
	double before;
	unsigned bytecodes = engineMeter(other);
	note[0] = 0;
	collecting = 0;
	before = engineInstructions();
	{
		xsMachine* caller = the;
		xsBeginHost(other);
		xsTry {
			xsResult = xsCall1(xsGlobal, xsID("command"), xsString(line));
			result = xsToInteger(xsResult);
		}
		xsCatch {
			failed(the);
		}
		settle(the);
		xsEndHost(other);
		keepWithin(&inhabitants[indexOf(other)]);
		the = caller;
	}
	/* The instructions of a question are subtracted. */
	before += collecting;
	if (tellsWakes && engineInstructions() - before >= TOLD_LEAST)
		printf("wake %.0f %.0f %u %s%s\n", nowMs, engineInstructions() - before,
			(engineMeter(other) - bytecodes) & 0x3fffffff, line, note);
	free(line);
	/* As after a datagram, the timers that are due are another event. */
	wakeFor(indexOf(other), NULL);
	xsResult = xsInteger(result);
}

/* One event of the host: receive(port) for a datagram, or poll(). */
static void wakeFor(int i, Datagram* datagram)
{
	xsMachine* machine = inhabitants[i].the;
	double before = 0;
	unsigned bytecodes = 0;
	int reports = tellsWakes && i == 0;
	if (reports) {
		note[0] = 0;
		isSound = 0;
		if (datagram)
			noteMessage("in", datagram->toPort, datagram->bytes, datagram->length);
		bytecodes = engineMeter(machine);
		collecting = 0;
		before = engineInstructions();
	}
	xsBeginHost(machine);
	xsTry {
		if (datagram) {
			current = datagram;
			xsCall1(xsGlobal, xsID("receive"), xsInteger(datagram->toPort));
			current = NULL;
		} else {
			xsResult = xsCall0(xsGlobal, xsID("poll"));
			inhabitants[i].nextMs = xsToNumber(xsResult);
		}
	}
	xsCatch {
		failed(the);
	}
	settle(the);
	xsEndHost(machine);
	keepWithin(&inhabitants[i]);
	if (reports) {
		double cost = engineInstructions() - before - collecting;
		if (cost >= TOLD_LEAST || isSound)
			printf("wake %.0f %.0f %u%s%s\n", nowMs, cost, (engineMeter(machine) - bytecodes) & 0x3fffffff,
				isSound ? " sound" : "", note);
	}
}

/* A datagram is one event, and the timers that are due after it another, as the device's sockets and timers are. */
static void wake(int i, Datagram* datagram)
{
	if (datagram)
		wakeFor(i, datagram);
	wakeFor(i, NULL);
}

static void run(void)
{
	int i;
	while (!quitting) {
		double next = INFINITY;
		for (i = 0; i < count; i++)
			if (inhabitants[i].nextMs < next)
				next = inhabitants[i].nextMs;
		for (i = 0; i < queued; i++)
			if (queue[i].atMs < next)
				next = queue[i].atMs;
		if (next == INFINITY) {
			fprintf(stderr, "nothing is left to happen\n");
			quitCode = 1;
			return;
		}
		if (next > nowMs)
			nowMs = next;
		while (queued > 0 && queue[0].atMs <= nowMs && !quitting) {
			static Datagram due;
			due = queue[0];
			memmove(queue, queue + 1, --queued * sizeof(Datagram));
			wake(due.to, &due);
		}
		for (i = 0; i < count && !quitting; i++)
			if (inhabitants[i].nextMs <= nowMs)
				wake(i, NULL);
	}
}

static void define(xsMachine* the, char* name, xsCallback callback, int length)
{
	xsVar(0) = xsNewHostFunction(callback, length);
	xsDefine(xsResult, xsID(name), xsVar(0), xsDontEnum);
}

static void populate(xsMachine* machine, int index)
{
	xsBeginHost(machine);
	xsVars(1);
	xsResult = xsNewObject();
	define(the, "collect", collect, 1);
	define(the, "collections", collections, 1);
	define(the, "confine", confine, 3);
	define(the, "slots", slots, 1);
	define(the, "chunks", chunks, 1);
	define(the, "baseSlots", baseSlots, 1);
	define(the, "baseChunks", baseChunks, 1);
	define(the, "slotBytes", slotBytes, 0);
	define(the, "stackPeak", stackPeak, 1);
	define(the, "meter", meter, 1);
	define(the, "now", now, 0);
	define(the, "instructions", instructions, 0);
	define(the, "print", print, 1);
	define(the, "quit", quit, 1);
	define(the, "census", census, 0);
	define(the, "sound", sound, 0);
	define(the, "send", sendDatagram, 6);
	define(the, "read", readDatagram, 1);
	define(the, "sourceMachine", sourceMachine, 0);
	define(the, "sourcePort", sourcePortOf, 0);
	define(the, "command", command, 2);
#ifdef PORTERO_NATIVES
	define(the, "xs_keyedhash_begin", xs_keyedhash_begin, 1);
	define(the, "xs_keyedhash_word", xs_keyedhash_word, 2);
	define(the, "xs_keyedhash_update", xs_keyedhash_update, 4);
	define(the, "xs_keyedhash_finish", xs_keyedhash_finish, 1);
	define(the, "xs_octets_copy", xs_octets_copy, 5);
	define(the, "xs_octets_unfolded", xs_octets_unfolded, 5);
	define(the, "xs_octets_same", xs_octets_same, 5);
	define(the, "xs_octets_alike", xs_octets_alike, 5);
	define(the, "xs_octets_find", xs_octets_find, 4);
	define(the, "xs_octets_line", xs_octets_line, 4);
	define(the, "xs_octets_mark", xs_octets_mark, 5);
	define(the, "xs_octets_token", xs_octets_token, 4);
	define(the, "xs_octets_digits", xs_octets_digits, 4);
	define(the, "xs_octets_hex", xs_octets_hex, 5);
	define(the, "xs_octets_decimal", xs_octets_decimal, 4);
	define(the, "xs_octets_dotted", xs_octets_dotted, 4);
	define(the, "xs_octets_size", xs_octets_size, 1);
	define(the, "xs_octets_put", xs_octets_put, 3);
	define(the, "xs_octets_plain", xs_octets_plain, 1);
	define(the, "xs_octets_text", xs_octets_text, 3);
	define(the, "xs_octets_base64", xs_octets_base64, 3);
	define(the, "xs_octets_crc", xs_octets_crc, 4);
	define(the, "xs_headreader_begin", xs_headreader_begin, 5);
	define(the, "xs_headreader_go_on", xs_headreader_go_on, 5);
	define(the, "xs_headlines_via", xs_headlines_via, 5);
	define(the, "xs_headlines_parties", xs_headlines_parties, 5);
	define(the, "xs_g711_encode", xs_g711_encode, 6);
	define(the, "xs_g711_decode", xs_g711_decode, 6);
	define(the, "xs_g711_sample", xs_g711_sample, 2);
	define(the, "xs_goertzel_peak", xs_goertzel_peak, 3);
	define(the, "xs_goertzel_energy", xs_goertzel_energy, 4);
	define(the, "xs_goertzel_power", xs_goertzel_power, 5);
	define(the, "xs_packetcipher_derive", xs_packetcipher_derive, 7);
	define(the, "xs_packetcipher_seal", xs_packetcipher_seal, 5);
	define(the, "xs_packetcipher_open", xs_packetcipher_open, 5);
	define(the, "xs_echo_begin", xs_echo_begin, 1);
	define(the, "xs_echo_run", xs_echo_run, 7);
	define(the, "xs_crypt_make", xs_crypt_make, 1);
	define(the, "xs_crypt_reset", xs_crypt_reset, 1);
	define(the, "xs_crypt_write", xs_crypt_write, 2);
	define(the, "xs_crypt_close", xs_crypt_close, 1);
#endif
	xsVar(0) = xsInteger(index);
	xsDefine(xsResult, xsID("machine"), xsVar(0), xsDontEnum);
	xsDefine(xsGlobal, xsID("host"), xsResult, xsDontEnum);
	/* The names that this program looks up must exist before the heap is measured. */
	(void)xsID("start"); (void)xsID("poll"); (void)xsID("receive"); (void)xsID("command");
	xsEndHost(machine);
}

static int load(xsMachine* machine, char* path)
{
	int ok = 1;
	FILE* file = fopen(path, "r");
	if (!file) {
		fprintf(stderr, "cannot read %s\n", path);
		return 0;
	}
	xsBeginHost(machine);
	xsTry {
		engineRunScript(the, file);
	}
	xsCatch {
		failed(the);
		ok = 0;
	}
	settle(the);
	xsEndHost(machine);
	fclose(file);
	return ok;
}

int main(int argc, char* argv[])
{
	/*
	 * The room is ample: live objects are counted, not reserved memory. A bundle's start needs more stack than a device
	 * has, whose modules are linked beforehand; the use after start() is read by stackPeak.
	 */
	xsCreation creation = { 4 * 1024 * 1024, 1024 * 1024, 131072, 32768, 8192, 4096, 1024, 1993, 127, 4 * 1024 * 1024,
		1993, 0 };
	int i;
	int takesCensus = argc > 1 && !strcmp(argv[1], "--census");
	if (takesCensus || (argc > 1 && !strcmp(argv[1], "--wakes"))) {
		tellsWakes = !takesCensus;
		argv[1] = argv[0];
		argv++;
		argc--;
	}
	if (argc < 2 || argc - 1 > MACHINES) {
		fprintf(stderr, "usage: world [--wakes | --census] SCRIPT [SCRIPT]\n");
		return 2;
	}
	fxInitializeSharedCluster();
	for (i = 1; i < argc; i++) {
		Inhabitant* inhabitant = &inhabitants[i - 1];
		inhabitant->the = xsCreateMachine(&creation, "world", NULL);
		count = i;
		populate(inhabitant->the, i - 1);
		if (!load(inhabitant->the, argv[i]))
			return 1;
		engineCollect(inhabitant->the);
		inhabitant->slots = engineSlots(inhabitant->the);
		inhabitant->chunks = engineChunks(inhabitant->the);
		enginePaintStack(inhabitant->the);
		if (i == 1 && takesCensus)
			engineCensusBegin(inhabitant->the);
	}
	for (i = 0; i < count && !quitting; i++) {
		xsMachine* machine = inhabitants[i].the;
		xsBeginHost(machine);
		xsTry {
			xsCall0(xsGlobal, xsID("start"));
		}
		xsCatch {
			failed(the);
		}
		settle(the);
		xsEndHost(machine);
		if (!quitting)
			wake(i, NULL);
	}
	run();
	return quitCode;
}
