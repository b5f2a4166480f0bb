/* Networks of rules and addresses of clients: a network that is taken contains its own address. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	uint8_t address[NETWORK_ADDRESS_SIZE];
	struct network network;

	if (network_address(text, address) && (!network_parse(text, &network) || network.bits != 128))
		abort();
	if (network_parse(text, &network) && (network.bits > 128 || !network_contains(&network, network.address)))
		abort();
	free(text);
	return 0;
}
