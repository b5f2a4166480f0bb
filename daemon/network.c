/* Client addresses and networks. Called by the settings, which prove them, and by the milter's rules and gates. Pure.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/network.h"

#define MAPPED_BITS 96 /* before an IPv4 address */
#define TEXT_MAX 64    /* bytes; more is no network */

static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* The bits that a mask may count, or 0 for what is no address. */
static unsigned read_address(const char *text, uint8_t address[NETWORK_ADDRESS_SIZE])
{
	if (inet_pton(AF_INET6, text, address) == 1)
		return 128;
	if (inet_pton(AF_INET, text, address + sizeof mapped) != 1)
		return 0;
	memcpy(address, mapped, sizeof mapped);
	return 32;
}

bool network_address(const char *text, uint8_t address[NETWORK_ADDRESS_SIZE])
{
	return read_address(text, address) > 0;
}

static bool read_bits(const char *text, unsigned most, unsigned *bits)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || value > most)
		return false;
	*bits = (unsigned)value;
	return true;
}

static bool is_clear_from(const uint8_t address[NETWORK_ADDRESS_SIZE], unsigned bits)
{
	for (unsigned i = bits; i < 8 * NETWORK_ADDRESS_SIZE; i++)
		if (address[i / 8] & 0x80 >> i % 8)
			return false;
	return true;
}

bool network_parse(const char *text, struct network *out)
{
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	char address[TEXT_MAX];
	unsigned most;

	if (len >= sizeof address)
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	most = read_address(address, out->address);
	if (most == 0)
		return false;
	out->bits = most;
	if (slash != NULL && !read_bits(slash + 1, most, &out->bits))
		return false;
	if (most == 32)
		out->bits += MAPPED_BITS;
	return is_clear_from(out->address, out->bits);
}

bool network_contains(const struct network *network, const uint8_t address[NETWORK_ADDRESS_SIZE])
{
	unsigned whole = network->bits / 8, rest = network->bits % 8;

	if (memcmp(network->address, address, whole) != 0)
		return false;
	return rest == 0 || (network->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}
