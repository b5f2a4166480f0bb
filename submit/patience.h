#ifndef MAILBEARER_SUBMIT_PATIENCE_H
#define MAILBEARER_SUBMIT_PATIENCE_H

/*
 * How long each step may take, in milliseconds: RFC 5321 section 4.5.3.2, which RFC 2033 takes over for LMTP. A test's
 * build is less patient, so that a test sees each deadline pass; nothing changes them at run time.
 */
#ifdef PATIENCE_OF_A_TEST
/* Of what the environment names as well: a busy machine is late everywhere, and a test is about one of them. */
#include <stdlib.h>
#include <string.h>

static inline int patience(const char *of, int seconds, int test_ms)
{
	const char *impatient = getenv("MB_IMPATIENT");

	return impatient != NULL && strcmp(impatient, of) == 0 ? test_ms : seconds * 1000;
}
#define PATIENCE(of, seconds, test_ms) patience(of, seconds, test_ms)
#else
#define PATIENCE(of, seconds, test_ms) ((seconds)*1000)
#endif

#define PATIENCE_SLOT PATIENCE("slot", 60, 500)        /* another process has to leave the mailbox */
#define PATIENCE_TOKEND PATIENCE("server", 30, 5000)   /* tokend: it may have to wait for the provider */
#define PATIENCE_CONNECT PATIENCE("server", 30, 1500)  /* TCP */
#define PATIENCE_OPEN PATIENCE("server", 300, 1500)    /* from there to the end of the login */
#define PATIENCE_COMMAND PATIENCE("server", 300, 1000) /* the server's reply to MAIL or RCPT */
#define PATIENCE_CLIENT PATIENCE("client", 300, 1000)  /* the client's next command */
#define PATIENCE_DATA PATIENCE("server", 120, 1000)    /* the server's reply to DATA */
#define PATIENCE_BLOCK PATIENCE("client", 180, 1000)   /* a piece of the message, in or out */
#define PATIENCE_DOT PATIENCE("server", 600, 1500)     /* the server's reply to the whole message */
#define PATIENCE_QUIT PATIENCE("idle", 5, 500)         /* politeness only */
#define PATIENCE_IDLE PATIENCE("idle", 10, 200)        /* a login that is not used keeps others out of the mailbox */

#endif
