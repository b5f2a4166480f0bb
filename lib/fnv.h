#ifndef MAILBEARER_LIB_FNV_H
#define MAILBEARER_LIB_FNV_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a, 64 bits (RFC 9923): tells texts apart and spreads keys evenly. Proves nothing: whoever wants to makes two
 * with the same one. bytes may be NULL if len is 0. */
uint64_t fnv(const void *bytes, size_t len);

#endif
