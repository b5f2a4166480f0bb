/* Any bytes as mailbearer.conf: what is taken must be whole, what is refused must say so. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/senders.h"
#include "daemon/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("mailbearer.conf", MFD_CLOEXEC);
	struct settings *settings = NULL;
	struct senders *senders;
	struct err err = {0};
	char path[64];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || fchmod(fd, 0600) != 0)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (settings_load(path, &settings, &err) != 0) {
		if (settings || err.code == ERR_NONE || err.text[0] == '\0')
			abort();
	} else {
		senders = senders_new(settings, &err);
		if (!senders || senders_find(senders, (const char *)data, size).how > SENDERS_DEFAULT)
			abort();
		senders_free(senders);
		settings_free(settings);
	}
	close(fd);
	return 0;
}
