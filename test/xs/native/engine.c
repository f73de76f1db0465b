/* Reads the engine's own counters. A file of its own because the engine's two headers exclude each other. */
#include "xsAll.h"
#include "engine.h"

#define PAINT 0x5a5a

int engineSlots(txMachine* the) { return the->currentHeapCount; }
int engineChunks(txMachine* the) { return the->currentChunksSize; }
int engineSlotBytes(void) { return (int)sizeof(txSlot); }
unsigned engineMeter(txMachine* the) { return the->meterIndex; }
void engineCollect(txMachine* the) { fxCollectGarbage(the); }

void enginePaintStack(txMachine* the)
{
	txSlot* slot;
	for (slot = the->stackBottom; slot < the->stack; slot++)
		slot->ID = PAINT;
}

int engineStackPeak(txMachine* the)
{
	txSlot* slot = the->stackBottom;
	while (slot < the->stackTop && slot->ID == PAINT)
		slot++;
	return (int)(the->stackTop - slot);
}

void engineRunScript(txMachine* the, void* file)
{
	txSlot* realm = mxProgram.value.reference->next->value.module.realm;
	txScript* script = fxParseScript(the, file, (txGetter)fgetc, mxProgramFlag);
	fxRunScript(the, script, mxRealmGlobal(realm), C_NULL, mxRealmClosures(realm)->value.reference, C_NULL, mxProgram.value.reference);
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
