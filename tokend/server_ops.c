/* What can be asked over the socket: the one table of maps, rights and handlers. */
#include <stddef.h>

#include "tokend/access.h"
#include "tokend/server.h"

static const struct server_operation operations[] = {
    {"token", ACCESS_TOKEN, broker_token},
    {"sasl", ACCESS_TOKEN, broker_sasl},
    {"relayhost", ACCESS_TOKEN, broker_relayhost},
    {"transport", ACCESS_TOKEN, broker_transport},
    {"refused", ACCESS_TOKEN, broker_refused},
    {"account", ACCESS_HEALTH, broker_account},
    {"version", ACCESS_HEALTH, broker_version},
    {"status", ACCESS_ADMIN, broker_status},
    {"refresh", ACCESS_ADMIN, broker_refresh},
    {"login", ACCESS_ADMIN, broker_login},
    {"import", ACCESS_ADMIN, broker_import},
    {"forget", ACCESS_ADMIN, broker_forget},
    {"configuration", ACCESS_ADMIN, broker_configuration},
    {"reload", ACCESS_ADMIN, NULL}, /* the server answers this one by its callback */
};

const struct server_operation *server_operation_at(unsigned i)
{
	return i < sizeof operations / sizeof *operations ? &operations[i] : NULL;
}
