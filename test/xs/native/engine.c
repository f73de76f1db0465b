/* Reads the engine's own counters. A file of its own because the engine's two headers exclude each other. */
#include "xsAll.h"
#include "engine.h"

/* The stack ends where so many slots in a row are untouched. */
#define UNUSED 256
#define PAINT 0x5a5a

/* Slots of the stack that are in use while nothing runs; all machines here have the same. */
static int atRest = 0;

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
	atRest = (int)(the->stackTop - the->stack);
	for (slot = the->stackBottom; slot < the->stack; slot++)
		slot->ID = PAINT;
}

/*
 * The most slots that the stack of a board had. A machine here keeps the table of the language's own objects at the top
 * of its stack. A board's machine is cloned from one in flash, whose table it uses (fxCloneMachine), and keeps only
 * what stands above that table. At rest nothing else lies on the stack.
 */
int engineStackPeak(txMachine* the)
{
	int table = atRest - (mxInstanceInspectorsStackIndex + 1);
	/* The search begins at the top: numbers are made into texts at the bottom, where the stack does not reach. */
	txSlot* lowest = the->stackTop;
	txSlot* slot = the->stackTop;
	while (slot > the->stackBottom && lowest - slot < UNUSED) {
		slot--;
		if (slot->ID != PAINT) lowest = slot;
	}
	return (int)(the->stackTop - lowest) - table;
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
