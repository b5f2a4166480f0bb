#ifndef MAILBEARER_DAEMON_NETWORK_H
#define MAILBEARER_DAEMON_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Addresses of clients and the networks that rules name. IPv4 is kept as IPv6's mapped form, ::ffff:a.b.c.d, so that a
 * client which comes over a dual-stack socket is the same client. Pure: no lookups, numbers only.
 */
#define NETWORK_ADDRESS_SIZE 16 /* bytes */

struct network {
	uint8_t address[NETWORK_ADDRESS_SIZE];
	unsigned bits; /* of the mapped form: 0 to 128 */
};

/* "192.0.2.7" or "2001:db8::7", no brackets, no zone. False when it is neither. */
bool network_address(const char *text, uint8_t address[NETWORK_ADDRESS_SIZE]);

/* "192.0.2.0/24", "2001:db8::/32", or an address alone. False also when bits are set to the right of the mask: that is
 * somebody's mistake. */
bool network_parse(const char *text, struct network *out);

bool network_contains(const struct network *network, const uint8_t address[NETWORK_ADDRESS_SIZE]);

#endif
