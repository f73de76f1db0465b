/*
 * What lives in a machine's heap, by class: objects, their slots and the octets of their chunks, beyond those that
 * lived when the modules were loaded. Of an array the items count, of an instance of a class its fields. And what of
 * the modules' own objects was written since: a board has them in flash, and copies each that is written to memory,
 * whole (fxAliasInstance). Maps count without their entries.
 */
#include "xsAll.h"
#include "engine.h"

#define CLASSES 512
#define NAME_BYTES 32
#define BLOCKS 64

typedef struct {
	char name[NAME_BYTES];
	int count, slots, chunks;
} Class;

/* A part of the heap as it was when the modules were loaded. */
typedef struct {
	txSlot* block;
	txSlot* copy;
	int slots;
} Part;

static Class classes[CLASSES];
static int classCount = 0;
static Part parts[BLOCKS];
static int partCount = 0;

static int chunkBytes(void* data)
{
	return data ? (int)(((txChunk*)((txByte*)data - sizeof(txChunk)))->size & 0x7fffffff) : 0;
}

static int chunkOf(txSlot* slot)
{
	switch (slot->kind) {
	case XS_STRING_KIND: return chunkBytes(slot->value.string);
	case XS_ARRAY_KIND: return chunkBytes(slot->value.array.address);
	case XS_ARRAY_BUFFER_KIND: return chunkBytes(slot->value.arrayBuffer.address);
	default: return 0;
	}
}

static int chunksOfItems(txSlot* array)
{
	int i, sum = 0;
	int count = (chunkBytes(array->value.array.address) - (int)sizeof(txChunk)) / (int)sizeof(txSlot);
	for (i = 0; i < count && i < (int)array->value.array.length; i++)
		sum += chunkOf(array->value.array.address + i);
	return sum;
}

static const char* nameOfFunction(txMachine* the, txSlot* function)
{
	txSlot* property;
	for (property = function->next; property; property = property->next)
		if (property->ID == mxID(_name) && (property->kind == XS_STRING_KIND || property->kind == XS_STRING_X_KIND))
			return property->value.string;
	return "(no name)";
}

static const char* classOf(txMachine* the, txSlot* instance)
{
	txSlot* first = instance->next;
	txSlot* property;
	if (first && (first->flag & XS_INTERNAL_FLAG))
		switch (first->kind) {
		case XS_ARRAY_KIND: return "(array)";
		case XS_ARRAY_BUFFER_KIND: return "(buffer)";
		case XS_TYPED_ARRAY_KIND: return "(typed array)";
		case XS_CODE_KIND: return "(function)";
		case XS_MAP_KIND: return "(map)";
		case XS_PROMISE_KIND: return "(promise)";
		}
	if (!instance->value.instance.prototype)
		return "(variables)";
	for (property = instance->value.instance.prototype->next; property; property = property->next)
		if (property->ID == mxID(_constructor) && property->kind == XS_REFERENCE_KIND)
			return nameOfFunction(the, property->value.reference);
	return "(no class)";
}

static void add(const char* name, int sign, int slots, int chunks)
{
	int i;
	for (i = 0; i < classCount; i++)
		if (!strncmp(classes[i].name, name, NAME_BYTES - 1))
			break;
	if (i == CLASSES)
		return;
	if (i == classCount)
		strncpy(classes[classCount++].name, name, NAME_BYTES - 1);
	classes[i].count += sign;
	classes[i].slots += sign * slots;
	classes[i].chunks += sign * chunks;
}

static void addAll(txMachine* the, int sign)
{
	txSlot *block, *slot, *property;
	for (block = the->firstHeap; block; block = block->next)
		for (slot = block + 1; slot < block->value.reference; slot++) {
			int slots = 1, chunks = 0;
			if (slot->kind != XS_INSTANCE_KIND)
				continue;
			for (property = slot->next; property; property = property->next) {
				slots += property->kind == XS_CLOSURE_KIND ? 2 : 1;
				chunks += chunkOf(property);
				if (property->kind == XS_ARRAY_KIND)
					chunks += chunksOfItems(property);
			}
			add(classOf(the, slot), sign, slots, chunks);
		}
}

void engineCensusBegin(txMachine* the)
{
	txSlot* block;
	addAll(the, -1);
	for (block = the->firstHeap; block && partCount < BLOCKS; block = block->next) {
		Part* part = &parts[partCount];
		part->block = block;
		part->slots = (int)(block->value.reference - block);
		part->copy = malloc(part->slots * sizeof(txSlot));
		if (!part->copy)
			return;
		memcpy(part->copy, block, part->slots * sizeof(txSlot));
		partCount++;
	}
}

static txSlot* asItWas(txSlot* slot)
{
	int i;
	for (i = 0; i < partCount; i++)
		if (slot >= parts[i].block && slot < parts[i].block + parts[i].slots)
			return parts[i].copy + (slot - parts[i].block);
	return NULL;
}

static int differs(txSlot* slot)
{
	txSlot* old = asItWas(slot);
	if (!old || slot->kind != old->kind)
		return 1;
	switch (slot->kind) {
	case XS_INTEGER_KIND: return slot->value.integer != old->value.integer;
	case XS_NUMBER_KIND: return slot->value.number != old->value.number;
	case XS_BOOLEAN_KIND: return slot->value.boolean != old->value.boolean;
	case XS_REFERENCE_KIND: return slot->value.reference != old->value.reference;
	case XS_ARRAY_KIND: return slot->value.array.length != old->value.array.length;
	/* A variable of a module is copied alone. Chunks move. */
	default: return 0;
	}
}

/* Returns the slots of the modules' objects that were written since. */
static int writtenSlots(void)
{
	int i, k, sum = 0;
	for (i = 0; i < partCount; i++)
		for (k = 1; k < parts[i].slots; k++) {
			txSlot* slot = parts[i].block + k;
			txSlot* property;
			int slots = 1, isWritten = slot->next != parts[i].copy[k].next;
			if (slot->kind != XS_INSTANCE_KIND || parts[i].copy[k].kind != XS_INSTANCE_KIND)
				continue;
			for (property = slot->next; property; property = property->next) {
				slots++;
				isWritten |= differs(property);
			}
			if (isWritten)
				sum += slots;
		}
	return sum;
}

void engineCensus(txMachine* the)
{
	int i;
	addAll(the, 1);
	for (i = 0; i < classCount; i++)
		if (classes[i].count || classes[i].slots || classes[i].chunks)
			printf("class %d %d %d %s\n", classes[i].count, classes[i].slots, classes[i].chunks, classes[i].name);
	addAll(the, -1);
	printf("written.slots %d\n", writtenSlots());
}
