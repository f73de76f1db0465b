/* Reads the engine's own counters. A file of its own because the engine's two headers exclude each other. */
#include "xsAll.h"
#include "engine.h"

/* The stack ends where so many slots in a row are untouched. */
#define UNUSED 256
#define PAINT 0x5a5a

int engineSlots(txMachine* the) { return the->currentHeapCount; }
int engineChunks(txMachine* the) { return the->currentChunksSize; }
int engineSlotBytes(void) { return (int)sizeof(txSlot); }
unsigned engineMeter(txMachine* the) { return the->meterIndex; }
double engineInstructions(void)
{
#if defined(__riscv)
	unsigned high, low, again;
	do {
		__asm__ volatile(
			".option push\n.option arch, +zicsr\n"
			"csrr %0, minstreth\ncsrr %1, minstret\ncsrr %2, minstreth\n"
			".option pop"
			: "=r"(high), "=r"(low), "=r"(again));
	} while (high != again);
	return (double)high * 4294967296.0 + (double)low;
#else
	return 0;
#endif
}

void engineCollect(txMachine* the) { fxCollectGarbage(the); }

void enginePaintStack(txMachine* the)
{
	txSlot* slot;
	for (slot = the->stackBottom; slot < the->stack; slot++)
		slot->ID = PAINT;
}

int engineStackPeak(txMachine* the)
{
	/* The search begins at the top: numbers are made into texts at the bottom, where the stack does not reach. */
	txSlot* lowest = the->stackTop;
	txSlot* slot = the->stackTop;
	while (slot > the->stackBottom && lowest - slot < UNUSED) {
		slot--;
		if (slot->ID != PAINT) lowest = slot;
	}
	return (int)(the->stackTop - lowest);
}

void engineRunScript(txMachine* the, void* file)
{
	txSlot* realm = mxProgram.value.reference->next->value.module.realm;
	txScript* script = fxParseScript(the, file, (txGetter)fgetc, mxProgramFlag);
	fxRunScript(the, script, mxRealmGlobal(realm), C_NULL, mxRealmClosures(realm)->value.reference, C_NULL,
		mxProgram.value.reference);
	mxPop();
}

int engineSettle(txMachine* the)
{
	while (the->promiseJobs) {
		the->promiseJobs = 0;
		fxRunPromiseJobs(the);
	}
	fxCheckUnhandledRejections(the, 1);
	return the->abortStatus == 0;
}
