/*
 * XS on a bare 32-bit RISC-V chip: the functions that the engine asks of its platform. An engine that cannot go on ends
 * the program with a message.
 */
#include "xsAll.h"

void fxAbort(txMachine* the, int status)
{
	fprintf(stderr, "XS aborts: %d %s\n", status,
		status == XS_NOT_ENOUGH_MEMORY_EXIT ? "memory full" : status == XS_STACK_OVERFLOW_EXIT ? "stack overflow" : "");
	the->abortStatus = status;
	exit(1);
}

void fxCreateMachinePlatform(txMachine* the) { the->connection = mxNoSocket; }
void fxDeleteMachinePlatform(txMachine* the) {}
void fxQueuePromiseJobs(txMachine* the) { the->promiseJobs = 1; }

/* The machines run in turn, and there is no clock: all of the world's time is virtual. */
int gettimeofday(struct timeval* tv, void* zone)
{
	memset(tv, 0, sizeof(*tv));
	return 0;
}
