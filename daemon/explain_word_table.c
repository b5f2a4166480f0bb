/*
 * Errors by a word: OAuth 2.0's (RFC 6749, 8628, 8707, OpenID Connect, Microsoft's own), those that tokend says itself
 * when there was no such answer, and the events of our logs that call for somebody. Data only.
 */
#include "daemon/explain_private.h"

const struct explain_word_row explain_oauth_rows[] = {
    {"access_denied", ADVICE_ACCEPT, "the user or the provider refused the sign-in"},
    {"account_selection_required", ADVICE_SIGN_IN, "the provider wants the user to choose an account"},
    {"authorization_declined", ADVICE_ACCEPT, "the user declined the sign-in"},
    {"authorization_pending", ADVICE_GO_ON, "the user has not yet entered the device code"},
    {"bad_answer", ADVICE_WAIT, "the token endpoint's answer cannot be used"},
    {"bad_request_102", ADVICE_REQUEST, "the managed identity's endpoint missed the header Metadata"},
    {"bad_verification_code", ADVICE_AGAIN, "the device code is unknown to the provider"},
    {"consent_required", ADVICE_CONSENT, "nobody has consented to the application yet"},
    {"discovery", ADVICE_TENANT, "the provider's metadata document is not there"},
    {"expired_token", ADVICE_AGAIN, "the device code has expired"},
    {"insufficient_scope", ADVICE_SCOPE, "the token was not made for SMTP"},
    {"interaction_required", ADVICE_SIGN_IN, "the provider wants the user to sign in"},
    {"invalid_client", ADVICE_SECRET, "the provider does not believe that we are the application"},
    {"invalid_grant", ADVICE_SIGN_IN, "the refresh token is not valid any more"},
    {"invalid_request", ADVICE_REQUEST, "the provider does not understand the request"},
    {"invalid_resource", ADVICE_SCOPE, "the provider does not know the scope's resource in this tenant"},
    {"invalid_scope", ADVICE_SCOPE, "the provider does not know the scope"},
    {"invalid_target", ADVICE_SCOPE, "the provider does not know the scope's resource"},
    {"invalid_token", ADVICE_TOKEN_REFUSED, "the mail server does not take the access token"},
    {"late_answer", ADVICE_NETWORK, "the new token had all but run out when it came"},
    {"login_required", ADVICE_SIGN_IN, "the provider wants the user to sign in"},
    {"no_answer", ADVICE_NETWORK, "the token endpoint gave no answer"},
    {"not_sent", ADVICE_NETWORK, "the request could not even be sent"},
    {"server_error", ADVICE_WAIT, "the provider's server failed"},
    {"slow_down", ADVICE_GO_ON, "the provider is asked too often"},
    {"temporarily_unavailable", ADVICE_WAIT, "the provider's server is not available for the moment"},
    {"token_too_short", ADVICE_MIN_VALIDITY, "the provider's tokens live shorter than min_validity"},
    {"unauthorized_client", ADVICE_GRANT, "the provider does not allow the application this grant"},
    {"unknown_source", ADVICE_REQUEST, "the managed identity's endpoint does not serve this machine"},
    {"unreadable_error", ADVICE_WAIT, "the provider's error cannot be read"},
    {"unsupported_grant_type", ADVICE_GRANT, "the provider does not know this grant"},
};

const size_t explain_oauth_count = sizeof explain_oauth_rows / sizeof explain_oauth_rows[0];

const struct explain_word_row explain_event_rows[] = {
    {"bad-frame", ADVICE_PEER, "something that does not speak socketmap connected to tokend"},
    {"discovery-failed", ADVICE_NETWORK, "the provider's metadata document could not be had"},
    {"grant-lost", ADVICE_SIGN_IN, "the provider does not take the refresh token any more"},
    {"misconfigured", ADVICE_STATUS, "the provider refuses what the configuration makes us ask"},
    {"not-listening", ADVICE_CONFIG, "tokend cannot make one of its sockets"},
    {"peer-refused", ADVICE_PEER, "a user asked tokend for what it may not have"},
    {"refresh-failed", ADVICE_NETWORK, "a refresh failed and will be repeated"},
    {"reload-failed", ADVICE_CONFIG, "the new configuration is wrong, and the old one stays in force"},
    {"start-failed", ADVICE_CONFIG, "tokend could not start"},
    {"store-failed", ADVICE_STORE, "a refresh token could not be saved"},
    {"store-unreadable", ADVICE_STORE, "a saved refresh token cannot be read"},
    {"token-refused", ADVICE_TOKEN_REFUSED, "the mail server refused the access token"},
    {"too-many-clients", ADVICE_WAIT_BUSY, "more clients than tokend serves at a time"},
    {"unknown-user", ADVICE_CONFIG, "the configuration names a user that this machine does not have"},
};

const size_t explain_event_count = sizeof explain_event_rows / sizeof explain_event_rows[0];
