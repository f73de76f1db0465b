/* What world.c needs of the engine's inside, which its public header does not show. */
struct sxMachine;
int engineSlots(struct sxMachine* the);
int engineChunks(struct sxMachine* the);
int engineSlotBytes(void);
unsigned engineMeter(struct sxMachine* the);
void engineCollect(struct sxMachine* the);
/* The stack's use: painted before, looked at after. In slots. */
void enginePaintStack(struct sxMachine* the);
int engineStackPeak(struct sxMachine* the);
/* Compiles and runs a script as in a release build for the device: without line numbers, which would count as bytecodes. Throws. */
void engineRunScript(struct sxMachine* the, void* file);
/* Instructions that the processor has retired, where it counts them; else 0. */
double engineInstructions(void);
/* Runs what promises have to run. Returns 0 when the machine has given up. */
int engineSettle(struct sxMachine* the);
