#ifndef MAILBEARER_DAEMON_JWT_PAYLOAD_H
#define MAILBEARER_DAEMON_JWT_PAYLOAD_H

#include <jansson.h>

#include "lib/secret.h"

/*
 * What a JWT (RFC 7519) says, without proof: for advice to people and nothing else. An access token is its server's own
 * business, and one that cannot be read says nothing. Pure. The claims (json_decref them), or NULL: it is no JWT.
 */
json_t *jwt_payload(const struct secret *jwt);

#endif
