/* What a token endpoint's answer means, from status and `error`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tokend/outcome.h"

static void two_hundred_is_a_token(void **state)
{
	(void)state;
	assert_int_equal(outcome_of(200, NULL), OUTCOME_TOKEN);
}

static void without_an_error_of_oauth_everything_passes(void **state)
{
	static const int statuses[] = {0,   100, 201, 204, 301, 302, 307, 400, 401, 403, 404, 405, 407,
				       408, 410, 418, 425, 429, 451, 500, 502, 503, 504, 511, 599};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
		assert_int_equal(outcome_of(statuses[i], NULL), OUTCOME_RETRY);
}

static void a_status_of_the_moment_beats_every_error(void **state)
{
	static const int statuses[] = {0, -1, 100, 408, 425, 429, 500, 502, 503, 504, 599};
	static const char *const errors[] = {"invalid_grant", "invalid_client", "whatever", "interaction_required"};
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
		for (j = 0; j < sizeof errors / sizeof errors[0]; j++)
			assert_int_equal(outcome_of(statuses[i], errors[j]), OUTCOME_RETRY);
}

static void expect(const char *const *errors, enum outcome outcome)
{
	for (; *errors != NULL; errors++) {
		assert_int_equal(outcome_of(400, *errors), outcome);
		assert_int_equal(outcome_of(401, *errors), outcome);
		assert_int_equal(outcome_of(403, *errors), outcome);
		assert_int_equal(outcome_of(404, *errors), outcome);
		assert_int_equal(outcome_of(200, *errors), outcome);
	}
}

static void errors_that_need_a_person(void **state)
{
	static const char *const errors[] = {"invalid_grant",  "interaction_required",       "consent_required",
					     "login_required", "account_selection_required", "access_denied",
					     "expired_token",  "authorization_declined",     NULL};

	(void)state;
	expect(errors, OUTCOME_GRANT_LOST);
}

static void errors_that_need_a_repair(void **state)
{
	static const char *const errors[] = {"invalid_client",
					     "unauthorized_client",
					     "invalid_request",
					     "invalid_scope",
					     "invalid_resource",
					     "invalid_target",
					     NULL};

	(void)state;
	expect(errors, OUTCOME_MISCONFIGURED);
	assert_int_equal(outcome_of(400, "unsupported_grant_type"), OUTCOME_MISCONFIGURED);
}

static void errors_that_pass(void **state)
{
	static const char *const errors[] = {"temporarily_unavailable", "server_error", "slow_down",
					     "authorization_pending", NULL};

	(void)state;
	expect(errors, OUTCOME_RETRY);
}

static void an_unknown_error_is_for_somebody_to_look_at(void **state)
{
	static const char *const errors[] = {"", "deleted_client", "INVALID_GRANT", "invalid_grant ", "{}"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		assert_int_equal(outcome_of(400, errors[i]), OUTCOME_MISCONFIGURED);
		assert_int_equal(outcome_of(401, errors[i]), OUTCOME_MISCONFIGURED);
		assert_int_equal(outcome_of(403, errors[i]), OUTCOME_MISCONFIGURED);
		assert_int_equal(outcome_of(404, errors[i]), OUTCOME_RETRY);
		assert_int_equal(outcome_of(200, errors[i]), OUTCOME_RETRY);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_hundred_is_a_token),
	    cmocka_unit_test(without_an_error_of_oauth_everything_passes),
	    cmocka_unit_test(a_status_of_the_moment_beats_every_error),
	    cmocka_unit_test(errors_that_need_a_person),
	    cmocka_unit_test(errors_that_need_a_repair),
	    cmocka_unit_test(errors_that_pass),
	    cmocka_unit_test(an_unknown_error_is_for_somebody_to_look_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
