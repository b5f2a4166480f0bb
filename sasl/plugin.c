/*
 * The plugin's entry point and its table of mechanisms: the only symbol that the module exports. Called by libsasl2
 * once in the life of a process; reads no configuration, so it can refuse nothing but a libsasl2 that is too old.
 */
#include "sasl/mech.h"
#include "sasl/response.h"

/* Both send a secret as it is to a server that TLS must have proved: no more security flags than PLAIN has. */
#define SECURITY_FLAGS (SASL_SEC_NOANONYMOUS | SASL_SEC_PASS_CREDENTIALS)

static const enum response_mech xoauth2 = RESPONSE_XOAUTH2, oauthbearer = RESPONSE_OAUTHBEARER;

/* libsasl2 only reads it, though its types do not say so. */
static const sasl_client_plug_t mechs[] = {
    {
	.mech_name = "XOAUTH2",
	.security_flags = SECURITY_FLAGS,
	.features = SASL_FEAT_WANT_CLIENT_FIRST,
	.glob_context = (void *)&xoauth2,
	.mech_new = mech_new,
	.mech_step = mech_step,
	.mech_dispose = mech_dispose,
    },
    {
	.mech_name = "OAUTHBEARER",
	.security_flags = SECURITY_FLAGS,
	.features = SASL_FEAT_WANT_CLIENT_FIRST,
	.glob_context = (void *)&oauthbearer,
	.mech_new = mech_new,
	.mech_step = mech_step,
	.mech_dispose = mech_dispose,
    },
};

/* saslplug.h declares a type for the entry point, and no function. */
__attribute__((visibility("default"))) sasl_client_plug_init_t sasl_client_plug_init;

int sasl_client_plug_init(const sasl_utils_t *utils, int max_version, int *out_version, sasl_client_plug_t **pluglist,
			  int *plugcount)
{
	if (max_version < SASL_CLIENT_PLUG_VERSION) {
		utils->log(utils->conn, SASL_LOG_ERR, "mailbearer: libsasl2 speaks plugin version %d, and not %d",
			   max_version, SASL_CLIENT_PLUG_VERSION);
		return SASL_BADVERS;
	}
	*out_version = SASL_CLIENT_PLUG_VERSION;
	*pluglist = (sasl_client_plug_t *)mechs;
	*plugcount = (int)(sizeof mechs / sizeof mechs[0]);
	return SASL_OK;
}
