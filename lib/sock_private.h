#ifndef MAILBEARER_LIB_SOCK_PRIVATE_H
#define MAILBEARER_LIB_SOCK_PRIVATE_H

#include <sys/un.h>

#include "lib/err.h"

/* What sock.c and sock_listen.c share; nobody else includes this. */

/* 0, or -1 with ERR_LIMIT. */
int sock_address(const char *path, struct sockaddr_un *address, struct err *err);

/* A close-on-exec, non-blocking Unix stream socket, or -1 with errno set. */
int sock_open(void);

#endif
