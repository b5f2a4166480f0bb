/* A hash that is short to write and the same on every machine. Called wherever two texts are to be told apart. */
#include "lib/fnv.h"

uint64_t fnv(const void *bytes, size_t len)
{
	const unsigned char *byte = bytes;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
	return hash;
}
