#ifndef MAILBEARER_SETUP_FILES_H
#define MAILBEARER_SETUP_FILES_H

#include "daemon/file.h"

/* Folders that are there whole or not at all, whatever interrupts us, and the lock on one. */

/* Makes the folder, one level, mode 0755, if it is not there. 0 or -1. */
int file_make_folder(const char *path, struct err *err);

/* Makes a folder of that mode and owner, and with root's mode 0755 those above it, where they are not there; what is
 * there stays as it is. 1 when it has been made, 0 when it was there, or -1. */
int file_make_owned_folder(const char *path, const struct file_owner *owner, struct err *err);

/* Holds others like us off, while we live. 0, or -1: ERR_BUSY, or no such folder. The descriptor is ours to forget. */
int file_lock_folder(const char *folder, struct err *err);

#endif
