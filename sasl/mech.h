#ifndef MAILBEARER_SASL_MECH_H
#define MAILBEARER_SASL_MECH_H

#include <sasl/sasl.h>
#include <sasl/saslplug.h>

/*
 * The client side of XOAUTH2 and OAUTHBEARER as libsasl2 calls it (saslplug.h). glob_context points to the enum
 * response_mech that it is.
 *
 *              no account, no token, too long
 *      NEW ──────────────────────────────────────────▶ OVER
 *       │                                               ▲
 *       │ step without a challenge, and the AUTH        │ any step
 *       │ command is over 512 octets                    │
 *       ├───────────────▶ HELD                          │
 *       │                  │ step                       │
 *       │ otherwise        ▼         step: the server   │
 *       └───────────────▶ SENT ─────────────────────────┘
 *                                    refused the token
 *
 * All that can fail fails in NEW, where both MTAs keep the mail: Sendmail goes on without a login when a later step
 * fails. HELD: the message with the token waits until the server has asked for it. That is what RFC 4954 wants of long
 * ones; it keeps Sendmail from putting it into the command, and keeps it out of Postfix's log, which quotes an initial
 * response put off like this when the server's first challenge is not empty. SENT never sets doneflag: libsasl2 would
 * not let the error challenge through.
 *
 * A step may block for up to 30 s from the first one on, all waits together. Whatever goes wrong is one line to the
 * caller's log callback, with account, cause and remedy.
 */
int mech_new(void *glob_context, sasl_client_params_t *params, void **context);
int mech_step(void *context, sasl_client_params_t *params, const char *challenge, unsigned challenge_len,
	      sasl_interact_t **prompt_need, const char **out, unsigned *out_len, sasl_out_params_t *oparams);

/* Wipes. Legal in every state and on NULL. */
void mech_dispose(void *context, const sasl_utils_t *utils);

#endif
