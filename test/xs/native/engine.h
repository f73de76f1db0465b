/* The engine's inside for world.c, which the engine's public header does not show. */
struct sxMachine;
int engineSlots(struct sxMachine* the);
int engineChunks(struct sxMachine* the);
int engineSlotBytes(void);
unsigned engineMeter(struct sxMachine* the);
void engineCollect(struct sxMachine* the);
/* The use of a board's stack in slots: it is painted before, and looked at afterwards. */
void enginePaintStack(struct sxMachine* the);
int engineStackPeak(struct sxMachine* the);
/*
 * Compiles and runs a script as in a release build for the device: without line numbers, which would count as
 * bytecodes. It throws.
 */
void engineRunScript(struct sxMachine* the, void* file);
/* Returns the instructions that the processor has retired, or 0 if it does not count them. */
double engineInstructions(void);
/* Runs the jobs of promises. Returns 0 if the machine has given up. */
int engineSettle(struct sxMachine* the);
/* census.c: notes what lives in the first machine, and prints what lives there beyond that. */
void engineCensusBegin(struct sxMachine* the);
void engineCensus(struct sxMachine* the);
